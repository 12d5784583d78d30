//! The catalogue of events: what each says (its schema), what causes it (the operations that name it in `x-events`), and what follows it
//! (the projections). The rule: an operation names the events that it can cause beside itself; nothing is listed here.

use std::collections::BTreeMap;

use events::catalogue::{Described, described};
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::OpenApi;

/// The extension by which an operation names what it can cause.
const CAUSES: &str = "x-events";

/// One event.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What it says.
    #[serde(flatten)]
    pub described: Described,
    /// What causes it, besides the platform itself.
    pub commands: Vec<Cause>,
    /// The projections that make rows of it.
    pub consumers: &'static [String],
}

/// An operation of one of the APIs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Cause {
    /// Its `operationId`.
    pub operation: String,
    /// The method.
    pub method: String,
    /// The path with its parameters' names.
    pub path: String,
}

/// All events, in the order of their domains.
pub fn rows(apis: &[&OpenApi]) -> Vec<Row> {
    let causes = causes(apis);
    described()
        .map(|described| Row {
            commands: causes.get(described.name).cloned().unwrap_or_default(),
            consumers: projections::consumers(described.name),
            described,
        })
        .collect()
}

/// The operations that cause events, by the events' names.
fn causes(apis: &[&OpenApi]) -> BTreeMap<String, Vec<Cause>> {
    let mut causes: BTreeMap<String, Vec<Cause>> = BTreeMap::new();
    for api in apis {
        let document = serde_json::to_value(api).unwrap_or_default();
        for (operation, described) in operations(&document) {
            for event in described[CAUSES].as_array().into_iter().flatten() {
                let of_event = causes.entry(event.as_str().unwrap_or_default().to_owned());
                of_event.or_default().push(operation.clone());
            }
        }
    }
    for operations in causes.values_mut() {
        operations.sort();
    }
    causes
}

/// The operations of a document, with what it says of them.
fn operations(document: &Value) -> impl Iterator<Item = (Cause, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        item.as_object()
            .into_iter()
            .flatten()
            .filter_map(move |(method, described)| {
                let operation = Cause {
                    operation: described["operationId"].as_str()?.to_owned(),
                    method: method.to_uppercase(),
                    path: path.clone(),
                };
                Some((operation, described))
            })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn documents() -> [OpenApi; 2] {
        [command::document(), query::document()]
    }

    #[test]
    fn whatever_is_named_as_caused_is_an_event() {
        let documents = documents();
        let names: BTreeSet<_> = described().map(|described| described.name).collect();
        for (event, operations) in causes(&documents.each_ref()) {
            assert!(names.contains(&*event), "{event}, named by {operations:?}");
        }
    }

    #[test]
    fn every_command_names_what_it_causes() {
        let document = serde_json::to_value(command::document()).unwrap();
        for (operation, described) in operations(&document) {
            if operation.path.starts_with("/command/v1/") {
                let names = described[CAUSES].as_array().map_or(0, Vec::len);
                assert!(names > 0, "{operation:?} names no event in {CAUSES}");
            }
        }
    }

    #[test]
    fn every_event_is_caused_by_an_operation_or_tells_of_what_the_platform_did_and_is_followed() {
        let documents = documents();
        for row in rows(&documents.each_ref()) {
            let name = row.described.name;
            // What a reactor did is activity.
            assert!(
                !row.commands.is_empty() || row.described.lane == "activity",
                "no operation names {name}"
            );
            assert!(!row.consumers.is_empty(), "{name}");
        }
    }
}
