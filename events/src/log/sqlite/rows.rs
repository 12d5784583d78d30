//! How the log's values lie in SQLite's columns, and back. A row whose columns disagree with its entry is not
//! handed out: reading fails rather than telling something that was never recorded.

use sqlx::{Row, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    envelope::{Entry, Recorded, SubjectVersion},
    log::{ClaimKind, Digest, LogError, Receipt, judge::Held},
    subject::{Lane, Stream, Subject},
};

/// The columns that [`recorded`] reads.
macro_rules! recorded_columns {
    () => {
        "seq, id, subject, version, leaf, entry, body"
    };
}
pub(super) use recorded_columns;

pub(super) const fn lane_code(lane: Lane) -> i64 {
    match lane {
        Lane::Facts => 0,
        Lane::Activity => 1,
    }
}

pub(super) fn stream(realm: &[u8], lane: i64) -> Result<Stream, LogError> {
    let realm = uuid(realm)?.into();
    match lane {
        0 => Ok(Stream {
            realm,
            lane: Lane::Facts,
        }),
        1 => Ok(Stream {
            realm,
            lane: Lane::Activity,
        }),
        other => Err(LogError::Corrupt(format!("a stream's lane is {other}"))),
    }
}

/// The id first: new subjects lie together, whatever their kinds.
pub(super) fn subject_key(subject: Subject) -> Vec<u8> {
    let mut key = Vec::with_capacity(17);
    key.extend_from_slice(subject.id.as_bytes());
    key.push(subject.kind.code());
    key
}

pub(super) fn claim_key(kind: ClaimKind, digest: &Digest) -> Vec<u8> {
    let mut key = Vec::with_capacity(33);
    key.push(kind.code());
    key.extend_from_slice(digest);
    key
}

/// A seq or version as SQLite keeps it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> Result<u64, LogError> {
    u64::try_from(number).map_err(|_| LogError::Corrupt(format!("{number} where a count is stored")))
}

pub(super) fn uuid(bytes: &[u8]) -> Result<Uuid, LogError> {
    Uuid::from_slice(bytes).map_err(|_| LogError::Corrupt("an id is not 16 bytes long".to_owned()))
}

pub(super) fn digest(bytes: &[u8]) -> Result<Digest, LogError> {
    bytes
        .try_into()
        .map_err(|_| LogError::Corrupt("a digest is not 32 bytes long".to_owned()))
}

pub(super) fn held(holder: &[u8], expires: Option<i64>) -> Result<Held, LogError> {
    Ok(Held {
        holder: uuid(holder)?,
        expires: expires.map(Timestamp),
    })
}

pub(super) fn receipt(json: &[u8]) -> Result<Receipt, LogError> {
    serde_json::from_slice(json).map_err(|error| LogError::Corrupt(format!("a receipt: {error}")))
}

/// An event, if what the columns say is what the entry says.
pub(super) fn recorded(stream: Stream, row: &SqliteRow) -> Result<Recorded, LogError> {
    let seq = row
        .try_get::<i64, _>(0)
        .map_err(|error| LogError::Corrupt(error.to_string()))?;
    let damaged = |what: &str| LogError::Corrupt(format!("{stream} seq {seq}: {what}"));
    let odd = |error: sqlx::Error| damaged(&error.to_string());
    let id: &[u8] = row.try_get(1).map_err(odd)?;
    let subject: Option<&[u8]> = row.try_get(2).map_err(odd)?;
    let version: Option<i64> = row.try_get(3).map_err(odd)?;
    let leaf: &[u8] = row.try_get(4).map_err(odd)?;
    let entry_bytes: Vec<u8> = row.try_get(5).map_err(odd)?;
    let body: Vec<u8> = row.try_get(6).map_err(odd)?;
    let entry: Entry =
        serde_json::from_slice(&entry_bytes).map_err(|error| damaged(&format!("not an entry: {error}")))?;
    let leaf_hash = leaf
        .try_into()
        .map_err(|_| damaged("the leaf hash is not 32 bytes long"))?;
    let named = entry.subject.map(SubjectVersion::subject).map(subject_key);
    let agrees = [
        ("the stream", entry.stream() == stream),
        ("the seq", signed(entry.seq) == seq),
        ("the event id", entry.id.0.as_bytes() == id),
        ("the subject", named.as_deref() == subject),
        (
            "the version",
            entry.subject.map(|subject| signed(subject.version)) == version,
        ),
    ];
    if let Some((what, _)) = agrees.iter().find(|(_, agrees)| !agrees) {
        return Err(damaged(&format!(
            "{what} beside the entry is not that of the entry"
        )));
    }
    Ok(Recorded {
        entry,
        entry_bytes,
        body,
        leaf_hash,
    })
}
