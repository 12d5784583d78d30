//! The statements of the append path: many rows each, in a few fixed sizes, so that each is prepared once.
//!
//! A batch uses the next larger size. The rows that it does not fill stay unbound, which SQLite takes for NULL, and
//! each statement leaves NULL rows out. Placeholders are `?`: sqlx looks numbered ones up one by one.
//!
//! Inserts say OR ROLLBACK: a refused row ends the transaction in any case, and otherwise SQLite would first copy every page
//! that a statement changes, so that it could undo that statement alone.

use std::{fmt::Write, sync::Arc};

use sqlx::AssertSqlSafe;

/// How many rows a statement takes.
const SIZES: [usize; 6] = [1, 8, 32, 64, 128, 256];

/// The most rows that one statement takes.
pub(super) const MOST: usize = 256;

/// One statement in all its sizes.
#[derive(Debug)]
pub(super) struct Sized([Arc<str>; SIZES.len()]);

impl Sized {
    /// The statement `head`, rows of so many columns, `tail`. Numbered rows begin with their index.
    fn new(head: &str, numbered: bool, columns: usize, tail: &str) -> Self {
        Self(SIZES.map(|size| {
            let mut text = format!("{head} (VALUES ");
            for row in 0..size {
                text.push_str(if row == 0 { "(" } else { ",(" });
                if numbered {
                    let _ = write!(text, "{row},");
                }
                text.push_str(&"?,".repeat(columns));
                text.pop();
                text.push(')');
            }
            text.push_str(tail);
            text.into()
        }))
    }

    /// The smallest that takes this many rows (of at most [`MOST`]).
    pub fn for_rows(&self, rows: usize) -> AssertSqlSafe<Arc<str>> {
        let index = SIZES
            .iter()
            .position(|size| *size >= rows)
            .unwrap_or(SIZES.len() - 1);
        AssertSqlSafe(self.0[index].clone())
    }
}

/// All of the append path.
#[derive(Debug)]
pub(super) struct Statements {
    /// What the log holds: rows of stream, subject, claim, command; each may be NULL.
    pub known: Sized,
    /// Event ids that are in the log.
    pub landed: Sized,
    pub events: Sized,
    pub claims: Sized,
    /// Claims that were held and are no longer, or by another.
    pub gone: Sized,
    pub commands: Sized,
    pub streams: Sized,
}

impl Statements {
    pub fn new() -> Self {
        const FILLED: &str = ") WHERE column1 IS NOT NULL";
        let insert = |table: &str, columns: usize, end: &str| {
            Sized::new(
                &format!("INSERT OR ROLLBACK INTO {table} SELECT * FROM"),
                false,
                columns,
                &format!("{FILLED} {end}"),
            )
        };
        Self {
            known: Sized::new(
                "WITH k(i, stream, subject, claim, command) AS",
                true,
                4,
                ") SELECT i,
                    (SELECT max(version) FROM event WHERE subject = k.subject AND stream = k.stream),
                    claim.holder, claim.expires, command.body, command.receipt
                FROM k
                LEFT JOIN claim ON claim.digest = k.claim AND claim.stream = k.stream
                LEFT JOIN command ON command.id = k.command AND command.stream = k.stream
                WHERE k.stream IS NOT NULL",
            ),
            landed: Sized::new(
                "SELECT event.id, event.seq, version, realm, lane FROM event JOIN stream ON stream.id = stream
                WHERE event.id IN",
                false,
                1,
                ")",
            ),
            events: insert("event (stream, seq, id, subject, version, leaf, entry, body)", 8, ""),
            claims: insert("claim (digest, stream, holder, expires)", 4, ""),
            gone: Sized::new("DELETE FROM claim WHERE (digest, stream) IN", false, 2, ")"),
            commands: insert("command (id, stream, body, receipt, time)", 5, ""),
            streams: insert(
                "stream (id, realm, lane, seq, time)",
                5,
                "ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, time = excluded.time",
            ),
        }
    }
}
