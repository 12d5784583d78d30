//! Why a letter was not sent. The rule: it says whether trying again can help, and for whom it failed; the server's own words
//! are not repeated, for they often repeat the address.

use lettre::transport::smtp::Error;

/// Why a letter was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It may go through later: the server is away, busy, or wants to be asked again (4yz, RFC 5321, 4.2.1).
    #[error("{0}; it may go through later")]
    Temporary(String),
    /// It will not go through to this recipient: there is no such mailbox, or it takes no such letter (5yz).
    #[error("{0}; it will not go through")]
    Recipient(String),
    /// It will go through to nobody until an operator changes something: TLS, credentials, the sender's address.
    #[error("{0}; the configuration must be changed")]
    Configuration(String),
    /// The letter cannot be written.
    #[error("the letter cannot be written: {0}")]
    Letter(String),
}

impl SendError {
    /// A word for metrics and events.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Temporary(_) => "temporary",
            Self::Recipient(_) => "recipient",
            Self::Configuration(_) => "configuration",
            Self::Letter(_) => "letter",
        }
    }

    /// Whether the same letter may go through at another time.
    pub const fn is_worth_another_try(&self) -> bool {
        matches!(self, Self::Temporary(_) | Self::Configuration(_))
    }
}

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Connect,
    Encrypt,
    SignIn,
    Sender,
    Recipient,
    Content,
}

/// What an error of the library means at a step.
pub(crate) fn told(step: Step, error: &Error) -> SendError {
    let code = error.status().map(u16::from);
    let text = match (step, code) {
        (Step::Connect, Some(code)) => format!("the mail server does not talk to us ({code})"),
        (Step::Connect, None) => "the mail server cannot be reached".to_owned(),
        (Step::Encrypt, _) => "the connection to the mail server cannot be encrypted".to_owned(),
        (Step::SignIn, Some(code)) => format!("the mail server refuses the user name and password ({code})"),
        (Step::SignIn, None) => "the mail server does not take the user name and password".to_owned(),
        (Step::Sender, Some(code)) => format!("the mail server refuses the sender ({code})"),
        (Step::Recipient, Some(code)) => format!("the mail server refuses the recipient ({code})"),
        (Step::Content, Some(code)) => format!("the mail server refuses the letter ({code})"),
        (Step::Sender | Step::Recipient | Step::Content, None) => {
            "the connection to the mail server broke off".to_owned()
        }
    };
    if error.is_tls() || broke_tls(error) {
        return SendError::Configuration(
            "the mail server's certificate or TLS is not as it must be".to_owned(),
        );
    }
    // What the library itself refuses (no mechanism in common, say) no waiting helps.
    let for_good = error.is_permanent() || error.is_client();
    match step {
        _ if !for_good => SendError::Temporary(text),
        Step::Connect | Step::Encrypt | Step::SignIn | Step::Sender => SendError::Configuration(text),
        // 530 and 550 to 554 are about this mailbox or letter; that the server wants authentication first is about us.
        Step::Recipient | Step::Content if code == Some(530) => SendError::Configuration(text),
        Step::Recipient | Step::Content => SendError::Recipient(text),
    }
}

/// Whether TLS itself failed: a certificate that is not believed, no version in common. The library tells it as a failed
/// connection, with rustls' error in an I/O error of this kind.
fn broke_tls(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::InvalidData;
        }
        source = cause.source();
    }
    false
}
