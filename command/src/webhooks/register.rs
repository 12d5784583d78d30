//! Registering an endpoint. The rule: it is told from its first moment on, and its secret is shown this once.

use axum::extract::State;
use events::{
    ids::{RealmId, WebhookId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    subject::{Stream, Subject},
    webhooks::{Filter, Routes, Signature, Webhook, WebhookEvent, WebhookSettings},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Answer, Command, CommandAnswer, Problem, actions};

use super::{MOST, Rejection, rules, secrets::NewSecret};
use crate::{Commands, Faults, body::present, failed};

/// Registers an endpoint.
#[derive(Clone, Debug)]
pub struct RegisterWebhook {
    /// Its realm.
    pub realm: RealmId,
    /// Its id.
    pub webhook: WebhookId,
    /// Its settings.
    pub settings: WebhookSettings,
    /// Its secret.
    pub secret: NewSecret,
}

#[async_trait::async_trait]
impl Decide for RegisterWebhook {
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

    fn decide(&self, (webhook, routes): &Self::State, context: &Context) -> Result<Decision, Rejection> {
        if webhook.exists {
            return Err(Rejection::Exists);
        }
        let mut faults = Faults::default();
        rules::check(&self.settings, &mut faults);
        faults.into_result()?;
        if routes.0.len() >= MOST {
            return Err(Rejection::TooMany);
        }
        let subject = Subject::webhook(self.webhook);
        let registered = WebhookEvent::Registered {
            settings: self.settings.clone(),
        };
        let routed = WebhookEvent::Routed {
            webhook: self.webhook,
            filter: self.settings.filter.clone(),
        };
        Ok(Decision::of(subject, registered)
            .and(subject, self.secret.event(context.now))
            .and(Subject::webhook_routes(self.realm), routed))
    }
}

/// A new endpoint.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookBody {
    /// Where events are posted to: https, on the public network. It holds no secret, since it is not kept as one.
    #[schema(example = "https://receiver.example/hooks/chancery")]
    url: String,
    /// What it is for (at most 200 characters).
    #[serde(default, deserialize_with = "present")]
    description: Option<String>,
    /// Which events: names (`user.registered`) or beginnings (`user.*`); all if empty or absent.
    #[serde(default, deserialize_with = "present")]
    events: Option<Vec<String>>,
    /// Only events of these subjects, each `<kind>:<id>`; of all if empty or absent.
    #[serde(default, deserialize_with = "present")]
    subjects: Option<Vec<String>>,
    /// Only events of these applications, or caused through them; of all if empty or absent.
    #[serde(default, deserialize_with = "present")]
    applications: Option<Vec<Uuid>>,
    /// How many deliveries a second it takes at most (1 to 1,000).
    #[serde(default, deserialize_with = "present")]
    per_second: Option<u32>,
    /// `hmac` (Standard Webhooks `v1`; the default) or `ed25519` (`v1a`).
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "hmac")]
    signature: Option<Signature>,
}

/// Register an endpoint that is told what happens. The answer shows its secret, once, as `secret` (with `ed25519` the public key, as
/// `public_key`).
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/webhooks", tag = "webhooks",
    operation_id = "register_webhook",
    extensions(("x-events" = json!(["webhook.registered", "webhook.secret_added", "webhook.routed"]))),
    params(("realm" = String, Path, description = "The realm's name or id")),
    request_body = WebhookBody,
    responses((status = 201, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn register(
    State(commands): State<Commands>,
    command: Command<actions::WebhooksManage, WebhookBody>,
) -> Result<Answer, Problem> {
    let Command {
        realm, context, body, ..
    } = command;
    let kernel = commands.edge.kernel();
    let written = rules::Written {
        events: body.events.as_deref(),
        subjects: body.subjects.as_deref(),
        applications: body.applications.as_deref(),
    };
    let mut faults = Faults::default();
    let filter = written.onto(&Filter::default(), &mut faults);
    faults.into_result()?;
    let signature = body.signature.unwrap_or(Signature::Hmac);
    let command = RegisterWebhook {
        realm: realm.id,
        webhook: WebhookId(context.new_id()),
        settings: WebhookSettings {
            url: body.url,
            description: body.description,
            filter,
            per_second: body.per_second,
        },
        secret: NewSecret::make(&context, &**kernel.random(), signature)?,
    };
    let outcome = kernel.execute(&context, &command).await.map_err(failed)?;
    let location = format!("/query/v1/realms/{}/webhooks/{}", realm.id, outcome.receipt.id);
    let repeated = outcome.repeated;
    let answer = Answer::created(outcome, location);
    Ok(if repeated {
        answer
    } else {
        command.secret.shown(answer)
    })
}

#[cfg(test)]
mod tests {
    use events::{
        clock::SystemRandom,
        event::Event,
        testing::{context, given},
    };

    use super::*;

    const REALM: RealmId = RealmId(Uuid::from_u128(7));

    fn register(url: &str, routes: &Routes) -> Result<Vec<&'static str>, Rejection> {
        let command = RegisterWebhook {
            realm: REALM,
            webhook: WebhookId(Uuid::from_u128(5)),
            settings: WebhookSettings {
                url: url.to_owned(),
                ..WebhookSettings::default()
            },
            secret: NewSecret::make(&context(), &SystemRandom, Signature::Hmac).unwrap(),
        };
        let decision = command.decide(&(Webhook::default(), routes.clone()), &context())?;
        Ok(decision.events.iter().map(|(_, event)| event.name()).collect())
    }

    #[test]
    fn an_endpoint_is_told_from_its_first_moment_on() {
        let events = register("https://receiver.example/", &Routes::default());
        assert_eq!(
            events,
            Ok(vec![
                "webhook.registered",
                "webhook.secret_added",
                "webhook.routed"
            ])
        );
        let refused = register("http://receiver.example/", &Routes::default());
        assert!(matches!(refused, Err(Rejection::Invalid(faults)) if faults.fields().eq(["url"])));
    }

    #[test]
    fn a_realm_has_so_many_endpoints_and_no_more() {
        let routed = (0..1_000).map(|number| -> Event {
            let webhook = WebhookId(Uuid::from_u128(number));
            let filter = Filter::default();
            WebhookEvent::Routed { webhook, filter }.into()
        });
        let routes = given::<Routes>(REALM.0, routed).state;
        assert_eq!(
            register("https://receiver.example/", &routes),
            Err(Rejection::TooMany)
        );
    }
}
