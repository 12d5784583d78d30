//! Where a shard stands in a stream.

use std::collections::BTreeMap;

use events::{
    envelope::{Recorded, hex},
    log::{Log, LogError},
    subject::Stream,
    topics::Topic,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The last event published of a stream, as it is kept in Kafka.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The incarnation of the log that it is in.
    pub incarnation: Uuid,
    /// Its seq; 0 if nothing was published yet.
    pub seq: u64,
    /// RFC 6962 leaf hash of its entry, in lower-case hexadecimal.
    pub leaf_hash: String,
    /// The seq of the stream's last event in each topic, by the topic's word.
    pub last: BTreeMap<String, u64>,
}

/// Why a stream stands still.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    /// The log could not be read now.
    #[error(transparent)]
    Log(LogError),
    /// The log is not the one that was published.
    #[error("seq {0} of the log is not what was published: the log was replaced, or its history changed")]
    Foreign(u64),
    /// An event, or a position, cannot be understood.
    #[error("{0}")]
    Unreadable(String),
}

impl Position {
    /// Reads one as it is kept.
    pub fn parse(kept: &[u8]) -> Result<Self, Halt> {
        serde_json::from_slice(kept).map_err(|error| Halt::Unreadable(format!("position: {error}")))
    }

    /// As it is kept.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Halt> {
        serde_json::to_vec(self).map_err(|error| Halt::Unreadable(format!("position: {error}")))
    }

    /// Moves on to an event; answers, for each of the topics it goes to, the seq before it there.
    pub fn advance(&mut self, recorded: &Recorded, topics: &[Topic]) -> Vec<u64> {
        let seq = recorded.entry.seq;
        self.incarnation = recorded.entry.incarnation;
        self.seq = seq;
        self.leaf_hash = hex(&recorded.leaf_hash);
        topics
            .iter()
            .map(|topic| self.last.insert(topic.as_str().to_owned(), seq).unwrap_or(0))
            .collect()
    }

    /// Refuses a log that does not have, at this place, what was published.
    pub async fn verify(&self, log: &dyn Log, stream: Stream) -> Result<(), Halt> {
        if self.seq == 0 {
            return Ok(());
        }
        let found = log.read(stream, self.seq - 1, 1).await.map_err(Halt::Log)?;
        match found.first() {
            Some(recorded)
                if recorded.entry.seq == self.seq
                    && recorded.entry.incarnation == self.incarnation
                    && hex(&recorded.leaf_hash) == self.leaf_hash =>
            {
                Ok(())
            }
            _ => Err(Halt::Foreign(self.seq)),
        }
    }
}
