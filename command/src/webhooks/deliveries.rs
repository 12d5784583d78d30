//! Deliveries that an administrator asks for: a test, or what was delivered before. The rule: what is asked for is activity that the
//! reactor follows like any other, so that it is neither lost nor done by whoever asks.

use axum::extract::State;
use events::{
    ids::{RealmId, WebhookId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    subject::{Lane, Stream, Subject},
    webhooks::{Webhook, deliveries::DeliveryEvent},
};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};

use super::Rejection;
use crate::{At, Commands, Faults};

/// Most events of one request.
const RANGE: u64 = 10_000;

/// Has an endpoint told of something.
#[derive(Clone, Debug)]
pub struct RequestDelivery {
    /// Its realm.
    pub realm: RealmId,
    /// Which.
    pub webhook: WebhookId,
    /// What is asked for.
    pub asked: DeliveryEvent,
}

#[async_trait::async_trait]
impl Decide for RequestDelivery {
    type State = Webhook;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Webhook, KernelError> {
        Ok(reader.beside::<Webhook>(self.realm, self.webhook.0).await?.state)
    }

    fn decide(&self, webhook: &Webhook, _: &Context) -> Result<Decision, Rejection> {
        if !webhook.exists {
            return Err(Rejection::NotFound);
        }
        if !webhook.is_told() {
            return Err(Rejection::Disabled);
        }
        Ok(Decision::nothing(Subject::webhook(self.webhook)).noting(self.asked.clone()))
    }
}

/// Send an endpoint a test delivery: the event `webhook.pinged`, whatever its filter. What becomes of it is among its deliveries.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/webhooks/{id}/ping", tag = "webhooks",
    operation_id = "ping_webhook",
    extensions(("x-events" = json!([
        "webhook.pinged", "webhook.delivered", "webhook.delivery_failed", "webhook.degraded", "webhook.recovered"
    ]))),
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The webhook's id"),
    ),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn ping(
    State(commands): State<Commands>,
    at: At<(String, WebhookId)>,
    command: Command<actions::WebhooksManage, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, webhook)) = at?;
    let Command { realm, context, .. } = command;
    let command = RequestDelivery {
        realm: realm.id,
        webhook,
        asked: DeliveryEvent::Pinged { webhook },
    };
    commands.change(&context, &command).await
}

/// Which events to deliver once more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedeliveryBody {
    /// Of which lane: `facts` or `activity`.
    #[schema(value_type = String, example = "facts")]
    lane: Lane,
    /// The first, by its seq.
    #[schema(minimum = 1)]
    first: u64,
    /// The last, by its seq; the same for one event. At most 10,000 events.
    last: u64,
}

/// Deliver events to an endpoint once more, as far as its filter has them, behind what waits. They carry the same ids as before.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/webhooks/{id}/deliveries", tag = "webhooks",
    operation_id = "redeliver_to_webhook",
    extensions(("x-events" = json!([
        "webhook.redelivery_requested", "webhook.delivered", "webhook.delivery_failed"
    ]))),
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The webhook's id"),
    ),
    request_body = RedeliveryBody,
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn redeliver(
    State(commands): State<Commands>,
    at: At<(String, WebhookId)>,
    command: Command<actions::WebhooksManage, RedeliveryBody>,
) -> Result<Answer, Problem> {
    let Path((_, webhook)) = at?;
    let Command {
        realm, context, body, ..
    } = command;
    let RedeliveryBody { lane, first, last } = body;
    let stream = Stream {
        realm: realm.id,
        lane,
    };
    let head = commands.edge.kernel().head(stream).await?.seq;
    let mut faults = Faults::default();
    faults.unless(first >= 1, "first", "must be at least 1");
    faults.unless(
        last >= first && last <= head,
        "last",
        format!("must be at least first, and at most {head}, where the stream ends"),
    );
    faults.unless(
        last < first.saturating_add(RANGE),
        "last",
        format!("must be less than {RANGE} after first"),
    );
    faults.into_result()?;
    let asked = DeliveryEvent::RedeliveryRequested {
        webhook,
        lane,
        first,
        last,
    };
    let command = RequestDelivery {
        realm: realm.id,
        webhook,
        asked,
    };
    commands.change(&context, &command).await
}
