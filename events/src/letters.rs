//! Letters: what was mailed to people, and what became of it. All of it is activity. The rule: no address and nothing that a letter
//! proves is told here; which letter it was follows from the event that it is about, its cause.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    event::{DomainEvent, EventKind},
    ids::UserId,
    subject::Lane,
    topics::Topic,
};

/// What a letter is for. Names are stored: they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LetterKind {
    /// It tells that the password was set anew.
    PasswordChanged,
    /// It tells the address before that the account has another one.
    EmailChanged,
    /// It tells that a device that shows one-time passwords was added.
    TotpAdded,
    /// It tells that one was removed.
    TotpRemoved,
    /// It tells that a passkey was added.
    PasskeyAdded,
    /// It tells that one was removed.
    PasskeyRemoved,
    /// It tells that recovery codes were made, in place of any before.
    RecoveryCodesMade,
    /// It tells that they were removed.
    RecoveryCodesRemoved,
}

impl LetterKind {
    /// All kinds.
    pub const ALL: &'static [LetterKind] = &[
        LetterKind::PasswordChanged,
        LetterKind::EmailChanged,
        LetterKind::TotpAdded,
        LetterKind::TotpRemoved,
        LetterKind::PasskeyAdded,
        LetterKind::PasskeyRemoved,
        LetterKind::RecoveryCodesMade,
        LetterKind::RecoveryCodesRemoved,
    ];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            LetterKind::PasswordChanged => "password_changed",
            LetterKind::EmailChanged => "email_changed",
            LetterKind::TotpAdded => "totp_added",
            LetterKind::TotpRemoved => "totp_removed",
            LetterKind::PasskeyAdded => "passkey_added",
            LetterKind::PasskeyRemoved => "passkey_removed",
            LetterKind::RecoveryCodesMade => "recovery_codes_made",
            LetterKind::RecoveryCodesRemoved => "recovery_codes_removed",
        }
    }
}

/// Why a letter was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LetterFailure {
    /// The mail server is away, busy, or wants to be asked again.
    Temporary,
    /// The mail server takes no letter for this address, or it is none.
    Recipient,
    /// No mail server is configured, or it takes nothing from us.
    Configuration,
    /// The letter could not be written.
    Letter,
}

/// What happens to letters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum LetterEvent {
    /// The mail server took a letter.
    #[serde(rename = "letter.sent")]
    Sent {
        /// What it is for.
        kind: LetterKind,
        /// To whom, if it is a user.
        user: Option<UserId>,
        /// The how manieth attempt it was; the first is 1.
        attempt: u32,
    },
    /// It did not.
    #[serde(rename = "letter.failed")]
    Failed {
        /// What it is for.
        kind: LetterKind,
        /// To whom, if it is a user.
        user: Option<UserId>,
        /// The how manieth attempt it was; the first is 1.
        attempt: u32,
        /// Why.
        reason: LetterFailure,
        /// Whether it is not tried again.
        given_up: bool,
    },
}

impl DomainEvent for LetterEvent {
    const LANE: Lane = Lane::Activity;
    const TOPIC: Topic = Topic::Users;
    const KINDS: &'static [EventKind] = &[
        EventKind::plain("letter.sent", "The mail server took a letter to somebody."),
        EventKind::plain("letter.failed", "A letter to somebody could not be sent."),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_are_stored() {
        for kind in LetterKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
