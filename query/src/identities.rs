//! What a user is known as at identity providers, as it is read. The rule: whether an identity counts is asked of the subject, live.

use axum::{extract::State, response::Response};
use events::{clock::Timestamp, ids::UserId};
use projections::identities;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Problem, actions};

use crate::{
    Queries,
    credentials::page_of,
    paging::{Page, Paging},
    position::AtLeast,
    read::{Id, Read},
    wire::{ById, Moment},
};

pub(crate) fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new().routes(routes!(list_user_identities))
}

/// What a user is known as at an identity provider.
#[derive(Debug, Serialize, ToSchema)]
struct Identity {
    /// Its id.
    id: Uuid,
    /// The provider through which it was linked.
    provider: Uuid,
    /// The provider's issuer identifier.
    #[schema(example = "https://accounts.google.com")]
    issuer: String,
    /// What the issuer calls the user (`sub`); `null` once erased.
    subject: Option<String>,
    /// What the user is known as there, such as an address; `null` if that was not told, or erased.
    name: Option<String>,
    /// When it was linked.
    created_at: Moment,
    /// When it was last used in a sign-in; `null` if it never was.
    last_used_at: Option<Moment>,
}

impl Identity {
    fn new(row: identities::IdentityRow, used: Option<Timestamp>) -> Self {
        Self {
            id: row.id.0,
            provider: row.provider.0,
            issuer: row.issuer,
            subject: row.subject,
            name: row.name,
            created_at: row.linked_at.into(),
            last_used_at: used.map(Moment),
        }
    }
}

/// A user's identities, in the order of their linking.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/users/{id}/identities",
    tag = "users",
    params(ById, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of identities", body = Page<Identity>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_user_identities(
    State(queries): State<Queries>,
    read: Read<actions::CredentialsRead, Paging>,
    Id(id): Id<UserId>,
) -> Result<Response, Problem> {
    let reads = &queries.reads;
    let rows = |realm, after, limit| identities::identities(reads, realm, id, after, limit);
    page_of(
        &queries,
        &read,
        id,
        "identities",
        rows,
        |row| row.id,
        Identity::new,
    )
    .await
}
