//! The contract of the log, written against the trait: every engine passes every sentence of it.
//!
//! An engine's test binary implements [`Engine`] and calls [`crate::log_contract!`], which makes one test of each sentence.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test suite: a panic is its verdict"
)]
#![allow(clippy::wildcard_imports, reason = "its parts share one vocabulary")]

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use events::{
    clock::{FrozenClock, SystemRandom, Timestamp, new_id},
    envelope::{Actor, MAX_BODY_BYTES, body_digest, leaf_hash},
    ids::{EventId, RealmId},
    log::{
        Append, ClaimChange, ClaimKind, CommandKey, Condition, Digest, Head, Log, LogError, Mark, Moved,
        NewEvent, Receipt, Verdict,
    },
    subject::{Stream, Subject, SubjectKind},
};
use uuid::Uuid;

/// The moment at which every test begins.
pub const START: Timestamp = Timestamp::from_seconds(1_700_000_000);

/// Damage done to the stored log behind the engine's back.
#[derive(Clone, Copy, Debug)]
pub enum Tamper {
    /// One byte of the entry at this seq is another.
    Entry(u64),
    /// One byte of the body at this seq is another.
    Body(u64),
    /// One byte of the leaf hash at this seq is another.
    Leaf(u64),
    /// The entry at this seq names another time, and its leaf hash was made to fit.
    Rewritten(u64),
    /// The event at this seq is gone.
    Removed(u64),
    /// The events at these seqs have changed places.
    Swapped(u64, u64),
    /// The subject's version beside the entry at this seq is another.
    Version(u64),
}

/// One store of one engine: new and empty when it is made, and opened as often as a test likes.
#[async_trait]
pub trait Engine: Send + Sync {
    /// The clock that the engine's logs ask.
    fn clock(&self) -> &FrozenClock;
    /// Opens the store to write.
    async fn open(&self) -> Result<Arc<dyn Log>, LogError>;
    /// Opens the store to read, beside a writer.
    async fn open_to_read(&self) -> Result<Arc<dyn Log>, LogError>;
    /// Whether only one process may write.
    fn exclusive(&self) -> bool;
    /// Marks the store as written by a newer version.
    async fn pretend_newer(&self);
    /// Damages the stored stream.
    async fn tamper(&self, stream: Stream, tamper: Tamper);
}

fn id() -> Uuid {
    new_id(START, &SystemRandom)
}

fn digest() -> Digest {
    let mut digest = [0; 32];
    digest[..16].copy_from_slice(id().as_bytes());
    digest
}

fn realm() -> RealmId {
    RealmId(id())
}

fn user() -> Subject {
    Subject::new(SubjectKind::User, id())
}

fn event(subject: Option<Subject>, event_type: &'static str) -> NewEvent {
    let actor = Actor::component("contract");
    let body = format!(r#"{{"n":"{}"}}"#, id()).into_bytes();
    NewEvent {
        id: EventId(id()),
        subject,
        event_type,
        schema: 1,
        actor,
        cause: None,
        trace: None,
        body,
    }
}

/// An append of one event on a subject at a version.
fn change(stream: Stream, subject: Subject, version: u64) -> Append {
    Append {
        stream,
        conditions: vec![Condition { subject, version }],
        claims: Vec::new(),
        events: vec![event(Some(subject), "thing.changed")],
        command: None,
        target: subject.id,
    }
}

/// An append of one event that decides nothing.
fn note(stream: Stream) -> Append {
    let events = vec![event(None, "thing.noted")];
    Append {
        stream,
        conditions: Vec::new(),
        claims: Vec::new(),
        events,
        command: None,
        target: id(),
    }
}

fn with_claims(mut append: Append, claims: impl IntoIterator<Item = ClaimChange>) -> Append {
    append.claims = claims.into_iter().collect();
    append
}

fn with_command(mut append: Append, id: Digest, body: Digest) -> Append {
    append.command = Some(CommandKey { id, body });
    append
}

fn hold(digest: Digest, holder: Uuid) -> ClaimChange {
    ClaimChange::Hold {
        kind: ClaimKind::LoginName,
        digest,
        holder,
    }
}

fn release(digest: Digest, holder: Uuid) -> ClaimChange {
    ClaimChange::Release {
        kind: ClaimKind::LoginName,
        digest,
        holder,
    }
}

fn spend(digest: Digest, holder: Uuid) -> ClaimChange {
    let expires = START.after_seconds(86_400);
    ClaimChange::Spend {
        kind: ClaimKind::Code,
        digest,
        holder,
        expires,
    }
}

async fn one(log: &Arc<dyn Log>, append: Append) -> Verdict {
    let mut verdicts = log.commit(vec![append]).await;
    assert_eq!(verdicts.len(), 1, "one verdict for each append");
    verdicts.remove(0)
}

async fn committed(log: &Arc<dyn Log>, append: Append) -> Receipt {
    match one(log, append).await {
        Verdict::Committed(receipt) => receipt,
        other => panic!("not committed: {other:?}"),
    }
}

/// Sends each append from a task of its own, all at once.
async fn race(log: &Arc<dyn Log>, appends: Vec<Append>) -> Vec<Verdict> {
    let racers: Vec<_> = appends
        .into_iter()
        .map(|append| {
            let log = log.clone();
            tokio::spawn(async move { one(&log, append).await })
        })
        .collect();
    let mut verdicts = Vec::new();
    for racer in racers {
        verdicts.push(racer.await.unwrap());
    }
    verdicts
}

fn winners(verdicts: &[Verdict]) -> usize {
    verdicts
        .iter()
        .filter(|verdict| matches!(verdict, Verdict::Committed(_)))
        .count()
}

fn is_malformed(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Malformed(_))
}

async fn seqs(log: &Arc<dyn Log>, stream: Stream) -> Vec<u64> {
    log.read(stream, 0, usize::MAX)
        .await
        .unwrap()
        .iter()
        .map(|event| event.entry.seq)
        .collect()
}

mod appends;
mod claims;
mod commands;
mod nodes;
mod reading;
mod storage;

pub use appends::*;
pub use claims::*;
pub use commands::*;
pub use nodes::*;
pub use reading::*;
pub use storage::*;

/// One test of each sentence of the contract, on the engine that the expression makes; none where it makes none (a server
/// is missing, which was said).
#[macro_export]
macro_rules! log_contract {
    ($engine:expr) => {
        $crate::log_contract!($engine;
            streams_are_gapless_under_256_concurrent_callers
            one_of_100_racers_on_a_version_wins
            a_conflict_tells_the_version_that_was_found
            a_condition_may_guard_a_subject_that_does_not_change
            one_failure_is_never_anothers
            later_appends_of_a_call_see_the_earlier
            several_events_take_consecutive_versions
            time_never_goes_back
            activity_that_decides_nothing_never_conflicts
            malformed_appends_are_refused
            an_event_id_is_used_once
            a_caller_who_goes_away_disturbs_nobody
            a_closed_log_commits_what_waits_and_refuses_the_rest
            a_held_claim_is_one_holders_until_released
            one_of_100_racers_for_a_name_wins
            a_name_changes_hands_within_one_append
            a_spent_claim_never_returns
            claims_belong_to_their_realm
            a_refused_claim_leaves_no_trace
            a_repeated_command_is_answered_as_before
            a_command_key_with_another_body_is_refused
            a_command_repeated_in_parallel_is_done_once
            a_command_outlives_a_restart
            a_refused_command_is_not_remembered
            a_command_that_changes_nothing_is_remembered
            a_command_that_changes_nothing_may_be_a_streams_first
            a_command_that_changes_nothing_is_judged
            sweeping_deletes_what_has_expired_and_nothing_else
            events_come_back_as_they_were_written
            a_subject_loads_alone_and_in_order
            reading_goes_on_from_where_it_stopped
            heads_tell_what_moved_since_a_mark
            followers_are_woken
            everything_outlives_a_restart
            a_reader_sees_what_the_writer_commits
            a_second_writer_is_refused
            a_newer_format_is_refused
            one_of_1000_racers_over_two_nodes_wins
            a_stream_that_two_nodes_write_is_gapless
            a_node_learns_what_another_commits
            no_head_is_missed_while_two_nodes_write
            two_nodes_sweep_at_once
            verify_finds_nothing_in_a_sound_log
            verify_finds_and_locates_damage
        );
    };
    ($engine:expr; $($sentence:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $sentence() {
            if let Some(engine) = $engine {
                $crate::log_contract::$sentence(&engine).await;
            }
        }
    )*};
}
