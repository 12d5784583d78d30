//! A range of the log, published once more: the same records, to a topic of its own and nowhere else.

use std::collections::BTreeMap;

use chancery_tests::harness::{Published, Ran, Realm, Server, free_port, published};
use scratch::Broker;
use serde_json::json;

use super::{caught_up, publishing, topic};

/// A server whose public address its subcommands know, too.
pub fn start(broker: &Broker) -> Server {
    let address = format!("127.0.0.1:{}", free_port());
    let mut options = publishing(broker).with("CHANCERY_PUBLIC_URL", &format!("http://{address}"));
    options.listen = Some(address);
    Server::start(options)
}

pub fn replay(server: &Server, arguments: &[&str]) -> Ran {
    server.run(&[&["replay"], arguments].concat())
}

pub async fn read(broker: &Broker, name: &str) -> Vec<Published> {
    let (address, name) = (broker.address().to_owned(), name.to_owned());
    let reading = tokio::task::spawn_blocking(move || published(&address, &name));
    reading.await.expect("read")
}

type Records = Vec<(BTreeMap<String, String>, String)>;

/// What a consumer sees of each key, in its order.
fn by_key(records: Vec<Published>) -> BTreeMap<String, Records> {
    let mut keys = BTreeMap::<_, Records>::new();
    for Published {
        key, headers, text, ..
    } in records
    {
        keys.entry(key).or_default().push((headers, text));
    }
    keys
}

#[tokio::test]
async fn a_range_is_published_once_more_with_the_same_records_and_beside_the_live_topics() {
    let Some(broker) = Broker::start() else { return };
    let server = start(&broker);
    let realm = Realm::on(&server).await;
    let (user, other) = (realm.user().await, Realm::new(&realm.api).await);
    let _ = other.user().await;
    for reason in ["first-unmistakable-reason", "second-unmistakable-reason"] {
        for (order, body) in [("lock", json!({"reason": reason})), ("unlock", json!({}))] {
            let path = realm.at(&format!("/users/{}/{order}", user.id));
            let _ = realm.api.post(&path, body).await.is(200);
        }
    }
    caught_up(&[&server]).await;

    // Everything.
    let said = replay(&server, &["--to", "everything"]).succeeds();
    let live = read(&broker, &topic("audit")).await;
    let again = read(&broker, "everything").await;
    let events = live.len();
    assert!(said.contains(&format!("{events} events of ")), "{said}");
    assert!(said.contains("in everything"), "{said}");
    assert_eq!(by_key(again.clone()), by_key(live.clone()));
    for record in &again {
        for secret in [&user.email, &user.username, "unmistakable-reason"] {
            assert!(!record.text.contains(secret), "{secret} is in {record:?}");
        }
    }

    // A piece of one lane: chains go on from what was before.
    let range = [
        "--realm", &realm.id, "--lane", "facts", "--from", "2", "--until", "4",
    ];
    replay(&server, &[&["--to", "piece"], &range[..]].concat()).succeeds();
    let stream = format!("{}/facts", realm.id);
    let piece = read(&broker, "piece").await;
    assert_eq!(
        piece
            .iter()
            .map(|record| record.number("ce_seq"))
            .collect::<Vec<_>>(),
        [2, 3, 4]
    );
    let of_stream = by_key(live.clone()).remove(&stream).expect("it was published");
    assert_eq!(
        by_key(piece).remove(&stream).expect("and is again"),
        of_stream[1..4]
    );

    // What one topic had since a moment, of one realm.
    let users = read(&broker, &topic("users")).await;
    let locked = users
        .iter()
        .find(|record| record.header("ce_type") == "user.locked");
    let since = locked.expect("it was locked").header("ce_time").to_owned();
    let range = ["--realm", &realm.id, "--topic", "users", "--from", &since];
    replay(&server, &[&["--to", "since"], &range[..]].concat()).succeeds();
    let is_since =
        |record: &&Published| record.header("ce_realmid") == realm.id && *record.header("ce_time") >= *since;
    let expected: Vec<_> = users.iter().filter(is_since).cloned().collect();
    assert_eq!(expected.len(), 4);
    assert_eq!(by_key(read(&broker, "since").await), by_key(expected));
    let before = ["--realm", &realm.id, "--topic", "users", "--until", &since];
    replay(&server, &[&["--to", "before"], &before[..]].concat()).succeeds();
    let earlier = users
        .iter()
        .filter(|record| record.header("ce_realmid") == realm.id);
    let earlier: Vec<_> = earlier
        .filter(|record| *record.header("ce_time") < *since)
        .cloned()
        .collect();
    assert_eq!(by_key(read(&broker, "before").await), by_key(earlier));

    // Nothing of it went into the live topics.
    assert_eq!(by_key(read(&broker, &topic("audit")).await), by_key(live));
}

#[tokio::test]
async fn a_range_that_makes_no_sense_is_refused_and_nothing_is_written() {
    let Some(broker) = Broker::start() else { return };
    let server = start(&broker);
    let realm = Realm::on(&server).await;
    caught_up(&[&server]).await;
    let nobody = "00000000-0000-7000-8000-000000000000";
    let of = ["--realm", &realm.id, "--lane", "facts"];
    for (arguments, because) in [
        (vec!["--to", "identity.users.v1"], "live topic"),
        (vec!["--to", "identity.users.v2"], "live topic"),
        (vec!["--to", "__consumer_offsets"], "live topic"),
        (vec!["--to", "no spaces"], "no spaces"),
        (vec!["--to", "it", "--realm", nobody], "no realm"),
        (vec!["--to", "it", "--realm", "shop"], "invalid value"),
        (
            vec!["--to", "it", "--topic", "letters"],
            "one of realms, applications",
        ),
        (vec!["--to", "it", "--lane", "both"], "facts or activity"),
        (
            vec!["--to", "it", "--from", "yesterday"],
            "neither a seq nor a moment",
        ),
        (vec!["--to", "it", "--from", "1"], "name one realm and its lane"),
        (
            vec!["--to", "it", "--realm", &realm.id, "--until", "1"],
            "name one realm and its lane",
        ),
        (
            [&["--to", "it", "--from", "3", "--until", "2"], &of[..]].concat(),
            "ends before it begins",
        ),
        ([&["--to", "it", "--from", "9999"], &of[..]].concat(), "no 9999"),
        ([&["--to", "it", "--from", "0"], &of[..]].concat(), "no 0"),
        (
            vec!["--to", "it", "--from", "2200-01-01T00:00:00Z"],
            "nothing happened",
        ),
        (
            vec![
                "--to",
                "it",
                "--from",
                "2026-01-02T00:00:00Z",
                "--until",
                "2026-01-01T00:00:00Z",
            ],
            "ends before it begins",
        ),
    ] {
        replay(&server, &arguments).fails(because);
    }
    // What was replayed once is not doubled.
    replay(&server, &["--to", "once"]).succeeds();
    replay(&server, &["--to", "once"]).fails("has records already");
    assert!(read(&broker, "it").await.is_empty(), "nothing was written");

    let variables = [("CHANCERY_PUBLIC_URL", "http://127.0.0.1:8080")];
    let without = server
        .stores()
        .run(&["replay", "--to", "it"], server.data(), &variables);
    without.fails("there is no Kafka");
}
