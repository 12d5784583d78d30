//! The jobs. Of each (reactor, target, ordering) only the oldest has a `due`: whoever looks for work finds it by an index, and
//! the order of a subject holds, however long one of its jobs must wait.

use std::{collections::BTreeMap, fmt::Write as _};

use events::{clock::Timestamp, subject::Stream};
use serde::Serialize;

use super::{
    Arg, Row, Store, StoreError,
    places::{Moved, malformed, signed, stream, unsigned},
};

/// How many jobs one statement takes at most. Fewer go in statements of a power of two, so that they are prepared once.
const MAX_ROWS: usize = 64;

/// The first of each queue that has no `due`.
const WAKE: &str = "UPDATE job SET due = $1 WHERE due IS NULL AND dead IS NULL AND NOT EXISTS ( \
     SELECT 1 FROM job AS older WHERE older.reactor = job.reactor AND older.target = job.target \
     AND older.ordering = job.ordering AND older.dead IS NULL AND older.number < job.number)";

/// A job to be queued.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub reactor: &'static str,
    pub target: String,
    pub ordering: String,
    pub stream: Stream,
    pub seq: u64,
    pub payload: String,
}

/// A job whose turn it is, or will be.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub number: i64,
    pub ordering: String,
    pub stream: Stream,
    pub seq: u64,
    pub payload: String,
    pub queued: Timestamp,
    /// Attempts that were made.
    pub attempts: u32,
    pub due: Timestamp,
}

/// What becomes of a job after an attempt.
#[derive(Clone, Debug)]
pub enum Ended {
    Done,
    Again {
        attempts: u32,
        due: Timestamp,
        reason: String,
    },
    Dead {
        attempts: u32,
        reason: String,
    },
}

/// A job after an attempt.
#[derive(Clone, Debug)]
pub struct Conclusion {
    pub reactor: &'static str,
    pub target: String,
    pub ordering: String,
    pub number: i64,
    pub ended: Ended,
}

/// A job that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dead {
    /// What it is named by.
    pub number: i64,
    /// Where it was to be done.
    pub target: String,
    /// The event that it is about.
    pub stream: Stream,
    /// Its seq in the stream.
    pub seq: u64,
    /// When it was queued, in microseconds since 1970-01-01T00:00:00Z.
    pub queued: Timestamp,
    /// When it was given up.
    pub given_up: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it failed last.
    pub reason: Option<String>,
}

impl Store {
    /// Goes on from where it stood, and queues what is to be done about it: both or neither.
    pub async fn advance(&self, moves: &[Moved], jobs: &[NewJob], now: Timestamp) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        for moved in moves {
            change.go_on(moved).await?;
        }
        let (mut rest, mut first) = (jobs, None);
        while let Some(length) = rest.len().checked_ilog2() {
            let (portion, behind) = rest.split_at(MAX_ROWS.min(1 << length));
            rest = behind;
            let mut args = Vec::with_capacity(portion.len() * 8);
            for job in portion {
                args.extend([
                    job.reactor.into(),
                    job.target.as_str().into(),
                    job.ordering.as_str().into(),
                    job.stream.realm.to_string().into(),
                    job.stream.lane.as_str().into(),
                    Arg::Int(signed(job.seq)?),
                    job.payload.as_str().into(),
                    Arg::Int(now.0),
                ]);
            }
            for row in change.fetch(&insert(portion.len()), args).await? {
                let number = row.int(0)?;
                first = Some(first.map_or(number, |first: i64| first.min(number)));
            }
        }
        if let Some(first) = first {
            let sql = format!("{WAKE} AND number >= $2");
            change.execute(&sql, vec![now.0.into(), first.into()]).await?;
        }
        change.commit().await
    }

    /// Gives a turn to whatever has none and should, whoever left it so.
    pub async fn wake_all(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        change.execute(WAKE, vec![now.0.into()]).await?;
        change.commit().await
    }

    /// Notes what became of jobs, and gives the next of their queues a turn. One that is no longer as it was when it was
    /// begun is left as it is.
    pub async fn conclude(&self, conclusions: &[Conclusion], now: Timestamp) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        for Conclusion {
            reactor,
            target,
            ordering,
            number,
            ended,
        } in conclusions
        {
            let number = Arg::Int(*number);
            match ended {
                Ended::Done => {
                    let sql = "DELETE FROM job WHERE number = $1 AND dead IS NULL";
                    change.execute(sql, vec![number]).await?;
                }
                Ended::Again {
                    attempts,
                    due,
                    reason,
                } => {
                    let sql = "UPDATE job SET attempts = $2, due = $3, reason = $4 \
                         WHERE number = $1 AND dead IS NULL";
                    let attempts = Arg::Int(i64::from(*attempts));
                    let args = vec![number, attempts, due.0.into(), reason.as_str().into()];
                    change.execute(sql, args).await?;
                    continue;
                }
                Ended::Dead { attempts, reason } => {
                    let sql = "UPDATE job SET attempts = $2, dead = $3, reason = $4, due = NULL \
                         WHERE number = $1 AND dead IS NULL";
                    let attempts = Arg::Int(i64::from(*attempts));
                    let args = vec![number, attempts, now.0.into(), reason.as_str().into()];
                    change.execute(sql, args).await?;
                }
            }
            let sql = "UPDATE job SET due = $1 WHERE due IS NULL AND number = (SELECT min(number) FROM job \
                 WHERE reactor = $2 AND target = $3 AND ordering = $4 AND dead IS NULL)";
            let args = vec![
                now.0.into(),
                (*reactor).into(),
                target.as_str().into(),
                ordering.as_str().into(),
            ];
            change.execute(sql, args).await?;
        }
        change.commit().await
    }

    /// The targets that have jobs, and when the first of each is due.
    pub async fn targets(&self) -> Result<Vec<(String, String, Timestamp)>, StoreError> {
        let sql = "SELECT reactor, target, min(due) FROM job WHERE due IS NOT NULL GROUP BY reactor, target";
        let target = |row: &Row| Ok((row.text(0)?, row.text(1)?, Timestamp(row.int(2)?)));
        self.find(sql, Vec::new()).await?.iter().map(target).collect()
    }

    /// The next jobs of a target, the first due first.
    pub async fn next(&self, reactor: &str, target: &str, limit: usize) -> Result<Vec<Waiting>, StoreError> {
        let sql = "SELECT number, ordering, realm, lane, seq, payload, queued, attempts, due FROM job \
             WHERE reactor = $1 AND target = $2 AND due IS NOT NULL ORDER BY due, number LIMIT $3";
        let limit = Arg::Int(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.find(sql, vec![reactor.into(), target.into(), limit]).await?;
        let due = |row: &Row| {
            Ok(Waiting {
                number: row.int(0)?,
                ordering: row.text(1)?,
                stream: stream(&row.text(2)?, &row.text(3)?)?,
                seq: unsigned(row.int(4)?)?,
                payload: row.text(5)?,
                queued: Timestamp(row.int(6)?),
                attempts: attempts(row.int(7)?)?,
                due: Timestamp(row.int(8)?),
            })
        };
        rows.iter().map(due).collect()
    }

    /// How many jobs of each reactor are queued, and how many were given up.
    pub async fn counts(&self) -> Result<BTreeMap<String, (u64, u64)>, StoreError> {
        let sql = "SELECT reactor, sum(CASE WHEN dead IS NULL THEN 1 ELSE 0 END), count(dead) FROM job GROUP BY reactor";
        let count = |row: &Row| Ok((row.text(0)?, (unsigned(row.int(1)?)?, unsigned(row.int(2)?)?)));
        self.find(sql, Vec::new()).await?.iter().map(count).collect()
    }

    /// Jobs of a reactor that were given up, after a number, in the order in which they were queued.
    pub async fn dead(&self, reactor: &str, after: i64, limit: usize) -> Result<Vec<Dead>, StoreError> {
        let sql = "SELECT number, target, realm, lane, seq, queued, dead, attempts, reason FROM job \
             WHERE reactor = $1 AND number > $2 AND dead IS NOT NULL ORDER BY number LIMIT $3";
        let limit = Arg::Int(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = self.find(sql, vec![reactor.into(), after.into(), limit]).await?;
        let dead = |row: &Row| {
            Ok(Dead {
                number: row.int(0)?,
                target: row.text(1)?,
                stream: stream(&row.text(2)?, &row.text(3)?)?,
                seq: unsigned(row.int(4)?)?,
                queued: Timestamp(row.int(5)?),
                given_up: Timestamp(row.int(6)?),
                attempts: attempts(row.int(7)?)?,
                reason: row.maybe_text(8)?,
            })
        };
        rows.iter().map(dead).collect()
    }

    /// An operator's order: what was given up is tried anew, behind what is queued. Whether there was such a job.
    pub async fn revive(&self, reactor: &str, number: i64) -> Result<bool, StoreError> {
        let mut change = self.order().await?;
        let sql = "INSERT INTO job (reactor, target, ordering, realm, lane, seq, payload, queued, attempts) \
             SELECT reactor, target, ordering, realm, lane, seq, payload, queued, 0 FROM job \
             WHERE reactor = $1 AND number = $2 AND dead IS NOT NULL";
        let revived = change.execute(sql, vec![reactor.into(), number.into()]).await? > 0;
        let sql = "DELETE FROM job WHERE reactor = $1 AND number = $2 AND dead IS NOT NULL";
        change.execute(sql, vec![reactor.into(), number.into()]).await?;
        change.revise(reactor).await?;
        change.commit().await?;
        Ok(revived)
    }

    /// An operator's order: what was given up is forgotten. Whether there was such a job.
    pub async fn discard(&self, reactor: &str, number: i64) -> Result<bool, StoreError> {
        let mut change = self.order().await?;
        let sql = "DELETE FROM job WHERE reactor = $1 AND number = $2 AND dead IS NOT NULL";
        let known = change.execute(sql, vec![reactor.into(), number.into()]).await? > 0;
        change.commit().await?;
        Ok(known)
    }

    /// Forgets what was given up before a moment.
    pub async fn sweep(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut change = self.begin().await?;
        let swept = change
            .execute("DELETE FROM job WHERE dead < $1", vec![before.0.into()])
            .await?;
        change.commit().await?;
        Ok(swept)
    }
}

/// The statement that queues so many jobs, in their order.
fn insert(jobs: usize) -> String {
    let mut sql =
        "INSERT INTO job (reactor, target, ordering, realm, lane, seq, payload, queued, attempts) VALUES "
            .to_owned();
    for job in 0..jobs {
        sql.push_str(if job == 0 { "(" } else { ", (" });
        for column in 1..=8 {
            let _ = write!(sql, "${}, ", job * 8 + column);
        }
        sql.push_str("0)");
    }
    sql.push_str(" RETURNING number");
    sql
}

fn attempts(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| malformed("a number of attempts"))
}
