//! Which things are a user's: no subject of the log knows, the read models do. The rule: it is answered from rows that hold all that the log
//! told when it was asked, or not at all; and what such a thing is, is asked of the thing itself.

use async_trait::async_trait;
use events::{
    clock::Timestamp,
    ids::{ApplicationId, RealmId, SessionId, UserId},
    kernel::KernelError,
    log::LogError,
};

/// What the account pages ask the read models.
#[async_trait]
pub trait Holdings: Send + Sync {
    /// The applications that a user allows something.
    async fn allowed(&self, realm: RealmId, user: UserId) -> Result<Vec<ApplicationId>, KernelError>;

    /// The sessions of a user that are alive at a moment, given after how many idle seconds one ends; the newest first.
    async fn sessions(
        &self,
        realm: RealmId,
        user: UserId,
        alive: (Timestamp, u64),
    ) -> Result<Vec<SessionId>, KernelError>;
}

/// Of a process that has no read models, and cannot ask any.
#[derive(Clone, Copy, Debug)]
pub struct NoHoldings;

impl NoHoldings {
    fn answer<T>(self) -> Result<T, KernelError> {
        let Self = self;
        Err(LogError::Unavailable("this process has no read models to ask".to_owned()).into())
    }
}

#[async_trait]
impl Holdings for NoHoldings {
    async fn allowed(&self, _: RealmId, _: UserId) -> Result<Vec<ApplicationId>, KernelError> {
        self.answer()
    }

    async fn sessions(
        &self,
        _: RealmId,
        _: UserId,
        _: (Timestamp, u64),
    ) -> Result<Vec<SessionId>, KernelError> {
        self.answer()
    }
}
