//! Configuration: defaults, then a TOML file, then `CHANCERY_*` variables (`__` nests), then flags. Unknown keys are
//! refused, and so is anything that would be unsafe outside loopback development: the platform does not start half-configured.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use figment::{
    Figment,
    providers::{Format, Serialized, Toml},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use url::Url;

/// What is in force.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The folder of the embedded default: log, keys and read models as SQLite files, and the development master key.
    pub data: PathBuf,
    /// Where the platform listens. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address under which browsers and applications reach it; the issuer of every realm starts with it.
    /// Left out, it is the listening address over plain http, which is refused outside loopback.
    pub public_url: Option<Url>,
    /// The addresses of proxies in front whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// What this process does. The embedded engine has one writer, so there it is all of them.
    pub roles: BTreeSet<Role>,
    /// The master key, 32 bytes in base64 or hexadecimal. Left out on loopback, a file in the data folder is used.
    pub master_key: Option<Secret>,
    /// The log.
    pub log: Store,
    /// The keys.
    pub keys: Store,
    /// The read models.
    pub read: Store,
    /// The operators' listener.
    pub management: Management,
    /// What the first start makes.
    pub bootstrap: Bootstrap,
    /// How passwords are hashed.
    pub passwords: Passwords,
    /// What is logged, and how.
    pub telemetry: Telemetry,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            trusted_proxies: Vec::new(),
            roles: Role::ALL.into(),
            master_key: None,
            log: Store::default(),
            keys: Store::default(),
            read: Store::default(),
            management: Management::default(),
            bootstrap: Bootstrap::default(),
            passwords: Passwords::default(),
            telemetry: Telemetry::default(),
        }
    }
}

/// One thing that a process can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Serves the command API and the sign-in surface.
    Command,
    /// Serves the query API, discovery, userinfo, introspection.
    Query,
    /// Runs the projections.
    Worker,
}

impl Role {
    const ALL: [Role; 3] = [Role::Command, Role::Query, Role::Worker];
}

/// Where a store is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `sqlite:<path>`; left out, a file in the data folder.
    pub url: Option<String>,
}

impl Store {
    /// The path of an embedded store.
    fn path(&self, key: &'static str, data: &Path, file: &str) -> Result<PathBuf, ConfigError> {
        match &self.url {
            None => Ok(data.join(file)),
            Some(url) => match url.strip_prefix("sqlite:") {
                Some(path) if !path.is_empty() => Ok(PathBuf::from(path.strip_prefix("//").unwrap_or(path))),
                _ => Err(ConfigError::Value {
                    key,
                    reason: "only sqlite:<path> is supported by this version".into(),
                }),
            },
        }
    }
}

/// The operators' listener: metrics and health.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Management {
    /// Where it listens. Left out: 127.0.0.1:9000, or a free port if that is taken.
    pub listen: Option<SocketAddr>,
}

/// What the first start makes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bootstrap {
    /// The administrator's password; left out, one is made and printed once.
    pub admin_password: Option<Secret>,
    /// The `client_id` of a service application with full rights.
    pub client_id: Option<String>,
    /// Its secret.
    pub client_secret: Option<Secret>,
}

/// How passwords are hashed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Passwords {
    /// Threads that hash; 0 is one for each core.
    #[serde(deserialize_with = "number")]
    pub workers: usize,
    /// How many may wait; more are refused at once with 503.
    #[serde(deserialize_with = "number")]
    pub queue: usize,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            workers: 0,
            queue: 64,
        }
    }
}

/// What is logged, and how. Logs go to standard error.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// A filter, such as `info` or `info,chancery_query=debug`.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            filter: "info".into(),
            format: LogFormat::Text,
        }
    }
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// A secret: never printed, masked when the configuration is.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
pub struct Secret(SecretString);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Secret {
    /// The secret itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// As the libraries take it.
    pub fn secret(&self) -> SecretString {
        self.0.clone()
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("********")
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value cannot be read, or a key is unknown.
    #[error("configuration: {0}")]
    Unreadable(String),
    /// A value makes no sense.
    #[error("configuration: {key}: {reason}")]
    Value {
        /// Which key.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl Config {
    /// Reads all sources. `flags` holds what was given on the command line, in the same nesting.
    pub fn load(
        file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
        flags: Value,
    ) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Map::<String, Value>::new()));
        if let Some(file) = file {
            if !file.is_file() {
                return Err(ConfigError::Value {
                    key: "--config",
                    reason: format!("{} is not a file", file.display()),
                });
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        let config: Config = figment
            .merge(Serialized::defaults(nested(variables)))
            .merge(Serialized::defaults(flags))
            .extract()
            .map_err(|errors| ConfigError::Unreadable(told(errors)))?;
        config.check()?;
        Ok(config)
    }

    /// Where the log is.
    pub fn log_path(&self) -> Result<PathBuf, ConfigError> {
        self.log.path("log.url", &self.data, "log.sqlite")
    }

    /// Where the keys are.
    pub fn keys_path(&self) -> Result<PathBuf, ConfigError> {
        self.keys.path("keys.url", &self.data, "keys.sqlite")
    }

    /// The folder of the read models.
    pub fn read_path(&self) -> Result<PathBuf, ConfigError> {
        self.read.path("read.url", &self.data, "read")
    }

    /// Whether everything that is reachable is this machine's own: only then may secrets be defaults.
    pub fn is_loopback(&self) -> bool {
        self.listen.ip().is_loopback() && self.public_url.as_ref().is_none_or(has_loopback_host)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key, reason: &str| {
            Err(ConfigError::Value {
                key,
                reason: reason.to_owned(),
            })
        };
        self.log_path()?;
        self.keys_path()?;
        self.read_path()?;
        if self.roles.len() != Role::ALL.len() {
            return refuse(
                "roles",
                "the embedded SQLite engine has one writer: it takes command, query and worker in one process",
            );
        }
        if let Some(url) = &self.public_url {
            let plain = url.scheme() == "http" && self.is_loopback();
            if (url.scheme() != "https" && !plain)
                || url.query().is_some()
                || url.fragment().is_some()
                || !url.username().is_empty()
            {
                return refuse(
                    "public_url",
                    "must be https (http only where the address and the listener are loopback), without query, fragment or user",
                );
            }
        }
        if !self.is_loopback() {
            if self.master_key.is_none() {
                return refuse(
                    "master_key",
                    "must be given (CHANCERY_MASTER_KEY) outside loopback development",
                );
            }
            if self.public_url.is_none() {
                return refuse("public_url", "must be given outside loopback development");
            }
        }
        if self.bootstrap.client_id.is_some() != self.bootstrap.client_secret.is_some() {
            return refuse("bootstrap", "client_id and client_secret go together");
        }
        if self.passwords.workers > 1_024 || self.passwords.queue == 0 || self.passwords.queue > 1_000_000 {
            return refuse("passwords", "workers is 0 to 1024, queue 1 to 1000000");
        }
        Ok(())
    }
}

/// What is wrong, and with which key; not where in our own code the value came by.
fn told(errors: figment::Error) -> String {
    let told = errors.into_iter().map(|error| match error.path.join(".") {
        path if path.is_empty() => error.kind.to_string(),
        path => format!("{path}: {}", error.kind),
    });
    told.collect::<Vec<_>>().join("; ")
}

fn has_loopback_host(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// `CHANCERY_LOG__URL=x` becomes `{"log": {"url": "x"}}`. Values stay text, so that a secret of digits is not a number.
fn nested(variables: impl Iterator<Item = (String, String)>) -> Value {
    let mut root = Map::new();
    for (name, value) in variables {
        if let Some(path) = name.strip_prefix("CHANCERY_") {
            let path = path.to_ascii_lowercase();
            let value = match path.as_str() {
                "roles" | "trusted_proxies" => value.split(',').map(str::trim).collect(),
                _ => Value::String(value),
            };
            insert(&mut root, &path, value);
        }
    }
    Value::Object(root)
}

fn insert(table: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once("__") {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let inner = table.entry(head).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// A number, or a text that is one (environment variables are texts).
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Number(usize),
        Text(String),
    }
    match Number::deserialize(deserializer)? {
        Number::Number(number) => Ok(number),
        Number::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn load(variables: &[(&str, &str)], flags: Value) -> Result<Config, ConfigError> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(None, variables, flags)
    }

    #[test]
    fn flags_win_over_variables_win_over_defaults() {
        let config = load(
            &[("CHANCERY_DATA", "/srv/a"), ("CHANCERY_PASSWORDS__QUEUE", "7")],
            json!({"data": "/srv/b"}),
        )
        .expect("accepted");
        assert_eq!(config.data, PathBuf::from("/srv/b"));
        assert_eq!(config.passwords.queue, 7);
        assert_eq!(config.listen, Config::default().listen);
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(load(&[("CHANCERY_LGO__URL", "sqlite:x")], json!({})).is_err());
        assert!(load(&[("CHANCERY_LOG__URI", "sqlite:x")], json!({})).is_err());
    }

    #[test]
    fn a_secret_of_digits_stays_a_text_and_is_never_shown() {
        let config = load(
            &[
                ("CHANCERY_BOOTSTRAP__CLIENT_ID", "ci"),
                ("CHANCERY_BOOTSTRAP__CLIENT_SECRET", "0123456789"),
            ],
            json!({}),
        )
        .expect("accepted");
        assert_eq!(
            config.bootstrap.client_secret.as_ref().map(Secret::expose),
            Some("0123456789")
        );
        assert!(!format!("{config:?}").contains("0123456789"));
        assert!(
            !serde_json::to_string(&config)
                .expect("JSON")
                .contains("0123456789")
        );
    }

    #[test]
    fn outside_loopback_nothing_starts_with_a_default_secret_or_without_https() {
        let key = (
            "CHANCERY_MASTER_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        );
        let open = ("CHANCERY_LISTEN", "0.0.0.0:8080");
        assert!(load(&[open], json!({})).is_err());
        assert!(load(&[open, key], json!({})).is_err());
        assert!(
            load(
                &[open, key, ("CHANCERY_PUBLIC_URL", "http://id.example")],
                json!({})
            )
            .is_err()
        );
        assert!(load(&[open, ("CHANCERY_PUBLIC_URL", "https://id.example")], json!({})).is_err());
        assert!(
            load(
                &[open, key, ("CHANCERY_PUBLIC_URL", "http://localhost:8080")],
                json!({})
            )
            .is_err()
        );
        assert!(
            load(
                &[open, key, ("CHANCERY_PUBLIC_URL", "https://id.example")],
                json!({})
            )
            .is_ok()
        );
    }

    #[test]
    fn an_engine_that_is_not_there_is_refused() {
        assert!(load(&[("CHANCERY_LOG__URL", "mysql://x")], json!({})).is_err());
    }
}
