//! Shapes are permanent: every version of every event has a file in `schemas/`, which never changes, and is what is stored and shown.
//!
//! A file `schemas/<name>.v<version>.json` is the JSON Schema of the event's `data` without its words. A missing file is printed as it
//! would have to be.

use std::{collections::BTreeSet, fs, path::PathBuf};

use events::catalogue::{self, DIALECT, Described, SEALED};
use serde_json::Value;

fn file(folder: &str, described: &Described) -> PathBuf {
    let name = format!("{}.v{}.json", described.name, described.version);
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder).join(name)
}

/// The sample of its version, with its sealed fields open.
fn sample(described: &Described) -> Value {
    let path = file("golden", described);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn accepts(described: &Described, data: &Value) -> bool {
    let validator = jsonschema::draft202012::new(&described.schema);
    validator
        .unwrap_or_else(|error| panic!("{}: {error}", described.name))
        .is_valid(data)
}

#[test]
fn a_shape_never_changes_without_a_new_version() {
    for described in catalogue::described() {
        let path = file("schemas", &described);
        let shape = catalogue::shape(&described.schema);
        let shown = serde_json::to_string_pretty(&shape).expect("is JSON");
        let stored = fs::read_to_string(&path)
            .unwrap_or_else(|_| panic!("missing {}; it would have to be:\n{shown}", path.display()));
        let stored: Value = serde_json::from_str(&stored).expect("JSON");
        assert!(
            catalogue::only_grew(&stored, &shape),
            "{} changed its shape: give it a new version and an upcaster",
            described.name
        );
        assert_eq!(
            stored,
            shape,
            "{} grew: write {} anew:\n{shown}",
            described.name,
            path.display()
        );
    }
}

#[test]
fn a_schema_is_of_the_dialect_and_accepts_what_is_stored() {
    for described in catalogue::described() {
        let (name, schema) = (described.name, &described.schema);
        assert_eq!(schema["$schema"], DIALECT, "{name}");
        assert_eq!(schema["type"], "object", "{name}");
        if let Err(error) = jsonschema::meta::validate(schema) {
            panic!("{name}: {error}");
        }
        assert!(accepts(&described, &sample(&described)), "{name}: {schema:#}");
    }
}

#[test]
fn a_schema_refuses_what_lacks_a_field_or_has_it_otherwise() {
    let mut refused = 0;
    for described in catalogue::described() {
        let whole = sample(&described);
        for field in described.schema["required"].as_array().into_iter().flatten() {
            let field = field.as_str().expect("a name");
            let mut without = whole.clone();
            without.as_object_mut().expect("an object").remove(field);
            assert!(
                !accepts(&described, &without),
                "{} without {field}",
                described.name
            );
            refused += 1;
            let says = &described.schema["properties"][field];
            if ["type", "oneOf", "anyOf"].iter().all(|how| says[how].is_null()) {
                continue; // It may be anything.
            }
            let mut otherwise = whole.clone();
            otherwise[field] = serde_json::json!([{ "unlike": "anything" }]);
            assert!(!accepts(&described, &otherwise), "{}: {field}", described.name);
        }
    }
    assert!(refused > 50, "{refused}");
}

#[test]
fn sealed_fields_are_marked_and_may_be_left_out_or_erased() {
    let mut sealed = BTreeSet::new();
    for described in catalogue::described() {
        let mut data = sample(&described);
        for field in &described.sealed {
            sealed.insert(described.schema["properties"][field][SEALED].clone().to_string());
            data[*field] = serde_json::json!({ "$erased": true });
            assert!(accepts(&described, &data), "{}: {field} erased", described.name);
            data.as_object_mut().expect("an object").remove(*field);
            assert!(accepts(&described, &data), "{}: {field} left out", described.name);
        }
        let marked = described.schema.to_string().matches(SEALED).count();
        assert_eq!(marked, described.sealed.len(), "{}", described.name);
    }
    assert_eq!(
        sealed.into_iter().collect::<Vec<_>>(),
        ["\"credential\"", "\"user\""]
    );
}
