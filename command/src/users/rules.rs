//! What a profile must be, however it comes to be. The rule: a login name shows all that it holds, and neither a user
//! name nor an e-mail address can be mistaken for somebody else's.

use std::collections::BTreeMap;

use events::{
    realms::{AttributeSchema, AttributeType, RegistrationSettings},
    users::{Profile, login_name},
};
use serde_json::Value;

use crate::{Faults, faults::is_plain, realms::attributes::DEFAULT_LENGTH};

/// The most characters of a user name.
const USERNAME: usize = 128;
/// The most characters of a name of a person.
const NAME: usize = 256;
/// The most texts in a list.
const LIST: usize = 100;
/// The most bytes of all attributes of a user together, as JSON.
const ATTRIBUTES: usize = 64 * 1024;
/// The most bytes of those that tokens carry as claims.
const CLAIMS: usize = 4 * 1024;

/// Which parts of a profile to judge: a change answers for what it changes, and not for what an older schema let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    /// User name, e-mail address.
    pub login: bool,
    /// Custom attributes.
    pub attributes: bool,
}

impl Touched {
    /// A new profile answers for all of itself.
    pub const ALL: Self = Self {
        login: true,
        attributes: true,
    };
}

/// Judges a profile.
pub fn check(profile: &Profile, settings: &RegistrationSettings, touched: Touched) -> Result<(), Faults> {
    let mut faults = Faults::default();
    if touched.login {
        check_login_names(profile, settings, &mut faults);
    }
    if let Some(phone) = &profile.phone {
        faults.unless(
            is_e164(phone),
            "phone",
            "must be an E.164 number such as +41791234567",
        );
    }
    faults.unless(
        !profile.email_verified || profile.email.is_some(),
        "email_verified",
        "needs an e-mail address",
    );
    faults.unless(
        !profile.phone_verified || profile.phone.is_some(),
        "phone_verified",
        "needs a phone number",
    );
    for (field, name) in [
        ("name", &profile.name),
        ("given_name", &profile.given_name),
        ("family_name", &profile.family_name),
    ] {
        faults.optional_text(field, name.as_deref(), NAME);
    }
    if let Some(locale) = &profile.locale {
        faults.unless(
            is_language_tag(locale),
            "locale",
            "must be a BCP 47 language tag such as de-CH",
        );
    }
    if let Some(zone) = &profile.zoneinfo {
        faults.unless(
            is_zone(zone),
            "zoneinfo",
            "must be an IANA time zone such as Europe/Zurich",
        );
    }
    if touched.attributes {
        check_attributes(&profile.attributes, &settings.attributes, &mut faults);
    }
    faults.into_result()
}

fn check_login_names(profile: &Profile, settings: &RegistrationSettings, faults: &mut Faults) {
    if profile.username.is_none() && profile.email.is_none() {
        faults.add("username", "a user needs a user name or an e-mail address");
    }
    if settings.email_required && profile.email.is_none() {
        faults.add("email", "is required in this realm");
    }
    if let Some(username) = &profile.username {
        // Judged as it is compared, too: a full-width @ is an @ after NFKC.
        let compared = login_name(username);
        faults.text("username", username, USERNAME);
        faults.unless(
            (1..=USERNAME).contains(&compared.chars().count()) && is_visible(username),
            "username",
            "must have 1 to 128 visible characters",
        );
        let is_own_email = profile.email.as_deref().map(login_name).as_ref() == Some(&compared);
        faults.unless(
            !compared.contains('@') || is_own_email,
            "username",
            "must not hold an @ unless it is the user's e-mail address",
        );
    }
    if let Some(email) = &profile.email {
        faults.unless(
            is_email(email) && is_email(&login_name(email)),
            "email",
            "must be an e-mail address such as name@example.org",
        );
    }
}

/// Nothing in it is hidden, the joiners included, which names of people may hold.
fn is_visible(text: &str) -> bool {
    let is_blank = |character: char| {
        matches!(
            character,
            '\u{200c}' | '\u{200d}' | '\u{2800}' | '\u{fe00}'..='\u{fe0f}'
        )
    };
    is_plain(text) && !text.chars().any(is_blank)
}

/// One `@`, lengths after RFC 5321 section 4.5.3.1, no space, no control; a domain of labels. Whether the address is
/// somebody's is shown by a letter sent to it, not by its shape.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|character| character.is_alphanumeric() || character == '-' || !character.is_ascii())
    };
    text.len() <= 254
        && (1..=64).contains(&local.len())
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && is_visible(text)
        && !text.contains(|character: char| character.is_whitespace() || "()<>[],;:\\\"".contains(character))
        && domain.split('.').all(is_label)
}

fn is_e164(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else {
        return false;
    };
    (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The shape of a BCP 47 tag: subtags of 1 to 8 letters or digits, a language first.
fn is_language_tag(text: &str) -> bool {
    let mut subtags = text.split('-');
    let is_language =
        |tag: &str| (2..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_subtag =
        |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 35 && subtags.next().is_some_and(is_language) && subtags.all(is_subtag)
}

/// The shape of a name of the IANA time zone database: `UTC`, `Europe/Zurich`, `America/Argentina/Ushuaia`, `Etc/GMT+1`.
fn is_zone(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
    };
    text.len() <= 64 && text.split('/').count() <= 3 && text.split('/').all(is_part)
}

fn check_attributes(
    attributes: &BTreeMap<String, Value>,
    schemas: &BTreeMap<String, AttributeSchema>,
    faults: &mut Faults,
) {
    for (name, schema) in schemas {
        if schema.required && !attributes.contains_key(name) {
            faults.add(format!("attributes.{name}"), "is required in this realm");
        }
    }
    for (name, value) in attributes {
        let field = format!("attributes.{name}");
        match schemas.get(name) {
            None => faults.add(field, "is not an attribute of this realm"),
            Some(schema) => check_value(&field, value, schema, faults),
        }
    }
    let size = serde_json::to_vec(attributes).map_or(usize::MAX, |json| json.len());
    faults.unless(
        size <= ATTRIBUTES,
        "attributes",
        "must be at most 64 KiB together",
    );
    let claims: BTreeMap<_, _> = attributes
        .iter()
        .filter(|(name, _)| schemas.get(*name).is_some_and(|schema| schema.claim))
        .collect();
    let size = serde_json::to_vec(&claims).map_or(usize::MAX, |json| json.len());
    faults.unless(
        size <= CLAIMS,
        "attributes",
        "must be at most 4 KiB together, those that tokens carry as claims",
    );
}

fn check_value(field: &str, value: &Value, schema: &AttributeSchema, faults: &mut Faults) {
    match (schema.value_type, value) {
        (AttributeType::String, Value::String(text)) => check_text(field, text, schema, faults),
        (AttributeType::StringList, Value::Array(list)) if list.len() <= LIST => {
            for (index, item) in list.iter().enumerate() {
                let field = format!("{field}[{index}]");
                match item.as_str() {
                    Some(text) => check_text(&field, text, schema, faults),
                    None => faults.add(field, "must be a text"),
                }
            }
        }
        (AttributeType::Integer, Value::Number(number)) if number.is_i64() => {}
        (AttributeType::Boolean, Value::Bool(_)) => {}
        (AttributeType::String, _) => faults.add(field, "must be a text"),
        (AttributeType::StringList, _) => faults.add(field, "must be a list of at most 100 texts"),
        (AttributeType::Integer, _) => faults.add(field, "must be a whole number"),
        (AttributeType::Boolean, _) => faults.add(field, "must be true or false"),
    }
}

fn check_text(field: &str, text: &str, schema: &AttributeSchema, faults: &mut Faults) {
    let most = schema.max_length.unwrap_or(DEFAULT_LENGTH);
    faults.unless(
        text.chars().count() <= most,
        field,
        format!("must have at most {most} characters"),
    );
    faults.unless(
        is_plain(text),
        field,
        "must not hold control or invisible characters",
    );
    let is_choice = schema.one_of.is_empty() || schema.one_of.iter().any(|choice| choice == text);
    faults.unless(
        is_choice,
        field,
        format!("must be one of: {}", schema.one_of.join(", ")),
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(profile: Value, settings: Value) -> Vec<String> {
        let profile: Profile = serde_json::from_value(profile).unwrap();
        let settings: RegistrationSettings = serde_json::from_value(settings).unwrap();
        let faults = check(&profile, &settings, Touched::ALL).err().unwrap_or_default();
        faults.fields().map(str::to_owned).collect()
    }

    fn at_fault(profile: Value) -> Vec<String> {
        let mut fields = faults(profile, json!({}));
        fields.dedup();
        fields
    }

    #[test]
    fn a_full_profile_is_accepted() {
        let profile = json!({
            "username": "Zoë.Müller", "email": "zoe@example.org", "email_verified": true, "phone": "+41791234567",
            "phone_verified": true, "name": "Zoë Müller", "given_name": "Zoë", "family_name": "Müller",
            "locale": "de-CH", "zoneinfo": "Europe/Zurich",
        });
        assert_eq!(at_fault(profile), Vec::<String>::new());
        for zone in ["UTC", "America/Argentina/Ushuaia", "Etc/GMT+1"] {
            assert!(is_zone(zone), "{zone}");
        }
    }

    #[test]
    fn a_user_has_a_name_to_sign_in_with() {
        assert_eq!(at_fault(json!({ "name": "Nobody" })), ["username"]);
        assert_eq!(
            at_fault(json!({ "email": "a@example.org" })),
            Vec::<String>::new()
        );
        assert_eq!(
            faults(json!({ "username": "a" }), json!({ "email_required": true })),
            ["email"]
        );
    }

    #[test]
    fn a_user_name_cannot_be_mistaken_for_another() {
        for username in [
            "",
            " ",
            " a",
            "a ",
            "a\u{200b}",
            "a\u{200d}",
            "a\tb",
            "b@example.org",
            "b＠example.org",
            &"a".repeat(129),
        ] {
            assert_eq!(
                at_fault(json!({ "username": username })),
                ["username"],
                "{username:?}"
            );
        }
        // U+FDFA is one character that NFKC makes eighteen of.
        assert_eq!(
            at_fault(json!({ "username": "\u{fdfa}".repeat(20) })),
            ["username"]
        );
        let own = json!({ "username": "A@Example.org", "email": "a@example.org" });
        assert_eq!(at_fault(own), Vec::<String>::new());
    }

    #[test]
    fn an_address_has_the_shape_of_one() {
        for email in [
            "a@b",
            "first.last+tag@sub.example.org",
            "o'neil@example.org",
            "ü@bücher.example",
        ] {
            assert!(is_email(email), "{email}");
        }
        let long = format!("{}@example.org", "a".repeat(65));
        for email in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a@b c",
            "a@b\n",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a@.b",
            "a@b.",
            "a@-b",
            "a@b..c",
            "<a@b>",
            "a,b@c",
            "a@[1.2.3.4]",
            &long,
        ] {
            assert!(!is_email(email), "{email}");
        }
    }

    #[test]
    fn the_rest_has_its_shapes() {
        let profile = json!({
            "username": "a", "phone": "0791234567", "name": "", "given_name": "a\u{7}", "locale": "german language",
            "zoneinfo": "../etc/passwd", "email_verified": true,
        });
        assert_eq!(
            at_fault(profile),
            [
                "phone",
                "email_verified",
                "name",
                "given_name",
                "locale",
                "zoneinfo"
            ]
        );
        assert_eq!(
            at_fault(json!({ "username": "a", "phone_verified": true })),
            ["phone_verified"]
        );
    }

    #[test]
    fn attributes_follow_the_schema() {
        let settings = json!({ "attributes": {
            "team": { "type": "string", "required": true, "one_of": ["red", "blue"] },
            "number": { "type": "integer" },
            "tags": { "type": "string_list", "max_length": 3 },
            "manager": { "type": "boolean" },
        } });
        let of = |attributes: Value| {
            faults(
                json!({ "username": "a", "attributes": attributes }),
                settings.clone(),
            )
        };
        assert_eq!(
            of(json!({ "team": "red", "number": -7, "tags": ["a", "abc"], "manager": false })),
            Vec::<String>::new()
        );
        assert_eq!(of(json!({})), ["attributes.team"]);
        assert_eq!(
            of(json!({ "team": "green", "number": 1.5, "tags": ["abcd", 1], "manager": "no", "size": 1 })),
            [
                "attributes.manager",
                "attributes.number",
                "attributes.size",
                "attributes.tags[0]",
                "attributes.tags[1]",
                "attributes.team"
            ]
        );
        assert_eq!(of(json!({ "team": null })), ["attributes.team"]);
    }

    #[test]
    fn a_change_answers_for_what_it_touches() {
        let profile: Profile =
            serde_json::from_value(json!({ "username": "a", "attributes": { "old": 1 } })).unwrap();
        let settings = RegistrationSettings {
            email_required: true,
            ..RegistrationSettings::default()
        };
        assert_eq!(
            check(
                &profile,
                &settings,
                Touched {
                    login: false,
                    attributes: false
                }
            ),
            Ok(())
        );
        assert!(
            check(
                &profile,
                &settings,
                Touched {
                    login: true,
                    attributes: false
                }
            )
            .is_err()
        );
        assert!(
            check(
                &profile,
                &settings,
                Touched {
                    login: false,
                    attributes: true
                }
            )
            .is_err()
        );
    }

    #[test]
    fn what_tokens_carry_of_a_user_is_bounded() {
        let texts = |text: &str| json!((0..5).map(|_| text.repeat(200)).collect::<Vec<_>>());
        let at_fault = |claim: bool, text: &str| {
            faults(
                json!({ "username": "alice", "attributes": { "notes": texts(text) } }),
                json!({ "attributes": { "notes": { "type": "string_list", "claim": claim } } }),
            )
        };
        assert_eq!(at_fault(true, "abcd"), Vec::<String>::new());
        assert_eq!(at_fault(true, "abcde"), ["attributes"]);
        assert_eq!(at_fault(false, "abcde"), Vec::<String>::new());
    }
}
