//! PostgreSQL, and how its tables are damaged.

use std::sync::Arc;

use async_trait::async_trait;
use chancery_tests::log_contract::{Engine, START, Tamper};
use events::{
    clock::{FrozenClock, SystemRandom},
    envelope::leaf_hash,
    log::{Log, LogError, postgres::PostgresLog},
    postgres,
    subject::{Lane, Stream},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

struct Postgres {
    place: scratch::Database,
    clock: Arc<FrozenClock>,
}

impl Postgres {
    fn new() -> Option<Self> {
        Some(Self {
            place: scratch::Database::create()?,
            clock: FrozenClock::at(START),
        })
    }

    fn database(&self) -> postgres::Database {
        self.place.url().parse().unwrap()
    }

    async fn raw(&self) -> PgConnection {
        PgConnection::connect(self.place.url()).await.unwrap()
    }
}

#[async_trait]
impl Engine for Postgres {
    fn clock(&self) -> &FrozenClock {
        &self.clock
    }

    async fn open(&self) -> Result<Arc<dyn Log>, LogError> {
        Ok(PostgresLog::open(&self.database(), self.clock.clone(), Arc::new(SystemRandom)).await?)
    }

    async fn open_to_read(&self) -> Result<Arc<dyn Log>, LogError> {
        Ok(PostgresLog::open_read_only(&self.database()).await?)
    }

    fn exclusive(&self) -> bool {
        false
    }

    async fn pretend_newer(&self) {
        let mut raw = self.raw().await;
        sqlx::query("UPDATE chancery_log.meta SET value = '999'::bytea WHERE key = 'format'")
            .execute(&mut raw)
            .await
            .unwrap();
    }

    async fn tamper(&self, stream: Stream, tamper: Tamper) {
        let mut raw = self.raw().await;
        let raw = &mut raw;
        let id: i32 = sqlx::query_scalar("SELECT id FROM chancery_log.stream WHERE realm = $1 AND lane = $2")
            .bind(stream.realm.0.as_bytes().as_slice())
            .bind(i16::from(stream.lane == Lane::Activity))
            .fetch_one(&mut *raw)
            .await
            .unwrap();
        match tamper {
            Tamper::Entry(seq) => flip(raw, id, seq, "entry").await,
            Tamper::Body(seq) => flip(raw, id, seq, "body").await,
            Tamper::Leaf(seq) => flip(raw, id, seq, "leaf").await,
            Tamper::Rewritten(seq) => {
                let entry = String::from_utf8(column(raw, id, seq, "entry").await).unwrap();
                let entry = entry.replace(&START.0.to_string(), &(START.0 - 1).to_string());
                set(raw, id, seq, "leaf", leaf_hash(entry.as_bytes()).to_vec()).await;
                set(raw, id, seq, "entry", entry.into_bytes()).await;
            }
            Tamper::Removed(seq) => change(raw, "DELETE FROM chancery_log.event", id, seq).await,
            Tamper::Swapped(a, b) => {
                for (from, to) in [(a, 0), (b, a), (0, b)] {
                    change(
                        raw,
                        &format!("UPDATE chancery_log.event SET seq = {to}"),
                        id,
                        from,
                    )
                    .await;
                }
            }
            Tamper::Version(seq) => {
                change(
                    raw,
                    "UPDATE chancery_log.event SET version = version + 100",
                    id,
                    seq,
                )
                .await;
            }
        }
    }
}

async fn change(raw: &mut PgConnection, text: &str, stream: i32, seq: u64) {
    let text = format!("{text} WHERE stream = {stream} AND seq = {seq}");
    let done = sqlx::raw_sql(AssertSqlSafe(text)).execute(raw).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
}

async fn column(raw: &mut PgConnection, stream: i32, seq: u64, column: &str) -> Vec<u8> {
    let text = format!("SELECT {column} FROM chancery_log.event WHERE stream = {stream} AND seq = {seq}");
    let row = sqlx::query_scalar(AssertSqlSafe(text));
    row.fetch_one(raw).await.unwrap()
}

async fn set(raw: &mut PgConnection, stream: i32, seq: u64, column: &str, value: Vec<u8>) {
    let text = format!("UPDATE chancery_log.event SET {column} = $1 WHERE stream = {stream} AND seq = {seq}");
    let done = sqlx::query(AssertSqlSafe(text)).bind(value).execute(raw);
    assert_eq!(done.await.unwrap().rows_affected(), 1);
}

/// Alters one bit in the middle.
async fn flip(raw: &mut PgConnection, stream: i32, seq: u64, name: &str) {
    let mut value = column(raw, stream, seq, name).await;
    let middle = value.len() / 2;
    value[middle] ^= 1;
    set(raw, stream, seq, name, value).await;
}

chancery_tests::log_contract!(Postgres::new());
