//! The checker checked: it is content with a log that keeps its word, and finds each way of breaking it.

use std::time::Instant;

use events::{
    clock::Timestamp,
    envelope::{Actor, FORMAT, SubjectVersion},
    ids::{EventId, RealmId},
    log::Position,
    subject::{Lane, SubjectKind},
};

use super::*;

const REALM: Uuid = Uuid::from_u128(7);
const LOG: Uuid = Uuid::from_u128(1);

/// A log and a journal that are written by hand.
#[derive(Default)]
struct Case {
    entries: Vec<Entry>,
    lines: Vec<Line>,
}

/// A user who is registered, or whatever else a subject may be.
fn subject(id: u128, version: u64) -> SubjectVersion {
    SubjectVersion {
        kind: SubjectKind::User,
        id: Uuid::from_u128(id),
        version,
    }
}

impl Case {
    /// An event of a request is in the facts.
    fn written(mut self, request: u128, name: &str, subject: impl Into<Option<SubjectVersion>>) -> Self {
        let seq = self.entries.len() as u64 + 1;
        self.entries.push(Entry {
            v: FORMAT,
            incarnation: LOG,
            realm: RealmId(REALM),
            lane: Lane::Facts,
            seq,
            subject: subject.into(),
            event_type: name.to_owned(),
            schema: 1,
            time: Timestamp(i64::try_from(seq).unwrap()),
            actor: Actor {
                request: Some(Uuid::from_u128(request)),
                ..Actor::default()
            },
            id: EventId(Uuid::from_u128(1_000 + u128::from(seq))),
            cause: None,
            trace: None,
            body: String::new(),
        });
        self
    }

    fn line(mut self, kind: Kind, key: Option<&str>, outcome: Outcome) -> Self {
        let now = Instant::now();
        self.lines.push(Line {
            kind,
            realm: REALM,
            key: key.map(str::to_owned),
            outcome,
            asked: now,
            answered: now,
        });
        self
    }

    /// Answered with a receipt.
    fn told(
        self,
        request: u128,
        key: Option<&str>,
        kind: Kind,
        (id, version, seq): (u128, u64, u64),
        events: &[&str],
    ) -> Self {
        let told = Told {
            id: Uuid::from_u128(id),
            version,
            position: Position {
                incarnation: LOG,
                stream: Stream::facts(RealmId(REALM)),
                seq,
            },
            events: events.iter().map(ToString::to_string).collect(),
        };
        let request = Uuid::from_u128(request);
        self.line(
            kind,
            key,
            Outcome::Done {
                request,
                told: Some(told),
            },
        )
    }

    fn refused(self, request: u128, kind: Kind) -> Self {
        let request = Uuid::from_u128(request);
        self.line(kind, None, Outcome::Refused { request, status: 409 })
    }

    fn unanswered(self, key: Option<&str>, kind: Kind) -> Self {
        self.line(kind, key, Outcome::Doubtful { request: None })
    }

    #[track_caller]
    fn sound(self) {
        let found = differences(&self.lines, &self.entries);
        assert!(found.is_empty(), "{found:#?}");
    }

    #[track_caller]
    fn finds(self, what: &str) {
        let found = differences(&self.lines, &self.entries);
        assert!(
            found.iter().any(|one| one.contains(what)),
            "no {what:?} in {found:#?}"
        );
    }
}

const BOTH: [&str; 2] = ["user.registered", "password.set"];

/// Alice is registered by request 10, with a password.
fn alice() -> Case {
    Case::default()
        .written(10, "user.registered", subject(100, 1))
        .written(10, "password.set", None)
}

#[test]
fn what_is_as_it_was_said_sound() {
    alice()
        .told(10, None, Kind::RegisterUserWithPassword, (100, 1, 2), &BOTH)
        .refused(11, Kind::RegisterUser)
        .sound();
}

#[test]
fn what_was_left_without_an_answer_may_be_there_or_not() {
    alice().unanswered(None, Kind::RegisterUserWithPassword).sound();
    Case::default()
        .unanswered(None, Kind::RegisterUserWithPassword)
        .sound();
}

#[test]
fn a_repetition_under_the_same_key_gives_the_first_receipt() {
    alice()
        .unanswered(Some("k"), Kind::RegisterUserWithPassword)
        .told(12, Some("k"), Kind::RegisterUserWithPassword, (100, 1, 2), &BOTH)
        .told(13, Some("k"), Kind::RegisterUserWithPassword, (100, 1, 2), &BOTH)
        .sound();
    alice()
        .told(10, None, Kind::RegisterUserWithPassword, (100, 1, 2), &BOTH)
        .told(12, None, Kind::RegisterUserWithPassword, (100, 1, 2), &BOTH)
        .finds("what another request did");
}

#[test]
fn a_lost_command_finds() {
    Case::default()
        .told(10, None, Kind::RegisterUserWithPassword, (100, 1, 2), &BOTH)
        .finds("is lost");
    alice()
        .told(10, None, Kind::RegisterUserWithPassword, (100, 1, 3), &BOTH)
        .finds("is lost");
    let request = Uuid::from_u128(55);
    Case::default()
        .line(Kind::OwnToken, None, Outcome::Done { request, told: None })
        .finds("is lost");
}

#[test]
fn a_doubled_command_finds() {
    let twice = || {
        alice()
            .written(12, "user.registered", subject(101, 1))
            .written(12, "password.set", None)
    };
    twice()
        .unanswered(Some("k"), Kind::RegisterUserWithPassword)
        .told(12, Some("k"), Kind::RegisterUserWithPassword, (101, 1, 4), &BOTH)
        .finds("nobody asked for it");
    twice()
        .told(10, Some("k"), Kind::RegisterUserWithPassword, (100, 1, 2), &BOTH)
        .told(12, Some("k"), Kind::RegisterUserWithPassword, (101, 1, 4), &BOTH)
        .finds("two receipts");
    twice()
        .told(10, None, Kind::RegisterUserWithPassword, (100, 1, 2), &BOTH)
        .told(12, Some("k"), Kind::RegisterUserWithPassword, (100, 1, 2), &BOTH)
        .finds("done again");
    twice()
        .unanswered(None, Kind::RegisterUserWithPassword)
        .finds("nobody asked for it");
}

#[test]
fn half_a_command_finds() {
    let half = || Case::default().written(10, "user.registered", subject(100, 1));
    half()
        .unanswered(None, Kind::RegisterUserWithPassword)
        .finds("half of something");
    let request = Uuid::from_u128(10);
    half()
        .line(
            Kind::RegisterUserWithPassword,
            None,
            Outcome::Doubtful {
                request: Some(request),
            },
        )
        .finds("is half there");
    half()
        .told(
            10,
            None,
            Kind::RegisterUserWithPassword,
            (100, 1, 1),
            &["user.registered"],
        )
        .finds("not its own");
}

#[test]
fn what_was_refused_and_is_there_finds() {
    alice()
        .refused(10, Kind::RegisterUserWithPassword)
        .finds("was refused, and is there");
    let status = 500;
    let request = Uuid::from_u128(77);
    Case::default()
        .line(Kind::RegisterUser, None, Outcome::Refused { request, status })
        .finds("error of the server");
}

#[test]
fn what_nobody_asked_for_finds() {
    alice().finds("nobody asked for it");
    alice()
        .unanswered(None, Kind::RegisterUser)
        .finds("nobody asked for it");
}

#[test]
fn another_version_than_was_answered_finds() {
    alice()
        .told(10, None, Kind::RegisterUserWithPassword, (100, 2, 2), &BOTH)
        .finds("another subject or version");
}

#[test]
fn a_gap_a_doubled_id_a_time_and_a_version_out_of_turn_are_found() {
    let two = || {
        alice()
            .written(11, "user.locked", subject(100, 2))
            .unanswered(None, Kind::RegisterUserWithPassword)
            .unanswered(None, Kind::ChangeStatus)
    };
    two().sound();
    let mut case = two();
    case.entries.remove(1);
    case.finds("seq 2 was expected");
    let mut case = two();
    case.entries[2].id = case.entries[1].id;
    case.finds("is there twice");
    let mut case = two();
    case.entries[1].time = Timestamp(9);
    case.finds("the time goes back");
    let mut case = two();
    case.entries[2].subject = Some(subject(100, 3));
    case.finds("version 3");
}

#[test]
fn each_doubt_explains_one_thing_whichever_it_is() {
    // A refresh may have ended a grant (as a reuse) or refreshed it; a revocation ends one: all three must find their place.
    let entries = |case: Case| {
        let mut case = case
            .written(20, "grant.revoked", None)
            .written(21, "grant.revoked", None)
            .unanswered(None, Kind::Refresh)
            .unanswered(None, Kind::RevokeGrant);
        for entry in &mut case.entries {
            entry.lane = Lane::Activity;
        }
        case
    };
    entries(Case::default()).sound();
    let mut more = entries(Case::default().written(22, "grant.revoked", None));
    more.lines.swap(0, 1);
    more.finds("nobody asked for it");
}
