//! Learns what other nodes destroyed, before a key in memory is used.
//! The rule: no key is used later than a second after its destruction anywhere; while the store does not answer, no later than
//! half a minute.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync::Mutex as Turn, time::timeout};

use super::{
    super::{KeyError, KeyStore},
    cache::KeyCache,
};

/// How long an answer of the store counts.
const FRESH: Duration = Duration::from_secs(1);
/// How long the store is given to answer, and a store that did not answer is left alone.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long keys in memory serve without an answer: a restart of the store's server fits in, and who needs only these does not
/// notice it. A key that is not in memory has to be asked for, and is refused until the store answers.
const ENDURED: Duration = Duration::from_secs(30);
/// Names that are asked for at once. After more destructions than these everything is forgotten.
const NAMES: i64 = 1_000;

/// What is known of the store's destructions, and since when.
#[derive(Debug)]
pub(super) struct Freshness {
    known: Mutex<Known>,
    /// Held by the one who asks for all.
    turn: Turn<()>,
    periods: Periods,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    /// The last destruction whose key was forgotten here.
    last: i64,
    /// When the store was asked and answered so.
    as_of: Instant,
    /// When it last failed to answer, if it has not answered since.
    failed: Option<Instant>,
}

/// Tests have less time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Periods {
    pub fresh: Duration,
    pub patience: Duration,
    pub endured: Duration,
}

impl Default for Periods {
    fn default() -> Self {
        Self {
            fresh: FRESH,
            patience: PATIENCE,
            endured: ENDURED,
        }
    }
}

impl Freshness {
    /// Begins where the store stands: nothing was kept in memory before.
    pub async fn begin(store: &dyn KeyStore, periods: Periods) -> Result<Self, KeyError> {
        let as_of = Instant::now();
        let last = store.last_destruction().await?;
        Ok(Self {
            known: Mutex::new(Known {
                last,
                as_of,
                failed: None,
            }),
            turn: Turn::new(()),
            periods,
        })
    }

    /// Returns when what is in the cache may be used. One caller asks for all who need to know at that moment.
    pub async fn ensure(&self, store: &dyn KeyStore, cache: &KeyCache) -> Result<(), KeyError> {
        let known = self.known();
        if self.is_fresh(known) {
            return Ok(());
        }
        let _turn = if known.failed.is_some() {
            // Nobody waits for a store that may not answer, except the one who asks.
            match self.turn.try_lock() {
                Ok(turn) => turn,
                Err(_) => return self.endure(known),
            }
        } else {
            self.turn.lock().await
        };
        let known = self.known();
        if self.is_fresh(known) {
            return Ok(());
        }
        if known
            .failed
            .is_some_and(|failed| failed.elapsed() < self.periods.patience)
        {
            return self.endure(known);
        }
        let as_of = Instant::now();
        let answer = timeout(self.periods.patience, forget(known.last, store, cache)).await;
        let failure = match answer {
            Ok(Ok(last)) => {
                if known.failed.is_some() {
                    tracing::info!("the key store answers again");
                }
                self.learn(Known {
                    last,
                    as_of,
                    failed: None,
                });
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        if known.failed.is_none() {
            tracing::error!(
                error = failure,
                "the key store does not answer; keys in memory serve for {} s",
                self.periods.endured.as_secs()
            );
        }
        let known = Known {
            failed: Some(Instant::now()),
            ..known
        };
        self.learn(known);
        self.endure(known)
    }

    fn is_fresh(&self, known: Known) -> bool {
        known.as_of.elapsed() < self.periods.fresh
    }

    fn endure(&self, known: Known) -> Result<(), KeyError> {
        if known.as_of.elapsed() < self.periods.endured {
            return Ok(());
        }
        Err(KeyError::Unavailable(
            "the key store has not told for too long what was destroyed".to_owned(),
        ))
    }

    fn known(&self) -> Known {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}

/// Forgets what was destroyed after `known`, and tells the last destruction.
async fn forget(known: i64, store: &dyn KeyStore, cache: &KeyCache) -> Result<i64, KeyError> {
    let last = store.last_destruction().await?;
    if (known..=known.saturating_add(NAMES)).contains(&last) {
        if last > known {
            cache.forget(&store.destroyed_between(known, last).await?);
        }
    } else {
        // Much was destroyed, or another store stands in this one's place (a backup, older than what we know).
        cache.forget_everything();
    }
    Ok(last)
}
