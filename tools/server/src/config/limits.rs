//! Limits of rates: where they are counted, and what an operator changes of those that are built in. The rules: without a Redis each node
//! counts for itself; what names no limit or makes none is refused; and no password goes in the open to a Redis that is elsewhere.

use std::{collections::BTreeMap, sync::Arc};

use events::limits::WhenDown;
use ratelimit::{Limiter, Memory, OpenError, Shared};
use serde::{Deserialize, Serialize};
use url::Url;
use web::limits::{COUNTERS, Change, Rule, TableError, in_force};

use super::{ConfigError, Secret, check::has_loopback_host, check::refuse, optional, switch};

/// What nodes share that need not outlive them: the counters of limits.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redis {
    /// `redis://[user:password@]host[:port][/number]`, or `rediss://…` for TLS. Left out, each node counts for itself.
    pub url: Option<Secret>,
    /// What the names of all our keys begin with, where several share a Redis.
    pub prefix: String,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            url: None,
            prefix: "chancery:".to_owned(),
        }
    }
}

impl Redis {
    /// Refuses what makes no sense.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.prefix.is_empty() || self.prefix.contains(['{', '}', ' ']) {
            return refuse("redis.prefix", "must be a text without spaces and braces");
        }
        let Some(url) = &self.url else {
            return Ok(());
        };
        let is_encrypted = match Shared::is_encrypted(&url.secret()) {
            Ok(is_encrypted) => is_encrypted,
            Err(error) => return refuse("redis.url", &error.to_string()),
        };
        let has_password = |url: &Url| url.password().is_some() || !url.username().is_empty();
        let exposes = |url: &Url| has_password(url) && !is_encrypted && !has_loopback_host(url);
        // What is no URL of this kind is a socket of this machine.
        if Url::parse(url.expose()).is_ok_and(|url| url.has_host() && exposes(&url)) {
            return refuse(
                "redis.url",
                "must be rediss:// where a password is sent to a Redis elsewhere",
            );
        }
        Ok(())
    }

    /// Who counts.
    pub fn open(&self) -> Result<Counters, OpenError> {
        let own = Memory::new(COUNTERS, ratelimit::monotonic());
        let Some(url) = &self.url else {
            return Ok(Counters {
                limiter: Arc::new(own),
                shared: None,
            });
        };
        let prefix = format!("{}limits:", self.prefix);
        let shared = Arc::new(Shared::open(&url.secret(), &prefix, own)?);
        Ok(Counters {
            limiter: Arc::clone(&shared) as Arc<dyn Limiter>,
            shared: Some(shared),
        })
    }
}

/// Who counts, for all that this process serves.
#[derive(Clone, Debug)]
pub struct Counters {
    /// Whoever it is.
    pub limiter: Arc<dyn Limiter>,
    /// The Redis, if there is one.
    pub shared: Option<Arc<Shared>>,
}

/// The limits that are built in, as they are to be.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Whether they count requests from this machine. Left out: not in loopback development.
    #[serde(deserialize_with = "optional")]
    pub loopback: Option<bool>,
    /// What is changed of them, by their names.
    pub built_in: BTreeMap<String, BuiltIn>,
}

/// What is changed of one limit.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BuiltIn {
    /// Whether there is none.
    #[serde(deserialize_with = "switch")]
    pub off: bool,
    /// So many requests.
    #[serde(deserialize_with = "optional")]
    pub requests: Option<u32>,
    /// In so many seconds.
    #[serde(deserialize_with = "optional")]
    pub seconds: Option<u32>,
    /// So many at once.
    #[serde(deserialize_with = "optional")]
    pub burst: Option<u32>,
    /// `open` (each node counts for itself) or `closed` (503) while Redis is away.
    pub when_down: Option<WhenDown>,
}

impl Limits {
    /// The limits in force.
    pub fn rules(&self) -> Result<Vec<Rule>, TableError> {
        let changes = self.built_in.iter().map(|(name, changed)| {
            let change = Change {
                off: changed.off,
                requests: changed.requests,
                seconds: changed.seconds,
                burst: changed.burst,
                when_down: changed.when_down,
            };
            (name.clone(), change)
        });
        in_force(&changes.collect())
    }

    /// Refuses what makes no sense.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match self.rules() {
            Ok(_) => Ok(()),
            Err(error) => refuse("limits.built_in", &error.to_string()),
        }
    }
}
