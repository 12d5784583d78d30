//! # Identity providers
//!
//! Others whose sign-ins a realm takes: any OpenID Connect provider.
//!
//! | step | request (below `/command/v1/realms/{realm}`) | who may | event |
//! | --- | --- | --- | --- |
//! | register | `POST identity-providers` | realm administrators | `identity_provider.registered`, `identity_provider.secret_set`, `identity_provider.offered` |
//! | change | `PATCH identity-providers/{id}` | realm administrators | `identity_provider.changed` (`identity_provider.offered`) |
//! | set the secret | `PUT identity-providers/{id}/secret` | realm administrators | `identity_provider.secret_set` |
//! | stop, start | `POST identity-providers/{id}/disable`, `/enable` | realm administrators | `identity_provider.disabled`, `identity_provider.withdrawn`; `identity_provider.enabled`, `identity_provider.offered` |
//! | delete | `DELETE identity-providers/{id}` | realm administrators | `identity_provider.deleted` (`identity_provider.withdrawn`) |
//!
//! **What becomes of sessions.** One that began with a provider goes on when that is disabled or deleted, and so do its tokens. From then on
//! what the provider said counts for nothing: at the next authorization request, and wherever somebody is to show anew who they are, they
//! show something else. To end their sessions at once, end them (`DELETE users/{id}/sessions`).
//!
//! **What goes wrong.** A field that is not as it must be is 422 with its name. An alias that another provider of the realm has is 409
//! `name_taken`. A realm offers at most 50 (409). A provider of another realm is 404.

pub mod change;
pub mod presets;
pub mod register;
pub mod rules;
pub mod secret;
pub mod status;

use utoipa_axum::routes;
use web::{Code, OpenApiRouter, Problem};

use crate::{Commands, Faults};

/// Most providers that a realm offers.
const MOST: usize = 50;

/// Why a command about identity providers is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Fields that are not as they must be.
    #[error("{0}")]
    Invalid(Faults),
    /// There is no such provider.
    #[error("no such identity provider")]
    NotFound,
    /// There is such a provider already.
    #[error("there is such an identity provider already")]
    Exists,
    /// So many are offered already.
    #[error("a realm offers at most 50 identity providers; disable or delete one first")]
    TooMany,
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
            Rejection::NotFound => Problem::new(Code::NotFound),
            Rejection::Exists | Rejection::TooMany => Problem::new(Code::Conflict).detail(detail),
        }
    }
}

/// Where a provider's answer comes back to, of the realm of this issuer.
pub fn redirect_uri(issuer: &str, alias: &str) -> String {
    format!("{issuer}/identity-providers/{alias}/callback")
}

/// The routes of this domain.
pub(crate) fn router() -> OpenApiRouter<Commands> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(change::change, status::delete))
        .routes(routes!(secret::set))
        .routes(routes!(status::disable))
        .routes(routes!(status::enable))
}
