//! What is known of a newcomer by what a provider says of them. The rules: an address counts only if it is confirmed, as far as the realm
//! trusts the provider with that, and one that does not is not taken at all, so that nobody occupies another's; a field that cannot be as the
//! realm has it is left out.

use std::collections::BTreeMap;

use events::{
    identity_providers::{EmailTrust, IdentityProviderSettings},
    realms::RegistrationSettings,
    users::{Profile, login_name},
};
use serde_json::{Map, Value};

use crate::{
    Faults,
    users::rules::{self, Touched},
};

/// The address that a provider says is somebody's, if it counts as confirmed.
pub fn confirmed_email(settings: &IdentityProviderSettings, claims: &Map<String, Value>) -> Option<String> {
    let email = text(claims, settings.claims.email.as_deref())?;
    let told = match claims.get("email_verified") {
        // Apple writes it as text.
        Some(Value::String(text)) => text == "true",
        Some(value) => *value == Value::Bool(true),
        None => false,
    };
    let confirmed = match settings.email_trust {
        EmailTrust::Always => true,
        EmailTrust::AsTold => told,
        EmailTrust::Never => false,
    };
    confirmed.then_some(email)
}

/// What is known of somebody; without a user name, of which more must be known.
pub fn of(
    settings: &IdentityProviderSettings,
    registration: &RegistrationSettings,
    claims: &Map<String, Value>,
) -> Profile {
    let mapping = &settings.claims;
    let field = |claim: &Option<String>| text(claims, claim.as_deref());
    let email = confirmed_email(settings, claims);
    let attributes: BTreeMap<String, Value> = mapping
        .attributes
        .iter()
        .filter_map(|(attribute, claim)| Some((attribute.clone(), claims.get(claim)?.clone())))
        .collect();
    let mut profile = Profile {
        email_verified: email.is_some(),
        email,
        name: field(&mapping.name),
        given_name: field(&mapping.given_name),
        family_name: field(&mapping.family_name),
        locale: field(&mapping.locale),
        zoneinfo: field(&mapping.zoneinfo),
        attributes,
        ..Profile::default()
    };
    if let Err(faults) = rules::check(&profile, registration, Touched::ALL) {
        leave_out(&mut profile, &faults);
    }
    profile
}

/// The user name that somebody is to have, if their provider tells one: what stands before the `@` of something like an address.
pub fn username(settings: &IdentityProviderSettings, claims: &Map<String, Value>) -> Option<String> {
    let told = text(claims, settings.claims.username.as_deref())?;
    let name = told.split('@').next().unwrap_or_default().trim();
    (!login_name(name).is_empty()).then(|| name.to_owned())
}

fn text(claims: &Map<String, Value>, claim: Option<&str>) -> Option<String> {
    let text = claims.get(claim?)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn leave_out(profile: &mut Profile, faults: &Faults) {
    for field in faults.fields() {
        match field {
            "email" => (profile.email, profile.email_verified) = (None, false),
            "name" => profile.name = None,
            "given_name" => profile.given_name = None,
            "family_name" => profile.family_name = None,
            "locale" => profile.locale = None,
            "zoneinfo" => profile.zoneinfo = None,
            "attributes" => profile.attributes.clear(),
            other => {
                if let Some(attribute) = other.strip_prefix("attributes.") {
                    profile.attributes.remove(attribute);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    fn trusting(email_trust: EmailTrust) -> IdentityProviderSettings {
        IdentityProviderSettings {
            email_trust,
            ..IdentityProviderSettings::default()
        }
    }

    #[test]
    fn an_address_counts_as_far_as_the_provider_is_trusted() {
        let with = |trust, verified: Value| {
            let claims = claims(json!({ "email": " a@example.org ", "email_verified": verified }));
            confirmed_email(&trusting(trust), &claims).is_some()
        };
        for verified in [json!(true), json!("true")] {
            assert!(with(EmailTrust::AsTold, verified.clone()));
            assert!(!with(EmailTrust::Never, verified));
        }
        for verified in [
            json!(false),
            json!("false"),
            json!("yes"),
            json!(1),
            json!(null),
            json!([true]),
        ] {
            assert!(!with(EmailTrust::AsTold, verified.clone()), "{verified}");
            assert!(with(EmailTrust::Always, verified));
        }
        let none = claims(json!({ "email_verified": true }));
        assert_eq!(confirmed_email(&trusting(EmailTrust::Always), &none), None);
    }

    #[test]
    fn what_cannot_be_is_left_out_and_the_rest_is_taken() {
        let claims = claims(json!({
            "email": "a@example.org", "email_verified": false, "name": "Alice\u{202e}", "given_name": "Alice",
            "locale": "not a language", "zoneinfo": "Europe/Zurich", "family_name": 7, "dept": "sales",
        }));
        let mut settings = trusting(EmailTrust::AsTold);
        settings
            .claims
            .attributes
            .insert("team".to_owned(), "dept".to_owned());
        let profile = of(&settings, &RegistrationSettings::default(), &claims);
        let expected = Profile {
            given_name: Some("Alice".to_owned()),
            zoneinfo: Some("Europe/Zurich".to_owned()),
            ..Profile::default()
        };
        assert_eq!(profile, expected, "the realm has no attribute team");
    }

    #[test]
    fn a_user_name_is_not_an_address() {
        let mut settings = trusting(EmailTrust::Never);
        let of = |settings: &IdentityProviderSettings, name: &str| {
            username(settings, &claims(json!({ "preferred_username": name })))
        };
        assert_eq!(of(&settings, "alice"), None, "none is taken unless it is said");
        settings.claims.username = Some("preferred_username".to_owned());
        assert_eq!(of(&settings, "alice@contoso.example").as_deref(), Some("alice"));
        assert_eq!(of(&settings, " alice ").as_deref(), Some("alice"));
        assert_eq!(of(&settings, "@"), None);
    }
}
