//! The consumers of the guide for data teams, with client libraries that are none of ours: they see every event once, and say so where one
//! is missing. Where a library is not installed, this is said loudly; with `CI=true` it fails.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use chancery_tests::harness::Realm;
use scratch::Broker;
use serde_json::{Value, json};

use super::{
    caught_up,
    replay::{read, replay, start},
    topic,
};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/examples")
}

/// A consumer as its first lines say, if what it needs is installed.
fn consumer(folder: &str, needed: &str, program: &str, script: &str) -> Option<impl Fn() -> Command> {
    let folder = examples().join(folder);
    let needed = folder.join(needed);
    if !needed.exists() {
        let needed = needed.display();
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "no {needed}: run tools/test"
        );
        eprintln!("\n=== SKIPPED: no {needed} (tools/test makes it) ===\n");
        return None;
    }
    let (program, script) = (program.to_owned(), script.to_owned());
    Some(move || {
        let mut command = Command::new(&program);
        command.current_dir(&folder).arg(&script);
        command
    })
}

/// What it says of a topic until its end.
async fn follow(mut command: Command, broker: &Broker, topic: &str) -> Output {
    command
        .env("BROKERS", broker.address())
        .env("TOPIC", topic)
        .env("UNTIL_END", "1");
    let followed = tokio::task::spawn_blocking(move || command.output());
    followed.await.expect("it ends").expect("it runs")
}

async fn follows(command: impl Fn() -> Command) {
    let Some(broker) = Broker::start() else { return };
    let server = start(&broker);
    let realm = Realm::on(&server).await;
    for user in [realm.user().await, realm.user().await] {
        let lock = realm.at(&format!("/users/{}/lock", user.id));
        let _ = realm.api.post(&lock, json!({ "reason": "a test" })).await.is(200);
    }
    caught_up(&[&server]).await;

    let users = topic("users");
    let followed = follow(command(), &broker, &users).await;
    let (said, complained) = (
        String::from_utf8_lossy(&followed.stdout),
        String::from_utf8_lossy(&followed.stderr),
    );
    assert!(followed.status.success(), "{said}{complained}");
    let line = |id: &str, name: &str, time: &str, subject: &str, data: &Value| {
        json!({ "id": id, "type": name, "time": time, "subject": subject, "data": data }).to_string()
    };
    let seen: Vec<_> = said
        .lines()
        .map(|one| {
            let event: Value = serde_json::from_str(one).expect("JSON");
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            line(
                &text("id"),
                &text("type"),
                &text("time"),
                &text("subject"),
                &event["data"],
            )
        })
        .collect();
    let there = read(&broker, &users).await;
    let expected: BTreeSet<_> = there
        .iter()
        .map(|record| {
            let subject = record.headers.get("ce_subject").map_or("", String::as_str);
            line(
                record.header("ce_id"),
                record.header("ce_type"),
                record.header("ce_time"),
                subject,
                &record.json(),
            )
        })
        .collect();
    assert!(expected.len() >= 4, "two were registered and locked");
    assert_eq!(seen.len(), expected.len(), "each once: {said}");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);

    // A topic that has not what was before.
    let range = [
        "--realm", &realm.id, "--lane", "facts", "--from", "3", "--until", "4",
    ];
    replay(&server, &[&["--to", "piece"], &range[..]].concat()).succeeds();
    let followed = follow(command(), &broker, "piece").await;
    assert_eq!(String::from_utf8_lossy(&followed.stdout).lines().count(), 2);
    assert_eq!(followed.status.code(), Some(1));
    let complained = String::from_utf8_lossy(&followed.stderr);
    assert!(
        complained.contains(&format!("{}/facts", realm.id)) && complained.contains("events are missing"),
        "{complained}"
    );
}

#[tokio::test]
async fn one_in_python_sees_the_same_and_misses_what_is_missing() {
    let python = examples().join("python/.venv/bin/python");
    let program = python.to_str().expect("text");
    if let Some(command) = consumer("python", ".venv/bin/python", program, "follow.py") {
        follows(command).await;
    }
}

#[tokio::test]
async fn one_in_javascript_sees_the_same_and_misses_what_is_missing() {
    if let Some(command) = consumer("javascript", "node_modules/kafkajs", "node", "follow.mjs") {
        follows(command).await;
    }
}
