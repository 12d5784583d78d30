//! Compliance: what people consented to give applications (OAuth consents), as facts.
//!
//! The rule: a consent is of one user and one application; withdrawing it ends, on every node within a second, what was granted before,
//! because each grant remembers the version of the consent that it was given under.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    event::{DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    ids::{ApplicationId, UserId},
    subject::{Lane, SubjectKind},
    topics::Topic,
};

/// The id of the consent of a user and an application: the same on every node, and of no other pair.
pub fn consent_id(user: UserId, client: ApplicationId) -> Uuid {
    let pair = [user.0.as_bytes().as_slice(), client.0.as_bytes()].concat();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest(&SHA256, &pair).as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// What happens to consents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum ComplianceEvent {
    /// A user allowed an application something, besides what they had allowed it before.
    #[serde(rename = "consent.given")]
    ConsentGiven {
        /// Who.
        user: UserId,
        /// To which application.
        client: ApplicationId,
        /// The scopes that are allowed now, all of them.
        scopes: BTreeSet<String>,
        /// The claims that are allowed now beyond those of the scopes, all of them (OpenID Connect Core, 5.5).
        claims: BTreeSet<String>,
    },
    /// A consent was withdrawn: what the application got by it is refused from now on.
    #[serde(rename = "consent.withdrawn")]
    ConsentWithdrawn {
        /// Whose.
        user: UserId,
        /// From which application.
        client: ApplicationId,
    },
}

impl DomainEvent for ComplianceEvent {
    const LANE: Lane = Lane::Facts;
    const TOPIC: Topic = Topic::Compliance;
    const KINDS: &'static [EventKind] = &[
        EventKind::plain(
            "consent.given",
            "A user allowed an application to have something of theirs.",
        ),
        EventKind::plain(
            "consent.withdrawn",
            "A user's consent for an application was withdrawn, and ended what it had given.",
        ),
    ];
}

/// What a user allows an application now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// The scopes.
    pub scopes: BTreeSet<String>,
    /// The claims beyond those of the scopes.
    pub claims: BTreeSet<String>,
    /// Since when; the default if there is no consent.
    pub given: Timestamp,
    /// The subject's version at the last withdrawal: a grant that was given under an earlier version is over. 0 if there was none.
    pub withdrawn: u64,
}

impl Consent {
    /// Whether this much is allowed.
    pub fn covers(&self, scopes: &BTreeSet<String>, claims: &BTreeSet<String>) -> bool {
        scopes.is_subset(&self.scopes) && claims.is_subset(&self.claims)
    }

    /// Whether what was granted under this version of the consent has been withdrawn since.
    pub const fn ended(&self, version: u64) -> bool {
        version < self.withdrawn
    }
}

impl Fold for Consent {
    const KIND: SubjectKind = SubjectKind::Consent;

    fn apply(&mut self, happened: &Happened) {
        match &happened.event {
            Event::Compliance(ComplianceEvent::ConsentGiven { scopes, claims, .. }) => {
                self.scopes.clone_from(scopes);
                self.claims.clone_from(claims);
                self.given = happened.time;
            }
            Event::Compliance(ComplianceEvent::ConsentWithdrawn { .. }) => {
                *self = Self {
                    withdrawn: happened.version,
                    ..Self::default()
                };
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::given;

    const USER: UserId = UserId(Uuid::from_u128(1));
    const CLIENT: ApplicationId = ApplicationId(Uuid::from_u128(2));

    fn allow(scope: &str) -> Event {
        ComplianceEvent::ConsentGiven {
            user: USER,
            client: CLIENT,
            scopes: [scope.to_owned()].into(),
            claims: BTreeSet::new(),
        }
        .into()
    }

    #[test]
    fn a_pair_has_one_consent_and_no_other_pair_has_it() {
        assert_eq!(consent_id(USER, CLIENT), consent_id(USER, CLIENT));
        let swapped = (UserId(CLIENT.0), ApplicationId(USER.0));
        assert_ne!(consent_id(USER, CLIENT), consent_id(swapped.0, swapped.1));
    }

    #[test]
    fn withdrawing_ends_what_was_given_before_and_not_what_is_given_after() {
        let withdrawn = ComplianceEvent::ConsentWithdrawn {
            user: USER,
            client: CLIENT,
        };
        let id = consent_id(USER, CLIENT);
        let consent = given::<Consent>(id, [allow("a"), withdrawn.into()]).state;
        assert!(consent.ended(0) && consent.ended(1) && !consent.ended(2));
        assert!(!consent.covers(&["a".to_owned()].into(), &BTreeSet::new()));
        let again = given::<Consent>(id, [allow("a")]).state;
        assert!(again.covers(&["a".to_owned()].into(), &BTreeSet::new()));
        assert!(!again.ended(0));
    }
}
