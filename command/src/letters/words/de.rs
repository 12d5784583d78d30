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
};

const fn of(kind: LetterKind) -> Words {
    match kind {
        LetterKind::PasswordChanged => Words {
            subject: "Ihr Passwort bei {realm} wurde geändert",
            paragraphs: &[
                "Das Passwort des Kontos {account} bei {realm} wurde am {when} geändert. Alle früheren Sitzungen sind beendet.",
            ],
        },
        LetterKind::EmailChanged => Words {
            subject: "Ihre E-Mail-Adresse bei {realm} wurde geändert",
            paragraphs: &[
                "Das Konto {account} bei {realm} hat seit {when} eine andere E-Mail-Adresse. Diese hier wird dafür nicht mehr benutzt.",
            ],
        },
        LetterKind::TotpAdded => Words {
            subject: "Eine Authenticator-App wurde bei {realm} hinzugefügt",
            paragraphs: &[
                "Dem Konto {account} bei {realm} wurde am {when} eine Authenticator-App hinzugefügt.",
            ],
        },
        LetterKind::TotpRemoved => Words {
            subject: "Eine Authenticator-App wurde bei {realm} entfernt",
            paragraphs: &["Vom Konto {account} bei {realm} wurde am {when} eine Authenticator-App entfernt."],
        },
        LetterKind::PasskeyAdded => Words {
            subject: "Ein Passkey wurde bei {realm} hinzugefügt",
            paragraphs: &["Dem Konto {account} bei {realm} wurde am {when} ein Passkey hinzugefügt."],
        },
        LetterKind::PasskeyRemoved => Words {
            subject: "Ein Passkey wurde bei {realm} entfernt",
            paragraphs: &["Vom Konto {account} bei {realm} wurde am {when} ein Passkey entfernt."],
        },
        LetterKind::RecoveryCodesMade => Words {
            subject: "Neue Wiederherstellungscodes bei {realm}",
            paragraphs: &[
                "Für das Konto {account} bei {realm} wurden am {when} Wiederherstellungscodes erstellt. Frühere gelten nicht mehr.",
            ],
        },
        LetterKind::RecoveryCodesRemoved => Words {
            subject: "Ihre Wiederherstellungscodes bei {realm} wurden entfernt",
            paragraphs: &[
                "Die Wiederherstellungscodes des Kontos {account} bei {realm} wurden am {when} entfernt.",
            ],
        },
    }
}
