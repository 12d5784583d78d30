//! Publishing one shard: from where it stands, batch by batch, each with the positions it leads to in one transaction.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use events::{
    log::{Log, LogError, Mark, Moved},
    subject::Stream,
};
use kafka::{Error, Place, Positions, Record, Shard};
use tokio::runtime::Handle;
use traces::Kind;

use crate::{
    GROUP, POSITIONS, Settings,
    node::Pause,
    position::{Halt, Position},
    records::{records, shard_of},
    standing::Board,
};

/// A transaction holds at most so many events, and so many bytes and one event.
const MOST_EVENTS: usize = 4_000;
const MOST_BYTES: usize = 4 << 20;
/// So many events of a stream are read at once.
const READ: usize = 1_000;
/// How often the log is asked when nobody calls.
const POLL: Duration = Duration::from_millis(250);
/// After how long the log is asked again that could not answer.
const RETRY: Duration = Duration::from_secs(1);
/// After how long a stream that stands still is tried again.
const HALTED: Duration = Duration::from_secs(30);

/// What publishes a shard.
pub(crate) struct Publishing {
    shard: i32,
    log: Arc<dyn Log>,
    settings: Settings,
    runtime: Handle,
    standing: Arc<Board>,
    stop: Arc<AtomicBool>,
}

/// How far the shard has come, and has to go.
struct Progress {
    kept: Positions,
    positions: HashMap<Stream, Position>,
    heads: HashMap<Stream, u64>,
    pending: BTreeSet<Stream>,
    halted: HashMap<Stream, (Instant, String)>,
    mark: Mark,
}

impl Progress {
    /// Publishes a batch, and stands where it leads to.
    fn publish(&mut self, shard: &Shard, batch: Batch) -> Result<(), Error> {
        let mut kept = Vec::with_capacity(batch.positions.len());
        for (stream, position) in &batch.positions {
            let bytes = position
                .to_bytes()
                .map_err(|error| Error::Refused(error.to_string()))?;
            kept.push((stream.to_string(), bytes));
        }
        let started = Instant::now();
        shard.publish(&batch.records, &kept)?;
        metrics::histogram!("chancery_kafka_transaction_seconds").record(started.elapsed());
        metrics::counter!("chancery_kafka_events_total").increment(batch.events as u64);
        for trace in &batch.traces {
            traces::record("publish", Kind::Producer, Some(trace), started.elapsed(), []);
        }
        self.positions.extend(batch.positions);
        let Self {
            pending,
            heads,
            positions,
            ..
        } = self;
        pending.retain(|stream| {
            positions.get(stream).map_or(0, |position| position.seq) < heads.get(stream).copied().unwrap_or(0)
        });
        Ok(())
    }
}

/// A transaction in the making.
#[derive(Default)]
struct Batch {
    records: Vec<Record>,
    positions: HashMap<Stream, Position>,
    traces: Vec<String>,
    events: usize,
    bytes: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.events >= MOST_EVENTS || self.bytes >= MOST_BYTES
    }
}

impl Publishing {
    pub fn new(
        shard: i32,
        log: Arc<dyn Log>,
        settings: Settings,
        runtime: Handle,
        standing: Arc<Board>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            shard,
            log,
            settings,
            runtime,
            standing,
            stop,
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Until it is told to stop. After any failure the shard is opened again, which tells what was committed.
    pub fn run(self) {
        let place = Place {
            positions: POSITIONS.to_owned(),
            shard: self.shard,
            transactional_id: format!("{GROUP}.{}", self.shard),
        };
        let mut pause = Pause::new(Arc::clone(&self.stop));
        while !self.is_stopped() {
            let failed = Shard::open(&self.settings.kafka, &place).and_then(|(shard, kept)| {
                if !pause.is_first() {
                    tracing::info!(shard = self.shard, "Kafka takes what is published again");
                }
                pause.reset();
                self.follow(&shard, kept)
            });
            if let Err(error) = failed {
                if pause.is_first() {
                    tracing::warn!(shard = self.shard, %error, "Kafka does not take what is published");
                }
                self.standing.failing(self.shard, error.to_string());
                pause.wait();
            }
        }
    }

    /// Publishes what happens, until told to stop or until Kafka fails.
    fn follow(&self, shard: &Shard, kept: Positions) -> Result<(), Error> {
        let mut progress = Progress {
            kept,
            positions: HashMap::new(),
            heads: HashMap::new(),
            pending: BTreeSet::new(),
            halted: HashMap::new(),
            mark: Mark::default(),
        };
        let mut moved = self.log.moved();
        while !self.is_stopped() {
            moved.borrow_and_update();
            let batch = match self.runtime.block_on(self.gather(&mut progress)) {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::warn!(%error, "the log cannot be read to be published");
                    std::thread::sleep(RETRY);
                    continue;
                }
            };
            // Told before as well: while Kafka is away the next line takes its time.
            self.tell(&progress);
            if batch.events > 0 {
                progress.publish(shard, batch)?;
                self.tell(&progress);
            }
            if progress.pending.is_empty() {
                self.runtime.block_on(async {
                    let _ = tokio::time::timeout(POLL, moved.changed()).await;
                });
            }
        }
        Ok(())
    }

    /// The next transaction: of each stream that moved some events, until it is full.
    async fn gather(&self, progress: &mut Progress) -> Result<Batch, LogError> {
        let Moved { mark, heads, .. } = self.log.heads(progress.mark).await?;
        for head in heads {
            if shard_of(head.stream, self.settings.shards) == self.shard && head.seq > 0 {
                progress.heads.insert(head.stream, head.seq);
                if !progress.halted.contains_key(&head.stream) {
                    progress.pending.insert(head.stream);
                }
            }
        }
        progress.mark = mark;
        let due: Vec<_> = progress
            .halted
            .extract_if(|_, (since, _)| since.elapsed() >= HALTED)
            .map(|(stream, _)| stream)
            .collect();
        progress.pending.extend(due);
        let mut batch = Batch::default();
        for stream in progress.pending.clone() {
            if batch.is_full() {
                break;
            }
            match self.add(stream, progress, &mut batch).await {
                Ok(()) if batch.positions.contains_key(&stream) => {}
                Ok(()) => drop(progress.pending.remove(&stream)),
                Err(Halt::Log(error)) => return Err(error),
                Err(halt) => {
                    tracing::error!(%stream, reason = %halt, "a stream cannot be published and stands still");
                    progress.pending.remove(&stream);
                    progress.halted.insert(stream, (Instant::now(), halt.to_string()));
                }
            }
        }
        Ok(batch)
    }

    /// Adds what comes next of a stream, if something does.
    async fn add(&self, stream: Stream, progress: &mut Progress, batch: &mut Batch) -> Result<(), Halt> {
        let mut position = if let Some(position) = progress.positions.get(&stream) {
            position.clone()
        } else {
            let kept = progress.kept.get(&stream.to_string());
            let position = kept.map_or_else(|| Ok(Position::default()), |kept| Position::parse(kept))?;
            position.verify(&*self.log, stream).await?;
            progress.positions.insert(stream, position.clone());
            position
        };
        let mut added = false;
        while !batch.is_full() {
            let read = self
                .log
                .read(stream, position.seq, READ)
                .await
                .map_err(Halt::Log)?;
            let is_last = read.len() < READ;
            for recorded in &read {
                if batch.is_full() {
                    break;
                }
                // What came before a poisoned event is published all the same; the next round stops at it.
                let made = match records(&self.settings.public_url, recorded, &mut position) {
                    Ok(made) => made,
                    Err(_) if added => {
                        batch.positions.insert(stream, position);
                        return Ok(());
                    }
                    Err(halt) => return Err(halt),
                };
                batch.bytes += made.iter().map(|record| record.value.len() + 600).sum::<usize>();
                batch.events += 1;
                batch.traces.extend(recorded.entry.trace.clone());
                batch.records.extend(made);
                added = true;
            }
            if is_last {
                break;
            }
        }
        if added {
            batch.positions.insert(stream, position);
        }
        Ok(())
    }

    fn tell(&self, progress: &Progress) {
        let behind = |stream: &Stream| {
            let head = progress.heads.get(stream).copied().unwrap_or(0);
            let at = progress.positions.get(stream).map_or(0, |position| position.seq);
            head.saturating_sub(at)
        };
        let lag = progress
            .pending
            .iter()
            .chain(progress.halted.keys())
            .map(behind)
            .sum();
        let stopped: BTreeMap<_, _> = progress
            .halted
            .iter()
            .map(|(stream, (_, reason))| (stream.to_string(), reason.clone()))
            .collect();
        self.standing.progress(self.shard, lag, stopped);
    }
}
