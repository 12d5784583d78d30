//! SQLite, and how its file is damaged.

use std::sync::Arc;

use async_trait::async_trait;
use chancery_tests::log_contract::{Engine, START, Tamper};
use events::{
    clock::{FrozenClock, SystemRandom},
    envelope::leaf_hash,
    log::{Log, LogError, sqlite::SqliteLog},
    subject::{Lane, Stream},
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

struct Sqlite {
    folder: TempDir,
    clock: Arc<FrozenClock>,
}

impl Sqlite {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: FrozenClock::at(START),
        }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("log.db")
    }

    async fn raw(&self) -> SqliteConnection {
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(self.path()))
            .await
            .unwrap()
    }
}

#[async_trait]
impl Engine for Sqlite {
    fn clock(&self) -> &FrozenClock {
        &self.clock
    }

    async fn open(&self) -> Result<Arc<dyn Log>, LogError> {
        Ok(SqliteLog::open(&self.path(), self.clock.clone(), Arc::new(SystemRandom)).await?)
    }

    async fn open_to_read(&self) -> Result<Arc<dyn Log>, LogError> {
        Ok(SqliteLog::open_read_only(&self.path()).await?)
    }

    fn exclusive(&self) -> bool {
        true
    }

    async fn pretend_newer(&self) {
        let mut raw = self.raw().await;
        sqlx::query("UPDATE meta SET value = CAST('999' AS BLOB) WHERE key = 'format'")
            .execute(&mut raw)
            .await
            .unwrap();
        raw.close().await.unwrap();
    }

    async fn tamper(&self, stream: Stream, tamper: Tamper) {
        let mut raw = self.raw().await;
        let lane = i64::from(stream.lane == Lane::Activity);
        let id: i64 = sqlx::query_scalar("SELECT id FROM stream WHERE realm = ? AND lane = ?")
            .bind(stream.realm.0.as_bytes().to_vec())
            .bind(lane)
            .fetch_one(&mut raw)
            .await
            .unwrap();
        match tamper {
            Tamper::Entry(seq) => flip(&mut raw, id, seq, "entry").await,
            Tamper::Body(seq) => flip(&mut raw, id, seq, "body").await,
            Tamper::Leaf(seq) => flip(&mut raw, id, seq, "leaf").await,
            Tamper::Rewritten(seq) => {
                let entry = column(&mut raw, id, seq, "entry").await;
                let time = START.0.to_string();
                let entry = String::from_utf8(entry)
                    .unwrap()
                    .replace(&time, &(START.0 - 1).to_string());
                set(&mut raw, id, seq, "leaf", leaf_hash(entry.as_bytes()).to_vec()).await;
                set(&mut raw, id, seq, "entry", entry.into_bytes()).await;
            }
            Tamper::Removed(seq) => {
                change(
                    &mut raw,
                    "DELETE FROM event WHERE stream = ? AND seq = ?",
                    id,
                    seq,
                )
                .await;
            }
            Tamper::Swapped(a, b) => {
                for (from, to) in [(a, 0), (b, a), (0, b)] {
                    let text = format!("UPDATE event SET seq = {to} WHERE stream = ? AND seq = ?");
                    change(&mut raw, &text, id, from).await;
                }
            }
            Tamper::Version(seq) => {
                let text = "UPDATE event SET version = version + 100 WHERE stream = ? AND seq = ?";
                change(&mut raw, text, id, seq).await;
            }
        }
        raw.close().await.unwrap();
    }
}

async fn change(raw: &mut SqliteConnection, text: &str, stream: i64, seq: u64) {
    let done = sqlx::query(sqlx::AssertSqlSafe(text.to_owned()))
        .bind(stream)
        .bind(i64::try_from(seq).unwrap())
        .execute(raw)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);
}

async fn column(raw: &mut SqliteConnection, stream: i64, seq: u64, column: &str) -> Vec<u8> {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
        "SELECT {column} FROM event WHERE stream = ? AND seq = ?"
    )))
    .bind(stream)
    .bind(i64::try_from(seq).unwrap())
    .fetch_one(raw)
    .await
    .unwrap()
}

async fn set(raw: &mut SqliteConnection, stream: i64, seq: u64, column: &str, value: Vec<u8>) {
    sqlx::query(sqlx::AssertSqlSafe(format!(
        "UPDATE event SET {column} = ? WHERE stream = ? AND seq = ?"
    )))
    .bind(value)
    .bind(stream)
    .bind(i64::try_from(seq).unwrap())
    .execute(raw)
    .await
    .unwrap();
}

/// Alters one bit in the middle.
async fn flip(raw: &mut SqliteConnection, stream: i64, seq: u64, name: &str) {
    let mut value = column(raw, stream, seq, name).await;
    let middle = value.len() / 2;
    value[middle] ^= 1;
    set(raw, stream, seq, name, value).await;
}

chancery_tests::log_contract!(Some(Sqlite::new()));
