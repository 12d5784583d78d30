//! Shards, against a real Apache Kafka that is started for it, killed and started again.

#![allow(clippy::unwrap_used, reason = "a test's steps fail by panicking")]

use std::time::{Duration, Instant};

use kafka::{Error, Membership, Place, Record, Settings, Shard, Topic};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};
use scratch::Broker;

/// A broker of this test's own, as it is reached.
struct Kafka {
    broker: Broker,
    settings: Settings,
}

impl Kafka {
    fn start() -> Option<Self> {
        let broker = Broker::start()?;
        let settings = Settings::plain(broker.address());
        Some(Self { broker, settings })
    }

    /// Two topics: one of two partitions for records, and the positions of two shards.
    fn topics(&self) {
        let topic = |name: &str, compacted| Topic {
            name: name.to_owned(),
            partitions: 2,
            replication: 1,
            compacted,
        };
        let topics = [topic("things", false), topic("positions", true)];
        assert_eq!(kafka::ensure(&self.settings, &topics).unwrap(), [2, 2]);
        // What is there is left as it is.
        let more = [Topic {
            partitions: 3,
            ..topics[0].clone()
        }];
        assert_eq!(kafka::ensure(&self.settings, &more).unwrap(), [2]);
    }

    /// The values of the topic `things` as consumers see them that read what is committed: by key, in order.
    fn seen(&self) -> Vec<(String, String)> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.settings.brokers)
            .set("group.id", "test")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("isolation.level", "read_committed")
            .create()
            .unwrap();
        let mut all = TopicPartitionList::new();
        for partition in 0..2 {
            all.add_partition_offset("things", partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&all).unwrap();
        let (mut seen, mut ended) = (Vec::new(), 0);
        let started = Instant::now();
        while ended < 2 {
            assert!(started.elapsed() < Duration::from_mins(1), "the topic has no end");
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => seen.push((text(message.key()), text(message.payload()))),
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                _ => {}
            }
        }
        seen
    }
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8(bytes.unwrap().to_vec()).unwrap()
}

fn place(shard: i32) -> Place {
    Place {
        positions: "positions".to_owned(),
        shard,
        transactional_id: format!("test.{shard}"),
    }
}

fn record(key: &str, number: u64) -> Record {
    Record {
        topic: "things".to_owned(),
        key: key.as_bytes().to_vec(),
        headers: vec![("number", number.to_string())],
        value: number.to_string().into_bytes(),
        time_ms: 1_700_000_000_000,
    }
}

/// The number a shard stands at in a source.
fn standing(positions: &kafka::Positions, source: &str) -> u64 {
    positions
        .get(source)
        .map_or(0, |position| text(Some(position)).parse().unwrap())
}

#[test]
fn who_opens_a_shard_goes_on_where_it_stands_and_fences_who_had_it() {
    let Some(kafka) = Kafka::start() else { return };
    kafka.topics();
    let (first, positions) = Shard::open(&kafka.settings, &place(0)).unwrap();
    assert_eq!(positions.len(), 0);
    first
        .publish(
            &[record("a", 1), record("b", 2)],
            &[("source".into(), b"2".to_vec())],
        )
        .unwrap();
    first
        .publish(
            &[record("a", 3)],
            &[("source".into(), b"3".to_vec()), ("other".into(), b"9".to_vec())],
        )
        .unwrap();

    // Another shard knows nothing of it.
    let (other, positions) = Shard::open(&kafka.settings, &place(1)).unwrap();
    assert_eq!(positions.len(), 0);
    other
        .publish(&[record("c", 1)], &[("else".into(), b"1".to_vec())])
        .unwrap();

    let (second, positions) = Shard::open(&kafka.settings, &place(0)).unwrap();
    assert_eq!(
        (standing(&positions, "source"), standing(&positions, "other")),
        (3, 9)
    );
    let refused = first.publish(&[record("a", 4)], &[("source".into(), b"4".to_vec())]);
    assert_eq!(refused, Err(Error::Fenced));
    second
        .publish(&[record("a", 5)], &[("source".into(), b"5".to_vec())])
        .unwrap();

    let mut seen = kafka.seen();
    seen.sort();
    let expected = [("a", "1"), ("a", "3"), ("a", "5"), ("b", "2"), ("c", "1")];
    assert_eq!(
        seen,
        expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
    );
}

#[test]
fn a_broker_that_dies_in_the_middle_loses_nothing_and_doubles_nothing() {
    let Some(kafka) = Kafka::start() else { return };
    kafka.topics();
    let until = 400;
    std::thread::scope(|scope| {
        let publishing = scope.spawn(|| {
            let mut opened = 0;
            loop {
                let Ok((shard, positions)) = Shard::open(&kafka.settings, &place(0)) else {
                    std::thread::sleep(Duration::from_millis(200));
                    continue;
                };
                opened += 1;
                let mut at = standing(&positions, "source");
                while at < until {
                    let next = at + 1;
                    let position = [("source".to_owned(), next.to_string().into_bytes())];
                    if shard.publish(&[record("key", next)], &position).is_err() {
                        break;
                    }
                    at = next;
                }
                if at == until {
                    return opened;
                }
            }
        });
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(1_500));
            kafka.broker.kill();
            kafka.broker.again();
        }
        let opened: i32 = publishing.join().unwrap();
        println!("opened {opened} times");
    });
    let numbers: Vec<u64> = kafka
        .seen()
        .iter()
        .map(|(_, value)| value.parse().unwrap())
        .collect();
    assert_eq!(numbers, (1..=until).collect::<Vec<_>>());
}

#[test]
fn a_group_divides_the_shards_and_takes_those_of_who_leaves() {
    let Some(kafka) = Kafka::start() else { return };
    kafka.topics();
    let join = || Membership::join(&kafka.settings, "group", "positions").unwrap();
    let shards = |member: &Membership| member.shards(Duration::from_millis(100)).unwrap();
    let one = join();
    until(|| shards(&one).len() == 2);
    let other = join();
    until(|| (shards(&one).len(), shards(&other).len()) == (1, 1));
    assert!(shards(&one).is_disjoint(&shards(&other)));
    drop(one);
    until(|| shards(&other).len() == 2);
}

fn until(mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(
            started.elapsed() < Duration::from_mins(1),
            "it does not come to be so"
        );
    }
}

#[test]
fn where_there_is_no_broker_this_is_said_and_nothing_hangs() {
    let settings = Settings::plain("127.0.0.1:9");
    let started = Instant::now();
    assert!(matches!(Shard::open(&settings, &place(0)), Err(Error::Away(_))));
    assert!(started.elapsed() < Duration::from_secs(30));
}
