//! What a decision may know besides the state: the moment, the actor, new ids. Nothing else; no I/O.

use std::sync::Arc;

use uuid::Uuid;

use crate::{
    clock::{Random, Timestamp},
    envelope::Actor,
    event::Network,
    ids::{EventId, UserId},
    log::CommandKey,
};

/// The circumstances of one command.
#[derive(Clone, Debug)]
pub struct Context {
    /// When it was received. A retry decides at the same moment.
    pub now: Timestamp,
    /// Who sent it.
    pub actor: Actor,
    /// Where it came from, if over the network.
    pub network: Option<Network>,
    /// Its identity, if it has one.
    pub command: Option<CommandKey>,
    /// The version of the decided subject that the caller insists on (`If-Match`).
    pub if_match: Option<u64>,
    /// The event that it follows from.
    pub cause: Option<EventId>,
    random: Arc<dyn Random>,
}

impl Context {
    /// The circumstances of a command that nothing more is known of.
    pub fn new(now: Timestamp, random: Arc<dyn Random>, actor: Actor) -> Self {
        Self {
            now,
            actor,
            network: None,
            command: None,
            if_match: None,
            cause: None,
            random,
        }
    }

    /// A new id, of the moment of this command.
    pub fn new_id(&self) -> Uuid {
        crate::clock::new_id(self.now, &*self.random)
    }

    /// Whose key seals the network data, besides the month's: the acting user's, if they are of this realm.
    pub(crate) fn network_user(&self) -> Option<UserId> {
        if self.actor.realm.is_some() {
            None
        } else {
            self.actor.user
        }
    }
}
