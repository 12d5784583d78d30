//! Why a provider's sign-in does not count. The rule: the person hears what they can do, the administrator what is wrong (in the server's
//! log, under the request's id), and the realm's log that it was tried; nothing that the provider sent is repeated.

use events::{auth::LoginFailure, kernel::KernelError};
use outbound::OutboundError;

use crate::auth::pages::SignInError;

/// Why a provider's sign-in does not count.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The provider did not answer, or not as it should.
    #[error("the provider's {0}: {1}")]
    Outage(&'static str, OutboundError),
    /// What it says of itself, or how it answers, is not after the standard.
    #[error("the provider's {0}")]
    Malformed(&'static str),
    /// It answered the sign-in with this error.
    #[error("the provider answered {0}")]
    Declined(Declined),
    /// It does not take the code, or does not know the realm.
    #[error("the provider's token endpoint answered {0} ({1})")]
    NotExchanged(u16, String),
    /// What it says of the person is not to be believed.
    #[error("the provider's answer is not to be believed: {0}")]
    Untrusted(&'static str),
    /// The log or the keys could not be asked.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

/// An error of an authorization response (RFC 6749, section 4.1.2.1; OpenID Connect Core, section 3.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    /// The person would not.
    #[error("access_denied")]
    ByPerson,
    /// The provider cannot just now.
    #[error("that it cannot now")]
    NotNow,
    /// Anything else.
    #[error("that it will not")]
    Otherwise,
}

impl Declined {
    /// What this code says.
    pub fn of(error: &str) -> Self {
        match error {
            "access_denied" | "user_cancelled_login" | "user_cancelled_authorize" => Self::ByPerson,
            "server_error" | "temporarily_unavailable" => Self::NotNow,
            _ => Self::Otherwise,
        }
    }
}

impl Trouble {
    /// What the person is told.
    pub const fn told(&self) -> SignInError {
        match self {
            Self::Outage(..) | Self::Malformed(_) | Self::Declined(Declined::NotNow) | Self::Kernel(_) => {
                SignInError::ProviderUnavailable
            }
            Self::Declined(Declined::ByPerson) => SignInError::ProviderDeclined,
            Self::Declined(Declined::Otherwise) | Self::NotExchanged(..) | Self::Untrusted(_) => {
                SignInError::ProviderFailed
            }
        }
    }

    /// What the realm's log is told, if it is told anything: who goes back has not failed.
    pub const fn recorded(&self) -> Option<LoginFailure> {
        match self {
            Self::Declined(Declined::ByPerson) | Self::Kernel(_) => None,
            Self::Outage(..) | Self::Malformed(_) | Self::Declined(_) => Some(LoginFailure::ProviderFailed),
            Self::NotExchanged(..) | Self::Untrusted(_) => Some(LoginFailure::UntrustedProvider),
        }
    }
}
