//! The schema of custom attributes. The rule: an attribute never takes the name of a claim that means something else.

use std::collections::BTreeMap;

use events::realms::{AttributeSchema, AttributeType};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    Faults,
    body::{objects, present},
    claims,
};

/// The most custom attributes of a realm.
const ATTRIBUTES: usize = 100;
/// The most characters of a text that a schema can allow.
const LENGTH: usize = 4_096;
/// The most texts that a schema can list.
const CHOICES: usize = 100;
/// The most characters of a text for which the schema says nothing.
pub const DEFAULT_LENGTH: usize = 1_024;

/// What one custom attribute may hold.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributeRule {
    /// `string`, `integer`, `boolean` or `string_list`.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "string")]
    pub value_type: AttributeType,
    /// Whether every user must have it.
    #[serde(default)]
    pub required: bool,
    /// Most characters of a text, or of each text of a list (1 to 4,096; default 1,024).
    #[serde(default, deserialize_with = "present")]
    pub max_length: Option<usize>,
    /// The only texts allowed, at most 100.
    #[serde(default)]
    pub one_of: Vec<String>,
    /// Whether tokens carry it as a claim of the same name, for scope `profile`.
    #[serde(default)]
    pub claim: bool,
    /// Whether people may change it of themselves.
    #[serde(default)]
    pub editable: bool,
}

impl From<AttributeRule> for AttributeSchema {
    fn from(rule: AttributeRule) -> Self {
        let AttributeRule {
            value_type,
            required,
            max_length,
            one_of,
            claim,
            editable,
        } = rule;
        Self {
            value_type,
            required,
            max_length,
            one_of,
            claim,
            editable,
        }
    }
}

/// The custom attributes that a user may have, by name.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct AttributeRules(#[serde(deserialize_with = "objects")] pub BTreeMap<String, AttributeRule>);

impl From<AttributeRules> for BTreeMap<String, AttributeSchema> {
    fn from(rules: AttributeRules) -> Self {
        rules
            .0
            .into_iter()
            .map(|(name, rule)| (name, rule.into()))
            .collect()
    }
}

/// Whether these may be the custom attributes of a realm.
pub fn check(attributes: &BTreeMap<String, AttributeSchema>, faults: &mut Faults) {
    faults.unless(
        attributes.len() <= ATTRIBUTES,
        "registration.attributes",
        format!("must be at most {ATTRIBUTES}"),
    );
    for (name, schema) in attributes {
        let field = format!("registration.attributes.{name}");
        faults.name(&field, name);
        faults.unless(
            !claims::is_reserved(name),
            &field,
            "has the name of a claim that means something else",
        );
        let is_text = matches!(
            schema.value_type,
            AttributeType::String | AttributeType::StringList
        );
        if let Some(length) = schema.max_length {
            faults.unless(is_text, format!("{field}.max_length"), "is for texts only");
            faults.range(&format!("{field}.max_length"), length, 1..=LENGTH);
        }
        let choices = format!("{field}.one_of");
        faults.unless(is_text || schema.one_of.is_empty(), &choices, "is for texts only");
        faults.unless(
            schema.one_of.len() <= CHOICES,
            &choices,
            format!("must be at most {CHOICES}"),
        );
        let longest = schema.max_length.unwrap_or(DEFAULT_LENGTH);
        for (index, choice) in schema.one_of.iter().enumerate() {
            faults.text(&format!("{choices}[{index}]"), choice, longest);
            faults.unless(
                !schema.one_of[..index].contains(choice),
                format!("{choices}[{index}]"),
                "is there already",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(attributes: serde_json::Value) -> Vec<String> {
        let rules: AttributeRules = serde_json::from_value(attributes).unwrap();
        let mut faults = Faults::default();
        check(&rules.into(), &mut faults);
        faults
            .fields()
            .map(|field| field.trim_start_matches("registration.attributes").to_owned())
            .collect()
    }

    #[test]
    fn a_sensible_schema_is_accepted() {
        let schema = json!({
            "department": { "type": "string", "required": true, "max_length": 64, "one_of": ["sales", "support"] },
            "employee_number": { "type": "integer" },
            "nicknames": { "type": "string_list", "max_length": 20, "claim": true },
            "is_manager": { "type": "boolean" },
        });
        assert_eq!(faults(schema), Vec::<String>::new());
    }

    #[test]
    fn names_are_plain_and_mean_one_thing() {
        for name in [
            "",
            "Department",
            "1st",
            "a-b",
            "a.b",
            "sub",
            "email",
            "scope",
            "acr",
        ] {
            assert_eq!(
                faults(json!({ name: { "type": "boolean" } })),
                [format!(".{name}")],
                "{name}"
            );
        }
    }

    #[test]
    fn bounds_and_choices_are_of_texts() {
        assert_eq!(
            faults(json!({ "a": { "type": "integer", "max_length": 4 } })),
            [".a.max_length"]
        );
        assert_eq!(
            faults(json!({ "a": { "type": "string", "max_length": 0 } })),
            [".a.max_length"]
        );
        assert_eq!(
            faults(json!({ "a": { "type": "boolean", "one_of": ["x"] } })),
            [".a.one_of"]
        );
        let choices = json!({ "a": { "type": "string", "max_length": 2, "one_of": ["abc", "a", "a"] } });
        assert_eq!(faults(choices), [".a.one_of[0]", ".a.one_of[2]"]);
    }
}
