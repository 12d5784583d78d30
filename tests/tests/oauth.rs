//! The authorization code flow (RFC 6749, RFC 7636, RFC 9700): from the application to the sign-in page, back with a
//! code, to tokens. What is asked wrongly is refused in the right place, and a code is good once, for one application.

use chancery_tests::harness::{
    Answer, Application, Arrival, Authorization, Browser, Callback, Keys, Options, Realm, Server, Tokens,
    User, at_once, eventually, form_of, password, shared,
};
use reqwest::StatusCode;
use serde_json::json;

struct Scene {
    realm: Realm,
    application: Application,
    alice: User,
}

async fn scene(kind: &str) -> (std::sync::Arc<Server>, Scene) {
    let server = shared();
    let realm = Realm::on(&server).await;
    let (application, alice) = (realm.application(kind).await, realm.user().await);
    (
        server,
        Scene {
            realm,
            application,
            alice,
        },
    )
}

impl Scene {
    fn ask(&self) -> Authorization {
        Authorization::new(&self.realm, &self.application, "openid")
    }

    async fn open(&self, request: &Authorization) -> Arrival {
        Browser::new(&self.realm).open(&request.url()).await
    }

    async fn code(&self, request: &Authorization) -> Callback {
        Browser::new(&self.realm).sign_in(request, &self.alice).await
    }

    async fn token(&self, form: &[(&str, &str)]) -> Answer {
        self.realm.token(&self.application, form).await
    }
}

#[tokio::test]
async fn web_single_page_and_native_applications_get_tokens_that_verify_with_the_published_keys() {
    for kind in ["web", "spa", "native"] {
        let (_server, scene) = scene(kind).await;
        let mut browser = Browser::new(&scene.realm);
        let mut request = Authorization::new(
            &scene.realm,
            &scene.application,
            "openid profile email offline_access",
        );
        let mut application = scene.application.clone();
        if kind == "native" {
            // RFC 8252, section 7.3: the port is whatever the operating system gave.
            application.redirect_uri = "http://127.0.0.1:53127/callback".into();
            request = request.with("redirect_uri", &application.redirect_uri);
        }
        let callback = browser.sign_in(&request, &scene.alice).await;
        assert!(
            callback.url.as_str().starts_with(&application.redirect_uri),
            "{kind}: {}",
            callback.url
        );
        assert_eq!(callback.param("iss"), scene.realm.issuer(), "RFC 9207");

        let tokens = Tokens::from(scene.realm.redeem(&application, callback.code(), &request).await);
        let keys = Keys::of(&scene.realm).await;
        let access = keys
            .access(&tokens.access, &scene.realm.issuer())
            .expect("verifies");
        assert_eq!(access.subject(), scene.alice.id);
        assert_eq!(access.string("client_id"), Some(&*application.client_id));
        assert_eq!(
            access.string("scope"),
            Some("email offline_access openid profile")
        );
        for claim in ["jti", "sid", "iat", "auth_time"] {
            assert!(access.get(claim).is_some(), "{kind}: no {claim}");
        }
        let id = keys.id(tokens.id(), &application.client_id).expect("verifies");
        assert_eq!(id.subject(), scene.alice.id);
        assert_eq!(id.string("nonce"), Some(&*request.nonce));
        assert_eq!(id.strings("amr"), Some(vec!["pwd"]));
        assert_eq!(id.get("sid"), access.get("sid"));
        assert!(id.seconds("auth_time").is_some() && id.string("at_hash").is_some());
        keys.id(&tokens.access, &application.client_id)
            .expect_err("an access token is no id token");
        keys.access(tokens.id(), &application.client_id)
            .expect_err("an id token is no access token");
    }
}

#[tokio::test]
async fn the_sign_in_page_protects_who_uses_it() {
    let (_server, scene) = scene("spa").await;
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
        ["username", "password", "flow"]
            .iter()
            .all(|name| form.names.iter().any(|held| held == name))
    );
    let _ = browser
        .fill(&page, &scene.alice.username, &scene.alice.password)
        .await
        .back();
    assert!(browser.set_cookies.iter().all(|cookie| {
        let cookie = cookie.to_lowercase();
        cookie.contains("httponly")
            && cookie.contains("samesite=lax")
            && cookie.contains("path=/")
            && !cookie.contains("domain")
    }));
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again_and_is_in_the_log() {
    let (_server, scene) = scene("spa").await;
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
    let (_server, scene) = scene("spa").await;
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
    let (_server, scene) = scene("web").await;
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
    let (_server, scene) = scene("spa").await;
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
            "request_not_supported",
        ),
        (
            "a request uri",
            scene.ask().with("request_uri", "https://evil.example/r"),
            "request_uri_not_supported",
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
async fn a_code_answers_one_request_of_one_application_in_full() {
    let (_server, scene) = scene("web").await;
    let other = scene
        .realm
        .application_with("web", json!({"redirect_uris": [scene.application.redirect_uri]}))
        .await;
    let request = scene.ask();
    let code = scene.code(&request).await;
    let (code, uri) = (code.code(), scene.application.redirect_uri.clone());
    let form = |code: &str, uri: &str, verifier: &str| {
        [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", uri),
            ("code_verifier", verifier),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let verifier = request.verifier.as_str();
    let altered = format!(
        "{}{}",
        &code[..code.len() - 1],
        if code.ends_with('A') { 'B' } else { 'A' }
    );
    for (how, form) in [
        ("a wrong verifier", form(code, &uri, &format!("{verifier}x"))),
        (
            "the challenge for a verifier",
            form(code, &uri, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ),
        ("an empty verifier", form(code, &uri, "")),
        (
            "another redirect URI",
            form(code, "https://evil.example/cb", verifier),
        ),
        ("no redirect URI", form(code, "", verifier)),
        ("an altered code", form(&altered, &uri, verifier)),
        ("half a code", form(&code[..code.len() / 2], &uri, verifier)),
        ("any text", form("code", &uri, verifier)),
    ] {
        let form: Vec<_> = form
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let answer = scene.token(&form).await;
        assert_eq!(
            (answer.status, answer.field("error")),
            (400, "invalid_grant".to_owned()),
            "{how}: {}",
            answer.text
        );
    }
    let missing = form(code, &uri, verifier);
    let without_code: Vec<_> = missing
        .iter()
        .filter(|(name, _)| name != "code")
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let _ = scene
        .token(&without_code)
        .await
        .is_oauth_error(400, "invalid_request");

    let thief = Application {
        redirect_uri: uri.clone(),
        ..other
    };
    let _ = scene
        .realm
        .redeem(&thief, code, &request)
        .await
        .is_oauth_error(400, "invalid_grant");
    Tokens::from(scene.realm.redeem(&scene.application, code, &request).await);
}

#[tokio::test]
async fn a_verifier_without_a_challenge_is_refused() {
    let (_server, scene) = scene("web").await;
    let request = scene
        .ask()
        .without("code_challenge")
        .without("code_challenge_method");
    let code = scene.code(&request).await;
    let refused = scene
        .realm
        .redeem(&scene.application, code.code(), &request)
        .await;
    let _ = refused.is_oauth_error(400, "invalid_grant");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.code()),
        ("redirect_uri", &scene.application.redirect_uri),
    ];
    Tokens::from(scene.token(&form).await);
}

#[tokio::test]
async fn a_code_that_is_used_again_ends_what_it_started() {
    let (_server, scene) = scene("spa").await;
    let resource = scene.realm.application("service").await;
    let request = Authorization::new(&scene.realm, &scene.application, "openid offline_access");
    let code = scene.code(&request).await;
    let tokens = Tokens::from(
        scene
            .realm
            .redeem(&scene.application, code.code(), &request)
            .await,
    );
    assert!(scene.realm.is_active(&resource, &tokens.access).await);

    let again = scene
        .realm
        .redeem(&scene.application, code.code(), &request)
        .await;
    let _ = again.is_oauth_error(400, "invalid_grant");
    assert!(!scene.realm.is_active(&resource, &tokens.access).await);
    let refreshed = scene.realm.refresh(&scene.application, tokens.refresh()).await;
    let _ = refreshed.is_oauth_error(400, "invalid_grant");
    let revoked = eventually("the revocation is found", async || {
        let found = scene.realm.events("activity", "&type=grant.revoked").await;
        found.into_iter().next()
    });
    assert_eq!(revoked.await["data"]["reason"], "reused");
}

#[tokio::test]
async fn a_code_ends_after_the_seconds_of_the_realm() {
    let (_server, scene) = scene("spa").await;
    scene.realm.set(json!({"tokens": {"code_seconds": 10}})).await;
    let request = scene.ask();
    let code = scene.code(&request).await;
    let still = scene.ask();
    tokio::time::sleep(std::time::Duration::from_millis(10_100)).await;
    let refused = scene
        .realm
        .redeem(&scene.application, code.code(), &request)
        .await;
    let _ = refused.is_oauth_error(400, "invalid_grant");
    let fresh = scene.code(&still).await;
    Tokens::from(scene.realm.redeem(&scene.application, fresh.code(), &still).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_who_redeem_one_code_get_one_answer_also_across_a_restart() {
    let server = Server::start(Options::default());
    let realm = Realm::on(&server).await;
    let (application, alice, resource) = (
        realm.application("spa").await,
        realm.user().await,
        realm.application("service").await,
    );
    let request = Authorization::new(&realm, &application, "openid offline_access");
    let redeem = async |code: &str| {
        at_once(100, |_| {
            let (realm, application, request, code) = (
                realm.clone(),
                application.clone(),
                request.clone(),
                code.to_owned(),
            );
            async move { realm.redeem(&application, &code, &request).await }
        })
        .await
    };
    let granted = |answers: Vec<Answer>| -> Vec<Answer> {
        let (granted, refused): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        assert!(
            refused.iter().all(|answer| answer.status == 400),
            "{:?}",
            refused.iter().find(|answer| answer.status != 400)
        );
        granted
    };
    let first = Browser::new(&realm).sign_in(&request, &alice).await;
    let mut answers = granted(redeem(first.code()).await);
    assert_eq!(answers.len(), 1, "one code, one grant");
    let tokens = Tokens::from(answers.remove(0));
    assert!(
        !realm.is_active(&resource, &tokens.access).await,
        "and it ended, since others held the code"
    );

    // A code from before the restart is good after it, once; one that was used is not.
    let second = Browser::new(&realm).sign_in(&request, &alice).await;
    let _server = server.restart();
    let _ = realm
        .redeem(&application, first.code(), &request)
        .await
        .is_oauth_error(400, "invalid_grant");
    assert_eq!(granted(redeem(second.code()).await).len(), 1);
}

#[tokio::test]
async fn the_answer_comes_as_a_form_or_in_the_fragment_if_it_is_asked_for_so() {
    let (_server, scene) = scene("web").await;
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
    let (_server, scene) = scene("web").await;
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
async fn a_sign_in_form_works_once_in_the_browser_that_it_was_opened_in() {
    let (_server, scene) = scene("spa").await;
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
    let (_server, scene) = scene("spa").await;
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

#[tokio::test]
async fn nothing_of_one_realm_works_in_another() {
    let (server, scene) = scene("spa").await;
    let there = Realm::on(&server).await;
    let redirect = json!({"redirect_uris": [scene.application.redirect_uri]});
    let (twin, service) = (
        there.application_with("spa", redirect).await,
        there.application("service").await,
    );
    let resource = scene.realm.application("service").await;
    let mut browser = Browser::new(&scene.realm);
    let tokens = scene
        .realm
        .sign_in_with(
            &mut browser,
            &scene.application,
            &scene.alice,
            "openid manage offline_access",
        )
        .await;
    let request = scene.ask();
    let code = browser.open(&request.url()).await.back();

    let twin = Application {
        redirect_uri: scene.application.redirect_uri.clone(),
        ..twin
    };
    let _ = there
        .redeem(&twin, code.code(), &request)
        .await
        .is_oauth_error(400, "invalid_grant");
    let _ = there
        .redeem(&scene.application, code.code(), &request)
        .await
        .is_oauth_error(401, "invalid_client");
    let _ = there
        .refresh(&twin, tokens.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
    assert!(scene.realm.is_active(&resource, &tokens.access).await);
    assert!(!there.is_active(&service, &tokens.access).await);
    let userinfo = there
        .api
        .http()
        .get(there.endpoint("userinfo"))
        .bearer_auth(&tokens.access);
    let _ = Answer::to(userinfo).await.is(401);
    let _ = there
        .own_token(&resource)
        .await
        .is_oauth_error(401, "invalid_client");

    let mut moved = Browser::new(&there);
    moved.take(browser.cookies());
    let _ = moved
        .open(&Authorization::new(&there, &twin, "openid").url())
        .await
        .sign_in_page();
    let page = moved
        .open(&Authorization::new(&there, &twin, "openid").url())
        .await
        .sign_in_page();
    let here = format!("{}/sign-in", scene.realm.issuer());
    let mut form = form_of(&page.text).hidden;
    form.extend([
        ("username".to_owned(), scene.alice.username.clone()),
        ("password".to_owned(), scene.alice.password.clone()),
    ]);
    let answer = moved.post(&here, &form).await.page();
    assert_eq!(answer.status, 400, "a form of another realm: {}", answer.text);
    Tokens::from(
        scene
            .realm
            .redeem(&scene.application, code.code(), &request)
            .await,
    );
}

#[tokio::test]
async fn secrets_of_a_sign_in_are_in_no_log_line_and_no_event() {
    let server = Server::start(Options::default().with("CHANCERY_TELEMETRY__FILTER", "trace"));
    let realm = Realm::on(&server).await;
    let (application, alice) = (realm.application("web").await, realm.user().await);
    let mut browser = Browser::new(&realm);
    let request = Authorization::new(&realm, &application, "openid offline_access");
    let wrong = password();
    let page = browser.open(&request.url()).await.sign_in_page();
    let page = browser.fill(&page, &alice.username, &wrong).await.sign_in_page();
    let callback = browser.fill(&page, &alice.username, &alice.password).await.back();
    let tokens = Tokens::from(realm.redeem(&application, callback.code(), &request).await);
    let next = Tokens::from(realm.refresh(&application, tokens.refresh()).await);
    let facts = json!(realm.events("facts", "").await).to_string();
    let activity = json!(realm.events("activity", "").await).to_string();
    let said = server.said();
    assert!(said.contains("TRACE"), "the log says everything that it can");
    let secret = application.secret.clone().expect("a secret");
    for (what, secret) in [
        ("the password", &alice.password),
        ("a wrong password", &wrong),
        ("the code", &callback.code().to_owned()),
        ("the access token", &tokens.access),
        ("the refresh token", &tokens.refresh().to_owned()),
        ("the next refresh token", &next.refresh().to_owned()),
        ("the client secret", &secret),
        ("the verifier", &request.verifier),
        ("the administrator's token", &realm.api.token().to_owned()),
        ("the session cookie", &browser.cookies()[0].1),
    ] {
        for (place, text) in [
            ("the log", &said),
            ("the facts", &facts),
            ("the activity", &activity),
        ] {
            assert!(!text.contains(secret.as_str()), "{what} is in {place}");
        }
    }
    assert!(
        !said.contains(&alice.username) && !said.contains(&alice.email),
        "personal data is in the log"
    );
}

#[tokio::test]
async fn statuses_are_those_of_the_standards() {
    let (_server, scene) = scene("spa").await;
    let mut browser = Browser::new(&scene.realm);
    let request = browser.http().get(scene.ask().url());
    let answer = browser.send(request).await;
    assert_eq!(
        answer.status,
        StatusCode::SEE_OTHER.as_u16(),
        "never 307: that would post the password on"
    );
}
