//! The runner: follows the log and applies what happened, stream by stream, a batch from each in turn, as long as this node
//! is the one who writes.
//!
//! The rule: a projection applies every event of a stream once and in order, or stands still before the one that it
//! cannot apply. Rows and cursor are one transaction; the watermark rises after it. What stops one stream of one
//! projection (an event that is damaged or cannot be understood, a cursor that does not fit the log) stops nothing else,
//! and is tried again, ever less often, so that a mended cause needs no hand.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use events::{
    envelope::Recorded,
    kernel::{
        Kernel, KernelError,
        batch::{Batch, Fault},
    },
    log::{Mark, Moved},
    subject::{Lane, Stream},
};
use tokio::{sync::watch, task::JoinSet};
use traces::Kind;

use crate::{
    apply::advance,
    follower::is_stopped,
    generation::Setup,
    progress::{Progress, Stopped},
    projection::Projection,
    reads::ReadError,
    rows::Changes,
    store::{CursorRow, Store},
};

/// For how long after an event its trace is told of it.
const TRACED_SECONDS: u64 = 60;

/// How the runner goes.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How many events are applied in one transaction.
    pub batch: usize,
    /// How often the log is asked when nobody calls.
    pub poll: Duration,
    /// After how long what stopped is tried again at first; twice as long each time.
    pub retry: Duration,
    /// Without a step for so long it is frozen, whatever it says of itself. Idle or failing, it makes one at every try; the
    /// longest step is one batch, which the engines bound as well.
    pub frozen: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            batch: 1_000,
            poll: Duration::from_millis(250),
            retry: Duration::from_secs(1),
            frozen: Duration::from_secs(30),
        }
    }
}

/// Of how many streams the next batch is fetched while one is applied.
const MOST_AHEAD: usize = 4;
/// What stopped is tried again at least so often.
const LONGEST_RETRY: Duration = Duration::from_mins(1);

/// Why a pass ended early: all of it is tried again.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[error(transparent)]
    Store(#[from] ReadError),
}

/// Where one projection stands in one stream.
#[derive(Debug, Default)]
struct Place {
    cursor: Option<CursorRow>,
    /// Whether the cursor was compared with the log since the start.
    verified: bool,
    stop: Option<Stop>,
}

#[derive(Debug)]
struct Stop {
    fault: Fault,
    attempts: u32,
    retry_at: Instant,
}

impl Place {
    fn seq(&self) -> u64 {
        self.cursor.as_ref().map_or(0, |cursor| cursor.seq)
    }

    fn waits(&self, now: Instant) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.retry_at > now)
    }

    fn has_work(&self, head: u64, now: Instant) -> bool {
        !self.waits(now) && (self.seq() < head || (self.cursor.is_some() && !self.verified))
    }
}

/// One stream, with a place for each projection of its lane.
#[derive(Debug)]
struct Track {
    head: u64,
    places: Vec<Place>,
}

/// A batch on its way; dropped, it is not fetched further.
struct Ahead {
    from: u64,
    fetching: JoinSet<Result<Batch, KernelError>>,
}

struct Member {
    projection: Arc<dyn Projection>,
    lag: u64,
}

/// Follows the log for one generation.
pub struct Runner {
    kernel: Arc<Kernel>,
    store: Arc<Store>,
    progress: Arc<Progress>,
    pace: Pace,
    members: HashMap<Lane, Vec<Member>>,
    tracks: HashMap<Stream, Track>,
    /// Streams that have, or may have, something to apply.
    pending: BTreeSet<Stream>,
    /// Streams in which something is stopped.
    halted: HashSet<Stream>,
    ahead: HashMap<Stream, Ahead>,
    mark: Mark,
    /// Whether what is stored may be other than what is known here.
    astray: bool,
}

impl Runner {
    /// A runner that goes on where the cursors of the store stand.
    pub fn new(setup: &Setup, store: &Arc<Store>, progress: &Arc<Progress>) -> Self {
        let mut members: HashMap<_, Vec<_>> = HashMap::new();
        for projection in &setup.projections {
            let member = Member {
                projection: Arc::clone(projection),
                lag: 0,
            };
            members.entry(projection.lane()).or_default().push(member);
        }
        Self {
            kernel: Arc::clone(&setup.kernel),
            store: Arc::clone(store),
            progress: Arc::clone(progress),
            pace: setup.pace,
            members,
            tracks: HashMap::new(),
            pending: BTreeSet::new(),
            halted: HashSet::new(),
            ahead: HashMap::new(),
            mark: Mark::default(),
            astray: true,
        }
    }

    /// Takes the cursors as they are stored, and looks at every stream anew.
    async fn find_place(&mut self) -> Result<(), ReadError> {
        let cursors = self.store.cursors().await?;
        self.tracks.clear();
        self.halted.clear();
        self.ahead.clear();
        self.pending.clear();
        self.mark = Mark::default();
        for member in self.members.values_mut().flatten() {
            member.lag = 0;
            self.progress.set_lag(member.projection.name(), 0);
        }
        self.progress.forget_stops();
        for cursor in cursors {
            let stream = cursor.stream();
            let index = self.members.get(&stream.lane).and_then(|members| {
                members
                    .iter()
                    .position(|member| member.projection.name() == cursor.projection)
            });
            if let Some(index) = index {
                self.track(stream).places[index].cursor = Some(cursor);
                self.pending.insert(stream);
            }
        }
        for stream in &self.pending {
            if let Some(seq) = self.applied(*stream) {
                self.progress.stand(*stream, seq);
            }
        }
        self.astray = false;
        Ok(())
    }

    /// Follows until told to stop, until whoever could tell is gone, or until another node writes.
    pub async fn run(mut self, stop: &mut watch::Receiver<bool>) {
        let mut moved = self.kernel.log().moved();
        let mut failing = false;
        while !is_stopped(stop) {
            moved.borrow_and_update();
            self.progress.step();
            let pause = match self.round().await {
                Ok(false) => return,
                Ok(true) if self.pending.is_empty() => {
                    self.progress.finish_pass();
                    self.pace.poll
                }
                Ok(true) => Duration::ZERO,
                Err(error) => {
                    if !failing {
                        tracing::error!(%error, "the read models cannot follow the log");
                    }
                    failing = true;
                    self.progress.set_failing(Some(error.to_string()));
                    self.astray = true;
                    tokio::select! {
                        () = tokio::time::sleep(self.pace.retry) => {}
                        _ = stop.changed() => {}
                    }
                    continue;
                }
            };
            if std::mem::take(&mut failing) {
                self.progress.set_failing(None);
                tracing::info!("the read models follow the log again");
            }
            if !pause.is_zero() {
                tokio::select! {
                    changed = moved.changed() => if changed.is_err() { tokio::time::sleep(pause).await },
                    () = tokio::time::sleep(pause) => {}
                    _ = stop.changed() => {}
                }
            }
        }
    }

    /// Learns what moved, and applies one batch of each stream that has one. Not if another node writes.
    async fn round(&mut self) -> Result<bool, RunError> {
        if !self.store.lead().await? {
            return Ok(false);
        }
        if self.astray {
            self.find_place().await?;
        }
        let Moved { mark, heads, .. } = self
            .kernel
            .log()
            .heads(self.mark)
            .await
            .map_err(KernelError::from)?;
        for head in heads {
            self.learn_head(head.stream, head.seq);
            self.pending.insert(head.stream);
        }
        self.mark = mark;
        let now = Instant::now();
        let due = self.halted.iter().filter(|stream| {
            let places = self.tracks.get(*stream).map(|track| &track.places);
            places
                .into_iter()
                .flatten()
                .any(|place| place.stop.is_some() && !place.waits(now))
        });
        self.pending.extend(due);
        for stream in self.pending.clone() {
            // A visit may be all reading, and there may be many: who writes is heard meanwhile, or loses the place.
            if !self.store.lead().await? {
                return Ok(false);
            }
            if !self.visit(stream).await? {
                self.pending.remove(&stream);
            }
            self.progress.step();
        }
        Ok(true)
    }

    /// Applies one batch of a stream, to those projections that are furthest behind. Whether there is more.
    async fn visit(&mut self, stream: Stream) -> Result<bool, RunError> {
        let started = Instant::now();
        let Some((from, group)) = self.furthest_behind(stream, started) else {
            return Ok(false);
        };
        let batch = self.batch(stream, from).await?;
        let Batch {
            standing,
            recorded,
            happened,
            poison,
        } = &batch;
        if let Some(last) = recorded.last() {
            self.learn_head(stream, last.entry.seq);
        }
        let mut changes = Changes::default();
        let mut outcomes = Vec::with_capacity(group.len());
        for index in group {
            let Some(place) = self.tracks.get(&stream).and_then(|track| track.places.get(index)) else {
                continue;
            };
            if let Some(damage) = poison.as_ref().filter(|fault| fault.seq <= from) {
                outcomes.push((index, 0, Some(damage.clone())));
                continue;
            }
            if !fits(place.cursor.as_ref(), standing.as_ref()) {
                let reason = "the cursor does not fit the log: rebuild the read models".to_owned();
                outcomes.push((index, 0, Some(Fault { seq: from, reason })));
                continue;
            }
            let Some(projection) = self.projection(stream.lane, index) else {
                continue;
            };
            let (rows, done, fault) = advance(&self.store, &*projection, happened).await?;
            rows.drain_into(&mut changes);
            outcomes.push((index, done, fault.or_else(|| poison.clone())));
        }
        let moves: Vec<_> = outcomes
            .iter()
            .filter(|(_, done, _)| *done > 0)
            .filter_map(|(index, done, _)| {
                let projection = self.projection(stream.lane, *index)?;
                let from = self.tracks.get(&stream)?.places.get(*index)?.cursor.clone();
                Some((from, cursor_at(projection.name(), recorded.get(done - 1)?)))
            })
            .collect();
        if !moves.is_empty() {
            self.store.write(&changes, &moves).await?;
            metrics::histogram!("chancery_projection_batch_seconds").record(started.elapsed());
            let done = outcomes.iter().map(|(_, done, _)| *done).max().unwrap_or(0);
            self.trace(&recorded[..done], started.elapsed());
        }
        let mut cursors = moves.into_iter().map(|(_, to)| to);
        for (index, done, fault) in outcomes {
            let cursor = if done > 0 { cursors.next() } else { None };
            self.conclude(stream, index, done as u64, cursor, fault);
        }
        self.raise_watermark(stream);
        Ok(self.furthest_behind(stream, Instant::now()).is_some())
    }

    /// Tells the traces of events that they are in the read models. A trace that is long over hears of no rebuild.
    fn trace(&self, applied: &[Recorded], took: Duration) {
        let now = self.kernel.now();
        let traced = applied
            .iter()
            .filter(|one| one.entry.time.after_seconds(TRACED_SECONDS) > now);
        for Recorded { entry, .. } in traced {
            let about = [("event", entry.event_type.clone())];
            traces::record("project", Kind::Internal, entry.trace.as_deref(), took, about);
        }
    }

    /// What comes after a seq: as it was fetched ahead, if it was. While it is applied, the next is fetched.
    async fn batch(&mut self, stream: Stream, from: u64) -> Result<Batch, KernelError> {
        let ahead = self.ahead.remove(&stream).filter(|ahead| ahead.from == from);
        let limit = self.pace.batch;
        let batch = match ahead {
            Some(mut ahead) => ahead.fetching.join_next().await,
            None => None,
        };
        let batch = match batch {
            Some(Ok(batch)) => batch?,
            _ => self.kernel.batch(stream, from, limit).await?,
        };
        let head = self.tracks.get(&stream).map_or(0, |track| track.head);
        let from = batch.recorded.last().map_or(head, |recorded| recorded.entry.seq);
        if from < head && batch.poison.is_none() && self.ahead.len() < MOST_AHEAD {
            let kernel = Arc::clone(&self.kernel);
            let mut fetching = JoinSet::new();
            fetching.spawn(async move { kernel.batch(stream, from, limit).await });
            self.ahead.insert(stream, Ahead { from, fetching });
        }
        Ok(batch)
    }

    /// The lowest seq at which a projection has something to do, and those that stand there.
    fn furthest_behind(&self, stream: Stream, now: Instant) -> Option<(u64, Vec<usize>)> {
        let track = self.tracks.get(&stream)?;
        let working = || {
            track
                .places
                .iter()
                .enumerate()
                .filter(|(_, place)| place.has_work(track.head, now))
        };
        let from = working().map(|(_, place)| place.seq()).min()?;
        Some((
            from,
            working()
                .filter(|(_, place)| place.seq() == from)
                .map(|(index, _)| index)
                .collect(),
        ))
    }

    /// Takes note of what became of a batch.
    fn conclude(
        &mut self,
        stream: Stream,
        index: usize,
        done: u64,
        cursor: Option<CursorRow>,
        fault: Option<Fault>,
    ) {
        let Some(member) = self
            .members
            .get_mut(&stream.lane)
            .and_then(|members| members.get_mut(index))
        else {
            return;
        };
        let name = member.projection.name();
        if done > 0 {
            metrics::counter!("chancery_projection_events_total", "projection" => name).increment(done);
            member.lag = member.lag.saturating_sub(done);
            self.progress.set_lag(name, member.lag);
        }
        let Some(track) = self.tracks.get_mut(&stream) else {
            return;
        };
        let place = &mut track.places[index];
        if cursor.is_some() {
            place.cursor = cursor;
        }
        match fault {
            None => {
                place.verified = true;
                if place.stop.take().is_some() {
                    tracing::info!(projection = name, %stream, "the projection goes on");
                    self.progress.resume(name, stream);
                }
            }
            Some(fault) => {
                let before = place.stop.take().filter(|stop| stop.fault == fault);
                let attempts = before.as_ref().map_or(0, |stop| stop.attempts + 1);
                if before.is_none() {
                    let (seq, reason) = (fault.seq, fault.reason.clone());
                    tracing::error!(projection = name, %stream, seq, reason, "the projection has stopped");
                    self.progress.stop(Stopped {
                        projection: name,
                        stream,
                        seq,
                        reason,
                    });
                }
                let pause = self
                    .pace
                    .retry
                    .saturating_mul(1 << attempts.min(16))
                    .min(LONGEST_RETRY);
                place.stop = Some(Stop {
                    fault,
                    attempts,
                    retry_at: Instant::now() + pause,
                });
                self.halted.insert(stream);
            }
        }
        if track.places.iter().all(|place| place.stop.is_none()) {
            self.halted.remove(&stream);
        }
    }

    fn projection(&self, lane: Lane, index: usize) -> Option<Arc<dyn Projection>> {
        self.members
            .get(&lane)?
            .get(index)
            .map(|member| Arc::clone(&member.projection))
    }

    fn track(&mut self, stream: Stream) -> &mut Track {
        let places = self.members.get(&stream.lane).map_or(0, Vec::len);
        self.tracks.entry(stream).or_insert_with(|| Track {
            head: 0,
            places: std::iter::repeat_with(Place::default).take(places).collect(),
        })
    }

    /// The stream has come to `seq`, which adds to what is left to do.
    fn learn_head(&mut self, stream: Stream, seq: u64) {
        let track = self.track(stream);
        let known = track.head;
        track.head = known.max(seq);
        let left: Vec<_> = track
            .places
            .iter()
            .map(|place| seq.saturating_sub(known.max(place.seq())))
            .collect();
        for (member, left) in self.members.get_mut(&stream.lane).into_iter().flatten().zip(left) {
            if left > 0 {
                member.lag += left;
                self.progress.set_lag(member.projection.name(), member.lag);
            }
        }
    }

    fn raise_watermark(&self, stream: Stream) {
        if let Some(seq) = self.applied(stream) {
            self.progress.raise(stream, seq);
        }
    }

    /// How far all projections have applied a stream.
    fn applied(&self, stream: Stream) -> Option<u64> {
        let places = self.tracks.get(&stream).map(|track| &track.places);
        places.into_iter().flatten().map(Place::seq).min()
    }
}

/// Whether a cursor names the event that stands in the log at its place.
fn fits(cursor: Option<&CursorRow>, standing: Option<&Recorded>) -> bool {
    cursor.is_none_or(|cursor| {
        standing.is_some_and(|standing| standing.is(cursor.incarnation, cursor.seq, &cursor.leaf_hash))
    })
}

fn cursor_at(projection: &str, recorded: &Recorded) -> CursorRow {
    CursorRow {
        projection: projection.to_owned(),
        realm: recorded.entry.realm,
        lane: recorded.entry.lane,
        incarnation: recorded.entry.incarnation,
        seq: recorded.entry.seq,
        leaf_hash: recorded.leaf_hash.to_vec(),
    }
}
