//! A limit in force, whoever made it.

use std::{collections::BTreeSet, time::Duration};

use events::{
    ids::RealmId,
    limits::{LimitKey, LimitSettings, RateLimit, WhenDown as Said},
};
use ratelimit::{Limit, LimitError, WhenDown};

use super::Operation;

/// Who made a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is built in, as the operator left it.
    Platform,
    /// The realm's administrators.
    Realm,
}

impl Origin {
    /// As it is told.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Realm => "realm",
        }
    }
}

/// A limit in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, among those of its origin.
    pub name: String,
    /// Who made it.
    pub origin: Origin,
    /// Of which operations or groups of them; empty, where a handler counts by it.
    pub scope: BTreeSet<String>,
    /// What each budget belongs to.
    pub key: LimitKey,
    /// How much.
    pub limit: Limit,
    /// What holds while the counters that nodes share cannot be asked.
    pub when_down: WhenDown,
}

impl Rule {
    /// A realm's.
    pub fn of_realm(name: &str, said: &RateLimit) -> Result<Self, LimitError> {
        let window = Duration::from_secs(said.seconds.into());
        let limit = match said.burst {
            None => Limit::new(said.requests, window)?,
            Some(burst) => Limit::with_burst(said.requests, window, burst)?,
        };
        Ok(Self {
            name: name.to_owned(),
            origin: Origin::Realm,
            scope: said.operations.clone(),
            key: said.key,
            limit,
            when_down: when_down(said.when_down),
        })
    }

    /// Those that a realm made.
    pub fn all_of(settings: &LimitSettings) -> Vec<Self> {
        let rates = settings.rates.iter();
        // What makes no limit is refused when it is set.
        rates
            .filter_map(|(name, said)| Self::of_realm(name, said).ok())
            .collect()
    }

    /// Whether it is of this operation.
    pub fn is_of(&self, operation: &Operation) -> bool {
        operation.is_among(&self.scope)
    }

    /// Where the budgets of a realm are counted. (The braces keep those of a realm together on a cluster.)
    pub fn bucket(&self, realm: RealmId) -> String {
        format!("{{{realm}}}:{}:{}", self.origin.as_str(), self.name)
    }

    /// What metrics call it: names that tenants make are no labels.
    pub(super) fn label(&self) -> String {
        match self.origin {
            Origin::Platform => self.name.clone(),
            Origin::Realm => "realm".to_owned(),
        }
    }
}

/// As the counters take it.
pub(super) const fn when_down(said: Said) -> WhenDown {
    match said {
        Said::Open => WhenDown::Open,
        Said::Closed => WhenDown::Closed,
    }
}
