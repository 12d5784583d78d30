//! Scopes and claims in the words in which a person is asked for them. The rule: whatever is asked for is said,
//! also what has no words of its own.

use std::collections::BTreeSet;

use events::{compliance::Consent, realms::Settings};

use crate::auth::authorize::request::AuthorizeRequest;

/// What an application wants, in words: what is new, and what it may have already.
pub(super) struct Wanted {
    pub new: Vec<String>,
    pub known: Vec<String>,
}

/// What a request is about.
pub(super) fn wanted(
    request: &AuthorizeRequest,
    consent: &Consent,
    realm: &str,
    settings: &Settings,
) -> Wanted {
    let claims = request.claims_beyond_scopes();
    let said = |scopes: &BTreeSet<String>, known: bool| -> Vec<String> {
        let scopes = scopes
            .iter()
            .filter(|scope| consent.scopes.contains(*scope) == known)
            .map(|name| scope(name, realm, settings));
        let claims = claims
            .iter()
            .filter(|claim| consent.claims.contains(*claim) == known)
            .map(|name| claim(name));
        scopes.chain(claims).collect()
    };
    Wanted {
        new: said(&request.scopes, false),
        known: said(&request.scopes, true),
    }
}

/// All that somebody allows an application.
pub(in crate::auth) fn allowed(consent: &Consent, realm: &str, settings: &Settings) -> Vec<String> {
    let scopes = consent.scopes.iter().map(|name| scope(name, realm, settings));
    scopes
        .chain(consent.claims.iter().map(|name| claim(name)))
        .collect()
}

/// One scope.
pub(super) fn scope(name: &str, realm: &str, settings: &Settings) -> String {
    match name {
        "openid" => format!("Know that it is you, by an identifier of {realm}"),
        "profile" => {
            let attributes = &settings.registration.attributes;
            let own: Vec<&str> = attributes
                .iter()
                .filter(|(_, schema)| schema.claim)
                .map(|(name, _)| name.as_str())
                .collect();
            let more = if own.is_empty() {
                String::new()
            } else {
                format!(", and {}", own.join(", "))
            };
            format!("See your name, user name, language and time zone{more}")
        }
        "email" => "See your e-mail address, and whether it was verified".to_owned(),
        "phone" => "See your phone number, and whether it was verified".to_owned(),
        "offline_access" => "Keep this access while you are not there, until you withdraw it".to_owned(),
        "manage" => format!("Manage {realm} in your name, as far as you may yourself"),
        other => format!("Use “{other}” in your name"),
    }
}

/// One claim.
pub(super) fn claim(name: &str) -> String {
    match name {
        "name" => "See your full name".to_owned(),
        "given_name" => "See your given name".to_owned(),
        "family_name" => "See your family name".to_owned(),
        "preferred_username" => "See your user name".to_owned(),
        "locale" => "See your language".to_owned(),
        "zoneinfo" => "See your time zone".to_owned(),
        "email" => "See your e-mail address".to_owned(),
        "email_verified" => "See whether your e-mail address was verified".to_owned(),
        "phone_number" => "See your phone number".to_owned(),
        "phone_number_verified" => "See whether your phone number was verified".to_owned(),
        other => format!("See your “{other}”"),
    }
}
