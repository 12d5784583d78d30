//! Where reactors keep what they have seen and have yet to do: beside the log, and not in tables that are built anew. An SQLite
//! file next to the log's, or a schema of the log's database.
//!
//! The rule: what runs is written by the one node that has the place, and cursor and jobs are one transaction. A commit does
//! not wait for the disk: what a machine that crashes loses of the last moments is seen and done again.

mod places;
mod queue;
mod session;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use events::{
    connections::Connections,
    postgres::{
        self, ANSWER, Database, answered, ask,
        seat::{Seat, Seated},
    },
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool, Postgres, Sqlite, SqlitePool,
    Transaction,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub use places::{Moved, PlaceRow, Standing};
pub use queue::{Conclusion, Dead, Ended, NewJob, Waiting};
use session::{Arg, Row, Session};

const SQLITE: &str = include_str!("../../../../migrations/reactors/sqlite/0001_reactors.sql");
const POSTGRES: &str = include_str!("../../../../migrations/reactors/postgres/0001_reactors.sql");

/// The format that this version reads and writes.
const FORMAT: i64 = 1;
/// The advisory lock of the one node that runs reactors, and the one under which the schema is made.
const RUN: (i32, i32) = (0x4348_5241, 0);
const MAKING: (i32, i32) = (0x4348_5241, 1);
/// Connections at most, beside the one of who runs.
const CONNECTIONS: u32 = 3;

/// Where the store is: beside the log.
#[derive(Clone, Debug)]
pub enum Home {
    /// A file, made where there is none.
    File(PathBuf),
    /// The schema `chancery_reactors`, made where there is none.
    Database(Box<Database>),
}

impl Home {
    /// Beside a log that is this file: `log.reactors.sqlite` beside `log.sqlite`.
    pub fn beside(log: &Path) -> Self {
        Self::File(log.with_extension("reactors.sqlite"))
    }
}

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or not now.
    #[error("the reactors' store is unavailable: {0}")]
    Unavailable(String),
    /// It is not one, or of a newer version.
    #[error("the reactors' store was refused: {0}")]
    Refused(String),
    /// Another node runs the reactors, or has a moment ago.
    #[error("another node runs the reactors")]
    NotOurs,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Configuration(why) => Self::Refused(why.to_string()),
            error => Self::Unavailable(error.to_string()),
        }
    }
}

/// The store. What it is asked is written once for both engines (`places`, `queue`).
#[derive(Debug)]
pub struct Store(Engine);

#[derive(Debug)]
enum Engine {
    /// One connection: whoever writes waits for it.
    Sqlite(SqlitePool),
    Postgres {
        pool: PgPool,
        seat: Box<Seat>,
    },
}

impl Store {
    /// Opens it, making it where there is none.
    pub async fn open(home: &Home) -> Result<Self, StoreError> {
        match home {
            Home::File(path) => Self::file(path).await,
            Home::Database(database) => Self::database(database).await,
        }
    }

    async fn file(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(5))
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options);
        let pool = pool.await?;
        let mut change = pool.begin_with("BEGIN IMMEDIATE").await?;
        let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
            .fetch_one(&mut *change)
            .await?;
        if tables == 0 {
            sqlx::raw_sql(SQLITE).execute(&mut *change).await?;
        }
        let format: Option<i64> = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'format'")
            .fetch_optional(&mut *change)
            .await?;
        known(format)?;
        change.commit().await?;
        Ok(Self(Engine::Sqlite(pool)))
    }

    async fn database(database: &Database) -> Result<Self, StoreError> {
        let options = database
            .options("reactors")
            .options([("search_path", "chancery_reactors")]);
        let mut connection = postgres::connect(&options).await?;
        answered(ANSWER, prepare(&mut connection)).await?;
        answered(ANSWER, connection.close()).await?;
        let pool = database
            .pool("reactors", CONNECTIONS)
            .options()
            .clone()
            .after_connect(|session, _| Box::pin(postgres::fit(session)))
            .connect_lazy_with(options.clone());
        let running: PgConnectOptions = options.options([("synchronous_commit", "off")]);
        let seat = Box::new(Seat::new(running, RUN));
        Ok(Self(Engine::Postgres { pool, seat }))
    }

    /// Whether this node runs the reactors: takes the place if it is free. Asked at least once a second. A file has one
    /// process, which is the one.
    pub async fn lead(&self) -> Result<bool, StoreError> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(true),
            Engine::Postgres { seat, .. } => Ok(seat.lead().await?),
        }
    }

    /// Leaves the place to others.
    pub async fn step_down(&self) {
        if let Engine::Postgres { seat, .. } = &self.0 {
            seat.step_down().await;
        }
    }

    /// Runs from now on, whoever else does: as one who has not noticed yet that the place was lost.
    #[cfg(test)]
    pub async fn usurp(&self) {
        if let Engine::Postgres { seat, .. } = &self.0 {
            seat.usurp().await.unwrap();
        }
    }

    /// Finds rows, as they are committed.
    async fn find(&self, sql: &str, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        match &self.0 {
            Engine::Sqlite(pool) => {
                let mut connection = pool.acquire().await?;
                Session::Sqlite(&mut connection).fetch(sql, args).await
            }
            Engine::Postgres { pool, .. } => {
                ask(pool, async |session| {
                    Session::Postgres(session).fetch(sql, args).await
                })
                .await
            }
        }
    }

    /// A transaction of the one who runs the reactors.
    async fn begin(&self) -> Result<Change<'_>, StoreError> {
        match &self.0 {
            Engine::Sqlite(pool) => Ok(Change::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?)),
            Engine::Postgres { seat, .. } => {
                let mut seated = seat.take().await.ok_or(StoreError::NotOurs)?;
                answered(ANSWER, sqlx::raw_sql("BEGIN").execute(&mut seated.session)).await?;
                Ok(Change::Running(seated))
            }
        }
    }

    /// A transaction of whoever gives an order.
    async fn order(&self) -> Result<Change<'_>, StoreError> {
        match &self.0 {
            Engine::Sqlite(_) => self.begin().await,
            Engine::Postgres { pool, .. } => Ok(Change::Ordering(answered(ANSWER, pool.begin()).await?)),
        }
    }

    /// The connections of its pools.
    pub fn connections(&self) -> Connections {
        match &self.0 {
            Engine::Sqlite(pool) => Connections::of(pool),
            Engine::Postgres { pool, .. } => Connections::of(pool),
        }
    }

    /// Closes, and leaves the place.
    pub async fn close(&self) {
        match &self.0 {
            Engine::Sqlite(pool) => pool.close().await,
            Engine::Postgres { pool, .. } => {
                self.step_down().await;
                postgres::close(pool).await;
            }
        }
    }
}

/// A transaction. Dropped before [`Change::commit`], it is undone; who ran the reactors has then left the place.
enum Change<'a> {
    Sqlite(Transaction<'static, Sqlite>),
    Running(Seated<'a>),
    Ordering(Transaction<'static, Postgres>),
}

impl Change<'_> {
    fn session(&mut self) -> Session<'_> {
        match self {
            Change::Sqlite(change) => Session::Sqlite(change),
            Change::Running(seated) => Session::Postgres(&mut seated.session),
            Change::Ordering(change) => Session::Postgres(change),
        }
    }

    async fn execute(&mut self, sql: &str, args: Vec<Arg>) -> Result<u64, StoreError> {
        self.session().execute(sql, args).await
    }

    async fn fetch(&mut self, sql: &str, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        self.session().fetch(sql, args).await
    }

    async fn commit(self) -> Result<(), StoreError> {
        match self {
            Change::Sqlite(change) => change.commit().await?,
            Change::Running(mut seated) => {
                answered(ANSWER, sqlx::raw_sql("COMMIT").execute(&mut seated.session)).await?;
                seated.keep();
            }
            Change::Ordering(change) => answered(ANSWER, change.commit()).await?,
        }
        Ok(())
    }
}

/// Makes the schema, if there is none; several nodes may start at once.
async fn prepare(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut change = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1, $2)")
        .bind(MAKING.0)
        .bind(MAKING.1)
        .execute(&mut *change)
        .await?;
    let (schema, made): (bool, bool) = sqlx::query_as(
        "SELECT to_regnamespace('chancery_reactors') IS NOT NULL, to_regclass('chancery_reactors.meta') IS NOT NULL",
    )
    .fetch_one(&mut *change)
    .await?;
    if !schema {
        sqlx::raw_sql("CREATE SCHEMA chancery_reactors")
            .execute(&mut *change)
            .await?;
    }
    if !made {
        sqlx::raw_sql(AssertSqlSafe(POSTGRES))
            .execute(&mut *change)
            .await?;
    }
    let format: Option<i64> =
        sqlx::query_scalar("SELECT value FROM chancery_reactors.meta WHERE name = 'format'")
            .fetch_optional(&mut *change)
            .await?;
    known(format)?;
    Ok(change.commit().await?)
}

fn known(format: Option<i64>) -> Result<(), StoreError> {
    match format {
        Some(FORMAT) => Ok(()),
        Some(newer) => Err(StoreError::Refused(format!(
            "it is of another version (format {newer}; this version knows {FORMAT})"
        ))),
        None => Err(StoreError::Refused("it is not one".to_owned())),
    }
}
