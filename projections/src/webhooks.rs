//! Webhooks as they are shown, and what was delivered to them. What an endpoint is follows from the domain's own fold; of its
//! secrets only the dates are here.

use events::{
    clock::Timestamp,
    event::{Event, Happened},
    fold::Fold,
    ids::{CredentialId, EventId, RealmId, WebhookId},
    kernel::Kernel,
    sealing::Sealed,
    subject::{Lane, Stream, Subject, SubjectKind},
    webhooks::{
        DisabledBy, Signature, Webhook, WebhookSecret, WebhookSettings,
        deliveries::{Delivery, DeliveryEvent},
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    cell::{Cell, Value, json_cells},
    history::{HistoryError, fold_until},
    projection::Projection,
    reads::{ReadError, Reads},
    rows::Rows,
    store::Select,
    table::{Key, Record, Table, record},
};

/// Attempts that are kept of a delivery: more than a schedule has.
const ATTEMPTS: usize = 24;

record! {
    /// An endpoint.
    pub struct WebhookRow in "webhooks"
    key {
        /// Whose.
        realm: RealmId,
        /// Which; sorts by registration.
        id: WebhookId,
    }
    row {
        /// What can be changed of it.
        settings: WebhookSettings,
        /// Its secrets, oldest first.
        secrets: Vec<Secret>,
        /// Why it is told nothing, if that is so.
        disabled: Option<DisabledBy>,
        /// Since when deliveries fail.
        failing_since: Option<Timestamp>,
        /// When it was registered.
        created_at: Timestamp,
        /// When it last changed.
        updated_at: Timestamp,
        /// The subject's version.
        version: u64,
    }
    indexes []
}

/// A secret, without the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// Its id.
    pub id: CredentialId,
    /// How it signs.
    pub signature: Signature,
    /// The Ed25519 public key, in base64.
    pub public_key: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// Until when it is good, if it was replaced.
    pub until: Option<Timestamp>,
}

record! {
    /// What became of an event at an endpoint.
    pub struct DeliveryRow in "webhook_deliveries"
    key {
        /// Whose.
        realm: RealmId,
        /// At which endpoint.
        webhook: WebhookId,
        /// Which event; sorts by its time.
        event: EventId,
    }
    row {
        /// Its name.
        event_type: String,
        /// Its lane.
        lane: Lane,
        /// Its seq.
        seq: u64,
        /// What became of it last.
        status: DeliveryStatus,
        /// The attempts, oldest first: the last 24.
        attempts: Vec<Attempt>,
        /// How many there were.
        count: u64,
        /// When the first was.
        first_at: Timestamp,
        /// When the last was.
        last_at: Timestamp,
    }
    indexes [["realm", "webhook", "status", "event"]]
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It was taken.
    Delivered,
    /// It failed, and is tried again.
    Failing,
    /// It was given up.
    Failed,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// How long it took.
    pub milliseconds: u64,
    /// The status that was answered, if one was.
    pub status: Option<u16>,
    /// A few headers of the answer.
    pub headers: std::collections::BTreeMap<String, String>,
    /// Why there was no answer.
    pub error: Option<String>,
}

json_cells!(Vec<Secret>, Vec<Attempt>, DeliveryStatus);

impl WebhookRow {
    fn state(self) -> Webhook {
        let secret = |secret: Secret| WebhookSecret {
            credential: secret.id,
            signature: secret.signature,
            secret: Sealed::Erased,
            public_key: secret.public_key,
            added: secret.created_at,
            until: secret.until,
        };
        Webhook {
            exists: true,
            settings: self.settings,
            secrets: self.secrets.into_iter().map(secret).collect(),
            disabled: self.disabled,
            failing_since: self.failing_since,
            registered: self.created_at,
        }
    }

    fn new(realm: RealmId, id: WebhookId, webhook: Webhook, happened: &Happened) -> Self {
        let shown = |secret: WebhookSecret| Secret {
            id: secret.credential,
            signature: secret.signature,
            public_key: secret.public_key,
            created_at: secret.added,
            until: secret.until,
        };
        Self {
            realm,
            id,
            settings: webhook.settings,
            secrets: webhook.secrets.into_iter().map(shown).collect(),
            disabled: webhook.disabled,
            failing_since: webhook.failing_since,
            created_at: webhook.registered,
            updated_at: happened.time,
            version: happened.version,
        }
    }
}

/// The table of endpoints.
#[derive(Debug)]
pub struct Webhooks;

impl Projection for Webhooks {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    fn lane(&self) -> Lane {
        Lane::Facts
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![WebhookRow::table()]
    }

    fn touches(&self, happened: &Happened) -> Vec<Key> {
        match happened.subject {
            Some(Subject {
                kind: SubjectKind::Webhook,
                id,
            }) => vec![WebhookRow::key(happened.stream.realm, WebhookId(id))],
            _ => Vec::new(),
        }
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let (
            Some(Subject {
                kind: SubjectKind::Webhook,
                id,
            }),
            Event::Webhooks(_),
        ) = (happened.subject, &happened.event)
        else {
            return;
        };
        let (realm, id) = (happened.stream.realm, WebhookId(id));
        let key = WebhookRow::key(realm, id);
        let row = rows.get::<WebhookRow>(&key);
        let mut webhook = row.map(WebhookRow::state).unwrap_or_default();
        webhook.apply(happened);
        if webhook.exists {
            rows.put(&WebhookRow::new(realm, id, webhook, happened));
        } else {
            rows.remove(&key);
        }
    }
}

/// The table of deliveries.
#[derive(Debug)]
pub struct Deliveries;

impl Deliveries {
    fn of(happened: &Happened) -> Option<(&Delivery, bool)> {
        match &happened.event {
            Event::Deliveries(DeliveryEvent::Delivered(delivery)) => Some((delivery, true)),
            Event::Deliveries(DeliveryEvent::DeliveryFailed(delivery)) => Some((delivery, false)),
            _ => None,
        }
    }
}

impl Projection for Deliveries {
    fn name(&self) -> &'static str {
        "webhook_deliveries"
    }

    fn lane(&self) -> Lane {
        Lane::Activity
    }

    fn tables(&self) -> Vec<&'static Table> {
        vec![DeliveryRow::table()]
    }

    fn touches(&self, happened: &Happened) -> Vec<Key> {
        let delivery = Self::of(happened).map(|(delivery, _)| delivery);
        delivery
            .map(|delivery| DeliveryRow::key(happened.stream.realm, delivery.webhook, delivery.event))
            .into_iter()
            .collect()
    }

    fn apply(&self, rows: &mut Rows, happened: &Happened) {
        let Some((delivery, taken)) = Self::of(happened) else {
            return;
        };
        let realm = happened.stream.realm;
        let key = DeliveryRow::key(realm, delivery.webhook, delivery.event);
        let mut row = rows.get::<DeliveryRow>(&key).unwrap_or_else(|| DeliveryRow {
            realm,
            webhook: delivery.webhook,
            event: delivery.event,
            event_type: delivery.event_type.clone(),
            lane: delivery.lane,
            seq: delivery.seq,
            status: DeliveryStatus::Failing,
            attempts: Vec::new(),
            count: 0,
            first_at: delivery.at,
            last_at: delivery.at,
        });
        row.status = match (taken, delivery.given_up) {
            (true, _) => DeliveryStatus::Delivered,
            (false, true) => DeliveryStatus::Failed,
            (false, false) => DeliveryStatus::Failing,
        };
        row.attempts.push(Attempt {
            at: delivery.at,
            milliseconds: delivery.milliseconds,
            status: delivery.status,
            headers: delivery.headers.clone(),
            error: delivery.error.clone(),
        });
        let surplus = row.attempts.len().saturating_sub(ATTEMPTS);
        row.attempts.drain(..surplus);
        row.count += 1;
        row.last_at = delivery.at;
        rows.put(&row);
    }
}

/// At most `limit` endpoints of a realm after an id, in the order of their registration.
pub async fn list(
    reads: &Reads,
    realm: RealmId,
    after: Option<WebhookId>,
    limit: u32,
) -> Result<Vec<WebhookRow>, ReadError> {
    let select = Select::<WebhookRow>::from().and("realm = ?", [realm.to_value()]);
    reads.select(select.page("id", after.as_ref(), limit)).await
}

/// An endpoint of a realm.
pub async fn get(reads: &Reads, realm: RealmId, id: WebhookId) -> Result<Option<WebhookRow>, ReadError> {
    reads.get(WebhookRow::key(realm, id)).await
}

/// An endpoint as it was at a moment.
pub async fn as_of(
    kernel: &Kernel,
    realm: RealmId,
    id: WebhookId,
    moment: Timestamp,
) -> Result<Option<WebhookRow>, HistoryError> {
    let subjects = [Subject::webhook(id)];
    let mut rows = fold_until(kernel, &Webhooks, Stream::facts(realm), &subjects, moment).await?;
    Ok(rows.get(&WebhookRow::key(realm, id)))
}

/// Which deliveries. What is not named does not matter.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// What became of them.
    pub status: Option<DeliveryStatus>,
    /// The name of the event.
    pub event_type: Option<String>,
    /// The event.
    pub event: Option<EventId>,
}

/// At most `limit` deliveries of an endpoint after an event, in the order of the events' ids.
pub async fn deliveries(
    reads: &Reads,
    realm: RealmId,
    webhook: WebhookId,
    filter: &DeliveryFilter,
    after: Option<EventId>,
    limit: u32,
) -> Result<Vec<DeliveryRow>, ReadError> {
    let mut select = Select::<DeliveryRow>::from().and(
        "realm = ? AND webhook = ?",
        [realm.to_value(), webhook.to_value()],
    );
    if let Some(status) = filter.status {
        select = select.and("status = ?", [status.to_value()]);
    }
    if let Some(event_type) = &filter.event_type {
        select = select.and("event_type = ?", [Value::Text(event_type.clone())]);
    }
    if let Some(event) = filter.event {
        select = select.and("event = ?", [event.to_value()]);
    }
    reads.select(select.page("event", after.as_ref(), limit)).await
}
