//! The shared counters, in a real Redis that is started for it, killed and started again. The rule: where the machine has no
//! `redis-server` this is said, and where everything must be tried (`CI=true`) it fails.

#![allow(clippy::unwrap_used, reason = "a test's steps fail by panicking")]

use std::{
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use ratelimit::{Ask, Limit, Limiter, Memory, Shared, Unavailable, WhenDown};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../redis");

/// A Redis of this test's own.
struct Redis {
    folder: tempfile::TempDir,
    url: String,
}

impl Redis {
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let url = match run(&["start", folder.path().to_str().unwrap()]) {
            Ok(url) => url,
            Err(reason) if std::env::var("CI").is_ok_and(|ci| ci == "true") => panic!("{reason}"),
            Err(reason) => {
                eprintln!("not tried: {reason}");
                return None;
            }
        };
        Some(Self { folder, url })
    }

    fn kill(&self) {
        run(&["stop", path(self.folder.path())]).unwrap();
    }

    /// Starts it again at the same address, with nothing in it.
    fn again(&self) {
        let port = self.url.rsplit(':').next().unwrap();
        run(&["start", path(self.folder.path()), port]).unwrap();
    }

    fn node(&self) -> Shared {
        let own = Memory::new(1_000, ratelimit::monotonic());
        Shared::open(&self.url.as_str().into(), "test:", own).unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = run(&["stop", path(self.folder.path())]);
    }
}

fn path(folder: &Path) -> &str {
    folder.to_str().unwrap()
}

fn run(arguments: &[&str]) -> Result<String, String> {
    let ran = Command::new(SCRIPT)
        .args(arguments)
        .output()
        .map_err(|error| error.to_string())?;
    if ran.status.success() {
        Ok(String::from_utf8_lossy(&ran.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&ran.stderr).trim().to_owned())
    }
}

fn ask(key: &str, requests: u32, seconds: u64, when_down: WhenDown) -> Ask<'_> {
    Ask {
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
    let nodes = [Arc::new(redis.node()), Arc::new(redis.node())];
    until_shared(&nodes[0]).await;
    until_shared(&nodes[1]).await;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..400 {
        let node = Arc::clone(&nodes[number % 2]);
        running.spawn(async move {
            let asks = [
                ask("{realm}:address", 50, 3_600, WhenDown::Closed),
                ask("{realm}:realm", 1_000, 3_600, WhenDown::Closed),
            ];
            node.take(&asks).await.unwrap()
        });
    }
    let judged = running.join_all().await;
    assert!(judged.iter().all(|judged| judged.shared));
    assert_eq!(judged.iter().filter(|judged| judged.allowed).count(), 50);
    let realm = nodes[1]
        .look(&[ask("{realm}:realm", 1_000, 3_600, WhenDown::Closed)])
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
    let node = redis.node();
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
    let node = redis.node();
    until_shared(&node).await;
    let short = ask("short", 2, 1, WhenDown::Closed);
    assert!(node.take(&[short]).await.unwrap().allowed);
    assert!(node.take(&[short]).await.unwrap().allowed);
    let refused = node.take(&[short]).await.unwrap();
    assert!(!refused.allowed);
    tokio::time::sleep(refused.retry_after()).await;
    assert!(node.take(&[short]).await.unwrap().allowed);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let client = redis::Client::open(redis.url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let keys: u64 = redis::cmd("DBSIZE").query_async(&mut connection).await.unwrap();
    assert_eq!(keys, 0);
}

#[tokio::test]
async fn while_it_is_gone_each_limit_holds_as_it_says_and_then_all_goes_on() {
    let Some(redis) = Redis::start() else { return };
    let node = redis.node();
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
