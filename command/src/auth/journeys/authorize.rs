//! Asking for a code: who is asked to sign in, and who hears of what is wrong.

use super::*;

#[tokio::test]
async fn who_is_signed_in_is_not_asked_again_unless_the_application_wants_it() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    browser.code(&[]).await;
    assert!(!browser.authorize(&[]).await.param("code").is_empty());
    assert!(
        !browser
            .authorize(&[("prompt", "none")])
            .await
            .param("code")
            .is_empty()
    );
    assert!(
        !browser
            .authorize(&[("max_age", "600")])
            .await
            .param("code")
            .is_empty()
    );
    for changes in [
        [("prompt", "login")],
        [("prompt", "select_account")],
        [("max_age", "0")],
    ] {
        browser.flow(&changes).await;
    }
    world.clock.advance(601);
    browser.flow(&[("max_age", "600")]).await;
    let answer = browser.authorize(&[("max_age", "600"), ("prompt", "none")]).await;
    assert_eq!(answer.param("error"), "login_required");
    assert!(!browser.authorize(&[]).await.param("code").is_empty());
    assert_eq!(
        world.activity(2).await.last().map(String::as_str),
        Some("code.issued")
    );
    assert!(world.activity(0).await.contains(&"session.continued".to_owned()));
}

#[tokio::test]
async fn nobody_signed_in_and_nothing_to_be_shown_is_an_error() {
    let world = World::new().await;
    let answer = Browser::new(&world).authorize(&[("prompt", "none")]).await;
    assert_eq!(answer.param("error"), "login_required");
    assert_eq!(answer.param("state"), "the-state");
    assert_eq!(answer.param("iss"), ISSUER);
}

#[tokio::test]
async fn what_is_wrong_with_the_client_is_a_page_and_never_a_redirect() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let unknown = Uuid::from_u128(0xff).to_string();
    let service = SERVICE.to_string();
    for changes in [
        [("client_id", "")],
        [("client_id", unknown.as_str())],
        [("client_id", service.as_str())],
        [("redirect_uri", "")],
        [("redirect_uri", "https://evil.example/cb")],
    ] {
        let answer = browser.authorize(&changes).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{changes:?}");
        assert!(!answer.headers.contains_key(header::LOCATION));
        assert!(
            answer.headers[header::CONTENT_TYPE]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
    }
    let twice = encoded(&authorization(&[])) + "&state=again";
    assert_eq!(
        browser
            .get(&format!("/realms/demo/oauth2/authorize?{twice}"))
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
    let disabled = ApplicationEvent::Disabled { reason: None };
    world.tell::<Application>(DEMO, SPA.0, disabled).await;
    assert_eq!(browser.authorize(&[]).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_is_wrong_with_the_request_is_told_to_the_application() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    for (changes, error) in [
        ([("response_type", "token")], "unsupported_response_type"),
        ([("scope", "openid payments")], "invalid_scope"),
        ([("code_challenge_method", "plain")], "invalid_request"),
        ([("id_token_hint", "a.b.c")], "invalid_request"),
        ([("request", "x")], "invalid_request_object"),
    ] {
        let answer = browser.authorize(&changes).await;
        assert_eq!(answer.param("error"), error);
        assert_eq!(
            (answer.param("state").as_str(), answer.param("iss").as_str()),
            ("the-state", ISSUER)
        );
    }
}

#[tokio::test]
async fn a_realm_that_is_suspended_answers_like_one_that_is_not_there() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let body = |answer: &Answer, name: &str| {
        // The request's id is another each time.
        let text = answer.body.replace(name, "…");
        text.split_once("<code")
            .map_or(text.clone(), |(before, _)| before.to_owned())
    };
    let missing = browser.get("/realms/nobody/sign-in").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    world
        .tell::<Realm>(RealmId::SYSTEM, DEMO.0, RealmEvent::Suspended { reason: None })
        .await;
    let suspended = browser.get("/realms/demo/sign-in").await;
    assert_eq!(suspended.status, StatusCode::NOT_FOUND);
    assert_eq!(body(&missing, "nobody"), body(&suspended, "demo"));
    assert_eq!(browser.authorize(&[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.call("token", &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_answer_can_travel_in_a_form_or_a_fragment() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[("response_mode", "form_post")]).await;
    let page = browser.submit(&flow, "alice", PASSWORD).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.body.contains(r#"name="code""#) && page.body.contains(CALLBACK),
        "{}",
        page.body
    );
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("script-src 'self'"), "{policy}");
    let answer = browser.authorize(&[("response_mode", "fragment")]).await;
    assert!(answer.location().starts_with(&format!("{CALLBACK}#code=")));
}

#[tokio::test]
async fn another_than_the_hinted_user_gets_nothing() {
    let world = World::new().await;
    let (browser, tokens) = world.tokens("openid").await;
    let hint = tokens["id_token"].as_str().unwrap();
    let answer = browser
        .authorize(&[("id_token_hint", hint), ("prompt", "none")])
        .await;
    assert!(!answer.param("code").is_empty(), "the one who is meant");
    let bob = UserId(Uuid::from_u128(0xb0));
    let profile = Profile {
        username: Some("bob".to_owned()),
        ..Profile::default()
    };
    let registered = UserEvent::Registered {
        profile: profile.into(),
    };
    world
        .tell_claiming::<User>(DEMO, bob.0, registered, Some((ClaimKind::LoginName, "bob")))
        .await;
    let hash = world
        .commands
        .hasher
        .hash(&SecretString::from(PASSWORD))
        .await
        .unwrap();
    let credential = CredentialId(world.kernel().new_id());
    world
        .tell::<Password>(
            DEMO,
            bob.0,
            UserEvent::PasswordSet {
                credential,
                hash: hash.into(),
                keeps: None,
            },
        )
        .await;
    world.clock.advance(1);
    let other = Browser::new(&world);
    let flow = other.flow(&[("id_token_hint", hint)]).await;
    assert_eq!(
        other.submit(&flow, "bob", PASSWORD).await.param("error"),
        "login_required"
    );
    let answer = other
        .authorize(&[("id_token_hint", hint), ("prompt", "none")])
        .await;
    assert_eq!(answer.param("error"), "login_required");
}

#[tokio::test]
async fn a_request_that_another_site_posts_finds_the_session() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    browser.code(&[]).await;
    let answer = world.call("authorize", &authorization(&[])).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let again = answer.location();
    assert!(again.starts_with("/realms/demo/oauth2/authorize?"), "{again}");
    assert!(!browser.get(again).await.param("code").is_empty());
}
