//! # Applications
//!
//! The OAuth 2.0 clients of a realm: where people sign in to (`web`, `spa`, `native`), or what acts for itself
//! (`service`). `web` and `service` keep secrets; the type never changes.
//!
//! | step | request (below `/command/v1/realms/{realm}`) | who may | event |
//! | --- | --- | --- | --- |
//! | register | `POST applications` | realm administrators | `application.registered`, `application.secret_added` |
//! | change | `PATCH applications/{id}` | realm administrators | `application.changed` (`application.secret_added`) |
//! | stop, start | `POST applications/{id}/disable`, `/enable` | realm administrators | `application.disabled`, `application.enabled` |
//! | another secret | `POST applications/{id}/secrets` | realm administrators | `application.secret_added` |
//! | withdraw a secret | `DELETE applications/{id}/secrets/{secret_id}` | realm administrators | `application.secret_revoked` |
//! | let others register | `POST initial-access-tokens` | realm administrators | `initial_access.granted` |
//! | no longer | `DELETE initial-access-tokens/{id}` | realm administrators | `initial_access.revoked` |
//!
//! A secret is shown once, in the answer that made it (a repeated `Idempotency-Key` answers without it); kept is a keyed
//! digest, sealed by a key of its own. To rotate: add one, move the application over to it, withdraw the old one. With
//! `client_secret_jwt` the secret itself verifies what the application signs, and is kept, sealed, beside the digest: whoever
//! changes to that method gets a new secret in the answer, since of older ones there is only the digest. An application that
//! authenticates by `private_key_jwt` has no secret at all.
//!
//! **What goes wrong.** A redirect URI that is not https (loopback and, for `native`, private-use schemes excepted), or
//! that has a fragment, a wildcard or credentials is 422 with its place in the list. So is a custom claim that would pass
//! for one of the protocol, or scopes (4 KiB), audiences (2 KiB) and custom claims (4 KiB) that no token has room for.
//! More than ten secrets at a time are 409, as is a secret for an application that keeps none, and disabling the
//! application that one is using.
//!
//! **What a withdrawn secret does not end.** A secret is for getting tokens: those that were got with it are good until
//! they expire (`access_token_seconds`). After a leak, disable the application, which is immediate: every token and
//! grant of its is refused from then on. Revoking a grant (`oauth2/revoke` with the refresh token, or ending the session)
//! is immediate too. A change of scopes, audiences or redirect URIs holds for every code and refresh token that is used
//! after it.
//!
//! **It worked when** the answer's events are those of the table; a disabled application gets no token within a second,
//! and those it has are refused.

pub mod change;
pub mod initial_access;
pub mod redirect_uris;
pub mod register;
pub mod rules;
pub mod secrets;
pub mod status;

use utoipa_axum::routes;
use web::{Code, OpenApiRouter, Problem};

use crate::{Commands, Faults};

/// Why a command about an application is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Fields that are not as they must be.
    #[error("{0}")]
    Invalid(Faults),
    /// There is no such application.
    #[error("no such application")]
    NotFound,
    /// There is such an application already.
    #[error("there is such an application already")]
    Exists,
    /// Only `web` and `service` applications can keep a secret (RFC 6749, section 2.1).
    #[error("an application of this type cannot keep a secret")]
    KeepsNoSecret,
    /// It authenticates by `private_key_jwt`.
    #[error("this application authenticates with a key of its own and has no secret")]
    UsesKeys,
    /// It authenticates by a secret after the change, and has none that would do.
    #[error("the application needs a new secret for this way of authenticating")]
    NeedsSecret,
    /// Whoever disabled it with its own token could not enable it again.
    #[error("nobody disables the application that they are using")]
    Oneself,
    /// There is no such secret, or it was withdrawn.
    #[error("no such secret")]
    NoSuchSecret,
    /// So many are good already.
    #[error("an application has at most ten secrets at a time; withdraw one first")]
    TooManySecrets,
}

impl From<Faults> for Rejection {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults)
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let detail = rejection.to_string();
        match rejection {
            Rejection::Invalid(faults) => faults.into(),
            Rejection::NotFound | Rejection::NoSuchSecret => Problem::new(Code::NotFound),
            Rejection::Exists
            | Rejection::KeepsNoSecret
            | Rejection::UsesKeys
            | Rejection::NeedsSecret
            | Rejection::Oneself
            | Rejection::TooManySecrets => Problem::new(Code::Conflict).detail(detail),
        }
    }
}

/// The routes of this domain.
pub(crate) fn router() -> OpenApiRouter<Commands> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(change::change))
        .routes(routes!(status::disable))
        .routes(routes!(status::enable))
        .routes(routes!(secrets::add))
        .routes(routes!(secrets::revoke))
        .routes(routes!(initial_access::grant))
        .routes(routes!(initial_access::revoke))
}
