//! A device that waits for its user's approval on another device (RFC 8628). The rule: it is answered once, for good.

use super::AuthEvent;
use crate::{
    clock::Timestamp,
    event::{Event, Happened},
    fold::Fold,
    ids::{ApplicationId, GrantId, SessionId, UserId},
    subject::SubjectKind,
};

/// What the user answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceAnswer {
    /// They approved.
    Approved {
        /// Who.
        user: UserId,
        /// In which session.
        session: SessionId,
        /// The grant that the device will start.
        grant: GrantId,
        /// The version of their consent for the application.
        consent: u64,
    },
    /// They refused.
    Denied,
}

/// A device authorization.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceAuthorization {
    /// The application on the device; `None` if there is no such request.
    pub client: Option<ApplicationId>,
    /// What it asks for.
    pub scopes: Vec<String>,
    /// The resources that it asks for; none for all of the application's.
    pub resources: Vec<String>,
    /// When it is too late to answer or to redeem.
    pub expires: Timestamp,
    /// What the user answered; `None` while they have not.
    pub answer: Option<DeviceAnswer>,
}

impl DeviceAuthorization {
    /// Whether the user may still answer.
    pub fn is_pending(&self, now: Timestamp) -> bool {
        self.client.is_some() && self.answer.is_none() && now < self.expires
    }
}

impl Fold for DeviceAuthorization {
    const KIND: SubjectKind = SubjectKind::DeviceAuthorization;

    fn apply(&mut self, happened: &Happened) {
        match &happened.event {
            Event::Auth(AuthEvent::DeviceRequested {
                client,
                scopes,
                resources,
                expires,
            }) => {
                self.client = Some(*client);
                self.scopes.clone_from(scopes);
                self.resources.clone_from(resources);
                self.expires = *expires;
            }
            Event::Auth(AuthEvent::DeviceApproved {
                user,
                session,
                grant,
                consent,
            }) => {
                self.answer = Some(DeviceAnswer::Approved {
                    user: *user,
                    session: *session,
                    grant: *grant,
                    consent: *consent,
                });
            }
            Event::Auth(AuthEvent::DeviceDenied { .. }) => self.answer = Some(DeviceAnswer::Denied),
            _ => {}
        }
    }
}
