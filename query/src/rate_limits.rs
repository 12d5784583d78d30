//! The limits of rates that hold in a realm, and how far they are used. The rules: what is told is what is counted now, and not a read model;
//! and an address that is counted is told by a digest alone.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::limits::LimitKey;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{
    Problem, actions,
    limits::{Fullest, Rule, WhenDown},
};

use crate::{Queries, etag::NO_STORE, position::AtLeast, read::Read, wire::InRealm};

/// How many budgets of each limit are told.
const MOST: usize = 20;

pub(crate) fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new().routes(routes!(list_rate_limits))
}

/// The limits in force.
#[derive(Debug, Serialize, ToSchema)]
struct RateLimits {
    /// Those that are built in, as the operator left them; then the realm's own.
    items: Vec<RateLimit>,
}

/// A limit in force.
#[derive(Debug, Serialize, ToSchema)]
struct RateLimit {
    /// Its name, as in `RateLimit-Policy`.
    #[schema(example = "sign_in")]
    name: String,
    /// Who made it: `platform` or `realm`.
    #[schema(example = "platform")]
    origin: &'static str,
    /// Of which operations or groups of them; empty where it is counted by what a request turns out to do.
    operations: Vec<String>,
    /// What each budget belongs to: `address`, `application`, `user` or `realm`.
    #[schema(value_type = String, example = "address")]
    key: LimitKey,
    /// How many requests pass at once.
    requests: u32,
    /// How many seconds a budget that is used up takes to be whole again.
    seconds: u64,
    /// `open` or `closed`: what holds while the counters that nodes share cannot be asked.
    #[schema(example = "open")]
    when_down: &'static str,
    /// Whether what follows is counted by all nodes together.
    shared: bool,
    /// How many budgets are in use now.
    counted: u64,
    /// Those that are used most, at most twenty, the fullest first.
    budgets: Vec<Budget>,
}

/// A budget in use.
#[derive(Debug, Serialize, ToSchema)]
struct Budget {
    /// Whose: the id of an application or a user; a digest of an address; `all` of a realm.
    key: String,
    /// How many requests pass now.
    remaining: u32,
    /// In how many seconds the next one passes; 0 if it does now.
    retry_after_seconds: u64,
}

impl RateLimit {
    fn new(rule: Rule, used: Fullest) -> Self {
        let Fullest {
            keys,
            counted,
            shared,
        } = used;
        let budgets = keys.into_iter().map(|(key, count)| Budget {
            key,
            remaining: count.remaining(),
            retry_after_seconds: web::limits::whole_seconds(count.retry_after()),
        });
        Self {
            name: rule.name,
            origin: rule.origin.as_str(),
            operations: rule.scope.into_iter().collect(),
            key: rule.key,
            requests: rule.limit.requests(),
            seconds: rule.limit.window().as_secs(),
            when_down: match rule.when_down {
                WhenDown::Open => "open",
                WhenDown::Closed => "closed",
            },
            shared,
            counted,
            budgets: budgets.collect(),
        }
    }
}

/// How many requests are taken in a realm, and how far that is used now.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/rate-limits",
    tag = "realms",
    params(InRealm, AtLeast),
    responses(
        (status = 200, description = "The limits in force, with the budgets that are used most", body = RateLimits),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_rate_limits(
    State(queries): State<Queries>,
    read: Read<actions::SettingsRead>,
) -> Result<Response, Problem> {
    let (realm, limits) = (read.realm().id, queries.edge.limits());
    let settings = queries.edge.settings(realm).await?;
    let own = Rule::all_of(&settings.limits);
    let mut items = Vec::new();
    for rule in limits.built_in().iter().cloned().chain(own) {
        let bucket = rule.bucket(realm);
        let used = limits.limiter().fullest(&bucket, rule.limit, MOST).await;
        items.push(RateLimit::new(rule, used));
    }
    Ok(([NO_STORE], Json(RateLimits { items })).into_response())
}
