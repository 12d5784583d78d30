//! The catalogue: every event that there is, by its stable name and version, over all domains.
//!
//! Adding an event, in five steps:
//! 1. add a variant to the domain's enum (`events/src/<domain>.rs`), named in the past;
//! 2. add its [`EventKind`] to the domain's `KINDS`: name, schema version, sealed fields, and
//!    whether it is [watched](EventKind::watched);
//! 3. apply it in the domain's fold, below the enum;
//! 4. add `events/golden/<name>.v1.json` with one body as it is stored, and `events/schemas/<name>.v1.json` with its shape (the tests print
//!    what is missing);
//! 5. decide it in `command/src/<domain>/`, where the endpoint names it in `x-events`, and, where a read needs it, project it in
//!    `projections/src/<domain>.rs` (`projections/consumers.json` then tells so; the test prints it).
//!
//! A stored shape never changes, though it may grow by a value of a list or by a field that has a default. For a new shape raise the
//! version in `KINDS`, keep the old files, and teach the domain's `upcast` to turn the old `data` into the new.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    applications::ApplicationEvent,
    auth::AuthEvent,
    clock::Timestamp,
    compliance::ComplianceEvent,
    credentials::CredentialEvent,
    devices::DeviceEvent,
    envelope::Actor,
    identities::IdentityEvent,
    identity_providers::IdentityProviderEvent,
    ids::EventId,
    letters::LetterEvent,
    passkeys::PasskeyEvent,
    permissions::PermissionEvent,
    realms::RealmEvent,
    sealing::SealedBy,
    subject::{Lane, Stream, Subject},
    topics::Topic,
    users::{UserEvent, email_change::EmailChangeEvent},
    webhooks::{WebhookEvent, deliveries::DeliveryEvent},
};

/// One row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct EventKind {
    /// The stable name, `<noun>.<past participle>`.
    pub name: &'static str,
    /// The version of the shape that is written today.
    pub schema: u16,
    /// The top-level fields that are sealed, and under whose key.
    pub sealed: &'static [(&'static str, SealedBy)],
    /// What happened, in a sentence.
    pub about: &'static str,
    /// Whether whoever watches over security wants to see it ([`Topic::Security`]).
    pub watched: bool,
}

impl EventKind {
    /// A kind at version 1 with nothing sealed.
    pub const fn plain(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            schema: 1,
            sealed: &[],
            about,
            watched: false,
        }
    }

    /// The same kind, which whoever watches over security wants to see.
    #[must_use]
    pub const fn watched(self) -> Self {
        Self {
            watched: true,
            ..self
        }
    }

    /// The same kind at a later version of its shape.
    #[must_use]
    pub const fn version(self, schema: u16) -> Self {
        Self { schema, ..self }
    }

    /// A kind at version 1 with sealed fields.
    pub const fn sealing(
        name: &'static str,
        sealed: &'static [(&'static str, SealedBy)],
        about: &'static str,
    ) -> Self {
        Self {
            name,
            schema: 1,
            sealed,
            about,
            watched: false,
        }
    }
}

/// The events of one domain: an enum tagged by `type` (the stable name) with its fields under `data`.
pub trait DomainEvent: Serialize + DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static {
    /// The lane that all of them live in.
    const LANE: Lane;
    /// The topic of its own that they are published in.
    const TOPIC: Topic;
    /// The catalogue of the domain.
    const KINDS: &'static [EventKind];

    /// Turns the `data` of an older version into today's. Pure.
    fn upcast(name: &str, schema: u16, data: Value) -> Result<Value, DecodeError> {
        let _ = data;
        Err(DecodeError::unknown_version(name, schema))
    }
}

/// Why a recorded event cannot be understood. It stops whoever reads it: nothing is skipped.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DecodeError {
    /// No domain knows this name.
    #[error("unknown event type {0}")]
    UnknownType(String),
    /// A version that nothing here can read.
    #[error("unknown version {schema} of {name}")]
    UnknownVersion {
        /// The event's name.
        name: String,
        /// The version found.
        schema: u16,
    },
    /// The body is not what the name and version promise.
    #[error("malformed body of {name}: {reason}")]
    Malformed {
        /// The event's name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The keys could not be asked.
    #[error(transparent)]
    Keys(#[from] crate::keys::KeyError),
}

impl DecodeError {
    /// What an `upcast` says of a version that it does not know.
    pub fn unknown_version(name: &str, schema: u16) -> Self {
        Self::UnknownVersion {
            name: name.to_owned(),
            schema,
        }
    }
}

/// Understands `data` as an event of one domain, lifting it to today's version if it is older.
pub fn decode_as<E: DomainEvent>(name: &str, schema: u16, data: Value) -> Result<E, DecodeError> {
    let kind = E::KINDS
        .iter()
        .find(|kind| kind.name == name)
        .ok_or_else(|| DecodeError::UnknownType(name.to_owned()))?;
    let data = if schema == kind.schema {
        data
    } else {
        E::upcast(name, schema, data)?
    };
    serde_json::from_value(serde_json::json!({ "type": name, "data": data })).map_err(|error| {
        DecodeError::Malformed {
            name: name.to_owned(),
            reason: error.to_string(),
        }
    })
}

macro_rules! domains {
    ($($(#[$doc:meta])* $variant:ident($event:ty);)*) => {
        /// Any event of any domain.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Event {
            $($(#[$doc])* $variant($event),)*
        }

        $(impl From<$event> for Event {
            fn from(event: $event) -> Self {
                Event::$variant(event)
            }
        })*

        impl Event {
            /// The catalogue of all domains: domain, lane, kind.
            pub fn catalogue() -> impl Iterator<Item = (&'static str, Lane, &'static EventKind)> {
                std::iter::empty()$(.chain(
                    <$event as DomainEvent>::KINDS
                        .iter()
                        .map(|kind| (stringify!($variant), <$event as DomainEvent>::LANE, kind)),
                ))*
            }

            /// The JSON Schemas of their `data`, in the order of the catalogue.
            pub fn schemas() -> impl Iterator<Item = Value> {
                std::iter::empty()$(.chain(
                    crate::catalogue::schemas::<$event>(<$event as DomainEvent>::KINDS),
                ))*
            }

            /// The lane that it belongs to.
            pub const fn lane(&self) -> Lane {
                match self { $(Event::$variant(_) => <$event as DomainEvent>::LANE),* }
            }

            /// The topics that an event of this name is published in.
            pub fn topics_of(name: &str) -> Result<impl Iterator<Item = Topic> + use<>, DecodeError> {
                $(if let Some(kind) = <$event as DomainEvent>::KINDS.iter().find(|kind| kind.name == name) {
                    return Ok(<$event as DomainEvent>::TOPIC.and_more(kind));
                })*
                Err(DecodeError::UnknownType(name.to_owned()))
            }

            /// Understands `data`, stored under a name and a version, lifting it to today's version if it is older.
            pub fn decode(name: &str, schema: u16, data: Value) -> Result<Event, DecodeError> {
                $(if <$event as DomainEvent>::KINDS.iter().any(|kind| kind.name == name) {
                    return decode_as::<$event>(name, schema, data).map(Event::$variant);
                })*
                Err(DecodeError::UnknownType(name.to_owned()))
            }
        }
    };
}

domains! {
    /// Realms, their settings and signing keys.
    Realms(RealmEvent);
    /// Users and their passwords.
    Users(UserEvent);
    /// Applications and their secrets.
    Applications(ApplicationEvent);
    /// Roles given and taken.
    Permissions(PermissionEvent);
    /// Sign-ins, sessions, grants, tokens.
    Auth(AuthEvent);
    /// Consents.
    Compliance(ComplianceEvent);
    /// One-time-password devices and recovery codes.
    Credentials(CredentialEvent);
    /// Passkeys.
    Passkeys(PasskeyEvent);
    /// Endpoints that are told what happens.
    Webhooks(WebhookEvent);
    /// What was delivered to them.
    Deliveries(DeliveryEvent);
    /// Other e-mail addresses that users want to have.
    EmailChanges(EmailChangeEvent);
    /// What was mailed to people.
    Letters(LetterEvent);
    /// Others whose sign-ins a realm takes.
    IdentityProviders(IdentityProviderEvent);
    /// What users are known as there.
    Identities(IdentityEvent);
    /// Devices that people sign in on.
    Devices(DeviceEvent);
}

impl Event {
    /// Its row of the catalogue and its fields.
    pub fn encode(&self) -> Result<(&'static EventKind, Value), DecodeError> {
        let malformed = |reason: String| DecodeError::Malformed {
            name: String::new(),
            reason,
        };
        let mut value = serde_json::to_value(self).map_err(|error| malformed(error.to_string()))?;
        let name = value
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        Ok((
            Self::kind_of(&name)?,
            value.get_mut("data").map(Value::take).unwrap_or_default(),
        ))
    }

    /// The row of the catalogue of this name.
    pub fn kind_of(name: &str) -> Result<&'static EventKind, DecodeError> {
        Self::catalogue()
            .map(|(_, _, kind)| kind)
            .find(|kind| kind.name == name)
            .ok_or_else(|| DecodeError::UnknownType(name.to_owned()))
    }

    /// Its stable name. Of an event that was read, [`Happened::event_type`] is at hand.
    pub fn name(&self) -> &'static str {
        self.encode().map(|(kind, _)| kind.name).unwrap_or_default()
    }
}

/// Where a request came from: personal data, sealed by the month and by the acting user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The caller's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The caller's `User-Agent`, at most 256 characters of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

/// An event that happened, understood: the envelope and, for those who ask, the domain event. Where the request came from
/// decides nothing, and is opened for those alone who show it ([`codec::network`](crate::codec::network)).
#[derive(Clone, Debug)]
pub struct Happened {
    /// Its own id.
    pub id: EventId,
    /// The stream.
    pub stream: Stream,
    /// The place in the stream.
    pub seq: u64,
    /// The subject, if it has one.
    pub subject: Option<Subject>,
    /// The subject's version after it; 0 if it has none.
    pub version: u64,
    /// When it was recorded.
    pub time: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The event that it follows from.
    pub cause: Option<EventId>,
    /// The trace context in which it was appended, if it was collected.
    pub trace: Option<String>,
    /// Its stable name.
    pub event_type: &'static str,
    /// The schema version it was stored at.
    pub schema: u16,
    /// RFC 6962 leaf hash of its entry.
    pub leaf_hash: [u8; 32],
    /// What happened.
    pub event: Event,
}
