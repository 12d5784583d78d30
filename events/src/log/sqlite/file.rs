//! The log's file: who may write it, how it is opened, and which format it has.
//!
//! One process writes. A file of a newer format is refused rather than guessed at.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use uuid::Uuid;

use crate::log::{LogError, columns};

/// Each brings the file from the format before it to its own; the last one's number is the format that we write.
const MIGRATIONS: [&str; 1] = [include_str!("../../../../migrations/log/sqlite/0001_log.sql")];

/// The format that this version writes.
const FORMAT: usize = MIGRATIONS.len();

/// Takes the lock that makes us the one writer, for as long as the file handle lives.
pub(super) fn lock(path: &Path) -> Result<File, LogError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&name)
        .map_err(|error| LogError::Unavailable(format!("{}: {error}", name.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LogError::Refused(format!(
            "{} is in use by another process",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(LogError::Unavailable(format!("{}: {error}", name.display()))),
    }
}

/// How the writer opens it: nothing is acknowledged before it is on the disk.
pub(super) fn writer(path: &Path) -> SqliteConnectOptions {
    options(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // The same pages are written again and again: the more commits share a checkpoint, the fewer it has to move.
        .pragma("wal_autocheckpoint", "16000")
        .pragma("cache_size", "-65536")
        .pragma("temp_store", "MEMORY")
}

/// How readers open it.
pub(super) fn reader(path: &Path) -> SqliteConnectOptions {
    options(path).read_only(true)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(false)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging()
}

/// Brings the file to our format, and tells its incarnation (`fresh` if the file is new).
pub(super) async fn migrate(connection: &mut SqliteConnection, fresh: Uuid) -> Result<Uuid, LogError> {
    let mut change = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    )
    .execute(&mut *change)
    .await
    .map_err(failed)?;
    let format = format(&mut change).await?;
    if format > FORMAT {
        return Err(columns::newer(format, FORMAT));
    }
    for migration in &MIGRATIONS[format..] {
        sqlx::raw_sql(*migration)
            .execute(&mut *change)
            .await
            .map_err(failed)?;
    }
    sqlx::query(
        "INSERT INTO meta (key, value) VALUES ('format', ?1), ('incarnation', ?2)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE key = 'format'",
    )
    .bind(FORMAT.to_string().into_bytes())
    .bind(fresh.as_bytes().to_vec())
    .execute(&mut *change)
    .await
    .map_err(failed)?;
    let incarnation = incarnation(&mut change).await?;
    change.commit().await.map_err(failed)?;
    Ok(incarnation)
}

/// Checks that the file has exactly our format, and tells its incarnation.
pub(super) async fn inspect(connection: &mut SqliteConnection) -> Result<Uuid, LogError> {
    match format(connection).await? {
        FORMAT => incarnation(connection).await,
        older if older < FORMAT => Err(LogError::Refused(format!(
            "it has format {older} and must be brought to format {FORMAT} by its writer first"
        ))),
        format => Err(columns::newer(format, FORMAT)),
    }
}

async fn format(connection: &mut SqliteConnection) -> Result<usize, LogError> {
    let stored: Option<Vec<u8>> = sqlx::query_scalar("SELECT value FROM meta WHERE key = 'format'")
        .fetch_optional(connection)
        .await
        .map_err(failed)?;
    columns::format(stored)
}

async fn incarnation(connection: &mut SqliteConnection) -> Result<Uuid, LogError> {
    let stored: Vec<u8> = sqlx::query_scalar("SELECT value FROM meta WHERE key = 'incarnation'")
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    super::rows::uuid(&stored)
}

/// What reading or opening failed with: damage is told apart from a file that cannot be had now.
pub(super) fn failed(error: sqlx::Error) -> LogError {
    const CORRUPT: u32 = 11;
    const NOT_A_DATABASE: u32 = 26;
    match result_code(&error) {
        Some(CORRUPT | NOT_A_DATABASE) => LogError::Corrupt(error.to_string()),
        _ => LogError::Unavailable(error.to_string()),
    }
}

/// SQLite's primary result code, where the error is SQLite's.
pub(super) fn result_code(error: &sqlx::Error) -> Option<u32> {
    let extended: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}
