//! The runner: one task for all reactors, on the one node that has the place. It follows the log, starts jobs, and notes what
//! became of them, a step of each in turn.

use std::{sync::Arc, time::Duration};

use events::kernel::{Kernel, KernelError};
use tokio::{sync::watch, time::Instant};

use crate::{
    follow::Following,
    progress::Progress,
    reactor::Reactor,
    store::{Standing, Store, StoreError},
    work::Work,
};

/// How the runner goes.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How many events are taken at once.
    pub batch: usize,
    /// How many jobs run at a time, of all reactors together.
    pub at_once: usize,
    /// How often the log and the orders of operators are looked at when nobody calls, and the place is tried for.
    pub poll: Duration,
    /// After how long what failed is tried again at first.
    pub retry: Duration,
    /// How long what runs may go on when the process ends.
    pub drain: Duration,
    /// How long jobs that were given up are kept.
    pub dead_kept: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            batch: 500,
            at_once: 1_024,
            poll: Duration::from_millis(250),
            retry: Duration::from_secs(1),
            drain: Duration::from_secs(5),
            dead_kept: Duration::from_hours(30 * 24),
        }
    }
}

/// How often what was given up long ago is forgotten.
const SWEEP: Duration = Duration::from_hours(1);

/// Why a round ended early: all of it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The log or the keys.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs the reactors, when it is this node's turn.
pub struct Runner {
    pub kernel: Arc<Kernel>,
    pub store: Arc<Store>,
    pub progress: Arc<Progress>,
    pub pace: Pace,
    pub reactors: Arc<[Arc<dyn Reactor>]>,
}

/// One node's turn at running them. Dropped, it ends whatever runs.
struct Shift {
    following: Option<Following>,
    work: Work,
    standing: Vec<Standing>,
    looked: Option<Instant>,
    swept: Option<Instant>,
}

impl Runner {
    /// Runs until told to stop, then lets what runs end.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut failing = false;
        while !is_stopped(&stop) {
            let led = match self.store.lead().await {
                Ok(true) => self.lead(&mut stop).await,
                Ok(false) => Ok(()),
                Err(error) => Err(error.into()),
            };
            self.progress.forget();
            match led {
                Ok(()) => failing = false,
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!(%error, "this node cannot run the reactors");
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(self.pace.poll) => {}
                _ = stop.changed() => {}
            }
        }
        self.store.step_down().await;
    }

    /// A turn: until told to stop, or until another node runs them.
    async fn lead(&self, stop: &mut watch::Receiver<bool>) -> Result<(), RunError> {
        let Self {
            kernel,
            store,
            progress,
            pace,
            reactors,
        } = self;
        let mut shift = Shift {
            following: None,
            work: Work::new(kernel, store, progress, *pace, reactors),
            standing: Vec::new(),
            looked: None,
            swept: None,
        };
        let mut moved = kernel.log().moved();
        let mut failing = false;
        while !is_stopped(stop) {
            moved.borrow_and_update();
            let busy = match self.round(&mut shift).await {
                Ok(None) => return Ok(()),
                Ok(Some(busy)) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!("the reactors go on");
                    }
                    busy
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!(%error, "the reactors cannot go on");
                    }
                    shift.following = None;
                    tokio::select! {
                        () = tokio::time::sleep(pace.retry) => {}
                        _ = stop.changed() => {}
                    }
                    continue;
                }
            };
            if !busy {
                let due = shift.work.next_due().map_or(pace.poll, |due| {
                    let left = due.0.saturating_sub(kernel.now().0);
                    Duration::from_micros(u64::try_from(left).unwrap_or(0)).min(pace.poll)
                });
                tokio::select! {
                    changed = moved.changed() => if changed.is_err() { tokio::time::sleep(pace.poll).await },
                    () = shift.work.ends() => {}
                    () = tokio::time::sleep(due) => {}
                    _ = stop.changed() => {}
                }
            }
        }
        self.drain(&mut shift).await;
        Ok(())
    }

    /// One step of everything; whether there is more at once. `None` if another node runs them.
    async fn round(&self, shift: &mut Shift) -> Result<Option<bool>, RunError> {
        if !self.store.lead().await? {
            return Ok(None);
        }
        shift.work.conclude().await?;
        if let Some(following) = &mut shift.following {
            following.look().await?;
        }
        let is_old = |at: Option<Instant>, after| at.is_none_or(|at| at.elapsed() >= after);
        if shift.following.is_none() || is_old(shift.looked, self.pace.poll) {
            let standing = self.store.reactors().await?;
            if shift.following.is_none() || standing != shift.standing {
                self.find_place(shift, standing).await?;
            }
            shift.looked = Some(Instant::now());
            if let Some(following) = &mut shift.following {
                following.tend();
            }
        }
        if is_old(shift.swept, SWEEP) {
            shift.work.sweep().await?;
            shift.swept = Some(Instant::now());
        }
        let Shift { following, work, .. } = shift;
        let Some(following) = following else {
            return Ok(Some(false));
        };
        for target in following.step().await? {
            work.has_jobs(target);
        }
        work.start(|index| following.is_paused(index)).await?;
        Ok(Some(following.is_pending()))
    }

    /// Takes everything as it is stored.
    async fn find_place(&self, shift: &mut Shift, standing: Vec<Standing>) -> Result<(), RunError> {
        let Self {
            kernel,
            store,
            progress,
            pace,
            reactors,
        } = self;
        shift.following = None;
        shift.work.find_place().await?;
        let following = Following::begin(kernel, store, progress, *pace, reactors, &standing).await?;
        shift.following = Some(following);
        // With those that run for the first time.
        shift.standing = store.reactors().await?;
        Ok(())
    }

    /// Lets what runs end, for a while.
    async fn drain(&self, shift: &mut Shift) {
        let draining = async {
            while !shift.work.is_idle() {
                if let Err(error) = shift.work.conclude().await {
                    tracing::warn!(%error, "what reactors did last is not noted, and will be done again");
                    return;
                }
                if !shift.work.is_idle() {
                    shift.work.ends().await;
                }
            }
        };
        if tokio::time::timeout(self.pace.drain, draining).await.is_err() {
            tracing::warn!("jobs of reactors are cut off, and will be done again");
            let _ = shift.work.conclude().await;
        }
    }
}

fn is_stopped(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}
