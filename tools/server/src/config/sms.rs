//! Who sends text messages. The rule: without an account nothing is sent and nothing offers it; half of one is refused, and so is one whose
//! secret would go over a network in the clear.

use std::{path::Path, sync::Arc};

use ::sms::{Access, Sender, SettingsError, Twilio, twilio};
use command::reactors::Texts;
use outbound::{Network, Outbound, Settings};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Secret, check::has_loopback_host, mail::Fault, optional};

/// How text messages are sent: by Twilio.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sms {
    /// The account, `AC…`. Left out, nothing is sent.
    pub account: Option<String>,
    /// The name of an API key, `SK…`; left out, `secret` is the account's token.
    pub key: Option<String>,
    /// The key's secret, or the account's token.
    pub secret: Option<Secret>,
    /// Whom messages are from: a number, a short code, a name, or a messaging service, `MG…`.
    pub from: Option<String>,
    /// The account's token, under which Twilio signs what it tells of messages; left out where there is no `key`, it is `secret`.
    pub token: Option<Secret>,
    /// Whether Twilio is asked to tell what becomes of messages; left out, it is where there is a token and the public URL is https.
    #[serde(deserialize_with = "optional")]
    pub reports: Option<bool>,
    /// Where Twilio's API is, if something stands before it.
    pub url: Option<Url>,
    /// The beginnings of numbers that anything is sent to (`+41`, `+4930`). Left out: of all.
    pub countries: Vec<String>,
}

impl Sms {
    /// Whether there is an account.
    pub fn is_given(&self) -> bool {
        self.account.is_some()
    }

    fn api(&self) -> Result<Url, Fault> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => twilio::URL.parse().map_err(|_| fault("sms.url", "is no URL"))?,
        };
        if url.scheme() != "https" && !has_loopback_host(&url) {
            return Err(fault("sms.url", "must be https, but on this machine"));
        }
        Ok(url)
    }

    /// What is needed to send, if it is given.
    pub fn read(&self) -> Result<Option<(Url, Access, Sender)>, Fault> {
        let is_beginning = |text: &String| {
            let digits = text.strip_prefix('+').unwrap_or_default();
            (1..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
        };
        if !self.countries.iter().all(is_beginning) {
            return Err(fault("sms.countries", "is a list of + and digits: +41,+49"));
        }
        match (&self.account, &self.secret, &self.from) {
            (None, None, None) if self.key.is_none() && self.token.is_none() => Ok(None),
            (Some(_), Some(_), Some(_))
                if self.reports == Some(true) && self.key.is_some() && self.token.is_none() =>
            {
                Err(fault(
                    "sms.token",
                    "is needed for reports, which are not signed with an API key",
                ))
            }
            (Some(account), Some(secret), Some(from)) => {
                let access = Access {
                    account: account.clone(),
                    key: self.key.clone(),
                    secret: secret.secret(),
                };
                let from = from
                    .parse()
                    .map_err(|error: SettingsError| fault("sms.from", &error.to_string()))?;
                let url = self.api()?;
                Twilio::check(&url, &access).map_err(|error| fault(key(error), &error.to_string()))?;
                Ok(Some((url, access, from)))
            }
            _ => Err(fault("sms", "account, secret and from go together")),
        }
    }

    /// Under what Twilio signs what it tells, where it is asked to tell anything.
    pub fn reports(&self, public_url: &str) -> Option<SecretString> {
        let secret = self.secret.as_ref().filter(|_| self.key.is_none());
        let token = self.token.as_ref().or(secret)?;
        let are_asked_for = self.reports.unwrap_or_else(|| public_url.starts_with("https:"));
        (self.is_given() && are_asked_for).then(|| token.secret())
    }

    /// Who sends, if there is an account. It is the operator who says where Twilio is: any network may be reached for it.
    pub fn open(&self, roots: Option<&Path>) -> Result<Option<Texts>, outbound::SettingsError> {
        // What cannot be read was refused when the configuration was.
        let Ok(Some((url, access, from))) = self.read() else {
            return Ok(None);
        };
        let client = Outbound::new(&Settings {
            allow_private: vec![Network::Any],
            allow_http: url.scheme() == "http",
            extra_roots: roots.map(Path::to_owned),
            ..Settings::default()
        })?;
        let twilio = Twilio::new(client, &url, &access, from).ok();
        Ok(twilio.map(|twilio| Texts::new(Arc::new(twilio), &self.countries)))
    }
}

fn fault(key: &'static str, reason: &str) -> Fault {
    Fault {
        key,
        reason: reason.to_owned(),
    }
}

fn key(error: SettingsError) -> &'static str {
    match error {
        SettingsError::Account => "sms.account",
        SettingsError::Key => "sms.key",
        SettingsError::Secret => "sms.secret",
        SettingsError::Sender => "sms.from",
        SettingsError::Url => "sms.url",
    }
}
