//! Why an outbound request brought nothing: each cause apart, and none of them tells more of the address than was asked.
//! The rule: what is said here reaches administrators of tenants, so no address, no URL and no body stands in it.

use std::{error::Error, io};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The URL cannot be asked for at all.
    #[error("the URL {0}")]
    Url(&'static str),
    /// It is not https, which the configuration asks for.
    #[error("the URL is not https")]
    NotHttps,
    /// It leads to an address that is not public and not allowed.
    #[error("the host is not on the public network, and the configuration does not allow it")]
    Refused,
    /// The name is unknown, or nobody takes the connection.
    #[error("the host cannot be reached")]
    Unreachable,
    /// It took too long to connect or to answer.
    #[error("the host took too long")]
    TimedOut,
    /// The other side's certificate is not trusted, or TLS failed otherwise.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The answer is a redirect, which is not followed.
    #[error("the answer is a redirect, which is not followed")]
    Redirect,
    /// The answer has another status than 200.
    #[error("the answer has status {0}")]
    Status(u16),
    /// The answer is larger than what was asked for may be.
    #[error("the answer is too large")]
    TooLarge,
    /// The answer is compressed, though that was not offered.
    #[error("the answer is compressed")]
    Compressed,
    /// The answer is not HTTP, or ended too early.
    #[error("the answer is not complete HTTP")]
    Broken,
}

impl From<reqwest::Error> for OutboundError {
    fn from(error: reqwest::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(at) = cause {
            if let Some(ours) = at.downcast_ref::<Self>() {
                return ours.clone();
            }
            if let Some(tls) = tls(at) {
                return Self::Tls(tls.to_string());
            }
            cause = at.source();
        }
        if error.is_timeout() {
            Self::TimedOut
        } else if error.is_connect() {
            Self::Unreachable
        } else {
            Self::Broken
        }
    }
}

/// What TLS says, which lies within errors of I/O.
fn tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut within = error;
    while let Some(inner) = within.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        within = inner;
    }
    within.downcast_ref()
}
