//! The log on PostgreSQL: one schema, any number of nodes that read and write it.
//!
//! A stream is moved by whoever holds the lock of its head (`appender`, `commit`); each node knows where all streams end
//! and as of when (`watcher`). Nothing is shared between nodes but the database, which is a primary of PostgreSQL 14 or newer.

mod appender;
mod commit;
mod failure;
mod news;
mod schema;
mod sweep;
#[cfg(test)]
mod tests;
mod watcher;

use std::{num::NonZero, sync::Arc, time::Instant};

use async_trait::async_trait;
use futures::future::join_all;
use sqlx::{PgConnection, PgPool, Row, postgres::PgRow};
use tokio::{
    sync::{Mutex, Notify, watch},
    task::{AbortHandle, JoinHandle},
};
use uuid::Uuid;

use self::{
    appender::Appender,
    failure::failed,
    schema::Way,
    watcher::{EVERYTHING, Sight, Watcher},
};
use super::{
    Append, ClaimKind, Digest, Head, Log, LogError, Mark, Moved, Receipt, Verdict,
    columns::{self, Stored, claim_key, lane_code, recorded_columns, signed, subject_key, unsigned},
    heads::Heads,
    queue::{Chore, Queue, queue},
    trouble::Trouble,
};
use crate::{
    clock::{Clock, Random, Timestamp, new_id},
    connections::Connections,
    envelope::Recorded,
    postgres::{self, ANSWER, Database, answered},
    subject::{Stream, Subject},
};

/// Appenders of a node, at most: one for each core, and two at the least, so that one works while another's commit is awaited. A
/// realm's appends go through one of them; more would only make batches smaller.
const APPENDERS: usize = 4;

/// A log in a PostgreSQL database.
#[derive(Debug)]
pub struct PostgresLog {
    incarnation: Uuid,
    pool: PgPool,
    heads: Arc<Heads>,
    moved: Arc<watch::Sender<u64>>,
    sight: Arc<Sight>,
    /// Absent where the log is only read.
    writers: Option<Writers>,
}

/// What a node that writes has besides.
#[derive(Debug)]
struct Writers {
    appenders: Vec<Writer>,
    /// The appenders and the watcher, which ends after them.
    tasks: Mutex<Vec<JoinHandle<()>>>,
    ears: Ears,
}

#[derive(Debug)]
struct Writer {
    queue: Queue,
    trouble: Arc<Trouble>,
}

/// What hears other nodes, until the log is closed or let go.
#[derive(Debug)]
struct Ears {
    pool: PgPool,
    task: AbortHandle,
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PostgresLog {
    /// Opens the log to write, making or migrating its schema if need be; any number of nodes may do so at once. Refused if a
    /// newer version wrote it. `random` makes the incarnation of a new log.
    pub async fn open(
        database: &Database,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Arc<Self>, LogError> {
        let named = |error| name(database, error);
        let way = Way::of_watcher(database);
        let mut connection = way.connect().await.map_err(failed).map_err(named)?;
        let fresh = new_id(clock.now(), random.as_ref());
        let incarnation = schema::migrate(&mut connection, fresh).await.map_err(named)?;

        let as_of = Instant::now();
        let (since, all) = answered(ANSWER, watcher::moved(&mut connection, EVERYTHING))
            .await
            .map_err(failed)
            .map_err(named)?;
        let heads = Arc::new(Heads::default());
        heads.enter(all);
        let moved = Arc::new(watch::Sender::new(0));
        let sight = Arc::new(Sight::new(as_of));
        let woken = Arc::new(Notify::new());
        let (tell, news) = news::news();
        let pool = schema::pool(database);
        let node = new_id(clock.now(), random.as_ref());

        let cores = std::thread::available_parallelism().map_or(APPENDERS, NonZero::get);
        let mut appenders = Vec::new();
        let mut tasks = Vec::new();
        for _ in 0..cores.clamp(2, APPENDERS) {
            let (queue, backlog) = queue();
            let trouble = Arc::<Trouble>::default();
            let appender = Appender {
                way: Way::of_appender(database),
                connection: None,
                places: commit::Places::new(),
                incarnation,
                clock: clock.clone(),
                heads: heads.clone(),
                moved: moved.clone(),
                trouble: trouble.clone(),
                sight: sight.clone(),
                news: tell.clone(),
                gave_up: None,
            };
            tasks.push(tokio::spawn(appender.run(backlog)));
            appenders.push(Writer { queue, trouble });
        }
        let watcher = Watcher {
            way,
            connection: Some(connection),
            node,
            since,
            heads: heads.clone(),
            moved: moved.clone(),
            sight: sight.clone(),
            woken: woken.clone(),
            news,
            pool: pool.clone(),
        };
        tasks.push(tokio::spawn(watcher.run()));
        // Two: on a way that was cut, a listener that is let go holds its connection until the way answers.
        let ears = database.pool("log listener", 2);
        let listening = watcher::listen(ears.clone(), node, heads.clone(), moved.clone(), woken);
        let ears = Ears {
            pool: ears,
            task: tokio::spawn(listening).abort_handle(),
        };
        Ok(Arc::new(Self {
            incarnation,
            pool,
            heads,
            moved,
            sight,
            writers: Some(Writers {
                appenders,
                tasks: Mutex::new(tasks),
                ears,
            }),
        }))
    }

    /// Opens the log to read, beside nodes that write it. Appends are answered as unavailable.
    pub async fn open_read_only(database: &Database) -> Result<Arc<Self>, LogError> {
        let named = |error| name(database, error);
        let pool = schema::read_only_pool(database);
        let mut connection = answered(ANSWER, pool.acquire())
            .await
            .map_err(failed)
            .map_err(named)?;
        let incarnation = schema::inspect(&mut connection).await.map_err(named)?;
        drop(connection);
        Ok(Arc::new(Self {
            incarnation,
            pool,
            heads: Arc::default(),
            moved: Arc::new(watch::Sender::new(0)),
            sight: Arc::new(Sight::new(Instant::now())),
            writers: None,
        }))
    }

    /// A reader is not told of commits: it looks all heads up.
    async fn look(&self) -> Result<(), LogError> {
        let before = self.heads.mark();
        let asked = self.ask(async |log| watcher::moved(log, EVERYTHING).await);
        let (_, heads) = asked.await?;
        self.sight.compare(&self.heads, before, &heads)?;
        self.heads.enter(heads);
        Ok(())
    }

    /// Asks the database, if it still is the log that we know.
    async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, LogError> {
        self.sight.sound()?;
        postgres::ask(&self.pool, question).await.map_err(failed)
    }
}

impl Writers {
    /// Which appender a realm's appends go to: always the same, so that they keep their order.
    fn of(&self, stream: Stream) -> usize {
        let place = stream.realm.0.as_u128() % self.appenders.len() as u128;
        usize::try_from(place).unwrap_or_default()
    }

    async fn commit(&self, appends: Vec<Append>) -> Vec<Verdict> {
        let places: Vec<usize> = appends.iter().map(|append| self.of(append.stream)).collect();
        let mut shares: Vec<Vec<Append>> = self.appenders.iter().map(|_| Vec::new()).collect();
        for (append, place) in appends.into_iter().zip(&places) {
            shares[*place].push(append);
        }
        let shares = self.appenders.iter().zip(shares);
        let answered = join_all(shares.map(|(appender, share)| appender.queue.commit(share))).await;
        let mut answered: Vec<_> = answered.into_iter().map(Vec::into_iter).collect();
        let verdicts = places.iter().filter_map(|place| answered[*place].next());
        verdicts.collect()
    }
}

/// Says which server it was.
fn name(database: &Database, error: LogError) -> LogError {
    let place = database.place();
    match error {
        LogError::Unavailable(text) => LogError::Unavailable(format!("{place}: {text}")),
        LogError::Corrupt(text) => LogError::Corrupt(format!("{place}: {text}")),
        LogError::Refused(text) => LogError::Refused(format!("{place}: {text}")),
    }
}

/// The event of a row with the columns [`recorded_columns`].
fn event(stream: Stream, row: &PgRow) -> Result<Recorded, LogError> {
    let seq = row
        .try_get::<i64, _>(0)
        .map_err(|error| LogError::Corrupt(error.to_string()))?;
    let stored = || {
        Ok(Stored {
            id: row.try_get(1)?,
            subject: row.try_get(2)?,
            version: row.try_get(3)?,
            leaf: row.try_get(4)?,
            entry: row.try_get(5)?,
            body: row.try_get(6)?,
        })
    };
    columns::recorded(stream, seq, stored())
}

/// The row of a stream, by realm and lane, which are the first parameters.
macro_rules! of_stream {
    () => {
        "(SELECT id FROM chancery_log.stream WHERE realm = $1 AND lane = $2::int2)"
    };
}

#[async_trait]
impl Log for PostgresLog {
    fn incarnation(&self) -> Uuid {
        self.incarnation
    }

    async fn commit(&self, appends: Vec<Append>) -> Vec<Verdict> {
        match &self.writers {
            Some(writers) => writers.commit(appends).await,
            None => vec![Verdict::Unavailable("the log is open for reading only".to_owned()); appends.len()],
        }
    }

    async fn receipt(&self, stream: Stream, command: &Digest) -> Result<Option<(Digest, Receipt)>, LogError> {
        let question = sqlx::query(concat!(
            "SELECT body, receipt FROM chancery_log.command WHERE id = $3 AND stream = ",
            of_stream!()
        ))
        .bind(stream.realm.0.as_bytes().as_slice())
        .bind(lane_code(stream.lane))
        .bind(command.as_slice());
        let found = self.ask(async |log| question.fetch_optional(log).await).await?;
        let Some(row) = found else { return Ok(None) };
        let body = columns::digest(row.try_get(0).map_err(failed)?)?;
        Ok(Some((body, columns::receipt(row.try_get(1).map_err(failed)?)?)))
    }

    async fn claimed(
        &self,
        stream: Stream,
        kind: ClaimKind,
        digest: &Digest,
    ) -> Result<Option<Uuid>, LogError> {
        let question = sqlx::query_scalar(concat!(
            "SELECT holder FROM chancery_log.claim WHERE digest = $3 AND stream = ",
            of_stream!()
        ))
        .bind(stream.realm.0.as_bytes().as_slice())
        .bind(lane_code(stream.lane))
        .bind(claim_key(kind, digest));
        let holder: Option<Vec<u8>> = self.ask(async |log| question.fetch_optional(log).await).await?;
        holder.map(|holder| columns::uuid(&holder)).transpose()
    }

    async fn load(
        &self,
        stream: Stream,
        subject: Subject,
        after_version: u64,
    ) -> Result<Vec<Recorded>, LogError> {
        let question = sqlx::query(concat!(
            "SELECT ",
            recorded_columns!(),
            " FROM chancery_log.event WHERE subject = $3 AND stream = ",
            of_stream!(),
            " AND version > $4 ORDER BY version"
        ))
        .bind(stream.realm.0.as_bytes().as_slice())
        .bind(lane_code(stream.lane))
        .bind(subject_key(subject))
        .bind(signed(after_version));
        let found = self.ask(async |log| question.fetch_all(log).await).await?;
        found.iter().map(|row| event(stream, row)).collect()
    }

    async fn read(&self, stream: Stream, after_seq: u64, limit: usize) -> Result<Vec<Recorded>, LogError> {
        let question = sqlx::query(concat!(
            "SELECT ",
            recorded_columns!(),
            " FROM chancery_log.event WHERE stream = ",
            of_stream!(),
            " AND seq > $3 ORDER BY seq LIMIT $4"
        ))
        .bind(stream.realm.0.as_bytes().as_slice())
        .bind(lane_code(stream.lane))
        .bind(signed(after_seq))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let found = self.ask(async |log| question.fetch_all(log).await).await?;
        found.iter().map(|row| event(stream, row)).collect()
    }

    /// Memory is a lower bound, since another node may have moved the stream: the database is asked.
    async fn head(&self, stream: Stream) -> Result<Head, LogError> {
        let question =
            sqlx::query_scalar("SELECT seq FROM chancery_log.stream WHERE realm = $1 AND lane = $2::int2")
                .bind(stream.realm.0.as_bytes().as_slice())
                .bind(lane_code(stream.lane));
        let seq: Option<i64> = self.ask(async |log| question.fetch_optional(log).await).await?;
        let seq = unsigned(seq.unwrap_or(0))?;
        if self.heads.enter([(stream, seq)]) {
            self.moved.send_modify(|count| *count += 1);
        }
        Ok(Head { stream, seq })
    }

    /// From memory, as of the last time that the database was asked for all that moved. A node that cannot ask any more errs
    /// after a second.
    async fn heads(&self, since: Mark) -> Result<Moved, LogError> {
        let as_of = if self.writers.is_some() {
            self.sight.as_of()?
        } else {
            let as_of = Instant::now();
            self.look().await?;
            as_of
        };
        let (mark, heads) = self.heads.since(since);
        Ok(Moved { mark, heads, as_of })
    }

    fn moved(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, LogError> {
        match &self.writers {
            Some(_) => {
                self.sight.sound()?;
                sweep::all(&self.pool, now).await
            }
            None => Err(LogError::Refused("the log is open for reading only".to_owned())),
        }
    }

    async fn health(&self) -> Result<(), LogError> {
        self.ask(async |log| sqlx::query("SELECT 1").execute(log).await)
            .await?;
        let Some(writers) = &self.writers else {
            return Ok(());
        };
        self.sight.as_of()?;
        for appender in &writers.appenders {
            if !appender.queue.is_open() {
                return Err(LogError::Unavailable("the log has stopped".to_owned()));
            }
            // Nobody may be writing, since we are not well: see whether we are again.
            if let Some(ailment) = appender.trouble.get()
                && appender.queue.chore(Chore::Probe).await.is_err()
            {
                return Err(LogError::Unavailable(ailment.text));
            }
        }
        Ok(())
    }

    fn connections(&self) -> Connections {
        let ears = self
            .writers
            .as_ref()
            .map(|writers| Connections::of(&writers.ears.pool));
        Connections::of(&self.pool) + ears.unwrap_or_default()
    }

    async fn close(&self) {
        if let Some(writers) = &self.writers {
            for appender in &writers.appenders {
                appender.queue.close();
            }
            for task in writers.tasks.lock().await.drain(..) {
                if let Err(error) = task.await {
                    tracing::error!(%error, "a task of the log did not end well");
                }
            }
            writers.ears.task.abort();
            postgres::close(&writers.ears.pool).await;
        }
        postgres::close(&self.pool).await;
    }
}
