//! What SQLite's appender does when the disk fails: no false acknowledgement, nothing twice, and on again after.

use std::sync::atomic::Ordering;

use tempfile::TempDir;

use super::*;
use crate::{
    clock::{FrozenClock, SystemRandom},
    envelope::Actor,
    ids::{EventId, RealmId},
    log::{ClaimChange, CommandKey, Condition, NewEvent, verify::verify_stream},
    subject::SubjectKind,
};

const START: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn id() -> Uuid {
    new_id(START, &SystemRandom)
}

fn event(subject: Subject) -> NewEvent {
    NewEvent {
        id: EventId(id()),
        subject: Some(subject),
        event_type: "user.registered",
        schema: 1,
        actor: Actor::component("test"),
        cause: None,
        trace: None,
        body: vec![b'x'; 200],
    }
}

/// Everything that an append can carry: two events, a name, a code, a command.
fn full(stream: Stream, code: u8) -> Append {
    let subject = Subject::new(SubjectKind::User, id());
    Append {
        stream,
        conditions: vec![Condition { subject, version: 0 }],
        claims: vec![
            ClaimChange::Hold {
                kind: ClaimKind::LoginName,
                digest: [code; 32],
                holder: subject.id,
            },
            ClaimChange::Spend {
                kind: ClaimKind::Code,
                digest: [code; 32],
                holder: subject.id,
                expires: START,
            },
        ],
        events: vec![event(subject), event(subject)],
        command: Some(CommandKey {
            id: [code; 32],
            body: [0; 32],
        }),
        target: subject.id,
    }
}

struct Case {
    folder: TempDir,
    log: Arc<SqliteLog>,
    stream: Stream,
}

impl Case {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let log = SqliteLog::open(&path, FrozenClock::at(START), Arc::new(SystemRandom))
            .await
            .unwrap();
        Self {
            folder,
            log,
            stream: Stream::facts(RealmId(id())),
        }
    }

    async fn commit(&self, append: Append) -> Verdict {
        self.log.commit(vec![append]).await.remove(0)
    }

    /// The stream is sound and has so many events.
    async fn holds(&self, events: u64) {
        let report = verify_stream(self.log.as_ref(), self.stream).await.unwrap();
        assert_eq!((report.events, report.findings), (events, Vec::new()));
        assert_eq!(self.log.head(self.stream).await.unwrap().seq, events);
    }
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_and_not_done_twice() {
    let case = Case::new().await;
    assert!(matches!(
        case.commit(full(case.stream, 1)).await,
        Verdict::Committed(_)
    ));
    for losses in 1..=3 {
        case.log.fault.answer_lost.store(losses, Ordering::SeqCst);
        let verdict = case
            .commit(full(case.stream, 10 + u8::try_from(losses).unwrap()))
            .await;
        let Verdict::Committed(receipt) = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(receipt.version, 2);
        assert_eq!(receipt.position.seq, 2 + u64::from(losses) * 2);
        assert_eq!(receipt.events, ["user.registered", "user.registered"]);
        // The first attempt landed, so later ones commit nothing, and cannot lose an answer.
        case.log.fault.answer_lost.store(0, Ordering::SeqCst);
    }
    case.holds(8).await;
}

#[tokio::test]
async fn the_receipt_after_a_lost_answer_is_the_one_that_was_stored() {
    let case = Case::new().await;
    case.log.fault.answer_lost.store(1, Ordering::SeqCst);
    let append = full(case.stream, 1);
    let Verdict::Committed(receipt) = case.commit(append.clone()).await else {
        panic!("not committed")
    };
    assert_eq!(case.commit(append).await, Verdict::Repeated(receipt));
}

#[tokio::test]
async fn a_command_that_changes_nothing_is_remembered_whatever_its_commit_answers() {
    let case = Case::new().await;
    for (code, lost) in [(1, &case.log.fault.answer_lost), (2, &case.log.fault.commit_lost)] {
        let mut nothing = full(case.stream, code);
        nothing.events.clear();
        nothing.claims.clear();
        lost.store(1, Ordering::SeqCst);
        let verdict = case.commit(nothing.clone()).await;
        let (Verdict::Committed(receipt) | Verdict::Repeated(receipt)) = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(case.commit(nothing).await, Verdict::Repeated(receipt.clone()));
        assert_eq!(
            case.commit(full(case.stream, code)).await,
            Verdict::Repeated(receipt),
            "a late repetition that could act now does not"
        );
    }
    case.holds(0).await;
}

#[tokio::test]
async fn a_commit_that_was_lost_is_done_again() {
    let case = Case::new().await;
    case.log.fault.commit_lost.store(2, Ordering::SeqCst);
    assert!(matches!(
        case.commit(full(case.stream, 1)).await,
        Verdict::Committed(_)
    ));
    assert!(matches!(
        case.commit(full(case.stream, 2)).await,
        Verdict::Committed(_)
    ));
    case.holds(4).await;
}

#[tokio::test]
async fn a_doubtful_batch_is_answered_append_by_append() {
    let case = Case::new().await;
    let first = full(case.stream, 1);
    let mut stale = full(case.stream, 2);
    stale.conditions[0].version = 9;
    let mut repeated = full(case.stream, 3);
    repeated.command = first.command;
    case.log.fault.answer_lost.store(1, Ordering::SeqCst);
    let verdicts = case
        .log
        .commit(vec![first, stale, full(case.stream, 1), repeated])
        .await;
    assert!(matches!(&verdicts[0], Verdict::Committed(_)), "{verdicts:?}");
    assert!(
        matches!(&verdicts[1], Verdict::Conflict { found: 0, .. }),
        "{verdicts:?}"
    );
    for again in &verdicts[2..] {
        assert!(matches!(again, Verdict::Repeated(_)), "{verdicts:?}");
    }
    case.holds(2).await;
}

#[tokio::test]
async fn in_doubt_nobody_is_told_where_the_streams_end_until_the_file_is_read_anew() {
    let case = Case::new().await;
    assert!(case.log.health().await.is_ok());
    // It lands, its answer is lost, and then the file stays away for longer than we are patient.
    case.log.fault.answer_lost.store(1, Ordering::SeqCst);
    case.log.fault.not_openable.store(100, Ordering::SeqCst);
    assert!(matches!(
        case.commit(full(case.stream, 1)).await,
        Verdict::Unavailable(_)
    ));
    assert!(case.log.health().await.is_err());
    assert!(
        case.log.heads(Mark::default()).await.is_err(),
        "a follower must not believe that it is up to date"
    );
    assert!(case.log.head(case.stream).await.is_err());

    case.log.fault.not_openable.store(0, Ordering::SeqCst);
    assert!(
        case.log.health().await.is_ok(),
        "it finds out by itself, though nobody appends"
    );
    assert_eq!(
        case.log.head(case.stream).await.map(|head| head.seq).ok(),
        Some(2)
    );
}

#[tokio::test]
async fn a_disk_that_stays_away_is_told_and_returns() {
    let case = Case::new().await;
    case.log.fault.commit_lost.store(1, Ordering::SeqCst);
    case.log.fault.not_openable.store(100, Ordering::SeqCst);
    let verdict = case.commit(full(case.stream, 1)).await;
    assert!(
        matches!(&verdict, Verdict::Unavailable(text) if text.contains("not known")),
        "{verdict:?}"
    );
    let verdict = case.commit(full(case.stream, 2)).await;
    assert!(
        matches!(&verdict, Verdict::Unavailable(text) if !text.contains("not known")),
        "{verdict:?}"
    );
    case.log.fault.not_openable.store(0, Ordering::SeqCst);
    assert!(matches!(
        case.commit(full(case.stream, 3)).await,
        Verdict::Committed(_)
    ));
    case.holds(2).await;
}

#[tokio::test]
async fn a_full_disk_refuses_and_resumes_when_there_is_room() {
    let case = Case::new().await;
    assert!(matches!(
        case.commit(full(case.stream, 1)).await,
        Verdict::Committed(_)
    ));
    case.log.fault.no_room.store(1, Ordering::SeqCst);
    let large = |code| {
        let mut append = full(case.stream, code);
        append.events[0].body = vec![b'x'; 100_000];
        append
    };
    for code in 2..5 {
        let verdict = case.commit(large(code)).await;
        assert_eq!(verdict, Verdict::Unavailable("the disk is full".to_owned()));
    }
    case.holds(2).await;
    case.log.fault.no_room.store(0, Ordering::SeqCst);
    assert!(matches!(case.commit(large(5)).await, Verdict::Committed(_)));
    case.holds(4).await;
}

#[tokio::test]
async fn what_is_damaged_refuses_those_who_ask_for_it_and_nobody_else() {
    let case = Case::new().await;
    for code in 1..=2 {
        let verdict = case.commit(full(case.stream, code)).await;
        assert!(matches!(verdict, Verdict::Committed(_)), "{verdict:?}");
    }
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(case.folder.path().join("log.db"));
    let mut raw = options.connect().await.unwrap();
    let (command, claim) = (vec![1; 32], rows::claim_key(ClaimKind::LoginName, &[2; 32]));
    for (statement, key) in [
        ("UPDATE command SET receipt = '{' WHERE id = ?", command),
        ("UPDATE claim SET holder = 'nobody' WHERE digest = ?", claim),
    ] {
        let damage = sqlx::query(statement).bind(key).execute(&mut raw);
        assert_eq!(damage.await.unwrap().rows_affected(), 1);
    }

    let mut taken = full(case.stream, 4);
    taken.claims = full(case.stream, 2).claims;
    let appends = vec![
        full(case.stream, 5),
        full(case.stream, 1),
        full(Stream::facts(RealmId(id())), 6),
        taken,
        full(case.stream, 7),
    ];
    let verdicts = case.log.commit(appends).await;
    for (index, verdict) in verdicts.iter().enumerate() {
        match verdict {
            Verdict::Committed(_) => assert!(index % 2 == 0, "{verdicts:?}"),
            Verdict::Unavailable(_) => assert!(index % 2 == 1, "{verdicts:?}"),
            _ => panic!("{verdicts:?}"),
        }
    }
    case.holds(8).await;
    assert!(case.log.health().await.is_ok());
}

#[tokio::test]
async fn a_closed_log_is_a_single_file() {
    let case = Case::new().await;
    assert!(matches!(
        case.commit(full(case.stream, 1)).await,
        Verdict::Committed(_)
    ));
    case.holds(2).await;
    case.log.close().await;
    let mut left: Vec<_> = std::fs::read_dir(case.folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(
        left,
        ["log.db", "log.db.lock"],
        "the write-ahead log is in the file"
    );
}

#[tokio::test]
async fn what_is_not_a_log_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    std::fs::write(&path, vec![b'x'; 8_192]).unwrap();
    let opened = SqliteLog::open(&path, FrozenClock::at(START), Arc::new(SystemRandom)).await;
    assert!(matches!(opened, Err(LogError::Corrupt(text)) if text.contains("log.db")));
    let missing = SqliteLog::open_read_only(&folder.path().join("none.db")).await;
    assert!(matches!(missing, Err(LogError::Unavailable(text)) if text.contains("none.db")));
}
