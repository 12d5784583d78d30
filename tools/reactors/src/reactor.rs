//! What a reactor is: which events it reacts to, what is to be done about them, and doing it.

use std::time::Duration;

use async_trait::async_trait;
use events::{
    clock::Timestamp,
    envelope::Recorded,
    event::Happened,
    kernel::KernelError,
    subject::{Lane, Stream},
};
use serde_json::Value;

/// Follows the log and does something about what happens: sends, posts, publishes.
///
/// Whatever it records, it records as `Actor::component(self.name())`: what its own kind caused it is not told of.
#[async_trait]
pub trait Reactor: Send + Sync + 'static {
    /// Its stable name: its cursors and jobs are kept under it, and it is the component of what it records.
    fn name(&self) -> &'static str;

    /// The lanes that it follows.
    fn lanes(&self) -> &'static [Lane];

    /// What is to be done about an event: often nothing. It may read, but changes nothing; it may be asked again. An error
    /// that is an outage is tried again, any other stops this stream of this reactor before the event.
    async fn react(&self, happened: &Happened) -> Result<Vec<Job>, KernelError>;

    /// Does it. At least once: a job that was done while the process died is done again, under the same event.
    async fn perform(&self, task: &Task) -> Outcome;

    /// How its jobs are treated.
    fn terms(&self) -> Terms {
        Terms::default()
    }
}

/// How the jobs of a reactor are treated.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How many jobs of one target run at a time; of one that failed last, one.
    pub at_once: usize,
    /// How long one attempt may take; then it has failed.
    pub patience: Duration,
    /// How long after the first, second, … failure it is tried again, give or take a fifth. After the last it is given up.
    pub schedule: &'static [Duration],
}

/// Three days in all.
const THREE_DAYS: &[Duration] = &[
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(3),
    Duration::from_hours(6),
    Duration::from_hours(12),
    Duration::from_hours(24),
    Duration::from_hours(25),
];

/// The same schedule, ended after a day in all: for what is of no use to whoever hears of it later.
pub const A_DAY: &[Duration] = THREE_DAYS.split_at(9).0;

impl Default for Terms {
    /// Four at once, half a minute each, eleven more attempts over three days.
    fn default() -> Self {
        Self {
            at_once: 4,
            patience: Duration::from_secs(30),
            schedule: THREE_DAYS,
        }
    }
}

/// Something to do about an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Where it is done: the id of an endpoint, the address's hash. What bounds concurrency; never a personal datum.
    pub target: String,
    /// Jobs of one target with the same key are done one after the other, in the order of their events. Mostly the subject.
    pub ordering: String,
    /// The event that it is about, by its stream and seq, if that is not the one that is reacted to.
    pub about: Option<(Stream, u64)>,
    /// What else must be known. It is kept in the open: nothing personal, nothing secret.
    pub payload: Value,
}

impl Job {
    /// A job about the event, in the order of its subject.
    pub fn about(happened: &Happened, target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            ordering: ordering(happened),
            about: None,
            payload: Value::Null,
        }
    }
}

/// The key under which what happens to one subject keeps its order; events without a subject share one.
pub fn ordering(happened: &Happened) -> String {
    happened.subject.map_or_else(String::new, |subject| {
        format!("{}:{}", subject.kind.as_str(), subject.id)
    })
}

/// A job whose turn has come.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its number, as long as it is queued.
    pub number: i64,
    /// Where it is done.
    pub target: String,
    /// What the reactor noted.
    pub payload: Value,
    /// The event that it is about, as the log tells it now: what was erased since is erased.
    pub event: Happened,
    /// The same as it is recorded.
    pub recorded: Recorded,
    /// When it was queued.
    pub queued: Timestamp,
    /// The first attempt is 1.
    pub attempt: u32,
    /// Whether it is given up if it fails now.
    pub is_last: bool,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It failed, and may succeed later: tried again as the schedule says, and not before so long. After the last attempt it
    /// is given up.
    Retry {
        /// Not before so long.
        after: Option<Duration>,
        /// Why, for operators: no address, nothing secret.
        reason: String,
    },
    /// It could not be tried, and is once so much time has passed. That counts as no attempt.
    Later {
        /// So much.
        after: Duration,
    },
    /// It cannot succeed: it is given up, and kept for operators.
    Dead {
        /// Why, for operators: no address, nothing secret.
        reason: String,
    },
}

impl Outcome {
    /// Tried again as the schedule says.
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::Retry {
            after: None,
            reason: reason.into(),
        }
    }

    /// Given up.
    pub fn dead(reason: impl Into<String>) -> Self {
        Self::Dead {
            reason: reason.into(),
        }
    }
}
