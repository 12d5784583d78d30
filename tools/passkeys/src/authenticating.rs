//! Signing in with a passkey (Web Authentication Level 3, section 7.2). The rule: whose passkey it is, is told by the record of the
//! credential id, and what the authenticator says of its user must not contradict that.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use webauthn_rs_core::proto::{AuthenticationState, PublicKeyCredential, UserVerificationPolicy};

use crate::{MAX_ANSWER, MAX_CREDENTIAL_ID, Passkey, PasskeyError, RelyingParty, UserVerification};

/// An authentication under way: it must reach [`RelyingParty::finish_authentication`] unaltered, once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Authentication {
    state: AuthenticationState,
    user_verification: UserVerification,
    /// The credential ids that were offered; empty where the person chooses.
    offered: Vec<String>,
}

/// What the browser answered: a claim, until it is verified.
#[derive(Debug)]
pub struct Assertion {
    answer: PublicKeyCredential,
}

/// A passkey was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Whether the authenticator made sure who is there.
    pub user_verified: bool,
    /// The counter now.
    pub counter: u32,
    /// Whether it is copied to other devices now.
    pub backed_up: bool,
}

impl Assertion {
    /// Reads an answer (`AuthenticationResponseJSON`).
    pub fn parse(answer: &str) -> Result<Self, PasskeyError> {
        if answer.len() > MAX_ANSWER {
            return Err(PasskeyError::Malformed);
        }
        let answer: PublicKeyCredential =
            serde_json::from_str(answer).map_err(|_| PasskeyError::Malformed)?;
        let fits = (1..=MAX_CREDENTIAL_ID).contains(&answer.raw_id.len());
        if answer.type_ != "public-key" || !fits {
            return Err(PasskeyError::Malformed);
        }
        Ok(Self { answer })
    }

    /// The id of the passkey that it says it is of, base64url: whose that is, the caller looks up.
    pub fn credential_id(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.answer.raw_id)
    }

    /// The handle of the user that the authenticator made the passkey for, as it says.
    pub fn user_handle(&self) -> Option<&[u8]> {
        self.answer.get_user_unique_id()
    }
}

impl RelyingParty {
    /// Begins: what `navigator.credentials.get` is called with, as JSON (`PublicKeyCredentialRequestOptionsJSON` in `publicKey`), and
    /// what to keep. With no passkeys offered the person chooses one, and no name is needed.
    pub fn begin_authentication(
        &self,
        offered: &[Passkey],
        user_verification: UserVerification,
    ) -> Result<(Value, Authentication), PasskeyError> {
        let policy = UserVerificationPolicy::from(user_verification);
        let credentials: Result<Vec<_>, _> = offered.iter().map(|one| one.credential(policy)).collect();
        let request = self
            .core
            .new_challenge_authenticate_builder(credentials?, Some(policy))?;
        let (options, mut state) = self.core.generate_challenge_authenticate(request)?;
        // What was offered is known by its ids: the records are asked for anew when the answer comes.
        state.set_allowed_credentials(Vec::new());
        let options = serde_json::to_value(options).map_err(|_| PasskeyError::Invalid)?;
        let authentication = Authentication {
            state,
            user_verification,
            offered: offered.iter().map(|one| one.id.clone()).collect(),
        };
        Ok((options, authentication))
    }

    /// Finishes with the record of the passkey that the assertion names, and the handle of the user whom it belongs to.
    pub fn finish_authentication(
        &self,
        assertion: &Assertion,
        authentication: &Authentication,
        passkey: &Passkey,
        handle: &[u8],
    ) -> Result<Use, PasskeyError> {
        let chosen_freely = authentication.offered.is_empty();
        let owner = match assertion.user_handle() {
            Some(told) => told == handle,
            // A passkey that was discovered tells its user; one of a list need not.
            None => !chosen_freely,
        };
        if !owner || !(chosen_freely || authentication.offered.contains(&passkey.id)) {
            return Err(PasskeyError::WrongPasskey);
        }
        let credential = passkey.credential(authentication.user_verification.into())?;
        let result = self.core.authenticate_single_credential(
            &assertion.answer,
            &authentication.state,
            &credential,
        )?;
        if result.backup_eligible() != passkey.backup_eligible {
            return Err(PasskeyError::Invalid);
        }
        Ok(Use {
            user_verified: result.user_verified(),
            counter: result.counter(),
            backed_up: result.backup_state(),
        })
    }
}
