//! A whole write as one statement of PostgreSQL: cursors and rows go in one message and one commit, rather than in a
//! conversation of seven.
//!
//! The rule: a cursor that stands elsewhere than where it was read is not moved, and then nothing is written: the statement
//! fails as a whole.

use std::fmt::Write;

use super::{
    CursorMove, CursorRow,
    dialect::{Dialect, names, upsert_from},
};
use crate::{
    cell::{ColumnType, Value},
    rows::Changes,
    table::{Column, Record, Row},
};

/// What the server says (`division_by_zero`) where a cursor stood elsewhere. Nothing else here divides.
pub const MOVED_BY_ANOTHER: &str = "22012";

/// The columns of a cursor that are compared before it is moved.
const COMPARED: [&str; 3] = ["incarnation", "seq", "leaf_hash"];

/// A statement and its arguments: one array for each column of each table.
#[derive(Debug, Default)]
pub struct Whole {
    parts: Vec<String>,
    args: Vec<Array>,
}

/// The values of one column.
#[derive(Debug)]
pub struct Array {
    /// What they are.
    pub kind: ColumnType,
    /// One for each row.
    pub values: Vec<Value>,
}

impl Whole {
    /// Changes and the cursors that they move.
    pub fn new(changes: &Changes, moves: &[CursorMove]) -> Self {
        let mut whole = Self::default();
        whole.move_cursors(moves);
        for (table, keys) in changes.deletes.values() {
            let from = whole.arrays(table.key_columns(), keys.iter().map(|key| key.values.as_slice()));
            let columns = names(table.key_columns());
            let sql = format!(
                "DELETE FROM {} WHERE ({columns}) IN (SELECT * FROM {from})",
                table.name
            );
            whole.part(format_args!("gone_{}", table.name), &sql);
        }
        for (table, rows) in changes.upserts.values() {
            let from = whole.arrays(table.columns, rows.iter().map(Row::as_slice));
            let sql = upsert_from(table, &format!("SELECT * FROM {from}"));
            whole.part(format_args!("put_{}", table.name), &sql);
        }
        whole
    }

    /// The text, and the arguments in order.
    pub fn into_parts(self) -> (String, Vec<Array>) {
        // Counted when all have moved, and divided by: an error undoes the whole.
        let checked = "SELECT 1 / (CASE WHEN (SELECT count(*) FROM moved) + (SELECT count(*) FROM made) \
                       = (SELECT count(*) FROM moves) THEN 1 ELSE 0 END)";
        (format!("WITH {} {checked}", self.parts.join(", ")), self.args)
    }

    fn move_cursors(&mut self, moves: &[CursorMove]) {
        let table = CursorRow::table();
        let before = || {
            table
                .columns
                .iter()
                .filter(|column| COMPARED.contains(&column.name))
        };
        let rows: Vec<Row> = moves
            .iter()
            .map(|(from, to)| {
                let mut row = to.to_row();
                match from {
                    Some(from) => row.extend(from.to_row().split_off(table.key_columns().count())),
                    None => row.extend(before().map(|_| Value::Null)),
                }
                row
            })
            .collect();
        let from = self.arrays(
            table.columns.iter().chain(before()),
            rows.iter().map(Row::as_slice),
        );
        let columns = names(table.columns);
        let compared = COMPARED.map(|column| format!("from_{column}")).join(", ");
        self.part(
            format_args!("moves ({columns}, {compared})"),
            &format!("SELECT * FROM {from}"),
        );
        let sets = COMPARED
            .map(|column| format!("{column} = moves.{column}"))
            .join(", ");
        let same_key = table
            .key_columns()
            .map(|column| format!("cursors.{0} = moves.{0}", column.name));
        let as_read = COMPARED.map(|column| format!("cursors.{column} = moves.from_{column}"));
        let matching: Vec<_> = same_key.chain(as_read).collect();
        let matching = matching.join(" AND ");
        self.part(
            format_args!("moved"),
            &format!("UPDATE cursors SET {sets} FROM moves WHERE {matching} RETURNING 1"),
        );
        self.part(
            format_args!("made"),
            &format!(
                "INSERT INTO cursors ({columns}) SELECT {columns} FROM moves WHERE from_seq IS NULL \
                 ON CONFLICT DO NOTHING RETURNING 1"
            ),
        );
    }

    fn part(&mut self, name: std::fmt::Arguments<'_>, sql: &str) {
        self.parts.push(format!("{name} AS ({sql})"));
    }

    /// Takes rows as arguments, column by column; the text that stands for them.
    fn arrays<'a>(
        &mut self,
        columns: impl IntoIterator<Item = &'static Column>,
        rows: impl Iterator<Item = &'a [Value]> + Clone,
    ) -> String {
        let mut sql = "UNNEST(".to_owned();
        for (index, column) in columns.into_iter().enumerate() {
            let values = rows.clone().map(|row| row[index].clone()).collect();
            let kind = column.kind;
            self.args.push(Array { kind, values });
            let comma = if index == 0 { "" } else { ", " };
            let kind = Dialect::Postgres.type_of(kind);
            let _ = write!(sql, "{comma}${}::{kind}[]", self.args.len());
        }
        sql.push(')');
        sql
    }
}
