//! What browsers and authenticators make of their part, for the tests of those who judge it: an authenticator in software, and a browser that is
//! at a page of `origin`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::Url;
use webauthn_authenticator_rs::{AuthenticatorBackend, softpasskey::SoftPasskey};

const PATIENCE: u32 = 1_000;

/// An authenticator of one person, with the passkeys that it made, and the browser that it is at. It counts what it signs, and makes sure who is
/// there where it is told to, if it can.
pub struct Device {
    authenticator: SoftPasskey,
    verifies: bool,
    made: Vec<Made>,
}

/// A passkey as a device keeps it.
#[derive(Clone, Debug)]
struct Made {
    id: String,
    handle: String,
}

impl Device {
    /// One that makes sure who is there, or cannot.
    pub fn new(verifies: bool) -> Self {
        Self {
            authenticator: SoftPasskey::new(verifies),
            verifies,
            made: Vec::new(),
        }
    }

    /// What a page at `origin` gets for `navigator.credentials.create(options)`, as JSON.
    ///
    /// # Panics
    /// If these are no options, or it does not take them.
    pub fn create(&mut self, origin: &str, options: &Value) -> Value {
        let mut options = options.clone();
        let asked = &mut options["publicKey"]["authenticatorSelection"];
        // It keeps handles here, and not in the authenticator; the page cannot tell.
        asked["requireResidentKey"] = json!(false);
        asked["residentKey"] = json!("discouraged");
        if !self.verifies {
            asked["userVerification"] = json!("preferred");
        }
        let handle = options["publicKey"]["user"]["id"].as_str().map(str::to_owned);
        let options: webauthn_rs_core::proto::CreationChallengeResponse =
            serde_json::from_value(options).unwrap_or_else(|error| panic!("no options: {error}"));
        let answer = self
            .authenticator
            .perform_register(page(origin), options.public_key, PATIENCE)
            .unwrap_or_else(|error| panic!("nothing was made: {error:?}"));
        self.made.push(Made {
            id: URL_SAFE_NO_PAD.encode(&answer.raw_id),
            handle: handle.unwrap_or_default(),
        });
        written(&answer)
    }

    /// What a page at `origin` gets for `navigator.credentials.get(options)`, as JSON: of the passkeys that are asked for the one that was made last;
    /// where any will do it is named with its user, as passkeys that were discovered are.
    ///
    /// # Panics
    /// If these are no options, or it has none of the passkeys.
    pub fn get(&mut self, origin: &str, options: &Value) -> Value {
        let mut options = options.clone();
        let asked = &mut options["publicKey"];
        let listed: Vec<_> = asked["allowCredentials"].as_array().cloned().unwrap_or_default();
        let made = self
            .made
            .iter()
            .rev()
            .find(|made| listed.is_empty() || listed.iter().any(|one| one["id"] == made.id.as_str()))
            .unwrap_or_else(|| panic!("there is no such passkey"));
        asked["allowCredentials"] = json!([{ "type": "public-key", "id": made.id }]);
        if !self.verifies {
            asked["userVerification"] = json!("preferred");
        }
        let handle = listed.is_empty().then(|| made.handle.clone());
        let options: webauthn_rs_core::proto::RequestChallengeResponse =
            serde_json::from_value(options).unwrap_or_else(|error| panic!("no options: {error}"));
        let answer = self
            .authenticator
            .perform_auth(page(origin), options.public_key, PATIENCE)
            .unwrap_or_else(|error| panic!("nothing was signed: {error:?}"));
        let mut answer = written(&answer);
        if let Some(handle) = handle {
            answer["response"]["userHandle"] = json!(handle);
        }
        answer
    }
}

fn page(origin: &str) -> Url {
    Url::parse(origin).unwrap_or_else(|error| panic!("{origin}: {error}"))
}

fn written(answer: &impl serde::Serialize) -> Value {
    serde_json::to_value(answer).unwrap_or_else(|error| panic!("an answer is JSON: {error}"))
}
