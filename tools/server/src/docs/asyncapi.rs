//! The topics, the webhooks and the live stream as an AsyncAPI 3.0 document, made from the catalogue of events.
//!
//! In a topic a record is a CloudEvent in binary mode (Kafka protocol binding for CloudEvents 1.0): attributes are headers, and the value
//! is the event's `data` without what is sealed. A webhook is sent the same in structured mode. In the live stream an event is written as the query API lists it.

use events::{
    cloud_events::{ATTRIBUTES, Attribute, CONTENT_TYPE},
    topics::Topic,
};
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
    operations.insert(
        "deliver_events".to_owned(),
        sends(
            "webhook",
            "Delivers the events that a webhook's filter has, signed (Standard Webhooks), in order for each subject.",
        ),
    );
    channels.insert(
        "webhook".to_owned(),
        json!({
            "address": null,
            "title": "webhook",
            "description": "An endpoint outside, at the address that was registered for it.",
            "messages": messages(rows.iter().map(|row| row.described.name), ".delivered"),
        }),
    );
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Chancery events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What is told of events: in topics, to webhooks, and live. The catalogue itself is at /openapi/events.json.",
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
        messages.insert(
            format!("{name}.delivered"),
            json!({
                "name": format!("{name}.delivered"),
                "title": format!("{name} v{version}, as it is delivered"),
                "summary": row.described.about,
                "contentType": "application/cloudevents+json",
                "headers": { "$ref": "#/components/schemas/WebhookHeaders" },
                "payload": { "allOf": [
                    { "$ref": "#/components/schemas/CloudEvent" },
                    { "type": "object", "properties": { "type": { "const": name }, "data": data.clone() } },
                ] },
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
    schemas.insert("CloudEvent".to_owned(), envelope());
    schemas.insert("WebhookHeaders".to_owned(), signature());
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

/// The attributes as headers (Kafka protocol binding for CloudEvents, 3.2.3).
fn headers() -> Value {
    let mut properties = attributes(|attribute| attribute.header);
    properties.insert("content-type".to_owned(), json!({ "const": CONTENT_TYPE }));
    properties.insert(
        "ce_previousseq".to_owned(),
        text("The place of the event before in this topic, of the same realm and lane; 0 if there is none."),
    );
    let mut required = always(|attribute| attribute.header);
    required.extend(["content-type", "ce_previousseq"]);
    json!({ "type": "object", "properties": properties, "required": required })
}

/// The attributes beside `data` (CloudEvents, JSON event format).
fn envelope() -> Value {
    let mut properties = attributes(|attribute| attribute.name);
    properties.insert("datacontenttype".to_owned(), json!({ "const": CONTENT_TYPE }));
    let mut required = always(|attribute| attribute.name);
    required.extend(["datacontenttype", "data"]);
    json!({ "type": "object", "properties": properties, "required": required })
}

/// The headers of a delivery (Standard Webhooks 1.0).
fn signature() -> Value {
    json!({
        "type": "object",
        "properties": {
            "webhook-id": text("The event's id: the same at every attempt."),
            "webhook-timestamp": text("When it was sent, in seconds since 1970."),
            "webhook-signature": text("`v1,` or `v1a,` and a signature in base64; several are set apart by spaces."),
        },
        "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
    })
}

fn attributes(named: fn(&Attribute) -> &'static str) -> Map<String, Value> {
    let described = ATTRIBUTES
        .iter()
        .map(|attribute| (named(attribute).to_owned(), text(attribute.about)));
    described.collect()
}

fn always(named: fn(&Attribute) -> &'static str) -> Vec<&'static str> {
    let always = ATTRIBUTES.iter().filter(|attribute| attribute.always);
    always.map(named).collect()
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}
