//! The shared counters, in a real Redis that is started for it, killed and started again.

#![allow(clippy::unwrap_used, reason = "a test's steps fail by panicking")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ratelimit::{Answer, Ask, Limit, Limiter, Memory, Shared, Unavailable, WhenDown};
use scratch::Redis;

/// Of one slot, as on a cluster.
const BUCKET: &str = "{realm}:limit";

fn node(redis: &Redis) -> Shared {
    let own = Memory::new(1_000, ratelimit::monotonic());
    Shared::open(&redis.url().into(), "test:", own).unwrap()
}

fn ask(key: &str, requests: u32, seconds: u64, when_down: WhenDown) -> Ask<'_> {
    Ask {
        bucket: BUCKET,
        key,
        limit: Limit::new(requests, Duration::from_secs(seconds)).unwrap(),
        when_down,
    }
}

/// Waits until a node asks Redis again.
async fn until_shared(node: &Shared) {
    let started = Instant::now();
    while !node
        .look(&[ask("probe", 1, 1, WhenDown::Open)])
        .await
        .unwrap()
        .shared
    {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "it does not come back"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn two_nodes_share_a_budget_however_many_ask_at_once() {
    let Some(redis) = Redis::start() else { return };
    let nodes = [Arc::new(node(&redis)), Arc::new(node(&redis))];
    until_shared(&nodes[0]).await;
    until_shared(&nodes[1]).await;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..400 {
        let node = Arc::clone(&nodes[number % 2]);
        running.spawn(async move {
            let asks = [
                ask("address", 50, 3_600, WhenDown::Closed),
                ask("realm", 1_000, 3_600, WhenDown::Closed),
            ];
            node.take(&asks).await.unwrap()
        });
    }
    let judged = running.join_all().await;
    assert!(judged.iter().all(|judged| judged.shared));
    assert_eq!(judged.iter().filter(|judged| judged.allowed).count(), 50);
    let realm = nodes[1]
        .look(&[ask("realm", 1_000, 3_600, WhenDown::Closed)])
        .await
        .unwrap();
    assert_eq!(
        realm.counts[0].remaining(),
        950,
        "what is refused is counted by none"
    );
}

#[tokio::test]
async fn both_engines_count_alike() {
    let Some(redis) = Redis::start() else { return };
    let node = node(&redis);
    until_shared(&node).await;
    let memory = Memory::new(100, ratelimit::monotonic());
    let asks = [
        ask("a", 7, 3_600, WhenDown::Open),
        ask("b", 5, 86_400, WhenDown::Open),
    ];
    for number in 0..8 {
        let (shared, own) = (node.take(&asks).await.unwrap(), memory.take(&asks).await.unwrap());
        assert_eq!(shared.allowed, number < 5);
        assert_eq!(shared.allowed, own.allowed);
        assert_eq!(shared.refused_by(), own.refused_by());
        for (shared, own) in shared.counts.iter().zip(&own.counts) {
            assert_eq!(shared.remaining(), own.remaining());
        }
    }
}

#[tokio::test]
async fn a_budget_fills_up_again_and_its_key_ends() {
    let Some(redis) = Redis::start() else { return };
    let node = node(&redis);
    until_shared(&node).await;
    let short = ask("short", 2, 1, WhenDown::Closed);
    assert!(node.take(&[short]).await.unwrap().allowed);
    assert!(node.take(&[short]).await.unwrap().allowed);
    let refused = node.take(&[short]).await.unwrap();
    assert!(!refused.allowed);
    tokio::time::sleep(refused.retry_after()).await;
    assert!(node.take(&[short]).await.unwrap().allowed);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys: u64 = redis::cmd("DBSIZE").query_async(&mut connection).await.unwrap();
    assert_eq!(keys, 0);
}

#[tokio::test]
async fn while_it_is_gone_each_limit_holds_as_it_says_and_then_all_goes_on() {
    let Some(redis) = Redis::start() else { return };
    let node = node(&redis);
    until_shared(&node).await;
    let open = ask("open", 3, 3_600, WhenDown::Open);
    let closed = ask("closed", 3, 3_600, WhenDown::Closed);
    assert!(node.take(&[open, closed]).await.unwrap().shared);

    redis.kill();
    let own = node.take(&[open]).await.unwrap();
    assert!(own.allowed && !own.shared && node.is_down());
    assert_eq!(own.counts[0].remaining(), 2, "the node counts for itself");
    assert_eq!(node.take(&[closed]).await, Err(Unavailable));
    assert_eq!(node.take(&[open, closed]).await, Err(Unavailable));
    let fullest = node.fullest(BUCKET, open.limit, 5).await;
    assert!(!fullest.shared, "those of this node are told meanwhile");
    assert_eq!(fullest.keys.len(), 1);
    assert!(node.failures() >= 1);
    assert_eq!(node.check().await, Answer::Away);
    let started = Instant::now();
    for _ in 0..500 {
        let _ = node.take(&[open]).await.unwrap();
    }
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "nobody waits for what is gone"
    );
    assert!(
        !node.take(&[open]).await.unwrap().allowed,
        "open is not without limit"
    );

    redis.again();
    until_shared(&node).await;
    assert!(node.take(&[closed]).await.unwrap().allowed);
    assert!(!node.is_down());
}

/// A peer that takes connections and never answers.
#[tokio::test]
async fn nobody_waits_long_for_one_that_hangs() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let own = Memory::new(1_000, ratelimit::monotonic());
    let node = Shared::open(&url.as_str().into(), "test:", own).unwrap();
    let started = Instant::now();
    assert!(
        !node
            .take(&[ask("a", 3, 60, WhenDown::Open)])
            .await
            .unwrap()
            .shared
    );
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn whoever_has_used_most_is_told_by_every_node() {
    let Some(redis) = Redis::start() else { return };
    let (one, other) = (node(&redis), node(&redis));
    until_shared(&one).await;
    until_shared(&other).await;
    for (key, times) in [("a", 2), ("b", 5), ("c", 1)] {
        for _ in 0..times {
            one.take(&[ask(key, 10, 3_600, WhenDown::Open)]).await.unwrap();
        }
    }
    let limit = ask("a", 10, 3_600, WhenDown::Open).limit;
    let fullest = other.fullest(BUCKET, limit, 2).await;
    assert_eq!((fullest.counted, fullest.shared), (3, true));
    let told = fullest
        .keys
        .iter()
        .map(|(key, count)| (key.as_str(), count.remaining()));
    assert_eq!(told.collect::<Vec<_>>(), [("b", 5), ("a", 8)]);
    assert_eq!(other.fullest("{realm}:nothing", limit, 2).await.counted, 0);
}

#[tokio::test]
async fn one_that_lets_nobody_in_says_so() {
    let Some(redis) = Redis::start() else { return };
    assert_eq!(node(&redis).check().await, Answer::Good);
    redis.require_password("a-password");
    assert_eq!(node(&redis).check().await, Answer::Refused);
    let wrong = redis.url().replace("redis://", "redis://:another@");
    let own = Memory::new(1_000, ratelimit::monotonic());
    let node = Shared::open(&wrong.as_str().into(), "test:", own).unwrap();
    assert_eq!(node.check().await, Answer::Refused);
    let right = redis.url().replace("redis://", "redis://:a-password@");
    let own = Memory::new(1_000, ratelimit::monotonic());
    let node = Shared::open(&right.as_str().into(), "test:", own).unwrap();
    assert_eq!(node.check().await, Answer::Good);
}
