//! Counters of one process. The rule: there is an end to how many there are, and it is the emptiest that are let go, so that
//! whoever sends from a million addresses does not wash away what others, or they themselves, have used.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;

use crate::{Ask, Clock, Count, Fullest, Judged, Limit, Limiter, Unavailable};

/// What stands between bucket and key; neither holds it.
const BETWEEN: char = '\u{1f}';

/// Counters of this process, by the moment at which their budget is whole again.
pub struct Memory {
    most: usize,
    clock: Clock,
    whole_at: Mutex<HashMap<Box<str>, u64>>,
}

impl Memory {
    /// At most so many counters, at some hundred bytes each.
    pub fn new(most: usize, clock: Clock) -> Self {
        Self {
            most: most.max(8),
            clock,
            whole_at: Mutex::default(),
        }
    }

    /// How many counters there are now.
    pub fn len(&self) -> usize {
        self.counters().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn counters(&self) -> std::sync::MutexGuard<'_, HashMap<Box<str>, u64>> {
        // Whoever panicked while it held them has at worst not counted one request.
        self.whole_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, asks: &[Ask<'_>], counting: bool) -> Judged {
        let now = (self.clock)();
        let keys = asks
            .iter()
            .map(|ask| format!("{}{BETWEEN}{}", ask.bucket, ask.key));
        let keys: Vec<String> = keys.collect();
        let mut counters = self.counters();
        let levels = keys.iter().map(|key| {
            let whole_at = counters.get(key.as_str()).copied().unwrap_or(now);
            whole_at.saturating_sub(now)
        });
        let levels: Vec<u64> = levels.collect();
        let mut after = asks
            .iter()
            .zip(&levels)
            .map(|(ask, level)| ask.limit.after(*level));
        let after: Option<Vec<u64>> = after.by_ref().collect();
        let told = match &after {
            Some(after) if counting => after,
            Some(_) | None => &levels,
        };
        if let Some(after) = after.as_ref().filter(|_| counting) {
            for (key, level) in keys.into_iter().zip(after) {
                if let Some(whole_at) = counters.get_mut(key.as_str()) {
                    *whole_at = now + level;
                } else {
                    if counters.len() >= self.most {
                        make_room(&mut counters, self.most, now);
                    }
                    counters.insert(key.into(), now + level);
                }
            }
        }
        let counts = asks.iter().zip(told);
        Judged {
            allowed: after.is_some(),
            counts: counts.map(|(ask, level)| Count::new(ask.limit, *level)).collect(),
            shared: false,
        }
    }
}

/// Drops what is whole again; and if that was not much, the eighth that is nearest to it.
fn make_room(counters: &mut HashMap<Box<str>, u64>, most: usize, now: u64) {
    counters.retain(|_, whole_at| *whole_at > now);
    let room = most / 8;
    if counters.len() + room <= most {
        return;
    }
    let mut moments: Vec<u64> = counters.values().copied().collect();
    let place = room.min(moments.len() - 1);
    let (_, kept_from, _) = moments.select_nth_unstable(place);
    let kept_from = *kept_from;
    // Of those that are equally near, as many as must.
    let mut surplus = (counters.len() + room).saturating_sub(most);
    counters.retain(|_, whole_at| {
        let goes = surplus > 0 && *whole_at <= kept_from;
        surplus -= usize::from(goes);
        !goes
    });
}

#[async_trait]
impl Limiter for Memory {
    async fn take(&self, asks: &[Ask<'_>]) -> Result<Judged, Unavailable> {
        Ok(self.judge(asks, true))
    }

    async fn look(&self, asks: &[Ask<'_>]) -> Result<Judged, Unavailable> {
        Ok(self.judge(asks, false))
    }

    async fn fullest(&self, bucket: &str, limit: Limit, most: usize) -> Fullest {
        let now = (self.clock)();
        let counters = self.counters();
        let used = counters.iter().filter_map(|(key, whole_at)| {
            let key = key.strip_prefix(bucket)?.strip_prefix(BETWEEN)?;
            (*whole_at > now).then_some((*whole_at, key))
        });
        let mut used: Vec<(u64, &str)> = used.collect();
        let counted = used.len() as u64;
        used.sort_unstable_by(|a, b| b.cmp(a));
        let keys = used.into_iter().take(most);
        Fullest {
            keys: keys
                .map(|(whole_at, key)| (key.to_owned(), Count::new(limit, whole_at - now)))
                .collect(),
            counted,
            shared: false,
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
        time::Duration,
    };

    use super::*;
    use crate::{Limit, WhenDown};

    /// Counters under a clock that stands, unless it is moved.
    fn memory(most: usize) -> (Memory, Arc<AtomicU64>) {
        let time = Arc::new(AtomicU64::new(1_000_000));
        let shown = Arc::clone(&time);
        let clock: Clock = Arc::new(move || shown.load(Ordering::SeqCst));
        (Memory::new(most, clock), time)
    }

    fn ask(key: &str, requests: u32, seconds: u64) -> Ask<'_> {
        Ask {
            bucket: "bucket",
            key,
            limit: Limit::new(requests, Duration::from_secs(seconds)).unwrap(),
            when_down: WhenDown::Open,
        }
    }

    #[tokio::test]
    async fn a_budget_is_used_up_and_fills_up_evenly() {
        let (memory, time) = memory(100);
        let ask = ask("a", 4, 60);
        for remaining in (0..4).rev() {
            let judged = memory.take(&[ask]).await.unwrap();
            assert!(judged.allowed);
            assert_eq!(judged.counts[0].remaining(), remaining);
        }
        let refused = memory.take(&[ask]).await.unwrap();
        assert!(!refused.allowed);
        assert_eq!(refused.refused_by(), Some(0));
        assert_eq!(refused.retry_after(), Duration::from_secs(15));
        for _ in 0..100 {
            memory.take(&[ask]).await.unwrap();
        }
        time.fetch_add(15_000_000, Ordering::SeqCst);
        assert!(
            memory.take(&[ask]).await.unwrap().allowed,
            "being refused costs nothing"
        );
        assert!(!memory.take(&[ask]).await.unwrap().allowed);
        time.fetch_add(60_000_000, Ordering::SeqCst);
        assert_eq!(memory.look(&[ask]).await.unwrap().counts[0].remaining(), 4);
    }

    #[tokio::test]
    async fn what_one_limit_refuses_no_other_counts() {
        let (memory, _) = memory(100);
        let (address, realm) = (ask("address", 1, 60), ask("realm", 10, 60));
        assert!(memory.take(&[address, realm]).await.unwrap().allowed);
        for _ in 0..20 {
            let judged = memory.take(&[address, realm]).await.unwrap();
            assert_eq!(judged.refused_by(), Some(0));
        }
        assert_eq!(memory.look(&[realm]).await.unwrap().counts[0].remaining(), 9);
    }

    #[tokio::test]
    async fn parallel_requests_get_no_more_than_the_budget() {
        let memory = Arc::new(Memory::new(100, crate::monotonic()));
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..1_000 {
            let memory = Arc::clone(&memory);
            running.spawn(async move { memory.take(&[ask("a", 10, 86_400)]).await.unwrap().allowed });
        }
        let allowed = running.join_all().await;
        assert_eq!(allowed.into_iter().filter(|allowed| *allowed).count(), 10);
    }

    #[tokio::test]
    async fn memory_is_bounded_and_the_fullest_are_kept() {
        let (memory, _) = memory(1_000);
        let attacked = ask("attacked", 10, 60);
        for _ in 0..10 {
            assert!(memory.take(&[attacked]).await.unwrap().allowed);
        }
        for number in 0..50_000 {
            let key = format!("address {number}");
            assert!(memory.take(&[ask(&key, 10, 60)]).await.unwrap().allowed);
            assert!(memory.len() <= 1_000);
        }
        assert!(!memory.take(&[attacked]).await.unwrap().allowed);
    }

    #[tokio::test]
    async fn what_is_whole_again_makes_room() {
        let (memory, time) = memory(1_000);
        for number in 0..1_000 {
            let key = format!("address {number}");
            memory.take(&[ask(&key, 10, 60)]).await.unwrap();
        }
        time.fetch_add(60_000_000, Ordering::SeqCst);
        memory.take(&[ask("another", 10, 60)]).await.unwrap();
        assert_eq!(memory.len(), 1);
    }

    #[tokio::test]
    async fn who_has_used_most_of_a_limit_is_told_first() {
        let (memory, time) = memory(100);
        let other = Ask {
            bucket: "bucket2",
            ..ask("a", 10, 60)
        };
        memory.take(&[other]).await.unwrap();
        for (key, times) in [("a", 2), ("b", 5), ("c", 1)] {
            for _ in 0..times {
                memory.take(&[ask(key, 10, 60)]).await.unwrap();
            }
        }
        let limit = ask("a", 10, 60).limit;
        let told = |fullest: Fullest| -> Vec<(String, u32)> {
            let keys = fullest.keys.into_iter();
            keys.map(|(key, count)| (key, count.remaining())).collect()
        };
        let fullest = memory.fullest("bucket", limit, 2).await;
        assert_eq!((fullest.counted, fullest.shared), (3, false));
        assert_eq!(told(fullest), [("b".to_owned(), 5), ("a".to_owned(), 8)]);
        time.fetch_add(6_000_000, Ordering::SeqCst);
        let fullest = memory.fullest("bucket", limit, 9).await;
        assert_eq!(fullest.counted, 2, "whoever is whole again has used nothing");
        assert_eq!(told(memory.fullest("nothing", limit, 9).await), []);
    }
}
