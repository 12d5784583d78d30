//! How an event is written in JSON. The rule: a field that a credential's key seals (a hash, a digest of a secret) is never shown to
//! anybody. Where a request came from is: whoever may read events watches over the realm.

use events::{
    envelope::{Actor, hex},
    event::{DecodeError, Happened, Network},
    sealing::{Sealed, SealedBy},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::wire::Moment;

/// One event of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordedEvent {
    /// Its own id.
    pub id: Uuid,
    /// The stream that it is in.
    pub stream: StreamName,
    /// Its place in the stream: 1, 2, 3, … without gaps.
    pub seq: u64,
    /// What happened, by its stable name.
    #[serde(rename = "type")]
    #[schema(example = "user.registered")]
    pub event_type: &'static str,
    /// The version of the shape of `data`; what was stored in an older one is shown in today's.
    pub schema_version: u16,
    /// When it was recorded; never goes back within a stream.
    pub time: Moment,
    /// What it changed; `null` for activity that decides nothing.
    pub subject: Option<SubjectVersion>,
    /// Who did it.
    pub actor: EventActor,
    /// Where the request came from; `null` if it was not one.
    pub network: Option<EventNetwork>,
    /// The event that it follows from.
    pub cause: Option<Uuid>,
    /// The trace that it is part of, as `traceparent` carries it (W3C Trace Context); left out where it was not collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Its fields, as the catalogue of events describes them (moments in microseconds since 1970). A field whose key was destroyed reads
    /// `{"$erased": true}`; secrets are left out.
    #[schema(value_type = Object)]
    pub data: Value,
    /// RFC 6962 leaf hash of the entry, in lower-case hexadecimal.
    pub leaf_hash: String,
}

/// A stream: one lane of one realm.
#[derive(Debug, Serialize, ToSchema)]
pub struct StreamName {
    /// The realm.
    pub realm: Uuid,
    /// `facts` or `activity`.
    pub lane: &'static str,
}

/// A subject, and the version that the event gave it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubjectVersion {
    /// What kind of thing.
    #[schema(example = "user")]
    pub kind: &'static str,
    /// Which one.
    pub id: Uuid,
    /// Its version after the event.
    pub version: u64,
}

/// Who did it: all that is known.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventActor {
    /// The actor's realm, where it is another than the event's.
    pub realm: Option<Uuid>,
    /// The user who acted.
    pub user: Option<Uuid>,
    /// The user on whose behalf, where that is another.
    pub on_behalf_of: Option<Uuid>,
    /// The application through which it was done.
    pub client: Option<Uuid>,
    /// The session in which it was done.
    pub session: Option<Uuid>,
    /// The request that carried it.
    pub request: Option<Uuid>,
    /// A part of the platform that acted by itself.
    pub component: Option<String>,
}

impl From<&Actor> for EventActor {
    fn from(actor: &Actor) -> Self {
        let Actor {
            realm,
            user,
            on_behalf_of,
            client,
            session,
            request,
            component,
        } = actor;
        Self {
            realm: realm.map(|id| id.0),
            user: user.map(|id| id.0),
            on_behalf_of: on_behalf_of.map(|id| id.0),
            client: client.map(|id| id.0),
            session: session.map(|id| id.0),
            request: *request,
            component: component.clone(),
        }
    }
}

/// Where a request came from, or that it is not told any more.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum EventNetwork {
    /// It is known.
    Known {
        /// The caller's address.
        ip: Option<String>,
        /// The caller's `User-Agent`.
        user_agent: Option<String>,
    },
    /// Its key was destroyed, at the end of the realm's retention or with the user.
    Erased {
        /// Always true.
        erased: bool,
    },
}

impl From<&Sealed<Network>> for EventNetwork {
    fn from(network: &Sealed<Network>) -> Self {
        match network {
            Sealed::Known(Network { ip, user_agent }) => EventNetwork::Known {
                ip: ip.clone(),
                user_agent: user_agent.clone(),
            },
            Sealed::Erased => EventNetwork::Erased { erased: true },
        }
    }
}

impl RecordedEvent {
    /// The event as it is shown.
    pub fn new(happened: &Happened, network: Option<&Sealed<Network>>) -> Result<Self, DecodeError> {
        let (kind, mut data) = happened.event.encode()?;
        if let Value::Object(fields) = &mut data {
            for (field, owner) in kind.sealed {
                match owner {
                    SealedBy::Credential(_) => drop(fields.remove(*field)),
                    SealedBy::SubjectUser | SealedBy::User(_) => {}
                }
            }
        }
        Ok(Self {
            id: happened.id.0,
            stream: StreamName {
                realm: happened.stream.realm.0,
                lane: happened.stream.lane.as_str(),
            },
            seq: happened.seq,
            event_type: kind.name,
            schema_version: kind.schema,
            time: happened.time.into(),
            subject: happened.subject.map(|subject| SubjectVersion {
                kind: subject.kind.as_str(),
                id: subject.id,
                version: happened.version,
            }),
            actor: EventActor::from(&happened.actor),
            network: network.map(EventNetwork::from),
            cause: happened.cause.map(|id| id.0),
            trace: happened.trace.clone(),
            data,
            leaf_hash: hex(&happened.leaf_hash),
        })
    }
}

#[cfg(test)]
mod tests {
    use events::{
        applications::ApplicationEvent,
        ids::{ApplicationId, CredentialId, UserId},
        subject::Subject,
        testing::happened,
        users::{Profile, UserEvent},
    };
    use serde_json::json;

    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

    #[test]
    fn secrets_are_never_shown() {
        let set = UserEvent::PasswordSet {
            credential: CredentialId(ID),
            hash: Sealed::Known("$argon2id$…".to_owned()),
            keeps: None,
        };
        let shown = RecordedEvent::new(&happened(Subject::password(UserId(ID)), 1, set), None).unwrap();
        assert_eq!(shown.data, json!({ "credential": ID }));
        assert_eq!(shown.event_type, "password.set");
    }

    #[test]
    fn the_digest_of_a_client_secret_is_a_secret_too() {
        let digest = Sealed::Known("00ff".to_owned());
        let added = ApplicationEvent::SecretAdded {
            credential: CredentialId(ID),
            digest,
            secret: Some(Sealed::Known("chs_secret".to_owned())),
            expires: None,
        };
        let shown =
            RecordedEvent::new(&happened(Subject::application(ApplicationId(ID)), 2, added), None).unwrap();
        assert_eq!(shown.data, json!({ "credential": ID, "expires": null }));
    }

    #[test]
    fn personal_fields_are_shown_as_long_as_their_key_lives() {
        let registered = |profile| UserEvent::Registered { profile };
        let alice = Profile {
            username: Some("alice".to_owned()),
            ..Profile::default()
        };
        let user = Subject::user(UserId(ID));
        let known = RecordedEvent::new(&happened(user, 1, registered(Sealed::Known(alice))), None).unwrap();
        assert_eq!(known.data["profile"]["username"], "alice");
        let erased = RecordedEvent::new(&happened(user, 1, registered(Sealed::Erased)), None).unwrap();
        assert_eq!(erased.data, json!({ "profile": { "$erased": true } }));
    }

    #[test]
    fn an_event_is_written_with_all_that_the_log_holds() {
        let locked = happened(
            Subject::user(UserId(ID)),
            2,
            UserEvent::Locked {
                reason: None,
                until: None,
            },
        );
        let network = Sealed::Known(Network {
            ip: Some("192.0.2.1".to_owned()),
            user_agent: None,
        });
        let shown = serde_json::to_value(RecordedEvent::new(&locked, Some(&network)).unwrap()).unwrap();
        assert_eq!(shown["type"], "user.locked");
        assert_eq!(
            shown["subject"],
            json!({ "kind": "user", "id": ID, "version": 2 })
        );
        assert_eq!(shown["stream"]["lane"], "facts");
        assert_eq!(shown["actor"]["component"], "test");
        assert_eq!(shown["network"], json!({ "ip": "192.0.2.1", "user_agent": null }));
        assert_eq!(shown["cause"], Value::Null);
        assert_eq!(shown["time"], "2025-12-31T00:00:02Z");
        assert_eq!(shown["leaf_hash"], "0".repeat(64));
    }

    #[test]
    fn where_a_request_came_from_is_forgotten_with_its_key() {
        assert_eq!(
            EventNetwork::from(&Sealed::Erased),
            EventNetwork::Erased { erased: true }
        );
    }
}
