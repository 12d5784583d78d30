//! The limits that are built in: all of them, in one table. The rule: ordinary use meets none of them, also behind an address that a
//! thousand people share; an operator raises, lowers or lifts each by its name.
//!
//! **Open or closed** while Redis is away: closed, where what is limited does harm outside or where nothing else stands behind it; open,
//! where people would be kept out by it and something else holds anyway (a guard in the log, a long secret).

use std::{collections::BTreeMap, time::Duration};

use events::limits::{
    LimitKey::{self, Address, Application, Realm},
    WhenDown as Said,
};
use ratelimit::{
    Limit, LimitError,
    WhenDown::{self, Closed, Open},
};

use super::rule::{Origin, Rule, when_down};

/// A limit that is built in.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// Its name, by which it is changed.
    pub name: &'static str,
    /// Of which operations or groups of them; none: handlers count by it, where they know more than the address of a request.
    pub scope: &'static [&'static str],
    /// What each budget belongs to; each realm has its own.
    pub key: LimitKey,
    /// So many requests …
    pub requests: u32,
    /// … in so many seconds, all of which may come at once.
    pub seconds: u32,
    /// What holds while Redis is away.
    pub when_down: WhenDown,
}

const fn limit(
    name: &'static str,
    scope: &'static [&'static str],
    key: LimitKey,
    (requests, seconds): (u32, u32),
    when_down: WhenDown,
) -> BuiltIn {
    BuiltIn {
        name,
        scope,
        key,
        requests,
        seconds,
        when_down,
    }
}

/// All of them.
pub const BUILT_IN: [BuiltIn; 13] = [
    // Names and passwords that somebody tries, codes, answers of identity providers. Guards in the log hold for each account.
    limit(
        "sign_in",
        &["sign_in", "federated_answer", "federated_answer_posted"],
        Address,
        (300, 300),
        Open,
    ),
    // Accounts that somebody makes for themselves, and what they type meanwhile.
    limit(
        "self_registration",
        &["registration"],
        Address,
        (120, 600),
        Closed,
    ),
    // Accounts that somebody says they cannot open any more.
    limit("recovery", &["recovery"], Address, (120, 600), Closed),
    // Letters, whoever they go to, on whichever page they are asked for. Each mailbox has a limit of its own in the log.
    limit("letters", &[], Address, (60, 600), Open),
    // Codes that people type off a device's screen: they are short.
    limit("device_codes", &["device"], Address, (60, 600), Closed),
    // Devices that ask for such a code.
    limit("devices", &["device_authorization"], Address, (300, 300), Open),
    // Secrets of applications are long; this is for what checking them costs.
    limit(
        "token",
        &["token", "revoke", "push_authorization_request"],
        Address,
        (3_000, 60),
        Open,
    ),
    limit(
        "token_of_application",
        &["token"],
        Application,
        (30_000, 60),
        Open,
    ),
    limit("introspection", &["introspect"], Application, (60_000, 60), Open),
    // Applications that register by themselves where anybody may: who has an initial access token is limited by that.
    limit("client_registration", &[], Address, (60, 600), Open),
    limit("client_registration_of_realm", &[], Realm, (1_000, 3_600), Open),
    // The management API.
    limit("commands", &["commands"], Application, (30_000, 60), Open),
    limit("queries", &["queries"], Application, (60_000, 60), Open),
];

/// What an operator changes of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Whether it is lifted.
    pub off: bool,
    /// So many requests.
    pub requests: Option<u32>,
    /// In so many seconds.
    pub seconds: Option<u32>,
    /// So many at once.
    pub burst: Option<u32>,
    /// What holds while Redis is away.
    pub when_down: Option<Said>,
}

/// Why changes cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Nothing is called so.
    #[error("there is no limit {0}; there are {names}", names = BUILT_IN.map(|limit| limit.name).join(", "))]
    Unknown(String),
    /// Its numbers make no limit.
    #[error("{0}: {1}")]
    Numbers(&'static str, LimitError),
}

/// The table as it is in force with these changes.
pub fn in_force(changes: &BTreeMap<String, Change>) -> Result<Vec<Rule>, TableError> {
    let is_known = |name: &&String| BUILT_IN.iter().any(|limit| limit.name == name.as_str());
    if let Some(unknown) = changes.keys().find(|name| !is_known(name)) {
        return Err(TableError::Unknown(unknown.clone()));
    }
    let mut rules = Vec::with_capacity(BUILT_IN.len());
    for limit in BUILT_IN {
        let change = changes.get(limit.name).copied().unwrap_or_default();
        // Its numbers are judged even so: it may be lifted for an hour.
        let rule = limit
            .with(&change)
            .map_err(|error| TableError::Numbers(limit.name, error))?;
        if !change.off {
            rules.push(rule);
        }
    }
    Ok(rules)
}

impl BuiltIn {
    fn with(&self, change: &Change) -> Result<Rule, LimitError> {
        let requests = change.requests.unwrap_or(self.requests);
        let seconds = change.seconds.unwrap_or(self.seconds);
        let window = Duration::from_secs(seconds.into());
        Ok(Rule {
            name: self.name.to_owned(),
            origin: Origin::Platform,
            scope: self.scope.iter().map(|name| (*name).to_owned()).collect(),
            key: self.key,
            limit: Limit::with_burst(requests, window, change.burst.unwrap_or(requests))?,
            when_down: change.when_down.map_or(self.when_down, when_down),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(name: &str, change: Change) -> Result<Vec<Rule>, TableError> {
        in_force(&BTreeMap::from([(name.to_owned(), change)]))
    }

    #[test]
    fn each_limit_has_a_name_of_its_own_and_numbers_that_make_one() {
        let rules = in_force(&BTreeMap::new()).unwrap();
        let names: std::collections::BTreeSet<_> = rules.iter().map(|rule| &rule.name).collect();
        assert_eq!(names.len(), BUILT_IN.len());
    }

    #[test]
    fn an_operator_changes_one_and_leaves_the_others() {
        let raised = Change {
            requests: Some(5),
            when_down: Some(Said::Closed),
            ..Change::default()
        };
        let rules = changed("sign_in", raised).unwrap();
        let sign_in = rules.iter().find(|rule| rule.name == "sign_in").unwrap();
        assert_eq!(sign_in.limit, Limit::new(5, Duration::from_mins(5)).unwrap());
        assert_eq!(sign_in.when_down, WhenDown::Closed);
        assert_eq!(rules.len(), BUILT_IN.len());
        let lifted = Change {
            off: true,
            ..Change::default()
        };
        let rules = changed("sign_in", lifted).unwrap();
        assert_eq!(rules.len(), BUILT_IN.len() - 1);
        assert!(rules.iter().all(|rule| rule.name != "sign_in"));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_name() {
        let none = Change {
            requests: Some(0),
            ..Change::default()
        };
        assert_eq!(
            changed("sign_in", none),
            Err(TableError::Numbers("sign_in", LimitError::NoRequests))
        );
        let unknown = changed("sign-in", Change::default()).unwrap_err();
        assert!(unknown.to_string().contains("sign_in"), "{unknown}");
    }
}
