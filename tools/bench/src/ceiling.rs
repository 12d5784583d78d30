//! The ceiling of appending: the same bytes as bare rows, 500 in each durable transaction, through the same driver,
//! and nothing else. No judging, no claims, no answers to anybody.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::Outcome;

/// Rows of a transaction.
const ROWS: usize = 500;

/// One event as the log stores it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The leaf hash.
    pub leaf: Vec<u8>,
    /// The entry.
    pub entry: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
}

/// How many rows were durable within the time, spread over so many streams.
pub async fn rows(path: &Path, row: &Row, streams: usize, time: Duration) -> Outcome<usize> {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
        .connect()
        .await?;
    sqlx::raw_sql(
        "CREATE TABLE bare (stream INTEGER NOT NULL, seq INTEGER NOT NULL, leaf BLOB, entry BLOB, body BLOB);
        CREATE UNIQUE INDEX bare_by_seq ON bare (stream, seq)",
    )
    .execute(&mut connection)
    .await?;
    let text = format!("INSERT INTO bare VALUES {}", vec!["(?,?,?,?,?)"; ROWS].join(","));
    let mut count = 0;
    let ended = Instant::now() + time;
    while Instant::now() < ended {
        let mut insert = sqlx::query(AssertSqlSafe(text.clone()));
        for number in count..count + ROWS {
            insert = insert
                .bind(i64::try_from(number % streams)?)
                .bind(i64::try_from(number / streams)?)
                .bind(row.leaf.clone())
                .bind(row.entry.clone())
                .bind(row.body.clone());
        }
        insert.execute(&mut connection).await?;
        count += ROWS;
    }
    connection.close().await?;
    Ok(count)
}
