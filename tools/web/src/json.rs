//! JSON bodies, read strictly: the right media type, one value, no repeated keys, no unknown fields.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::header,
};
use serde::{
    Deserializer,
    de::{self, DeserializeOwned, MapAccess, SeqAccess, Visitor},
};

use crate::{Code, Problem};

/// Reads a body; an absent one stands for `{}`. Answers the value and the bytes it was read from.
pub async fn read<T: DeserializeOwned, S: Send + Sync>(
    request: Request<Body>,
    state: &S,
) -> Result<(T, Bytes), Problem> {
    let typed = request
        .headers()
        .get(header::CONTENT_TYPE)
        .map(|value| is_json(value.as_bytes()));
    let bytes =
        Bytes::from_request(request, state)
            .await
            .map_err(|rejection| match rejection.status().as_u16() {
                413 => Problem::new(Code::TooLarge),
                _ => Problem::new(Code::MalformedRequest).detail("the body could not be read"),
            })?;
    match typed {
        Some(true) => {}
        None if bytes.is_empty() => {}
        None | Some(false) => {
            return Err(Problem::new(Code::UnsupportedMediaType).detail("send application/json"));
        }
    }
    let value = if bytes.is_empty() {
        parse(b"{}")?
    } else {
        parse(&bytes)?
    };
    Ok((value, bytes))
}

fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// Understands a body as a `T`.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // First as JSON at all: well-formed, not too deep, without a key that says two things.
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let well_formed = reader
        .deserialize_any(Unrepeated { depth: 0 })
        .and_then(|()| reader.end());
    well_formed.map_err(|error| Problem::new(Code::MalformedJson).detail(error.to_string()))?;
    // serde would take a list for the fields in their order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(invalid("must be an object"));
    }
    serde_json::from_slice(bytes).map_err(|error| invalid(&error.to_string()))
}

/// serde tells the field's name between backticks; what it cannot name is said of the body.
fn invalid(reason: &str) -> Problem {
    let reason = reason
        .rsplit_once(" at line ")
        .map_or(reason, |(reason, _)| reason);
    let field = reason
        .split('`')
        .nth(1)
        .filter(|_| reason.contains(" field `"))
        .unwrap_or("body");
    Problem::new(Code::Invalid)
        .detail("the body is not what this command takes")
        .field(field, reason)
}

/// The most levels of lists and objects within one another: what is kept of a body must be readable by every parser after us.
const DEPTH: usize = 16;

/// Accepts any JSON value in which no object names a key twice, and that is not too deep.
#[derive(Clone, Copy)]
struct Unrepeated {
    depth: usize,
}

impl Unrepeated {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth < DEPTH {
            Ok(Self {
                depth: self.depth + 1,
            })
        } else {
            Err(E::custom(format_args!("nested more than {DEPTH} levels deep")))
        }
    }
}

impl<'de> de::DeserializeSeed<'de> for Unrepeated {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unrepeated {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while sequence.next_element_seed(inner)?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut keys = std::collections::HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(inner)?;
            if let Some(repeated) = keys.replace(key) {
                return Err(de::Error::custom(format_args!(
                    "the key {repeated:?} stands twice"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        name: String,
        #[serde(default)]
        tags: Vec<String>,
    }

    fn code(body: &str) -> Code {
        parse::<Body>(body.as_bytes()).unwrap_err().code()
    }

    #[test]
    fn what_is_not_json_is_malformed_and_what_is_not_the_command_is_invalid() {
        assert_eq!(
            parse::<Body>(br#"{"name":"a"}"#).unwrap(),
            Body {
                name: "a".into(),
                tags: vec![]
            }
        );
        for body in [
            "",
            "{",
            "{}{}",
            "nul",
            r#"{"name":"a","name":"b"}"#,
            r#"{"name":"a","tags":[{"x":1,"x":2}]}"#,
        ] {
            assert_eq!(code(body), Code::MalformedJson, "{body}");
        }
        for body in [
            "{}",
            "[]",
            "null",
            r#"{"name":1}"#,
            r#"{"name":"a","nmae":"b"}"#,
            r#"{"name":null}"#,
        ] {
            assert_eq!(code(body), Code::Invalid, "{body}");
        }
        let deep = |levels: usize| format!("{{\"name\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(
            code(&deep(DEPTH - 1)),
            Code::Invalid,
            "deep enough to be wrong only in its type"
        );
        assert_eq!(code(&deep(DEPTH)), Code::MalformedJson);
        assert_eq!(
            code(&format!("{}{}", "[".repeat(500), "]".repeat(500))),
            Code::MalformedJson
        );
    }

    #[test]
    fn media_types_are_compared_without_their_parameters() {
        assert!(is_json(b"application/json") && is_json(b"Application/JSON; charset=utf-8"));
        assert!(!is_json(b"text/json") && !is_json(b"") && !is_json(b"application/jsonx"));
    }
}
