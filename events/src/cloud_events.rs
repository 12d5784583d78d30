//! An event as a CloudEvent 1.0: its attributes, named and described in one place, whoever carries it. The rule: on every way (webhooks in
//! structured mode, topics in binary mode) one event has one identity, which is `source` and `id`, and the same attributes. None
//! of them is personal or secret, since nothing in an entry is; `data` is what [`open_fields`](crate::codec::open_fields) leaves.

use crate::{envelope::Entry, ids::RealmId};

/// One attribute. All values are texts: an integer of CloudEvents has 32 bits, which a seq outgrows.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// Its name in structured mode.
    pub name: &'static str,
    /// Its name as a header of binary mode (Kafka protocol binding, section 3.2.3.1).
    pub header: &'static str,
    /// What it says, in a sentence.
    pub about: &'static str,
    /// Whether every event has it.
    pub always: bool,
    value: fn(&str, &Entry) -> Option<String>,
}

impl Attribute {
    /// What it is for an event of a platform of this public address, if the event has it.
    pub fn of(&self, public_url: &str, entry: &Entry) -> Option<String> {
        (self.value)(public_url, entry)
    }
}

macro_rules! attributes {
    ($($name:literal $(($always:ident))? $about:literal $value:expr,)*) => {
        /// All attributes, but for `datacontenttype`, which is always [`CONTENT_TYPE`].
        pub const ATTRIBUTES: &[Attribute] = &[$(Attribute {
            name: $name,
            header: concat!("ce_", $name),
            about: $about,
            always: attributes!(@ $($always)?),
            value: $value,
        }),*];
    };
    (@ always) => { true };
    (@) => { false };
}

/// The media type of `data`.
pub const CONTENT_TYPE: &str = "application/json";

attributes! {
    "specversion" (always) "The version of CloudEvents: `1.0`." |_, _| Some("1.0".to_owned()),
    "id" (always) "The event's own id, a UUID." |_, entry| Some(entry.id.to_string()),
    "source" (always) "Whose it is: the realm's address, by its id." |url, entry| Some(source(url, entry.realm)),
    "type" (always) "The event's stable name, such as `user.registered`." |_, entry| Some(entry.event_type.clone()),
    "time" (always) "When it was recorded (RFC 3339)." |_, entry| Some(entry.time.rfc3339()),
    "schemaversion" (always) "The version of the shape of `data`." |_, entry| Some(entry.schema.to_string()),
    "realmid" (always) "The realm's id." |_, entry| Some(entry.realm.to_string()),
    "lane" (always) "`facts` or `activity`." |_, entry| Some(entry.lane.to_string()),
    "seq" (always) "The place in the realm's lane: 1, 2, 3, …" |_, entry| Some(entry.seq.to_string()),
    "incarnation" (always) "The incarnation of the log that counts so." |_, entry| Some(entry.incarnation.to_string()),
    "subject" "What it changed: a kind, `:` and an id. Absent from activity that decides nothing."
        |_, entry| entry.subject.map(|of| of.subject().to_string()),
    "subjectversion" "The version of that after it." |_, entry| entry.subject.map(|of| of.version.to_string()),
    "causationid" "The id of the event that it follows from." |_, entry| entry.cause.map(|id| id.to_string()),
    "actorrealm" "The actor's realm, where it is another." |_, entry| entry.actor.realm.map(|id| id.to_string()),
    "actoruser" "The user who acted." |_, entry| entry.actor.user.map(|id| id.to_string()),
    "actoronbehalfof" "The user on whose behalf, where that is another."
        |_, entry| entry.actor.on_behalf_of.map(|id| id.to_string()),
    "actorclient" "The application through which it was done." |_, entry| entry.actor.client.map(|id| id.to_string()),
    "actorsession" "The session in which it was done." |_, entry| entry.actor.session.map(|id| id.to_string()),
    "actorcomponent" "A part of the platform that acted by itself." |_, entry| entry.actor.component.clone(),
    "traceparent" "The trace that it is part of, if it was collected (CloudEvents, distributed tracing extension)."
        |_, entry| entry.trace.clone(),
    "requestid" "The request that carried it." |_, entry| entry.actor.request.map(|id| id.to_string()),
}

/// Whose an event is: the realm as it is reached, by its id, which never changes.
fn source(public_url: &str, realm: RealmId) -> String {
    format!("{public_url}/realms/{realm}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_those_that_every_reader_takes_and_each_is_one() {
        let names: BTreeSet<_> = ATTRIBUTES.iter().map(|attribute| attribute.name).collect();
        assert_eq!(names.len(), ATTRIBUTES.len());
        for name in names {
            let plain = name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            assert!(
                plain && name.len() <= 20,
                "{name}: CloudEvents 1.0, naming conventions"
            );
            assert_ne!(name, "data");
        }
        for required in ["id", "source", "specversion", "type"] {
            let found = ATTRIBUTES.iter().find(|attribute| attribute.name == required);
            assert!(found.is_some_and(|attribute| attribute.always), "{required}");
        }
    }
}
