//! What becomes of what is under way when the application changes: authority is asked for when it is used.

use super::*;

#[tokio::test]
async fn a_form_that_waited_sends_nothing_to_a_redirect_uri_that_is_gone() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    world
        .reconfigure(|settings| settings.redirect_uris = vec!["https://app.example/new".to_owned()])
        .await;
    let shown = browser.get(&format!("/realms/demo/sign-in?flow={flow}")).await;
    let sent = browser.submit(&flow, "alice", PASSWORD).await;
    for answer in [shown, sent] {
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(!answer.headers.contains_key(header::LOCATION) && !answer.body.contains(CALLBACK));
    }
    assert!(world.activity(0).await.is_empty());
}

#[tokio::test]
async fn a_form_that_waited_gives_no_scope_that_was_taken() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[("scope", "openid orders")]).await;
    world.reconfigure(|settings| settings.scopes.clear()).await;
    let answer = browser.submit(&flow, "alice", PASSWORD).await;
    assert_eq!(
        (answer.param("error").as_str(), answer.param("code").as_str()),
        ("invalid_scope", "")
    );
    assert_eq!(
        world.activity(0).await,
        [
            "login.attempted",
            "session.started",
            "known_device.added",
            "guard.cleared"
        ]
    );
    assert!(
        !browser.authorize(&[]).await.param("code").is_empty(),
        "signed in they are"
    );
}

#[tokio::test]
async fn a_code_is_worth_what_its_application_still_has() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let both = browser.code(&[("scope", "openid orders")]).await;
    let one = browser.authorize(&[("scope", "orders")]).await.param("code");
    let moved = browser.authorize(&[]).await.param("code");
    world.reconfigure(|settings| settings.scopes.clear()).await;
    let tokens = world.redeem(&both).await.json();
    assert_eq!(tokens["scope"], "openid");
    let access = world
        .commands
        .edge
        .verify_access_token(tokens["access_token"].as_str().unwrap())
        .await
        .unwrap();
    assert!(!access.scopes.contains("orders"));
    assert_eq!(world.redeem(&one).await.error(), "invalid_scope");
    world
        .reconfigure(|settings| settings.redirect_uris = vec!["https://app.example/new".to_owned()])
        .await;
    assert_eq!(world.redeem(&moved).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_code_used_again_ends_what_it_started_whatever_became_of_its_scopes() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[("scope", "orders")]).await;
    let tokens = world.redeem(&code).await.json();
    world.reconfigure(|settings| settings.scopes.clear()).await;
    assert_eq!(world.redeem(&code).await.error(), "invalid_grant");
    assert!(!world.is_good(tokens["access_token"].as_str().unwrap()).await);
}

#[tokio::test]
async fn nothing_is_spent_on_a_token_that_cannot_be_made() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let code = browser.code(&[("scope", "openid offline_access")]).await;
    let tokens = world.redeem(&code).await.json();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let code = browser.authorize(&[]).await.param("code");
    let head = world.head(Lane::Activity).await;
    // More than registration lets pass, as attributes of a user may still add up to.
    let claims = BTreeMap::from([("much".to_owned(), Value::from("x".repeat(20_000)))]);
    world
        .reconfigure(|settings| settings.custom_claims = claims)
        .await;
    for answer in [world.redeem(&code).await, world.refresh(refresh).await] {
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (StatusCode::BAD_REQUEST, "invalid_request")
        );
        assert!(answer.body.contains("too long"), "{}", answer.body);
    }
    assert!(world.activity(head).await.is_empty());
    world.reconfigure(|settings| settings.custom_claims.clear()).await;
    assert_eq!(world.redeem(&code).await.status, StatusCode::OK);
    assert_eq!(world.refresh(refresh).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_application_with_all_that_it_may_have_gets_its_token() {
    let world = World::new().await;
    let texts = |count: usize, length: usize| -> Vec<String> {
        (0..count).map(|number| format!("{number:0>length$}")).collect()
    };
    let most = |settings: ApplicationSettings| ApplicationSettings {
        scopes: texts(100, 37),
        audiences: texts(20, 98),
        custom_claims: BTreeMap::from([("most".to_owned(), Value::from("x".repeat(4_084)))]),
        access_token_signed_response_alg: Some("RS256".to_owned()),
        ..settings
    };
    let tell = async |settings: ApplicationSettings| {
        let fields = Vec::new();
        world
            .tell::<Application>(
                DEMO,
                SERVICE.0,
                ApplicationEvent::Changed {
                    fields,
                    settings: Box::new(settings),
                },
            )
            .await;
    };
    let ask = async || {
        let service = SERVICE.to_string();
        let params = [
            ("grant_type", "client_credentials"),
            ("client_id", service.as_str()),
            ("client_secret", SECRET),
        ];
        world.call("token", &params).await
    };
    let service = ApplicationSettings {
        name: "The App".to_owned(),
        ..ApplicationSettings::default()
    };
    let settings = most(service);
    assert_eq!(
        crate::applications::rules::check(&settings, ApplicationType::Service),
        Ok(())
    );
    tell(settings.clone()).await;
    let answer = ask().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let head = world.head(Lane::Activity).await;
    tell(ApplicationSettings {
        scopes: texts(90, 240),
        ..settings
    })
    .await;
    assert_eq!(ask().await.status, StatusCode::BAD_REQUEST);
    assert!(world.activity(head).await.is_empty());
}

#[tokio::test]
async fn asking_without_wanting_an_answer_has_no_effect() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    browser.code(&[]).await;
    let tokens = world
        .redeem(&browser.authorize(&[]).await.param("code"))
        .await
        .json();
    let head = world.head(Lane::Activity).await;
    let hint = tokens["id_token"].as_str().unwrap();
    for path in [
        format!("authorize?{}", encoded(&authorization(&[]))),
        format!("logout?id_token_hint={hint}"),
    ] {
        let request = Request::head(format!("/realms/demo/oauth2/{path}"));
        let answer = browser.go(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers[header::ALLOW], "GET, POST");
    }
    assert!(world.activity(head).await.is_empty());
}
