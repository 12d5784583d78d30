//! How an endpoint is doing, as its deliveries tell. The rule: failing for some minutes is told, failing for three days disables, and
//! so does an endpoint that says itself that it is gone.

use std::time::Duration;

use events::{
    ids::{RealmId, WebhookId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    subject::{Stream, Subject},
    webhooks::{DisabledBy, Routes, Webhook, WebhookEvent},
};

use super::Rejection;

/// Without a success for so long since it began to fail, an endpoint is disabled.
const PATIENCE: Duration = Duration::from_hours(3 * 24);

/// What a delivery tells of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It takes deliveries.
    Well,
    /// One has failed several times.
    Failing,
    /// It answered 410.
    Gone,
}

impl Sign {
    /// Whether it changes anything of an endpoint in this state: else there is nothing to decide.
    pub fn is_news(self, webhook: &Webhook, context: &Context) -> bool {
        self.becomes(webhook, context).is_some()
    }

    fn becomes(self, webhook: &Webhook, context: &Context) -> Option<WebhookEvent> {
        let long = |since: events::clock::Timestamp| context.now >= since.after(PATIENCE);
        match (self, webhook.failing_since) {
            _ if !webhook.is_told() => None,
            (Sign::Well, None) => None,
            (Sign::Well, Some(_)) => Some(WebhookEvent::Recovered {}),
            (Sign::Gone, _) => Some(WebhookEvent::Disabled { by: DisabledBy::Gone }),
            (Sign::Failing, None) => Some(WebhookEvent::Degraded {}),
            (Sign::Failing, Some(since)) => long(since).then_some(WebhookEvent::Disabled {
                by: DisabledBy::Failing,
            }),
        }
    }
}

/// Takes note of it.
#[derive(Clone, Copy, Debug)]
pub struct NoteHealth {
    /// The endpoint's realm.
    pub realm: RealmId,
    /// Which.
    pub webhook: WebhookId,
    /// What was seen.
    pub sign: Sign,
}

#[async_trait::async_trait]
impl Decide for NoteHealth {
    type State = Webhook;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Webhook, KernelError> {
        reader.subject::<Routes>(self.realm.0).await?;
        Ok(reader.subject::<Webhook>(self.webhook.0).await?.state)
    }

    fn decide(&self, webhook: &Webhook, context: &Context) -> Result<Decision, Rejection> {
        let subject = Subject::webhook(self.webhook);
        let Some(event) = self.sign.becomes(webhook, context) else {
            return Ok(Decision::nothing(subject));
        };
        let ends = matches!(event, WebhookEvent::Disabled { .. });
        let decision = Decision::of(subject, event);
        if !ends {
            return Ok(decision);
        }
        let webhook = self.webhook;
        Ok(decision.and(
            Subject::webhook_routes(self.realm),
            WebhookEvent::Unrouted { webhook },
        ))
    }
}

#[cfg(test)]
mod tests {
    use events::{
        event::Event,
        testing::{NOW, context, given},
        webhooks::WebhookSettings,
    };
    use uuid::Uuid;

    use super::*;

    const ID: WebhookId = WebhookId(Uuid::from_u128(5));

    fn told(past: &[WebhookEvent], sign: Sign, days: u64) -> Vec<&'static str> {
        let registered = WebhookEvent::Registered {
            settings: WebhookSettings::default(),
        };
        let events = std::iter::once(&registered).chain(past).cloned().map(Event::from);
        let webhook = given::<Webhook>(ID.0, events).state;
        let command = NoteHealth {
            realm: RealmId(Uuid::from_u128(7)),
            webhook: ID,
            sign,
        };
        // What happened, happened a day before.
        let mut context = context();
        context.now = NOW.after_seconds(days * 86_400);
        let decision = command.decide(&webhook, &context).unwrap();
        assert_eq!(sign.is_news(&webhook, &context), !decision.events.is_empty());
        decision.events.iter().map(|(_, event)| event.name()).collect()
    }

    #[test]
    fn failing_is_told_once_and_disables_after_three_days() {
        let failing = [WebhookEvent::Degraded {}];
        assert_eq!(told(&[], Sign::Failing, 0), ["webhook.degraded"]);
        assert_eq!(told(&failing, Sign::Failing, 1), [] as [&str; 0]);
        assert_eq!(
            told(&failing, Sign::Failing, 3),
            ["webhook.disabled", "webhook.unrouted"]
        );
    }

    #[test]
    fn a_success_ends_it_and_what_is_gone_is_disabled_at_once() {
        let failing = [WebhookEvent::Degraded {}];
        assert_eq!(told(&[], Sign::Well, 0), [] as [&str; 0]);
        assert_eq!(told(&failing, Sign::Well, 0), ["webhook.recovered"]);
        assert_eq!(told(&[], Sign::Gone, 0), ["webhook.disabled", "webhook.unrouted"]);
        let disabled = [WebhookEvent::Disabled { by: DisabledBy::Hand }];
        assert_eq!(told(&disabled, Sign::Gone, 0), [] as [&str; 0]);
    }
}
