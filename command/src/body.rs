//! Reading partial bodies: absent keeps, `null` removes, a value replaces (RFC 7396).
//! The rule: where nothing can be removed, `null` is a malformed value and not an absent one.

use std::collections::BTreeMap;

use events::clock::Timestamp;
use secrecy::SecretString;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error},
};
use serde_json::{Map, Value};

/// A field that may be absent, `null` or a value: `None`, `Some(None)`, `Some(Some(value))`. With `#[serde(default)]`.
pub fn removable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A field that may be absent but not `null`. With `#[serde(default)]`.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A part of a body that may be absent but not `null`, and is an object: serde would take a list, too, for the fields of
/// a struct in their order. With `#[serde(default)]`.
pub fn object<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    from_object(Map::deserialize(deserializer)?).map(Some)
}

/// A map whose values are such objects.
pub fn objects<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, T>, D::Error> {
    BTreeMap::<String, Map<String, Value>>::deserialize(deserializer)?
        .into_iter()
        .map(|(name, members)| Ok((name, from_object(members)?)))
        .collect()
}

/// A list of such objects.
pub fn list_of_objects<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Vec::<Map<String, Value>>::deserialize(deserializer)?
        .into_iter()
        .map(from_object)
        .collect()
}

fn from_object<T: DeserializeOwned, E: Error>(members: Map<String, Value>) -> Result<T, E> {
    T::deserialize(Value::Object(members)).map_err(E::custom)
}

/// A secret, which is not shown by `Debug` and is wiped from memory after use.
pub fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

/// A secret that may be absent but not `null`. With `#[serde(default)]`.
pub fn optional_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    secret(deserializer).map(Some)
}

/// A moment (RFC 3339) that may be absent but not `null`. With `#[serde(default)]`.
pub fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Timestamp::parse_rfc3339(&text)
        .map(Some)
        .ok_or_else(|| D::Error::custom("expected a moment after RFC 3339"))
}

/// Puts what was given in the place of what was there.
pub fn replace<T>(field: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *field = given;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[expect(clippy::option_option, reason = "absent, null and a value are three things")]
    struct Body {
        #[serde(default, deserialize_with = "removable")]
        name: Option<Option<String>>,
        #[serde(default, deserialize_with = "present")]
        flag: Option<bool>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        let read = |json: &str| serde_json::from_str::<Body>(json).ok();
        assert_eq!(
            read("{}"),
            Some(Body {
                name: None,
                flag: None
            })
        );
        assert_eq!(
            read(r#"{"name":null}"#),
            Some(Body {
                name: Some(None),
                flag: None
            })
        );
        assert_eq!(
            read(r#"{"name":"a","flag":false}"#),
            Some(Body {
                name: Some(Some("a".into())),
                flag: Some(false)
            })
        );
        assert_eq!(read(r#"{"flag":null}"#), None);
    }
}
