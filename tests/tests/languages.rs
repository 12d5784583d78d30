//! The hosted pages in the languages of a realm: what was asked for last counts, it stays so until something else is asked for, and
//! nobody is told more in one language than in another.

use chancery_tests::harness::{
    Answer, Authorization, Browser, Realm, Scene, User, form_of, password, shared,
};
use serde_json::{Value, json};

const ENGLISH: (&str, &str) = ("en", "<h1>Sign in</h1>");
const GERMAN: (&str, &str) = ("de", "<h1>Anmelden</h1>");
const CHINESE: (&str, &str) = ("zh-Hans", "<h1>登录</h1>");

#[track_caller]
fn speaks(page: &Answer, (tag, heading): (&str, &str)) {
    let head = format!("<html lang=\"{tag}\" dir=\"ltr\">");
    assert!(
        page.text.contains(&head),
        "{}: no {head} in {}",
        page.asked,
        page.text
    );
    assert!(
        page.text.contains(heading),
        "{}: no {heading} in {}",
        page.asked,
        page.text
    );
}

/// The sign-in page of a browser, with what it says of its languages.
async fn page(browser: &mut Browser, realm: &Realm, query: &str, accepts: Option<&str>) -> Answer {
    let mut request = realm.api.http().get(format!("{}/sign-in{query}", realm.issuer()));
    if let Some(languages) = accepts {
        request = request.header("accept-language", languages);
    }
    browser.send(request).await.is(200)
}

#[tokio::test]
async fn a_page_is_in_the_language_that_the_browser_wants_most_of_those_spoken_here() {
    let realm = Realm::on(&shared()).await;
    for (accepts, language) in [
        (None, ENGLISH),
        (Some("de-AT,de;q=0.9,en;q=0.8"), GERMAN),
        (Some("fr-FR, zh-CN;q=0.7, en;q=0.5"), CHINESE),
        (Some("fr, it"), ENGLISH),
        (Some("de;q=0, zh;q=0.1"), CHINESE),
        (Some(";;;,=,de;q=lots"), ENGLISH),
    ] {
        speaks(
            &page(&mut Browser::new(&realm), &realm, "", accepts).await,
            language,
        );
    }
    realm
        .set(json!({"languages": {"enabled": ["de", "en"], "default": "de"}}))
        .await;
    let german = page(&mut Browser::new(&realm), &realm, "", Some("zh")).await;
    speaks(&german, GERMAN);
    assert!(
        !german.text.contains("zh-Hans"),
        "what is not spoken is not offered"
    );
    let asked = page(&mut Browser::new(&realm), &realm, "?ui_locales=zh", Some("en")).await;
    speaks(&asked, ENGLISH);
    realm.set(json!({"languages": {"enabled": ["de"]}})).await;
    let alone = page(&mut Browser::new(&realm), &realm, "", Some("en")).await;
    speaks(&alone, GERMAN);
    assert!(!alone.text.contains("ui_locales"), "{}", alone.text);
}

#[tokio::test]
async fn a_language_that_was_chosen_by_a_link_stays_for_the_whole_sign_in_and_after() {
    let scene = Scene::of("web").await;
    let mut browser = Browser::new(&scene.realm);
    let page = browser.open(&scene.ask().url()).await.sign_in_page();
    speaks(&page, ENGLISH);
    let link = page
        .text
        .split("<a href=\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|link| link.ends_with("ui_locales=de"))
        .expect("a link")
        .replace("&#38;", "&");
    let page = browser.open(&link).await.sign_in_page();
    speaks(&page, GERMAN);
    let set: Vec<_> = browser
        .set_cookies
        .iter()
        .filter(|cookie| cookie.contains("chancery-language"))
        .collect();
    assert_eq!(set.len(), 1, "{set:?}");
    for attribute in ["=de;", "Max-Age=", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(set[0].contains(attribute), "{set:?}");
    }
    let refused = browser
        .fill(&page, &scene.alice.username, &password())
        .await
        .page();
    assert_eq!(refused.status, 401);
    speaks(&refused, ("de", "Benutzername oder Passwort stimmt nicht."));
    let form = form_of(&refused.text);
    assert!(
        form.names.iter().any(|name| name == "password"),
        "{}",
        refused.text
    );
    let callback = browser
        .fill(&refused, &scene.alice.username, &scene.alice.password)
        .await
        .back();
    assert!(!callback.code().is_empty());
    let signed_in = browser
        .open(&format!("{}/sign-in", scene.realm.issuer()))
        .await
        .page();
    speaks(&signed_in, ("de", "<h1>Sie sind angemeldet</h1>"));
    let nothing = browser
        .open(&format!("{}/consent?flow=x", scene.realm.issuer()))
        .await
        .page();
    speaks(&nothing, ("de", "<h1>Diese Seite war veraltet</h1>"));
}

#[tokio::test]
async fn an_application_asks_for_a_language_by_ui_locales_also_in_a_pushed_request() {
    let scene = Scene::of("web").await;
    let asked = scene.ask().with("ui_locales", "fr zh-CN de");
    let mut browser = Browser::new(&scene.realm);
    speaks(&browser.open(&asked.url()).await.sign_in_page(), CHINESE);
    // The last wish counts.
    let again = scene.ask().with("ui_locales", "de");
    speaks(&browser.open(&again.url()).await.sign_in_page(), GERMAN);
    speaks(&browser.open(&scene.ask().url()).await.sign_in_page(), GERMAN);

    let pushing = scene.ask().with("ui_locales", "de");
    let form: Vec<_> = pushing
        .params()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let pushed = scene.realm.ask("par", &scene.application, &form).await.is(201);
    let short = Authorization::new(&scene.realm, &scene.application, "openid");
    let names: Vec<_> = short.params().iter().map(|(name, _)| name.clone()).collect();
    let short = names
        .iter()
        .filter(|name| *name != "client_id")
        .fold(short, |request, name| request.without(name))
        .with("request_uri", &pushed.field("request_uri"));
    speaks(&scene.open(&short).await.sign_in_page(), GERMAN);
}

#[tokio::test]
async fn what_goes_wrong_before_a_page_is_told_in_the_language_of_the_browser() {
    let realm = Realm::on(&shared()).await;
    for path in [
        "/realms/nowhere/sign-in",
        &format!("/realms/{}/nothing", realm.name),
    ] {
        let request = realm
            .api
            .http()
            .get(format!("{}{path}", realm.api.base()))
            .header("accept", "text/html")
            .header("accept-language", "de");
        let page = Answer::to(request).await.is(404);
        speaks(&page, ("de", "<h1>Hier ist nichts</h1>"));
    }
}

#[tokio::test]
async fn nobody_is_told_in_any_language_whether_there_is_such_a_user() {
    let realm = Realm::on(&shared()).await;
    let known = realm.user().await;
    let as_long: String = known.username.chars().rev().collect();
    for language in ["en", "de", "zh-Hans"] {
        let told = async |username: &str| {
            let mut browser = Browser::new(&realm);
            let address = format!("{}/sign-in?ui_locales={language}", realm.issuer());
            let page = browser.open(&address).await.sign_in_page();
            let user = User {
                username: username.to_owned(),
                ..known.clone()
            };
            let answer = browser.fill(&page, &user.username, &password()).await.page();
            let mut text = answer.text.replace(username, "NAME");
            for (_, value) in form_of(&answer.text).hidden {
                text = text.replace(&value, "FLOW");
            }
            (answer.status, answer.text.len(), text)
        };
        assert_eq!(told(&known.username).await, told(&as_long).await, "{language}");
    }
}

#[tokio::test]
async fn the_languages_of_a_realm_are_settings_like_any_other() {
    let realm = Realm::on(&shared()).await;
    let settings = realm.at("/settings");
    let languages = async || realm.api.query(&settings).await.is(200).json()["languages"].clone();
    assert_eq!(
        languages().await,
        json!({"enabled": ["en", "de", "zh-Hans"], "default": "en"})
    );
    let change = json!({"languages": {"enabled": ["zh-Hans", "de"], "default": "de"}});
    let changed = realm.api.patch(&settings, change.clone()).await.is(200).json();
    assert_eq!(changed["events"], json!(["settings.changed"]));
    assert_eq!(
        languages().await,
        json!({"enabled": ["de", "zh-Hans"], "default": "de"})
    );
    let same = realm.api.patch(&settings, change).await.is(200).json();
    assert_eq!(same["events"], json!([]));
    let refused = |body: Value| realm.api.patch(&settings, body);
    let faults = refused(json!({"languages": {"default": "en"}}))
        .await
        .is(422)
        .faults();
    assert!(faults.contains("languages.default"), "{faults}");
    for wrong in [
        json!({"languages": {"enabled": []}}),
        json!({"languages": {"enabled": ["fr"], "default": "fr"}}),
        json!({"languages": {"enabled": ["DE"]}}),
        json!({"languages": {"default": null}}),
        json!({"languages": ["de"]}),
    ] {
        let _ = refused(wrong).await.is(422);
    }
    let document = realm
        .api
        .http()
        .get(format!("{}/.well-known/openid-configuration", realm.issuer()));
    let told = Answer::to(document).await.is(200).json();
    assert_eq!(told["ui_locales_supported"], json!(["de", "zh-Hans"]));
}
