//! Sealed fields: personal data and secrets that the log keeps only as long as their key lives.
//!
//! A domain event names its sealed fields in its [`EventKind`](crate::event::EventKind). The codec takes them out of the
//! body's `data`, seals each under its owner's key, and puts them back when it reads. A field whose key is gone
//! reads as [`Sealed::Erased`], in every fold and every projection: nothing breaks, nothing comes back.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;

/// What stands in the place of a field whose key was destroyed.
pub(crate) const ERASED: &str = "$erased";

/// Whose key seals a field, as an [`EventKind`](crate::event::EventKind) declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedBy {
    /// The user that is the event's subject (of kind `user` or `password`).
    SubjectUser,
    /// The user named by this field of the event.
    User(&'static str),
    /// The credential named by this field of the event; its key is destroyed when it is replaced.
    Credential(&'static str),
}

/// A value that may have been erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealed<T> {
    /// The value, open in memory.
    Known(T),
    /// Its key was destroyed.
    Erased,
}

impl<T> Sealed<T> {
    /// The value, if it is still known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Sealed::Known(value) => Some(value),
            Sealed::Erased => None,
        }
    }

    /// The value itself, if it is still known.
    pub fn into_known(self) -> Option<T> {
        match self {
            Sealed::Known(value) => Some(value),
            Sealed::Erased => None,
        }
    }

    /// Whether its key was destroyed.
    pub const fn is_erased(&self) -> bool {
        matches!(self, Sealed::Erased)
    }
}

impl<T> From<T> for Sealed<T> {
    fn from(value: T) -> Self {
        Sealed::Known(value)
    }
}

impl<T: Serialize> Serialize for Sealed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Sealed::Known(value) => value.serialize(serializer),
            Sealed::Erased => serializer.collect_map([(ERASED, true)]),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Sealed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        if value.get(ERASED) == Some(&Value::Bool(true)) {
            return Ok(Sealed::Erased);
        }
        serde_json::from_value(value)
            .map(Sealed::Known)
            .map_err(serde::de::Error::custom)
    }
}

impl<T: JsonSchema> JsonSchema for Sealed<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Sealed_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let known = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [
            known,
            { "type": "object", "properties": { ERASED: { "const": true } }, "required": [ERASED] },
        ] })
    }
}
