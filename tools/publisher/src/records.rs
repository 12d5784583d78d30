//! An event as records of Kafka: CloudEvents 1.0, binary mode (the crate's documentation has the table).

use events::{
    codec::open_fields,
    envelope::{Actor, Entry, Recorded, SubjectVersion},
    event::Event,
    subject::Stream,
    topics::Topic,
};
use kafka::Record;

use crate::position::{Halt, Position};

/// The records of an event, one for each of its topics. The position moves on to it.
pub fn records(recorded: &Recorded, position: &mut Position) -> Result<Vec<Record>, Halt> {
    let unreadable = |error: &dyn std::fmt::Display| Halt::Unreadable(error.to_string());
    let entry = &recorded.entry;
    let value = open_fields(recorded).map_err(|error| unreadable(&error))?;
    let topics: Vec<_> = Event::topics_of(&entry.event_type)
        .map_err(|error| unreadable(&error))?
        .collect();
    let headers = headers(entry);
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
        (Some(subject), _, _) => format!("{realm}/{}", name(subject)),
        (None, Some(user), _) => format!("{realm}/user/{user}"),
        (None, None, Some(client)) => format!("{realm}/application/{client}"),
        (None, None, None) => realm.to_string(),
    }
}

fn name(subject: SubjectVersion) -> String {
    format!("{}/{}", subject.kind.as_str(), subject.id)
}

/// The attributes that are the same in every topic.
fn headers(entry: &Entry) -> Vec<(&'static str, String)> {
    let Entry {
        v: _,
        incarnation,
        realm,
        lane,
        seq,
        subject,
        event_type,
        schema,
        time,
        actor,
        id,
        cause,
        body: _,
    } = entry;
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", id.to_string()),
        ("ce_source", format!("/realms/{realm}")),
        ("ce_type", event_type.clone()),
        ("ce_time", time.rfc3339()),
        ("ce_schemaversion", schema.to_string()),
        ("ce_realm", realm.to_string()),
        ("ce_lane", lane.to_string()),
        ("ce_seq", seq.to_string()),
        ("ce_incarnation", incarnation.to_string()),
    ];
    if let Some(subject) = subject {
        headers.push(("ce_subject", name(*subject)));
        headers.push(("ce_subjectversion", subject.version.to_string()));
    }
    let Actor {
        realm,
        user,
        on_behalf_of,
        client,
        session,
        request,
        component,
    } = actor;
    let known = [
        ("ce_cause", cause.map(|id| id.to_string())),
        ("ce_actorrealm", realm.map(|id| id.to_string())),
        ("ce_actoruser", user.map(|id| id.to_string())),
        ("ce_onbehalfof", on_behalf_of.map(|id| id.to_string())),
        ("ce_actorclient", client.map(|id| id.to_string())),
        ("ce_actorsession", session.map(|id| id.to_string())),
        ("ce_request", request.map(|id| id.to_string())),
        ("ce_component", component.clone()),
    ];
    headers.extend(known.into_iter().filter_map(|(name, value)| Some((name, value?))));
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
        envelope::{FORMAT, leaf_hash},
        ids::{EventId, RealmId, UserId},
        subject::{Lane, SubjectKind},
    };
    use uuid::Uuid;

    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

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
        let first = records(&recorded(1, "user.registered", true), &mut position).unwrap();
        let second = records(&recorded(2, "user.locked", true), &mut position).unwrap();
        let third = records(&recorded(3, "user.unlocked", true), &mut position).unwrap();
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
            format!("{}/user/{ID}", Uuid::from_u128(9)).into_bytes()
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
            header(&second[0], "ce_subject"),
            Some(format!("user/{ID}").as_str())
        );
        assert_eq!(header(&second[0], "ce_time"), Some("2023-11-14T22:13:20.123456Z"));
        assert_eq!(header(&second[0], "ce_actoruser"), Some(ID.to_string().as_str()));
        assert_eq!(header(&second[0], "ce_actorclient"), None);
        assert_eq!(second[0].time_ms, 1_700_000_000_123);
        assert_eq!(Position::parse(&position.to_bytes().unwrap()).unwrap(), position);
    }

    #[test]
    fn activity_without_a_subject_is_in_the_order_of_who_acted() {
        let issued = records(&recorded(1, "token.issued", false), &mut Position::default()).unwrap();
        assert_eq!(
            issued[0].key,
            format!("{}/user/{ID}", Uuid::from_u128(9)).into_bytes()
        );
        assert_eq!(header(&issued[0], "ce_subject"), None);
    }

    #[test]
    fn what_nobody_knows_is_not_skipped() {
        let mut position = Position::default();
        assert!(records(&recorded(1, "user.invented", true), &mut position).is_err());
        assert_eq!(position, Position::default());
    }
}
