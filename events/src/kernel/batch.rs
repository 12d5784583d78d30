//! Batches of a stream: read, understood as far as they can be, and what is wrong with the next event told.
//!
//! The rule: damage is found out event by event, so that it stops its own stream, and not before its time. An outage is no
//! damage: it stops nothing, and the batch is tried again.

use std::sync::Arc;

use futures::{StreamExt, stream};

use super::{Kernel, KernelError};
use crate::{
    envelope::Recorded,
    event::{DecodeError, Happened},
    log::{Log, LogError},
    subject::Stream,
};

/// How many events of a batch are understood at a time.
const AT_ONCE: usize = 16;

/// An event before which whoever follows a stream stands still.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Its seq.
    pub seq: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// Events of a stream after a seq.
#[derive(Debug)]
pub struct Batch {
    /// The event at that seq.
    pub standing: Option<Recorded>,
    /// What comes after it.
    pub recorded: Vec<Recorded>,
    /// Those of them that are understood.
    pub happened: Vec<Happened>,
    /// What is wrong with the next.
    pub poison: Option<Fault>,
}

/// What comes after a seq, as far as it can be understood, and what is wrong with the next.
pub(super) async fn fetch(
    kernel: &Kernel,
    stream: Stream,
    from: u64,
    limit: usize,
) -> Result<Batch, KernelError> {
    // From the cursor's own event on, so that every batch begins by comparing it.
    let (mut recorded, damage) = read(kernel.log(), stream, from.saturating_sub(1), limit + 1).await?;
    let standing = (from > 0 && !recorded.is_empty()).then(|| recorded.remove(0));
    let (happened, poison) = understand(kernel, from, &recorded).await?;
    Ok(Batch {
        standing,
        recorded,
        happened,
        poison: poison.or(damage),
    })
}

/// A batch of a stream after a seq, as far as it is sound, and what is wrong with the next: damage is found out event by
/// event, so that it stops this stream alone, and not before its time.
async fn read(
    log: &Arc<dyn Log>,
    stream: Stream,
    after: u64,
    limit: usize,
) -> Result<(Vec<Recorded>, Option<Fault>), LogError> {
    match log.read(stream, after, limit).await {
        Err(LogError::Corrupt(_)) => {}
        answer => return answer.map(|recorded| (recorded, None)),
    }
    let mut sound: Vec<Recorded> = Vec::new();
    while sound.len() < limit {
        let last = sound.last().map_or(after, |recorded| recorded.entry.seq);
        match log.read(stream, last, 1).await {
            Ok(next) if next.is_empty() => break,
            Ok(next) => sound.extend(next),
            Err(error @ LogError::Corrupt(_)) => {
                let (seq, reason) = (last + 1, error.to_string());
                return Ok((sound, Some(Fault { seq, reason })));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((sound, None))
}

/// Understands events as far as they can be, and says what is wrong with the next. Several at a time: most wait for a key.
/// An event whose key cannot be asked for has nothing wrong with it.
async fn understand(
    kernel: &Kernel,
    from: u64,
    recorded: &[Recorded],
) -> Result<(Vec<Happened>, Option<Fault>), KernelError> {
    let mut happened = Vec::with_capacity(recorded.len());
    let decoding: Vec<_> = recorded.iter().map(|recorded| kernel.decode(recorded)).collect();
    let mut decoded = stream::iter(decoding).buffered(AT_ONCE);
    for (seq, recorded) in (from + 1..).zip(recorded) {
        if recorded.entry.seq != seq {
            let reason = "the stream has a gap here".to_owned();
            return Ok((happened, Some(Fault { seq, reason })));
        }
        match decoded.next().await {
            Some(Ok(event)) => happened.push(event),
            Some(Err(error)) if error.is_outage() => return Err(error),
            Some(Err(error)) => {
                let reason = told(&error);
                return Ok((happened, Some(Fault { seq, reason })));
            }
            None => break,
        }
    }
    Ok((happened, None))
}

/// What may be logged of an error: a malformed body's own words could quote personal data.
pub fn told(error: &KernelError) -> String {
    match error {
        KernelError::Decode(DecodeError::Malformed { name, .. }) => format!("malformed body of {name}"),
        error => error.to_string(),
    }
}
