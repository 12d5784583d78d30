//! How it was: the projections' own functions, run over the events of a few subjects up to a moment of the past.
//! History has no second implementation.

use events::{
    clock::Timestamp,
    kernel::{Kernel, KernelError},
    subject::{Stream, Subject},
};

use crate::{projection::Projection, rows::Rows};

/// Why history could not be told.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HistoryError {
    /// The events could not be read or understood.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The projection could not make rows of them: a defect of ours.
    #[error("{projection}: {fault}")]
    Fault {
        /// Which projection.
        projection: &'static str,
        /// What it did.
        fault: String,
    },
}

/// The rows that a projection makes of these subjects' events, up to and including a moment.
pub async fn fold_until(
    kernel: &Kernel,
    projection: &dyn Projection,
    stream: Stream,
    subjects: &[Subject],
    moment: Timestamp,
) -> Result<Rows, HistoryError> {
    let mut events = Vec::new();
    for subject in subjects {
        events.extend(
            kernel
                .log()
                .load(stream, *subject, 0)
                .await
                .map_err(KernelError::from)?,
        );
    }
    events.retain(|recorded| recorded.entry.time <= moment);
    events.sort_by_key(|recorded| recorded.entry.seq);
    let mut rows = Rows::from_nothing();
    for recorded in events {
        projection.apply(&mut rows, &kernel.decode(&recorded).await?);
    }
    match rows.take_fault() {
        None => Ok(rows),
        Some(fault) => Err(HistoryError::Fault {
            projection: projection.name(),
            fault,
        }),
    }
}
