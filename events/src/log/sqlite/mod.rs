//! The log on SQLite: one file, one writing process, any number of readers.
//!
//! Appends of all callers go through one queue to one appender (`appender`); readers have connections of their own.

mod appender;
mod commit;
#[cfg(test)]
mod fault;
mod file;
mod rows;
mod statements;
mod sweep;
#[cfg(test)]
mod tests;

use std::{path::Path, sync::Arc, time::Instant};

use async_trait::async_trait;
use sqlx::{ConnectOptions, Row, SqlitePool, sqlite::SqlitePoolOptions};
use tokio::{sync::watch, task::JoinHandle};
use uuid::Uuid;

use self::{appender::Appender, commit::Failure, file::failed, statements::Statements};
use super::{
    Append, ClaimKind, Digest, Head, Log, LogError, Mark, Moved, Receipt, Verdict,
    heads::Heads,
    queue::{Chore, Queue, queue},
    trouble::Trouble,
};
use crate::{
    clock::{Clock, Random, Timestamp, new_id},
    connections::Connections,
    envelope::Recorded,
    subject::{Stream, Subject},
};

/// Connections that read.
const READERS: u32 = 4;

/// A log in a SQLite file.
#[derive(Debug)]
pub struct SqliteLog {
    incarnation: Uuid,
    readers: SqlitePool,
    heads: Arc<Heads>,
    moved: Arc<watch::Sender<u64>>,
    trouble: Arc<Trouble>,
    /// Absent where the file is only read.
    writer: Option<Writer>,
    #[cfg(test)]
    fault: Arc<fault::Fault>,
}

#[derive(Debug)]
struct Writer {
    queue: Queue,
    task: tokio::sync::Mutex<Option<JoinHandle<Appender>>>,
}

impl SqliteLog {
    /// Opens the file to write, making or migrating it if need be. Refused while another process writes it, or if a
    /// newer version wrote it. `random` makes the incarnation of a new file.
    pub async fn open(
        path: &Path,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Arc<Self>, LogError> {
        let named = |error| name(path, error);
        let lock = file::lock(path)?;
        let options = file::writer(path);
        let mut connection = options.connect().await.map_err(failed).map_err(named)?;
        let fresh = new_id(clock.now(), random.as_ref());
        let incarnation = file::migrate(&mut connection, fresh).await.map_err(named)?;
        let places = commit::places(&mut connection)
            .await
            .map_err(|failure| named(LogError::Unavailable(failure.to_string())))?;
        let heads = Arc::new(Heads::default());
        heads.enter(places.iter().map(|(stream, place)| (*stream, place.tail.seq)));
        let moved = Arc::new(watch::Sender::new(0));
        let trouble = Arc::<Trouble>::default();
        let (queue, backlog) = queue();
        #[cfg(test)]
        let fault = Arc::new(fault::Fault::default());
        let appender = Appender {
            options,
            connection: Some(connection),
            statements: Statements::new(),
            places,
            incarnation,
            clock,
            heads: heads.clone(),
            moved: moved.clone(),
            trouble: trouble.clone(),
            lock,
            #[cfg(test)]
            fault: fault.clone(),
        };
        let task = tokio::sync::Mutex::new(Some(tokio::spawn(appender.run(backlog))));
        Ok(Arc::new(Self {
            incarnation,
            readers: readers(path),
            heads,
            moved,
            trouble,
            writer: Some(Writer { queue, task }),
            #[cfg(test)]
            fault,
        }))
    }

    /// Opens the file to read, beside a process that may be writing it. Appends are answered as unavailable.
    pub async fn open_read_only(path: &Path) -> Result<Arc<Self>, LogError> {
        let readers = readers(path);
        let mut connection = readers
            .acquire()
            .await
            .map_err(failed)
            .map_err(|error| name(path, error))?;
        let incarnation = file::inspect(&mut connection)
            .await
            .map_err(|error| name(path, error))?;
        drop(connection);
        Ok(Arc::new(Self {
            incarnation,
            readers,
            heads: Arc::default(),
            moved: Arc::new(watch::Sender::new(0)),
            trouble: Arc::default(),
            writer: None,
            #[cfg(test)]
            fault: Arc::default(),
        }))
    }

    /// A writer knows the heads, unless a commit is in doubt: then its file is read anew first. A reader is not told of
    /// commits: it looks the heads up.
    async fn look(&self) -> Result<(), LogError> {
        if let Some(writer) = &self.writer {
            if self.trouble.get().is_some_and(|ailment| ailment.in_doubt) {
                writer.queue.chore(Chore::Probe).await?;
            }
        } else {
            let mut connection = self.readers.acquire().await.map_err(failed)?;
            let places = commit::places(&mut connection)
                .await
                .map_err(|failure: Failure| LogError::Unavailable(failure.to_string()))?;
            self.heads
                .enter(places.into_iter().map(|(stream, place)| (stream, place.tail.seq)));
        }
        Ok(())
    }
}

fn readers(path: &Path) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .connect_lazy_with(file::reader(path))
}

/// Says which file it was.
fn name(path: &Path, error: LogError) -> LogError {
    let path = path.display();
    match error {
        LogError::Unavailable(text) => LogError::Unavailable(format!("{path}: {text}")),
        LogError::Corrupt(text) => LogError::Corrupt(format!("{path}: {text}")),
        LogError::Refused(text) => LogError::Refused(format!("{path}: {text}")),
    }
}

/// The row of a stream, by realm and lane.
macro_rules! of_stream {
    () => {
        "(SELECT id FROM stream WHERE realm = ? AND lane = ?)"
    };
}

#[async_trait]
impl Log for SqliteLog {
    fn incarnation(&self) -> Uuid {
        self.incarnation
    }

    async fn commit(&self, appends: Vec<Append>) -> Vec<Verdict> {
        match &self.writer {
            Some(writer) => writer.queue.commit(appends).await,
            None => vec![Verdict::Unavailable("the log is open for reading only".to_owned()); appends.len()],
        }
    }

    async fn receipt(&self, stream: Stream, command: &Digest) -> Result<Option<(Digest, Receipt)>, LogError> {
        let found = sqlx::query(concat!(
            "SELECT body, receipt FROM command WHERE id = ? AND stream = ",
            of_stream!()
        ))
        .bind(command.to_vec())
        .bind(stream.realm.0.as_bytes().to_vec())
        .bind(rows::lane_code(stream.lane))
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        let Some(row) = found else { return Ok(None) };
        let body = rows::digest(row.try_get(0).map_err(failed)?)?;
        Ok(Some((body, rows::receipt(row.try_get(1).map_err(failed)?)?)))
    }

    async fn claimed(
        &self,
        stream: Stream,
        kind: ClaimKind,
        digest: &Digest,
    ) -> Result<Option<Uuid>, LogError> {
        let holder: Option<Vec<u8>> = sqlx::query_scalar(concat!(
            "SELECT holder FROM claim WHERE digest = ? AND stream = ",
            of_stream!()
        ))
        .bind(rows::claim_key(kind, digest))
        .bind(stream.realm.0.as_bytes().to_vec())
        .bind(rows::lane_code(stream.lane))
        .fetch_optional(&self.readers)
        .await
        .map_err(failed)?;
        holder.map(|holder| rows::uuid(&holder)).transpose()
    }

    async fn load(
        &self,
        stream: Stream,
        subject: Subject,
        after_version: u64,
    ) -> Result<Vec<Recorded>, LogError> {
        let found = sqlx::query(concat!(
            "SELECT ",
            rows::recorded_columns!(),
            " FROM event WHERE subject = ? AND stream = ",
            of_stream!(),
            " AND version > ? ORDER BY version"
        ))
        .bind(rows::subject_key(subject))
        .bind(stream.realm.0.as_bytes().to_vec())
        .bind(rows::lane_code(stream.lane))
        .bind(rows::signed(after_version))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        found.iter().map(|row| rows::event(stream, row)).collect()
    }

    async fn read(&self, stream: Stream, after_seq: u64, limit: usize) -> Result<Vec<Recorded>, LogError> {
        let found = sqlx::query(concat!(
            "SELECT ",
            rows::recorded_columns!(),
            " FROM event WHERE stream = ",
            of_stream!(),
            // A bare parameter would have the statement prepared anew each time: SQLite plans with the limit's value.
            " AND seq > ? ORDER BY seq LIMIT CAST(? AS INTEGER)"
        ))
        .bind(stream.realm.0.as_bytes().to_vec())
        .bind(rows::lane_code(stream.lane))
        .bind(rows::signed(after_seq))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        found.iter().map(|row| rows::event(stream, row)).collect()
    }

    async fn head(&self, stream: Stream) -> Result<Head, LogError> {
        self.look().await?;
        Ok(Head {
            stream,
            seq: self.heads.seq(stream),
        })
    }

    async fn heads(&self, since: Mark) -> Result<Moved, LogError> {
        let as_of = Instant::now();
        self.look().await?;
        let (mark, heads) = self.heads.since(since);
        Ok(Moved { mark, heads, as_of })
    }

    fn moved(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, LogError> {
        let Some(writer) = &self.writer else {
            return Err(LogError::Refused("the log is open for reading only".to_owned()));
        };
        let mut total = 0;
        loop {
            match writer.queue.chore(Chore::Sweep(now)).await? {
                0 => return Ok(total),
                some => total += some,
            }
        }
    }

    async fn health(&self) -> Result<(), LogError> {
        sqlx::query("SELECT 1")
            .execute(&self.readers)
            .await
            .map_err(failed)?;
        let Some(writer) = &self.writer else { return Ok(()) };
        if !writer.queue.is_open() {
            return Err(LogError::Unavailable("the log has stopped".to_owned()));
        }
        match self.trouble.get() {
            None => Ok(()),
            // Nobody may be writing, since we are not well: see whether we are again.
            Some(ailment) => match writer.queue.chore(Chore::Probe).await {
                Ok(_) => Ok(()),
                Err(_) => Err(LogError::Unavailable(ailment.text)),
            },
        }
    }

    fn connections(&self) -> Connections {
        Connections::of(&self.readers)
    }

    async fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.queue.close();
            let mut task = writer.task.lock().await;
            if let Some(running) = task.as_mut() {
                let ended = running.await;
                *task = None;
                self.readers.close().await;
                match ended {
                    Ok(appender) => appender.close().await,
                    Err(error) => tracing::error!(%error, "the appender did not end well"),
                }
            }
        }
        self.readers.close().await;
    }
}
