//! What stops, stops alone, is told, loses nothing, and goes on by itself when its cause is mended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use events::{
    event::Happened,
    ids::UserId,
    subject::{Lane, Stream, Subject, SubjectKind},
};

use super::world::{PACE, PATIENCE, World};
use crate::{
    Projection, ReadError, Reads, RebuildError, projection,
    rows::Rows,
    runner::Pace,
    table::{Key, Record, Table, record},
    users::{self, UserRow},
};

record! {
    /// How many facts a user has.
    pub struct Tally in "tally"
    key {
        /// The user.
        id: UserId,
    }
    row {
        /// How many.
        facts: u64,
    }
    indexes []
}

/// Counts facts; at the third of a user it panics, or touches what it did not declare, while it is told to.
pub struct Fragile {
    pub broken: Arc<AtomicBool>,
    pub panics: bool,
}

impl Projection for Fragile {
    fn name(&self) -> &'static str {
        "fragile"
    }
    fn lane(&self) -> Lane {
        Lane::Facts
    }
    fn tables(&self) -> Vec<&'static Table> {
        vec![Tally::table()]
    }
    fn touches(&self, happened: &Happened) -> Vec<Key> {
        let user = happened
            .subject
            .filter(|subject| subject.kind == SubjectKind::User);
        user.map(|user| Tally::key(UserId(user.id))).into_iter().collect()
    }
    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let Some(Subject {
            kind: SubjectKind::User,
            id,
        }) = happened.subject
        else {
            return;
        };
        let id = UserId(id);
        let facts = rows.get::<Tally>(&Tally::key(id)).map_or(1, |row| row.facts + 1);
        rows.put(&Tally { id, facts });
        if facts == 3 && self.broken.load(Ordering::SeqCst) {
            assert!(!self.panics, "three is too many");
            rows.get::<UserRow>(&UserRow::key(happened.stream.realm, id));
        }
    }
}

/// How many projections read the facts.
fn projections_of_facts() -> usize {
    projection::all()
        .into_iter()
        .filter(|projection| projection.lane() == Lane::Facts)
        .count()
}

pub async fn until(reads: &Reads, what: impl Fn(&Reads) -> bool) {
    let wait = async {
        while !what(reads) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("in time");
}

#[tokio::test]
async fn an_event_that_nobody_understands_stops_its_stream_and_no_other() {
    let world = World::new().await;
    let (realm, other) = (world.realm(11).await, world.realm(12).await);
    let reads = world.reads().await;
    let before = world.register(realm, 1, "before").await;
    world.poison(Stream::facts(realm)).await;
    let after = world.register(realm, 2, "after").await;
    let elsewhere = world.register(other, 3, "elsewhere").await;
    world.settle(&reads, other).await;
    let facts = projections_of_facts();
    until(&reads, |reads| reads.stopped().len() == facts).await;
    let stopped = reads.stopped();
    for stopped in &stopped {
        assert_eq!((stopped.stream, stopped.seq), (Stream::facts(realm), 2));
        assert_eq!(stopped.reason, "unknown event type riddle.posed");
    }
    assert!(users::get(&reads, realm, before).await.unwrap().is_some());
    assert!(
        users::get(&reads, realm, after).await.unwrap().is_none(),
        "nothing is skipped"
    );
    assert!(users::get(&reads, other, elsewhere).await.unwrap().is_some());
    assert_eq!(reads.lag()["users"], 2);

    // A new generation comes no further, and no less far: it may take the old one's place.
    reads.rebuild().await.unwrap();
    assert_eq!(reads.stopped().len(), facts);
    assert!(users::get(&reads, realm, before).await.unwrap().is_some());
}

#[tokio::test]
async fn a_damaged_event_stops_its_stream_and_no_other() {
    let world = World::new().await;
    let (realm, other) = (world.realm(11).await, world.realm(12).await);
    let facts = Stream::facts(realm);
    let before = world.register(realm, 1, "before").await;
    world.register(realm, 2, "damaged").await;
    let after = world.register(realm, 3, "after").await;
    let elsewhere = world.register(other, 4, "elsewhere").await;
    let sound = world.kernel.log().read(facts, 1, 1).await.unwrap().remove(0);
    world.damage(b"{").await;

    let reads = world.reads().await;
    world.settle(&reads, other).await;
    until(&reads, |reads| reads.stopped().len() == projections_of_facts()).await;
    for stopped in reads.stopped() {
        assert_eq!((stopped.stream, stopped.seq), (facts, 2));
        assert!(stopped.reason.contains("damaged"), "{}", stopped.reason);
    }
    assert_eq!(reads.failing(), None, "a pass is made all the same");
    assert!(users::get(&reads, realm, before).await.unwrap().is_some());
    assert!(users::get(&reads, realm, after).await.unwrap().is_none());
    assert!(users::get(&reads, other, elsewhere).await.unwrap().is_some());

    world.damage(&sound.entry_bytes).await;
    until(&reads, |reads| reads.stopped().is_empty()).await;
    world.settle(&reads, realm).await;
    assert!(users::get(&reads, realm, after).await.unwrap().is_some());
}

#[tokio::test]
async fn a_runner_that_cannot_go_on_says_why_until_it_can() {
    let world = World::new().await;
    let realm = world.realm(13).await;
    let reads = world.reads().await;
    world.register(realm, 1, "alice").await;
    world.settle(&reads, realm).await;
    assert_eq!(reads.failing(), None);
    world.meddle(1, "ALTER TABLE cursors RENAME TO lost").await;
    let bob = world.register(realm, 2, "bob").await;
    until(&reads, |reads| reads.failing().is_some()).await;
    let why = reads.failing().unwrap();
    assert!(why.contains("cursors"), "{why}");

    world.meddle(1, "ALTER TABLE lost RENAME TO cursors").await;
    until(&reads, |reads| reads.failing().is_none()).await;
    world.settle(&reads, realm).await;
    assert!(users::get(&reads, realm, bob).await.unwrap().is_some());

    reads.close().await;
    assert!(reads.failing().is_some(), "nothing follows any more");
}

/// Takes the runner with it: it panics where nobody guards.
struct Nameless(Arc<AtomicBool>);

impl Projection for Nameless {
    fn name(&self) -> &'static str {
        assert!(!self.0.load(Ordering::SeqCst), "no name");
        "nameless"
    }
    fn lane(&self) -> Lane {
        Lane::Facts
    }
    fn tables(&self) -> Vec<&'static Table> {
        Vec::new()
    }
    fn touches(&self, _: &Happened) -> Vec<Key> {
        Vec::new()
    }
    fn apply(&self, _: &mut Rows, _: &Happened) {}
}

#[tokio::test]
async fn a_runner_that_is_gone_is_told() {
    let world = World::new().await;
    let realm = world.realm(14).await;
    let broken = Arc::new(AtomicBool::new(false));
    let reads = world
        .reads_of(vec![Arc::new(Nameless(Arc::clone(&broken)))], PACE)
        .await;
    assert_eq!(reads.failing(), None);
    broken.store(true, Ordering::SeqCst);
    world.register(realm, 1, "alice").await;
    until(&reads, |reads| reads.failing().is_some()).await;
    assert!(reads.failing().unwrap().contains("ended"));
}

#[tokio::test]
async fn a_projection_that_fails_stops_alone_and_goes_on_when_it_is_mended() {
    for panics in [true, false] {
        let world = World::new().await;
        let realm = world.realm(21).await;
        let broken = Arc::new(AtomicBool::new(true));
        let mut projections = projection::all();
        projections.push(Arc::new(Fragile {
            broken: broken.clone(),
            panics,
        }));
        let reads = world.reads_of(projections, PACE).await;
        let user = world.register(realm, 1, "alice").await;
        for name in ["b", "c", "d"] {
            world.register(realm, 1, name).await;
        }
        until(&reads, |reads| {
            reads.lag()["fragile"] == 2 && reads.lag()["users"] == 0
        })
        .await;

        let stopped = reads.stopped();
        assert_eq!(
            (stopped.len(), stopped[0].projection, stopped[0].seq),
            (1, "fragile", 3)
        );
        let expected = if panics {
            "the projection panicked"
        } else {
            "a row of users was read undeclared"
        };
        assert_eq!(stopped[0].reason, expected);
        assert_eq!(
            reads.get::<Tally>(Tally::key(user)).await.unwrap(),
            Some(Tally { id: user, facts: 2 })
        );
        let row = users::get(&reads, realm, user).await.unwrap().unwrap();
        assert_eq!(
            (row.username.as_deref(), row.version),
            (Some("d"), 4),
            "the others went on"
        );
        assert_eq!(reads.lag()["fragile"], 2);

        broken.store(false, Ordering::SeqCst);
        world.settle(&reads, realm).await;
        until(&reads, |reads| reads.stopped().is_empty()).await;
        assert_eq!(
            reads.get::<Tally>(Tally::key(user)).await.unwrap(),
            Some(Tally { id: user, facts: 4 })
        );
        assert_eq!(reads.lag()["fragile"], 0);
    }
}

#[tokio::test]
async fn a_new_generation_that_comes_less_far_is_not_served() {
    let world = World::new().await;
    let realm = world.realm(31).await;
    let broken = Arc::new(AtomicBool::new(false));
    let reads = world
        .reads_of(
            vec![Arc::new(Fragile {
                broken: broken.clone(),
                panics: true,
            })],
            PACE,
        )
        .await;
    for name in ["a", "b", "c", "d"] {
        world.register(realm, 1, name).await;
    }
    world.settle(&reads, realm).await;
    broken.store(true, Ordering::SeqCst);
    let Err(RebuildError::Stopped(stopped)) = reads.rebuild().await else {
        panic!("it was served")
    };
    assert_eq!(stopped[0].seq, 3);
    assert_eq!(reads.generation(), 1);
    assert!(reads.stopped().is_empty());
    assert_eq!(world.generations().await, [1]);

    broken.store(false, Ordering::SeqCst);
    assert_eq!(reads.rebuild().await.unwrap(), 2);
}

#[tokio::test]
async fn a_cursor_that_does_not_fit_the_log_stops_until_a_rebuild() {
    for damage in [
        "UPDATE cursors SET leaf_hash = substr(leaf_hash, 2) WHERE projection = 'users'",
        "UPDATE cursors SET seq = seq + 5 WHERE projection = 'users'",
        "UPDATE cursors SET incarnation = '00000000-0000-0000-0000-000000000001' WHERE projection = 'users'",
    ] {
        let world = World::new().await;
        let realm = world.realm(41).await;
        let reads = world.reads().await;
        world.register(realm, 1, "alice").await;
        world.settle(&reads, realm).await;
        let live = reads.dump().await.unwrap();
        reads.close().await;
        world.meddle(1, damage).await;

        let reads = world.reads().await;
        until(&reads, |reads| !reads.stopped().is_empty()).await;
        let stopped = reads.stopped();
        assert_eq!((stopped.len(), stopped[0].projection), (1, "users"), "{damage}");
        assert!(stopped[0].reason.contains("rebuild"), "{damage}");
        reads.rebuild().await.unwrap();
        assert!(reads.stopped().is_empty());
        assert_eq!(reads.dump().await.unwrap(), live);
    }
}

#[tokio::test]
async fn what_is_closed_says_so() {
    let world = World::new().await;
    let realm = world.realm(51).await;
    let reads = world.reads().await;
    reads.close().await;
    let user = UserId(uuid::Uuid::nil());
    assert_eq!(users::get(&reads, realm, user).await, Err(ReadError::Closed));
}

/// Does not come back while it is told to stay.
struct Stuck(Arc<AtomicBool>);

impl Projection for Stuck {
    fn name(&self) -> &'static str {
        "stuck"
    }
    fn lane(&self) -> Lane {
        Lane::Facts
    }
    fn tables(&self) -> Vec<&'static Table> {
        Vec::new()
    }
    fn touches(&self, _: &Happened) -> Vec<Key> {
        Vec::new()
    }
    fn apply(&self, _: &mut Rows, _: &Happened) {
        while self.0.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Lets the thread go that is held, also when the test fails.
struct Released(Arc<AtomicBool>);

impl Drop for Released {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_is_frozen_is_told_and_one_that_is_idle_is_not() {
    // The pace of a runner knows no engine: once is enough for a test that takes seconds and holds a thread.
    if matches!(scratch::engine(), scratch::Engine::Postgres) {
        return;
    }
    let world = World::new().await;
    let realm = world.realm(15).await;
    let frozen = Duration::from_secs(3);
    let stuck = Arc::new(AtomicBool::new(false));
    let _released = Released(Arc::clone(&stuck));
    let pace = Pace { frozen, ..PACE };
    let reads = world
        .reads_of(vec![Arc::new(Stuck(Arc::clone(&stuck)))], pace)
        .await;
    world.register(realm, 1, "alice").await;
    world.settle(&reads, realm).await;
    let idle = std::time::Instant::now();
    while idle.elapsed() < frozen + Duration::from_secs(1) {
        assert_eq!(reads.failing(), None, "nothing to do is no reason");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stuck.store(true, Ordering::SeqCst);
    world.register(realm, 2, "bob").await;
    assert_eq!(reads.failing(), None, "a batch may take a while");
    until(&reads, |reads| reads.failing().is_some()).await;
    assert!(
        reads.failing().unwrap().contains("no step for"),
        "{:?}",
        reads.failing()
    );
    stuck.store(false, Ordering::SeqCst);
    until(&reads, |reads| reads.failing().is_none()).await;
    world.settle(&reads, realm).await;
}
