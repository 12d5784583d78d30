//! An event as it is delivered: a CloudEvent 1.0 in JSON. The rule: only what is open in the log leaves the platform. What is sealed
//! (personal data, secrets, where a request came from) is left out, whether or not its key is still there.

use events::{codec::open_fields, envelope::Recorded, event::DecodeError};
use serde::Serialize;
use serde_json::value::RawValue;

/// The media type of structured mode (CloudEvents, JSON event format, section 3).
pub const MEDIA_TYPE: &str = "application/cloudevents+json";

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    time: String,
    datacontenttype: &'static str,
    realmid: String,
    lane: &'static str,
    /// A text, as CloudEvents' integers have 32 bits.
    seq: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subjectversion: Option<String>,
    schemaversion: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actoruser: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actorclient: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actorcomponent: Option<&'a str>,
    data: &'a RawValue,
}

/// An event as it is delivered by a platform of this public address.
pub fn cloud_event(public_url: &str, recorded: &Recorded) -> Result<String, DecodeError> {
    let entry = &recorded.entry;
    let malformed = |error: serde_json::Error| DecodeError::Malformed {
        name: entry.event_type.clone(),
        reason: error.to_string(),
    };
    let data: &RawValue = serde_json::from_str(open_fields(recorded)?).map_err(malformed)?;
    let event = CloudEvent {
        specversion: "1.0",
        id: entry.id.to_string(),
        source: format!("{public_url}/realms/{}", entry.realm),
        kind: &entry.event_type,
        subject: entry.subject.map(|of| of.subject().to_string()),
        time: entry.time.rfc3339(),
        datacontenttype: "application/json",
        realmid: entry.realm.to_string(),
        lane: entry.lane.as_str(),
        seq: entry.seq.to_string(),
        subjectversion: entry.subject.map(|of| of.version.to_string()),
        schemaversion: entry.schema,
        causationid: entry.cause.map(|id| id.to_string()),
        actoruser: entry.actor.user.map(|id| id.to_string()),
        actorclient: entry.actor.client.map(|id| id.to_string()),
        actorcomponent: entry.actor.component.as_deref(),
        data,
    };
    serde_json::to_string(&event).map_err(malformed)
}
