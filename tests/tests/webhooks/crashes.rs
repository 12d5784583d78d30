//! The server is killed while it delivers: nothing is missing, each subject's events come in order, and what comes twice carries the
//! same id.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chancery_tests::harness::{Realm, Receiver, Reply, Server, eventually};
use serde_json::json;

use super::{options, register};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_while_it_delivers_loses_nothing_and_keeps_the_order() {
    let mut server = Server::start(options());
    let mut realm = Realm::on(&server).await;
    let receiver = Receiver::start().await;
    receiver.reply(Reply::Status(204, Duration::from_millis(30)));
    let _ = register(&realm, &receiver, "/hook", json!({ "events": ["user.*"] })).await;
    let users = [realm.user().await, realm.user().await, realm.user().await];
    for round in 0..6 {
        for user in &users {
            for verb in ["lock", "unlock"] {
                let path = realm.at(&format!("/users/{}/{verb}", user.id));
                let _ = realm.api.post(&path, json!({})).await.is(200);
            }
        }
        if round % 2 == 0 {
            // In the middle: each delivery takes 30 ms, and there are many.
            tokio::time::sleep(Duration::from_millis(20 * round)).await;
            server.kill();
            server = server.restart();
            realm = Realm {
                api: chancery_tests::harness::Api::admin(&server).await,
                ..realm
            };
        }
    }
    let mut facts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for event in realm.events("facts", "").await {
        if event["type"]
            .as_str()
            .is_some_and(|name| name.starts_with("user."))
        {
            let subject = format!("user:{}", event["subject"]["id"].as_str().expect("an id"));
            facts
                .entry(subject)
                .or_default()
                .push(event["seq"].as_u64().expect("a seq"));
        }
    }
    let count: usize = facts.values().map(Vec::len).sum();
    assert_eq!(count, 39, "{facts:?}");
    eventually("everything is delivered", || async {
        let ids: BTreeSet<_> = receiver
            .received("/hook")
            .iter()
            .map(|one| one.text("seq"))
            .collect();
        (ids.len() >= count).then_some(())
    })
    .await;
    let all = receiver.received("/hook");
    for (subject, seqs) in &facts {
        let of = all.iter().filter(|one| one.text("subject") == *subject);
        let mut seen = BTreeSet::new();
        let fresh: Vec<u64> = of
            .map(|one| one.text("seq").parse().expect("a seq"))
            .filter(|seq| seen.insert(*seq))
            .collect();
        assert_eq!(&fresh, seqs, "{subject}");
    }
    let mut ids: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for one in &all {
        let told = (one.headers["webhook-id"].clone(), one.body.clone());
        ids.entry(one.text("seq")).or_default().insert(told);
    }
    assert!(
        ids.values().all(|told| told.len() == 1),
        "what comes twice is the same"
    );
    println!("{} deliveries of {count} events", all.len());
}
