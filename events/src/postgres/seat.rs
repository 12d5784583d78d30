//! The place of the one node among many that writes, or runs, a thing.
//!
//! The rule: whoever has the place holds an advisory lock on the very session that it writes with, so that whoever loses the
//! session has lost the place; and one that hangs is heard no more, and keeps no other from going on.

use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::sync::{Mutex, MutexGuard};

use super::{ANSWER, answered, connect};

/// Whoever says nothing for so long has lost its session.
const SILENCE: &str = "5s";
/// How often something is said.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// How long a session may take to end.
const END: Duration = Duration::from_secs(2);

/// The place, as a node sees it.
pub struct Seat {
    options: PgConnectOptions,
    lock: (i32, i32),
    standing: Mutex<Standing>,
}

/// Without the options, which know the password.
impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seat")
            .field("lock", &self.lock)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Standing {
    session: Option<PgConnection>,
    leads: bool,
    heard: Option<Instant>,
}

impl Standing {
    fn keep(&mut self, session: PgConnection) {
        self.session = Some(session);
        self.heard = Some(Instant::now());
    }

    fn is_heard(&self) -> bool {
        self.heard.is_some_and(|heard| heard.elapsed() < SIGN_OF_LIFE)
    }
}

/// The session, taken out: it is kept at the end, or is lost with whatever went wrong, and the place with it. Then what the
/// server does with it no longer matters: who comes next reads anew.
#[derive(Debug)]
pub struct Seated<'a> {
    standing: MutexGuard<'a, Standing>,
    /// What is written with.
    pub session: PgConnection,
}

impl Seated<'_> {
    /// Gives the session back: all that was asked on it was answered.
    pub fn keep(mut self) {
        self.standing.keep(self.session);
    }
}

impl Seat {
    /// The place that this advisory lock stands for. The lock's name is the database's own: other programs are unlikely to
    /// have it.
    pub fn new(options: PgConnectOptions, lock: (i32, i32)) -> Self {
        Self {
            options: options.options([("idle_session_timeout", SILENCE)]),
            lock,
            standing: Mutex::default(),
        }
    }

    /// Whether this node has the place: takes it if it is free. Asked at least once a second.
    pub async fn lead(&self) -> Result<bool, sqlx::Error> {
        let mut standing = self.standing.lock().await;
        match standing.session.take() {
            Some(session) if standing.leads && standing.is_heard() => {
                standing.session = Some(session);
                Ok(true)
            }
            Some(mut session) if standing.leads => {
                // Silence was too long, or the server went: then another may have been at work since.
                standing.leads = answered(ANSWER, session.ping()).await.is_ok();
                if standing.leads {
                    standing.keep(session);
                }
                Ok(standing.leads)
            }
            session => {
                standing.leads = false;
                let mut session = match session {
                    Some(session) => session,
                    None => connect(&self.options).await?,
                };
                standing.leads = try_lock(&mut session, self.lock).await?;
                standing.keep(session);
                Ok(standing.leads)
            }
        }
    }

    /// The session of the one who has the place; `None` if that is not this node.
    pub async fn take(&self) -> Option<Seated<'_>> {
        let mut standing = self.standing.lock().await;
        match standing.session.take() {
            Some(session) if standing.leads => Some(Seated { standing, session }),
            session => {
                standing.session = session;
                None
            }
        }
    }

    /// The session, whoever has the place. If it was lost, another is made, which does not have it yet.
    pub async fn session(&self) -> Result<Seated<'_>, sqlx::Error> {
        let mut standing = self.standing.lock().await;
        let session = standing.session.take();
        standing.leads &= session.is_some();
        let session = match session {
            Some(session) => session,
            None => connect(&self.options).await?,
        };
        Ok(Seated { standing, session })
    }

    /// Leaves the place to others.
    pub async fn step_down(&self) {
        let mut standing = self.standing.lock().await;
        standing.leads = false;
        if let Some(session) = standing.session.take() {
            end(session).await;
        }
    }

    /// Believes to have the place from now on, whoever has it: as one who has not noticed yet that it was lost.
    #[cfg(any(test, feature = "testing"))]
    pub async fn usurp(&self) -> Result<(), sqlx::Error> {
        let mut standing = self.standing.lock().await;
        standing.leads = true;
        let session = connect(&self.options).await?;
        standing.keep(session);
        Ok(())
    }
}

/// Takes an advisory lock for the session, if it is free.
pub async fn try_lock(connection: &mut PgConnection, lock: (i32, i32)) -> Result<bool, sqlx::Error> {
    let question = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)")
        .bind(lock.0)
        .bind(lock.1);
    answered(ANSWER, question.fetch_one(connection)).await
}

/// Ends a session whose locks are free when this returns, not only when the server has noticed. What it cannot be told, it
/// will notice.
pub async fn end(mut session: PgConnection) {
    let _ = answered(END, async {
        sqlx::raw_sql("SELECT pg_advisory_unlock_all()")
            .execute(&mut session)
            .await?;
        session.close().await
    })
    .await;
}
