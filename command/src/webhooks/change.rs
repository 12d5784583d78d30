//! Changing an endpoint. The rule: the settings are judged as a whole after the change, and events go by the new filter from then on.

use axum::extract::State;
use events::{
    ids::{RealmId, WebhookId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    subject::{Stream, Subject},
    webhooks::{Routes, Webhook, WebhookEvent},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Answer, Command, CommandAnswer, Path, Problem, actions};

use super::{Rejection, rules};
use crate::{
    At, Commands, Faults,
    body::{present, removable, replace},
};

/// What to change: absent stays, lists are replaced, `null` removes.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
pub struct WebhookPatch {
    /// Where events are posted to.
    #[serde(default, deserialize_with = "present")]
    pub url: Option<String>,
    /// What it is for.
    #[serde(default, deserialize_with = "removable")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<String>>,
    /// Which events: names (`user.registered`) or beginnings (`user.*`); all if empty.
    #[serde(default, deserialize_with = "present")]
    pub events: Option<Vec<String>>,
    /// Only events of these subjects, each `<kind>:<id>`; of all if empty.
    #[serde(default, deserialize_with = "present")]
    pub subjects: Option<Vec<String>>,
    /// Only events of these applications, or caused through them; of all if empty.
    #[serde(default, deserialize_with = "present")]
    pub applications: Option<Vec<Uuid>>,
    /// How many deliveries a second it takes at most (1 to 1,000).
    #[serde(default, deserialize_with = "removable")]
    #[schema(value_type = Option<u32>)]
    pub per_second: Option<Option<u32>>,
}

/// Changes an endpoint.
#[derive(Clone, Debug)]
pub struct ChangeWebhook {
    /// Its realm.
    pub realm: RealmId,
    /// Which.
    pub webhook: WebhookId,
    /// What to change.
    pub patch: WebhookPatch,
}

#[async_trait::async_trait]
impl Decide for ChangeWebhook {
    type State = Webhook;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Webhook, KernelError> {
        reader.subject::<Routes>(self.realm.0).await?;
        Ok(reader.subject::<Webhook>(self.webhook.0).await?.state)
    }

    fn decide(&self, webhook: &Webhook, _: &Context) -> Result<Decision, Rejection> {
        if !webhook.exists {
            return Err(Rejection::NotFound);
        }
        let patch = self.patch.clone();
        let mut faults = Faults::default();
        let mut settings = webhook.settings.clone();
        let written = rules::Written {
            events: self.patch.events.as_deref(),
            subjects: self.patch.subjects.as_deref(),
            applications: self.patch.applications.as_deref(),
        };
        settings.filter = written.onto(&settings.filter, &mut faults);
        replace(&mut settings.url, patch.url);
        replace(&mut settings.description, patch.description);
        replace(&mut settings.per_second, patch.per_second);
        rules::check(&settings, &mut faults);
        faults.into_result()?;
        let subject = Subject::webhook(self.webhook);
        if settings == webhook.settings {
            return Ok(Decision::nothing(subject));
        }
        let filter = settings.filter.clone();
        let decision = Decision::of(subject, WebhookEvent::Changed { settings });
        if !webhook.is_told() || filter == webhook.settings.filter {
            return Ok(decision);
        }
        let webhook = self.webhook;
        let routed = WebhookEvent::Routed { webhook, filter };
        Ok(decision.and(Subject::webhook_routes(self.realm), routed))
    }
}

/// Change an endpoint.
#[utoipa::path(
    patch, path = "/command/v1/realms/{realm}/webhooks/{id}", tag = "webhooks",
    operation_id = "change_webhook",
    extensions(("x-events" = json!(["webhook.changed", "webhook.routed"]))),
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The webhook's id"),
    ),
    request_body = WebhookPatch,
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn change(
    State(commands): State<Commands>,
    at: At<(String, WebhookId)>,
    command: Command<actions::WebhooksManage, WebhookPatch>,
) -> Result<Answer, Problem> {
    let Path((_, webhook)) = at?;
    let Command {
        realm, context, body, ..
    } = command;
    let command = ChangeWebhook {
        realm: realm.id,
        webhook,
        patch: body,
    };
    commands.change(&context, &command).await
}
