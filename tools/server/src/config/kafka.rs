//! Kafka. The rule: without brokers nothing is published; half of a name is refused, and so is a password in the open to
//! brokers that are elsewhere.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ConfigError, Secret, check::refuse, number, switch};

/// The mechanisms by which we tell who we are; SCRAM needs what TLS needs.
const MECHANISMS: [&str; 3] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];

/// Where the log is published.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kafka {
    /// `host:port`, with commas between several. Left out, nothing is published.
    pub brokers: Option<String>,
    /// Whether brokers are reached by TLS (a build with the feature `kafka-tls`).
    #[serde(deserialize_with = "switch")]
    pub tls: bool,
    /// A PEM file of certificate authorities that are trusted instead of the machine's.
    pub ca_file: Option<PathBuf>,
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`; PLAIN if there is a name and nothing is said.
    pub sasl_mechanism: Option<String>,
    /// Who we are.
    pub sasl_username: Option<String>,
    /// Our password.
    pub sasl_password: Option<Secret>,
    /// How many partitions topics are made with; those that are there keep theirs.
    #[serde(deserialize_with = "number")]
    pub partitions: usize,
    /// On how many brokers each is kept, where we make them.
    #[serde(deserialize_with = "number")]
    pub replication: usize,
    /// Into how many shards realms are divided for publishing. It never changes once something was published.
    #[serde(deserialize_with = "number")]
    pub shards: usize,
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            brokers: None,
            tls: false,
            ca_file: None,
            sasl_mechanism: None,
            sasl_username: None,
            sasl_password: None,
            partitions: 12,
            replication: 1,
            shards: 4,
        }
    }
}

impl Kafka {
    /// Refuses what makes no sense.
    pub(super) fn check(&self, is_development: bool) -> Result<(), ConfigError> {
        let brokers = self.brokers.as_deref();
        if brokers.is_some_and(|brokers| brokers.split(',').any(|broker| !is_address(broker.trim()))) {
            return refuse("kafka.brokers", "must be host:port, with commas between several");
        }
        if self.sasl_username.is_some() != self.sasl_password.is_some() {
            return refuse("kafka", "sasl_username and sasl_password go together");
        }
        let mechanism = self.sasl_mechanism.as_deref();
        if mechanism.is_some_and(|mechanism| !MECHANISMS.contains(&mechanism)) {
            return refuse(
                "kafka.sasl_mechanism",
                "must be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
            );
        }
        let needs_tls = self.tls || mechanism.is_some_and(|mechanism| mechanism != "PLAIN");
        if needs_tls && !::kafka::Settings::has_tls() {
            return refuse(
                "kafka",
                "TLS and SCRAM need a build with the feature `kafka-tls`, which this is not",
            );
        }
        if self.sasl_password.is_some() && !self.tls && !is_development {
            return refuse(
                "kafka.tls",
                "must be true where a password is sent to brokers elsewhere",
            );
        }
        for (key, value, most) in [
            ("kafka.partitions", self.partitions, 10_000),
            ("kafka.replication", self.replication, 100),
            ("kafka.shards", self.shards, 64),
        ] {
            if value == 0 || value > most {
                return refuse(key, &format!("is 1 to {most}"));
            }
        }
        Ok(())
    }

    /// What the publisher needs, if there is something to publish to.
    pub fn settings(&self, public_url: &str) -> Option<publisher::Settings> {
        let brokers = self.brokers.as_ref()?;
        let small = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        let sasl =
            self.sasl_username
                .as_ref()
                .zip(self.sasl_password.as_ref())
                .map(|(username, password)| ::kafka::Sasl {
                    mechanism: self.sasl_mechanism.clone().unwrap_or_else(|| "PLAIN".to_owned()),
                    username: username.clone(),
                    password: password.secret(),
                });
        Some(publisher::Settings {
            public_url: public_url.to_owned(),
            kafka: ::kafka::Settings {
                brokers: brokers.clone(),
                client_id: "chancery".to_owned(),
                tls: self.tls,
                ca_file: self.ca_file.clone(),
                sasl,
            },
            partitions: small(self.partitions),
            replication: small(self.replication),
            shards: small(self.shards),
        })
    }
}

/// Whether it is `host:port`.
fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains("//") && port.parse::<u16>().is_ok_and(|port| port != 0)
    })
}
