//! What holds for every endpoint: who may, and what is answered to who may not.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::world::{CLIENT, World};

#[tokio::test]
async fn every_operation_is_refused_without_a_token_whatever_its_path_holds() {
    let world = World::started().await;
    let (_, api) = crate::router(world.commands.clone()).split_for_parts();
    let api = serde_json::to_value(&api).unwrap();
    let mut operations = BTreeSet::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
                continue;
            }
            assert_ne!(method, "get", "reads are the query side's");
            assert!(operations.insert(operation["operationId"].as_str().unwrap().to_owned()));
            let path = path
                .strip_prefix("/command/v1/")
                .unwrap()
                .replace("{realm}", "system");
            let method = method.to_uppercase();
            let refused = world.send_with(&method, &path, &Value::Null, None, &[]).await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert!(refused.headers.contains_key("www-authenticate"));
        }
    }
    assert_eq!(operations.len(), 56, "{operations:?}");
    world.close().await;
}

#[tokio::test]
async fn another_realm_is_answered_as_if_there_were_none() {
    let world = World::started().await;
    world.realm("acme").await;
    world.realm("other").await;
    let alice = world
        .send("POST", "realms/acme/users", json!({ "username": "alice" }))
        .await;
    let token = world.helper("other", "realm-administrator").await;
    let lock = |path: String| {
        let (world, token) = (&world, &token);
        async move {
            world
                .send_with("POST", &path, &Value::Null, Some(token), &[])
                .await
        }
    };
    assert_eq!(
        lock(format!("realms/acme/users/{}/lock", alice.id()))
            .await
            .status,
        404
    );
    assert_eq!(
        lock(format!("realms/other/users/{}/lock", alice.id()))
            .await
            .status,
        404
    );
    world.close().await;
}

#[tokio::test]
async fn nobody_stops_the_application_that_they_are_using() {
    let world = World::started().await;
    let realm = world.commands.edge.realm("system").await.unwrap().unwrap();
    let found = web::clients::resolve(&world.commands.edge, &realm, CLIENT)
        .await
        .unwrap();
    let own = format!("realms/system/applications/{}", found.unwrap().0);
    for (method, suffix) in [("POST", "disable"), ("DELETE", "roles/platform-administrator")] {
        let refused = world.send(method, &format!("{own}/{suffix}"), Value::Null).await;
        assert_eq!(
            (refused.status, &refused.body["code"]),
            (StatusCode::CONFLICT, &json!("conflict"))
        );
        assert!(
            refused.body["detail"].as_str().unwrap().contains("nobody"),
            "{refused:?}"
        );
    }
    world.close().await;
}

#[tokio::test]
async fn a_version_that_is_not_the_present_one_changes_nothing() {
    let world = World::started().await;
    world.realm("acme").await;
    let made = world
        .send("POST", "realms/acme/users", json!({ "username": "alice" }))
        .await;
    let path = format!("realms/acme/users/{}", made.id());
    let token = world.token("system", CLIENT).await;
    let change = |version: &'static str, name: &str| {
        let (world, path, token, body) = (&world, &path, &token, json!({ "name": name }));
        async move {
            world
                .send_with("PATCH", path, &body, Some(token), &[("If-Match", version)])
                .await
                .status
                .as_u16()
        }
    };
    assert_eq!(change("\"2\"", "Alice").await, 412);
    assert_eq!(change("\"1\"", "Alice").await, 200);
    assert_eq!(change("\"1\"", "Alicia").await, 412);
    world.close().await;
}
