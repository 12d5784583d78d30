//! The query side: every read is answered here, from the read models, from the log, or from history.
//!
//! | module | what it answers |
//! | --- | --- |
//! | `realms`, `users`, `applications`, `permissions`, `consents`, `credentials`, `passkeys`, `devices`, `sessions`, `webhooks`, `identity_providers`, `identities`, `events` | `GET /query/v1/…`, one file for each domain |
//! | [`auth`] | the realm surface: discovery, keys, userinfo, introspection |
//! | `read` | what each of the first goes through: who asks, what for, how new must it be |
//! | `params`, `position`, `paging`, `etag` | parameters, read-your-writes, pages, conditional answers |
//! | `wire`, `failure` | what answers have in common; what is said when there is none |
//!
//! The rules: nothing is changed from here (only activity that decides nothing is noted, such as a client that did not prove who it is);
//! nothing is told to a caller of what it may not see, and an id of another realm is answered
//! exactly as a missing one; whatever a request says that is not understood is refused.

mod applications;
pub mod auth;
mod consents;
mod credentials;
mod devices;
mod etag;
mod events;
mod failure;
mod guards;
mod identities;
mod identity_providers;
mod initial_access;
mod paging;
mod params;
mod passkeys;
mod permissions;
mod position;
mod rate_limits;
mod read;
mod realms;
mod sessions;
#[cfg(test)]
mod tests;
mod users;
mod webhooks;
mod wire;

pub use events::{Limits, Live};

use axum::extract::FromRef;
use projections::Reads;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use web::Edge;

/// What queries are answered from.
#[derive(Clone, Debug)]
pub struct Queries {
    /// The HTTP edge, with the kernel behind it.
    pub edge: Edge,
    /// The read models.
    pub reads: Reads,
    /// Who follows events live.
    pub live: Live,
}

impl FromRef<Queries> for Edge {
    fn from_ref(queries: &Queries) -> Edge {
        queries.edge.clone()
    }
}

/// The query API: `/query/v1/…`.
pub fn router(queries: Queries) -> OpenApiRouter {
    operations().with_state(queries)
}

/// All reads: the query API and the realm surface.
pub fn api(queries: Queries) -> OpenApiRouter {
    router(queries.clone()).merge(auth::router(queries))
}

/// What [`api`] would serve, for a process that serves something else.
pub fn document() -> OpenApi {
    operations().merge(auth::operations()).into_openapi()
}

fn operations() -> OpenApiRouter<Queries> {
    OpenApiRouter::new()
        .merge(realms::router())
        .merge(rate_limits::router())
        .merge(users::router())
        .merge(permissions::router())
        .merge(consents::router())
        .merge(credentials::router())
        .merge(passkeys::router())
        .merge(devices::router())
        .merge(guards::router())
        .merge(initial_access::router())
        .merge(applications::router())
        .merge(sessions::router())
        .merge(webhooks::router())
        .merge(identity_providers::router())
        .merge(identities::router())
        .merge(events::router())
}
