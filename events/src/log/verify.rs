//! Verifying: reads a whole stream through the trait and checks everything that can be checked without a key.
//!
//! It trusts nothing that is stored: each finding says at which seq what is not as it was written.

use std::collections::HashMap;

use super::{Log, LogError};
use crate::{
    clock::Timestamp,
    envelope::{FORMAT, Recorded, body_digest, leaf_hash},
    subject::{Stream, Subject},
};

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

/// What was looked at, and what was found.
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
pub async fn verify_stream(log: &dyn Log, stream: Stream) -> Result<Verified, LogError> {
    let head = log.head(stream).await?.seq;
    let mut check = Check::new(log, stream);
    loop {
        match log.read(stream, check.last, BATCH).await {
            Ok(events) if events.is_empty() => break,
            Ok(events) => events.iter().for_each(|event| check.event(event)),
            Err(LogError::Corrupt(_)) => check.one_by_one(head).await?,
            Err(error) => return Err(error),
        }
        if check.findings.len() >= MOST_FINDINGS {
            break;
        }
    }
    // What is committed while we read is past the head that we asked for, and sound all the same.
    if check.last < head && check.findings.len() < MOST_FINDINGS {
        check.missing(head);
    }
    Ok(Verified {
        events: check.events,
        last: check.last.max(head),
        findings: check.findings,
    })
}

struct Check<'a> {
    log: &'a dyn Log,
    stream: Stream,
    last: u64,
    time: Timestamp,
    versions: HashMap<Subject, u64>,
    events: u64,
    findings: Vec<Finding>,
}

impl<'a> Check<'a> {
    fn new(log: &'a dyn Log, stream: Stream) -> Self {
        Self {
            log,
            stream,
            last: 0,
            time: Timestamp(i64::MIN),
            versions: HashMap::new(),
            events: 0,
            findings: Vec::new(),
        }
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
    async fn one_by_one(&mut self, head: u64) -> Result<(), LogError> {
        for _ in 0..BATCH {
            match self.log.read(self.stream, self.last, 1).await {
                Ok(events) => match events.first() {
                    Some(event) => self.event(event),
                    None => return Ok(()),
                },
                Err(LogError::Corrupt(text)) => {
                    self.refused(head, text).await?;
                    return Ok(());
                }
                Err(error) => return Err(error),
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

    fn event(&mut self, event: &Recorded) {
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
