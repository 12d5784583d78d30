//! Applications over HTTP: what is answered, and that a secret is answered once.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::world::{CLIENT, World, events};

#[tokio::test]
async fn a_secret_is_shown_once() {
    let world = World::started().await;
    world.realm("acme").await;
    let token = world.token("system", CLIENT).await;
    let body = json!({ "name": "Shop", "type": "web", "redirect_uris": ["https://shop.example/cb"] });
    let path = "realms/acme/applications";
    let register = || world.send_with("POST", path, &body, Some(&token), &[("Idempotency-Key", "one")]);
    let (first, again) = (register().await, register().await);
    assert_eq!(
        events(&first),
        ["application.registered", "application.secret_added"]
    );
    assert!(first.body["client_secret"].as_str().unwrap().starts_with("chs_"));
    assert_eq!(first.body["client_id"], json!(first.id().to_string()));
    assert_eq!((again.status, again.id()), (StatusCode::CREATED, first.id()));
    assert_eq!(
        (&again.body["client_secret"], &again.body["client_id"]),
        (&Value::Null, &first.body["client_id"])
    );
    let other = json!({ "name": "Shop 2", "type": "web", "redirect_uris": ["https://shop.example/cb"] });
    let reused = world
        .send_with("POST", path, &other, Some(&token), &[("Idempotency-Key", "one")])
        .await;
    assert_eq!(reused.body["code"], json!("idempotency_key_reused"));

    let path = format!("{path}/{}", first.id());
    let added = world
        .send(
            "POST",
            &format!("{path}/secrets"),
            json!({ "expires_at": "2027-01-01T00:00:00Z" }),
        )
        .await;
    assert_eq!(
        (added.status, events(&added)),
        (StatusCode::CREATED, vec!["application.secret_added"])
    );
    let secret = format!("{path}/secrets/{}", first.body["secret_id"].as_str().unwrap());
    assert_eq!(
        events(&world.send("DELETE", &secret, Value::Null).await),
        ["application.secret_revoked"]
    );
    assert_eq!(world.send("DELETE", &secret, Value::Null).await.status, 404);
    for (method, suffix, body, expected) in [
        (
            "PATCH",
            "",
            json!({ "name": "Store" }),
            vec!["application.changed"],
        ),
        (
            "POST",
            "/disable",
            json!({ "reason": "leaked" }),
            vec!["application.disabled"],
        ),
        ("POST", "/enable", Value::Null, vec!["application.enabled"]),
        ("PUT", "/roles/application", Value::Null, vec!["role.assigned"]),
        ("DELETE", "/roles/application", Value::Null, vec!["role.revoked"]),
    ] {
        let answered = world.send(method, &format!("{path}{suffix}"), body).await;
        assert_eq!(
            (answered.status.as_u16(), events(&answered)),
            (200, expected),
            "{method} {suffix}"
        );
    }
    world.close().await;
}

#[tokio::test]
async fn a_public_application_has_neither_secret_nor_role() {
    let world = World::started().await;
    world.realm("acme").await;
    let body = json!({ "name": "Spa", "type": "spa", "redirect_uris": ["https://spa.example/cb"] });
    let made = world.send("POST", "realms/acme/applications", body).await;
    assert_eq!(
        (events(&made), &made.body["client_secret"]),
        (vec!["application.registered"], &Value::Null)
    );
    let path = format!("realms/acme/applications/{}", made.id());
    assert_eq!(
        world
            .send("POST", &format!("{path}/secrets"), Value::Null)
            .await
            .status,
        409
    );
    assert_eq!(
        world
            .send("PUT", &format!("{path}/roles/auditor"), Value::Null)
            .await
            .status,
        409
    );
    let bad = json!({ "name": "Spa", "type": "spa", "redirect_uris": ["http://spa.example/cb"] });
    let bad = world.send("POST", "realms/acme/applications", bad).await;
    assert_eq!(
        (bad.status, bad.fields()),
        (StatusCode::UNPROCESSABLE_ENTITY, vec!["redirect_uris[0]"])
    );
    world.close().await;
}
