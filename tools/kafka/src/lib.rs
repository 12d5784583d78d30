//! Exactly-once publishing to Apache Kafka. It knows nothing of what is published.
//!
//! What is published is divided into **shards**, a fixed number of them. Of each shard one [`Shard`] writes at a time, on whichever
//! node: a transactional producer whose `transactional.id` is the shard's, so that opening it fences the one before. Where a
//! shard stands in its sources is kept beside what it wrote: each transaction holds records and the new **positions**, which go to
//! one partition of a compacted topic. Whoever opens a shard reads them first, after the fence, and goes on from there. A transaction of
//! which nobody knows whether it was committed needs no guess: open the shard again, and its positions tell.
//!
//! Which node writes which shard is told by a consumer group over the topic of positions ([`Membership`]): a node that goes away loses
//! its shards after the session's timeout. The group is a convenience, the fence is the proof.
//!
//! What is published once and for good, and by nobody else, needs no shard: a [`Producer`].
//!
//! Consumers read with `isolation.level=read_committed`.
//!
//! ```no_run
//! use kafka::{Place, Record, Settings, Shard};
//!
//! let settings = Settings::plain("localhost:9092");
//! let place = Place { positions: "positions".into(), shard: 0, transactional_id: "example.0".into() };
//! let (shard, positions) = Shard::open(&settings, &place)?;
//! let after = positions.get("orders").cloned().unwrap_or_default();
//! println!("goes on after {after:?}");
//! let record = Record { topic: "orders".into(), key: b"7".to_vec(), headers: vec![], value: b"{}".to_vec(), time_ms: 0 };
//! shard.publish(&[record], &[("orders".into(), b"1".to_vec())])?;
//! # Ok::<(), kafka::Error>(())
//! ```

mod context;
mod membership;
mod producer;
mod settings;
mod shard;
mod topics;

pub use membership::Membership;
pub use producer::{Producer, Record};
pub use settings::{Sasl, Settings};
pub use shard::{Place, Positions, Shard};
pub use topics::{Topic, ensure, is_empty};

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};

/// Why something was not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another producer of this shard was opened: this one writes nothing more.
    #[error("another publisher took over")]
    Fenced,
    /// Kafka cannot be reached, or not now. What was being published is either wholly there or not at all, which the positions
    /// tell once the shard is opened again.
    #[error("Kafka is away: {0}")]
    Away(String),
    /// It answers, but does not let us: rights, settings, a record that is too large.
    #[error("Kafka refuses: {0}")]
    Refused(String),
}

impl From<KafkaError> for Error {
    fn from(error: KafkaError) -> Self {
        use RDKafkaErrorCode as Code;
        let reason = match &error {
            // The other variants tell the code alone.
            KafkaError::Transaction(inner) => inner.string(),
            other => other.to_string(),
        };
        match error.rdkafka_error_code() {
            Some(code) if is_fence(code) => Self::Fenced,
            Some(
                Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::TransactionalIdAuthorizationFailed
                | Code::SaslAuthenticationFailed
                | Code::Authentication
                | Code::InvalidArgument
                | Code::MessageSizeTooLarge
                | Code::InvalidReplicationFactor
                | Code::InvalidPartitions
                | Code::PolicyViolation,
            ) => Self::Refused(reason),
            _ if matches!(
                error,
                KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_)
            ) =>
            {
                Self::Refused(reason)
            }
            _ => Self::Away(reason),
        }
    }
}

/// Whether a code says that another producer of the shard was opened.
fn is_fence(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch
    )
}
