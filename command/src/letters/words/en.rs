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
    asked_closing: &[
        "If you did not ask for this, there is nothing to do. Give the code and the link to nobody, whoever asks for them.",
    ],
    minutes: |count| format!("{count} minutes"),
    hours: |count| format!("{count} hours"),
    days: |count| format!("{count} days"),
    taken: Words::notice(
        "You have an account at {realm}",
        &[
            "Somebody, perhaps you, wanted to use this address for an account at {realm}. It has one already: sign in with it.",
            "If you have forgotten your password, have another one set from the sign-in page. If it was not you, there is nothing to do.",
        ],
    ),
};

const fn of(kind: LetterKind) -> Words {
    match kind {
        LetterKind::PasswordChanged => Words::notice(
            "Your password at {realm} was changed",
            &[
                "The password of the account {account} at {realm} was changed on {when}. All sessions that began before have ended.",
            ],
        ),
        LetterKind::EmailChanged => Words::notice(
            "Your e-mail address at {realm} was changed",
            &[
                "The account {account} at {realm} has had another e-mail address since {when}. This address is no longer used for it.",
            ],
        ),
        LetterKind::TotpAdded => Words::notice(
            "An authenticator app was added at {realm}",
            &["An authenticator app was added to the account {account} at {realm} on {when}."],
        ),
        LetterKind::TotpRemoved => Words::notice(
            "An authenticator app was removed at {realm}",
            &["An authenticator app was removed from the account {account} at {realm} on {when}."],
        ),
        LetterKind::PasskeyAdded => Words::notice(
            "A passkey was added at {realm}",
            &["A passkey was added to the account {account} at {realm} on {when}."],
        ),
        LetterKind::PasskeyRemoved => Words::notice(
            "A passkey was removed at {realm}",
            &["A passkey was removed from the account {account} at {realm} on {when}."],
        ),
        LetterKind::RecoveryCodesMade => Words::notice(
            "New recovery codes at {realm}",
            &[
                "Recovery codes were made for the account {account} at {realm} on {when}. Any that there were before no longer work.",
            ],
        ),
        LetterKind::RecoveryCodesRemoved => Words::notice(
            "Your recovery codes at {realm} were removed",
            &["The recovery codes of the account {account} at {realm} were removed on {when}."],
        ),
        LetterKind::EmailVerification => Words {
            subject: "Is this your e-mail address? {realm}",
            paragraphs: &[
                "Show that this is the e-mail address of the account {account} at {realm}: enter this code where you were asked for it, or open the link. Both work for {minutes}.",
            ],
            button: "This is my address",
        },
        LetterKind::EmailChange => Words {
            subject: "Your new e-mail address at {realm}",
            paragraphs: &[
                "The account {account} at {realm} is to have this e-mail address. Show that it is yours: enter this code where you were asked for it, or open the link. Both work for {minutes}.",
            ],
            button: "This is my address",
        },
        LetterKind::EmailChangeBefore => Words {
            subject: "Another e-mail address for your account at {realm}?",
            paragraphs: &[
                "Somebody who is signed in to the account {account} at {realm} wants it to have another e-mail address in place of this one. If that is you, enter this code where you were asked for it, or open the link. Both work for {minutes}.",
                "If it is not you, do nothing, and change your password: nothing is changed without you.",
            ],
            button: "Change the address",
        },
        LetterKind::SignIn => Words {
            subject: "Your code for {realm}",
            paragraphs: &[
                "Enter this code to sign in to {realm}. It works for {minutes}, in the window in which you asked for it.",
            ],
            button: "Sign in",
        },
        LetterKind::PasswordRecovery => Words {
            subject: "Set another password at {realm}",
            paragraphs: &[
                "Open the link to set another password for the account {account} at {realm}. It works once, within {minutes}.",
            ],
            button: "Set a password",
        },
        LetterKind::Registration => Words {
            subject: "Your registration at {realm}",
            paragraphs: &[
                "To register at {realm} with this e-mail address, enter this code where you were asked for it, or open the link. Both work for {minutes}.",
            ],
            button: "Go on",
        },
        LetterKind::Invitation => Words {
            subject: "You are invited to {realm}",
            paragraphs: &[
                "There is an account for you at {realm}: {account}. Open the link to set a password for it. It works once, within {minutes}.",
            ],
            button: "Accept",
        },
    }
}
