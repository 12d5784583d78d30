//! Where a workload stores: SQLite files in a temporary folder, or a PostgreSQL database made for it. Both are gone afterwards.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use events::{
    clock::{SystemClock, SystemRandom},
    keys::{KeyStore, SqliteKeyStore, postgres::PostgresKeyStore},
    log::{Log, postgres::PostgresLog, sqlite::SqliteLog},
    postgres::Database,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use crate::Outcome;

/// The engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// Files.
    Sqlite,
    /// A server, whose account may make databases.
    Postgres(Url),
}

impl FromStr for Store {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "sqlite" {
            return Ok(Self::Sqlite);
        }
        // Judged the way that the product judges it.
        text.parse::<Database>().map_err(|error| error.to_string())?;
        text.parse()
            .map(Self::Postgres)
            .map_err(|_| "not an address".to_owned())
    }
}

/// A place of one measurement's own.
#[derive(Debug)]
pub enum Place {
    /// On the disk of a folder.
    Folder(TempDir),
    /// In a database (files that are still needed are in the folder).
    Database {
        /// Which.
        made: Made,
        /// For the rest.
        folder: TempDir,
    },
}

/// A database that was made here, and goes with this value.
#[derive(Debug)]
pub struct Made {
    server: Url,
    name: String,
    url: Url,
}

impl Store {
    /// The engine and its version; and if it does not keep what it says it has kept.
    pub async fn engine(&self) -> Outcome<String> {
        match self {
            Self::Sqlite => {
                let mut connection = sqlx::SqliteConnection::connect("sqlite::memory:").await?;
                let version: String = sqlx::query_scalar("SELECT sqlite_version()")
                    .fetch_one(&mut connection)
                    .await?;
                Ok(format!("SQLite {version}"))
            }
            Self::Postgres(server) => {
                let mut connection = PgConnection::connect(server.as_str()).await?;
                let version: String = sqlx::query_scalar("SHOW server_version")
                    .fetch_one(&mut connection)
                    .await?;
                let fsync: String = sqlx::query_scalar("SHOW fsync")
                    .fetch_one(&mut connection)
                    .await?;
                connection.close().await?;
                let number = version.split(' ').next().unwrap_or_default();
                let doubt = if fsync == "on" { "" } else { " WITHOUT FSYNC" };
                Ok(format!("PostgreSQL {number}{doubt}"))
            }
        }
    }

    /// A new, empty place; its files are on the disk of this folder.
    pub async fn place(&self, folder: &Path) -> Outcome<Place> {
        let folder = tempfile::tempdir_in(folder)?;
        match self {
            Self::Sqlite => Ok(Place::Folder(folder)),
            Self::Postgres(server) => {
                #[expect(clippy::disallowed_methods, reason = "a name that no other run has")]
                let name = format!("bench_{}", Uuid::new_v4().simple());
                order(server, format!("CREATE DATABASE {name}")).await?;
                let mut url = server.clone();
                url.set_path(&name);
                let server = server.clone();
                let made = Made { server, name, url };
                Ok(Place::Database { made, folder })
            }
        }
    }
}

impl Place {
    /// A folder for files.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Folder(folder) | Self::Database { folder, .. } => folder.path(),
        }
    }

    /// The database, if it is one.
    pub fn database(&self) -> Option<&str> {
        match self {
            Self::Folder(_) => None,
            Self::Database { made, .. } => Some(made.url.as_str()),
        }
    }

    /// The file of an embedded log.
    pub fn log_file(&self) -> PathBuf {
        self.folder().join("log.sqlite")
    }

    /// The file of an embedded key store.
    pub fn keys_file(&self) -> PathBuf {
        self.folder().join("keys.sqlite")
    }

    /// The bytes that each store has on the disk, with its indexes and what is not yet written back.
    pub async fn sizes(&self) -> Outcome<Vec<(&'static str, u64)>> {
        let stores = ["log", "keys", "read models"];
        let mut sizes = Vec::with_capacity(stores.len());
        match self.database() {
            None => {
                let files = |file: &Path| {
                    let name = |suffix: &str| format!("{}{suffix}", file.display());
                    ["", "-wal"]
                        .map(|suffix| std::fs::metadata(name(suffix)).map_or(0, |file| file.len()))
                        .iter()
                        .sum()
                };
                let mut models = 0;
                for entry in std::fs::read_dir(self.folder().join("read"))? {
                    models += entry?.metadata()?.len();
                }
                sizes.extend([files(&self.log_file()), files(&self.keys_file()), models]);
            }
            Some(url) => {
                let mut connection = PgConnection::connect(url).await?;
                for schema in ["chancery\\_log", "chancery\\_keys", "chancery\\_read%"] {
                    let size: i64 = sqlx::query_scalar(
                        "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
                         JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname LIKE $1",
                    )
                    .bind(schema)
                    .fetch_one(&mut connection)
                    .await?;
                    sizes.push(size.try_into()?);
                }
                connection.close().await?;
            }
        }
        Ok(stores.into_iter().zip(sizes).collect())
    }

    /// The log, to read, beside whichever process writes it.
    pub async fn log_to_read(&self) -> Outcome<Arc<dyn Log>> {
        match self.database() {
            None => Ok(SqliteLog::open_read_only(&self.log_file()).await?),
            Some(url) => Ok(PostgresLog::open_read_only(&url.parse()?).await?),
        }
    }

    /// The key store, to write.
    pub async fn keys(&self) -> Outcome<Arc<dyn KeyStore>> {
        match self.database() {
            None => Ok(SqliteKeyStore::open(&self.keys_file()).await?),
            Some(url) => Ok(PostgresKeyStore::open(&url.parse()?).await?),
        }
    }

    /// The log, to write.
    pub async fn log(&self) -> Outcome<Arc<dyn Log>> {
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        match self.database() {
            None => Ok(SqliteLog::open(&self.log_file(), clock, random).await?),
            Some(url) => Ok(PostgresLog::open(&url.parse()?, clock, random).await?),
        }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // From a thread: a drop cannot wait within the runtime.
        let (server, sql) = (
            self.server.clone(),
            format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
        );
        let dropped = std::thread::spawn(move || -> Outcome<()> {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(order(&server, sql))
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            eprintln!("the database {} is left behind", self.name);
        }
    }
}

async fn order(server: &Url, sql: String) -> Outcome<()> {
    let mut connection = PgConnection::connect(server.as_str()).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}
