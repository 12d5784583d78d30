//! What is done with many rows at once on one connection, on whichever engine: loading them, and writing what became of
//! them together with the cursors.
//!
//! The rule: a cursor that stands elsewhere than where it was read is not moved, and then nothing is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use super::{CursorMove, CursorRow, dialect::Dialect};
use crate::{
    cell::Value,
    reads::ReadError,
    rows::Changes,
    table::{Key, Record, Row, Table},
};

/// A connection that takes statements of many rows. The values of each are those of the table's first columns: of all of
/// them, or of the key's.
pub trait Session: Send {
    /// What it understands.
    const DIALECT: Dialect;

    /// In which portions rows are given to it.
    fn portions<T>(rows: &[T]) -> impl Iterator<Item = &[T]> + Send
    where
        T: Sync;

    /// Does something with these rows.
    fn execute(
        &mut self,
        sql: String,
        table: &'static Table,
        rows: &[&[Value]],
    ) -> impl Future<Output = Result<(), ReadError>> + Send;

    /// Finds whole rows of the table by these.
    fn fetch(
        &mut self,
        sql: String,
        table: &'static Table,
        rows: &[&[Value]],
    ) -> impl Future<Output = Result<Vec<Row>, ReadError>> + Send;
}

/// Those of these rows that there are.
pub async fn load<S: Session>(session: &mut S, keys: &BTreeSet<Key>) -> Result<Vec<(Key, Row)>, ReadError> {
    let mut found = Vec::with_capacity(keys.len());
    let keys: Vec<_> = keys.iter().collect();
    for of_table in keys.chunk_by(|one, next| one.table.name == next.table.name) {
        let table = of_table[0].table;
        let values: Vec<_> = of_table.iter().map(|key| key.values.as_slice()).collect();
        for portion in S::portions(&values) {
            let sql = S::DIALECT.load(table, portion.len());
            let rows = session.fetch(sql, table, portion).await?;
            found.extend(rows.into_iter().map(|row| (table.key_of(&row), row)));
        }
    }
    Ok(found)
}

/// Moves cursors and writes changes, in the transaction that the session is in, and which no other writes beside. (On
/// PostgreSQL it is one statement: `whole`.)
pub async fn write<S: Session>(
    session: &mut S,
    changes: &Changes,
    moves: &[CursorMove],
) -> Result<(), ReadError> {
    move_cursors(session, moves).await?;
    for (table, keys) in changes.deletes.values() {
        let values: Vec<_> = keys.iter().map(|key| key.values.as_slice()).collect();
        each_portion(session, table, &values, Dialect::delete).await?;
    }
    for (table, rows) in changes.upserts.values() {
        put(session, table, rows, Dialect::upsert).await?;
    }
    Ok(())
}

/// Writes rows that are not there.
pub async fn insert<S: Session>(
    session: &mut S,
    table: &'static Table,
    rows: &[Row],
) -> Result<(), ReadError> {
    put(session, table, rows, Dialect::insert).await
}

/// Compares where the cursors stand, and moves them. Nobody else writes until the end of the transaction.
async fn move_cursors<S: Session>(session: &mut S, moves: &[CursorMove]) -> Result<(), ReadError> {
    let table = CursorRow::table();
    let keys: Vec<_> = moves.iter().map(|(_, to)| to.key()).collect();
    let values: Vec<_> = keys.iter().map(|key| key.values.as_slice()).collect();
    let mut standing = BTreeMap::new();
    for portion in S::portions(&values) {
        let sql = S::DIALECT.load(table, portion.len());
        let rows = session.fetch(sql, table, portion).await?;
        standing.extend(rows.into_iter().map(|row| (table.key_of(&row), row)));
    }
    let as_left =
        |(from, to): &CursorMove| standing.get(&to.key()) == from.as_ref().map(Record::to_row).as_ref();
    if !moves.iter().all(as_left) {
        return Err(moved_by_another());
    }
    let (old, new): (Vec<_>, Vec<_>) = moves.iter().partition(|(from, _)| from.is_some());
    let rows = |moves: Vec<&CursorMove>| moves.into_iter().map(|(_, to)| to.to_row()).collect::<Vec<_>>();
    put(session, table, &rows(new), Dialect::insert).await?;
    put(session, table, &rows(old), Dialect::upsert).await
}

/// Why nothing was written where a cursor stands elsewhere.
pub fn moved_by_another() -> ReadError {
    ReadError::Unavailable("another runner is at work on these rows".to_owned())
}

async fn put<S: Session>(
    session: &mut S,
    table: &'static Table,
    rows: &[Row],
    sql: fn(Dialect, &Table, usize) -> String,
) -> Result<(), ReadError> {
    let values: Vec<_> = rows.iter().map(Vec::as_slice).collect();
    each_portion(session, table, &values, sql).await
}

async fn each_portion<S: Session>(
    session: &mut S,
    table: &'static Table,
    values: &[&[Value]],
    sql: fn(Dialect, &Table, usize) -> String,
) -> Result<(), ReadError> {
    for portion in S::portions(values) {
        let sql = sql(S::DIALECT, table, portion.len());
        session.execute(sql, table, portion).await?;
    }
    Ok(())
}
