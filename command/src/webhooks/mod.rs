//! # Webhooks
//!
//! Endpoints outside that are told what happens in a realm: each event that their filter has is posted to them as a CloudEvent,
//! signed after [Standard Webhooks](https://www.standardwebhooks.com).
//!
//! | step | request (below `/command/v1/realms/{realm}`) | who may | event |
//! | --- | --- | --- | --- |
//! | register | `POST webhooks` | realm administrators | `webhook.registered`, `webhook.secret_added`, `webhook.routed` |
//! | change | `PATCH webhooks/{id}` | realm administrators | `webhook.changed` (`webhook.routed`) |
//! | stop, start | `POST webhooks/{id}/disable`, `/enable` | realm administrators | `webhook.disabled`, `webhook.unrouted`; `webhook.enabled`, `webhook.routed` |
//! | delete | `DELETE webhooks/{id}` | realm administrators | `webhook.deleted` (`webhook.unrouted`) |
//! | another secret | `POST webhooks/{id}/secrets` | realm administrators | `webhook.secret_added` |
//! | withdraw a secret | `DELETE webhooks/{id}/secrets/{secret_id}` | realm administrators | `webhook.secret_revoked` |
//! | try it | `POST webhooks/{id}/ping` | realm administrators | `webhook.pinged` |
//! | once more | `POST webhooks/{id}/deliveries` | realm administrators | `webhook.redelivery_requested` |
//!
//! What was delivered is read at `/query/v1/realms/{realm}/webhooks/{id}/deliveries`: each attempt with its status, its time and a
//! few headers of the answer; each is an event, `webhook.delivered` or `webhook.delivery_failed`, in the activity lane.
//!
//! # For receivers
//!
//! A delivery is a `POST` with `Content-Type: application/cloudevents+json` and these headers:
//!
//! | header | holds |
//! | --- | --- |
//! | `webhook-id` | the event's id: the same at every attempt, and when it is delivered once more. Whoever has seen it has nothing to do |
//! | `webhook-timestamp` | when it was sent, in seconds since 1970; refuse what is older than five minutes |
//! | `webhook-signature` | `v1,<HMAC-SHA256>` or `v1a,<Ed25519>` over `<webhook-id>.<webhook-timestamp>.<body>`, in base64; several, by spaces, while secrets are rotated: one that is good will do |
//!
//! The body is a CloudEvent 1.0 in JSON: `id`, `type` (`user.registered`), `source` (the realm), `subject` (`user:<id>`), `time`, and
//! `data`, the event's fields as the catalogue at `/openapi/events.json` describes them; and as extensions, each a text, whose and where it
//! is (`realmid`, `lane`, `seq`, …) and who did it (`actoruser`, `actorclient`, …): [all of them](events::cloud_events::ATTRIBUTES), the
//! same as in the topics of Kafka. **Personal data and secrets are left out**: who needs them asks the query API by the subject's id, with rights of its own.
//!
//! Verify with the library of your language, on the body as it came, before it is parsed:
//!
//! ```python
//! from standardwebhooks import Webhook
//! event = Webhook("whsec_…").verify(body, headers)  # raises WebhookVerificationError
//! ```
//!
//! ```js
//! import { Webhook } from "standardwebhooks";
//! const event = new Webhook("whsec_…").verify(body, headers); // throws
//! ```
//!
//! ```go
//! wh, err := standardwebhooks.NewWebhook("whsec_…")
//! err = wh.Verify(body, request.Header)
//! ```
//!
//! Answer 2xx within ten seconds, and do the work afterwards. Events of one subject come in order, one after the other: the next comes
//! when the one before it was taken or given up. Anything else than 2xx is tried again, twelve times over three days, ever less
//! often, not before `Retry-After`; 410 (Gone) disables the endpoint. So does failing for three days; after some minutes there is a
//! `webhook.degraded` event, and a `webhook.recovered` when it is over. What happened while an endpoint was disabled, or waited for it then, is
//! not delivered by itself: `POST webhooks/{id}/deliveries` with `lane`, `first` and `last` (seqs) delivers it once more.
//!
//! **What goes wrong.** Endpoints are https on the public network; redirects are not followed; the answer's first 8 KiB are read. A
//! host that turns out to be private when the connection is made is refused, and the delivery fails with that reason. An endpoint that
//! is slow delays its own events alone: at most four deliveries at a time, one when it fails, `per_second` at most where it says so.

mod body;
mod change;
mod deliver;
mod deliveries;
mod health;
mod register;
mod rules;
mod secrets;
mod sign;
mod status;

use utoipa_axum::routes;
use web::{Code, OpenApiRouter, Problem};

use crate::{Commands, Faults};

pub use deliver::Webhooks;

/// Most endpoints of a realm that are told.
const MOST: usize = 1_000;

/// Why a command about webhooks is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Fields that are not as they must be.
    #[error("{0}")]
    Invalid(Faults),
    /// There is no such webhook, or secret of it.
    #[error("no such webhook")]
    NotFound,
    /// There is such a webhook already.
    #[error("there is such a webhook already")]
    Exists,
    /// So many are told already.
    #[error("a realm has at most 1000 webhooks that are told; disable or delete one first")]
    TooMany,
    /// So many secrets are good already.
    #[error("a webhook has at most five secrets at a time; withdraw one first")]
    TooManySecrets,
    /// Nothing would sign its deliveries.
    #[error("the last secret is not withdrawn; add another first")]
    LastSecret,
    /// It is told nothing.
    #[error("the webhook is disabled; enable it first")]
    Disabled,
}

impl From<Faults> for Rejection {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults)
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let detail = rejection.to_string();
        match rejection {
            Rejection::Invalid(faults) => faults.into(),
            Rejection::NotFound => Problem::new(Code::NotFound),
            Rejection::Exists
            | Rejection::TooMany
            | Rejection::TooManySecrets
            | Rejection::LastSecret
            | Rejection::Disabled => Problem::new(Code::Conflict).detail(detail),
        }
    }
}

/// The routes of this domain.
pub(crate) fn router() -> OpenApiRouter<Commands> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(change::change, status::delete))
        .routes(routes!(status::disable))
        .routes(routes!(status::enable))
        .routes(routes!(secrets::add))
        .routes(routes!(secrets::revoke))
        .routes(routes!(deliveries::ping))
        .routes(routes!(deliveries::redeliver))
}
