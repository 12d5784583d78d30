//! What letters say, in each language there are words in. The rules: a letter says what happened, when, to which account, and what to do
//! if it was not oneself; it carries no link to follow where nothing is asked of the reader; words are looked up by the language of the
//! reader, and are English where there are none in it.

mod de;
mod en;
mod zh;

use events::{clock::Timestamp, letters::LetterKind, users::Profile};
use time::{OffsetDateTime, macros::format_description};

use zeroize::Zeroizing;

use super::written::Content;

/// What one kind of letter says. In its words `{realm}`, `{account}` and `{when}` are replaced.
#[derive(Clone, Copy, Debug)]
struct Words {
    subject: &'static str,
    paragraphs: &'static [&'static str],
    /// What the button of its link says; of a notice, nothing.
    button: &'static str,
}

impl Words {
    /// Of a letter that only tells.
    const fn notice(subject: &'static str, paragraphs: &'static [&'static str]) -> Self {
        Self {
            subject,
            paragraphs,
            button: "",
        }
    }
}

/// The words of a language.
struct Language {
    /// BCP 47.
    tag: &'static str,
    /// Of each kind.
    of: fn(LetterKind) -> Words,
    /// What every notice ends with.
    notice_closing: &'static [&'static str],
    /// What every letter ends with that somebody asked for.
    asked_closing: &'static [&'static str],
    /// So many minutes, hours, days.
    minutes: fn(u64) -> String,
    hours: fn(u64) -> String,
    days: fn(u64) -> String,
    /// What is told to whom somebody wanted to register or to have as an address, who has an account already.
    taken: Words,
}

const LANGUAGES: [&Language; 3] = [&en::LANGUAGE, &de::LANGUAGE, &zh::LANGUAGE];

/// The language for somebody who prefers this one, by its first part.
fn language(preferred: Option<&str>) -> &'static Language {
    let first = preferred
        .unwrap_or_default()
        .split(['-', '_'])
        .next()
        .unwrap_or_default();
    LANGUAGES
        .into_iter()
        .find(|language| {
            language
                .tag
                .split('-')
                .next()
                .unwrap_or_default()
                .eq_ignore_ascii_case(first)
        })
        .unwrap_or(&en::LANGUAGE)
}

/// What is put into the words.
struct Values<'a> {
    realm: &'a str,
    account: &'a str,
    when: &'a str,
    minutes: &'a str,
}

impl Values<'_> {
    /// Each placeholder is replaced once, so that no value is taken for one.
    fn fill(&self, words: &str) -> String {
        let mut filled = String::with_capacity(words.len() + 64);
        let mut rest = words;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let (name, tail) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(match name {
                "realm" => self.realm,
                "account" => self.account,
                "when" => self.when,
                "minutes" => self.minutes,
                _ => "",
            });
            rest = tail;
        }
        filled.push_str(rest);
        filled
    }
}

/// When it was, so that it is understood everywhere.
fn when(time: Timestamp) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    OffsetDateTime::from_unix_timestamp(time.seconds())
        .ok()
        .and_then(|time| time.format(&form).ok())
        .unwrap_or_default()
}

/// What a notice says.
pub fn notice(kind: LetterKind, profile: &Profile, realm: &str, time: Timestamp) -> Content {
    let language = language(profile.locale.as_deref());
    let words = (language.of)(kind);
    let account = profile.username.as_deref().or(profile.email.as_deref());
    let values = Values {
        realm,
        account: account.unwrap_or_default(),
        when: &when(time),
        minutes: "",
    };
    let all = |words: &[&str]| words.iter().map(|words| values.fill(words)).collect();
    Content {
        language: language.tag,
        subject: values.fill(words.subject),
        paragraphs: all(words.paragraphs),
        closing: all(language.notice_closing),
        ..Content::default()
    }
}

/// What a letter asks for.
pub struct Asked<'a> {
    /// What it is for.
    pub kind: LetterKind,
    /// Who it is to, as far as it is known.
    pub profile: &'a Profile,
    /// The realm, as people know it.
    pub realm: &'a str,
    /// For how many seconds it is good.
    pub seconds: u64,
    /// Its code, if it has one.
    pub code: Option<Zeroizing<String>>,
    /// Its link, if it has one.
    pub link: Option<Zeroizing<String>>,
}

impl Asked<'_> {
    /// What it says.
    pub fn content(self) -> Content {
        let language = language(self.profile.locale.as_deref());
        let words = (language.of)(self.kind);
        let closing = language.asked_closing;
        self.say(language, words, closing)
    }

    /// What it says where the address has an account already.
    pub fn taken(self) -> Content {
        let language = language(self.profile.locale.as_deref());
        let asked = Self {
            code: None,
            link: None,
            ..self
        };
        asked.say(language, language.taken, &[])
    }

    fn say(self, language: &'static Language, words: Words, closing: &[&str]) -> Content {
        let account = self.profile.username.as_deref().or(self.profile.email.as_deref());
        let minutes = self.seconds.div_ceil(60);
        let minutes = if minutes < 120 {
            (language.minutes)(minutes)
        } else if minutes < 2_880 {
            (language.hours)(minutes.div_ceil(60))
        } else {
            (language.days)(minutes.div_ceil(1_440))
        };
        let values = Values {
            realm: self.realm,
            account: account.unwrap_or_default(),
            when: "",
            minutes: &minutes,
        };
        let all = |words: &[&str]| words.iter().map(|words| values.fill(words)).collect();
        Content {
            language: language.tag,
            subject: values.fill(words.subject),
            paragraphs: all(words.paragraphs),
            code: self.code,
            link: self.link.map(|link| (link, values.fill(words.button))),
            closing: all(closing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(locale: &str) -> Profile {
        Profile {
            username: Some("{realm}alice".to_owned()),
            locale: Some(locale.to_owned()),
            ..Profile::default()
        }
    }

    #[test]
    fn every_kind_has_words_in_every_language() {
        for (locale, tag) in [("en-GB", "en"), ("de", "de"), ("zh-CN", "zh-Hans"), ("fr", "en")] {
            for kind in LetterKind::ALL.iter().filter(|kind| !kind.asks()) {
                let content = notice(
                    *kind,
                    &profile(locale),
                    "Acme",
                    Timestamp::from_seconds(1_767_225_600),
                );
                assert_eq!(content.language, tag);
                let all = [
                    std::slice::from_ref(&content.subject),
                    &content.paragraphs[..],
                    &content.closing,
                ]
                .concat();
                assert!(all.iter().all(|line| !line.is_empty()), "{kind:?} {tag}");
                let all = all.join(" ");
                assert!(content.subject.contains("Acme"), "{kind:?} {tag}");
                assert!(all.contains("2026-01-01 00:00 UTC"), "{kind:?} {tag}: {all}");
                assert!(
                    all.contains("{realm}alice"),
                    "what a value holds is not filled in: {all}"
                );
            }
        }
    }

    #[test]
    fn what_asks_for_something_says_for_how_long() {
        for locale in ["en", "de", "zh"] {
            for kind in LetterKind::ALL.iter().filter(|kind| kind.asks()) {
                let profile = profile(locale);
                let asked = Asked {
                    kind: *kind,
                    profile: &profile,
                    realm: "Acme",
                    seconds: 7 * 86_400,
                    code: Some("123456".to_owned().into()),
                    link: Some("https://id.example/".to_owned().into()),
                };
                let content = asked.content();
                let all = [&content.paragraphs[..], &content.closing].concat().join(" ");
                assert!(content.subject.contains("Acme"), "{kind:?} {locale}");
                assert!(all.contains('7'), "{kind:?} {locale}: {all}");
                assert!(!content.link.unwrap().1.is_empty(), "{kind:?} {locale}");
            }
        }
    }
}
