//! The runner is killed between any two of its steps, again and again, alone or beside another that believes to be the one; and
//! one node takes over from another: no job is lost, and the order of each subject is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, atomic::Ordering},
    task::Poll,
    time::Duration,
};

use tokio::{sync::watch, time::timeout};

use super::world::{PACE, Scribe, World, until};
use crate::{Pace, Reactor, runner::Runner, store::Store};

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

/// A runner that takes itself for the one, whoever else is.
async fn run(world: &World, scribe: &Arc<Scribe>, steps: u64) {
    let store = Arc::new(Store::open(&world.home()).await.unwrap());
    store.usurp().await;
    let reactors: Vec<Arc<dyn Reactor>> = vec![scribe.clone()];
    let runner = Runner {
        kernel: world.kernel.clone(),
        store: Arc::clone(&store),
        progress: Arc::default(),
        pace: PACE,
        reactors: reactors.into(),
    };
    let (_told, stop) = watch::channel(false);
    killed_after(steps, Box::pin(runner.run(stop))).await;
    store.close().await;
}

fn below(seed: &mut u64, bound: u64) -> u64 {
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    (seed.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
}

/// Everything of each subject was done at each target, and nothing before all that came before it.
fn nothing_is_missing(scribe: &Scribe, told: &BTreeMap<u128, Vec<u64>>) {
    for target in &scribe.targets {
        for (user, seqs) in told {
            let done = scribe.seqs(target, *user);
            let mut first = BTreeSet::new();
            let fresh: Vec<_> = done.iter().copied().filter(|seq| first.insert(*seq)).collect();
            assert_eq!(&fresh, seqs, "user {user} at {target}");
        }
    }
}

async fn survives(runners: usize) {
    let world = World::new().await;
    let scribe = Scribe::of(&["a", "b", "c"]);
    // It is there before anything happens.
    world.start(&scribe).await.close().await;
    let realm = world.realm(11).await;
    let mut told: BTreeMap<u128, Vec<u64>> = BTreeMap::new();
    let mut seed = 7;
    for round in 0..40 {
        for user in 0..5 {
            told.entry(user).or_default().push(world.tell(realm, user).await);
        }
        scribe.slow.store(round % 2 == 0, Ordering::SeqCst);
        let runs: Vec<_> = (0..runners)
            .map(|_| run(&world, &scribe, 1 + below(&mut seed, 250)))
            .collect();
        futures::future::join_all(runs).await;
    }
    scribe.slow.store(false, Ordering::SeqCst);
    let reactors = world.start(&scribe).await;
    until(async || {
        let status = reactors.status().await.unwrap().remove(0);
        world.clock.advance(1);
        (status.queued, status.lag) == (0, 0)
    })
    .await;
    reactors.close().await;
    nothing_is_missing(&scribe, &told);
    assert!(scribe.done() >= 600);
}

#[tokio::test]
async fn a_runner_that_is_killed_between_any_two_steps_loses_nothing_and_keeps_the_order() {
    survives(1).await;
}

#[tokio::test]
async fn two_runners_that_are_killed_at_any_moment_lose_nothing() {
    survives(2).await;
}

#[tokio::test]
async fn one_node_runs_them_and_when_it_is_gone_another_goes_on() {
    let world = World::new().await;
    if world.database.is_none() {
        eprintln!("a file has one process: with TEST_ENGINE=postgres nodes take over from one another");
        return;
    }
    let scribe = Scribe::of(&["a"]);
    let pace = Pace { batch: 2, ..PACE };
    let one = world.start_at(&scribe, pace).await;
    let other = world.start_at(&scribe, pace).await;
    let realm = world.realm(11).await;
    let mut told = BTreeMap::from([(1, Vec::new())]);
    for round in 0..60 {
        told.entry(1).or_default().push(world.tell(realm, 1).await);
        if round == 30 {
            one.close().await;
        }
    }
    until(async || scribe.done() >= 60).await;
    nothing_is_missing(&scribe, &told);
    // Handed over in good order, nothing was done twice.
    assert_eq!(scribe.done(), 60);

    // All sessions are cut: whoever has the place has lost it, and one takes it again.
    world.database.as_ref().unwrap().cut();
    until(async || {
        let context = world.kernel.log().health().await;
        context.is_ok()
    })
    .await;
    told.entry(1).or_default().push(world.tell(realm, 1).await);
    until(async || scribe.done() >= 61).await;
    nothing_is_missing(&scribe, &told);
    other.close().await;
}
