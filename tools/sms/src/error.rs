//! Why a message was not sent, or did not arrive. The rule: it says whether trying again can help, and for whom it failed; the provider's
//! own words are not repeated, for they often repeat the number.

use std::time::Duration;

/// Why a message was not sent, or did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It may go through later: the provider or the phone is away or busy.
    #[error("{what}; it may go through later")]
    Temporary {
        /// What is the matter.
        what: &'static str,
        /// When the provider wants to be asked again, where it says so.
        after: Option<Duration>,
    },
    /// No message reaches this number: there is none, or it is a landline.
    #[error("no message reaches this number ({0})")]
    Number(u32),
    /// Whoever has the number takes no messages from this sender.
    #[error("the number takes no messages from this sender ({0})")]
    OptedOut(u32),
    /// The account may not send to the number's country.
    #[error("the account may not send to the country of this number ({0})")]
    Region(u32),
    /// It will go through to nobody until an operator changes something: credentials, the sender, the provider's URL.
    #[error("{0}; the configuration must be changed")]
    Configuration(String),
    /// The provider does not take or deliver this message, by this code of its own.
    #[error("the provider refuses the message ({0})")]
    Refused(u32),
    /// The message cannot be sent as it is.
    #[error("the message {0}")]
    Message(&'static str),
}

impl SendError {
    /// A word for metrics and events.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Temporary { .. } => "temporary",
            Self::Number(_) => "number",
            Self::OptedOut(_) => "opted_out",
            Self::Region(_) => "region",
            Self::Configuration(_) => "configuration",
            Self::Refused(_) => "refused",
            Self::Message(_) => "message",
        }
    }

    /// Whether the same message may go through at another time without anybody changing anything.
    pub const fn is_worth_another_try(&self) -> bool {
        matches!(self, Self::Temporary { .. })
    }
}
