//! The pages of an account. Rule protected: what was done is said, and what can be done is a form of its own; nothing secret is shown but what
//! is shown once.

use std::str::FromStr;

use events::clock::Timestamp;
use http::StatusCode;
use passwords::Weakness;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::Template;
use crate::words::Say;

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// For [`Say::moment`].
    pub fn time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.0.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// For the attribute `datetime`.
    pub fn for_machines(self) -> String {
        self.time().format(&Rfc3339).unwrap_or_default()
    }
}

macro_rules! notices {
    ($($(#[$about:meta])* $notice:ident = $name:literal, $status:ident: $title:literal, $text:literal;)*) => {
        /// What a page of an account says of what was done, or was not.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Notice {
            $($(#[$about])* $notice,)*
        }

        impl Notice {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$notice),*];

            /// As an address names it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$notice => $name),* }
            }

            /// The status of a page that says it.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$notice => StatusCode::$status),* }
            }

            /// In a few words: the message's name.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$notice => $title),* }
            }

            /// What it means: the message's name.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$notice => $text),* }
            }
        }
    };
}

notices! {
    /// An application has no access any more.
    Withdrawn = "withdrawn", OK: "done-withdrawn", "done-withdrawn-text";
    /// An identity is gone.
    Unlinked = "unlinked", OK: "done-unlinked", "done-unlinked-text";
    /// It was shown anew who one is.
    Confirmed = "confirmed", OK: "done-confirmed", "done-confirmed-text";
    /// The password was changed.
    PasswordChanged = "password", OK: "done-password", "done-password-text";
    /// A passkey was given another name.
    PasskeyRenamed = "renamed", OK: "done-renamed", "done-renamed-text";
    /// A passkey was removed.
    PasskeyRemoved = "passkey", OK: "done-passkey", "done-passkey-text";
    /// An authenticator app was removed.
    TotpRemoved = "totp", OK: "done-totp", "done-totp-text";
    /// New recovery codes were made.
    CodesMade = "codes", OK: "done-codes", "done-codes-text";
    /// A session was ended.
    SessionEnded = "ended", OK: "done-ended", "done-ended-text";
    /// All others were.
    OthersEnded = "others", OK: "done-others", "done-others-text";
    /// It would be the last way to sign in, or one that is required.
    LastWay = "last-way", CONFLICT: "account-last-way", "account-last-way-text";
    /// A name is empty, or too long.
    BadName = "name", UNPROCESSABLE_ENTITY: "account-bad-name", "account-bad-name-text";
    /// A letter with a code went out.
    LetterSent = "letter", OK: "done-letter", "done-letter-text";
    /// The address is known to be theirs.
    EmailVerified = "verified", OK: "done-verified", "done-verified-text";
    /// Letters for another address went out.
    ChangeAsked = "asked", OK: "done-asked", "done-asked-text";
    /// One of both addresses said so.
    AwaitsOther = "half", OK: "done-half", "done-half-text";
    /// They have another address.
    EmailChanged = "email", OK: "done-email", "done-email-text";
    /// A code is not right, over, or was tried too often.
    WrongCode = "code", UNAUTHORIZED: "account-wrong-code", "account-wrong-code-text";
    /// It is none, or the one that they have.
    NoOtherAddress = "address", UNPROCESSABLE_ENTITY: "account-no-other-address", "account-no-other-address-text";
    /// Nothing was filled in.
    Missing = "missing", UNPROCESSABLE_ENTITY: "account-missing", "account-missing-text";
    /// No letter goes out for a while.
    TooManyLetters = "letters", TOO_MANY_REQUESTS: "account-too-many-letters", "account-too-many-letters-text";
    /// A text message with a code went out.
    TextSent = "text", OK: "done-text", "done-text-text";
    /// The number is known to be theirs.
    PhoneVerified = "phone", OK: "done-phone", "done-phone-text";
    /// It is none, or the one that they have.
    NoOtherNumber = "number", UNPROCESSABLE_ENTITY: "account-no-other-number", "account-no-other-number-text";
    /// No text message goes out for a while.
    TooManyTexts = "texts", TOO_MANY_REQUESTS: "account-too-many-texts", "account-too-many-texts-text";
    /// The profile was changed.
    ProfileChanged = "profile", OK: "done-profile", "done-profile-text";
    /// A device was given a name.
    DeviceNamed = "device", OK: "done-device", "done-device-text";
    /// A device is trusted no more.
    TrustEnded = "trust", OK: "done-trust", "done-trust-text";
    /// A device was revoked.
    DeviceRevoked = "revoked", OK: "done-revoked", "done-revoked-text";
    /// The form was too old, or of another session.
    Stale = "stale", BAD_REQUEST: "account-stale", "account-stale-text";
    /// What was meant is not there.
    Gone = "gone", NOT_FOUND: "account-gone", "account-gone-text";
}

impl Notice {
    /// Whether something was not done.
    pub fn is_trouble(self) -> bool {
        self.status() != StatusCode::OK
    }
}

/// There is no such notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownNotice;

impl FromStr for Notice {
    type Err = UnknownNotice;

    fn from_str(name: &str) -> Result<Self, UnknownNotice> {
        let found = Self::ALL.iter().find(|notice| notice.as_str() == name);
        found.copied().ok_or(UnknownNotice)
    }
}

/// The way to a page of the account.
#[derive(Debug, Clone)]
pub struct Link {
    /// What it is called: the message's name.
    pub name: &'static str,
    /// Where it is.
    pub path: String,
    /// Whether it is this one.
    pub is_here: bool,
}

/// What every page of an account has around it.
#[derive(Debug, Clone)]
pub struct Shell<'a> {
    /// How it speaks, and in whose name.
    pub say: &'a Say,
    /// What the page is called: the message's name.
    pub heading: &'static str,
    /// The pages that there are.
    pub links: Vec<Link>,
    /// Where the forms of this page are posted.
    pub action: String,
    /// Binds them to the page and the session; comes back as the field `flow`.
    pub form: String,
    /// What was done, or was not.
    pub notice: Option<Notice>,
    /// Who is signed in.
    pub username: String,
    /// Where the sign-out button posts.
    pub sign_out_action: String,
    /// Binds the sign-out form to this session; comes back as the field `flow`.
    pub sign_out_flow: String,
}

impl Shell<'_> {
    fn is_trouble(&self) -> bool {
        self.notice.is_some_and(Notice::is_trouble)
    }

    /// Where the page is shown again, in another language.
    fn again(&self) -> String {
        format!("{}?", self.action)
    }
}

/// Declares a page of the account: its own fields beside what every page of it has around it.
macro_rules! pages {
    ($($(#[$doc:meta])* $page:ident in $path:literal { $($(#[$about:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Template)]
        #[template(path = $path)]
        pub struct $page<'a> {
            say: &'a Say,
            shell: Shell<'a>,
            $($field: $type,)*
        }

        impl<'a> $page<'a> {
            /// The page.
            #[expect(clippy::allow_attributes, reason = "most pages have few fields")]
            #[allow(clippy::too_many_arguments, reason = "a page has as many fields as it shows")]
            pub fn new(shell: Shell<'a>, $($(#[$about])* $field: $type,)*) -> Self {
                Self { say: shell.say, shell, $($field,)* }
            }
        }
    )*};
}

/// Who somebody is, and by what they sign in.
#[derive(Debug, Clone)]
pub struct About<'a> {
    /// Their full name.
    pub name: Option<&'a str>,
    /// Their user name.
    pub login: Option<&'a str>,
    /// Their e-mail address.
    pub email: Option<&'a str>,
    /// By what they sign in.
    pub ways: Vec<String>,
    /// When this session began.
    pub since: Moment,
}

/// Another e-mail address that somebody wants to have.
#[derive(Debug, Clone)]
pub struct PendingAddress {
    /// Which, unless erased.
    pub email: Option<String>,
    /// Whether its own letter was not answered yet.
    pub awaits_new: bool,
    /// Whether the letter to the present address was not.
    pub awaits_before: bool,
}

/// An application that somebody allowed something.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// Its id; comes back as the field `application`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether people sign in to it.
    pub is_active: bool,
    /// Its home page.
    pub about: Option<String>,
    /// What it was allowed, in words.
    pub what: Vec<String>,
    /// When that was last given, or more of it.
    pub since: Moment,
}

/// What somebody is known as at an identity provider.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its id; comes back as the field `unlink`.
    pub id: String,
    /// At whom.
    pub at: String,
    /// As what, if that is known.
    pub name: Option<String>,
    /// When it was linked.
    pub since: Moment,
}

impl Known {
    /// What tells it from others.
    pub fn called(&self) -> String {
        match &self.name {
            Some(name) => format!("{}, {name}", self.at),
            None => self.at.clone(),
        }
    }
}

/// A passkey, or an authenticator app.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Since when there is one.
    pub since: Moment,
    /// Whether it can be copied to other devices.
    pub is_synchronised: bool,
}

/// Recovery codes, without the codes.
#[derive(Debug, Clone, Copy)]
pub struct Codes {
    /// How many can still be used.
    pub remaining: u64,
    /// When they were made.
    pub since: Moment,
}

/// Where somebody is signed in.
#[derive(Debug, Clone)]
pub struct Place {
    /// The session's id.
    pub id: String,
    /// Whether it is this one.
    pub is_here: bool,
    /// Browser and system, in words.
    pub agent: String,
    /// The address that they signed in from.
    pub address: Option<String>,
    /// The applications that were signed in to.
    pub applications: Vec<String>,
    /// When they signed in.
    pub started: Moment,
    /// When it was last used, to the minute.
    pub used: Moment,
    /// When it ends however it is used.
    pub expires: Moment,
}

/// A device that somebody signs in on.
#[derive(Debug, Clone)]
pub struct KnownDevice {
    /// Its id.
    pub id: String,
    /// Whether it is this one.
    pub is_here: bool,
    /// What its user calls it.
    pub name: Option<String>,
    /// Browser and system, in words.
    pub agent: String,
    /// Where it was last seen.
    pub address: Option<String>,
    /// When it was first seen.
    pub first: Moment,
    /// When it was last seen.
    pub last: Moment,
    /// Until when no second factor is asked for on it, if it is trusted.
    pub trusted_until: Option<Moment>,
}

impl KnownDevice {
    /// What it is called.
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.agent)
    }
}

/// By what a field is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A line of text.
    Text,
    /// A whole number.
    Number,
    /// Several lines.
    Lines,
    /// One of these: the value, and what it is called.
    Choice(Vec<(String, String)>),
}

/// A field of a form.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it is called.
    pub label: String,
    /// What it must look like, if that is to be said: the message's name.
    pub hint: &'static str,
    /// What browsers fill it in with (HTML, `autocomplete`).
    pub autocomplete: &'static str,
    /// By what it is filled in.
    pub input: Input,
    /// What is in it.
    pub value: String,
    /// What is wrong with that: the message's name.
    pub error: Option<&'static str>,
}

impl Place {
    /// What the button that ends it is called to those who hear the page.
    fn ends(&self, say: &Say) -> String {
        let since = say.moment(self.started.time()).to_string();
        let name = say.text("session-end-of").with("name", &self.agent);
        name.with("since", since).to_string()
    }
}

/// Why a new password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewPasswordError {
    /// None was given.
    Missing,
    /// The two are not the same.
    Differs,
    /// It is easy to guess, known from a breach, or of a length that is not allowed.
    Weak(Weakness),
}

impl NewPasswordError {
    /// What the person can do about it.
    pub fn advice(self, say: &Say) -> String {
        let message = match self {
            Self::Missing => say.text("password-missing"),
            Self::Differs => say.text("password-differs"),
            Self::Weak(weakness) => say.weakness(weakness),
        };
        message.to_string()
    }
}

/// A time in the unit in which a person would say it.
fn limit(say: &Say, seconds: u64) -> String {
    let (name, number) = match seconds {
        0..=5_400 => ("span-minutes", seconds.div_ceil(60)),
        5_401..=172_800 => ("span-hours", seconds / 3_600),
        _ => ("span-days", seconds / 86_400),
    };
    say.text(name).with("number", number).to_string()
}

pages! {
    /// What is known of one: posts `flow` and the fields.
    ProfilePage in "account_profile.html" {
        fields: &'a [Field],
        login: Option<&'a str>,
        email: Option<&'a str>,
        email_verified: bool,
        is_wrong: bool,
    }
    /// One's e-mail address: posts `flow`, and `send`, `code`, `email`, or `code_new` and `code_before`.
    EmailPage in "account_email.html" {
        address: Option<&'a str>,
        verified: bool,
        awaits_code: bool,
        change: Option<&'a PendingAddress>,
    }
    /// One's phone number: posts `flow`, and `send`, `code` or `phone`.
    PhonePage in "account_phone.html" {
        number: Option<&'a str>,
        verified: bool,
        awaits_code: bool,
    }
    /// By what one signs in: posts `flow` and what is to be done with which.
    Credentials in "account_credentials.html" {
        password: Option<Moment>,
        password_path: &'a str,
        passkeys: &'a [Credential],
        devices: &'a [Credential],
        identities: &'a [Known],
        codes: Option<Codes>,
        may_have_codes: bool,
        adds_passkeys: bool,
        adds_devices: bool,
        adds_identities: bool,
    }
    /// New recovery codes, this once.
    NewCodesPage in "account_codes.html" {
        codes: &'a [&'a str],
    }
    /// Another password: posts `flow`, `new_password` and `repeated`.
    NewPasswordPage in "account_password.html" {
        username: &'a str,
        minimum: u64,
        maximum: u64,
        blocklist: bool,
        back: &'a str,
        error: Option<NewPasswordError>,
    }
    /// The devices that one signs in on: posts `flow` and what is to be done with which.
    DevicesPage in "account_devices.html" {
        devices: &'a [KnownDevice],
    }
    /// Where one is signed in: posts `flow`, and `session` or `others`.
    Sessions in "account_sessions.html" {
        places: &'a [Place],
        idle_seconds: u64,
        absolute_seconds: u64,
    }
    /// Who one is, and by what one signs in.
    Overview in "account_overview.html" {
        about: About<'a>,
    }
    /// Which applications one allowed what: posts `flow` and `application`.
    Applications in "account_applications.html" {
        allowed: &'a [Allowed],
    }
}

impl Sessions<'_> {
    /// After which time without use a session ends.
    fn idle(&self) -> String {
        limit(self.say, self.idle_seconds)
    }

    /// After which time any ends.
    fn absolute(&self) -> String {
        limit(self.say, self.absolute_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_notice_is_found_by_its_name_and_says_what_it_means() {
        for notice in Notice::ALL {
            assert_eq!(notice.as_str().parse(), Ok(*notice));
            assert_eq!(notice.text(), format!("{}-text", notice.title()));
        }
        assert_eq!("".parse::<Notice>(), Err(UnknownNotice));
    }

    #[test]
    fn a_moment_is_told_to_machines_in_utc() {
        let moment = Moment(Timestamp::from_seconds(1_767_225_600));
        assert_eq!(moment.for_machines(), "2026-01-01T00:00:00Z");
    }
}
