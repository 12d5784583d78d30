//! Following the log: what happened, batch by batch, and what each reactor wants done about it.
//!
//! The rule: a reactor sees every event of a stream once and in order, or stands still before the one that it cannot take; its
//! place and its jobs are one transaction. What stops one stream of one reactor stops nothing else, and is tried again, ever
//! less often.

use std::{
    collections::{BTreeSet, HashMap},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use events::{
    envelope::Recorded,
    event::Happened,
    kernel::{
        Kernel, KernelError,
        batch::{Batch, Fault, told},
    },
    log::{LogError, Mark},
    subject::{Lane, Stream},
};
use futures::FutureExt;

use crate::{
    progress::{Progress, Stopped},
    reactor::{Job, Reactor},
    runner::{Pace, RunError},
    store::{Moved, NewJob, PlaceRow, Standing, Store},
};

/// What stopped is tried again at least so often.
const LONGEST_RETRY: Duration = Duration::from_mins(1);

/// Where one reactor stands in one stream.
#[derive(Debug, Default)]
struct Place {
    stands: Option<PlaceRow>,
    /// Whether it was compared with the log since the start.
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
        self.stands.as_ref().map_or(0, |place| place.seq)
    }

    fn has_work(&self, head: u64, now: Instant) -> bool {
        let waits = self.stop.as_ref().is_some_and(|stop| stop.retry_at > now);
        !waits && (self.seq() < head || (self.stands.is_some() && !self.verified))
    }
}

#[derive(Debug, Default)]
struct Track {
    head: u64,
    /// By reactor, as far as it follows the lane.
    places: HashMap<usize, Place>,
}

/// Follows the log for all reactors that are not paused.
pub struct Following {
    kernel: Arc<Kernel>,
    store: Arc<Store>,
    progress: Arc<Progress>,
    pace: Pace,
    reactors: Arc<[Arc<dyn Reactor>]>,
    paused: Vec<bool>,
    tracks: HashMap<Stream, Track>,
    /// Streams that have, or may have, something new.
    pending: BTreeSet<Stream>,
    mark: Mark,
}

impl Following {
    /// Begins where the places of the store are; reactors that run for the first time begin at the heads.
    pub async fn begin(
        kernel: &Arc<Kernel>,
        store: &Arc<Store>,
        progress: &Arc<Progress>,
        pace: Pace,
        reactors: &Arc<[Arc<dyn Reactor>]>,
        standing: &[Standing],
    ) -> Result<Self, RunError> {
        for reactor in &**reactors {
            if !standing.iter().any(|known| known.name == reactor.name()) {
                let places = places_at_heads(kernel, &**reactor).await?;
                store.introduce(reactor.name(), &places).await?;
            }
        }
        let paused = |reactor: &Arc<dyn Reactor>| {
            standing
                .iter()
                .any(|known| known.name == reactor.name() && known.paused)
        };
        let mut following = Self {
            kernel: Arc::clone(kernel),
            store: Arc::clone(store),
            progress: Arc::clone(progress),
            pace,
            paused: reactors.iter().map(paused).collect(),
            reactors: Arc::clone(reactors),
            tracks: HashMap::new(),
            pending: BTreeSet::new(),
            mark: Mark::default(),
        };
        for stands in store.places().await? {
            let index = reactors
                .iter()
                .position(|reactor| reactor.name() == stands.reactor);
            let track = following.track(stands.stream);
            if let Some(place) = index.and_then(|index| track.places.get_mut(&index)) {
                place.stands = Some(stands);
            }
        }
        for reactor in &**reactors {
            progress.note(reactor.name(), |doing| doing.stopped.clear());
        }
        Ok(following)
    }

    /// Whether a reactor is paused.
    pub fn is_paused(&self, index: usize) -> bool {
        self.paused[index]
    }

    /// Whether there is, or may be, something new.
    pub fn is_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    fn track(&mut self, stream: Stream) -> &mut Track {
        let reactors = &self.reactors;
        self.tracks.entry(stream).or_insert_with(|| Track {
            head: 0,
            places: (0..reactors.len())
                .filter(|index| reactors[*index].lanes().contains(&stream.lane))
                .map(|index| (index, Place::default()))
                .collect(),
        })
    }

    /// Learns what moved.
    pub async fn look(&mut self) -> Result<(), RunError> {
        let moved = self.kernel.log().heads(self.mark).await;
        let moved = moved.map_err(KernelError::from)?;
        for head in moved.heads {
            let track = self.track(head.stream);
            track.head = track.head.max(head.seq);
            self.pending.insert(head.stream);
        }
        self.mark = moved.mark;
        Ok(())
    }

    /// Looks again at what stopped, and counts what is left. Now and then.
    pub fn tend(&mut self) {
        let now = Instant::now();
        for (stream, track) in &self.tracks {
            let is_due = |place: &Place| place.stop.is_some() && place.has_work(track.head, now);
            if track.places.values().any(is_due) {
                self.pending.insert(*stream);
            }
        }
        for (index, reactor) in self.reactors.iter().enumerate() {
            let left = |track: &Track| {
                let place = track.places.get(&index)?;
                Some(track.head.saturating_sub(place.seq()))
            };
            let lag = self.tracks.values().filter_map(left).sum();
            self.progress.note(reactor.name(), |doing| doing.lag = lag);
        }
    }

    /// Takes one batch of the next stream that has one, for those reactors that are furthest behind. The targets that got jobs.
    pub async fn step(&mut self) -> Result<Vec<(usize, String)>, RunError> {
        let Some(stream) = self.pending.first().copied() else {
            return Ok(Vec::new());
        };
        let Some((from, group)) = self.furthest_behind(stream) else {
            self.pending.remove(&stream);
            return Ok(Vec::new());
        };
        let batch = self.kernel.batch(stream, from, self.pace.batch).await?;
        if let Some(last) = batch.recorded.last() {
            let track = self.track(stream);
            track.head = track.head.max(last.entry.seq);
        }
        let (mut moves, mut jobs, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
        for index in group {
            let stands = self
                .tracks
                .get(&stream)
                .and_then(|track| track.places.get(&index)?.stands.clone());
            let (done, fault) = self
                .react(index, stands.as_ref(), from, &batch, &mut jobs)
                .await?;
            let to = done.checked_sub(1).and_then(|last| batch.recorded.get(last));
            let to = to.map(|recorded| place_at(self.reactors[index].name(), recorded));
            if let Some(to) = to.clone() {
                moves.push(Moved { from: stands, to });
            }
            outcomes.push((index, to, fault));
        }
        let queued = jobs.iter().map(|(_, job)| job).cloned().collect::<Vec<_>>();
        if !moves.is_empty() {
            self.store.advance(&moves, &queued, self.kernel.now()).await?;
        }
        for (index, to, fault) in outcomes {
            self.conclude(stream, index, to, fault);
        }
        let mut targets = BTreeSet::new();
        for (index, job) in jobs {
            self.progress.note(job.reactor, |doing| doing.queued += 1);
            targets.insert((index, job.target));
        }
        Ok(targets.into_iter().collect())
    }

    /// What a reactor wants done about a batch, as far as it takes it: how many events, and what is wrong with the next.
    async fn react(
        &self,
        index: usize,
        stands: Option<&PlaceRow>,
        from: u64,
        batch: &Batch,
        jobs: &mut Vec<(usize, NewJob)>,
    ) -> Result<(usize, Option<Fault>), RunError> {
        if let Some(damage) = batch.poison.as_ref().filter(|fault| fault.seq <= from) {
            return Ok((0, Some(damage.clone())));
        }
        if !fits(stands, batch.standing.as_ref()) {
            let reason = "the place does not fit the log: restart the reactor".to_owned();
            return Ok((0, Some(Fault { seq: from, reason })));
        }
        let reactor = &self.reactors[index];
        for (done, happened) in batch.happened.iter().enumerate() {
            if happened.actor.component.as_deref() == Some(reactor.name()) {
                continue;
            }
            let fault = |reason: String| {
                let seq = happened.seq;
                Ok((done, Some(Fault { seq, reason })))
            };
            match AssertUnwindSafe(reactor.react(happened)).catch_unwind().await {
                Ok(Ok(wanted)) => {
                    jobs.extend(
                        wanted
                            .into_iter()
                            .map(|job| (index, new_job(reactor.name(), happened, job))),
                    );
                }
                Ok(Err(error)) if error.is_outage() => return Err(error.into()),
                Ok(Err(error)) => return fault(told(&error)),
                Err(_) => return fault("the reactor panicked".to_owned()),
            }
        }
        Ok((batch.happened.len(), batch.poison.clone()))
    }

    /// Those of a stream's reactors that have work and stand furthest behind, and where that is.
    fn furthest_behind(&self, stream: Stream) -> Option<(u64, Vec<usize>)> {
        let track = self.tracks.get(&stream)?;
        let now = Instant::now();
        let working = || {
            track
                .places
                .iter()
                .filter(|(index, place)| !self.paused[**index] && place.has_work(track.head, now))
        };
        let from = working().map(|(_, place)| place.seq()).min()?;
        let group = working().filter(|(_, place)| place.seq() == from);
        Some((from, group.map(|(index, _)| *index).collect()))
    }

    /// Takes note of what became of a batch.
    fn conclude(&mut self, stream: Stream, index: usize, to: Option<PlaceRow>, fault: Option<Fault>) {
        let name = self.reactors[index].name();
        let retry = self.pace.retry;
        let Some(place) = self.track(stream).places.get_mut(&index) else {
            return;
        };
        let from = place.seq();
        if to.is_some() {
            place.stands = to;
        }
        let done = place.seq() - from;
        let before = place.stop.take();
        let Some(fault) = fault else {
            place.verified = true;
            if before.is_some() {
                tracing::info!(reactor = name, %stream, "the reactor goes on");
            }
            self.progress.note(name, |doing| {
                doing.lag = doing.lag.saturating_sub(done);
                doing.stopped.remove(&stream);
            });
            return;
        };
        let before = before.filter(|stop| stop.fault == fault);
        let attempts = before.as_ref().map_or(0, |stop| stop.attempts + 1);
        let pause = retry.saturating_mul(1 << attempts.min(16)).min(LONGEST_RETRY);
        place.stop = Some(Stop {
            fault: fault.clone(),
            attempts,
            retry_at: Instant::now() + pause,
        });
        let Fault { seq, reason } = fault;
        if before.is_none() {
            tracing::error!(reactor = name, %stream, seq, reason, "the reactor has stopped");
        }
        self.progress.note(name, |doing| {
            doing.lag = doing.lag.saturating_sub(done);
            doing.stopped.insert(stream, Stopped { stream, seq, reason });
        });
    }
}

/// The heads of all streams that a reactor follows, as places to go on from.
pub async fn places_at_heads(kernel: &Kernel, reactor: &dyn Reactor) -> Result<Vec<PlaceRow>, KernelError> {
    let mut places = Vec::new();
    for head in kernel.log().heads(Mark::default()).await?.heads {
        let follows = |lane: &Lane| *lane == head.stream.lane;
        if head.seq == 0 || !reactor.lanes().iter().any(follows) {
            continue;
        }
        match kernel.log().read(head.stream, head.seq - 1, 1).await {
            Ok(last) => places.extend(last.iter().map(|recorded| place_at(reactor.name(), recorded))),
            // A damaged stream stops there, as it would later, and no other with it.
            Err(LogError::Corrupt(_)) => places.push(PlaceRow {
                reactor: reactor.name().to_owned(),
                stream: head.stream,
                incarnation: kernel.log().incarnation(),
                seq: head.seq,
                leaf_hash: Vec::new(),
            }),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(places)
}

/// Whether a place names the event that stands in the log there.
fn fits(stands: Option<&PlaceRow>, standing: Option<&Recorded>) -> bool {
    stands.is_none_or(|place| {
        standing.is_some_and(|standing| standing.is(place.incarnation, place.seq, &place.leaf_hash))
    })
}

fn place_at(reactor: &str, recorded: &Recorded) -> PlaceRow {
    PlaceRow {
        reactor: reactor.to_owned(),
        stream: recorded.entry.stream(),
        incarnation: recorded.entry.incarnation,
        seq: recorded.entry.seq,
        leaf_hash: recorded.leaf_hash.to_vec(),
    }
}

fn new_job(reactor: &'static str, happened: &Happened, job: Job) -> NewJob {
    let (stream, seq) = job.about.unwrap_or((happened.stream, happened.seq));
    NewJob {
        reactor,
        target: job.target,
        ordering: job.ordering,
        stream,
        seq,
        payload: job.payload.to_string(),
    }
}
