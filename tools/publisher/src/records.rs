//! An event as records of Kafka: CloudEvents 1.0, binary mode (the crate's documentation has the table).

use events::{
    cloud_events::{ATTRIBUTES, CONTENT_TYPE},
    codec::open_fields,
    envelope::{Entry, Recorded},
    event::Event,
    subject::{Stream, Subject, SubjectKind},
    topics::Topic,
};
use kafka::Record;
use traces::TRACEPARENT;

use crate::position::{Halt, Position};

/// The records of an event of a platform of this public address, one for each of its topics. The position moves on to it.
pub fn records(public_url: &str, recorded: &Recorded, position: &mut Position) -> Result<Vec<Record>, Halt> {
    let unreadable = |error: &dyn std::fmt::Display| Halt::Unreadable(error.to_string());
    let entry = &recorded.entry;
    let value = open_fields(recorded).map_err(|error| unreadable(&error))?;
    let topics: Vec<_> = Event::topics_of(&entry.event_type)
        .map_err(|error| unreadable(&error))?
        .collect();
    let headers = headers(public_url, entry);
    let previous = position.advance(recorded, &topics);
    let made = topics.iter().zip(previous).map(|(topic, previous)| {
        let mut headers = headers.clone();
        headers.push(("ce_previousseq", previous.to_string()));
        Record {
            topic: topic.to_string(),
            key: key(*topic, entry).into_bytes(),
            headers,
            value: value.as_bytes().to_vec(),
            time_ms: entry.time.0.div_euclid(1_000),
        }
    });
    Ok(made.collect())
}

/// What keeps records in order.
fn key(topic: Topic, entry: &Entry) -> String {
    let Entry { realm, actor, .. } = entry;
    if topic == Topic::Audit {
        return entry.stream().to_string();
    }
    match (entry.subject, actor.user, actor.client) {
        (Some(of), _, _) => format!("{realm}/{}", of.subject()),
        (None, Some(user), _) => format!("{realm}/{}", Subject::new(SubjectKind::User, user.0)),
        (None, None, Some(client)) => format!("{realm}/{}", Subject::new(SubjectKind::Application, client.0)),
        (None, None, None) => realm.to_string(),
    }
}

/// The attributes that are the same in every topic.
fn headers(public_url: &str, entry: &Entry) -> Vec<(&'static str, String)> {
    let attributes = ATTRIBUTES
        .iter()
        .filter_map(|attribute| Some((attribute.header, attribute.of(public_url, entry)?)));
    let mut headers = vec![("content-type", CONTENT_TYPE.to_owned())];
    headers.extend(attributes);
    headers.extend(entry.trace.clone().map(|trace| (TRACEPARENT, trace)));
    headers
}

/// The shard of a stream: that of its realm, the same for ever.
pub fn shard_of(stream: Stream, shards: i32) -> i32 {
    let shards = u128::from(shards.unsigned_abs().max(1));
    i32::try_from(stream.realm.0.as_u128() % shards).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use events::{
        clock::Timestamp,
        envelope::{Actor, FORMAT, SubjectVersion, leaf_hash},
        ids::{EventId, RealmId, UserId},
        subject::Lane,
    };
    use uuid::Uuid;

    use super::*;

    const ID: Uuid = Uuid::from_u128(7);
    const URL: &str = "https://id.example";

    fn recorded(seq: u64, event_type: &str, subject: bool) -> Recorded {
        let entry = Entry {
            v: FORMAT,
            incarnation: Uuid::from_u128(1),
            realm: RealmId(Uuid::from_u128(9)),
            lane: Lane::Facts,
            seq,
            subject: subject.then_some(SubjectVersion {
                kind: SubjectKind::User,
                id: ID,
                version: seq,
            }),
            event_type: event_type.to_owned(),
            schema: 1,
            time: Timestamp(1_700_000_000_123_456),
            actor: Actor {
                user: Some(UserId(ID)),
                ..Actor::default()
            },
            id: EventId(Uuid::from_u128(u128::from(seq))),
            cause: None,
            trace: None,
            body: String::new(),
        };
        Recorded {
            entry_bytes: Vec::new(),
            body: br#"{"data":{"until":null},"sealed":{"reason":["u:7","secret"]},"network":["m","n"]}"#
                .to_vec(),
            leaf_hash: leaf_hash(&seq.to_be_bytes()),
            entry,
        }
    }

    fn header<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
        let found = record.headers.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| value.as_str())
    }

    #[test]
    fn what_is_sealed_stays_behind_and_the_chain_of_each_topic_is_unbroken() {
        let mut position = Position::default();
        let first = records(URL, &recorded(1, "user.registered", true), &mut position).unwrap();
        let second = records(URL, &recorded(2, "user.locked", true), &mut position).unwrap();
        let third = records(URL, &recorded(3, "user.unlocked", true), &mut position).unwrap();
        let topics = |records: &[Record]| {
            records
                .iter()
                .map(|record| record.topic.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(topics(&first), ["identity.users.v1", "identity.audit.v1"]);
        assert_eq!(
            topics(&second),
            ["identity.users.v1", "identity.security.v1", "identity.audit.v1"]
        );
        assert_eq!(second[0].value, br#"{"until":null}"#);
        assert_eq!(
            second[0].key,
            format!("{}/user:{ID}", Uuid::from_u128(9)).into_bytes()
        );
        assert_eq!(
            second[2].key,
            format!("{}/facts", Uuid::from_u128(9)).into_bytes()
        );
        let previous = |record: &Record| header(record, "ce_previousseq").unwrap().to_owned();
        assert_eq!(second.iter().map(previous).collect::<Vec<_>>(), ["1", "0", "1"]);
        assert_eq!(third.iter().map(previous).collect::<Vec<_>>(), ["2", "2", "2"]);
        assert_eq!(header(&second[0], "ce_type"), Some("user.locked"));
        assert_eq!(
            header(&second[0], "ce_source"),
            Some(format!("{URL}/realms/{}", Uuid::from_u128(9)).as_str())
        );
        assert_eq!(
            header(&second[0], "ce_subject"),
            Some(format!("user:{ID}").as_str())
        );
        assert_eq!(header(&second[0], "ce_time"), Some("2023-11-14T22:13:20.123456Z"));
        assert_eq!(header(&second[0], "ce_actoruser"), Some(ID.to_string().as_str()));
        assert_eq!(header(&second[0], "ce_actorclient"), None);
        assert_eq!(second[0].time_ms, 1_700_000_000_123);
        assert_eq!(Position::parse(&position.to_bytes().unwrap()).unwrap(), position);
    }

    #[test]
    fn activity_without_a_subject_is_in_the_order_of_who_acted() {
        let issued = records(URL, &recorded(1, "token.issued", false), &mut Position::default()).unwrap();
        assert_eq!(
            issued[0].key,
            format!("{}/user:{ID}", Uuid::from_u128(9)).into_bytes()
        );
        assert_eq!(header(&issued[0], "ce_subject"), None);
    }

    #[test]
    fn what_nobody_knows_is_not_skipped() {
        let mut position = Position::default();
        assert!(records(URL, &recorded(1, "user.invented", true), &mut position).is_err());
        assert_eq!(position, Position::default());
    }
}
