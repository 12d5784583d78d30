//! The bounded queue before an appender. What does not fit is refused at once, so that overload is felt by its
//! cause, and early; what is taken is answered, whether or not the caller still waits.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::join_all;
use metrics::{counter, gauge, histogram};
use tokio::sync::{mpsc, oneshot};

use super::{Append, LogError, Verdict};
use crate::clock::Timestamp;

/// Appends that may wait.
const CAPACITY: usize = 4_096;
/// Bytes of bodies that may wait.
const CAPACITY_BYTES: usize = 64 << 20;
/// Appends that share a transaction.
pub(super) const BATCH: usize = 256;
/// Bytes of bodies after which a batch takes no more.
const BATCH_BYTES: usize = 4 << 20;
/// How often the appender lets others run before it closes a batch that is not full. Those whom it has just answered
/// then ask again within this batch: else callers in a closed loop fall into two halves that commit by turns.
const TURNS: usize = 4;

/// One append and who waits for its verdict.
#[derive(Debug)]
pub(super) struct Job {
    append: Append,
    answer: oneshot::Sender<Verdict>,
    bytes: usize,
}

/// Who waits for a verdict.
#[derive(Debug)]
pub(super) struct Caller(oneshot::Sender<Verdict>);

impl Job {
    /// What to commit, and whom to answer.
    pub fn split(self) -> (Append, Caller) {
        (self.append, Caller(self.answer))
    }
}

impl Caller {
    /// Answers. A caller who no longer waits does not matter.
    pub fn answer(self, verdict: Verdict) {
        count(&verdict);
        let _ = self.0.send(verdict);
    }
}

/// What the appender does next.
#[derive(Debug)]
pub(super) enum Work {
    /// Commit these together.
    Batch(Vec<Job>),
    /// Do this between two batches, and tell how many rows it touched.
    Chore(Chore, oneshot::Sender<Result<u64, LogError>>),
}

/// What the appender does besides appending.
#[derive(Clone, Copy, Debug)]
pub(super) enum Chore {
    /// Delete a bounded number of rows that have expired by this time.
    Sweep(Timestamp),
    /// Write something that changes nothing, to see whether it can.
    Probe,
}

#[derive(Debug)]
enum Message {
    Append(Job),
    Chore(Chore, oneshot::Sender<Result<u64, LogError>>),
}

/// The callers' end.
#[derive(Debug)]
pub(super) struct Queue {
    sender: RwLock<Option<mpsc::Sender<Message>>>,
    bytes: Arc<AtomicUsize>,
}

/// The appender's end.
#[derive(Debug)]
pub(super) struct Backlog {
    receiver: mpsc::Receiver<Message>,
    bytes: Arc<AtomicUsize>,
    chore: Option<Work>,
    /// How many were waiting when it was last told.
    depth: f64,
}

/// A queue, from both ends.
pub(super) fn queue() -> (Queue, Backlog) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let bytes = Arc::new(AtomicUsize::new(0));
    let queue = Queue {
        sender: RwLock::new(Some(sender)),
        bytes: bytes.clone(),
    };
    (
        queue,
        Backlog {
            receiver,
            bytes,
            chore: None,
            depth: 0.0,
        },
    )
}

impl Queue {
    /// Queues the appends in order and waits for their verdicts. If the caller goes away, they are judged as ever.
    pub async fn commit(&self, appends: Vec<Append>) -> Vec<Verdict> {
        let waiting: Vec<_> = appends.into_iter().map(|append| self.submit(append)).collect();
        join_all(waiting.into_iter().map(|submitted| async {
            match submitted {
                Ok(answer) => answer
                    .await
                    .unwrap_or_else(|_| Verdict::Unavailable("the log has stopped".into())),
                Err(verdict) => {
                    count(&verdict);
                    verdict
                }
            }
        }))
        .await
    }

    fn submit(&self, append: Append) -> Result<oneshot::Receiver<Verdict>, Verdict> {
        let Some(sender) = self.sender() else {
            return Err(Verdict::Unavailable("the log is closed".into()));
        };
        let bytes = append.events.iter().map(|event| event.body.len()).sum();
        if self.bytes.fetch_add(bytes, Ordering::AcqRel) > CAPACITY_BYTES {
            self.bytes.fetch_sub(bytes, Ordering::AcqRel);
            return Err(Verdict::Unavailable(
                "the log is busy: too many bytes are waiting".into(),
            ));
        }
        let (answer, verdict) = oneshot::channel();
        sender
            .try_send(Message::Append(Job {
                append,
                answer,
                bytes,
            }))
            .map_err(|error| {
                self.bytes.fetch_sub(bytes, Ordering::AcqRel);
                Verdict::Unavailable(match error {
                    mpsc::error::TrySendError::Full(_) => {
                        format!("the log is busy: {CAPACITY} appends are waiting")
                    }
                    mpsc::error::TrySendError::Closed(_) => "the log has stopped".to_owned(),
                })
            })?;
        Ok(verdict)
    }

    /// Has the appender do something between two batches.
    pub async fn chore(&self, chore: Chore) -> Result<u64, LogError> {
        let closed = || LogError::Unavailable("the log is closed".to_owned());
        let sender = self.sender().ok_or_else(closed)?;
        let (answer, count) = oneshot::channel();
        sender
            .send(Message::Chore(chore, answer))
            .await
            .map_err(|_| closed())?;
        drop(sender);
        count.await.map_err(|_| closed())?
    }

    /// Refuses what comes from now on; what waits is still done.
    pub fn close(&self) {
        self.sender.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether an appender still takes what is queued.
    pub fn is_open(&self) -> bool {
        self.sender().is_some_and(|sender| !sender.is_closed())
    }

    fn sender(&self) -> Option<mpsc::Sender<Message>> {
        self.sender.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Backlog {
    /// What to do next: all that waits, up to a batch. `None` when the queue is closed and empty.
    pub async fn next(&mut self) -> Option<Work> {
        if let Some(chore) = self.chore.take() {
            return Some(chore);
        }
        let mut message = self.receiver.recv().await;
        for _ in 0..TURNS {
            if self.receiver.len() + 1 >= BATCH {
                break;
            }
            tokio::task::yield_now().await;
        }
        let mut batch = Vec::new();
        let mut bytes = 0;
        loop {
            match message {
                Some(Message::Append(job)) => {
                    bytes += job.bytes;
                    batch.push(job);
                }
                Some(Message::Chore(chore, answer)) => self.chore = Some(Work::Chore(chore, answer)),
                None => {}
            }
            if batch.len() >= BATCH || bytes >= BATCH_BYTES || self.chore.is_some() {
                break;
            }
            match self.receiver.try_recv() {
                Ok(next) => message = Some(next),
                Err(_) => break,
            }
        }
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
        // An engine may have several queues: what is told is their sum.
        let depth = f64::from(u32::try_from(self.receiver.len()).unwrap_or(u32::MAX));
        gauge!("chancery_log_queue_depth").increment(depth - self.depth);
        self.depth = depth;
        if batch.is_empty() {
            return self.chore.take();
        }
        histogram!("chancery_log_batch_appends")
            .record(f64::from(u32::try_from(batch.len()).unwrap_or(u32::MAX)));
        Some(Work::Batch(batch))
    }
}

fn count(verdict: &Verdict) {
    let name = match verdict {
        Verdict::Committed(_) => "committed",
        Verdict::Repeated(_) => "repeated",
        Verdict::CommandReused => "command_reused",
        Verdict::Conflict { .. } => "conflict",
        Verdict::Claimed { .. } => "claimed",
        Verdict::NotHeld { .. } => "not_held",
        Verdict::Malformed(_) => "malformed",
        Verdict::Unavailable(_) => "unavailable",
    };
    counter!("chancery_log_appends_total", "verdict" => name).increment(1);
}
