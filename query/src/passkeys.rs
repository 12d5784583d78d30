//! A user's passkeys, as they are read: names, dates and kinds. The rule: neither credential ids nor keys are here, and whether
//! one counts is asked of the subject, live.

use axum::{extract::State, response::Response};
use events::{clock::Timestamp, ids::UserId};
use projections::passkeys;
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
    OpenApiRouter::new().routes(routes!(list_user_passkeys))
}

/// A passkey.
#[derive(Debug, Serialize, ToSchema)]
struct Passkey {
    /// Its id.
    id: Uuid,
    /// What its owner calls it; `null` once erased.
    name: Option<String>,
    /// The kind of authenticator (AAGUID), as it says; `null` where it does not.
    aaguid: Option<Uuid>,
    /// Whether the authenticator's maker vouched for that.
    attested: bool,
    /// Whether the authenticator made sure who was there when it was registered.
    user_verified: bool,
    /// Whether it can be copied to other devices.
    backup_eligible: bool,
    /// Whether it is, as of its last use.
    backed_up: bool,
    /// When it was registered.
    created_at: Moment,
    /// When it was last used in a sign-in; `null` if it never was.
    last_used_at: Option<Moment>,
}

impl Passkey {
    fn new(row: passkeys::PasskeyRow, used: Option<Timestamp>) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            aaguid: Some(row.aaguid).filter(|aaguid| !aaguid.is_nil()),
            attested: row.attested,
            user_verified: row.user_verified,
            backup_eligible: row.backup_eligible,
            backed_up: row.backed_up,
            created_at: row.registered_at.into(),
            last_used_at: used.map(Moment),
        }
    }
}

/// A user's passkeys, in the order of their registration.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/users/{id}/passkeys",
    tag = "users",
    params(ById, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of passkeys", body = Page<Passkey>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_user_passkeys(
    State(queries): State<Queries>,
    read: Read<actions::CredentialsRead, Paging>,
    Id(id): Id<UserId>,
) -> Result<Response, Problem> {
    let reads = &queries.reads;
    let rows = |realm, after, limit| passkeys::passkeys(reads, realm, id, after, limit);
    page_of(&queries, &read, id, "passkeys", rows, |row| row.id, Passkey::new).await
}
