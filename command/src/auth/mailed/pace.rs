//! How many letters one network address asks for. The rule: nobody makes the platform write to thousands of people; it is kept by each node for
//! itself, and fails open, since each mailbox has its own limit in the log.

use std::{sync::Arc, time::Duration};

use events::ids::RealmId;
use ratelimit::{Ask, Limit, Limiter, Memory, WhenDown};

/// The most letters that one address asks for in [`WINDOW`].
const OF_ADDRESS: u32 = 60;
const WINDOW: Duration = Duration::from_mins(10);
/// How many counters there are at most.
const COUNTERS: usize = 50_000;

/// The pace of those who ask for letters.
#[derive(Clone, Debug)]
pub struct LetterPace(Arc<dyn Limiter>);

impl Default for LetterPace {
    fn default() -> Self {
        Self(Arc::new(Memory::new(COUNTERS, ratelimit::monotonic())))
    }
}

impl LetterPace {
    /// Counts a letter. `Some`: there were too many, and in so many seconds there may be another.
    pub async fn take(&self, realm: RealmId, address: Option<&str>) -> Option<u64> {
        let limit = Limit::new(OF_ADDRESS, WINDOW).ok()?;
        let key = format!("letters:{realm}:{}", address.unwrap_or("unknown"));
        let ask = Ask {
            key: &key,
            limit,
            when_down: WhenDown::Open,
        };
        let judged = self.0.take(&[ask]).await.ok()?;
        (!judged.allowed).then(|| judged.retry_after().as_secs().max(1))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn an_address_asks_for_so_many_and_others_are_not_kept_out() {
        let (pace, realm) = (LetterPace::default(), RealmId(Uuid::from_u128(1)));
        for _ in 0..OF_ADDRESS {
            assert_eq!(pace.take(realm, Some("192.0.2.1")).await, None);
        }
        assert!(pace.take(realm, Some("192.0.2.1")).await.is_some());
        assert_eq!(pace.take(realm, Some("192.0.2.2")).await, None);
    }
}
