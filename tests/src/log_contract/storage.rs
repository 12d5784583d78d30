//! Storage: what was acknowledged is still there, one writes, and damage is found.

use events::log::verify::verify_stream;

use super::*;

/// Everything that was acknowledged outlives a restart.
pub async fn everything_outlives_a_restart(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let incarnation = log.incarnation();
    let stream = Stream::facts(realm());
    let subject = user();
    let name = digest();
    committed(
        &log,
        with_claims(change(stream, subject, 0), [hold(name, subject.id)]),
    )
    .await;
    let before = log.read(stream, 0, 10).await.unwrap();
    log.close().await;

    let log = engine.open().await.unwrap();
    assert_eq!(log.incarnation(), incarnation);
    let after = log.read(stream, 0, 10).await.unwrap();
    assert_eq!(after.len(), 1);
    assert_eq!(
        (&after[0].entry_bytes, &after[0].body, after[0].leaf_hash),
        (&before[0].entry_bytes, &before[0].body, before[0].leaf_hash)
    );
    assert_eq!(log.head(stream).await.unwrap().seq, 1);
    assert_eq!(
        log.claimed(stream, ClaimKind::LoginName, &name).await.unwrap(),
        Some(subject.id)
    );
    assert_eq!(
        one(&log, change(stream, subject, 0)).await,
        Verdict::Conflict { subject, found: 1 }
    );
    assert_eq!(committed(&log, change(stream, subject, 1)).await.position.seq, 2);
    log.close().await;
}

/// A log opened for reading sees the writer's commits, and commits nothing.
pub async fn a_reader_sees_what_the_writer_commits(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    committed(&log, note(stream)).await;
    let reader = engine.open_to_read().await.unwrap();
    assert_eq!(reader.incarnation(), log.incarnation());
    let Moved { mark, heads, .. } = reader.heads(Mark::default()).await.unwrap();
    assert_eq!(heads.len(), 1);
    committed(&log, note(stream)).await;
    assert_eq!(seqs(&reader, stream).await, [1, 2]);
    assert_eq!(reader.head(stream).await.unwrap().seq, 2);
    assert_eq!(reader.heads(mark).await.unwrap().heads.len(), 1);
    assert!(matches!(
        one(&reader, note(stream)).await,
        Verdict::Unavailable(_)
    ));
    assert!(reader.sweep(START).await.is_err());
    reader.close().await;
    log.close().await;
}

/// Where one process writes, a second one is refused, until the first is done.
pub async fn a_second_writer_is_refused(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    if engine.exclusive() {
        let refused = engine.open().await.unwrap_err();
        assert!(
            matches!(&refused, LogError::Refused(text) if text.contains("is in use by another process")),
            "{refused}"
        );
        committed(&log, note(Stream::facts(realm()))).await;
    }
    log.close().await;
    engine.open().await.unwrap().close().await;
}

/// A store of a newer format is refused, by writers and by readers, and told apart from damage.
pub async fn a_newer_format_is_refused(engine: &impl Engine) {
    engine.open().await.unwrap().close().await;
    engine.pretend_newer().await;
    for refused in [
        engine.open().await.unwrap_err(),
        engine.open_to_read().await.unwrap_err(),
    ] {
        assert!(
            matches!(&refused, LogError::Refused(text) if text.contains("newer version")),
            "{refused}"
        );
    }
}

/// Fills a stream with all kinds of appends.
async fn fill(log: &Arc<dyn Log>, stream: Stream) -> u64 {
    let subjects = [user(), user(), user()];
    let mut appends = Vec::new();
    for version in 0..10 {
        for subject in subjects {
            appends.push(change(stream, subject, version));
        }
        appends.push(note(stream));
    }
    assert_eq!(winners(&log.commit(appends).await), 40);
    40
}

/// Verifying a sound log finds nothing, and counts everything.
pub async fn verify_finds_nothing_in_a_sound_log(engine: &impl Engine) {
    let log = engine.open().await.unwrap();
    let stream = Stream::facts(realm());
    let empty = verify_stream(log.as_ref(), stream).await.unwrap();
    assert_eq!((empty.events, empty.last), (0, 0));
    let events = fill(&log, stream).await;
    let report = verify_stream(log.as_ref(), stream).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!((report.events, report.last), (events, events));
    log.close().await;
}

/// Whatever is altered, removed or reordered is found, at its place, and nothing else is blamed.
pub async fn verify_finds_and_locates_damage(engine: &impl Engine) {
    let damage = [
        (Tamper::Entry(7), vec![7]),
        (Tamper::Body(8), vec![8]),
        (Tamper::Leaf(9), vec![9]),
        (Tamper::Rewritten(10), vec![10]),
        (Tamper::Removed(11), vec![11]),
        (Tamper::Swapped(13, 14), vec![13, 14]),
        (Tamper::Version(17), vec![17]),
        (Tamper::Removed(1), vec![1]),
        (Tamper::Removed(40), vec![40]),
    ];
    let mut damaged = Vec::new();
    let log = engine.open().await.unwrap();
    for (tamper, places) in damage {
        let stream = Stream::facts(realm());
        fill(&log, stream).await;
        damaged.push((stream, tamper, places));
    }
    log.close().await;
    for (stream, tamper, _) in &damaged {
        engine.tamper(*stream, *tamper).await;
    }
    let log = engine.open_to_read().await.unwrap();
    for (stream, tamper, places) in damaged {
        let report = verify_stream(log.as_ref(), stream).await.unwrap();
        let found: HashSet<u64> = report.findings.iter().map(|finding| finding.seq).collect();
        assert!(report.findings.iter().all(|finding| finding.stream == stream));
        for place in &places {
            assert!(found.contains(place), "{tamper:?}: {:?}", report.findings);
        }
        // A removal also shows at the next event of the same subject.
        let near = |seq: &u64| places.iter().any(|place| (*place..*place + 5).contains(seq));
        assert!(found.iter().all(near), "{tamper:?}: {:?}", report.findings);
    }
    log.close().await;
}
