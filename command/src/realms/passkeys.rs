//! What a realm may ask of passkeys. The rule: a kind of authenticator is named with who vouches for it, since what it says of itself anybody
//! can say.

use events::realms::{PasskeySettings, TrustedAuthenticator};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Faults, body::list_of_objects, passkeys::policy};

/// The most kinds of authenticators.
const KINDS: usize = 50;
/// The most characters of a certificate.
const CERTIFICATE: usize = 8_192;
/// The most characters of a name.
const NAME: usize = 100;

/// A kind of authenticator, and who vouches for it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthenticatorRule {
    /// The kind (AAGUID).
    aaguid: Uuid,
    /// What people call it.
    name: String,
    /// The root certificate of its maker's attestations, PEM, as the FIDO Metadata Service lists it.
    root: String,
}

/// All of them.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct TrustedAuthenticators(#[serde(deserialize_with = "list_of_objects")] pub Vec<AuthenticatorRule>);

impl From<TrustedAuthenticators> for Vec<TrustedAuthenticator> {
    fn from(rules: TrustedAuthenticators) -> Self {
        let authenticator = |rule: AuthenticatorRule| TrustedAuthenticator {
            aaguid: rule.aaguid,
            name: rule.name,
            root: rule.root,
        };
        rules.0.into_iter().map(authenticator).collect()
    }
}

/// Whether these may be the settings of a realm.
pub fn check(settings: &PasskeySettings, faults: &mut Faults) {
    let kinds = &settings.authenticators;
    faults.unless(
        kinds.len() <= KINDS,
        "passkeys.authenticators",
        format!("must be at most {KINDS}"),
    );
    for (index, kind) in kinds.iter().take(KINDS).enumerate() {
        let field = |name: &str| format!("passkeys.authenticators[{index}].{name}");
        faults.text(&field("name"), &kind.name, NAME);
        let alone = PasskeySettings {
            authenticators: vec![kind.clone()],
            ..PasskeySettings::default()
        };
        faults.unless(
            kind.root.len() <= CERTIFICATE && policy(&alone).is_enforceable(),
            field("root"),
            format!("must be a certificate, PEM, of at most {CERTIFICATE} characters"),
        );
    }
}
