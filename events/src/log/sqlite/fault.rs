//! Faults that tests inject into the appender: a commit that fails, or lands and seems to fail; a file that cannot be
//! opened; a disk without room.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::commit::{self, Failure};

/// How often each fault still strikes.
#[derive(Debug, Default)]
pub(super) struct Fault {
    /// COMMIT fails, and nothing was committed.
    pub commit_lost: AtomicU32,
    /// COMMIT lands, and its answer is lost.
    pub answer_lost: AtomicU32,
    /// The file cannot be opened.
    pub not_openable: AtomicU32,
    /// The file may not grow while this is not zero.
    pub no_room: AtomicU32,
}

impl Fault {
    pub async fn before_writes(&self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        let limit = if self.no_room.load(Ordering::SeqCst) > 0 {
            1
        } else {
            1 << 30
        };
        sqlx::raw_sql(AssertSqlSafe(format!("PRAGMA max_page_count = {limit}")))
            .execute(connection)
            .await?;
        Ok(())
    }

    pub async fn before_commit(&self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        if strikes(&self.commit_lost) {
            commit::end(connection, "ROLLBACK").await?;
            return Err(Failure::broken("injected").at_commit());
        }
        Ok(())
    }

    pub fn after_commit(&self) -> Result<(), Failure> {
        if strikes(&self.answer_lost) {
            Err(Failure::broken("injected").at_commit())
        } else {
            Ok(())
        }
    }

    pub fn at_open(&self) -> Result<(), Failure> {
        if strikes(&self.not_openable) {
            Err(Failure::broken("injected"))
        } else {
            Ok(())
        }
    }
}

fn strikes(count: &AtomicU32) -> bool {
    count
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
        .is_ok()
}
