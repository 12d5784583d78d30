//! Endpoints that fail, are slow, are gone, or lead where nobody should get.

use std::time::{Duration, Instant};

use chancery_tests::harness::{Realm, Receiver, Reply, eventually, shared};
use serde_json::{Value, json};

use super::{deliveries, received, register, server};

/// What the query API tells of an endpoint, once it is so.
async fn until(realm: &Realm, webhook: &str, status: &str) -> Value {
    eventually(&format!("it is {status}"), || async {
        let read = realm
            .api
            .query(&realm.at(&format!("/webhooks/{webhook}")))
            .await
            .is(200)
            .json();
        (read["status"] == status).then_some(read)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_under_the_same_id_and_what_follows_of_its_subject_waits() {
    let server = server();
    let realm = Realm::on(&server).await;
    let receiver = Receiver::start().await;
    let user = realm.user().await;
    let made = register(
        &realm,
        &receiver,
        "/hook",
        json!({ "events": ["user.locked", "user.unlocked"] }),
    )
    .await;
    receiver.reply(Reply::Status(500, Duration::ZERO));
    let lock = realm.at(&format!("/users/{}/lock", user.id));
    let _ = realm.api.post(&lock, json!({})).await.is(200);
    received(&receiver, "/hook", 1).await;
    let unlock = realm.at(&format!("/users/{}/unlock", user.id));
    let _ = realm.api.post(&unlock, json!({})).await.is(200);
    let failing = deliveries(&realm, &made.field("id"), "&status=failing", 1)
        .await
        .remove(0);
    assert_eq!(failing["attempts"][0]["status"], 500);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(receiver.received("/hook").len(), 1, "the next one waits");

    receiver.reply(Reply::Status(200, Duration::ZERO));
    let all = received(&receiver, "/hook", 3).await;
    let types: Vec<_> = all.iter().map(|one| one.text("type")).collect();
    assert_eq!(types, ["user.locked", "user.locked", "user.unlocked"]);
    assert_eq!(all[0].headers["webhook-id"], all[1].headers["webhook-id"]);
    assert_eq!(all[0].body, all[1].body);
    let delivered = deliveries(&realm, &made.field("id"), "&status=delivered", 2).await;
    assert_eq!(delivered[0]["attempt_count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_time_is_given_it() {
    let server = server();
    let realm = Realm::on(&server).await;
    let receiver = Receiver::start().await;
    let _ = register(&realm, &receiver, "/hook", json!({ "events": ["user.*"] })).await;
    receiver.reply(Reply::Head("HTTP/1.1 429 Busy\r\nRetry-After: 9\r\n".to_owned()));
    let _ = realm.user().await;
    received(&receiver, "/hook", 1).await;
    let asked = Instant::now();
    receiver.reply(Reply::Status(204, Duration::ZERO));
    received(&receiver, "/hook", 2).await;
    assert!(
        asked.elapsed() >= Duration::from_millis(8_500),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_is_told_nothing_until_it_is_back() {
    let server = server();
    let realm = Realm::on(&server).await;
    let receiver = Receiver::start().await;
    let watching = Receiver::start().await;
    let webhook = register(&realm, &receiver, "/hook", json!({ "events": ["user.*"] }))
        .await
        .field("id");
    let _ = register(
        &realm,
        &watching,
        "/hook",
        json!({ "events": ["webhook.disabled"] }),
    )
    .await;
    let _ = register(&realm, &watching, "/users", json!({ "events": ["user.*"] })).await;
    receiver.reply(Reply::Status(410, Duration::ZERO));
    let _ = realm.user().await;
    let gone = until(&realm, &webhook, "disabled").await;
    assert_eq!(gone["disabled_by"], "gone");
    let failed = deliveries(&realm, &webhook, "&status=failed", 1).await;
    assert_eq!(failed[0]["attempts"][0]["status"], 410);
    let notice = received(&watching, "/hook", 1).await.remove(0);
    assert_eq!(notice.text("subject"), format!("webhook:{webhook}"));

    receiver.reply(Reply::Status(204, Duration::ZERO));
    let missed = realm.user().await;
    // Where an event goes is asked when it is seen: this one was, once others are told of it.
    let _ = received(&watching, "/users", 2).await;
    let enable = realm.at(&format!("/webhooks/{webhook}/enable"));
    let _ = realm.api.post(&enable, json!({})).await.is(200);
    let _ = until(&realm, &webhook, "active").await;
    let _ = realm.user().await;
    let all = received(&receiver, "/hook", 2).await;
    assert_ne!(all[1].text("subject"), format!("user:{}", missed.id));
    // What it missed is delivered when it is asked for.
    let seq = &realm.events("facts", &format!("&subject={}", missed.id)).await[0]["seq"];
    let range = json!({ "lane": "facts", "first": seq, "last": seq });
    let _ = realm
        .api
        .post(&realm.at(&format!("/webhooks/{webhook}/deliveries")), range)
        .await
        .is(200);
    let all = received(&receiver, "/hook", 3).await;
    assert_eq!(all[2].text("subject"), format!("user:{}", missed.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_hangs_delays_nobody_else() {
    let server = server();
    let realm = Realm::on(&server).await;
    let (hangs, well) = (Receiver::start().await, Receiver::start().await);
    hangs.reply(Reply::Never);
    for number in 0..10 {
        let _ = register(&realm, &hangs, &format!("/{number}"), json!({})).await;
    }
    let _ = register(&realm, &well, "/hook", json!({ "events": ["user.*"] })).await;
    let mut slowest = Duration::ZERO;
    for number in 1..=20 {
        let _ = realm.user().await;
        let asked = Instant::now();
        received(&well, "/hook", number).await;
        slowest = slowest.max(asked.elapsed());
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_told_no_more_often_than_it_says() {
    let server = server();
    let realm = Realm::on(&server).await;
    let receiver = Receiver::start().await;
    for _ in 0..6 {
        let _ = realm.user().await;
    }
    let seq = realm.events("facts", "").await.len();
    let body = json!({ "events": ["user.*"], "per_second": 2 });
    let webhook = register(&realm, &receiver, "/hook", body).await.field("id");
    let range = json!({ "lane": "facts", "first": 1, "last": seq });
    let _ = realm
        .api
        .post(&realm.at(&format!("/webhooks/{webhook}/deliveries")), range)
        .await
        .is(200);
    received(&receiver, "/hook", 1).await;
    let asked = Instant::now();
    received(&receiver, "/hook", 6).await;
    assert!(asked.elapsed() >= Duration::from_secs(2), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let server = server();
    let realm = Realm::on(&server).await;
    let receiver = Receiver::start().await;
    let head = format!("HTTP/1.1 307 Moved\r\nLocation: {}/elsewhere\r\n", receiver.base);
    receiver.reply(Reply::Head(head));
    let webhook = register(&realm, &receiver, "/hook", json!({})).await.field("id");
    let _ = realm
        .api
        .post(&realm.at(&format!("/webhooks/{webhook}/ping")), json!({}))
        .await
        .is(200);
    let failing = deliveries(&realm, &webhook, "&status=failing&type=webhook.pinged", 1).await;
    let told = failing[0]["attempts"][0]["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(told.contains("redirect"), "{failing:?}");
    assert!(receiver.received("/elsewhere").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_not_on_the_public_network_is_not_reached() {
    // A server as operators run it, which allows nothing.
    let realm = Realm::on(&shared()).await;
    let receiver = Receiver::start().await;
    let port = receiver.base.rsplit(':').next().expect("a port").to_owned();
    for host in ["127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "localhost"] {
        let body = json!({ "url": format!("https://{host}:{port}/hook"), "events": ["user.teleported"] });
        let refused = realm.api.post(&realm.at("/webhooks"), body).await;
        assert!(refused.is_problem(422, "invalid").faults().contains("events[0]"));
        let body = json!({ "url": format!("https://{host}:{port}/hook"), "events": ["user.*"] });
        let webhook = realm
            .api
            .post(&realm.at("/webhooks"), body)
            .await
            .is(201)
            .field("id");
        let _ = realm
            .api
            .post(&realm.at(&format!("/webhooks/{webhook}/ping")), json!({}))
            .await
            .is(200);
        let failing = deliveries(&realm, &webhook, "&status=failing", 1).await;
        let told = failing[0]["attempts"][0]["error"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(told.contains("public network"), "{host}: {told}");
    }
    for url in [
        "http://receiver.test/",
        "ftp://receiver.test/",
        "https://a:b@receiver.test/",
        "receiver.test",
        "",
    ] {
        let refused = realm
            .api
            .post(&realm.at("/webhooks"), json!({ "url": url }))
            .await;
        assert!(
            refused.is_problem(422, "invalid").faults().contains("url"),
            "{url}"
        );
    }
    assert!(receiver.received("/hook").is_empty());
}
