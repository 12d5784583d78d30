//! Takes from a budget of five requests in ten seconds: `cargo run --example take [redis://127.0.0.1:6379]`. Run it in two terminals
//! with a Redis, and they share the budget; stop the Redis, and each has one of its own.

use std::{sync::Arc, time::Duration};

use ratelimit::{Ask, Limit, Limiter, Memory, Shared, WhenDown};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let memory = Memory::new(10_000, ratelimit::monotonic());
    let limiter: Arc<dyn Limiter> = match std::env::args().nth(1) {
        Some(url) => Arc::new(Shared::open(&url.into(), "example:", memory)?),
        None => Arc::new(memory),
    };
    let ask = Ask {
        bucket: "take",
        key: "somebody",
        limit: Limit::new(5, Duration::from_secs(10))?,
        when_down: WhenDown::Open,
    };
    for _ in 0..20 {
        let judged = limiter.take(&[ask]).await?;
        println!(
            "{}; {} left, the next in {:?}",
            if judged.allowed { "allowed" } else { "refused" },
            judged.counts[0].remaining(),
            judged.retry_after()
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}
