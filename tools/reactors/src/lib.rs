//! Side effects: what follows the log and does something outside of it. Webhooks, letters, logout tokens, topics.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`reactor`] | what a reactor is, and its jobs: the trait to implement |
//! | `follow` | following the log: events into jobs |
//! | `work` | doing them: turns, bounds, retries |
//! | `runner` | the one task that does both, on the one node that has the place |
//! | `store` | places and jobs, beside the log |
//! | `progress` | how they are doing |
//!
//! This crate stands on `events`, as `tools/web` does: `command` implements reactors in its domains
//! (`command/src/<domain>/`), and `tools/server` starts them on workers. It knows no domain, and needs neither read models
//! nor HTTP.
//!
//! What holds:
//! - **At least once.** A reactor's place in a stream and the jobs that it wanted are one transaction; a job is forgotten after
//!   it was done. Whoever must know is told the same thing twice under the same event id.
//! - **In order.** Of each (reactor, target, ordering key) the oldest job alone runs, however long it must be tried again.
//! - **Nobody waits for another.** Targets take turns and are bounded ([`Terms`]); a target that fails has one place.
//! - **Nothing is skipped.** An event that cannot be taken stops its stream of its reactor, loudly. A job that was tried in
//!   vain to the end of its schedule, or cannot succeed, is kept for operators for thirty days: [`Reactors::dead`].
//! - **Once for all nodes.** On a shared database one node runs all reactors, by an advisory lock on its session; when it is
//!   gone another goes on.
//! - **From when it is there.** A reactor that runs for the first time begins where the streams end; realms that are created
//!   later it sees from their first event on.
//!
//! Adding a reactor: implement [`Reactor`] beside what it is about, and add it to `command::reactors::all`. What it does about
//! an event goes into [`Job`]s (small, nothing personal: they are kept in the open); doing it is `perform`, which is given the
//! event as the log tells it then. What it records it records as the component of its own name, and is not told of.
//!
//! | metric | labels | what it tells |
//! | --- | --- | --- |
//! | `chancery_reactor_lag_events` | reactor | events that it has yet to see |
//! | `chancery_reactor_stopped` | reactor | streams in which it stands still (should be 0) |
//! | `chancery_reactor_jobs_queued`, `chancery_reactor_jobs_running` | reactor | jobs that wait or run, and those that run |
//! | `chancery_reactor_jobs_total` | reactor, outcome | attempts: done, retried, dead; or `later`, where it could not be tried yet |
//! | `chancery_reactor_job_seconds` | reactor | how long one took |

mod follow;
mod progress;
pub mod reactor;
mod runner;
mod store;
#[cfg(test)]
mod tests;
mod work;

use std::sync::Arc;

use events::{connections::Connections, kernel::Kernel};
use serde::Serialize;
use tokio::{
    sync::{Mutex, watch},
    task::JoinHandle,
};

pub use progress::Stopped;
pub use reactor::{A_DAY, Job, Outcome, Reactor, Task, Terms, ordering};
pub use runner::{Pace, RunError};
pub use store::{Dead, Home, StoreError};

use follow::places_at_heads;
use progress::Progress;
use runner::Runner;
use store::Store;

/// How a reactor stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its name.
    pub name: &'static str,
    /// Whether an operator has paused it: it neither follows nor does anything.
    pub paused: bool,
    /// Jobs that are not done yet.
    pub queued: u64,
    /// Jobs that were given up.
    pub dead: u64,
    /// Jobs that run on this node.
    pub running: u64,
    /// Events that it has yet to see; 0 on a node that does not run it.
    pub lag: u64,
    /// Where it stands still, on the node that runs it.
    pub stopped: Vec<Stopped>,
}

/// The reactors of a node, which runs them if it has the place.
pub struct Reactors {
    kernel: Arc<Kernel>,
    store: Arc<Store>,
    progress: Arc<Progress>,
    all: Arc<[Arc<dyn Reactor>]>,
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Reactors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.all.iter().map(|reactor| reactor.name()).collect();
        f.debug_struct("Reactors")
            .field("reactors", &names)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl Reactors {
    /// Opens the store, making it where there is none, and runs the reactors whenever it is this node's turn.
    pub async fn start(
        kernel: Arc<Kernel>,
        home: &Home,
        reactors: Vec<Arc<dyn Reactor>>,
        pace: Pace,
    ) -> Result<Self, StoreError> {
        let store = Arc::new(Store::open(home).await?);
        let progress = Arc::<Progress>::default();
        let all: Arc<[_]> = reactors.into();
        let (stop, stopped) = watch::channel(false);
        let runner = Runner {
            kernel: Arc::clone(&kernel),
            store: Arc::clone(&store),
            progress: Arc::clone(&progress),
            pace,
            reactors: Arc::clone(&all),
        };
        let task = Mutex::new(Some(tokio::spawn(runner.run(stopped))));
        Ok(Self {
            kernel,
            store,
            progress,
            all,
            stop,
            task,
        })
    }

    /// How all of them stand.
    pub async fn status(&self) -> Result<Vec<Status>, StoreError> {
        let (standing, counts) = (self.store.reactors().await?, self.store.counts().await?);
        let status = |reactor: &Arc<dyn Reactor>| {
            let name = reactor.name();
            let (queued, dead) = counts.get(name).copied().unwrap_or_default();
            let doing = self.progress.of(name);
            Status {
                name,
                paused: standing.iter().any(|known| known.name == name && known.paused),
                queued,
                dead,
                running: doing.running,
                lag: doing.lag,
                stopped: doing.stopped.into_values().collect(),
            }
        };
        Ok(self.all.iter().map(status).collect())
    }

    /// Lets a reactor neither follow nor do anything until it is resumed; what runs ends. `false` if there is none.
    pub async fn pause(&self, reactor: &str) -> Result<bool, StoreError> {
        self.store.pause(reactor, true).await
    }

    /// Lets it go on where it stood.
    pub async fn resume(&self, reactor: &str) -> Result<bool, StoreError> {
        self.store.pause(reactor, false).await
    }

    /// Lets a reactor go on at the present heads, wherever it stood: after the log was restored to an earlier state, say. What
    /// it has not seen until now it never sees.
    pub async fn restart(&self, reactor: &str) -> Result<bool, RunError> {
        let Some(known) = self.all.iter().find(|known| known.name() == reactor) else {
            return Ok(false);
        };
        let places = places_at_heads(&self.kernel, &**known).await?;
        Ok(self.store.restart(reactor, &places).await?)
    }

    /// At most `limit` jobs of a reactor that were given up, after a number (0 for the first).
    pub async fn dead(&self, reactor: &str, after: i64, limit: usize) -> Result<Vec<Dead>, StoreError> {
        self.store.dead(reactor, after, limit).await
    }

    /// Tries anew what was given up, behind what is queued. `false` if there is no such job.
    pub async fn revive(&self, reactor: &str, number: i64) -> Result<bool, StoreError> {
        self.store.revive(reactor, number).await
    }

    /// Forgets what was given up. `false` if there is no such job.
    pub async fn discard(&self, reactor: &str, number: i64) -> Result<bool, StoreError> {
        self.store.discard(reactor, number).await
    }

    /// The connections of its pools.
    pub fn connections(&self) -> Connections {
        self.store.connections()
    }

    /// Lets what runs end, for five seconds, leaves the place to others and closes.
    pub async fn close(&self) {
        self.stop.send_replace(true);
        if let Some(task) = self.task.lock().await.take() {
            let _ = task.await;
        }
        self.store.close().await;
    }
}
