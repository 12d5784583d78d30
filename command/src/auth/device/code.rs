//! Device codes (RFC 8628, 3.2). The rule: one is sealed for its realm and its application and names its request; what has become of
//! that is asked of the log.

use events::{
    clock::Timestamp,
    ids::{ApplicationId, RealmId},
    kernel::{Kernel, KernelError},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::artefacts;

const PURPOSE: &str = "device";
/// For how much longer a device that asks too late is told so, in seconds; after that its code is one that never was.
const LATE: u64 = 600;

/// What a device code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCode {
    /// The request.
    pub device: Uuid,
}

impl DeviceCode {
    /// Seals it for an application.
    pub async fn seal(
        &self,
        kernel: &Kernel,
        realm: RealmId,
        client: ApplicationId,
        expires: Timestamp,
    ) -> Result<String, KernelError> {
        let end = expires.after_seconds(LATE);
        artefacts::seal(kernel, realm, PURPOSE, &[client.0.as_bytes()], self, end).await
    }

    /// Opens one. `None`: altered, of another realm or application, or long over.
    pub async fn open(
        kernel: &Kernel,
        realm: RealmId,
        client: ApplicationId,
        text: &str,
    ) -> Result<Option<Self>, KernelError> {
        artefacts::open(kernel, realm, PURPOSE, &[client.0.as_bytes()], text).await
    }
}
