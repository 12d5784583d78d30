//! The SQL text of the read models: here alone is what an engine may want differently. Names and conditions come from
//! our own source, never from a request; values are always bound.
//!
//! Multi-row statements number nothing (`?`): sqlx looks numbered parameters up one by one in each other, which is
//! quadratic. Everything else is `$1`.

use std::fmt::Write;

use crate::{
    cell::ColumnType,
    table::{Column, Table},
};

/// How many rows one statement takes at most. Fewer go in statements of a power of two, so that they are prepared once.
pub const MAX_ROWS: usize = 128;

const fn column_type(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "TEXT",
        ColumnType::Integer => "BIGINT",
        ColumnType::Bytes => "BLOB",
    }
}

fn names<'a>(columns: impl IntoIterator<Item = &'a Column>) -> String {
    columns
        .into_iter()
        .map(|column| column.name)
        .collect::<Vec<_>>()
        .join(", ")
}

/// `rows` groups of `columns` placeholders.
fn groups(columns: usize, rows: usize) -> String {
    let group = format!("({})", vec!["?"; columns].join(", "));
    vec![group; rows].join(", ")
}

/// The statements that make a table and its indexes.
pub fn create(table: &Table) -> Vec<String> {
    let mut sql = format!("CREATE TABLE IF NOT EXISTS {} (", table.name);
    for column in table.columns {
        let null = if column.key { " NOT NULL" } else { "" };
        let _ = write!(sql, "{} {}{null}, ", column.name, column_type(column.kind));
    }
    let _ = write!(sql, "PRIMARY KEY ({}))", names(table.key_columns()));
    let indexes = table.indexes.iter().map(|columns| {
        let name = format!("{}_by_{}", table.name, columns.join("_"));
        format!(
            "CREATE INDEX IF NOT EXISTS {name} ON {} ({})",
            table.name,
            columns.join(", ")
        )
    });
    std::iter::once(sql).chain(indexes).collect()
}

/// Writes `rows` rows; a row that is there is replaced.
pub fn upsert(table: &Table, rows: usize) -> String {
    let sets = table.columns.iter().filter(|column| !column.key);
    let sets = sets
        .map(|column| format!("{0} = excluded.{0}", column.name))
        .collect::<Vec<_>>()
        .join(", ");
    format!(
        "INSERT INTO {} ({}) VALUES {} ON CONFLICT ({}) DO UPDATE SET {sets}",
        table.name,
        names(table.columns),
        groups(table.columns.len(), rows),
        names(table.key_columns()),
    )
}

/// Deletes the rows of `keys` keys.
pub fn delete(table: &Table, keys: usize) -> String {
    format!("DELETE FROM {} WHERE {}", table.name, in_keys(table, keys))
}

/// Reads the rows of `keys` keys.
pub fn load(table: &Table, keys: usize) -> String {
    format!("{} WHERE {}", select(table), in_keys(table, keys))
}

/// Reads rows; a condition may follow.
pub fn select(table: &Table) -> String {
    format!("SELECT {} FROM {}", names(table.columns), table.name)
}

/// Reads all rows in the order of their keys: what "rebuilt equals live" compares.
pub fn dump(table: &Table) -> String {
    format!("{} ORDER BY {}", select(table), names(table.key_columns()))
}

/// Spelt out, since SQLite finds no index for `(a, b) IN (VALUES …)` and reads the whole table.
fn in_keys(table: &Table, keys: usize) -> String {
    let columns: Vec<_> = table
        .key_columns()
        .map(|column| format!("{} = ?", column.name))
        .collect();
    vec![format!("({})", columns.join(" AND ")); keys].join(" OR ")
}

/// `?` by `?` into `$first`, `$first + 1`, …
pub fn numbered(condition: &str, first: usize) -> String {
    let mut parts = condition.split('?');
    let mut sql = parts.next().unwrap_or_default().to_owned();
    for (index, part) in parts.enumerate() {
        let _ = write!(sql, "${}{part}", first + index);
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Record, record};

    record! {
        /// A row for tests.
        struct Pair in "pair"
        key {
            /// One half.
            a: String,
            /// The other.
            b: u64,
        }
        row {
            /// Something.
            c: Vec<u8>,
        }
        indexes [["b", "c"]]
    }

    #[test]
    fn statements_are_as_both_engines_take_them() {
        let table = Pair::table();
        assert_eq!(
            create(table),
            [
                "CREATE TABLE IF NOT EXISTS pair (a TEXT NOT NULL, b BIGINT NOT NULL, c BLOB, PRIMARY KEY (a, b))",
                "CREATE INDEX IF NOT EXISTS pair_by_b_c ON pair (b, c)",
            ]
        );
        assert_eq!(
            upsert(table, 2),
            "INSERT INTO pair (a, b, c) VALUES (?, ?, ?), (?, ?, ?) ON CONFLICT (a, b) DO UPDATE SET c = excluded.c"
        );
        assert_eq!(
            delete(table, 2),
            "DELETE FROM pair WHERE (a = ? AND b = ?) OR (a = ? AND b = ?)"
        );
        assert_eq!(load(table, 1), "SELECT a, b, c FROM pair WHERE (a = ? AND b = ?)");
        assert_eq!(dump(table), "SELECT a, b, c FROM pair ORDER BY a, b");
        assert_eq!(numbered("a = ? AND b < ?", 3), "a = $3 AND b < $4");
    }
}
