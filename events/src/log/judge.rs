//! Judging a batch of appends in memory, in the order of the queue. Pure, and the same for every engine.
//!
//! An engine tells what it knows ([`Known`]), each append is judged against that and against the winners before it,
//! and what the winners write comes out as rows ([`Writes`]). A loser leaves no trace.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{Append, ClaimChange, ClaimKind, Digest, Position, Receipt, Verdict, rules};
use crate::{
    clock::Timestamp,
    envelope::{Entry, FORMAT, MAX_ENTRY_BYTES, SubjectVersion, body_digest, leaf_hash},
    ids::EventId,
    subject::{Lane, Stream, Subject},
};

/// The end of a stream: the last seq, and the time of that event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    pub seq: u64,
    pub time: Timestamp,
}

/// A claim that is held, or spent (which has an expiry).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub holder: Uuid,
    pub expires: Option<Timestamp>,
}

/// A claim's name: claims belong to a stream.
pub(super) type ClaimKey = (Stream, ClaimKind, Digest);

/// What the log holds of that which a batch asks for. What is absent here is absent there.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub tails: HashMap<Stream, Tail>,
    pub versions: HashMap<(Stream, Subject), u64>,
    pub claims: HashMap<ClaimKey, Held>,
    pub commands: HashMap<(Stream, Digest), (Digest, Receipt)>,
}

/// One event to store.
#[derive(Debug)]
pub(super) struct NewRow<'a> {
    pub stream: Stream,
    pub seq: u64,
    pub id: EventId,
    pub subject: Option<SubjectVersion>,
    pub leaf: [u8; 32],
    pub entry: Vec<u8>,
    pub body: &'a [u8],
}

/// One command to remember.
#[derive(Debug)]
pub(super) struct NewCommand {
    pub stream: Stream,
    pub id: Digest,
    pub body: Digest,
    pub receipt: Vec<u8>,
    pub time: Timestamp,
}

/// All that the winners of a batch write.
#[derive(Debug, Default)]
pub(super) struct Writes<'a> {
    pub events: Vec<NewRow<'a>>,
    /// The last state of each claim that changed; `None` for one that is released.
    pub claims: HashMap<ClaimKey, Option<Held>>,
    pub commands: Vec<NewCommand>,
    /// The new ends of the streams that moved, and the streams that are new.
    pub tails: HashMap<Stream, Tail>,
}

impl Writes<'_> {
    /// Whether nobody won.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.commands.is_empty()
    }

    /// How many events each lane gains.
    pub fn by_lane(&self) -> [(Lane, u64); 2] {
        Lane::ALL.map(|lane| {
            let count = self
                .events
                .iter()
                .filter(|event| event.stream.lane == lane)
                .count();
            (lane, count as u64)
        })
    }
}

/// Judges the appends of one batch, one after another.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    incarnation: Uuid,
    now: Timestamp,
    known: Known,
    ids: HashSet<EventId>,
    writes: Writes<'a>,
}

impl<'a> Judge<'a> {
    /// A judge who knows this, at this moment.
    pub fn new(incarnation: Uuid, now: Timestamp, known: Known) -> Self {
        Self {
            incarnation,
            now,
            known,
            ids: HashSet::new(),
            writes: Writes::default(),
        }
    }

    /// What is to be written.
    pub fn finish(self) -> Writes<'a> {
        self.writes
    }

    /// Judges the next append. If it wins, all that it changes holds for those after it.
    pub fn judge(&mut self, append: &'a Append) -> Verdict {
        match self.decide(append) {
            Ok(receipt) => Verdict::Committed(receipt),
            Err(verdict) => verdict,
        }
    }

    fn decide(&mut self, append: &'a Append) -> Result<Receipt, Verdict> {
        let stream = append.stream;
        if let Some(command) = append.command
            && let Some((body, receipt)) = self.known.commands.get(&(stream, command.id))
        {
            return Err(if *body == command.body {
                Verdict::Repeated(receipt.clone())
            } else {
                Verdict::CommandReused
            });
        }
        if let Some(rule) = rules::broken(append) {
            return Err(Verdict::Malformed(rule));
        }
        if let Some(event) = append.events.iter().find(|event| self.ids.contains(&event.id)) {
            return Err(used(event.id));
        }
        for condition in &append.conditions {
            let found = self.version(stream, condition.subject);
            if found != condition.version {
                return Err(Verdict::Conflict {
                    subject: condition.subject,
                    found,
                });
            }
        }
        let claims = self.claims(append)?;
        let (rows, tail) = self.number(append)?;
        Ok(self.enter(append, claims, rows, tail))
    }

    fn version(&self, stream: Stream, subject: Subject) -> u64 {
        self.known.versions.get(&(stream, subject)).copied().unwrap_or(0)
    }

    /// The claims as they would be after this append, in the order of its changes.
    fn claims(&self, append: &Append) -> Result<Vec<(ClaimKey, Option<Held>)>, Verdict> {
        let mut after: Vec<(ClaimKey, Option<Held>)> = Vec::with_capacity(append.claims.len());
        for change in &append.claims {
            let (kind, digest) = change.key();
            let key = (append.stream, kind, *digest);
            let now = after
                .iter()
                .rev()
                .find(|(changed, _)| *changed == key)
                .map_or_else(|| self.known.claims.get(&key).copied(), |(_, held)| *held);
            let next = match (change, now) {
                (ClaimChange::Hold { holder, .. }, None) => Some(Held {
                    holder: *holder,
                    expires: None,
                }),
                (ClaimChange::Hold { holder, .. }, Some(held))
                    if held.holder == *holder && held.expires.is_none() =>
                {
                    continue;
                }
                (ClaimChange::Spend { holder, expires, .. }, None) => Some(Held {
                    holder: *holder,
                    expires: Some(*expires),
                }),
                (ClaimChange::Hold { .. } | ClaimChange::Spend { .. }, Some(held)) => {
                    return Err(Verdict::Claimed {
                        kind,
                        holder: held.holder,
                    });
                }
                (ClaimChange::Release { holder, .. }, Some(held))
                    if held.holder == *holder && held.expires.is_none() =>
                {
                    None
                }
                (ClaimChange::Release { .. }, _) => return Err(Verdict::NotHeld { kind }),
            };
            after.push((key, next));
        }
        Ok(after)
    }

    /// Gives each event its seq, version and time, and serialises its entry, once.
    fn number(&self, append: &'a Append) -> Result<(Vec<NewRow<'a>>, Tail), Verdict> {
        let stream = append.stream;
        let mut tail = self.known.tails.get(&stream).copied().unwrap_or_default();
        tail.time = tail.time.max(self.now);
        let mut rows: Vec<NewRow<'a>> = Vec::with_capacity(append.events.len());
        for event in &append.events {
            tail.seq += 1;
            let subject = event.subject.map(|subject| {
                let earlier = rows
                    .iter()
                    .rev()
                    .filter_map(|row| row.subject)
                    .find(|s| s.subject() == subject);
                let version = earlier.map_or_else(|| self.version(stream, subject), |s| s.version) + 1;
                SubjectVersion {
                    kind: subject.kind,
                    id: subject.id,
                    version,
                }
            });
            let entry = Entry {
                v: FORMAT,
                incarnation: self.incarnation,
                realm: stream.realm,
                lane: stream.lane,
                seq: tail.seq,
                subject,
                event_type: event.event_type.to_owned(),
                schema: event.schema,
                time: tail.time,
                actor: event.actor.clone(),
                id: event.id,
                cause: event.cause,
                trace: event.trace.clone(),
                body: body_digest(&event.body),
            };
            let entry = serde_json::to_vec(&entry).map_err(|error| Verdict::Malformed(error.to_string()))?;
            if entry.len() >= MAX_ENTRY_BYTES {
                let text = format!("the entry of {} has {} bytes", event.event_type, entry.len());
                return Err(Verdict::Malformed(text));
            }
            let leaf = leaf_hash(&entry);
            rows.push(NewRow {
                stream,
                seq: tail.seq,
                id: event.id,
                subject,
                leaf,
                entry,
                body: &event.body,
            });
        }
        Ok((rows, tail))
    }

    /// The append has won: everything that it changes is known from here on, and is to be written.
    fn enter(
        &mut self,
        append: &Append,
        claims: Vec<(ClaimKey, Option<Held>)>,
        rows: Vec<NewRow<'a>>,
        tail: Tail,
    ) -> Receipt {
        let stream = append.stream;
        // A stream's end stays what it is if nothing is added, but a command needs a stream to belong to.
        let end = if rows.is_empty() { Tail::default() } else { tail };
        if !rows.is_empty() || !self.known.tails.contains_key(&stream) {
            self.known.tails.insert(stream, end);
            self.writes.tails.insert(stream, end);
        }
        for row in &rows {
            self.ids.insert(row.id);
            if let Some(subject) = row.subject {
                self.known
                    .versions
                    .insert((stream, subject.subject()), subject.version);
            }
        }
        for (key, held) in claims {
            match held {
                Some(held) => self.known.claims.insert(key, held),
                None => self.known.claims.remove(&key),
            };
            self.writes.claims.insert(key, held);
        }
        self.writes.events.extend(rows);
        let subject = match append.events.first() {
            Some(first) => first.subject,
            None => append
                .conditions
                .iter()
                .map(|condition| condition.subject)
                .find(|subject| subject.id == append.target),
        };
        let receipt = Receipt {
            id: append.target,
            version: subject.map_or(0, |subject| self.version(stream, subject)),
            position: Position {
                incarnation: self.incarnation,
                stream,
                seq: tail.seq,
            },
            events: append
                .events
                .iter()
                .map(|event| event.event_type.to_owned())
                .collect(),
        };
        if let Some(command) = append.command {
            self.known
                .commands
                .insert((stream, command.id), (command.body, receipt.clone()));
            self.writes.commands.push(NewCommand {
                stream,
                id: command.id,
                body: command.body,
                // Serialising a receipt cannot fail: it has text keys and plain values only.
                receipt: serde_json::to_vec(&receipt).unwrap_or_default(),
                time: tail.time,
            });
        }
        receipt
    }
}

/// The verdict on an append whose event id is in the log already.
pub(super) fn used(id: EventId) -> Verdict {
    Verdict::Malformed(format!("the event id {id} is in the log already"))
}
