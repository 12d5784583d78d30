//! What a node committed and has not told the others yet: the latest head of each stream, however long telling is not possible.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::mpsc;

use crate::subject::Stream;

/// Where streams end now.
pub(super) type Ends = Vec<(Stream, u64)>;

type Latest = Arc<Mutex<HashMap<Stream, u64>>>;

/// An appender's end.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    latest: Latest,
    bell: mpsc::Sender<()>,
}

/// The watcher's end.
#[derive(Debug)]
pub(super) struct News {
    latest: Latest,
    bell: mpsc::Receiver<()>,
}

pub(super) fn news() -> (Teller, News) {
    let latest = Latest::default();
    let (bell, heard) = mpsc::channel(1);
    let teller = Teller {
        latest: latest.clone(),
        bell,
    };
    (teller, News { latest, bell: heard })
}

impl Teller {
    pub fn tell(&self, ends: Ends) {
        self.latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(ends);
        // Who is to be woken has been, or has gone when the log is being closed.
        let _ = self.bell.try_send(());
    }
}

impl News {
    /// Waits until there may be something; `false` when the last teller is gone.
    pub async fn wait(&mut self) -> bool {
        self.bell.recv().await.is_some()
    }

    /// All that was told since it was last taken.
    pub fn take(&self) -> Ends {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.drain().collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::RealmId;

    #[tokio::test]
    async fn only_the_latest_of_each_stream_is_kept_and_nothing_is_lost_at_the_end() {
        let stream = Stream::facts(RealmId(Uuid::from_u128(1)));
        let (teller, mut news) = news();
        for seq in 1..=1_000 {
            teller.tell(vec![(stream, seq)]);
        }
        drop(teller);
        assert!(news.wait().await);
        assert_eq!(news.take(), [(stream, 1_000)]);
        assert!(!news.wait().await);
    }
}
