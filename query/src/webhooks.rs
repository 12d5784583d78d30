//! Webhooks and what was delivered to them, as they are read.
//! The rule: a secret is shown once, by the command that made it; a public key is.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::{
    event::Event,
    ids::{EventId, WebhookId},
    webhooks::{DisabledBy, Signature},
};
use projections::webhooks::{self, Attempt, DeliveryFilter, DeliveryRow, DeliveryStatus, Secret, WebhookRow};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use web::{Problem, actions};

use crate::{
    Queries,
    etag::{NO_STORE, single},
    failure::{unknowable, unreadable},
    paging::{Page, Pages, Paging, one_more},
    params::{AsOf, FromParameters, Parameters},
    position::AtLeast,
    read::{Id, Read, missing},
    wire::{ById, InRealm, Moment},
};

pub(crate) fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new()
        .routes(routes!(list_webhooks))
        .routes(routes!(get_webhook))
        .routes(routes!(list_deliveries))
}

/// An endpoint that is told what happens in a realm.
#[derive(Debug, Serialize, ToSchema)]
struct Webhook {
    /// Its id.
    id: Uuid,
    /// Where events are posted to.
    url: String,
    /// What it is for.
    description: Option<String>,
    /// Which events: names or beginnings; all if empty.
    events: Vec<String>,
    /// Only events of these subjects, each `<kind>:<id>`; of all if empty.
    subjects: Vec<String>,
    /// Only events of these applications, or caused through them; of all if empty.
    applications: Vec<Uuid>,
    /// How many deliveries a second it takes at most; `null` if that is not limited.
    per_second: Option<u32>,
    /// `active` or `disabled`.
    #[schema(example = "active")]
    status: &'static str,
    /// Why it is disabled: by `hand`, since it is `gone` (it answered 410), or after days of `failing`; `null` if it is not.
    #[schema(value_type = Option<String>, example = "failing")]
    disabled_by: Option<DisabledBy>,
    /// Since when deliveries fail; `null` if they do not.
    failing_since: Option<Moment>,
    /// Its secrets, oldest first, without the secrets themselves.
    secrets: Vec<WebhookSecret>,
    /// When it was registered.
    created_at: Moment,
    /// When it last changed.
    updated_at: Moment,
    /// Its version.
    version: u64,
}

/// A secret of a webhook, without the secret.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookSecret {
    /// Its id.
    id: Uuid,
    /// `hmac` or `ed25519`.
    #[schema(value_type = String, example = "hmac")]
    signature: Signature,
    /// What verifies `ed25519` signatures; `null` for `hmac`.
    public_key: Option<String>,
    /// When it was added.
    created_at: Moment,
    /// Until when it is good; `null` if it was not replaced.
    expires_at: Option<Moment>,
}

impl From<Secret> for WebhookSecret {
    fn from(secret: Secret) -> Self {
        Self {
            id: secret.id.0,
            signature: secret.signature,
            public_key: secret.public_key.map(|key| format!("whpk_{key}")),
            created_at: secret.created_at.into(),
            expires_at: secret.until.map(Moment),
        }
    }
}

impl From<WebhookRow> for Webhook {
    fn from(row: WebhookRow) -> Self {
        let (settings, filter) = (row.settings.clone(), row.settings.filter);
        Self {
            id: row.id.0,
            url: settings.url,
            description: settings.description,
            events: filter.events,
            subjects: filter.subjects,
            applications: filter.applications.iter().map(|id| id.0).collect(),
            per_second: settings.per_second,
            status: if row.disabled.is_some() {
                "disabled"
            } else {
                "active"
            },
            disabled_by: row.disabled,
            failing_since: row.failing_since.map(Moment),
            secrets: row.secrets.into_iter().map(WebhookSecret::from).collect(),
            created_at: row.created_at.into(),
            updated_at: row.updated_at.into(),
            version: row.version,
        }
    }
}

/// What became of an event at a webhook.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookDelivery {
    /// The event's id, which is its `webhook-id`.
    id: Uuid,
    /// The event's name.
    #[serde(rename = "type")]
    #[schema(example = "user.registered")]
    event_type: String,
    /// Its lane.
    lane: &'static str,
    /// Its seq.
    seq: u64,
    /// `delivered`, `failing` (it is tried again) or `failed` (it was given up).
    #[schema(value_type = String, example = "delivered")]
    status: DeliveryStatus,
    /// How many attempts there were.
    attempt_count: u64,
    /// The attempts, oldest first: the last 24.
    attempts: Vec<WebhookAttempt>,
    /// When the first was.
    first_at: Moment,
    /// When the last was.
    last_at: Moment,
}

/// One attempt to deliver.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookAttempt {
    /// When.
    at: Moment,
    /// How long it took.
    milliseconds: u64,
    /// The status that was answered; `null` if none was.
    status: Option<u16>,
    /// A few headers of the answer.
    headers: BTreeMap<String, String>,
    /// Why there was no answer; `null` if there was one.
    error: Option<String>,
}

impl From<Attempt> for WebhookAttempt {
    fn from(attempt: Attempt) -> Self {
        Self {
            at: attempt.at.into(),
            milliseconds: attempt.milliseconds,
            status: attempt.status,
            headers: attempt.headers,
            error: attempt.error,
        }
    }
}

impl From<DeliveryRow> for WebhookDelivery {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.event.0,
            event_type: row.event_type,
            lane: row.lane.as_str(),
            seq: row.seq,
            status: row.status,
            attempt_count: row.count,
            attempts: row.attempts.into_iter().map(WebhookAttempt::from).collect(),
            first_at: row.first_at.into(),
            last_at: row.last_at.into(),
        }
    }
}

/// The webhooks of a realm, in the order of their registration.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/webhooks",
    tag = "webhooks",
    params(InRealm, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of webhooks", body = Page<Webhook>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_webhooks(
    State(queries): State<Queries>,
    read: Read<actions::WebhooksRead, Paging>,
) -> Result<Response, Problem> {
    let (realm, paging) = (read.realm().id, &read.parameters);
    let pages = Pages::new(&queries.edge, realm, "webhooks", &read.filter);
    let after = pages.start::<WebhookId>(paging.page_token.as_deref()).await?;
    let rows = webhooks::list(&queries.reads, realm, after, one_more(paging.page_size))
        .await
        .map_err(unreadable)?;
    let page = pages
        .page(rows, paging.page_size, |row| row.id, Webhook::from)
        .await?;
    Ok(([NO_STORE], Json(page)).into_response())
}

/// A webhook, now or as it was.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/webhooks/{id}",
    tag = "webhooks",
    params(ById, AsOf, AtLeast),
    responses(
        (status = 200, description = "The webhook", body = Webhook),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn get_webhook(
    State(queries): State<Queries>,
    read: Read<actions::WebhooksRead, AsOf>,
    Id(id): Id<WebhookId>,
) -> Result<Response, Problem> {
    let (kernel, realm) = (queries.edge.kernel(), read.realm().id);
    let row = match read.parameters.moment(kernel.now())? {
        Some(moment) => webhooks::as_of(kernel, realm, id, moment)
            .await
            .map_err(unknowable)?,
        None => webhooks::get(&queries.reads, realm, id)
            .await
            .map_err(unreadable)?,
    };
    let webhook = Webhook::from(row.ok_or_else(missing)?);
    Ok(single(&read.headers, webhook.version, &webhook))
}

/// Which deliveries. Filters that stand side by side all hold.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct DeliverySearch {
    /// Only deliveries that are `delivered`, `failing` or `failed`.
    #[param(value_type = Option<String>, example = "failing")]
    status: Option<DeliveryStatus>,
    /// Only deliveries of events of this name.
    #[param(rename = "type", value_type = Option<String>, example = "user.registered")]
    event_type: Option<&'static str>,
    /// Only the delivery of this event.
    event: Option<Uuid>,
}

impl FromParameters for DeliverySearch {
    fn from_parameters(parameters: &mut Parameters<'_>) -> Self {
        let statuses = [
            ("delivered", DeliveryStatus::Delivered),
            ("failing", DeliveryStatus::Failing),
            ("failed", DeliveryStatus::Failed),
        ];
        Self {
            status: parameters.one_of("status", &statuses),
            event_type: parameters.value("type", "the name of an event, such as user.registered", |name| {
                Event::kind_of(name).ok().map(|kind| kind.name)
            }),
            event: parameters.id("event"),
        }
    }
}

/// What was delivered to a webhook, in the order of the events.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/webhooks/{id}/deliveries",
    tag = "webhooks",
    params(ById, DeliverySearch, Paging, AtLeast),
    responses(
        (status = 200, description = "A page of deliveries", body = Page<WebhookDelivery>),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn list_deliveries(
    State(queries): State<Queries>,
    read: Read<actions::WebhooksRead, (DeliverySearch, Paging)>,
    Id(id): Id<WebhookId>,
) -> Result<Response, Problem> {
    let realm = read.realm().id;
    let (search, paging) = &read.parameters;
    let webhook = webhooks::get(&queries.reads, realm, id)
        .await
        .map_err(unreadable)?;
    webhook.ok_or_else(missing)?;
    let filter = DeliveryFilter {
        status: search.status,
        event_type: search.event_type.map(str::to_owned),
        event: search.event.map(EventId),
    };
    let list = format!("webhooks/{id}/deliveries");
    let pages = Pages::new(&queries.edge, realm, &list, &read.filter);
    let after = pages.start::<EventId>(paging.page_token.as_deref()).await?;
    let size = one_more(paging.page_size);
    let rows = webhooks::deliveries(&queries.reads, realm, id, &filter, after, size)
        .await
        .map_err(unreadable)?;
    let page = pages
        .page(rows, paging.page_size, |row| row.event, WebhookDelivery::from)
        .await?;
    Ok(([NO_STORE], Json(page)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::assert_described;

    #[test]
    fn the_filters_are_described() {
        assert_described::<DeliverySearch>();
    }
}
