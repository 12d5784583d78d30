//! Limits of rates, as a realm says them: how much of what, counted by what, and what holds while nobody can count.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::ThrottledBy;

/// What each budget of a limit belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitKey {
    /// A network address; of IPv6, its /64.
    Address,
    /// An application that said who it is.
    Application,
    /// A user whose token it is.
    User,
    /// The realm: all share one.
    Realm,
}

impl LimitKey {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Address, Self::Application, Self::User, Self::Realm];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        self.throttled_by().as_str()
    }

    /// What is said of it when it is used up.
    pub const fn throttled_by(self) -> ThrottledBy {
        match self {
            Self::Address => ThrottledBy::Address,
            Self::Application => ThrottledBy::Application,
            Self::User => ThrottledBy::User,
            Self::Realm => ThrottledBy::Realm,
        }
    }
}

/// What holds while the counters that nodes share cannot be asked.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum WhenDown {
    /// Each node counts for itself.
    #[default]
    Open,
    /// Nobody passes.
    Closed,
}

/// How many requests a realm takes, beside the limits that are built in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// The limits, by name (default none).
    pub rates: BTreeMap<String, RateLimit>,
}

/// A limit that a realm made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// The operations that it is of, together: names of operations or of groups of them.
    pub operations: BTreeSet<String>,
    /// What each budget belongs to.
    pub key: LimitKey,
    /// So many requests …
    pub requests: u32,
    /// … in so many seconds, …
    pub seconds: u32,
    /// … of which so many may come at once; left out, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
    /// What holds while the counters that nodes share cannot be asked.
    #[serde(default)]
    pub when_down: WhenDown,
}
