//! The progress of a sign-in, sealed into the browser's hands. The rule: it carries the whole validated
//! request, is bound to the realm, to the browser that began it and, once somebody is signed in, to their
//! session, and is good for one answer within half an hour.

use events::{clock::Timestamp, ids::SessionId, kernel::KernelError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::artefacts;

use super::{authorize::request::AuthorizeRequest, session_cookie::Browser, visit::Visit};

const PURPOSE: &str = "flow";
const IN_SESSION: &str = "flow in a session";
/// How long a form may stay open, in seconds.
pub const SECONDS: u64 = 1_800;

/// A sign-in under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flow {
    /// What makes it usable once.
    pub id: Uuid,
    /// When it ends.
    pub expires: Timestamp,
    /// What the application asked for; `None` where someone opened the page by themselves.
    pub request: Option<AuthorizeRequest>,
    /// The user code that brought someone here to approve a device; empty if they have yet to type it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

impl Flow {
    /// Begins one.
    pub fn begin(visit: &Visit, request: Option<AuthorizeRequest>) -> Self {
        let kernel = visit.edge.kernel();
        Self {
            id: kernel.new_id(),
            expires: kernel.now().after_seconds(SECONDS),
            request,
            device: None,
        }
    }

    /// Begins one for somebody who is to approve a device.
    pub fn begin_for_device(visit: &Visit, user_code: String) -> Self {
        Self {
            device: Some(user_code),
            ..Self::begin(visit, None)
        }
    }

    /// Seals it for a browser.
    pub async fn seal(&self, visit: &Visit, browser: &Browser) -> Result<String, KernelError> {
        let bound = [browser.bound()];
        artefacts::seal(
            visit.edge.kernel(),
            visit.realm.id,
            PURPOSE,
            &bound,
            self,
            self.expires,
        )
        .await
    }

    /// Opens one. `None`: too old, altered, or of another browser, realm or purpose.
    pub async fn open(visit: &Visit, browser: &Browser, text: &str) -> Result<Option<Self>, KernelError> {
        artefacts::open(
            visit.edge.kernel(),
            visit.realm.id,
            PURPOSE,
            &[browser.bound()],
            text,
        )
        .await
    }

    /// Seals it for a browser in which somebody is signed in.
    pub async fn seal_in(
        &self,
        visit: &Visit,
        browser: &Browser,
        session: SessionId,
    ) -> Result<String, KernelError> {
        let bound = [browser.bound(), session.0.as_bytes().as_slice()];
        let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
        artefacts::seal(kernel, realm, IN_SESSION, &bound, self, self.expires).await
    }

    /// Opens one that was sealed in a session. `None`: also if it is of another one.
    pub async fn open_in(
        visit: &Visit,
        browser: &Browser,
        session: SessionId,
        text: &str,
    ) -> Result<Option<Self>, KernelError> {
        let bound = [browser.bound(), session.0.as_bytes().as_slice()];
        artefacts::open(visit.edge.kernel(), visit.realm.id, IN_SESSION, &bound, text).await
    }
}
