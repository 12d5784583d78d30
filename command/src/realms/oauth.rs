//! What a realm's OAuth 2.0 settings must be. The rule: whoever is trusted is named exactly, with keys of its own, and gives no more than
//! the scopes that are listed.

use events::realms::{AssertedSubject, OAuthSettings, SecurityProfile, TrustedIssuer};
use serde::Deserialize;
use utoipa::ToSchema;
use web::access::MANAGE;

use crate::{Faults, body::list_of_objects};

/// The most trusted issuers, and the most items of each of their lists.
const ITEMS: usize = 50;

/// The name of a security profile; `none` takes it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProfileName {
    /// No profile.
    None,
    /// FAPI 2.0 Security Profile.
    Fapi2,
}

impl From<ProfileName> for Option<SecurityProfile> {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::None => None,
            ProfileName::Fapi2 => Some(SecurityProfile::Fapi2),
        }
    }
}

/// An issuer whose assertions are exchanged for tokens.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssuerRule {
    /// Its `iss`, compared exactly.
    issuer: String,
    /// Its public keys (RFC 7517, a JWK Set).
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    jwks: Option<serde_json::Value>,
    /// Where they are fetched from, where they are not given.
    #[serde(default)]
    jwks_uri: Option<String>,
    /// What of a user the assertion's `sub` names: `id`, `username` or `email` (one that was verified).
    #[serde(default)]
    #[schema(value_type = String)]
    subject: AssertedSubject,
    /// The applications that may use it, by `client_id`; `*` for all of the realm that did not register by themselves.
    applications: Vec<String>,
    /// The scopes that may be asked for with its assertions.
    scopes: Vec<String>,
}

/// All of them.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct TrustedIssuers(#[serde(deserialize_with = "list_of_objects")] pub Vec<IssuerRule>);

impl From<TrustedIssuers> for Vec<TrustedIssuer> {
    fn from(rules: TrustedIssuers) -> Self {
        let issuer = |rule: IssuerRule| TrustedIssuer {
            issuer: rule.issuer,
            jwks: rule.jwks,
            jwks_uri: rule.jwks_uri,
            subject: rule.subject,
            applications: rule.applications,
            scopes: rule.scopes,
        };
        rules.0.into_iter().map(issuer).collect()
    }
}

/// Whether these may be the settings of a realm.
pub fn check(settings: &OAuthSettings, faults: &mut Faults) {
    faults.range(
        "oauth.device_code_seconds",
        settings.device_code_seconds,
        60..=1_800,
    );
    faults.range(
        "oauth.pushed_request_seconds",
        settings.pushed_request_seconds,
        5..=600,
    );
    crate::applications::rules::check_scopes(
        "oauth.registration_scopes",
        &settings.registration_scopes,
        faults,
    );
    faults.unless(
        settings.registration_scopes.iter().all(|scope| scope != MANAGE),
        "oauth.registration_scopes",
        "must not hold manage: who registers by itself does not get to the management API",
    );
    let issuers = &settings.trusted_issuers;
    faults.unless(
        issuers.len() <= ITEMS,
        "oauth.trusted_issuers",
        format!("must be at most {ITEMS}"),
    );
    for (index, issuer) in issuers.iter().enumerate() {
        let field = |name: &str| format!("oauth.trusted_issuers[{index}].{name}");
        faults.text(&field("issuer"), &issuer.issuer, 2_048);
        let again = issuers[..index].iter().any(|other| other.issuer == issuer.issuer);
        faults.unless(!again, field("issuer"), "is there already");
        faults.unless(
            issuer.jwks.is_some() != issuer.jwks_uri.is_some(),
            field("jwks"),
            "is needed, or jwks_uri, and not both",
        );
        crate::applications::rules::check_keys(
            &field("jwks"),
            issuer.jwks.as_ref(),
            &field("jwks_uri"),
            issuer.jwks_uri.as_deref(),
            faults,
        );
        crate::applications::rules::check_scopes(&field("scopes"), &issuer.scopes, faults);
        faults.unless(
            issuer.applications.len() <= ITEMS,
            field("applications"),
            format!("must be at most {ITEMS}"),
        );
    }
}
