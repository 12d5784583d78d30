//! Rate limits: so many requests in so long, for whatever a key stands for. The rules: a request is counted by all of its limits or
//! by none; what counts is bounded in memory; and of each limit it is said what holds while the shared counters cannot be asked.
//!
//! # How it counts
//! By the generic cell rate algorithm (GCRA, ITU-T I.371): a budget of `requests` that fills up again evenly over `window`. It needs one
//! number for each key, the time until its budget is whole again, and no timer; it lets no more than `requests` through at once and no
//! more than `requests` in each `window` after that, so that nobody gets twice the limit around the turn of a fixed window.
//!
//! # How to use it
//! ```
//! use std::{sync::Arc, time::Duration};
//! use ratelimit::{Ask, Limit, Limiter, Memory, WhenDown};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let limiter = Memory::new(10_000, ratelimit::monotonic());
//! let ask = Ask {
//!     bucket: "sign-in",
//!     key: "203.0.113.9",
//!     limit: Limit::new(2, Duration::from_secs(60))?,
//!     when_down: WhenDown::Open,
//! };
//! assert!(limiter.take(&[ask]).await?.allowed);
//! assert!(limiter.take(&[ask]).await?.allowed);
//! let third = limiter.take(&[ask]).await?;
//! assert!(!third.allowed);
//! assert!(third.retry_after() <= Duration::from_secs(30));
//! # Ok(()) }
//! ```
//!
//! On several nodes, the same with [`Shared`]: `Shared::open(&url, "shop:rates:", memory)`. All nodes then share one budget for each
//! key. The time is Redis's own, so the nodes' clocks do not matter.
//!
//! | engine | counters | when Redis is down |
//! | --- | --- | --- |
//! | [`Memory`] | of this process; the fullest are kept when there are too many | |
//! | [`Shared`] | of all that share the Redis and the prefix; each ends by itself when its budget is whole | [`WhenDown::Open`]: by the counters of this process; [`WhenDown::Closed`]: refused with [`Unavailable`] |
//!
//! **When is a limit to be open, when closed?** Closed, where what is limited does harm outside or where nothing else stands behind it: a
//! message that costs money, a short code that is tried. Open, where people would be kept out by it, and something else (a guard in a
//! log, a long secret) holds anyway. An open limit still limits: on each node by itself.
//!
//! **Keys** are up to the caller, and so is what they give away: the address of a person does not belong into a shared store in the
//! clear, so take a keyed hash of it. On a cluster, the buckets of one [`take`](Limiter::take) must be of one slot: give them a common `{tag}`.
//!
//! **What is it now?** [`Limiter::fullest`] tells the keys of a bucket that have used most.

mod count;
mod memory;
mod shared;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

pub use count::{Count, Limit, LimitError};
pub use memory::Memory;
pub use shared::{Answer, OpenError, Shared};

/// What holds while the shared counters cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenDown {
    /// Each node counts for itself.
    Open,
    /// Nobody passes.
    Closed,
}

/// One limit that a request has to keep.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What all keys of one limit have in common.
    pub bucket: &'a str,
    /// Who or what is counted.
    pub key: &'a str,
    /// How much of it is allowed.
    pub limit: Limit,
    /// What holds while nobody can tell.
    pub when_down: WhenDown,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whether it is within all of its limits; only then was it counted.
    pub allowed: bool,
    /// The counters, one for each limit, as they are now.
    pub counts: Vec<Count>,
    /// Whether they are those of all nodes.
    pub shared: bool,
}

impl Judged {
    /// In how long the same request would be within all of its limits; zero if it is.
    pub fn retry_after(&self) -> Duration {
        let waits = self.counts.iter().map(Count::retry_after);
        waits.max().unwrap_or_default()
    }

    /// The limit (by its place in the request) that refuses for the longest time, if one does.
    pub fn refused_by(&self) -> Option<usize> {
        if self.allowed {
            return None;
        }
        (0..self.counts.len()).max_by_key(|place| self.counts[*place].retry_after())
    }
}

/// The keys of a bucket that have used most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fullest {
    /// They and their counters, the fullest first.
    pub keys: Vec<(String, Count)>,
    /// How many keys of the bucket have used anything.
    pub counted: u64,
    /// Whether it is what all nodes counted.
    pub shared: bool,
}

/// The shared counters cannot be asked, and a limit is closed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shared counters do not answer")]
pub struct Unavailable;

/// Whoever counts.
#[async_trait]
pub trait Limiter: Send + Sync + fmt::Debug {
    /// Counts a request, if it is within all of these limits. One that is refused is counted by none of them, so that who tries
    /// too often waits no longer for it.
    async fn take(&self, asks: &[Ask<'_>]) -> Result<Judged, Unavailable>;

    /// The counters as they are: nothing is counted.
    async fn look(&self, asks: &[Ask<'_>]) -> Result<Judged, Unavailable>;

    /// The keys of a bucket that have used most of this limit, at most so many. While the shared counters cannot be asked, those of
    /// this process.
    async fn fullest(&self, bucket: &str, limit: Limit, most: usize) -> Fullest;
}

/// Tells the time in microseconds; it never goes back.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The time since now, by the clock of the runtime.
pub fn monotonic() -> Clock {
    let start = tokio::time::Instant::now();
    Arc::new(move || u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX))
}
