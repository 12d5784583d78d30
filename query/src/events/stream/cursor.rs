//! Where a follower stands in the lanes of a realm, opaque to it: the `id` of every message, and what to go on from.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{
    ids::RealmId,
    subject::{Lane, Stream},
};
use uuid::Uuid;

/// A lane that is not followed. No event has this place: what the log stores is a signed number.
const NOT_FOLLOWED: u64 = u64::MAX;

/// "All up to here": the last seq of each lane that is followed, in one incarnation of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The incarnation of the log.
    pub incarnation: Uuid,
    /// The realm.
    pub realm: RealmId,
    /// By lane, in the order of [`Lane::ALL`].
    seqs: [u64; 2],
}

impl Cursor {
    /// What a text must be.
    pub const EXPECTED: &str = "the id of a message of such a stream";

    /// Nowhere yet.
    pub const fn new(incarnation: Uuid, realm: RealmId) -> Self {
        Self {
            incarnation,
            realm,
            seqs: [NOT_FOLLOWED; 2],
        }
    }

    /// The last seq of a lane; nothing if it is not followed.
    pub fn seq(&self, lane: Lane) -> Option<u64> {
        Some(self.seqs[place(lane)]).filter(|seq| *seq != NOT_FOLLOWED)
    }

    /// Goes on to this place of a lane.
    pub fn advance(&mut self, lane: Lane, seq: u64) {
        self.seqs[place(lane)] = seq;
    }

    /// Why it does not count here. The realm is the one that is asked about.
    pub fn objection(&self, incarnation: Uuid, stream: Stream) -> Option<&'static str> {
        if self.incarnation != incarnation {
            return Some("must be of the present incarnation of the log");
        }
        if self.realm != stream.realm {
            return Some("must be of this realm");
        }
        if self.seq(stream.lane).is_none() {
            return Some("must be of a stream that followed the same lanes");
        }
        None
    }
}

const fn place(lane: Lane) -> usize {
    match lane {
        Lane::Facts => 0,
        Lane::Activity => 1,
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 48];
        bytes[..16].copy_from_slice(self.incarnation.as_bytes());
        bytes[16..32].copy_from_slice(self.realm.0.as_bytes());
        bytes[32..40].copy_from_slice(&self.seqs[0].to_be_bytes());
        bytes[40..].copy_from_slice(&self.seqs[1].to_be_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCursor;

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NoCursor)?;
        let [incarnation, realm, facts, activity] =
            [0..16, 16..32, 32..40, 40..48].map(|part| bytes.get(part));
        let id = |part: Option<&[u8]>| Uuid::from_slice(part.unwrap_or_default()).map_err(|_| NoCursor);
        let seq = |part: Option<&[u8]>| -> Result<u64, NoCursor> {
            let seq = u64::from_be_bytes(part.unwrap_or_default().try_into().map_err(|_| NoCursor)?);
            match seq {
                NOT_FOLLOWED => Ok(seq),
                _ if i64::try_from(seq).is_ok() => Ok(seq),
                _ => Err(NoCursor),
            }
        };
        if bytes.len() != 48 {
            return Err(NoCursor);
        }
        Ok(Self {
            incarnation: id(incarnation)?,
            realm: RealmId(id(realm)?),
            seqs: [seq(facts)?, seq(activity)?],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: Uuid = Uuid::from_u128(1);
    const REALM: RealmId = RealmId(Uuid::from_u128(2));

    fn cursor() -> Cursor {
        let mut cursor = Cursor::new(LOG, REALM);
        cursor.advance(Lane::Activity, 7);
        cursor
    }

    #[test]
    fn it_comes_back_as_it_was_given() {
        let mut both = cursor();
        both.advance(Lane::Facts, 0);
        for cursor in [cursor(), both] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        assert_eq!(
            (cursor().seq(Lane::Facts), both.seq(Lane::Facts)),
            (None, Some(0))
        );
        let text = both.to_string();
        let mut impossible = both;
        impossible.advance(Lane::Facts, 1 << 63);
        for malformed in ["", "7", &text[1..], &format!("{text}A"), &impossible.to_string()] {
            assert_eq!(malformed.parse::<Cursor>(), Err(NoCursor), "{malformed}");
        }
    }

    #[test]
    fn one_of_another_log_realm_or_lane_does_not_count() {
        let activity = Stream::activity(REALM);
        assert_eq!(cursor().objection(LOG, activity), None);
        assert!(cursor().objection(Uuid::from_u128(9), activity).is_some());
        let elsewhere = Stream::activity(RealmId(Uuid::from_u128(9)));
        assert!(cursor().objection(LOG, elsewhere).is_some());
        assert!(cursor().objection(LOG, Stream::facts(REALM)).is_some());
    }
}
