//! Publishing a range of the log once more, to a topic of its own: for whoever begins later, lost a part, or wants to look at one realm.
//!
//! The rule: a live topic has each event once, and nothing is replayed into one. In the topic that is written each is once, too: it is
//! new or empty when a replay begins, and what was cut off is begun anew elsewhere.

mod range;
mod read;

use std::{fmt, sync::Arc, time::Instant};

use events::{
    ids::RealmId,
    log::{Log, LogError},
    subject::{Lane, Stream},
    topics::Topic,
};
use kafka::Producer;

pub use range::Bound;

use crate::{Settings, position::Halt};
use read::Realm;

/// So many records are published in one transaction.
const BATCH: usize = 4_000;
/// How often it is told how far it has come.
const TELLING: std::time::Duration = std::time::Duration::from_secs(5);
/// What live topics, and topics of Kafka's own, are named with.
const TAKEN: [&str; 2] = ["identity.", "__"];

/// What is replayed, and where to.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The topic that is written.
    pub to: String,
    /// The live topic whose records it is given.
    pub topic: Topic,
    /// Of these realms; of all if there is none.
    pub realms: Vec<RealmId>,
    /// Of this lane; of both if it is none.
    pub lane: Option<Lane>,
    /// From here on.
    pub from: Option<Bound>,
    /// To here: a seq is the last, a moment is the first that is left out.
    pub until: Option<Bound>,
}

/// What was replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many events are in the topic.
    pub events: u64,
    /// Of how many streams.
    pub streams: usize,
    /// Of how many realms.
    pub realms: usize,
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            events,
            streams,
            realms,
        } = self;
        write!(f, "{events} events of {realms} realms in {streams} streams")
    }
}

/// Why a replay was not made, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// What was asked for makes no sense. Nothing was written.
    #[error("{0}")]
    Refused(String),
    /// Kafka is away, or refuses. Nothing was written.
    #[error(transparent)]
    Kafka(#[from] kafka::Error),
    /// The log could not be read. Nothing was written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// It ended early.
    #[error(
        "{reason}. The topic {topic} has a part of it ({events} events, or one transaction more): delete it and begin anew"
    )]
    CutOff {
        /// Why.
        reason: String,
        /// What was written.
        topic: String,
        /// How many events are known to be there.
        events: u64,
    },
}

fn refused<T>(why: impl Into<String>) -> Result<T, ReplayError> {
    Err(ReplayError::Refused(why.into()))
}

impl Replay {
    /// Does it: each event once, of each key in the order of the log, under the headers that its record has in the live topic.
    pub async fn run(&self, log: &dyn Log, settings: &Settings) -> Result<Replayed, ReplayError> {
        if TAKEN.iter().any(|taken| self.to.starts_with(taken)) {
            let to = &self.to;
            return refused(format!(
                "{to} is, or may become, a live topic: name one that does not begin with `identity.` or `__`"
            ));
        }
        let ranges = self.ranges(log).await?;
        let all: u64 = ranges.iter().map(|(_, range)| range.len()).sum();
        let producer = self.open(settings).await?;
        let mut done = Replayed::default();
        let (mut seen, mut told) = (0, Instant::now());
        for of_realm in ranges.chunk_by(|(one, _), (other, _)| one.realm == other.realm) {
            let cut_off = |reason: String, done: &Replayed| ReplayError::CutOff {
                reason,
                topic: self.to.clone(),
                events: done.events,
            };
            let halted = |stream: Stream, halt: Halt| match halt {
                Halt::Log(error) => error.to_string(),
                halt => format!("{stream}: {halt}"),
            };
            let mut realm = Realm::begin(log, of_realm, self.topic)
                .await
                .map_err(|error| cut_off(error.to_string(), &done))?;
            loop {
                let (read, records) = realm
                    .next(log, &settings.public_url, &self.to, BATCH)
                    .await
                    .map_err(|(stream, halt)| cut_off(halted(stream, halt), &done))?;
                if read == 0 {
                    break;
                }
                seen += read;
                let events = records.len() as u64;
                let producer = Arc::clone(&producer);
                let publishing = tokio::task::spawn_blocking(move || {
                    if events > 0 {
                        producer.publish(&records)
                    } else {
                        Ok(())
                    }
                });
                let published = publishing
                    .await
                    .map_err(|error| cut_off(error.to_string(), &done))?;
                published.map_err(|error| cut_off(error.to_string(), &done))?;
                done.events += events;
                if told.elapsed() >= TELLING {
                    told = Instant::now();
                    tracing::info!(events = done.events, read = seen, of = all, "the replay goes on");
                }
            }
            done.streams += of_realm.len();
            done.realms += 1;
        }
        Ok(done)
    }

    /// Makes the topic if it is missing, and opens what writes it.
    async fn open(&self, settings: &Settings) -> Result<Arc<Producer>, ReplayError> {
        let topic = kafka::Topic {
            name: self.to.clone(),
            partitions: settings.partitions,
            replication: settings.replication,
            compacted: false,
        };
        let kafka = settings.kafka.clone();
        let opening = tokio::task::spawn_blocking(move || {
            kafka::ensure(&kafka, std::slice::from_ref(&topic))?;
            if !kafka::is_empty(&kafka, &topic.name)? {
                return Ok(None);
            }
            // Whoever replays into it as well is fenced.
            Producer::open(&kafka, &format!("identity.replay.{}", topic.name)).map(Some)
        });
        let opened = opening
            .await
            .map_err(|error| kafka::Error::Refused(error.to_string()))?;
        match opened? {
            Some(producer) => Ok(Arc::new(producer)),
            None => refused(format!(
                "the topic {} has records already: name another, or delete it before",
                self.to
            )),
        }
    }
}
