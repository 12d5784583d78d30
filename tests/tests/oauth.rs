//! The authorization request and the sign-in page (RFC 6749, section 4.1; RFC 9700): what is asked wrongly is refused in
//! the right place, and the page protects who uses it.

use chancery_tests::harness::{Browser, Realm, Scene, Tokens, eventually, form_of};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test]
async fn the_sign_in_page_protects_who_uses_it() {
    let scene = Scene::of("spa").await;
    let mut browser = Browser::new(&scene.realm);
    let page = browser.open(&scene.ask().url()).await.sign_in_page();
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(
        policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"),
        "{policy}"
    );
    assert!(
        !policy.contains("unsafe-inline") && !policy.contains("script-src"),
        "{policy}"
    );
    assert!(
        !page.text.contains("<script") && !page.text.contains("style=\""),
        "nothing inline, no script"
    );
    let form = form_of(&page.text);
    assert!(
        ["username", "flow"]
            .iter()
            .all(|name| form.names.iter().any(|held| held == name))
    );
    let _ = browser
        .fill(&page, &scene.alice.username, &scene.alice.password)
        .await
        .back();
    // One is for the script of a frame (Session Management): it opens nothing.
    let of_frame = |cookie: &&String| cookie.starts_with("chancery-state-");
    assert_eq!(browser.set_cookies.iter().filter(of_frame).count(), 1);
    assert!(browser.set_cookies.iter().all(|cookie| {
        let scripts = of_frame(&cookie);
        let cookie = cookie.to_lowercase();
        cookie.contains("httponly") != scripts
            && cookie.contains("samesite=lax")
            && cookie.contains("path=/")
            && !cookie.contains("domain")
    }));
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again_and_is_in_the_log() {
    let scene = Scene::of("spa").await;
    let mut browser = Browser::new(&scene.realm);
    let page = browser.open(&scene.ask().url()).await.sign_in_page();
    let again = browser
        .fill(&page, &scene.alice.username, "Wrong-and-long-enough-1")
        .await
        .sign_in_page()
        .is(401);
    assert!(again.text.contains("That did not work"), "{}", again.text);
    assert!(
        !again.text.contains("Wrong-and-long-enough-1"),
        "a password is never filled in again"
    );
    assert!(again.text.contains(&scene.alice.username));
    let empty = browser.fill(&again, "", "").await.sign_in_page();
    assert!((400..500).contains(&empty.status));
    let _ = browser
        .fill(&again, &scene.alice.username, &scene.alice.password)
        .await
        .back()
        .code();
    let failures = eventually("the failure is found", async || {
        let found = scene.realm.events("activity", "&type=login.failed").await;
        (!found.is_empty()).then_some(found)
    });
    let failures = failures.await;
    assert_eq!(
        (failures.len(), &failures[0]["data"]["user"]),
        (1, &json!(scene.alice.id))
    );
}

#[tokio::test]
async fn what_is_typed_into_the_form_stays_text() {
    let scene = Scene::of("spa").await;
    let hint = "\"><script>alert(1)</script>&amp;'";
    let mut browser = Browser::new(&scene.realm);
    let page = browser
        .open(&scene.ask().with("login_hint", hint).url())
        .await
        .sign_in_page();
    assert!(!page.text.contains("<script>alert"), "{}", page.text);
    let again = browser
        .fill(&page, hint, "whatever it may be")
        .await
        .sign_in_page();
    assert!(!again.text.contains("<script>alert"), "{}", again.text);
}

#[tokio::test]
async fn while_client_or_redirect_uri_are_in_doubt_nobody_is_sent_anywhere() {
    let scene = Scene::of("web").await;
    let service = scene.realm.application("service").await;
    let other_realm = Realm::new(&scene.realm.api).await;
    let foreign = other_realm
        .application_with("web", json!({"redirect_uris": [scene.application.redirect_uri]}))
        .await;
    let uri = &scene.application.redirect_uri;
    for (how, request) in [
        ("no client", scene.ask().without("client_id")),
        ("an unknown client", scene.ask().with("client_id", "nobody")),
        (
            "a client that could be",
            scene
                .ask()
                .with("client_id", "0192f0c1-2b1d-7c5e-8a3a-0123456789ab"),
        ),
        (
            "a client of another realm",
            scene.ask().with("client_id", &foreign.client_id),
        ),
        ("a service", scene.ask().with("client_id", &service.client_id)),
        ("no redirect URI", scene.ask().without("redirect_uri")),
        (
            "another redirect URI",
            scene.ask().with("redirect_uri", "https://evil.example/cb"),
        ),
        (
            "a longer path",
            scene.ask().with("redirect_uri", &format!("{uri}/x")),
        ),
        ("a query", scene.ask().with("redirect_uri", &format!("{uri}?x=1"))),
        (
            "a fragment",
            scene.ask().with("redirect_uri", &format!("{uri}#x")),
        ),
        (
            "upper case",
            scene.ask().with("redirect_uri", &uri.to_uppercase()),
        ),
        (
            "two clients",
            scene.ask().and("client_id", &scene.application.client_id),
        ),
        ("two redirect URIs", scene.ask().and("redirect_uri", uri)),
        ("the same parameter twice", scene.ask().and("state", "again")),
        (
            "an unknown parameter twice",
            scene.ask().and("x", "1").and("x", "2"),
        ),
    ] {
        let page = scene.open(&request).await.page();
        assert_eq!(page.status, 400, "{how}: {}", page.text);
        assert!(page.header("location").is_none(), "{how}");
        assert!(
            page.header("content-type")
                .is_some_and(|kind| kind.starts_with("text/html")),
            "{how}"
        );
        assert!(
            !page.text.contains("evil.example\""),
            "{how}: no link to where it was to go"
        );
    }
    let page = Browser::new(&scene.realm)
        .open(&scene.ask().url().replace(&scene.realm.name, "nowhere"))
        .await
        .page();
    assert_eq!(page.status, 404);
}

#[tokio::test]
async fn everything_else_that_is_wrong_is_told_to_the_application() {
    let scene = Scene::of("spa").await;
    for (how, request, error) in [
        (
            "no response type",
            scene.ask().without("response_type"),
            "invalid_request",
        ),
        (
            "the implicit flow",
            scene.ask().with("response_type", "token"),
            "unsupported_response_type",
        ),
        (
            "the hybrid flow",
            scene.ask().with("response_type", "code id_token"),
            "unsupported_response_type",
        ),
        (
            "no PKCE",
            scene
                .ask()
                .without("code_challenge")
                .without("code_challenge_method"),
            "invalid_request",
        ),
        (
            "PKCE plain",
            scene.ask().with("code_challenge_method", "plain"),
            "invalid_request",
        ),
        (
            "PKCE without its method",
            scene.ask().without("code_challenge_method"),
            "invalid_request",
        ),
        (
            "a method without challenge",
            scene.ask().without("code_challenge"),
            "invalid_request",
        ),
        (
            "a short challenge",
            scene.ask().with("code_challenge", "abc"),
            "invalid_request",
        ),
        (
            "an unknown scope",
            scene.ask().with("scope", "openid root"),
            "invalid_scope",
        ),
        (
            "an unknown mode",
            scene.ask().with("response_mode", "carrier_pigeon"),
            "invalid_request",
        ),
        (
            "a request object",
            scene.ask().with("request", "e30.e30."),
            "invalid_request_object",
        ),
        (
            "a request uri",
            scene.ask().with("request_uri", "https://evil.example/r"),
            "invalid_request_uri",
        ),
        (
            "a strange prompt",
            scene.ask().with("prompt", "sing"),
            "invalid_request",
        ),
        (
            "none and more",
            scene.ask().with("prompt", "none login"),
            "invalid_request",
        ),
        (
            "a negative age",
            scene.ask().with("max_age", "-1"),
            "invalid_request",
        ),
        (
            "an age in words",
            scene.ask().with("max_age", "old"),
            "invalid_request",
        ),
        (
            "another resource",
            scene.ask().with("resource", "https://evil.example"),
            "invalid_target",
        ),
        (
            "a broken hint",
            scene.ask().with("id_token_hint", "x.y.z"),
            "invalid_request",
        ),
        (
            "nobody there",
            scene.ask().with("prompt", "none"),
            "login_required",
        ),
    ] {
        let callback = scene.open(&request).await.back();
        assert!(
            callback.url.as_str().starts_with(&scene.application.redirect_uri),
            "{how}: {}",
            callback.url
        );
        assert_eq!(callback.param("error"), error, "{how}: {}", callback.url);
        assert_eq!(callback.param("state"), request.state, "{how}");
        assert_eq!(callback.param("iss"), scene.realm.issuer(), "{how}");
        assert!(!callback.params.contains_key("code"), "{how}");
    }
    assert!(
        scene
            .realm
            .events("activity", "&type=code.issued")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn the_answer_comes_as_a_form_or_in_the_fragment_if_it_is_asked_for_so() {
    let scene = Scene::of("web").await;
    let mut browser = Browser::new(&scene.realm);
    let request = scene.ask().with("response_mode", "form_post");
    let page = browser.open(&request.url()).await.sign_in_page();
    let page = browser
        .fill(&page, &scene.alice.username, &scene.alice.password)
        .await
        .page()
        .is(200);
    let form = form_of(&page.text);
    assert_eq!(form.action, scene.application.redirect_uri);
    let value = |name: &str| {
        form.hidden
            .iter()
            .find(|(held, _)| held == name)
            .map(|(_, value)| value.clone())
    };
    assert_eq!(
        (value("state"), value("iss")),
        (Some(request.state.clone()), Some(scene.realm.issuer()))
    );
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(
        policy.contains("form-action") && policy.contains("https://"),
        "{policy}"
    );
    Tokens::from(
        scene
            .realm
            .redeem(&scene.application, &value("code").expect("a code"), &request)
            .await,
    );

    let request = scene.ask().with("response_mode", "fragment");
    let callback = browser.open(&request.url()).await.back();
    assert!(callback.url.query().is_none());
    assert!(
        callback
            .url
            .fragment()
            .is_some_and(|fragment| fragment.contains("code=")),
        "{}",
        callback.url
    );
}

#[tokio::test]
async fn the_authorization_request_may_be_posted() {
    let scene = Scene::of("web").await;
    let mut browser = Browser::new(&scene.realm);
    let request = scene.ask();
    let page = browser
        .post(&scene.realm.endpoint("authorize"), request.params())
        .await
        .sign_in_page();
    let callback = browser
        .fill(&page, &scene.alice.username, &scene.alice.password)
        .await
        .back();
    Tokens::from(
        scene
            .realm
            .redeem(&scene.application, callback.code(), &request)
            .await,
    );
}

#[tokio::test]
async fn statuses_are_those_of_the_standards() {
    let scene = Scene::of("spa").await;
    let mut browser = Browser::new(&scene.realm);
    let request = browser.http().get(scene.ask().url());
    let answer = browser.send(request).await;
    assert_eq!(
        answer.status,
        StatusCode::SEE_OTHER.as_u16(),
        "never 307: that would post the password on"
    );
}

#[tokio::test]
async fn a_sign_in_form_works_once_in_the_browser_that_it_was_opened_in() {
    let scene = Scene::of("spa").await;
    let (mut browser, mut other) = (Browser::new(&scene.realm), Browser::new(&scene.realm));
    let page = browser.open(&scene.ask().url()).await.sign_in_page();
    // Log-in CSRF: an attacker's form in the victim's browser.
    let _ = other.open(&scene.ask().url()).await.sign_in_page();
    let foreign = other
        .fill(&page, &scene.alice.username, &scene.alice.password)
        .await
        .sign_in_page();
    assert_eq!(foreign.status, 400, "{}", foreign.text);
    let bare = Browser::new(&scene.realm)
        .fill(&page, &scene.alice.username, &scene.alice.password)
        .await
        .sign_in_page();
    assert_eq!(bare.status, 400);

    let _ = browser
        .fill(&page, &scene.alice.username, &scene.alice.password)
        .await
        .back()
        .code();
    let again = browser
        .fill(&page, &scene.alice.username, &scene.alice.password)
        .await
        .sign_in_page();
    assert_eq!(again.status, 400, "sent twice");
    for flow in ["", "x", "AAAA.BBBB"] {
        let form = ["flow", "username", "password"]
            .map(str::to_owned)
            .into_iter()
            .zip([
                flow.to_owned(),
                scene.alice.username.clone(),
                scene.alice.password.clone(),
            ]);
        let answer = browser
            .post(
                &format!("{}/sign-in", scene.realm.issuer()),
                &form.collect::<Vec<_>>(),
            )
            .await
            .page();
        assert_eq!(answer.status, 400, "{flow:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_session_is_never_one_that_the_browser_brought_along() {
    let scene = Scene::of("spa").await;
    let bob = scene.realm.user().await;
    let mut browser = Browser::new(&scene.realm);
    browser.sign_in(&scene.ask(), &scene.alice).await;
    let before = browser.cookies();
    let page = browser
        .open(&scene.ask().with("prompt", "login").url())
        .await
        .sign_in_page();
    let _ = browser.fill(&page, &bob.username, &bob.password).await.back();
    assert_ne!(before, browser.cookies(), "rotated at sign-in");
    let mut thief = Browser::new(&scene.realm);
    thief.take(before);
    let _ = thief.open(&scene.ask().url()).await.sign_in_page();
}
