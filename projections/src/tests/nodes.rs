//! Several nodes on one database: one runs the projections, the others stand by and see what it does; a generation takes
//! another's place on all of them, and goes when the last has left it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use events::{
    subject::{Stream, Subject},
    users::UserEvent,
};

use super::world::{PATIENCE, World};
use crate::{Reads, table::Record, users};

async fn until(what: impl AsyncFn() -> bool) {
    let wait = async {
        while !what().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("in time");
}

async fn leads(reads: &Reads) -> bool {
    reads.served().store.lead().await.unwrap()
}

/// Everything that the log holds is seen on a node, and is what a rebuild makes of it.
async fn is_whole(world: &World, reads: &Reads, realm: events::ids::RealmId) {
    world.settle(reads, realm).await;
    let live = reads.dump().await.unwrap();
    reads.rebuild().await.unwrap();
    assert_eq!(reads.dump().await.unwrap(), live);
}

#[tokio::test]
async fn what_is_committed_is_seen_on_every_node() {
    let Some(world) = World::shared().await else {
        return;
    };
    let realm = world.realm(11).await;
    let nodes = [world.reads().await, world.reads().await, world.onlooker().await];
    for number in 0..40_u32 {
        let user = world
            .register(realm, u128::from(number) + 1, &format!("user{number}"))
            .await;
        let position = world.kernel.head(Stream::facts(realm)).await.unwrap();
        for node in &nodes {
            let begun = Instant::now();
            node.wait_for(&position, PATIENCE).await.unwrap();
            assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
            assert!(users::get(node, realm, user).await.unwrap().is_some());
        }
    }
    for node in &nodes {
        assert_eq!(node.failing(), None, "who stands by does not fail");
        until(async || node.lag()["users"] == 0).await;
    }
}

#[tokio::test]
async fn who_stands_by_takes_over_when_the_runner_is_gone() {
    let Some(world) = World::shared().await else {
        return;
    };
    let realm = world.realm(21).await;
    let (first, second, third) = (world.reads().await, world.reads().await, world.onlooker().await);
    until(async || leads(&first).await).await;
    assert!(!leads(&second).await, "one runs the projections");
    world.live(realm, 1, 30).await;
    world.settle(&third, realm).await;

    first.close().await;
    world.live(realm, 2, 30).await;
    let begun = Instant::now();
    world.settle(&third, realm).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(leads(&second).await);
    is_whole(&world, &second, realm).await;
}

#[tokio::test]
async fn nodes_that_lose_all_their_sessions_lose_nothing() {
    let Some(world) = World::shared().await else {
        return;
    };
    let world = Arc::new(world);
    let realm = world.realm(31).await;
    let (one, other) = (world.reads().await, world.reads().await);
    let writer = {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            for seed in 0..6 {
                world.live(realm, seed, 40).await;
            }
        })
    };
    while !writer.is_finished() {
        tokio::time::sleep(Duration::from_millis(60)).await;
        world.database.as_ref().unwrap().cut();
    }
    writer.await.unwrap();
    let settled = |reads: Reads| async move { reads.failing().is_none() && reads.lag()["users"] == 0 };
    until(async || settled(one.clone()).await && settled(other.clone()).await).await;
    assert_eq!(one.dump().await.unwrap(), other.dump().await.unwrap());
    is_whole(&world, &one, realm).await;
}

#[tokio::test]
async fn a_generation_that_one_node_builds_is_served_by_all_and_the_old_one_goes() {
    let Some(world) = World::shared().await else {
        return;
    };
    let realm = world.realm(41).await;
    let (builder, other, onlooker) = (world.reads().await, world.reads().await, world.onlooker().await);
    world.live(realm, 1, 60).await;
    world.settle(&onlooker, realm).await;
    let live = onlooker.dump().await.unwrap();

    assert_eq!(builder.rebuild().await.unwrap(), 2);
    assert_eq!(builder.generation(), 2);
    let user = world.register(realm, 77, "meanwhile").await;
    let head = world.kernel.head(Stream::facts(realm)).await.unwrap();
    for node in [&builder, &other, &onlooker] {
        node.wait_for(&head, PATIENCE).await.unwrap();
        assert!(users::get(node, realm, user).await.unwrap().is_some());
        until(async || node.generation() == 2).await;
        assert!(users::get(node, realm, user).await.unwrap().is_some());
    }
    until(async || world.generations().await == [2]).await;
    assert_ne!(onlooker.dump().await.unwrap(), live);

    // Also a node that runs no projections builds, and leaves the running to others.
    assert_eq!(onlooker.rebuild().await.unwrap(), 3);
    world
        .tell(realm, Subject::user(user), UserEvent::Disabled { reason: None })
        .await;
    for node in [&builder, &other, &onlooker] {
        until(async || node.generation() == 3).await;
        world.settle(node, realm).await;
        assert!(users::get(node, realm, user).await.unwrap().unwrap().disabled);
    }
    assert!(!leads(&onlooker).await || !leads(&builder).await);
}

#[tokio::test]
async fn a_generation_is_kept_while_a_node_has_it_open() {
    let Some(world) = World::shared().await else {
        return;
    };
    let realm = world.realm(51).await;
    let reads = world.reads().await;
    world.live(realm, 1, 20).await;
    world.settle(&reads, realm).await;
    let live = reads.dump().await.unwrap();
    // A node that has not noticed anything.
    let shelf = world.home().open().await.unwrap();
    let slow = shelf.open(1).await.unwrap();

    reads.rebuild().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(world.generations().await, [1, 2]);
    let rows = slow.dump(users::UserRow::table()).await.unwrap();
    assert_eq!(rows, live["users"], "it answers as before");
    slow.close().await;
    until(async || world.generations().await == [2]).await;
}

#[tokio::test]
async fn nodes_that_start_together_build_once() {
    let Some(world) = World::shared().await else {
        return;
    };
    let realm = world.realm(61).await;
    world.live(realm, 1, 60).await;
    let (one, other, onlooker) = tokio::join!(world.reads(), world.reads(), world.onlooker());
    for node in [&one, &other, &onlooker] {
        assert_eq!(node.generation(), 1);
        world.settle(node, realm).await;
    }
    assert_eq!(world.generations().await, [1]);
    assert_eq!(one.dump().await.unwrap(), onlooker.dump().await.unwrap());
}

#[tokio::test]
async fn what_a_dead_builder_left_is_deleted() {
    let Some(world) = World::shared().await else {
        return;
    };
    let reads = world.reads().await;
    let shelf = world.home().open().await.unwrap();
    let built_by = reads.served().store.built_by().await.unwrap().unwrap();
    let begun = shelf.make(2, &[], &built_by).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(world.generations().await, [1, 2]);
    drop(begun);
    until(async || world.generations().await == [1]).await;
}
