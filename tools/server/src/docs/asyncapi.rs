//! The topics and the live stream as an AsyncAPI 3.0 document, made from the catalogue of events.
//!
//! In a topic a record is a CloudEvent in binary mode (Kafka protocol binding for CloudEvents 1.0): attributes are headers, and the value
//! is the event's `data` without what is sealed. In the live stream an event is written as the query API lists it.

use events::topics::Topic;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use super::catalogue::Row;

/// Where events are followed live.
const STREAM: &str = "/query/v1/realms/{realm}/events/stream";

/// How an event is written by the query API, among its schemas.
const RECORDED: &str = "RecordedEvent";

/// The document.
pub fn document(rows: &[Row], query: &OpenApi) -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    for topic in Topic::ALL {
        let address = topic.to_string();
        let published: Vec<_> = rows
            .iter()
            .filter(|row| row.described.topics.contains(&address))
            .map(|row| row.described.name)
            .collect();
        operations.insert(
            format!("publish_{}", topic.as_str()),
            sends(&address, "Publishes the events of the topic, each exactly once."),
        );
        channels.insert(
            address.clone(),
            json!({
                "address": address,
                "title": topic.as_str(),
                "description": topic.about(),
                "messages": messages(published.into_iter(), ""),
                "bindings": { "kafka": { "topic": address, "bindingVersion": "0.5.0" } },
            }),
        );
    }
    operations.insert(
        "follow_events".to_owned(),
        sends(
            "stream",
            "Tells a realm's events as they happen: server-sent events, or messages of a WebSocket.",
        ),
    );
    channels.insert(
        "stream".to_owned(),
        json!({
            "address": STREAM,
            "title": "stream",
            "description": "A realm's events as they happen, told to whoever may read them.",
            "parameters": { "realm": { "description": "The realm's name or id." } },
            "messages": messages(rows.iter().map(|row| row.described.name), ".recorded"),
        }),
    );
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chancery events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What is told of events: in topics, and live. The catalogue itself is at /openapi/events.json.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": all_messages(rows), "schemas": schemas(rows, query) },
    })
}

/// An operation of ours, who only ever tell.
fn sends(channel: &str, summary: &str) -> Value {
    json!({ "action": "send", "channel": { "$ref": format!("#/channels/{channel}") }, "summary": summary })
}

fn messages<'a>(names: impl Iterator<Item = &'a str>, suffix: &str) -> Value {
    names
        .map(|name| {
            let reference = format!("#/components/messages/{name}{suffix}");
            (name.to_owned(), json!({ "$ref": reference }))
        })
        .collect::<Map<_, _>>()
        .into()
}

/// Each event as a record of a topic, and as it is told live.
fn all_messages(rows: &[Row]) -> Value {
    let mut messages = Map::new();
    for row in rows {
        let (name, version) = (row.described.name, row.described.version);
        let data = json!({ "$ref": format!("#/components/schemas/{name}.v{version}") });
        messages.insert(
            name.to_owned(),
            json!({
                "name": name,
                "title": format!("{name} v{version}"),
                "summary": row.described.about,
                "contentType": "application/json",
                "headers": { "$ref": "#/components/schemas/CloudEventHeaders" },
                "payload": data,
            }),
        );
        let told = json!({
            "type": "object",
            "properties": { "type": { "const": name }, "schema_version": { "const": version }, "data": data },
        });
        messages.insert(
            format!("{name}.recorded"),
            json!({
                "name": format!("{name}.recorded"),
                "title": format!("{name} v{version}, as it is listed"),
                "summary": row.described.about,
                "contentType": "application/json",
                "payload": { "allOf": [{ "$ref": format!("#/components/schemas/{RECORDED}") }, told] },
            }),
        );
    }
    messages.into()
}

fn schemas(rows: &[Row], query: &OpenApi) -> Value {
    let mut schemas = Map::new();
    for row in rows {
        let mut schema = row.described.schema.clone();
        if let Value::Object(members) = &mut schema {
            members.remove("$schema");
        }
        schemas.insert(
            format!("{}.v{}", row.described.name, row.described.version),
            schema,
        );
    }
    let document = serde_json::to_value(query).unwrap_or_default();
    take_along(&mut schemas, &document["components"]["schemas"], RECORDED);
    schemas.insert("CloudEventHeaders".to_owned(), headers());
    schemas.into()
}

/// A schema of the query API, and those that it refers to: they are under the same names here.
fn take_along(schemas: &mut Map<String, Value>, all: &Value, name: &str) {
    if schemas.contains_key(name) {
        return;
    }
    schemas.insert(name.to_owned(), all[name].clone());
    let mut names = Vec::new();
    referred(&all[name], &mut names);
    for name in names {
        take_along(schemas, all, &name);
    }
}

fn referred(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(name) = members.get("$ref").and_then(Value::as_str) {
                names.extend(name.strip_prefix("#/components/schemas/").map(str::to_owned));
            }
            members.values().for_each(|member| referred(member, names));
        }
        Value::Array(members) => members.iter().for_each(|member| referred(member, names)),
        _ => {}
    }
}

/// The attributes as headers (Kafka protocol binding for CloudEvents, 3.2.3): those that every event has first.
fn headers() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "properties": {
            "content-type": { "const": "application/json" },
            "ce_specversion": { "const": "1.0" },
            "ce_id": text("The event's own id, a UUID."),
            "ce_source": text("Whose it is: `/realms/` and the realm's id."),
            "ce_type": text("The event's name."),
            "ce_time": text("When it was recorded (RFC 3339)."),
            "ce_schemaversion": text("The version of the value's shape."),
            "ce_realm": text("The realm's id."),
            "ce_lane": text("`facts` or `activity`."),
            "ce_seq": text("The place in the realm's lane: 1, 2, 3, …"),
            "ce_previousseq": text("The place of the event before in this topic, of the same realm and lane; 0 if there is none."),
            "ce_incarnation": text("The incarnation of the log that counts so."),
            "ce_subject": text("What it changed: a kind, `/` and an id."),
            "ce_subjectversion": text("The version of that after it."),
            "ce_cause": text("The event that it follows from."),
            "ce_actorrealm": text("The actor's realm, where it is another."),
            "ce_actoruser": text("The user who acted."),
            "ce_onbehalfof": text("The user on whose behalf, where that is another."),
            "ce_actorclient": text("The application through which it was done."),
            "ce_actorsession": text("The session in which it was done."),
            "ce_request": text("The request that carried it."),
            "ce_component": text("A part of the platform that acted by itself."),
        },
        "required": ["ce_specversion", "ce_id", "ce_source", "ce_type"],
    })
}

#[cfg(test)]
mod tests {
    use super::{super::catalogue, *};

    fn pointed(document: &Value, part: &Value, missing: &mut Vec<String>) {
        match part {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    let place = reference.strip_prefix('#').unwrap_or_default();
                    if document.pointer(place).is_none() {
                        missing.push(reference.to_owned());
                    }
                }
                members
                    .values()
                    .for_each(|member| pointed(document, member, missing));
            }
            Value::Array(members) => members
                .iter()
                .for_each(|member| pointed(document, member, missing)),
            _ => {}
        }
    }

    #[test]
    fn every_event_is_told_live_and_in_its_topics_and_nothing_is_referred_to_that_is_not_there() {
        let (command, query) = (command::document(), query::document());
        let rows = catalogue::rows(&[&command, &query]);
        let document = document(&rows, &query);
        let mut missing = Vec::new();
        pointed(&document, &document, &mut missing);
        assert_eq!(missing, [""; 0]);
        let of = |channel: &str, name: &str| document["channels"][channel]["messages"].get(name).is_some();
        for row in &rows {
            let name = row.described.name;
            assert!(of("stream", name) && of("identity.audit.v1", name), "{name}");
            for topic in &row.described.topics {
                assert!(of(topic, name), "{topic}: {name}");
            }
        }
        assert!(of("identity.security.v1", "login.failed") && !of("identity.security.v1", "token.issued"));
        assert!(
            document["components"]["schemas"]["EventActor"].is_object(),
            "taken along"
        );
    }
}
