//! Reading: events come back verbatim, in order, and followers learn of them.

use std::time::Duration;

use super::*;

/// Entry and body come back as written, with the RFC 6962 leaf hash of the entry.
pub async fn events_come_back_as_they_were_written(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let subject = user();
    let mut append = change(stream, subject, 0);
    let actor = Actor {
        user: Some(id().into()),
        request: Some(id()),
        ..Actor::default()
    };
    append.events[0].actor = actor.clone();
    append.events[0].cause = Some(EventId(id()));
    append.events[0].schema = 7;
    append.events[0].body = b"{\"not\": \"reserialised\" }\x00\xff".to_vec();
    committed(&log, append.clone()).await;

    let recorded = &log.read(stream, 0, 1).await.unwrap()[0];
    let (entry, event) = (&recorded.entry, &append.events[0]);
    assert_eq!(recorded.body, event.body);
    assert_eq!(entry.body, body_digest(&event.body));
    assert_eq!((entry.id, entry.cause, entry.schema), (event.id, event.cause, 7));
    assert_eq!(
        (entry.event_type.as_str(), &entry.actor),
        ("thing.changed", &actor)
    );
    assert_eq!((entry.stream(), entry.seq, entry.time), (stream, 1, START));
    assert_eq!(
        entry.subject.map(|s| (s.subject(), s.version)),
        Some((subject, 1))
    );
    assert_eq!(entry.incarnation, log.incarnation());
    assert_eq!(recorded.entry_bytes, serde_json::to_vec(entry).unwrap());
    assert_eq!(recorded.leaf_hash, leaf_hash(&recorded.entry_bytes));
    log.close().await;
}

/// A subject's events load without those of others, after any version.
pub async fn a_subject_loads_alone_and_in_order(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let subject = user();
    let same_id = Subject::new(SubjectKind::Password, subject.id);
    for version in 0..5 {
        committed(&log, change(stream, subject, version)).await;
        committed(&log, change(stream, same_id, version)).await;
        committed(&log, change(stream, user(), 0)).await;
    }
    for after in 0..7 {
        let loaded = log.load(stream, subject, after).await.unwrap();
        let versions: Vec<u64> = loaded
            .iter()
            .filter_map(|e| e.entry.subject)
            .map(|s| s.version)
            .collect();
        assert_eq!(versions, (after + 1..=5).collect::<Vec<_>>());
        assert!(
            loaded
                .iter()
                .all(|event| event.entry.subject.unwrap().subject() == subject)
        );
    }
    assert!(log.load(stream, user(), 0).await.unwrap().is_empty());
    assert!(
        log.load(Stream::facts(realm()), subject, 0)
            .await
            .unwrap()
            .is_empty(),
        "realms are apart"
    );
    log.close().await;
}

/// Reading takes at most so many, after any seq, of one stream.
pub async fn reading_goes_on_from_where_it_stopped(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let (stream, other) = (Stream::facts(realm()), Stream::activity(realm()));
    let appends = (0..50).flat_map(|_| [note(stream), note(other)]).collect();
    assert_eq!(winners(&log.commit(appends).await), 100);
    let mut after = 0;
    let mut pages = Vec::new();
    loop {
        let page = log.read(stream, after, 20).await.unwrap();
        let Some(last) = page.last() else { break };
        assert_eq!(page[0].entry.seq, after + 1);
        assert!(page.iter().all(|event| event.entry.stream() == stream));
        after = last.entry.seq;
        pages.push(page.len());
    }
    assert_eq!(pages, [20, 20, 10]);
    assert!(log.read(stream, 0, 0).await.unwrap().is_empty());
    assert!(log.read(stream, u64::MAX, 10).await.unwrap().is_empty());
    assert!(log.read(Stream::facts(realm()), 0, 10).await.unwrap().is_empty());
    log.close().await;
}

/// Heads since a mark are those that may have moved; the default mark asks for all.
pub async fn heads_tell_what_moved_since_a_mark(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let (a, b) = (Stream::facts(realm()), Stream::activity(realm()));
    assert_eq!(log.head(a).await.unwrap().seq, 0);
    committed(&log, note(a)).await;
    committed(&log, note(b)).await;
    let Moved { mark, heads: all, .. } = log.heads(Mark::default()).await.unwrap();
    let all: HashSet<_> = all.into_iter().map(|head| (head.stream, head.seq)).collect();
    assert_eq!(all, HashSet::from([(a, 1), (b, 1)]));
    assert!(log.heads(mark).await.unwrap().heads.is_empty());
    committed(&log, note(b)).await;
    let Moved { heads: moved, .. } = log.heads(mark).await.unwrap();
    assert!(moved.iter().any(|head| head.stream == b && head.seq == 2));
    assert_eq!(log.head(b).await.unwrap().seq, 2, "who was acknowledged finds it");
    log.close().await;

    let log = engine.open().await.unwrap();
    let Moved { heads: all, .. } = log.heads(Mark::default()).await.unwrap();
    assert_eq!(all.len(), 2, "a new node knows all heads");
    log.close().await;
}

/// A follower is woken by a commit, and then finds it.
pub async fn followers_are_woken(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::activity(realm());
    let mut moved = log.moved();
    moved.borrow_and_update();
    let follower = {
        let log = log.clone();
        tokio::spawn(async move {
            let mut after = 0;
            while after < 20 {
                for event in log.read(stream, after, 100).await.unwrap() {
                    assert_eq!(event.entry.seq, after + 1);
                    after = event.entry.seq;
                }
                if after < 20 {
                    moved.changed().await.unwrap();
                }
            }
        })
    };
    for _ in 0..20 {
        committed(&log, note(stream)).await;
    }
    tokio::time::timeout(Duration::from_secs(10), follower)
        .await
        .unwrap()
        .unwrap();
    log.close().await;
}
