//! A generation: its rows, how far it has come, and what follows the log for it. A new one is built beside the one that is
//! served and takes its place when it has caught up.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use events::{envelope::body_digest, kernel::Kernel};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    follower::Follower,
    home::Shelf,
    progress::{Progress, Stopped},
    projection::Projection,
    reads::ReadError,
    runner::Pace,
    store::{GenerationRow, Store, shape},
    table::Table,
    watcher::Watcher,
};

/// What all generations have in common.
pub struct Setup {
    pub kernel: Arc<Kernel>,
    pub projections: Vec<Arc<dyn Projection>>,
    pub pace: Pace,
    /// Whether this node runs projections, where it is the one who writes.
    pub follow: bool,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup")
            .field("pace", &self.pace)
            .field("follow", &self.follow)
            .finish_non_exhaustive()
    }
}

impl Setup {
    /// The tables of all projections, each once.
    pub fn tables(&self) -> Vec<&'static Table> {
        let mut tables: Vec<_> = self
            .projections
            .iter()
            .flat_map(|projection| projection.tables())
            .collect();
        tables.sort_by_key(|table| table.name);
        tables.dedup_by_key(|table| table.name);
        tables
    }

    /// What a generation that is built today is built by.
    pub fn built_by(&self) -> GenerationRow {
        let shape = body_digest(shape(&self.tables()).as_bytes());
        let versions = self
            .projections
            .iter()
            .map(|projection| format!("{} {}", projection.name(), projection.version()));
        let versions = versions.collect::<Vec<_>>().join("\n");
        let fingerprint = body_digest(format!("{shape}\n{versions}").as_bytes());
        GenerationRow {
            id: 1,
            shape,
            fingerprint,
        }
    }
}

/// One generation that this node has open.
#[derive(Debug)]
pub struct Generation {
    pub number: u64,
    pub store: Arc<Store>,
    pub progress: Arc<Progress>,
    follower: std::sync::Mutex<Option<Following>>,
}

/// The follower ends when it is told, and when nobody is left to tell it.
#[derive(Debug)]
struct Following {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Generation {
    /// Opens a generation that there is. Nothing follows yet.
    pub async fn open(shelf: &dyn Shelf, number: u64) -> Result<Self, ReadError> {
        Ok(Self::new(number, shelf.open(number).await?))
    }

    /// Makes the next generation, which is written hastily until it [is finished](Self::finish). Nothing follows yet.
    pub async fn make(shelf: &dyn Shelf, setup: &Setup) -> Result<Self, ReadError> {
        // Above the pointer too: what it names may have been dropped, and nothing unfinished may bear that number.
        let last = shelf.numbers().await?.last().copied();
        let number = last.max(shelf.pointer().await?).map_or(1, |last| last + 1);
        let store = shelf.make(number, &setup.tables(), &setup.built_by()).await?;
        store.hurry().await?;
        Ok(Self::new(number, store))
    }

    fn new(number: u64, store: Store) -> Self {
        Self {
            number,
            store: Arc::new(store),
            progress: Arc::new(Progress::new()),
            follower: std::sync::Mutex::new(None),
        }
    }

    /// From now on it can be served: what is written is there to stay, and is found. If the database crashed while it was
    /// written hastily, it may lack the last of what it told to have: that is applied anew, and it must catch up and be
    /// finished once more (`false`).
    pub async fn finish(&self, setup: &Arc<Setup>) -> Result<bool, ReadError> {
        self.store.finish(&setup.tables()).await?;
        let told = self.progress.watermarks();
        let stored = Arc::new(Progress::new());
        Watcher::new(setup, &self.store, &stored).survey().await?;
        if told.iter().all(|(stream, seq)| stored.watermark(*stream) >= *seq) {
            return Ok(true);
        }
        tracing::warn!(
            generation = self.number,
            "the database lost rows of new read models: they are applied anew"
        );
        self.halt().await;
        self.progress.begin_anew();
        self.follow(setup, true).await?;
        Ok(false)
    }

    /// Starts following the log; `may_lead` as in [`Follower::new`].
    pub async fn follow(&self, setup: &Arc<Setup>, may_lead: bool) -> Result<(), ReadError> {
        self.survey(setup).await?;
        self.resume(setup, may_lead);
        Ok(())
    }

    /// Goes on following after a halt: how far it has come is known, so that no outage stands in the way.
    pub fn resume(&self, setup: &Arc<Setup>, may_lead: bool) {
        let (store, progress) = (Arc::clone(&self.store), Arc::clone(&self.progress));
        progress.step();
        let follower = Follower::new(Arc::clone(setup), store, progress, may_lead);
        let (stop, told) = watch::channel(false);
        let task = tokio::spawn(follower.run(told));
        *self.follower.lock().unwrap_or_else(PoisonError::into_inner) = Some(Following { stop, task });
    }

    /// Learns how far all streams have come, whichever node brought them there.
    pub async fn survey(&self, setup: &Setup) -> Result<(), ReadError> {
        Watcher::new(setup, &self.store, &self.progress).survey().await
    }

    /// Ends following, after the batch under way.
    pub async fn halt(&self) {
        let following = self
            .follower
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Following { stop, task }) = following {
            stop.send_replace(true);
            if task.await.is_err() {
                tracing::error!("the runner of the read models ended by a panic");
            }
        }
    }

    /// Whether nothing follows, by intent.
    pub fn is_halted(&self) -> bool {
        let follower = self.follower.lock().unwrap_or_else(PoisonError::into_inner);
        follower.is_none()
    }

    /// Why nothing of the log is applied at present, if that is so; without a step for as long as `frozen` it is.
    pub fn failing(&self, frozen: Duration) -> Option<String> {
        match &*self.follower.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Some("the read models do not follow the log".to_owned()),
            Some(following) if following.task.is_finished() => {
                Some("the runner of the read models ended".to_owned())
            }
            Some(_) => {
                let still = self.progress.since_step();
                let is_frozen = still > frozen;
                let frozen = || format!("the runner has made no step for {} s", still.as_secs());
                self.progress.failing().or_else(|| is_frozen.then(frozen))
            }
        }
    }

    /// Waits until all is applied that the log holds. What is stopped counts as done where `old` stands no better;
    /// otherwise it is the error, unless there is `patience` to wait until it goes on.
    pub async fn catch_up(&self, old: Option<&Progress>, patience: bool) -> Result<(), Vec<Stopped>> {
        let mut passes = self.progress.passes();
        let mut seen = 0;
        // The sender lives as long as `self`.
        while passes.wait_for(|passes| *passes > seen).await.is_ok() {
            seen = *passes.borrow();
            let worse = |stopped: &Stopped| {
                let stands = old.map_or(0, |old| old.watermark(stopped.stream));
                stands > self.progress.watermark(stopped.stream)
            };
            let behind: Vec<_> = self.progress.stopped().into_iter().filter(worse).collect();
            match behind.is_empty() {
                true => break,
                false if patience => {}
                false => return Err(behind),
            }
        }
        Ok(())
    }

    /// Ends, closes, and deletes it where no other node has it open.
    pub async fn discard(&self, shelf: &dyn Shelf) {
        self.halt().await;
        self.store.close().await;
        shelf.remove(self.number).await;
    }
}
