//! Appending: gapless streams, conditions, and verdicts that are each append's own.

use super::*;

/// Makes an append malformed; given a user, a session and a name.
type Damage = fn(&mut Append, Subject, Subject, Digest);

/// Streams are gapless, and every acknowledged event is where its receipt says.
pub async fn streams_are_gapless_under_256_concurrent_callers(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let streams = [
        Stream::facts(realm()),
        Stream::activity(realm()),
        Stream::facts(realm()),
    ];
    let callers: Vec<_> = (0..256)
        .map(|n| {
            let log = log.clone();
            let stream = streams[n % 3];
            tokio::spawn(async move {
                let mut receipts = Vec::new();
                for _ in 0..4 {
                    receipts.push(committed(&log, note(stream)).await);
                }
                receipts
            })
        })
        .collect();
    let mut positions = HashSet::new();
    for caller in callers {
        for receipt in caller.await.unwrap() {
            assert!(
                positions.insert((receipt.position.stream, receipt.position.seq)),
                "a place given twice"
            );
        }
    }
    assert_eq!(positions.len(), 1024);
    for stream in streams {
        let expected: Vec<u64> = (1..=log.head(stream).await.unwrap().seq).collect();
        assert_eq!(seqs(&log, stream).await, expected);
        assert!(expected.iter().all(|seq| positions.contains(&(stream, *seq))));
    }
    log.close().await;
}

/// Of many decisions on the same version exactly one is committed.
pub async fn one_of_100_racers_on_a_version_wins(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let subject = user();
    for version in 0..3 {
        let verdicts = race(&log, (0..100).map(|_| change(stream, subject, version)).collect()).await;
        assert_eq!(winners(&verdicts), 1);
        let found = version + 1;
        assert!(
            verdicts
                .iter()
                .all(|v| matches!(v, Verdict::Committed(_)) || *v == Verdict::Conflict { subject, found })
        );
    }
    assert_eq!(seqs(&log, stream).await, [1, 2, 3]);
    log.close().await;
}

/// A conflict tells which subject, and at which version it is.
pub async fn a_conflict_tells_the_version_that_was_found(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let subject = user();
    assert_eq!(
        one(&log, change(stream, subject, 4)).await,
        Verdict::Conflict { subject, found: 0 },
        "a subject that does not exist is at version 0"
    );
    assert_eq!(committed(&log, change(stream, subject, 0)).await.version, 1);
    assert_eq!(committed(&log, change(stream, subject, 1)).await.version, 2);
    for stale in [0, 1, 3] {
        assert_eq!(
            one(&log, change(stream, subject, stale)).await,
            Verdict::Conflict { subject, found: 2 }
        );
    }
    let elsewhere = Stream::facts(realm());
    assert_eq!(
        committed(&log, change(elsewhere, subject, 0)).await.version,
        1,
        "the same id in another realm is another subject"
    );
    log.close().await;
}

/// What a decision only read is guarded as well as what it changes.
pub async fn a_condition_may_guard_a_subject_that_does_not_change(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let (read, changed) = (user(), user());
    committed(&log, change(stream, read, 0)).await;
    let mut append = change(stream, changed, 0);
    append.conditions.push(Condition {
        subject: read,
        version: 0,
    });
    assert_eq!(
        one(&log, append.clone()).await,
        Verdict::Conflict {
            subject: read,
            found: 1
        }
    );
    append.conditions[1].version = 1;
    committed(&log, append).await;
    assert_eq!(log.load(stream, read, 0).await.unwrap().len(), 1);
    log.close().await;
}

/// Appends that share a transaction fail each for itself.
pub async fn one_failure_is_never_anothers(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let (a, b) = (user(), user());
    let name = digest();
    let mut empty = note(stream);
    empty.events.clear();
    let verdicts = log
        .commit(vec![
            change(stream, a, 0),
            change(stream, b, 7),
            empty,
            with_claims(change(stream, b, 0), [hold(name, b.id)]),
            with_claims(change(stream, a, 1), [hold(name, a.id)]),
            with_claims(change(stream, a, 1), [release(digest(), a.id)]),
            change(stream, a, 1),
        ])
        .await;
    assert!(matches!(verdicts[0], Verdict::Committed(_)));
    assert_eq!(verdicts[1], Verdict::Conflict { subject: b, found: 0 });
    assert!(is_malformed(&verdicts[2]));
    assert!(matches!(verdicts[3], Verdict::Committed(_)));
    assert_eq!(
        verdicts[4],
        Verdict::Claimed {
            kind: ClaimKind::LoginName,
            holder: b.id
        }
    );
    assert_eq!(
        verdicts[5],
        Verdict::NotHeld {
            kind: ClaimKind::LoginName
        }
    );
    assert!(matches!(&verdicts[6], Verdict::Committed(receipt) if receipt.version == 2));
    assert_eq!(seqs(&log, stream).await, [1, 2, 3], "losers take no seq");
    log.close().await;
}

/// Appends are judged in order, each on what those before it did.
pub async fn later_appends_of_a_call_see_the_earlier(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let subject = user();
    let verdicts = log
        .commit((0..600).map(|version| change(stream, subject, version)).collect())
        .await;
    for (seq, verdict) in (1..).zip(&verdicts) {
        assert!(
            matches!(verdict, Verdict::Committed(r) if r.version == seq && r.position.seq == seq),
            "{verdict:?}"
        );
    }
    assert!(log.commit(Vec::new()).await.is_empty());
    log.close().await;
}

/// Several events of one append follow one another in seq and in version.
pub async fn several_events_take_consecutive_versions(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let (a, b) = (user(), user());
    let mut append = change(stream, a, 0);
    append.conditions.push(Condition {
        subject: b,
        version: 0,
    });
    append.conditions.push(Condition {
        subject: b,
        version: 0,
    });
    append.events = vec![
        event(Some(a), "a.one"),
        event(Some(b), "b.one"),
        event(None, "c.one"),
        event(Some(a), "a.two"),
        event(Some(a), "a.three"),
    ];
    let receipt = committed(&log, append).await;
    assert_eq!(
        receipt.version, 3,
        "the version of the first event's subject after the append"
    );
    assert_eq!(receipt.position.seq, 5, "the place of the last event");
    assert_eq!(receipt.position.stream, stream);
    assert_eq!(receipt.position.incarnation, log.incarnation());
    assert_eq!(receipt.events, ["a.one", "b.one", "c.one", "a.two", "a.three"]);
    assert_eq!(receipt.id, a.id);
    let recorded = log.read(stream, 0, 10).await.unwrap();
    let told: Vec<_> = recorded
        .iter()
        .map(|e| (e.entry.seq, e.entry.subject.map(|s| s.version)))
        .collect();
    assert_eq!(
        told,
        [(1, Some(1)), (2, Some(1)), (3, None), (4, Some(2)), (5, Some(3))]
    );

    let mut long = change(stream, b, 1);
    long.events = (0..700).map(|_| event(Some(b), "b.more")).collect();
    assert_eq!(
        committed(&log, long).await.version,
        701,
        "more events than a statement has rows"
    );
    log.close().await;
}

/// The time recorded never goes back within a stream, whatever the clock does.
pub async fn time_never_goes_back(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    committed(&log, note(stream)).await;
    engine.clock().advance(-3_600);
    committed(&log, note(stream)).await;
    let elsewhere = Stream::activity(realm());
    committed(&log, note(elsewhere)).await;
    log.close().await;

    let log = engine.open().await.unwrap();
    committed(&log, note(stream)).await;
    engine.clock().advance(3_605);
    committed(&log, note(stream)).await;
    let times: Vec<i64> = log
        .read(stream, 0, 10)
        .await
        .unwrap()
        .iter()
        .map(|event| event.entry.time.seconds())
        .collect();
    let start = START.seconds();
    assert_eq!(times, [start, start, start, start + 5]);
    let other = &log.read(elsewhere, 0, 10).await.unwrap()[0];
    assert_eq!(
        other.entry.time.seconds(),
        start - 3_600,
        "each stream has its own time"
    );
    log.close().await;
}

/// Activity without a condition takes no version, and never races.
pub async fn activity_that_decides_nothing_never_conflicts(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::activity(realm());
    let verdicts = race(&log, (0..200).map(|_| note(stream)).collect()).await;
    assert_eq!(winners(&verdicts), 200);
    assert!(
        verdicts
            .iter()
            .all(|v| matches!(v, Verdict::Committed(receipt) if receipt.version == 0))
    );
    assert!(
        log.read(stream, 0, 500)
            .await
            .unwrap()
            .iter()
            .all(|event| event.entry.subject.is_none())
    );
    log.close().await;
}

/// Appends that break a rule of the log are refused, and leave no trace.
pub async fn malformed_appends_are_refused(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let subject = user();
    let session = Subject::new(SubjectKind::Session, id());
    let name = digest();
    let fine = || change(stream, subject, 0);
    let broken: Vec<(&str, Damage)> = vec![
        ("no events", |a, _, _, _| a.events.clear()),
        ("an unconditioned subject", |a, _, _, _| a.conditions.clear()),
        ("a subject of the other lane", |a, _, session, _| {
            a.conditions[0].subject = session;
            a.conditions[0].version = 0;
            a.events[0].subject = Some(session);
        }),
        ("a condition in the other lane", |a, _, session, _| {
            a.conditions.push(Condition {
                subject: session,
                version: 0,
            });
        }),
        ("contradicting conditions", |a, subject, _, _| {
            a.conditions.push(Condition { subject, version: 1 });
        }),
        ("an event id used twice", |a, _, _, _| {
            a.events.push(a.events[0].clone());
        }),
        ("too large a body", |a, _, _, _| {
            a.events[0].body = vec![b' '; MAX_BODY_BYTES];
        }),
        ("too large an entry", |a, _, _, _| {
            a.events[0].actor = Actor::component(&"x".repeat(65_600));
        }),
        ("a claim held twice", |a, s, _, name| {
            a.claims = vec![hold(name, s.id), hold(name, s.id)];
        }),
        ("a claim held and released", |a, s, _, name| {
            a.claims = vec![hold(name, s.id), release(name, s.id)];
        }),
        ("a claim spent twice", |a, s, _, name| {
            a.claims = vec![spend(name, s.id), spend(name, s.id)];
        }),
    ];
    for (what, damage) in broken {
        let mut append = fine();
        damage(&mut append, subject, session, name);
        let verdict = one(&log, append).await;
        assert!(is_malformed(&verdict), "{what}: {verdict:?}");
    }
    assert_eq!(log.head(stream).await.unwrap().seq, 0);
    assert_eq!(
        log.claimed(stream, ClaimKind::LoginName, &name).await.unwrap(),
        None
    );
    let mut large = fine();
    large.events[0].body = vec![b' '; MAX_BODY_BYTES - 1];
    committed(&log, large).await;
    log.close().await;
}

/// An event id that is in the log is refused, alone, and the rest of its batch is committed.
pub async fn an_event_id_is_used_once(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let first = note(stream);
    committed(&log, first.clone()).await;
    let mut again = note(stream);
    again.events[0].id = first.events[0].id;
    let fresh = note(stream);
    let mut twice = note(stream);
    twice.events[0].id = fresh.events[0].id;
    let verdicts = log.commit(vec![note(stream), again, fresh, twice]).await;
    assert!(matches!(verdicts[0], Verdict::Committed(_)));
    assert!(is_malformed(&verdicts[1]), "{:?}", verdicts[1]);
    assert!(matches!(verdicts[2], Verdict::Committed(_)));
    assert!(is_malformed(&verdicts[3]), "{:?}", verdicts[3]);
    assert_eq!(seqs(&log, stream).await, [1, 2, 3]);
    log.close().await;
}

/// A caller who is cancelled disturbs nobody, and an append is never half done.
pub async fn a_caller_who_goes_away_disturbs_nobody(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::activity(realm());
    let mut staying = Vec::new();
    for n in 0..200 {
        let caller = {
            let log = log.clone();
            tokio::spawn(async move {
                let mut append = note(stream);
                append.events.push(event(None, "thing.noted"));
                one(&log, append).await
            })
        };
        if n % 2 == 0 {
            tokio::task::yield_now().await;
            caller.abort();
        } else {
            staying.push(caller);
        }
    }
    for caller in staying {
        assert!(matches!(caller.await.unwrap(), Verdict::Committed(_)));
    }
    committed(&log, note(stream)).await;
    let seqs = seqs(&log, stream).await;
    assert!(
        seqs.len() >= 201 && seqs.len() % 2 == 1,
        "whole appends only: {}",
        seqs.len()
    );
    assert!(seqs.iter().zip(1..).all(|(seq, expected)| *seq == expected));
    log.close().await;
}

/// Closing commits what waits; what comes later is unavailable.
pub async fn a_closed_log_commits_what_waits_and_refuses_the_rest(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::activity(realm());
    let waiting = {
        let log = log.clone();
        tokio::spawn(async move { log.commit((0..500).map(|_| note(stream)).collect()).await })
    };
    committed(&log, note(stream)).await;
    let (verdicts, ()) = tokio::join!(waiting, log.close());
    let verdicts = verdicts.unwrap();
    assert!(matches!(one(&log, note(stream)).await, Verdict::Unavailable(_)));
    log.close().await;

    let log = engine.open().await.unwrap();
    assert_eq!(
        log.head(stream).await.unwrap().seq,
        1 + winners(&verdicts) as u64,
        "acknowledged, no more, no less"
    );
    log.close().await;
}
