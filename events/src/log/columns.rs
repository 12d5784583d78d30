//! How the log's values lie in columns, and back: the same bytes in every SQL engine. A row whose columns disagree with its
//! entry is not handed out: reading fails rather than telling something that was never recorded.

use uuid::Uuid;

use crate::{
    clock::Timestamp,
    envelope::{Entry, Recorded, SubjectVersion},
    log::{ClaimKind, Digest, LogError, Receipt, judge::Held},
    subject::{Lane, Stream, Subject},
};

/// The columns of [`Stored`], in its order.
macro_rules! recorded_columns {
    () => {
        "seq, id, subject, version, leaf, entry, body"
    };
}
pub(super) use recorded_columns;

/// One event as it lies in its columns.
#[derive(Debug)]
pub(super) struct Stored<'a> {
    pub id: &'a [u8],
    pub subject: Option<&'a [u8]>,
    pub version: Option<i64>,
    pub leaf: &'a [u8],
    pub entry: Vec<u8>,
    pub body: Vec<u8>,
}

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

/// The format that a log says it has; 0 if it says nothing.
pub(super) fn format(stored: Option<Vec<u8>>) -> Result<usize, LogError> {
    stored.map_or(Ok(0), |text| {
        std::str::from_utf8(&text)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| LogError::Corrupt("its format is not a number".to_owned()))
    })
}

/// Why a log of a format beyond those that are known is not opened.
pub(super) fn newer(format: usize, known: usize) -> LogError {
    LogError::Refused(format!(
        "it has format {format}, and this version of Chancery knows formats up to {known}: use the newer version"
    ))
}

/// A seq or version as it is stored.
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
pub(super) fn recorded(
    stream: Stream,
    seq: i64,
    stored: Result<Stored<'_>, sqlx::Error>,
) -> Result<Recorded, LogError> {
    let damaged = |what: &str| LogError::Corrupt(format!("{stream} seq {seq}: {what}"));
    let stored = stored.map_err(|error| damaged(&error.to_string()))?;
    let entry: Entry =
        serde_json::from_slice(&stored.entry).map_err(|error| damaged(&format!("not an entry: {error}")))?;
    let leaf_hash = stored
        .leaf
        .try_into()
        .map_err(|_| damaged("the leaf hash is not 32 bytes long"))?;
    let named = entry.subject.map(SubjectVersion::subject).map(subject_key);
    let agrees = [
        ("the stream", entry.stream() == stream),
        ("the seq", signed(entry.seq) == seq),
        ("the event id", entry.id.0.as_bytes() == stored.id),
        ("the subject", named.as_ref().map(AsRef::as_ref) == stored.subject),
        (
            "the version",
            entry.subject.map(|subject| signed(subject.version)) == stored.version,
        ),
    ];
    if let Some((what, _)) = agrees.iter().find(|(_, agrees)| !agrees) {
        return Err(damaged(&format!(
            "{what} beside the entry is not that of the entry"
        )));
    }
    Ok(Recorded {
        entry,
        entry_bytes: stored.entry,
        body: stored.body,
        leaf_hash,
    })
}
