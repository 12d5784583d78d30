//! Roles: given and taken through the API, in force at once, and never more than the giver has.
//! (Which role may call which operation is the table in `api_surface.rs`.)

use chancery_tests::harness::{Api, Realm, shared};
use serde_json::{Value, json};

fn role_of(realm: &Realm, what: &str, id: &str, role: &str) -> String {
    realm.at(&format!("/{what}/{id}/roles/{role}"))
}

#[tokio::test]
async fn a_role_is_given_listed_and_taken() {
    let realm = Realm::on(&shared()).await;
    let (alice, service) = (realm.user().await, realm.application("service").await);
    for (what, id) in [("users", &alice.id), ("applications", &service.id)] {
        let list = realm.at(&format!("/{what}/{id}/roles"));
        assert!(realm.api.query(&list).await.is(200).items().is_empty());
        let given = realm
            .api
            .put(&role_of(&realm, what, id, "auditor"), Value::Null)
            .await
            .is(200)
            .json();
        assert_eq!(given["events"], json!(["role.assigned"]));
        let again = realm
            .api
            .put(&role_of(&realm, what, id, "auditor"), json!({}))
            .await
            .is(200)
            .json();
        assert_eq!(again["events"], json!([]));
        assert_eq!(
            realm.api.query(&list).await.is(200).items(),
            [json!({"role": "auditor"})]
        );
        let taken = realm
            .api
            .delete(&role_of(&realm, what, id, "auditor"))
            .await
            .is(200)
            .json();
        assert_eq!(taken["events"], json!(["role.revoked"]));
        assert!(realm.api.query(&list).await.is(200).items().is_empty());
        let _ = realm
            .api
            .put(&role_of(&realm, what, id, "emperor"), Value::Null)
            .await
            .is(404);
        let _ = realm
            .api
            .put(&role_of(&realm, what, id, "Auditor"), Value::Null)
            .await
            .is(404);
    }
    let _ = realm
        .api
        .put(&role_of(&realm, "users", &service.id, "auditor"), Value::Null)
        .await
        .is(404);
    let _ = realm
        .api
        .put(
            &role_of(&realm, "applications", &alice.id, "auditor"),
            Value::Null,
        )
        .await
        .is(404);
}

#[tokio::test]
async fn a_role_counts_from_the_next_request_on_and_not_a_moment_longer() {
    let realm = Realm::on(&shared()).await;
    let (spa, alice) = (realm.application("spa").await, realm.user().await);
    let tokens = realm.sign_in(&spa, &alice, "openid manage").await;
    let herself = realm.api.with_token(&tokens.access);
    let users = realm.at("/users");
    let role = |role: &str| role_of(&realm, "users", &alice.id, role);

    let _ = herself.query(&users).await.is(403);
    for _ in 0..3 {
        let _ = realm.api.put(&role("auditor"), Value::Null).await.is(200);
        let _ = herself.query(&users).await.is(200);
        let _ = herself.post(&users, json!({"username": "x"})).await.is(403);
        let _ = realm
            .api
            .put(&role("realm-administrator"), Value::Null)
            .await
            .is(200);
        let _ = herself
            .post(&users, json!({"username": chancery_tests::harness::unique()}))
            .await
            .is(201);
        let _ = realm.api.delete(&role("realm-administrator")).await.is(200);
        let _ = herself.post(&users, json!({"username": "x"})).await.is(403);
        let _ = realm.api.delete(&role("auditor")).await.is(200);
        let _ = herself.query(&users).await.is(403);
    }
}

#[tokio::test]
async fn the_platforms_role_is_held_in_the_system_realm_alone() {
    let realm = Realm::on(&shared()).await;
    let (alice, service) = (realm.user().await, realm.application("service").await);
    let platform = "platform-administrator";
    let _ = realm
        .api
        .put(&role_of(&realm, "users", &alice.id, platform), Value::Null)
        .await
        .is_problem(409, "conflict");
    let _ = realm
        .api
        .put(
            &role_of(&realm, "applications", &service.id, platform),
            Value::Null,
        )
        .await
        .is_problem(409, "conflict");
    let administrator = realm.administrator().await;
    let refused = administrator
        .put(&role_of(&realm, "users", &alice.id, platform), Value::Null)
        .await;
    assert!([403, 409].contains(&refused.status), "{}", refused.status);
}

#[tokio::test]
async fn an_administrator_of_the_system_realm_does_not_become_one_of_the_platform() {
    let server = shared();
    let system = Realm {
        api: Api::admin(&server).await,
        id: String::new(),
        name: "system".into(),
    };
    let (alice, lesser) = (system.user().await, system.administrator().await);
    let platform = role_of(&system, "users", &alice.id, "platform-administrator");
    let _ = lesser
        .put(&platform, Value::Null)
        .await
        .is_problem(403, "forbidden");
    let _ = lesser
        .post("/realms", json!({"name": "never"}))
        .await
        .is_problem(403, "forbidden");

    // Nor by taking over somebody who is one.
    let _ = system.api.put(&platform, Value::Null).await.is(200);
    let at = |rest: &str| system.at(&format!("/users/{}{rest}", alice.id));
    let _ = lesser
        .put(
            &at("/password"),
            json!({"password": chancery_tests::harness::password()}),
        )
        .await
        .is(403);
    let _ = lesser
        .patch(&at(""), json!({"email": "lesser@example.test"}))
        .await
        .is(403);
    for verb in ["/disable", "/lock"] {
        let _ = lesser.act(&at(verb)).await.is(403);
    }
    let _ = lesser.delete(&platform).await.is(403);
    let admins = system
        .api
        .query("/realms/system/applications?client_id=tests")
        .await
        .is(200)
        .ids();
    let secrets = system.at(&format!("/applications/{}/secrets", admins[0]));
    let _ = lesser.post(&secrets, json!({})).await.is(403);

    let _ = system.api.delete(&platform).await.is(200);
    let own = role_of(&system, "applications", &admins[0], "platform-administrator");
    let _ = system.api.delete(&own).await.is_problem(409, "conflict");
}

#[tokio::test]
async fn an_application_without_a_secret_holds_no_role() {
    let realm = Realm::on(&shared()).await;
    let spa = realm.application("spa").await;
    let refused = realm
        .api
        .put(&role_of(&realm, "applications", &spa.id, "auditor"), Value::Null)
        .await;
    let _ = refused.is_problem(409, "conflict");
}
