//! The pages of a sign-in, one for each step. Rule protected: what is shown before the first proof tells nothing of
//! whether there is such a user; a secret is never filled in again.

use http::StatusCode;

use super::{Template, again};
use crate::words::{Message, Say};

/// Why a page of a sign-in is shown again. One wording for each reason; there is deliberately none for "unknown
/// user", "locked" or "disabled", which must all be told as [`SignInError::NotRecognised`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInError {
    /// The name and the password do not open an account, whatever the reason.
    NotRecognised,
    /// The code is not right, or was used before.
    WrongCode,
    /// The code that was mailed is not right, over, or was tried too often.
    WrongMailedCode,
    /// The code that was sent to a phone is not right, over, or was tried too often.
    WrongTextedCode,
    /// The passkey does not open the account, whatever the reason.
    WrongPasskey,
    /// The authenticator did not make sure who is there, which the realm asks of passkeys.
    PasskeyUnverified,
    /// The realm does not take this kind of passkey.
    PasskeyUnaccepted,
    /// The passkey could not be registered.
    PasskeyNotMade,
    /// What was asked for was left empty.
    Incomplete,
    /// Too many attempts, for this account or from this address, whether or not the account exists.
    TryLater {
        /// Seconds until another attempt is heard; the same number as in `Retry-After`.
        seconds: u64,
    },
    /// The server has no room to check a password just now.
    Busy {
        /// When to try again, in seconds; the same number as in `Retry-After`.
        seconds: u64,
    },
    /// The form was older than its flow, belonged to another browser or was sent twice.
    Stale,
    /// What an identity provider calls them is nobody's here.
    UnknownIdentity,
    /// It is another user's than the one who was to show it.
    OthersIdentity,
    /// There is a user with the address, and the identity is not theirs.
    KnownAddress,
    /// As many identities as there may be.
    TooManyIdentities,
    /// The provider does not tell what a user of this realm must have.
    ProviderTellsTooLittle,
    /// The person would not sign in at the provider.
    ProviderDeclined,
    /// What the provider says is not to be believed, or it will not say anything.
    ProviderFailed,
    /// The provider does not answer as it should.
    ProviderUnavailable,
}

impl SignInError {
    /// The heading of the error summary: the message's name.
    pub const fn title(self) -> &'static str {
        match self {
            Self::NotRecognised
            | Self::WrongCode
            | Self::WrongMailedCode
            | Self::WrongTextedCode
            | Self::WrongPasskey
            | Self::PasskeyUnverified
            | Self::PasskeyUnaccepted
            | Self::PasskeyNotMade
            | Self::OthersIdentity
            | Self::TooManyIdentities
            | Self::ProviderTellsTooLittle
            | Self::ProviderFailed
            | Self::ProviderUnavailable => "did-not-work",
            Self::UnknownIdentity => "unknown-identity",
            Self::KnownAddress => "known-address",
            Self::ProviderDeclined => "provider-declined",
            Self::Incomplete => "missing",
            Self::TryLater { .. } => "too-many",
            Self::Busy { .. } => "busy",
            Self::Stale => "stale",
        }
    }

    /// What the person can do about it, in a sentence or two.
    pub fn advice(self, say: &Say) -> Message<'_> {
        say.text(match self {
            Self::NotRecognised => "not-recognised",
            Self::WrongCode => "wrong-code",
            Self::WrongMailedCode => "wrong-mailed-code",
            Self::WrongTextedCode => "wrong-texted-code",
            Self::WrongPasskey => "wrong-passkey",
            Self::PasskeyUnverified => "passkey-unverified",
            Self::PasskeyUnaccepted => "passkey-unaccepted",
            Self::PasskeyNotMade => "passkey-not-made",
            Self::Incomplete => "missing-advice",
            Self::TryLater { seconds } => return say.wait(seconds),
            Self::Busy { .. } => "busy-advice",
            Self::UnknownIdentity => "unknown-identity-advice",
            Self::OthersIdentity => "others-identity",
            Self::KnownAddress => "known-address-advice",
            Self::TooManyIdentities => "too-many-identities",
            Self::ProviderTellsTooLittle => "provider-tells-too-little",
            Self::ProviderDeclined => "provider-declined-advice",
            Self::ProviderFailed => "provider-failed",
            Self::ProviderUnavailable => "provider-unavailable",
            Self::Stale => "stale-advice",
        })
    }

    /// The status of a page that tells it.
    pub fn status(self) -> StatusCode {
        match self {
            Self::NotRecognised
            | Self::WrongCode
            | Self::WrongMailedCode
            | Self::WrongTextedCode
            | Self::WrongPasskey
            | Self::UnknownIdentity
            | Self::KnownAddress
            | Self::ProviderFailed
            | Self::ProviderDeclined => StatusCode::UNAUTHORIZED,
            Self::Incomplete | Self::PasskeyUnverified | Self::PasskeyUnaccepted | Self::PasskeyNotMade => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::TryLater { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Stale => StatusCode::BAD_REQUEST,
            Self::OthersIdentity | Self::TooManyIdentities => StatusCode::CONFLICT,
            Self::ProviderTellsTooLittle => StatusCode::UNPROCESSABLE_ENTITY,
            Self::ProviderUnavailable => StatusCode::BAD_GATEWAY,
        }
    }

    /// When to try again, in seconds, where that is told.
    pub fn retry_after(self) -> Option<u64> {
        match self {
            Self::TryLater { seconds } | Self::Busy { seconds } => Some(seconds),
            Self::NotRecognised
            | Self::WrongCode
            | Self::WrongMailedCode
            | Self::WrongTextedCode
            | Self::WrongPasskey
            | Self::PasskeyUnverified
            | Self::PasskeyUnaccepted
            | Self::PasskeyNotMade
            | Self::Incomplete
            | Self::Stale
            | Self::UnknownIdentity
            | Self::OthersIdentity
            | Self::KnownAddress
            | Self::TooManyIdentities
            | Self::ProviderTellsTooLittle
            | Self::ProviderDeclined
            | Self::ProviderFailed
            | Self::ProviderUnavailable => None,
        }
    }

    /// Whether what was typed is to blame.
    pub fn blames_fields(self) -> bool {
        matches!(
            self,
            Self::NotRecognised
                | Self::WrongCode
                | Self::WrongMailedCode
                | Self::WrongTextedCode
                | Self::Incomplete
        )
    }
}

/// What every page of a sign-in has around it.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// How it speaks, and in whose name.
    pub say: &'a Say,
    /// The application that asked, by its registered name; `None` when the page was opened by itself.
    pub application_name: Option<&'a str>,
    /// Where the form is posted.
    pub action: &'a str,
    /// The progress of this sign-in, sealed; comes back as the field `flow`.
    pub flow: &'a str,
    /// Where "Cancel" leads: the application's redirect URI with `error=access_denied`, validated before.
    pub cancel_url: Option<&'a str>,
    /// The identity providers that are offered on this page.
    pub providers: &'a [ProviderLink],
    /// The identity provider that signs them in from then on, once they have shown who they are here.
    pub joining: Option<&'a str>,
}

/// Where one signs in at an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLink {
    /// What people know it as.
    pub name: String,
    /// Where it begins.
    pub href: String,
}

/// What letters are for, as far as it is offered beside a sign-in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Letters {
    /// Who has forgotten their password sets another.
    pub recovery: bool,
    /// People register themselves.
    pub registration: bool,
}

/// Another way of showing who one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WayIn {
    /// The method, as the field `use` names it.
    pub method: &'static str,
    /// What its button says: the message's name.
    pub label: &'static str,
}

/// Declares the page of a step: its own fields beside those that every page of a sign-in has.
macro_rules! steps {
    ($($(#[$doc:meta])* $page:ident in $path:literal { $($(#[$about:meta])* $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Template)]
        #[template(path = $path)]
        #[expect(clippy::allow_attributes, reason = "most pages show them")]
        #[allow(dead_code, reason = "not every page offers identity providers")]
        pub struct $page<'a> {
            say: &'a Say,
            application_name: Option<&'a str>,
            action: &'a str,
            flow: &'a str,
            cancel_url: Option<&'a str>,
            providers: &'a [ProviderLink],
            joining: Option<&'a str>,
            $($field: $type,)*
        }

        impl<'a> $page<'a> {
            /// The page.
            #[expect(clippy::allow_attributes, reason = "a page may have no field of its own")]
            #[allow(clippy::too_many_arguments, reason = "a page has as many fields as it shows")]
            pub fn new(around: Surroundings<'a>, $($(#[$about])* $field: $type,)*) -> Self {
                let Surroundings { say, application_name, action, flow, cancel_url, providers, joining } = around;
                Self { say, application_name, action, flow, cancel_url, providers, joining, $($field,)* }
            }

            /// Where the step is shown again, in another language.
            #[expect(clippy::allow_attributes, reason = "a page may be shown once")]
            #[allow(dead_code, reason = "a page may be shown once")]
            fn again(&self) -> String {
                again(self.action, "flow", self.flow)
            }
        }
    )*};
}

steps! {
    /// Asks who it is: posts `flow` and `username`; or `flow` and `passkey`, for which the script asks the browser with `passkey_options`.
    Identify in "identify.html" {
        username: &'a str,
        passkey_options: Option<&'a str>,
        letters: Letters,
        error: Option<SignInError>,
    }
    /// Asks for the password: posts `flow`, `username` (as it was typed, for password managers) and `password`.
    PasswordPage in "password.html" {
        username: &'a str,
        letters: Letters,
        others: &'a [WayIn],
        error: Option<SignInError>,
    }
    /// Asks for a passkey: posts `flow` and `passkey`, for which the script asks the browser with `passkey_options`.
    PasskeyPage in "passkey.html" {
        username: &'a str,
        passkey_options: &'a str,
        others: &'a [WayIn],
        error: Option<SignInError>,
    }
    /// Asks for a code: posts `flow` and `code`, or `recovery_code`; and `trust_device`, if it is not to be asked for here for so many days.
    OneTimeCode in "one_time_code.html" {
        username: &'a str,
        recovery: bool,
        trust_days: u64,
        others: &'a [WayIn],
        error: Option<SignInError>,
    }
    /// Asks for a code that was mailed: posts `flow` and `email_code`; or `flow` and `use`, for another letter.
    EmailCodePage in "email_code.html" {
        username: &'a str,
        others: &'a [WayIn],
        error: Option<SignInError>,
    }
    /// Asks for a code that was sent to a phone, of whose number the end is shown: posts `flow` and `sms_code`, and `trust_device`, if it is
    /// not to be asked for here for so many days; or `flow` and `use`, for another message.
    TextCodePage in "text_code.html" {
        ending: &'a str,
        trust_days: u64,
        others: &'a [WayIn],
        error: Option<SignInError>,
    }
    /// Enrols a device: posts `flow`, `code` and `device_name`; or `flow` and `decline`.
    EnrolTotpPage in "enrol_totp.html" {
        qr_svg: &'a str,
        uri: &'a str,
        secret: &'a str,
        others: &'a [WayIn],
        may_decline: bool,
        error: Option<SignInError>,
    }
    /// Registers a passkey: posts `flow`, `passkey` and `device_name`; or `flow` and `decline`.
    EnrolPasskeyPage in "enrol_passkey.html" {
        passkey_options: &'a str,
        others: &'a [WayIn],
        may_decline: bool,
        error: Option<SignInError>,
    }
    /// Offers the identity providers: links.
    FederatedPage in "federated.html" {
        others: &'a [WayIn],
        error: Option<SignInError>,
    }
    /// Offers the identity providers to who is signed in: links; or posts `flow` and `decline`.
    AddIdentityPage in "add_identity.html" {
        may_decline: bool,
        error: Option<SignInError>,
    }
    /// Shows recovery codes, once: posts `flow`.
    RecoveryCodesPage in "recovery_codes.html" {
        codes: &'a [&'a str],
    }
    /// All was proven: posts `flow`.
    GoOn in "go_on.html" {}
}
