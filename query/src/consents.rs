//! What a user allows applications, as it is read.
//! The rule: whether something is allowed is never decided from here; that is asked of the subject, live.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::ids::{ApplicationId, UserId};
use projections::compliance::{self, ConsentRow};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Problem, actions};

use crate::{
    Queries,
    etag::NO_STORE,
    failure::unreadable,
    paging::{Page, Pages, Paging, one_more},
    position::AtLeast,
    read::{Id, Read},
    users,
    wire::{ById, Moment},
};

pub(crate) fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new().routes(routes!(list_user_consents))
}

/// What a user allows one application.
#[derive(Debug, Serialize, ToSchema)]
struct Consent {
    /// The application's id (its `client_id` may be another).
    application: Uuid,
    /// The scopes.
    scopes: Vec<String>,
    /// The claims beyond those of the scopes, by their names in OpenID Connect.
    claims: Vec<String>,
    /// When it was last given, or more of it.
    given_at: Moment,
    /// Its version.
    version: u64,
}

impl From<ConsentRow> for Consent {
    fn from(row: ConsentRow) -> Self {
        Self {
            application: row.application.0,
            scopes: row.scopes,
            claims: row.claims,
            given_at: row.given_at.into(),
            version: row.version,
        }
    }
}

/// What a user allows applications, in the order of their ids; what was withdrawn is not there.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/users/{id}/consents",
    tag = "users",
    params(ById, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of consents", body = Page<Consent>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_user_consents(
    State(queries): State<Queries>,
    read: Read<actions::ConsentsRead, Paging>,
    Id(id): Id<UserId>,
) -> Result<Response, Problem> {
    let realm = read.realm().id;
    users::known(&queries, realm, id).await?;
    let paging = &read.parameters;
    let pages = Pages::new(
        &queries.edge,
        realm,
        &format!("users/{id}/consents"),
        &read.filter,
    );
    let after = pages.start::<ApplicationId>(paging.page_token.as_deref()).await?;
    let rows = compliance::of_user(&queries.reads, realm, id, after, one_more(paging.page_size))
        .await
        .map_err(unreadable)?;
    let page = pages
        .page(rows, paging.page_size, |row| row.application, Consent::from)
        .await?;
    Ok(([NO_STORE], Json(page)).into_response())
}
