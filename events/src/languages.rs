//! The languages that people are spoken to in. The rule: a realm speaks languages that every message exists in, and no others.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language that every message exists in, by its tag (BCP 47).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// German.
    #[serde(rename = "de")]
    German,
    /// Chinese in simplified characters.
    #[serde(rename = "zh-Hans")]
    Chinese,
}

impl Language {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::English, Self::German, Self::Chinese];

    /// Its tag (BCP 47), as in `lang` of a page and `ui_locales_supported`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Chinese => "zh-Hans",
        }
    }

    /// What those who speak it call it.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
            Self::Chinese => "简体中文",
        }
    }

    /// In which direction it is written, as `dir` of a page.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::English | Self::German | Self::Chinese => "ltr",
        }
    }

    /// The language that a tag or range asks for, whatever the region or script: `de-CH` is answered in German (RFC 4647, 3.4).
    pub fn asked(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        let asked = |language: &Self| {
            let own = language.tag().split('-').next().unwrap_or_default();
            own.eq_ignore_ascii_case(primary)
        };
        Self::ALL.into_iter().find(asked)
    }
}

/// Which languages a realm's pages and messages are in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LanguageSettings {
    /// Those that people may choose from (default all that there are).
    pub enabled: BTreeSet<Language>,
    /// The one for who asks for none of these; one of them (default English).
    pub default: Language,
}

impl Default for LanguageSettings {
    fn default() -> Self {
        Self {
            enabled: Language::ALL.into_iter().collect(),
            default: Language::default(),
        }
    }
}

impl LanguageSettings {
    /// The first language that is spoken here of those that are asked for, by preference.
    pub fn first<'a>(&self, asked: impl IntoIterator<Item = &'a str>) -> Option<Language> {
        let spoken = |language: &Language| self.enabled.contains(language);
        asked
            .into_iter()
            .find_map(|tag| Language::asked(tag).filter(spoken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_found_by_any_tag_of_it_and_by_no_other() {
        for (tag, found) in [
            ("de", Some(Language::German)),
            ("DE-ch", Some(Language::German)),
            ("zh", Some(Language::Chinese)),
            ("zh-Hans-CN", Some(Language::Chinese)),
            ("zh_TW", Some(Language::Chinese)),
            ("en-GB", Some(Language::English)),
            ("den", None),
            ("d", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(Language::asked(tag), found, "{tag}");
        }
        for language in Language::ALL {
            assert_eq!(Language::asked(language.tag()), Some(language));
            let stored = serde_json::to_value(language).expect("a text");
            assert_eq!(stored, language.tag());
        }
    }

    #[test]
    fn only_a_language_that_is_spoken_here_is_the_first() {
        let settings = LanguageSettings {
            enabled: [Language::English, Language::German].into(),
            default: Language::German,
        };
        assert_eq!(settings.first(["zh", "fr", "de"]), Some(Language::German));
        assert_eq!(settings.first(["zh"]), None);
    }
}
