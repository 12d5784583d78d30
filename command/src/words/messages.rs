//! The messages of a language as its file has them, and how values are put in. Of Project Fluent's syntax messages use text, variables, and the
//! choice by a number or its plural; the tests see to it that there is nothing else in the files.

use std::{collections::HashMap, sync::LazyLock};

use events::languages::Language;
use fluent_syntax::{
    ast::{Entry, Expression, InlineExpression, Pattern, PatternElement, Variant, VariantKey},
    parser,
};

use super::Value;

/// The file of a language's messages.
pub(super) const fn source(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("../../languages/en.ftl"),
        Language::German => include_str!("../../languages/de.ftl"),
        Language::Chinese => include_str!("../../languages/zh-Hans.ftl"),
    }
}

/// The messages of a language, by their names.
pub(super) struct Messages {
    language: Language,
    patterns: HashMap<&'static str, Pattern<&'static str>>,
}

static ENGLISH: LazyLock<Messages> = LazyLock::new(|| Messages::read(Language::English));
static GERMAN: LazyLock<Messages> = LazyLock::new(|| Messages::read(Language::German));
static CHINESE: LazyLock<Messages> = LazyLock::new(|| Messages::read(Language::Chinese));

/// Those of a language.
pub(super) fn of(language: Language) -> &'static Messages {
    match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
        Language::Chinese => &CHINESE,
    }
}

/// Why a message does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unsaid {
    /// There is none of this name.
    #[error("there is no such message")]
    NoMessage,
    /// It needs a value that was not put in.
    #[error("${0} was not put in")]
    NoValue(&'static str),
    /// It is written in a way that is not used here.
    #[error("it is written in a way that is not used here")]
    NotUsed,
}

impl Messages {
    /// What can be read of a file is used: a fault in one is found by the tests, and is no reason to tell nothing.
    fn read(language: Language) -> Self {
        let resource = parser::parse(source(language)).unwrap_or_else(|(resource, errors)| {
            tracing::error!(language = language.tag(), ?errors, "messages cannot be read");
            resource
        });
        let message = |entry| match entry {
            Entry::Message(message) => Some((message.id.name, message.value?)),
            _ => None,
        };
        Self {
            language,
            patterns: resource.body.into_iter().filter_map(message).collect(),
        }
    }

    /// A message with its values.
    pub(super) fn say(&self, name: &str, values: &[(&'static str, Value)]) -> Result<String, Unsaid> {
        let pattern = self.patterns.get(name).ok_or(Unsaid::NoMessage)?;
        let mut said = String::new();
        self.write(pattern, values, &mut said)?;
        Ok(said)
    }

    fn write(
        &self,
        pattern: &Pattern<&'static str>,
        values: &[(&'static str, Value)],
        said: &mut String,
    ) -> Result<(), Unsaid> {
        for element in &pattern.elements {
            match element {
                PatternElement::TextElement { value } => said.push_str(value),
                PatternElement::Placeable {
                    expression: Expression::Inline(expression),
                } => match value(expression, values)? {
                    Value::Text(text) => said.push_str(text),
                    Value::Number(number) => said.push_str(&number.to_string()),
                },
                PatternElement::Placeable {
                    expression: Expression::Select { selector, variants },
                } => {
                    let chosen = self.choose(value(selector, values)?, variants)?;
                    self.write(&chosen.value, values, said)?;
                }
            }
        }
        Ok(())
    }

    /// The variant of a number: its own, else that of its plural, else the one that is marked.
    fn choose<'a>(
        &self,
        value: &Value,
        variants: &'a [Variant<&'static str>],
    ) -> Result<&'a Variant<&'static str>, Unsaid> {
        let Value::Number(number) = value else {
            return Err(Unsaid::NotUsed);
        };
        let exact = |variant: &&Variant<&str>| match variant.key {
            VariantKey::NumberLiteral { value } => value.parse() == Ok(*number),
            VariantKey::Identifier { .. } => false,
        };
        let plural = |variant: &&Variant<&str>| match variant.key {
            VariantKey::Identifier { name } => name == plural(self.language, *number),
            VariantKey::NumberLiteral { .. } => false,
        };
        let found = variants
            .iter()
            .find(exact)
            .or_else(|| variants.iter().find(plural))
            .or_else(|| variants.iter().find(|variant| variant.default));
        found.ok_or(Unsaid::NotUsed)
    }
}

fn value<'a>(
    expression: &InlineExpression<&'static str>,
    values: &'a [(&'static str, Value)],
) -> Result<&'a Value, Unsaid> {
    let InlineExpression::VariableReference { id } = expression else {
        return Err(Unsaid::NotUsed);
    };
    let found = values.iter().find(|(name, _)| *name == id.name);
    found.map(|(_, value)| value).ok_or(Unsaid::NoValue(id.name))
}

/// The plural of a whole number (Unicode CLDR).
const fn plural(language: Language, number: u64) -> &'static str {
    match (language, number) {
        (Language::English | Language::German, 1) => "one",
        (Language::English | Language::German | Language::Chinese, _) => "other",
    }
}
