//! English.

use events::letters::LetterKind;

use super::{Language, Words};

pub const LANGUAGE: Language = Language {
    tag: "en",
    of,
    notice_closing: &[
        "If this was you, there is nothing to do.",
        "If it was not, somebody may have got into your account: change your password and tell the people who run {realm}.",
    ],
};

const fn of(kind: LetterKind) -> Words {
    match kind {
        LetterKind::PasswordChanged => Words {
            subject: "Your password at {realm} was changed",
            paragraphs: &[
                "The password of the account {account} at {realm} was changed on {when}. All sessions that began before have ended.",
            ],
        },
        LetterKind::EmailChanged => Words {
            subject: "Your e-mail address at {realm} was changed",
            paragraphs: &[
                "The account {account} at {realm} has had another e-mail address since {when}. This address is no longer used for it.",
            ],
        },
        LetterKind::TotpAdded => Words {
            subject: "An authenticator app was added at {realm}",
            paragraphs: &["An authenticator app was added to the account {account} at {realm} on {when}."],
        },
        LetterKind::TotpRemoved => Words {
            subject: "An authenticator app was removed at {realm}",
            paragraphs: &[
                "An authenticator app was removed from the account {account} at {realm} on {when}.",
            ],
        },
        LetterKind::PasskeyAdded => Words {
            subject: "A passkey was added at {realm}",
            paragraphs: &["A passkey was added to the account {account} at {realm} on {when}."],
        },
        LetterKind::PasskeyRemoved => Words {
            subject: "A passkey was removed at {realm}",
            paragraphs: &["A passkey was removed from the account {account} at {realm} on {when}."],
        },
        LetterKind::RecoveryCodesMade => Words {
            subject: "New recovery codes at {realm}",
            paragraphs: &[
                "Recovery codes were made for the account {account} at {realm} on {when}. Any that there were before no longer work.",
            ],
        },
        LetterKind::RecoveryCodesRemoved => Words {
            subject: "Your recovery codes at {realm} were removed",
            paragraphs: &["The recovery codes of the account {account} at {realm} were removed on {when}."],
        },
    }
}
