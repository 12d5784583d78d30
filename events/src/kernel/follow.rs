//! The follower: tells the fold cache of every event, whichever node wrote it, and knows how fresh the cache is.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{Kernel, KernelError};
use crate::{
    log::{Head, LogError, Mark, Moved},
    subject::Stream,
};

/// A node whose follower is further behind than this reloads before it answers.
const FRESH: Duration = Duration::from_secs(1);
/// How often the log is asked when nobody calls.
const POLL: Duration = Duration::from_millis(250);
/// How many events are read at once.
const BATCH: usize = 1_000;

/// How far the cache can be believed: the monotonic time of the last look at the heads whose events are all applied,
/// except for streams that cannot be read.
#[derive(Debug, Default)]
pub(super) struct Freshness(RwLock<Followed>);

#[derive(Debug, Default)]
struct Followed {
    at: Option<Instant>,
    unreadable: HashSet<Stream>,
}

impl Freshness {
    pub(super) fn is_stale(&self, stream: Stream) -> bool {
        let followed = self.0.read().unwrap_or_else(PoisonError::into_inner);
        followed.at.is_none_or(|at| at.elapsed() > FRESH) || followed.unreadable.contains(&stream)
    }

    /// For how long the follower has not looked at the whole log.
    pub(super) fn since_look(&self) -> Duration {
        let followed = self.0.read().unwrap_or_else(PoisonError::into_inner);
        followed.at.map_or(Duration::MAX, |at| at.elapsed())
    }

    fn set(&self, at: Instant) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).at = Some(at);
    }

    fn set_readable(&self, stream: Stream, readable: bool) {
        let mut followed = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if readable {
            followed.unreadable.remove(&stream)
        } else {
            followed.unreadable.insert(stream)
        };
    }
}

/// How far the follower has come in the streams that somebody waits for.
#[derive(Debug, Default)]
pub(super) struct Waited(Mutex<HashMap<Stream, watch::Sender<u64>>>);

impl Waited {
    /// Changes whenever the stream has moved and the cache has heard of it.
    pub(super) fn wait_for(&self, stream: Stream) -> watch::Receiver<u64> {
        let mut waited = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waited
            .entry(stream)
            .or_insert_with(|| watch::channel(0).0)
            .subscribe()
    }

    fn tell(&self, stream: Stream, seq: u64) {
        let mut waited = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(told) = waited.get(&stream) else { return };
        if told.is_closed() {
            waited.remove(&stream);
        } else {
            told.send_if_modified(|last| std::mem::replace(last, seq) != seq);
        }
    }
}

/// Where the follower stands.
struct Follower {
    mark: Mark,
    cursors: HashMap<Stream, u64>,
}

/// Starts following from the present heads (the cache is empty: nothing before them can be stale).
pub(super) async fn spawn(kernel: &Arc<Kernel>) -> Result<(), KernelError> {
    let Moved { mark, heads, as_of } = kernel.log.heads(Mark::default()).await?;
    let cursors = heads.into_iter().map(|head| (head.stream, head.seq)).collect();
    kernel.freshness.set(as_of);
    let mut follower = Follower { mark, cursors };
    let mut moved = kernel.log.moved();
    let weak = Arc::downgrade(kernel);
    tokio::spawn(async move {
        loop {
            let _ = tokio::time::timeout(POLL, moved.changed()).await;
            moved.borrow_and_update();
            let Some(kernel) = weak.upgrade() else { return };
            if let Err(error) = follower.catch_up(&kernel).await {
                tracing::warn!(%error, "the fold cache cannot follow the log");
                drop(kernel);
                tokio::time::sleep(POLL).await;
            }
        }
    });
    Ok(())
}

impl Follower {
    async fn catch_up(&mut self, kernel: &Kernel) -> Result<(), LogError> {
        let Moved { mark, heads, as_of } = kernel.log.heads(self.mark).await?;
        for head in heads {
            let cursor = self.cursors.entry(head.stream).or_default();
            match follow(kernel, head, cursor).await {
                Ok(()) => {
                    kernel.freshness.set_readable(head.stream, true);
                    kernel.waited.tell(head.stream, *cursor);
                }
                // One damaged stream must not make the others look old; what is in it is asked of the log from now on.
                Err(LogError::Corrupt(reason)) => {
                    tracing::error!(reason, stream = %head.stream, "the fold cache cannot follow a damaged stream");
                    kernel.freshness.set_readable(head.stream, false);
                }
                Err(error) => return Err(error),
            }
        }
        self.mark = mark;
        kernel.freshness.set(as_of);
        Ok(())
    }
}

/// Tells the cache of what happened in a stream up to its head.
async fn follow(kernel: &Kernel, head: Head, cursor: &mut u64) -> Result<(), LogError> {
    while *cursor < head.seq {
        let events = kernel.log.read(head.stream, *cursor, BATCH).await?;
        let Some(last) = events.last() else { break };
        *cursor = last.entry.seq;
        for subject in events.iter().filter_map(|recorded| recorded.entry.subject) {
            kernel
                .cache
                .moved(head.stream.realm, subject.subject(), subject.version);
        }
    }
    Ok(())
}
