//! What PostgreSQL's errors mean for an append: whether it may have been committed, and whether trying again helps.

use sqlx::postgres::PgDatabaseError;

use crate::log::LogError;

const DATA_CORRUPTED: &str = "XX001";
const INDEX_CORRUPTED: &str = "XX002";

/// Why a transaction did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Nothing was written, and there is no room.
    #[error("the database server's disk is full")]
    Full,
    /// Nothing was written, since another transaction was in the way, or the server took too long.
    #[error("{0}")]
    Again(String),
    /// A unique index refused a row.
    #[error("an index refused a row")]
    NotUnique,
    /// Something that an append asked for cannot be read. Nothing was written.
    #[error("{0}")]
    Damaged(String),
    /// The connection or the server failed.
    #[error("{text}")]
    Broken {
        /// For people.
        text: String,
        /// Whether the transaction may have been committed nevertheless.
        in_doubt: bool,
    },
}

impl Failure {
    pub fn broken(text: impl Into<String>) -> Self {
        Self::Broken {
            text: text.into(),
            in_doubt: false,
        }
    }

    /// The same failure, when it was COMMIT that failed. The server's word that there was no room is believed; whatever else it
    /// was, the transaction is looked for.
    pub fn at_commit(self) -> Self {
        match self {
            Self::Full => Self::Full,
            other => Self::Broken {
                text: other.to_string(),
                in_doubt: true,
            },
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        const NOT_UNIQUE: &str = "23505";
        const DISK_FULL: &str = "53100";
        const SERIALIZATION: &str = "40001";
        const DEADLOCK: &str = "40P01";
        const LOCK_TIMEOUT: &str = "55P03";
        const STATEMENT_TIMEOUT: &str = "57014";
        match code(&error) {
            Some(NOT_UNIQUE) => Self::NotUnique,
            Some(DISK_FULL) => Self::Full,
            Some(SERIALIZATION | DEADLOCK | LOCK_TIMEOUT | STATEMENT_TIMEOUT) => {
                Self::Again(error.to_string())
            }
            Some(DATA_CORRUPTED | INDEX_CORRUPTED) => Self::Damaged(error.to_string()),
            None if matches!(error, sqlx::Error::ColumnDecode { .. }) => Self::Damaged(error.to_string()),
            // Among them: the server stops or starts, it has no connection left, it is a replica that takes no writes.
            // A new connection may lead elsewhere, or a little later.
            _ => Self::broken(error.to_string()),
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Corrupt(_) => Self::Damaged(error.to_string()),
            LogError::Unavailable(_) | LogError::Refused(_) => Self::broken(error.to_string()),
        }
    }
}

impl From<Failure> for LogError {
    fn from(failure: Failure) -> Self {
        Self::Unavailable(failure.to_string())
    }
}

/// What reading failed with: damage is told apart from a server that cannot be reached now.
pub(super) fn failed(error: sqlx::Error) -> LogError {
    match code(&error) {
        Some(DATA_CORRUPTED | INDEX_CORRUPTED) => LogError::Corrupt(error.to_string()),
        _ if let sqlx::Error::Configuration(why) = &error => LogError::Refused(why.to_string()),
        _ => LogError::Unavailable(error.to_string()),
    }
}

/// The server's SQLSTATE, where the error is the server's.
fn code(error: &sqlx::Error) -> Option<&str> {
    error
        .as_database_error()?
        .try_downcast_ref::<PgDatabaseError>()
        .map(PgDatabaseError::code)
}
