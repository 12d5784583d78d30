//! What is done between appends: deleting spent claims and command keys whose time has passed, a few at a time; and seeing
//! whether anything can be written.

use sqlx::SqliteConnection;

use super::commit::Failure;
use crate::{clock::Timestamp, log::RECEIPTS_KEPT};

/// The most rows of each table that one transaction deletes, so that appends do not wait long.
const SOME: i64 = 1_000;

/// Deletes some of what has expired; tells how many. Zero means that nothing is left to delete.
pub(super) async fn some(connection: &mut SqliteConnection, now: Timestamp) -> Result<u64, Failure> {
    let kept = i64::try_from(RECEIPTS_KEPT.as_micros()).unwrap_or(i64::MAX);
    let claims = sqlx::query(
        "DELETE FROM claim WHERE (digest, stream) IN
            (SELECT digest, stream FROM claim WHERE expires IS NOT NULL AND expires <= ? ORDER BY expires LIMIT ?)",
    )
    .bind(now.0)
    .bind(SOME)
    .execute(&mut *connection)
    .await?;
    let commands = sqlx::query(
        "DELETE FROM command WHERE rowid IN (SELECT rowid FROM command WHERE time <= ? ORDER BY time LIMIT ?)",
    )
    .bind(now.0.saturating_sub(kept))
    .bind(SOME)
    .execute(connection)
    .await?;
    Ok(claims.rows_affected() + commands.rows_affected())
}

/// Writes something new, durably: a disk without room or a file that fails shows. (What is there already SQLite would not
/// write again, and nothing would be tried.)
pub(super) async fn probe(connection: &mut SqliteConnection) -> Result<u64, Failure> {
    let written = sqlx::query(
        "INSERT INTO meta (key, value) VALUES ('probe', randomblob(8))
            ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    )
    .execute(connection)
    .await?;
    Ok(written.rows_affected())
}
