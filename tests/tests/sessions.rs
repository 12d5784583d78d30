//! Sessions at the realm: used without asking again, asked again when the application wants it so, ended by the user,
//! by an administrator, by another sign-in (OpenID Connect Core; RP-Initiated Logout 1.0).

use std::time::Duration;

use chancery_tests::harness::{
    Answer, Application, Arrival, Authorization, Browser, Callback, Realm, Tokens, User, eventually,
    payload_of, shared,
};
use serde_json::json;

struct Scene {
    realm: Realm,
    application: Application,
    resource: Application,
    alice: User,
    browser: Browser,
    tokens: Tokens,
}

/// Alice, signed in.
async fn scene() -> (std::sync::Arc<chancery_tests::harness::Server>, Scene) {
    let server = shared();
    let realm = Realm::on(&server).await;
    let (application, resource) = (realm.application("web").await, realm.application("service").await);
    let alice = realm.user().await;
    let mut browser = Browser::new(&realm);
    let tokens = realm
        .sign_in_with(&mut browser, &application, &alice, "openid offline_access")
        .await;
    (
        server,
        Scene {
            realm,
            application,
            resource,
            alice,
            browser,
            tokens,
        },
    )
}

impl Scene {
    fn ask(&self) -> Authorization {
        Authorization::new(&self.realm, &self.application, "openid")
    }

    async fn open(&mut self, request: &Authorization) -> Arrival {
        self.browser.open(&request.url()).await
    }

    async fn redeem(&self, callback: &Callback, request: &Authorization) -> Tokens {
        Tokens::from(
            self.realm
                .redeem(&self.application, callback.code(), request)
                .await,
        )
    }

    fn session(&self) -> String {
        payload_of(&self.tokens.access)["sid"]
            .as_str()
            .unwrap_or_else(|| panic!("no sid"))
            .to_owned()
    }

    async fn is_over(&mut self) {
        assert!(!self.realm.is_active(&self.resource, &self.tokens.access).await);
        let refreshed = self.realm.refresh(&self.application, self.tokens.refresh()).await;
        let _ = refreshed.is_oauth_error(400, "invalid_grant");
        let request = self.ask();
        let _ = self.open(&request).await.sign_in_page();
    }

    fn logout(&self, params: &[(&str, &str)]) -> String {
        url::Url::parse_with_params(&self.realm.endpoint("logout"), params)
            .unwrap_or_else(|error| panic!("{error}"))
            .into()
    }

    /// The registered address to go on to after signing out.
    async fn onward(&self) -> String {
        let path = self.realm.at(&format!("/applications/{}", self.application.id));
        let uris = self.realm.api.query(&path).await.is(200).json()["post_logout_redirect_uris"].clone();
        uris[0]
            .as_str()
            .unwrap_or_else(|| panic!("none is registered: {uris}"))
            .to_owned()
    }
}

#[tokio::test]
async fn whoever_is_signed_in_is_not_asked_again() {
    let (_server, mut scene) = scene().await;
    let other = scene.realm.application("spa").await;
    for (application, request) in [
        (scene.application.clone(), scene.ask()),
        (other.clone(), Authorization::new(&scene.realm, &other, "openid")),
        (scene.application.clone(), scene.ask().with("prompt", "none")),
        (scene.application.clone(), scene.ask().with("max_age", "3600")),
    ] {
        let callback = scene.open(&request).await.back();
        let tokens = Tokens::from(scene.realm.redeem(&application, callback.code(), &request).await);
        assert_eq!(payload_of(&tokens.access)["sid"], scene.session());
        assert_eq!(
            payload_of(tokens.id())["auth_time"],
            payload_of(scene.tokens.id())["auth_time"]
        );
    }
}

#[tokio::test]
async fn an_application_can_have_the_user_asked_again() {
    let (_server, mut scene) = scene().await;
    let request = scene.ask().with("prompt", "login");
    let page = scene.open(&request).await.sign_in_page();
    let callback = scene
        .browser
        .fill(&page, &scene.alice.username, &scene.alice.password)
        .await
        .back();
    let again = scene.redeem(&callback, &request).await;
    assert_ne!(payload_of(&again.access)["sid"], scene.session(), "a new session");
    assert!(
        !scene.realm.is_active(&scene.resource, &scene.tokens.access).await,
        "the one before has ended"
    );

    let request = scene.ask().with("max_age", "0");
    let page = scene.open(&request).await.sign_in_page();
    let _ = scene
        .browser
        .fill(&page, &scene.alice.username, &scene.alice.password)
        .await
        .back();
    // Longer ago than one second is a matter of the clock alone: nothing tells when it is so.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let request = scene.ask().with("max_age", "1");
    let _ = scene.open(&request).await.sign_in_page();
    let silent = scene.ask().with("max_age", "1").with("prompt", "none");
    assert_eq!(scene.open(&silent).await.back().param("error"), "login_required");
}

#[tokio::test]
async fn a_hint_names_who_is_meant() {
    let (_server, mut scene) = scene().await;
    let bob = scene.realm.user().await;
    let bobs = scene.realm.sign_in(&scene.application, &bob, "openid").await;
    let hinted = scene
        .ask()
        .with("id_token_hint", scene.tokens.id())
        .with("prompt", "none");
    let _ = scene.open(&hinted).await.back().code();
    let other = scene
        .ask()
        .with("id_token_hint", bobs.id())
        .with("prompt", "none");
    assert_eq!(scene.open(&other).await.back().param("error"), "login_required");
    let hint = scene.ask().with("login_hint", "somebody").with("prompt", "login");
    let page = scene.open(&hint).await.sign_in_page();
    assert!(page.text.contains("value=\"somebody\""), "{}", page.text);
    let cancelled = page
        .text
        .split("href=\"")
        .find(|link| link.contains("access_denied"));
    assert!(
        cancelled.is_some(),
        "a way back without signing in: {}",
        page.text
    );
}

#[tokio::test]
async fn signing_out_ends_the_session_and_leads_back_to_the_application() {
    let (_server, mut scene) = scene().await;
    let onward = scene.onward().await;
    let address = scene.logout(&[
        ("id_token_hint", scene.tokens.id()),
        ("post_logout_redirect_uri", &onward),
        ("state", "a&b"),
    ]);
    let back = scene.browser.open(&address).await.back();
    assert!(back.url.as_str().starts_with(&onward), "{}", back.url);
    assert_eq!(back.param("state"), "a&b");
    scene.is_over().await;
    let ended = eventually("the end is found", async || {
        scene
            .realm
            .events("activity", "&type=session.ended")
            .await
            .into_iter()
            .next()
    });
    assert_eq!(ended.await["data"]["reason"], "signed_out");
}

#[tokio::test]
async fn without_a_hint_the_user_is_asked_and_nobody_else_can_answer() {
    let (_server, mut scene) = scene().await;
    let onward = scene.onward().await;
    let client_id = scene.application.client_id.clone();
    let address = scene.logout(&[("client_id", &client_id), ("post_logout_redirect_uri", &onward)]);
    let page = scene.browser.open(&address).await.page().is(200);
    assert!(page.text.contains("Sign out"), "{}", page.text);
    assert!(
        scene.realm.is_active(&scene.resource, &scene.tokens.access).await,
        "not without an answer"
    );

    // The form is this session's: in another browser it ends nothing.
    let bob = scene.realm.user().await;
    let mut elsewhere = Browser::new(&scene.realm);
    let bobs = scene
        .realm
        .sign_in_with(&mut elsewhere, &scene.application, &bob, "openid")
        .await;
    let _ = elsewhere.confirm(&page).await.page();
    assert!(scene.realm.is_active(&scene.resource, &bobs.access).await);
    assert!(scene.realm.is_active(&scene.resource, &scene.tokens.access).await);

    let back = scene.browser.confirm(&page).await.back();
    assert!(back.url.as_str().starts_with(&onward), "{}", back.url);
    scene.is_over().await;
}

#[tokio::test]
async fn nobody_is_sent_on_to_an_address_that_was_not_registered() {
    let (_server, mut scene) = scene().await;
    let onward = scene.onward().await;
    let (hint, client_id) = (scene.tokens.id().to_owned(), scene.application.client_id.clone());
    for (how, params) in [
        (
            "another address",
            vec![
                ("id_token_hint", &*hint),
                ("post_logout_redirect_uri", "https://evil.example/"),
            ],
        ),
        (
            "a longer one",
            vec![
                ("id_token_hint", &*hint),
                ("post_logout_redirect_uri", &*format!("{onward}/x")),
            ],
        ),
        ("nobody's", vec![("post_logout_redirect_uri", &*onward)]),
        (
            "another client",
            vec![
                ("id_token_hint", &*hint),
                ("client_id", &*scene.resource.client_id),
            ],
        ),
        (
            "an unknown client",
            vec![("client_id", "nobody"), ("post_logout_redirect_uri", &*onward)],
        ),
    ] {
        let page = scene.browser.open(&scene.logout(&params)).await.page();
        assert_eq!(page.status, 400, "{how}: {}", page.text);
    }
    let twice = format!(
        "{}&client_id={client_id}",
        scene.logout(&[("client_id", &client_id)])
    );
    assert_eq!(scene.browser.open(&twice).await.page().status, 400);
    assert!(
        scene.realm.is_active(&scene.resource, &scene.tokens.access).await,
        "nothing of it ended the session"
    );

    // A hint that we did not sign is none: the user is asked.
    let page = scene
        .browser
        .open(&scene.logout(&[("id_token_hint", "a.b.c")]))
        .await
        .page()
        .is(200);
    assert!(page.text.contains("Sign out"), "{}", page.text);
}

#[tokio::test]
async fn the_page_without_an_application_tells_who_is_signed_in_and_signs_out() {
    let (_server, mut scene) = scene().await;
    let address = format!("{}/sign-in", scene.realm.issuer());
    let page = scene.browser.open(&address).await.page().is(200);
    assert!(
        page.text.contains("You are signed in") && page.text.contains(&scene.alice.username),
        "{}",
        page.text
    );
    let done = scene.browser.confirm(&page).await.page().is(200);
    assert!(done.text.contains("You are signed out"), "{}", done.text);
    let page = scene.browser.open(&address).await.sign_in_page();
    let signed_in = scene
        .browser
        .fill(&page, &scene.alice.username, &scene.alice.password)
        .await
        .page()
        .is(200);
    assert!(signed_in.text.contains("You are signed in"), "{}", signed_in.text);
}

#[tokio::test]
async fn an_administrator_ends_one_session_or_all_of_a_user() {
    let (_server, mut scene) = scene().await;
    let mut second = Browser::new(&scene.realm);
    let others = scene
        .realm
        .sign_in_with(
            &mut second,
            &scene.application,
            &scene.alice,
            "openid offline_access",
        )
        .await;
    let of_user = scene.realm.at(&format!("/users/{}/sessions", scene.alice.id));
    let listed = eventually("both are listed", async || {
        let listed = scene.realm.api.query(&of_user).await.is(200).items();
        (listed.len() == 2).then_some(listed)
    });
    assert!(
        listed
            .await
            .iter()
            .all(|session| session["active"] == true && session["user"] == scene.alice.id)
    );

    let path = scene.realm.at(&format!("/sessions/{}", scene.session()));
    assert_eq!(
        scene.realm.api.delete(&path).await.is(200).json()["events"],
        json!(["session.ended"])
    );
    let read = scene.realm.api.query(&path).await.is(200).json();
    assert_eq!(
        (&read["active"], &read["end_reason"]),
        (&json!(false), &json!("administrator"))
    );
    scene.is_over().await;
    assert!(
        scene.realm.is_active(&scene.resource, &others.access).await,
        "the other one goes on"
    );

    let ended = scene.realm.api.delete(&of_user).await.is(200).json();
    assert_eq!(ended["events"], json!(["user.sessions_ended"]));
    assert!(!scene.realm.is_active(&scene.resource, &others.access).await);
    let _ = scene
        .realm
        .refresh(&scene.application, others.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
    let _ = second.open(&scene.ask().url()).await.sign_in_page();
    let after = scene
        .realm
        .sign_in(&scene.application, &scene.alice, "openid")
        .await;
    assert!(
        scene.realm.is_active(&scene.resource, &after.access).await,
        "a later sign-in is a new one"
    );
}

#[tokio::test]
async fn a_session_cookie_that_was_altered_is_none() {
    let (_server, mut scene) = scene().await;
    let good = scene.browser.cookies();
    for (how, alter) in [
        (
            "another id",
            (|value: &str| value.replacen(['0', '1', '2', '3'], "4", 1)) as fn(&str) -> String,
        ),
        ("cut", |value| value[..value.len() - 2].to_owned()),
        ("without its tag", |value| {
            value.split('.').next().unwrap_or_default().to_owned()
        }),
        ("empty", |_| String::new()),
    ] {
        scene.browser.forget();
        scene.browser.take(
            good.iter()
                .map(|(name, value)| (name.clone(), alter(value)))
                .collect(),
        );
        let request = scene.ask().with("prompt", "none");
        let callback = scene.open(&request).await.back();
        assert_eq!(callback.param("error"), "login_required", "{how}");
    }
    scene.browser.forget();
    scene.browser.take(good);
    let request = scene.ask().with("prompt", "none");
    let _ = scene.open(&request).await.back().code();
    let userinfo = scene
        .realm
        .api
        .http()
        .get(scene.realm.endpoint("userinfo"))
        .bearer_auth(&scene.tokens.access);
    let _ = Answer::to(userinfo).await.is(200);
}
