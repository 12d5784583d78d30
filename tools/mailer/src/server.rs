//! The mail server's URL: `smtps://user:password@host` (TLS from the start, RFC 8314) or `smtp://…` (STARTTLS, required).
//! The rule: the password is shown nowhere, and nothing goes in the clear but to this machine, where it is asked for.

use std::{fmt, net::IpAddr};

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the first byte (`smtps://`, port 465).
    Implicit,
    /// STARTTLS, without which nothing is sent (`smtp://`, port 587).
    StartTls,
    /// None (`smtp://…?tls=none`, port 25): to this machine only.
    None,
}

/// Why a text is not the URL of a mail server. It is told without its password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerUrlError {
    /// It is no such URL.
    #[error("must be smtps://user:password@host:port or smtp://… (STARTTLS), without a path")]
    NotAUrl,
    /// A parameter that there is not.
    #[error("takes one parameter, tls=none")]
    Parameter,
    /// In the clear over a network.
    #[error("tls=none is for a mail server on this machine alone")]
    InTheClear,
    /// A user without a password, or the other way round.
    #[error("takes a user name and a password together, or neither")]
    HalfCredentials,
}

/// A mail server.
#[derive(Clone)]
pub struct ServerUrl {
    host: String,
    port: u16,
    encryption: Encryption,
    credentials: Option<(String, SecretString)>,
}

impl ServerUrl {
    /// Reads a URL.
    pub fn parse(text: &SecretString) -> Result<Self, ServerUrlError> {
        let url = Url::parse(text.expose_secret()).map_err(|_| ServerUrlError::NotAUrl)?;
        // Of a scheme that the URL Standard does not know hosts are opaque: they are read again as what they must be.
        let host = url.host_str().ok_or(ServerUrlError::NotAUrl)?;
        let host = Host::parse(host).map_err(|_| ServerUrlError::NotAUrl)?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() || url.port() == Some(0) {
            return Err(ServerUrlError::NotAUrl);
        }
        let clear = match url.query() {
            None => false,
            Some("tls=none") => true,
            Some(_) => return Err(ServerUrlError::Parameter),
        };
        let (encryption, port) = match (url.scheme(), clear) {
            ("smtps", false) => (Encryption::Implicit, 465),
            ("smtp", false) => (Encryption::StartTls, 587),
            ("smtp", true) => (Encryption::None, 25),
            ("smtps", true) => return Err(ServerUrlError::Parameter),
            _ => return Err(ServerUrlError::NotAUrl),
        };
        let is_here = match &host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(ip) => ip.is_loopback(),
            Host::Ipv6(ip) => IpAddr::V6(*ip).to_canonical().is_loopback(),
        };
        if encryption == Encryption::None && !is_here {
            return Err(ServerUrlError::InTheClear);
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(String::from);
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) | (_, None | Some("")) => return Err(ServerUrlError::HalfCredentials),
            (user, Some(password)) => {
                let user = decoded(user).map_err(|_| ServerUrlError::NotAUrl)?;
                let password = decoded(password).map_err(|_| ServerUrlError::NotAUrl)?;
                Some((user, password.into()))
            }
        };
        Ok(Self {
            // Without the brackets of an IPv6 address: for the resolver and the certificate it has none.
            host: match host {
                Host::Domain(name) => name,
                Host::Ipv4(ip) => ip.to_string(),
                Host::Ipv6(ip) => ip.to_string(),
            },
            port: url.port().unwrap_or(port),
            encryption,
            credentials,
        })
    }

    /// The host, which the certificate must name.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How the connection is encrypted.
    pub const fn encryption(&self) -> Encryption {
        self.encryption
    }

    pub(crate) fn credentials(&self) -> Option<(&str, &SecretString)> {
        let (user, password) = self.credentials.as_ref()?;
        Some((user, password))
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerUrl")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("encryption", &self.encryption)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ServerUrl, ServerUrlError> {
        ServerUrl::parse(&text.to_owned().into())
    }

    #[test]
    fn the_scheme_says_how_it_is_encrypted() {
        for (text, host, port, encryption) in [
            ("smtps://mail.example", "mail.example", 465, Encryption::Implicit),
            (
                "smtps://mail.example:2465/",
                "mail.example",
                2465,
                Encryption::Implicit,
            ),
            ("smtp://mail.example", "mail.example", 587, Encryption::StartTls),
            ("smtp://[::1]:2525", "::1", 2525, Encryption::StartTls),
            ("smtp://localhost?tls=none", "localhost", 25, Encryption::None),
            (
                "smtp://127.0.0.1:1025?tls=none",
                "127.0.0.1",
                1025,
                Encryption::None,
            ),
        ] {
            let url = parse(text).unwrap();
            assert_eq!(
                (url.host(), url.port(), url.encryption()),
                (host, port, encryption),
                "{text}"
            );
            assert!(url.credentials().is_none());
        }
    }

    #[test]
    fn the_secret_is_read_and_not_shown() {
        let url = parse("smtps://a%40acme.example:p%C3%A4ss%2F%3A@mail.example").unwrap();
        let (user, password) = url.credentials().unwrap();
        assert_eq!((user, password.expose_secret()), ("a@acme.example", "päss/:"));
        let shown = format!("{url:?}");
        assert!(!shown.contains("ss/") && !shown.contains("acme"), "{shown}");
    }

    #[test]
    fn what_is_unsafe_or_unclear_is_refused() {
        for (text, error) in [
            ("", ServerUrlError::NotAUrl),
            ("mail.example:25", ServerUrlError::NotAUrl),
            ("http://mail.example", ServerUrlError::NotAUrl),
            ("smtp://", ServerUrlError::NotAUrl),
            ("smtp://mail.example/path", ServerUrlError::NotAUrl),
            ("smtp://mail.example#f", ServerUrlError::NotAUrl),
            ("smtp://mail.example:0", ServerUrlError::NotAUrl),
            ("smtp://mail.example?tls=required", ServerUrlError::Parameter),
            ("smtps://localhost?tls=none", ServerUrlError::Parameter),
            ("smtp://mail.example?tls=none", ServerUrlError::InTheClear),
            ("smtp://10.0.0.1?tls=none", ServerUrlError::InTheClear),
            ("smtp://user@mail.example", ServerUrlError::HalfCredentials),
            ("smtp://:secret@mail.example", ServerUrlError::HalfCredentials),
        ] {
            assert_eq!(parse(text).err(), Some(error), "{text}");
        }
    }
}
