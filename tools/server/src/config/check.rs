//! What makes no sense is refused before anything starts, in one line that names the key.
//! The rule: a refusal tells what may stand there, and never repeats what may be a secret.

use std::net::IpAddr;

use events::keys::MasterKey;
use url::Url;

use super::{Config, ConfigError, Role, Secret};

/// The longest time between SIGTERM and the end of taking requests, in seconds.
const LONGEST_DRAIN: usize = 600;

impl Config {
    /// Refuses what makes no sense, each thing by its key.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.check_stores()?;
        self.check_addresses()?;
        self.check_secrets()?;
        if let Err(fault) = self.smtp.read() {
            return refuse(fault.key, &fault.reason);
        }
        if let Err(fault) = self.sms.read() {
            return refuse(fault.key, &fault.reason);
        }
        self.kafka.check(self.is_development())?;
        self.redis.check()?;
        self.limits.check()?;
        if self.drain_seconds.is_some_and(|seconds| seconds > LONGEST_DRAIN) {
            return refuse("drain_seconds", "is 0 to 600");
        }
        if self.passwords.workers > 1_024 {
            return refuse("passwords.workers", "is 0 to 1024");
        }
        if self.passwords.queue == 0 || self.passwords.queue > 1_000_000 {
            return refuse("passwords.queue", "is 1 to 1000000");
        }
        self.telemetry.check()
    }

    fn check_stores(&self) -> Result<(), ConfigError> {
        if self.data.as_os_str().is_empty() {
            return refuse("data", "must name a folder");
        }
        let places = self.places()?;
        places.check(self.roles.len() == Role::ALL.len(), self.is_development())?;
        if self.roles.is_empty() {
            return refuse("roles", "must name at least one of command, query, worker");
        }
        Ok(())
    }

    fn check_addresses(&self) -> Result<(), ConfigError> {
        if self.roles.len() < Role::ALL.len() && self.public_url.is_none() {
            return refuse(
                "public_url",
                "must be given where roles are divided: it is the same on every node",
            );
        }
        if let Some(url) = &self.public_url {
            let plain = url.scheme() == "http" && self.is_loopback() && self.tls.files().is_none();
            if url.scheme() != "https" && !plain {
                return refuse(
                    "public_url",
                    "must be https (http only where the address and the listener are loopback and there is no certificate)",
                );
            }
            if !is_origin(url) {
                return refuse(
                    "public_url",
                    "must be scheme, host and port alone, such as https://id.example: without path, query, fragment or user",
                );
            }
        }
        if self.tls.is_half() {
            return refuse("tls", "certificate_file and key_file go together");
        }
        if self.public_url.is_none() && self.serves() && !self.is_loopback() && self.master_key.is_some() {
            return refuse("public_url", "must be given outside loopback development");
        }
        if let Some(management) = self.management.listen
            && self.serves()
            && management.port() != 0
            && management.port() == self.listen.port()
            && (management.ip() == self.listen.ip()
                || management.ip().is_unspecified()
                || self.listen.ip().is_unspecified())
        {
            return refuse(
                "management.listen",
                "must be another port than `listen`: operators and the public are kept apart",
            );
        }
        Ok(())
    }

    fn check_secrets(&self) -> Result<(), ConfigError> {
        match &self.master_key {
            None if !self.is_development() => {
                return refuse(
                    "master_key",
                    "must be given (CHANCERY_MASTER_KEY) outside loopback development",
                );
            }
            None => {}
            Some(text) => {
                if let Err(error) = MasterKey::parse(text.expose()) {
                    return refuse("master_key", &error.to_string());
                }
            }
        }
        let bootstrap = &self.bootstrap;
        if bootstrap.client_id.is_some() != bootstrap.client_secret.is_some() {
            return refuse("bootstrap", "client_id and client_secret go together");
        }
        let is_blank = |text: Option<&str>| text.is_some_and(|text| text.trim().is_empty());
        for (key, value) in [
            ("bootstrap.client_id", bootstrap.client_id.as_deref()),
            (
                "bootstrap.client_secret",
                bootstrap.client_secret.as_ref().map(Secret::expose),
            ),
            (
                "bootstrap.admin_password",
                bootstrap.admin_password.as_ref().map(Secret::expose),
            ),
        ] {
            if is_blank(value) {
                return refuse(key, "must not be empty: leave it out, or give it");
            }
        }
        Ok(())
    }
}

pub(super) fn refuse(key: &'static str, reason: &str) -> Result<(), ConfigError> {
    Err(ConfigError::Value {
        key,
        reason: reason.to_owned(),
    })
}

/// Whether an address is scheme, host and port alone. Below a path, the cookies (`__Host-`, RFC 6265bis) and the pages'
/// own links would not be found.
fn is_origin(url: &Url) -> bool {
    url.has_host()
        && url.port() != Some(0)
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

/// Whether an address leads to this machine.
pub(super) fn has_loopback_host(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        // Only the schemes that the URL standard calls special have their addresses read: `redis://127.0.0.1` has a name.
        Some(url::Host::Domain(name)) => {
            name == "localhost"
                || name
                    .parse()
                    .is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
        }
        None => false,
    }
}
