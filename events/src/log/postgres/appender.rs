//! An appender: takes what waits for its realms, judges it in memory, writes the winners in one transaction, answers each.
//!
//! Nobody is answered before the commit is durable. When a commit's fate is in doubt, the same appends are committed again on a
//! new connection under the same event ids: locking the heads waits for the old transaction, and then what landed shows.
//! Nobody waits for longer than [`SETTLED`], whatever the server does.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use metrics::{counter, histogram};
use sqlx::{Connection, PgConnection};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use super::{
    commit::{self, Places},
    failure::Failure,
    news::{Ends, Teller},
    schema::Way,
    watcher::Sight,
};
use crate::{
    clock::Clock,
    log::{
        Append, LogError, Verdict,
        doubt::{CONTRADICTION, Ids, already, unavailable},
        heads::Heads,
        judge::Judge,
        queue::{Backlog, Chore, Job, Work},
        trouble::Trouble,
    },
    postgres::{ANSWER, answered},
    subject::{Lane, Stream},
};

/// How long to wait before each new attempt.
const PATIENCE: [Duration; 5] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
/// For how long a commit in doubt is looked for: longer than the server lets a transaction stand idle, whose client is gone.
const DOUBT: Duration = Duration::from_secs(20);
/// When an append is answered at the latest: one answer that does not come, and then some time to find out.
const SETTLED: Duration = Duration::from_secs(30);
/// Who waited for longer than this behind appends that could not be settled does not wait as long again.
const LONG: Duration = Duration::from_secs(5);
/// He is answered as they were; the queue is drained in much less than this.
const BEHIND: Duration = Duration::from_millis(100);
/// How long ending a transaction that failed may take before its connection is given up.
const ROLL_BACK: Duration = Duration::from_secs(2);

/// One appender's state.
#[derive(Debug)]
pub(super) struct Appender {
    pub way: Way,
    pub connection: Option<PgConnection>,
    pub places: Places,
    pub incarnation: Uuid,
    pub clock: Arc<dyn Clock>,
    pub heads: Arc<Heads>,
    pub moved: Arc<watch::Sender<u64>>,
    pub trouble: Arc<Trouble>,
    pub sight: Arc<Sight>,
    pub news: Teller,
    /// When it last gave up, and why.
    pub gave_up: Option<(Instant, String)>,
}

/// A transaction that is ready to be committed.
struct Prepared {
    verdicts: Vec<Verdict>,
    /// Whether anybody won.
    writes: bool,
    /// Where the streams end once it is done: those that it moves, and those that an attempt in doubt was found to have moved.
    ends: Ends,
    by_lane: [(Lane, u64); 2],
}

impl Appender {
    /// Works until the queue is closed and empty.
    pub async fn run(mut self, mut backlog: Backlog) {
        while let Some(work) = backlog.next().await {
            match work {
                Work::Batch(jobs) => self.batch(jobs).await,
                Work::Chore(chore, answer) => {
                    let _ = answer.send(self.chore(chore).await);
                }
            }
        }
        if let Some(connection) = self.connection.take() {
            let _ = timeout(Duration::from_secs(1), connection.close()).await;
        }
    }

    async fn batch(&mut self, jobs: Vec<Job>) {
        let (appends, callers): (Vec<Append>, Vec<_>) = jobs.into_iter().map(Job::split).unzip();
        let verdicts = match &self.gave_up {
            Some((at, text)) if at.elapsed() < BEHIND => {
                vec![Verdict::Unavailable(text.clone()); appends.len()]
            }
            _ => {
                self.gave_up = None;
                self.settle(&appends, Ids::New, Instant::now() + SETTLED).await
            }
        };
        for (caller, verdict) in callers.into_iter().zip(verdicts) {
            caller.answer(verdict);
        }
        self.moved.send_modify(|count| *count += 1);
    }

    /// Attempts until the fate of every append is known, or patience ends.
    async fn settle(&mut self, appends: &[Append], mut ids: Ids, latest: Instant) -> Vec<Verdict> {
        let begun = Instant::now();
        let mut doubtful = None::<Instant>;
        let mut pauses = PATIENCE.iter();
        let text = loop {
            let failure = match self.attempt(appends, ids, latest).await {
                Ok(verdicts) => {
                    self.trouble.clear();
                    return verdicts;
                }
                Err(failure) => failure,
            };
            let text = failure.to_string();
            match failure {
                Failure::Full => {
                    self.roll_back().await;
                    break text;
                }
                Failure::NotUnique if ids == Ids::New => {
                    self.roll_back().await;
                    ids = Ids::Used;
                    continue;
                }
                Failure::NotUnique => {
                    self.roll_back().await;
                    return self
                        .around_damage(appends, ids, latest, CONTRADICTION.to_owned())
                        .await;
                }
                Failure::Damaged(_) => {
                    self.roll_back().await;
                    return self.around_damage(appends, ids, latest, text).await;
                }
                Failure::Again(_) => {
                    tracing::warn!(error = text, "an append transaction is tried again");
                    self.roll_back().await;
                }
                Failure::Broken { in_doubt, .. } => {
                    tracing::error!(
                        error = text,
                        in_doubt,
                        "the log's connection failed; another is made"
                    );
                    self.connection = None;
                    if in_doubt {
                        ids = Ids::InDoubt;
                        doubtful.get_or_insert_with(Instant::now);
                    }
                }
            }
            if latest <= Instant::now() {
                break text;
            }
            match pauses.next() {
                Some(pause) => sleep(*pause).await,
                None if doubtful.is_some_and(|since| since.elapsed() < DOUBT) => {
                    sleep(PATIENCE[3]).await;
                }
                None => break text,
            }
        };
        tracing::error!(
            error = text,
            appends = appends.len(),
            "the log cannot take appends now"
        );
        self.trouble.set(&text, ids == Ids::InDoubt);
        self.gave_up = (begun.elapsed() > LONG).then(|| (Instant::now(), text.clone()));
        vec![unavailable(text, ids); appends.len()]
    }

    /// What is damaged refuses those who asked for it and nobody else: they are found by halving.
    async fn around_damage(
        &mut self,
        appends: &[Append],
        ids: Ids,
        latest: Instant,
        text: String,
    ) -> Vec<Verdict> {
        if let [append] = appends {
            tracing::error!(error = text, stream = %append.stream, "an append met damage");
            return vec![unavailable(text, ids)];
        }
        let (former, latter) = appends.split_at(appends.len() / 2);
        let mut verdicts = Box::pin(self.settle(former, ids, latest)).await;
        verdicts.extend(Box::pin(self.settle(latter, ids, latest)).await);
        verdicts
    }

    /// One transaction: lock, ask, judge, write, commit.
    async fn attempt(
        &mut self,
        appends: &[Append],
        ids: Ids,
        latest: Instant,
    ) -> Result<Vec<Verdict>, Failure> {
        let limit = || latest.saturating_duration_since(Instant::now()).min(ANSWER);
        let started = Instant::now();
        let prepared = answered(limit(), self.prepare(appends, ids)).await?;
        let Some(connection) = self.connection.as_mut() else {
            return Err(Failure::broken("not connected"));
        };
        if prepared.writes {
            answered(limit(), commit::end(connection, "COMMIT"))
                .await
                .map_err(Failure::at_commit)?;
        } else if answered(limit(), commit::end(connection, "ROLLBACK"))
            .await
            .is_err()
        {
            // Nothing was written: whatever becomes of this, the verdicts stand.
            self.connection = None;
        }
        if !prepared.ends.is_empty() {
            self.heads.enter(prepared.ends.iter().copied());
            self.news.tell(prepared.ends);
        }
        if !prepared.writes {
            return Ok(prepared.verdicts);
        }
        histogram!("chancery_log_commit_seconds").record(started.elapsed().as_secs_f64());
        for (lane, count) in prepared.by_lane {
            counter!("chancery_log_events_total", "lane" => lane.as_str()).increment(count);
        }
        Ok(prepared.verdicts)
    }

    /// All of the transaction but its end.
    async fn prepare(&mut self, appends: &[Append], ids: Ids) -> Result<Prepared, Failure> {
        self.sight.sound()?;
        if self.connection.is_none() {
            self.connection = Some(self.way.connect().await?);
            self.places.clear();
        }
        let Some(connection) = self.connection.as_mut() else {
            return Err(Failure::broken("not connected"));
        };
        commit::find_places(connection, &mut self.places, appends).await?;
        let places = &self.places;
        let before = self.heads.mark();
        let tails = commit::lock(connection, places, appends).await?;
        for (stream, tail) in &tails {
            if self.heads.is_beyond(before, *stream, tail.seq) {
                self.sight.lose(*stream);
            }
        }
        self.sight.sound()?;
        let mut ends: HashMap<Stream, u64> = HashMap::new();
        let landed = if ids == Ids::New {
            HashMap::new()
        } else {
            commit::landed(connection, appends).await?
        };
        if !landed.is_empty() {
            ends.extend(tails.iter().map(|(stream, tail)| (*stream, tail.seq)));
        }
        let known = commit::known(connection, places, appends, tails).await?;
        let there: HashSet<_> = known.claims.keys().copied().collect();
        let mut judge = Judge::new(self.incarnation, self.clock.now(), known);
        let verdicts: Vec<Verdict> = appends
            .iter()
            .map(|append| match already(append, &landed, ids, self.incarnation) {
                Some(verdict) => verdict,
                None => judge.judge(append),
            })
            .collect();
        let writes = judge.finish();
        let by_lane = writes.by_lane();
        if !writes.is_empty() {
            commit::write(connection, places, &there, &writes).await?;
            ends.extend(writes.tails.iter().map(|(stream, tail)| (*stream, tail.seq)));
        }
        Ok(Prepared {
            verdicts,
            writes: !writes.is_empty(),
            ends: ends.into_iter().collect(),
            by_lane,
        })
    }

    /// Appends are this task's only work; sweeping needs no queue here. What is left is to see whether it can write.
    async fn chore(&mut self, chore: Chore) -> Result<u64, LogError> {
        let Chore::Probe = chore else { return Ok(0) };
        let done = answered(ANSWER, async {
            if self.connection.is_none() {
                self.connection = Some(self.way.connect().await?);
            }
            match self.connection.as_mut() {
                Some(connection) => commit::probe(connection).await,
                None => Err(Failure::broken("not connected")),
            }
        });
        match done.await {
            Ok(count) => {
                self.trouble.clear();
                Ok(count)
            }
            Err(failure) => {
                self.connection = None;
                self.trouble.set(&failure.to_string(), false);
                Err(failure.into())
            }
        }
    }

    /// Ends a transaction that failed. If even that fails, the connection is given up.
    async fn roll_back(&mut self) {
        self.places.clear();
        if let Some(connection) = self.connection.as_mut()
            && answered(ROLL_BACK, commit::end(connection, "ROLLBACK"))
                .await
                .is_err()
        {
            self.connection = None;
        }
    }
}
