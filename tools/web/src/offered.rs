//! What the endpoints of an issuer take, told once: for the code that judges requests and settings, and for discovery, which tells it.
//! The rule: there is no second copy of these lists, so that what is told is what works (RFC 8414, section 2).

use std::collections::BTreeSet;

use events::{
    applications::{ApplicationType, GRANT_TYPES, JWT_BEARER, fits_grant_type},
    realms::Settings,
};
use serde::{Deserialize, Serialize};

use crate::{
    claims::{STANDARD_CLAIMS, is_requestable},
    profile::Requirements,
};

/// The one response type (RFC 6749, 3.1.1).
pub const RESPONSE_TYPE: &str = "code";
/// The one way in which a code is bound to a verifier (RFC 7636): `plain` protects nobody who can read the request (RFC 9700, 2.1.1).
pub const CODE_CHALLENGE_METHOD: &str = "S256";
/// The values of `prompt` (OpenID Connect Core, 3.1.2.1; Initiating User Registration via OpenID Connect 1.0).
pub const PROMPTS: [&str; 5] = ["none", "login", "consent", "select_account", CREATE];
/// The one that asks for the registration of somebody new.
pub const CREATE: &str = "create";
/// How users are named to applications (OpenID Connect Core, section 8).
pub const SUBJECT_TYPES: [&str; 2] = ["public", "pairwise"];

/// How the answer of the authorization endpoint travels (OAuth 2.0 Multiple Response Type Encoding Practices; Form Post Response Mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In its fragment.
    Fragment,
    /// In a form that the browser posts.
    FormPost,
}

/// The values of `response_mode`, and whether the answer is then a signed token (JARM, section 2.3). `jwt` alone is the mode of the
/// response type: for a code, the query.
pub const RESPONSE_MODES: [(&str, ResponseMode, bool); 7] = [
    ("query", ResponseMode::Query, false),
    ("fragment", ResponseMode::Fragment, false),
    ("form_post", ResponseMode::FormPost, false),
    ("jwt", ResponseMode::Query, true),
    ("query.jwt", ResponseMode::Query, true),
    ("fragment.jwt", ResponseMode::Fragment, true),
    ("form_post.jwt", ResponseMode::FormPost, true),
];

/// The claims of an id token that are about the sign-in and not about the person (OpenID Connect Core, section 2 and 3.1.3.6).
const PROTOCOL_CLAIMS: [&str; 12] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "sid",
    "at_hash",
];

/// The grants that some application of the realm can use: those of a type that its profile serves, and assertions only where the realm
/// trusts somebody who makes them.
pub fn grant_types(required: &Requirements, settings: &Settings) -> Vec<&'static str> {
    let served = |kind: &ApplicationType| kind.is_confidential() || !required.confidential_only;
    GRANT_TYPES
        .into_iter()
        .filter(|grant_type| {
            let mut types = ApplicationType::ALL.into_iter().filter(served);
            types.any(|kind| fits_grant_type(kind, grant_type))
        })
        .filter(|grant_type| *grant_type != JWT_BEARER || !settings.oauth.trusted_issuers.is_empty())
        .collect()
}

/// The claims that tokens and userinfo of a realm may hold: the protocol's, the standard ones, and its attributes that are claims.
pub fn claims(settings: &Settings) -> Vec<String> {
    let attributes: BTreeSet<_> = settings
        .registration
        .attributes
        .keys()
        .filter(|name| is_requestable(name, settings))
        .map(String::as_str)
        .collect();
    let standard = STANDARD_CLAIMS.map(|(name, _)| name);
    PROTOCOL_CLAIMS
        .into_iter()
        .chain(standard)
        .chain(attributes.into_iter().filter(|name| !standard.contains(name)))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use events::{
        applications::{CLIENT_CREDENTIALS, DEVICE_CODE},
        realms::{AssertedSubject, AttributeSchema, AttributeType, SecurityProfile, TrustedIssuer},
    };

    use super::*;

    fn offered(settings: &Settings) -> Vec<&'static str> {
        grant_types(&Requirements::of_realm(settings), settings)
    }

    #[test]
    fn a_grant_is_offered_where_an_application_can_use_it() {
        let mut settings = Settings::default();
        assert!(offered(&settings).contains(&DEVICE_CODE));
        assert!(!offered(&settings).contains(&JWT_BEARER), "nobody is trusted");
        settings.oauth.security_profile = Some(SecurityProfile::Fapi2);
        settings.oauth.trusted_issuers = vec![TrustedIssuer {
            issuer: "https://partner.example".to_owned(),
            jwks: None,
            jwks_uri: Some("https://partner.example/jwks".to_owned()),
            subject: AssertedSubject::Id,
            applications: Vec::new(),
            scopes: Vec::new(),
        }];
        let strict = offered(&settings);
        assert!(strict.contains(&JWT_BEARER) && strict.contains(&CLIENT_CREDENTIALS));
        assert!(
            !strict.contains(&DEVICE_CODE),
            "devices cannot authenticate, and so are not served"
        );
    }

    #[test]
    fn an_attribute_that_is_a_claim_is_told_once() {
        let mut settings = Settings::default();
        for (name, claim) in [("team", true), ("salary", false), ("email", true), ("sub", true)] {
            let schema = AttributeSchema {
                value_type: AttributeType::String,
                required: false,
                max_length: None,
                one_of: Vec::new(),
                claim,
                editable: false,
            };
            settings.registration.attributes.insert(name.to_owned(), schema);
        }
        let told = claims(&settings);
        let count = |name: &str| told.iter().filter(|one| *one == name).count();
        assert_eq!(
            ["team", "salary", "email", "sub"].map(count),
            [1, 0, 1, 1],
            "{told:?}"
        );
    }
}
