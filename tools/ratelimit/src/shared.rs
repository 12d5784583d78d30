//! Counters in Redis, which all nodes share. The rules: a request is judged by one script, so that no two nodes count past each other;
//! nobody waits long for a Redis that is slow or gone; and while it is, each limit holds as it says.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use redis::{
    Client, RedisError, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::{Ask, Count, Judged, Limiter, Memory, Unavailable, WhenDown};

/// How long an answer may take, including the time to connect again. A request of ours waits for no more than that.
const ANSWER: Duration = Duration::from_millis(250);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);
/// For how long Redis is not asked again after it did not answer: meanwhile it is connected to in the background, and nobody waits.
const REST: Duration = Duration::from_millis(500);

/// Counters of all that share a Redis and a prefix.
pub struct Shared {
    redis: ConnectionManager,
    script: Script,
    prefix: String,
    /// What counts while Redis cannot be asked.
    own: Memory,
    /// Until when it is not asked.
    resting: Mutex<Option<Instant>>,
    down: AtomicBool,
}

/// Why the address of a Redis is of no use. It does not repeat the address: there may be a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It cannot be read.
    #[error("must be redis://[user:password@]host[:port][/number], or rediss:// for TLS")]
    Address,
    /// The client could not be made.
    #[error("the client could not be made (there is no certificate store, say)")]
    Client,
}

impl Shared {
    /// Whether an address can be read; and whether the connection is encrypted.
    pub fn is_encrypted(url: &SecretString) -> Result<bool, OpenError> {
        let client = client(url)?;
        let address = client.get_connection_info().addr();
        Ok(matches!(address, redis::ConnectionAddr::TcpTls { .. }))
    }

    /// Counters in the Redis at `url`, under keys that begin with `prefix`. It is connected to when it is first asked, and again
    /// whenever the connection breaks. `own` counts while it cannot be asked.
    pub fn open(url: &SecretString, prefix: &str, own: Memory) -> Result<Self, OpenError> {
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(ANSWER))
            .set_connection_timeout(Some(CONNECT))
            .set_number_of_retries(0);
        let redis =
            ConnectionManager::new_lazy_with_config(client(url)?, config).map_err(|_| OpenError::Client)?;
        Ok(Self {
            redis,
            script: Script::new(include_str!("take.lua")),
            prefix: prefix.to_owned(),
            own,
            resting: Mutex::new(None),
            down: AtomicBool::new(false),
        })
    }

    /// Whether Redis did not answer when it was last asked.
    pub fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    async fn judge(&self, asks: &[Ask<'_>], counting: bool) -> Result<Judged, Unavailable> {
        if let Some(judged) = self.ask(asks, counting).await {
            return Ok(judged);
        }
        if asks.iter().any(|ask| ask.when_down == WhenDown::Closed) {
            return Err(Unavailable);
        }
        if counting {
            self.own.take(asks).await
        } else {
            self.own.look(asks).await
        }
    }

    /// Redis's answer, if there is one in time.
    async fn ask(&self, asks: &[Ask<'_>], counting: bool) -> Option<Judged> {
        if self.rest().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let mut call = self.script.prepare_invoke();
        call.arg(u8::from(counting));
        for ask in asks {
            call.key(format!("{}{}", self.prefix, ask.key))
                .arg(ask.limit.interval())
                .arg(ask.limit.fullest());
        }
        let mut redis = self.redis.clone();
        let answer = tokio::time::timeout(ANSWER, call.invoke_async::<Vec<u64>>(&mut redis)).await;
        let judged = match answer {
            Ok(Ok(answer)) => read(&answer, asks),
            Ok(Err(_)) | Err(_) => None,
        };
        self.down.store(judged.is_none(), Ordering::Relaxed);
        *self.resting.lock().unwrap_or_else(PoisonError::into_inner) = match judged {
            Some(_) => None,
            None => Some(Instant::now() + REST),
        };
        judged
    }

    fn rest(&self) -> Option<Instant> {
        *self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client(url: &SecretString) -> Result<Client, OpenError> {
    Client::open(url.expose_secret()).map_err(|_: RedisError| OpenError::Address)
}

/// What the script answered: whether it is allowed, and a level for each limit.
fn read(answer: &[u64], asks: &[Ask<'_>]) -> Option<Judged> {
    let (allowed, levels) = answer.split_first()?;
    let counts = asks.iter().zip(levels);
    (levels.len() == asks.len()).then(|| Judged {
        allowed: *allowed == 1,
        counts: counts.map(|(ask, level)| Count::new(ask.limit, *level)).collect(),
        shared: true,
    })
}

#[async_trait]
impl Limiter for Shared {
    async fn take(&self, asks: &[Ask<'_>]) -> Result<Judged, Unavailable> {
        self.judge(asks, true).await
    }

    async fn look(&self, asks: &[Ask<'_>]) -> Result<Judged, Unavailable> {
        self.judge(asks, false).await
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("prefix", &self.prefix)
            .field("down", &self.is_down())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_never_repeated() {
        let encrypted = |url: &str| Shared::is_encrypted(&SecretString::from(url));
        assert_eq!(encrypted("redis://127.0.0.1:6379"), Ok(false));
        assert_eq!(encrypted("rediss://user:secret@redis.example:6380/1"), Ok(true));
        for url in [
            "",
            "127.0.0.1:6379",
            "http://redis.example",
            "redis://host:port",
            "redis://u:secret@h:1/x",
        ] {
            let error = encrypted(url).unwrap_err();
            assert_eq!(error, OpenError::Address);
            assert!(!error.to_string().contains("secret"));
        }
    }
}
