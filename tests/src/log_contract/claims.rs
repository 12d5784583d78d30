//! Claims: names that are one holder's, and things that are used once.

use super::*;

async fn holder(log: &Arc<dyn Log>, stream: Stream, digest: &Digest) -> Option<Uuid> {
    log.claimed(stream, ClaimKind::LoginName, digest).await.unwrap()
}

/// A name is its holder's until released, and then free for another.
pub async fn a_held_claim_is_one_holders_until_released(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let (a, b) = (user(), user());
    let name = digest();
    let taken = Verdict::Claimed {
        kind: ClaimKind::LoginName,
        holder: a.id,
    };
    let not_held = Verdict::NotHeld {
        kind: ClaimKind::LoginName,
    };

    assert_eq!(
        one(&log, with_claims(change(stream, a, 0), [release(name, a.id)])).await,
        not_held
    );
    committed(&log, with_claims(change(stream, a, 0), [hold(name, a.id)])).await;
    assert_eq!(holder(&log, stream, &name).await, Some(a.id));
    assert_eq!(
        log.claimed(stream, ClaimKind::ClientId, &name).await.unwrap(),
        None,
        "kinds are name spaces"
    );

    assert_eq!(
        one(&log, with_claims(change(stream, b, 0), [hold(name, b.id)])).await,
        taken
    );
    assert_eq!(
        one(&log, with_claims(change(stream, b, 0), [release(name, b.id)])).await,
        not_held
    );
    committed(&log, with_claims(change(stream, a, 1), [hold(name, a.id)])).await;

    committed(&log, with_claims(change(stream, a, 2), [release(name, a.id)])).await;
    assert_eq!(holder(&log, stream, &name).await, None);
    committed(&log, with_claims(change(stream, b, 0), [hold(name, b.id)])).await;
    assert_eq!(holder(&log, stream, &name).await, Some(b.id));
    log.close().await;
}

/// Of many who want one name exactly one gets it, and the others are told who.
pub async fn one_of_100_racers_for_a_name_wins(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let name = digest();
    let racers = (0..100)
        .map(|_| user())
        .map(|u| with_claims(change(stream, u, 0), [hold(name, u.id)]));
    let verdicts = race(&log, racers.collect()).await;
    assert_eq!(winners(&verdicts), 1);
    let winner = holder(&log, stream, &name).await.unwrap();
    assert!(verdicts.iter().all(|verdict| match verdict {
        Verdict::Committed(receipt) => receipt.id == winner,
        Verdict::Claimed { holder, .. } => *holder == winner,
        _ => false,
    }));
    log.close().await;
}

/// Claims change in order, so one append can take a name from one and give it to another.
pub async fn a_name_changes_hands_within_one_append(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let (a, b) = (user(), user());
    let name = digest();
    committed(&log, with_claims(change(stream, a, 0), [hold(name, a.id)])).await;
    committed(
        &log,
        with_claims(change(stream, b, 0), [release(name, a.id), hold(name, b.id)]),
    )
    .await;
    assert_eq!(holder(&log, stream, &name).await, Some(b.id));

    // And within one batch, by several appends.
    let verdicts = log
        .commit(vec![
            with_claims(change(stream, b, 1), [release(name, b.id)]),
            with_claims(change(stream, a, 1), [hold(name, a.id)]),
            with_claims(change(stream, b, 2), [hold(name, b.id)]),
            with_claims(change(stream, a, 2), [release(name, a.id)]),
        ])
        .await;
    assert_eq!(winners(&verdicts), 3);
    assert_eq!(
        verdicts[2],
        Verdict::Claimed {
            kind: ClaimKind::LoginName,
            holder: a.id
        }
    );
    assert_eq!(holder(&log, stream, &name).await, None);
    log.close().await;
}

/// What is spent stays spent: for its spender too, after its expiry, and after a restart.
pub async fn a_spent_claim_never_returns(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::activity(realm());
    let code = digest();
    let (a, b) = (id(), id());
    let verdicts = race(
        &log,
        (0..100)
            .map(|_| with_claims(note(stream), [spend(code, a)]))
            .collect(),
    )
    .await;
    assert_eq!(winners(&verdicts), 1);
    let spent = Verdict::Claimed {
        kind: ClaimKind::Code,
        holder: a,
    };
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == spent).count(), 99);
    log.close().await;

    engine.clock().advance(30 * 86_400);
    let log = engine.open().await.unwrap();
    assert_eq!(
        one(&log, with_claims(note(stream), [spend(code, b)])).await,
        spent
    );
    let held = ClaimChange::Hold {
        kind: ClaimKind::Code,
        digest: code,
        holder: a,
    };
    assert_eq!(one(&log, with_claims(note(stream), [held])).await, spent);
    let released = ClaimChange::Release {
        kind: ClaimKind::Code,
        digest: code,
        holder: a,
    };
    assert_eq!(
        one(&log, with_claims(note(stream), [released])).await,
        Verdict::NotHeld {
            kind: ClaimKind::Code
        }
    );
    assert_eq!(
        log.claimed(stream, ClaimKind::Code, &code).await.unwrap(),
        Some(a)
    );
    log.close().await;
}

/// The same digest in another stream is another claim.
pub async fn claims_belong_to_their_realm(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let (here, there) = (Stream::facts(realm()), Stream::facts(realm()));
    let (a, b) = (user(), user());
    let name = digest();
    committed(&log, with_claims(change(here, a, 0), [hold(name, a.id)])).await;
    assert_eq!(holder(&log, there, &name).await, None);
    committed(&log, with_claims(change(there, b, 0), [hold(name, b.id)])).await;
    assert_eq!(holder(&log, here, &name).await, Some(a.id));
    log.close().await;
}

/// If one claim of an append is refused, none of it is done.
pub async fn a_refused_claim_leaves_no_trace(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let (a, b) = (user(), user());
    let (taken, free) = (digest(), digest());
    committed(&log, with_claims(change(stream, a, 0), [hold(taken, a.id)])).await;
    let verdict = one(
        &log,
        with_claims(change(stream, b, 0), [hold(free, b.id), hold(taken, b.id)]),
    )
    .await;
    assert_eq!(
        verdict,
        Verdict::Claimed {
            kind: ClaimKind::LoginName,
            holder: a.id
        }
    );
    assert_eq!(holder(&log, stream, &free).await, None);
    assert_eq!(seqs(&log, stream).await, [1]);
    committed(&log, with_claims(change(stream, a, 1), [hold(free, a.id)])).await;
    log.close().await;
}
