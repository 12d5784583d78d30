//! What was posted to endpoints, and what they answered: activity, which decides nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    event::{DomainEvent, EventKind},
    ids::{EventId, WebhookId},
    subject::Lane,
    topics::Topic,
};

/// One attempt to deliver an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// To which endpoint.
    pub webhook: WebhookId,
    /// Which event.
    pub event: EventId,
    /// Its name.
    pub event_type: String,
    /// Its lane.
    pub lane: Lane,
    /// Its seq.
    pub seq: u64,
    /// The first is 1.
    pub attempt: u32,
    /// When it was posted.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// The status that was answered, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// A few headers of the answer, in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Why it failed, if nothing was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether it failed, and is not tried again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
}

/// What happens to deliveries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum DeliveryEvent {
    /// An endpoint took an event.
    #[serde(rename = "webhook.delivered")]
    Delivered(Delivery),
    /// It did not.
    #[serde(rename = "webhook.delivery_failed")]
    DeliveryFailed(Delivery),
    /// An administrator wants to know whether an endpoint answers: this event is delivered to it, whatever its filter.
    #[serde(rename = "webhook.pinged")]
    Pinged {
        /// Which.
        webhook: WebhookId,
    },
    /// An administrator wants events delivered once more, as far as the filter has them.
    #[serde(rename = "webhook.redelivery_requested")]
    RedeliveryRequested {
        /// To which endpoint.
        webhook: WebhookId,
        /// Of which lane.
        lane: Lane,
        /// From this seq on.
        first: u64,
        /// To this one.
        last: u64,
    },
}

impl DomainEvent for DeliveryEvent {
    const LANE: Lane = Lane::Activity;
    const TOPIC: Topic = Topic::Realms;
    const KINDS: &'static [EventKind] = &[
        EventKind::plain("webhook.delivered", "An endpoint took an event."),
        EventKind::plain(
            "webhook.delivery_failed",
            "An attempt to deliver an event failed.",
        ),
        EventKind::plain(
            "webhook.pinged",
            "An administrator sent an endpoint a test delivery.",
        ),
        EventKind::plain(
            "webhook.redelivery_requested",
            "An administrator had events delivered to an endpoint once more.",
        ),
    ];
}
