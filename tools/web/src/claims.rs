//! What tokens and the userinfo endpoint say about a user: one pure function for both (OpenID Connect Core, section 5.4).
//! The rule: a scope releases its own claims and nothing else, and nothing configured can take a protocol claim's place.

use std::collections::BTreeSet;

use events::{
    applications::{Application, ApplicationSettings},
    realms::Settings,
    users::Profile,
};
use serde_json::{Map, Value};

/// The scopes that every application may ask for; its own come on top.
pub const STANDARD_SCOPES: [&str; 5] = ["openid", "profile", "email", "phone", "offline_access"];

/// Whether an application may ask for a scope: one that is everybody's, or one of its own.
pub fn is_known(application: &Application, scope: &str) -> bool {
    STANDARD_SCOPES.contains(&scope) || application.settings.scopes.iter().any(|one| one == scope)
}

/// The standard claims that can be asked for one by one, with the scope that releases each (OpenID Connect Core, 5.4).
pub const STANDARD_CLAIMS: [(&str, &str); 10] = [
    ("name", "profile"),
    ("given_name", "profile"),
    ("family_name", "profile"),
    ("preferred_username", "profile"),
    ("locale", "profile"),
    ("zoneinfo", "profile"),
    ("email", "email"),
    ("email_verified", "email"),
    ("phone_number", "phone"),
    ("phone_number_verified", "phone"),
];

/// The scope that releases a claim; a claim that is an attribute of the realm's comes with `profile`. `None` for none.
pub fn scope_of(claim: &str) -> Option<&'static str> {
    let standard = STANDARD_CLAIMS.iter().find(|(name, _)| *name == claim);
    match standard {
        Some((_, scope)) => Some(scope),
        None if RESERVED.contains(&claim) => None,
        None => Some("profile"),
    }
}

/// Whether a claim can be asked for by its name: a standard one, or an attribute that the realm tells as a claim.
pub fn is_requestable(claim: &str, settings: &Settings) -> bool {
    let attributes = &settings.registration.attributes;
    STANDARD_CLAIMS.iter().any(|(name, _)| *name == claim)
        || (!RESERVED.contains(&claim) && attributes.get(claim).is_some_and(|schema| schema.claim))
}

/// The claims about a user that were asked for one by one (OpenID Connect Core, 5.5); what is not known of them is left out.
pub fn requested_claims(
    profile: &Profile,
    settings: &Settings,
    application: &ApplicationSettings,
    requested: &BTreeSet<String>,
) -> Map<String, Value> {
    if requested.is_empty() {
        return Map::new();
    }
    let scopes = ["profile", "email", "phone"].map(str::to_owned).into();
    user_claims(profile, settings, application, &scopes)
        .into_iter()
        .filter(|(name, _)| requested.contains(name))
        .collect()
}

/// Claims that the protocols own: neither an attribute nor a custom claim is put into their place.
pub const RESERVED: [&str; 25] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "scope",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "gid",
    "act",
    "may_act",
    "exchanged",
    "cnf",
    "active",
    "token_type",
];

/// The claims about a user that these scopes release to this application.
///
/// - `profile`: names, language and time zone, and the realm's attributes that are marked as claims;
/// - `email`, `phone`: the address or number, and whether it was verified;
/// - whatever the scopes: the application's own [`custom_claims`].
///
/// What is not known of the user is left out. Where names collide, the standard claim wins.
pub fn user_claims(
    profile: &Profile,
    settings: &Settings,
    application: &ApplicationSettings,
    scopes: &BTreeSet<String>,
) -> Map<String, Value> {
    let mut claims = Map::new();
    if scopes.contains("profile") {
        for (name, schema) in &settings.registration.attributes {
            if let (true, Some(value)) = (schema.claim, profile.attributes.get(name)) {
                put(&mut claims, name, value.clone());
            }
        }
    }
    claims.extend(custom_claims(Some(profile), application));
    let mut text = |name: &str, value: Option<&String>| {
        if let Some(value) = value {
            put(&mut claims, name, Value::from(value.as_str()));
        }
    };
    if scopes.contains("profile") {
        text("name", profile.display_name().as_ref());
        text("given_name", profile.given_name.as_ref());
        text("family_name", profile.family_name.as_ref());
        text("preferred_username", profile.username.as_ref());
        text("locale", profile.locale.as_ref());
        text("zoneinfo", profile.zoneinfo.as_ref());
    }
    if scopes.contains("email") {
        text("email", profile.email.as_ref());
    }
    if scopes.contains("phone") {
        text("phone_number", profile.phone.as_ref());
    }
    if scopes.contains("email") && profile.email.is_some() {
        claims.insert("email_verified".to_owned(), Value::Bool(profile.email_verified));
    }
    if scopes.contains("phone") && profile.phone.is_some() {
        claims.insert(
            "phone_number_verified".to_owned(),
            Value::Bool(profile.phone_verified),
        );
    }
    claims
}

/// The claims that an application's settings add to its tokens: fixed values, and attributes of the user where there is one.
pub fn custom_claims(profile: Option<&Profile>, application: &ApplicationSettings) -> Map<String, Value> {
    let mut claims = Map::new();
    for (name, value) in &application.custom_claims {
        match attribute(value) {
            None => put(&mut claims, name, value.clone()),
            Some(attribute) => {
                if let Some(value) = profile.and_then(|profile| profile.attributes.get(attribute)) {
                    put(&mut claims, name, value.clone());
                }
            }
        }
    }
    claims
}

/// The attribute that a custom claim stands for: `{"attribute": "<name>"}`, and nothing beside it.
fn attribute(value: &Value) -> Option<&str> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.get("attribute")?.as_str()
}

fn put(claims: &mut Map<String, Value>, name: &str, value: Value) {
    if !RESERVED.contains(&name) {
        claims.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use events::realms::{AttributeSchema, AttributeType};
    use serde_json::json;

    use super::*;

    fn alice() -> Profile {
        Profile {
            username: Some("alice".to_owned()),
            email: Some("alice@example.org".to_owned()),
            email_verified: true,
            given_name: Some("Alice".to_owned()),
            family_name: Some("Liddell".to_owned()),
            attributes: BTreeMap::from([
                ("department".to_owned(), json!("Tea")),
                ("salary".to_owned(), json!(7)),
                ("sub".to_owned(), json!("somebody else")),
            ]),
            ..Profile::default()
        }
    }

    fn settings() -> Settings {
        let schema = |claim| AttributeSchema {
            value_type: AttributeType::String,
            required: false,
            max_length: None,
            one_of: Vec::new(),
            claim,
            editable: false,
        };
        let mut settings = Settings::default();
        settings.registration.attributes = BTreeMap::from([
            ("department".to_owned(), schema(true)),
            ("salary".to_owned(), schema(false)),
            ("sub".to_owned(), schema(true)),
        ]);
        settings
    }

    fn told(application: &ApplicationSettings, scopes: &[&str]) -> Value {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        Value::Object(user_claims(&alice(), &settings(), application, &scopes))
    }

    #[test]
    fn a_scope_releases_its_own_claims_only() {
        let application = ApplicationSettings::default();
        assert_eq!(told(&application, &["openid"]), json!({}));
        assert_eq!(
            told(&application, &["openid", "email"]),
            json!({ "email": "alice@example.org", "email_verified": true })
        );
        assert_eq!(
            told(&application, &["phone"]),
            json!({}),
            "an unknown number is not told as unverified"
        );
        assert_eq!(
            told(&application, &["profile"]),
            json!({
                "name": "Alice Liddell", "given_name": "Alice", "family_name": "Liddell",
                "preferred_username": "alice", "department": "Tea",
            })
        );
    }

    #[test]
    fn custom_claims_are_fixed_or_taken_from_an_attribute() {
        let application = ApplicationSettings {
            custom_claims: BTreeMap::from([
                ("tier".to_owned(), json!({ "level": "gold" })),
                ("dept".to_owned(), json!({ "attribute": "department" })),
                ("none".to_owned(), json!({ "attribute": "unknown" })),
            ]),
            ..ApplicationSettings::default()
        };
        assert_eq!(
            told(&application, &[]),
            json!({ "tier": { "level": "gold" }, "dept": "Tea" })
        );
        assert_eq!(
            Value::Object(custom_claims(None, &application)),
            json!({ "tier": { "level": "gold" } }),
            "an application acting for itself has no attributes"
        );
    }

    #[test]
    fn nothing_takes_the_place_of_a_protocol_claim() {
        let application = ApplicationSettings {
            custom_claims: BTreeMap::from([
                ("iss".to_owned(), json!("https://evil.example")),
                ("email_verified".to_owned(), json!(false)),
            ]),
            ..ApplicationSettings::default()
        };
        assert_eq!(
            told(&application, &["email"]),
            json!({ "email": "alice@example.org", "email_verified": true })
        );
    }
}
