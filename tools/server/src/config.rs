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

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use events::postgres::Database;
use figment::{
    Figment,
    providers::{Format, Serialized, Toml},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use url::Url;

/// What stands in the place of a secret.
const MASK: &str = "********";

/// The longest time between SIGTERM and the end of taking requests, in seconds.
const LONGEST_DRAIN: usize = 600;
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
    /// Left out, it is the listening address over plain http, which is refused outside loopback.
    pub public_url: Option<Url>,
    /// The addresses of proxies in front whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// For how many seconds after SIGTERM requests are still taken while `/health/ready` says 503, so that whoever
    /// distributes them learns of it. Left out: 5, and none on loopback.
    #[serde(deserialize_with = "optional_number")]
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
            drain_seconds: None,
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

/// Where a store is.
#[derive(Clone, Debug)]
pub enum Place {
    /// SQLite: a file, or the folder of the read models.
    File(PathBuf),
    /// PostgreSQL.
    Database(Box<Database>),
}

impl Place {
    fn database(&self) -> Option<&Database> {
        match self {
            Place::File(_) => None,
            Place::Database(database) => Some(database),
        }
    }
}

/// The address of a store. It may hold a password, which is masked wherever it is shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    fn place(&self) -> Result<Place, String> {
        match self.0.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Ok(Place::File(path.strip_prefix("//").unwrap_or(path).into())),
            Some(_) => Err("sqlite: needs a path".to_owned()),
            None => match self.0.parse() {
                Ok(database) => Ok(Place::Database(Box::new(database))),
                Err(error) => Err(format!("must be sqlite:<path> or postgres://…: {error}")),
            },
        }
    }

    /// As it may be shown: the password is masked, and what cannot be read could hold one anywhere.
    fn masked(&self) -> String {
        if self.0.starts_with("sqlite:") {
            return self.0.clone();
        }
        match Url::parse(&self.0) {
            Ok(mut url) if url.has_host() => {
                if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
                    return MASK.to_owned();
                }
                url.into()
            }
            _ => MASK.to_owned(),
        }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

/// Where the three stores are.
#[derive(Clone, Debug)]
pub struct Places {
    /// The log.
    pub log: Place,
    /// The keys.
    pub keys: Place,
    /// The read models.
    pub read: Place,
}

impl Places {
    fn databases(&self) -> impl Iterator<Item = &Database> {
        [&self.log, &self.keys, &self.read]
            .into_iter()
            .filter_map(Place::database)
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

    /// How long requests are still taken after the order to stop.
    pub fn drain(&self) -> Duration {
        let seconds = match self.drain_seconds {
            Some(seconds) => seconds,
            None if self.is_loopback() => 0,
            None => DRAIN,
        };
        Duration::from_secs(seconds as u64)
    }

    /// Whether whatever can be reached is reached from this machine alone.
    pub fn is_loopback(&self) -> bool {
        (!self.serves() || self.listen.ip().is_loopback())
            && self.public_url.as_ref().is_none_or(has_loopback_host)
    }

    /// Whether all of it is this machine's own, stores included: only then may secrets be defaults, and stores together.
    pub fn is_development(&self) -> bool {
        let here = |places: Places| places.databases().all(Database::is_here);
        self.is_loopback() && self.places().is_ok_and(here)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key, reason: &str| {
            Err(ConfigError::Value {
                key,
                reason: reason.to_owned(),
            })
        };
        let places = self.places()?;
        check_places(
            &places,
            self.roles.len() == Role::ALL.len(),
            self.is_development(),
        )?;
        if self.roles.is_empty() {
            return refuse("roles", "must name at least one of command, query, worker");
        }
        if self.serves() && self.roles.len() < Role::ALL.len() && self.public_url.is_none() {
            return refuse(
                "public_url",
                "must be given where roles are divided: it is the same on every node",
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
        if self.master_key.is_none() && !self.is_development() {
            return refuse(
                "master_key",
                "must be given (CHANCERY_MASTER_KEY) outside loopback development",
            );
        }
        if self.public_url.is_none() && self.serves() && !self.is_loopback() {
            return refuse("public_url", "must be given outside loopback development");
        }
        if self.drain_seconds.is_some_and(|seconds| seconds > LONGEST_DRAIN) {
            return refuse("drain_seconds", "is 0 to 600");
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

/// Which stores go together: see the table at the top.
fn check_places(places: &Places, all_roles: bool, development: bool) -> Result<(), ConfigError> {
    let refuse = |key, reason: String| Err(ConfigError::Value { key, reason });
    if let (Some(_), None) = (places.log.database(), places.keys.database()) {
        return refuse(
            "keys.url",
            "with the log on PostgreSQL the keys are there, too (on a server of their own): nodes that share a log share its keys"
                .to_owned(),
        );
    }
    if places.databases().count() < 3 && !all_roles {
        return refuse(
            "roles",
            "a store on SQLite has one process: it takes command, query and worker".to_owned(),
        );
    }
    if let (Some(log), Some(keys)) = (places.log.database(), places.keys.database())
        && log.place() == keys.place()
        && !development
    {
        return refuse(
            "keys.url",
            format!(
                "outside loopback development the keys need another server than the log ({}): whoever holds the log's \
                 backups must not hold the keys'",
                log.place()
            ),
        );
    }
    Ok(())
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

/// The same, or nothing.
fn optional_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    number(deserializer).map(Some)
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

    const KEY: (&str, &str) = (
        "CHANCERY_MASTER_KEY",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    );
    const PUBLIC: (&str, &str) = ("CHANCERY_PUBLIC_URL", "https://id.example");

    /// The three stores, each on its server.
    fn stores<'a>(log: &'a str, keys: &'a str, read: &'a str) -> [(&'static str, &'a str); 3] {
        [
            ("CHANCERY_LOG__URL", log),
            ("CHANCERY_KEYS__URL", keys),
            ("CHANCERY_READ__URL", read),
        ]
    }

    fn refusal(variables: &[(&str, &str)]) -> String {
        load(variables, json!({})).expect_err("refused").to_string()
    }

    #[test]
    fn roles_are_divided_only_where_all_stores_are_shared() {
        let (a, b, file) = (
            "postgres://127.0.0.1/log",
            "postgres://127.0.0.1/read",
            "sqlite:x",
        );
        let worker = ("CHANCERY_ROLES", "worker");
        let with = |stores: [(&'static str, &'static str); 3], more: &[(&'static str, &'static str)]| {
            load(&[&stores[..], more].concat(), json!({}))
        };
        assert!(
            with(stores(a, a, b), &[worker]).is_ok(),
            "a worker needs no address"
        );
        for split in [stores(file, file, file), stores(file, a, b), stores(a, b, file)] {
            assert!(with(split, &[]).is_ok(), "{split:?}");
            assert!(with(split, &[worker]).is_err(), "{split:?}");
        }
        assert!(with(stores(a, file, b), &[]).is_err(), "nodes share keys");
        let divided = ("CHANCERY_ROLES", "command,query");
        assert!(refusal(&[&stores(a, a, b)[..], &[divided]].concat()).contains("public_url"));
        let shared = ("CHANCERY_PUBLIC_URL", "http://127.0.0.1:8080");
        assert!(with(stores(a, a, b), &[divided, shared]).is_ok());
        assert!(with(stores(a, a, b), &[("CHANCERY_ROLES", "")]).is_err());
    }

    #[test]
    fn outside_loopback_the_keys_stand_on_a_server_of_their_own() {
        let [log, keys] = [
            "postgres://a:b@db.example/log",
            "postgres://a:b@keys.example/keys",
        ];
        let read = "postgres://a:b@db.example/read";
        let with = |stores: [(&'static str, &'static str); 3]| [&stores[..], &[KEY, PUBLIC]].concat();
        assert!(load(&with(stores(log, keys, read)), json!({})).is_ok());
        let together = "postgres://c:d@db.example:5432/keys";
        let refused = refusal(&with(stores(log, together, read)));
        assert!(
            refused.contains("keys.url") && refused.contains("db.example:5432"),
            "{refused}"
        );
        // Stores that are elsewhere are not this machine's own, wherever requests come from.
        assert!(refusal(&stores(log, keys, read)).contains("master_key"));
        let here = "postgres://127.0.0.1/chancery";
        assert!(load(&stores(here, here, here), json!({})).is_ok());
    }

    #[test]
    fn the_password_of_a_store_is_never_shown() {
        let address = "postgres://chancery:hunter2@127.0.0.1/chancery?sslmode=disable";
        let config = load(&stores(address, address, address), json!({})).expect("accepted");
        let shown = serde_json::to_string(&config).expect("JSON");
        assert!(
            !shown.contains("hunter2") && shown.contains("chancery:********@127.0.0.1/chancery"),
            "{shown}"
        );
        assert!(!format!("{config:?}").contains("hunter2"));
        for broken in [
            "postgres://chancery:hunter2@127.0.0.1",
            "mysql://a:hunter2@x/y",
            "chancery:hunter2@127.0.0.1/chancery",
        ] {
            let refused = refusal(&stores(broken, address, address));
            assert!(
                refused.contains("log.url") && !refused.contains("hunter2"),
                "{refused}"
            );
        }
    }

    #[test]
    fn requests_are_taken_for_a_while_after_the_order_to_stop_unless_all_is_loopback() {
        let seconds =
            |variables: &[(&str, &str)]| load(variables, json!({})).expect("accepted").drain().as_secs();
        assert_eq!(seconds(&[]), 0);
        assert_eq!(seconds(&[KEY, PUBLIC]), 5);
        assert_eq!(seconds(&[("CHANCERY_DRAIN_SECONDS", "2")]), 2);
        assert!(load(&[("CHANCERY_DRAIN_SECONDS", "601")], json!({})).is_err());
    }
}
