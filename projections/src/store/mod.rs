//! One generation's rows, on whichever engine. Rows and the cursors that they stand at are written in one transaction, so
//! that a generation tells the truth about itself whenever it is cut off.
//!
//! The rule: changes are written only where the cursors stand as they were read, whoever else believes to be the runner.

mod dialect;
pub mod postgres;
mod select;
mod session;
pub mod sqlite;
#[cfg(test)]
mod tests;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use events::{
    connections::Connections,
    ids::RealmId,
    subject::{Lane, Stream},
};
use sqlx::{ColumnIndex, Decode, Type};
use uuid::Uuid;

use dialect::Dialect;
pub use select::{Select, containing, with_a_line};

use crate::{
    cell::{ColumnType, Value},
    reads::ReadError,
    rows::Changes,
    table::{Column, Key, Record, Row, Table, record},
};

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

record! {
    /// How many events a projection has applied: a sum over its cursors, stored nowhere.
    struct AppliedRow in "cursors"
    key {
        /// The projection's name.
        projection: String,
    }
    row {
        /// How many.
        events: u64,
    }
    indexes []
}

/// The statements that make all tables of a new generation.
fn ddl(dialect: Dialect, tables: &[&'static Table]) -> Vec<String> {
    let own = [CursorRow::table(), GenerationRow::table()];
    let tables = tables.iter().chain(&own);
    tables.map(|table| dialect.create(table)).collect()
}

/// The statements that make their indexes.
fn indexes(tables: &[&'static Table]) -> Vec<String> {
    tables.iter().flat_map(|table| dialect::index(table)).collect()
}

/// What decides about the shape of tables, on every engine.
pub fn shape(tables: &[&'static Table]) -> String {
    let dialects = [Dialect::Sqlite, Dialect::Postgres];
    let tables_of = dialects.map(|dialect| ddl(dialect, tables));
    let all: Vec<_> = tables_of.into_iter().flatten().chain(indexes(tables)).collect();
    all.join("\n")
}

/// What an engine does with the rows of one generation.
#[async_trait]
trait Engine: std::fmt::Debug + Send + Sync {
    /// The rows of a table that a statement asks for.
    async fn ask(&self, sql: String, args: &[Value], table: &'static Table) -> Result<Vec<Row>, ReadError>;

    /// Those of these rows that there are, as anybody may ask.
    async fn find(&self, keys: &BTreeSet<Key>) -> Result<Vec<(Key, Row)>, ReadError>;

    /// Whether this node writes: takes the place of the one who does if it is free. Asked at least once a second.
    async fn lead(&self) -> Result<bool, ReadError>;

    /// Leaves the place to others.
    async fn step_down(&self);

    /// Writes from now on, whoever else does: as one who has not noticed yet that the place was lost.
    #[cfg(test)]
    async fn usurp(&self);

    /// Those of these rows that there are. Only for the one who writes.
    async fn load(&self, keys: &BTreeSet<Key>) -> Result<Vec<(Key, Row)>, ReadError>;

    /// Writes changes and moves cursors: all or nothing.
    async fn write(&self, changes: &Changes, moves: &[CursorMove]) -> Result<(), ReadError>;

    /// Sees to it that the generation is not deleted by another node.
    async fn hold(&self) -> Result<(), ReadError>;

    /// Writes hastily from now on: nobody is served, and what is lost is built anew.
    async fn hurry(&self) -> Result<(), ReadError>;

    /// Ends that: what was written is there to stay, and has its indexes.
    async fn finish(&self, indexes: Vec<String>) -> Result<(), ReadError>;

    /// Waits for the statements under way and closes.
    async fn close(&self);

    /// The connections of its pools.
    fn connections(&self) -> Connections;
}

/// The rows of one generation.
#[derive(Debug)]
pub struct Store(Box<dyn Engine>);

impl Store {
    /// The rows that a question asks for.
    pub async fn select<R: Record>(&self, select: &Select<R>) -> Result<Vec<R>, ReadError> {
        let rows = self.0.ask(select.sql(), &select.args, R::table()).await?;
        rows.iter()
            .map(|row| R::from_row(row).map_err(ReadError::Malformed))
            .collect()
    }

    /// All rows of a table in the order of their keys.
    pub async fn dump(&self, table: &'static Table) -> Result<Vec<Row>, ReadError> {
        self.0.ask(dialect::dump(table), &[], table).await
    }

    /// Whether this node is the one who writes: it takes the place if it is free, and must ask at least once a second to
    /// keep it. Files have one node, which always is.
    pub async fn lead(&self) -> Result<bool, ReadError> {
        self.0.lead().await
    }

    /// Leaves the place of the one who writes to others.
    pub async fn step_down(&self) {
        self.0.step_down().await;
    }

    /// Writes from now on, whoever else does: as one who has not noticed yet that the place was lost.
    #[cfg(test)]
    pub async fn usurp(&self) {
        self.0.usurp().await;
    }

    /// Those of these rows that there are. Only for the one who writes.
    pub async fn load(&self, keys: &BTreeSet<Key>) -> Result<Vec<(Key, Row)>, ReadError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.0.load(keys).await
    }

    /// Writes changes and moves cursors, from where the changes were made on to where they lead: all or nothing.
    /// Refused if a cursor stands elsewhere by now: then another runner was at work, and the rows are not those that
    /// the changes were made on.
    pub async fn write(&self, changes: &Changes, moves: &[CursorMove]) -> Result<(), ReadError> {
        self.0.write(changes, moves).await
    }

    /// All cursors.
    pub async fn cursors(&self) -> Result<Vec<CursorRow>, ReadError> {
        self.select(&Select::from()).await
    }

    /// Those of these rows, all of one table, that there are, as anybody may ask.
    pub async fn find<R: Record>(&self, keys: &BTreeSet<Key>) -> Result<Vec<R>, ReadError> {
        let found = self.0.find(keys).await?;
        found
            .iter()
            .map(|(_, row)| R::from_row(row).map_err(ReadError::Malformed))
            .collect()
    }

    /// How many events each projection has applied, of all streams together.
    pub async fn applied(&self) -> Result<BTreeMap<String, u64>, ReadError> {
        let rows = self.0.ask(dialect::applied(), &[], AppliedRow::table()).await?;
        let rows = rows
            .iter()
            .map(|row| AppliedRow::from_row(row).map_err(ReadError::Malformed));
        rows.map(|row| row.map(|row| (row.projection, row.events)))
            .collect()
    }

    /// What it was built by.
    pub async fn built_by(&self) -> Result<Option<GenerationRow>, ReadError> {
        Ok(self.select(&Select::from()).await?.pop())
    }

    /// Sees to it that no other node deletes the generation while this one has it open; asked every second.
    pub async fn hold(&self) -> Result<(), ReadError> {
        self.0.hold().await
    }

    /// Writes hastily from now on: so while a generation is built, which nobody is served and which has no indexes yet.
    pub async fn hurry(&self) -> Result<(), ReadError> {
        self.0.hurry().await
    }

    /// Ends that: all that was written is there to stay, and is found by its indexes.
    pub async fn finish(&self, tables: &[&'static Table]) -> Result<(), ReadError> {
        self.0.finish(indexes(tables)).await
    }

    /// The connections of its pools.
    pub fn connections(&self) -> Connections {
        self.0.connections()
    }

    /// Waits for the statements under way and closes. What is asked afterwards is [`ReadError::Closed`].
    pub async fn close(&self) {
        self.0.close().await;
    }
}

fn read_row<R>(row: &R, table: &Table) -> Result<Row, ReadError>
where
    R: sqlx::Row,
    usize: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    let column = |(index, column): (usize, &Column)| {
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
