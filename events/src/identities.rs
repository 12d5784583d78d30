//! Identities: what a user is known as at others whose sign-ins the realm takes. The rules: an identity (an issuer's name for somebody) is one
//! user's alone, by a claim that ends with it; the name that the issuer has for them is sealed by a key of its own, which is
//! destroyed when the identity is unlinked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    event::{DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    ids::{CredentialId, IdentityProviderId},
    sealing::{Sealed, SealedBy},
    subject::{Lane, SubjectKind},
    topics::Topic,
};

/// What happens to a user's identities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum IdentityEvent {
    /// One became the user's.
    #[serde(rename = "identity.linked")]
    Linked {
        /// Our id of it, whose key seals it.
        credential: CredentialId,
        /// The provider through which it was shown.
        provider: IdentityProviderId,
        /// The provider's issuer identifier.
        issuer: String,
        /// What the issuer calls the user (`sub`).
        subject: Sealed<String>,
        /// What the user is known as there, to tell it from others: an address or a name; empty if the provider tells neither.
        name: Sealed<String>,
    },
    /// It is the user's no more.
    #[serde(rename = "identity.unlinked")]
    Unlinked {
        /// Which.
        credential: CredentialId,
    },
}

impl DomainEvent for IdentityEvent {
    const LANE: Lane = Lane::Facts;
    const TOPIC: Topic = Topic::Users;
    const KINDS: &'static [EventKind] = &[
        EventKind::sealing(
            "identity.linked",
            &[
                ("subject", SealedBy::Credential("credential")),
                ("name", SealedBy::Credential("credential")),
            ],
            "What a user is known as at an identity provider became a way for them to sign in.",
        )
        .watched(),
        EventKind::plain(
            "identity.unlinked",
            "What a user is known as at an identity provider is no way for them to sign in any more.",
        )
        .watched(),
    ];
}

/// What a user is known as at an issuer.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Our id of it.
    pub credential: CredentialId,
    /// The provider through which it was linked.
    pub provider: IdentityProviderId,
    /// The issuer.
    pub issuer: String,
    /// The issuer's name for the user, unless erased.
    pub subject: Option<String>,
    /// What the user is known as there, unless erased or not told.
    pub name: Option<String>,
    /// When it was linked.
    pub linked: Timestamp,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("credential", &self.credential)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// The value by which an identity is claimed. An issuer identifier is a URL, and holds no space.
pub fn claimed_as(issuer: &str, subject: &str) -> String {
    format!("{issuer} {subject}")
}

/// A user's identities, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities {
    /// Those that there are.
    pub identities: Vec<Identity>,
    /// Those that were unlinked: none comes back, and their keys are to be destroyed, again if a crash came in between.
    pub removed: Vec<CredentialId>,
    /// The fact that last changed them.
    pub changed: u64,
}

impl Identities {
    /// The identity of this id.
    pub fn identity(&self, credential: CredentialId) -> Option<&Identity> {
        let mut all = self.identities.iter();
        all.find(|identity| identity.credential == credential)
    }

    /// The identity that an issuer has under this name.
    pub fn of(&self, issuer: &str, subject: &str) -> Option<&Identity> {
        let mut all = self.identities.iter();
        all.find(|identity| identity.issuer == issuer && identity.subject.as_deref() == Some(subject))
    }
}

impl Fold for Identities {
    const KIND: SubjectKind = SubjectKind::Identities;

    fn apply(&mut self, happened: &Happened) {
        match &happened.event {
            Event::Identities(IdentityEvent::Linked {
                credential,
                provider,
                issuer,
                subject,
                name,
            }) => self.identities.push(Identity {
                credential: *credential,
                provider: *provider,
                issuer: issuer.clone(),
                subject: subject.known().cloned(),
                name: name.known().filter(|name| !name.is_empty()).cloned(),
                linked: happened.time,
            }),
            Event::Identities(IdentityEvent::Unlinked { credential }) => {
                self.identities
                    .retain(|identity| identity.credential != *credential);
                self.removed.push(*credential);
            }
            _ => return,
        }
        self.changed = happened.seq;
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::testing::given;

    const USER: Uuid = Uuid::from_u128(0xa1);
    const WORK: CredentialId = CredentialId(Uuid::from_u128(1));
    const HOME: CredentialId = CredentialId(Uuid::from_u128(2));

    fn linked(credential: CredentialId, subject: &str) -> Event {
        IdentityEvent::Linked {
            credential,
            provider: IdentityProviderId(Uuid::from_u128(5)),
            issuer: "https://id.example".to_owned(),
            subject: subject.to_owned().into(),
            name: String::new().into(),
        }
        .into()
    }

    #[test]
    fn there_may_be_several_and_one_that_was_unlinked_is_gone() {
        let unlinked = IdentityEvent::Unlinked { credential: WORK };
        let all = given::<Identities>(USER, [linked(WORK, "1"), linked(HOME, "2")]).state;
        assert_eq!(
            all.of("https://id.example", "1").map(|one| one.credential),
            Some(WORK)
        );
        assert!(all.of("https://other.example", "1").is_none());
        let left = given::<Identities>(USER, [linked(WORK, "1"), linked(HOME, "2"), unlinked.into()]).state;
        assert_eq!(
            (left.identities.len(), &left.removed[..], left.changed),
            (1, &[WORK][..], 3)
        );
        assert!(left.identity(WORK).is_none() && left.identity(HOME).is_some());
    }

    #[test]
    fn no_two_identities_are_claimed_as_one() {
        assert_ne!(
            claimed_as("https://id.example", "a b"),
            claimed_as("https://id.example/a", "b")
        );
        let shown = format!("{:?}", given::<Identities>(USER, [linked(WORK, "s3cret")]).state);
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
