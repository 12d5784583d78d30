//! The key store of several nodes: the schema `chancery_keys` of a PostgreSQL database, in production another cluster than the
//! log's. The rule: what was put is durable before `put` returns, and neither a key nor its tombstone is ever lost to another
//! transaction that does not see it.
//!
//! A key and its tombstone are one row with one primary key. Under READ COMMITTED an insertion that meets a row which another
//! transaction has not committed yet waits for its fate, so that exactly one of two puts wins; a destruction turns whatever row
//! there is into a tombstone, and a row is never deleted.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use sqlx::{Connection, PgConnection, PgPool, Row, postgres::PgConnectOptions, postgres::PgRow};
use uuid::Uuid;

use super::{
    KeyError, KeyKind, KeyName, KeyStore,
    batch::{Placed, Put, PutAll, Puts},
};
use crate::{
    clock::Timestamp,
    connections::Connections,
    ids::RealmId,
    postgres::{self, ANSWER, Database, answered, ask},
};

/// The format of the schema that this version reads and writes.
const FORMAT: i64 = 1;

const SCHEMA: &str = include_str!("../../../migrations/keys/postgres/0001_key_store.sql");

/// The advisory lock under which the schema is made: several nodes may start at once.
const MAKING: i64 = i64::from_be_bytes(*b"chankeys");

/// Connections at most: reads of keys that are not cached, one batch of puts, and the rare destruction.
const CONNECTIONS: u32 = 8;

/// Keys in PostgreSQL, which any number of nodes share.
#[derive(Debug)]
pub struct PostgresKeyStore {
    pool: PgPool,
    puts: Puts,
}

impl PostgresKeyStore {
    /// Opens the store in this database, making it where there is none. A newer format, anything else in its schema, and a
    /// server that does not write or does not write durably are refused.
    pub async fn open(database: &Database) -> Result<Arc<Self>, KeyError> {
        let options = options(database);
        let mut connection = postgres::connect(&options).await.map_err(failed)?;
        fit(&mut connection).await?;
        bounded(prepare(&mut connection)).await?;
        answered(ANSWER, connection.close()).await.map_err(failed)?;
        // After a failover the next connection may lead to a server that lags behind, and knows nothing of the latest tombstones.
        let pool = database
            .pool("keys", CONNECTIONS)
            .options()
            .clone()
            .after_connect(|connection, _| {
                Box::pin(async move {
                    postgres::fit(connection).await?;
                    let fit = fit(connection).await;
                    fit.map_err(|error| sqlx::Error::Protocol(error.to_string()))
                })
            })
            .connect_lazy_with(options);
        Ok(Self::over(pool))
    }

    /// Opens a store that is there to read from it, beside the nodes that use it: nothing is made or changed.
    pub async fn open_read_only(database: &Database) -> Result<Arc<Self>, KeyError> {
        let options = options(database).options([("default_transaction_read_only", "on")]);
        let mut connection = answered(ANSWER, PgConnection::connect_with(&options))
            .await
            .map_err(failed)?;
        if bounded(look(&mut connection)).await? != There::Store {
            return Err(refused("there is no key store in this database"));
        }
        answered(ANSWER, connection.close()).await.map_err(failed)?;
        let pool = database.pool("keys", CONNECTIONS);
        pool.set_connect_options(options);
        Ok(Self::over(pool))
    }

    fn over(pool: PgPool) -> Arc<Self> {
        let puts = Puts::start(Writer(pool.clone()));
        Arc::new(Self { pool, puts })
    }
}

/// Whatever the server's or the account's defaults are: a commit is answered when it is durable, and a statement sees what was
/// committed before it.
fn options(database: &Database) -> PgConnectOptions {
    database.options("keys").options([
        ("synchronous_commit", "on"),
        ("default_transaction_isolation", "read committed"),
    ])
}

/// Whether this connection may serve: something between us and the server could have dropped our settings.
async fn fit(connection: &mut PgConnection) -> Result<(), KeyError> {
    let settings = sqlx::query_as(
        "SELECT current_setting('synchronous_commit'), current_setting('default_transaction_isolation')",
    );
    let (durable, isolation): (String, String) = answered(ANSWER, settings.fetch_one(connection))
        .await
        .map_err(failed)?;
    if durable != "on" || isolation != "read committed" {
        return Err(refused(&format!(
            "the key store's server does not keep to synchronous_commit=on and read committed \
             (they are {durable} and {isolation})"
        )));
    }
    Ok(())
}

/// What the database holds under our schema's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum There {
    Nothing,
    /// A schema that was made for us.
    Empty,
    /// A key store of our format.
    Store,
}

async fn look(connection: &mut PgConnection) -> Result<There, KeyError> {
    let (schema, store, tables): (bool, bool, i64) = sqlx::query_as(
        "SELECT to_regnamespace('chancery_keys') IS NOT NULL, \
         (SELECT count(*) = 2 FROM pg_class WHERE relnamespace = to_regnamespace('chancery_keys') \
             AND relkind = 'r' AND relname IN ('store', 'keys')), \
         (SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('chancery_keys'))",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(failed)?;
    let format: Option<i64> = match (schema, store, tables) {
        (false, ..) => return Ok(There::Nothing),
        (true, _, 0) => return Ok(There::Empty),
        (true, true, _) => sqlx::query_scalar("SELECT format FROM chancery_keys.store")
            .fetch_optional(connection)
            .await
            .map_err(failed)?,
        (true, false, _) => None,
    };
    match format {
        Some(FORMAT) => Ok(There::Store),
        Some(newer) if newer > FORMAT => Err(refused(&format!(
            "the schema chancery_keys is a key store of a newer version (format {newer}; this version knows {FORMAT})"
        ))),
        Some(_) | None => Err(refused("the schema chancery_keys is not a key store")),
    }
}

/// Makes the tables where there are none.
async fn prepare(connection: &mut PgConnection) -> Result<(), KeyError> {
    let mut change = connection.begin().await.map_err(failed)?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(MAKING)
        .execute(&mut *change)
        .await
        .map_err(failed)?;
    let there = look(&mut change).await?;
    if there == There::Nothing {
        // Not IF NOT EXISTS, which asks for a right to the database also where the schema was made for us.
        sqlx::query("CREATE SCHEMA chancery_keys")
            .execute(&mut *change)
            .await
            .map_err(failed)?;
    }
    if there != There::Store {
        sqlx::raw_sql(SCHEMA)
            .execute(&mut *change)
            .await
            .map_err(failed)?;
    }
    change.commit().await.map_err(failed)
}

#[derive(Debug)]
struct Writer(PgPool);

#[async_trait]
impl PutAll for Writer {
    async fn put_all(&self, puts: &[Put]) -> Result<Vec<Placed>, KeyError> {
        let (realms, kinds, ids) = columns(puts.iter().map(|put| &put.name));
        let wrapped: Vec<&[u8]> = puts.iter().map(|put| put.wrapped.as_slice()).collect();
        let mut placed = HashMap::new();
        // Sorted, so that two nodes' batches wait for one another in one direction only.
        let inserting = sqlx::query(
            "INSERT INTO chancery_keys.keys (realm, kind, id, wrapped) \
             SELECT realm, kind, id, wrapped FROM UNNEST($1::bytea[], $2::smallint[], $3::text[], $4::bytea[]) \
                 AS put (realm, kind, id, wrapped) ORDER BY realm, kind, id COLLATE \"C\" \
             ON CONFLICT (realm, kind, id) DO NOTHING RETURNING realm, kind, id",
        )
        .bind(&realms)
        .bind(&kinds)
        .bind(&ids)
        .bind(&wrapped);
        let inserted = ask(&self.0, async |keys| inserting.fetch_all(keys).await);
        let inserted = inserted.await.map_err(failed)?;
        for row in &inserted {
            placed.insert(name(row)?, Placed::New);
        }
        if placed.len() < puts.len() {
            // A statement of its own sees the rows that stood in the way. They are never deleted.
            let looking = sqlx::query(
                "SELECT realm, kind, id, wrapped IS NULL AS destroyed FROM chancery_keys.keys \
                 JOIN UNNEST($1::bytea[], $2::smallint[], $3::text[]) AS put (realm, kind, id) USING (realm, kind, id)",
            )
            .bind(&realms)
            .bind(&kinds)
            .bind(&ids);
            let standing = ask(&self.0, async |keys| looking.fetch_all(keys).await);
            let standing = standing.await.map_err(failed)?;
            for row in &standing {
                let destroyed: bool = row.try_get("destroyed").map_err(failed)?;
                // What was destroyed since it was inserted counts as destroyed.
                if destroyed {
                    placed.insert(name(row)?, Placed::Destroyed);
                } else {
                    placed.entry(name(row)?).or_insert(Placed::Taken);
                }
            }
        }
        puts.iter()
            .map(|Put { name, .. }| {
                let lost = || KeyError::Corrupt(format!("the {name} was put and is not there"));
                placed.get(name).copied().ok_or_else(lost)
            })
            .collect()
    }
}

#[async_trait]
impl KeyStore for PostgresKeyStore {
    async fn put(&self, name: &KeyName, wrapped: &[u8]) -> Result<bool, KeyError> {
        self.puts.put(name, wrapped).await
    }

    async fn get(&self, name: &KeyName) -> Result<Option<Vec<u8>>, KeyError> {
        let question = sqlx::query_scalar(
            "SELECT wrapped FROM chancery_keys.keys WHERE realm = $1 AND kind = $2 AND id = $3",
        )
        .bind(realm(name))
        .bind(kind(name))
        .bind(&name.id);
        let wrapped: Option<Option<Vec<u8>>> =
            ask(&self.pool, async |keys| question.fetch_optional(keys).await)
                .await
                .map_err(failed)?;
        Ok(wrapped.flatten())
    }

    async fn destroy(&self, names: &[KeyName], at: Timestamp) -> Result<(), KeyError> {
        if names.is_empty() {
            return Ok(());
        }
        let (realms, kinds, ids) = columns(names);
        let count = i64::try_from(names.len()).unwrap_or(i64::MAX);
        // Held until the commit: the next destruction gets its numbers when these are to be seen.
        let numbering = sqlx::query_scalar::<_, i64>(
            "UPDATE chancery_keys.store SET destructions = destructions + $1 RETURNING destructions",
        )
        .bind(count);
        let destroying = sqlx::query(
            "INSERT INTO chancery_keys.keys (realm, kind, id, destroyed_at, number) \
             SELECT realm, kind, id, $4, $5 + 1 - row_number() OVER (ORDER BY realm, kind, id) \
                 FROM (SELECT DISTINCT * FROM UNNEST($1::bytea[], $2::smallint[], $3::text[]) AS each (realm, kind, id)) \
                 AS name ORDER BY realm, kind, id COLLATE \"C\" \
             ON CONFLICT (realm, kind, id) DO UPDATE \
             SET wrapped = NULL, destroyed_at = excluded.destroyed_at, number = excluded.number \
             WHERE keys.destroyed_at IS NULL",
        )
        .bind(&realms)
        .bind(&kinds)
        .bind(&ids)
        .bind(at.0);
        let destroyed = ask(&self.pool, async |keys| {
            let mut change = keys.begin().await?;
            let last = numbering.fetch_one(&mut *change).await?;
            destroying.bind(last).execute(&mut *change).await?;
            change.commit().await
        });
        destroyed.await.map_err(failed)
    }

    async fn destroyed(&self, name: &KeyName) -> Result<bool, KeyError> {
        let question = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM chancery_keys.keys \
             WHERE realm = $1 AND kind = $2 AND id = $3 AND destroyed_at IS NOT NULL)",
        )
        .bind(realm(name))
        .bind(kind(name))
        .bind(&name.id);
        let answer = ask(&self.pool, async |keys| question.fetch_one(keys).await);
        answer.await.map_err(failed)
    }

    async fn last_destruction(&self) -> Result<i64, KeyError> {
        let question = sqlx::query_scalar("SELECT destructions FROM chancery_keys.store");
        let answer = ask(&self.pool, async |keys| question.fetch_one(keys).await);
        answer.await.map_err(failed)
    }

    async fn destroyed_between(&self, after: i64, up_to: i64) -> Result<Vec<KeyName>, KeyError> {
        let question = sqlx::query(
            "SELECT realm, kind, id FROM chancery_keys.keys WHERE number > $1 AND number <= $2 ORDER BY number",
        )
        .bind(after)
        .bind(up_to);
        let destroyed = ask(&self.pool, async |keys| question.fetch_all(keys).await);
        destroyed.await.map_err(failed)?.iter().map(name).collect()
    }

    async fn check_value(&self) -> Result<Option<Vec<u8>>, KeyError> {
        let question = sqlx::query_scalar("SELECT check_value FROM chancery_keys.store");
        let answer = ask(&self.pool, async |keys| question.fetch_one(keys).await);
        answer.await.map_err(failed)
    }

    async fn put_check_value(&self, value: &[u8]) -> Result<(), KeyError> {
        let change = sqlx::query("UPDATE chancery_keys.store SET check_value = $1 WHERE check_value IS NULL");
        let changed = ask(&self.pool, async |keys| change.bind(value).execute(keys).await);
        changed.await.map_err(failed).map(drop)
    }

    fn connections(&self) -> Connections {
        Connections::of(&self.pool)
    }

    async fn close(&self) {
        self.puts.close().await;
        postgres::close(&self.pool).await;
    }
}

fn realm(name: &KeyName) -> &[u8] {
    name.realm.0.as_bytes()
}

fn kind(name: &KeyName) -> i16 {
    i16::from(name.kind.code())
}

fn columns<'a>(names: impl IntoIterator<Item = &'a KeyName>) -> (Vec<&'a [u8]>, Vec<i16>, Vec<&'a str>) {
    let (mut realms, mut kinds, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        realms.push(realm(name));
        kinds.push(kind(name));
        ids.push(name.id.as_str());
    }
    (realms, kinds, ids)
}

fn name(row: &PgRow) -> Result<KeyName, KeyError> {
    let realm: &[u8] = row.try_get("realm").map_err(failed)?;
    let kind: i16 = row.try_get("kind").map_err(failed)?;
    let unknown = || KeyError::Corrupt("the key store holds a name that cannot be".to_owned());
    Ok(KeyName {
        realm: RealmId(Uuid::from_slice(realm).map_err(|_| unknown())?),
        kind: u8::try_from(kind)
            .ok()
            .and_then(KeyKind::from_code)
            .ok_or_else(unknown)?,
        id: row.try_get("id").map_err(failed)?,
    })
}

/// What is done before there is a pool has the same bound.
async fn bounded<T>(work: impl Future<Output = Result<T, KeyError>>) -> Result<T, KeyError> {
    answered(ANSWER, async { Ok(work.await) }).await.map_err(failed)?
}

fn refused(why: &str) -> KeyError {
    KeyError::Refused(why.to_owned())
}

/// The server's messages name tables and columns, never what is bound to a statement.
fn failed(error: sqlx::Error) -> KeyError {
    /// The class of what is not there, not ours or not understood; and a transaction that may not write.
    const REFUSED: [&str; 2] = ["42", "25006"];
    const DAMAGED: [&str; 2] = ["XX001", "XX002"];
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    let is = |codes: [&str; 2]| {
        code.as_deref()
            .is_some_and(|code| codes.iter().any(|begin| code.starts_with(begin)))
    };
    if let sqlx::Error::Configuration(why) = &error {
        KeyError::Refused(format!("the key store: {why}"))
    } else if is(DAMAGED) {
        KeyError::Corrupt(format!("the key store's tables are damaged: {error}"))
    } else if is(REFUSED) {
        KeyError::Refused(error.to_string())
    } else {
        KeyError::Unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests;
