//! What people show besides a password: one-time-password devices and recovery codes. The rule: a secret is sealed by a key of its
//! own credential, which is destroyed when the credential is removed or replaced; what a person chose to call it goes with it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    clock::Timestamp,
    event::{DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    ids::CredentialId,
    sealing::{Sealed, SealedBy},
    subject::{Lane, SubjectKind},
    topics::Topic,
};

/// What happens to a user's credentials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum CredentialEvent {
    /// A device that shows one-time passwords was enrolled (RFC 6238).
    #[serde(rename = "totp.enrolled")]
    TotpEnrolled {
        /// The credential whose key seals it.
        credential: CredentialId,
        /// What its owner calls it.
        name: Sealed<String>,
        /// What it and we share, in base 32.
        secret: Sealed<String>,
    },
    /// It was removed.
    #[serde(rename = "totp.removed")]
    TotpRemoved {
        /// Which.
        credential: CredentialId,
    },
    /// Recovery codes were made, in place of any before.
    #[serde(rename = "recovery_codes.generated")]
    RecoveryCodesGenerated {
        /// The credential whose key seals them; new with each set.
        credential: CredentialId,
        /// Their digests under a key of the realm, hexadecimal, in order.
        digests: Sealed<Vec<String>>,
        /// How many they are.
        count: u32,
    },
    /// Recovery codes were removed.
    #[serde(rename = "recovery_codes.removed")]
    RecoveryCodesRemoved {
        /// Which set.
        credential: CredentialId,
    },
    /// A recovery code was used in a sign-in; told after it, so that it is known for longer than sign-ins are.
    #[serde(rename = "recovery_code.used")]
    RecoveryCodeUsed {
        /// Of which set.
        credential: CredentialId,
        /// Its place in the set, from 0.
        number: u32,
    },
}

impl DomainEvent for CredentialEvent {
    const LANE: Lane = Lane::Facts;
    const TOPIC: Topic = Topic::Users;
    const KINDS: &'static [EventKind] = &[
        EventKind::sealing(
            "totp.enrolled",
            &[
                ("name", SealedBy::Credential("credential")),
                ("secret", SealedBy::Credential("credential")),
            ],
            "A device that shows one-time passwords was enrolled.",
        )
        .watched(),
        EventKind::plain(
            "totp.removed",
            "A device that showed one-time passwords was removed.",
        )
        .watched(),
        EventKind::sealing(
            "recovery_codes.generated",
            &[("digests", SealedBy::Credential("credential"))],
            "Recovery codes were made, in place of any before.",
        )
        .watched(),
        EventKind::plain("recovery_codes.removed", "Recovery codes were removed.").watched(),
        EventKind::plain("recovery_code.used", "A recovery code was used in a sign-in.").watched(),
    ];
}

/// A device that shows one-time passwords.
#[derive(Clone, PartialEq)]
pub struct TotpDevice {
    /// Its id.
    pub credential: CredentialId,
    /// What its owner calls it, unless erased.
    pub name: Option<String>,
    /// What it and we share, in base 32, unless erased.
    pub secret: Option<Zeroizing<String>>,
    /// When it was enrolled.
    pub enrolled: Timestamp,
}

impl std::fmt::Debug for TotpDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TotpDevice")
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

/// A user's devices that show one-time passwords, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totp {
    /// Those that there are.
    pub devices: Vec<TotpDevice>,
    /// Those that were removed: none comes back, and their keys are to be destroyed, again if a crash came in between.
    pub removed: Vec<CredentialId>,
    /// The fact that last changed them.
    pub changed: u64,
}

impl Totp {
    /// The device of this id.
    pub fn device(&self, credential: CredentialId) -> Option<&TotpDevice> {
        self.devices.iter().find(|device| device.credential == credential)
    }
}

impl Fold for Totp {
    const KIND: SubjectKind = SubjectKind::Totp;

    fn apply(&mut self, happened: &Happened) {
        match &happened.event {
            Event::Credentials(CredentialEvent::TotpEnrolled {
                credential,
                name,
                secret,
            }) => self.devices.push(TotpDevice {
                credential: *credential,
                name: name.known().cloned(),
                secret: secret.known().map(|secret| Zeroizing::new(secret.clone())),
                enrolled: happened.time,
            }),
            Event::Credentials(CredentialEvent::TotpRemoved { credential }) => {
                self.devices.retain(|device| device.credential != *credential);
                self.removed.push(*credential);
            }
            _ => return,
        }
        self.changed = happened.seq;
    }
}

/// A user's recovery codes.
#[derive(Clone, Default, PartialEq)]
pub struct RecoveryCodes {
    /// The set that there is, if there is one.
    pub credential: Option<CredentialId>,
    /// The digests, in order; none if they were erased.
    pub digests: Vec<String>,
    /// The places of those that were used.
    pub used: Vec<u32>,
    /// How many there were at first.
    pub count: u32,
    /// When they were made.
    pub generated: Timestamp,
    /// The fact that last changed the set.
    pub changed: u64,
    /// The sets that there were before: their keys are to be destroyed, again if a crash came in between.
    pub removed: Vec<CredentialId>,
}

impl RecoveryCodes {
    /// How many can still be used.
    pub fn remaining(&self) -> usize {
        (self.count as usize).saturating_sub(self.used.len())
    }
}

impl std::fmt::Debug for RecoveryCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecoveryCodes")
            .field("credential", &self.credential)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

impl Fold for RecoveryCodes {
    const KIND: SubjectKind = SubjectKind::RecoveryCodes;

    fn apply(&mut self, happened: &Happened) {
        let Event::Credentials(event) = &happened.event else {
            return;
        };
        match event {
            CredentialEvent::RecoveryCodesGenerated {
                credential,
                digests,
                count,
            } => {
                let removed = std::mem::take(&mut self.removed)
                    .into_iter()
                    .chain(self.credential);
                *self = Self {
                    credential: Some(*credential),
                    digests: digests.known().cloned().unwrap_or_default(),
                    used: Vec::new(),
                    count: *count,
                    generated: happened.time,
                    changed: happened.seq,
                    removed: removed.collect(),
                };
            }
            CredentialEvent::RecoveryCodesRemoved { credential } if self.credential == Some(*credential) => {
                let removed = std::mem::take(&mut self.removed).into_iter().chain([*credential]);
                *self = Self {
                    changed: happened.seq,
                    removed: removed.collect(),
                    ..Self::default()
                };
            }
            CredentialEvent::RecoveryCodeUsed { credential, number }
                if self.credential == Some(*credential) =>
            {
                if !self.used.contains(number) {
                    self.used.push(*number);
                }
            }
            CredentialEvent::RecoveryCodesRemoved { .. }
            | CredentialEvent::RecoveryCodeUsed { .. }
            | CredentialEvent::TotpEnrolled { .. }
            | CredentialEvent::TotpRemoved { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::testing::given;

    const USER: Uuid = Uuid::from_u128(0xa1);
    const FIRST: CredentialId = CredentialId(Uuid::from_u128(1));
    const SECOND: CredentialId = CredentialId(Uuid::from_u128(2));

    fn enrolled(credential: CredentialId) -> Event {
        CredentialEvent::TotpEnrolled {
            credential,
            name: "Phone".to_owned().into(),
            secret: "AAAA".to_owned().into(),
        }
        .into()
    }

    fn generated(credential: CredentialId) -> Event {
        CredentialEvent::RecoveryCodesGenerated {
            credential,
            digests: vec!["00".to_owned(), "01".to_owned()].into(),
            count: 2,
        }
        .into()
    }

    #[test]
    fn there_may_be_several_devices_and_one_that_was_removed_is_gone() {
        let removed = CredentialEvent::TotpRemoved { credential: FIRST };
        let totp = given::<Totp>(USER, [enrolled(FIRST), enrolled(SECOND), removed.into()]).state;
        assert_eq!(
            (totp.devices.len(), totp.removed, totp.changed),
            (1, vec![FIRST], 3)
        );
        assert_eq!(totp.devices[0].credential, SECOND);
    }

    #[test]
    fn a_new_set_of_codes_takes_the_place_of_the_one_before() {
        let used = |credential, number| CredentialEvent::RecoveryCodeUsed { credential, number }.into();
        let events = [generated(FIRST), used(FIRST, 1), used(FIRST, 1), used(SECOND, 0)];
        let codes = given::<RecoveryCodes>(USER, events.clone()).state;
        assert_eq!((codes.remaining(), &codes.used[..]), (1, &[1][..]));
        let codes = given::<RecoveryCodes>(USER, events.into_iter().chain([generated(SECOND)])).state;
        assert_eq!((codes.remaining(), codes.removed), (2, vec![FIRST]));
    }

    #[test]
    fn secrets_are_not_shown() {
        let totp = given::<Totp>(USER, [enrolled(FIRST)]).state;
        let codes = given::<RecoveryCodes>(USER, [generated(FIRST)]).state;
        let shown = format!("{totp:?} {codes:?}");
        assert!(
            !shown.contains("AAAA") && !shown.contains("Phone") && !shown.contains("\"00\""),
            "{shown}"
        );
    }
}
