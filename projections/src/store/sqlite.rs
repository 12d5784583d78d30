//! Rows in an SQLite file. The file may lose its last moments (`synchronous=NORMAL`), but never holds half of one: the log
//! has them.

use std::{collections::BTreeSet, path::Path, time::Duration};

use async_trait::async_trait;
use events::connections::Connections;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Sqlite, SqliteConnection, SqlitePool,
    query::Query,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
        SqliteSynchronous,
    },
};

use super::{
    Engine, GenerationRow, Store, ddl,
    dialect::Dialect,
    read_row,
    session::{self, Session},
};
use crate::{
    cell::Value,
    reads::ReadError,
    rows::Changes,
    store::CursorMove,
    table::{Key, Record, Row, Table},
};

/// Connections that read.
const READERS: u32 = 4;
/// How many rows one statement takes at most. Fewer go in statements of a power of two, so that they are prepared once.
const MAX_ROWS: usize = 128;

/// How many rows are read before the first is taken: each time that the reader must wait costs more than to read one.
const ROWS_AHEAD: usize = 1_000;

/// How much is written before it is synced and moved from the journal into the file: 256 MiB while nobody waits for it,
/// else 4 MiB; and how much of the file the writer remembers.
const HASTY: &str = "PRAGMA wal_autocheckpoint = 65536; PRAGMA cache_size = -65536";
const STEADY: &str =
    "PRAGMA wal_autocheckpoint = 1000; PRAGMA cache_size = -2000; PRAGMA wal_checkpoint(TRUNCATE)";

#[derive(Debug)]
struct File {
    /// One connection: there is one runner.
    writer: SqlitePool,
    readers: SqlitePool,
}

/// Makes a file with all tables.
pub async fn make(
    path: &Path,
    tables: &[&'static Table],
    built_by: &GenerationRow,
) -> Result<Store, ReadError> {
    let file = File::open(path, true).await?;
    let mut transaction = file.writer.begin().await?;
    for statement in ddl(Dialect::Sqlite, tables) {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut *transaction)
            .await?;
    }
    session::insert(&mut *transaction, GenerationRow::table(), &[built_by.to_row()]).await?;
    transaction.commit().await?;
    Ok(Store(Box::new(file)))
}

/// Opens a file that there is.
pub async fn open(path: &Path) -> Result<Store, ReadError> {
    Ok(Store(Box::new(File::open(path, false).await?)))
}

impl File {
    async fn open(path: &Path, make: bool) -> Result<Self, ReadError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(make)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(5))
            .disable_statement_logging()
            .row_buffer_size(ROWS_AHEAD)
            .statement_cache_capacity(512);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true))
            .await?;
        Ok(Self { writer, readers })
    }
}

#[async_trait]
impl Engine for File {
    async fn ask(&self, sql: String, args: &[Value], table: &'static Table) -> Result<Vec<Row>, ReadError> {
        let query = bind(sqlx::query(AssertSqlSafe(sql)), args);
        let rows = query.fetch_all(&self.readers).await?;
        rows.iter().map(|row| read_row(row, table)).collect()
    }

    async fn find(&self, keys: &BTreeSet<Key>) -> Result<Vec<(Key, Row)>, ReadError> {
        session::load(&mut *self.readers.acquire().await?, keys).await
    }

    async fn lead(&self) -> Result<bool, ReadError> {
        Ok(true)
    }

    async fn step_down(&self) {}

    #[cfg(test)]
    async fn usurp(&self) {}

    async fn load(&self, keys: &BTreeSet<Key>) -> Result<Vec<(Key, Row)>, ReadError> {
        session::load(&mut *self.writer.acquire().await?, keys).await
    }

    async fn write(&self, changes: &Changes, moves: &[CursorMove]) -> Result<(), ReadError> {
        // Locked from the beginning: what is compared is what is written over.
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        session::write(&mut *transaction, changes, moves).await?;
        Ok(transaction.commit().await?)
    }

    async fn hold(&self) -> Result<(), ReadError> {
        Ok(())
    }

    async fn hurry(&self) -> Result<(), ReadError> {
        let mut writer = self.writer.acquire().await?;
        sqlx::raw_sql(HASTY).execute(&mut *writer).await?;
        Ok(())
    }

    async fn finish(&self, indexes: Vec<String>) -> Result<(), ReadError> {
        let mut writer = self.writer.acquire().await?;
        for statement in indexes {
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&mut *writer)
                .await?;
        }
        sqlx::raw_sql(STEADY).execute(&mut *writer).await?;
        Ok(())
    }

    fn connections(&self) -> Connections {
        Connections::of(&self.writer) + Connections::of(&self.readers)
    }

    async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

impl Session for SqliteConnection {
    const DIALECT: Dialect = Dialect::Sqlite;

    /// Portions whose lengths are powers of two: few different statements, each prepared once.
    fn portions<T: Sync>(mut rest: &[T]) -> impl Iterator<Item = &[T]> + Send {
        std::iter::from_fn(move || {
            let length = 1 << rest.len().checked_ilog2()?;
            let (portion, behind) = rest.split_at(MAX_ROWS.min(length));
            rest = behind;
            Some(portion)
        })
    }

    async fn execute(&mut self, sql: String, _: &'static Table, rows: &[&[Value]]) -> Result<(), ReadError> {
        let values = rows.iter().copied().flatten();
        bind(sqlx::query(AssertSqlSafe(sql)), values)
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
        let values = rows.iter().copied().flatten();
        let found: Vec<SqliteRow> = bind(sqlx::query(AssertSqlSafe(sql)), values)
            .fetch_all(&mut *self)
            .await?;
        found.iter().map(|row| read_row(row, table)).collect()
    }
}

fn bind<'q>(
    query: Query<'q, Sqlite, SqliteArguments>,
    args: impl IntoIterator<Item = &'q Value>,
) -> Query<'q, Sqlite, SqliteArguments> {
    args.into_iter().fold(query, |query, value| match value {
        Value::Null => query.bind(None::<&str>),
        Value::Text(text) => query.bind(text.as_str()),
        Value::Integer(number) => query.bind(*number),
        Value::Bytes(bytes) => query.bind(bytes.as_slice()),
    })
}

#[cfg(test)]
mod tests {
    use sqlx::Row as _;

    use super::*;
    use crate::{audit::AuditRow, auth::SessionRow, store::CursorRow, users::UserRow};

    #[tokio::test]
    async fn rows_are_found_by_their_index_however_many_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let built_by = GenerationRow {
            id: 1,
            shape: String::new(),
            fingerprint: String::new(),
        };
        let path = folder.path().join("gen-1.sqlite");
        make(&path, &[], &built_by).await.unwrap();
        let file = File::open(&path, false).await.unwrap();
        let sql = format!(
            "EXPLAIN QUERY PLAN {}",
            Dialect::Sqlite.load(CursorRow::table(), MAX_ROWS)
        );
        let plan = sqlx::query(AssertSqlSafe(sql))
            .fetch_all(&file.readers)
            .await
            .unwrap();
        assert!(plan.len() > MAX_ROWS);
        assert!(
            plan.iter()
                .all(|step| !step.get::<String, _>("detail").contains("SCAN"))
        );
    }

    #[tokio::test]
    async fn what_is_asked_for_is_found_by_an_index_that_leaves_out_what_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let built_by = GenerationRow {
            id: 1,
            shape: String::new(),
            fingerprint: String::new(),
        };
        let path = folder.path().join("gen-1.sqlite");
        let tables = [AuditRow::table(), UserRow::table(), SessionRow::table()];
        let store = make(&path, &tables, &built_by).await.unwrap();
        store.finish(&tables).await.unwrap();
        let file = File::open(&path, false).await.unwrap();
        for table in tables {
            for (index, statement) in table.indexes.iter().zip(super::super::dialect::index(table)) {
                let (last, equal) = index.split_last().unwrap();
                let equal: Vec<_> = equal.iter().map(|column| format!("{column} = ?")).collect();
                let sql = format!(
                    "EXPLAIN QUERY PLAN {} WHERE {} AND {last} > ? ORDER BY {last} LIMIT 10",
                    super::super::dialect::select(table),
                    equal.join(" AND ")
                );
                let plan = sqlx::query(AssertSqlSafe(sql))
                    .fetch_one(&file.readers)
                    .await
                    .unwrap();
                let plan = plan.get::<String, _>("detail");
                let name = statement.split_whitespace().nth(5).unwrap();
                assert!(plan.contains(&format!("USING INDEX {name} ")), "{plan}");
            }
        }
    }

    #[test]
    fn portions_are_powers_of_two_and_lose_nothing() {
        let items: Vec<_> = (0..300).collect();
        let lengths: Vec<_> = SqliteConnection::portions(&items).map(<[_]>::len).collect();
        assert_eq!(lengths, [128, 128, 32, 8, 4]);
        let all: Vec<_> = SqliteConnection::portions(&items).flatten().copied().collect();
        assert_eq!(all, items);
        assert_eq!(SqliteConnection::portions::<u8>(&[]).count(), 0);
    }
}
