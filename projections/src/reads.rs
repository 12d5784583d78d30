//! The entrance to the read models: questions, waiting for a position, lag, rebuilding.
//!
//! The rule: whoever waited for a position finds everything up to it, also while one generation takes another's place, and
//! whichever node built it.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::{Arc, PoisonError, Weak},
    time::Duration,
};

use events::{
    connections::Connections,
    kernel::Kernel,
    log::{LogError, Position},
};
use futures::future::join_all;
use tokio::{
    sync::{Mutex, oneshot, watch},
    task::JoinSet,
    time::timeout,
};

use crate::{
    generation::{Generation, Setup},
    home::{Home, Shelf, Turn},
    opening::{find_or_build, open, tidy},
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
/// How often a node looks whether another has built a generation, and what may be deleted.
const VISIT: Duration = Duration::from_secs(1);
/// How often a node asks for its turn to build.
pub const TURN: Duration = Duration::from_millis(250);

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
    /// Another is being built already.
    #[error("new read models are being built already")]
    UnderWay,
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
    setup: Arc<Setup>,
    shelf: Box<dyn Shelf>,
    served: watch::Sender<Arc<Generation>>,
    /// Held while a generation is built because it was ordered, or because the served one is outdated.
    order: Arc<Mutex<()>>,
    /// Held while another generation is built, or looked for.
    building: Mutex<()>,
    beside: std::sync::Mutex<Option<Arc<Generation>>>,
    /// What goes on beside the questions; nothing once it is closed.
    background: std::sync::Mutex<Option<JoinSet<()>>>,
}

impl Reads {
    /// Opens the read models and starts to follow the log: by running the projections where `follow` and no other node
    /// does, else by watching the one who does. Where there are none, or none that today's code can query, it returns when
    /// they are built; where they were built by older code, they are served while new ones are built beside them.
    pub async fn open(kernel: Arc<Kernel>, home: Home, follow: bool) -> Result<Self, ReadError> {
        Self::open_with(kernel, home, follow, projection::all(), Pace::default()).await
    }

    pub(crate) async fn open_with(
        kernel: Arc<Kernel>,
        home: Home,
        follow: bool,
        projections: Vec<Arc<dyn Projection>>,
        pace: Pace,
    ) -> Result<Self, ReadError> {
        let setup = Arc::new(Setup {
            kernel,
            projections,
            pace,
            follow,
        });
        let shelf = home.open().await?;
        let (generation, is_current) = find_or_build(&*shelf, &setup).await?;
        generation.progress.serve();
        tidy(&*shelf, generation.number).await;
        let reads = Self(Arc::new(Inner {
            setup,
            shelf,
            served: watch::Sender::new(Arc::new(generation)),
            order: Arc::default(),
            building: Mutex::new(()),
            beside: std::sync::Mutex::new(None),
            background: std::sync::Mutex::new(Some(JoinSet::new())),
        }));
        if !is_current && follow {
            tracing::info!("the read models were built by another version: building new ones beside them");
            reads.0.spawn(bring_up_to_date(Arc::downgrade(&reads.0)))?;
        }
        if reads.0.shelf.is_shared() {
            reads.0.spawn(visit(Arc::downgrade(&reads.0)))?;
        }
        Ok(reads)
    }

    /// Builds all read models anew from the log, beside those that are served, and puts them in their place. Returns the
    /// number of the new generation when it is served. It goes on if the caller goes away, and ends when this is closed; while
    /// it goes on no other is begun.
    pub async fn rebuild(&self) -> Result<u64, RebuildError> {
        let inner = Arc::clone(&self.0);
        let Ok(alone) = Arc::clone(&inner.order).try_lock_owned() else {
            return Err(RebuildError::UnderWay);
        };
        let (tell, told) = oneshot::channel();
        self.0.spawn(async move {
            let _alone = alone;
            let _ = tell.send(inner.replace(Reason::Ordered).await);
        })?;
        told.await.unwrap_or(Err(ReadError::Closed.into()))
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
    /// or the runner is gone, or has made no step for 30 s. A stream that is [stopped](Self::stopped) is not a failure of the whole.
    pub fn failing(&self) -> Option<String> {
        // While another generation takes its place, the served one stands still for a moment.
        let is_handed_over = lock(&self.0.beside).is_some();
        let served = self.0.served();
        if is_handed_over && served.is_halted() {
            return None;
        }
        served.failing(self.0.setup.pace.frozen)
    }

    /// The number of the generation that is served.
    pub fn generation(&self) -> u64 {
        self.0.served.borrow().number
    }

    /// The connections of the pools of the generation that is served.
    pub fn connections(&self) -> Connections {
        self.0.served().store.connections()
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
        let background = lock(&self.0.background).take();
        if let Some(mut tasks) = background {
            tasks.shutdown().await;
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

    /// Those of these rows, all of one table, that there are.
    pub(crate) async fn find<R: Record>(&self, keys: &BTreeSet<Key>) -> Result<Vec<R>, ReadError> {
        let served = self.0.served();
        match served.store.find(keys).await {
            Err(ReadError::Closed) if self.generation() != served.number => {
                self.0.served().store.find(keys).await
            }
            answer => answer,
        }
    }

    /// The generation that is served.
    #[cfg(test)]
    pub(crate) fn served(&self) -> Arc<Generation> {
        self.0.served()
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

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Result<(), ReadError> {
        let mut background = lock(&self.background);
        let tasks = background.as_mut().ok_or(ReadError::Closed)?;
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
        Ok(())
    }

    /// Builds a generation and puts it in the place of the served one.
    async fn replace(&self, reason: Reason) -> Result<u64, RebuildError> {
        let _one_at_a_time = self.building.lock().await;
        let _on_one_node = self.turn().await?;
        let old = self.served();
        if reason == Reason::Outdated
            && let Some(built) = self.built_elsewhere(&old).await?
            && self.move_to(&old, built).await?
        {
            return Ok(self.served().number);
        }
        let fresh = Arc::new(Generation::make(&*self.shelf, &self.setup).await?);
        *lock(&self.beside) = Some(Arc::clone(&fresh));
        let outcome = self.build(&old, &fresh, reason).await;
        lock(&self.beside).take();
        match outcome {
            Ok(()) => {
                tracing::info!(generation = fresh.number, "the read models were built anew");
                old.discard(&*self.shelf).await;
                Ok(fresh.number)
            }
            Err(error) => {
                fresh.discard(&*self.shelf).await;
                Err(error)
            }
        }
    }

    async fn turn(&self) -> Result<Turn, ReadError> {
        loop {
            if let Some(turn) = self.shelf.turn().await? {
                return Ok(turn);
            }
            tokio::time::sleep(TURN).await;
        }
    }

    async fn build(
        &self,
        old: &Generation,
        fresh: &Arc<Generation>,
        reason: Reason,
    ) -> Result<(), RebuildError> {
        fresh.follow(&self.setup, true).await?;
        loop {
            // On another node's runner, only that was noticed of the old one which somebody waited for.
            old.survey(&self.setup).await?;
            fresh
                .catch_up(Some(&old.progress), reason == Reason::Outdated)
                .await
                .map_err(RebuildError::Stopped)?;
            if fresh.finish(&self.setup).await? && self.take_place(old, fresh, true).await? {
                break;
            }
        }
        if !self.setup.follow {
            // Built here, it is followed by those nodes that follow.
            fresh.halt().await;
            fresh.follow(&self.setup, false).await?;
        }
        Ok(())
    }

    /// Serves a generation in the place of another, if it has what the other had within a few seconds; else the other is
    /// served on. `pointed`: all nodes shall.
    async fn take_place(
        &self,
        old: &Generation,
        fresh: &Arc<Generation>,
        pointed: bool,
    ) -> Result<bool, ReadError> {
        // Most of the way while the old one goes on: whoever waits for it does not wait for the new one.
        if !self.overtake(old, fresh).await? {
            return Ok(false);
        }
        // Nobody who was told that a position is reached may find less than that afterwards: for this node the old one
        // stands still while the new one takes the last steps.
        old.halt().await;
        let taken = match self.overtake(old, fresh).await {
            Ok(true) if pointed => self.point_to(fresh).await,
            overtaken => overtaken,
        };
        if taken == Ok(true) {
            fresh.progress.serve();
            self.served.send_replace(Arc::clone(fresh));
        } else {
            old.resume(&self.setup, self.setup.follow);
        }
        taken
    }

    /// Waits a few seconds until a generation has whatever the other has of the log. Whether it has.
    async fn overtake(&self, old: &Generation, fresh: &Generation) -> Result<bool, ReadError> {
        let steps = async {
            let mut steps = Vec::new();
            for (stream, seq) in old.progress.watermarks() {
                let seq = seq.min(self.setup.kernel.log().head(stream).await?.seq);
                steps.push(fresh.progress.reach(stream, seq));
            }
            join_all(steps).await;
            Ok::<_, LogError>(())
        };
        match timeout(HANDOVER, steps).await {
            Ok(Ok(())) => Ok(true),
            Ok(Err(error)) => Err(ReadError::Unavailable(error.to_string())),
            Err(_) => Ok(false),
        }
    }

    async fn point_to(&self, fresh: &Generation) -> Result<bool, ReadError> {
        if self.shelf.point_to(fresh.number).await? {
            return Ok(true);
        }
        Err(ReadError::Unavailable(
            "another node has put a later generation in place".to_owned(),
        ))
    }

    /// The generation that another node built and put in place of the served one, if today's code built it.
    async fn built_elsewhere(&self, served: &Generation) -> Result<Option<Generation>, ReadError> {
        let current = self.shelf.current().await?;
        let Some(number) = current.filter(|number| *number != served.number) else {
            return Ok(None);
        };
        let today = self.setup.built_by();
        let opened = open(&*self.shelf, number).await?;
        if let Some((generation, built_by)) = opened {
            if built_by.fingerprint == today.fingerprint {
                return Ok(Some(generation));
            }
            generation.store.close().await;
        }
        Ok(None)
    }

    /// Serves what another node built. Whether it does.
    async fn move_to(&self, old: &Generation, built: Generation) -> Result<bool, ReadError> {
        let built = Arc::new(built);
        built.follow(&self.setup, self.setup.follow).await?;
        *lock(&self.beside) = Some(Arc::clone(&built));
        let moved = self.take_place(old, &built, false).await;
        lock(&self.beside).take();
        if moved == Ok(true) {
            tracing::info!(
                generation = built.number,
                "the read models were built anew by another node"
            );
            old.discard(&*self.shelf).await;
        } else {
            built.halt().await;
            built.store.close().await;
        }
        moved
    }

    /// What is to be done regularly where other nodes are: keep what is served from being deleted, serve what another
    /// built, delete what nobody has open.
    async fn visit(&self) -> Result<(), ReadError> {
        let Ok(_not_building) = self.building.try_lock() else {
            self.served().store.hold().await?;
            let beside = lock(&self.beside).clone();
            return match beside {
                Some(beside) => beside.store.hold().await,
                None => Ok(()),
            };
        };
        let served = self.served();
        served.store.hold().await?;
        if let Some(built) = self.built_elsewhere(&served).await? {
            self.move_to(&served, built).await?;
        }
        tidy(&*self.shelf, self.served().number).await;
        Ok(())
    }
}

/// Why a generation is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// Somebody wants it.
    Ordered,
    /// The served one was built by other code: it need not be built if another node has done so.
    Outdated,
}

/// Builds anew what older code built.
async fn bring_up_to_date(inner: Weak<Inner>) {
    while let Some(inner) = inner.upgrade() {
        let alone = inner.order.lock().await;
        let Err(error) = inner.replace(Reason::Outdated).await else {
            return;
        };
        tracing::error!(%error, "the read models cannot be built anew");
        drop(alone);
        drop(inner);
        tokio::time::sleep(REBUILD_RETRY).await;
    }
}

async fn visit(inner: Weak<Inner>) {
    let mut failing = false;
    loop {
        tokio::time::sleep(VISIT).await;
        let Some(inner) = inner.upgrade() else { return };
        match inner.visit().await {
            Ok(()) => failing = false,
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::error!(%error, "the read models of other nodes cannot be looked at");
                }
            }
        }
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
