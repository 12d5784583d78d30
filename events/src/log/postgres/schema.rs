//! The log's schema: how it is reached, made and brought to our format.
//!
//! Any number of nodes may start at once: one of them makes it. A newer format is refused rather than guessed at.

use std::fmt;

use sqlx::{Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use uuid::Uuid;

use super::failure::failed;
use crate::{
    log::{LogError, columns},
    postgres::{self, Database},
};

/// Each brings the schema from the format before it to its own; the last one's number is the format that we write.
const MIGRATIONS: [&str; 1] = [include_str!("../../../../migrations/log/postgres/0001_log.sql")];

/// The format that this version writes.
const FORMAT: usize = MIGRATIONS.len();

/// What nodes that start at once wait for: "chanclog" in ASCII.
const MIGRATING: i64 = 0x6368_616e_636c_6f67;

/// Connections that read, at most.
const READERS: u32 = 8;

/// How the log connects. Its statements look up keys in tables that change faster than their statistics: whatever these say, the
/// planner is to use the indexes, and to plan once.
fn options(database: &Database, purpose: &'static str) -> PgConnectOptions {
    database.options(purpose).options([
        ("enable_seqscan", "off"),
        ("enable_bitmapscan", "off"),
        ("plan_cache_mode", "force_generic_plan"),
        ("jit", "off"),
    ])
}

/// The way to the database, for those who have a connection of their own. Its `Debug` shows no password, which the driver's
/// options would.
pub(super) struct Way {
    options: PgConnectOptions,
    place: String,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Way({})", self.place)
    }
}

impl Way {
    /// An appender's: nothing is acknowledged before it is durable, whatever the database's own setting is.
    pub fn of_appender(database: &Database) -> Self {
        Self {
            options: options(database, "log appender").options([("synchronous_commit", "on")]),
            place: database.place().to_owned(),
        }
    }

    /// The watcher's, which writes nothing that must last.
    pub fn of_watcher(database: &Database) -> Self {
        Self {
            options: options(database, "log watcher").options([("synchronous_commit", "off")]),
            place: database.place().to_owned(),
        }
    }

    /// A new connection, to a primary.
    pub async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        postgres::connect(&self.options).await
    }
}

/// A pool for what is not appended, whose connections lead to a primary.
pub(super) fn pool(database: &Database) -> PgPool {
    database
        .pool("log", READERS)
        .options()
        .clone()
        .after_connect(|connection, _| Box::pin(postgres::fit(connection)))
        .connect_lazy_with(options(database, "log").options([("default_transaction_read_only", "off")]))
}

/// A pool of a node that only reads: it cannot write by it either. A standby will do, since nothing is decided by what it tells.
pub(super) fn read_only_pool(database: &Database) -> PgPool {
    let pool = database.pool("log", READERS);
    pool.set_connect_options(options(database, "log").options([("default_transaction_read_only", "on")]));
    pool
}

/// Brings the schema to our format, and tells its incarnation (`fresh` if it is new). Where nothing is to be done nothing is
/// written, so that an account which may not make schemas can open one that is there.
pub(super) async fn migrate(connection: &mut PgConnection, fresh: Uuid) -> Result<Uuid, LogError> {
    if format(connection).await? == FORMAT {
        return incarnation(connection).await;
    }
    let mut change = connection.begin().await.map_err(failed)?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(MIGRATING)
        .execute(&mut *change)
        .await
        .map_err(failed)?;
    let format = format(&mut change).await?;
    if format > FORMAT {
        return Err(columns::newer(format, FORMAT));
    }
    if format == 0 {
        sqlx::raw_sql(
            "CREATE SCHEMA IF NOT EXISTS chancery_log;
            CREATE TABLE IF NOT EXISTS chancery_log.meta (key text PRIMARY KEY, value bytea NOT NULL)",
        )
        .execute(&mut *change)
        .await
        .map_err(failed)?;
    }
    for migration in &MIGRATIONS[format..] {
        sqlx::raw_sql(*migration)
            .execute(&mut *change)
            .await
            .map_err(failed)?;
    }
    sqlx::query(
        "INSERT INTO chancery_log.meta AS m (key, value) VALUES ('format', $1), ('incarnation', $2)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE m.key = 'format'",
    )
    .bind(FORMAT.to_string().into_bytes())
    .bind(fresh.as_bytes().as_slice())
    .execute(&mut *change)
    .await
    .map_err(failed)?;
    let incarnation = incarnation(&mut change).await?;
    change.commit().await.map_err(failed)?;
    Ok(incarnation)
}

/// Checks that the schema has exactly our format, and tells its incarnation.
pub(super) async fn inspect(connection: &mut PgConnection) -> Result<Uuid, LogError> {
    match format(connection).await? {
        FORMAT => incarnation(connection).await,
        0 => Err(LogError::Unavailable("it holds no log".to_owned())),
        older if older < FORMAT => Err(LogError::Refused(format!(
            "it has format {older} and must be brought to format {FORMAT} by a node that writes it first"
        ))),
        format => Err(columns::newer(format, FORMAT)),
    }
}

/// The stored format; 0 if there is none.
async fn format(connection: &mut PgConnection) -> Result<usize, LogError> {
    // Asked of the catalog itself: what the session remembers of names may be from before the lock was waited for.
    let is_there: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'chancery_log' AND tablename = 'meta')",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    if !is_there {
        return Ok(0);
    }
    let stored: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT value FROM chancery_log.meta WHERE key = 'format'")
            .fetch_optional(connection)
            .await
            .map_err(failed)?;
    columns::format(stored)
}

async fn incarnation(connection: &mut PgConnection) -> Result<Uuid, LogError> {
    let stored: Vec<u8> = sqlx::query_scalar("SELECT value FROM chancery_log.meta WHERE key = 'incarnation'")
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    columns::uuid(&stored)
}
