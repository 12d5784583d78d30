//! Realms over HTTP: what is answered, and what is in the log afterwards.

use std::time::Duration;

use axum::http::StatusCode;
use events::{ids::RealmId, realms::RealmEvent};
use jose::Algorithm;
use serde_json::{Value, json};

use super::world::{World, events};
use crate::realms::ensure_signing_key;

#[tokio::test]
async fn a_realm_is_made_configured_and_suspended() {
    let world = World::started().await;
    let made = world
        .send(
            "POST",
            "realms",
            json!({ "name": "acme", "display_name": "Acme" }),
        )
        .await;
    assert_eq!(
        (made.status, events(&made)),
        (StatusCode::CREATED, vec!["realm.created"])
    );
    assert_eq!(
        made.headers["location"],
        format!("/query/v1/realms/{}", made.id())
    );
    assert_eq!(
        made.headers["chancery-position"],
        made.body["position"].as_str().unwrap()
    );
    let taken = world.send("POST", "realms", json!({ "name": "acme" })).await;
    assert_eq!(
        (taken.status, &taken.body["code"]),
        (StatusCode::CONFLICT, &json!("name_taken"))
    );
    assert_eq!(taken.fields(), ["name"]);

    let renamed = world
        .send("PATCH", "realms/acme", json!({ "display_name": "Acme Ltd" }))
        .await;
    assert_eq!(events(&renamed), ["realm.renamed"]);
    let bad = world
        .send(
            "PATCH",
            "realms/acme/settings",
            json!({ "tokens": { "code_seconds": 61 } }),
        )
        .await;
    assert_eq!(
        (bad.status, bad.fields()),
        (StatusCode::UNPROCESSABLE_ENTITY, vec!["tokens.code_seconds"])
    );
    let changed = world
        .send(
            "PATCH",
            "realms/acme/settings",
            json!({ "tokens": { "code_seconds": 30 } }),
        )
        .await;
    assert_eq!(events(&changed), ["settings.changed"]);

    let rotated = world
        .send(
            "POST",
            "realms/acme/signing-keys",
            json!({ "algorithm": "EdDSA" }),
        )
        .await;
    assert_eq!(rotated.status, StatusCode::CREATED);
    let first = rotated.body["kid"].as_str().unwrap().to_owned();
    let in_use = world
        .send(
            "DELETE",
            &format!("realms/acme/signing-keys/{first}"),
            Value::Null,
        )
        .await;
    assert_eq!(in_use.status, StatusCode::CONFLICT);
    world
        .send(
            "POST",
            "realms/acme/signing-keys",
            json!({ "algorithm": "EdDSA" }),
        )
        .await;
    let retired = world
        .send(
            "DELETE",
            &format!("realms/acme/signing-keys/{first}"),
            json!({ "reason": "leaked" }),
        )
        .await;
    assert_eq!(events(&retired), ["signing_key.retired"]);
    let acme = RealmId(made.id());
    let facts = world.facts(acme).await;
    let told = RealmEvent::SigningKeyRetired {
        kid: first.clone(),
        reason: Some("leaked".to_owned()),
    };
    assert_eq!(facts.last().unwrap().event, told.into());
    assert_eq!(
        world.kernel().keyring().signing_key(acme, &first).await.unwrap(),
        None
    );

    let suspended = world
        .send("POST", "realms/acme/suspend", json!({ "reason": "unpaid" }))
        .await;
    assert_eq!(events(&suspended), ["realm.suspended"]);
    assert_eq!(
        events(&world.send("POST", "realms/acme/suspend", Value::Null).await),
        Vec::<&str>::new()
    );
    assert_eq!(
        events(&world.send("POST", "realms/acme/resume", Value::Null).await),
        ["realm.resumed"]
    );
    let system = world.send("POST", "realms/system/suspend", Value::Null).await;
    assert_eq!(system.status, StatusCode::CONFLICT);
    assert_eq!(
        world
            .send("PATCH", "realms/nowhere", json!({ "display_name": "a" }))
            .await
            .status,
        404
    );
    world.close().await;
}

#[tokio::test]
async fn what_is_done_to_a_realm_is_told_in_the_system_realm_by_whoever_did_it() {
    let world = World::started().await;
    let acme = world.realm("acme").await;
    let token = world.helper("acme", "realm-administrator").await;
    let body = json!({ "display_name": "Acme Ltd" });
    let renamed = world
        .send_with("PATCH", "realms/acme", &body, Some(&token), &[])
        .await;
    assert_eq!(renamed.status, 200, "{renamed:?}");
    let facts = world.facts(RealmId::SYSTEM).await;
    let told = facts
        .iter()
        .rfind(|happened| happened.event.name() == "realm.renamed")
        .unwrap();
    assert_eq!(told.actor.realm, Some(acme));
    world.close().await;
}

#[tokio::test]
async fn those_who_need_a_key_at_a_time_wait_for_the_one_who_makes_it() {
    let world = World::started().await;
    let acme = world.realm("acme").await;
    let edge = world.commands.edge.clone();
    let turn = edge.signing_key_turn(acme, Algorithm::EdDsa).await;
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let edge = edge.clone();
            tokio::spawn(async move { ensure_signing_key(&edge, acme, Algorithm::EdDsa).await })
        })
        .collect();
    let path = "realms/acme/signing-keys";
    let rotated = world.send("POST", path, json!({ "algorithm": "EdDSA" })).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let made = rotated.body["kid"].as_str().unwrap();
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
    drop(turn);
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap().unwrap().kid(), made);
    }
    let created = world.names(acme).await;
    let keys = created.iter().filter(|name| **name == "signing_key.created");
    assert_eq!(keys.count(), 2, "ES256 with the realm, and this one");
    world.close().await;
}
