//! What a caller is told when a read model or the log does not answer. The rule: logged once, here; the caller hears that it was not
//! their doing, and nothing of the inside.

use projections::{HistoryError, ReadError};
use web::{Code, Problem};

/// A read model could not be asked.
pub fn unreadable(error: ReadError) -> Problem {
    match error {
        ReadError::Unavailable(_) | ReadError::Closed => {
            tracing::warn!(%error, "the read models do not answer");
            Problem::new(Code::Unavailable).retry_after(1)
        }
        ReadError::Malformed(_) => {
            tracing::error!(%error, "a read model is damaged");
            Problem::new(Code::Internal)
        }
    }
}

/// History could not be folded.
pub fn unknowable(error: HistoryError) -> Problem {
    match error {
        HistoryError::Kernel(error) => error.into(),
        HistoryError::Fault { .. } => {
            tracing::error!(%error, "a projection could not tell history");
            Problem::new(Code::Internal)
        }
    }
}
