//! What makes an append malformed, whatever the log holds. The same for every engine.

use std::collections::HashSet;

use super::{Append, ClaimChange};
use crate::{
    envelope::MAX_BODY_BYTES,
    subject::{Lane, Subject},
};

/// The first rule that an append breaks, for people; `None` if it is well formed.
pub(super) fn broken(append: &Append) -> Option<String> {
    events(append)
        .or_else(|| conditions(append))
        .or_else(|| claims(append))
}

fn events(append: &Append) -> Option<String> {
    if append.events.is_empty() {
        return nothing(append);
    }
    let mut ids = HashSet::with_capacity(append.events.len());
    for event in &append.events {
        if !ids.insert(event.id) {
            return Some(format!("the event id {} is used twice", event.id));
        }
        if event.body.len() >= MAX_BODY_BYTES {
            return Some(format!(
                "the body of {} has {} bytes",
                event.event_type,
                event.body.len()
            ));
        }
        if let Some(subject) = event.subject {
            if let Some(text) = foreign(subject, append.stream.lane) {
                return Some(text);
            }
            if !append
                .conditions
                .iter()
                .any(|condition| condition.subject == subject)
            {
                return Some(format!(
                    "{} changes {subject} without a condition on it",
                    event.event_type
                ));
            }
        }
    }
    None
}

/// Without events there is only a command to remember; a claim would be told by no event.
fn nothing(append: &Append) -> Option<String> {
    if append.command.is_none() {
        return Some("an append carries an event or a command key".to_owned());
    }
    (!append.claims.is_empty()).then(|| "an append without events makes no claims".to_owned())
}

fn conditions(append: &Append) -> Option<String> {
    for (index, condition) in append.conditions.iter().enumerate() {
        if let Some(text) = foreign(condition.subject, append.stream.lane) {
            return Some(text);
        }
        let differs = |other: &&super::Condition| {
            other.subject == condition.subject && other.version != condition.version
        };
        if append.conditions[..index].iter().any(|other| differs(&other)) {
            return Some(format!(
                "two conditions on {} contradict each other",
                condition.subject
            ));
        }
    }
    None
}

/// A claim is changed once, or released and then held anew (a name changes hands within one append).
fn claims(append: &Append) -> Option<String> {
    for (index, change) in append.claims.iter().enumerate() {
        let mut earlier = append.claims[..index]
            .iter()
            .filter(|other| other.key() == change.key());
        match (earlier.next(), change) {
            (None, _) => {}
            (Some(ClaimChange::Release { .. }), ClaimChange::Hold { .. }) if earlier.next().is_none() => {}
            (Some(_), _) => return Some(format!("a claim of kind {:?} is changed twice", change.key().0)),
        }
    }
    None
}

fn foreign(subject: Subject, lane: Lane) -> Option<String> {
    (subject.kind.lane() != lane).then(|| format!("{subject} does not live in the {lane} lane"))
}
