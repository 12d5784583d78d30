//! Time and randomness are passed in, never taken: tests freeze the one and fix the other.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

/// A moment, in microseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
#[schemars(extend("x-unit" = "microseconds since 1970-01-01T00:00:00Z"))]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From whole seconds since the epoch (JWT's NumericDate).
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Whole seconds since the epoch, rounded down (JWT's NumericDate).
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This moment plus a duration.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// This moment plus whole seconds.
    #[must_use]
    pub const fn after_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add_unsigned(seconds.saturating_mul(1_000_000)))
    }

    /// RFC 3339 in UTC with microseconds, for people and for JSON answers.
    pub fn rfc3339(self) -> String {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000)
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok())
            .unwrap_or_else(|| format!("{}us", self.0))
    }

    /// Parses RFC 3339; `None` if it is not one.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(moment.unix_timestamp_nanos() / 1_000)
            .ok()
            .map(Self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock, as far as it can be believed: it never goes back while this process lives, so that what has ended
/// stays ended when somebody sets the clock back. Until the machine's clock has caught up, time goes on at half its pace.
#[derive(Debug, Default)]
pub struct SystemClock;

/// What was told last in this process, and when.
static TOLD: Mutex<Option<(Instant, Timestamp)>> = Mutex::new(None);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    fn now(&self) -> Timestamp {
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let machine = Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
        let at = Instant::now();
        let now = told.map_or(machine, |(earlier, moment)| {
            machine.max(moment.after(at.duration_since(earlier) / 2))
        });
        // Less than a microsecond on is not lost, but counted the next time.
        if told.is_none_or(|(_, moment)| moment != now) {
            *told = Some((at, now));
        }
        now
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FrozenClock(AtomicI64);

impl FrozenClock {
    /// Stands at this moment.
    pub fn at(moment: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(moment.0)))
    }

    /// Moves on (or back, with a negative number of seconds).
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for FrozenClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Where randomness comes from.
pub trait Random: Send + Sync + fmt::Debug {
    /// Fills with bytes that nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness, through aws-lc.
#[derive(Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(
        clippy::expect_used,
        reason = "a machine without randomness must not issue secrets"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).expect("the operating system gives randomness");
    }
}

/// A counter that looks like randomness: the same in every run of a test.
#[derive(Debug, Default)]
pub struct CountingRandom(AtomicU64);

impl Random for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let count = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
            chunk.copy_from_slice(&count[8 - chunk.len()..]);
        }
    }
}

/// A new UUID, version 7: its time is `now`, the rest is random.
pub fn new_id(now: Timestamp, random: &dyn Random) -> Uuid {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let millis = u64::try_from(now.0 / 1_000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}
