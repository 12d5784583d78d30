//! How publishing goes, for health and metrics.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

/// How publishing goes on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Why nothing is published now, if Kafka is away or refuses; until it was reached for the first time, that.
    pub failing: Option<String>,
    /// The shards that this node publishes.
    pub shards: Vec<i32>,
    /// How many events the topics are behind the log, in all of these.
    pub lag_events: u64,
    /// The streams that stand still, and why.
    pub stopped: BTreeMap<String, String>,
}

/// Where the threads write it.
#[derive(Debug)]
pub(crate) struct Board(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Of the node itself, which makes topics and joins the group.
    node: Option<String>,
    shards: BTreeMap<i32, OfShard>,
}

#[derive(Debug, Default)]
struct OfShard {
    failing: Option<String>,
    lag: u64,
    stopped: BTreeMap<String, String>,
}

impl Board {
    pub fn new() -> Self {
        Self(Mutex::new(Inner {
            node: Some("Kafka was not reached yet".to_owned()),
            shards: BTreeMap::new(),
        }))
    }

    fn write(&self, change: impl FnOnce(&mut Inner)) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut inner);
        let lag: u64 = inner.shards.values().map(|shard| shard.lag).sum();
        let stopped: usize = inner.shards.values().map(|shard| shard.stopped.len()).sum();
        let failing = inner.node.is_some() || inner.shards.values().any(|shard| shard.failing.is_some());
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        {
            metrics::gauge!("chancery_kafka_lag_events").set(lag as f64);
            metrics::gauge!("chancery_kafka_streams_stopped").set(stopped as f64);
            metrics::gauge!("chancery_kafka_shards").set(inner.shards.len() as f64);
        }
        metrics::gauge!("chancery_kafka_up").set(f64::from(u8::from(!failing)));
    }

    /// Whether the node reaches Kafka at all.
    pub fn node(&self, failing: Option<String>) {
        self.write(|inner| inner.node = failing);
    }

    /// A shard is this node's, and will be published once it is opened.
    pub fn taken(&self, shard: i32) {
        self.failing(shard, "the shard is being opened".to_owned());
    }

    /// A shard is another's.
    pub fn left(&self, shard: i32) {
        self.write(|inner| drop(inner.shards.remove(&shard)));
    }

    /// A shard cannot be published now.
    pub fn failing(&self, shard: i32, reason: String) {
        self.write(|inner| inner.shards.entry(shard).or_default().failing = Some(reason));
    }

    /// A shard is published; how far it is behind, and what of it stands still.
    pub fn progress(&self, shard: i32, lag: u64, stopped: BTreeMap<String, String>) {
        self.write(|inner| {
            let failing = None;
            inner.shards.insert(
                shard,
                OfShard {
                    failing,
                    lag,
                    stopped,
                },
            );
        });
    }

    /// All of it.
    pub fn read(&self) -> Standing {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_shards = inner.shards.values().find_map(|shard| shard.failing.clone());
        Standing {
            failing: inner.node.clone().or(of_shards),
            shards: inner.shards.keys().copied().collect(),
            lag_events: inner.shards.values().map(|shard| shard.lag).sum(),
            stopped: inner
                .shards
                .values()
                .flat_map(|shard| shard.stopped.clone())
                .collect(),
        }
    }
}
