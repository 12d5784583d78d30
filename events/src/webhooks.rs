//! Webhooks: endpoints outside that are told what happens in a realm, their secrets, and where events go (as facts); what was
//! delivered is activity ([`deliveries`]).
//!
//! The rule: a realm's routes are one subject, so that whoever asks where an event goes asks once, and misses nobody. An
//! endpoint's secret is sealed by a key of its own, which is destroyed when it is withdrawn.

pub mod deliveries;

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    event::{DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    ids::{ApplicationId, CredentialId, WebhookId},
    sealing::{Sealed, SealedBy},
    subject::{Lane, Subject, SubjectKind},
    topics::Topic,
};

/// What can be changed of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// Where events are posted to.
    pub url: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Which events it is told of.
    pub filter: Filter,
    /// How many deliveries a second it takes at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
}

/// Which events an endpoint is told of: those that each of the lists has, where an empty list has all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Filter {
    /// Names (`user.registered`), or beginnings (`user.*`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// What is changed: `user:<id>`, as [`Subject`] is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// The application that is changed, or through which it is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<ApplicationId>,
}

impl Filter {
    /// Whether it has this event.
    pub fn has(&self, happened: &Happened) -> bool {
        let of_type = |pattern: &String| names(pattern, happened.event_type);
        let application = |id: &ApplicationId| {
            happened.actor.client == Some(*id) || happened.subject == Some(Subject::application(*id))
        };
        (self.events.is_empty() || self.events.iter().any(of_type))
            && (self.subjects.is_empty()
                || happened
                    .subject
                    .is_some_and(|of| self.subjects.contains(&of.to_string())))
            && (self.applications.is_empty() || self.applications.iter().any(application))
    }
}

/// Whether a pattern (`user.registered`, `user.*`, `*`) names this event.
pub fn names(pattern: &str, event_type: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => event_type.starts_with(beginning),
        None => pattern == event_type,
    }
}

/// How deliveries are signed (Standard Webhooks).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// `v1`: HMAC-SHA256 by a secret that both sides have.
    Hmac,
    /// `v1a`: Ed25519 by a private key that the receiver has not.
    Ed25519,
}

/// Why an endpoint is told nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledBy {
    /// An administrator.
    Hand,
    /// The endpoint: it answered 410 (Gone).
    Gone,
    /// It failed for days.
    Failing,
}

/// What happens to endpoints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum WebhookEvent {
    /// An endpoint was registered.
    #[serde(rename = "webhook.registered")]
    Registered {
        /// Its settings.
        settings: WebhookSettings,
    },
    /// Its settings were changed.
    #[serde(rename = "webhook.changed")]
    Changed {
        /// All of them.
        settings: WebhookSettings,
    },
    /// It has a new secret; those before it are good a while longer.
    #[serde(rename = "webhook.secret_added")]
    SecretAdded {
        /// Its id, and the credential whose key seals it.
        credential: CredentialId,
        /// How it signs.
        signature: Signature,
        /// 32 random bytes, or an Ed25519 private key as PKCS #8, in base64.
        secret: Sealed<String>,
        /// The Ed25519 public key, in base64.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        public_key: Option<String>,
        /// Until when those before it are good.
        others_until: Timestamp,
    },
    /// A secret was withdrawn.
    #[serde(rename = "webhook.secret_revoked")]
    SecretRevoked {
        /// Which.
        credential: CredentialId,
    },
    /// It is told nothing from now on.
    #[serde(rename = "webhook.disabled")]
    Disabled {
        /// Why.
        by: DisabledBy,
    },
    /// It is told again.
    #[serde(rename = "webhook.enabled")]
    Enabled {},
    /// Deliveries to it have failed for some minutes.
    #[serde(rename = "webhook.degraded")]
    Degraded {},
    /// They succeed again.
    #[serde(rename = "webhook.recovered")]
    Recovered {},
    /// It was deleted.
    #[serde(rename = "webhook.deleted")]
    Deleted {},
    /// From now on the realm's events go there, as far as the filter has them.
    #[serde(rename = "webhook.routed")]
    Routed {
        /// Where.
        webhook: WebhookId,
        /// Which.
        filter: Filter,
    },
    /// They no longer go there.
    #[serde(rename = "webhook.unrouted")]
    Unrouted {
        /// Where.
        webhook: WebhookId,
    },
}

impl DomainEvent for WebhookEvent {
    const LANE: Lane = Lane::Facts;
    const TOPIC: Topic = Topic::Realms;
    const KINDS: &'static [EventKind] = &[
        EventKind::plain(
            "webhook.registered",
            "An endpoint was registered that is told what happens.",
        ),
        EventKind::plain("webhook.changed", "An endpoint's address or filter was changed."),
        EventKind::sealing(
            "webhook.secret_added",
            &[("secret", SealedBy::Credential("credential"))],
            "An endpoint has a new secret; those before it are good a while longer.",
        ),
        EventKind::plain("webhook.secret_revoked", "An endpoint's secret was withdrawn."),
        EventKind::plain(
            "webhook.disabled",
            "An endpoint is told nothing any more: by an administrator, because it said that it is gone, or after days of failures.",
        ),
        EventKind::plain("webhook.enabled", "An endpoint is told again."),
        EventKind::plain(
            "webhook.degraded",
            "Deliveries to an endpoint have failed for some minutes.",
        ),
        EventKind::plain("webhook.recovered", "Deliveries to an endpoint succeed again."),
        EventKind::plain("webhook.deleted", "An endpoint was deleted."),
        EventKind::plain(
            "webhook.routed",
            "A realm's events go to an endpoint, as far as its filter has them.",
        ),
        EventKind::plain(
            "webhook.unrouted",
            "A realm's events no longer go to an endpoint.",
        ),
    ];
}

/// A secret of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSecret {
    /// Its id.
    pub credential: CredentialId,
    /// How it signs.
    pub signature: Signature,
    /// See [`WebhookEvent::SecretAdded`].
    pub secret: Sealed<String>,
    /// The Ed25519 public key, in base64.
    pub public_key: Option<String>,
    /// When it was added.
    pub added: Timestamp,
    /// Until when it is good, if it was replaced.
    pub until: Option<Timestamp>,
}

impl WebhookSecret {
    /// Whether it signs now.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// An endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Webhook {
    /// Whether there is one.
    pub exists: bool,
    /// Its settings.
    pub settings: WebhookSettings,
    /// Its secrets, oldest first.
    pub secrets: Vec<WebhookSecret>,
    /// Why it is told nothing, if that is so.
    pub disabled: Option<DisabledBy>,
    /// Since when deliveries fail.
    pub failing_since: Option<Timestamp>,
    /// When it was registered.
    pub registered: Timestamp,
}

impl Webhook {
    /// Whether it is told of events.
    pub const fn is_told(&self) -> bool {
        self.exists && self.disabled.is_none()
    }
}

impl Fold for Webhook {
    const KIND: SubjectKind = SubjectKind::Webhook;

    fn apply(&mut self, happened: &Happened) {
        let Event::Webhooks(event) = &happened.event else {
            return;
        };
        match event {
            WebhookEvent::Registered { settings } => {
                self.exists = true;
                self.settings = settings.clone();
                self.registered = happened.time;
            }
            WebhookEvent::Changed { settings } => self.settings = settings.clone(),
            WebhookEvent::SecretAdded {
                credential,
                signature,
                secret,
                public_key,
                others_until,
            } => {
                for other in &mut self.secrets {
                    other.until = Some(
                        other
                            .until
                            .map_or(*others_until, |until| until.min(*others_until)),
                    );
                }
                self.secrets.retain(|other| other.is_good(happened.time));
                self.secrets.push(WebhookSecret {
                    credential: *credential,
                    signature: *signature,
                    secret: secret.clone(),
                    public_key: public_key.clone(),
                    added: happened.time,
                    until: None,
                });
            }
            WebhookEvent::SecretRevoked { credential } => {
                self.secrets.retain(|secret| secret.credential != *credential);
            }
            WebhookEvent::Disabled { by } => self.disabled = Some(*by),
            WebhookEvent::Enabled {} => {
                self.disabled = None;
                self.failing_since = None;
            }
            WebhookEvent::Degraded {} => self.failing_since = Some(happened.time),
            WebhookEvent::Recovered {} => self.failing_since = None,
            WebhookEvent::Deleted {} => *self = Self::default(),
            WebhookEvent::Routed { .. } | WebhookEvent::Unrouted { .. } => {}
        }
    }
}

/// Where the events of a realm go: the endpoints that are told, with their filters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes(pub BTreeMap<WebhookId, Arc<Filter>>);

impl Fold for Routes {
    const KIND: SubjectKind = SubjectKind::WebhookRoutes;

    fn apply(&mut self, happened: &Happened) {
        match &happened.event {
            Event::Webhooks(WebhookEvent::Routed { webhook, filter }) => {
                self.0.insert(*webhook, Arc::new(filter.clone()));
            }
            Event::Webhooks(WebhookEvent::Unrouted { webhook }) => {
                self.0.remove(webhook);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        ids::UserId,
        testing::{given, happened},
        users::UserEvent,
    };

    fn added(number: u128, others_until: i64) -> Event {
        WebhookEvent::SecretAdded {
            credential: CredentialId(Uuid::from_u128(number)),
            signature: Signature::Hmac,
            secret: Sealed::Known("c2VjcmV0".to_owned()),
            public_key: None,
            others_until: Timestamp::from_seconds(others_until),
        }
        .into()
    }

    #[test]
    fn a_secret_that_was_replaced_signs_until_its_end() {
        let far = 4_000_000_000;
        let hook = given::<Webhook>(Uuid::from_u128(5), [added(1, 0), added(2, far)]).state;
        let until: Vec<_> = hook.secrets.iter().map(|secret| secret.until).collect();
        assert_eq!(until, [Some(Timestamp::from_seconds(far)), None]);
        assert!(hook.secrets[0].is_good(Timestamp::from_seconds(far - 1)));
        assert!(!hook.secrets[0].is_good(Timestamp::from_seconds(far)));
        // What is over is forgotten with the next one.
        let hook = given::<Webhook>(Uuid::from_u128(5), [added(1, 0), added(2, 0)]).state;
        assert_eq!(hook.secrets.len(), 1);
    }

    #[test]
    fn a_filter_has_what_each_of_its_lists_has() {
        let user = Subject::user(UserId(Uuid::from_u128(1)));
        let unlocked = happened(user, 2, UserEvent::Unlocked {});
        let of = |events: &[&str], subjects: &[Subject]| Filter {
            events: events.iter().map(|name| (*name).to_owned()).collect(),
            subjects: subjects.iter().map(ToString::to_string).collect(),
            applications: Vec::new(),
        };
        assert!(Filter::default().has(&unlocked));
        for events in [["user.unlocked"], ["user.*"], ["*"]] {
            assert!(of(&events, &[]).has(&unlocked), "{events:?}");
        }
        assert!(of(&["role.*", "user.*"], &[user]).has(&unlocked));
        assert!(!of(&["user.unlock"], &[]).has(&unlocked));
        assert!(!of(&["users.*"], &[]).has(&unlocked));
        assert!(!of(&[], &[Subject::user(UserId(Uuid::from_u128(2)))]).has(&unlocked));
        let application = Filter {
            applications: vec![ApplicationId(Uuid::from_u128(3))],
            ..Filter::default()
        };
        assert!(!application.has(&unlocked));
    }
}
