//! The one appender: takes what waits, judges it in memory, writes the winners in one transaction, answers each.
//!
//! Nobody is answered before the commit is on the disk. When a commit's fate is in doubt, the file is reopened and the
//! same appends are committed again under the same event ids: those that are there already have landed.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    sync::Arc,
    time::{Duration, Instant},
};

use metrics::{counter, histogram};
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    commit::{self, Failure},
    statements::Statements,
    sweep,
};
use crate::{
    clock::Clock,
    log::{
        Append, LogError, Verdict,
        doubt::{CONTRADICTION, Ids, already, unavailable},
        heads::Heads,
        judge::{Judge, Tail},
        queue::{Backlog, Chore, Job, Work},
        trouble::Trouble,
    },
    subject::Stream,
};

/// How long to wait before each new attempt after an error of the disk.
#[cfg(not(test))]
const PATIENCE: [Duration; 5] = [
    Duration::from_millis(20),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
#[cfg(test)]
const PATIENCE: [Duration; 5] = [Duration::from_millis(1); 5];

/// A stream's row, and where it ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The row's id.
    pub id: i64,
    /// Where it ends.
    pub tail: Tail,
}

/// The writer's state.
#[derive(Debug)]
pub(super) struct Appender {
    pub options: SqliteConnectOptions,
    pub connection: Option<SqliteConnection>,
    pub statements: Statements,
    pub places: HashMap<Stream, Place>,
    pub incarnation: Uuid,
    pub clock: Arc<dyn Clock>,
    pub heads: Arc<Heads>,
    pub moved: Arc<watch::Sender<u64>>,
    pub trouble: Arc<Trouble>,
    /// Held until the last write is done.
    pub lock: File,
    #[cfg(test)]
    pub fault: Arc<super::fault::Fault>,
}

impl Appender {
    /// Works until the queue is closed and empty. What is left is to be closed.
    pub async fn run(mut self, mut backlog: Backlog) -> Self {
        while let Some(work) = backlog.next().await {
            match work {
                Work::Batch(jobs) => self.batch(jobs).await,
                Work::Chore(chore, answer) => {
                    let _ = answer.send(self.chore(chore).await);
                }
            }
        }
        self
    }

    /// Closes the file, after the readers: the last one to close leaves a single file behind. Then another may write.
    pub async fn close(mut self) {
        self.disconnect().await;
        drop(self.lock);
    }

    async fn batch(&mut self, jobs: Vec<Job>) {
        let (appends, callers): (Vec<Append>, Vec<_>) = jobs.into_iter().map(Job::split).unzip();
        let verdicts = self.settle(&appends, Ids::New).await;
        for (caller, verdict) in callers.into_iter().zip(verdicts) {
            caller.answer(verdict);
        }
        self.moved.send_modify(|count| *count += 1);
    }

    /// Attempts until the fate of every append is known, or patience ends.
    async fn settle(&mut self, appends: &[Append], mut ids: Ids) -> Vec<Verdict> {
        let mut pauses = PATIENCE.iter();
        let text = loop {
            let failure = match self.attempt(appends, ids).await {
                Ok(verdicts) => {
                    self.trouble.clear();
                    return verdicts;
                }
                Err(failure) => failure,
            };
            match failure {
                Failure::Full => {
                    self.roll_back().await;
                    break "the disk is full".to_owned();
                }
                Failure::Busy(text) => {
                    self.roll_back().await;
                    break text;
                }
                Failure::Damaged(text) => {
                    self.roll_back().await;
                    return self.around_damage(appends, ids, text).await;
                }
                Failure::NotUnique if ids == Ids::New => {
                    self.disconnect().await;
                    ids = Ids::Used;
                }
                Failure::NotUnique => {
                    self.roll_back().await;
                    return self.around_damage(appends, ids, CONTRADICTION.to_owned()).await;
                }
                Failure::Broken { text, in_doubt } => {
                    tracing::error!(error = text, in_doubt, "the log's file failed; it is opened anew");
                    self.disconnect().await;
                    if in_doubt {
                        ids = Ids::InDoubt;
                    }
                    let Some(pause) = pauses.next() else { break text };
                    tokio::time::sleep(*pause).await;
                }
            }
        };
        tracing::error!(
            error = text,
            appends = appends.len(),
            "the log cannot take appends now"
        );
        self.trouble.set(&text, ids == Ids::InDoubt);
        vec![unavailable(text, ids); appends.len()]
    }

    /// What is damaged refuses those who asked for it and nobody else: they are found by halving.
    async fn around_damage(&mut self, appends: &[Append], ids: Ids, text: String) -> Vec<Verdict> {
        if let [append] = appends {
            tracing::error!(error = text, stream = %append.stream, "an append met damage");
            return vec![unavailable(text, ids)];
        }
        let (former, latter) = appends.split_at(appends.len() / 2);
        let mut verdicts = Box::pin(self.settle(former, ids)).await;
        verdicts.extend(Box::pin(self.settle(latter, ids)).await);
        verdicts
    }

    /// One transaction: look up, judge, write, commit.
    async fn attempt(&mut self, appends: &[Append], ids: Ids) -> Result<Vec<Verdict>, Failure> {
        let started = Instant::now();
        self.connect().await?;
        let Some(connection) = self.connection.as_mut() else {
            return Err(Failure::broken("not open"));
        };
        commit::begin(connection).await?;
        let landed = if ids == Ids::New {
            HashMap::new()
        } else {
            commit::landed(connection, &self.statements, appends).await?
        };
        let known = commit::known(connection, &self.statements, &self.places, appends).await?;
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
        if writes.is_empty() {
            commit::end(connection, "ROLLBACK").await?;
            return Ok(verdicts);
        }
        #[cfg(test)]
        self.fault.before_writes(connection).await?;
        let places = commit::write(connection, &self.statements, &self.places, &there, &writes).await?;
        #[cfg(test)]
        self.fault.before_commit(connection).await?;
        commit::end(connection, "COMMIT")
            .await
            .map_err(Failure::at_commit)?;
        #[cfg(test)]
        self.fault.after_commit()?;
        self.places.extend(places);
        self.heads
            .enter(writes.tails.iter().map(|(stream, tail)| (*stream, tail.seq)));
        histogram!("chancery_log_commit_seconds").record(started.elapsed().as_secs_f64());
        for (lane, count) in writes.by_lane() {
            counter!("chancery_log_events_total", "lane" => lane.as_str()).increment(count);
        }
        Ok(verdicts)
    }

    async fn chore(&mut self, chore: Chore) -> Result<u64, LogError> {
        let done = async {
            self.connect().await?;
            let Some(connection) = self.connection.as_mut() else {
                return Err(Failure::broken("not open"));
            };
            match chore {
                Chore::Sweep(now) => sweep::some(connection, now).await,
                Chore::Probe => sweep::probe(connection).await,
            }
        };
        match done.await {
            Ok(count) => {
                if matches!(chore, Chore::Probe) {
                    self.trouble.clear();
                    // What landed unknown to us is known now.
                    self.moved.send_modify(|count| *count += 1);
                }
                Ok(count)
            }
            Err(failure) => {
                self.trouble.set(&failure.to_string(), false);
                self.disconnect().await;
                Err(LogError::Unavailable(failure.to_string()))
            }
        }
    }

    /// Opens the file if it is not open, and reads where the streams end.
    async fn connect(&mut self) -> Result<(), Failure> {
        if self.connection.is_none() {
            #[cfg(test)]
            self.fault.at_open()?;
            let mut connection = self.options.connect().await?;
            // Whoever cannot read this can append nothing, to whichever stream.
            let places = commit::places(&mut connection).await;
            self.places = places.map_err(|failure| Failure::broken(&failure.to_string()))?;
            self.heads.enter(
                self.places
                    .iter()
                    .map(|(stream, place)| (*stream, place.tail.seq)),
            );
            self.connection = Some(connection);
        }
        Ok(())
    }

    /// After an I/O error nothing that the connection believes can be trusted: it is closed.
    async fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the log's file did not close cleanly");
        }
    }

    /// Ends a transaction that failed. If even that fails, the connection is given up.
    async fn roll_back(&mut self) {
        if let Some(connection) = self.connection.as_mut()
            && commit::end(connection, "ROLLBACK").await.is_err()
        {
            self.disconnect().await;
        }
    }
}
