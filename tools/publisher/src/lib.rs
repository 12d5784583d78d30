//! The log, published: every event of every realm goes to the [topics](events::topics) of Kafka, exactly once and in order.
//!
//! Realms are divided into shards ([`kafka`] tells how exactly once comes about). A shard goes on where its positions stand, each of which
//! names incarnation, seq and leaf hash of the last event published of a stream, and is compared with the log before anything
//! follows it: of a log that is not the one that was published, nothing is published. What cannot be published stops its
//! stream, loudly, and nothing else; nothing is skipped.
//!
//! Signing in waits for nothing of this. While Kafka is away the log grows as ever, and [`Publisher::standing`] and the metrics tell how far
//! behind the topics are; once it is back they catch up.
//!
//! # What is in a record
//!
//! CloudEvents 1.0 in binary mode: the attributes are headers, the value is the event's `data` as the catalogue of events describes it. Fields that
//! are sealed in the log (personal data, secrets, where a request came from) are left out: nothing in Kafka has to be erased.
//!
//! | header | holds |
//! | --- | --- |
//! | `ce_specversion`, `content-type` | `1.0`, `application/json` |
//! | `ce_id`, `ce_type`, `ce_time`, `ce_source` | the event's id, its stable name, when it was recorded, the realm's address by its id |
//! | `ce_subject`, `ce_subjectversion` | `{kind}:{id}` of what it changed, and its version after it; not of activity that decides nothing |
//! | `ce_schemaversion` | the version of the shape of the value |
//! | `ce_realmid`, `ce_lane`, `ce_seq`, `ce_incarnation` | the stream, and the event's place in it |
//! | `ce_previousseq` | the seq of the stream's event before it in the same topic; 0 for the first. Who sees the chain unbroken has missed nothing |
//! | `ce_traceparent`, `traceparent` | the trace that it is part of, where it is collected (W3C Trace Context) |
//! | `ce_causationid` | the event that it follows from |
//! | `ce_actoruser`, `ce_actorclient`, `ce_actorsession`, `ce_actorrealm`, `ce_actoronbehalfof`, `ce_actorcomponent`, `ce_requestid` | who did it: what is known of it |
//!
//! But for `ce_previousseq` they are [those that webhooks have](events::cloud_events::ATTRIBUTES): one event has one identity on both ways.
//!
//! The key is realm and subject, `{realm}/{kind}:{id}`, so that the events of a subject are in order; of activity without a subject it names who
//! acted, else the realm. In the topic `audit` it is `{realm}/{lane}`: a partition has whole streams in the order of the log.
//!
//! # Reading
//!
//! Consumers to begin with are `tools/examples/python/follow.py` and `tools/examples/javascript/follow.mjs`.
//!
//! - With `isolation.level=read_committed`; else what was begun and given up is seen as well.
//! - Each event once and in order, per key. A consumer that keeps its own state does well to keep the offset with it, or to forget events by `ce_id`.
//! - Who joins topics joins by `ce_realmid` and `ce_subject`; what happened first in a realm's lane is told by `ce_seq`.
//! - To begin anew, read from the earliest offset: topics hold what their retention leaves, the log holds everything. What is older, or was
//!   deleted, an operator replays to a topic of its own ([`replay`]): the same records, under the same keys, ids and headers, each once and in order.
//! - A value's fields are only added to under one `ce_schemaversion`. What a reader does not know it passes over.
//! - A change of `ce_incarnation` says that the log was restored from a backup: of the stream, what came after the backup did not happen.

mod node;
mod position;
mod records;
pub mod replay;
mod shard;
mod standing;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use events::{log::Log, topics::Topic};

pub use standing::Standing;

/// The compacted topic in which the shards keep where they stand. It is the publisher's own.
pub const POSITIONS: &str = "identity.positions.v1";
/// The consumer group that divides the shards among the nodes.
pub const GROUP: &str = "identity.publisher";

/// How long what is being published is waited for at the end.
const CLOSING: Duration = Duration::from_secs(2);

/// Where and how is published.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the platform is reached, which events say they come from.
    pub public_url: String,
    /// How Kafka is reached.
    pub kafka: kafka::Settings,
    /// How many partitions topics are made with.
    pub partitions: i32,
    /// On how many brokers each is kept.
    pub replication: i32,
    /// Into how many shards realms are divided. It never changes once something was published.
    pub shards: i32,
}

impl Settings {
    /// The topics as they are to be: the positions first.
    fn topics(&self) -> Vec<kafka::Topic> {
        let topic = |name: String, partitions, compacted| kafka::Topic {
            name,
            partitions,
            replication: self.replication,
            compacted,
        };
        let mut topics = vec![topic(POSITIONS.to_owned(), self.shards, true)];
        topics.extend(Topic::ALL.map(|of| topic(of.to_string(), self.partitions, false)));
        topics
    }
}

/// Publishes the log for as long as it is kept.
#[derive(Debug)]
pub struct Publisher {
    standing: Arc<standing::Board>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Publisher {
    /// Starts publishing, as soon as Kafka is there. It is called within a runtime, which reads the log.
    pub fn start(log: Arc<dyn Log>, settings: Settings) -> std::io::Result<Self> {
        let standing = Arc::new(standing::Board::new());
        let stop = Arc::new(AtomicBool::new(false));
        let node = node::Node {
            log,
            settings,
            runtime: tokio::runtime::Handle::current(),
            standing: Arc::clone(&standing),
            stop: Arc::clone(&stop),
        };
        let thread = std::thread::Builder::new()
            .name("publisher".to_owned())
            .spawn(move || node.run())?;
        Ok(Self {
            standing,
            stop,
            thread,
        })
    }

    /// How it goes.
    pub fn standing(&self) -> Standing {
        self.standing.read()
    }

    /// Ends it. What is being published is waited for two seconds; what is not done by then is undone by whoever publishes next.
    pub async fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        let started = Instant::now();
        while !self.thread.is_finished() && started.elapsed() < CLOSING {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
