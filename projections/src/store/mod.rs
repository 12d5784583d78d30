//! One generation's rows on an engine; today an SQLite file. Rows and the cursors that they stand at are written in
//! one transaction, so that a file tells the truth about itself whenever it is cut off. It may lose its last moments
//! (`synchronous=NORMAL`): the log has them.

mod dialect;
mod select;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

use events::{
    ids::RealmId,
    subject::{Lane, Stream},
};
use sqlx::{
    AssertSqlSafe, Row as _, Sqlite, SqliteConnection, SqlitePool,
    query::Query,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
        SqliteSynchronous,
    },
};
use uuid::Uuid;

pub use dialect::create as ddl;
pub use select::{Select, containing};

use crate::{
    cell::{ColumnType, Value},
    reads::ReadError,
    rows::Changes,
    table::{Key, Record, Row, Table, record},
};

/// Connections that read.
const READERS: u32 = 4;

record! {
    /// How far a projection has read a stream.
    pub struct CursorRow in "cursors"
    key {
        /// The projection's name.
        projection: String,
        /// The stream's realm.
        realm: RealmId,
        /// The stream's lane.
        lane: Lane,
    }
    row {
        /// The incarnation of the log that wrote the event.
        incarnation: Uuid,
        /// The last seq applied.
        seq: u64,
        /// The leaf hash of that event's entry.
        leaf_hash: Vec<u8>,
    }
    indexes []
}

impl CursorRow {
    pub fn stream(&self) -> Stream {
        Stream {
            realm: self.realm,
            lane: self.lane,
        }
    }
}

/// A cursor where it stood, if it did, and where it goes.
pub type CursorMove = (Option<CursorRow>, CursorRow);

record! {
    /// What a generation was built by.
    pub struct GenerationRow in "generation"
    key {
        /// Always 1.
        id: u64,
    }
    row {
        /// A digest of all tables: what has another cannot be queried.
        shape: String,
        /// A digest of all tables and of the projections' versions: what has another must be built anew.
        fingerprint: String,
    }
    indexes []
}

/// The rows of one generation.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// One connection: there is one runner.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Store {
    /// Opens the file, or makes it, with all tables.
    pub async fn open(path: &Path, tables: &[&'static Table]) -> Result<Self, ReadError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(5))
            .statement_cache_capacity(512);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        let mut transaction = writer.begin().await?;
        for table in tables.iter().chain(&[CursorRow::table(), GenerationRow::table()]) {
            for statement in dialect::create(table) {
                sqlx::query(AssertSqlSafe(statement))
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        transaction.commit().await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.read_only(true))
            .await?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            readers,
        })
    }

    /// The rows that a question asks for.
    pub async fn select<R: Record>(&self, select: &Select<R>) -> Result<Vec<R>, ReadError> {
        let query = bind(sqlx::query(AssertSqlSafe(select.sql())), &select.args);
        let rows = query.fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| R::from_row(&read(row, R::table())?).map_err(ReadError::Malformed))
            .collect()
    }

    /// All rows of a table in the order of their keys.
    pub async fn dump(&self, table: &'static Table) -> Result<Vec<Row>, ReadError> {
        let rows = sqlx::query(AssertSqlSafe(dialect::dump(table)))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| read(row, table)).collect()
    }

    /// Those of these rows that there are. Only for the one who writes.
    pub async fn load(&self, keys: &BTreeSet<Key>) -> Result<Vec<(Key, Row)>, ReadError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        load(&mut *self.writer.acquire().await?, keys).await
    }

    /// Writes changes and moves cursors, from where the changes were made on to where they lead: all or nothing.
    /// Refused if a cursor stands elsewhere by now: then another runner was at work, and the rows are not those that
    /// the changes were made on.
    pub async fn write(&self, changes: &Changes, moves: &[CursorMove]) -> Result<(), ReadError> {
        // Locked from the beginning: what is compared is what is written over.
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let standing: BTreeMap<_, _> =
            load(&mut transaction, &moves.iter().map(|(_, to)| to.key()).collect())
                .await?
                .into_iter()
                .collect();
        let as_left =
            |(from, to): &CursorMove| standing.get(&to.key()) == from.as_ref().map(Record::to_row).as_ref();
        if !moves.iter().all(as_left) {
            return Err(ReadError::Unavailable(
                "another runner is at work on these rows".to_owned(),
            ));
        }
        for (table, keys) in changes.deletes.values() {
            for chunk in chunks(keys) {
                let sql = dialect::delete(table, chunk.len());
                let args = chunk.iter().flat_map(|key| &key.values);
                bind(sqlx::query(AssertSqlSafe(sql)), args)
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        for (table, rows) in changes.upserts.values() {
            upsert(&mut transaction, table, rows).await?;
        }
        let cursors: Vec<_> = moves.iter().map(|(_, to)| to.to_row()).collect();
        upsert(&mut transaction, CursorRow::table(), &cursors).await?;
        Ok(transaction.commit().await?)
    }

    /// What it was built by, if it was told.
    pub async fn built_by(&self) -> Result<Option<GenerationRow>, ReadError> {
        Ok(self.select(&Select::from()).await?.pop())
    }

    /// Tells what it is built by.
    pub async fn set_built_by(&self, row: &GenerationRow) -> Result<(), ReadError> {
        let mut connection = self.writer.acquire().await?;
        upsert(&mut connection, GenerationRow::table(), &[row.to_row()]).await
    }

    /// Waits for the statements under way and closes. What is asked afterwards is [`ReadError::Closed`].
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Closes and deletes the file.
    pub async fn delete(&self) {
        self.close().await;
        remove(&self.path);
    }
}

/// Deletes a file and what SQLite keeps beside it. What cannot be deleted now is deleted at the next start.
pub fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, file = %name.display(), "an old read model cannot be deleted");
            }
            _ => {}
        }
    }
}

async fn load(connection: &mut SqliteConnection, keys: &BTreeSet<Key>) -> Result<Vec<(Key, Row)>, ReadError> {
    let mut found = Vec::with_capacity(keys.len());
    let keys: Vec<_> = keys.iter().collect();
    for of_table in keys.chunk_by(|one, next| one.table.name == next.table.name) {
        let table = of_table[0].table;
        for chunk in chunks(of_table) {
            let sql = dialect::load(table, chunk.len());
            let args = chunk.iter().flat_map(|key| &key.values);
            for row in bind(sqlx::query(AssertSqlSafe(sql)), args)
                .fetch_all(&mut *connection)
                .await?
            {
                let row = read(&row, table)?;
                found.push((table.key_of(&row), row));
            }
        }
    }
    Ok(found)
}

async fn upsert(connection: &mut SqliteConnection, table: &Table, rows: &[Row]) -> Result<(), ReadError> {
    for chunk in chunks(rows) {
        let sql = dialect::upsert(table, chunk.len());
        bind(sqlx::query(AssertSqlSafe(sql)), chunk.iter().flatten())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Slices whose lengths are powers of two: few different statements, each prepared once.
fn chunks<T>(mut rest: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = 1 << rest.len().checked_ilog2()?;
        let (chunk, behind) = rest.split_at(dialect::MAX_ROWS.min(length));
        rest = behind;
        Some(chunk)
    })
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

fn read(row: &SqliteRow, table: &Table) -> Result<Row, ReadError> {
    let column = |(index, column): (usize, &crate::table::Column)| {
        Ok(match column.kind {
            ColumnType::Text => row.try_get::<Option<String>, _>(index)?.map(Value::Text),
            ColumnType::Integer => row.try_get::<Option<i64>, _>(index)?.map(Value::Integer),
            ColumnType::Bytes => row.try_get::<Option<Vec<u8>>, _>(index)?.map(Value::Bytes),
        }
        .unwrap_or(Value::Null))
    };
    table.columns.iter().enumerate().map(column).collect()
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolClosed => ReadError::Closed,
            error => ReadError::Unavailable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(seq: u64) -> CursorRow {
        CursorRow {
            projection: "users".to_owned(),
            realm: RealmId::SYSTEM,
            lane: Lane::Facts,
            incarnation: Uuid::nil(),
            seq,
            leaf_hash: vec![7; 32],
        }
    }

    async fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("gen-1.sqlite"), &[])
            .await
            .unwrap();
        (folder, store)
    }

    #[tokio::test]
    async fn two_runners_never_write_over_one_another() {
        let (_folder, store) = store().await;
        store
            .write(&Changes::default(), &[(None, cursor(5))])
            .await
            .unwrap();
        assert!(
            store
                .write(&Changes::default(), &[(None, cursor(3))])
                .await
                .is_err()
        );
        assert!(
            store
                .write(&Changes::default(), &[(Some(cursor(4)), cursor(6))])
                .await
                .is_err()
        );
        store
            .write(&Changes::default(), &[(Some(cursor(5)), cursor(6))])
            .await
            .unwrap();
        assert_eq!(
            store.select(&Select::<CursorRow>::from()).await.unwrap(),
            [cursor(6)]
        );
    }

    #[tokio::test]
    async fn rows_are_found_by_their_index_however_many_are_asked_for() {
        let (_folder, store) = store().await;
        let sql = format!(
            "EXPLAIN QUERY PLAN {}",
            dialect::load(CursorRow::table(), dialect::MAX_ROWS)
        );
        let plan = sqlx::query(AssertSqlSafe(sql))
            .fetch_all(&store.readers)
            .await
            .unwrap();
        assert!(plan.len() > dialect::MAX_ROWS);
        assert!(
            plan.iter()
                .all(|step| !step.get::<String, _>("detail").contains("SCAN"))
        );
    }

    #[test]
    fn chunks_are_powers_of_two_and_lose_nothing() {
        let items: Vec<_> = (0..300).collect();
        let lengths: Vec<_> = chunks(&items).map(<[_]>::len).collect();
        assert_eq!(lengths, [128, 128, 32, 8, 4]);
        assert_eq!(chunks(&items).flatten().copied().collect::<Vec<_>>(), items);
        assert_eq!(chunks::<u8>(&[]).count(), 0);
    }
}
