//! Users: their profile and status, and their password. Personal data is sealed by a key of the user, a password's
//! hash by a key of the credential.

pub mod email_change;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::Timestamp,
    event::{DecodeError, DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    ids::{CredentialId, EventId, SessionId},
    sealing::{Sealed, SealedBy},
    subject::{Lane, SubjectKind},
    topics::Topic,
};

/// What is known of a person. Names after OpenID Connect Core, section 5.1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Profile {
    /// The name to sign in with, as it was typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// E-mail address, as it was typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the address was shown to be theirs.
    pub email_verified: bool,
    /// Phone number, E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Whether the number was shown to be theirs.
    pub phone_verified: bool,
    /// Full name for display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// Preferred language, BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Time zone, IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zoneinfo: Option<String>,
    /// Custom attributes, after the realm's schema.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Value>,
}

impl Profile {
    /// The names that sign this user in, normalised and without repetition.
    pub fn login_names(&self) -> Vec<String> {
        let mut names: Vec<_> = [&self.username, &self.email]
            .into_iter()
            .flatten()
            .map(|name| login_name(name))
            .collect();
        names.dedup();
        names
    }

    /// The name to show: full name, else given and family name, else user name, else e-mail address.
    pub fn display_name(&self) -> Option<String> {
        let parts = || {
            let joined = [&self.given_name, &self.family_name]
                .into_iter()
                .flatten()
                .cloned()
                .collect::<Vec<_>>()
                .join(" ");
            (!joined.is_empty()).then_some(joined)
        };
        self.name
            .clone()
            .or_else(parts)
            .or_else(|| self.username.clone())
            .or_else(|| self.email.clone())
    }

    /// This profile with fields replaced (or removed, by `null`).
    pub fn with(&self, changes: &BTreeMap<String, Value>) -> Result<Self, serde_json::Error> {
        let mut value = serde_json::to_value(self)?;
        if let Value::Object(fields) = &mut value {
            for (name, change) in changes {
                match change {
                    Value::Null => fields.remove(name),
                    set => fields.insert(name.clone(), set.clone()),
                };
            }
        }
        serde_json::from_value(value)
    }
}

/// A login name as it is compared: NFKC, without case, without surrounding space. Aliases in case or Unicode form are
/// one name. By way of upper case, letter by letter, so that what has no single lower case (`ß` and `ss`, `ς` and `σ`) meets too.
pub fn login_name(text: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let caseless = |text: &str| -> String {
        let lower = text
            .nfkc()
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase);
        lower.collect::<String>().nfkc().collect()
    };
    // Twice: the capital `ẞ` becomes `ß` first, and `ss` then.
    caseless(&caseless(text.trim()))
}

/// What happens to a user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum UserEvent {
    /// A user was registered.
    #[serde(rename = "user.registered")]
    Registered {
        /// All that is known of the person.
        profile: Sealed<Profile>,
    },
    /// Parts of a profile were replaced or removed.
    #[serde(rename = "user.profile_changed")]
    ProfileChanged {
        /// The names of the fields that changed.
        fields: Vec<String>,
        /// Their new values; `null` removes.
        changes: Sealed<BTreeMap<String, Value>>,
    },
    /// A user's e-mail address was shown to be theirs, by a letter to it.
    #[serde(rename = "user.email_verified")]
    EmailVerified {},
    /// A user's phone number was shown to be theirs, by a message to it.
    #[serde(rename = "user.phone_verified")]
    PhoneVerified {},
    /// A user was disabled: no sign-in, and every session and token of theirs is refused.
    #[serde(rename = "user.disabled")]
    Disabled {
        /// Why, for the record.
        reason: Option<Sealed<String>>,
    },
    /// A disabled user may sign in again.
    #[serde(rename = "user.enabled")]
    Enabled {},
    /// A user was locked: no new sign-in, while sessions that stand go on.
    #[serde(rename = "user.locked")]
    Locked {
        /// Why, for the record.
        reason: Option<Sealed<String>>,
        /// Until when; without it, until unlocked.
        until: Option<Timestamp>,
    },
    /// A locked user may sign in again.
    #[serde(rename = "user.unlocked")]
    Unlocked {},
    /// Every session of a user that stands was ended at once, with its grants.
    #[serde(rename = "user.sessions_ended")]
    SessionsEnded {
        /// The one that goes on, if one does: the one in which its user ended the others.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keeps: Option<SessionId>,
    },
    /// A password was set, in place of any before.
    #[serde(rename = "password.set")]
    PasswordSet {
        /// The credential whose key seals the hash; new with each password.
        credential: CredentialId,
        /// Argon2id, as a PHC string.
        hash: Sealed<String>,
        /// The session that goes on, if one does: the one in which its user changed it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keeps: Option<SessionId>,
    },
    /// A password was hashed anew with today's parameters, on a sign-in; it is the same password.
    #[serde(rename = "password.rehashed")]
    PasswordRehashed {
        /// The credential whose key seals the hash; new with each hash.
        credential: CredentialId,
        /// Argon2id, as a PHC string.
        hash: Sealed<String>,
    },
}

impl DomainEvent for UserEvent {
    const LANE: Lane = Lane::Facts;
    const TOPIC: Topic = Topic::Users;
    const KINDS: &'static [EventKind] = &[
        EventKind::sealing(
            "user.registered",
            &[("profile", SealedBy::SubjectUser)],
            "A user was registered.",
        ),
        EventKind::sealing(
            "user.profile_changed",
            &[("changes", SealedBy::SubjectUser)],
            "Parts of a user's profile were replaced or removed.",
        ),
        EventKind::plain(
            "user.email_verified",
            "A user's e-mail address was shown to be theirs, by a letter to it.",
        ),
        EventKind::plain(
            "user.phone_verified",
            "A user's phone number was shown to be theirs, by a message to it.",
        ),
        EventKind::sealing(
            "user.disabled",
            &[("reason", SealedBy::SubjectUser)],
            "A user was disabled.",
        )
        .watched(),
        EventKind::plain("user.enabled", "A disabled user may sign in again.").watched(),
        EventKind::sealing(
            "user.locked",
            &[("reason", SealedBy::SubjectUser)],
            "A user was locked.",
        )
        .watched(),
        EventKind::plain("user.unlocked", "A locked user may sign in again.").watched(),
        EventKind::plain(
            "user.sessions_ended",
            "Every session of a user that stood was ended at once, or every other one.",
        )
        .watched()
        .version(2),
        EventKind::sealing(
            "password.set",
            &[("hash", SealedBy::Credential("credential"))],
            "A password was set, in place of any before.",
        )
        .watched(),
        EventKind::sealing(
            "password.rehashed",
            &[("hash", SealedBy::Credential("credential"))],
            "A password was hashed anew with today's parameters.",
        ),
    ];

    /// Version 1 of what ends sessions kept none.
    fn upcast(name: &str, schema: u16, data: Value) -> Result<Value, DecodeError> {
        match (name, schema) {
            ("user.sessions_ended", 1) => Ok(data),
            _ => Err(DecodeError::unknown_version(name, schema)),
        }
    }
}

/// The facts of one kind that ended all sessions of a user but, perhaps, the one in which they did so themselves: as much of them as
/// it takes to tell, of any session, which was the last that ended it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Endings {
    /// The seq of the last one.
    last: u64,
    /// The session that it kept.
    keeps: Option<SessionId>,
    /// The seq of the last one before it that did not keep the same.
    before: u64,
}

impl Endings {
    /// One more, at this seq.
    pub fn add(&mut self, seq: u64, keeps: Option<SessionId>) {
        let before = if keeps.is_some() && keeps == self.keeps {
            self.before
        } else {
            self.last
        };
        *self = Self {
            last: seq,
            keeps,
            before,
        };
    }

    /// One, at this seq, that kept none.
    pub const fn at(seq: u64) -> Self {
        Self {
            last: seq,
            keeps: None,
            before: 0,
        }
    }

    /// The seq of the last one.
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// The seq of the last one that did not keep this session.
    pub fn of(&self, session: SessionId) -> u64 {
        if self.keeps == Some(session) {
            self.before
        } else {
            self.last
        }
    }
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    /// Whether there is such a user.
    pub exists: bool,
    /// What is known of the person; the default profile once erased.
    pub profile: Profile,
    /// Whether the profile's key was destroyed.
    pub erased: bool,
    /// Whether they are disabled.
    pub disabled: bool,
    /// Whether they are locked, and until when.
    pub locked: Option<Lock>,
    /// When they were registered.
    pub registered: Timestamp,
    /// The fact that gave them the e-mail address that they have: its id, and its seq. It stands for the address where that may not be told.
    pub address: Option<(EventId, u64)>,
    /// The fact that gave them the phone number that they have, as `address` is.
    pub number: Option<(EventId, u64)>,
    /// The facts that ended all their sessions at once (an order, or a disabling); see [`last_ending`].
    pub sessions_ended: Endings,
}

/// A lock on signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Until when; without it, until unlocked.
    pub until: Option<Timestamp>,
}

impl User {
    /// Whether a lock stands at a moment.
    pub fn is_locked(&self, now: Timestamp) -> bool {
        self.locked
            .is_some_and(|lock| lock.until.is_none_or(|until| until > now))
    }

    /// Whether sessions and tokens of this user are good.
    pub const fn is_active(&self) -> bool {
        self.exists && !self.disabled && !self.erased
    }
}

impl Fold for User {
    const KIND: SubjectKind = SubjectKind::User;

    fn apply(&mut self, happened: &Happened) {
        let Event::Users(event) = &happened.event else {
            return;
        };
        match event {
            UserEvent::Registered { profile } => {
                self.exists = true;
                self.registered = happened.time;
                self.address = Some((happened.id, happened.seq));
                self.number = self.address;
                match profile {
                    Sealed::Known(profile) => self.profile.clone_from(profile),
                    Sealed::Erased => self.erased = true,
                }
            }
            UserEvent::EmailVerified {} => self.profile.email_verified = !self.erased,
            UserEvent::PhoneVerified {} => self.profile.phone_verified = !self.erased,
            UserEvent::ProfileChanged { changes, fields } => {
                if fields.iter().any(|field| field == "email") {
                    self.address = Some((happened.id, happened.seq));
                }
                if fields.iter().any(|field| field == "phone") {
                    self.number = Some((happened.id, happened.seq));
                }
                match changes
                    .known()
                    .and_then(|changes| self.profile.with(changes).ok())
                {
                    Some(profile) => self.profile = profile,
                    None => self.erased = true,
                }
                if self.erased {
                    self.profile = Profile::default();
                }
            }
            UserEvent::Disabled { .. } => {
                self.disabled = true;
                self.sessions_ended.add(happened.seq, None);
            }
            UserEvent::Enabled {} => self.disabled = false,
            UserEvent::Locked { until, .. } => self.locked = Some(Lock { until: *until }),
            UserEvent::Unlocked {} => self.locked = None,
            UserEvent::SessionsEnded { keeps } => self.sessions_ended.add(happened.seq, *keeps),
            UserEvent::PasswordSet { .. } | UserEvent::PasswordRehashed { .. } => {}
        }
    }
}

/// A user's password.
#[derive(Clone, Default, PartialEq)]
pub struct Password {
    /// The credential whose key seals the hash, if there is a password.
    pub credential: Option<CredentialId>,
    /// The hash, if there is one and it was not erased.
    pub hash: Option<String>,
    /// When the password (not its hash) last changed.
    pub changed: Timestamp,
    /// The seq of the fact that set it.
    pub set: u64,
    /// The facts that set it and those before it; see [`last_ending`].
    pub endings: Endings,
    /// The credentials that it replaced, the last eight: their keys are to be destroyed, and are again if a crash
    /// came in between.
    pub replaced: Vec<CredentialId>,
}

impl Password {
    /// How many replaced credentials are remembered.
    const REMEMBERED: usize = 8;

    fn replace(&mut self, credential: CredentialId, hash: &Sealed<String>) {
        self.replaced.extend(self.credential.replace(credential));
        self.replaced
            .drain(..self.replaced.len().saturating_sub(Self::REMEMBERED));
        self.hash = hash.known().cloned();
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Password")
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

impl Fold for Password {
    const KIND: SubjectKind = SubjectKind::Password;

    fn apply(&mut self, happened: &Happened) {
        match &happened.event {
            Event::Users(UserEvent::PasswordSet {
                credential,
                hash,
                keeps,
            }) => {
                self.replace(*credential, hash);
                self.changed = happened.time;
                self.set = happened.seq;
                self.endings.add(happened.seq, *keeps);
            }
            Event::Users(UserEvent::PasswordRehashed { credential, hash }) => self.replace(*credential, hash),
            _ => {}
        }
    }
}

/// The seq, among the realm's facts, of the last one that ended every session of a user: a password set, a disabling, an
/// order to end them. A session keeps what it was when it started, and is dead once it is more: by the order of the log, which
/// no clock can turn back.
pub fn last_ending(user: &User, password: &Password) -> u64 {
    user.sessions_ended.last().max(password.endings.last())
}

/// The same as far as one session is concerned: what kept it did not end it.
pub fn last_ending_of(user: &User, password: &Password, session: SessionId) -> u64 {
    user.sessions_ended.of(session).max(password.endings.of(session))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_session_does_not_end_it_and_what_came_before_does() {
        let [here, there] = [1, 2].map(|id| SessionId(uuid::Uuid::from_u128(id)));
        let mut endings = Endings::default();
        assert_eq!((endings.of(here), endings.last()), (0, 0));
        for (seq, keeps, of_here, of_there) in [
            (3, None, 3, 3),
            (5, Some(here), 3, 5),
            (7, Some(here), 3, 7),
            (8, Some(there), 8, 7),
            (9, Some(here), 8, 9),
            (11, None, 11, 11),
            (12, None, 12, 12),
        ] {
            endings.add(seq, keeps);
            assert_eq!(
                (endings.of(here), endings.of(there)),
                (of_here, of_there),
                "{seq}"
            );
            assert_eq!(endings.last(), seq);
        }
    }

    #[test]
    fn aliases_in_case_or_unicode_form_are_one_name() {
        for aliases in [
            ["Alice", " ALICE "],
            ["Straße", "STRASSE"],
            ["maße", "MAẞE"],
            ["ΟΔΥΣΣΕΥΣ", "Οδυσσευς"],
            ["ﬁona", "FIONA"],
            ["Ａｌｉｃｅ", "alice"],
            ["zoe\u{308}", "ZOË"],
            ["\u{212a}im", "kim"],
        ] {
            assert_eq!(login_name(aliases[0]), login_name(aliases[1]), "{aliases:?}");
            assert_eq!(
                login_name(&login_name(aliases[0])),
                login_name(aliases[0]),
                "{aliases:?}"
            );
        }
        assert_ne!(login_name("alice"), login_name("alicia"));
    }
}
