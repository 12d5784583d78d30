//! Command keys: what is sent twice is done once.

use super::*;

/// A repetition is answered with the first receipt, even if its append could no longer be committed.
pub async fn a_repeated_command_is_answered_as_before(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let subject = user();
    let (key, body) = (digest(), digest());
    assert_eq!(log.receipt(stream, &key).await.unwrap(), None);
    let first = committed(&log, with_command(change(stream, subject, 0), key, body)).await;
    committed(&log, change(stream, subject, 1)).await;
    let again = one(&log, with_command(change(stream, subject, 0), key, body)).await;
    assert_eq!(again, Verdict::Repeated(first.clone()));
    let mut nothing = with_command(note(stream), key, body);
    nothing.events.clear();
    assert_eq!(
        one(&log, nothing).await,
        Verdict::Repeated(first.clone()),
        "the key is judged first"
    );
    assert_eq!(log.receipt(stream, &key).await.unwrap(), Some((body, first)));
    let elsewhere = Stream::facts(realm());
    assert_eq!(log.receipt(elsewhere, &key).await.unwrap(), None);
    assert_eq!(seqs(&log, stream).await, [1, 2]);
    log.close().await;
}

/// The same key with another body is a mistake of the caller.
pub async fn a_command_key_with_another_body_is_refused(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let key = digest();
    let verdicts = log
        .commit(vec![
            with_command(note(stream), key, [1; 32]),
            with_command(note(stream), key, [2; 32]),
            with_command(note(stream), key, [1; 32]),
        ])
        .await;
    let Verdict::Committed(first) = &verdicts[0] else {
        panic!("{:?}", verdicts[0])
    };
    assert_eq!(verdicts[1], Verdict::CommandReused);
    assert_eq!(verdicts[2], Verdict::Repeated(first.clone()));
    assert_eq!(
        one(&log, with_command(note(stream), key, [2; 32])).await,
        Verdict::CommandReused
    );
    assert_eq!(seqs(&log, stream).await, [1]);
    log.close().await;
}

/// Many repetitions at once: one is committed, and all are answered alike.
pub async fn a_command_repeated_in_parallel_is_done_once(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let (key, body, subject) = (digest(), digest(), user());
    let senders = (0..100)
        .map(|_| with_command(change(stream, subject, 0), key, body))
        .collect();
    let verdicts = race(&log, senders).await;
    assert_eq!(winners(&verdicts), 1);
    let receipts: Vec<&Receipt> = verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Committed(receipt) | Verdict::Repeated(receipt) => receipt,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(receipts.windows(2).all(|pair| pair[0] == pair[1]));
    log.close().await;
}

/// A repetition after a restart is still known.
pub async fn a_command_outlives_a_restart(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let (key, body) = (digest(), digest());
    let first = committed(&log, with_command(note(stream), key, body)).await;
    log.close().await;
    let log = engine.open().await.unwrap();
    assert_eq!(
        one(&log, with_command(note(stream), key, body)).await,
        Verdict::Repeated(first)
    );
    assert_eq!(
        one(&log, with_command(note(stream), key, digest())).await,
        Verdict::CommandReused
    );
    log.close().await;
}

/// A command that was refused may be sent again under its key, corrected.
pub async fn a_refused_command_is_not_remembered(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let (key, subject) = (digest(), user());
    let refused = one(&log, with_command(change(stream, subject, 3), key, [1; 32])).await;
    assert_eq!(refused, Verdict::Conflict { subject, found: 0 });
    assert_eq!(log.receipt(stream, &key).await.unwrap(), None);
    committed(&log, with_command(change(stream, subject, 0), key, [2; 32])).await;
    log.close().await;
}

/// A command that changes nothing, on a subject at a version.
fn nothing(stream: Stream, subject: Subject, version: u64, key: Digest, body: Digest) -> Append {
    let mut append = with_command(change(stream, subject, version), key, body);
    append.events.clear();
    append
}

/// A command that changes nothing is remembered like any other, and moves nothing.
pub async fn a_command_that_changes_nothing_is_remembered(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let (subject, other) = (user(), user());
    committed(&log, change(stream, subject, 0)).await;
    committed(&log, change(stream, other, 0)).await;
    committed(&log, change(stream, subject, 1)).await;
    let Moved { mark, .. } = log.heads(Mark::default()).await.unwrap();
    let (key, body) = (digest(), digest());
    let mut append = nothing(stream, subject, 2, key, body);
    let beside = Condition {
        subject: other,
        version: 1,
    };
    append.conditions.insert(0, beside);
    let first = committed(&log, append.clone()).await;
    assert_eq!(
        (first.id, first.version, first.position.seq, &first.events),
        (subject.id, 2, 3, &Vec::new())
    );
    assert_eq!(
        log.receipt(stream, &key).await.unwrap(),
        Some((body, first.clone()))
    );
    assert_eq!(log.head(stream).await.unwrap().seq, 3);
    assert!(log.heads(mark).await.unwrap().heads.is_empty(), "no stream moved");

    // Later it would have something to do, and is not done.
    committed(&log, change(stream, subject, 2)).await;
    let late = with_command(change(stream, subject, 3), key, body);
    assert_eq!(one(&log, late).await, Verdict::Repeated(first.clone()));
    assert_eq!(one(&log, append).await, Verdict::Repeated(first.clone()));
    log.close().await;

    let log = engine.open().await.unwrap();
    let late = with_command(change(stream, subject, 3), key, body);
    assert_eq!(one(&log, late).await, Verdict::Repeated(first));
    let other_body = with_command(change(stream, subject, 3), key, digest());
    assert_eq!(one(&log, other_body).await, Verdict::CommandReused);
    assert_eq!(
        one(&log, nothing(stream, subject, 3, key, digest())).await,
        Verdict::CommandReused
    );
    assert_eq!(seqs(&log, stream).await, [1, 2, 3, 4]);
    assert_eq!(log.sweep(START.after_seconds(86_400)).await.unwrap(), 1);
    committed(&log, change(stream, subject, 3)).await;
    log.close().await;
}

/// Also where the stream has no events yet: it stays empty, for followers too, until something happens.
pub async fn a_command_that_changes_nothing_may_be_a_streams_first(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let (subject, key, second, body) = (user(), digest(), digest(), digest());
    let verdicts = log
        .commit(vec![
            nothing(stream, subject, 0, key, body),
            nothing(stream, subject, 0, key, body),
            nothing(stream, subject, 0, key, digest()),
        ])
        .await;
    let Verdict::Committed(first) = &verdicts[0] else {
        panic!("{verdicts:?}")
    };
    assert_eq!((first.version, first.position.seq), (0, 0));
    assert_eq!(
        verdicts[1..],
        [Verdict::Repeated(first.clone()), Verdict::CommandReused]
    );
    assert_eq!(log.head(stream).await.unwrap().seq, 0);
    let Moved { heads, .. } = log.heads(Mark::default()).await.unwrap();
    assert!(heads.is_empty(), "{heads:?}");
    log.close().await;

    let log = engine.open().await.unwrap();
    let Moved { mark, heads, .. } = log.heads(Mark::default()).await.unwrap();
    assert!(heads.is_empty(), "{heads:?}");
    let mut untargeted = nothing(stream, subject, 0, second, body);
    untargeted.target = id();
    let changed = change(stream, subject, 0);
    let verdicts = log.commit(vec![untargeted, changed]).await;
    assert_eq!(winners(&verdicts), 2, "{verdicts:?}");
    let Moved { heads, .. } = log.heads(mark).await.unwrap();
    assert_eq!(heads.iter().map(|head| head.seq).collect::<Vec<_>>(), [1]);
    assert_eq!(
        one(&log, nothing(stream, subject, 0, key, body)).await,
        Verdict::Repeated(first.clone())
    );
    assert_eq!(seqs(&log, stream).await, [1]);
    log.close().await;
}

/// That it changes nothing was decided on versions too: if one is another by now, it is refused and not remembered.
pub async fn a_command_that_changes_nothing_is_judged(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let (subject, key, body) = (user(), digest(), digest());
    committed(&log, change(stream, subject, 0)).await;
    let stale = nothing(stream, subject, 0, key, body);
    assert_eq!(one(&log, stale).await, Verdict::Conflict { subject, found: 1 });
    let mut claiming = nothing(stream, subject, 1, key, body);
    claiming.claims = vec![hold(digest(), subject.id)];
    assert!(is_malformed(&one(&log, claiming).await), "claims");
    let mut anonymous = nothing(stream, subject, 1, key, body);
    anonymous.command = None;
    assert!(is_malformed(&one(&log, anonymous).await), "no key");
    let mut foreign = nothing(stream, subject, 1, key, body);
    foreign.conditions[0].subject.kind = SubjectKind::Session;
    assert!(is_malformed(&one(&log, foreign).await), "a foreign lane");
    assert_eq!(log.receipt(stream, &key).await.unwrap(), None);
    committed(&log, with_command(change(stream, subject, 1), key, digest())).await;
    log.close().await;
}

/// The sweeper deletes spent claims after their expiry and command keys after a day; never a held name or an event.
pub async fn sweeping_deletes_what_has_expired_and_nothing_else(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let subject = user();
    let (key, body, name, code) = (digest(), digest(), digest(), digest());
    let append = with_claims(
        change(stream, subject, 0),
        [hold(name, subject.id), spend(code, subject.id)],
    );
    committed(&log, with_command(append, key, body)).await;

    assert_eq!(log.sweep(START.after_seconds(86_399)).await.unwrap(), 0);
    assert!(log.receipt(stream, &key).await.unwrap().is_some());
    assert!(
        log.claimed(stream, ClaimKind::Code, &code)
            .await
            .unwrap()
            .is_some()
    );

    assert_eq!(log.sweep(START.after_seconds(86_400)).await.unwrap(), 2);
    assert!(log.receipt(stream, &key).await.unwrap().is_none());
    assert!(
        log.claimed(stream, ClaimKind::Code, &code)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        log.claimed(stream, ClaimKind::LoginName, &name).await.unwrap(),
        Some(subject.id)
    );
    assert_eq!(seqs(&log, stream).await, [1]);
    committed(&log, with_command(note(stream), key, digest())).await;
    log.close().await;
}
