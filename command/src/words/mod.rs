//! What people are told, in their language. The rule: whatever a person reads of us is a message of `languages/*.ftl` (Project Fluent), which
//! every language has with the same variables; what is put into a message is never markup.
//!
//! A page holds a [`Say`] as its field `say`, which knows the language and the realm; a handler has it at hand as `visit.say`:
//!
//! ```text
//! <h1>{{ say.text("sign-in") }}</h1>
//! <label for="code">{{ say.text("code-for").with("username", username) }}</label>
//! <p>{{ say.text("sign-in-lede").with("application", application_name).rich() }}</p>
//! ```
//!
//! # Adding a message
//! 1. Give it a name and write it in every file of `languages/`. `{ $realm }` is there always; other variables are given by `with`,
//!    numbers as numbers, so that each language has its own plurals.
//! 2. Name it in a template or in code, as the text of [`Say::text`] or, where code chooses among several, in a table that the page asks
//!    with. The tests tell what is missing, left over or different in its variables.
//! 3. A message with `<strong>` in it is asked for as [`Message::rich`]; there is no other markup.

mod asked;
mod look;
mod messages;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use asked::{choice, nowhere, of_person, wished};
pub use look::{Look, Picture, Sheet};

use std::fmt::{self, Display, Formatter};

use askama::filters::{Escaper, Html, HtmlSafe};
use events::{languages::Language, realms::Settings};
use passwords::Weakness;
use time::{OffsetDateTime, UtcOffset, macros::format_description};
use web::RealmRef;

/// How a page speaks: the language, the realm in whose name, and the realm's look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say {
    language: Language,
    spoken: Vec<Language>,
    realm: String,
    realm_name: Option<String>,
    look: Look,
}

impl Say {
    /// In the name of a realm.
    pub fn of(realm: &RealmRef, settings: &Settings, language: Language) -> Self {
        let (languages, branding) = (&settings.languages, &settings.branding);
        let spoken = |language: &Language| languages.enabled.contains(language);
        Self {
            language,
            spoken: Language::ALL.into_iter().filter(spoken).collect(),
            realm: realm.name.clone(),
            realm_name: Some(branding.name_or(&realm.display_name).to_owned()),
            look: Look::of(branding, language, languages.default),
        }
    }

    /// Where there is no such realm, or it is not known whether there is: as it stood in the address.
    pub fn nowhere(realm: &str, language: Language) -> Self {
        Self {
            language,
            spoken: Language::ALL.into(),
            realm: realm.to_owned(),
            realm_name: None,
            look: Look::default(),
        }
    }

    /// The same in another language.
    #[must_use]
    pub fn speaking(&self, language: Language) -> Self {
        Self {
            language,
            ..self.clone()
        }
    }

    /// The language.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// The languages that the person may choose from.
    pub fn languages(&self) -> &[Language] {
        &self.spoken
    }

    /// The realm as it stands in the address; the assets are found under it.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The realm as people know it; `None` if there is no such realm.
    pub fn realm_name(&self) -> Option<&str> {
        self.realm_name.as_deref()
    }

    /// The realm's own look, and what it says of its own.
    pub const fn look(&self) -> &Look {
        &self.look
    }

    /// A message by its name.
    pub fn text<'a>(&'a self, name: &'a str) -> Message<'a> {
        Message {
            language: self.language,
            name,
            values: vec![(
                "realm",
                Value::Text(self.realm_name().unwrap_or("Chancery").to_owned()),
            )],
        }
    }

    /// The title of a page that is shown again because something is wrong, or of one that is not.
    pub fn title(&self, name: &str, wrong: bool) -> String {
        let title = self.text(name).to_string();
        if wrong {
            self.text("title-again").with("title", title).to_string()
        } else {
            title
        }
    }

    /// How long to wait before another attempt, in the unit in which a person would say it, rounded up so that it is never too short.
    pub fn wait(&self, seconds: u64) -> Message<'_> {
        match seconds {
            0..=90 => self.text("wait-seconds").with("seconds", seconds.max(1)),
            _ => self.text("wait-minutes").with("minutes", seconds.div_ceil(60)),
        }
    }

    /// For how long something is good, in the unit in which a person would say it, rounded up.
    pub fn duration(&self, seconds: u64) -> Message<'_> {
        let (name, unit) = match seconds {
            0..7_200 => ("duration-minutes", 60),
            7_200..172_800 => ("duration-hours", 3_600),
            172_800.. => ("duration-days", 86_400),
        };
        self.text(name).with("number", seconds.div_ceil(unit))
    }

    /// Why a password is not taken, and what to choose instead.
    pub fn weakness(&self, weakness: Weakness) -> Message<'_> {
        let number = |name, number: u32| self.text(name).with("number", u64::from(number));
        match weakness {
            Weakness::TooShort { minimum } => number("weak-too-short", minimum),
            Weakness::TooLong { maximum } => number("weak-too-long", maximum),
            Weakness::Common => self.text("weak-common"),
            Weakness::Repetitive => self.text("weak-repetitive"),
            Weakness::Sequential => self.text("weak-sequential"),
            Weakness::Contextual => self.text("weak-contextual"),
            Weakness::Breached => self.text("weak-breached"),
        }
    }

    /// A moment in UTC, said so: without a script a page cannot know the person's own time zone.
    pub fn moment(&self, moment: OffsetDateTime) -> Message<'_> {
        let moment = moment.to_offset(UtcOffset::UTC);
        let clock = moment.format(format_description!("[hour]:[minute]"));
        self.text("moment")
            .with("day", u64::from(moment.day()))
            .with("month", u64::from(u8::from(moment.month())))
            .with("year", moment.year().to_string())
            .with("clock", clock.unwrap_or_default())
    }
}

/// What may be put into a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text, as it is.
    Text(String),
    /// A number, which chooses the plural.
    Number(u64),
}

/// What can be put into a message: a text or a number, or a reference to one, as templates hold them.
pub trait Put {
    /// The value.
    fn put(&self) -> Value;
}

impl Put for str {
    fn put(&self) -> Value {
        Value::Text(self.to_owned())
    }
}

impl Put for String {
    fn put(&self) -> Value {
        Value::Text(self.clone())
    }
}

impl Put for u64 {
    fn put(&self) -> Value {
        Value::Number(*self)
    }
}

impl<T: Put + ?Sized> Put for &T {
    fn put(&self) -> Value {
        (**self).put()
    }
}

/// A message on its way into a page, which escapes it like any text.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    language: Language,
    name: &'a str,
    values: Vec<(&'static str, Value)>,
}

impl<'a> Message<'a> {
    /// Puts a value in.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Put) -> Self {
        self.values.push((name, value.put()));
        self
    }

    /// The same with its `<strong>` as markup; what is put in stays text.
    #[must_use]
    pub fn rich(self) -> Rich<'a> {
        Rich(self)
    }

    fn write(&self, values: &[(&'static str, Value)], f: &mut Formatter<'_>) -> fmt::Result {
        match messages::of(self.language).say(self.name, values) {
            Ok(said) => f.write_str(&said),
            Err(error) => {
                debug_assert!(false, "{}: {error}", self.name);
                tracing::error!(name = self.name, %error, "a message cannot be said");
                f.write_str(self.name)
            }
        }
    }
}

impl Display for Message<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write(&self.values, f)
    }
}

/// A message with markup of its own.
#[derive(Clone, Debug)]
pub struct Rich<'a>(Message<'a>);

impl HtmlSafe for Rich<'_> {}

impl Display for Rich<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut values = self.0.values.clone();
        for (_, value) in &mut values {
            if let Value::Text(text) = value {
                let mut escaped = String::with_capacity(text.len());
                Html.write_escaped_str(&mut escaped, text)?;
                *text = escaped;
            }
        }
        self.0.write(&values, f)
    }
}
