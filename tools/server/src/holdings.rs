//! What `command` asks the read models: which things are a user's, and which sessions a fact of theirs ended. The rule: it is answered from
//! rows that hold all that the log told by then, or not at all.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use command::auth::{EndedSessions, Holdings};
use events::{
    clock::Timestamp,
    event::Happened,
    ids::{ApplicationId, RealmId, SessionId, UserId},
    kernel::KernelError,
    log::{Log, LogError, Position},
    subject::Stream,
};
use projections::{
    ReadError, Reads, WaitError,
    auth::{self, SessionFilter},
    compliance,
};

use crate::{Failure, platform::Platform};

/// How long the rows may take to come as far as a fact; it is asked about again then.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long somebody waits who looks at a page.
const AT_A_PAGE: Duration = Duration::from_secs(2);
/// The most things of a kind that a page shows.
const MOST: u32 = 500;

struct InReads {
    log: Arc<dyn Log>,
    reads: Arc<OnceLock<Reads>>,
}

/// The answers of a process that has read models.
pub fn ended_sessions(platform: &Platform) -> Result<Arc<dyn EndedSessions>, Failure> {
    let reads = platform.reads.clone().ok_or("a worker needs the read models")?;
    Ok(Arc::new(InReads {
        log: Arc::clone(platform.kernel.log()),
        reads: Arc::new(OnceLock::from(reads)),
    }))
}

/// The answers of a process that has read models, or will have [opened](Platform::look_up) some.
pub fn of_users(platform: &Platform) -> Arc<dyn Holdings> {
    let reads = match &platform.reads {
        Some(reads) => Arc::new(OnceLock::from(reads.clone())),
        None => Arc::clone(&platform.looked_up),
    };
    Arc::new(InReads {
        log: Arc::clone(platform.kernel.log()),
        reads,
    })
}

fn unread(error: &ReadError) -> KernelError {
    LogError::Unavailable(error.to_string()).into()
}

impl InReads {
    fn reads(&self) -> Result<&Reads, KernelError> {
        let missing = || LogError::Unavailable("the read models are not open (yet)".to_owned());
        Ok(self.reads.get().ok_or_else(missing)?)
    }

    async fn reach(&self, stream: Stream, seq: u64, patience: Duration) -> Result<(), KernelError> {
        let position = Position {
            incarnation: self.log.incarnation(),
            stream,
            seq,
        };
        self.reads()?
            .wait_for(&position, patience)
            .await
            .map_err(|error| match error {
                WaitError::Log(error) => error,
                behind @ (WaitError::Foreign | WaitError::TimedOut) => {
                    LogError::Unavailable(behind.to_string())
                }
            })?;
        Ok(())
    }

    /// The read models, once they hold all that these streams tell now.
    async fn up_to_now(&self, streams: &[Stream]) -> Result<&Reads, KernelError> {
        for stream in streams {
            let head = self.log.head(*stream).await?.seq;
            self.reach(*stream, head, AT_A_PAGE).await?;
        }
        self.reads()
    }
}

#[async_trait]
impl EndedSessions for InReads {
    async fn ended_by(&self, fact: &Happened, user: UserId) -> Result<Vec<SessionId>, KernelError> {
        let realm = fact.stream.realm;
        let activity = Stream::activity(realm);
        let head = self.log.head(activity).await?.seq;
        self.reach(fact.stream, fact.seq, PATIENCE).await?;
        self.reach(activity, head, PATIENCE).await?;
        auth::ended_by(self.reads()?, realm, user, (fact.seq, fact.time))
            .await
            .map_err(|error| unread(&error))
    }
}

#[async_trait]
impl Holdings for InReads {
    async fn allowed(&self, realm: RealmId, user: UserId) -> Result<Vec<ApplicationId>, KernelError> {
        let reads = self.up_to_now(&[Stream::facts(realm)]).await?;
        let rows = compliance::of_user(reads, realm, user, None, MOST).await;
        let rows = rows.map_err(|error| unread(&error))?;
        Ok(rows.into_iter().map(|row| row.application).collect())
    }

    async fn sessions(
        &self,
        realm: RealmId,
        user: UserId,
        alive: (Timestamp, u64),
    ) -> Result<Vec<SessionId>, KernelError> {
        let streams = [Stream::activity(realm), Stream::facts(realm)];
        let reads = self.up_to_now(&streams).await?;
        let filter = SessionFilter {
            user: Some(user),
            alive: Some(alive),
            ..SessionFilter::default()
        };
        let rows = auth::list(reads, realm, &filter, None, MOST).await;
        let rows = rows.map_err(|error| unread(&error))?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }
}
