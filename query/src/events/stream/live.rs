//! The places of those who follow events live: so many for each realm and each node, until the node drains.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use events::ids::RealmId;
use tokio::sync::watch;
use web::{Code, Problem};

use super::end::ENDED;

const FOLLOWERS: &str = "chancery_live_followers";

/// In how many seconds somebody who found no place may come again.
const RETRY: u64 = 5;

/// How many may follow events over this node at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Those of one realm; one more is answered 429.
    pub per_realm: usize,
    /// All of them; one more is answered 503.
    pub in_all: usize,
}

/// Who follows events live over this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Live(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    closing: watch::Receiver<bool>,
    by_realm: Mutex<HashMap<RealmId, usize>>,
    in_all: watch::Sender<usize>,
}

impl Live {
    /// Nobody yet. All are sent away once `closing` is true.
    pub fn new(limits: Limits, closing: watch::Receiver<bool>) -> Self {
        metrics::describe_gauge!(FOLLOWERS, "Connections over which events are followed live");
        metrics::describe_counter!(ENDED, "Streams of events that were ended, by reason");
        Self(Arc::new(Inner {
            limits,
            closing,
            by_realm: Mutex::default(),
            in_all: watch::channel(0).0,
        }))
    }

    /// A place for one more.
    pub fn take(&self, realm: RealmId) -> Result<Seat, Problem> {
        if *self.0.closing.borrow() {
            return Err(Problem::new(Code::Unavailable).retry_after(RETRY));
        }
        let mut by_realm = self.0.by_realm.lock().unwrap_or_else(PoisonError::into_inner);
        if *self.0.in_all.borrow() >= self.0.limits.in_all {
            return Err(Problem::new(Code::Overloaded).retry_after(RETRY));
        }
        let here = by_realm.entry(realm).or_default();
        if *here >= self.0.limits.per_realm {
            return Err(Problem::new(Code::TooManyConnections).retry_after(RETRY));
        }
        *here += 1;
        self.0.in_all.send_modify(|count| *count += 1);
        metrics::gauge!(FOLLOWERS).increment(1.0);
        Ok(Seat {
            live: self.clone(),
            realm,
        })
    }

    /// Ends when nobody follows any more.
    pub async fn ended(&self) {
        let _ = self.0.in_all.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// A place that is taken, until this is dropped.
#[derive(Debug)]
pub struct Seat {
    live: Live,
    realm: RealmId,
}

impl Seat {
    /// Becomes true when the node drains.
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.live.0.closing.clone()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let inner = &self.live.0;
        let mut by_realm = inner.by_realm.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = by_realm.get_mut(&self.realm) {
            *here -= 1;
            if *here == 0 {
                by_realm.remove(&self.realm);
            }
        }
        inner.in_all.send_modify(|count| *count -= 1);
        metrics::gauge!(FOLLOWERS).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn there_are_so_many_places_for_a_realm_and_for_all_until_it_drains() {
        let (close, closing) = watch::channel(false);
        let limits = Limits {
            per_realm: 2,
            in_all: 3,
        };
        let live = Live::new(limits, closing);
        let [one, other, third] = [1, 2, 3].map(|id| RealmId(Uuid::from_u128(id)));
        let refused = |realm| live.take(realm).unwrap_err().code();
        let mut seats = vec![live.take(one).unwrap(), live.take(one).unwrap()];
        assert_eq!(refused(one), Code::TooManyConnections);
        seats.push(live.take(other).unwrap());
        assert_eq!(refused(third), Code::Overloaded);
        seats.remove(0);
        seats.push(live.take(one).unwrap());
        close.send_replace(true);
        seats.clear();
        assert_eq!(refused(one), Code::Unavailable);
        live.ended().await;
        assert!(live.0.by_realm.lock().unwrap().is_empty());
    }
}
