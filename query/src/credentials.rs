//! What a user has to show who they are besides a password, as it is read: names and dates.
//! The rule: no secret and no digest is here, and whether something counts is asked of the subject, live.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::{
    clock::Timestamp,
    ids::{CredentialId, RealmId, UserId},
};
use projections::{ReadError, credentials};
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
    OpenApiRouter::new()
        .routes(routes!(list_user_totp))
        .routes(routes!(get_user_recovery_codes))
}

/// A device that shows one-time passwords.
#[derive(Debug, Serialize, ToSchema)]
struct TotpDevice {
    /// Its id.
    id: Uuid,
    /// What its owner calls it; `null` once erased.
    name: Option<String>,
    /// When it was enrolled.
    created_at: Moment,
    /// When it was last used in a sign-in; `null` if it never was.
    last_used_at: Option<Moment>,
}

/// A user's recovery codes, without the codes.
#[derive(Debug, Default, Serialize, ToSchema)]
struct RecoveryCodes {
    /// The id of the set; `null` if the user has none.
    id: Option<Uuid>,
    /// How many there were at first.
    count: u64,
    /// How many can still be used.
    remaining: u64,
    /// When they were made; `null` if the user has none.
    created_at: Option<Moment>,
    /// When one was last used in a sign-in; `null` if none was.
    last_used_at: Option<Moment>,
}

/// A user's devices that show one-time passwords, in the order of their enrolment.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/users/{id}/totp",
    tag = "users",
    params(ById, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of devices", body = Page<TotpDevice>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_user_totp(
    State(queries): State<Queries>,
    read: Read<actions::CredentialsRead, Paging>,
    Id(id): Id<UserId>,
) -> Result<Response, Problem> {
    let reads = &queries.reads;
    let rows = |realm, after, limit| credentials::devices(reads, realm, id, after, limit);
    let shown = |row: credentials::TotpRow, used: Option<Timestamp>| TotpDevice {
        id: row.id.0,
        name: row.name,
        created_at: row.enrolled_at.into(),
        last_used_at: used.map(Moment),
    };
    page_of(&queries, &read, id, "totp", rows, |row| row.id, shown).await
}

/// A page of what a user has of one kind to show who they are, in the order in which they got it, each with when it was last used.
pub(crate) async fn page_of<R, F, T>(
    queries: &Queries,
    read: &Read<actions::CredentialsRead, Paging>,
    user: UserId,
    kind: &str,
    rows: impl FnOnce(RealmId, Option<CredentialId>, u32) -> F,
    id: impl Fn(&R) -> CredentialId,
    shown: impl Fn(R, Option<Timestamp>) -> T,
) -> Result<Response, Problem>
where
    F: Future<Output = Result<Vec<R>, ReadError>>,
    T: Serialize,
{
    let (realm, paging) = (read.realm().id, &read.parameters);
    users::known(queries, realm, user).await?;
    let pages = Pages::new(
        &queries.edge,
        realm,
        &format!("users/{user}/{kind}"),
        &read.filter,
    );
    let after = pages.start(paging.page_token.as_deref()).await?;
    let rows = rows(realm, after, one_more(paging.page_size))
        .await
        .map_err(unreadable)?;
    let ids: Vec<_> = rows.iter().map(&id).collect();
    let uses = credentials::last_uses(&queries.reads, realm, &ids)
        .await
        .map_err(unreadable)?;
    let with_use = |row: R| {
        let used = uses.get(&id(&row)).copied();
        shown(row, used)
    };
    let page = pages.page(rows, paging.page_size, &id, with_use).await?;
    Ok(([NO_STORE], Json(page)).into_response())
}

/// A user's recovery codes: how many can still be used; none where the user has no set.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/users/{id}/recovery-codes",
    tag = "users",
    params(ById, AtLeast),
    responses(
        (status = 200, description = "The set", body = RecoveryCodes),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn get_user_recovery_codes(
    State(queries): State<Queries>,
    read: Read<actions::CredentialsRead>,
    Id(id): Id<UserId>,
) -> Result<Response, Problem> {
    let realm = read.realm().id;
    users::known(&queries, realm, id).await?;
    let Some(row) = credentials::recovery_codes(&queries.reads, realm, id)
        .await
        .map_err(unreadable)?
    else {
        return Ok(([NO_STORE], Json(RecoveryCodes::default())).into_response());
    };
    let uses = credentials::last_uses(&queries.reads, realm, &[row.id])
        .await
        .map_err(unreadable)?;
    let codes = RecoveryCodes {
        id: Some(row.id.0),
        count: row.count,
        remaining: row.remaining,
        created_at: Some(row.generated_at.into()),
        last_used_at: uses.get(&row.id).copied().map(Moment),
    };
    Ok(([NO_STORE], Json(codes)).into_response())
}
