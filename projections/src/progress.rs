//! How far a generation has come, in memory: watermarks to wait on, what is stopped, how much is left. Nobody asks the
//! database whether it has caught up.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use events::subject::Stream;
use serde::Serialize;
use tokio::sync::{Notify, watch};

/// A stream of a projection that stands still until what stopped it is mended. Nothing was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// The projection.
    pub projection: &'static str,
    /// The stream.
    pub stream: Stream,
    /// The seq of the event that cannot be applied.
    pub seq: u64,
    /// Why.
    pub reason: String,
}

/// The progress of one generation.
#[derive(Debug)]
pub struct Progress {
    streams: Mutex<HashMap<Stream, watch::Sender<u64>>>,
    /// Somebody began to wait.
    wanted: Notify,
    stops: Mutex<BTreeMap<(&'static str, Stream), Stopped>>,
    lag: Mutex<BTreeMap<&'static str, u64>>,
    failing: Mutex<Option<String>>,
    stepped: Mutex<Instant>,
    passes: watch::Sender<u64>,
    served: AtomicBool,
}

fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Progress {
    pub fn new() -> Self {
        Self {
            streams: Mutex::default(),
            wanted: Notify::new(),
            stops: Mutex::default(),
            lag: Mutex::default(),
            failing: Mutex::default(),
            stepped: Mutex::new(Instant::now()),
            passes: watch::Sender::new(0),
            served: AtomicBool::new(false),
        }
    }

    /// From now on the metrics speak of this generation.
    pub fn serve(&self) {
        self.served.store(true, Ordering::Release);
        self.tell_stops(&open(&self.stops));
    }

    /// All projections have applied the stream up to here, durably.
    pub fn raise(&self, stream: Stream, seq: u64) {
        let mut streams = open(&self.streams);
        let watermark = streams.entry(stream).or_insert_with(|| watch::Sender::new(0));
        watermark.send_if_modified(|standing| {
            let raised = seq > *standing;
            *standing = seq.max(*standing);
            raised
        });
    }

    /// The stream stands here, and not where it was said to: a server that crashed has lost its last moments.
    pub fn stand(&self, stream: Stream, seq: u64) {
        let mut streams = open(&self.streams);
        let watermark = streams.entry(stream).or_insert_with(|| watch::Sender::new(0));
        watermark.send_if_modified(|standing| std::mem::replace(standing, seq) < seq);
    }

    /// Where a stream stands.
    pub fn watermark(&self, stream: Stream) -> u64 {
        open(&self.streams)
            .get(&stream)
            .map_or(0, |watermark| *watermark.borrow())
    }

    /// Where all streams stand.
    pub fn watermarks(&self) -> Vec<(Stream, u64)> {
        open(&self.streams)
            .iter()
            .map(|(stream, watermark)| (*stream, *watermark.borrow()))
            .collect()
    }

    /// Waits until a stream has come so far.
    pub async fn reach(&self, stream: Stream, seq: u64) {
        let mut watermark = open(&self.streams)
            .entry(stream)
            .or_insert_with(|| watch::Sender::new(0))
            .subscribe();
        if *watermark.borrow() < seq {
            self.wanted.notify_one();
        }
        // The sender lives as long as `self`.
        let _ = watermark.wait_for(|standing| *standing >= seq).await;
    }

    /// The streams that somebody waits for.
    pub fn awaited(&self) -> Vec<Stream> {
        open(&self.streams)
            .iter()
            .filter(|(_, watermark)| watermark.receiver_count() > 0)
            .map(|(stream, _)| *stream)
            .collect()
    }

    /// Returns when somebody began to wait. For one listener.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Everything that the log held when it was last asked was visited.
    pub fn finish_pass(&self) {
        self.passes.send_modify(|passes| *passes += 1);
    }

    /// Changes with each finished pass; their number.
    pub fn passes(&self) -> watch::Receiver<u64> {
        self.passes.subscribe()
    }

    /// The last pass ended early, and why; or it did not.
    pub fn set_failing(&self, why: Option<String>) {
        *open(&self.failing) = why;
    }

    /// Why the last pass ended early, if it did.
    pub fn failing(&self) -> Option<String> {
        open(&self.failing).clone()
    }

    /// Whoever follows has come a step further, or has looked and found nothing to do.
    pub fn step(&self) {
        *open(&self.stepped) = Instant::now();
    }

    /// For how long no step was made.
    pub fn since_step(&self) -> Duration {
        open(&self.stepped).elapsed()
    }

    pub fn stop(&self, stopped: Stopped) {
        let mut stops = open(&self.stops);
        stops.insert((stopped.projection, stopped.stream), stopped);
        self.tell_stops(&stops);
    }

    pub fn resume(&self, projection: &'static str, stream: Stream) {
        let mut stops = open(&self.stops);
        stops.remove(&(projection, stream));
        metrics_of_stops(self.is_served(), projection, &stops);
    }

    /// A runner begins anew: what stops it, it will find again.
    pub fn forget_stops(&self) {
        let mut stops = open(&self.stops);
        stops.clear();
        self.tell_stops(&stops);
    }

    /// What was told is not so, and nobody was served by it.
    pub fn begin_anew(&self) {
        for watermark in open(&self.streams).values() {
            watermark.send_replace(0);
        }
        self.passes.send_replace(0);
        self.forget_stops();
    }

    /// All that is stopped.
    pub fn stopped(&self) -> Vec<Stopped> {
        open(&self.stops).values().cloned().collect()
    }

    pub fn set_lag(&self, projection: &'static str, events: u64) {
        open(&self.lag).insert(projection, events);
        if self.is_served() {
            #[expect(clippy::cast_precision_loss, reason = "a gauge is for looking at")]
            metrics::gauge!("chancery_projection_lag_events", "projection" => projection).set(events as f64);
        }
    }

    /// How many events each projection has yet to apply.
    pub fn lag(&self) -> BTreeMap<&'static str, u64> {
        open(&self.lag).clone()
    }

    fn is_served(&self) -> bool {
        self.served.load(Ordering::Acquire)
    }

    fn tell_stops(&self, stops: &BTreeMap<(&'static str, Stream), Stopped>) {
        for projection in open(&self.lag).keys() {
            metrics_of_stops(self.is_served(), projection, stops);
        }
    }
}

fn metrics_of_stops(
    served: bool,
    projection: &'static str,
    stops: &BTreeMap<(&'static str, Stream), Stopped>,
) {
    if served {
        let count = stops.keys().filter(|(stopped, _)| *stopped == projection).count();
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        metrics::gauge!("chancery_projection_stopped", "projection" => projection).set(count);
    }
}
