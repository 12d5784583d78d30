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
//! **What goes wrong.** A role, user or application that is not there is 404. `platform-administrator` outside of the
//! `system` realm, or for an application without a secret, is 409; given or taken by anybody but a platform
//! administrator, it is 403. Nobody takes it from themselves (409), so that somebody is always left.
//!
//! **It worked when** the answer names the event (none, if it was so already), and within a second the principal may
//! what the table says, and no more.

pub mod roles;

use events::{
    ids::RealmId,
    kernel::Kernel,
    permissions::{Assignments, Role},
};
use utoipa_axum::routes;
use uuid::Uuid;
use web::{Caller, Code, OpenApiRouter, Problem};

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
    /// Only a platform administrator makes or unmakes one.
    #[error("only a platform administrator gives or takes platform-administrator")]
    NotYours,
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
            Rejection::NotYours => Code::Forbidden,
            Rejection::OutsideSystemRealm | Rejection::Oneself | Rejection::PublicApplication => {
                Code::Conflict
            }
        };
        Problem::new(code).detail(rejection.to_string())
    }
}

/// Whether this caller is a platform administrator: the role counts only where it is held in the `system` realm.
pub fn is_platform_administrator(caller: &Caller) -> bool {
    caller.token.realm.id == RealmId::SYSTEM && caller.roles.roles.contains(&Role::PlatformAdministrator)
}

/// Refuses to let anybody but a platform administrator change one: whoever sets such a user's password or secret, or
/// takes over their address, has all that they have.
pub async fn protect(
    kernel: &Kernel,
    caller: &Caller,
    realm: RealmId,
    principal: Uuid,
) -> Result<(), Problem> {
    if realm != RealmId::SYSTEM || is_platform_administrator(caller) {
        return Ok(());
    }
    let held = kernel.current::<Assignments>(realm, principal).await?.state;
    if held.roles.contains(&Role::PlatformAdministrator) {
        return Err(Problem::new(Code::Forbidden).detail("Only a platform administrator changes one."));
    }
    Ok(())
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
