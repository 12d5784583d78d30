//! Under load: refused at once when full, nothing done for those who went away, and every accepted one
//! answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::{join_all, poll_immediate};
use passwords::{HashError, Hasher, Parameters, Verdict};
use secrecy::SecretString;

/// Some 300 ms a hash, so that what is in the queue stays there for the length of a test.
const SLOW: Parameters = Parameters {
    memory_kib: 64 * 1024,
    iterations: 3,
    parallelism: 1,
};
const CHEAP: Parameters = Parameters {
    memory_kib: 64,
    iterations: 1,
    parallelism: 1,
};

fn password() -> SecretString {
    SecretString::from("green tea at four")
}

/// Waits until the one thread has taken up what was in the queue.
async fn until_taken_up(hasher: &Hasher) {
    while hasher.queue_depth() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_at_once_and_what_fits_is_served() {
    let hasher = Hasher::new(SLOW, 1, 2).unwrap();
    let password = password();
    let mut running = Box::pin(hasher.verify(&password, None));
    assert!(poll_immediate(&mut running).await.is_none());
    until_taken_up(&hasher).await;
    let mut waiting = [
        Box::pin(hasher.verify(&password, None)),
        Box::pin(hasher.verify(&password, None)),
    ];
    for one in &mut waiting {
        assert!(poll_immediate(one).await.is_none());
    }

    let started = Instant::now();
    for _ in 0..100 {
        let refused = hasher.verify(&password, None).await;
        assert!(
            matches!(
                refused,
                Err(HashError::Overloaded {
                    retry_after_seconds: 1..
                })
            ),
            "{refused:?}"
        );
        assert!(matches!(
            hasher.hash(&password).await,
            Err(HashError::Overloaded { .. })
        ));
    }
    assert!(
        started.elapsed() < Duration::from_millis(100),
        "refusing is cheap: {:?}",
        started.elapsed()
    );

    assert_eq!(running.await, Ok(Verdict::Mismatch));
    assert_eq!(
        join_all(waiting).await,
        [Ok(Verdict::Mismatch), Ok(Verdict::Mismatch)]
    );
    assert_eq!(
        hasher.verify(&password, None).await,
        Ok(Verdict::Mismatch),
        "and there is room again"
    );
}

#[tokio::test]
async fn nothing_is_computed_for_those_who_went_away() {
    let hasher = Hasher::new(SLOW, 1, 100).unwrap();
    let password = password();
    let started = Instant::now();
    hasher.verify(&password, None).await.unwrap();
    let one = started.elapsed();

    let mut running = Box::pin(hasher.verify(&password, None));
    assert!(poll_immediate(&mut running).await.is_none());
    until_taken_up(&hasher).await;
    for _ in 0..100 {
        // Asked, queued, and gone.
        assert!(
            poll_immediate(Box::pin(hasher.verify(&password, None)))
                .await
                .is_none()
        );
    }
    assert_eq!(hasher.queue_depth(), 100);
    let started = Instant::now();
    hasher.verify(&password, None).await.unwrap();
    assert!(
        started.elapsed() < one * 20,
        "{:?} for what takes {one:?} alone",
        started.elapsed()
    );
    running.await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_never_polled_takes_no_place() {
    let hasher = Hasher::new(SLOW, 1, 1).unwrap();
    let password = password();
    let _unpolled = hasher.verify(&password, None);
    assert_eq!(hasher.queue_depth(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_each_get_their_own_answer() {
    let hasher = Arc::new(Hasher::new(CHEAP, 4, 1000).unwrap());
    let tasks = (0..500).map(|number| {
        let hasher = Arc::clone(&hasher);
        tokio::spawn(async move {
            let mine = SecretString::from(format!("password number {number}"));
            let stored = hasher.hash(&mine).await.unwrap();
            let right = hasher.verify(&mine, Some(&stored)).await.unwrap();
            let wrong = hasher
                .verify(&SecretString::from("another"), Some(&stored))
                .await
                .unwrap();
            (right, wrong)
        })
    });
    for task in join_all(tasks).await {
        assert_eq!(
            task.unwrap(),
            (Verdict::Match { needs_rehash: false }, Verdict::Mismatch)
        );
    }
    assert_eq!(hasher.queue_depth(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn far_more_than_fits_is_partly_served_partly_refused_and_never_lost() {
    let hasher = Arc::new(
        Hasher::new(
            Parameters {
                memory_kib: 1024,
                ..CHEAP
            },
            2,
            10,
        )
        .unwrap(),
    );
    let answers = join_all((0..200).map(|_| {
        let hasher = Arc::clone(&hasher);
        tokio::spawn(async move { hasher.verify(&password(), None).await })
    }))
    .await;
    let served = answers
        .iter()
        .filter(|answer| matches!(answer, Ok(Ok(Verdict::Mismatch))))
        .count();
    let refused = answers
        .iter()
        .filter(|answer| matches!(answer, Ok(Err(HashError::Overloaded { .. }))))
        .count();
    assert_eq!(served + refused, 200);
    assert!(served >= 10, "{served} served");
}

#[tokio::test]
async fn the_threads_end_with_the_hasher() {
    let named = || {
        let tasks = std::fs::read_dir("/proc/self/task")
            .into_iter()
            .flatten()
            .flatten();
        tasks
            .filter(|task| {
                std::fs::read_to_string(task.path().join("comm"))
                    .is_ok_and(|name| name.starts_with("password-31"))
            })
            .count()
    };
    let until = async |count| {
        let started = Instant::now();
        while named() != count {
            assert!(
                started.elapsed() < Duration::from_secs(5),
                "{} of {count} threads",
                named()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // 32 threads, of which the last is known by its number: no other test starts so many.
    let hasher = Hasher::new(CHEAP, 32, 32).unwrap();
    if cfg!(target_os = "linux") {
        until(1).await;
    }
    drop(hasher);
    until(0).await;
}

#[tokio::test]
async fn what_happens_is_measured() {
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new()
        .install_recorder()
        .unwrap();
    let hasher = Hasher::new(SLOW, 1, 1).unwrap();
    let password = password();
    let mut running = Box::pin(hasher.verify(&password, None));
    assert!(poll_immediate(&mut running).await.is_none());
    until_taken_up(&hasher).await;
    let mut waiting = Box::pin(hasher.verify(&password, None));
    assert!(poll_immediate(&mut waiting).await.is_none());
    assert!(hasher.verify(&password, None).await.is_err());
    running.await.unwrap();
    waiting.await.unwrap();

    let page = metrics.render();
    for name in [
        "chancery_password_queue_depth",
        "chancery_password_hash_seconds_count",
        "chancery_password_refused_total",
    ] {
        assert!(
            page.lines().any(|line| line.starts_with(name)),
            "{name} in\n{page}"
        );
    }
}

#[test]
fn neither_password_nor_hash_shows_when_it_is_printed() {
    let hasher = Hasher::new(CHEAP, 1, 1).unwrap();
    let printed = format!("{hasher:?} {:?}", password());
    assert!(!printed.contains("green"), "{printed}");
    assert!(
        printed.starts_with("Hasher { parameters: Parameters"),
        "{printed}"
    );
}
