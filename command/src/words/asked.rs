//! In which language a request is answered. The rule: what was asked for last counts most: the request itself (`ui_locales`, which the links
//! of the pages set, too), then what the browser keeps of earlier ones, then `Accept-Language`, then the realm's own. What cannot be read
//! asks for nothing, and nothing is refused for it: a wish is no condition.

use events::languages::{Language, LanguageSettings};
use http::{HeaderMap, header};

use super::Say;

/// The language of an answer, of those that the realm speaks.
pub fn choice(
    settings: &LanguageSettings,
    ui_locales: Option<&str>,
    kept: Option<&str>,
    headers: &HeaderMap,
) -> Language {
    wished(settings, ui_locales)
        .or_else(|| settings.first(kept))
        .or_else(|| settings.first(accepted(headers)))
        .unwrap_or(settings.default)
}

/// The language that `ui_locales` asks for: tags separated by spaces, by preference (OpenID Connect Core, 3.1.2.1).
pub fn wished(settings: &LanguageSettings, ui_locales: Option<&str>) -> Option<Language> {
    settings.first(ui_locales?.split(' ').take(MOST))
}

/// The language for a person who is written to, by the one that their profile names (BCP 47).
pub fn of_person(settings: &LanguageSettings, locale: Option<&str>) -> Language {
    settings.first(locale).unwrap_or(settings.default)
}

/// How a page speaks where there is no such realm, or none was looked for.
pub fn nowhere(realm: &str, headers: &HeaderMap) -> Say {
    Say::nowhere(realm, choice(&LanguageSettings::default(), None, None, headers))
}

/// The most languages of one request that are looked at.
const MOST: usize = 32;

/// The tags of `Accept-Language`, by preference (RFC 9110, 12.5.4).
fn accepted(headers: &HeaderMap) -> Vec<&str> {
    let ranges = headers
        .get_all(header::ACCEPT_LANGUAGE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let mut weighed: Vec<_> = ranges.take(MOST).filter_map(weighed).collect();
    weighed.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    weighed.into_iter().map(|(tag, _)| tag).collect()
}

/// A tag and its weight in thousandths, if it is wanted at all.
fn weighed(range: &str) -> Option<(&str, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let tag = parts.next().filter(|tag| !tag.is_empty())?;
    let weight = match parts.next() {
        None => 1_000,
        Some(weight) => thousandths(weight.strip_prefix("q=").or_else(|| weight.strip_prefix("Q="))?)?,
    };
    (weight > 0).then_some((tag, weight))
}

/// A weight as it is written: `0`, `1`, or with up to three digits behind the point (RFC 9110, 12.4.2).
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, rest) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = rest.len() <= 3 && rest.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || !matches!(whole, "0" | "1") {
        return None;
    }
    let value: u16 = format!("{whole}{rest:0<3}").parse().ok()?;
    (value <= 1_000).then_some(value)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        lines
            .iter()
            .map(|line| (header::ACCEPT_LANGUAGE, HeaderValue::from_static(line)))
            .collect()
    }

    #[test]
    fn languages_are_taken_by_weight_and_else_as_they_stand() {
        for (sent, wanted) in [
            (&["de-CH, en;q=0.5, fr;q=0.9"][..], &["de-CH", "fr", "en"][..]),
            (&["en;q=0.8,de;q=0.8"], &["en", "de"]),
            (&["zh", "de"], &["zh", "de"]),
            (&["de;q=0, en"], &["en"]),
            (&["de ; q=0.1 ,, en ;q=1.000"], &["en", "de"]),
            (&[], &[]),
        ] {
            assert_eq!(accepted(&headers(sent)), wanted, "{sent:?}");
        }
    }

    #[test]
    fn what_was_asked_for_last_counts_most() {
        let settings = LanguageSettings {
            enabled: [Language::English, Language::German].into(),
            default: Language::German,
        };
        let english = headers(&["en"]);
        let none = HeaderMap::new();
        let chosen = |ui_locales: Option<&str>, kept: Option<&str>, headers: &HeaderMap| {
            choice(&settings, ui_locales, kept, headers)
        };
        assert_eq!(chosen(Some("zh de-CH"), Some("en"), &english), Language::German);
        assert_eq!(chosen(Some("zh"), Some("de"), &english), Language::German);
        assert_eq!(chosen(None, Some("zh-Hans"), &english), Language::English);
        assert_eq!(chosen(None, None, &headers(&["fr, zh"])), Language::German);
        assert_eq!(chosen(Some(""), Some(""), &none), Language::German);
    }

    #[test]
    fn people_are_written_to_in_their_language_or_in_that_of_the_realm() {
        let settings = LanguageSettings {
            enabled: [Language::English, Language::German].into(),
            default: Language::German,
        };
        for (locale, language) in [
            (Some("en-GB"), Language::English),
            (Some("de-CH"), Language::German),
            (Some("zh-Hans"), Language::German),
            (Some("fr"), Language::German),
            (None, Language::German),
        ] {
            assert_eq!(of_person(&settings, locale), language, "{locale:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_asks_for_nothing() {
        for sent in [
            "de;q=2",
            "de;q=x",
            "de;q=0.1234",
            "de;q=1.001",
            "de;level=1",
            ";q=1",
            "",
        ] {
            assert_eq!(accepted(&headers(&[sent])), Vec::<&str>::new(), "{sent}");
        }
    }
}
