//! Chinese, simplified.

use events::letters::LetterKind;

use super::{Language, Words};

pub const LANGUAGE: Language = Language {
    tag: "zh-Hans",
    of,
    notice_closing: &[
        "如果是您本人操作，则无需处理。",
        "如果不是，可能有人进入了您的帐户：请更改密码，并告知 {realm} 的管理人员。",
    ],
};

const fn of(kind: LetterKind) -> Words {
    match kind {
        LetterKind::PasswordChanged => Words {
            subject: "您在 {realm} 的密码已更改",
            paragraphs: &["{realm} 的帐户 {account} 的密码已于 {when} 更改。此前的所有会话均已结束。"],
        },
        LetterKind::EmailChanged => Words {
            subject: "您在 {realm} 的电子邮件地址已更改",
            paragraphs: &[
                "{realm} 的帐户 {account} 自 {when} 起使用另一个电子邮件地址。此地址不再用于该帐户。",
            ],
        },
        LetterKind::TotpAdded => Words {
            subject: "{realm}：已添加身份验证器应用",
            paragraphs: &["已于 {when} 为 {realm} 的帐户 {account} 添加身份验证器应用。"],
        },
        LetterKind::TotpRemoved => Words {
            subject: "{realm}：已移除身份验证器应用",
            paragraphs: &["已于 {when} 从 {realm} 的帐户 {account} 移除身份验证器应用。"],
        },
        LetterKind::PasskeyAdded => Words {
            subject: "{realm}：已添加通行密钥",
            paragraphs: &["已于 {when} 为 {realm} 的帐户 {account} 添加通行密钥。"],
        },
        LetterKind::PasskeyRemoved => Words {
            subject: "{realm}：已移除通行密钥",
            paragraphs: &["已于 {when} 从 {realm} 的帐户 {account} 移除通行密钥。"],
        },
        LetterKind::RecoveryCodesMade => Words {
            subject: "{realm}：新的恢复代码",
            paragraphs: &["已于 {when} 为 {realm} 的帐户 {account} 生成恢复代码。此前的代码不再有效。"],
        },
        LetterKind::RecoveryCodesRemoved => Words {
            subject: "您在 {realm} 的恢复代码已移除",
            paragraphs: &["{realm} 的帐户 {account} 的恢复代码已于 {when} 移除。"],
        },
    }
}
