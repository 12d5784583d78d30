//! Scopes and claims in the words in which a person is asked for them. The rule: whatever is asked for is said,
//! also what has no words of its own.

use std::collections::BTreeSet;

use events::{compliance::Consent, realms::Settings};

use crate::{auth::authorize::request::AuthorizeRequest, words::Say};

/// What an application wants, in words: what is new, and what it may have already.
pub(super) struct Wanted {
    pub new: Vec<String>,
    pub known: Vec<String>,
}

/// What a request is about.
pub(super) fn wanted(
    request: &AuthorizeRequest,
    consent: &Consent,
    say: &Say,
    settings: &Settings,
) -> Wanted {
    let claims = request.claims_beyond_scopes();
    let said = |scopes: &BTreeSet<String>, known: bool| -> Vec<String> {
        let scopes = scopes
            .iter()
            .filter(|scope| consent.scopes.contains(*scope) == known)
            .map(|name| scope(name, say, settings));
        let claims = claims
            .iter()
            .filter(|claim| consent.claims.contains(*claim) == known)
            .map(|name| claim(name, say));
        scopes.chain(claims).collect()
    };
    Wanted {
        new: said(&request.scopes, false),
        known: said(&request.scopes, true),
    }
}

/// All that somebody allows an application.
pub(in crate::auth) fn allowed(consent: &Consent, say: &Say, settings: &Settings) -> Vec<String> {
    let scopes = consent.scopes.iter().map(|name| scope(name, say, settings));
    scopes
        .chain(consent.claims.iter().map(|name| claim(name, say)))
        .collect()
}

/// One scope.
pub(super) fn scope(name: &str, say: &Say, settings: &Settings) -> String {
    let words = match name {
        "openid" => say.text("scope-openid"),
        "profile" => {
            let attributes = &settings.registration.attributes;
            let own: Vec<&str> = attributes
                .iter()
                .filter(|(_, schema)| schema.claim)
                .map(|(name, _)| name.as_str())
                .collect();
            if own.is_empty() {
                say.text("scope-profile")
            } else {
                say.text("scope-profile-more").with("attributes", own.join(", "))
            }
        }
        "email" => say.text("scope-email"),
        "phone" => say.text("scope-phone"),
        "offline_access" => say.text("scope-offline-access"),
        "manage" => say.text("scope-manage"),
        other => say.text("scope-other").with("name", other),
    };
    words.to_string()
}

/// One claim.
pub(super) fn claim(name: &str, say: &Say) -> String {
    let words = match name {
        "name" => say.text("claim-name"),
        "given_name" => say.text("claim-given-name"),
        "family_name" => say.text("claim-family-name"),
        "preferred_username" => say.text("claim-preferred-username"),
        "locale" => say.text("claim-locale"),
        "zoneinfo" => say.text("claim-zoneinfo"),
        "email" => say.text("claim-email"),
        "email_verified" => say.text("claim-email-verified"),
        "phone_number" => say.text("claim-phone-number"),
        "phone_number_verified" => say.text("claim-phone-number-verified"),
        other => say.text("claim-other").with("name", other),
    };
    words.to_string()
}
