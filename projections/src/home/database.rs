//! Generations as schemas of a database that several nodes share, and the pointer a row beside them. Who has one open holds
//! a lock in its name; who builds one holds the lock of builders.

use async_trait::async_trait;
use events::postgres::{Database, ask, connect, fit, seat::try_lock};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use super::{Shelf, Turn};
use crate::{
    reads::ReadError,
    store::{
        GenerationRow, Store,
        postgres::{self, locks, schema},
    },
    table::Table,
};

/// Connections for what is asked once a second and less.
const CONNECTIONS: u32 = 2;
/// The second halves of [`locks::BUILD`]: to build a generation, and to make the pointer.
const GENERATION: i32 = 0;
const POINTER: i32 = 1;

/// Asks which generation is served.
const POINTED: &str = "SELECT generation FROM chancery_read.pointer";

/// The schemas of all generations.
#[derive(Debug)]
pub struct Shared {
    database: Database,
    pool: PgPool,
}

impl Shared {
    /// Makes the pointer's schema if there is none.
    pub async fn open(database: Database) -> Result<Self, ReadError> {
        // A standby may not know yet which generation is served, nor what is in it.
        let pool = database
            .pool("reads", CONNECTIONS)
            .options()
            .clone()
            .after_connect(|home, _| Box::pin(fit(home)))
            .connect_lazy_with(database.options("reads").options([("synchronous_commit", "on")]));
        ask(&pool, prepare).await?;
        Ok(Self { database, pool })
    }

    async fn drop_schema(&self, number: u64) -> Result<(), ReadError> {
        let name = postgres::lock_name(number)?;
        let dropped = ask(&self.pool, async |home| {
            let mut transaction = home.begin().await?;
            let is_free: bool = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1, $2)")
                .bind(locks::OPEN)
                .bind(name)
                .fetch_one(&mut *transaction)
                .await?;
            // Asked under the lock: who is pointed here opens it, and asks the pointer again.
            let current: Option<i64> = sqlx::query_scalar(POINTED)
                .fetch_optional(&mut *transaction)
                .await?;
            if is_free && current.and_then(|current| u64::try_from(current).ok()) != Some(number) {
                let statement = format!("DROP SCHEMA IF EXISTS {} CASCADE", schema(number));
                sqlx::raw_sql(AssertSqlSafe(statement))
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        });
        Ok(dropped.await?)
    }
}

/// Makes the pointer, if there is none.
async fn prepare(home: &mut PgConnection) -> Result<(), sqlx::Error> {
    let is_there = "SELECT to_regclass('chancery_read.pointer') IS NOT NULL";
    if sqlx::query_scalar(is_there).fetch_one(&mut *home).await? {
        return Ok(());
    }
    let mut transaction = home.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1, $2)")
        .bind(locks::BUILD)
        .bind(POINTER)
        .execute(&mut *transaction)
        .await?;
    sqlx::raw_sql(
        "CREATE SCHEMA IF NOT EXISTS chancery_read;
        CREATE TABLE IF NOT EXISTS chancery_read.pointer (
            id BIGINT PRIMARY KEY CHECK (id = 1),
            generation BIGINT NOT NULL
        )",
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

#[async_trait]
impl Shelf for Shared {
    fn is_shared(&self) -> bool {
        true
    }

    async fn pointer(&self) -> Result<Option<u64>, ReadError> {
        let asked = ask(&self.pool, async |home| {
            sqlx::query_scalar::<_, i64>(POINTED).fetch_optional(home).await
        });
        let number = asked.await?;
        Ok(number.and_then(|number| u64::try_from(number).ok()))
    }

    async fn current(&self) -> Result<Option<u64>, ReadError> {
        let question = sqlx::query_scalar(
            "SELECT generation FROM chancery_read.pointer
            WHERE to_regclass('chancery_read_' || generation || '.generation') IS NOT NULL",
        );
        let current: Option<i64> = ask(&self.pool, async |home| question.fetch_optional(home).await).await?;
        Ok(current.and_then(|current| u64::try_from(current).ok()))
    }

    async fn numbers(&self) -> Result<Vec<u64>, ReadError> {
        let question = sqlx::query_scalar(
            "SELECT nspname::TEXT FROM pg_namespace WHERE nspname LIKE 'chancery\\_read\\_%'",
        );
        let names: Vec<String> = ask(&self.pool, async |home| question.fetch_all(home).await).await?;
        let mut numbers: Vec<_> = names
            .iter()
            .filter_map(|name| name.strip_prefix("chancery_read_")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    async fn open(&self, number: u64) -> Result<Store, ReadError> {
        postgres::open(&self.database, number).await
    }

    async fn make(
        &self,
        number: u64,
        tables: &[&'static Table],
        built_by: &GenerationRow,
    ) -> Result<Store, ReadError> {
        postgres::make(&self.database, number, tables, built_by).await
    }

    async fn point_to(&self, number: u64) -> Result<bool, ReadError> {
        let number = i64::try_from(number).map_err(|_| ReadError::Malformed("the number of a generation"))?;
        let order = sqlx::query(
            "INSERT INTO chancery_read.pointer AS standing (id, generation) VALUES (1, $1)
            ON CONFLICT (id) DO UPDATE SET generation = excluded.generation
            WHERE standing.generation <= excluded.generation",
        )
        .bind(number);
        let done = ask(&self.pool, async |home| order.execute(home).await).await?;
        Ok(done.rows_affected() > 0)
    }

    async fn remove(&self, number: u64) {
        if let Err(error) = self.drop_schema(number).await {
            tracing::warn!(%error, generation = number, "an old read model cannot be deleted");
        }
    }

    async fn turn(&self) -> Result<Option<Turn>, ReadError> {
        let mut session = connect(&self.database.options("reads")).await?;
        let is_ours = try_lock(&mut session, (locks::BUILD, GENERATION)).await?;
        Ok(is_ours.then_some(Turn(Some(session))))
    }
}
