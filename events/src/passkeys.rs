//! Passkeys (Web Authentication Level 3): what a user's authenticators made for this realm. The rules: there is nothing secret in a
//! passkey, but what tells it from others is sealed by a key of its own, which is destroyed when it is removed; a credential id
//! is one user's alone, by a claim that ends with the passkey; the counter of one that counts is a fact, so that a copy is found out
//! however long ago it was made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    event::{DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    ids::CredentialId,
    sealing::{Sealed, SealedBy},
    subject::{Lane, SubjectKind},
    topics::Topic,
};

/// What happens to a user's passkeys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum PasskeyEvent {
    /// An authenticator made a passkey.
    #[serde(rename = "passkey.registered")]
    Registered {
        /// Our id of it, whose key seals it.
        credential: CredentialId,
        /// What its owner calls it.
        name: Sealed<String>,
        /// The credential id that the authenticator gave it, base64url, of at most 1,023 bytes.
        credential_id: Sealed<String>,
        /// Its public key: a COSE_Key (RFC 9052), base64url.
        public_key: Sealed<String>,
        /// What the authenticator says of it.
        authenticator: AuthenticatorTold,
    },
    /// Its owner calls it something else.
    #[serde(rename = "passkey.renamed")]
    Renamed {
        /// Which.
        credential: CredentialId,
        /// The new name.
        name: Sealed<String>,
    },
    /// It was used, and what it says of itself changed: told for those that count or whose backup state is another, before what the
    /// use leads to.
    #[serde(rename = "passkey.used")]
    Used {
        /// Which.
        credential: CredentialId,
        /// How often it signed, as it says; 0 where it does not count.
        counter: u32,
        /// Whether it is copied to other devices.
        backed_up: bool,
    },
    /// It was removed.
    #[serde(rename = "passkey.removed")]
    Removed {
        /// Which.
        credential: CredentialId,
    },
}

/// What an authenticator says of a passkey when it makes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuthenticatorTold {
    /// The kind of authenticator (AAGUID); zero where it does not say.
    pub aaguid: Uuid,
    /// Whether its maker signed that, and the realm trusts the maker.
    pub attested: bool,
    /// How often it signed; 0 where it does not count.
    pub counter: u32,
    /// Whether it made sure who was there.
    pub user_verified: bool,
    /// Whether the passkey can be copied to other devices. That never changes.
    pub backup_eligible: bool,
    /// Whether it is.
    pub backed_up: bool,
    /// How it can be reached: `internal`, `hybrid`, `usb`, `nfc`, `ble`. A hint for browsers.
    pub transports: Vec<String>,
}

impl DomainEvent for PasskeyEvent {
    const LANE: Lane = Lane::Facts;
    const TOPIC: Topic = Topic::Users;
    const KINDS: &'static [EventKind] = &[
        EventKind::sealing(
            "passkey.registered",
            &[
                ("name", SealedBy::Credential("credential")),
                ("credential_id", SealedBy::Credential("credential")),
                ("public_key", SealedBy::Credential("credential")),
            ],
            "A passkey was registered.",
        )
        .watched(),
        EventKind::sealing(
            "passkey.renamed",
            &[("name", SealedBy::Credential("credential"))],
            "A passkey was given another name.",
        ),
        EventKind::plain(
            "passkey.used",
            "A passkey was used, and counted it or told that it is backed up or no longer is.",
        ),
        EventKind::plain("passkey.removed", "A passkey was removed.").watched(),
    ];
}

/// A passkey.
#[derive(Clone, PartialEq)]
pub struct Passkey {
    /// Our id of it.
    pub credential: CredentialId,
    /// What its owner calls it, unless erased.
    pub name: Option<String>,
    /// The credential id, base64url, unless erased.
    pub credential_id: Option<String>,
    /// The public key, a COSE_Key in base64url, unless erased.
    pub public_key: Option<String>,
    /// What the authenticator says: the counter and whether it is backed up as of its last use, the rest as when it was registered.
    pub authenticator: AuthenticatorTold,
    /// When it was registered.
    pub registered: Timestamp,
}

impl Passkey {
    /// Whether it is known to be in hardware that does not give it away: its maker says so, and it cannot be copied.
    pub const fn is_in_hardware(&self) -> bool {
        self.authenticator.attested && !self.authenticator.backup_eligible
    }
}

impl std::fmt::Debug for Passkey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passkey")
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

/// A user's passkeys, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Passkeys {
    /// Those that there are.
    pub passkeys: Vec<Passkey>,
    /// Those that were removed: none comes back, and their keys are to be destroyed, again if a crash came in between.
    pub removed: Vec<CredentialId>,
    /// The fact that last added or removed one.
    pub changed: u64,
}

impl Passkeys {
    /// The passkey of this id of ours.
    pub fn passkey(&self, credential: CredentialId) -> Option<&Passkey> {
        self.passkeys
            .iter()
            .find(|passkey| passkey.credential == credential)
    }

    /// The passkey of this credential id.
    pub fn of_credential_id(&self, credential_id: &str) -> Option<&Passkey> {
        self.passkeys
            .iter()
            .find(|passkey| passkey.credential_id.as_deref() == Some(credential_id))
    }

    fn change(&mut self, credential: CredentialId, change: impl FnOnce(&mut Passkey)) {
        let found = self
            .passkeys
            .iter_mut()
            .find(|passkey| passkey.credential == credential);
        if let Some(passkey) = found {
            change(passkey);
        }
    }
}

impl Fold for Passkeys {
    const KIND: SubjectKind = SubjectKind::Passkeys;

    fn apply(&mut self, happened: &Happened) {
        let Event::Passkeys(event) = &happened.event else {
            return;
        };
        match event {
            PasskeyEvent::Registered {
                credential,
                name,
                credential_id,
                public_key,
                authenticator,
            } => {
                self.passkeys.push(Passkey {
                    credential: *credential,
                    name: name.known().cloned(),
                    credential_id: credential_id.known().cloned(),
                    public_key: public_key.known().cloned(),
                    authenticator: authenticator.clone(),
                    registered: happened.time,
                });
                self.changed = happened.seq;
            }
            PasskeyEvent::Renamed { credential, name } => {
                self.change(*credential, |passkey| passkey.name = name.known().cloned());
            }
            PasskeyEvent::Used {
                credential,
                counter,
                backed_up,
            } => self.change(*credential, |passkey| {
                passkey.authenticator.counter = *counter;
                passkey.authenticator.backed_up = *backed_up;
            }),
            PasskeyEvent::Removed { credential } => {
                self.passkeys.retain(|passkey| passkey.credential != *credential);
                self.removed.push(*credential);
                self.changed = happened.seq;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::given;

    const USER: Uuid = Uuid::from_u128(0xa1);
    const FIRST: CredentialId = CredentialId(Uuid::from_u128(1));
    const SECOND: CredentialId = CredentialId(Uuid::from_u128(2));

    fn registered(credential: CredentialId, credential_id: &str) -> Event {
        PasskeyEvent::Registered {
            credential,
            name: "Laptop".to_owned().into(),
            credential_id: credential_id.to_owned().into(),
            public_key: "pQEC".to_owned().into(),
            authenticator: AuthenticatorTold {
                counter: 1,
                ..AuthenticatorTold::default()
            },
        }
        .into()
    }

    #[test]
    fn there_may_be_several_and_one_that_was_removed_is_gone() {
        let removed = PasskeyEvent::Removed { credential: FIRST };
        let events = [registered(FIRST, "AA"), registered(SECOND, "BB"), removed.into()];
        let passkeys = given::<Passkeys>(USER, events).state;
        assert_eq!((passkeys.removed.as_slice(), passkeys.changed), (&[FIRST][..], 3));
        assert_eq!(passkeys.of_credential_id("AA"), None);
        let found = passkeys.of_credential_id("BB").map(|passkey| passkey.credential);
        assert_eq!((found, passkeys.passkeys.len()), (Some(SECOND), 1));
    }

    #[test]
    fn what_it_says_of_itself_is_as_of_its_last_use_and_its_attempts_stay_its_own() {
        let used = PasskeyEvent::Used {
            credential: FIRST,
            counter: 7,
            backed_up: true,
        };
        let renamed = PasskeyEvent::Renamed {
            credential: FIRST,
            name: "Key".to_owned().into(),
        };
        let events = [registered(FIRST, "AA"), used.into(), renamed.into()];
        let passkeys = given::<Passkeys>(USER, events).state;
        let passkey = passkeys.passkey(FIRST).unwrap();
        assert_eq!(
            (passkey.authenticator.counter, passkey.authenticator.backed_up),
            (7, true)
        );
        assert_eq!((passkey.name.as_deref(), passkeys.changed), (Some("Key"), 1));
    }

    #[test]
    fn it_is_known_to_be_in_hardware_only_where_its_maker_says_so() {
        let mut passkeys = given::<Passkeys>(USER, [registered(FIRST, "AA")]).state;
        let passkey = &mut passkeys.passkeys[0];
        assert!(!passkey.is_in_hardware());
        passkey.authenticator.attested = true;
        assert!(passkey.is_in_hardware());
        passkey.authenticator.backup_eligible = true;
        assert!(!passkey.is_in_hardware());
    }

    #[test]
    fn what_tells_it_from_others_is_not_shown() {
        let shown = format!("{:?}", given::<Passkeys>(USER, [registered(FIRST, "AAid")]).state);
        assert!(!shown.contains("AAid") && !shown.contains("Laptop"), "{shown}");
    }
}
