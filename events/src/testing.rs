//! Given / when / then: rules are tested on states told by events, without a log and without a clock.

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    clock::{CountingRandom, Timestamp},
    envelope::Actor,
    event::{Event, Happened},
    fold::{Fold, Versioned},
    ids::{EventId, RealmId},
    kernel::Context,
    subject::{Stream, Subject},
};

/// The moment at which rules are tested: 2026-01-01T00:00:00Z.
pub const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// An event of a subject, as it happened a day before [`NOW`] (a second later for each version).
pub fn happened(subject: Subject, version: u64, event: impl Into<Event>) -> Happened {
    let event = event.into();
    Happened {
        id: EventId(Uuid::from_u128(u128::from(version))),
        stream: Stream {
            realm: RealmId(Uuid::from_u128(0x00ea)),
            lane: subject.kind.lane(),
        },
        seq: version,
        subject: Some(subject),
        version,
        time: Timestamp::from_seconds(NOW.seconds() - 86_400).after_seconds(version),
        actor: Actor::component("test"),
        cause: None,
        trace: None,
        event_type: event.name(),
        schema: 1,
        leaf_hash: [0; 32],
        event,
    }
}

/// Given these events of one subject: its state.
pub fn given<F: Fold>(id: Uuid, events: impl IntoIterator<Item = Event>) -> Versioned<F> {
    let mut versioned = Versioned::default();
    for (version, event) in (1..).zip(events) {
        versioned.apply_all([&happened(Subject::new(F::KIND, id), version, event)]);
    }
    versioned
}

/// When a command is decided: at [`NOW`], with ids that count.
pub fn context() -> Context {
    Context::new(NOW, Arc::new(CountingRandom::default()), Actor::component("test"))
}
