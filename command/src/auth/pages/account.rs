//! The pages of an account. Rule protected: what was done is said, and what can be done is a form of its own; nothing secret is shown but what
//! is shown once.

use std::str::FromStr;

use events::clock::Timestamp;
use http::StatusCode;
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
    /// Without the identity nothing would let them sign in.
    LastWay = "last-way", CONFLICT: "account-last-way", "account-last-way-text";
    /// They have a second factor, and did not show it.
    Unproven = "unproven", FORBIDDEN: "account-unproven", "account-unproven-text";
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
    /// Whether they verify and change it by letters.
    pub mails: bool,
    /// By what they sign in.
    pub ways: Vec<String>,
    /// When this session began.
    pub since: Moment,
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
    /// Its id; comes back as the field `identity`.
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

pages! {
    /// Who one is, and by what one signs in.
    Overview in "account_overview.html" {
        about: About<'a>,
    }
    /// What one is known as at identity providers: posts `flow` and `identity`.
    Identities in "account_identities.html" {
        known: &'a [Known],
        add: Option<&'a str>,
    }
    /// Which applications one allowed what: posts `flow` and `application`.
    Applications in "account_applications.html" {
        allowed: &'a [Allowed],
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
