//! The look and the words that a realm gives its pages, from the command to the page: what cannot be read or may do more than be looked at is
//! refused, what is served names what it holds, and no other realm serves it.

use base64::{Engine, engine::general_purpose::STANDARD};
use chancery_tests::harness::{
    Answer, Browser, MailServer, Method, Options, Realm, Scene, Server, password, shared,
};
use serde_json::json;

/// A picture of 16 by 16 pixels (PNG).
const PICTURE: &str = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mOoko8hCTGMahjVMHw1AABfCfUB6UP8LgAAAABJRU5ErkJggg==";

async fn page(realm: &Realm, query: &str) -> Answer {
    let address = format!("{}/sign-in{query}", realm.issuer());
    Browser::new(realm).open(&address).await.sign_in_page()
}

async fn fetched(realm: &Realm, path: &str) -> Answer {
    let address = format!("{}{path}", realm.api.base());
    Answer::to(realm.api.http().get(address)).await
}

/// The address of the first thing of a page that begins so.
fn address(page: &Answer, start: &str) -> Option<String> {
    let (_, rest) = page.text.split_once(start)?;
    let (head, _) = start.rsplit_once('"')?;
    let begins = &start[head.len() + 1..];
    Some(format!("{begins}{}", rest.split('"').next()?))
}

#[tokio::test]
async fn a_realm_gives_its_pages_a_name_colours_and_words_in_each_language() {
    let realm = Realm::on(&shared()).await;
    let plain = page(&realm, "").await;
    assert!(!plain.text.contains("/assets/colours-") && !plain.text.contains("class=\"links\""));
    realm
        .set(json!({"branding": {
            "name": "Acme & Sons", "colour": "#7a1f5c", "dark_colour": "#f0b3d9",
            "texts": {
                "en": {"welcome": "Good to see you.", "support_url": "mailto:help@acme.example", "terms_url": "https://acme.example/terms"},
                "de": {"welcome": "Schön, dass Sie da sind."},
            },
        }}))
        .await;
    let english = page(&realm, "").await;
    for part in [
        "<title>Sign in · Acme &#38; Sons</title>",
        "<p class=\"welcome\">Good to see you.</p>",
        "<a href=\"mailto:help@acme.example\" rel=\"noopener noreferrer\">Help</a>",
        "<a href=\"https://acme.example/terms\" rel=\"noopener noreferrer\">Terms of use</a>",
    ] {
        assert!(english.text.contains(part), "no {part} in {}", english.text);
    }
    let german = page(&realm, "?ui_locales=de").await;
    assert!(
        german.text.contains("Schön, dass Sie da sind."),
        "{}",
        german.text
    );
    assert!(
        german.text.contains(">Hilfe</a>"),
        "what is not said in German is said in the realm's own"
    );
    let policy = english.header("content-security-policy").expect("a policy");
    assert!(
        policy.contains("style-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );

    let start = format!("href=\"/realms/{}/assets/colours-", realm.name);
    let path = address(&english, &start).expect("a style sheet");
    assert!(path.contains("/colours-7a1f5c-f0b3d9-"), "{path}");
    let sheet = fetched(&realm, &path).await.is(200);
    assert_eq!(sheet.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(
        sheet.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    assert!(sheet.text.contains("--wax: #7a1f5c;"), "{}", sheet.text);
    for missing in [
        path.replace("7a1f5c", "7a1f5d"),
        path.replace("7a1f5c", "ffcc00"),
        path.replace("7a1f5c", "7a1f5c%3B%7D"),
        path.replace("colours-", "..%2Fcolours-"),
    ] {
        let _ = fetched(&realm, &missing).await.is(404);
    }

    let settings = realm.at("/settings");
    let told = realm.api.query(&settings).await.is(200).json()["branding"].clone();
    assert_eq!(
        (&told["name"], &told["colour"], &told["logo"]),
        (&json!("Acme & Sons"), &json!("#7a1f5c"), &json!(null))
    );
    assert_eq!(
        told["texts"]["de"],
        json!({"welcome": "Schön, dass Sie da sind."})
    );
    realm
        .set(json!({"branding": {"name": null, "colour": null, "dark_colour": null, "texts": {}}}))
        .await;
    assert!(!page(&realm, "").await.text.contains("Acme"));
}

#[tokio::test]
async fn what_cannot_be_read_or_leads_astray_is_refused() {
    let realm = Realm::on(&shared()).await;
    let settings = realm.at("/settings");
    for (branding, field, why) in [
        (json!({"colour": "#ffcc00"}), "branding.colour", "1.06:1"),
        (
            json!({"dark_colour": "#17593f"}),
            "branding.dark_colour",
            "1.98:1",
        ),
        (
            json!({"colour": "red;} body{display:none"}),
            "branding.colour",
            "hexadecimal",
        ),
        (json!({"name": ""}), "branding.name", "1 to"),
        (json!({"name": "Ac\u{202e}me"}), "branding.name", ""),
        (
            json!({"texts": {"en": {"privacy_url": "javascript:alert(1)"}}}),
            "branding.texts.en.privacy_url",
            "https",
        ),
    ] {
        let refused = realm
            .api
            .patch(&settings, json!({"branding": branding}))
            .await
            .is(422);
        assert!(
            refused.text.contains(field) && refused.text.contains(why),
            "{}",
            refused.text
        );
    }
    let logo = realm.at("/branding/logo");
    let picture = STANDARD.decode(PICTURE).expect("base64");
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    for image in [
        STANDARD.encode(svg),
        STANDARD.encode("x"),
        STANDARD.encode(&picture[..picture.len() - 20]),
        "no base64!".to_owned(),
        String::new(),
    ] {
        let refused = realm.api.put(&logo, json!({"image": image})).await.is(422);
        assert!(refused.text.contains("image"), "{}", refused.text);
    }
    assert_eq!(
        realm.api.query(&settings).await.is(200).json()["version"],
        0,
        "nothing was changed"
    );
}

#[tokio::test]
async fn a_logo_is_served_as_the_picture_that_it_is_by_the_realm_alone_whose_it_is() {
    let realm = Realm::on(&shared()).await;
    let other = Realm::new(&realm.api).await;
    let logo = realm.at("/branding/logo");
    let set = realm
        .api
        .put(&logo, json!({"image": PICTURE}))
        .await
        .is(200)
        .json();
    assert_eq!(set["events"], json!(["file.stored", "settings.changed"]));
    let again = realm
        .api
        .put(&logo, json!({"image": PICTURE}))
        .await
        .is(200)
        .json();
    assert_eq!(again["events"], json!([]));

    let shown = page(&realm, "").await;
    let start = format!("src=\"/realms/{}/branding/", realm.name);
    let path = address(&shown, &start).expect("a logo");
    let tag = format!("<img class=\"logo\" src=\"{path}\" alt=\"");
    assert!(
        shown.text.contains(&tag) && shown.text.contains("width=\"16\" height=\"16\""),
        "{}",
        shown.text
    );
    let address = format!("{}{path}", realm.api.base());
    let answer = realm.api.http().get(&address).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("content-type"), "image/png");
    assert_eq!(header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let image = answer.bytes().await.expect("a body");
    assert_eq!(STANDARD.encode(image), PICTURE);

    // The same picture with a document behind it is the same picture.
    let polyglot = [
        &STANDARD.decode(PICTURE).expect("base64")[..],
        b"<script>alert(1)</script>",
    ]
    .concat();
    let body = json!({"image": STANDARD.encode(polyglot)});
    assert_eq!(
        realm.api.put(&logo, body).await.is(200).json()["events"],
        json!([])
    );

    let elsewhere = path.replace(&realm.name, &other.name);
    for missing in [
        elsewhere.as_str(),
        &path.replace(".png", ".webp"),
        &path.replace("logo-", "logo-0"),
    ] {
        let _ = fetched(&realm, missing).await.is(404);
    }
    let removed = realm.api.delete(&logo).await.is(200).json();
    assert_eq!(removed["events"], json!(["settings.changed"]));
    let _ = fetched(&realm, &path).await.is(404);
    assert!(!page(&realm, "").await.text.contains("class=\"logo\""));
    // It is stored already.
    let back = realm
        .api
        .put(&logo, json!({"image": PICTURE}))
        .await
        .is(200)
        .json();
    assert_eq!(back["events"], json!(["settings.changed"]));
    let _ = fetched(&realm, &path).await.is(200);
    let auditor = realm.service(Some("auditor")).await;
    let _ = auditor
        .command(Method::PUT, &logo, json!({"image": PICTURE}))
        .await
        .is(403);
}

/// What every page of a realm with a look has, and no other page.
const LOOK: [&str; 4] = [
    "Acme &#60;b&#62;",
    "/assets/colours-7a1f5c-",
    "<img class=\"logo\"",
    "https://acme.example/terms",
];

async fn give_look(realm: &Realm) {
    realm
        .set(json!({"branding": {
            "name": "Acme <b>", "colour": "#7a1f5c",
            "texts": {"en": {"welcome": "<script>alert(1)</script>", "terms_url": "https://acme.example/terms?\"><script>"}},
        }}))
        .await;
    let logo = json!({"image": PICTURE});
    let _ = realm.api.put(&realm.at("/branding/logo"), logo).await.is(200);
}

#[tokio::test]
async fn every_page_of_a_realm_has_its_look_also_those_that_say_what_is_wrong_and_no_other_realms_have() {
    let scene = Scene::of("web").await;
    let realm = &scene.realm;
    give_look(realm).await;
    let other = Realm::new(&realm.api).await;
    let mut browser = Browser::new(realm);
    let sign_in = browser.open(&scene.ask().url()).await.sign_in_page();
    let wrong = browser
        .fill(&sign_in, &scene.alice.username, &password())
        .await
        .page();
    let signed_in = browser
        .fill(&wrong, &scene.alice.username, &scene.alice.password)
        .await;
    let _ = signed_in.back();
    let mut pages = vec![sign_in, wrong];
    for path in [
        "/sign-in",
        "/account",
        "/account/applications",
        "/device",
        "/oauth2/logout",
        "/oauth2/authorize?client_id=nobody",
        "/consent?flow=x",
    ] {
        let address = format!("{}{path}", realm.issuer());
        pages.push(browser.open(&address).await.page());
    }
    let nothing = realm.api.http().get(format!("{}/nothing", realm.issuer()));
    pages.push(Answer::to(nothing.header("accept", "text/html")).await.is(404));
    let method = realm.api.http().delete(format!("{}/sign-in", realm.issuer()));
    pages.push(Answer::to(method.header("accept", "text/html")).await.is(405));
    for page in &pages {
        for part in LOOK {
            assert!(
                page.text.contains(part),
                "{}: no {part} in {}",
                page.asked,
                page.text
            );
        }
        assert!(
            !page.text.contains("<script>") && !page.text.contains("Acme <b>"),
            "{}",
            page.text
        );
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.contains("style-src 'self'; img-src 'self';"), "{policy}");
    }
    let others = realm.api.http().get(format!("{}/nothing", other.issuer()));
    let others = [
        page(&other, "").await,
        Answer::to(others.header("accept", "text/html")).await.is(404),
    ];
    for page in &others {
        for part in LOOK {
            assert!(
                !page.text.contains(part),
                "{}: {part} in {}",
                page.asked,
                page.text
            );
        }
    }
}

#[tokio::test]
async fn a_sign_in_page_with_all_that_it_loads_stays_below_50_kilobytes() {
    let realm = Realm::on(&shared()).await;
    give_look(&realm).await;
    let page = page(&realm, "").await;
    let mut bytes = page.text.len();
    for start in ["href=\"/realms/", "src=\"/realms/"] {
        let assets = page
            .text
            .split(start)
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        for asset in assets.filter(|asset| asset.contains("/assets/")) {
            let answer = fetched(&realm, &format!("/realms/{asset}")).await.is(200);
            bytes += answer.text.len();
        }
    }
    // The largest logo that there may be.
    bytes += 24 * 1024;
    assert!(bytes < 50_000, "{bytes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_have_the_name_the_colour_and_the_logo_of_the_pages() {
    let Some(mail) = MailServer::start() else { return };
    let options = Options::default()
        .with("CHANCERY_SMTP__URL", &mail.url())
        .with("CHANCERY_SMTP__FROM", "no-reply@acme.example");
    let server = Server::start(options);
    let realm = Realm::on(&server).await;
    give_look(&realm).await;
    let alice = realm.user().await;
    let path = realm.at(&format!("/users/{}/password", alice.id));
    let _ = realm
        .api
        .put(&path, json!({"password": password()}))
        .await
        .is(200);
    let letter = mail.next();
    assert!(letter.header("From").concat().contains("Acme <b>"), "{letter:?}");
    assert!(
        letter.subject().contains("Acme <b>") && letter.text().ends_with("-- \nAcme <b>\n"),
        "{letter:?}"
    );
    let html = letter.html();
    assert!(
        html.contains("#7a1f5c") && html.contains("alt=\"Acme &#60;b&#62;\""),
        "{html}"
    );
    let (_, rest) = html.split_once("src=\"cid:").expect("a picture");
    let cid = rest.split('"').next().unwrap_or_default();
    assert_eq!(
        letter.0["pictures"][format!("<{cid}>")],
        json!(["image/png", PICTURE])
    );
    assert!(!html.contains("http"), "nothing is loaded: {html}");
}
