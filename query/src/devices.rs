//! The devices that a user signs in on, as they are read. The rule: whether one is trusted is never decided from here; that is asked of the
//! subject, live.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::ids::{DeviceId, UserId};
use projections::devices::{self, DeviceRow};
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
    OpenApiRouter::new().routes(routes!(list_user_devices))
}

/// A device that a user signs in on.
#[derive(Debug, Serialize, ToSchema)]
struct Device {
    /// Its id.
    id: Uuid,
    /// What its user calls it; `null` where they do not.
    name: Option<String>,
    /// Its browser and system, in words, such as `Firefox on Linux`; `null` once erased.
    agent: Option<String>,
    /// When its user first signed in on it.
    first_seen_at: Moment,
    /// When they last did.
    last_seen_at: Moment,
    /// Until when no second factor is asked for on it, unless all sessions were ended since; `null` where it is.
    trusted_until: Option<Moment>,
}

impl From<DeviceRow> for Device {
    fn from(row: DeviceRow) -> Self {
        Self {
            id: row.id.0,
            name: row.name,
            agent: row.agent,
            first_seen_at: row.first_at.into(),
            last_seen_at: row.last_at.into(),
            trusted_until: row.trusted_until.map(Moment),
        }
    }
}

/// The devices that a user signs in on, in the order in which they were first seen; what was revoked is not there.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/users/{id}/devices",
    tag = "users",
    params(ById, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of devices", body = Page<Device>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_user_devices(
    State(queries): State<Queries>,
    read: Read<actions::SessionsRead, Paging>,
    Id(id): Id<UserId>,
) -> Result<Response, Problem> {
    let realm = read.realm().id;
    users::known(&queries, realm, id).await?;
    let paging = &read.parameters;
    let pages = Pages::new(&queries.edge, realm, &format!("users/{id}/devices"), &read.filter);
    let after = pages.start::<DeviceId>(paging.page_token.as_deref()).await?;
    let rows = devices::of_user(&queries.reads, realm, id, after, one_more(paging.page_size))
        .await
        .map_err(unreadable)?;
    let page = pages
        .page(rows, paging.page_size, |row| row.id, Device::from)
        .await?;
    Ok(([NO_STORE], Json(page)).into_response())
}
