//! Which things are a user's, as the log itself tells it from its beginning: what read models answer elsewhere.

use events::{auth::AuthEvent, auth::Session, compliance::ComplianceEvent, event::Happened, ids::SessionId};

use super::*;
use crate::auth::Holdings;

pub(super) struct InLog(pub(super) Arc<Kernel>);

impl InLog {
    async fn all(&self, stream: Stream) -> Result<Vec<Happened>, KernelError> {
        let mut all = Vec::new();
        for recorded in self.0.log().read(stream, 0, 10_000).await? {
            all.push(self.0.decode(&recorded).await?);
        }
        Ok(all)
    }
}

#[async_trait]
impl Holdings for InLog {
    async fn allowed(&self, realm: RealmId, user: UserId) -> Result<Vec<ApplicationId>, KernelError> {
        let facts = self.all(Stream::facts(realm)).await?;
        let mut allowed: Vec<_> = facts
            .iter()
            .filter_map(|happened| match &happened.event {
                Event::Compliance(ComplianceEvent::ConsentGiven {
                    user: who, client, ..
                }) if *who == user => Some(*client),
                _ => None,
            })
            .collect();
        allowed.sort_unstable();
        allowed.dedup();
        Ok(allowed)
    }

    async fn sessions(
        &self,
        realm: RealmId,
        user: UserId,
        (now, idle_seconds): (Timestamp, u64),
    ) -> Result<Vec<SessionId>, KernelError> {
        let mut alive = Vec::new();
        for happened in self.all(Stream::activity(realm)).await? {
            let (Some(subject), Event::Auth(AuthEvent::SessionStarted { user: who, .. })) =
                (happened.subject, &happened.event)
            else {
                continue;
            };
            let session = self.0.latest::<Session>(realm, subject.id).await?.state;
            if *who == user && session.is_alive(now, idle_seconds) {
                alive.push(SessionId(subject.id));
            }
        }
        alive.reverse();
        Ok(alive)
    }
}
