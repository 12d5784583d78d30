//! How to reach Kafka.

use std::path::PathBuf;

use rdkafka::ClientConfig;
use secrecy::{ExposeSecret, SecretString};

/// How long without a sign of life until a node loses its shards, in milliseconds: the least that brokers take by default.
const SESSION_MS: &str = "6000";

/// How to reach Kafka.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `host:port`, with commas between several.
    pub brokers: String,
    /// What brokers see us as.
    pub client_id: String,
    /// Whether by TLS (needs the feature `tls`).
    pub tls: bool,
    /// A PEM file of certificate authorities that are trusted instead of the machine's.
    pub ca_file: Option<PathBuf>,
    /// Who we are.
    pub sasl: Option<Sasl>,
}

/// Who we are (RFC 4422).
#[derive(Clone, Debug)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512` (the latter two need the feature `tls`).
    pub mechanism: String,
    /// The user.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

impl Settings {
    /// Brokers in the open, without TLS or names.
    pub fn plain(brokers: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            client_id: "chancery".to_owned(),
            tls: false,
            ca_file: None,
            sasl: None,
        }
    }

    /// Whether this build can do TLS and SCRAM.
    pub const fn has_tls() -> bool {
        cfg!(feature = "tls")
    }

    /// What every client of ours is made of.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", &self.client_id)
            .set(
                "security.protocol",
                match (self.tls, &self.sasl) {
                    (false, None) => "plaintext",
                    (true, None) => "ssl",
                    (false, Some(_)) => "sasl_plaintext",
                    (true, Some(_)) => "sasl_ssl",
                },
            )
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true");
        if let Some(file) = &self.ca_file {
            config.set("ssl.ca.location", file.display().to_string());
        }
        if let Some(sasl) = &self.sasl {
            config
                .set("sasl.mechanisms", &sasl.mechanism)
                .set("sasl.username", &sasl.username)
                .set("sasl.password", sasl.password.expose_secret());
        }
        config
    }

    /// A consumer that commits nothing.
    pub(crate) fn consumer(&self, group: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("session.timeout.ms", SESSION_MS)
            .set("heartbeat.interval.ms", "1500")
            .set("isolation.level", "read_committed");
        config
    }
}
