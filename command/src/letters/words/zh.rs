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
    asked_closing: &["如果不是您本人的请求，则无需处理。无论谁索要，都不要将代码或链接告诉他人。"],
    minutes: |count| format!("{count} 分钟"),
    hours: |count| format!("{count} 小时"),
    days: |count| format!("{count} 天"),
    taken: Words::notice(
        "您在 {realm} 已有帐户",
        &[
            "有人（也许是您）想用此地址在 {realm} 开设帐户。此地址已有帐户：请用它登录。",
            "如果忘记了密码，请在登录页面重新设置。如果不是您本人，则无需处理。",
        ],
    ),
};

const fn of(kind: LetterKind) -> Words {
    match kind {
        LetterKind::PasswordChanged => Words::notice(
            "您在 {realm} 的密码已更改",
            &["{realm} 的帐户 {account} 的密码已于 {when} 更改。此前的所有会话均已结束。"],
        ),
        LetterKind::EmailChanged => Words::notice(
            "您在 {realm} 的电子邮件地址已更改",
            &["{realm} 的帐户 {account} 自 {when} 起使用另一个电子邮件地址。此地址不再用于该帐户。"],
        ),
        LetterKind::TotpAdded => Words::notice(
            "{realm}：已添加身份验证器应用",
            &["已于 {when} 为 {realm} 的帐户 {account} 添加身份验证器应用。"],
        ),
        LetterKind::TotpRemoved => Words::notice(
            "{realm}：已移除身份验证器应用",
            &["已于 {when} 从 {realm} 的帐户 {account} 移除身份验证器应用。"],
        ),
        LetterKind::PasskeyAdded => Words::notice(
            "{realm}：已添加通行密钥",
            &["已于 {when} 为 {realm} 的帐户 {account} 添加通行密钥。"],
        ),
        LetterKind::PasskeyRemoved => Words::notice(
            "{realm}：已移除通行密钥",
            &["已于 {when} 从 {realm} 的帐户 {account} 移除通行密钥。"],
        ),
        LetterKind::RecoveryCodesMade => Words::notice(
            "{realm}：新的恢复代码",
            &["已于 {when} 为 {realm} 的帐户 {account} 生成恢复代码。此前的代码不再有效。"],
        ),
        LetterKind::RecoveryCodesRemoved => Words::notice(
            "您在 {realm} 的恢复代码已移除",
            &["{realm} 的帐户 {account} 的恢复代码已于 {when} 移除。"],
        ),
        LetterKind::EmailVerification => Words {
            subject: "这是您的电子邮件地址吗？{realm}",
            paragraphs: &[
                "请确认这是 {realm} 的帐户 {account} 的电子邮件地址：在要求输入的地方输入此代码，或打开链接。两者在 {minutes} 内有效。",
            ],
            button: "这是我的地址",
        },
        LetterKind::EmailChange => Words {
            subject: "您在 {realm} 的新电子邮件地址",
            paragraphs: &[
                "{realm} 的帐户 {account} 将使用此电子邮件地址。请确认它是您的：在要求输入的地方输入此代码，或打开链接。两者在 {minutes} 内有效。",
            ],
            button: "这是我的地址",
        },
        LetterKind::EmailChangeBefore => Words {
            subject: "要更改您在 {realm} 的电子邮件地址吗？",
            paragraphs: &[
                "登录 {realm} 帐户 {account} 的人想用另一个电子邮件地址代替此地址。如果是您，请在要求输入的地方输入此代码，或打开链接。两者在 {minutes} 内有效。",
                "如果不是您，请不要操作，并更改密码：没有您的同意，什么都不会改变。",
            ],
            button: "更改地址",
        },
        LetterKind::SignIn => Words {
            subject: "您的 {realm} 代码",
            paragraphs: &["输入此代码以登录 {realm}。它在 {minutes} 内、在您请求它的窗口中有效。"],
            button: "登录",
        },
        LetterKind::PasswordRecovery => Words {
            subject: "在 {realm} 设置新密码",
            paragraphs: &[
                "打开链接，为 {realm} 的帐户 {account} 设置新密码。链接只能使用一次，{minutes} 内有效。",
            ],
            button: "设置密码",
        },
        LetterKind::Registration => Words {
            subject: "您在 {realm} 的注册",
            paragraphs: &[
                "要用此电子邮件地址在 {realm} 注册，请在要求输入的地方输入此代码，或打开链接。两者在 {minutes} 内有效。",
            ],
            button: "继续",
        },
        LetterKind::Invitation => Words {
            subject: "邀请您加入 {realm}",
            paragraphs: &[
                "{realm} 有为您准备的帐户：{account}。打开链接为它设置密码。链接只能使用一次，{minutes} 内有效。",
            ],
            button: "接受",
        },
    }
}
