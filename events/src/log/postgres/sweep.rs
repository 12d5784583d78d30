//! Deleting spent claims and command keys whose time has passed, a few at a time. Nodes that sweep at once pass one another by.

use sqlx::PgPool;

use super::failure::failed;
use crate::{
    clock::Timestamp,
    log::{LogError, RECEIPTS_KEPT},
    postgres::ask,
};

/// The most rows of each table that one transaction deletes, so that nobody waits long for it.
const SOME: i64 = 1_000;

/// Deletes what has expired; tells how many rows.
pub(super) async fn all(pool: &PgPool, now: Timestamp) -> Result<u64, LogError> {
    let kept = i64::try_from(RECEIPTS_KEPT.as_micros()).unwrap_or(i64::MAX);
    let claims = "DELETE FROM chancery_log.claim WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM chancery_log.claim WHERE expires <= $1 ORDER BY expires LIMIT $2 FOR UPDATE SKIP LOCKED))";
    let commands = "DELETE FROM chancery_log.command WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM chancery_log.command WHERE time <= $1 ORDER BY time LIMIT $2 FOR UPDATE SKIP LOCKED))";
    let mut total = 0;
    for (statement, until) in [(claims, now.0), (commands, now.0.saturating_sub(kept))] {
        loop {
            let delete = sqlx::query(statement).bind(until).bind(SOME);
            let deleted = ask(pool, async |log| delete.execute(log).await);
            let some = deleted.await.map_err(failed)?.rows_affected();
            if some == 0 {
                break;
            }
            total += some;
        }
    }
    Ok(total)
}
