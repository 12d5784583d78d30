//! The catalogue as a document: each event with the JSON Schema (2020-12) of its `data`, made from the types themselves.
//!
//! The rule: a schema describes today's version of what is told of an event, wherever it is told. A sealed field is therefore never
//! required: it is left out of what leaves the platform without a key, and a secret is shown to nobody. Versions are kept in
//! `events/schemas/`, a file for each; a test compares them.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    event::{Event, EventKind},
    sealing::SealedBy,
    subject::{Lane, SubjectKind},
};

/// The dialect of the schemas.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The keyword that marks a sealed field: `user` or `credential`, by whose key it is sealed.
pub const SEALED: &str = "x-sealed";

/// One event, as it is described.
#[derive(Clone, Debug, Serialize)]
pub struct Described {
    /// Its stable name.
    pub name: &'static str,
    /// The version of its shape.
    pub version: u16,
    /// Its domain.
    pub domain: String,
    /// The lane that it is recorded in.
    pub lane: &'static str,
    /// What kind of thing it changes; nothing for activity that decides nothing.
    pub subject: Option<&'static str>,
    /// The topics that it is published in.
    pub topics: Vec<String>,
    /// What happened, in a sentence.
    pub about: &'static str,
    /// The fields that are sealed.
    pub sealed: Vec<&'static str>,
    /// What its `data` looks like.
    pub schema: Value,
}

/// All events, in the order of the catalogue.
pub fn described() -> impl Iterator<Item = Described> {
    Event::catalogue()
        .zip(Event::schemas())
        .map(|((domain, lane, kind), schema)| Described {
            name: kind.name,
            version: kind.schema,
            domain: domain.to_lowercase(),
            lane: lane.as_str(),
            subject: subject_of(kind.name, lane).map(SubjectKind::as_str),
            topics: Event::topics_of(kind.name)
                .into_iter()
                .flatten()
                .map(|topic| topic.to_string())
                .collect(),
            about: kind.about,
            sealed: kind.sealed.iter().map(|(field, _)| *field).collect(),
            schema,
        })
}

/// The kind of thing that events of this name change: what their noun says, but for some that are told of a larger whole.
pub fn subject_of(name: &str, lane: Lane) -> Option<SubjectKind> {
    let noun = name.split('.').next().unwrap_or_default();
    match (noun, name) {
        ("role", _) => Some(SubjectKind::Assignments),
        ("grant", _) => Some(SubjectKind::Session),
        ("device", _) => Some(SubjectKind::DeviceAuthorization),
        ("known_device", _) => Some(SubjectKind::Devices),
        (_, "webhook.routed" | "webhook.unrouted") => Some(SubjectKind::WebhookRoutes),
        (_, "letter.requested" | "letter.code_attempted") => Some(SubjectKind::Mailbox),
        ("identity", _) => Some(SubjectKind::Identities),
        (_, "identity_provider.offered" | "identity_provider.withdrawn") => {
            Some(SubjectKind::IdentityProviders)
        }
        ("guard", _) | (_, "login.attempted") => Some(SubjectKind::SignInGuard),
        _ => SubjectKind::ALL.iter().copied().find(|kind| {
            kind.lane() == lane && (kind.as_str() == noun || kind.as_str().strip_suffix('s') == Some(noun))
        }),
    }
}

/// The schemas of a domain's events, in the order of its kinds: each is the `data` of the variant of that name.
pub(crate) fn schemas<E: JsonSchema>(kinds: &'static [EventKind]) -> impl Iterator<Item = Value> {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| settings.inline_subschemas = true);
    let root = settings.into_generator().into_root_schema_for::<E>().to_value();
    kinds.iter().map(move |kind| {
        let variants = root["oneOf"].as_array().into_iter().flatten();
        let variant = variants
            .into_iter()
            .find(|variant| variant["properties"]["type"]["const"] == kind.name);
        of_variant(kind, variant.map(|variant| &variant["properties"]["data"]))
    })
}

fn of_variant(kind: &EventKind, data: Option<&Value>) -> Value {
    let mut data = data.cloned().unwrap_or_default();
    without(&mut data, &["default"]);
    for (field, by) in kind.sealed {
        if let Some(Value::Object(property)) = data.get_mut("properties").and_then(|all| all.get_mut(*field))
        {
            let by = match by {
                SealedBy::SubjectUser | SealedBy::User(_) => "user",
                SealedBy::Credential(_) => "credential",
            };
            property.insert(SEALED.to_owned(), by.into());
        }
        if let Some(Value::Array(required)) = data.get_mut("required") {
            required.retain(|name| name != field);
        }
    }
    if data["required"].as_array().is_some_and(Vec::is_empty)
        && let Value::Object(data) = &mut data
    {
        data.remove("required");
    }
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), DIALECT.into());
    schema.insert(
        "title".to_owned(),
        format!("{} v{}", kind.name, kind.schema).into(),
    );
    schema.insert("description".to_owned(), kind.about.into());
    if let Value::Object(data) = data {
        schema.extend(data.into_iter().filter(|(keyword, _)| keyword != "description"));
    }
    Value::Object(schema)
}

/// The shape alone: what may be said in other words without being another shape is left out.
pub fn shape(schema: &Value) -> Value {
    let mut shape = schema.clone();
    without(&mut shape, &["title", "description"]);
    shape
}

/// Whether a shape only grew: by a value of a list, or by a field that may be missing. What was right before still is.
pub fn only_grew(before: &Value, now: &Value) -> bool {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            let known = |keyword: &String| before.contains_key(keyword);
            before.iter().all(|(keyword, before)| {
                let Some(now) = now.get(keyword) else { return false };
                match (keyword.as_str(), before, now) {
                    ("properties", Value::Object(before), Value::Object(now)) => before
                        .iter()
                        .all(|(name, before)| now.get(name).is_some_and(|now| only_grew(before, now))),
                    ("oneOf" | "enum", Value::Array(before), Value::Array(now)) => {
                        before.iter().all(|value| now.contains(value))
                    }
                    _ => only_grew(before, now),
                }
            }) && now.keys().all(known)
        }
        (Value::Array(before), Value::Array(now)) => {
            before.len() == now.len() && before.iter().zip(now).all(|(before, now)| only_grew(before, now))
        }
        (before, now) => before == now,
    }
}

/// Leaves keywords out, at any depth; a property of such a name is none.
fn without(schema: &mut Value, keywords: &[&str]) {
    match schema {
        Value::Object(members) => {
            members.retain(|keyword, _| !keywords.contains(&keyword.as_str()));
            for (keyword, member) in members.iter_mut() {
                match (keyword.as_str(), member) {
                    ("properties" | "patternProperties", Value::Object(properties)) => {
                        properties
                            .values_mut()
                            .for_each(|property| without(property, keywords));
                    }
                    ("const" | "enum" | "required", _) => {}
                    (_, member) => without(member, keywords),
                }
            }
        }
        Value::Array(members) => members.iter_mut().for_each(|member| without(member, keywords)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape_of(properties: Value, required: Value) -> Value {
        json!({ "type": "object", "properties": properties, "required": required })
    }

    #[test]
    fn a_shape_grows_by_a_value_or_by_a_field_that_may_be_missing() {
        let list = |names: &[&str]| {
            let values = names.iter().map(|name| json!({ "const": name }));
            json!({ "oneOf": values.collect::<Vec<_>>() })
        };
        let before = shape_of(json!({ "by": list(&["a", "b"]) }), json!(["by"]));
        let value = shape_of(json!({ "by": list(&["a", "new", "b"]) }), json!(["by"]));
        let field = shape_of(
            json!({ "by": list(&["a", "b"]), "new": { "type": "string" } }),
            json!(["by"]),
        );
        for grown in [&before, &value, &field] {
            assert!(only_grew(&before, grown), "{grown}");
        }
        for other in [
            shape_of(json!({ "by": list(&["a"]) }), json!(["by"])),
            shape_of(json!({ "by": { "type": "string" } }), json!(["by"])),
            shape_of(json!({ "by": list(&["a", "b"]) }), json!([])),
            shape_of(json!({}), json!(["by"])),
            shape_of(
                json!({ "by": list(&["a", "b"]), "new": { "type": "string" } }),
                json!(["by", "new"]),
            ),
        ] {
            assert!(!only_grew(&before, &other), "{other}");
        }
    }

    #[test]
    fn a_property_may_be_named_like_a_keyword() {
        let schema =
            json!({ "title": "T", "properties": { "title": { "type": "string", "description": "D" } } });
        assert_eq!(
            shape(&schema),
            json!({ "properties": { "title": { "type": "string" } } })
        );
    }
}
