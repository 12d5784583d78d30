//! How people show who they are, and what that is worth. The rule: what a sign-in is worth follows from what was
//! proven in it, by one function that everybody asks.
//!
//! The values of `acr` are modelled on the authenticator assurance levels of NIST SP 800-63B-4:
//!
//! | `acr` | it takes |
//! | --- | --- |
//! | `urn:chancery:acr:aal1` | one factor: something known, or something had |
//! | `urn:chancery:acr:aal2` | two different factors, or an authenticator that verified its user itself |
//!
//! Adding a method: a row in `methods!` below; its authenticator is in `command/src/auth/flow/methods/`.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, ids::CredentialId};

/// What kind of proof a method is (NIST SP 800-63B-4, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Factor {
    /// Something that one knows.
    Knowledge,
    /// Something that one has.
    Possession,
}

/// Where in a sign-in a method may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It begins one, and comes after whatever else does.
    First,
    /// It only comes second.
    Second,
    /// It begins one, and adds nothing to what else was shown: with it or without, that is worth as much.
    Opening,
    /// It begins one, or comes second where the realm counts it ([`MfaSettings`](crate::realms::MfaSettings)).
    Either,
}

macro_rules! methods {
    ($($(#[$doc:meta])* $method:ident = $name:literal, $factor:ident, $amr:literal, $place:ident;)*) => {
        /// A way of showing who one is. Names are stored: they never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Method {
            $($(#[$doc])* #[serde(rename = $name)] $method,)*
        }

        impl Method {
            /// All of them, in the order in which they are offered.
            pub const ALL: &'static [Method] = &[$(Method::$method),*];

            /// The stored name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Method::$method => $name),* }
            }

            /// What kind of proof it is.
            pub const fn factor(self) -> Factor {
                match self { $(Method::$method => Factor::$factor),* }
            }

            /// Its authentication method reference (RFC 8176).
            pub const fn amr(self) -> &'static str {
                match self { $(Method::$method => $amr),* }
            }

            /// Where in a sign-in it may stand.
            pub const fn place(self) -> Place {
                match self { $(Method::$method => Place::$place),* }
            }

            /// Whether a sign-in may begin with it.
            pub const fn begins(self) -> bool {
                matches!(self.place(), Place::First | Place::Opening | Place::Either)
            }

            /// Whether it is a second factor where a realm counts it as one.
            pub const fn seconds(self) -> bool {
                matches!(self.place(), Place::Second | Place::Either)
            }

            /// Whether it counts as a second factor where a realm says nothing else.
            pub const fn seconds_unasked(self) -> bool {
                self.seconds() && !matches!(self, Method::Sms)
            }

            /// Whether it is a factor beside others.
            pub const fn adds(self) -> bool {
                !matches!(self.place(), Place::Opening)
            }
        }
    };
}

methods! {
    /// A password.
    Password = "password", Knowledge, "pwd", First;
    /// A passkey (Web Authentication Level 3). Of one that is known to be in hardware another reference is told ([`amr`]).
    Passkey = "passkey", Possession, "swk", Either;
    /// A code that was mailed to an address of theirs, or its link: who reads a mailbox has shown one thing, and no second one beside
    /// another (NIST SP 800-63B-4, section 3.1.3.1, does not take e-mail as out-of-band).
    Email = "email", Possession, "otp", Opening;
    /// A time-based one-time password of a device (RFC 6238).
    Totp = "totp", Possession, "otp", Second;
    /// A code that was sent as a text message to a phone number of theirs. The telephone network is a restricted authenticator (NIST SP
    /// 800-63B-4, section 3.1.3.3): it counts only where a realm says so.
    Sms = "sms", Possession, "sms", Second;
    /// One of the codes that were written down for the day when the device is gone.
    RecoveryCode = "recovery_code", Possession, "otp", Second;
    /// A sign-in at an identity provider. Nothing more is known of it than that of a password; the reference is what Microsoft's say.
    Federated = "federated", Knowledge, "fed", First;
}

/// No method has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownMethod;

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        let found = Self::ALL.iter().find(|method| method.as_str() == text);
        found.copied().ok_or(UnknownMethod)
    }
}

/// What was proven, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// How.
    pub method: Method,
    /// When.
    pub at: Timestamp,
    /// With which credential of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialId>,
    /// Whether the authenticator verified its user itself: two factors in one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub user_verified: bool,
    /// Whether the authenticator is known to be hardware that does not give its key away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hardware: bool,
}

impl Proof {
    /// Its authentication method reference (RFC 8176).
    pub const fn amr(&self) -> &'static str {
        if self.hardware {
            HARDWARE_KEY
        } else {
            self.method.amr()
        }
    }
}

/// What a sign-in is worth; more is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Assurance {
    /// One factor.
    #[serde(rename = "aal1")]
    Aal1,
    /// Two factors.
    #[serde(rename = "aal2")]
    Aal2,
}

impl Assurance {
    /// All of them, the least first.
    pub const ALL: [Assurance; 2] = [Assurance::Aal1, Assurance::Aal2];

    /// As it is told and asked for: `acr` (OpenID Connect Core, section 2).
    pub const fn acr(self) -> &'static str {
        match self {
            Assurance::Aal1 => "urn:chancery:acr:aal1",
            Assurance::Aal2 => "urn:chancery:acr:aal2",
        }
    }

    /// The one of this `acr`.
    pub fn of_acr(acr: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|assurance| assurance.acr() == acr)
    }

    /// What these proofs are worth. `None`: nothing was proven.
    pub fn of(proofs: &[Proof]) -> Option<Self> {
        proofs.first()?;
        let mut counted = proofs.iter().filter(|proof| proof.method.adds());
        let first = counted.clone().next();
        let two = counted.any(|proof| {
            proof.user_verified || first.is_some_and(|first| proof.method.factor() != first.method.factor())
        });
        Some(if two { Assurance::Aal2 } else { Assurance::Aal1 })
    }

    /// What a sign-in is worth that is told by its references ([`amr`]).
    pub fn told_by(amr: &[String]) -> Self {
        if amr.iter().any(|one| one == MULTIPLE_FACTORS) {
            Assurance::Aal2
        } else {
            Assurance::Aal1
        }
    }
}

/// A key was shown to be there that is in hardware (RFC 8176).
const HARDWARE_KEY: &str = "hwk";
/// Several factors were proven (RFC 8176).
const MULTIPLE_FACTORS: &str = "mfa";
/// The authenticator verified that its user is there and who they are (RFC 8176).
const USER_VERIFIED: &str = "user";

/// The authentication method references of these proofs (RFC 8176), each once.
pub fn amr(proofs: &[Proof]) -> Vec<String> {
    let mut references: Vec<String> = Vec::new();
    let verified = proofs
        .iter()
        .any(|proof| proof.user_verified)
        .then_some(USER_VERIFIED);
    let several = (Assurance::of(proofs) >= Some(Assurance::Aal2)).then_some(MULTIPLE_FACTORS);
    for reference in proofs.iter().map(Proof::amr).chain(verified).chain(several) {
        if !references.iter().any(|known| known == reference) {
            references.push(reference.to_owned());
        }
    }
    references
}

/// The proofs of a session. One that began before they were told one by one began with a password, if it says so.
pub(super) fn told_or_password(proofs: &[Proof], amr: &[String], at: Timestamp) -> Vec<Proof> {
    let password = amr.iter().any(|one| one == Method::Password.amr());
    if !proofs.is_empty() || !password {
        return proofs.to_vec();
    }
    vec![Proof {
        method: Method::Password,
        at,
        credential: None,
        user_verified: false,
        hardware: false,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(method: Method) -> Proof {
        Proof {
            method,
            at: Timestamp::from_seconds(1),
            credential: None,
            user_verified: false,
            hardware: false,
        }
    }

    #[test]
    fn two_proofs_of_one_kind_are_one_factor() {
        let of = |methods: &[Method]| {
            let proofs: Vec<_> = methods.iter().copied().map(proof).collect();
            let told = amr(&proofs);
            assert_eq!(
                Assurance::of(&proofs).unwrap_or(Assurance::Aal1),
                Assurance::told_by(&told)
            );
            (Assurance::of(&proofs), told.join(" "))
        };
        assert_eq!(of(&[]), (None, String::new()));
        assert_eq!(of(&[Method::Password]), (Some(Assurance::Aal1), "pwd".into()));
        assert_eq!(
            of(&[Method::Totp, Method::RecoveryCode]),
            (Some(Assurance::Aal1), "otp".into())
        );
        assert_eq!(
            of(&[Method::Password, Method::Totp]),
            (Some(Assurance::Aal2), "pwd otp mfa".into())
        );
        // Who reads a mailbox has shown that, and with it or without the rest is worth as much.
        assert_eq!(of(&[Method::Email]), (Some(Assurance::Aal1), "otp".into()));
        assert_eq!(
            of(&[Method::Email, Method::Password]),
            (Some(Assurance::Aal1), "otp pwd".into())
        );
        assert_eq!(
            of(&[Method::Email, Method::Totp, Method::Password]),
            (Some(Assurance::Aal2), "otp pwd mfa".into())
        );
    }

    #[test]
    fn an_authenticator_that_verifies_its_user_is_two_factors() {
        let verified = Proof {
            user_verified: true,
            ..proof(Method::Totp)
        };
        assert_eq!(Assurance::of(&[verified]), Some(Assurance::Aal2));
        assert_eq!(amr(&[verified]), ["otp", "user", "mfa"]);
        let passkey = Proof {
            user_verified: true,
            ..proof(Method::Passkey)
        };
        assert_eq!(amr(&[passkey]), ["swk", "user", "mfa"]);
        let in_hardware = Proof {
            hardware: true,
            ..proof(Method::Passkey)
        };
        assert_eq!(
            amr(&[proof(Method::Password), in_hardware]),
            ["pwd", "hwk", "mfa"]
        );
    }

    #[test]
    fn names_lead_back_to_what_they_name() {
        for method in Method::ALL {
            assert_eq!(method.as_str().parse(), Ok(*method));
        }
        for assurance in Assurance::ALL {
            assert_eq!(Assurance::of_acr(assurance.acr()), Some(assurance));
        }
        assert_eq!(Assurance::of_acr("urn:example:gold"), None);
    }
}
