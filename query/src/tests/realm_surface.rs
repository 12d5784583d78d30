//! The realm surface: what an issuer says of itself, of users and of tokens.

use super::*;

/// Where the realm tells what it is as a protected resource.
const RESOURCE: &str = "https://id.example/.well-known/oauth-protected-resource/realms/demo";

#[tokio::test]
async fn an_issuer_says_what_it_can_do_and_publishes_public_keys() {
    let world = World::new().await;
    for path in [
        "/realms/demo/.well-known/openid-configuration".to_owned(),
        format!("/realms/{DEMO}/.well-known/openid-configuration"),
        "/.well-known/oauth-authorization-server/realms/demo".to_owned(),
        "/.well-known/openid-configuration/realms/demo".to_owned(),
    ] {
        let (status, headers, metadata) = world.send(Request::get(&path), "").await;
        assert_eq!(
            (status, &metadata["issuer"]),
            (StatusCode::OK, &json!(ISSUER)),
            "{path}"
        );
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{path}");
    }
    let (_, headers, jwks) = world.send(Request::get("/realms/demo/oauth2/jwks"), "").await;
    assert_eq!(
        headers[header::CACHE_CONTROL],
        "private, max-age=300",
        "whoever asks again for a new key gets it"
    );
    assert_eq!(
        (&jwks["keys"][0]["kid"], &jwks["keys"][0]["alg"]),
        (&json!(world.key.kid()), &json!("ES256"))
    );
    assert_eq!(jwks["keys"][0].get("d"), None);
    let (status, headers, _) = world
        .send(Request::options("/realms/demo/oauth2/userinfo"), "")
        .await;
    assert_eq!(
        (status, &headers[header::ACCESS_CONTROL_ALLOW_ORIGIN]),
        (StatusCode::NO_CONTENT, &"*".parse().unwrap())
    );
    let (status, headers, _) = world.send(Request::delete("/realms/demo/oauth2/jwks"), "").await;
    assert_eq!(
        (status, headers.contains_key(header::ALLOW)),
        (StatusCode::METHOD_NOT_ALLOWED, true)
    );

    let suspended = RealmEvent::Suspended { reason: None };
    world
        .tell::<Realm>(Stream::facts(RealmId::SYSTEM), DEMO.0, [suspended.into()])
        .await;
    for path in [
        "demo/.well-known/openid-configuration",
        "demo/oauth2/jwks",
        "nowhere/oauth2/jwks",
    ] {
        let (status, _, problem) = world.send(Request::get(format!("/realms/{path}")), "").await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::NOT_FOUND, &json!("not_found")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn userinfo_tells_what_the_scopes_release_as_long_as_the_token_is_good() {
    let world = World::new().await;
    let path = "/realms/demo/oauth2/userinfo";
    let token = world.alice_token("openid profile");
    let bearer = format!("Bearer {token}");
    let (status, headers, info) = world
        .send(Request::get(path).header("authorization", &bearer), "")
        .await;
    assert_eq!(
        (status, &info["sub"], &info["preferred_username"]),
        (StatusCode::OK, &json!(ALICE), &json!("alice"))
    );
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(
        world.post(path, None, &format!("access_token={token}")).await.2,
        info
    );
    assert_eq!(world.post(path, Some(&bearer), "").await.2, info);
    let openid = format!("Bearer {}", world.alice_token("openid"));
    assert_eq!(
        world
            .send(Request::get(path).header("authorization", openid), "")
            .await
            .2["preferred_username"],
        Value::Null
    );

    let challenge = async |authorization: Option<String>, form: &str| {
        let (status, headers, _) = world.post(path, authorization.as_deref(), form).await;
        (
            status.as_u16(),
            headers[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned(),
        )
    };
    assert_eq!(
        challenge(None, "").await,
        (401, format!("Bearer resource_metadata=\"{RESOURCE}\""))
    );
    assert!(
        challenge(Some("Bearer a.b.c".to_owned()), "")
            .await
            .1
            .ends_with(&format!(", resource_metadata=\"{RESOURCE}\""))
    );
    let (status, told) = challenge(Some(bearer.clone()), &format!("access_token={token}")).await;
    assert!(status == 400 && told.contains("invalid_request"), "{told}");
    let (status, told) = challenge(Some("Bearer a.b.c".to_owned()), "").await;
    assert!(status == 401 && told.contains("invalid_token"), "{told}");
    for token in [world.alice_token("profile"), world.service_token()] {
        let (status, told) = challenge(Some(format!("Bearer {token}")), "").await;
        assert!(
            status == 403 && told.contains("insufficient_scope") && told.contains("openid"),
            "{told}"
        );
    }
    world
        .tell::<User>(
            Stream::facts(DEMO),
            ALICE.0,
            [UserEvent::Disabled { reason: None }.into()],
        )
        .await;
    let (status, told) = challenge(Some(bearer), "").await;
    assert!(status == 401 && told.contains("invalid_token"), "{told}");
}

#[tokio::test]
async fn a_token_is_introspected_for_the_clients_that_it_concerns() {
    let world = World::new().await;
    let path = "/realms/demo/oauth2/introspect";
    let token = world.alice_token("openid profile");
    let ask = async |client: ApplicationId, secret: &str, form: &str| {
        let form = format!("client_id={client}&client_secret={secret}&{form}");
        let (status, _, said) = world.post(path, None, &form).await;
        (status.as_u16(), said)
    };
    let (status, said) = ask(
        SHOP,
        "secret",
        &format!("token={token}&token_type_hint=access_token"),
    )
    .await;
    assert_eq!(
        (status, &said["active"], &said["username"]),
        (200, &json!(true), &json!("alice"))
    );
    assert_eq!(
        (&said["sub"], &said["client_id"], &said["iss"]),
        (&json!(ALICE), &json!(SHOP), &json!(ISSUER))
    );
    assert_eq!(
        (&said["scope"], &said["exp"]),
        (&json!("openid profile"), &json!(NOW.seconds() + 600))
    );
    assert_eq!(
        ask(SERVICE, "secret", &format!("token={token}")).await.1["active"],
        true
    );
    let inactive = (200, json!({ "active": false }));
    assert_eq!(
        ask(SHOP, "secret", &format!("token={}", world.service_token())).await,
        inactive
    );
    assert_eq!(ask(SHOP, "secret", "token=nonsense").await, inactive);
    let (status, said) = ask(SHOP, "wrong", &format!("token={token}")).await;
    assert_eq!((status, &said["error"]), (401, &json!("invalid_client")));
    for malformed in ["", "token=", "token=a&token=b"] {
        let (status, said) = ask(SHOP, "secret", malformed).await;
        assert_eq!(
            (status, &said["error"]),
            (400, &json!("invalid_request")),
            "{malformed}"
        );
    }
    let ended = AuthEvent::SessionEnded {
        reason: EndReason::Administrator,
    };
    world
        .tell::<Session>(Stream::activity(DEMO), SESSION.0, [ended.into()])
        .await;
    assert_eq!(ask(SHOP, "secret", &format!("token={token}")).await, inactive);
}
