//! What holds of reactors, on the engine that `TEST_ENGINE` names.

mod kills;
mod world;

use std::{sync::atomic::Ordering, time::Duration};

use crate::{Pace, Status};
use world::{PACE, Scribe, World, until};

#[tokio::test]
async fn what_happens_is_done_once_at_each_target_and_in_the_order_of_each_subject() {
    let world = World::new().await;
    let scribe = Scribe::of(&["a", "b"]);
    let reactors = world.start(&scribe).await;
    let realm = world.realm(11).await;
    let mut told = Vec::new();
    for round in 0..40 {
        told.push((round % 4, world.tell(realm, round % 4).await));
    }
    until(async || scribe.done() == 80).await;
    for target in ["a", "b"] {
        for user in 0..4 {
            let seqs: Vec<_> = told
                .iter()
                .filter(|told| told.0 == user)
                .map(|told| told.1)
                .collect();
            assert_eq!(scribe.seqs(target, user), seqs);
        }
    }
    until(async || reactors.status().await.unwrap()[0].queued == 0).await;
    assert!(
        scribe.most.load(Ordering::SeqCst) <= 4,
        "two at once of each target"
    );
    reactors.close().await;
}

#[tokio::test]
async fn a_job_that_fails_holds_up_its_subject_alone_and_is_tried_when_it_is_due() {
    let world = World::new().await;
    let scribe = Scribe::of(&["a"]);
    let reactors = world.start(&scribe).await;
    let realm = world.realm(11).await;
    scribe.fails.lock().unwrap().insert(1, 1);
    for user in [1, 1, 2, 2] {
        world.tell(realm, user).await;
    }
    until(async || scribe.done() == 2).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(scribe.seqs("a", 2), [3, 4]);
    assert_eq!(scribe.seqs("a", 1), [] as [u64; 0]);
    // A fifth earlier at most, a fifth later at most.
    world.clock.advance(7);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(scribe.done(), 2);
    world.clock.advance(5);
    until(async || scribe.done() == 4).await;
    assert_eq!(scribe.seqs("a", 1), [1, 2]);
    reactors.close().await;
}

#[tokio::test]
async fn what_is_given_up_is_kept_and_can_be_tried_anew_or_forgotten() {
    let world = World::new().await;
    let scribe = Scribe::of(&["a"]);
    let reactors = world.start(&scribe).await;
    let realm = world.realm(11).await;
    scribe.fails.lock().unwrap().insert(1, 9);
    scribe.hopeless.lock().unwrap().insert(2);
    for _ in 0..3 {
        world.tell(realm, 1).await;
    }
    // Three attempts by the schedule; then the next of the subject has its turn.
    until(async || {
        world.clock.advance(20);
        scribe.done() == 1
    })
    .await;
    assert_eq!(scribe.seqs("a", 1), [3]);
    until(async || reactors.status().await.unwrap()[0].dead == 2).await;
    let dead = reactors.dead("scribe", 0, 10).await.unwrap();
    let told: Vec<_> = dead
        .iter()
        .map(|dead| (dead.seq, dead.attempts, dead.reason.as_deref()))
        .collect();
    assert_eq!(told, [(1, 3, Some("it failed")), (2, 1, Some("it is hopeless"))]);
    assert_eq!(
        reactors.dead("scribe", dead[0].number, 10).await.unwrap(),
        dead[1..]
    );

    scribe.fails.lock().unwrap().clear();
    assert!(reactors.revive("scribe", dead[0].number).await.unwrap());
    assert!(!reactors.revive("scribe", dead[0].number).await.unwrap());
    until(async || scribe.done() == 2).await;
    assert!(reactors.discard("scribe", dead[1].number).await.unwrap());
    assert!(!reactors.discard("scribe", dead[1].number).await.unwrap());
    assert_eq!(scribe.seqs("a", 1), [3, 1]);
    until(async || {
        let status = reactors.status().await.unwrap().remove(0);
        (status.queued, status.dead) == (0, 0)
    })
    .await;
    reactors.close().await;
}

#[tokio::test]
async fn a_reactor_begins_where_streams_end_and_with_the_first_event_of_those_that_begin_later() {
    let world = World::new().await;
    let old = world.realm(11).await;
    for _ in 0..3 {
        world.tell(old, 1).await;
    }
    let scribe = Scribe::of(&["a"]);
    let reactors = world.start(&scribe).await;
    world.tell(old, 1).await;
    let new = world.realm(12).await;
    world.tell(new, 2).await;
    until(async || scribe.done() == 2).await;
    assert_eq!(scribe.seqs("a", 1), [4]);
    assert_eq!(scribe.seqs("a", 2), [1]);
    reactors.close().await;

    // It goes on where it stood, also with what happened while it was away.
    world.tell(old, 1).await;
    let reactors = world.start(&scribe).await;
    until(async || scribe.done() == 3).await;
    assert_eq!(scribe.seqs("a", 1), [4, 5]);
    reactors.close().await;
}

#[tokio::test]
async fn a_reactor_is_not_told_of_what_its_own_kind_caused() {
    let world = World::new().await;
    let scribe = Scribe::of(&["a"]);
    let reactors = world.start(&scribe).await;
    let realm = world.realm(11).await;
    world.tell_as(realm, 1, "scribe").await;
    world.tell(realm, 1).await;
    until(async || scribe.done() == 1).await;
    assert_eq!(scribe.seqs("a", 1), [2]);
    reactors.close().await;
}

#[tokio::test]
async fn targets_that_hang_delay_nobody_else() {
    let world = World::new().await;
    let hanging: Vec<_> = (0..20).map(|number| format!("hanging-{number}")).collect();
    let targets: Vec<_> = hanging.iter().map(String::as_str).chain(["well"]).collect();
    let scribe = Scribe::of(&targets);
    scribe.hang.lock().unwrap().extend(hanging.iter().cloned());
    let pace = Pace { at_once: 64, ..PACE };
    let reactors = world.start_at(&scribe, pace).await;
    let realm = world.realm(11).await;
    for round in 0..50 {
        world.tell(realm, round % 10).await;
    }
    until(async || scribe.done() == 50).await;
    // Two of each hang, and those that wait behind them are on the disk.
    assert_eq!(reactors.status().await.unwrap()[0].running, 40);
    reactors.close().await;
}

#[tokio::test]
async fn a_paused_reactor_does_nothing_until_it_is_resumed() {
    let world = World::new().await;
    let scribe = Scribe::of(&["a"]);
    let reactors = world.start(&scribe).await;
    let realm = world.realm(11).await;
    assert!(reactors.pause("scribe").await.unwrap());
    assert!(!reactors.pause("nobody").await.unwrap());
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.tell(realm, 1).await;
    until(async || reactors.status().await.unwrap()[0].lag == 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let paused = reactors.status().await.unwrap().remove(0);
    let expected = Status {
        name: "scribe",
        paused: true,
        queued: 0,
        dead: 0,
        running: 0,
        lag: 1,
        stopped: Vec::new(),
    };
    assert_eq!(paused, expected);
    assert_eq!(scribe.done(), 0);
    assert!(reactors.resume("scribe").await.unwrap());
    until(async || scribe.done() == 1).await;
    reactors.close().await;
}

#[tokio::test]
async fn what_cannot_be_taken_stops_its_stream_alone_and_is_taken_when_it_can() {
    let world = World::new().await;
    let scribe = Scribe::of(&["a"]);
    let reactors = world.start(&scribe).await;
    let (stuck, free) = (world.realm(11).await, world.realm(12).await);
    scribe.riddles.lock().unwrap().insert(2);
    for _ in 0..3 {
        world.tell(stuck, 1).await;
    }
    world.tell(free, 2).await;
    until(async || scribe.done() == 2).await;
    until(async || !reactors.status().await.unwrap()[0].stopped.is_empty()).await;
    let stopped = reactors.status().await.unwrap().remove(0).stopped;
    assert_eq!((stopped[0].stream.realm, stopped[0].seq), (stuck, 2));
    scribe.riddles.lock().unwrap().clear();
    until(async || scribe.done() == 4).await;
    assert_eq!(scribe.seqs("a", 1), [1, 2, 3]);
    until(async || reactors.status().await.unwrap()[0].stopped.is_empty()).await;
    reactors.close().await;
}

#[tokio::test]
async fn a_job_that_panics_has_failed() {
    let world = World::new().await;
    let scribe = Scribe::of(&["a"]);
    let reactors = world.start(&scribe).await;
    let realm = world.realm(11).await;
    scribe.panics.lock().unwrap().insert(1);
    world.tell(realm, 1).await;
    until(async || {
        world.clock.advance(1);
        scribe.done() == 1
    })
    .await;
    reactors.close().await;
}

#[tokio::test]
async fn a_place_that_does_not_fit_the_log_stops_and_an_operator_lets_it_go_on_at_the_head() {
    let world = World::new().await;
    let scribe = Scribe::of(&["a"]);
    let reactors = world.start(&scribe).await;
    let realm = world.realm(11).await;
    world.tell(realm, 1).await;
    until(async || scribe.done() == 1).await;
    reactors.close().await;

    // As after a restore: the log tells other things than what was seen.
    let store = crate::store::Store::open(&world.home()).await.unwrap();
    let mut places = store.places().await.unwrap();
    places[0].leaf_hash = vec![7; 32];
    assert!(store.restart("scribe", &places).await.unwrap());
    store.close().await;
    world.tell(realm, 1).await;
    let reactors = world.start(&scribe).await;
    until(async || !reactors.status().await.unwrap()[0].stopped.is_empty()).await;
    assert_eq!(scribe.done(), 1);

    assert!(reactors.restart("scribe").await.unwrap());
    assert!(!reactors.restart("nobody").await.unwrap());
    until(async || reactors.status().await.unwrap()[0].stopped.is_empty()).await;
    world.tell(realm, 1).await;
    until(async || scribe.done() == 2).await;
    assert_eq!(scribe.seqs("a", 1), [1, 3]);
    reactors.close().await;
}
