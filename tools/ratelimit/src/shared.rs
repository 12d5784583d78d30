//! Counters in Redis, which all nodes share. The rules: a request is judged by one script, so that no two nodes count past each other;
//! nobody waits long for a Redis that is slow or gone; and while it is, each limit holds as it says.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use redis::{
    Client, ErrorKind, FromRedisValue, RedisError, Script, ScriptInvocation,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use crate::{Ask, Count, Fullest, Judged, Limit, Limiter, Memory, Unavailable, WhenDown};

/// How long an answer may take, including the time to connect again. A request of ours waits for no more than that.
const ANSWER: Duration = Duration::from_millis(250);
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(2);
/// For how long Redis is not asked again after it did not answer: meanwhile it is connected to in the background, and nobody waits.
const REST: Duration = Duration::from_millis(500);

/// How many keys a bucket has at most: beyond that, the emptiest are let go.
const MOST: u32 = 100_000;

/// Counters of all that share a Redis and a prefix.
pub struct Shared {
    redis: ConnectionManager,
    take: Script,
    fullest: Script,
    prefix: String,
    /// What counts while Redis cannot be asked.
    own: Memory,
    /// Until when it is not asked.
    resting: Mutex<Option<Instant>>,
    down: AtomicBool,
    failures: AtomicU64,
}

/// What a Redis says to who asks whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It counts.
    Good,
    /// It does not answer, or not yet.
    Away,
    /// It is there and does not let us in: name or password are wrong, or we may not what we need to.
    Refused,
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
            take: Script::new(include_str!("take.lua")),
            fullest: Script::new(include_str!("fullest.lua")),
            prefix: prefix.to_owned(),
            own,
            resting: Mutex::new(None),
            down: AtomicBool::new(false),
            failures: AtomicU64::new(0),
        })
    }

    /// Whether it can be counted in it: asked by who starts.
    pub async fn check(&self) -> Answer {
        let mut redis = self.redis.clone();
        let mut call = self.fullest.prepare_invoke();
        call.key(format!("{}probe", self.prefix)).arg(0);
        let asked = tokio::time::timeout(CONNECT, call.invoke_async::<Vec<String>>(&mut redis));
        let answer = match asked.await {
            Ok(Ok(_)) => Answer::Good,
            Ok(Err(error)) if is_refusal(&error) => Answer::Refused,
            Ok(Err(_)) | Err(_) => Answer::Away,
        };
        self.down.store(answer != Answer::Good, Ordering::Relaxed);
        answer
    }

    /// How often it did not answer when it was asked.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
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

    async fn ask(&self, asks: &[Ask<'_>], counting: bool) -> Option<Judged> {
        let mut call = self.take.prepare_invoke();
        call.arg(u8::from(counting)).arg(MOST);
        for ask in asks {
            call.key(self.place(ask.bucket))
                .arg(ask.key)
                .arg(ask.limit.interval())
                .arg(ask.limit.fullest());
        }
        self.answered(call, |answer: Vec<u64>| read(&answer, asks)).await
    }

    /// Redis's answer, if there is one in time that can be read.
    async fn answered<A: FromRedisValue, T>(
        &self,
        call: ScriptInvocation<'_>,
        read: impl FnOnce(A) -> Option<T>,
    ) -> Option<T> {
        if self.rest().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let mut redis = self.redis.clone();
        let answer = tokio::time::timeout(ANSWER, call.invoke_async::<A>(&mut redis)).await;
        let answer = match answer {
            Ok(Ok(answer)) => read(answer),
            Ok(Err(_)) | Err(_) => None,
        };
        if answer.is_none() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        self.down.store(answer.is_none(), Ordering::Relaxed);
        *self.resting.lock().unwrap_or_else(PoisonError::into_inner) = match answer {
            Some(_) => None,
            None => Some(Instant::now() + REST),
        };
        answer
    }

    fn place(&self, bucket: &str) -> String {
        format!("{}{bucket}", self.prefix)
    }

    fn rest(&self) -> Option<Instant> {
        *self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client(url: &SecretString) -> Result<Client, OpenError> {
    Client::open(url.expose_secret()).map_err(|_: RedisError| OpenError::Address)
}

fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(
            error.code(),
            Some("NOAUTH" | "WRONGPASS" | "NOPERM" | "READONLY" | "DENIED")
        )
}

/// What the script answered: how many keys there are, then each key and its level.
fn read_fullest(answer: &[String], limit: Limit) -> Option<Fullest> {
    let (counted, used) = answer.split_first()?;
    let keys = used.chunks(2).map(|used| match used {
        [key, level] => Some((key.clone(), Count::new(limit, level.parse().ok()?))),
        _ => None,
    });
    Some(Fullest {
        keys: keys.collect::<Option<_>>()?,
        counted: counted.parse().ok()?,
        shared: true,
    })
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

    async fn fullest(&self, bucket: &str, limit: Limit, most: usize) -> Fullest {
        let mut call = self.fullest.prepare_invoke();
        call.key(self.place(bucket)).arg(most);
        let shared = self
            .answered(call, |answer: Vec<String>| read_fullest(&answer, limit))
            .await;
        match shared {
            Some(fullest) => fullest,
            None => self.own.fullest(bucket, limit, most).await,
        }
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
