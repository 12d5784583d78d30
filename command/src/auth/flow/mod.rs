//! The progress of a sign-in, sealed into the browser's hands. The rule: it carries the whole validated
//! request and all that was proven so far, is bound to the realm, to the browser that began it and, once somebody is signed in, to
//! their session, and is good for one session within half an hour.
//!
//! | file | what |
//! | --- | --- |
//! | `engine.rs` | what comes next: a pure function |
//! | `methods/` | how people show who they are; adding a method is described there |
//! | `guard.rs` | the guard before every secret that is judged |
//! | `federated.rs` | what becomes of whom an identity provider names |
//! | `journey.rs` | one request of a sign-in: opened, judged step by step |
//! | `finish.rs`, `enrolment/`, `show.rs` | the session, what is enrolled on the way, the page of a step |
//!
//! An old page or one of another tab holds an earlier progress: it leads to what it led to then, with what was proven by then,
//! and no further. What was proven and may count once is spent when the session starts.

pub mod engine;
pub mod enrolment;
mod federated;
pub mod finish;
pub mod guard;
pub mod journey;
pub mod methods;
pub mod show;
pub mod trust;

use axum::response::Response;
use events::{
    auth::Method,
    clock::Timestamp,
    ids::{CredentialId, SessionId, UserId},
    kernel::KernelError,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::artefacts;

use self::{
    enrolment::Registering,
    methods::{Shown, passkey::Ceremony, sent::Sent},
};
use super::{
    account::Section,
    authorize::request::AuthorizeRequest,
    page::{self, PageError},
    session_cookie::Browser,
    sessions::SignedIn,
    visit::Visit,
};
use crate::identities::link::Identified;

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
    /// The page of the account that brought someone here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Section>,
    /// How far it has come.
    #[serde(default)]
    pub progress: Progress,
}

/// How far a sign-in has come. It has one length for a name that somebody has and one that nobody has.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Who they say they are, as they typed it; empty if they have not said.
    pub name: String,
    /// Who they are, once they have proven anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// What they have proven.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<Shown>,
    /// The session in which more is to be proven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// What they want to have besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adds: Option<Method>,
    /// Whether they want no second factor asked for on this device for a while.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub trusts: bool,
    /// The device that is about to be enrolled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrolling: Option<Enrolling>,
    /// The passkey that is about to be registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registering: Option<Box<Registering>>,
    /// What they are known as at an identity provider, which becomes theirs once they have shown who they are here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joining: Option<Box<Identified>>,
    /// What a passkey is asked to sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceremony: Option<Box<Ceremony>>,
    /// Whether they are to show anew who they are.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub renews: bool,
    /// What was mailed to them, if they are who they say they are; or to who registers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailed: Option<Sent>,
    /// What was sent to their phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub texted: Option<Sent>,
    /// Whether they would not enrol anything.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub declined: bool,
}

/// Shows nothing of who it is and what they proved.
impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress")
            .field("user", &self.user)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// A device that is about to be enrolled.
#[derive(Clone, Serialize, Deserialize)]
pub struct Enrolling {
    /// The credential that it will be.
    pub credential: CredentialId,
    /// What it and we share, in base 32.
    pub secret: String,
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
            account: None,
            progress: Progress::default(),
        }
    }

    /// Another one that leads to where this one does, in which nothing was said or proven.
    pub fn anew(self, visit: &Visit) -> Self {
        Self {
            device: self.device,
            account: self.account,
            ..Self::begin(visit, self.request)
        }
    }

    /// Begins one for somebody who is to approve a device.
    pub fn begin_for_device(visit: &Visit, user_code: String) -> Self {
        Self {
            device: Some(user_code),
            ..Self::begin(visit, None)
        }
    }

    /// Begins one in which more is to be proven in a session.
    pub fn begin_in(visit: &Visit, request: Option<AuthorizeRequest>, signed_in: &SignedIn) -> Self {
        let mut flow = Self::begin(visit, request);
        flow.progress = Progress {
            name: signed_in.name().to_owned(),
            user: Some(signed_in.user),
            session: Some(signed_in.id),
            ..Progress::default()
        };
        flow
    }

    /// Begins one in which somebody shows anew who they are, in a session.
    pub fn begin_anew(visit: &Visit, signed_in: &SignedIn) -> Self {
        let mut flow = Self::begin_in(visit, None, signed_in);
        flow.progress.renews = true;
        flow
    }

    /// Sends the browser to the sign-in page with it; where it leads afterwards, it says itself.
    pub async fn go(&self, visit: &Visit) -> Result<Response, PageError> {
        self.go_to(visit, &visit.sign_in_path()).await
    }

    /// Sends the browser to a page with it.
    pub async fn go_to(&self, visit: &Visit, page: &str) -> Result<Response, PageError> {
        let browser = Browser::of(&visit.edge, visit.realm.id, &visit.headers);
        let flow = self.seal(visit, &browser).await?;
        let mut response = page::see_other(&format!("{page}?flow={flow}"))?;
        visit.remember(&browser, response.headers_mut())?;
        Ok(response)
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
