//! Adding a passkey (Web Authentication Level 3, section 7.1). The rule: what is kept is read from what the authenticator signed.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use webauthn_rs_core::proto::{
    AttestationConveyancePreference, RegisterPublicKeyCredential, RegistrationState,
};

use crate::{Attestation, MAX_ANSWER, MAX_CREDENTIAL_ID, Passkey, PasskeyError, Policy, RelyingParty};

/// Where the authenticator data tells of the credential: after the domain's hash, flags and counter (section 6.1).
const ATTESTED: usize = 37;
/// The length of an AAGUID.
const AAGUID: usize = 16;

/// Whom a passkey is made for.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// What the authenticator gives back as the user's handle: at most 64 bytes that tell nothing about the person.
    pub handle: &'a [u8],
    /// The name that the person signs in with.
    pub name: &'a str,
    /// The name that the person is called by.
    pub display_name: &'a str,
}

/// A registration under way: it must reach [`RelyingParty::finish_registration`] unaltered, once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registration {
    state: RegistrationState,
}

impl RelyingParty {
    /// Begins: what `navigator.credentials.create` is called with, as JSON (`PublicKeyCredentialCreationOptionsJSON` in
    /// `publicKey`), and what to keep. The authenticators that hold one of `registered` refuse to make another.
    pub fn begin_registration(
        &self,
        person: &Person<'_>,
        registered: &[Passkey],
        policy: &Policy,
    ) -> Result<(Value, Registration), PasskeyError> {
        let excluded: Result<Vec<_>, _> = registered.iter().map(Passkey::raw_id).collect();
        let attestation = match policy.attestation {
            Attestation::None => AttestationConveyancePreference::None,
            Attestation::Trusted(_) => AttestationConveyancePreference::Direct,
        };
        let request = self
            .core
            .new_challenge_register_builder(person.handle, person.name, person.display_name)?
            .attestation(attestation)
            .user_verification_policy(policy.user_verification.into())
            .require_resident_key(policy.discoverable)
            .reject_synchronised_authenticators(!policy.synchronised)
            .exclude_credentials(Some(excluded?));
        let (options, state) = self.core.generate_challenge_register(request)?;
        let options = serde_json::to_value(options).map_err(|_| PasskeyError::Invalid)?;
        Ok((options, Registration { state }))
    }

    /// Finishes with what the browser answered (`RegistrationResponseJSON`), under the policy as it is by then: which makes are accepted is
    /// asked now, the rest as it was begun.
    pub fn finish_registration(
        &self,
        answer: &str,
        registration: &Registration,
        policy: &Policy,
    ) -> Result<Passkey, PasskeyError> {
        if answer.len() > MAX_ANSWER {
            return Err(PasskeyError::Malformed);
        }
        let answer: RegisterPublicKeyCredential =
            serde_json::from_str(answer).map_err(|_| PasskeyError::Malformed)?;
        if answer.type_ != "public-key" {
            return Err(PasskeyError::Malformed);
        }
        let authorities = policy.authorities()?;
        let made = self
            .core
            .register_credential(&answer, &registration.state, authorities.as_ref())?;
        let attested = Attested::read(answer.response.attestation_object.as_ref())?;
        if made.cred_id.len() > MAX_CREDENTIAL_ID || *made.cred_id != *attested.id {
            return Err(PasskeyError::Malformed);
        }
        let transports = made.transports.unwrap_or_default();
        Ok(Passkey {
            id: URL_SAFE_NO_PAD.encode(attested.id),
            public_key: URL_SAFE_NO_PAD.encode(attested.public_key),
            aaguid: attested.aaguid,
            counter: made.counter,
            user_verified: made.user_verified,
            backup_eligible: made.backup_eligible,
            backed_up: made.backup_state,
            transports: transports
                .iter()
                .filter_map(|transport| serde_json::to_value(transport).ok()?.as_str().map(str::to_owned))
                .collect(),
        })
    }
}

/// What the authenticator says of the credential it made (section 6.5.2), from an attestation object that was judged already.
struct Attested {
    aaguid: Uuid,
    id: Vec<u8>,
    public_key: Vec<u8>,
}

impl Attested {
    fn read(attestation_object: &[u8]) -> Result<Self, PasskeyError> {
        Self::find(attestation_object).ok_or(PasskeyError::Malformed)
    }

    fn find(attestation_object: &[u8]) -> Option<Self> {
        let serde_cbor_2::Value::Map(map) = serde_cbor_2::from_slice(attestation_object).ok()? else {
            return None;
        };
        let name = serde_cbor_2::Value::Text("authData".to_owned());
        let serde_cbor_2::Value::Bytes(data) = map.get(&name)? else {
            return None;
        };
        let (aaguid, rest) = data.get(ATTESTED..)?.split_at_checked(AAGUID)?;
        let (length, rest) = rest.split_at_checked(2)?;
        let length = usize::from(u16::from_be_bytes(length.try_into().ok()?));
        let (id, rest) = rest.split_at_checked(length)?;
        // The key is one item; extensions may come after it.
        let mut key = serde_cbor_2::Deserializer::from_slice(rest);
        let _: serde_cbor_2::Value = Deserialize::deserialize(&mut key).ok()?;
        Some(Self {
            aaguid: Uuid::from_slice(aaguid).ok()?,
            id: id.to_vec(),
            public_key: rest.get(..key.byte_offset())?.to_vec(),
        })
    }
}
