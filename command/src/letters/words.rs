//! What letters say: which messages of `languages/` each kind is made of. The rules: a letter says what happened, when, to which account, and
//! what to do if it was not oneself; it carries no link to follow where nothing is asked of the reader; and it is in the language of its
//! reader, or in that of the realm.

use events::{clock::Timestamp, letters::LetterKind, realms::Settings, users::Profile};
use time::OffsetDateTime;
use web::RealmRef;
use zeroize::Zeroizing;

use super::{notices::Notice, written::Content};
use crate::words::{self, Say};

/// What one kind of letter says: the names of its messages.
#[derive(Clone, Copy, Debug)]
struct Words {
    subject: &'static str,
    paragraphs: &'static [&'static str],
    /// What the button of its link says; of a letter that only tells, nothing.
    button: Option<&'static str>,
    closing: &'static [&'static str],
}

impl Words {
    /// Of a letter that only tells.
    const fn notice(subject: &'static str, paragraphs: &'static [&'static str]) -> Self {
        Self {
            subject,
            paragraphs,
            button: None,
            closing: &["letter-was-me", "letter-was-not-me"],
        }
    }

    /// Of a letter that somebody asked for.
    const fn asked(subject: &'static str, paragraphs: &'static [&'static str], button: &'static str) -> Self {
        Self {
            subject,
            paragraphs,
            button: Some(button),
            closing: &["letter-not-asked"],
        }
    }

    /// Of what goes to a phone.
    const fn text(line: &'static str) -> Self {
        Self {
            subject: line,
            paragraphs: &[],
            button: None,
            closing: &[],
        }
    }

    const fn of(kind: LetterKind) -> Self {
        match kind {
            LetterKind::PasswordChanged => {
                Self::notice("letter-password-changed", &["letter-password-changed-text"])
            }
            LetterKind::EmailChanged => Self::notice("letter-email-changed", &["letter-email-changed-text"]),
            LetterKind::TotpAdded => Self::notice("letter-totp-added", &["letter-totp-added-text"]),
            LetterKind::TotpRemoved => Self::notice("letter-totp-removed", &["letter-totp-removed-text"]),
            LetterKind::PasskeyAdded => Self::notice("letter-passkey-added", &["letter-passkey-added-text"]),
            LetterKind::PasskeyRemoved => {
                Self::notice("letter-passkey-removed", &["letter-passkey-removed-text"])
            }
            LetterKind::RecoveryCodesMade => {
                Self::notice("letter-recovery-codes-made", &["letter-recovery-codes-made-text"])
            }
            LetterKind::RecoveryCodesRemoved => Self::notice(
                "letter-recovery-codes-removed",
                &["letter-recovery-codes-removed-text"],
            ),
            LetterKind::EmailVerification => Self::asked(
                "letter-email-verification",
                &["letter-email-verification-text"],
                "email-mine",
            ),
            LetterKind::EmailChange => {
                Self::asked("letter-email-change", &["letter-email-change-text"], "email-mine")
            }
            LetterKind::EmailChangeBefore => Self::asked(
                "letter-email-change-before",
                &[
                    "letter-email-change-before-text",
                    "letter-email-change-before-else",
                ],
                "email-change",
            ),
            LetterKind::SignIn => Self::asked("letter-sign-in", &["letter-sign-in-text"], "sign-in"),
            LetterKind::PasswordRecovery => Self::asked(
                "letter-password-recovery",
                &["letter-password-recovery-text"],
                "letter-password-recovery-button",
            ),
            LetterKind::Registration => {
                Self::asked("letter-registration", &["letter-registration-text"], "continue")
            }
            LetterKind::Invitation => Self::asked(
                "letter-invitation",
                &["letter-invitation-text"],
                "letter-invitation-button",
            ),
            LetterKind::PhoneVerification => Self::text("text-phone-verification"),
            LetterKind::SignInText => Self::text("text-sign-in"),
            LetterKind::PhoneChanged => Self::notice("letter-phone-changed", &["letter-phone-changed-text"]),
            LetterKind::DeviceAdded => Self::notice("letter-device-added", &["letter-device-added-text"]),
            LetterKind::IdentityLinked => {
                Self::notice("letter-identity-linked", &["letter-identity-linked-text"])
            }
            LetterKind::IdentityUnlinked => {
                Self::notice("letter-identity-unlinked", &["letter-identity-unlinked-text"])
            }
        }
    }

    /// Of what is told to whom somebody wanted to register, who has an account already.
    const TAKEN: Self = Self {
        closing: &[],
        ..Self::notice("letter-taken", &["letter-taken-text", "letter-taken-else"])
    };

    /// Filled in with what else it tells, by name.
    fn say(self, say: &Say, profile: &Profile, told: &[(&'static str, &str)]) -> Content {
        let account = profile.username.as_deref().or(profile.email.as_deref());
        let one = |name: &&'static str| {
            let message = say.text(name).with("account", account.unwrap_or_default());
            let told = told.iter();
            told.fold(message, |message, (name, value)| message.with(name, *value))
                .to_string()
        };
        Content {
            language: say.language().tag(),
            subject: one(&self.subject),
            paragraphs: self.paragraphs.iter().map(one).collect(),
            closing: self.closing.iter().map(one).collect(),
            ..Content::default()
        }
    }
}

/// How somebody is written to.
pub fn say(realm: &RealmRef, settings: &Settings, profile: &Profile) -> Say {
    let language = words::of_person(&settings.languages, profile.locale.as_deref());
    Say::of(realm, settings, language)
}

/// What a notice says.
pub fn notice(say: &Say, notice: &Notice, time: Timestamp) -> Content {
    let moment = OffsetDateTime::from_unix_timestamp(time.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let when = say.moment(moment).to_string();
    let told = [("when", when.as_str()), ("what", notice.what.as_str())];
    Words::of(notice.kind).say(say, &notice.profile, &told)
}

/// What a letter asks for.
pub struct Asked<'a> {
    /// How it speaks, and in whose name.
    pub say: &'a Say,
    /// What it is for.
    pub kind: LetterKind,
    /// Who it is to, as far as it is known.
    pub profile: &'a Profile,
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
        let (say, words) = (self.say, Words::of(self.kind));
        let label = words.button.map(|name| say.text(name).to_string());
        let duration = say.duration(self.seconds).to_string();
        Content {
            code: self.code,
            link: self.link.zip(label),
            ..words.say(say, self.profile, &[("duration", duration.as_str())])
        }
    }

    /// What it says on a phone: one line, with its code.
    pub fn line(self) -> Zeroizing<String> {
        let code = self.code.unwrap_or_default();
        let line = self.say.text(Words::of(self.kind).subject);
        let line = line.with("code", code.as_str());
        line.with("duration", self.say.duration(self.seconds).to_string().as_str())
            .to_string()
            .into()
    }

    /// What it says where the address has an account already.
    pub fn taken(self) -> Content {
        Words::TAKEN.say(self.say, self.profile, &[])
    }
}

#[cfg(test)]
mod tests {
    use events::languages::Language;

    use super::*;

    fn profile() -> Profile {
        Profile {
            username: Some("{ $realm }alice".to_owned()),
            ..Profile::default()
        }
    }

    #[test]
    fn what_tells_says_what_happened_when_and_to_which_account() {
        for (language, when) in [
            (Language::English, "1 January 2026, 00:00 UTC"),
            (Language::German, "1. Januar 2026, 00:00 Uhr (UTC)"),
            (Language::Chinese, "2026 年 1 月 1 日 00:00（UTC）"),
        ] {
            let say = words::testing::say(language);
            for kind in LetterKind::ALL.iter().filter(|kind| !kind.asks()) {
                let telling = Notice {
                    kind: *kind,
                    profile: profile(),
                    to: "alice@demo.example".to_owned(),
                    what: "{ $when } & Acme".to_owned(),
                };
                let told = notice(&say, &telling, Timestamp::from_seconds(1_767_225_600));
                assert_eq!(told.language, language.tag());
                assert!(told.subject.contains("Demo"), "{kind:?}: {}", told.subject);
                let all = [&told.paragraphs[..], &told.closing].concat().join(" ");
                assert!(all.contains(when), "{kind:?}: {all}");
                assert!(
                    all.contains("{ $realm }alice"),
                    "what a value holds is not filled in: {all}"
                );
                assert!(told.link.is_none() && told.code.is_none(), "{kind:?}");
                let of_something = matches!(
                    kind,
                    LetterKind::DeviceAdded | LetterKind::IdentityLinked | LetterKind::IdentityUnlinked
                );
                assert_eq!(all.contains("{ $when } & Acme"), of_something, "{kind:?}: {all}");
            }
        }
    }

    #[test]
    fn what_asks_for_something_says_for_how_long() {
        for language in Language::ALL {
            let say = words::testing::say(language);
            for kind in LetterKind::ALL
                .iter()
                .filter(|kind| kind.asks() && !kind.is_text())
            {
                let asked = Asked {
                    say: &say,
                    kind: *kind,
                    profile: &profile(),
                    seconds: 7 * 86_400,
                    code: Some("123456".to_owned().into()),
                    link: Some("https://id.example/".to_owned().into()),
                };
                let content = asked.content();
                let all = [&content.paragraphs[..], &content.closing].concat().join(" ");
                assert!(content.subject.contains("Demo"), "{kind:?} {language:?}");
                assert!(all.contains('7'), "{kind:?} {language:?}: {all}");
                assert!(!content.link.unwrap().1.is_empty(), "{kind:?} {language:?}");
            }
        }
    }

    #[test]
    fn what_goes_to_a_phone_says_its_code_whose_it_is_and_for_how_long() {
        for language in Language::ALL {
            let say = words::testing::say(language);
            for kind in LetterKind::ALL.iter().filter(|kind| kind.is_text()) {
                let line = Asked {
                    say: &say,
                    kind: *kind,
                    profile: &profile(),
                    seconds: 600,
                    code: Some("123456".to_owned().into()),
                    link: None,
                }
                .line();
                for part in ["123456", "Demo", "10"] {
                    assert!(line.contains(part), "{kind:?} {language:?}: {}", *line);
                }
                // What one message holds outside the alphabet of GSM 03.38.
                assert!(
                    line.chars().count() <= 70,
                    "{kind:?} {language:?}: {}",
                    line.chars().count()
                );
            }
        }
    }

    #[test]
    fn who_has_an_account_is_given_no_way_to_another() {
        let say = words::testing::say(Language::German);
        let taken = Asked {
            say: &say,
            kind: LetterKind::Registration,
            profile: &profile(),
            seconds: 600,
            code: Some("123456".to_owned().into()),
            link: Some("https://id.example/".to_owned().into()),
        }
        .taken();
        assert_eq!(taken.subject, "Sie haben ein Konto bei Demo");
        assert!(taken.code.is_none() && taken.link.is_none() && taken.paragraphs.len() == 2);
    }
}
