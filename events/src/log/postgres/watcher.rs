//! Where all streams end, kept complete across nodes: by asking what moved, and by what other nodes tell.
//!
//! Asking is what counts: it tells of everything, and as of when. What other nodes tell after their commits only makes it known
//! sooner; it is sent outside of their append transactions, which it would slow to a quarter.

use std::{
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use metrics::gauge;
use sqlx::{PgConnection, PgPool, Row, postgres::PgListener};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, sleep_until, timeout},
};
use uuid::Uuid;

use super::{
    failure::{Failure, failed},
    news::{Ends, News},
    schema::Way,
};
use crate::{
    log::{LogError, Mark, columns, heads::Heads},
    postgres::answered,
    subject::Stream,
};

/// How often it is asked what moved.
const POLL: Duration = Duration::from_millis(200);
/// How often all heads are compared.
const ALL: Duration = Duration::from_mins(1);
/// How often others are told, at most.
const TELL: Duration = Duration::from_millis(10);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(3);
/// Without success for so long, the heads in memory are no answer any more.
const BLIND: Duration = Duration::from_secs(1);
/// How long a silent connection is listened to before another is made.
const SILENCE: Duration = Duration::from_mins(1);
/// What nodes of one database tell one another by.
const CHANNEL: &str = "chancery_log";
/// Streams in one notification, which holds at most 8,000 bytes.
const TOLD_AT_ONCE: usize = 200;
/// Realm, lane, seq.
const TOLD_BYTES: usize = 16 + 1 + 8;

/// "All": to ask of every head.
pub(super) const EVERYTHING: &str = "0";

/// How well the node sees, and whether what it sees can be the log that it knew.
#[derive(Debug)]
pub(super) struct Sight {
    seen: RwLock<Seen>,
    /// The log lacks what it held, as a replica may that takes over before it was told. Others, and this node's memory, were
    /// told of it: nothing is answered until memory begins anew.
    went_back: OnceLock<Stream>,
}

#[derive(Debug)]
struct Seen {
    as_of: Instant,
    failing: Option<String>,
}

impl Sight {
    pub fn new(as_of: Instant) -> Self {
        Self {
            seen: RwLock::new(Seen { as_of, failing: None }),
            went_back: OnceLock::new(),
        }
    }

    /// Whether this is the log that it was; if not, it is refused for good.
    pub fn sound(&self) -> Result<(), LogError> {
        match self.went_back.get() {
            None => Ok(()),
            Some(stream) => Err(LogError::Refused(format!(
                "the log went back: {stream} ends earlier than it did, and this node must be restarted"
            ))),
        }
    }

    /// It was seen that the log lacks what it held.
    pub fn lose(&self, stream: Stream) {
        if self.went_back.set(stream).is_ok() {
            tracing::error!(%stream, "the log went back; nothing is answered until this node is restarted");
        }
    }

    /// Compares what memory knew at a mark with where all streams end now.
    pub fn compare(&self, heads: &Heads, before: Mark, found: &[(Stream, u64)]) -> Result<(), LogError> {
        if let Some(stream) = heads.went_back(before, found) {
            self.lose(stream);
        }
        self.sound()
    }

    /// As of when the heads in memory are complete. A node that cannot see is told why; one that is only late says how late.
    pub fn as_of(&self) -> Result<Instant, LogError> {
        self.sound()?;
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        match &seen.failing {
            Some(text) if seen.as_of.elapsed() > BLIND => Err(LogError::Unavailable(text.clone())),
            _ => Ok(seen.as_of),
        }
    }

    /// Enters the last look; what changes by it is said once.
    fn set(&self, seen: Result<Instant, String>) {
        let mut state = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        match seen {
            Ok(as_of) => {
                if state.failing.is_some() {
                    tracing::info!("it is seen again what other nodes commit");
                }
                *state = Seen { as_of, failing: None };
            }
            Err(text) => {
                if state.failing.is_none() {
                    tracing::warn!(error = text, "it cannot be seen what other nodes commit");
                }
                state.failing = Some(text);
            }
        }
    }
}

/// Asks what moved, and tells other nodes.
#[derive(Debug)]
pub(super) struct Watcher {
    pub way: Way,
    pub connection: Option<PgConnection>,
    pub node: Uuid,
    /// The oldest transaction that was under way when it was last asked; [`EVERYTHING`] where there is no connection: after a
    /// crash or a failover the server may count transactions from an earlier one.
    pub since: String,
    pub heads: Arc<Heads>,
    pub moved: Arc<watch::Sender<u64>>,
    pub sight: Arc<Sight>,
    pub woken: Arc<Notify>,
    pub news: News,
    /// Whose connections are counted.
    pub pool: PgPool,
}

impl Watcher {
    /// Works until the appenders are gone and what they told is passed on.
    pub async fn run(mut self) {
        let mut next = tokio::time::Instant::now() + POLL;
        let mut all = Instant::now() + ALL;
        loop {
            tokio::select! {
                more = self.news.wait() => {
                    if !more {
                        return;
                    }
                    self.tell().await;
                }
                () = self.woken.notified() => next = tokio::time::Instant::now(),
                () = sleep_until(next) => {
                    if all <= Instant::now() {
                        all = Instant::now() + ALL;
                        EVERYTHING.clone_into(&mut self.since);
                    }
                    self.look().await;
                    next = tokio::time::Instant::now() + POLL;
                }
            }
        }
    }

    /// Learns what moved. All that was acknowledged before it began is known after it.
    async fn look(&mut self) {
        let as_of = Instant::now();
        let (since, before) = (self.since.clone(), self.heads.mark());
        let asked = self
            .within(async |connection| Ok(moved(connection, &since).await?))
            .await;
        match asked {
            Ok((next, heads)) => {
                self.since = next;
                if since == EVERYTHING && self.sight.compare(&self.heads, before, &heads).is_err() {
                    return;
                }
                if self.heads.enter(heads) {
                    self.moved.send_modify(|count| *count += 1);
                }
                self.sight.set(Ok(as_of));
            }
            Err(failure) => self.sight.set(Err(failure.to_string())),
        }
        let connections = |state: &'static str, count: u32| {
            gauge!("chancery_pool_connections", "store" => "log", "state" => state).set(f64::from(count));
        };
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        connections("idle", idle);
        connections("busy", self.pool.size().saturating_sub(idle));
    }

    /// Tells other nodes what this one committed, and what it commits in the moments after. It is no matter if that fails: they ask.
    async fn tell(&mut self) {
        sleep(TELL).await;
        let told: Vec<String> = self
            .news
            .take()
            .chunks(TOLD_AT_ONCE)
            .map(|heads| write(self.node, heads))
            .collect();
        let done = self
            .within(async |connection| {
                sqlx::query("SELECT pg_notify($1, told) FROM unnest($2::text[]) AS k(told)")
                    .bind(CHANNEL)
                    .bind(told)
                    .execute(connection)
                    .await?;
                Ok(())
            })
            .await;
        if let Err(failure) = done {
            tracing::debug!(error = %failure, "other nodes are not told");
        }
    }

    /// Does something on the connection, which is given up if that fails or takes too long, and with it what was known by it.
    async fn within<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.way.connect().await?,
        };
        let done = answered(ANSWER, work(&mut connection)).await;
        if done.is_ok() {
            self.connection = Some(connection);
        } else {
            EVERYTHING.clone_into(&mut self.since);
        }
        done
    }
}

/// The heads that may have moved since the oldest transaction that was under way when it was last asked, and the
/// oldest that is under way now. A row that we did not see then was written by a transaction that was under way or had not
/// begun: its id is not less. (Its id, not its place in the order: ids are taken before locks are waited for.)
pub(super) async fn moved(connection: &mut PgConnection, since: &str) -> Result<(String, Ends), sqlx::Error> {
    let rows = sqlx::query(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text, realm, lane, seq
        FROM (VALUES (1)) AS always LEFT JOIN chancery_log.stream ON xid >= $1::text::xid8",
    )
    .bind(since)
    .fetch_all(connection)
    .await?;
    let oldest = rows.first().map(|row| row.try_get(0)).transpose()?;
    let mut heads = Ends::with_capacity(rows.len());
    for row in &rows {
        if let Some(realm) = row.try_get::<Option<&[u8]>, _>(1)? {
            let damaged = |error: LogError| sqlx::Error::Decode(error.into());
            let stream = columns::stream(realm, row.try_get::<i16, _>(2)?.into()).map_err(damaged)?;
            heads.push((stream, columns::unsigned(row.try_get(3)?).map_err(damaged)?));
        }
    }
    Ok((oldest.unwrap_or_else(|| EVERYTHING.to_owned()), heads))
}

/// Hears what other nodes tell, for as long as the task lives.
pub(super) async fn listen(
    pool: PgPool,
    node: Uuid,
    heads: Arc<Heads>,
    moved: Arc<watch::Sender<u64>>,
    woken: Arc<Notify>,
) {
    loop {
        let heard = async {
            let mut listener = PgListener::connect_with(&pool).await?;
            listener.listen(CHANNEL).await?;
            // Whatever was told in the meantime was not heard.
            woken.notify_one();
            while let Ok(Some(told)) = timeout(SILENCE, listener.try_recv()).await.unwrap_or(Ok(None)) {
                match read(node, told.payload()) {
                    Some(news) => {
                        if heads.enter(news) {
                            moved.send_modify(|count| *count += 1);
                        }
                    }
                    None => woken.notify_one(),
                }
            }
            Ok::<_, sqlx::Error>(())
        };
        match heard.await {
            // Lost, or silent: what is missed is asked for, and a server that lets go at once is not run at.
            Ok(()) => sleep(POLL).await,
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => {
                tracing::debug!(error = %failed(error), "other nodes are not heard");
                sleep(BLIND).await;
            }
        }
    }
}

/// A notification: which node tells, and where the streams end that it moved.
fn write(node: Uuid, heads: &[(Stream, u64)]) -> String {
    let mut bytes = Vec::with_capacity(16 + heads.len() * TOLD_BYTES);
    bytes.extend_from_slice(node.as_bytes());
    for (stream, seq) in heads {
        bytes.extend_from_slice(stream.realm.0.as_bytes());
        bytes.push(u8::try_from(columns::lane_code(stream.lane)).unwrap_or_default());
        bytes.extend_from_slice(&seq.to_be_bytes());
    }
    STANDARD_NO_PAD.encode(bytes)
}

/// What a notification tells this node, which knows what it told itself; `None` if it is not understood.
fn read(node: Uuid, told: &str) -> Option<Ends> {
    let bytes = STANDARD_NO_PAD.decode(told).ok()?;
    let (teller, heads) = bytes.split_first_chunk::<16>()?;
    if teller == node.as_bytes() {
        return Some(Ends::new());
    }
    if heads.len() % TOLD_BYTES != 0 {
        return None;
    }
    heads
        .chunks_exact(TOLD_BYTES)
        .map(|head| {
            let stream = columns::stream(&head[..16], i64::from(head[16])).ok()?;
            Some((stream, u64::from_be_bytes(head[17..].try_into().ok()?)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RealmId;

    #[test]
    fn what_is_told_is_heard_by_others() {
        let realm = RealmId(Uuid::from_u128(7));
        let heads: Ends = (0..TOLD_AT_ONCE as u64)
            .map(|n| {
                (
                    if n == 3 {
                        Stream::activity(realm)
                    } else {
                        Stream::facts(realm)
                    },
                    n,
                )
            })
            .collect();
        let told = write(Uuid::from_u128(1), &heads);
        assert!(told.len() < 8_000, "{}", told.len());
        assert_eq!(read(Uuid::from_u128(2), &told), Some(heads));
        assert_eq!(read(Uuid::from_u128(1), &told), Some(Ends::new()));
        for strange in ["", "!", "AAAA", &told[..told.len() - 4]] {
            assert_eq!(read(Uuid::from_u128(2), strange), None);
        }
    }
}
