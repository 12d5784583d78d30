//! Several nodes on one store: what holds for callers of one node holds for callers of all. Where only one process may write
//! there is nothing to show.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::*;

/// Two nodes on one store, which begin at once; nothing where only one process may write.
async fn two(engine: &impl Engine) -> Option<[Arc<dyn Log>; 2]> {
    if engine.exclusive() {
        return None;
    }
    let (a, b) = tokio::join!(engine.open(), engine.open());
    let nodes = [a.unwrap(), b.unwrap()];
    assert_eq!(
        nodes[0].incarnation(),
        nodes[1].incarnation(),
        "one of them made it"
    );
    Some(nodes)
}

async fn close(nodes: [Arc<dyn Log>; 2]) {
    for node in nodes {
        node.close().await;
    }
}

/// Sends every other append to the other node, all at once.
async fn race_on(nodes: &[Arc<dyn Log>; 2], appends: Vec<Append>) -> Vec<Verdict> {
    let (mut even, mut odd) = (Vec::new(), Vec::new());
    for (index, append) in appends.into_iter().enumerate() {
        if index % 2 == 0 { &mut even } else { &mut odd }.push(append);
    }
    let (mut verdicts, others) = tokio::join!(race(&nodes[0], even), race(&nodes[1], odd));
    verdicts.extend(others);
    verdicts
}

/// Of those who race on a version, a name, a code or a command key over two nodes, exactly one wins.
pub async fn one_of_1000_racers_over_two_nodes_wins(engine: &impl Engine) {
    let Some(nodes) = two(engine).await else { return };
    let stream = Stream::facts(realm());
    let (name, code, key, body, subject) = (digest(), digest(), digest(), digest(), user());

    let racers = (0..1_000).map(|_| user());
    let racers = racers.map(|user| with_claims(change(stream, user, 0), [hold(name, user.id)]));
    let verdicts = race_on(&nodes, racers.collect()).await;
    assert_eq!(winners(&verdicts), 1, "{verdicts:?}");
    let holder = nodes[0]
        .claimed(stream, ClaimKind::LoginName, &name)
        .await
        .unwrap()
        .unwrap();
    assert!(verdicts.iter().all(|verdict| match verdict {
        Verdict::Committed(receipt) => receipt.id == holder,
        Verdict::Claimed { holder: told, .. } => *told == holder,
        _ => false,
    }));

    let verdicts = race_on(&nodes, (0..100).map(|_| change(stream, subject, 0)).collect()).await;
    assert_eq!(winners(&verdicts), 1);
    let lost = Verdict::Conflict { subject, found: 1 };
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == lost).count(), 99);

    let racers = (0..100).map(|_| with_claims(note(stream), [spend(code, id())]));
    assert_eq!(winners(&race_on(&nodes, racers.collect()).await), 1);

    let racers = (0..100).map(|_| with_command(change(stream, subject, 1), key, body));
    let verdicts = race_on(&nodes, racers.collect()).await;
    assert_eq!(winners(&verdicts), 1);
    let receipts: HashSet<_> = verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Committed(receipt) | Verdict::Repeated(receipt) => receipt.position.seq,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(receipts.len(), 1, "all are answered alike");
    close(nodes).await;
}

/// Streams that two nodes write are gapless, their times never go back, and each receipt tells the event's place.
pub async fn a_stream_that_two_nodes_write_is_gapless(engine: &impl Engine) {
    let Some(nodes) = two(engine).await else { return };
    let realms: Vec<RealmId> = (0..5).map(|_| realm()).collect();
    let mut sent = HashMap::new();
    for round in 0..4 {
        // The clocks of nodes differ: this one goes back and forth.
        engine
            .clock()
            .advance(if round % 2 == 0 { 3_600 } else { -3_590 });
        let appends: Vec<Append> = (0..200)
            .map(|n| change(Stream::facts(realms[n % realms.len()]), user(), 0))
            .collect();
        sent.extend(appends.iter().map(|append| (append.target, append.events[0].id)));
        for verdict in race_on(&nodes, appends).await {
            let Verdict::Committed(receipt) = verdict else {
                panic!("{verdict:?}")
            };
            let found = &nodes[round % 2]
                .read(receipt.position.stream, receipt.position.seq - 1, 1)
                .await
                .unwrap()[0];
            assert_eq!(sent[&receipt.id], found.entry.id);
        }
    }
    for realm in realms {
        let stream = Stream::facts(realm);
        assert_eq!(seqs(&nodes[0], stream).await, (1..=160).collect::<Vec<_>>());
        let events = nodes[1].read(stream, 0, usize::MAX).await.unwrap();
        assert!(
            events
                .windows(2)
                .all(|pair| pair[0].entry.time <= pair[1].entry.time)
        );
        assert_eq!(events.last().unwrap().entry.time, START.after_seconds(3_610));
        assert_eq!(nodes[0].head(stream).await.unwrap().seq, 160);
    }
    close(nodes).await;
}

/// A node is woken by what another commits, and its heads tell it: within a second, and as of a moment after it.
pub async fn a_node_learns_what_another_commits(engine: &impl Engine) {
    let Some(nodes) = two(engine).await else { return };
    let stream = Stream::activity(realm());
    let Moved { mut mark, .. } = nodes[1].heads(Mark::default()).await.unwrap();
    for seq in 1..=5 {
        let mut moved = nodes[1].moved();
        moved.borrow_and_update();
        committed(&nodes[0], note(stream)).await;
        let acknowledged = Instant::now();
        assert_eq!(
            nodes[1].head(stream).await.unwrap().seq,
            seq,
            "whoever asks is told the truth"
        );
        let second = Duration::from_secs(1);
        tokio::time::timeout(second, moved.changed())
            .await
            .unwrap()
            .unwrap();
        let told = nodes[1].heads(mark).await.unwrap();
        assert_eq!(told.heads, [Head { stream, seq }]);
        mark = told.mark;
        while nodes[1].heads(mark).await.unwrap().as_of < acknowledged {
            assert!(acknowledged.elapsed() < second, "a follower would be stale");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    close(nodes).await;
}

/// However the heads come to be known, none is missed: whoever follows them reads every event of both nodes.
pub async fn no_head_is_missed_while_two_nodes_write(engine: &impl Engine) {
    let Some(nodes) = two(engine).await else { return };
    let follower = engine.open().await.unwrap();
    let streams: Vec<Stream> = (0..40).map(|_| Stream::activity(realm())).collect();
    let appends = (0..2_000).map(|n| note(streams[n % streams.len()])).collect();
    let writing = race_on(&nodes, appends);
    let following = async {
        let (mut mark, mut seen) = (Mark::default(), HashMap::new());
        let begun = Instant::now();
        while seen.values().sum::<u64>() < 2_000 {
            let told = follower.heads(mark).await.unwrap();
            for head in told.heads {
                let before = seen.insert(head.stream, head.seq).unwrap_or(0);
                assert!(before < head.seq, "heads rise");
            }
            mark = told.mark;
            assert!(begun.elapsed() < Duration::from_mins(1), "{seen:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (verdicts, ()) = tokio::join!(writing, following);
    assert_eq!(winners(&verdicts), 2_000);
    follower.close().await;
    close(nodes).await;
}

/// Nodes that sweep at once pass one another by, and what has expired is gone.
pub async fn two_nodes_sweep_at_once(engine: &impl Engine) {
    let Some(nodes) = two(engine).await else { return };
    let stream = Stream::activity(realm());
    let spends = (0..1_500).map(|_| with_claims(note(stream), [spend(digest(), id())]));
    assert_eq!(winners(&nodes[0].commit(spends.collect()).await), 1_500);
    let late = START.after_seconds(30 * 86_400);
    let (a, b) = tokio::join!(nodes[0].sweep(late), nodes[1].sweep(late));
    assert_eq!(a.unwrap() + b.unwrap(), 1_500);
    close(nodes).await;
}
