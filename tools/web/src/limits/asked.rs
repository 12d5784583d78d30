//! One request, as limits see it: of which operation and realm it is, and whose. The rule: it is counted under what was proven, by every
//! limit that is of it, and in the realm that it is about alone.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{
    auth::AuthEvent,
    envelope::Actor,
    event::Network,
    ids::{ApplicationId, RealmId, UserId},
    limits::LimitKey,
};
use http::{HeaderMap, HeaderValue, request::Parts};
use ratelimit::{Ask, Count, Judged, Limit, WhenDown};
use uuid::Uuid;

use super::{Operation, Origin, Rule, fields};
use crate::{Code, Edge, Problem, access, oauth::OAuthError};

const REQUESTS: &str = "chancery_limits_requests_total";

/// When to come again where nobody can count, in seconds.
const AWAY: u64 = 5;
/// The shortest time between two events about one budget that is used up.
const APART: Duration = Duration::from_mins(1);
/// The most events about one limit of a realm in that time, whoever is refused: nobody fills the log by being refused.
const EVENTS: u32 = 60;

/// Why a request is not taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There were too many; in so many seconds there may be another.
    TooMany(u64),
    /// Nobody can count, and the limit is closed then.
    Unavailable,
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooMany(seconds) => Self::new(Code::TooManyRequests).retry_after(seconds),
            Refused::Unavailable => Self::new(Code::Unavailable).retry_after(AWAY),
        }
    }
}

impl From<Refused> for OAuthError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooMany(seconds) => Self::too_many(seconds),
            Refused::Unavailable => Self::unavailable(AWAY),
        }
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Asked(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    realm: RealmId,
    operation: Option<Arc<Operation>>,
    request: Uuid,
    network: Network,
    /// The limits of its operation.
    rules: Vec<Rule>,
    /// What was counted, to be told to the caller.
    told: Mutex<Vec<(Rule, Count)>>,
}

/// Whose a request is, as far as that was proven.
#[derive(Clone, Copy, Debug, Default)]
struct Whose {
    application: Option<ApplicationId>,
    user: Option<UserId>,
}

impl Asked {
    /// A request in a realm, as the layer saw it; one that it did not see is of no operation.
    pub fn of(parts: &Parts, edge: &Edge, realm: RealmId) -> Self {
        let seen = parts.extensions.get::<Self>();
        match seen.filter(|seen| seen.0.realm == realm) {
            Some(seen) => seen.clone(),
            None => Self::new(parts, edge, realm, None, Vec::new()),
        }
    }

    /// A request of an operation, which has these limits.
    pub(super) fn new(
        parts: &Parts,
        edge: &Edge,
        realm: RealmId,
        operation: Option<Arc<Operation>>,
        rules: Vec<Rule>,
    ) -> Self {
        Self(Arc::new(Inner {
            realm,
            operation,
            request: access::request_id(parts, edge),
            network: access::network(parts),
            rules,
            told: Mutex::default(),
        }))
    }

    /// Counts it by what is known of it from the first: where it comes from, and to which realm it goes.
    pub(super) async fn arrives(&self, edge: &Edge) -> Result<(), Refused> {
        let rules = self.by(&[LimitKey::Address, LimitKey::Realm]);
        self.count(edge, &rules, Whose::default()).await
    }

    /// Counts it by who was found to have sent it: asked as soon as that is known, and before anything is done for them.
    pub async fn known(
        &self,
        edge: &Edge,
        application: ApplicationId,
        user: Option<UserId>,
    ) -> Result<(), Refused> {
        let rules = self.by(&[LimitKey::Application, LimitKey::User]);
        let whose = Whose {
            application: Some(application),
            user,
        };
        self.count(edge, &rules, whose).await
    }

    /// Counts it by limits that are built in and that the layer leaves to handlers.
    pub async fn named(&self, edge: &Edge, names: &[&str]) -> Result<(), Refused> {
        let rules = edge.limits().built_in().iter();
        let rules: Vec<&Rule> = rules
            .filter(|rule| rule.scope.is_empty() && names.contains(&rule.name.as_str()))
            .collect();
        self.count(edge, &rules, Whose::default()).await
    }

    fn by(&self, keys: &[LimitKey]) -> Vec<&Rule> {
        let rules = self.0.rules.iter();
        rules.filter(|rule| keys.contains(&rule.key)).collect()
    }

    async fn count(&self, edge: &Edge, rules: &[&Rule], whose: Whose) -> Result<(), Refused> {
        let (limits, realm) = (edge.limits(), self.0.realm);
        let address = self.0.network.ip.as_deref().and_then(|ip| ip.parse().ok());
        let mut counted = Vec::with_capacity(rules.len());
        for rule in rules {
            if !limits.spares(rule, address)
                && let Some(key) = self.key(edge, rule.key, address, whose).await?
            {
                counted.push((*rule, rule.bucket(realm), key));
            }
        }
        if counted.is_empty() {
            return Ok(());
        }
        let asks = counted.iter().map(|(rule, bucket, key)| Ask {
            bucket,
            key,
            limit: rule.limit,
            when_down: rule.when_down,
        });
        let asks: Vec<Ask<'_>> = asks.collect();
        let Ok(judged) = limits.limiter().take(&asks).await else {
            for (rule, ..) in counted {
                measure(rule, "unavailable");
            }
            return Err(Refused::Unavailable);
        };
        self.tell_of(&counted, &judged);
        let Some(place) = judged.refused_by() else {
            for (rule, ..) in counted {
                measure(rule, "allowed");
            }
            return Ok(());
        };
        let (rule, bucket, key) = &counted[place];
        measure(rule, "refused");
        let seconds = fields::whole_seconds(judged.retry_after());
        self.record(edge, rule, (bucket, key), whose, seconds).await;
        Err(Refused::TooMany(seconds.max(1)))
    }

    /// Whose budget it is. Nothing, where that is not known. An address is not kept in the clear, in memory or elsewhere.
    async fn key(
        &self,
        edge: &Edge,
        key: LimitKey,
        address: Option<IpAddr>,
        whose: Whose,
    ) -> Result<Option<String>, Refused> {
        Ok(match key {
            LimitKey::Realm => Some("all".to_owned()),
            LimitKey::Application => whose.application.map(|application| application.to_string()),
            LimitKey::User => whose.user.map(|user| user.to_string()),
            LimitKey::Address => {
                let partition = address.map_or_else(|| "unknown".to_owned(), partition);
                let keyring = edge.kernel().keyring();
                let parts = [partition.as_bytes()];
                match keyring.digest(self.0.realm, "rate limits", &parts).await {
                    Ok(digest) => Some(URL_SAFE_NO_PAD.encode(&digest[..12])),
                    Err(error) => {
                        tracing::error!(%error, "a request could not be counted");
                        return Err(Refused::Unavailable);
                    }
                }
            }
        })
    }

    /// Keeps what the caller is told: of the budget that all of a realm share, only that it is used up. How much others ask is nobody's business.
    fn tell_of(&self, counted: &[(&Rule, String, String)], judged: &Judged) {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        for ((rule, ..), count) in counted.iter().zip(&judged.counts) {
            if rule.key != LimitKey::Realm || !count.retry_after().is_zero() {
                told.push(((*rule).clone(), *count));
            }
        }
    }

    /// What the caller is told of its budgets.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (policy, state) = fields::of(&told);
        for (name, value) in [(fields::POLICY, policy), (fields::STATE, state)] {
            if let Ok(value) = HeaderValue::from_str(&value)
                && !value.is_empty()
            {
                headers.insert(name, value);
            }
        }
    }

    /// Puts it on the record that somebody is refused: once for each budget and window, and not of so many that the log is filled.
    async fn record(
        &self,
        edge: &Edge,
        rule: &Rule,
        (bucket, key): (&str, &str),
        whose: Whose,
        seconds: u64,
    ) {
        let (Ok(one), Ok(few)) = (
            Limit::new(1, rule.limit.window().max(APART)),
            Limit::new(EVENTS, APART),
        ) else {
            return;
        };
        let told = format!("{bucket}:told");
        let ask = |key, limit| Ask {
            bucket: &told,
            key,
            limit,
            when_down: WhenDown::Open,
        };
        let limiter = edge.limits().limiter();
        let judged = limiter.take(&[ask(key, one), ask("\u{1}any", few)]).await;
        if !judged.is_ok_and(|judged| judged.allowed) {
            return;
        }
        let endpoint = match &self.0.operation {
            Some(operation) if rule.origin == Origin::Realm || !rule.scope.is_empty() => operation.id.clone(),
            _ => rule.name.clone(),
        };
        let event = AuthEvent::Throttled {
            by: rule.key.throttled_by(),
            endpoint: Some(endpoint),
            user: whose.user,
            client: whose.application,
            method: None,
            seconds,
            disabled: false,
        };
        let kernel = Arc::clone(edge.kernel());
        let mut context = kernel.context(Actor {
            user: whose.user,
            client: whose.application,
            request: Some(self.0.request),
            ..Actor::default()
        });
        context.network = Some(self.0.network.clone());
        let realm = self.0.realm;
        // Whoever is refused does not wait for the log.
        tokio::spawn(async move {
            if let Err(error) = kernel.record(realm, &context, vec![event.into()]).await {
                tracing::warn!(%error, "it could not be recorded that somebody is refused");
            }
        });
    }
}

/// What of an address is counted together: one of IPv4; of IPv6 the /64, which is what one household is given (RFC 6177).
fn partition(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn measure(rule: &Rule, result: &'static str) {
    metrics::counter!(REQUESTS, "limit" => rule.label(), "result" => result).increment(1);
}

pub(crate) fn describe() {
    metrics::describe_counter!(
        REQUESTS,
        "Requests that were judged by a limit, by what came of it; those that realms made are called `realm`"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_ipv6_a_household_is_one_and_of_ipv4_an_address() {
        let same =
            |one: &str, other: &str| partition(one.parse().unwrap()) == partition(other.parse().unwrap());
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
        assert!(
            same("192.0.2.1", "::ffff:192.0.2.1"),
            "the same address, as IPv6 writes it"
        );
        assert!(!same("192.0.2.1", "::ffff:192.0.2.2"));
    }
}
