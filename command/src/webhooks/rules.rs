//! What an endpoint's settings must be.

use events::{
    event::Event,
    ids::ApplicationId,
    subject::Subject,
    webhooks::{Filter, WebhookSettings, names},
};
use uuid::Uuid;

use crate::{Faults, applications::rules::address_is_good};

/// Longest description, in characters.
const DESCRIPTION: usize = 200;
/// Most entries of each list of a filter.
const ITEMS: usize = 100;
/// Most deliveries a second.
const PER_SECOND: u32 = 1_000;

/// A filter as it is written: `subjects` as `<kind>:<id>`.
#[derive(Clone, Debug, Default)]
pub struct Written<'a> {
    /// See [`Filter::events`].
    pub events: Option<&'a [String]>,
    /// See [`Filter::subjects`].
    pub subjects: Option<&'a [String]>,
    /// See [`Filter::applications`].
    pub applications: Option<&'a [Uuid]>,
}

impl Written<'_> {
    /// The filter with what is written in the place of what was there.
    pub fn onto(&self, before: &Filter, faults: &mut Faults) -> Filter {
        let mut filter = before.clone();
        if let Some(events) = self.events {
            filter.events = events.to_vec();
        }
        if let Some(subjects) = self.subjects {
            filter.subjects.clear();
            for (index, text) in subjects.iter().enumerate() {
                match text.parse::<Subject>() {
                    Ok(subject) => filter.subjects.push(subject.to_string()),
                    Err(()) => faults.add(
                        format!("subjects[{index}]"),
                        "must be <kind>:<id>, such as user:…",
                    ),
                }
            }
        }
        if let Some(applications) = self.applications {
            filter.applications = applications.iter().copied().map(ApplicationId).collect();
        }
        filter
    }
}

/// Notes what is wrong with them.
pub fn check(settings: &WebhookSettings, faults: &mut Faults) {
    address_is_good(faults, "url", &settings.url);
    faults.optional_text("description", settings.description.as_deref(), DESCRIPTION);
    if let Some(per_second) = settings.per_second {
        faults.range("per_second", per_second, 1..=PER_SECOND);
    }
    let Filter {
        events,
        subjects,
        applications,
    } = &settings.filter;
    for (field, length) in [
        ("events", events.len()),
        ("subjects", subjects.len()),
        ("applications", applications.len()),
    ] {
        faults.unless(length <= ITEMS, field, format!("must be at most {ITEMS}"));
    }
    for (index, pattern) in events.iter().enumerate() {
        faults.unless(
            is_pattern(pattern),
            format!("events[{index}]"),
            "must be the name of an event, such as user.registered, or the beginning of some, such as user.*",
        );
    }
}

/// `*`, `<noun>.*`, or a name; one that names no event is a slip of the pen.
fn is_pattern(pattern: &str) -> bool {
    let whole = match pattern.strip_suffix('*') {
        Some(beginning) => beginning.is_empty() || beginning.ends_with('.'),
        None => true,
    };
    whole && Event::catalogue().any(|(_, _, kind)| names(pattern, kind.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(settings: &WebhookSettings) -> Vec<String> {
        let mut faults = Faults::default();
        check(settings, &mut faults);
        faults.fields().map(str::to_owned).collect()
    }

    #[test]
    fn a_pattern_names_events_that_there_are() {
        for good in ["*", "user.*", "user.registered", "webhook.delivered"] {
            assert!(is_pattern(good), "{good}");
        }
        for bad in [
            "",
            "user",
            "user*",
            "users.*",
            "us.*",
            "user.register",
            "**",
            "*.registered",
        ] {
            assert!(!is_pattern(bad), "{bad}");
        }
    }

    #[test]
    fn an_address_is_https_and_limits_are_kept() {
        let good = WebhookSettings {
            url: "https://receiver.example/hook".to_owned(),
            ..WebhookSettings::default()
        };
        assert!(faults(&good).is_empty());
        let bad = WebhookSettings {
            url: "http://receiver.example/hook".to_owned(),
            description: Some(String::new()),
            per_second: Some(0),
            filter: Filter {
                events: vec!["nothing.happened".to_owned()],
                ..Filter::default()
            },
        };
        assert_eq!(faults(&bad), ["url", "description", "per_second", "events[0]"]);
        let many = WebhookSettings {
            filter: Filter {
                events: vec!["*".to_owned(); ITEMS + 1],
                ..Filter::default()
            },
            ..good
        };
        assert_eq!(faults(&many), ["events"]);
    }
}
