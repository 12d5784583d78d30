//! An event as it is delivered: a CloudEvent 1.0 in JSON. The rule: only what is open in the log leaves the platform. What is sealed
//! (personal data, secrets, where a request came from) is left out, whether or not its key is still there.

use events::{
    cloud_events::{ATTRIBUTES, CONTENT_TYPE},
    codec::open_fields,
    envelope::Recorded,
    event::DecodeError,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

/// The media type of structured mode (CloudEvents, JSON event format, section 3).
pub const MEDIA_TYPE: &str = "application/cloudevents+json";

struct CloudEvent<'a> {
    public_url: &'a str,
    recorded: &'a Recorded,
    data: &'a RawValue,
}

impl Serialize for CloudEvent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for attribute in ATTRIBUTES {
            if let Some(value) = attribute.of(self.public_url, &self.recorded.entry) {
                members.serialize_entry(attribute.name, &value)?;
            }
        }
        members.serialize_entry("datacontenttype", CONTENT_TYPE)?;
        members.serialize_entry("data", self.data)?;
        members.end()
    }
}

/// An event as it is delivered by a platform of this public address.
pub fn cloud_event(public_url: &str, recorded: &Recorded) -> Result<String, DecodeError> {
    let malformed = |error: serde_json::Error| DecodeError::Malformed {
        name: recorded.entry.event_type.clone(),
        reason: error.to_string(),
    };
    let event = CloudEvent {
        public_url,
        recorded,
        data: serde_json::from_str(open_fields(recorded)?).map_err(malformed)?,
    };
    serde_json::to_string(&event).map_err(malformed)
}
