//! Doing the jobs: whose turn it is, how many at a time, and what becomes of them.
//!
//! The rule: a slow or dead target delays nobody else. Targets take turns; each runs a bounded number of jobs at a time, one
//! that failed last a single one, and those that failed last have half of all places at most.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use events::{
    clock::Timestamp,
    kernel::{Kernel, KernelError},
};
use tokio::task::{Id, JoinError, JoinSet};

use crate::{
    progress::Progress,
    reactor::{Outcome, Reactor, Task},
    runner::{Pace, RunError},
    store::{Conclusion, Ended, Store, StoreError, Waiting},
};

/// How many jobs of a target are fetched at once.
const FETCHED: usize = 16;
/// The longest that a receiver can ask us to wait.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// A target of one of the reactors.
type Target = (usize, String);

/// What is known of a target that has jobs.
#[derive(Debug, Default)]
struct Lot {
    ready: VecDeque<Waiting>,
    /// Jobs that run, or ended and are not concluded yet.
    taken: HashSet<i64>,
    running: usize,
    in_turn: bool,
    failing: bool,
}

struct Running {
    target: Target,
    job: Waiting,
    since: Instant,
    failing: bool,
}

/// The jobs of all reactors.
pub struct Work {
    kernel: Arc<Kernel>,
    store: Arc<Store>,
    progress: Arc<Progress>,
    pace: Pace,
    reactors: Arc<[Arc<dyn Reactor>]>,
    lots: HashMap<Target, Lot>,
    turns: VecDeque<Target>,
    /// Targets whose first job is due later.
    timers: BTreeSet<(Timestamp, Target)>,
    running: HashMap<Id, Running>,
    tasks: JoinSet<Outcome>,
    ended: Vec<(Target, Conclusion)>,
}

impl Work {
    /// Nothing runs yet.
    pub fn new(
        kernel: &Arc<Kernel>,
        store: &Arc<Store>,
        progress: &Arc<Progress>,
        pace: Pace,
        reactors: &Arc<[Arc<dyn Reactor>]>,
    ) -> Self {
        Self {
            kernel: Arc::clone(kernel),
            store: Arc::clone(store),
            progress: Arc::clone(progress),
            pace,
            reactors: Arc::clone(reactors),
            lots: HashMap::new(),
            turns: VecDeque::new(),
            timers: BTreeSet::new(),
            running: HashMap::new(),
            tasks: JoinSet::new(),
            ended: Vec::new(),
        }
    }

    /// Looks at everything that is queued anew. What runs goes on.
    pub async fn find_place(&mut self) -> Result<(), StoreError> {
        self.store.wake_all(self.kernel.now()).await?;
        let targets = self.store.targets().await?;
        let counts: BTreeMap<_, _> = self.store.counts().await?;
        for reactor in &*self.reactors {
            let queued = counts.get(reactor.name()).map_or(0, |(queued, _)| *queued);
            self.progress.note(reactor.name(), |doing| doing.queued = queued);
        }
        self.turns.clear();
        self.timers.clear();
        for lot in self.lots.values_mut() {
            lot.ready.clear();
            lot.in_turn = false;
        }
        self.lots.retain(|_, lot| !lot.taken.is_empty());
        for (reactor, target, due) in targets {
            let index = self.reactors.iter().position(|known| known.name() == reactor);
            if let Some(index) = index {
                self.lots.entry((index, target.clone())).or_default();
                self.timers.insert((due, (index, target)));
            }
        }
        Ok(())
    }

    /// There is something for this target.
    pub fn has_jobs(&mut self, target: Target) {
        let lot = self.lots.entry(target.clone()).or_default();
        if !std::mem::replace(&mut lot.in_turn, true) {
            self.turns.push_back(target);
        }
    }

    /// Whether nothing runs, and all that ended is noted.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.ended.is_empty()
    }

    /// When the next waiting target is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// Waits for something that runs to end. For ever if nothing does.
    pub async fn ends(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(joined) => self.take(joined),
            None => std::future::pending().await,
        }
    }

    /// Notes what has ended.
    pub async fn conclude(&mut self) -> Result<(), StoreError> {
        while let Some(joined) = self.tasks.try_join_next_with_id() {
            self.take(joined);
        }
        if self.ended.is_empty() {
            return Ok(());
        }
        let conclusions: Vec<_> = self
            .ended
            .iter()
            .map(|(_, conclusion)| conclusion.clone())
            .collect();
        self.store.conclude(&conclusions, self.kernel.now()).await?;
        for (target, conclusion) in std::mem::take(&mut self.ended) {
            if let Some(lot) = self.lots.get_mut(&target) {
                lot.taken.remove(&conclusion.number);
            }
            if !matches!(conclusion.ended, Ended::Again { .. }) {
                self.progress.note(conclusion.reactor, |doing| {
                    doing.queued = doing.queued.saturating_sub(1);
                });
            }
            self.has_jobs(target);
        }
        Ok(())
    }

    /// Starts what can be started, of reactors that are not paused.
    pub async fn start(&mut self, is_paused: impl Fn(usize) -> bool) -> Result<(), StoreError> {
        let now = self.kernel.now();
        while let Some((due, target)) = self.timers.first().cloned() {
            if due > now {
                break;
            }
            self.timers.remove(&(due, target.clone()));
            self.has_jobs(target);
        }
        let mut postponed = Vec::new();
        let mut failing = self.running.values().filter(|running| running.failing).count();
        while self.tasks.len() < self.pace.at_once
            && let Some(target) = self.turns.pop_front()
        {
            let index = target.0;
            let Some(lot) = self.lots.get_mut(&target) else {
                continue;
            };
            let most = if lot.failing {
                1
            } else {
                self.reactors[index].terms().at_once.max(1)
            };
            let no_place = lot.failing && failing >= self.pace.at_once.div_ceil(2);
            if is_paused(index) || lot.running >= most {
                // Resumed, or with the next job that ends, it has its turn.
                lot.in_turn = false;
                continue;
            }
            if no_place {
                postponed.push(target);
                continue;
            }
            if lot.ready.is_empty() {
                self.fetch(&target, now).await?;
            }
            let Some(lot) = self.lots.get_mut(&target) else {
                continue;
            };
            let Some(job) = lot.ready.pop_front() else {
                lot.in_turn = false;
                if lot.taken.is_empty() {
                    self.lots.remove(&target);
                }
                continue;
            };
            lot.running += 1;
            lot.taken.insert(job.number);
            failing += usize::from(lot.failing);
            let is_failing = lot.failing;
            // The others first.
            self.turns.push_back(target.clone());
            self.spawn(target, job, is_failing);
        }
        self.turns.extend(postponed);
        Ok(())
    }

    /// Fetches the jobs of a target that are due; if there are none, notes when there will be.
    async fn fetch(&mut self, target: &Target, now: Timestamp) -> Result<(), StoreError> {
        let Some(lot) = self.lots.get_mut(target) else {
            return Ok(());
        };
        let name = self.reactors[target.0].name();
        let next = self
            .store
            .next(name, &target.1, FETCHED + lot.taken.len())
            .await?;
        let mut later = None;
        for job in next {
            if lot.taken.contains(&job.number) {
                continue;
            }
            if job.due > now {
                later = Some(job.due);
                break;
            }
            lot.ready.push_back(job);
        }
        if let Some(due) = later
            && lot.ready.is_empty()
        {
            self.timers.insert((due, target.clone()));
        }
        Ok(())
    }

    fn spawn(&mut self, target: Target, job: Waiting, failing: bool) {
        let reactor = Arc::clone(&self.reactors[target.0]);
        let kernel = Arc::clone(&self.kernel);
        let (place, due, retry) = (target.1.clone(), job.clone(), self.pace.retry);
        let handle = self
            .tasks
            .spawn(async move { attempt(&*reactor, &kernel, place, due, retry).await });
        self.progress
            .note(self.reactors[target.0].name(), |doing| doing.running += 1);
        let since = Instant::now();
        let running = Running {
            target,
            job,
            since,
            failing,
        };
        self.running.insert(handle.id(), running);
    }

    fn take(&mut self, joined: Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = match joined {
            Ok((id, outcome)) => (id, outcome),
            Err(error) => (error.id(), Outcome::retry("it panicked")),
        };
        let Some(Running {
            target, job, since, ..
        }) = self.running.remove(&id)
        else {
            return;
        };
        let reactor = Arc::clone(&self.reactors[target.0]);
        let name = reactor.name();
        let now = self.kernel.now();
        let attempts = job.attempts + 1;
        let again = |attempts, wait: Duration, reason| Ended::Again {
            attempts,
            due: now.after(wait),
            reason,
        };
        let is_later = matches!(outcome, Outcome::Later { .. });
        let (ended, told) = match outcome {
            Outcome::Done => (Ended::Done, "done"),
            Outcome::Later { after } => {
                let reason = "it could not be tried yet".to_owned();
                (again(job.attempts, after, reason), "later")
            }
            Outcome::Dead { reason } => (Ended::Dead { attempts, reason }, "dead"),
            Outcome::Retry { after, reason } => match reactor.terms().schedule.get(job.attempts as usize) {
                None => (Ended::Dead { attempts, reason }, "dead"),
                Some(wait) => {
                    let wait = jittered(*wait, &self.kernel).max(after.unwrap_or_default());
                    (again(attempts, wait.min(LONGEST_WAIT), reason), "retried")
                }
            },
        };
        metrics::counter!("chancery_reactor_jobs_total", "reactor" => name, "outcome" => told).increment(1);
        metrics::histogram!("chancery_reactor_job_seconds", "reactor" => name).record(since.elapsed());
        self.progress
            .note(name, |doing| doing.running = doing.running.saturating_sub(1));
        if let Some(lot) = self.lots.get_mut(&target) {
            lot.running = lot.running.saturating_sub(1);
            lot.failing = (lot.failing && is_later) || !(is_later || matches!(ended, Ended::Done));
        }
        let conclusion = Conclusion {
            reactor: name,
            target: target.1.clone(),
            ordering: job.ordering,
            number: job.number,
            ended,
        };
        self.ended.push((target, conclusion));
    }

    /// Forgets what was given up long ago.
    pub async fn sweep(&self) -> Result<(), RunError> {
        let kept = i64::try_from(self.pace.dead_kept.as_micros()).unwrap_or(i64::MAX);
        let before = Timestamp(self.kernel.now().0.saturating_sub(kept));
        self.store.sweep(before).await?;
        Ok(())
    }
}

/// One attempt at a job, with the event that it is about as the log tells it now.
async fn attempt(
    reactor: &dyn Reactor,
    kernel: &Kernel,
    target: String,
    job: Waiting,
    retry: Duration,
) -> Outcome {
    let read = async {
        let mut found = kernel.log().read(job.stream, job.seq - 1, 1).await?;
        found.retain(|recorded| recorded.entry.seq == job.seq);
        match found.pop() {
            Some(recorded) => Ok::<_, KernelError>(Some((kernel.decode(&recorded).await?, recorded))),
            None => Ok(None),
        }
    };
    let (event, recorded) = match read.await {
        Ok(Some(found)) => found,
        Ok(None) => return Outcome::dead("the event is gone"),
        Err(error) if error.is_outage() => return Outcome::Later { after: retry },
        Err(_) => return Outcome::dead("the event cannot be understood"),
    };
    let terms = reactor.terms();
    let task = Task {
        number: job.number,
        target,
        payload: serde_json::from_str(&job.payload).unwrap_or_default(),
        event,
        recorded,
        queued: job.queued,
        attempt: job.attempts + 1,
        is_last: job.attempts as usize >= terms.schedule.len(),
    };
    let performed = tokio::time::timeout(terms.patience, reactor.perform(&task)).await;
    performed.unwrap_or_else(|_| Outcome::retry("it took too long"))
}

/// Give or take a fifth: what failed together is not tried again together.
fn jittered(wait: Duration, kernel: &Kernel) -> Duration {
    let mut bytes = [0; 2];
    kernel.random().fill(&mut bytes);
    wait.mul_f64(0.8 + 0.4 * f64::from(u16::from_be_bytes(bytes)) / f64::from(u16::MAX))
}
