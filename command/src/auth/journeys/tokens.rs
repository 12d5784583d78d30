//! What applications do with codes and tokens.

use super::*;

#[tokio::test]
async fn a_code_becomes_tokens_that_hold() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let code = browser.code(&[("scope", "openid email orders")]).await;
    let answer = world.redeem(&code).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 600);
    assert_eq!(tokens["scope"], "email openid orders");
    assert_eq!(
        tokens.get("refresh_token"),
        None,
        "nobody asked for offline_access"
    );

    let access = world
        .commands
        .edge
        .verify_access_token(tokens["access_token"].as_str().unwrap())
        .await
        .unwrap();
    assert_eq!((access.user, access.client), (Some(ALICE), SPA));
    assert_eq!(access.audience, [ISSUER]);
    let claims = world.id_claims(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(claims.subject(), ALICE.to_string());
    assert_eq!(claims.string("nonce"), Some("the-nonce"));
    assert_eq!(claims.string("email"), Some("alice@example.org"));
    assert_eq!(
        claims.string("sid").map(str::to_owned),
        access.session.map(|session| session.to_string())
    );
    assert_eq!(
        world.activity(0).await,
        [
            "login.attempted",
            "session.started",
            "known_device.added",
            "guard.cleared",
            "code.issued",
            "grant.started",
            "token.issued"
        ]
    );
}

#[tokio::test]
async fn a_code_used_again_ends_what_it_started() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let code = browser.code(&[("scope", "openid offline_access")]).await;
    let tokens = world.redeem(&code).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    assert!(world.is_good(access).await);
    assert_eq!(world.redeem(&code).await.error(), "invalid_grant");
    assert!(!world.is_good(access).await);
    assert_eq!(
        world
            .refresh(tokens["refresh_token"].as_str().unwrap())
            .await
            .error(),
        "invalid_grant"
    );
    assert_eq!(world.redeem(&code).await.error(), "invalid_grant");
    assert_eq!(world.activity(7).await, ["grant.revoked"], "and that once");
}

#[tokio::test]
async fn a_code_is_bound_to_all_that_it_was_issued_for() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let code = browser.code(&[]).await;
    let (spa, web) = (SPA.to_string(), WEB.to_string());
    let good = [
        ("grant_type", "authorization_code"),
        ("client_id", spa.as_str()),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let with = |changes: &[(&'static str, String)]| {
        let mut params: BTreeMap<&str, String> = good
            .iter()
            .map(|&(name, value)| (name, value.to_owned()))
            .collect();
        params.extend(changes.iter().cloned());
        params.retain(|_, value| !value.is_empty());
        params
    };
    let last = if code.ends_with('A') { 'B' } else { 'A' };
    let altered = format!("{}{last}", &code[..code.len() - 1]);
    for changes in [
        vec![("redirect_uri", "https://app.example/other".to_owned())],
        vec![("redirect_uri", String::new())],
        vec![("code_verifier", String::new())],
        vec![("code_verifier", VERIFIER.replace('d', "e"))],
        vec![("code", altered)],
        vec![("client_id", web), ("client_secret", SECRET.to_owned())],
    ] {
        let params = with(&changes);
        let params: Vec<_> = params
            .iter()
            .map(|(&name, value)| (name, value.as_str()))
            .collect();
        assert_eq!(
            world.call("token", &params).await.error(),
            "invalid_grant",
            "{changes:?}"
        );
    }
    assert_eq!(
        world.call_in("other", "token", &good).await.error(),
        "invalid_grant",
        "the same client, elsewhere"
    );
    assert_eq!(
        world.call("token", &good).await.status,
        StatusCode::OK,
        "none of that used it up"
    );

    let late = browser.authorize(&[]).await.param("code");
    world.clock.advance(60);
    assert_eq!(world.redeem(&late).await.error(), "invalid_grant");
}

#[tokio::test]
async fn a_verifier_without_a_challenge_is_refused() {
    let world = World::new().await;
    let web = WEB.to_string();
    let browser = Browser::new(&world);
    let code = browser
        .code(&[
            ("client_id", &web),
            ("code_challenge", ""),
            ("code_challenge_method", ""),
        ])
        .await;
    let mut params = vec![
        ("grant_type", "authorization_code"),
        ("client_id", web.as_str()),
        ("client_secret", SECRET),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    assert_eq!(world.call("token", &params).await.error(), "invalid_grant");
    params.pop();
    assert_eq!(world.call("token", &params).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_application_acts_for_itself() {
    let world = World::new().await;
    let (service, web, spa) = (SERVICE.to_string(), WEB.to_string(), SPA.to_string());
    let ask = async |client: &str, more: &[(&str, &str)]| {
        let base = [("grant_type", "client_credentials"), ("client_id", client)];
        world.call("token", &[&base[..], more].concat()).await
    };
    let secret = ("client_secret", SECRET);
    let answer = ask(&service, &[secret]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let tokens = answer.json();
    assert_eq!(tokens["scope"], "orders");
    assert_eq!(
        (tokens.get("refresh_token"), tokens.get("id_token")),
        (None, None)
    );
    let access = world
        .commands
        .edge
        .verify_access_token(tokens["access_token"].as_str().unwrap())
        .await
        .unwrap();
    assert_eq!(
        (access.user, access.client, access.session),
        (None, SERVICE, None)
    );
    assert_eq!(access.claims.subject(), service);
    assert_eq!(world.activity(0).await, ["token.issued"]);

    assert_eq!(
        ask(&service, &[secret, ("scope", "openid")]).await.error(),
        "invalid_scope"
    );
    assert_eq!(
        ask(&service, &[secret, ("resource", "https://x.example")])
            .await
            .error(),
        "invalid_target"
    );
    assert_eq!(ask(&spa, &[]).await.error(), "unauthorized_client");
    assert_eq!(ask(&web, &[secret]).await.error(), "unauthorized_client");
    world.assign(WEB, Role::Application).await;
    assert_eq!(
        ask(&web, &[secret]).await.status,
        StatusCode::OK,
        "it holds a role now"
    );
    let wrong = ask(&service, &[("client_secret", "wrong")]).await;
    assert_eq!(
        (wrong.status, wrong.error().as_str()),
        (StatusCode::UNAUTHORIZED, "invalid_client")
    );
}

#[tokio::test]
async fn other_grants_and_bad_requests_are_refused_by_name() {
    let world = World::new().await;
    let (spa, service) = (SPA.to_string(), SERVICE.to_string());
    let ask = async |params: &[(&str, &str)]| world.call("token", params).await.error();
    assert_eq!(ask(&[("client_id", &spa)]).await, "invalid_request");
    for grant in ["password", "implicit", "urn:example:grant"] {
        assert_eq!(
            ask(&[("client_id", &spa), ("grant_type", grant)]).await,
            "unsupported_grant_type"
        );
    }
    assert_eq!(
        ask(&[("client_id", &spa), ("grant_type", "authorization_code")]).await,
        "invalid_request"
    );
    assert_eq!(
        ask(&[("client_id", &spa), ("grant_type", "refresh_token")]).await,
        "invalid_request"
    );
    let no_users = [
        ("client_id", service.as_str()),
        ("client_secret", SECRET),
        ("grant_type", "refresh_token"),
    ];
    assert_eq!(ask(&no_users).await, "unauthorized_client");
    assert_eq!(
        ask(&[("client_id", &spa), ("client_id", &spa)]).await,
        "invalid_request"
    );
    assert!(world.activity(0).await.is_empty());
}

#[tokio::test]
async fn an_application_gives_its_own_tokens_back() {
    let world = World::new().await;
    let (spa, web) = (SPA.to_string(), WEB.to_string());
    let (_, tokens) = world.tokens("openid offline_access").await;
    let (access, refresh) = (
        tokens["access_token"].as_str().unwrap(),
        tokens["refresh_token"].as_str().unwrap(),
    );
    for token in [access, refresh, "nonsense", "a.b.c"] {
        let foreign = [
            ("client_id", web.as_str()),
            ("client_secret", SECRET),
            ("token", token),
        ];
        let answer = world.call("revoke", &foreign).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, ""),
            "it learns nothing"
        );
    }
    assert!(world.is_good(access).await);
    let head = world.head(Lane::Activity).await;
    for _ in 0..2 {
        let answer = world
            .call("revoke", &[("client_id", &spa), ("token", access)])
            .await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    assert!(!world.is_good(access).await);
    let again = world.refresh(refresh).await.json();
    let (access, refresh) = (
        again["access_token"].as_str().unwrap(),
        again["refresh_token"].as_str().unwrap(),
    );
    assert!(world.is_good(access).await, "the grant goes on");
    assert_eq!(
        world
            .call("revoke", &[("client_id", &spa), ("token", refresh)])
            .await
            .status,
        StatusCode::OK
    );
    assert!(!world.is_good(access).await, "the family ended");
    assert_eq!(world.refresh(refresh).await.error(), "invalid_grant");
    assert_eq!(
        world.activity(head).await,
        [
            "token.revoked",
            "grant.refreshed",
            "token.issued",
            "grant.revoked"
        ]
    );
    assert_eq!(
        world.call("revoke", &[("client_id", &spa)]).await.error(),
        "invalid_request"
    );
    assert_eq!(
        world.call("revoke", &[("token", access)]).await.error(),
        "invalid_client"
    );
}

#[tokio::test]
async fn tokens_are_signed_as_the_application_wants() {
    let world = World::new().await;
    let settings = ApplicationSettings {
        name: "The App".to_owned(),
        redirect_uris: vec![CALLBACK.to_owned()],
        audiences: vec![
            "https://api.example".to_owned(),
            "https://other.example".to_owned(),
        ],
        id_token_signed_response_alg: Some("EdDSA".to_owned()),
        access_token_seconds: Some(120),
        custom_claims: BTreeMap::from([("tier".to_owned(), Value::from("gold"))]),
        ..ApplicationSettings::default()
    };
    let changed = ApplicationEvent::Changed {
        fields: Vec::new(),
        settings: Box::new(settings),
    };
    world.tell::<Application>(DEMO, SPA.0, changed).await;
    let (_, tokens) = world.tokens("openid").await;
    assert_eq!(tokens["expires_in"], 120);
    let header = |token: &Value| -> Value {
        let header = token.as_str().unwrap().split('.').next().unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
    };
    assert_eq!(
        (
            &header(&tokens["id_token"])["alg"],
            &header(&tokens["access_token"])["alg"]
        ),
        (&"EdDSA".into(), &"ES256".into())
    );
    assert_eq!(header(&tokens["access_token"])["typ"], "at+jwt");
    let access = world
        .commands
        .edge
        .verify_access_token(tokens["access_token"].as_str().unwrap())
        .await
        .unwrap();
    assert_eq!(access.audience, ["https://api.example", "https://other.example"]);
    assert_eq!(access.claims.string("tier"), Some("gold"));
    let code = Browser::new(&world)
        .code(&[("resource", "https://other.example")])
        .await;
    let tokens = world.redeem(&code).await.json();
    let access = world
        .commands
        .edge
        .verify_access_token(tokens["access_token"].as_str().unwrap())
        .await
        .unwrap();
    assert_eq!(access.audience, ["https://other.example"]);
}

#[tokio::test]
async fn applications_in_browsers_may_call() {
    let world = World::new().await;
    for endpoint in ["token", "revoke"] {
        let path = format!("/realms/demo/oauth2/{endpoint}");
        let preflight = Request::options(&path)
            .header(header::ORIGIN, "https://app.example")
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .body(Body::empty())
            .unwrap();
        for answer in [world.send(preflight).await, world.call(endpoint, &[]).await] {
            assert_eq!(answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
            assert!(
                !answer
                    .headers
                    .contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS)
            );
        }
    }
}
