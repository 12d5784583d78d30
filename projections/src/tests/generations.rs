//! Rebuilt equals live, one by one equals batches, and nobody who waits sees less than they waited for.

use std::{sync::Arc, time::Duration};

use events::{
    log::Position,
    subject::{Lane, Stream, Subject},
    users::UserEvent,
};
use uuid::Uuid;

use super::world::{Dice, PACE, PATIENCE, World};
use crate::{
    Projection, WaitError, projection,
    rows::Rows,
    runner::Pace,
    table::{Key, Table},
    users,
};

/// Users as told by a later version of the code.
struct LaterUsers;

impl Projection for LaterUsers {
    fn name(&self) -> &'static str {
        "users"
    }
    fn version(&self) -> u32 {
        users::Users.version() + 1
    }
    fn lane(&self) -> Lane {
        Lane::Facts
    }
    fn tables(&self) -> Vec<&'static Table> {
        users::Users.tables()
    }
    fn touches(&self, happened: &events::event::Happened) -> Vec<Key> {
        users::Users.touches(happened)
    }
    fn apply(&self, rows: &mut Rows, happened: &events::event::Happened) {
        users::Users.apply(rows, happened);
    }
}

#[tokio::test]
async fn rebuilt_equals_live_for_any_mix_of_events() {
    let world = World::new().await;
    let reads = world.reads().await;
    let (one, other) = (world.realm(11).await, world.realm(12).await);
    world.live(one, 1, 150).await;
    world.live(other, 2, 40).await;
    world.settle(&reads, one).await;
    world.settle(&reads, other).await;
    let live = reads.dump().await.unwrap();
    let empty: Vec<_> = live
        .iter()
        .filter(|(_, rows)| rows.is_empty())
        .map(|(table, _)| *table)
        .collect();
    assert_eq!(
        empty,
        ["realms"],
        "the mix fills every table but the one of the system realm"
    );

    let before = reads.generation();
    let number = reads.rebuild().await.unwrap();
    assert_eq!((number, reads.generation()), (before + 1, before + 1));
    assert_eq!(reads.dump().await.unwrap(), live);
    assert_eq!(world.generations().await, [number]);

    world.live(one, 3, 20).await;
    world.settle(&reads, one).await;
    assert_ne!(reads.dump().await.unwrap(), live, "the new generation follows");
    reads.close().await;
}

#[tokio::test]
async fn one_by_one_equals_in_batches() {
    let world = World::new().await;
    let realm = world.realm(21).await;
    world.live(realm, 7, 120).await;
    let mut dumps = Vec::new();
    for batch in [1, 2, 13, 500] {
        let reads = world.reads_of(projection::all(), Pace { batch, ..PACE }).await;
        reads.rebuild().await.unwrap();
        dumps.push(reads.dump().await.unwrap());
        reads.close().await;
    }
    assert!(dumps.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn a_runner_that_is_dropped_goes_on_where_it_stood() {
    let world = World::new().await;
    let realm = world.realm(31).await;
    let mut dice = Dice(9);
    for round in 0..12 {
        let reads = world.reads_of(projection::all(), Pace { batch: 3, ..PACE }).await;
        world.live(realm, round, 15).await;
        // At any moment: between batches or in the middle of one.
        tokio::time::sleep(Duration::from_millis(dice.below(15))).await;
        drop(reads);
    }
    let reads = world.reads().await;
    world.settle(&reads, realm).await;
    let live = reads.dump().await.unwrap();
    reads.rebuild().await.unwrap();
    assert_eq!(reads.dump().await.unwrap(), live);
    assert_eq!(live["audit_events"].len(), 180);
}

#[tokio::test]
async fn two_runners_on_the_same_rows_lose_nothing() {
    let world = World::new().await;
    let realm = world.realm(35).await;
    let (one, other) = (world.reads().await, world.reads().await);
    world.live(realm, 5, 120).await;
    world.settle(&one, realm).await;
    world.settle(&other, realm).await;
    let live = one.dump().await.unwrap();
    assert_eq!(other.dump().await.unwrap(), live);
    other.close().await;
    one.rebuild().await.unwrap();
    assert_eq!(one.dump().await.unwrap(), live);
}

#[tokio::test]
async fn whoever_waited_reads_their_write_also_while_a_generation_is_replaced() {
    let world = Arc::new(World::new().await);
    let realm = world.realm(41).await;
    let reads = world.reads().await;
    let writer = {
        let (world, reads) = (world.clone(), reads.clone());
        tokio::spawn(async move {
            for number in 0..150_u32 {
                let name = format!("user{number}");
                let user = world.register(realm, u128::from(number) + 1, &name).await;
                let position = world.kernel.head(Stream::facts(realm)).await.unwrap();
                reads.wait_for(&position, PATIENCE).await.unwrap();
                let row = users::get(&reads, realm, user)
                    .await
                    .unwrap()
                    .expect("what was waited for is there");
                assert_eq!(row.username, Some(name));
            }
        })
    };
    let mut rebuilt = 0;
    while !writer.is_finished() {
        rebuilt = reads.rebuild().await.unwrap();
    }
    writer.await.unwrap();
    assert!(rebuilt > 2, "only {rebuilt} generations");
}

#[tokio::test]
async fn a_position_that_no_answer_gave_is_refused_and_one_that_is_not_reached_in_time_is_told() {
    let world = World::new().await;
    let realm = world.realm(51).await;
    let reads = world.reads().await;
    world.register(realm, 1, "alice").await;
    let head = world.kernel.head(Stream::facts(realm)).await.unwrap();
    let beyond = Position {
        seq: head.seq + 1,
        ..head
    };
    assert!(matches!(
        reads.wait_for(&beyond, PATIENCE).await,
        Err(WaitError::Foreign)
    ));
    let foreign = Position {
        incarnation: Uuid::from_u128(1),
        ..head
    };
    assert!(matches!(
        reads.wait_for(&foreign, PATIENCE).await,
        Err(WaitError::Foreign)
    ));
    reads.wait_for(&head, PATIENCE).await.unwrap();

    let poisoned = world.poison(Stream::facts(realm)).await;
    let early = reads.wait_for(&poisoned, Duration::from_millis(50)).await;
    assert!(matches!(early, Err(WaitError::TimedOut)));
}

#[tokio::test]
async fn what_older_code_built_is_served_until_the_new_one_has_caught_up() {
    let world = World::new().await;
    let realm = world.realm(61).await;
    let reads = world.reads().await;
    let user = world.register(realm, 1, "alice").await;
    world.settle(&reads, realm).await;
    let live = reads.dump().await.unwrap();
    reads.close().await;
    drop(reads);

    let mut projections = projection::all();
    projections.retain(|projection| projection.name() != "users");
    projections.insert(1, Arc::new(LaterUsers));
    let reads = world.reads_of(projections, PACE).await;
    assert!(
        users::get(&reads, realm, user).await.unwrap().is_some(),
        "served at once"
    );
    tokio::time::timeout(PATIENCE, async {
        while reads.generation() == 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("a new generation is served by and by");
    assert_eq!(reads.dump().await.unwrap(), live);
    world
        .tell(realm, Subject::user(user), UserEvent::Disabled { reason: None })
        .await;
    world.settle(&reads, realm).await;
    assert!(users::get(&reads, realm, user).await.unwrap().unwrap().disabled);
}

#[tokio::test]
async fn what_cannot_be_read_is_built_anew_before_anything_is_answered() {
    let world = World::new().await;
    let realm = world.realm(71).await;
    let reads = world.reads().await;
    let user = world.register(realm, 1, "alice").await;
    world.settle(&reads, realm).await;
    reads.close().await;
    if world.database.is_some() {
        world.meddle(1, "DROP SCHEMA chancery_read_1 CASCADE").await;
        world.meddle(1, "CREATE SCHEMA chancery_read_1").await;
    } else {
        std::fs::write(
            world.file(1),
            b"not a database, and long enough to be seen as none",
        )
        .unwrap();
    }

    let reads = world.reads().await;
    assert_eq!(reads.generation(), 2);
    assert!(users::get(&reads, realm, user).await.unwrap().is_some());
    assert_eq!(world.generations().await, [2]);
    let pointed = world.home().open().await.unwrap().current().await.unwrap();
    assert_eq!(pointed, Some(2));
}
