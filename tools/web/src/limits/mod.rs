//! Limits of rates: how many requests an endpoint takes from an address, an application, a user, or all of a realm. The rules: a request is
//! counted, and refused, before anything is done for it; what is counted is the operation, however it was addressed; no realm's
//! requests count in another; and who is refused hears when to come again.
//!
//! Failures are another thing: how often somebody tried to be a user is a guard in the log, which survives restarts and holds over all
//! addresses. Rates are ephemeral: in memory, or, on several nodes, in the Redis that they share.
//!
//! | file | what |
//! | --- | --- |
//! | `table.rs` | the limits that are built in, in one table; what operators change of them |
//! | `operations.rs` | the names of operations and of groups of them, and by what their requests can be counted |
//! | `rule.rs` | a limit in force |
//! | `asked.rs` | one request: what it is counted by, in two steps |
//! | `layer.rs` | where all requests pass, and what is answered to one that is refused |
//! | `fields.rs` | `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers) |
//!
//! # Two steps
//! Address and realm are known from the request's head: they are counted first, by the layer. Who the application or the user is, is
//! known when a secret or a token was checked: those are counted by the extractor that checked it ([`Asked::known`]), before the handler.
//! An application is not counted by what anybody says in its name: whoever does not know its secret cannot use its budget up. (The `client_id` of a
//! public application is known to everybody, and so its budget is everybody's.)
//!
//! # What holds when the shared counters are gone
//! [`WhenDown`] of each limit: `open`, and each node counts for itself; `closed`, and the request is answered 503. `chancery_redis_up` and
//! `/health/ready` tell of it.

mod asked;
mod fields;
mod layer;
mod operations;
mod rule;
mod table;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use ratelimit::{Limiter, Memory};

pub(crate) use asked::describe;
pub use asked::{Asked, Refused};
pub use fields::whole_seconds;
pub(crate) use layer::limited;
pub use operations::{Operation, Operations, Surface};
pub use ratelimit::{Fullest, Limit, WhenDown};
pub use rule::{Origin, Rule};
pub use table::{BUILT_IN, BuiltIn, Change, TableError, in_force};

/// How many counters a process has at most.
pub const COUNTERS: usize = 100_000;

/// Who counts, and by which limits. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Limits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limiter: Arc<dyn Limiter>,
    rules: Vec<Rule>,
    operations: Operations,
    loopback: bool,
}

impl Limits {
    /// Limits that are counted here: those built in, as they are in force; those of realms, for these operations. `loopback`: whether the
    /// ones built in count requests from this machine, too.
    pub fn new(limiter: Arc<dyn Limiter>, rules: Vec<Rule>, operations: Operations, loopback: bool) -> Self {
        Self(Arc::new(Inner {
            limiter,
            rules,
            operations,
            loopback,
        }))
    }

    /// The operations whose requests are counted.
    pub fn operations(&self) -> &Operations {
        &self.0.operations
    }

    /// The limits built in that are in force.
    pub fn built_in(&self) -> &[Rule] {
        &self.0.rules
    }

    /// Who counts.
    pub fn limiter(&self) -> &Arc<dyn Limiter> {
        &self.0.limiter
    }

    /// Whether a limit leaves requests from this address alone.
    fn spares(&self, rule: &Rule, address: Option<IpAddr>) -> bool {
        rule.origin == Origin::Platform
            && !self.0.loopback
            && address.is_some_and(|address| address.to_canonical().is_loopback())
    }
}

impl Default for Limits {
    /// The limits built in as they stand in the table, counted in memory where handlers name them; no operations.
    fn default() -> Self {
        static TABLE: LazyLock<Vec<Rule>> = LazyLock::new(|| in_force(&BTreeMap::new()).unwrap_or_default());
        Self::new(
            Arc::new(Memory::new(COUNTERS, ratelimit::monotonic())),
            TABLE.clone(),
            Operations::default(),
            true,
        )
    }
}
