//! Twilio's Messages API (`POST /2010-04-01/Accounts/{sid}/Messages.json`). The rules: what the status of HTTP and the code of the answer mean
//! is decided here alone; a code that is not known is not tried again, for a message too few costs less than an account that is drained.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use outbound::{Answered, Outbound, OutboundError};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::{Accepted, Message, Messenger, Number, SendError, TEXT};

/// Where Twilio's API is.
pub const URL: &str = "https://api.twilio.com";
/// So much of an answer is read, in bytes: a message is told of in one or two thousand.
const ANSWER: usize = 32 * 1024;
/// How long Twilio keeps a message in its queue at most, in seconds.
const LONGEST: u32 = 36_000;

/// Who is asking.
#[derive(Clone, Debug)]
pub struct Access {
    /// The account, `AC` and 32 hexadecimal digits.
    pub account: String,
    /// The API key's name, `SK` and 32 hexadecimal digits; without one `secret` is the account's token.
    pub key: Option<String>,
    /// The key's secret, or the account's token.
    pub secret: SecretString,
}

/// Whom messages are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A number, a short code or a name of the account's.
    From(String),
    /// A messaging service, `MG` and 32 hexadecimal digits, which chooses the number.
    Service(String),
}

/// Settings that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The account is not one.
    #[error("the account must be AC and 32 hexadecimal digits")]
    Account,
    /// The API key is not one.
    #[error("the API key must be SK and 32 hexadecimal digits")]
    Key,
    /// There is no secret, or it cannot be sent.
    #[error("the secret must be text of ASCII")]
    Secret,
    /// The sender is neither a number, nor a short code, nor a name, nor a messaging service.
    #[error(
        "the sender must be a number, a short code, a name of at most 11 letters and digits, or MG and 32 hexadecimal digits"
    )]
    Sender,
    /// The URL cannot have paths put below it.
    #[error("the URL must be http or https, without user, query and fragment")]
    Url,
}

impl std::str::FromStr for Sender {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        if is_sid("MG", text) {
            return Ok(Self::Service(text.to_owned()));
        }
        let is_short_code = (3..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_name = (1..=11).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b' ')
            && text.bytes().any(|byte| byte.is_ascii_alphabetic());
        if is_short_code || is_name || text.parse::<Number>().is_ok() {
            return Ok(Self::From(text.to_owned()));
        }
        Err(SettingsError::Sender)
    }
}

/// Whether a text names a thing of Twilio's of a kind.
pub(crate) fn is_sid(kind: &str, text: &str) -> bool {
    text.strip_prefix(kind).is_some_and(|digits| {
        digits.len() == 32
            && digits
                .bytes()
                .all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
    })
}

/// Sends messages by Twilio.
#[derive(Clone)]
pub struct Twilio {
    client: Outbound,
    messages: Url,
    authorization: HeaderValue,
    sender: Sender,
}

impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twilio")
            .field("messages", &self.messages.as_str())
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

impl Twilio {
    /// Over a client, which says where requests may go. The URL is [`URL`] but where something stands before it.
    pub fn new(client: Outbound, url: &Url, access: &Access, sender: Sender) -> Result<Self, SettingsError> {
        let (messages, authorization) = Self::asked(url, access)?;
        Ok(Self {
            client,
            messages,
            authorization,
            sender,
        })
    }

    /// Whether these can be right.
    pub fn check(url: &Url, access: &Access) -> Result<(), SettingsError> {
        Self::asked(url, access).map(|_| ())
    }

    /// What is asked for, and as whom.
    fn asked(url: &Url, access: &Access) -> Result<(Url, HeaderValue), SettingsError> {
        if !is_sid("AC", &access.account) {
            return Err(SettingsError::Account);
        }
        let user = access.key.as_deref().unwrap_or(&access.account);
        if access.key.is_some() && !is_sid("SK", user) {
            return Err(SettingsError::Key);
        }
        let secret = access.secret.expose_secret();
        if secret.is_empty() || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(SettingsError::Secret);
        }
        let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")));
        let mut authorization = HeaderValue::try_from(basic).map_err(|_| SettingsError::Secret)?;
        authorization.set_sensitive(true);
        Ok((messages(url, &access.account)?, authorization))
    }

    fn form(&self, message: &Message<'_>) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("To", message.to.as_str());
        match &self.sender {
            Sender::From(from) => form.append_pair("From", from),
            Sender::Service(service) => form.append_pair("MessagingServiceSid", service),
        };
        form.append_pair("Body", message.text);
        form.append_pair("ValidityPeriod", &message.seconds.clamp(1, LONGEST).to_string());
        if let Some(callback) = message.callback {
            form.append_pair("StatusCallback", callback.as_str());
        }
        form.finish()
    }
}

fn messages(url: &Url, account: &str) -> Result<Url, SettingsError> {
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_plain {
        return Err(SettingsError::Url);
    }
    let mut messages = url.clone();
    messages
        .path_segments_mut()
        .map_err(|()| SettingsError::Url)?
        .pop_if_empty()
        .extend(["2010-04-01", "Accounts", account, "Messages.json"]);
    Ok(messages)
}

#[async_trait]
impl Messenger for Twilio {
    async fn send(&self, message: &Message<'_>) -> Result<Accepted, SendError> {
        if message.text.is_empty() {
            return Err(SendError::Message("says nothing"));
        }
        if message.text.chars().count() > TEXT {
            return Err(SendError::Message("is too long"));
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
        let answered = self
            .client
            .post_form(&self.messages, self.form(message), headers, ANSWER)
            .await
            .map_err(|error| no_answer(&error))?;
        read(&answered)
    }
}

/// What is read of an answer: a message, or why there is none.
#[derive(Default, Deserialize)]
struct Told {
    sid: Option<String>,
    code: Option<u32>,
    error_code: Option<u32>,
}

fn read(answered: &Answered) -> Result<Accepted, SendError> {
    let told: Option<Told> = serde_json::from_slice(&answered.body).ok();
    if answered.status.is_success() {
        let told = told.unwrap_or_default();
        if let Some(code) = told.error_code {
            return Err(meaning(code));
        }
        return match told.sid.filter(|sid| is_sid("SM", sid) || is_sid("MM", sid)) {
            Some(id) => Ok(Accepted { id }),
            None => Err(SendError::Configuration(
                "what answers is not Twilio's API".to_owned(),
            )),
        };
    }
    Err(refusal(
        answered.status,
        told.unwrap_or_default().code,
        answered.retry_after,
    ))
}

/// What a status means, and the code beside it.
fn refusal(status: StatusCode, code: Option<u32>, after: Option<Duration>) -> SendError {
    match status {
        StatusCode::TOO_MANY_REQUESTS => SendError::Temporary {
            what: "Twilio is asked too often",
            after,
        },
        StatusCode::REQUEST_TIMEOUT => SendError::Temporary {
            what: "Twilio took too long",
            after,
        },
        _ if status.is_server_error() => SendError::Temporary {
            what: "Twilio is away or busy",
            after,
        },
        StatusCode::UNAUTHORIZED => {
            SendError::Configuration("Twilio refuses the account and its secret".to_owned())
        }
        _ => match code.map(meaning) {
            // Of a message that was not taken it is known when to come again.
            Some(SendError::Temporary { what, .. }) => SendError::Temporary { what, after },
            Some(error) => error,
            None => {
                SendError::Configuration(format!("what answers is not Twilio's API ({})", status.as_u16()))
            }
        },
    }
}

/// What a code of Twilio's means, of a request or of a message on its way.
pub(crate) fn meaning(code: u32) -> SendError {
    let temporary = |what| SendError::Temporary { what, after: None };
    let configuration = |what: &str| SendError::Configuration(format!("{what} ({code})"));
    match code {
        14_107 | 20_429 | 21_611 | 30_001 | 30_022 => temporary("Twilio's queue is full"),
        30_003 => temporary("the phone is off or out of reach"),
        21_211 | 21_217 | 21_265 | 21_401 | 21_421 | 21_612 | 21_614 | 21_635 | 30_005 | 30_006 => {
            SendError::Number(code)
        }
        21_610 | 30_004 => SendError::OptedOut(code),
        21_215 | 21_408 | 30_450 => SendError::Region(code),
        20_003 | 20_005 | 20_008 | 30_002 => configuration("Twilio refuses the account"),
        20_404 => configuration("Twilio does not know the account"),
        21_212 | 21_603 | 21_606 | 21_607 | 21_659 | 21_660 | 21_661 | 21_701 | 21_703 | 21_704 | 21_705 => {
            configuration("Twilio refuses the sender")
        }
        21_608 => configuration("the account of a trial sends to numbers alone that it verified"),
        21_609 => configuration("Twilio does not take the URL for its reports"),
        21_602 => SendError::Message("says nothing"),
        21_605 | 21_617 => SendError::Message("is too long"),
        _ => SendError::Refused(code),
    }
}

/// What it means that there was no answer.
fn no_answer(error: &OutboundError) -> SendError {
    let temporary = |what| SendError::Temporary { what, after: None };
    match error {
        OutboundError::Unreachable => temporary("Twilio cannot be reached"),
        OutboundError::TimedOut => temporary("Twilio took too long"),
        OutboundError::Broken => temporary("the connection to Twilio broke off"),
        OutboundError::Url(_)
        | OutboundError::NotHttps
        | OutboundError::Refused
        | OutboundError::Tls(_)
        | OutboundError::Redirect
        | OutboundError::Status(_)
        | OutboundError::TooLarge
        | OutboundError::Compressed => {
            SendError::Configuration(format!("Twilio is not where its URL says: {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_a_number_a_short_code_a_name_or_a_service() {
        for from in ["+15005550006", "12345", "Acme Ltd"] {
            assert_eq!(from.parse(), Ok(Sender::From(from.to_owned())));
        }
        let service = "MG0123456789abcdef0123456789abcdef";
        assert_eq!(service.parse(), Ok(Sender::Service(service.to_owned())));
        for wrong in ["", "12", "Acme Limited plc", "Zoë", "+1500", "a&To=b"] {
            assert_eq!(wrong.parse::<Sender>(), Err(SettingsError::Sender), "{wrong}");
        }
    }

    #[test]
    fn paths_go_below_the_url() {
        let below = |url: &str| messages(&url.parse().unwrap(), "AC1").map(String::from);
        let path = "2010-04-01/Accounts/AC1/Messages.json";
        assert_eq!(below(URL), Ok(format!("{URL}/{path}")));
        assert_eq!(
            below("http://sms.example/api/"),
            Ok(format!("http://sms.example/api/{path}"))
        );
        for wrong in [
            "https://u:p@sms.example",
            "https://sms.example?x",
            "ftp://sms.example",
            "data:x",
        ] {
            assert_eq!(below(wrong), Err(SettingsError::Url), "{wrong}");
        }
    }
}
