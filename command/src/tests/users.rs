//! Users over HTTP: what is answered, what is in the log afterwards, and what is not any more.

use axum::http::StatusCode;
use events::{
    event::Event,
    users::{Password, UserEvent},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{CLIENT, PASSWORD, World, events};

#[tokio::test]
async fn a_command_that_was_answered_is_answered_so_again_whatever_the_policy_is_by_now() {
    let world = World::started().await;
    world.realm("acme").await;
    let token = world.token("system", CLIENT).await;
    let body = json!({ "username": "alice", "password": PASSWORD });
    let register = async || {
        let headers = [("Idempotency-Key", "one")];
        world
            .send_with("POST", "realms/acme/users", &body, Some(&token), &headers)
            .await
    };
    let made = register().await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let path = format!("realms/acme/users/{}/password", made.id());
    let password = json!({ "password": "slowly ripens a horse" });
    let set = async || {
        let headers = [("Idempotency-Key", "two")];
        world
            .send_with("PUT", &path, &password, Some(&token), &headers)
            .await
    };
    let first = set().await;
    assert_eq!(first.status, StatusCode::OK, "{first:?}");

    let stricter = json!({ "password": { "minimum_length": 64 } });
    let changed = world.send("PATCH", "realms/acme/settings", stricter).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    let again = register().await;
    assert_eq!((again.status, &again.body), (StatusCode::CREATED, &made.body));
    let again = set().await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &first.body));
    world.close().await;
}

#[tokio::test]
async fn a_user_lives_through_all_that_can_happen_to_one() {
    let world = World::started().await;
    let acme = world.realm("acme").await;
    let body = json!({ "username": "alice", "email": "alice@example.org", "password": PASSWORD });
    let made = world.send("POST", "realms/acme/users", body).await;
    assert_eq!(
        (made.status, events(&made)),
        (StatusCode::CREATED, vec!["user.registered", "password.set"])
    );
    let path = format!("realms/acme/users/{}", made.id());
    for (method, suffix, body, expected) in [
        (
            "PATCH",
            "",
            json!({ "given_name": "Alice", "email": null }),
            vec!["user.profile_changed"],
        ),
        ("PATCH", "", json!({ "given_name": "Alice" }), vec![]),
        (
            "POST",
            "/lock",
            json!({ "reason": "odd", "until": "2026-06-01T00:00:00Z" }),
            vec!["user.locked"],
        ),
        ("POST", "/unlock", Value::Null, vec!["user.unlocked"]),
        ("POST", "/disable", Value::Null, vec!["user.disabled"]),
        ("POST", "/enable", json!({}), vec!["user.enabled"]),
        (
            "PUT",
            "/password",
            json!({ "password": "slowly ripens a horse" }),
            vec!["password.set"],
        ),
        ("DELETE", "/sessions", Value::Null, vec!["user.sessions_ended"]),
        ("PUT", "/roles/auditor", Value::Null, vec!["role.assigned"]),
        ("DELETE", "/roles/auditor", Value::Null, vec!["role.revoked"]),
    ] {
        let answered = world.send(method, &format!("{path}{suffix}"), body).await;
        assert_eq!(
            (answered.status.as_u16(), events(&answered)),
            (200, expected),
            "{method} {suffix}"
        );
        assert_eq!(answered.id(), made.id());
    }
    for (method, suffix, body, status) in [
        ("POST", "/lock", json!({ "until": "2025-01-01T00:00:00Z" }), 422),
        ("POST", "/lock", json!({ "until": "tomorrow" }), 422),
        ("POST", "/lock", json!({ "why": "a" }), 422),
        ("PUT", "/password", json!({ "password": "short" }), 422),
        ("PUT", "/password", json!({}), 422),
        ("PUT", "/roles/emperor", Value::Null, 404),
        ("PUT", "/roles/platform-administrator", Value::Null, 409),
    ] {
        let answered = world.send(method, &format!("{path}{suffix}"), body).await;
        assert_eq!(answered.status.as_u16(), status, "{method} {suffix} {answered:?}");
    }
    let nobody = format!("realms/acme/users/{}", Uuid::nil());
    for (method, suffix, body) in [
        ("PATCH", "", json!({})),
        ("POST", "/lock", Value::Null),
        ("PUT", "/password", json!({ "password": PASSWORD })),
        ("DELETE", "/sessions", Value::Null),
        ("PUT", "/roles/auditor", Value::Null),
    ] {
        assert_eq!(
            world
                .send(method, &format!("{nobody}{suffix}"), body)
                .await
                .status,
            404,
            "{method} {suffix}"
        );
    }
    assert_eq!(
        world
            .send("PATCH", "realms/acme/users/not-an-id", json!({}))
            .await
            .status,
        404
    );
    assert_eq!(
        world
            .send(
                "DELETE",
                &format!("realms/acme/sessions/{}", Uuid::nil()),
                Value::Null
            )
            .await
            .status,
        404
    );
    assert_eq!(
        world
            .names(acme)
            .await
            .iter()
            .filter(|name| **name == "password.set")
            .count(),
        2
    );
    world.close().await;
}

#[tokio::test]
async fn a_taken_name_is_told_with_its_field_and_is_free_once_given_back() {
    let world = World::started().await;
    world.realm("acme").await;
    let alice = world
        .send(
            "POST",
            "realms/acme/users",
            json!({ "username": "alice", "email": "a@example.org" }),
        )
        .await;
    let bob = world
        .send(
            "POST",
            "realms/acme/users",
            json!({ "username": "ALICE", "email": "b@example.org" }),
        )
        .await;
    assert_eq!(
        (bob.status, bob.fields()),
        (StatusCode::CONFLICT, vec!["username"])
    );
    let bob = world
        .send(
            "POST",
            "realms/acme/users",
            json!({ "username": "bob", "email": "A@example.org" }),
        )
        .await;
    assert_eq!((bob.status, bob.fields()), (StatusCode::CONFLICT, vec!["email"]));
    let bob = world
        .send("POST", "realms/acme/users", json!({ "username": "bob" }))
        .await;
    let rename = |id: Uuid, name: &str| (format!("realms/acme/users/{id}"), json!({ "username": name }));
    let (path, body) = rename(bob.id(), "Alice");
    let refused = world.send("PATCH", &path, body.clone()).await;
    assert_eq!(
        (refused.status, refused.fields()),
        (StatusCode::CONFLICT, vec!["username"])
    );
    let (other, away) = rename(alice.id(), "alicia");
    assert_eq!(world.send("PATCH", &other, away).await.status, 200);
    assert_eq!(world.send("PATCH", &path, body).await.status, 200);
    world.close().await;
}

#[tokio::test]
async fn the_hash_of_a_replaced_password_is_gone_for_good() {
    let world = World::started().await;
    let acme = world.realm("acme").await;
    let made = world
        .send(
            "POST",
            "realms/acme/users",
            json!({ "username": "alice", "password": PASSWORD }),
        )
        .await;
    let path = format!("realms/acme/users/{}/password", made.id());
    world.clock.advance(1);
    assert_eq!(
        world
            .send("PUT", &path, json!({ "password": "slowly ripens a horse" }))
            .await
            .status,
        200
    );
    let hashes: Vec<bool> = world
        .facts(acme)
        .await
        .iter()
        .filter_map(|happened| match &happened.event {
            Event::Users(UserEvent::PasswordSet { hash, .. }) => Some(hash.is_erased()),
            _ => None,
        })
        .collect();
    assert_eq!(hashes, [true, false]);
    let password = world
        .kernel()
        .current::<Password>(acme, made.id())
        .await
        .unwrap()
        .state;
    assert!(password.hash.is_some());
    assert_eq!(password.changed, world.kernel().now());
    world.close().await;
}

#[tokio::test]
async fn a_weak_password_registers_nobody_and_says_why() {
    let world = World::started().await;
    let acme = world.realm("acme").await;
    let body = json!({ "username": "alice", "password": "alicealicealice" });
    let refused = world.send("POST", "realms/acme/users", body).await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("weak_password"))
    );
    assert_eq!(refused.fields(), ["password"]);
    assert!(
        refused.body["detail"]
            .as_str()
            .is_some_and(|detail| !detail.contains("alicealice"))
    );
    assert!(!world.names(acme).await.contains(&"user.registered"));
    world.close().await;
}
