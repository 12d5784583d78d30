//! How identities become people's: never in silence, always with a proof of both sides; and how they are gone.

use chancery_tests::harness::{Answer, Arrival, Browser, MailServer, Server, eventually, form_of, unique};
use serde_json::json;

use super::{Scene, alice, confirmed, events, identities, link, outbound};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_users_address_shows_to_be_that_user_and_is_known_from_then_on() {
    let scene = Scene::with(json!({})).await;
    let user = confirmed(&scene.realm, "alice@acme.example").await;
    let mut browser = Browser::new(&scene.realm);
    let back = scene.comes_back(&mut browser, &alice()).await;
    let page = browser.open(&back).await.page().is(200);
    assert!(
        page.text.contains("There is an account with this address"),
        "{}",
        page.text
    );
    assert!(identities(&scene.realm, &user.id).await.is_empty(), "not yet");
    // Somebody else's password does not make it theirs.
    let other = scene.realm.user().await;
    let mut elsewhere = Browser::new(&scene.realm);
    let back = scene.comes_back(&mut elsewhere, &alice()).await;
    let shown = elsewhere.open(&back).await.page();
    let signed_in = elsewhere
        .fill(&shown, &other.username, &other.password)
        .await
        .back();
    assert!(signed_in.params.contains_key("code"));
    assert!(identities(&scene.realm, &other.id).await.is_empty());
    let wrong = browser
        .fill(&page, &user.email, "not their password")
        .await
        .page()
        .is(401);
    let _ = browser.fill(&wrong, &user.email, &user.password).await.back();
    let theirs = identities(&scene.realm, &user.id).await;
    assert_eq!(theirs[0]["subject"], "alice-at-acme");
    // From then on the provider's word will do.
    let mut browser = Browser::new(&scene.realm);
    let claims = scene.signs_in(&mut browser, &alice()).await;
    assert_eq!(claims["sub"], user.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_confirmed_is_not_taken_and_tells_nothing() {
    let scene = Scene::with(json!({})).await;
    let user = confirmed(&scene.realm, "alice@acme.example").await;
    let mut who = alice();
    who["email_verified"] = json!(false);
    let mut browser = Browser::new(&scene.realm);
    let claims = scene.signs_in(&mut browser, &who).await;
    assert_ne!(claims["sub"], user.id, "somebody new, without the address");
    let path = scene
        .realm
        .at(&format!("/users/{}", claims["sub"].as_str().expect("an id")));
    let new = eventually("the user is seen", async || {
        let answer = scene.realm.api.query(&path).await;
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    assert_eq!(new["email"], json!(null));
    assert!(
        new["username"].as_str().expect("a name").starts_with("acme-"),
        "{new}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_links_by_itself_only_where_both_sides_confirmed_it_and_the_realm_says_so() {
    let scene = Scene::with(json!({ "linking": "verified_email" })).await;
    let user = confirmed(&scene.realm, "alice@acme.example").await;
    let mut browser = Browser::new(&scene.realm);
    let claims = scene.signs_in(&mut browser, &alice()).await;
    assert_eq!(claims["sub"], user.id);
    // Whoever registered with an address that they never confirmed does not get its owner.
    let squatter = scene
        .realm
        .user_with(json!({ "email": "bob@acme.example" }))
        .await;
    let bob = json!({ "sub": "bob", "email": "bob@acme.example", "email_verified": true });
    let mut browser = Browser::new(&scene.realm);
    let back = scene.comes_back(&mut browser, &bob).await;
    let page = browser.open(&back).await.page().is(200);
    assert!(
        page.text.contains("There is an account with this address"),
        "{}",
        page.text
    );
    assert!(identities(&scene.realm, &squatter.id).await.is_empty());
    scene.change(json!({ "linking": "never" })).await;
    let back = scene.comes_back(&mut browser, &bob).await;
    let page = browser.open(&back).await.page().is(401);
    assert!(page.text.contains("Sign in as you did before"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_turned_away_where_the_realm_lets_nobody_new_in() {
    let scene = Scene::with(json!({ "sign_up": "known_only" })).await;
    let mut browser = Browser::new(&scene.realm);
    let back = scene.comes_back(&mut browser, &alice()).await;
    let page = browser.open(&back).await.page().is(401);
    assert!(page.text.contains("You are not known here"), "{}", page.text);
    assert!(
        !events(&scene.realm, "facts")
            .await
            .contains(&"user.registered".to_owned())
    );
}

/// Signs in with a password, and opens the page that adds an identity.
async fn adding(scene: &Scene, browser: &mut Browser, username: &str, password: &str) -> Answer {
    let page = browser.open(&scene.request().url()).await.sign_in_page();
    let _ = browser.fill(&page, username, password).await.back();
    let place = format!("{}/sign-in?add=federated", scene.realm.issuer());
    browser.open(&place).await.page().is(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_in_adds_an_identity_that_nobody_else_has() {
    let scene = Scene::with(json!({ "sign_up": "known_only" })).await;
    let (user, other) = (scene.realm.user().await, scene.realm.user().await);
    let mut browser = Browser::new(&scene.realm);
    let page = adding(&scene, &mut browser, &user.username, &user.password).await;
    let arrived = browser.open(&link(&page, "acme")).await.back();
    let back = scene.provider.signs_in(&arrived, &alice());
    // The answer is of use in this browser and in this session alone.
    let stolen = Browser::new(&scene.realm).open(&back).await.page();
    assert_eq!(stolen.status, 400, "{}", stolen.text);
    let page = browser.open(&back).await.page().is(200);
    assert!(page.text.contains("You are signed in"), "{}", page.text);
    assert_eq!(identities(&scene.realm, &user.id).await.len(), 1);
    let mut browser = Browser::new(&scene.realm);
    let page = adding(&scene, &mut browser, &other.username, &other.password).await;
    let arrived = browser.open(&link(&page, "acme")).await.back();
    let page = browser
        .open(&scene.provider.signs_in(&arrived, &alice()))
        .await
        .page()
        .is(409);
    assert!(page.text.contains("belongs to another account"), "{}", page.text);
    assert!(identities(&scene.realm, &other.id).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn users_unlink_what_they_have_but_not_their_last_way_to_sign_in() {
    let scene = Scene::with(json!({})).await;
    let mut browser = Browser::new(&scene.realm);
    let claims = scene.signs_in(&mut browser, &alice()).await;
    let user = claims["sub"].as_str().expect("an id").to_owned();
    let account = format!("{}/account/credentials", scene.realm.issuer());
    let page = browser.open(&account).await.page().is(200);
    assert!(
        page.text.contains("Acme &#38; Sons") && page.text.contains("alice@acme.example"),
        "{}",
        page.text
    );
    let page = browser.press(&page, "Remove Acme", &[]).await.page().is(409);
    assert!(page.text.contains("last way to sign in"), "{}", page.text);
    // Of a form of another session nothing is taken.
    let mut other = Browser::new(&scene.realm);
    let somebody = scene.realm.user().await;
    let _ = adding(&scene, &mut other, &somebody.username, &somebody.password).await;
    let _ = other.press(&page, "Remove Acme", &[]).await.page().is(400);
    // With an identity besides (a password would end the session) it goes.
    let second = super::provider::Provider::start().await;
    let _ = super::register(&scene.realm, "second", &second.issuer, json!({})).await;
    let adding = format!("{}/sign-in?add=federated", scene.realm.issuer());
    let page = browser.open(&adding).await.page().is(200);
    let arrived = browser.open(&link(&page, "second")).await.back();
    let _ = browser
        .open(&second.signs_in(&arrived, &json!({ "sub": "ally" })))
        .await
        .page()
        .is(200);
    assert_eq!(identities(&scene.realm, &user).await.len(), 2);
    let page = browser.open(&account).await.page().is(200);
    let page = browser
        .press(&page, "alice@acme.example", &[])
        .await
        .page()
        .is(200);
    assert!(page.text.contains("It was removed"), "{}", page.text);
    let left = identities(&scene.realm, &user).await;
    assert_eq!((left.len(), &left[0]["subject"]), (1, &json!("ally")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_unlinks_and_the_identity_opens_nothing_any_more() {
    let scene = Scene::with(json!({})).await;
    let mut browser = Browser::new(&scene.realm);
    let claims = scene.signs_in(&mut browser, &alice()).await;
    let user = claims["sub"].as_str().expect("an id").to_owned();
    let identity = identities(&scene.realm, &user).await.remove(0);
    let path = format!(
        "/users/{user}/identities/{}",
        identity["id"].as_str().expect("an id")
    );
    let answer = scene.realm.api.delete(&scene.realm.at(&path)).await.is(200);
    assert_eq!(answer.json()["events"], json!(["identity.unlinked"]));
    // The session that rests on it is not enough any more.
    let page = browser.open(&scene.request().url()).await.page();
    assert!(
        form_of(&page.text).names.contains(&"flow".to_owned()),
        "{}",
        page.text
    );
    // Signing in anew shows somebody who has a user's address, and must show to be that user.
    let mut browser = Browser::new(&scene.realm);
    let back = scene.comes_back(&mut browser, &alice()).await;
    let page = browser.open(&back).await.page().is(200);
    assert!(
        page.text.contains("There is an account with this address"),
        "{}",
        page.text
    );
    let _ = scene.realm.api.delete(&scene.realm.at(&path)).await.is(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_told_of_what_was_linked_to_them_and_of_what_is_no_more() {
    let Some(mail) = MailServer::start() else { return };
    let options = outbound()
        .with("CHANCERY_SMTP__URL", &mail.url())
        .with("CHANCERY_SMTP__FROM", "no-reply@acme.example");
    let scene = Scene::on(Server::start(options), json!({})).await;
    // Whoever comes into being with an identity knows of it.
    let new = json!({ "sub": "bob-at-acme", "email": "bob@acme.example", "email_verified": true });
    let _ = scene.signs_in(&mut Browser::new(&scene.realm), &new).await;

    let user = confirmed(&scene.realm, "alice@acme.example").await;
    let mut browser = Browser::new(&scene.realm);
    let back = scene.comes_back(&mut browser, &alice()).await;
    let page = browser.open(&back).await.page().is(200);
    let _ = browser.fill(&page, &user.email, &user.password).await.back();
    let letter = mail.next();
    assert_eq!(letter.to(), user.email);
    let linked = "Acme & Sons can now sign you in at A realm of the tests";
    assert_eq!(letter.subject(), linked);
    assert!(
        letter.html().contains("Acme &#38; Sons") || letter.html().contains("Acme &amp; Sons"),
        "{}",
        letter.html()
    );
    assert!(
        !letter.text().contains("alice-at-acme"),
        "what it calls her is not told"
    );

    let identity = identities(&scene.realm, &user.id).await.remove(0);
    let path = format!(
        "/users/{}/identities/{}",
        user.id,
        identity["id"].as_str().expect("an id")
    );
    let _ = scene.realm.api.delete(&scene.realm.at(&path)).await.is(200);
    let letter = mail.next();
    assert_eq!(letter.to(), user.email);
    let unlinked = "Acme & Sons signs you in at A realm of the tests no more";
    assert_eq!(letter.subject(), unlinked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_counts_for_the_applications_that_it_names() {
    let scene = Scene::with(json!({})).await;
    let other = scene.realm.application("web").await;
    scene
        .change(json!({ "applications": [scene.application.id] }))
        .await;
    let mut browser = Browser::new(&scene.realm);
    let back = scene.comes_back(&mut browser, &alice()).await;
    let _ = browser.open(&back).await.back();
    let elsewhere = chancery_tests::harness::Authorization::new(&scene.realm, &other, "openid");
    let page = browser.open(&elsewhere.url()).await.page();
    assert!(!page.text.contains("/identity-providers/"), "{}", page.text);
    // Disabled, it counts for nobody, and neither does what was begun.
    let mut browser = Browser::new(&scene.realm);
    let back = scene.comes_back(&mut browser, &alice()).await;
    let disable = scene
        .realm
        .at(&format!("/identity-providers/{}/disable", scene.id));
    let _ = scene.realm.api.post(&disable, json!({})).await.is(200);
    let page = browser.open(&back).await.page();
    assert_eq!(page.status, 404, "{}", page.text);
    match browser.open(&scene.request().url()).await {
        Arrival::Page(page) => assert!(!page.text.contains("/identity-providers/"), "{}", page.text),
        Arrival::Back(callback) => panic!("let in: {}", callback.url),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_answers_of_one_stranger_make_one_user() {
    let scene = Scene::with(json!({})).await;
    let who =
        json!({ "sub": unique(), "email": format!("{}@acme.example", unique()), "email_verified": true });
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let mut browser = Browser::new(&scene.realm);
        let back = scene.comes_back(&mut browser, &who).await;
        waiting.spawn(async move { browser.open(&back).await });
    }
    for arrival in waiting.join_all().await {
        if let Arrival::Page(page) = arrival {
            assert!(
                [200, 401, 503].contains(&page.status),
                "{} {}",
                page.status,
                page.text
            );
        }
    }
    let facts = events(&scene.realm, "facts").await;
    let count = |name: &str| facts.iter().filter(|one| *one == name).count();
    assert_eq!((count("user.registered"), count("identity.linked")), (1, 1));
}
