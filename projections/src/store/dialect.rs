//! The SQL text of the read models: here alone is what an engine wants differently. Names and conditions come from our own
//! source, never from a request; values are always bound.
//!
//! Statements of many rows name each value on SQLite (`?`, not `$1`: sqlx looks numbered parameters up one by one in each
//! other, which is quadratic), and take one array for each column on PostgreSQL. Everything else is `$1`.

use std::fmt::Write;

use crate::{
    cell::ColumnType,
    table::{Column, Table},
};

/// An engine's way of saying it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

/// The names of columns, as in a list of them.
pub fn names<'a>(columns: impl IntoIterator<Item = &'a Column>) -> String {
    columns
        .into_iter()
        .map(|column| column.name)
        .collect::<Vec<_>>()
        .join(", ")
}

impl Dialect {
    /// How it calls what a column holds.
    pub const fn type_of(self, kind: ColumnType) -> &'static str {
        match (self, kind) {
            (_, ColumnType::Text) => "TEXT",
            (_, ColumnType::Integer) => "BIGINT",
            (Dialect::Sqlite, ColumnType::Bytes) => "BLOB",
            (Dialect::Postgres, ColumnType::Bytes) => "BYTEA",
        }
    }

    /// Text is compared byte by byte: that is SQLite's own way, and has a name on PostgreSQL.
    const fn collation_of(self, kind: ColumnType) -> &'static str {
        match (self, kind) {
            (Dialect::Postgres, ColumnType::Text) => " COLLATE \"C\"",
            _ => "",
        }
    }

    /// The statement that makes a table. Rows are found by their keys alone until it has [indexes](index).
    pub fn create(self, table: &Table) -> String {
        let mut sql = format!("CREATE TABLE {} (", table.name);
        for column in table.columns {
            let (kind, collation) = (self.type_of(column.kind), self.collation_of(column.kind));
            let null = if column.key { " NOT NULL" } else { "" };
            let _ = write!(sql, "{} {kind}{collation}{null}, ", column.name);
        }
        let _ = write!(sql, "PRIMARY KEY ({}))", names(table.key_columns()));
        if self == Dialect::Sqlite && table.columns.iter().all(|column| column.key) {
            // Else each row would be there twice: in the table, and in the index of its key.
            sql.push_str(" WITHOUT ROWID");
        }
        sql
    }

    /// Writes `rows` rows that are not there.
    pub fn insert(self, table: &Table, rows: usize) -> String {
        insert_from(table, &self.rows(table, rows))
    }

    fn rows(self, table: &Table, rows: usize) -> String {
        match self {
            Dialect::Sqlite => {
                let group = format!("({})", vec!["?"; table.columns.len()].join(", "));
                format!("VALUES {}", vec![group; rows].join(", "))
            }
            Dialect::Postgres => self.unnest(table.columns),
        }
    }

    /// Writes `rows` rows; a row that is there is replaced.
    pub fn upsert(self, table: &Table, rows: usize) -> String {
        upsert_from(table, &self.rows(table, rows))
    }

    /// Deletes the rows of `keys` keys.
    pub fn delete(self, table: &Table, keys: usize) -> String {
        format!("DELETE FROM {} WHERE {}", table.name, self.in_keys(table, keys))
    }

    /// Reads the rows of `keys` keys.
    pub fn load(self, table: &Table, keys: usize) -> String {
        format!("{} WHERE {}", select(table), self.in_keys(table, keys))
    }

    /// Spelt out on SQLite, which finds no index for `(a, b) IN (VALUES …)` and reads the whole table.
    fn in_keys(self, table: &Table, keys: usize) -> String {
        match self {
            Dialect::Sqlite => {
                let columns: Vec<_> = table
                    .key_columns()
                    .map(|column| format!("{} = ?", column.name))
                    .collect();
                vec![format!("({})", columns.join(" AND ")); keys].join(" OR ")
            }
            Dialect::Postgres => {
                let rows = self.unnest(table.key_columns());
                format!("({}) IN ({rows})", names(table.key_columns()))
            }
        }
    }

    /// Rows from one array for each column.
    fn unnest<'a>(self, columns: impl IntoIterator<Item = &'a Column>) -> String {
        let arrays = columns.into_iter().enumerate();
        let arrays: Vec<_> = arrays
            .map(|(index, column)| format!("${}::{}[]", index + 1, self.type_of(column.kind)))
            .collect();
        format!("SELECT * FROM UNNEST({})", arrays.join(", "))
    }
}

/// Writes the rows that something gives; a row that is there is replaced.
pub fn upsert_from(table: &Table, rows: &str) -> String {
    let sets = table.columns.iter().filter(|column| !column.key);
    let sets = sets
        .map(|column| format!("{0} = excluded.{0}", column.name))
        .collect::<Vec<_>>()
        .join(", ");
    let (insert, key) = (insert_from(table, rows), names(table.key_columns()));
    if sets.is_empty() {
        return format!("{insert} ON CONFLICT ({key}) DO NOTHING");
    }
    format!("{insert} ON CONFLICT ({key}) DO UPDATE SET {sets}")
}

fn insert_from(table: &Table, rows: &str) -> String {
    format!("INSERT INTO {} ({}) {rows}", table.name, names(table.columns))
}

/// The statements that make a table's indexes. They are made when the rows are there: sorting once is cheaper than finding
/// the place of each. What is unknown is not in them: nobody looks for it.
pub fn index(table: &Table) -> impl Iterator<Item = String> {
    table.indexes.iter().map(|columns| {
        let name = format!("{}_by_{}", table.name, columns.join("_"));
        let is_known = |column: &&Column| column.nullable && columns.contains(&column.name);
        let known: Vec<_> = table
            .columns
            .iter()
            .filter(is_known)
            .map(|column| format!("{} IS NOT NULL", column.name))
            .collect();
        let columns = columns.join(", ");
        let index = format!("CREATE INDEX IF NOT EXISTS {name} ON {} ({columns})", table.name);
        if known.is_empty() {
            index
        } else {
            format!("{index} WHERE {}", known.join(" AND "))
        }
    })
}

/// Reads rows; a condition may follow.
pub fn select(table: &Table) -> String {
    format!("SELECT {} FROM {}", names(table.columns), table.name)
}

/// Reads all rows in the order of their keys: what "rebuilt equals live" compares.
pub fn dump(table: &Table) -> String {
    format!("{} ORDER BY {}", select(table), names(table.key_columns()))
}

/// Reads how many events each projection has applied: streams are gapless, and a seq is a count.
pub fn applied() -> String {
    "SELECT projection, CAST(SUM(seq) AS BIGINT) FROM cursors GROUP BY projection".to_owned()
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
            c: Option<Vec<u8>>,
        }
        indexes [["b"], ["b", "c"]]
    }

    record! {
        /// A row of a key alone.
        struct Word in "word"
        key {
            /// All of it.
            a: String,
        }
        row {}
        indexes []
    }

    #[test]
    fn a_row_of_a_key_alone_is_kept_once_and_never_replaced() {
        let (sqlite, postgres) = (Dialect::Sqlite, Dialect::Postgres);
        assert_eq!(
            sqlite.create(Word::table()),
            "CREATE TABLE word (a TEXT NOT NULL, PRIMARY KEY (a)) WITHOUT ROWID"
        );
        assert_eq!(
            postgres.upsert(Word::table(), 1),
            "INSERT INTO word (a) SELECT * FROM UNNEST($1::TEXT[]) ON CONFLICT (a) DO NOTHING"
        );
    }

    #[test]
    fn statements_are_as_each_engine_takes_them() {
        let table = Pair::table();
        let (sqlite, postgres) = (Dialect::Sqlite, Dialect::Postgres);
        assert_eq!(
            sqlite.create(table),
            "CREATE TABLE pair (a TEXT NOT NULL, b BIGINT NOT NULL, c BLOB, PRIMARY KEY (a, b))"
        );
        let indexes: Vec<_> = index(table).collect();
        assert_eq!(
            indexes,
            [
                "CREATE INDEX IF NOT EXISTS pair_by_b ON pair (b)",
                "CREATE INDEX IF NOT EXISTS pair_by_b_c ON pair (b, c) WHERE c IS NOT NULL",
            ]
        );
        assert_eq!(
            postgres.create(table),
            "CREATE TABLE pair (a TEXT COLLATE \"C\" NOT NULL, b BIGINT NOT NULL, c BYTEA, PRIMARY KEY (a, b))",
        );
        assert_eq!(
            sqlite.upsert(table, 2),
            "INSERT INTO pair (a, b, c) VALUES (?, ?, ?), (?, ?, ?) ON CONFLICT (a, b) DO UPDATE SET c = excluded.c"
        );
        assert_eq!(
            postgres.upsert(table, 2),
            "INSERT INTO pair (a, b, c) SELECT * FROM UNNEST($1::TEXT[], $2::BIGINT[], $3::BYTEA[]) \
             ON CONFLICT (a, b) DO UPDATE SET c = excluded.c"
        );
        assert_eq!(
            sqlite.delete(table, 2),
            "DELETE FROM pair WHERE (a = ? AND b = ?) OR (a = ? AND b = ?)"
        );
        assert_eq!(
            postgres.delete(table, 2),
            "DELETE FROM pair WHERE (a, b) IN (SELECT * FROM UNNEST($1::TEXT[], $2::BIGINT[]))"
        );
        assert_eq!(
            sqlite.load(table, 1),
            "SELECT a, b, c FROM pair WHERE (a = ? AND b = ?)"
        );
        assert_eq!(dump(table), "SELECT a, b, c FROM pair ORDER BY a, b");
        assert_eq!(numbered("a = ? AND b < ?", 3), "a = $3 AND b < $4");
    }
}
