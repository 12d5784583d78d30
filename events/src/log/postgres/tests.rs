//! What is PostgreSQL's own: connections that are cut at the worst moment, nodes that hang in the middle, servers that end what
//! takes too long. No false acknowledgement, nothing twice, nothing lost, and on again after.

mod failover;

use std::{collections::HashSet, time::Duration};

use sqlx::{Connection, PgConnection};

use super::*;
use crate::{
    clock::{FrozenClock, SystemRandom},
    envelope::{Actor, hex},
    ids::{EventId, RealmId},
    log::{ClaimChange, CommandKey, Condition, NewEvent, verify::verify_stream},
    subject::SubjectKind,
};
use scratch::{Cut, Proxy};

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

/// Everything that an append can carry: two events, a name, a command.
fn full(stream: Stream, code: u8) -> Append {
    let subject = Subject::new(SubjectKind::User, id());
    Append {
        stream,
        conditions: vec![Condition { subject, version: 0 }],
        claims: vec![ClaimChange::Hold {
            kind: ClaimKind::LoginName,
            digest: [code; 32],
            holder: subject.id,
        }],
        events: vec![event(subject), event(subject)],
        command: Some(CommandKey {
            id: [code; 32],
            body: [0; 32],
        }),
        target: subject.id,
    }
}

/// One node, which reaches the database by a way that can be cut.
struct Case {
    place: scratch::Database,
    proxy: Proxy,
    log: Arc<PostgresLog>,
    stream: Stream,
}

impl Case {
    async fn new() -> Option<Self> {
        let place = scratch::Database::create()?;
        let proxy = Proxy::to(place.url()).await;
        let log = open(proxy.url()).await;
        let stream = Stream::facts(RealmId(id()));
        Some(Self {
            place,
            proxy,
            log,
            stream,
        })
    }

    async fn raw(&self) -> PgConnection {
        PgConnection::connect(self.place.url()).await.unwrap()
    }

    async fn commit(&self, append: Append) -> Verdict {
        self.log.commit(vec![append]).await.remove(0)
    }

    async fn committed(&self, append: Append) -> Receipt {
        match self.commit(append).await {
            Verdict::Committed(receipt) => receipt,
            other => panic!("{other:?}"),
        }
    }

    /// The stream is sound and has so many events.
    async fn holds(&self, events: u64) {
        let report = verify_stream(self.log.as_ref(), self.stream).await.unwrap();
        assert_eq!((report.events, report.findings), (events, Vec::new()));
        assert_eq!(self.log.head(self.stream).await.unwrap().seq, events);
    }
}

async fn open(url: &str) -> Arc<PostgresLog> {
    let database = url.parse().unwrap();
    PostgresLog::open(&database, FrozenClock::at(START), Arc::new(SystemRandom))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_during_commit_loses_nothing_and_does_nothing_twice() {
    let Some(case) = Case::new().await else { return };
    case.committed(full(case.stream, 1)).await;
    let mut code = 2;
    for cut in [Cut::BeforeCommit, Cut::AfterCommit] {
        for _ in 0..5 {
            case.proxy.cut_next(cut);
            let append = full(case.stream, code);
            let receipt = case.committed(append.clone()).await;
            assert!(case.proxy.has_cut(), "it was cut: {cut:?}");
            assert_eq!(receipt.version, 2);
            assert_eq!(receipt.position.seq, u64::from(code) * 2);
            assert_eq!(
                case.commit(append).await,
                Verdict::Repeated(receipt),
                "the receipt is the one that was stored"
            );
            code += 1;
        }
    }
    case.holds(22).await;
    case.log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streams_first_commit_may_be_in_doubt() {
    let Some(mut case) = Case::new().await else { return };
    for (code, cut) in [(1, Cut::BeforeCommit), (2, Cut::AfterCommit)] {
        case.stream = Stream::facts(RealmId(id()));
        case.proxy.cut_next(cut);
        assert_eq!(case.committed(full(case.stream, code)).await.position.seq, 2);
        case.holds(2).await;
    }
    case.log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_changes_nothing_is_remembered_whatever_its_commit_answers() {
    let Some(case) = Case::new().await else { return };
    for (code, cut) in [(1, Cut::BeforeCommit), (2, Cut::AfterCommit)] {
        let mut nothing = full(case.stream, code);
        nothing.events.clear();
        nothing.claims.clear();
        case.proxy.cut_next(cut);
        let verdict = case.commit(nothing.clone()).await;
        let (Verdict::Committed(receipt) | Verdict::Repeated(receipt)) = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(case.commit(nothing).await, Verdict::Repeated(receipt.clone()));
        let late = full(case.stream, code);
        assert_eq!(case.commit(late).await, Verdict::Repeated(receipt));
    }
    case.holds(0).await;
    case.log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubtful_batch_is_answered_append_by_append() {
    let Some(case) = Case::new().await else { return };
    let first = full(case.stream, 1);
    let mut stale = full(case.stream, 2);
    stale.conditions[0].version = 9;
    let mut repeated = full(case.stream, 3);
    repeated.command = first.command;
    case.proxy.cut_next(Cut::AfterCommit);
    let verdicts = case.log.commit(vec![first, stale, repeated]).await;
    assert!(case.proxy.has_cut());
    assert!(matches!(&verdicts[0], Verdict::Committed(_)), "{verdicts:?}");
    assert!(
        matches!(&verdicts[1], Verdict::Conflict { found: 0, .. }),
        "{verdicts:?}"
    );
    assert!(matches!(&verdicts[2], Verdict::Repeated(_)), "{verdicts:?}");
    case.holds(2).await;
    case.log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_ended_under_load_lose_and_double_nothing() {
    let Some(case) = Case::new().await else { return };
    let streams: Vec<Stream> = (0..20).map(|_| Stream::facts(RealmId(id()))).collect();
    let writers: Vec<_> = (0..64_usize)
        .map(|writer| {
            let (log, stream) = (case.log.clone(), streams[writer % streams.len()]);
            tokio::spawn(async move {
                let (mut acknowledged, mut unknown) = (Vec::new(), Vec::new());
                for _ in 0..25 {
                    let mut append = full(stream, 0);
                    append.claims.clear();
                    append.command = None;
                    let first = append.events[0].id;
                    match log.commit(vec![append]).await.remove(0) {
                        Verdict::Committed(receipt) => acknowledged.push((receipt.position, first)),
                        Verdict::Unavailable(text) if text.contains("not known") => unknown.push(first),
                        Verdict::Unavailable(_) => {}
                        other => panic!("{other:?}"),
                    }
                }
                (acknowledged, unknown)
            })
        })
        .collect();
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        case.place.cut();
    }
    let (mut acknowledged, mut unknown) = (Vec::new(), HashSet::new());
    for writer in writers {
        let (known, doubtful) = writer.await.unwrap();
        acknowledged.extend(known);
        unknown.extend(doubtful);
    }
    let mut there = HashSet::new();
    for stream in streams {
        let events = case.log.read(stream, 0, usize::MAX).await.unwrap();
        for (index, event) in events.iter().enumerate() {
            assert_eq!(event.entry.seq, index as u64 + 1, "gapless");
            assert!(there.insert(event.entry.id), "nothing twice");
        }
        for (position, first) in acknowledged
            .iter()
            .filter(|(position, _)| position.stream == stream)
        {
            let place = usize::try_from(position.seq).unwrap() - 2;
            assert_eq!(events[place].entry.id, *first, "where its receipt says");
        }
    }
    assert!(!acknowledged.is_empty());
    assert!(there.len() >= acknowledged.len() * 2 && there.len() <= (acknowledged.len() + unknown.len()) * 2);
    case.log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_server_is_told_and_returns_within_five_seconds() {
    let Some(case) = Case::new().await else { return };
    case.committed(full(case.stream, 1)).await;
    case.proxy.close();
    let verdict = case.commit(full(case.stream, 2)).await;
    assert!(
        matches!(&verdict, Verdict::Unavailable(text) if !text.contains("not known")),
        "{verdict:?}"
    );
    assert!(
        case.log.heads(Mark::default()).await.is_err(),
        "a follower must not believe that it is up to date"
    );
    assert!(case.log.health().await.is_err());

    case.proxy.open();
    let returned = Instant::now();
    case.committed(full(case.stream, 2)).await;
    while case.log.health().await.is_err() || case.log.heads(Mark::default()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        returned.elapsed() < Duration::from_secs(5),
        "{:?}",
        returned.elapsed()
    );
    case.holds(4).await;
    case.log.close().await;
}

#[tokio::test]
async fn nobody_waits_for_a_silent_server_longer_than_half_a_minute() {
    let Some(case) = Case::new().await else { return };
    case.committed(full(case.stream, 1)).await;
    case.proxy.silence();
    // From here on time passes when nothing else does.
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let behind = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        case.commit(full(case.stream, 3)).await
    };
    let (first, behind) = tokio::join!(case.commit(full(case.stream, 2)), behind);
    let waited = begun.elapsed();
    for verdict in [first, behind] {
        assert!(
            matches!(&verdict, Verdict::Unavailable(text) if !text.contains("not known")),
            "{verdict:?}"
        );
    }
    assert!(
        (25..32).contains(&waited.as_secs()),
        "who waits behind does not wait anew: {waited:?}"
    );
    tokio::time::resume();
    case.proxy.end_silence();
    tokio::time::sleep(Duration::from_millis(200)).await;
    case.committed(full(case.stream, 3)).await;
    case.holds(4).await;
    case.log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appender_leaves_sweeping_to_the_pool() {
    let Some(case) = Case::new().await else { return };
    case.committed(full(case.stream, 1)).await;
    let late = START.after_seconds(100_000);
    for appender in &case.log.writers.as_ref().unwrap().appenders {
        assert_eq!(appender.queue.chore(Chore::Sweep(late)).await.unwrap(), 0);
    }
    assert_eq!(
        case.log.sweep(late).await.unwrap(),
        1,
        "the command was still there"
    );
    case.log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_a_dead_node_left_is_waited_for() {
    let Some(case) = Case::new().await else { return };
    case.committed(full(case.stream, 1)).await;
    let mut dead = case.raw().await;
    sqlx::raw_sql("BEGIN; SELECT * FROM chancery_log.stream FOR NO KEY UPDATE")
        .execute(&mut dead)
        .await
        .unwrap();
    let waiting = {
        let (log, append) = (case.log.clone(), full(case.stream, 2));
        tokio::spawn(async move { log.commit(vec![append]).await.remove(0) })
    };
    let other = Stream::facts(RealmId(Uuid::from_u128(case.stream.realm.0.as_u128() + 1)));
    case.committed(full(other, 9)).await;
    assert!(!waiting.is_finished(), "its own realm waits, another does not");
    // The server ends it before long (`idle_in_transaction_session_timeout`); the lock is waited for anew until then.
    tokio::time::sleep(Duration::from_secs(6)).await;
    dead.close().await.unwrap();
    assert!(matches!(waiting.await.unwrap(), Verdict::Committed(_)));
    case.holds(4).await;
    case.log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_writes_is_told_and_nothing_is_committed() {
    let Some(case) = Case::new().await else { return };
    case.committed(full(case.stream, 1)).await;
    let mut raw = case.raw().await;
    // As a replica is, to which the address leads after a failover.
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "ALTER DATABASE {} SET default_transaction_read_only = on",
        case.place.name()
    )))
    .execute(&mut raw)
    .await
    .unwrap();
    case.place.cut();
    let verdict = case.commit(full(case.stream, 2)).await;
    assert!(
        matches!(&verdict, Verdict::Unavailable(text) if text.contains("read-only") && !text.contains("not known")),
        "{verdict:?}"
    );
    let mut raw = case.raw().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "BEGIN READ WRITE; ALTER DATABASE {} RESET default_transaction_read_only; COMMIT",
        case.place.name()
    )))
    .execute(&mut raw)
    .await
    .unwrap();
    case.committed(full(case.stream, 3)).await;
    case.holds(4).await;
    case.log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_ends_is_tried_again() {
    let Some(case) = Case::new().await else { return };
    case.committed(full(case.stream, 1)).await;
    let mut raw = case.raw().await;
    // The next two batches are cancelled as a statement timeout cancels them, the third as a deadlock.
    sqlx::raw_sql(
        "CREATE SEQUENCE public.tries;
        CREATE FUNCTION public.hinder() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            CASE nextval('public.tries')
                WHEN 1, 2 THEN RAISE EXCEPTION 'injected' USING ERRCODE = 'query_canceled';
                WHEN 3 THEN RAISE EXCEPTION 'injected' USING ERRCODE = 'deadlock_detected';
                WHEN 5 THEN RAISE EXCEPTION 'injected' USING ERRCODE = 'disk_full';
                ELSE RETURN NULL;
            END CASE;
        END $$;
        CREATE TRIGGER hinder AFTER INSERT ON chancery_log.event EXECUTE FUNCTION public.hinder()",
    )
    .execute(&mut raw)
    .await
    .unwrap();
    case.committed(full(case.stream, 2)).await;
    let verdict = case.commit(full(case.stream, 3)).await;
    assert!(
        matches!(&verdict, Verdict::Unavailable(text) if text.contains("disk is full")),
        "{verdict:?}"
    );
    case.committed(full(case.stream, 3)).await;
    case.holds(6).await;
    case.log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_seen_though_its_transaction_began_before_others_that_ended() {
    let Some(case) = Case::new().await else { return };
    case.committed(full(case.stream, 1)).await;
    let other = Stream::facts(RealmId(id()));
    case.committed(full(other, 2)).await;
    // An old transaction, which has its id already, moves a stream only after younger ones have come and gone.
    let mut old = case.raw().await;
    let begun = "BEGIN; SELECT pg_current_xact_id()";
    sqlx::raw_sql(begun).execute(&mut old).await.unwrap();
    case.committed(full(case.stream, 3)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let Moved { mark, .. } = case.log.heads(Mark::default()).await.unwrap();
    sqlx::raw_sql(
        "UPDATE chancery_log.stream SET seq = seq + 1, xid = pg_current_xact_id() WHERE seq = 2; COMMIT",
    )
    .execute(&mut old)
    .await
    .unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let told = case.log.heads(mark).await.unwrap().heads;
    assert_eq!(
        told,
        [Head {
            stream: other,
            seq: 3
        }]
    );
    case.log.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_refuses_those_who_ask_for_it_and_nobody_else() {
    let Some(case) = Case::new().await else { return };
    for code in 1..=2 {
        case.committed(full(case.stream, code)).await;
    }
    let other = Stream::facts(RealmId(id()));
    case.committed(full(other, 3)).await;
    let damage = format!(
        "UPDATE chancery_log.command SET receipt = '{{' WHERE id = '\\x{}';
        UPDATE chancery_log.claim SET holder = 'nobody' WHERE digest = '\\x{}';
        UPDATE chancery_log.stream SET seq = -1 WHERE realm = '\\x{}'",
        hex(&[1; 32]),
        hex(&claim_key(ClaimKind::LoginName, &[2; 32])),
        hex(other.realm.0.as_bytes()),
    );
    let damage = sqlx::raw_sql(sqlx::AssertSqlSafe(damage));
    damage.execute(&mut case.raw().await).await.unwrap();

    let mut taken = full(case.stream, 4);
    taken.claims = full(case.stream, 2).claims;
    let appends = vec![
        full(case.stream, 5),
        full(case.stream, 1),
        full(Stream::facts(RealmId(id())), 6),
        taken,
        full(other, 7),
        full(case.stream, 8),
    ];
    let begun = Instant::now();
    let verdicts = case.log.commit(appends).await;
    for (index, verdict) in verdicts.iter().enumerate() {
        match verdict {
            Verdict::Committed(_) => assert!([0, 2, 5].contains(&index), "{verdicts:?}"),
            Verdict::Unavailable(text) => {
                assert!(
                    [1, 3, 4].contains(&index) && text.contains("damaged"),
                    "{verdicts:?}"
                );
            }
            _ => panic!("{verdicts:?}"),
        }
    }
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "damage is not waited for"
    );
    case.holds(8).await;
    assert!(case.log.health().await.is_ok());
    case.log.close().await;
}

#[tokio::test]
async fn what_is_no_log_is_refused() {
    let Some(place) = scratch::Database::create() else {
        return;
    };
    let opened = PostgresLog::open_read_only(&place.url().parse().unwrap()).await;
    assert!(matches!(opened, Err(LogError::Unavailable(text)) if text.contains("holds no log")));
    let nowhere = "postgres://chancery@127.0.0.1:1/none".parse().unwrap();
    let opened = PostgresLog::open(&nowhere, FrozenClock::at(START), Arc::new(SystemRandom)).await;
    assert!(matches!(opened, Err(LogError::Unavailable(text)) if text.contains("127.0.0.1:1")));
}
