//! One generation takes another's place, one node another's: forward only, one at a time, and whatever is lost meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use events::{
    event::Happened,
    subject::{Lane, Stream},
};
use tokio::task::block_in_place;

use super::{
    faults::{Fragile, Tally},
    world::{PACE, PATIENCE, World},
};
use crate::{
    Projection, ReadError, Reads, RebuildError,
    generation::{Generation, Setup},
    projection,
    rows::Rows,
    table::{Key, Table},
};

/// Counts the facts of users, and waits before each while it is shut.
struct Gate {
    counting: Fragile,
    shut: AtomicBool,
    waiting: AtomicBool,
}

impl Gate {
    fn open() -> Arc<Self> {
        Arc::new(Self {
            counting: Fragile {
                broken: Arc::default(),
                panics: true,
            },
            shut: AtomicBool::new(false),
            waiting: AtomicBool::new(false),
        })
    }

    fn set(&self, shut: bool) {
        self.shut.store(shut, Ordering::SeqCst);
    }

    fn keeps_waiting(&self) -> bool {
        self.waiting.load(Ordering::SeqCst)
    }
}

impl Projection for Gate {
    fn name(&self) -> &'static str {
        self.counting.name()
    }
    fn lane(&self) -> Lane {
        self.counting.lane()
    }
    fn tables(&self) -> Vec<&'static Table> {
        self.counting.tables()
    }
    fn touches(&self, happened: &Happened) -> Vec<Key> {
        let begun = Instant::now();
        // Not for ever: a test that failed shall end.
        while self.shut.load(Ordering::SeqCst) && begun.elapsed() < PATIENCE * 2 {
            self.waiting.store(true, Ordering::SeqCst);
            block_in_place(|| std::thread::sleep(Duration::from_millis(1)));
        }
        self.counting.touches(happened)
    }
    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        self.counting.apply(rows, happened);
    }
}

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

#[tokio::test]
async fn the_pointer_goes_forward_only() {
    let world = World::new().await;
    world.reads().await.close().await;
    let shelf = world.home().open().await.unwrap();
    for (number, goes) in [(5, true), (5, true), (4, false)] {
        assert_eq!(shelf.point_to(number).await.unwrap(), goes, "{number}");
        assert_eq!(shelf.pointer().await.unwrap(), Some(5));
    }
    let reads = world.reads().await;
    assert_eq!(reads.generation(), 6, "what lies behind it is not gone on with");
    reads.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_was_overtaken_while_building_serves_the_old_one_on() {
    let world = World::new().await;
    let realm = world.realm(21).await;
    let gate = Gate::open();
    let reads = world.reads_of(vec![gate.clone()], PACE).await;
    world.register(realm, 1, "alice").await;
    world.settle(&reads, realm).await;
    gate.set(true);
    let building = tokio::spawn({
        let reads = reads.clone();
        async move { reads.rebuild().await }
    });
    until(async || gate.keeps_waiting()).await;
    world.home().open().await.unwrap().point_to(7).await.unwrap();
    gate.set(false);
    let overtaken = building.await.unwrap().unwrap_err();
    assert!(overtaken.to_string().contains("later generation"), "{overtaken}");
    assert_eq!((reads.generation(), reads.failing()), (1, None));
    world.register(realm, 2, "bob").await;
    world.settle(&reads, realm).await;
    reads.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_is_built_at_a_time_and_none_by_who_has_closed() {
    let world = World::new().await;
    let realm = world.realm(31).await;
    let gate = Gate::open();
    let reads = world.reads_of(vec![gate.clone()], PACE).await;
    world.register(realm, 1, "alice").await;
    world.settle(&reads, realm).await;
    gate.set(true);
    let building = tokio::spawn({
        let reads = reads.clone();
        async move { reads.rebuild().await }
    });
    until(async || gate.keeps_waiting()).await;
    assert!(matches!(reads.rebuild().await, Err(RebuildError::UnderWay)));
    let closing = tokio::spawn({
        let reads = reads.clone();
        async move { reads.close().await }
    });
    let ended = building.await.unwrap();
    assert!(
        matches!(ended, Err(RebuildError::Read(ReadError::Closed))),
        "{ended:?}"
    );
    gate.set(false);
    closing.await.unwrap();
    let closed = reads.rebuild().await;
    assert!(
        matches!(closed, Err(RebuildError::Read(ReadError::Closed))),
        "{closed:?}"
    );
    let pointed = world.home().open().await.unwrap().pointer().await.unwrap();
    assert_eq!((pointed, reads.generation()), (Some(1), 1));
}

#[tokio::test]
async fn rows_that_a_crash_takes_from_new_read_models_are_applied_anew() {
    let world = World::new().await;
    let realm = world.realm(41).await;
    world.live(realm, 1, 60).await;
    let reads = world.reads().await;
    world.settle(&reads, realm).await;
    let live = reads.dump().await.unwrap();

    let shelf = world.home().open().await.unwrap();
    let setup = Arc::new(Setup {
        kernel: world.kernel.clone(),
        projections: projection::all(),
        pace: PACE,
        follow: true,
    });
    let fresh = Generation::make(&*shelf, &setup).await.unwrap();
    fresh.follow(&setup, true).await.unwrap();
    fresh.catch_up(None, false).await.unwrap();
    // As a crash does where a commit does not wait for the disk.
    for table in setup.tables().iter().map(|table| table.name).chain(["cursors"]) {
        world.meddle(fresh.number, &format!("DELETE FROM {table}")).await;
    }
    assert!(
        !fresh.finish(&setup).await.unwrap(),
        "it lacks what it told to have"
    );
    fresh.catch_up(None, false).await.unwrap();
    assert!(fresh.finish(&setup).await.unwrap());
    for table in setup.tables() {
        assert_eq!(
            fresh.store.dump(table).await.unwrap(),
            live[table.name],
            "{}",
            table.name
        );
    }
    fresh.discard(&*shelf).await;
    reads.close().await;
}

#[tokio::test]
async fn the_served_generation_goes_on_while_the_next_is_behind() {
    let Some(world) = World::shared().await else {
        return;
    };
    let realm = world.realm(51).await;
    let reads = world.reads().await;
    world.register(realm, 1, "alice").await;
    world.settle(&reads, realm).await;
    // Another node has built the next one, holds the runner's place, and applies nothing.
    let shelf = world.home().open().await.unwrap();
    let built_by = reads.served().store.built_by().await.unwrap().unwrap();
    let next = shelf.make(2, &[], &built_by).await.unwrap();
    assert!(next.lead().await.unwrap());
    assert!(shelf.point_to(2).await.unwrap());
    for number in 2..40_u128 {
        world.register(realm, number, &format!("user{number}")).await;
        let head = world.kernel.head(Stream::facts(realm)).await.unwrap();
        let seen = reads.wait_for(&head, Duration::from_secs(2)).await;
        assert!(seen.is_ok(), "user {number}: {seen:?}");
        assert!(next.lead().await.unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(reads.generation(), 1);
    reads.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_loses_the_runners_place_in_the_middle_applies_nothing_more() {
    let Some(world) = World::shared().await else {
        return;
    };
    let realm = world.realm(61).await;
    let gate = Gate::open();
    let slow = world.reads_of(vec![gate.clone()], PACE).await;
    until(async || leads(&slow).await).await;
    let other = world.reads_of(vec![Gate::open()], PACE).await;
    gate.set(true);
    let user = world.register(realm, 1, "alice").await;
    world.register(realm, 1, "bob").await;
    until(async || gate.keeps_waiting()).await;
    world.database.as_ref().unwrap().cut();
    world.settle(&other, realm).await;
    gate.set(false);
    for name in ["carol", "dave", "erin"] {
        world.register(realm, 1, name).await;
        world.settle(&slow, realm).await;
    }
    assert!(leads(&other).await && !leads(&slow).await);
    for node in [&slow, &other] {
        let tally = node.get::<Tally>(Tally::key(user)).await.unwrap().unwrap();
        assert_eq!(tally.facts, 5, "each once");
        assert_eq!(node.stopped(), []);
    }
}

/// Takes its time for each event, and never comes to an end with it.
struct Weary {
    pause: Duration,
    tried: AtomicUsize,
}

impl Projection for Weary {
    fn name(&self) -> &'static str {
        "weary"
    }
    fn lane(&self) -> Lane {
        Lane::Facts
    }
    fn tables(&self) -> Vec<&'static Table> {
        Vec::new()
    }
    fn touches(&self, _: &Happened) -> Vec<Key> {
        self.tried.fetch_add(1, Ordering::SeqCst);
        block_in_place(|| std::thread::sleep(self.pause));
        panic!("too tired")
    }
    fn apply(&self, _: &mut Rows, _: &Happened) {}
}

/// The server takes the place of a runner that says nothing for five seconds. A round through many streams of which none has
/// anything to write is longer than that, and says so before each.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_long_round_that_writes_nothing_keeps_the_runners_place() {
    let Some(world) = World::shared().await else {
        return;
    };
    let weary = |pause| {
        Arc::new(Weary {
            pause,
            tried: AtomicUsize::new(0),
        })
    };
    let (one, other) = (weary(Duration::from_millis(1_400)), weary(Duration::ZERO));
    let runner = world.reads_of(vec![one.clone()], PACE).await;
    until(async || leads(&runner).await).await;
    let standby = world.reads_of(vec![other.clone()], PACE).await;
    for number in 71..77_u32 {
        let realm = world.realm(number.into()).await;
        world.register(realm, 1, "alice").await;
    }
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert!(one.tried.load(Ordering::SeqCst) > 5);
    assert_eq!(other.tried.load(Ordering::SeqCst), 0, "another took the place");
    drop((runner, standby));
}
