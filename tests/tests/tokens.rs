//! Tokens after they were issued: refreshed once each, narrowed, introspected, given back; all of it in the log, and no
//! token in it.

use chancery_tests::harness::{
    Application, Options, Realm, Scene, Server, Tokens, at_once, payload_of, tampered,
};
use serde_json::{Value, json};

#[tokio::test]
async fn each_refresh_token_is_good_once_and_the_next_one_takes_its_place() {
    for kind in ["spa", "web", "native"] {
        let scene = Scene::of(kind).await;
        let first = scene.tokens("openid offline_access").await;
        let second = Tokens::from(scene.realm.refresh(&scene.application, first.refresh()).await);
        let third = Tokens::from(scene.realm.refresh(&scene.application, second.refresh()).await);
        assert_ne!(first.refresh(), second.refresh());
        assert_ne!(payload_of(&first.access)["jti"], payload_of(&third.access)["jti"]);
        assert_eq!(payload_of(first.id())["sub"], payload_of(third.id())["sub"]);
        assert_eq!(
            payload_of(first.id())["auth_time"],
            payload_of(third.id())["auth_time"]
        );
        assert!(
            payload_of(third.id())["nonce"].is_null(),
            "a refreshed id token answers no request"
        );
        assert!(scene.is_active(&third.access).await);
    }
}

#[tokio::test]
async fn without_offline_access_there_is_no_refresh_token() {
    let scene = Scene::of("web").await;
    assert!(scene.tokens("openid").await.refresh.is_none());
    let tokens = scene.tokens("orders:read").await;
    assert!(tokens.id.is_none(), "nor an id token without openid");
}

#[tokio::test]
async fn a_refresh_token_that_is_used_twice_ends_its_family() {
    let scene = Scene::of("spa").await;
    let first = scene.tokens("openid offline_access").await;
    let second = Tokens::from(scene.realm.refresh(&scene.application, first.refresh()).await);
    assert!(scene.is_active(&second.access).await);
    let _ = scene
        .realm
        .refresh(&scene.application, first.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
    let _ = scene
        .realm
        .refresh(&scene.application, second.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
    assert!(!scene.is_active(&first.access).await && !scene.is_active(&second.access).await);
    assert_eq!(scene.userinfo(&second.access).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_who_use_one_refresh_token_get_one_answer_also_across_a_restart() {
    let server = Server::start(Options::default());
    let realm = Realm::on(&server).await;
    let (application, alice) = (realm.application("web").await, realm.user().await);
    let refresh = async |token: String| {
        let answers = at_once(100, |_| {
            let (realm, application, token) = (realm.clone(), application.clone(), token.clone());
            async move { realm.refresh(&application, &token).await }
        });
        let answers = answers.await;
        assert!(
            answers.iter().all(|answer| [200, 400].contains(&answer.status)),
            "{answers:?}"
        );
        answers
            .into_iter()
            .filter(|answer| answer.status == 200)
            .collect::<Vec<_>>()
    };
    let tokens = realm.sign_in(&application, &alice, "openid offline_access").await;
    assert_eq!(refresh(tokens.refresh().to_owned()).await.len(), 1);

    let tokens = realm.sign_in(&application, &alice, "openid offline_access").await;
    let next = Tokens::from(realm.refresh(&application, tokens.refresh()).await);
    let mut server = server;
    server.kill();
    let _server = server.restart();
    assert_eq!(refresh(next.refresh().to_owned()).await.len(), 1);
    let _ = realm
        .refresh(&application, tokens.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_is_its_applications_and_unaltered() {
    let scene = Scene::of("web").await;
    let other = scene.realm.application("web").await;
    let tokens = scene.tokens("openid offline_access").await;
    let token = tokens.refresh();
    let _ = scene
        .realm
        .refresh(&other, token)
        .await
        .is_oauth_error(400, "invalid_grant");
    let altered = format!(
        "{}{}",
        &token[..token.len() - 1],
        if token.ends_with('A') { 'B' } else { 'A' }
    );
    for bad in [altered.as_str(), &token[1..], "x", &tokens.access, tokens.id()] {
        let _ = scene
            .realm
            .refresh(&scene.application, bad)
            .await
            .is_oauth_error(400, "invalid_grant");
    }
    let _ = scene
        .realm
        .refresh(&scene.application, "")
        .await
        .is_oauth_error(400, "invalid_request");
    let nobody = Application {
        secret: None,
        ..scene.application.clone()
    };
    let _ = scene
        .realm
        .refresh(&nobody, token)
        .await
        .is_oauth_error(401, "invalid_client");
    Tokens::from(scene.realm.refresh(&scene.application, token).await);
}

#[tokio::test]
async fn less_may_be_asked_for_than_was_granted_and_never_more() {
    let scene = Scene::of("web").await;
    let tokens = scene.tokens("openid offline_access orders:read").await;
    let narrowed = async |token: &str, scope: &str| {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("scope", scope),
        ];
        scene.realm.token(&scene.application, &form).await
    };
    let _ = narrowed(tokens.refresh(), "openid orders:write")
        .await
        .is_oauth_error(400, "invalid_scope");
    let less = Tokens::from(narrowed(tokens.refresh(), "orders:read").await);
    assert_eq!(payload_of(&less.access)["scope"], "orders:read");
    let all = Tokens::from(scene.realm.refresh(&scene.application, less.refresh()).await);
    assert_eq!(
        payload_of(&all.access)["scope"],
        "offline_access openid orders:read"
    );

    // What the application may no longer ask for is not given again.
    let path = scene.realm.at(&format!("/applications/{}", scene.application.id));
    let _ = scene.realm.api.patch(&path, json!({"scopes": []})).await.is(200);
    let after = Tokens::from(scene.realm.refresh(&scene.application, all.refresh()).await);
    assert_eq!(payload_of(&after.access)["scope"], "offline_access openid");
}

#[tokio::test]
async fn introspection_tells_a_confidential_client_what_is_so_now() {
    let scene = Scene::of("web").await;
    let tokens = scene.tokens("openid profile orders:read offline_access").await;
    let ask =
        async |who: &Application, token: &str| scene.realm.ask("introspect", who, &[("token", token)]).await;
    let told = ask(&scene.resource, &tokens.access).await.is(200);
    assert_eq!(told.header("cache-control"), Some("no-store"));
    let told = told.json();
    for (claim, value) in [
        ("active", json!(true)),
        ("sub", json!(scene.alice.id)),
        ("client_id", json!(scene.application.client_id)),
        ("iss", json!(scene.realm.issuer())),
        ("token_type", json!("Bearer")),
        ("username", json!(scene.alice.username)),
        ("scope", json!("offline_access openid orders:read profile")),
    ] {
        assert_eq!(told[claim], value, "{claim}");
    }
    assert!(
        told["exp"].is_u64() && told["iat"].is_u64() && told["jti"].is_string(),
        "{told}"
    );

    let _ = ask(&scene.realm.application("spa").await, &tokens.access)
        .await
        .is(401);
    let nobody = Application {
        secret: Some("wrong".into()),
        ..scene.resource.clone()
    };
    let _ = ask(&nobody, &tokens.access)
        .await
        .is_oauth_error(401, "invalid_client");
    let _ = scene
        .realm
        .ask("introspect", &scene.resource, &[])
        .await
        .is_oauth_error(400, "invalid_request");
    for (how, token) in tampered(&tokens.access) {
        let told = ask(&scene.resource, &token).await.is(200).json();
        assert_eq!(told, json!({"active": false}), "{how}");
    }
    assert_eq!(
        ask(&scene.resource, "x").await.is(200).json(),
        json!({"active": false})
    );
    assert_eq!(
        ask(&scene.resource, tokens.id()).await.is(200).json(),
        json!({"active": false}),
        "an id token"
    );
    let uninvolved = scene.realm.application("web").await;
    assert_eq!(
        ask(&uninvolved, &tokens.access).await.is(200).json(),
        json!({"active": false}),
        "a token of others"
    );
}

#[tokio::test]
async fn a_token_that_was_given_back_is_void_at_once() {
    let scene = Scene::of("web").await;
    let revoke =
        async |who: &Application, token: &str| scene.realm.ask("revoke", who, &[("token", token)]).await;
    let other = scene.realm.application("web").await;

    let tokens = scene.tokens("openid offline_access").await;
    let _ = revoke(&other, &tokens.access).await.is(200);
    let _ = revoke(&other, tokens.refresh()).await.is(200);
    assert!(
        scene.is_active(&tokens.access).await,
        "another's token is not given back"
    );
    let _ = revoke(&scene.application, &tokens.access).await.is(200);
    assert!(!scene.is_active(&tokens.access).await);
    assert_eq!(scene.userinfo(&tokens.access).await.status, 401);
    let next = Tokens::from(scene.realm.refresh(&scene.application, tokens.refresh()).await);
    assert!(scene.is_active(&next.access).await, "the family goes on");

    let _ = revoke(&scene.application, next.refresh()).await.is(200);
    assert!(
        !scene.is_active(&next.access).await,
        "a refresh token takes its family along"
    );
    let _ = scene
        .realm
        .refresh(&scene.application, next.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");

    for nothing in ["x", "a.b.c", &tokens.access, next.refresh()] {
        let _ = revoke(&scene.application, nothing).await.is(200);
    }
    let _ = scene
        .realm
        .ask("revoke", &scene.application, &[])
        .await
        .is_oauth_error(400, "invalid_request");
    let nobody = Application {
        secret: Some("wrong".into()),
        ..scene.application.clone()
    };
    let _ = revoke(&nobody, &tokens.access)
        .await
        .is_oauth_error(401, "invalid_client");

    let own = scene
        .realm
        .own_token(&scene.resource)
        .await
        .is(200)
        .field("access_token");
    assert!(scene.is_active(&own).await);
    let _ = revoke(&scene.resource, &own).await.is(200);
    assert!(!scene.is_active(&own).await);
}

#[tokio::test]
async fn what_was_issued_is_in_the_log_without_the_token() {
    let scene = Scene::of("spa").await;
    let tokens = scene.tokens("openid offline_access").await;
    let next = Tokens::from(scene.realm.refresh(&scene.application, tokens.refresh()).await);
    let events = scene.realm.events("activity", "").await;
    let types: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        types,
        [
            "login.attempted",
            "session.started",
            "known_device.added",
            "guard.cleared",
            "code.issued",
            "grant.started",
            "token.issued",
            "grant.refreshed",
            "token.issued"
        ]
    );
    let of = |token: &str| payload_of(token)["jti"].clone();
    assert_eq!(
        (&events[6]["data"]["token"], &events[8]["data"]["token"]),
        (&of(&tokens.access), &of(&next.access))
    );
    assert_eq!(events[0]["actor"]["user"], Value::Null, "nobody was known yet");
    assert_eq!(events[1]["actor"]["user"], scene.alice.id);
    let text = Value::from(events).to_string();
    assert!(!text.contains(&tokens.access) && !text.contains(tokens.refresh()));
}
