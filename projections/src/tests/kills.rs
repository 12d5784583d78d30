//! The runner is killed between any two of its steps (reading, loading, comparing, writing, committing), again and again,
//! alone or beside another that believes to be the one: rows are as if nothing had happened.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

use super::world::{Dice, PACE, World};
use crate::{
    generation::{Generation, Setup},
    home::Shelf,
    progress::Progress,
    projection,
    runner::{Pace, Runner},
    store::Store,
};

/// Goes so many steps, or until nothing has happened for a while, and is gone.
async fn killed_after(steps: u64, work: impl Future<Output = ()>) {
    let mut work = pin!(work);
    let mut left = steps;
    let walk = poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        work.as_mut().poll(context)
    });
    let _ = timeout(Duration::from_millis(150), walk).await;
}

fn setup(world: &World) -> Arc<Setup> {
    Arc::new(Setup {
        kernel: Arc::clone(&world.kernel),
        projections: projection::all(),
        pace: Pace { batch: 5, ..PACE },
        follow: true,
    })
}

/// A runner that takes itself for the one, whoever else is.
async fn run(setup: Arc<Setup>, shelf: &dyn Shelf, steps: u64) {
    let store: Arc<Store> = Arc::new(shelf.open(1).await.unwrap());
    store.usurp().await;
    let (_told, mut stop) = watch::channel(false);
    let runner = Runner::new(&setup, &store, &Arc::new(Progress::new()));
    killed_after(steps, runner.run(&mut stop)).await;
}

/// Kills as many runners at once as there are seeds, for a while, and compares.
async fn survives(world: World, seeds: &[u64]) {
    let realm = world.realm(11).await;
    let setup = setup(&world);
    let shelf = world.home().open().await.unwrap();
    let generation = Generation::make(&*shelf, &setup).await.unwrap();
    generation.finish(&setup).await.unwrap();
    shelf.point_to(1).await.unwrap();
    generation.store.close().await;

    for round in 0..60 {
        world.live(realm, round, 6).await;
        let runs = seeds.iter().map(|seed| {
            let mut dice = Dice((seed << 32) | (round + 1));
            dice.below(9);
            run(Arc::clone(&setup), &*shelf, 1 + dice.below(60))
        });
        futures::future::join_all(runs).await;
    }

    let reads = world.reads().await;
    assert_eq!(reads.generation(), 1);
    world.settle(&reads, realm).await;
    let live = reads.dump().await.unwrap();
    reads.rebuild().await.unwrap();
    assert_eq!(reads.dump().await.unwrap(), live);
    assert_eq!(live["audit_events"].len(), 360);
}

#[tokio::test]
async fn a_runner_that_is_killed_between_any_two_steps_goes_on_where_it_stood() {
    survives(World::new().await, &[1]).await;
}

#[tokio::test]
async fn two_runners_that_are_killed_at_any_moment_apply_nothing_twice() {
    survives(World::new().await, &[1, 2]).await;
}
