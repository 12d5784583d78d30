//! How fast devices ask and people try codes. The rule: who asks too fast is told so and has to wait longer (RFC 8628, 3.5); who types
//! wrong codes runs out of tries (RFC 8628, 5.1), whatever the codes are.
//!
//! Kept in memory, on each node by itself: what a code is worth is decided by the log.

use std::{sync::Arc, time::Duration};

use events::{
    clock::Timestamp,
    ids::{RealmId, UserId},
};
use moka::sync::Cache;
use uuid::Uuid;

/// The least seconds between two questions of a device, to begin with.
pub const INTERVAL: u64 = 5;
/// How many seconds longer it has to wait each time it does not (RFC 8628, 3.5).
const SLOWER: u64 = 5;
/// How many wrong codes a user may type in [`MEMORY`].
const TRIES: u32 = 10;
/// How long all of this is remembered: as long as a device may wait.
const MEMORY: Duration = Duration::from_mins(30);
/// Of how many devices and users.
const MOST: u64 = 100_000;

/// The pace of devices and people.
#[derive(Clone, Debug)]
pub struct Pace {
    asked: Cache<Uuid, (Timestamp, u64)>,
    wrong: Cache<(RealmId, UserId), Arc<std::sync::atomic::AtomicU32>>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            asked: Cache::builder().max_capacity(MOST).time_to_idle(MEMORY).build(),
            wrong: Cache::builder().max_capacity(MOST).time_to_live(MEMORY).build(),
        }
    }
}

impl Pace {
    /// Notes that a device asks. `false`: it did so too soon, and has to wait longer from now on.
    pub fn may_ask(&self, device: Uuid, now: Timestamp) -> bool {
        let mut good = true;
        self.asked.entry(device).and_upsert_with(|before| match before {
            None => (now, INTERVAL),
            Some(entry) => {
                let (last, interval) = entry.into_value();
                good = now >= last.after_seconds(interval);
                (now, if good { interval } else { interval + SLOWER })
            }
        });
        good
    }

    /// Whether a user may try a code.
    pub fn may_try(&self, realm: RealmId, user: UserId) -> bool {
        let wrong = self.wrong.get(&(realm, user));
        wrong.is_none_or(|wrong| wrong.load(std::sync::atomic::Ordering::Relaxed) < TRIES)
    }

    /// Notes that a user typed a code that leads nowhere.
    pub fn tried_in_vain(&self, realm: RealmId, user: UserId) {
        self.wrong
            .get_with((realm, user), Arc::default)
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_soon_has_to_wait_longer() {
        let pace = Pace::default();
        let device = Uuid::from_u128(1);
        let at = |seconds| pace.may_ask(device, Timestamp::from_seconds(seconds));
        assert!(at(0) && at(5) && at(10));
        assert!(!at(12), "too soon: ten seconds from now on");
        assert!(!at(18), "fifteen");
        assert!(!at(32), "twenty");
        assert!(at(52));
        assert!(pace.may_ask(Uuid::from_u128(2), Timestamp::from_seconds(12)));
    }

    #[test]
    fn wrong_codes_run_out() {
        let pace = Pace::default();
        let (realm, user) = (RealmId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        for _ in 0..TRIES {
            assert!(pace.may_try(realm, user));
            pace.tried_in_vain(realm, user);
        }
        assert!(!pace.may_try(realm, user));
        assert!(pace.may_try(RealmId(Uuid::from_u128(3)), user));
    }
}
