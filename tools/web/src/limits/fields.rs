//! What a caller is told of its budgets: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10). The rules: each limit
//! by its name; the moment that `t` tells is that of `Retry-After`, where nothing remains.

use std::time::Duration;

use http::HeaderName;
use ratelimit::Count;

use super::Rule;

/// What the limits are.
pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What remains of them.
pub const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// Both fields; empty, where nothing was counted.
pub fn of(told: &[(Rule, Count)]) -> (String, String) {
    let policy = told.iter().map(|(rule, count)| {
        let limit = count.limit();
        format!(
            "\"{}\";q={};w={}",
            rule.name,
            limit.requests(),
            whole_seconds(limit.window())
        )
    });
    let state = told.iter().map(|(rule, count)| {
        let remaining = count.remaining();
        let until = match remaining {
            0 => count.retry_after(),
            _ => count.whole_after(),
        };
        format!("\"{}\";r={remaining};t={}", rule.name, whole_seconds(until))
    });
    let (policy, state): (Vec<String>, Vec<String>) = (policy.collect(), state.collect());
    (policy.join(", "), state.join(", "))
}

/// Rounded up: nobody is told to come too early.
pub fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use events::limits::LimitKey;
    use ratelimit::{Ask, Limit, Limiter, Memory, WhenDown};

    use super::{super::Origin, *};

    #[tokio::test]
    async fn a_budget_is_told_as_it_is_used() {
        let rule = |name: &str| Rule {
            name: name.to_owned(),
            origin: Origin::Realm,
            scope: [].into(),
            key: LimitKey::Address,
            limit: Limit::new(2, Duration::from_mins(1)).unwrap(),
            when_down: WhenDown::Open,
        };
        let memory = Memory::new(10, std::sync::Arc::new(|| 1));
        let rules = [rule("mine"), rule("theirs")];
        let asks = ["mine", "theirs"].map(|bucket| Ask {
            bucket,
            key: "a",
            limit: rules[0].limit,
            when_down: WhenDown::Open,
        });
        let told = |counts: Vec<Count>| of(&rules.iter().cloned().zip(counts).collect::<Vec<_>>());
        memory.take(&asks[..1]).await.unwrap();
        let (policy, state) = told(memory.take(&asks).await.unwrap().counts);
        assert_eq!(policy, "\"mine\";q=2;w=60, \"theirs\";q=2;w=60");
        assert_eq!(state, "\"mine\";r=0;t=30, \"theirs\";r=1;t=30");
        assert_eq!(of(&[]), (String::new(), String::new()));
    }
}
