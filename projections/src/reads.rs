//! The entrance to the read models: questions, waiting for a position, lag, rebuilding. Whoever waited for a position
//! finds everything up to it, also while one generation takes another's place.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, PoisonError},
    time::Duration,
};

use events::{
    kernel::Kernel,
    log::{LogError, Position},
};
use tokio::{
    sync::{Mutex, watch},
    task::AbortHandle,
    time::timeout,
};

use crate::{
    generation::{Folder, Generation, Setup},
    progress::Stopped,
    projection::{self, Projection},
    runner::Pace,
    store::Select,
    table::{Key, Record, Row},
};

/// How long a new generation may take for what the old one had applied beyond it, while nothing is applied.
const HANDOVER: Duration = Duration::from_secs(5);
/// After how long a failed rebuild at start is tried again.
const REBUILD_RETRY: Duration = Duration::from_mins(1);

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The engine does not answer.
    #[error("the read models are unavailable: {0}")]
    Unavailable(String),
    /// A column does not hold what it should: rebuild.
    #[error("{0} holds what it cannot")]
    Malformed(&'static str),
    /// They were closed.
    #[error("the read models are closed")]
    Closed,
}

impl From<std::io::Error> for ReadError {
    fn from(error: std::io::Error) -> Self {
        ReadError::Unavailable(error.to_string())
    }
}

/// Why a position was not reached.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WaitError {
    /// It is of another incarnation of the log, or lies beyond its end: no answer of this log had it.
    #[error("not a position of this log")]
    Foreign,
    /// Not within the time.
    #[error("the read models are behind")]
    TimedOut,
    /// The log could not be asked.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Why a generation was not built. The old one is served on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RebuildError {
    /// It stops before something that the served one has applied.
    #[error("{} of the new generation stopped", .0.len())]
    Stopped(Vec<Stopped>),
    /// The files could not be written.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The read models, served and followed; handles share everything. They are followed until the last handle is gone.
#[derive(Clone, Debug)]
pub struct Reads(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    setup: Setup,
    folder: Folder,
    served: watch::Sender<Arc<Generation>>,
    /// One generation is built at a time.
    building: Mutex<()>,
    beside: std::sync::Mutex<Option<Arc<Generation>>>,
    background: std::sync::Mutex<Option<AbortHandle>>,
}

impl Reads {
    /// Opens the read models in a folder and starts to follow the log. Where there are none, or none that today's code
    /// can query, it returns when they are built; where they were built by older code, they are served while new ones are
    /// built beside them.
    pub async fn open(kernel: Arc<Kernel>, folder: &Path) -> Result<Self, ReadError> {
        Self::open_with(kernel, folder, projection::all(), Pace::default()).await
    }

    pub(crate) async fn open_with(
        kernel: Arc<Kernel>,
        folder: &Path,
        projections: Vec<Arc<dyn Projection>>,
        pace: Pace,
    ) -> Result<Self, ReadError> {
        let setup = Setup {
            kernel,
            projections,
            pace,
        };
        let folder = Folder::open(folder)?;
        let (generation, is_current) = match existing(&folder, &setup).await {
            Some(found) => found,
            None => (first(&folder, &setup).await?, true),
        };
        generation.progress.serve();
        folder.keep_only(&[generation.number]);
        let reads = Self(Arc::new(Inner {
            setup,
            folder,
            served: watch::Sender::new(Arc::new(generation)),
            building: Mutex::new(()),
            beside: std::sync::Mutex::new(None),
            background: std::sync::Mutex::new(None),
        }));
        if !is_current {
            tracing::info!("the read models were built by another version: building new ones beside them");
            let inner = Arc::clone(&reads.0);
            let task = tokio::spawn(async move {
                while let Err(error) = inner.replace(true).await {
                    tracing::error!(%error, "the read models cannot be built anew");
                    tokio::time::sleep(REBUILD_RETRY).await;
                }
            });
            *lock(&reads.0.background) = Some(task.abort_handle());
        }
        Ok(reads)
    }

    /// Builds all read models anew from the log, beside those that are served, and puts them in their place. Returns the
    /// number of the new generation when it is served. It goes on if the caller goes away.
    pub async fn rebuild(&self) -> Result<u64, RebuildError> {
        let inner = Arc::clone(&self.0);
        let building = tokio::spawn(async move { inner.replace(false).await });
        building
            .await
            .map_err(|error| ReadError::Unavailable(error.to_string()))?
    }

    /// Waits until everything up to a position is in the rows.
    pub async fn wait_for(&self, position: &Position, patience: Duration) -> Result<(), WaitError> {
        let log = self.0.setup.kernel.log();
        if position.incarnation != log.incarnation() || log.head(position.stream).await?.seq < position.seq {
            return Err(WaitError::Foreign);
        }
        let mut served = self.0.served.subscribe();
        let reached = async {
            loop {
                let progress = Arc::clone(&served.borrow_and_update().progress);
                tokio::select! {
                    () = progress.reach(position.stream, position.seq) => return,
                    // The sender lives as long as `self`.
                    _ = served.changed() => {}
                }
            }
        };
        timeout(patience, reached).await.map_err(|_| WaitError::TimedOut)
    }

    /// How many events each projection has yet to apply.
    pub fn lag(&self) -> BTreeMap<&'static str, u64> {
        self.0.served.borrow().progress.lag()
    }

    /// What stands still, in the generation that is served and in the one being built.
    pub fn stopped(&self) -> Vec<Stopped> {
        let mut stopped = self.0.served.borrow().progress.stopped();
        if let Some(beside) = &*lock(&self.0.beside) {
            stopped.extend(beside.progress.stopped());
        }
        stopped
    }

    /// Why nothing of the log is applied to the served rows at present, if that is so: the last pass of the runner failed,
    /// or the runner is gone. A stream that is [stopped](Self::stopped) is not a failure of the whole.
    pub fn failing(&self) -> Option<String> {
        // While another generation takes its place, the served one stands still for a moment.
        let is_handed_over = lock(&self.0.beside).is_some();
        let served = self.0.served();
        if is_handed_over && served.is_halted() {
            return None;
        }
        served.failing()
    }

    /// The number of the generation that is served.
    pub fn generation(&self) -> u64 {
        self.0.served.borrow().number
    }

    /// All rows of all tables in the order of their keys, by table: rebuilt equals live means that these are equal.
    pub async fn dump(&self) -> Result<BTreeMap<&'static str, Vec<Row>>, ReadError> {
        let served = self.0.served();
        let mut tables = BTreeMap::new();
        for table in self.0.setup.tables() {
            tables.insert(table.name, served.store.dump(table).await?);
        }
        Ok(tables)
    }

    /// Ends following, waits for the questions under way, and closes.
    pub async fn close(&self) {
        if let Some(background) = lock(&self.0.background).take() {
            background.abort();
        }
        let beside = lock(&self.0.beside).take();
        for generation in beside.into_iter().chain([self.0.served()]) {
            generation.halt().await;
            generation.store.close().await;
        }
    }

    /// The rows that a question asks for.
    pub(crate) async fn select<R: Record>(&self, select: Select<R>) -> Result<Vec<R>, ReadError> {
        let served = self.0.served();
        match served.store.select(&select).await {
            // Asked at the very moment when another took its place.
            Err(ReadError::Closed) if self.generation() != served.number => {
                self.0.served().store.select(&select).await
            }
            answer => answer,
        }
    }

    /// The row of a key.
    pub(crate) async fn get<R: Record>(&self, key: Key) -> Result<Option<R>, ReadError> {
        Ok(self.select(Select::by_key(key)).await?.pop())
    }
}

impl Inner {
    fn served(&self) -> Arc<Generation> {
        Arc::clone(&self.served.borrow())
    }

    /// Builds a generation and puts it in the place of the served one.
    async fn replace(&self, patience: bool) -> Result<u64, RebuildError> {
        let _one_at_a_time = self.building.lock().await;
        let old = self.served();
        let number = self.folder.numbers().last().map_or(1, |last| last + 1);
        let fresh = Arc::new(Generation::open(&self.folder, number, &self.setup).await?);
        *lock(&self.beside) = Some(Arc::clone(&fresh));
        let outcome = self.hand_over(&old, &fresh, patience).await;
        lock(&self.beside).take();
        match outcome {
            Ok(()) => {
                tracing::info!(generation = number, "the read models were built anew");
                old.discard().await;
                Ok(number)
            }
            Err(error) => {
                fresh.discard().await;
                Err(error)
            }
        }
    }

    async fn hand_over(
        &self,
        old: &Generation,
        fresh: &Arc<Generation>,
        patience: bool,
    ) -> Result<(), RebuildError> {
        fresh.store.set_built_by(&self.setup.built_by()).await?;
        fresh.follow(&self.setup).await?;
        loop {
            fresh
                .catch_up(Some(&old.progress), patience)
                .await
                .map_err(RebuildError::Stopped)?;
            // Nobody who was told that a position is reached may find less than that afterwards: the old one stands
            // still while the new one takes the last steps.
            old.halt().await;
            let served = match timeout(HANDOVER, self.overtake(old, fresh)).await {
                Ok(Ok(())) => self.folder.point_to(fresh.number).map_err(ReadError::from),
                Ok(Err(error)) => Err(ReadError::Unavailable(error.to_string())),
                Err(_) => {
                    old.follow(&self.setup).await?;
                    continue;
                }
            };
            if let Err(error) = served {
                old.follow(&self.setup).await?;
                return Err(error.into());
            }
            fresh.progress.serve();
            self.served.send_replace(Arc::clone(fresh));
            return Ok(());
        }
    }

    /// Waits until a generation has whatever the other has of the log.
    async fn overtake(&self, old: &Generation, fresh: &Generation) -> Result<(), LogError> {
        for (stream, seq) in old.progress.watermarks() {
            let head = self.setup.kernel.log().head(stream).await?.seq;
            fresh.progress.reach(stream, seq.min(head)).await;
        }
        Ok(())
    }
}

/// The generation that was served last, if it can be queried, followed from now on; and whether today's code built it.
async fn existing(folder: &Folder, setup: &Setup) -> Option<(Generation, bool)> {
    let number = folder.current()?;
    let today = setup.built_by();
    let opened = async {
        let generation = Generation::open(folder, number, setup).await?;
        let built_by = generation
            .store
            .built_by()
            .await?
            .filter(|built_by| built_by.shape == today.shape);
        if built_by.is_some() {
            generation.follow(setup).await?;
        }
        Ok::<_, ReadError>((generation, built_by))
    };
    match opened.await {
        Ok((generation, Some(built_by))) => Some((generation, built_by.fingerprint == today.fingerprint)),
        Ok((generation, None)) => {
            generation.store.close().await;
            None
        }
        Err(error) => {
            tracing::warn!(%error, "the read models cannot be opened: building new ones");
            None
        }
    }
}

/// A generation where none can be served: built before anything is answered. One that was begun is gone on with.
async fn first(folder: &Folder, setup: &Setup) -> Result<Generation, ReadError> {
    let today = setup.built_by();
    let last = folder.numbers().last().copied();
    let generation = match last.filter(|number| folder.current() != Some(*number)) {
        Some(number) => begun(folder, number, setup).await,
        None => None,
    };
    let generation = if let Some(generation) = generation {
        generation
    } else {
        let number = last.map_or(1, |last| last + 1);
        let generation = Generation::open(folder, number, setup).await?;
        generation.store.set_built_by(&today).await?;
        generation
    };
    generation.follow(setup).await?;
    // Without an old one, what is stopped is as good as it gets: it is told, and goes on when it can.
    let _ = generation.catch_up(None, false).await;
    folder.point_to(generation.number)?;
    Ok(generation)
}

/// An unfinished generation, if today's code began it.
async fn begun(folder: &Folder, number: u64, setup: &Setup) -> Option<Generation> {
    let generation = Generation::open(folder, number, setup).await.ok()?;
    if generation.store.built_by().await == Ok(Some(setup.built_by())) {
        return Some(generation);
    }
    generation.store.close().await;
    None
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
