//! How the reactors that run on this node are doing: for operators and for metrics. A node that does not run them tells zeros.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use events::subject::Stream;
use serde::Serialize;

/// A stream in which a reactor stands still until what stops it is mended. Nothing was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// The stream.
    pub stream: Stream,
    /// The seq of the event before which it stands.
    pub seq: u64,
    /// Why.
    pub reason: String,
}

/// One reactor, on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doing {
    /// How many events it has yet to see.
    pub lag: u64,
    /// How many jobs run now.
    pub running: u64,
    /// How many are queued, those that run included.
    pub queued: u64,
    /// Where it stands still.
    pub stopped: BTreeMap<Stream, Stopped>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Progress(Mutex<BTreeMap<&'static str, Doing>>);

impl Progress {
    fn open(&self) -> MutexGuard<'_, BTreeMap<&'static str, Doing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a reactor is doing.
    pub fn of(&self, reactor: &str) -> Doing {
        self.open().get(reactor).cloned().unwrap_or_default()
    }

    /// Takes note of how it is doing now.
    pub fn note(&self, reactor: &'static str, change: impl FnOnce(&mut Doing)) {
        let mut all = self.open();
        let doing = all.entry(reactor).or_default();
        change(doing);
        for (metric, value) in [
            ("chancery_reactor_lag_events", doing.lag),
            ("chancery_reactor_jobs_running", doing.running),
            ("chancery_reactor_jobs_queued", doing.queued),
            ("chancery_reactor_stopped", doing.stopped.len() as u64),
        ] {
            #[expect(clippy::cast_precision_loss, reason = "a gauge is for looking at")]
            metrics::gauge!(metric, "reactor" => reactor).set(value as f64);
        }
    }

    /// This node no longer runs them.
    pub fn forget(&self) {
        let reactors: Vec<_> = self.open().keys().copied().collect();
        for reactor in reactors {
            self.note(reactor, |doing| *doing = Doing::default());
        }
    }
}
