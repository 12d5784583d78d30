//! Applying a batch to one projection, purely: load what its events touch, apply them in memory, and stop before the
//! first that cannot be applied. A projection that panics or breaks its word takes nothing else with it.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use events::{event::Happened, kernel::batch::Fault};

use crate::{projection::Projection, reads::ReadError, rows::Rows, store::Store, table::Key};

/// Applies as many events as it can: the rows then, how many that were, and what is wrong with the next.
pub async fn advance(
    store: &Store,
    projection: &dyn Projection,
    happened: &[Happened],
) -> Result<(Rows, usize, Option<Fault>), ReadError> {
    let mut done = happened.len();
    let mut fault = None;
    loop {
        let outcome = match keys_of(projection, &happened[..done]) {
            Err(fault) => Err(fault),
            Ok(keys) => {
                let found = store.load(&keys).await?;
                apply(projection, Rows::loaded(keys, found), &happened[..done])
            }
        };
        match outcome {
            Ok(rows) => return Ok((rows, done, fault)),
            // Purely: what was applied before it is applied again without it. Each time there is less to apply.
            Err((at, reason)) => {
                done = at;
                fault = Some(Fault {
                    seq: happened[at].seq,
                    reason: reason.clone(),
                });
            }
        }
    }
}

fn keys_of(projection: &dyn Projection, happened: &[Happened]) -> Result<BTreeSet<Key>, (usize, String)> {
    let mut keys = BTreeSet::new();
    for (at, event) in happened.iter().enumerate() {
        keys.extend(guarded(|| projection.touches(event)).map_err(|reason| (at, reason))?);
    }
    Ok(keys)
}

fn apply(
    projection: &dyn Projection,
    mut rows: Rows,
    happened: &[Happened],
) -> Result<Rows, (usize, String)> {
    for (at, event) in happened.iter().enumerate() {
        guarded(|| projection.apply(&mut rows, event)).map_err(|reason| (at, reason))?;
        if let Some(fault) = rows.take_fault() {
            return Err((at, fault));
        }
    }
    Ok(rows)
}

fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| "the projection panicked".to_owned())
}
