//! Which projections make rows of which events, for the catalogue of events.
//!
//! The rule: it is found out and not declared. `projections/consumers.json` holds what a test finds by applying a sample of every event;
//! where it is not so any more, the test prints what it would have to hold.

use std::{collections::BTreeMap, sync::LazyLock};

/// Names of projections by the names of events.
static CONSUMERS: LazyLock<BTreeMap<String, Vec<String>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("../consumers.json")).unwrap_or_default());

/// The projections that make rows of events of this name.
pub fn consumers(event: &str) -> &'static [String] {
    CONSUMERS.get(event).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use events::{
        catalogue::{self, Described},
        clock::Timestamp,
        envelope::Actor,
        event::{Event, Happened},
        ids::{EventId, RealmId},
        subject::{Lane, Stream, Subject},
    };
    use uuid::Uuid;

    use super::*;
    use crate::{projection, rows::Rows};

    /// It happens to the one thing of its kind.
    fn happening(described: &Described, seq: u64) -> Happened {
        let name = described.name;
        let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events/golden");
        let sample = golden.join(format!("{name}.v{}.json", described.version));
        let sample = fs::read_to_string(&sample).unwrap_or_else(|_| panic!("no {}", sample.display()));
        let event = Event::decode(name, described.version, serde_json::from_str(&sample).unwrap());
        let lane: Lane = described.lane.parse().unwrap();
        let realm = RealmId(Uuid::from_u128(1));
        Happened {
            id: EventId(Uuid::from_u128(u128::from(seq))),
            stream: Stream { realm, lane },
            seq,
            subject: catalogue::subject_of(name, lane).map(|kind| Subject::new(kind, realm.0)),
            version: seq,
            time: Timestamp::from_seconds(1_767_225_600 + i64::try_from(seq).unwrap()),
            actor: Actor::component("test"),
            cause: None,
            trace: None,
            event_type: name,
            schema: described.version,
            leaf_hash: [0; 32],
            event: event.unwrap(),
        }
    }

    /// Every event happens after every other: whoever has other rows after it than before follows it.
    fn found() -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for projection in projection::all() {
            let lane = projection.lane().as_str();
            let all: Vec<_> = catalogue::described()
                .filter(|described| described.lane == lane)
                .map(|described| (happening(&described, 1), happening(&described, 2)))
                .collect();
            for (_, event) in &all {
                let follows = all.iter().any(|(before, _)| {
                    let mut rows = Rows::from_nothing();
                    projection.apply(&mut rows, before);
                    let earlier = format!("{rows:?}");
                    projection.apply(&mut rows, event);
                    format!("{rows:?}") != earlier
                });
                if follows {
                    let consumers = found.entry(event.event_type.to_owned()).or_default();
                    consumers.push(projection.name().to_owned());
                }
            }
        }
        found
    }

    #[test]
    fn what_is_told_of_projections_is_what_they_do() {
        let found = found();
        let shown = serde_json::to_string_pretty(&found).unwrap() + "\n";
        assert_eq!(
            shown,
            include_str!("../consumers.json"),
            "consumers.json would have to be:\n{shown}"
        );
        for described in catalogue::described() {
            let audit = format!("audit_{}", described.lane);
            assert!(consumers(described.name).contains(&audit), "{}", described.name);
        }
        assert!(consumers("user.locked").contains(&"users".to_owned()));
        assert!(consumers("user.invented").is_empty());
    }
}
