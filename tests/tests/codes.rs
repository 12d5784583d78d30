//! Authorization codes (RFC 6749, section 4.1.3; RFC 7636): good once, for one request of one application of one realm, for
//! a minute at most; and what they are exchanged for verifies with the published keys.

use chancery_tests::harness::{
    Answer, Application, Authorization, Browser, Keys, Options, Realm, Scene, Server, Tokens, at_once,
    eventually, form_of, password,
};
use serde_json::json;

#[tokio::test]
async fn web_single_page_and_native_applications_get_tokens_that_verify_with_the_published_keys() {
    for kind in ["web", "spa", "native"] {
        let scene = Scene::of(kind).await;
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
async fn a_code_answers_one_request_of_one_application_in_full() {
    let scene = Scene::of("web").await;
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
    let scene = Scene::of("web").await;
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
    let scene = Scene::of("spa").await;
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
    let scene = Scene::of("spa").await;
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
async fn nothing_of_one_realm_works_in_another() {
    let scene = Scene::of("spa").await;
    let there = Realm::new(&scene.realm.api).await;
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
    assert!(said.contains("DEBUG"), "the log says everything that it can");
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
