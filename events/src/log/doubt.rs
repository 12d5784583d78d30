//! What an engine makes of a commit whose fate it does not know: the same appends are committed again under the same event ids,
//! once nothing of the first attempt can land any more, and those that are there already have landed.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{
    ids::EventId,
    log::{Append, Position, Receipt, Verdict, judge::used},
    subject::Stream,
};

/// What is known of the batch's event ids before an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ids {
    /// New, for all we know.
    New,
    /// One of them is in the log already: a caller used it twice.
    Used,
    /// An earlier attempt may have landed.
    InDoubt,
}

/// What ails an append that an index refuses though its ids are new.
pub(super) const CONTRADICTION: &str = "the log's indexes contradict one another";

/// The verdict on an append that the log cannot take.
pub(super) fn unavailable(text: String, ids: Ids) -> Verdict {
    Verdict::Unavailable(if ids == Ids::InDoubt {
        // The one case in which we cannot know. A repetition under the same command key will tell.
        format!("{text}; it is not known whether this was committed")
    } else {
        text
    })
}

/// An event that is in the log already.
#[derive(Debug)]
pub(super) struct Landed {
    pub stream: Stream,
    pub seq: u64,
    pub version: Option<u64>,
}

/// The verdict on an append whose events are in the log already. One without events is found by its command key, and
/// answered as repeated: its first attempt may have landed, and there is nothing that it could have done twice.
pub(super) fn already(
    append: &Append,
    landed: &HashMap<EventId, Landed>,
    ids: Ids,
    incarnation: Uuid,
) -> Option<Verdict> {
    let found: Vec<&Landed> = append
        .events
        .iter()
        .filter_map(|event| landed.get(&event.id))
        .collect();
    let last = found.last()?;
    let wholly =
        found.len() == append.events.len() && found.iter().all(|event| event.stream == append.stream);
    if ids != Ids::InDoubt || !wholly {
        let used_id = append
            .events
            .iter()
            .map(|event| event.id)
            .find(|id| landed.contains_key(id))?;
        return Some(used(used_id));
    }
    let subject = append.events.first().and_then(|event| event.subject);
    let versions = append
        .events
        .iter()
        .zip(&found)
        .filter(|(event, _)| event.subject == subject);
    Some(Verdict::Committed(Receipt {
        id: append.target,
        version: versions.filter_map(|(_, event)| event.version).max().unwrap_or(0),
        position: Position {
            incarnation,
            stream: append.stream,
            seq: last.seq,
        },
        events: append
            .events
            .iter()
            .map(|event| event.event_type.to_owned())
            .collect(),
    }))
}
