//! The pages around letters: each a few words, a form and a button. Rule protected: none tells whether there is such an account.

use super::Template;
use crate::words::{Message, Say};

/// What may be wrong with what was sent, for the person.
#[derive(Debug, Clone)]
pub struct Trouble<'a> {
    /// The heading of the error summary: the message's name.
    pub title: &'static str,
    /// What the person can do about it.
    pub advice: Message<'a>,
}

impl<'a> Trouble<'a> {
    /// By the names of the messages.
    pub fn of(say: &'a Say, title: &'static str, advice: &'static str) -> Self {
        Self {
            title,
            advice: say.text(advice),
        }
    }
}

/// A field of a form.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// As it is posted.
    pub name: &'static str,
    /// As people know it: the message's name.
    pub label: &'static str,
    /// `text`, `email`, `password`.
    pub kind: &'static str,
    /// What browsers fill it with.
    pub autocomplete: &'static str,
    /// What is in it already.
    pub value: &'a str,
    /// Whether it must be filled in.
    pub required: bool,
}

impl<'a> Field<'a> {
    /// A code of a letter.
    pub const fn code(name: &'static str, label: &'static str) -> Self {
        Self {
            name,
            label,
            kind: "text",
            autocomplete: "one-time-code",
            value: "",
            required: true,
        }
    }

    /// A new password.
    pub const fn new_password() -> Self {
        Self {
            name: "password",
            label: "new-password",
            kind: "password",
            autocomplete: "new-password",
            value: "",
            required: true,
        }
    }

    /// An e-mail address.
    pub const fn email(label: &'static str, value: &'a str) -> Self {
        Self {
            name: "email",
            label,
            kind: "email",
            autocomplete: "email",
            value,
            required: true,
        }
    }

    /// A text.
    pub const fn text(
        name: &'static str,
        label: &'static str,
        autocomplete: &'static str,
        value: &'a str,
    ) -> Self {
        Self {
            name,
            label,
            kind: "text",
            autocomplete,
            value,
            required: false,
        }
    }
}

/// A form of a page.
#[derive(Debug, Clone, Default)]
pub struct PageForm<'a> {
    /// Where it is posted.
    pub action: &'a str,
    /// What it carries.
    pub hidden: Vec<(&'static str, &'a str)>,
    /// What is asked for.
    pub fields: Vec<Field<'a>>,
    /// What the button says: the message's name.
    pub button: &'static str,
}

/// A page with a few words and forms.
#[derive(Template)]
#[template(path = "mailed.html")]
pub struct MailedPage<'a> {
    /// How it speaks, and in whose name.
    pub say: &'a Say,
    /// Its title: the message's name.
    pub title: &'static str,
    /// What it says.
    pub paragraphs: &'a [Message<'a>],
    /// A code to be typed elsewhere.
    pub code: Option<&'a str>,
    /// Why it is shown again.
    pub trouble: Option<Trouble<'a>>,
    /// Its forms.
    pub forms: &'a [PageForm<'a>],
    /// Where it leads on: an address of this site, and the name of what it is called.
    pub onward: Option<(&'a str, &'static str)>,
    /// Where it is shown again by GET, with room for one more parameter; a page that tells what was done is not.
    pub again: Option<&'a str>,
}
