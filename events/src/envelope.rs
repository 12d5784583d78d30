//! The envelope of an event: who did it, for whom, when, about what. Entries and bodies are serialised once and
//! stored verbatim; the leaf hash of the entry (RFC 6962) is what proofs stand on.
//!
//! Nothing sealed is in the entry, and everything sealed is in the body, of which the entry holds the SHA-256:
//! a key can be destroyed and the log still verifies.

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    ids::{ApplicationId, EventId, RealmId, SessionId, UserId},
    subject::{Lane, Stream, Subject, SubjectKind},
};

/// The format of entries that this version writes; a log with a higher one is refused.
pub const FORMAT: u16 = 1;

/// An entry stays below this many bytes (tlog-tiles bundles it with a 16-bit length).
pub const MAX_ENTRY_BYTES: usize = 65_535;

/// A body stays below this many bytes.
pub const MAX_BODY_BYTES: usize = 1 << 20;

/// Who did it. All that is known is named; nothing here is personal data in itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The realm that the actor belongs to, where it is not the realm of the event (a platform administrator).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<RealmId>,
    /// The user who acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The user on whose behalf it was done, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<UserId>,
    /// The application through which it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ApplicationId>,
    /// The session in which it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The request that carried it (`request_id` of answers and logs).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Uuid>,
    /// A part of the platform that acted by itself, such as `bootstrap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
}

impl Actor {
    /// A part of the platform acting by itself.
    pub fn component(name: &str) -> Self {
        Self {
            component: Some(name.to_owned()),
            ..Self::default()
        }
    }
}

/// A subject and the version that an event gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectVersion {
    /// What kind of aggregate.
    pub kind: SubjectKind,
    /// Which one.
    pub id: Uuid,
    /// 1 for its first event, then one more for each.
    pub version: u64,
}

impl SubjectVersion {
    /// Without the version.
    pub const fn subject(self) -> Subject {
        Subject::new(self.kind, self.id)
    }
}

/// What is stored of an event in the open. The order of the fields is the order in the stored bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Format version, [`FORMAT`].
    pub v: u16,
    /// The incarnation of the log that wrote it.
    pub incarnation: Uuid,
    /// The stream's realm.
    pub realm: RealmId,
    /// The stream's lane.
    pub lane: Lane,
    /// The place in the stream: 1, 2, 3, …
    pub seq: u64,
    /// The aggregate it changes; absent for activity that decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<SubjectVersion>,
    /// The stable name, such as `user.registered`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The version of the body's shape.
    pub schema: u16,
    /// When it was recorded; never goes back within a stream.
    pub time: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The event's own id.
    pub id: EventId,
    /// The event that this one follows from, in whichever stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<EventId>,
    /// The W3C trace context in which it was appended, as `traceparent` carries it; absent where nobody collected the trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// SHA-256 of the body's bytes, in lower-case hexadecimal.
    pub body: String,
}

impl Entry {
    /// The stream that it is in.
    pub const fn stream(&self) -> Stream {
        Stream {
            realm: self.realm,
            lane: self.lane,
        }
    }
}

/// An event as the log gives it back: the entry, parsed and verbatim, and the body as stored.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The entry, parsed.
    pub entry: Entry,
    /// The entry's bytes as stored.
    pub entry_bytes: Vec<u8>,
    /// The body's bytes as stored.
    pub body: Vec<u8>,
    /// RFC 6962 leaf hash of `entry_bytes`, as stored.
    pub leaf_hash: [u8; 32],
}

impl Recorded {
    /// Whether it is what a cursor names: this incarnation, this seq, this leaf hash. Who kept a cursor goes on only if it is.
    pub fn is(&self, incarnation: Uuid, seq: u64, leaf_hash: &[u8]) -> bool {
        let Entry {
            incarnation: own,
            seq: at,
            ..
        } = self.entry;
        (own, at) == (incarnation, seq) && self.leaf_hash == leaf_hash
    }
}

/// RFC 6962, section 2.1: `SHA-256(0x00 || entry)`.
pub fn leaf_hash(entry: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(entry);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// SHA-256 of a body in lower-case hexadecimal.
pub fn body_digest(body: &[u8]) -> String {
    hex(aws_lc_rs::digest::digest(&SHA256, body).as_ref())
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)])
        .collect()
}
