//! How many applications register by themselves where anybody may. The rule: nobody fills a realm with applications; whoever has an
//! initial access token is limited by that instead.

use std::{fmt::Write, sync::Arc, time::Duration};

use events::ids::RealmId;
use ratelimit::{Ask, Limit, LimitError, Limiter, Memory, WhenDown};
use web::oauth::OAuthError;

/// The most applications from one address in [`ADDRESS_WINDOW`].
const OF_ADDRESS: u32 = 60;
const ADDRESS_WINDOW: Duration = Duration::from_mins(10);
/// The most applications of a realm in [`REALM_WINDOW`], wherever they come from.
const OF_REALM: u32 = 1_000;
const REALM_WINDOW: Duration = Duration::from_hours(1);
/// How many counters there are at most.
const COUNTERS: usize = 50_000;

/// The pace of those who register.
#[derive(Clone, Debug)]
pub struct RegistrationPace(Arc<dyn Limiter>);

impl Default for RegistrationPace {
    fn default() -> Self {
        Self(Arc::new(Memory::new(COUNTERS, ratelimit::monotonic())))
    }
}

impl RegistrationPace {
    /// Counts a registration in a realm from an address.
    pub async fn take(&self, realm: RealmId, address: Option<&str>) -> Result<(), OAuthError> {
        let limits = || -> Result<_, LimitError> {
            Ok((
                Limit::new(OF_ADDRESS, ADDRESS_WINDOW)?,
                Limit::new(OF_REALM, REALM_WINDOW)?,
            ))
        };
        let (of_address, of_realm) = limits().map_err(|_| OAuthError::server_error())?;
        let of_all = format!("register:{realm}");
        let mut of_one = of_all.clone();
        let _ = write!(of_one, ":{}", address.unwrap_or("unknown"));
        let ask = |key, limit| Ask {
            key,
            limit,
            when_down: WhenDown::Open,
        };
        let asks = [ask(of_one.as_str(), of_address), ask(of_all.as_str(), of_realm)];
        let judged = self.0.take(&asks).await.map_err(|_| OAuthError::unavailable(5))?;
        if judged.allowed {
            return Ok(());
        }
        Err(OAuthError::too_many(judged.retry_after().as_secs().max(1)))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn an_address_registers_so_many_and_others_are_not_kept_out() {
        let pace = RegistrationPace::default();
        let (one, other) = (RealmId(Uuid::from_u128(1)), RealmId(Uuid::from_u128(2)));
        for _ in 0..OF_ADDRESS {
            pace.take(one, Some("192.0.2.1")).await.unwrap();
        }
        let refused = pace.take(one, Some("192.0.2.1")).await.unwrap_err();
        assert_eq!(refused.status(), http::StatusCode::TOO_MANY_REQUESTS);
        pace.take(one, Some("192.0.2.2")).await.unwrap();
        pace.take(other, Some("192.0.2.1")).await.unwrap();
    }
}
