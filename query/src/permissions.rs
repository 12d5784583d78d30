//! The roles that users and applications hold, as they are read.
//! The rule: what is allowed is never decided from here; that is asked of the subject, live.

use axum::{extract::State, response::Response};
use events::{
    ids::{ApplicationId, RealmId, UserId},
    permissions::Role,
};
use projections::{applications, permissions};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Problem, actions};

use crate::{
    Queries,
    etag::single,
    failure::unreadable,
    position::AtLeast,
    read::{Id, Read, missing},
    users,
    wire::{ById, Moment},
};

pub(crate) fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new()
        .routes(routes!(list_user_roles))
        .routes(routes!(list_application_roles))
}

/// The roles of a principal. There are few of them: they are always one page.
#[derive(Debug, Serialize, ToSchema)]
struct Roles {
    /// The user or the application.
    id: Uuid,
    /// What it holds.
    items: Vec<HeldRole>,
    /// Always `null`.
    next_page_token: Option<String>,
    /// When they last changed; `null` if they never did.
    updated_at: Option<Moment>,
    /// The version of the assignments, as `If-Match` takes it; 0 while none was ever given.
    version: u64,
}

/// A role that is held.
#[derive(Debug, Serialize, ToSchema)]
struct HeldRole {
    /// `platform-administrator`, `realm-administrator`, `auditor` or `application`.
    #[schema(example = "auditor")]
    role: &'static str,
}

async fn roles(queries: &Queries, realm: RealmId, id: Uuid) -> Result<Roles, Problem> {
    let row = permissions::get(&queries.reads, realm, id)
        .await
        .map_err(unreadable)?;
    let (held, updated_at, version) = row.map_or_else(Default::default, |row| {
        (row.roles, Some(row.updated_at), row.version)
    });
    Ok(Roles {
        id,
        items: held
            .into_iter()
            .map(|role: Role| HeldRole { role: role.as_str() })
            .collect(),
        next_page_token: None,
        updated_at: updated_at.map(Moment),
        version,
    })
}

/// The roles of a user.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/users/{id}/roles",
    tag = "permissions",
    params(ById, AtLeast),
    responses(
        (status = 200, description = "The roles", body = Roles),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_user_roles(
    State(queries): State<Queries>,
    read: Read<actions::RolesRead>,
    Id(id): Id<UserId>,
) -> Result<Response, Problem> {
    let realm = read.realm().id;
    users::known(&queries, realm, id).await?;
    let roles = roles(&queries, realm, id.0).await?;
    Ok(single(&read.headers, roles.version, &roles))
}

/// The roles of an application.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/applications/{id}/roles",
    tag = "permissions",
    params(ById, AtLeast),
    responses(
        (status = 200, description = "The roles", body = Roles),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_application_roles(
    State(queries): State<Queries>,
    read: Read<actions::RolesRead>,
    Id(id): Id<ApplicationId>,
) -> Result<Response, Problem> {
    let realm = read.realm().id;
    applications::get(&queries.reads, realm, id)
        .await
        .map_err(unreadable)?
        .ok_or_else(missing)?;
    let roles = roles(&queries, realm, id.0).await?;
    Ok(single(&read.headers, roles.version, &roles))
}
