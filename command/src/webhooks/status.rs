//! Whether an endpoint is told. The rule: what is disabled or deleted is told nothing more, also nothing that waited for it.

use axum::extract::State;
use events::{
    ids::{CredentialId, RealmId, WebhookId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    subject::{Stream, Subject},
    webhooks::{DisabledBy, Routes, Webhook, WebhookEvent},
};
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};

use super::{MOST, Rejection, secrets::destroy};
use crate::{At, Commands};

/// What an endpoint becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// Told.
    Enabled,
    /// Not told.
    Disabled(DisabledBy),
    /// Gone, with its secrets.
    Deleted,
}

/// Disables, enables or deletes an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct SetWebhookStatus {
    /// Its realm.
    pub realm: RealmId,
    /// Which.
    pub webhook: WebhookId,
    /// What it becomes.
    pub becomes: Becomes,
}

#[async_trait::async_trait]
impl Decide for SetWebhookStatus {
    type State = (Webhook, Routes);
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        Ok((
            reader.subject::<Webhook>(self.webhook.0).await?.state,
            reader.subject::<Routes>(self.realm.0).await?.state,
        ))
    }

    fn decide(&self, (webhook, routes): &Self::State, _: &Context) -> Result<Decision, Rejection> {
        if !webhook.exists {
            return Err(Rejection::NotFound);
        }
        let subject = Subject::webhook(self.webhook);
        let event = match (self.becomes, webhook.disabled) {
            (Becomes::Enabled, None) | (Becomes::Disabled(_), Some(_)) => {
                return Ok(Decision::nothing(subject));
            }
            (Becomes::Enabled, Some(_)) => WebhookEvent::Enabled {},
            (Becomes::Disabled(by), None) => WebhookEvent::Disabled { by },
            (Becomes::Deleted, _) => WebhookEvent::Deleted {},
        };
        let decision = Decision::of(subject, event);
        let all = Subject::webhook_routes(self.realm);
        let of = self.webhook;
        Ok(match (self.becomes, routes.0.contains_key(&of)) {
            (Becomes::Enabled, false) if routes.0.len() >= MOST => return Err(Rejection::TooMany),
            (Becomes::Enabled, false) => {
                let filter = webhook.settings.filter.clone();
                decision.and(all, WebhookEvent::Routed { webhook: of, filter })
            }
            (Becomes::Disabled(_) | Becomes::Deleted, true) => {
                decision.and(all, WebhookEvent::Unrouted { webhook: of })
            }
            (Becomes::Enabled, true) | (Becomes::Disabled(_) | Becomes::Deleted, false) => decision,
        })
    }
}

async fn set(
    commands: &Commands,
    at: At<(String, WebhookId)>,
    command: Command<actions::WebhooksManage>,
    becomes: Becomes,
) -> Result<Answer, Problem> {
    let Path((_, webhook)) = at?;
    let Command { realm, context, .. } = command;
    let secrets: Vec<CredentialId> = match becomes {
        Becomes::Deleted => {
            let known = commands
                .edge
                .kernel()
                .latest::<Webhook>(realm.id, webhook.0)
                .await?;
            known
                .state
                .secrets
                .iter()
                .map(|secret| secret.credential)
                .collect()
        }
        Becomes::Enabled | Becomes::Disabled(_) => Vec::new(),
    };
    let command = SetWebhookStatus {
        realm: realm.id,
        webhook,
        becomes,
    };
    let answer = commands.change(&context, &command).await?;
    for credential in secrets {
        destroy(commands, realm.id, credential, context.now).await;
    }
    Ok(answer)
}

/// Tell an endpoint nothing more, until it is enabled.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/webhooks/{id}/disable", tag = "webhooks",
    operation_id = "disable_webhook",
    extensions(("x-events" = json!(["webhook.disabled", "webhook.unrouted"]))),
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The webhook's id"),
    ),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn disable(
    State(commands): State<Commands>,
    at: At<(String, WebhookId)>,
    command: Command<actions::WebhooksManage, Empty>,
) -> Result<Answer, Problem> {
    set(&commands, at, command, Becomes::Disabled(DisabledBy::Hand)).await
}

/// Tell an endpoint again what happens from now on.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/webhooks/{id}/enable", tag = "webhooks",
    operation_id = "enable_webhook",
    extensions(("x-events" = json!(["webhook.enabled", "webhook.routed"]))),
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The webhook's id"),
    ),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn enable(
    State(commands): State<Commands>,
    at: At<(String, WebhookId)>,
    command: Command<actions::WebhooksManage, Empty>,
) -> Result<Answer, Problem> {
    set(&commands, at, command, Becomes::Enabled).await
}

/// Delete an endpoint, with its secrets.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/webhooks/{id}", tag = "webhooks",
    operation_id = "delete_webhook",
    extensions(("x-events" = json!(["webhook.deleted", "webhook.unrouted"]))),
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The webhook's id"),
    ),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn delete(
    State(commands): State<Commands>,
    at: At<(String, WebhookId)>,
    command: Command<actions::WebhooksManage, Empty>,
) -> Result<Answer, Problem> {
    set(&commands, at, command, Becomes::Deleted).await
}
