//! What is kept of a passkey: nothing secret, and in the forms of the standards.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use webauthn_rs_core::proto::{
    AttestationFormat, AuthenticatorTransport, COSEKey, Credential, ParsedAttestation, RegisteredExtensions,
    UserVerificationPolicy,
};

use crate::PasskeyError;

/// A passkey, as it was registered and last used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// Its credential id, base64url.
    pub id: String,
    /// Its public key: a COSE_Key (RFC 9052), base64url.
    pub public_key: String,
    /// The kind of authenticator (AAGUID), as it says; zero where it does not.
    pub aaguid: Uuid,
    /// How often it signed, as it says; 0 where it does not count.
    pub counter: u32,
    /// Whether its user was verified when it was registered.
    pub user_verified: bool,
    /// Whether it can be copied to other devices. That never changes.
    pub backup_eligible: bool,
    /// Whether it is.
    pub backed_up: bool,
    /// How it can be reached: `internal`, `hybrid`, `usb`, `nfc`, `ble`. A hint for browsers.
    pub transports: Vec<String>,
}

impl Passkey {
    /// The credential id.
    pub(crate) fn raw_id(&self) -> Result<Vec<u8>, PasskeyError> {
        URL_SAFE_NO_PAD.decode(&self.id).map_err(|_| PasskeyError::Record)
    }

    /// As the library has it.
    pub(crate) fn credential(&self, policy: UserVerificationPolicy) -> Result<Credential, PasskeyError> {
        let key = URL_SAFE_NO_PAD
            .decode(&self.public_key)
            .map_err(|_| PasskeyError::Record)?;
        let key: serde_cbor_2::Value = serde_cbor_2::from_slice(&key).map_err(|_| PasskeyError::Record)?;
        let transports = self
            .transports
            .iter()
            .filter_map(|name| name.parse::<AuthenticatorTransport>().ok());
        Ok(Credential {
            cred_id: self.raw_id()?,
            cred: COSEKey::try_from(&key).map_err(|_| PasskeyError::Record)?,
            counter: self.counter,
            transports: Some(transports.collect()),
            user_verified: self.user_verified,
            backup_eligible: self.backup_eligible,
            backup_state: self.backed_up,
            registration_policy: policy,
            extensions: RegisteredExtensions::none(),
            attestation: ParsedAttestation::default(),
            attestation_format: AttestationFormat::None,
        })
    }
}
