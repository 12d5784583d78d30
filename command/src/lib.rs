//! The command side: every write is decided here.
//!
//! | module | what it decides |
//! | --- | --- |
//! | [`realms`], [`users`], [`passkeys`], [`applications`], [`permissions`], [`webhooks`], [`letters`], [`identity_providers`], [`identities`] | the management API, `/command/v1/…` |
//! | [`auth`] | signing in, OAuth 2.0 and OpenID Connect, `/realms/{realm}/…` |
//! | [`bootstrap`], [`demo`] | what the first start makes, and `--demo` |
//! | [`reactors`] | what is done outside of the log about what happens: the list of those who do it |
//! | [`words`] | what people are told, in their language |
//! | [`claims`], [`faults`], [`body`] | words that the domains share |
//!
//! The rule: no write goes around [`Decide`]. A handler reads a request, makes a command of it and hands it to the
//! kernel; what may happen is said in `decide`, purely, and tested there.
//!
//! # Adding a command
//! 1. Name it in the imperative and give it a file with its `decide`, its handler, its documentation and its tests.
//! 2. Name in its extractor the action that it is (`web::actions`).
//! 3. Register it with `routes!` in the domain's `router`: there is no route without an OpenAPI operation.

pub mod applications;
pub mod auth;
pub mod body;
pub mod bootstrap;
pub mod claims;
pub mod demo;
pub mod faults;
pub mod identities;
pub mod identity_providers;
pub mod letters;
pub mod passkeys;
pub mod permissions;
pub mod reactors;
pub mod realms;
#[cfg(test)]
mod tests;
pub mod users;
pub mod webhooks;
pub mod words;

use std::sync::Arc;

use axum::extract::FromRef;
use events::{
    ids::RealmId,
    kernel::{Context, Decide, Failure},
    log::ClaimKind,
};
use passwords::Hasher;
use secrecy::SecretString;
use utoipa::openapi::OpenApi;
use uuid::Uuid;
use web::{Answer, Caller, Code, Edge, OpenApiRouter, Path, Problem};

pub use faults::Faults;

/// What all handlers of this side share. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    /// The edge, and the kernel behind it.
    pub edge: Edge,
    /// The threads that hash passwords.
    pub hasher: Arc<Hasher>,
    /// How fast devices ask and people try their codes.
    device_pace: auth::Pace,
    /// Which things are a user's.
    holdings: Arc<dyn auth::Holdings>,
    /// Under what the provider of text messages signs what it tells of them.
    reports: Option<SecretString>,
}

impl Commands {
    /// The command side over an edge.
    pub fn new(edge: Edge, hasher: Hasher) -> Self {
        Self {
            edge,
            hasher: Arc::new(hasher),
            device_pace: auth::Pace::default(),
            holdings: Arc::new(auth::NoHoldings),
            reports: None,
        }
    }

    /// The same, where the provider of text messages tells what becomes of them, signed under this token.
    #[must_use]
    pub fn with_reports(self, reports: Option<SecretString>) -> Self {
        Self { reports, ..self }
    }

    /// The same, where there are read models to ask which things are a user's.
    #[must_use]
    pub fn with_holdings(self, holdings: Arc<dyn auth::Holdings>) -> Self {
        Self { holdings, ..self }
    }

    /// Decides and appends, and answers what was changed: what most handlers end with.
    async fn change<D>(&self, context: &Context, command: &D) -> Result<Answer, Problem>
    where
        D: Decide,
        D::Rejection: Into<Problem>,
    {
        let outcome = self
            .edge
            .kernel()
            .execute(context, command)
            .await
            .map_err(failed)?;
        Ok(Answer::changed(outcome))
    }
}

impl FromRef<Commands> for Edge {
    fn from_ref(commands: &Commands) -> Self {
        commands.edge.clone()
    }
}

/// The management API's writes: `/command/v1/…`.
pub fn router(commands: Commands) -> OpenApiRouter {
    operations().with_state(commands)
}

/// All writes: the management API and the realm surface.
pub fn api(commands: Commands) -> OpenApiRouter {
    router(commands.clone()).merge(auth::router(commands))
}

/// What [`api`] would serve, for a process that serves something else.
pub fn document() -> OpenApi {
    operations().merge(auth::operations()).into_openapi()
}

fn operations() -> OpenApiRouter<Commands> {
    OpenApiRouter::new()
        .merge(realms::router())
        .merge(users::router())
        .merge(passkeys::router())
        .merge(applications::router())
        .merge(permissions::router())
        .merge(webhooks::router())
        .merge(identity_providers::router())
        .merge(identities::router())
}

/// Where a request goes. It is looked at only after the request was allowed: who may not ask is told so, and not
/// whether there could be such a thing.
type At<T> = Result<Path<T>, Problem>;

/// What is answered to a command that was not committed.
fn failed<R: Into<Problem>>(failure: Failure<R>) -> Problem {
    match failure {
        Failure::Rejected(rejection) => rejection.into(),
        Failure::Claimed { kind, .. } => match kind {
            ClaimKind::RealmName => Problem::new(Code::NameTaken).field("name", "is taken"),
            ClaimKind::ClientId => Problem::new(Code::NameTaken).field("client_id", "is taken"),
            ClaimKind::LoginName => Problem::new(Code::NameTaken),
            ClaimKind::PasskeyId => users::Rejection::PasskeyTaken.into(),
            ClaimKind::IdentityProviderAlias => Problem::new(Code::NameTaken).field("alias", "is taken"),
            ClaimKind::Code
            | ClaimKind::RevokedToken
            | ClaimKind::Flow
            | ClaimKind::ClientAssertion
            | ClaimKind::Assertion
            | ClaimKind::DpopProof
            | ClaimKind::PushedRequest
            | ClaimKind::RequestObject
            | ClaimKind::UserCode
            | ClaimKind::DeviceCode
            | ClaimKind::TotpStep
            | ClaimKind::RecoveryCode
            | ClaimKind::PasskeyChallenge
            | ClaimKind::Letter
            | ClaimKind::Identity
            | ClaimKind::FederatedRequest => Problem::new(Code::Conflict),
        },
        Failure::PreconditionFailed { found } => {
            Problem::new(Code::VersionMismatch).detail(format!("The version is {found}."))
        }
        Failure::Conflict => {
            Problem::new(Code::Conflict).detail("Others were changing the same thing; try again.")
        }
        Failure::CommandReused => Problem::new(Code::IdempotencyKeyReused),
        Failure::Kernel(error) => error.into(),
    }
}

/// Whether a command is about the caller, or about the application that they use: who locks themselves out by a slip
/// cannot undo it.
fn is_own(caller: &Caller, realm: RealmId, principal: Uuid) -> bool {
    let token = &caller.token;
    token.realm.id == realm && (caller.principal() == principal || token.client.0 == principal)
}

/// The circumstances of a command about a realm as such: it is told in the `system` realm, whatever realm it is about.
fn in_system_realm(caller: &Caller, mut context: Context) -> Context {
    let request = context.actor.request.unwrap_or(Uuid::nil());
    context.actor = caller.actor(RealmId::SYSTEM, request);
    context
}
