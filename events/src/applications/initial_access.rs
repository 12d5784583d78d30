//! Who may register applications without being an administrator: initial access tokens (RFC 7591, section 3).
//! The rule: the token is in its holder's hands alone; kept is how often it may be used, and by which applications it was.

use crate::{
    applications::ApplicationEvent,
    clock::Timestamp,
    event::{Event, Happened},
    fold::Fold,
    subject::SubjectKind,
};

/// An initial access token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InitialAccess {
    /// How many applications may register by it; 0 if there is no such token.
    pub uses: u32,
    /// How many did.
    pub used: u32,
    /// Until when they may.
    pub expires: Timestamp,
    /// Whether it was withdrawn.
    pub revoked: bool,
}

impl InitialAccess {
    /// Whether there is such a token.
    pub const fn exists(&self) -> bool {
        self.uses > 0
    }

    /// Whether an application may register by it now.
    pub fn is_good(&self, now: Timestamp) -> bool {
        !self.revoked && self.used < self.uses && now < self.expires
    }
}

impl Fold for InitialAccess {
    const KIND: SubjectKind = SubjectKind::InitialAccess;

    fn apply(&mut self, happened: &Happened) {
        match &happened.event {
            Event::Applications(ApplicationEvent::InitialAccessGranted { uses, expires }) => {
                self.uses = *uses;
                self.expires = *expires;
            }
            Event::Applications(ApplicationEvent::InitialAccessUsed { .. }) => self.used += 1,
            Event::Applications(ApplicationEvent::InitialAccessRevoked {}) => self.revoked = true,
            _ => {}
        }
    }
}
