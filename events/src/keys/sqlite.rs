//! The key store of one node: an SQLite file of its own, apart from the log's.
//! The rule: what was put is on the disk before `put` returns, and what was destroyed is nowhere in the file.

use std::{io, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use sqlx::{
    Connection, Sqlite, SqliteConnection, SqliteExecutor, SqlitePool,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use uuid::Uuid;

use super::{
    KeyError, KeyKind, KeyName, KeyStore,
    batch::{Placed, Put, PutAll, Puts},
    master::{create_private, sync_folder},
};
use crate::{clock::Timestamp, connections::Connections, ids::RealmId};

/// Each brings the file from the format before it to its own.
const MIGRATIONS: [&str; 2] = [
    include_str!("../../../migrations/keys/sqlite/0001_key_store.sql"),
    include_str!("../../../migrations/keys/sqlite/0002_numbered_tombstones.sql"),
];

/// The format of the file that this version reads and writes.
const FORMAT: i64 = 2;

/// Keys in an SQLite file (WAL, `synchronous=FULL`, `secure_delete=ON`) that only its owner may read.
#[derive(Debug)]
pub struct SqliteKeyStore {
    /// One connection: writers queue for it rather than poll SQLite's lock.
    writer: SqlitePool,
    readers: SqlitePool,
    puts: Puts,
}

impl SqliteKeyStore {
    /// Opens the store at `path`, making it where there is none; its folder must exist. A store of a newer
    /// version, and a file that is none, are refused.
    pub async fn open(path: &Path) -> Result<Arc<Self>, KeyError> {
        make_private(path).map_err(|error| {
            KeyError::Unavailable(format!("{} cannot be opened: {error}", path.display()))
        })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .busy_timeout(Duration::from_secs(5))
            .synchronous(SqliteSynchronous::Full)
            .pragma("secure_delete", "ON");
        prepare(path, &options).await?;

        let options = options.journal_mode(SqliteJournalMode::Wal);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options.read_only(true))
            .await
            .map_err(failed)?;
        Ok(Self::over(writer, readers))
    }

    /// Opens a store that is there to read from it, beside the process that uses it: nothing is made or changed.
    pub async fn open_read_only(path: &Path) -> Result<Arc<Self>, KeyError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .read_only(true)
            .busy_timeout(Duration::from_secs(5));
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options)
            .await
            .map_err(failed)?;
        let format: Option<i64> = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'format'")
            .fetch_optional(&readers)
            .await
            .map_err(failed)?;
        if format != Some(FORMAT) {
            return Err(KeyError::Refused(format!(
                "{} is not a key store of this version, or was not used with it yet",
                path.display()
            )));
        }
        Ok(Self::over(readers.clone(), readers))
    }

    fn over(writer: SqlitePool, readers: SqlitePool) -> Arc<Self> {
        let puts = Puts::start(Writer(writer.clone()));
        Arc::new(Self {
            writer,
            readers,
            puts,
        })
    }
}

/// Creates the file before SQLite does, which would ask nobody about its mode; its WAL inherits the mode.
fn make_private(path: &Path) -> io::Result<()> {
    match create_private(path) {
        Ok(file) => {
            file.sync_all()?;
            sync_folder(path)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                let mut permissions = std::fs::metadata(path)?.permissions();
                if permissions.mode() & 0o077 != 0 {
                    permissions.set_mode(0o600);
                    std::fs::set_permissions(path, permissions)?;
                }
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Makes the tables in an empty file, or checks the format of one that is not.
async fn prepare(path: &Path, options: &SqliteConnectOptions) -> Result<(), KeyError> {
    let refused = |why: String| KeyError::Refused(format!("{} {why}", path.display()));
    // A pool of its own: nothing is changed in a file, not even its journal mode, before it is known to be ours.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options.clone())
        .await
        .map_err(failed)?;
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .fetch_all(&mut *transaction)
        .await
        .map_err(failed)?;
    let format: Option<i64> = if tables.is_empty() {
        Some(0)
    } else if ["meta", "keys", "tombstones"]
        .iter()
        .all(|table| tables.iter().any(|name| name == table))
    {
        sqlx::query_scalar("SELECT value FROM meta WHERE name = 'format'")
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed)?
    } else {
        None
    };
    let missing = match format {
        Some(format) if format > FORMAT => {
            return Err(refused(format!(
                "is a key store of a newer version (format {format}; this version knows {FORMAT})"
            )));
        }
        Some(format) => usize::try_from(format)
            .ok()
            .and_then(|known| MIGRATIONS.get(known..)),
        None => None,
    };
    for migration in missing.ok_or_else(|| refused("is not a key store".to_owned()))? {
        sqlx::raw_sql(*migration)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)?;
    pool.close().await;
    Ok(())
}

#[derive(Debug)]
struct Writer(SqlitePool);

#[async_trait]
impl PutAll for Writer {
    async fn put_all(&self, puts: &[Put]) -> Result<Vec<Placed>, KeyError> {
        let mut connection = self.0.acquire().await.map_err(failed)?;
        let placed = put_all(&mut connection, puts).await;
        leave_if_failed(&mut connection, &placed);
        placed
    }
}

/// A connection on which a transaction failed is not used again: where the disk is full SQLite rolls back by itself, of
/// which the driver does not hear.
fn leave_if_failed<T>(connection: &mut PoolConnection<Sqlite>, outcome: &Result<T, KeyError>) {
    if outcome.is_err() {
        connection.close_on_drop();
    }
}

async fn put_all(connection: &mut SqliteConnection, puts: &[Put]) -> Result<Vec<Placed>, KeyError> {
    // Writes from its beginning, so that no tombstone can come between the look and the insertion.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let mut placed = Vec::with_capacity(puts.len());
    for Put { name, wrapped } in puts {
        let inserted = sqlx::query(
            "INSERT INTO keys (realm, kind, id, wrapped) SELECT ?1, ?2, ?3, ?4 \
             WHERE NOT EXISTS (SELECT 1 FROM tombstones WHERE realm = ?1 AND kind = ?2 AND id = ?3) \
             ON CONFLICT DO NOTHING",
        )
        .bind(realm(name))
        .bind(name.kind.code())
        .bind(&name.id)
        .bind(wrapped)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?
        .rows_affected();
        placed.push(if inserted == 1 {
            Placed::New
        } else if destroyed(&mut *transaction, name).await? {
            Placed::Destroyed
        } else {
            Placed::Taken
        });
    }
    transaction.commit().await.map_err(failed)?;
    Ok(placed)
}

async fn destroyed(file: impl SqliteExecutor<'_>, name: &KeyName) -> Result<bool, KeyError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM tombstones WHERE realm = ? AND kind = ? AND id = ?)")
        .bind(realm(name))
        .bind(name.kind.code())
        .bind(&name.id)
        .fetch_one(file)
        .await
        .map_err(failed)
}

async fn destroy_all(
    connection: &mut SqliteConnection,
    names: &[KeyName],
    at: Timestamp,
) -> Result<(), KeyError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    for name in names {
        sqlx::query("DELETE FROM keys WHERE realm = ? AND kind = ? AND id = ?")
            .bind(realm(name))
            .bind(name.kind.code())
            .bind(&name.id)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        sqlx::query(
            "INSERT INTO tombstones (realm, kind, id, destroyed_at, number) \
             SELECT ?, ?, ?, ?, coalesce(max(number), 0) + 1 FROM tombstones WHERE true \
             ON CONFLICT (realm, kind, id) DO NOTHING",
        )
        .bind(realm(name))
        .bind(name.kind.code())
        .bind(&name.id)
        .bind(at.0)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}

#[async_trait]
impl KeyStore for SqliteKeyStore {
    async fn put(&self, name: &KeyName, wrapped: &[u8]) -> Result<bool, KeyError> {
        self.puts.put(name, wrapped).await
    }

    async fn get(&self, name: &KeyName) -> Result<Option<Vec<u8>>, KeyError> {
        sqlx::query_scalar("SELECT wrapped FROM keys WHERE realm = ? AND kind = ? AND id = ?")
            .bind(realm(name))
            .bind(name.kind.code())
            .bind(&name.id)
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)
    }

    async fn destroy(&self, names: &[KeyName], at: Timestamp) -> Result<(), KeyError> {
        let mut connection = self.writer.acquire().await.map_err(failed)?;
        let done = destroy_all(&mut connection, names, at).await;
        leave_if_failed(&mut connection, &done);
        drop(connection);
        done?;
        // The WAL still holds the pages as they were when the keys were put; emptied, only the file counts, in
        // which `secure_delete` has overwritten them.
        let busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&self.writer)
            .await
            .map_err(failed)?;
        if busy != 0 {
            tracing::warn!(
                "a long reader (a backup?) keeps wrapped keys in the key store's WAL after their destruction"
            );
        }
        Ok(())
    }

    async fn destroyed(&self, name: &KeyName) -> Result<bool, KeyError> {
        destroyed(&self.readers, name).await
    }

    async fn last_destruction(&self) -> Result<i64, KeyError> {
        sqlx::query_scalar("SELECT coalesce(max(number), 0) FROM tombstones")
            .fetch_one(&self.readers)
            .await
            .map_err(failed)
    }

    async fn destroyed_between(&self, after: i64, up_to: i64) -> Result<Vec<KeyName>, KeyError> {
        let rows: Vec<(Vec<u8>, u8, String)> = sqlx::query_as(
            "SELECT realm, kind, id FROM tombstones WHERE number > ? AND number <= ? ORDER BY number",
        )
        .bind(after)
        .bind(up_to)
        .fetch_all(&self.readers)
        .await
        .map_err(failed)?;
        let unknown = || KeyError::Corrupt("the key store holds a name that cannot be".to_owned());
        rows.into_iter()
            .map(|(realm, kind, id)| {
                Ok(KeyName {
                    realm: RealmId(Uuid::from_slice(&realm).map_err(|_| unknown())?),
                    kind: KeyKind::from_code(kind).ok_or_else(unknown)?,
                    id,
                })
            })
            .collect()
    }

    async fn check_value(&self) -> Result<Option<Vec<u8>>, KeyError> {
        sqlx::query_scalar("SELECT value FROM meta WHERE name = 'check_value'")
            .fetch_optional(&self.readers)
            .await
            .map_err(failed)
    }

    async fn put_check_value(&self, value: &[u8]) -> Result<(), KeyError> {
        sqlx::query("INSERT INTO meta (name, value) VALUES ('check_value', ?) ON CONFLICT DO NOTHING")
            .bind(value)
            .execute(&self.writer)
            .await
            .map_err(failed)?;
        Ok(())
    }

    fn connections(&self) -> Connections {
        Connections::of(&self.writer) + Connections::of(&self.readers)
    }

    async fn close(&self) {
        self.puts.close().await;
        // The writer last: the last connection to close folds the WAL into the file, which a reader may not.
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn realm(name: &KeyName) -> &[u8] {
    name.realm.0.as_bytes()
}

/// SQLite's messages name tables and codes, never what is bound to a statement.
fn failed(error: sqlx::Error) -> KeyError {
    const SQLITE_CORRUPT: i32 = 11;
    const SQLITE_NOTADB: i32 = 26;
    let primary = error
        .as_database_error()
        .and_then(|error| error.code()?.parse::<i32>().ok())
        .map(|code| code & 0xff);
    match primary {
        Some(SQLITE_CORRUPT) => KeyError::Corrupt(format!("the key store's file is damaged: {error}")),
        Some(SQLITE_NOTADB) => KeyError::Refused(format!("this file is not a key store: {error}")),
        Some(_) | None => KeyError::Unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
