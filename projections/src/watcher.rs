//! The watcher: tells a node how far the runner of another has come, by the cursors that it stored.
//!
//! The rule: one look for all who wait, at the cursors of what they wait for, and none while nobody does.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use events::{
    kernel::Kernel,
    log::{LogError, Mark, Moved},
    subject::{Lane, Stream},
};
use tokio::sync::watch;

use crate::{
    follower::is_stopped,
    generation::Setup,
    progress::Progress,
    reads::ReadError,
    store::{CursorRow, Store},
};

/// How often the cursors are looked at while somebody waits.
const GLANCE: Duration = Duration::from_millis(20);
/// How often what is left to apply is counted.
const COUNT: Duration = Duration::from_secs(2);

/// Why it was not learnt how far the runner has come.
#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Store(#[from] ReadError),
}

/// Watches one generation.
pub struct Watcher {
    kernel: Arc<Kernel>,
    store: Arc<Store>,
    progress: Arc<Progress>,
    projections: Vec<(&'static str, Lane)>,
    heads: HashMap<Stream, u64>,
    mark: Mark,
    counted: Option<Instant>,
    failing: bool,
}

impl Watcher {
    pub fn new(setup: &Setup, store: &Arc<Store>, progress: &Arc<Progress>) -> Self {
        let names = setup.projections.iter().map(|one| (one.name(), one.lane()));
        Self {
            kernel: Arc::clone(&setup.kernel),
            store: Arc::clone(store),
            progress: Arc::clone(progress),
            projections: names.collect(),
            heads: HashMap::new(),
            mark: Mark::default(),
            counted: None,
            failing: false,
        }
    }

    /// Raises the watermarks of all streams to where their cursors stand.
    pub async fn survey(&self) -> Result<(), ReadError> {
        self.raise(self.store.cursors().await?);
        Ok(())
    }

    /// Watches for so long, or until told to stop.
    pub async fn run(&mut self, stop: &mut watch::Receiver<bool>, period: Duration) {
        let end = Instant::now() + period;
        while !is_stopped(stop) {
            let awaited = self.progress.awaited();
            let outcome = self.look(&awaited).await;
            self.progress.step();
            self.tell(outcome);
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = self.progress.wanted(), if awaited.is_empty() => {}
                () = tokio::time::sleep(if awaited.is_empty() { left } else { left.min(GLANCE) }) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn look(&mut self, awaited: &[Stream]) -> Result<(), WatchError> {
        if !awaited.is_empty() {
            let keys: BTreeSet<_> = awaited
                .iter()
                .flat_map(|stream| {
                    self.of_lane(stream.lane)
                        .map(|name| CursorRow::key(name.to_owned(), stream.realm, stream.lane))
                })
                .collect();
            self.raise(self.store.find::<CursorRow>(&keys).await?);
        }
        if self.counted.is_none_or(|counted| counted.elapsed() >= COUNT) {
            self.count().await?;
            self.counted = Some(Instant::now());
        }
        Ok(())
    }

    /// A stream stands where the last of its projections does.
    fn raise(&self, cursors: Vec<CursorRow>) {
        let mut stands: BTreeMap<Stream, BTreeMap<String, u64>> = BTreeMap::new();
        for cursor in cursors {
            let of_stream = stands.entry(cursor.stream()).or_default();
            of_stream.insert(cursor.projection, cursor.seq);
        }
        for (stream, seqs) in stands {
            let seqs = self.of_lane(stream.lane).map(|name| seqs.get(name).copied());
            if let Some(seq) = seqs.map(Option::unwrap_or_default).min() {
                self.progress.raise(stream, seq);
            }
        }
    }

    /// How much the log holds beyond what is applied.
    async fn count(&mut self) -> Result<(), WatchError> {
        let Moved { mark, heads, .. } = self.kernel.log().heads(self.mark).await?;
        self.mark = mark;
        self.heads
            .extend(heads.into_iter().map(|head| (head.stream, head.seq)));
        let applied = self.store.applied().await?;
        for (name, lane) in &self.projections {
            let of_lane = self.heads.iter().filter(|(stream, _)| stream.lane == *lane);
            let written: u64 = of_lane.map(|(_, seq)| seq).sum();
            let applied = applied.get(*name).copied().unwrap_or(0);
            self.progress.set_lag(name, written.saturating_sub(applied));
        }
        Ok(())
    }

    fn tell(&mut self, outcome: Result<(), WatchError>) {
        match outcome {
            Ok(()) => {
                self.failing = false;
                self.progress.set_failing(None);
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    tracing::error!(%error, "the read models cannot be watched");
                }
                self.progress.set_failing(Some(error.to_string()));
            }
        }
    }

    fn of_lane(&self, lane: Lane) -> impl Iterator<Item = &'static str> {
        let of_lane = move |(_, of): &&(&str, Lane)| *of == lane;
        self.projections.iter().filter(of_lane).map(|(name, _)| *name)
    }
}
