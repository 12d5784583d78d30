//! The reactor that delivers: what happens goes to each endpoint whose filter has it, and what became of it is recorded.
//!
//! The rule: whether an endpoint is told, where it is and what signs are asked of the log at each attempt; what was disabled,
//! deleted or withdrawn a moment ago is. The request goes through [`outbound`], which judges addresses when it connects.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use events::{
    envelope::Actor,
    event::{Event, Happened},
    ids::{RealmId, WebhookId},
    kernel::{Failure, Kernel, KernelError},
    subject::{Lane, Stream},
    webhooks::{
        Routes, Webhook, WebhookSettings,
        deliveries::{Delivery, DeliveryEvent},
    },
};
use http::{HeaderMap, HeaderValue, StatusCode};
use outbound::{Answered, OutboundError};
use reactors::{Job, Outcome, Reactor, Task};
use traces::TRACEPARENT;
use tracing::Instrument;
use url::Url;
use web::Edge;

use super::{
    Rejection,
    body::{MEDIA_TYPE, cloud_event},
    health::{NoteHealth, Sign},
    sign::signatures,
};

/// The component of what is recorded of deliveries: nobody is told of them.
const NAME: &str = "webhooks";
/// The component of what is recorded of endpoints' health: others are told of it.
const HEALTH: &str = "webhook-health";
/// How many events are read at once for a range.
const BATCH: usize = 500;
/// From this attempt on an endpoint counts as failing: some minutes after the first.
const FAILING: u32 = 4;
/// The headers of an answer that are kept.
const KEPT: [&str; 6] = [
    "content-type",
    "date",
    "retry-after",
    "server",
    "www-authenticate",
    "x-request-id",
];
/// Of each of them, so many bytes.
const LONGEST: usize = 200;

/// Delivers events to webhooks.
#[derive(Debug)]
pub struct Webhooks {
    edge: Edge,
    /// When an endpoint that takes so many a second takes the next.
    turns: Mutex<HashMap<WebhookId, Instant>>,
}

impl Webhooks {
    /// Over an edge, by whose outbound client it posts.
    pub fn new(edge: Edge) -> Self {
        Self {
            edge,
            turns: Mutex::default(),
        }
    }

    fn kernel(&self) -> &Kernel {
        self.edge.kernel()
    }

    /// The jobs of a range that is delivered once more.
    async fn range(
        &self,
        realm: RealmId,
        webhook: WebhookId,
        lane: Lane,
        first: u64,
        last: u64,
    ) -> Result<Vec<Job>, KernelError> {
        let known = self.kernel().latest::<Webhook>(realm, webhook.0).await?.state;
        let stream = Stream { realm, lane };
        let (mut jobs, mut after) = (Vec::new(), first.saturating_sub(1));
        while known.is_told() && after < last {
            let recorded = self.kernel().log().read(stream, after, BATCH).await?;
            let Some(end) = recorded.last() else { break };
            after = end.entry.seq;
            for recorded in recorded.iter().take_while(|recorded| recorded.entry.seq <= last) {
                let happened = self.kernel().decode(recorded).await?;
                if known.settings.filter.has(&happened) {
                    jobs.push(Job {
                        about: Some((stream, happened.seq)),
                        ..Job::about(&happened, webhook.to_string())
                    });
                }
            }
        }
        Ok(jobs)
    }

    /// Waits for the turn of an endpoint that takes so many a second: a few seconds at most, since few of its jobs run at a time.
    async fn turn(&self, webhook: WebhookId, settings: &WebhookSettings) {
        let Some(pace) = settings
            .per_second
            .and_then(|most| Duration::from_secs(1).checked_div(most))
        else {
            return;
        };
        let wait = {
            let now = Instant::now();
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, next| *next > now);
            let mine = turns.get(&webhook).copied().unwrap_or(now);
            turns.insert(webhook, mine + pace);
            mine - now
        };
        tokio::time::sleep(wait).await;
    }

    /// Posts an event, signed.
    async fn post(&self, webhook: &Webhook, task: &Task) -> Result<Answered, OutboundError> {
        let url = Url::parse(&webhook.settings.url).map_err(|_| OutboundError::Url("is none"))?;
        let body = cloud_event(self.edge.public_url(), &task.recorded).map_err(|_| OutboundError::Broken)?;
        let (id, now) = (task.event.id.to_string(), self.kernel().now());
        let signed = signatures(webhook, &id, now, &body);
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("webhook-id", Some(id)),
            ("webhook-timestamp", Some(now.seconds().to_string())),
            ("webhook-signature", signed),
        ] {
            let value = value.and_then(|value| HeaderValue::try_from(value).ok());
            // An endpoint always has a secret that is good: what cannot be signed is not sent.
            headers.insert(name, value.ok_or(OutboundError::Url("cannot be signed for"))?);
        }
        let span = tracing::trace_span!(target: traces::SPANS, "deliver", otel.kind = "client", event = task.event.event_type);
        let span = traces::follow(span, task.event.trace.as_deref());
        if let Some(Ok(trace)) = span.in_scope(traces::current).map(HeaderValue::try_from) {
            headers.insert(TRACEPARENT, trace);
        }
        let posted = self
            .edge
            .outbound()
            .post(&url, MEDIA_TYPE, body.into_bytes(), headers);
        posted.instrument(span).await
    }

    /// Records an attempt. It decides nothing: where the log is away, that is told in our own log alone.
    async fn record(&self, realm: RealmId, event: DeliveryEvent, task: &Task) {
        let mut context = self.kernel().context(Actor::component(NAME));
        context.cause = Some(task.event.id);
        if let Err(error) = self.kernel().record(realm, &context, vec![event.into()]).await {
            tracing::warn!(%error, %realm, "a delivery could not be recorded");
        }
    }

    /// Takes note of how the endpoint is doing, if that is news.
    async fn note(&self, realm: RealmId, id: WebhookId, webhook: &Webhook, sign: Sign) {
        let context = self.kernel().context(Actor::component(HEALTH));
        if !sign.is_news(webhook, &context) {
            return;
        }
        let note = NoteHealth {
            realm,
            webhook: id,
            sign,
        };
        let noted: Result<_, Failure<Rejection>> = self.kernel().execute(&context, &note).await;
        if let Err(error) = noted {
            tracing::warn!(%error, %realm, webhook = %id, "how a webhook is doing could not be noted");
        }
    }
}

#[async_trait]
impl Reactor for Webhooks {
    fn name(&self) -> &'static str {
        NAME
    }

    fn lanes(&self) -> &'static [Lane] {
        &Lane::ALL
    }

    async fn react(&self, happened: &Happened) -> Result<Vec<Job>, KernelError> {
        let realm = happened.stream.realm;
        let routes = self.kernel().latest::<Routes>(realm, realm.0).await?.state;
        let mut told: Vec<_> = routes
            .0
            .iter()
            .filter(|(_, filter)| filter.has(happened))
            .map(|(webhook, _)| *webhook)
            .collect();
        let mut jobs = Vec::new();
        match &happened.event {
            Event::Deliveries(DeliveryEvent::Pinged { webhook }) if !told.contains(webhook) => {
                told.push(*webhook);
            }
            Event::Deliveries(DeliveryEvent::RedeliveryRequested {
                webhook,
                lane,
                first,
                last,
            }) => jobs = self.range(realm, *webhook, *lane, *first, *last).await?,
            _ => {}
        }
        jobs.extend(
            told.into_iter()
                .map(|webhook| Job::about(happened, webhook.to_string())),
        );
        Ok(jobs)
    }

    async fn perform(&self, task: &Task) -> Outcome {
        let realm = task.event.stream.realm;
        let Ok(id) = task.target.parse::<WebhookId>() else {
            return Outcome::dead("the target is no webhook");
        };
        let webhook = match self.kernel().latest::<Webhook>(realm, id.0).await {
            Ok(webhook) => webhook.state,
            Err(_) => {
                return Outcome::Later {
                    after: Duration::from_secs(1),
                };
            }
        };
        if !webhook.is_told() {
            return Outcome::Done;
        }
        self.turn(id, &webhook.settings).await;
        let (at, started) = (self.kernel().now(), Instant::now());
        let answer = self.post(&webhook, task).await;
        let status = answer.as_ref().ok().map(|answered| answered.status);
        let taken = status.is_some_and(|status| status.is_success());
        let gone = status == Some(StatusCode::GONE);
        let delivery = Delivery {
            webhook: id,
            event: task.event.id,
            event_type: task.event.event_type.to_owned(),
            lane: task.event.stream.lane,
            seq: task.event.seq,
            attempt: task.attempt,
            at,
            milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            status: status.map(|status| status.as_u16()),
            headers: answer
                .as_ref()
                .map(|answered| kept(&answered.headers))
                .unwrap_or_default(),
            error: answer.as_ref().err().map(ToString::to_string),
            given_up: !taken && (gone || task.is_last),
        };
        metrics::counter!("chancery_webhook_deliveries_total", "result" => if taken { "delivered" } else { "failed" })
            .increment(1);
        let reason = delivery
            .error
            .clone()
            .unwrap_or_else(|| format!("status {status:?}"));
        let (event, sign) = match (taken, gone) {
            (true, _) => (DeliveryEvent::Delivered(delivery), Some(Sign::Well)),
            (false, true) => (DeliveryEvent::DeliveryFailed(delivery), Some(Sign::Gone)),
            (false, false) => {
                let sign = (task.attempt >= FAILING).then_some(Sign::Failing);
                (DeliveryEvent::DeliveryFailed(delivery), sign)
            }
        };
        self.record(realm, event, task).await;
        if let Some(sign) = sign {
            self.note(realm, id, &webhook, sign).await;
        }
        match answer {
            _ if taken || gone => Outcome::Done,
            Ok(answered) => Outcome::Retry {
                after: answered.retry_after,
                reason,
            },
            Err(_) => Outcome::retry(reason),
        }
    }
}

/// What is kept of an answer's headers.
fn kept(headers: &HeaderMap) -> BTreeMap<String, String> {
    let kept = KEPT.iter().filter_map(|name| {
        let value = headers.get(*name)?.to_str().ok()?;
        let value: String = value.chars().take(LONGEST).collect();
        Some(((*name).to_owned(), value))
    });
    kept.collect()
}
