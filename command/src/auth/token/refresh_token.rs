//! Refresh tokens (RFC 6749, 1.5). The rule: one is sealed for its realm and its application, names its grant
//! and its generation, and lives no longer than the time it may lie unused; which generation is good is asked
//! of the log.

use events::{
    clock::Timestamp,
    ids::{ApplicationId, GrantId, RealmId, SessionId},
    kernel::{Kernel, KernelError},
};
use serde::{Deserialize, Serialize};
use web::artefacts;

const PURPOSE: &str = "refresh";

/// What a refresh token stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshToken {
    /// The session whose grant it is.
    pub session: SessionId,
    /// The grant.
    pub grant: GrantId,
    /// Its generation; the newest is good.
    pub generation: u64,
    /// The resources that the grant is for (RFC 8707); none for all of the application's.
    #[serde(default)]
    pub resources: Vec<String>,
}

impl RefreshToken {
    /// Seals it for an application, until it has lain unused for too long.
    pub async fn seal(
        &self,
        kernel: &Kernel,
        realm: RealmId,
        client: ApplicationId,
        expires: Timestamp,
    ) -> Result<String, KernelError> {
        artefacts::seal(kernel, realm, PURPOSE, &[client.0.as_bytes()], self, expires).await
    }

    /// Opens one. `None`: too old, altered, or of another realm or application.
    pub async fn open(
        kernel: &Kernel,
        realm: RealmId,
        client: ApplicationId,
        text: &str,
    ) -> Result<Option<Self>, KernelError> {
        artefacts::open(kernel, realm, PURPOSE, &[client.0.as_bytes()], text).await
    }
}
