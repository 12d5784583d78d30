//! The mail server. The rule: without one nothing is mailed and nothing offers it; half of one is refused.

use std::path::PathBuf;

use mailer::{AddressError, Mailer, Sender, ServerUrl, ServerUrlError, SetupError, Timeouts};
use serde::{Deserialize, Serialize};

use super::Secret;

/// How letters are sent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smtp {
    /// `smtps://user:password@host:465`, or `smtp://user:password@host:587` (STARTTLS, required); `?tls=none` for a mail server
    /// on this machine. Left out, nothing is mailed.
    pub url: Option<Secret>,
    /// Who letters are from: `Acme <no-reply@acme.example>`, or an address alone.
    pub from: Option<String>,
    /// A PEM file of certificate authorities that are trusted beside the platform's.
    pub ca_file: Option<PathBuf>,
}

/// What is wrong with it, by its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which key.
    pub key: &'static str,
    /// What is wrong.
    pub reason: String,
}

impl Smtp {
    /// The server and the sender, if both are given.
    pub fn read(&self) -> Result<Option<(ServerUrl, Sender)>, Fault> {
        let fault = |key, reason: &dyn ToString| Fault {
            key,
            reason: reason.to_string(),
        };
        match (&self.url, &self.from) {
            (None, None) => Ok(None),
            (None, Some(_)) | (Some(_), None) => Err(fault("smtp", &"url and from go together")),
            (Some(url), Some(from)) => {
                let url = ServerUrl::parse(&url.secret())
                    .map_err(|error: ServerUrlError| fault("smtp.url", &error))?;
                let from = from
                    .parse()
                    .map_err(|error: AddressError| fault("smtp.from", &error))?;
                Ok(Some((url, from)))
            }
        }
    }

    /// The mailer, if there is a mail server.
    pub fn open(&self) -> Result<Option<Mailer>, SetupError> {
        match self.read() {
            Ok(Some((url, from))) => {
                Mailer::new(url, from, self.ca_file.as_deref(), Timeouts::default()).map(Some)
            }
            // What cannot be read was refused when the configuration was.
            Ok(None) | Err(_) => Ok(None),
        }
    }
}
