//! Rows in a schema of a PostgreSQL database that several nodes share.
//!
//! The rule: who writes holds the generation's lock on the very session that it writes with, so that whoever loses the
//! session has lost the place; and a generation is deleted only when no session holds it open. A server that falls silent is
//! given up in time, and a standby is not asked.

use std::{collections::BTreeSet, io::ErrorKind, time::Duration};

use async_trait::async_trait;
use events::{
    connections::Connections,
    postgres::{
        self, ANSWER, Database, answered, ask, connect,
        seat::{Seat, Seated, end},
    },
};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool, Postgres,
    postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow},
    query::Query,
};
use tokio::sync::Mutex;

use super::{
    CursorMove, Engine, GenerationRow, Store, ddl,
    dialect::Dialect,
    read_row,
    session::{self, Session},
    whole::{MOVED_BY_ANOTHER, Whole},
};
use crate::{
    cell::{ColumnType, Value},
    reads::ReadError,
    rows::Changes,
    table::{Key, Record, Row, Table},
};

/// Connections that read, of each generation that a node has open.
const READERS: u32 = 8;
/// How long a question waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);
/// A reading session that rested longer is tried before it is used.
const RESTED: Duration = Duration::from_secs(1);

/// How long an index may take to be made.
const INDEX: Duration = Duration::from_hours(1);
/// A commit that waits for the disk, and takes all before it along; and that the next ones do not wait.
const STEADY: [&str; 2] = [
    "SET synchronous_commit = on; RESET statement_timeout; UPDATE generation SET id = id",
    "SET synchronous_commit = off",
];

/// The first half of an advisory lock's name; the second is the generation. They are the database's own: other programs
/// are unlikely to have them.
pub mod locks {
    /// Shared by those who have a generation open; taken by the one who deletes it.
    pub const OPEN: i32 = 0x4348_5231;
    /// Held by the one who writes a generation.
    pub const WRITE: i32 = 0x4348_5232;
    /// Held by the one who builds a new generation (0), or makes the pointer (1).
    pub const BUILD: i32 = 0x4348_5233;
}

/// The schema of a generation.
pub fn schema(number: u64) -> String {
    format!("chancery_read_{number}")
}

/// A generation's number as the second half of a lock's name.
pub fn lock_name(number: u64) -> Result<i32, ReadError> {
    i32::try_from(number).map_err(|_| ReadError::Malformed("the number of a generation"))
}

struct Schema {
    number: i32,
    options: PgConnectOptions,
    readers: PgPool,
    /// The session that keeps the generation from being deleted.
    holder: Mutex<Option<PgConnection>>,
    /// Whoever has it writes.
    writer: Seat,
}

/// Without the options, which know the password.
impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Schema")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Makes a schema with all tables.
pub async fn make(
    database: &Database,
    number: u64,
    tables: &[&'static Table],
    built_by: &GenerationRow,
) -> Result<Store, ReadError> {
    let made = Schema::open(database, number).await?;
    let mut connection = connect(&made.options).await?;
    answered(ANSWER, async {
        let mut transaction = connection.begin().await?;
        let name = schema(number);
        let statements =
            std::iter::once(format!("CREATE SCHEMA {name}")).chain(ddl(Dialect::Postgres, tables));
        for statement in statements {
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&mut *transaction)
                .await?;
        }
        session::insert(&mut *transaction, GenerationRow::table(), &[built_by.to_row()]).await?;
        Ok::<_, ReadError>(transaction.commit().await?)
    })
    .await?;
    end(connection).await;
    Ok(Store(Box::new(made)))
}

/// Opens a schema, which is not deleted from then on. Whether it was there is for the first question to find out.
pub async fn open(database: &Database, number: u64) -> Result<Store, ReadError> {
    Ok(Store(Box::new(Schema::open(database, number).await?)))
}

impl Schema {
    async fn open(database: &Database, number: u64) -> Result<Self, ReadError> {
        let options = database.options("reads").options([
            ("search_path", schema(number).as_str()),
            ("synchronous_commit", "on"),
        ]);
        // Rows are asked for by their keys alone: whatever statistics say of a table that has just been filled, the way
        // is its index.
        //
        // Nor does a commit wait for the disk: rows and cursor are one commit, and what a server that crashes loses of the
        // last moments is applied again. What must not be lost is the pointer, whose commit takes all before it along.
        let writing = options.clone().options([
            ("synchronous_commit", "off"),
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
        ]);
        let number = lock_name(number)?;
        let opened = Self {
            number,
            readers: PgPoolOptions::new()
                .max_connections(READERS)
                .acquire_timeout(ACQUIRE)
                // A standby may lag behind what those who ask were told.
                .after_connect(|session, _| Box::pin(postgres::fit(session)))
                .test_before_acquire(false)
                .before_acquire(|session, past| {
                    Box::pin(async move {
                        if past.idle_for > RESTED {
                            session.ping().await?;
                        }
                        Ok(true)
                    })
                })
                .connect_lazy_with(options.clone()),
            options,
            holder: Mutex::new(None),
            writer: Seat::new(writing, (locks::WRITE, number)),
        };
        opened.hold().await?;
        Ok(opened)
    }

    /// The session of the one who writes.
    async fn session(&self) -> Result<Seated<'_>, ReadError> {
        let seated = self.writer.take().await;
        seated.ok_or_else(|| ReadError::Unavailable("this node does not write".to_owned()))
    }
}

#[async_trait]
impl Engine for Schema {
    async fn ask(&self, sql: String, args: &[Value], table: &'static Table) -> Result<Vec<Row>, ReadError> {
        // A session that was in use a moment ago is not tried before it is used: one that was lost since is found out here.
        for _ in 0..READERS {
            let query = bind(sqlx::query(AssertSqlSafe(sql.clone())), args);
            match ask(&self.readers, async |session| query.fetch_all(session).await).await {
                Err(error) if is_lost(&error) => {}
                rows => return rows?.iter().map(|row| read_row(row, table)).collect(),
            }
        }
        let query = bind(sqlx::query(AssertSqlSafe(sql)), args);
        let rows = ask(&self.readers, async |session| query.fetch_all(session).await).await?;
        rows.iter().map(|row| read_row(row, table)).collect()
    }

    async fn find(&self, keys: &BTreeSet<Key>) -> Result<Vec<(Key, Row)>, ReadError> {
        ask(&self.readers, async |session| session::load(session, keys).await).await
    }

    async fn lead(&self) -> Result<bool, ReadError> {
        Ok(self.writer.lead().await?)
    }

    async fn step_down(&self) {
        self.writer.step_down().await;
    }

    #[cfg(test)]
    async fn usurp(&self) {
        self.writer.usurp().await.unwrap();
    }

    async fn load(&self, keys: &BTreeSet<Key>) -> Result<Vec<(Key, Row)>, ReadError> {
        let mut seated = self.session().await?;
        let found = answered(ANSWER, session::load(&mut seated.session, keys)).await?;
        seated.keep();
        Ok(found)
    }

    async fn write(&self, changes: &Changes, moves: &[CursorMove]) -> Result<(), ReadError> {
        let mut seated = self.session().await?;
        let (sql, args) = Whole::new(changes, moves).into_parts();
        let statement = args
            .iter()
            .fold(sqlx::query(AssertSqlSafe(sql)), |statement, array| {
                bind_array(statement, array.kind, array.values.iter())
            });
        match answered(ANSWER, statement.execute(&mut seated.session)).await {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(MOVED_BY_ANOTHER) => {
                Err(session::moved_by_another())
            }
            outcome => {
                outcome?;
                seated.keep();
                Ok(())
            }
        }
    }

    async fn hold(&self) -> Result<(), ReadError> {
        let mut holder = self.holder.lock().await;
        if let Some(mut session) = holder.take()
            && answered(ANSWER, session.ping()).await.is_ok()
        {
            *holder = Some(session);
            return Ok(());
        }
        let mut session = connect(&self.options).await?;
        let lock = sqlx::query("SELECT pg_advisory_lock_shared($1, $2)")
            .bind(locks::OPEN)
            .bind(self.number);
        answered(ANSWER, lock.execute(&mut session)).await?;
        *holder = Some(session);
        Ok(())
    }

    /// It always does.
    async fn hurry(&self) -> Result<(), ReadError> {
        Ok(())
    }

    /// Whoever writes meanwhile waits.
    async fn finish(&self, indexes: Vec<String>) -> Result<(), ReadError> {
        // One that was lost took the place along; who comes next with this one asks for it.
        let mut seated = self.writer.session().await?;
        let patience = format!("SET statement_timeout = '{}s'", INDEX.as_secs());
        for statement in std::iter::once(patience).chain(indexes) {
            let order = sqlx::raw_sql(AssertSqlSafe(statement));
            answered(INDEX, order.execute(&mut seated.session)).await?;
        }
        for statement in STEADY {
            answered(ANSWER, sqlx::raw_sql(statement).execute(&mut seated.session)).await?;
        }
        seated.keep();
        Ok(())
    }

    fn connections(&self) -> Connections {
        Connections::of(&self.readers)
    }

    async fn close(&self) {
        self.step_down().await;
        postgres::close(&self.readers).await;
        if let Some(session) = self.holder.lock().await.take() {
            end(session).await;
        }
    }
}

/// Whether it is the session that was lost, and not the question that was wrong.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        // One that is silent would be given up once more by the next question.
        sqlx::Error::Io(error) => error.kind() != ErrorKind::TimedOut,
        // The server is shut down, crashed, or starts; an operator ended the session.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => false,
    }
}

impl Session for PgConnection {
    const DIALECT: Dialect = Dialect::Postgres;

    /// All at once: an array has room for them.
    fn portions<T: Sync>(rows: &[T]) -> impl Iterator<Item = &[T]> + Send {
        (!rows.is_empty()).then_some(rows).into_iter()
    }

    async fn execute(
        &mut self,
        sql: String,
        table: &'static Table,
        rows: &[&[Value]],
    ) -> Result<(), ReadError> {
        bind_arrays(sqlx::query(AssertSqlSafe(sql)), table, rows)
            .execute(&mut *self)
            .await?;
        Ok(())
    }

    async fn fetch(
        &mut self,
        sql: String,
        table: &'static Table,
        rows: &[&[Value]],
    ) -> Result<Vec<Row>, ReadError> {
        let found: Vec<PgRow> = bind_arrays(sqlx::query(AssertSqlSafe(sql)), table, rows)
            .fetch_all(&mut *self)
            .await?;
        found.iter().map(|row| read_row(row, table)).collect()
    }
}

type Statement<'q> = Query<'q, Postgres, PgArguments>;

fn bind<'q>(query: Statement<'q>, args: impl IntoIterator<Item = &'q Value>) -> Statement<'q> {
    args.into_iter().fold(query, |query, value| match value {
        Value::Null => query.bind(None::<&str>),
        Value::Text(text) => query.bind(text_of(text)),
        Value::Integer(number) => query.bind(*number),
        Value::Bytes(bytes) => query.bind(bytes.as_slice()),
    })
}

/// One array for each column of the rows.
fn bind_arrays<'q>(query: Statement<'q>, table: &Table, rows: &[&'q [Value]]) -> Statement<'q> {
    let width = rows.first().map_or(0, |row| row.len());
    let columns = table.columns.iter().take(width).enumerate();
    columns.fold(query, |query, (index, column)| {
        bind_array(query, column.kind, rows.iter().map(|row| &row[index]))
    })
}

/// The values of one column.
fn bind_array<'q>(
    query: Statement<'q>,
    kind: ColumnType,
    values: impl Iterator<Item = &'q Value>,
) -> Statement<'q> {
    match kind {
        ColumnType::Text => query.bind(
            values
                .map(|value| match value {
                    Value::Text(text) => Some(text_of(text)),
                    _ => None,
                })
                .collect::<Vec<_>>(),
        ),
        ColumnType::Integer => query.bind(
            values
                .map(|value| match value {
                    Value::Integer(number) => Some(*number),
                    _ => None,
                })
                .collect::<Vec<_>>(),
        ),
        ColumnType::Bytes => query.bind(
            values
                .map(|value| match value {
                    Value::Bytes(bytes) => Some(bytes.as_slice()),
                    _ => None,
                })
                .collect::<Vec<_>>(),
        ),
    }
}

/// The one character that PostgreSQL's text cannot hold is shown as one that cannot be shown. No rule lets it into a name;
/// a search may still ask for it.
fn text_of(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}").into()
    } else {
        text.into()
    }
}
