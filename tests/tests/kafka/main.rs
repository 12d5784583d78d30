//! The log in Kafka, as consumers see it: every event once, in order, without what is sealed; through the death of brokers,
//! of the publisher, and with two of them.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on says where, and stops"
)]

mod consumers;
mod replay;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chancery_tests::harness::{
    Api, Nodes, Options, Published, Realm, Server, at_once, eventually, published,
};
use scratch::Broker;
use serde_json::{Value, json};

const DOMAINS: [&str; 6] = [
    "realms",
    "applications",
    "users",
    "auth",
    "permissions",
    "compliance",
];

fn topic(word: &str) -> String {
    format!("identity.{word}.v1")
}

fn publishing(broker: &Broker) -> Options {
    Options::default().with("CHANCERY_KAFKA__BROKERS", broker.address())
}

/// What operators are told of Kafka.
async fn standing(server: &Server) -> Value {
    let url = format!("{}/health/ready", server.management);
    let answer = reqwest::get(url).await.expect("an answer");
    assert_eq!(answer.status(), 200, "Kafka makes no node unready");
    answer.json::<Value>().await.expect("JSON")["kafka"].clone()
}

/// Waits until everything is published that happened; these nodes publish all shards.
async fn caught_up(servers: &[&Server]) {
    for _ in 0..600 {
        let mut standings = Vec::new();
        for server in servers {
            standings.push(standing(server).await);
        }
        let shards: usize = standings
            .iter()
            .map(|kafka| kafka["shards"].as_array().map_or(0, Vec::len))
            .sum();
        let all = |kafka: &Value| kafka["failing"].is_null() && kafka["lag_events"] == json!(0);
        if shards == 4 && standings.iter().all(all) {
            // The log is looked at four times a second: what was acknowledged before this is known by then.
            tokio::time::sleep(Duration::from_millis(600)).await;
            if standing(servers[0]).await["lag_events"] == json!(0) {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("it does not catch up: {}", standing(servers[0]).await);
}

/// All topics, by their word.
async fn topics(broker: &Broker) -> BTreeMap<&'static str, Vec<Published>> {
    let address = broker.address().to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let words = DOMAINS.into_iter().chain(["security", "audit"]);
        words
            .map(|word| (word, published(&address, &topic(word))))
            .collect()
    });
    reading.await.expect("read")
}

/// The events of a realm's lane as the query API has them: their ids, in order.
async fn logged(realm: &Realm, lane: &str) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), 0);
    loop {
        let path = realm.at(&format!("/events?lane={lane}&after={after}&page_size=500"));
        let page = realm.api.query(&path).await.is(200).json();
        let items = page["items"].as_array().expect("items").clone();
        if items.is_empty() {
            return ids;
        }
        ids.extend(
            items
                .iter()
                .map(|event| event["id"].as_str().expect("an id").to_owned()),
        );
        after = page["next_after"].as_u64().expect("a seq");
    }
}

/// Every event once in `audit`, in the order of its stream and without a gap; once in one topic of a domain, each subject's in order;
/// chains unbroken everywhere.
fn is_whole(topics: &BTreeMap<&'static str, Vec<Published>>) {
    let audit = &topics["audit"];
    let mut heads: BTreeMap<String, u64> = BTreeMap::new();
    for record in audit {
        let (stream, seq) = record.place();
        let last = heads.entry(stream).or_default();
        assert_eq!(seq, *last + 1, "{record:?}");
        assert_eq!(record.number("ce_previousseq"), *last);
        *last = seq;
    }
    let all: BTreeSet<_> = audit.iter().map(|record| record.header("ce_id")).collect();
    assert_eq!(all.len(), audit.len(), "an event is there twice");
    let mut of_domains = BTreeSet::new();
    for (word, records) in topics.iter().filter(|(word, _)| **word != "audit") {
        let mut chains: BTreeMap<String, BTreeMap<u64, u64>> = BTreeMap::new();
        let mut of_subject: BTreeMap<&str, u64> = BTreeMap::new();
        for record in records {
            assert!(all.contains(record.header("ce_id")));
            let (stream, seq) = record.place();
            let before = chains
                .entry(stream)
                .or_default()
                .insert(seq, record.number("ce_previousseq"));
            assert_eq!(before, None, "{word} has it twice: {record:?}");
            if record.headers.contains_key("ce_subject") {
                let last = of_subject.entry(&record.key).or_default();
                assert!(seq > *last, "{word}: out of order: {record:?}");
                *last = seq;
            }
            if DOMAINS.contains(word) {
                assert!(
                    of_domains.insert(record.header("ce_id")),
                    "in two domains: {record:?}"
                );
            }
        }
        for chain in chains.values() {
            let mut last = 0;
            for (seq, previous) in chain {
                assert_eq!(*previous, last, "{word}: the chain is broken before {seq}");
                last = *seq;
            }
        }
    }
    assert_eq!(of_domains, all);
}

#[tokio::test]
async fn every_event_is_published_once_in_order_and_without_what_is_sealed() {
    let Some(broker) = Broker::start() else { return };
    let server = Server::start(publishing(&broker));
    let realm = Realm::on(&server).await;
    let user = realm
        .user_with(json!({"given_name": "Clothilde", "family_name": "Unmistakable"}))
        .await;
    let lock = realm.at(&format!("/users/{}/lock", user.id));
    let _ = realm
        .api
        .post(&lock, json!({"reason": "an-unmistakable-reason"}))
        .await
        .is(200);
    caught_up(&[&server]).await;

    let topics = topics(&broker).await;
    is_whole(&topics);
    for lane in ["facts", "activity"] {
        let stream = format!("{}/{lane}", realm.id);
        let ids = topics["audit"].iter().filter(|record| record.key == stream);
        let ids: Vec<_> = ids.map(|record| record.header("ce_id").to_owned()).collect();
        assert_eq!(ids, logged(&realm, lane).await, "{lane}");
    }
    let of_user = |word: &str| -> Vec<Published> {
        let subject = format!("user:{}", user.id);
        let mine = topics[word]
            .iter()
            .filter(|record| record.headers.get("ce_subject") == Some(&subject));
        mine.cloned().collect()
    };
    let users = of_user("users");
    let types: Vec<_> = users
        .iter()
        .map(|record| record.header("ce_type").to_owned())
        .collect();
    assert_eq!(types, ["user.registered", "user.locked"]);
    assert_eq!(
        of_user("security").len(),
        1,
        "a lock is watched, a registration is not"
    );
    let registered = &users[0];
    assert_eq!(registered.header("ce_specversion"), "1.0");
    assert_eq!(registered.header("content-type"), "application/json");
    assert_eq!(
        registered.header("ce_source"),
        format!("{}/realms/{}", realm.api.base(), realm.id)
    );
    assert_eq!(registered.key, format!("{}/user:{}", realm.id, user.id));
    assert!(registered.json().is_object());
    for record in topics.values().flatten() {
        for secret in [
            "Clothilde",
            "Unmistakable",
            "unmistakable-reason",
            "argon2",
            &user.username,
            &user.email,
        ] {
            assert!(!record.text.contains(secret), "{secret} is in {record:?}");
            assert!(
                record.headers.values().all(|value| !value.contains(secret)),
                "{record:?}"
            );
        }
    }
}

#[tokio::test]
async fn without_kafka_signing_in_goes_on_and_what_happened_meanwhile_is_published_later() {
    let Some(broker) = Broker::start() else { return };
    broker.kill();
    let server = Server::start(publishing(&broker));
    let kafka = standing(&server).await;
    assert!(kafka["failing"].is_string(), "{kafka}");
    let realm = Realm::on(&server).await;
    let _ = realm.user().await;
    broker.again();
    caught_up(&[&server]).await;
    let whole = topics(&broker).await;
    is_whole(&whole);
    assert!(
        whole["users"]
            .iter()
            .any(|record| record.header("ce_realmid") == realm.id)
    );

    // And again in the middle.
    broker.kill();
    let _ = realm.user().await;
    eventually("operators are told", async || {
        let kafka = standing(&server).await;
        (kafka["failing"].is_string() || kafka["lag_events"] != json!(0)).then_some(())
    })
    .await;
    broker.again();
    caught_up(&[&server]).await;
    is_whole(&topics(&broker).await);
    assert_eq!(logged(&realm, "facts").await.len(), {
        let stream = format!("{}/facts", realm.id);
        topics(&broker).await["audit"]
            .iter()
            .filter(|record| record.key == stream)
            .count()
    });
}

#[tokio::test]
async fn a_publisher_that_is_killed_leaves_no_gap_and_nothing_twice() {
    let Some(broker) = Broker::start() else { return };
    let mut server = Server::start(publishing(&broker));
    let mut realm = Realm::on(&server).await;
    for round in 0..4 {
        let writing: Vec<_> = (0..12).map(|_| realm.user()).collect();
        for writing in writing {
            let _ = writing.await;
        }
        if round == 2 {
            broker.kill();
        }
        server.kill();
        server = server.restart();
        if round == 2 {
            broker.again();
        }
        realm.api = Api::admin(&server).await;
    }
    caught_up(&[&server]).await;
    let topics = topics(&broker).await;
    is_whole(&topics);
    let stream = format!("{}/facts", realm.id);
    let published = topics["audit"]
        .iter()
        .filter(|record| record.key == stream)
        .count();
    assert_eq!(published, logged(&realm, "facts").await.len());
}

#[tokio::test]
async fn nodes_divide_the_work_and_take_over_from_one_that_dies() {
    let Some(nodes) = Nodes::new() else { return };
    let Some(broker) = Broker::start() else { return };
    let with = |options: Options| options.with("CHANCERY_KAFKA__BROKERS", broker.address());
    let first = Server::start(with(nodes.options("command,query,worker")));
    let second = Server::start(with(nodes.options("worker")));
    let divided = async || {
        let (one, other) = (standing(&first).await, standing(&second).await);
        let count = |kafka: &Value| kafka["shards"].as_array().map_or(0, Vec::len);
        ((count(&one), count(&other)) == (2, 2)).then_some(())
    };
    for _ in 0..3 {
        if divided().await.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    eventually("the shards are divided", divided).await;
    let api = Api::admin(&first).await;
    let make = |api: Api| async move {
        let realm = Realm::new(&api).await;
        let _ = realm.user().await;
    };
    let _ = at_once(8, |_| make(api.clone())).await;
    caught_up(&[&first, &second]).await;
    is_whole(&topics(&broker).await);

    drop(second);
    let _ = at_once(8, |_| make(api.clone())).await;
    caught_up(&[&first]).await;
    is_whole(&topics(&broker).await);
}
