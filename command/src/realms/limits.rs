//! The limits of rates that a realm makes for itself, beside those that are built in. The rules: a limit names operations that there are, and counts
//! by what is known of all of their requests; and no limit keeps administrators from changing it.

use std::collections::{BTreeMap, BTreeSet};

use events::limits::{LimitKey, RateLimit, WhenDown};
use serde::Deserialize;
use utoipa::ToSchema;
use web::limits::{Operations, Rule};

use crate::{
    Faults,
    body::{objects, present},
};

/// The most limits of a realm.
const LIMITS: usize = 20;
/// The most names of operations in one.
const NAMES: usize = 50;

/// One limit.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateRule {
    /// The operations that it is of, together (1 to 50): names of operations as in OpenAPI, or of groups of them: a tag, `commands`, `queries`, `all`.
    #[schema(example = json!(["token"]))]
    pub operations: BTreeSet<String>,
    /// What each budget belongs to: `address` (of IPv6 its /64), `application`, `user` or `realm`.
    #[schema(value_type = String, example = "address")]
    pub key: LimitKey,
    /// So many requests …
    #[schema(example = 100)]
    pub requests: u32,
    /// … in so many seconds (1 to 86,400), …
    #[schema(example = 60)]
    pub seconds: u32,
    /// … of which so many may come at once; left out, all.
    #[serde(default, deserialize_with = "present")]
    pub burst: Option<u32>,
    /// What holds while the counters that nodes share cannot be asked: `open` (each node counts for itself) or `closed` (nobody passes).
    #[serde(default)]
    #[schema(value_type = String, example = "open")]
    pub when_down: WhenDown,
}

impl From<RateRule> for RateLimit {
    fn from(rule: RateRule) -> Self {
        let RateRule {
            operations,
            key,
            requests,
            seconds,
            burst,
            when_down,
        } = rule;
        Self {
            operations,
            key,
            requests,
            seconds,
            burst,
            when_down,
        }
    }
}

/// The limits of a realm, by name.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct RateRules(#[serde(deserialize_with = "objects")] pub BTreeMap<String, RateRule>);

impl From<RateRules> for BTreeMap<String, RateLimit> {
    fn from(rules: RateRules) -> Self {
        let rules = rules.0.into_iter();
        rules.map(|(name, rule)| (name, rule.into())).collect()
    }
}

/// Whether these may be the limits of a realm, as far as it shows without knowing which operations there are.
pub fn check(rates: &BTreeMap<String, RateLimit>, faults: &mut Faults) {
    faults.unless(
        rates.len() <= LIMITS,
        "limits.rates",
        format!("must be at most {LIMITS}"),
    );
    for (name, rate) in rates {
        let field = format!("limits.rates.{name}");
        faults.name(&field, name);
        faults.unless(
            (1..=NAMES).contains(&rate.operations.len()),
            format!("{field}.operations"),
            format!("must be 1 to {NAMES}"),
        );
        if let Err(error) = Rule::of_realm(name, rate) {
            faults.unless(false, &field, error.to_string());
        }
    }
}

/// Whether there are the operations that these limits name, and all of them know what their requests are counted by.
pub fn check_operations(rates: &RateRules, operations: &Operations, faults: &mut Faults) {
    for (name, rate) in &rates.0 {
        let field = format!("limits.rates.{name}.operations");
        for named in &rate.operations {
            let mut found = operations.named(named).peekable();
            faults.unless(
                found.peek().is_some(),
                &field,
                "must be names of operations, of their tags, or `commands`, `queries`, `all`",
            );
            faults.unless(
                found.all(|operation| operation.knows(rate.key)),
                &field,
                "must be operations of which is known by whom they are asked for, where it is counted by application or user",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults_of(rates: serde_json::Value) -> Vec<String> {
        let rules: RateRules = serde_json::from_value(rates).unwrap();
        let mut faults = Faults::default();
        check(&rules.into(), &mut faults);
        faults.fields().map(str::to_owned).collect()
    }

    #[test]
    fn a_limit_has_a_name_operations_and_numbers_that_make_one() {
        let with = |change: serde_json::Value| {
            let mut rate = json!({ "operations": ["token"], "key": "address", "requests": 5, "seconds": 60 });
            for (name, value) in change.as_object().unwrap() {
                rate[name] = value.clone();
            }
            json!({ "few": rate })
        };
        assert!(faults_of(with(json!({}))).is_empty());
        assert!(faults_of(with(json!({ "burst": 1, "when_down": "closed" }))).is_empty());
        assert_eq!(
            faults_of(with(json!({ "operations": [] }))),
            ["limits.rates.few.operations"]
        );
        for wrong in [
            json!({ "requests": 0 }),
            json!({ "seconds": 0 }),
            json!({ "seconds": 86_401 }),
            json!({ "burst": 0 }),
        ] {
            assert_eq!(faults_of(with(wrong.clone())), ["limits.rates.few"], "{wrong}");
        }
        for name in ["", "Few", "9", "a b", "{x}", "a:b"] {
            let rate = json!({ "operations": ["token"], "key": "user", "requests": 5, "seconds": 60 });
            assert_eq!(faults_of(json!({ name: rate })).len(), 1, "{name}");
        }
    }

    #[test]
    fn there_are_no_more_than_twenty() {
        let rate = json!({ "operations": ["token"], "key": "realm", "requests": 5, "seconds": 60 });
        let many: serde_json::Map<_, _> = (0..21)
            .map(|number| (format!("a{number}"), rate.clone()))
            .collect();
        assert_eq!(faults_of(many.into()), ["limits.rates"]);
    }
}
