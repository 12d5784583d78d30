//! German.

use events::letters::LetterKind;

use super::{Language, Words};

pub const LANGUAGE: Language = Language {
    tag: "de",
    of,
    notice_closing: &[
        "Wenn Sie das waren, ist nichts zu tun.",
        "Wenn nicht, hat vielleicht jemand Zugang zu Ihrem Konto: Ändern Sie Ihr Passwort und sagen Sie den Betreibern von {realm} Bescheid.",
    ],
    asked_closing: &[
        "Wenn Sie das nicht wollten, ist nichts zu tun. Geben Sie Code und Link niemandem weiter, wer auch fragt.",
    ],
    minutes: |count| format!("{count} Minuten"),
    hours: |count| format!("{count} Stunden"),
    days: |count| format!("{count} Tage"),
    taken: Words::notice(
        "Sie haben ein Konto bei {realm}",
        &[
            "Jemand, vielleicht Sie selbst, wollte diese Adresse für ein Konto bei {realm} benutzen. Sie hat schon eines: Melden Sie sich damit an.",
            "Wenn Sie Ihr Passwort vergessen haben, setzen Sie von der Anmeldeseite aus ein neues. Wenn Sie es nicht waren, ist nichts zu tun.",
        ],
    ),
};

const fn of(kind: LetterKind) -> Words {
    match kind {
        LetterKind::PasswordChanged => Words::notice(
            "Ihr Passwort bei {realm} wurde geändert",
            &[
                "Das Passwort des Kontos {account} bei {realm} wurde am {when} geändert. Alle früheren Sitzungen sind beendet.",
            ],
        ),
        LetterKind::EmailChanged => Words::notice(
            "Ihre E-Mail-Adresse bei {realm} wurde geändert",
            &[
                "Das Konto {account} bei {realm} hat seit {when} eine andere E-Mail-Adresse. Diese hier wird dafür nicht mehr benutzt.",
            ],
        ),
        LetterKind::TotpAdded => Words::notice(
            "Eine Authenticator-App wurde bei {realm} hinzugefügt",
            &["Dem Konto {account} bei {realm} wurde am {when} eine Authenticator-App hinzugefügt."],
        ),
        LetterKind::TotpRemoved => Words::notice(
            "Eine Authenticator-App wurde bei {realm} entfernt",
            &["Vom Konto {account} bei {realm} wurde am {when} eine Authenticator-App entfernt."],
        ),
        LetterKind::PasskeyAdded => Words::notice(
            "Ein Passkey wurde bei {realm} hinzugefügt",
            &["Dem Konto {account} bei {realm} wurde am {when} ein Passkey hinzugefügt."],
        ),
        LetterKind::PasskeyRemoved => Words::notice(
            "Ein Passkey wurde bei {realm} entfernt",
            &["Vom Konto {account} bei {realm} wurde am {when} ein Passkey entfernt."],
        ),
        LetterKind::RecoveryCodesMade => Words::notice(
            "Neue Wiederherstellungscodes bei {realm}",
            &[
                "Für das Konto {account} bei {realm} wurden am {when} Wiederherstellungscodes erstellt. Frühere gelten nicht mehr.",
            ],
        ),
        LetterKind::RecoveryCodesRemoved => Words::notice(
            "Ihre Wiederherstellungscodes bei {realm} wurden entfernt",
            &["Die Wiederherstellungscodes des Kontos {account} bei {realm} wurden am {when} entfernt."],
        ),
        LetterKind::EmailVerification => Words {
            subject: "Ist das Ihre E-Mail-Adresse? {realm}",
            paragraphs: &[
                "Zeigen Sie, dass dies die E-Mail-Adresse des Kontos {account} bei {realm} ist: Geben Sie diesen Code dort ein, wo Sie danach gefragt wurden, oder öffnen Sie den Link. Beide gelten {minutes}.",
            ],
            button: "Das ist meine Adresse",
        },
        LetterKind::EmailChange => Words {
            subject: "Ihre neue E-Mail-Adresse bei {realm}",
            paragraphs: &[
                "Das Konto {account} bei {realm} soll diese E-Mail-Adresse bekommen. Zeigen Sie, dass sie Ihre ist: Geben Sie diesen Code dort ein, wo Sie danach gefragt wurden, oder öffnen Sie den Link. Beide gelten {minutes}.",
            ],
            button: "Das ist meine Adresse",
        },
        LetterKind::EmailChangeBefore => Words {
            subject: "Eine andere E-Mail-Adresse für Ihr Konto bei {realm}?",
            paragraphs: &[
                "Jemand, der beim Konto {account} bei {realm} angemeldet ist, möchte statt dieser eine andere E-Mail-Adresse. Wenn Sie das sind, geben Sie diesen Code dort ein, wo Sie danach gefragt wurden, oder öffnen Sie den Link. Beide gelten {minutes}.",
                "Wenn nicht, tun Sie nichts und ändern Sie Ihr Passwort: Ohne Sie wird nichts geändert.",
            ],
            button: "Adresse ändern",
        },
        LetterKind::SignIn => Words {
            subject: "Ihr Code für {realm}",
            paragraphs: &[
                "Geben Sie diesen Code ein, um sich bei {realm} anzumelden. Er gilt {minutes}, in dem Fenster, in dem Sie danach gefragt wurden.",
            ],
            button: "Anmelden",
        },
        LetterKind::PasswordRecovery => Words {
            subject: "Ein neues Passwort bei {realm}",
            paragraphs: &[
                "Öffnen Sie den Link, um für das Konto {account} bei {realm} ein neues Passwort zu setzen. Er gilt einmal, {minutes} lang.",
            ],
            button: "Passwort setzen",
        },
        LetterKind::Registration => Words {
            subject: "Ihre Registrierung bei {realm}",
            paragraphs: &[
                "Um sich bei {realm} mit dieser E-Mail-Adresse zu registrieren, geben Sie diesen Code dort ein, wo Sie danach gefragt wurden, oder öffnen Sie den Link. Beide gelten {minutes}.",
            ],
            button: "Weiter",
        },
        LetterKind::Invitation => Words {
            subject: "Sie sind zu {realm} eingeladen",
            paragraphs: &[
                "Bei {realm} gibt es ein Konto für Sie: {account}. Öffnen Sie den Link, um ein Passwort dafür zu setzen. Er gilt einmal, {minutes} lang.",
            ],
            button: "Annehmen",
        },
    }
}
