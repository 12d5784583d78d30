//! The other e-mail address that a user wants to have. The rule: it becomes theirs when both ends have said so, the new one and, where it
//! was shown to be theirs, the one before; until then nothing of them changes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    event::{DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    sealing::{Sealed, SealedBy},
    subject::{Lane, SubjectKind},
    topics::Topic,
};

/// An end of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The address that it leads to.
    New,
    /// The address that it leads away from.
    Before,
}

/// What happens to a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum EmailChangeEvent {
    /// A user wants another e-mail address; what they wanted before is void.
    #[serde(rename = "email_change.requested")]
    Requested {
        /// Which change it is.
        change: Uuid,
        /// The address.
        email: Sealed<String>,
        /// Whether the address before must agree.
        before: bool,
        /// When it is over.
        expires: Timestamp,
    },
    /// An end said so.
    #[serde(rename = "email_change.confirmed")]
    Confirmed {
        /// Which change it is.
        change: Uuid,
        /// Which end.
        end: End,
    },
    /// Both have: the address is the user's.
    #[serde(rename = "email_change.completed")]
    Completed {
        /// Which change it was.
        change: Uuid,
    },
}

impl DomainEvent for EmailChangeEvent {
    const LANE: Lane = Lane::Facts;
    const TOPIC: Topic = Topic::Users;
    const KINDS: &'static [EventKind] = &[
        EventKind::sealing(
            "email_change.requested",
            &[("email", SealedBy::SubjectUser)],
            "A user wants another e-mail address.",
        )
        .watched(),
        EventKind::plain(
            "email_change.confirmed",
            "An end of a change of an e-mail address said so.",
        ),
        EventKind::plain(
            "email_change.completed",
            "Both ends of a change said so: the address is the user's.",
        )
        .watched(),
    ];
}

/// A change that waits for its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Which it is.
    pub change: Uuid,
    /// The address; nothing once erased.
    pub email: Option<String>,
    /// The ends that must still say so.
    pub awaits: Vec<End>,
    /// When it is over.
    pub expires: Timestamp,
}

/// The other e-mail address that a user wants to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmailChange {
    /// The last one, until it is completed.
    pub pending: Option<Pending>,
}

impl EmailChange {
    /// The one that waits at a moment.
    pub fn waits(&self, now: Timestamp) -> Option<&Pending> {
        self.pending.as_ref().filter(|pending| now < pending.expires)
    }
}

impl Fold for EmailChange {
    const KIND: SubjectKind = SubjectKind::EmailChange;

    fn apply(&mut self, happened: &Happened) {
        let Event::EmailChanges(event) = &happened.event else {
            return;
        };
        match event {
            EmailChangeEvent::Requested {
                change,
                email,
                before,
                expires,
            } => {
                let ends: &[End] = if *before {
                    &[End::New, End::Before]
                } else {
                    &[End::New]
                };
                self.pending = Some(Pending {
                    change: *change,
                    email: email.known().cloned(),
                    awaits: ends.to_vec(),
                    expires: *expires,
                });
            }
            EmailChangeEvent::Confirmed { change, end } => {
                if let Some(pending) = self.pending.as_mut().filter(|pending| pending.change == *change) {
                    pending.awaits.retain(|awaited| awaited != end);
                }
            }
            EmailChangeEvent::Completed { .. } => self.pending = None,
        }
    }
}
