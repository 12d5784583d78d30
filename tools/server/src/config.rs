//! Configuration: defaults, then a TOML file, then `CHANCERY_*` variables (`__` nests), then flags. Unknown keys are
//! refused, and so is anything that would be unsafe outside loopback development: the platform does not start half-configured.
//!
//! | `log.url` | `keys.url` | `read.url` | how many processes |
//! | --- | --- | --- | --- |
//! | SQLite | either | either | one, with all roles |
//! | PostgreSQL | PostgreSQL | SQLite | any number, each with all roles and read models of its own in its data folder |
//! | PostgreSQL | PostgreSQL | PostgreSQL | any number, with roles in any mix |
//!
//! PostgreSQL for the log and SQLite for the keys is refused: nodes that share a log share its keys. Nodes that share a log
//! share the public address, the master key and what the first start makes, too.

mod check;
mod kafka;
mod limits;
mod mail;
mod network;
mod places;
mod sms;
mod telemetry;

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use events::postgres::Database;
use figment::{
    Figment,
    providers::{Format, Serialized, Toml},
};
use passwords::Breached;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use url::Url;

use check::has_loopback_host;
pub use kafka::Kafka;
pub use limits::{Counters, Limits, Redis};
pub use mail::Smtp;
pub use network::{Outbound, Tls};
pub use places::{Address, Place, Places};
pub use sms::Sms;
pub use telemetry::{LogFormat, Telemetry};

/// What stands in the place of a secret.
const MASK: &str = "********";

/// That time, outside loopback, unless it is configured: load balancers ask every few seconds.
const DRAIN: usize = 5;

/// What is in force.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The folder of the embedded default: log, keys and read models as SQLite files, and the development master key.
    pub data: PathBuf,
    /// Where the platform listens, unless it is a worker alone. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address under which browsers and applications reach it; the issuer of every realm starts with it.
    /// Left out, it is the listening address, which is refused outside loopback.
    pub public_url: Option<Url>,
    /// The certificate of the listener; left out, it speaks plain http, to a proxy in front say.
    pub tls: Tls,
    /// The addresses of proxies in front whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// For how many seconds after SIGTERM requests are still taken while `/health/ready` says 503, so that whoever
    /// distributes them learns of it. Left out: 5, and none on loopback.
    #[serde(deserialize_with = "optional")]
    pub drain_seconds: Option<usize>,
    /// What this process does. With a store on SQLite it is all of them.
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
    /// Where requests that tenants cause may go.
    pub outbound: Outbound,
    /// How many follow events live.
    pub live: Live,
    /// How letters are sent.
    pub smtp: Smtp,
    /// How text messages are sent.
    pub sms: Sms,
    /// Where the log is published.
    pub kafka: Kafka,
    /// What nodes share that need not outlive them.
    pub redis: Redis,
    /// How many requests are taken.
    pub limits: Limits,
    /// What is logged, and how.
    pub telemetry: Telemetry,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            tls: Tls::default(),
            trusted_proxies: Vec::new(),
            drain_seconds: None,
            roles: Role::ALL.into(),
            master_key: None,
            log: Store::default(),
            keys: Store::default(),
            read: Store::default(),
            management: Management::default(),
            bootstrap: Bootstrap::default(),
            passwords: Passwords::default(),
            outbound: Outbound::default(),
            live: Live::default(),
            smtp: Smtp::default(),
            sms: Sms::default(),
            kafka: Kafka::default(),
            redis: Redis::default(),
            limits: Limits::default(),
            telemetry: Telemetry::default(),
        }
    }
}

/// One thing that a process can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Serves the command API and the sign-in surface, and makes what the first start makes.
    Command,
    /// Serves the query API, discovery, keys, userinfo, introspection.
    Query,
    /// Runs the projections, one worker at a time where several share read models, and sweeps. It serves no requests.
    Worker,
}

impl Role {
    const ALL: [Role; 3] = [Role::Command, Role::Query, Role::Worker];
}

/// Where a store is to be.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `sqlite:<path>` or `postgres://…`; left out, a file in the data folder.
    pub url: Option<Address>,
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
    /// A file of passwords that were found in breaches, made by `chancery breached`; realms that refuse well-known passwords refuse these.
    pub breached: Option<PathBuf>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            workers: 0,
            queue: 64,
            breached: None,
        }
    }
}

impl Passwords {
    /// The passwords that were found in breaches, if there is a file of them.
    pub fn open(&self) -> Result<Option<Breached>, String> {
        let open = |path: &PathBuf| {
            let opened = Breached::open(path);
            opened.map_err(|error| format!("passwords.breached: {}: {error}", path.display()))
        };
        self.breached.as_ref().map(open).transpose()
    }
}

/// How many follow events live over this process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Live {
    /// Connections for one realm; one more is answered 429.
    #[serde(deserialize_with = "number")]
    pub connections_per_realm: usize,
    /// All of them; one more is answered 503.
    #[serde(deserialize_with = "number")]
    pub connections: usize,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            connections_per_realm: 100,
            connections: 2_000,
        }
    }
}

impl Live {
    /// As the query side takes it.
    pub fn limits(&self) -> query::Limits {
        query::Limits {
            per_realm: self.connections_per_realm,
            in_all: self.connections,
        }
    }
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
        serializer.serialize_str(MASK)
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

    /// Where the stores are.
    pub fn places(&self) -> Result<Places, ConfigError> {
        let place = |store: &Store, key, file| match &store.url {
            None => Ok(Place::File(self.data.join(file))),
            Some(address) => address
                .place()
                .map_err(|reason| ConfigError::Value { key, reason }),
        };
        Ok(Places {
            log: place(&self.log, "log.url", "log.sqlite")?,
            keys: place(&self.keys, "keys.url", "keys.sqlite")?,
            read: place(&self.read, "read.url", "read")?,
        })
    }

    /// Whether this process does that.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether it serves requests, and therefore listens.
    pub fn serves(&self) -> bool {
        self.is(Role::Command) || self.is(Role::Query)
    }

    /// Whether it has read models.
    pub fn reads(&self) -> bool {
        self.is(Role::Query) || self.is(Role::Worker)
    }

    /// How long requests are still taken after the order to stop.
    pub fn drain(&self) -> Duration {
        let seconds = match self.drain_seconds {
            Some(seconds) => seconds,
            None if self.is_loopback() => 0,
            None => DRAIN,
        };
        Duration::from_secs(seconds as u64)
    }

    /// Whether whatever can be reached is reached from this machine alone. A worker listens nowhere: what its fellow nodes
    /// are it knows from the public address that they share, and without that nothing says that they are here.
    pub fn is_loopback(&self) -> bool {
        match &self.public_url {
            Some(url) => has_loopback_host(url) && (!self.serves() || self.listen.ip().is_loopback()),
            None => self.serves() && self.listen.ip().is_loopback(),
        }
    }

    /// Whether all of it is this machine's own, stores included: only then may secrets be defaults, and stores together.
    pub fn is_development(&self) -> bool {
        let here = |places: Places| places.databases().all(Database::is_here);
        self.is_loopback() && self.places().is_ok_and(here)
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

/// `CHANCERY_LOG__URL=x` becomes `{"log": {"url": "x"}}`. Values stay text, so that a secret of digits is not a number.
fn nested(variables: impl Iterator<Item = (String, String)>) -> Value {
    let mut root = Map::new();
    for (name, value) in variables {
        if let Some(path) = name.strip_prefix("CHANCERY_") {
            let path = path.to_ascii_lowercase();
            let value = match path.as_str() {
                "roles" | "trusted_proxies" | "outbound__allow_private" | "sms__countries" => {
                    value.split(',').map(str::trim).collect()
                }
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
    or_text(deserializer)
}

/// A number with a fraction, or a text that is one.
fn fraction<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    or_text(deserializer)
}

/// A switch, or a text that is one.
fn switch<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    or_text(deserializer)
}

/// A value, or a text that is one; or nothing.
fn optional<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de> + FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    or_text(deserializer).map(Some)
}

fn or_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OrText<T> {
        Plain(T),
        Text(String),
    }
    match OrText::deserialize(deserializer)? {
        OrText::Plain(plain) => Ok(plain),
        OrText::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests;
