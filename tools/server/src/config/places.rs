//! Where the stores are: how an address is read and shown, and which stores go together.
//! The rule: an address may hold a password, which is shown nowhere; and outside development the keys are on another server
//! than the log, by whatever name either is called.

use std::{net::IpAddr, path::PathBuf};

use events::postgres::Database;
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use super::{ConfigError, MASK};

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
    pub(super) fn place(&self) -> Result<Place, String> {
        match self.0.strip_prefix("sqlite:") {
            Some(path) => file(path).map(Place::File),
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

/// The path after `sqlite:`. What other programs would read as a host, parameters or a database in memory is refused rather
/// than taken for a name.
fn file(path: &str) -> Result<PathBuf, String> {
    let path = match path.strip_prefix("//") {
        None => path,
        Some(absolute) if absolute.starts_with('/') => absolute,
        Some(_) => {
            return Err(
                "sqlite:// names a host: write sqlite:<path>, or sqlite:///<absolute path>".to_owned(),
            );
        }
    };
    let is_path = !path.trim().is_empty()
        && !path.starts_with("//")
        && !path.ends_with('/')
        && !path.starts_with(':')
        && !path.contains(['?', '#'])
        && !path.chars().any(char::is_control);
    if is_path {
        Ok(path.into())
    } else {
        Err("must be sqlite:<path> of a file (of a folder for read models), without parameters".to_owned())
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
    pub(super) fn databases(&self) -> impl Iterator<Item = &Database> {
        [&self.log, &self.keys, &self.read]
            .into_iter()
            .filter_map(Place::database)
    }

    /// Which stores go together: see the table of [`super`].
    pub(super) fn check(&self, all_roles: bool, development: bool) -> Result<(), ConfigError> {
        let refuse = |key, reason: String| Err(ConfigError::Value { key, reason });
        if let (Some(_), None) = (self.log.database(), self.keys.database()) {
            return refuse(
                "keys.url",
                "with the log on PostgreSQL the keys are there, too (on a server of their own): nodes that share a log share its keys"
                    .to_owned(),
            );
        }
        if self.databases().count() < 3 && !all_roles {
            return refuse(
                "roles",
                "a store on SQLite has one process: it takes command, query and worker".to_owned(),
            );
        }
        if let (Some(log), Some(keys)) = (self.log.database(), self.keys.database())
            && server(log) == server(keys)
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
}

/// The server that a database is on, by one name where it has several: this machine has many.
fn server(database: &Database) -> String {
    let place = database.place().to_ascii_lowercase();
    let Some((host, port)) = place.rsplit_once(':') else {
        return place;
    };
    let host = host.trim_matches(['[', ']']).trim_end_matches('.');
    let is_loopback = |ip: IpAddr| ip.to_canonical().is_loopback();
    if database.is_here() || host == "localhost" || host.parse().is_ok_and(is_loopback) {
        return format!("localhost:{port}");
    }
    format!("{host}:{port}")
}
