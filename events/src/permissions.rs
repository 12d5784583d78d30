//! Permissions: which roles a principal (a user or an application) holds.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event::{DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    subject::{Lane, SubjectKind},
    topics::Topic,
};

/// The roles that every realm has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Everything, in every realm. Can be held in the `system` realm only.
    PlatformAdministrator,
    /// Everything in its own realm.
    RealmAdministrator,
    /// Reads everything in its own realm, writes nothing.
    Auditor,
    /// Reads the users and applications of its own realm.
    Application,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 4] = [
        Role::PlatformAdministrator,
        Role::RealmAdministrator,
        Role::Auditor,
        Role::Application,
    ];

    /// The name, as in JSON and in URLs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::PlatformAdministrator => "platform-administrator",
            Role::RealmAdministrator => "realm-administrator",
            Role::Auditor => "auditor",
            Role::Application => "application",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(())
    }
}

/// What kind of principal holds a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A user.
    User,
    /// An application, acting for itself.
    Application,
}

/// What happens to the roles of one principal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum PermissionEvent {
    /// A role was given.
    #[serde(rename = "role.assigned")]
    Assigned {
        /// Which.
        role: Role,
        /// To what kind of principal; its id is the subject's.
        principal: PrincipalKind,
    },
    /// A role was taken.
    #[serde(rename = "role.revoked")]
    Revoked {
        /// Which.
        role: Role,
        /// From what kind of principal; its id is the subject's.
        principal: PrincipalKind,
    },
}

impl DomainEvent for PermissionEvent {
    const LANE: Lane = Lane::Facts;
    const TOPIC: Topic = Topic::Permissions;
    const KINDS: &'static [EventKind] = &[
        EventKind::plain("role.assigned", "A role was given to a user or an application.").watched(),
        EventKind::plain("role.revoked", "A role was taken from a user or an application.").watched(),
    ];
}

/// The roles that a principal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignments {
    /// All of them.
    pub roles: BTreeSet<Role>,
}

impl Fold for Assignments {
    const KIND: SubjectKind = SubjectKind::Assignments;

    fn apply(&mut self, happened: &Happened) {
        match &happened.event {
            Event::Permissions(PermissionEvent::Assigned { role, .. }) => self.roles.insert(*role),
            Event::Permissions(PermissionEvent::Revoked { role, .. }) => self.roles.remove(role),
            _ => false,
        };
    }
}
