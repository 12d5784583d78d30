//! How far an initial access token is used up (RFC 7591, section 3). The rule: it is what the log says now; the token itself is kept
//! nowhere and never told again.

use axum::{extract::State, response::Response};
use events::{applications::InitialAccess, clock::Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Problem, actions};

use crate::{
    Queries,
    etag::whole,
    position::AtLeast,
    read::{Id, Read, missing},
    wire::{ById, Moment},
};

pub(crate) fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new().routes(routes!(get_initial_access))
}

/// A token by which applications register by themselves.
#[derive(Debug, Serialize, ToSchema)]
struct Told {
    /// How many applications may register by it in all.
    uses: u32,
    /// How many did.
    used: u32,
    /// Until when they may.
    expires_at: Moment,
    /// Whether it was withdrawn.
    revoked: bool,
    /// Whether one more may register by it now.
    good: bool,
}

impl Told {
    fn new(token: &InitialAccess, now: Timestamp) -> Self {
        Self {
            uses: token.uses,
            used: token.used,
            expires_at: token.expires.into(),
            revoked: token.revoked,
            good: token.is_good(now),
        }
    }
}

/// How far an initial access token is used up.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/initial-access-tokens/{id}",
    tag = "applications",
    params(ById, AtLeast),
    responses(
        (status = 200, description = "The token", body = Told),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn get_initial_access(
    State(queries): State<Queries>,
    read: Read<actions::ApplicationsRead>,
    Id(id): Id<Uuid>,
) -> Result<Response, Problem> {
    let kernel = queries.edge.kernel();
    let token = kernel.latest::<InitialAccess>(read.realm().id, id).await?;
    if !token.state.exists() {
        return Err(missing());
    }
    Ok(whole(token.version, &Told::new(&token.state, kernel.now())))
}
