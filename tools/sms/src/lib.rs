//! Text messages to phones: one message to one number, by Twilio's Messages API or whatever else is a [`Messenger`].
//!
//! | module | what it is |
//! | --- | --- |
//! | [`number`] | phone numbers that can be sent to |
//! | [`twilio`] | Twilio's API behind the port |
//! | [`callback`] | what Twilio tells later of a message, by requests that it signs |
//! | `error` | why a message was not sent, and whether to try again |
//!
//! The rule: whoever is told of an error knows whether trying again can help and for whom it failed; neither a number nor what a
//! message says stands in an error, in `Debug` or in a URL; nothing is believed of a message unless its provider signed it.

pub mod callback;
mod error;
pub mod number;
pub mod twilio;

use std::fmt;

use async_trait::async_trait;
use url::Url;

pub use callback::{CallbackError, Report, State};
pub use error::SendError;
pub use number::{Number, NumberError};
pub use twilio::{Access, Sender, SettingsError, Twilio};

/// The longest text of a message, in characters: what Twilio takes.
pub const TEXT: usize = 1_600;

/// One message to one phone.
#[derive(Clone)]
pub struct Message<'a> {
    /// To whom.
    pub to: &'a Number,
    /// What it says, at most [`TEXT`] characters.
    pub text: &'a str,
    /// For how many seconds it is of use: a provider that queues it longer drops it.
    pub seconds: u32,
    /// Where the provider tells what became of it.
    pub callback: Option<&'a Url>,
}

/// Shows neither the number nor the text, for that is mostly a code.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("seconds", &self.seconds)
            .finish_non_exhaustive()
    }
}

/// A message that a provider took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// By what the provider names it; its reports say the same.
    pub id: String,
}

/// Who sends messages.
#[async_trait]
pub trait Messenger: fmt::Debug + Send + Sync {
    /// Sends a message. When this returns the provider has taken it, or has not; after [`SendError::Temporary`] that may be
    /// open, and whoever sends the same again may have it arrive twice.
    async fn send(&self, message: &Message<'_>) -> Result<Accepted, SendError>;
}
