//! # Permissions
//!
//! Which roles a user or an application (acting for itself) holds. The roles are built in:
//!
//! | role | what it allows |
//! | --- | --- |
//! | `platform-administrator` | everything, in every realm; held in the `system` realm only |
//! | `realm-administrator` | everything in its own realm |
//! | `auditor` | reads everything in its own realm |
//! | `application` | reads the users and applications of its own realm |
//!
//! | step | request (below `/command/v1/realms/{realm}`) | who may | event |
//! | --- | --- | --- | --- |
//! | give | `PUT users/{id}/roles/{role}`, `PUT applications/{id}/roles/{role}` | realm administrators | `role.assigned` |
//! | take | `DELETE` of the same | realm administrators | `role.revoked` |
//!
//! In the `system` realm all of it is for platform administrators (`web::access`), so that nobody else makes one.
//!
//! **What goes wrong.** A role, user or application that is not there is 404. `platform-administrator` outside of the
//! `system` realm, or for an application without a secret, is 409. Nobody takes it from themselves (409), so that
//! somebody is always left.
//!
//! **It worked when** the answer names the event (none, if it was so already), and within a second the principal may
//! what the table says, and no more.

pub mod roles;

use utoipa_axum::routes;
use web::{Code, OpenApiRouter, Problem};

use crate::Commands;

/// Why a command about roles is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is no such user or application.
    #[error("no such user or application")]
    NoSuchPrincipal,
    /// The role belongs to the `system` realm.
    #[error("platform-administrator can be held in the system realm only")]
    OutsideSystemRealm,
    /// Nobody can be left without an administrator by a slip.
    #[error("nobody takes platform-administrator from themselves")]
    Oneself,
    /// An application that cannot prove who it is never acts for itself.
    #[error("an application without a secret never acts for itself")]
    PublicApplication,
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let code = match rejection {
            Rejection::NoSuchPrincipal => return Problem::new(Code::NotFound),
            Rejection::OutsideSystemRealm | Rejection::Oneself | Rejection::PublicApplication => {
                Code::Conflict
            }
        };
        Problem::new(code).detail(rejection.to_string())
    }
}

/// The routes of this domain.
pub(crate) fn router() -> OpenApiRouter<Commands> {
    OpenApiRouter::new()
        .routes(routes!(roles::assign_to_user, roles::revoke_from_user))
        .routes(routes!(
            roles::assign_to_application,
            roles::revoke_from_application
        ))
}
