//! Verifying: reads streams through the trait, and with the keys the claims that their events tell.
//!
//! It trusts nothing that is stored: each finding says at which seq what is not as it was written. What it cannot see,
//! since only a checkpoint kept elsewhere could tell: that the last events of a stream were removed and its head lowered
//! to fit, and that the whole log was replaced by an older copy of itself.

mod claims;
#[cfg(test)]
mod tests;
mod whole;

use std::collections::HashMap;

use self::claims::Claims;
use super::{Log, LogError};
use crate::{
    clock::Timestamp,
    envelope::{FORMAT, Recorded, body_digest, leaf_hash},
    ids::RealmId,
    keys::KeyError,
    subject::{Stream, Subject, SubjectKind},
};

pub use whole::{VerifiedLog, verify_log};

/// The event by which the system realm names a realm.
const REALM_CREATED: &str = "realm.created";

/// Events read at once.
const BATCH: usize = 512;

/// Findings after which we stop looking.
const MOST_FINDINGS: usize = 1_000;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In which stream.
    pub stream: Stream,
    /// At which place.
    pub seq: u64,
    /// What, for people.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} seq {}: {}", self.stream, self.seq, self.what)
    }
}

/// Why verifying came to no end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log could not be asked.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The keys could not be asked.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// What was looked at in one stream, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Events that are readable.
    pub events: u64,
    /// The last seq of the stream.
    pub last: u64,
    /// Nothing, if the stream is sound.
    pub findings: Vec<Finding>,
}

/// Checks that a stream is gapless up to its head and that every event is as it was written: entry and columns agree,
/// leaf hash and body digest are right, time does not go back, versions of each subject follow one another.
///
/// It cannot see that the last events were removed if the head was lowered to fit.
pub async fn verify_stream(log: &dyn Log, stream: Stream) -> Result<Verified, VerifyError> {
    let mut check = Check::new(log, stream, None);
    check.run().await?;
    Ok(Verified {
        events: check.events,
        last: check.last,
        findings: check.findings,
    })
}

struct Check<'a> {
    log: &'a dyn Log,
    stream: Stream,
    /// What the events tell of claims, where the keys are at hand.
    claims: Option<Claims<'a>>,
    /// The realms that the events make, and at which seq.
    realms: Vec<(RealmId, u64)>,
    last: u64,
    time: Timestamp,
    versions: HashMap<Subject, u64>,
    events: u64,
    findings: Vec<Finding>,
}

impl<'a> Check<'a> {
    fn new(log: &'a dyn Log, stream: Stream, claims: Option<Claims<'a>>) -> Self {
        Self {
            log,
            stream,
            claims,
            realms: Vec::new(),
            last: 0,
            time: Timestamp(i64::MIN),
            versions: HashMap::new(),
            events: 0,
            findings: Vec::new(),
        }
    }

    /// Reads everything that was not read before, up to the stream's end.
    async fn run(&mut self) -> Result<(), VerifyError> {
        let head = self.log.head(self.stream).await?.seq;
        loop {
            match self.log.read(self.stream, self.last, BATCH).await {
                Ok(events) if events.is_empty() => break,
                Ok(events) => {
                    for event in &events {
                        self.event(event).await?;
                    }
                }
                Err(LogError::Corrupt(_)) => self.one_by_one(head).await?,
                Err(error) => return Err(error.into()),
            }
            if self.findings.len() >= MOST_FINDINGS {
                return Ok(());
            }
        }
        // What is committed while we read is past the head that we asked for, and sound all the same.
        if self.last < head {
            self.missing(head);
        }
        Ok(())
    }

    fn find(&mut self, seq: u64, what: impl Into<String>) {
        self.findings.push(Finding {
            stream: self.stream,
            seq,
            what: what.into(),
        });
    }

    /// Everything after the last seq, up to this one, is not there.
    fn missing(&mut self, upto: u64) {
        let first = self.last + 1;
        let text = if first == upto {
            "is missing".to_owned()
        } else {
            format!("to {upto} are missing")
        };
        self.find(first, text);
        self.last = upto;
    }

    /// The engine would not hand out a batch: reads its events one at a time, up to the first that it refuses.
    async fn one_by_one(&mut self, head: u64) -> Result<(), VerifyError> {
        for _ in 0..BATCH {
            match self.log.read(self.stream, self.last, 1).await {
                Ok(events) => match events.first() {
                    Some(event) => self.event(event).await?,
                    None => return Ok(()),
                },
                Err(LogError::Corrupt(text)) => {
                    self.refused(head, text).await?;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The next event that is stored cannot be read. Finds its seq: the first after which reading gives something else.
    async fn refused(&mut self, head: u64, text: String) -> Result<(), LogError> {
        let (mut low, mut high) = (self.last + 1, head.max(self.last + 1));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.log.read(self.stream, middle, 1).await {
                Err(LogError::Corrupt(other)) if other == text => low = middle + 1,
                Ok(_) | Err(LogError::Corrupt(_)) => high = middle,
                Err(error) => return Err(error),
            }
        }
        if low > self.last + 1 {
            self.missing(low - 1);
        }
        self.find(low, text);
        self.last = low;
        Ok(())
    }

    async fn event(&mut self, event: &Recorded) -> Result<(), VerifyError> {
        let before = self.findings.len();
        self.written(event);
        // What a damaged event tells is not to be believed.
        if self.findings.len() > before {
            return Ok(());
        }
        let entry = &event.entry;
        if entry.event_type == REALM_CREATED
            && self.stream == Stream::facts(RealmId::SYSTEM)
            && let Some(subject) = entry.subject.filter(|subject| subject.kind == SubjectKind::Realm)
        {
            self.realms.push((RealmId(subject.id), entry.seq));
        }
        if let Some(claims) = &mut self.claims
            && let Some(damage) = claims.read(event).await?
        {
            self.find(entry.seq, damage);
        }
        Ok(())
    }

    /// Whether an event is as it was written, and follows the one before it.
    fn written(&mut self, event: &Recorded) {
        let entry = &event.entry;
        let seq = entry.seq;
        if seq <= self.last {
            self.find(self.last + 1, format!("holds an entry of seq {seq}"));
            self.last += 1;
            return;
        }
        if seq > self.last + 1 {
            self.missing(seq - 1);
        }
        self.last = seq;
        self.events += 1;
        if entry.v == 0 || entry.v > FORMAT {
            self.find(seq, format!("has format {}", entry.v));
        }
        if entry.stream() != self.stream {
            self.find(seq, format!("is an entry of {}", entry.stream()));
        }
        if entry.incarnation != self.log.incarnation() {
            self.find(seq, format!("was written by incarnation {}", entry.incarnation));
        }
        if leaf_hash(&event.entry_bytes) != event.leaf_hash {
            self.find(seq, "the leaf hash is not that of the entry");
        }
        if body_digest(&event.body) != entry.body {
            self.find(seq, "the body is not the one that the entry names");
        }
        if entry.time < self.time {
            self.find(
                seq,
                format!("was recorded at {}, before the event before it", entry.time),
            );
        }
        self.time = self.time.max(entry.time);
        if let Some(subject) = entry.subject {
            let expected = self
                .versions
                .insert(subject.subject(), subject.version)
                .unwrap_or(0)
                + 1;
            if subject.version != expected {
                let text = format!(
                    "{} is at version {expected}, not {}",
                    subject.subject(),
                    subject.version
                );
                self.find(seq, text);
            }
        }
    }
}
