//! The journal held against the log: whatever was answered with success is there exactly once and wholly, whatever was refused is
//! not, and whatever is there was asked for.
//!
//! The rule: this is pure. It is given what was said and what is written, and tells where the two differ.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use events::{envelope::Entry, subject::Stream};
use uuid::Uuid;

use super::journal::{Kind, Line, Names, Outcome, Told};

/// The events of one request in one stream, in order.
type Group<'a> = Vec<&'a Entry>;

/// Everything that is wrong; empty if the log keeps what the journal says.
pub fn differences(lines: &[Line], entries: &[Entry]) -> Vec<String> {
    let mut found = broken_streams(entries);
    found.extend(Comparison::new(lines, entries).run());
    found
}

/// What is wrong with the entries alone: gaps, time that goes back, a subject's versions that are not 1, 2, 3, …, an id twice.
pub fn broken_streams(entries: &[Entry]) -> Vec<String> {
    let mut found = Vec::new();
    let mut ids = HashSet::new();
    let mut streams: BTreeMap<Stream, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        if !ids.insert(entry.id) {
            found.push(format!("the event id {} is there twice", entry.id));
        }
        streams.entry(entry.stream()).or_default().push(entry);
    }
    for (stream, mut entries) in streams {
        entries.sort_by_key(|entry| entry.seq);
        let mut versions = HashMap::new();
        for (seq, entry) in (1..).zip(&entries) {
            if entry.seq != seq {
                found.push(format!(
                    "{stream}: seq {seq} was expected, and {} is there",
                    entry.seq
                ));
                break;
            }
            if let Some(subject) = entry.subject {
                let version: &mut u64 = versions.entry(subject.subject()).or_default();
                *version += 1;
                if subject.version != *version {
                    found.push(format!(
                        "{stream} {seq}: version {} of {}",
                        subject.version,
                        subject.subject()
                    ));
                }
            }
        }
        for pair in entries.windows(2) {
            if pair[1].time < pair[0].time {
                found.push(format!("{stream} {}: the time goes back", pair[1].seq));
            }
        }
    }
    found
}

/// What several lines of the journal are about: one command, however often it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identity<'a> {
    /// Sent under a key, in a realm.
    Key(Uuid, &'a str),
    /// Sent once: the line's number.
    Line(usize),
}

/// A command of which nobody knows whether it was done.
struct Doubt {
    kind: Kind,
    realm: Uuid,
}

struct Comparison<'a> {
    lines: &'a [Line],
    places: BTreeMap<(Stream, u64), &'a Entry>,
    groups: BTreeMap<Uuid, Group<'a>>,
    /// Requests whose events are accounted for, and by which command.
    owners: BTreeMap<Uuid, Identity<'a>>,
    /// The one request in which a command was done.
    done: BTreeMap<Identity<'a>, Uuid>,
    found: Vec<String>,
}

impl<'a> Comparison<'a> {
    fn new(lines: &'a [Line], entries: &'a [Entry]) -> Self {
        let places: BTreeMap<_, _> = entries
            .iter()
            .map(|entry| ((entry.stream(), entry.seq), entry))
            .collect();
        let mut groups: BTreeMap<Uuid, Group<'_>> = BTreeMap::new();
        for entry in places.values() {
            // What has no request the platform did by itself.
            if let Some(request) = entry.actor.request {
                groups.entry(request).or_default().push(entry);
            }
        }
        Self {
            lines,
            places,
            groups,
            owners: BTreeMap::new(),
            done: BTreeMap::new(),
            found: Vec::new(),
        }
    }

    fn run(mut self) -> Vec<String> {
        let mut receipts: BTreeMap<Identity<'a>, &Told> = BTreeMap::new();
        let mut doubts: BTreeMap<Identity<'a>, Doubt> = BTreeMap::new();
        for (number, line) in self.lines.iter().enumerate() {
            let identity = match &line.key {
                Some(key) => Identity::Key(line.realm, key),
                None => Identity::Line(number),
            };
            match &line.outcome {
                Outcome::Done {
                    request,
                    told: Some(told),
                } => {
                    if *receipts.entry(identity).or_insert(told) != told {
                        self.wrong(line, "was answered with two receipts");
                    }
                    self.told(line, identity, *request, told);
                }
                Outcome::Done { request, told: None } => self.done(line, identity, *request),
                Outcome::Refused { request, status } => self.refused(line, identity, *request, *status),
                Outcome::Doubtful {
                    request: Some(request),
                } => self.doubtful(line, identity, *request),
                Outcome::Doubtful { request: None } => {
                    let (kind, realm) = (line.kind, line.realm);
                    doubts.entry(identity).or_insert(Doubt { kind, realm });
                }
            }
        }
        // What was settled by a later answer, or by a group that names its request, explains nothing else.
        let settled: BTreeSet<_> = receipts.keys().chain(self.done.keys()).copied().collect();
        doubts.retain(|identity, _| !settled.contains(identity));
        self.explain(&doubts.into_values().collect::<Vec<_>>());
        self.found
    }

    fn wrong(&mut self, line: &Line, what: &str) {
        self.found.push(format!(
            "{:?} in {} (key {:?}, {:?}) {what}",
            line.kind, line.realm, line.key, line.outcome
        ));
    }

    /// The events of a request are this command's: nobody else's, and the only ones that it has.
    fn own(&mut self, line: &Line, identity: Identity<'a>, request: Uuid) {
        let held = *self.owners.entry(request).or_insert(identity);
        if held != identity {
            self.wrong(line, "was answered with what another command did");
        }
        if *self.done.entry(identity).or_insert(request) != request {
            self.wrong(line, "is there twice");
        }
    }

    /// Done, with a receipt: its events are at its position.
    fn told(&mut self, line: &Line, identity: Identity<'a>, request: Uuid, told: &Told) {
        if told.events.is_empty() {
            if !line.kind.may_find_nothing_to_do() {
                self.wrong(line, "was answered as if there was nothing to do");
            }
            if self.groups.contains_key(&request) {
                self.wrong(
                    line,
                    "was answered as if there was nothing to do, and did something",
                );
            }
            return;
        }
        let count = told.events.len() as u64;
        let first = (told.position.seq + 1).saturating_sub(count);
        let there: Vec<&Entry> = (first..=told.position.seq)
            .filter_map(|seq| self.places.get(&(told.position.stream, seq)).copied())
            .collect();
        if !there.iter().map(|entry| &entry.event_type).eq(&told.events) {
            self.wrong(line, "is lost: its events are not at its position");
            return;
        }
        let names = told.events.iter().map(String::as_str);
        if !among(line.kind.whole(), names) {
            self.wrong(line, "was answered with events that are not its own");
        }
        let requests: BTreeSet<_> = there.iter().map(|entry| entry.actor.request).collect();
        let (Some(Some(owner)), 1) = (requests.first().copied(), requests.len()) else {
            self.wrong(line, "is mixed with what another request did");
            return;
        };
        if self
            .groups
            .get(&owner)
            .is_some_and(|group| group.len() != there.len())
        {
            self.wrong(line, "did more than it answered");
        }
        if owner != request && line.key.is_none() {
            self.wrong(line, "was answered with what another request did");
        }
        if owner != request && self.groups.contains_key(&request) {
            self.wrong(line, "was answered as a repetition, and done again");
        }
        let subject = there[0].subject;
        let version = there
            .iter()
            .filter_map(|entry| entry.subject)
            .filter(|other| subject.is_some_and(|subject| subject.subject() == other.subject()))
            .map(|subject| subject.version)
            .max();
        if version.unwrap_or(0) != told.version || subject.is_some_and(|subject| subject.id != told.id) {
            self.wrong(line, "has another subject or version in the log");
        }
        self.own(line, identity, owner);
    }

    /// Done, without a receipt: its events name the request.
    fn done(&mut self, line: &Line, identity: Identity<'a>, request: Uuid) {
        match self.names(request) {
            None if line.kind.may_find_nothing_to_do() => {}
            None => self.wrong(line, "is lost: no event names its request"),
            Some(names) if !self.fits(request, line) || !among(line.kind.whole(), names.iter().copied()) => {
                self.wrong(line, &format!("is half there, or not alone: {names:?}"));
            }
            Some(_) => self.own(line, identity, request),
        }
    }

    fn refused(&mut self, line: &Line, identity: Identity<'a>, request: Uuid, status: u16) {
        if status >= 500 {
            self.wrong(line, "is an error of the server");
        }
        match self.names(request) {
            None => {}
            Some(names) if among(line.kind.refused(), names.iter().copied()) => {
                // What a refusal notes is not the command: the same key may still be used for it.
                self.owners.insert(request, identity);
            }
            Some(names) => self.wrong(line, &format!("was refused, and is there: {names:?}")),
        }
    }

    /// Told as not known, by name: then what is there is all of it.
    fn doubtful(&mut self, line: &Line, identity: Identity<'a>, request: Uuid) {
        let Some(names) = self.names(request) else { return };
        let whole = [line.kind.whole(), line.kind.begun()].concat();
        if !self.fits(request, line) || !among(&whole, names.iter().copied()) {
            self.wrong(line, &format!("is half there: {names:?}"));
        }
        self.own(line, identity, request);
    }

    fn names(&self, request: Uuid) -> Option<Vec<&'a str>> {
        let group = self.groups.get(&request)?;
        Some(group.iter().map(|entry| entry.event_type.as_str()).collect())
    }

    /// Whether all events of a request are where this line's are to be.
    fn fits(&self, request: Uuid, line: &Line) -> bool {
        self.groups.get(&request).is_none_or(|group| {
            group
                .iter()
                .all(|entry| entry.realm.0 == line.realm && entry.lane == line.kind.lane())
        })
    }

    /// What no answer accounts for must be what commands did that were left without one: each at most once, and wholly.
    fn explain(&mut self, doubts: &[Doubt]) {
        let left: Vec<&Group<'_>> = self
            .groups
            .iter()
            .filter(|(request, _)| !self.owners.contains_key(request))
            .map(|(_, group)| group)
            .collect();
        let explains = |doubt: &Doubt, group: &Group<'_>| {
            let names = || group.iter().map(|entry| entry.event_type.as_str());
            let whole = [doubt.kind.whole(), doubt.kind.begun()].concat();
            group
                .iter()
                .all(|entry| entry.realm.0 == doubt.realm && entry.lane == doubt.kind.lane())
                && among(&whole, names())
        };
        let edges: Vec<Vec<usize>> = left
            .iter()
            .map(|group| {
                (0..doubts.len())
                    .filter(|index| explains(&doubts[*index], group))
                    .collect()
            })
            .collect();
        let mut taken: Vec<Option<usize>> = vec![None; doubts.len()];
        let mut unexplained = Vec::new();
        for (index, group) in left.iter().enumerate() {
            if !give_a_place(index, &edges, &mut taken, &mut HashSet::new()) {
                let names: Vec<_> = group.iter().map(|entry| &entry.event_type).collect();
                let first = group[0];
                unexplained.push(format!(
                    "{} {}: {names:?} is there, and nobody asked for it, or not so often, or it is half of something",
                    first.stream(),
                    first.seq
                ));
            }
        }
        self.found.extend(unexplained);
    }
}

/// Whether these names are one of those sequences.
fn among<'n>(sequences: &[Names], names: impl Iterator<Item = &'n str> + Clone) -> bool {
    sequences
        .iter()
        .any(|sequence| names.clone().eq(sequence.iter().copied()))
}

/// Finds a doubt for a group, moving others to other doubts where that helps (Kuhn's matching).
fn give_a_place(
    group: usize,
    edges: &[Vec<usize>],
    taken: &mut [Option<usize>],
    tried: &mut HashSet<usize>,
) -> bool {
    for doubt in &edges[group] {
        if !tried.insert(*doubt) {
            continue;
        }
        let held = taken[*doubt];
        if held.is_none_or(|held| give_a_place(held, edges, taken, tried)) {
            taken[*doubt] = Some(group);
            return true;
        }
    }
    false
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
