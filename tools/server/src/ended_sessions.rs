//! What `command` asks the read models: which sessions a fact of their user ended. The rule: it is answered from rows that hold all that
//! the log told by then, or not at all.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use command::auth::EndedSessions;
use events::{
    event::Happened,
    ids::{SessionId, UserId},
    kernel::KernelError,
    log::{Log, LogError, Position},
    subject::Stream,
};
use projections::{ReadError, Reads, WaitError, auth};

use crate::{Failure, platform::Platform};

/// How long the rows may take to come so far; the fact is asked about again then.
const PATIENCE: Duration = Duration::from_secs(5);

struct InReads {
    log: Arc<dyn Log>,
    reads: Reads,
}

/// The answer of a process that has read models.
pub fn of(platform: &Platform) -> Result<Arc<dyn EndedSessions>, Failure> {
    let reads = platform.reads.clone().ok_or("a worker needs the read models")?;
    let log = Arc::clone(platform.kernel.log());
    Ok(Arc::new(InReads { log, reads }))
}

impl InReads {
    async fn reach(&self, stream: Stream, seq: u64) -> Result<(), KernelError> {
        let position = Position {
            incarnation: self.log.incarnation(),
            stream,
            seq,
        };
        self.reads
            .wait_for(&position, PATIENCE)
            .await
            .map_err(|error| match error {
                WaitError::Log(error) => error,
                behind @ (WaitError::Foreign | WaitError::TimedOut) => {
                    LogError::Unavailable(behind.to_string())
                }
            })?;
        Ok(())
    }
}

#[async_trait]
impl EndedSessions for InReads {
    async fn ended_by(&self, fact: &Happened, user: UserId) -> Result<Vec<SessionId>, KernelError> {
        let realm = fact.stream.realm;
        let activity = Stream::activity(realm);
        let head = self.log.head(activity).await?.seq;
        self.reach(fact.stream, fact.seq).await?;
        self.reach(activity, head).await?;
        auth::ended_by(&self.reads, realm, user, (fact.seq, fact.time))
            .await
            .map_err(|error: ReadError| LogError::Unavailable(error.to_string()).into())
    }
}
