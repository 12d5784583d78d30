//! What a relying party asks of passkeys. The rule: a policy that cannot be enforced is not offered: which authenticator it is, is believed
//! by its maker's signature alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use webauthn_rs_core::proto::{AttestationCaList, AttestationCaListBuilder, UserVerificationPolicy};

use crate::PasskeyError;

/// Whether the authenticator must make sure who is there, by a PIN or biometrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserVerification {
    /// It must: a passkey is two factors.
    #[default]
    Required,
    /// It should: where it did not, the passkey is one factor.
    Preferred,
}

impl From<UserVerification> for UserVerificationPolicy {
    fn from(wanted: UserVerification) -> Self {
        match wanted {
            UserVerification::Required => Self::Required,
            UserVerification::Preferred => Self::Preferred,
        }
    }
}

/// A kind of authenticator, and who vouches for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedAuthenticator {
    /// The kind (AAGUID).
    pub aaguid: Uuid,
    /// What people call it.
    pub name: String,
    /// The root certificate of its maker's attestations, PEM.
    pub root: String,
}

/// Whether the authenticator must show its make.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attestation {
    /// It is not asked.
    #[default]
    None,
    /// It is one of these, and its maker signed that.
    Trusted(Vec<TrustedAuthenticator>),
}

/// What is asked of a new passkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Whether the authenticator verifies its user.
    pub user_verification: UserVerification,
    /// Whether the authenticator keeps the user's handle, so that nobody needs to type a name.
    pub discoverable: bool,
    /// Whether passkeys that are copied to other devices (synchronised) are accepted.
    pub synchronised: bool,
    /// Which authenticators are accepted.
    pub attestation: Attestation,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            user_verification: UserVerification::Required,
            discoverable: true,
            synchronised: true,
            attestation: Attestation::None,
        }
    }
}

impl Policy {
    /// Whether the certificates in it can be read, so that it can be kept.
    pub fn is_enforceable(&self) -> bool {
        self.authorities().is_ok()
    }

    /// The authorities that vouch for authenticators; `None` where none is asked.
    pub(crate) fn authorities(&self) -> Result<Option<AttestationCaList>, PasskeyError> {
        let Attestation::Trusted(trusted) = &self.attestation else {
            return Ok(None);
        };
        let mut authorities = AttestationCaListBuilder::new();
        for one in trusted {
            authorities
                .insert_device_pem(one.root.as_bytes(), one.aaguid, one.name.clone(), BTreeMap::new())
                .map_err(|_| PasskeyError::UntrustedAuthenticator)?;
        }
        Ok(Some(authorities.build()))
    }
}
