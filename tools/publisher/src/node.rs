//! One node's part: it makes the topics, joins the group, and runs a thread for each shard that the group gives it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use events::log::Log;
use kafka::{Error, Membership};

use crate::{GROUP, POSITIONS, Settings, shard::Publishing, standing::Board};

/// How often the group is listened to.
const LISTENING: Duration = Duration::from_millis(200);
/// After how long what failed is tried again at first; twice as long each time.
const RETRY: Duration = Duration::from_millis(500);
/// What failed is tried again at least so often.
const LONGEST_RETRY: Duration = Duration::from_secs(10);

pub(crate) struct Node {
    pub log: Arc<dyn Log>,
    pub settings: Settings,
    pub runtime: tokio::runtime::Handle,
    pub standing: Arc<Board>,
    pub stop: Arc<AtomicBool>,
}

/// The thread of a shard.
struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Running {
    fn end(self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.join().is_err() {
            tracing::error!("a shard's thread panicked");
        }
    }
}

impl Node {
    /// Until it is told to stop.
    pub fn run(self) {
        let mut pause = Pause::new(Arc::clone(&self.stop));
        while !self.is_stopped() {
            match self.join() {
                Ok(membership) => {
                    pause.reset();
                    self.standing.node(None);
                    tracing::info!("the log is published to Kafka");
                    self.take_part(&membership);
                }
                Err(error) => {
                    if pause.is_first() {
                        tracing::error!(%error, "the log cannot be published to Kafka");
                    }
                    self.standing.node(Some(error.to_string()));
                    pause.wait();
                }
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Makes what topics are missing, and joins the group.
    fn join(&self) -> Result<Membership, Error> {
        let partitions = kafka::ensure(&self.settings.kafka, &self.settings.topics())?;
        let wanted = self.settings.shards;
        match partitions.first() {
            // Streams would begin anew in other shards.
            Some(&found) if found != wanted => Err(Error::Refused(format!(
                "the log was published in {found} shards before, and cannot be in {wanted}"
            ))),
            _ => Membership::join(&self.settings.kafka, GROUP, POSITIONS),
        }
    }

    /// Runs the shards that the group gives this node.
    fn take_part(&self, membership: &Membership) {
        let mut running: BTreeMap<i32, Running> = BTreeMap::new();
        while !self.is_stopped() {
            match membership.shards(LISTENING) {
                Ok(shards) => {
                    // One that ended by itself panicked: it is begun anew.
                    let over = |shard: &i32, running: &Running| {
                        !shards.contains(shard) || running.thread.is_finished()
                    };
                    for (shard, running) in running.extract_if(.., |shard, running| over(shard, running)) {
                        running.end();
                        self.standing.left(shard);
                    }
                    for shard in shards {
                        if !running.contains_key(&shard)
                            && let Some(started) = self.start(shard)
                        {
                            running.insert(shard, started);
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "the group of publishers cannot be asked"),
            }
        }
        for (shard, running) in running {
            running.end();
            self.standing.left(shard);
        }
    }

    fn start(&self, shard: i32) -> Option<Running> {
        let stop = Arc::new(AtomicBool::new(false));
        let publishing = Publishing::new(
            shard,
            Arc::clone(&self.log),
            self.settings.clone(),
            self.runtime.clone(),
            Arc::clone(&self.standing),
            Arc::clone(&stop),
        );
        self.standing.taken(shard);
        let thread = thread::Builder::new()
            .name(format!("publisher-{shard}"))
            .spawn(move || publishing.run());
        match thread {
            Ok(thread) => Some(Running { stop, thread }),
            Err(error) => {
                tracing::error!(%error, "a shard's thread does not start");
                None
            }
        }
    }
}

/// How long is waited after a failure: ever longer, and not beyond the order to stop.
pub(crate) struct Pause {
    next: Duration,
    stop: Arc<AtomicBool>,
}

impl Pause {
    pub fn new(stop: Arc<AtomicBool>) -> Self {
        Self { next: RETRY, stop }
    }

    /// Whether nothing failed since it went well.
    pub fn is_first(&self) -> bool {
        self.next == RETRY
    }

    pub fn reset(&mut self) {
        self.next = RETRY;
    }

    pub fn wait(&mut self) {
        let mut left = self.next;
        self.next = (self.next * 2).min(LONGEST_RETRY);
        while !left.is_zero() && !self.stop.load(Ordering::Acquire) {
            let step = left.min(LISTENING);
            thread::sleep(step);
            left -= step;
        }
    }
}
