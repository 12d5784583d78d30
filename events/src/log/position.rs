//! A position: "everything up to here", opaque to callers, so that a read can wait for a write.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::{
    ids::RealmId,
    subject::{Lane, Stream},
};

/// A place in one stream of one incarnation of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The incarnation of the log.
    pub incarnation: Uuid,
    /// The stream.
    pub stream: Stream,
    /// The seq of the last event that counts.
    pub seq: u64,
}

/// A text that is not a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position")]
pub struct NotAPosition;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 41];
        bytes[..16].copy_from_slice(self.incarnation.as_bytes());
        bytes[16..32].copy_from_slice(self.stream.realm.0.as_bytes());
        bytes[32] = match self.stream.lane {
            Lane::Facts => 0,
            Lane::Activity => 1,
        };
        bytes[33..].copy_from_slice(&self.seq.to_be_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let bytes: [u8; 41] = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| NotAPosition)?
            .try_into()
            .map_err(|_| NotAPosition)?;
        let (incarnation, rest) = bytes.split_at(16);
        let (realm, rest) = rest.split_at(16);
        let (lane, seq) = rest.split_at(1);
        Ok(Self {
            incarnation: Uuid::from_slice(incarnation).map_err(|_| NotAPosition)?,
            stream: Stream {
                realm: RealmId(Uuid::from_slice(realm).map_err(|_| NotAPosition)?),
                lane: match lane {
                    [0] => Lane::Facts,
                    [1] => Lane::Activity,
                    _ => return Err(NotAPosition),
                },
            },
            seq: u64::from_be_bytes(seq.try_into().map_err(|_| NotAPosition)?),
        })
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
