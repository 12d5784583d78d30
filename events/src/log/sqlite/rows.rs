//! An event's row in SQLite. What the columns hold is the same in every SQL engine ([`crate::log::columns`]).

use sqlx::{Row, sqlite::SqliteRow};

pub(super) use crate::log::columns::{
    Stored, claim_key, digest, held, lane_code, receipt, recorded, recorded_columns, signed, stream,
    subject_key, unsigned, uuid,
};
use crate::{envelope::Recorded, log::LogError, subject::Stream};

/// The event of a row with the columns [`recorded_columns`].
pub(super) fn event(stream: Stream, row: &SqliteRow) -> Result<Recorded, LogError> {
    let seq = row
        .try_get::<i64, _>(0)
        .map_err(|error| LogError::Corrupt(error.to_string()))?;
    let stored = || {
        Ok(Stored {
            id: row.try_get(1)?,
            subject: row.try_get(2)?,
            version: row.try_get(3)?,
            leaf: row.try_get(4)?,
            entry: row.try_get(5)?,
            body: row.try_get(6)?,
        })
    };
    recorded(stream, seq, stored())
}
