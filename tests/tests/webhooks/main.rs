//! Webhooks from outside: real deliveries to a real HTTP receiver, verified by a library that we did not write; filters, rotation,
//! failures, and a server that is killed while it delivers.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on says where, and stops"
)]

mod crashes;
mod failures;
mod signatures;

use chancery_tests::harness::{Answer, Options, Realm, ReceivedDelivery, Receiver, Server, eventually};
use serde_json::{Value, json};

/// A server that may post to this machine.
fn server() -> Server {
    Server::start(options())
}

fn options() -> Options {
    Options::default()
        .with("CHANCERY_OUTBOUND__ALLOW_HTTP", "true")
        .with("CHANCERY_OUTBOUND__ALLOW_PRIVATE", "127.0.0.0/8")
}

/// Registers an endpoint at a path of a receiver.
async fn register(realm: &Realm, receiver: &Receiver, path: &str, more: Value) -> Answer {
    let mut body = json!({ "url": format!("{}{path}", receiver.base) });
    let fields = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(fields);
    realm.api.post(&realm.at("/webhooks"), body).await.is(201)
}

/// So many deliveries, once they are there.
async fn received(receiver: &Receiver, path: &str, count: usize) -> Vec<ReceivedDelivery> {
    eventually(&format!("{count} deliveries at {path}"), || async {
        let found = receiver.received(path);
        (found.len() >= count).then_some(found)
    })
    .await
}

/// The deliveries of an endpoint as the query API tells them, once there are so many.
async fn deliveries(realm: &Realm, webhook: &str, filter: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} deliveries are told"), || async {
        let path = realm.at(&format!("/webhooks/{webhook}/deliveries?page_size=500{filter}"));
        let found = realm.api.query(&path).await.is(200).items();
        (found.len() >= count).then_some(found)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_delivered_as_a_cloud_event_without_personal_data() {
    let server = server();
    let realm = Realm::on(&server).await;
    let receiver = Receiver::start().await;
    let made = register(&realm, &receiver, "/hook", json!({ "events": ["user.*"] })).await;
    assert_eq!(
        made.json()["events"],
        json!(["webhook.registered", "webhook.secret_added", "webhook.routed"])
    );
    let user = realm.user_with(json!({ "given_name": "Grace" })).await;

    let delivery = received(&receiver, "/hook", 1).await.remove(0);
    let events = realm.events("facts", "&type=user.registered").await;
    assert_eq!(delivery.headers["content-type"], "application/cloudevents+json");
    assert_eq!(
        delivery.headers["webhook-id"],
        events[0]["id"].as_str().expect("an id")
    );
    let event = delivery.event();
    for (name, value) in [
        ("specversion", json!("1.0")),
        ("id", events[0]["id"].clone()),
        ("type", json!("user.registered")),
        (
            "source",
            json!(format!("{}/realms/{}", realm.api.base(), realm.id)),
        ),
        ("subject", json!(format!("user:{}", user.id))),
        ("datacontenttype", json!("application/json")),
        ("realmid", json!(realm.id)),
        ("lane", json!("facts")),
        ("seq", json!(events[0]["seq"].to_string())),
        ("data", json!({})),
    ] {
        assert_eq!(event[name], value, "{name} in {event}");
    }
    for personal in [&user.username, &user.email, "Grace", &user.password] {
        assert!(!delivery.body.contains(personal), "{}", delivery.body);
    }

    let webhook = made.field("id");
    let told = deliveries(&realm, &webhook, "&status=delivered&type=user.registered", 1)
        .await
        .remove(0);
    assert_eq!(told["id"], events[0]["id"]);
    assert_eq!(told["attempt_count"], 1);
    assert_eq!(told["attempts"][0]["status"], 204);
    assert_eq!(told["attempts"][0]["headers"], json!({ "server": "receiver" }));
    let read = realm
        .api
        .query(&realm.at(&format!("/webhooks/{webhook}")))
        .await
        .is(200);
    let secret = made.field("secret");
    assert!(
        secret.starts_with("whsec_") && !read.text.contains(&secret),
        "{}",
        read.text
    );
    let recorded = realm.events("activity", "&type=webhook.delivered").await;
    assert_eq!(recorded[0]["actor"]["component"], "webhooks");
    let facts = realm.events("facts", "&type=webhook.secret_added").await;
    assert!(!facts[0].to_string().contains(secret.trim_start_matches("whsec_")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_told_of_what_its_filter_has_and_of_nothing_else() {
    let server = server();
    let realm = Realm::on(&server).await;
    let other = Realm::on(&server).await;
    let receiver = Receiver::start().await;
    let (one, two) = (realm.user().await, realm.user().await);
    let application = realm.application("web").await;
    let subject = json!({ "subjects": [format!("user:{}", one.id)] });
    let _ = register(&realm, &receiver, "/subject", subject).await;
    let by_name = json!({ "events": ["user.locked", "application.*"] });
    let named = register(&realm, &receiver, "/names", by_name).await.field("id");
    let of_application = json!({ "applications": [application.id] });
    let _ = register(&realm, &receiver, "/application", of_application).await;
    let all = register(&other, &receiver, "/other", json!({})).await.field("id");

    for user in [&one, &two] {
        let _ = realm
            .api
            .post(&realm.at(&format!("/users/{}/lock", user.id)), json!({}))
            .await
            .is(200);
    }
    let path = realm.at(&format!("/applications/{}/disable", application.id));
    let _ = realm.api.post(&path, json!({})).await.is(200);
    let types = |path: &str| {
        let mut types: Vec<_> = receiver
            .received(path)
            .iter()
            .map(|one| one.text("type"))
            .collect();
        types.sort();
        types
    };
    received(&receiver, "/names", 3).await;
    received(&receiver, "/application", 1).await;
    assert_eq!(
        types("/names"),
        ["application.disabled", "user.locked", "user.locked"]
    );
    assert_eq!(types("/application"), ["application.disabled"]);
    assert_eq!(types("/subject"), ["user.locked"]);
    let elsewhere = received(&receiver, "/other", 1).await;
    assert!(elsewhere.iter().all(|one| one.text("realmid") == other.id));

    // A filter that is changed holds for what happens from then on; one that names nothing is refused.
    let at = realm.at(&format!("/webhooks/{named}"));
    let _ = realm
        .api
        .patch(&at, json!({ "events": ["user.unlocked"] }))
        .await
        .is(200);
    let refused = realm
        .api
        .patch(&at, json!({ "events": ["user.teleported"] }))
        .await;
    assert!(refused.is_problem(422, "invalid").faults().contains("events[0]"));
    let _ = realm
        .api
        .post(&realm.at(&format!("/users/{}/unlock", two.id)), json!({}))
        .await
        .is(200);
    received(&receiver, "/names", 4).await;
    assert_eq!(types("/names").last().map(String::as_str), Some("user.unlocked"));

    // What is deleted is told nothing, and is not there.
    let _ = other
        .api
        .delete(&other.at(&format!("/webhooks/{all}")))
        .await
        .is(200);
    let before = receiver.received("/other").len();
    let _ = other.user().await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert_eq!(receiver.received("/other").len(), before);
    let gone = other.api.query(&other.at(&format!("/webhooks/{all}"))).await;
    let _ = gone.is_problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_and_a_range_are_delivered_when_they_are_asked_for() {
    let server = server();
    let realm = Realm::on(&server).await;
    let receiver = Receiver::start().await;
    let made = register(
        &realm,
        &receiver,
        "/hook",
        json!({ "events": ["user.registered"] }),
    )
    .await;
    let at = |rest: &str| realm.at(&format!("/webhooks/{}{rest}", made.field("id")));
    let _ = realm.api.post(&at("/ping"), json!({})).await.is(200);
    let ping = received(&receiver, "/hook", 1).await.remove(0);
    assert_eq!(ping.text("type"), "webhook.pinged");

    for _ in 0..3 {
        let _ = realm.user().await;
    }
    let first = received(&receiver, "/hook", 4).await;
    let seqs: Vec<u64> = first[1..]
        .iter()
        .map(|one| one.text("seq").parse().expect("a seq"))
        .collect();
    let range = json!({ "lane": "facts", "first": seqs[0], "last": seqs[2] });
    let _ = realm.api.post(&at("/deliveries"), range).await.is(200);
    let again = received(&receiver, "/hook", 7).await;
    let ids = |of: &[ReceivedDelivery]| {
        of.iter()
            .map(|one| one.headers["webhook-id"].clone())
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(ids(&again[4..]), ids(&first[1..]), "the same ids");
    let told = deliveries(&realm, &made.field("id"), "&type=user.registered", 3).await;
    assert_eq!(told.len(), 3);

    for (bad, field) in [
        (json!({ "lane": "facts", "first": 0, "last": 1 }), "first"),
        (json!({ "lane": "facts", "first": 2, "last": 1 }), "last"),
        (json!({ "lane": "facts", "first": 1, "last": 1_000_000 }), "last"),
    ] {
        let refused = realm
            .api
            .post(&at("/deliveries"), bad)
            .await
            .is_problem(422, "invalid");
        assert!(refused.faults().contains(field), "{}", refused.text);
    }
    let _ = realm.api.post(&at("/disable"), json!({})).await.is(200);
    let _ = realm
        .api
        .post(&at("/ping"), json!({}))
        .await
        .is_problem(409, "conflict");
}
