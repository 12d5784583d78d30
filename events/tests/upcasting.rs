//! An old shape is read through a pure upcaster, erased fields and all; a version that nobody can lift is refused.

use events::{
    event::{DecodeError, DomainEvent, EventKind, decode_as},
    sealing::Sealed,
    subject::Lane,
    topics::Topic,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A domain whose only event has had two shapes: once one `name`, now `given` and `family`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
enum Guest {
    #[serde(rename = "guest.invited")]
    Invited {
        given: Sealed<String>,
        family: Option<Sealed<String>>,
    },
}

impl DomainEvent for Guest {
    const LANE: Lane = Lane::Facts;
    const TOPIC: Topic = Topic::Users;
    const KINDS: &'static [EventKind] =
        &[EventKind::plain("guest.invited", "A guest was invited.").version(2)];

    fn upcast(name: &str, schema: u16, mut data: Value) -> Result<Value, DecodeError> {
        match (name, schema) {
            ("guest.invited", 1) => Ok(json!({ "given": data["name"].take() })),
            _ => Err(DecodeError::UnknownVersion {
                name: name.to_owned(),
                schema,
            }),
        }
    }
}

#[test]
fn an_older_shape_is_lifted_to_the_present_one() {
    let lifted: Guest = decode_as("guest.invited", 1, json!({ "name": "Ada" })).expect("lifted");
    assert_eq!(
        lifted,
        Guest::Invited {
            given: Sealed::Known("Ada".into()),
            family: None
        }
    );
}

#[test]
fn an_erased_field_stays_erased_through_an_upcaster() {
    let lifted: Guest =
        decode_as("guest.invited", 1, json!({ "name": { "$erased": true } })).expect("lifted");
    assert_eq!(
        lifted,
        Guest::Invited {
            given: Sealed::Erased,
            family: None
        }
    );
}

#[test]
fn a_version_from_the_future_is_refused() {
    let refused = decode_as::<Guest>("guest.invited", 3, json!({ "given": "Ada" }));
    assert!(matches!(
        refused,
        Err(DecodeError::UnknownVersion { schema: 3, .. })
    ));
}
