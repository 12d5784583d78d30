//! The ceiling of appending: the same bytes as bare rows, 500 in each durable statement, through the same driver on the same
//! engine, and nothing else. No judging, no claims, no answers to anybody.

use std::time::{Duration, Instant};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::{
    Outcome,
    rounds::{WARM_UP, rate},
    store::Place,
};

/// Rows of a statement, which is a transaction.
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

/// How many rows a second are durable, spread over so many streams.
pub async fn rows(place: &Place, row: &Row, streams: usize, time: Duration) -> Outcome<f64> {
    match place.database() {
        None => sqlite(place, row, streams, time).await,
        Some(url) => postgres(url, row, streams, time).await,
    }
}

async fn sqlite(place: &Place, row: &Row, streams: usize, time: Duration) -> Outcome<f64> {
    let mut connection = SqliteConnectOptions::new()
        .filename(place.folder().join("bare.sqlite"))
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
    let per_second = repeat(streams, time, async |numbers| {
        let mut insert = sqlx::query(AssertSqlSafe(text.clone()));
        for (stream, seq) in numbers {
            insert = insert
                .bind(i64::from(stream))
                .bind(seq)
                .bind(row.leaf.clone())
                .bind(row.entry.clone())
                .bind(row.body.clone());
        }
        insert.execute(&mut connection).await?;
        Ok(())
    })
    .await?;
    connection.close().await?;
    Ok(per_second)
}

async fn postgres(url: &str, row: &Row, streams: usize, time: Duration) -> Outcome<f64> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(
        "CREATE TABLE bare (stream INTEGER NOT NULL, seq BIGINT NOT NULL, leaf BYTEA, entry BYTEA, body BYTEA);
        CREATE UNIQUE INDEX bare_by_seq ON bare (stream, seq)",
    )
    .execute(&mut connection)
    .await?;
    let copies = |bytes: &[u8]| vec![bytes.to_vec(); ROWS];
    let per_second = repeat(streams, time, async |numbers| {
        let (streams, seqs): (Vec<i32>, Vec<i64>) = numbers.into_iter().unzip();
        sqlx::query("INSERT INTO bare SELECT * FROM UNNEST($1::INTEGER[], $2::BIGINT[], $3::BYTEA[], $4::BYTEA[], $5::BYTEA[])")
            .bind(streams)
            .bind(seqs)
            .bind(copies(&row.leaf))
            .bind(copies(&row.entry))
            .bind(copies(&row.body))
            .execute(&mut connection)
            .await?;
        Ok(())
    })
    .await?;
    connection.close().await?;
    Ok(per_second)
}

/// Inserts batches of (stream, seq) until the time is over, after a warm-up; rows a second.
async fn repeat(
    streams: usize,
    time: Duration,
    mut insert: impl AsyncFnMut(Vec<(i32, i64)>) -> Outcome<()>,
) -> Outcome<f64> {
    let (mut next, mut count) = (0, 0);
    let started = Instant::now() + WARM_UP;
    let ended = started + time;
    loop {
        let numbers: Result<Vec<_>, std::num::TryFromIntError> = (next..next + ROWS)
            .map(|number| Ok((i32::try_from(number % streams)?, i64::try_from(number / streams)?)))
            .collect();
        next += ROWS;
        insert(numbers?).await?;
        let now = Instant::now();
        if now > ended {
            return Ok(rate(count, time));
        }
        if now >= started {
            count += ROWS;
        }
    }
}
