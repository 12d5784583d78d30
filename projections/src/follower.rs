//! What a node does for a generation that it has open: runs its projections where it is the one who writes, and watches the
//! one who does otherwise, ready to take the place.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::{
    generation::Setup, progress::Progress, reads::ReadError, runner::Runner, store::Store, watcher::Watcher,
};

/// How often the place of the one who writes is tried for.
const STANDBY: Duration = Duration::from_millis(500);

/// Follows the log for one generation, by itself or through the one who does.
pub struct Follower {
    setup: Arc<Setup>,
    store: Arc<Store>,
    progress: Arc<Progress>,
    may_lead: bool,
}

impl Follower {
    /// A follower of a generation whose progress is known; `may_lead` if it runs the projections where nobody does.
    pub fn new(setup: Arc<Setup>, store: Arc<Store>, progress: Arc<Progress>, may_lead: bool) -> Self {
        Self {
            setup,
            store,
            progress,
            may_lead,
        }
    }

    /// Follows until told to stop, or until whoever could tell is gone.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut watcher = Watcher::new(&self.setup, &self.store, &self.progress);
        let mut failing = false;
        while !is_stopped(&stop) {
            match self.leads().await {
                Ok(true) => {
                    let runner = Runner::new(&self.setup, &self.store, &self.progress);
                    runner.run(&mut stop).await;
                    // What stands still, the next one finds.
                    self.progress.forget_stops();
                    watcher = Watcher::new(&self.setup, &self.store, &self.progress);
                    continue;
                }
                Ok(false) => failing = false,
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::error!(%error, "this node cannot take its turn at running the projections");
                    }
                }
            }
            watcher.run(&mut stop, STANDBY).await;
        }
        self.store.step_down().await;
    }

    async fn leads(&self) -> Result<bool, ReadError> {
        Ok(self.may_lead && self.store.lead().await?)
    }
}

/// Whether a task was told to stop, or nobody is left to tell it.
pub fn is_stopped(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}
