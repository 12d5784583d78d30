//! What an application's settings must be, however they come to be. The rule: an application cannot be configured
//! into saying what only the platform says (protocol claims), into tokens that outlive a day, or into ones too long to
//! be made ([`jose::MAX_TOKEN_BYTES`]).

mod oauth;

pub(crate) use oauth::address_is_good;
pub use oauth::check_keys;

use std::collections::BTreeMap;

use events::applications::{ApplicationSettings, ApplicationType};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::redirect_uris;
use crate::{Faults, claims, faults::is_plain};

/// The most characters of an application's name.
const NAME: usize = 200;
/// The most scopes.
const SCOPES: usize = 100;
/// The most bytes of all scopes together: an application that acts for itself may have all of them in one token.
const SCOPES_BYTES: usize = 4 * 1024;
/// The most audiences.
const AUDIENCES: usize = 20;
/// The most bytes of all audiences together.
const AUDIENCES_BYTES: usize = 2 * 1024;
/// The most characters of a scope, and of an audience.
const TOKEN: usize = 256;
/// The most custom claims.
const CLAIMS: usize = 50;
/// The most bytes of all custom claims together: they travel in every token.
const CLAIMS_BYTES: usize = 4 * 1024;

/// Judges all settings of an application.
pub fn check(settings: &ApplicationSettings, application_type: ApplicationType) -> Result<(), Faults> {
    let mut faults = Faults::default();
    faults.text("name", &settings.name, NAME);
    if application_type.is_redirected_to() {
        faults.unless(
            !settings.redirect_uris.is_empty(),
            "redirect_uris",
            "needs at least one: people come back to it after signing in",
        );
    } else {
        let none = "must be empty: no browser comes back to a service or a device";
        faults.unless(settings.redirect_uris.is_empty(), "redirect_uris", none);
        faults.unless(
            settings.post_logout_redirect_uris.is_empty(),
            "post_logout_redirect_uris",
            none,
        );
    }
    redirect_uris::check(
        "redirect_uris",
        &settings.redirect_uris,
        application_type,
        &mut faults,
    );
    let after_logout = &settings.post_logout_redirect_uris;
    redirect_uris::check(
        "post_logout_redirect_uris",
        after_logout,
        application_type,
        &mut faults,
    );
    check_scopes("scopes", &settings.scopes, &mut faults);
    let audience = "must be an absolute URI without fragment, or a plain name";
    check_list(
        "audiences",
        &settings.audiences,
        AUDIENCES,
        is_audience,
        audience,
        &mut faults,
    );
    check_size("audiences", &settings.audiences, AUDIENCES_BYTES, &mut faults);
    for (field, seconds) in [
        ("access_token_seconds", settings.access_token_seconds),
        ("id_token_seconds", settings.id_token_seconds),
    ] {
        if let Some(seconds) = seconds {
            faults.range(field, seconds, 60..=86_400);
        }
    }
    oauth::check(settings, application_type, &mut faults);
    check_claims(&settings.custom_claims, &mut faults);
    faults.into_result()
}

/// Judges a list of scopes.
pub fn check_scopes(field: &str, scopes: &[String], faults: &mut Faults) {
    let scope = "must be a scope token (RFC 6749, section 3.3)";
    check_list(field, scopes, SCOPES, is_scope, scope, faults);
    check_size(field, scopes, SCOPES_BYTES, faults);
}

/// What travels in tokens is measured as it does: as JSON.
fn check_size(field: &str, value: &(impl Serialize + ?Sized), most: usize, faults: &mut Faults) {
    let size = serde_json::to_vec(value).map_or(usize::MAX, |json| json.len());
    let detail = format!("must be at most {} KiB together", most / 1024);
    faults.unless(size <= most, field, detail);
}

fn check_list(
    field: &str,
    list: &[String],
    most: usize,
    is_good: fn(&str) -> bool,
    must: &str,
    faults: &mut Faults,
) {
    faults.unless(list.len() <= most, field, format!("must be at most {most}"));
    for (index, item) in list.iter().enumerate() {
        let place = format!("{field}[{index}]");
        faults.unless(is_good(item), &place, must);
        faults.unless(!list[..index].contains(item), &place, "is there already");
    }
}

/// `1*( %x21 / %x23-5B / %x5D-7E )`.
fn is_scope(text: &str) -> bool {
    (1..=TOKEN).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// RFC 8707, section 2, or the name of a resource server that has no URI.
fn is_audience(text: &str) -> bool {
    let is_bounded = (1..=TOKEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    // What looks like a URI must be one.
    is_bounded && !text.contains('#') && (!text.contains("://") || Url::parse(text).is_ok())
}

fn check_claims(custom: &BTreeMap<String, Value>, faults: &mut Faults) {
    faults.unless(
        custom.len() <= CLAIMS,
        "custom_claims",
        format!("must be at most {CLAIMS}"),
    );
    check_size("custom_claims", custom, CLAIMS_BYTES, faults);
    for (name, value) in custom {
        let field = format!("custom_claims.{name}");
        let is_name = (1..=TOKEN).contains(&name.chars().count()) && is_plain(name);
        faults.unless(is_name, &field, "must be named by 1 to 256 visible characters");
        faults.unless(
            !claims::is_reserved(name),
            &field,
            "has the name of a claim that means something else",
        );
        match value {
            Value::Null => faults.add(&field, "must be a value, or {\"attribute\": \"<name>\"}"),
            Value::Object(members) if members.contains_key("attribute") => {
                let is_reference =
                    members.len() == 1 && members["attribute"].as_str().is_some_and(|text| !text.is_empty());
                faults.unless(is_reference, &field, "must name one attribute and nothing else");
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use ApplicationType::{Native, Service, Spa, Web};
    use serde_json::json;

    use super::*;

    fn at_fault(application_type: ApplicationType, settings: Value) -> Vec<String> {
        let mut all = json!({ "name": "App", "redirect_uris": ["https://app.example.org/cb"] });
        if application_type == Service {
            all["redirect_uris"] = json!([]);
        }
        all.as_object_mut()
            .unwrap()
            .extend(settings.as_object().unwrap().clone());
        let settings = serde_json::from_value(all).unwrap();
        let faults = check(&settings, application_type).err().unwrap_or_default();
        faults.fields().map(str::to_owned).collect()
    }

    const NOTHING: Vec<String> = Vec::new();

    #[test]
    fn sensible_settings_are_accepted() {
        let settings = json!({
            "post_logout_redirect_uris": ["https://app.example.org/bye"], "scopes": ["manage", "orders:read"],
            "audiences": ["https://api.example.org/", "urn:example:orders", "orders"], "access_token_seconds": 60,
            "id_token_seconds": 86_400, "id_token_signed_response_alg": "RS256",
            "access_token_signed_response_alg": "EdDSA",
            "custom_claims": { "tenant": 7, "plan": "gold", "https://example.org/team": { "attribute": "team" },
                "groups": ["a", "b"] },
        });
        for application_type in [Web, Spa, Native] {
            assert_eq!(at_fault(application_type, settings.clone()), NOTHING);
        }
        assert_eq!(at_fault(Service, json!({ "scopes": ["manage"] })), NOTHING);
    }

    #[test]
    fn people_come_back_to_what_they_sign_in_to_and_nobody_signs_in_to_a_service() {
        for application_type in [Web, Spa, Native] {
            assert_eq!(
                at_fault(application_type, json!({ "redirect_uris": [] })),
                ["redirect_uris"]
            );
        }
        let uris = json!(["https://a.example/"]);
        assert_eq!(
            at_fault(Service, json!({ "redirect_uris": uris })),
            ["redirect_uris"]
        );
        assert_eq!(
            at_fault(Service, json!({ "post_logout_redirect_uris": uris })),
            ["post_logout_redirect_uris"]
        );
    }

    #[test]
    fn scopes_audiences_lifetimes_and_algorithms_have_their_shapes() {
        let settings = json!({
            "name": "", "scopes": ["a b", "", "a\"", "ok", "ok"], "audiences": ["a b", "https://", "https://a/#b"],
            "access_token_seconds": 59, "id_token_seconds": 86_401, "id_token_signed_response_alg": "none",
            "access_token_signed_response_alg": "HS256",
        });
        assert_eq!(
            at_fault(Web, settings),
            [
                "name",
                "scopes[0]",
                "scopes[1]",
                "scopes[2]",
                "scopes[4]",
                "audiences[0]",
                "audiences[1]",
                "audiences[2]",
                "access_token_seconds",
                "id_token_seconds",
                "id_token_signed_response_alg",
                "access_token_signed_response_alg"
            ]
        );
    }

    #[test]
    fn no_claim_of_the_protocol_can_be_configured() {
        for name in [
            "iss", "sub", "aud", "exp", "scope", "sid", "gid", "acr", "email", "",
        ] {
            assert_eq!(
                at_fault(Web, json!({ "custom_claims": { name: 1 } })),
                [format!("custom_claims.{name}")]
            );
        }
        let references = json!({ "custom_claims": {
            "a": { "attribute": "team" }, "b": { "attribute": 1 }, "c": { "attribute": "t", "more": 1 }, "d": null,
            "e": { "attribute": "" },
        } });
        assert_eq!(
            at_fault(Web, references),
            ["b", "c", "d", "e"].map(|name| format!("custom_claims.{name}"))
        );
    }

    #[test]
    fn what_travels_in_tokens_is_bounded_together() {
        let texts = |count: usize, length: usize| -> Vec<String> {
            (0..count).map(|number| format!("{number:0>length$}")).collect()
        };
        let claims = |count: usize| -> Value {
            (0..count)
                .map(|number| (format!("c{number}"), json!("x".repeat(150))))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        for (field, good, bad) in [
            ("scopes", json!(texts(100, 37)), json!(texts(101, 8))),
            ("scopes", json!(texts(15, 256)), json!(texts(90, 240))),
            ("audiences", json!(texts(20, 90)), json!(texts(21, 8))),
            ("audiences", json!(texts(7, 256)), json!(texts(90, 240))),
            ("custom_claims", claims(25), claims(45)),
        ] {
            assert_eq!(at_fault(Web, json!({ field: good })), NOTHING);
            let faults = at_fault(Web, json!({ field: bad }));
            assert!(
                !faults.is_empty() && faults.iter().all(|fault| fault == field),
                "{faults:?}"
            );
        }
    }
}
