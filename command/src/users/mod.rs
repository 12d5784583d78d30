//! # Users
//!
//! A person of one realm: profile, status, password. Personal data is sealed by a key of the user's own.
//!
//! | step | request (below `/command/v1/realms/{realm}`) | who may | event |
//! | --- | --- | --- | --- |
//! | register | `POST users` | realm administrators | `user.registered`, `password.set` |
//! | change the profile | `PATCH users/{id}` | realm administrators | `user.profile_changed` |
//! | stop new sign-ins | `POST users/{id}/lock`, `/unlock` | realm administrators | `user.locked`, `user.unlocked` |
//! | refuse everything | `POST users/{id}/disable`, `/enable` | realm administrators | `user.disabled`, `user.enabled` |
//! | let it be tried again | `DELETE users/{id}/guard` | realm administrators | `guard.lifted` |
//! | have an address shown to be theirs | `POST users/{id}/email-verification` | realm administrators | `letter.requested` |
//! | invite who has nothing to sign in with | `POST users/{id}/invitation` | realm administrators | `letter.requested` |
//! | set a password | `PUT users/{id}/password` | realm administrators | `password.set` |
//! | end one session | `DELETE sessions/{id}` | realm administrators | `session.ended` |
//! | end all sessions | `DELETE users/{id}/sessions` | realm administrators | `user.sessions_ended` |
//! | revoke a device, and end what began on it | `DELETE users/{id}/devices/{device}` | realm administrators | `known_device.revoked`, `session.ended` |
//! | remove a one-time-password device | `DELETE users/{id}/totp/{credential}` | realm administrators | `totp.removed` |
//! | rename or remove a passkey | see [passkeys](crate::passkeys) | realm administrators | `passkey.renamed`, `passkey.removed` |
//! | unlink an identity | see [identities](crate::identities) | realm administrators | `identity.unlinked` |
//! | have a phone number shown to be somebody's | `POST users/{id}/phone-verification` | realm administrators | `letter.requested` |
//! | remove recovery codes | `DELETE users/{id}/recovery-codes` | realm administrators | `recovery_codes.removed` |
//! | withdraw a consent | `DELETE users/{id}/consents/{application}` | realm administrators | `consent.withdrawn` |
//!
//! Platform administrators may all of it in every realm, and nobody else any of it in `system` (`web::access`).
//!
//! **What goes wrong.** A user name or e-mail address that somebody of the realm has is 409 `name_taken` with the
//! field; both share one name space, compared without case and Unicode form. A field that is not as it must be is 422
//! with its name, a password that is easy to guess, or known from a breach, 422 `weak_password` with the reason. A user of another realm is 404.
//! Nobody locks or disables themselves (409).
//!
//! **It worked when** the answer's events are those of the table. A lock refuses new sign-ins, a disabled user's
//! sessions and tokens are refused within a second, and a new password ends the sessions that began before it.

pub mod consents;
pub mod devices;
pub mod guard;
mod letters;
pub mod password;
pub mod phone;
pub mod profile;
pub mod recovery_codes;
pub mod register;
pub mod rules;
pub mod sessions;
pub mod status;
pub mod totp;

use events::{
    ids::{RealmId, UserId},
    kernel::{Failure, Kernel},
    log::ClaimKind,
    subject::Lane,
    users::{Profile, login_name},
};
use passwords::Weakness;
use utoipa_axum::routes;
use web::{Code, OpenApiRouter, Problem};

use crate::{Commands, Faults, failed};

/// Why a command about a user is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Fields that are not as they must be.
    #[error("{0}")]
    Invalid(Faults),
    /// There is no such user.
    #[error("no such user")]
    NotFound,
    /// There is such a user already.
    #[error("there is such a user already")]
    Exists,
    /// All that was known of this user was erased.
    #[error("this user was erased")]
    Erased,
    /// Whoever did that to themselves could not undo it.
    #[error("nobody locks or disables themselves")]
    Oneself,
    /// Not all was shown that the user has to show who they are.
    #[error("a second factor of the user was not shown")]
    Unproven,
    /// The passkey is somebody's already.
    #[error("the passkey was registered before")]
    PasskeyTaken,
    /// It is the last way to sign in, or one that the realm requires.
    #[error("it is the last way to sign in, or one that is required")]
    LastWay,
    /// There are as many devices as there may be.
    #[error("there are as many devices as one user may have")]
    TooManyDevices,
    /// A password that is easy to guess, known from a breach, or of a length that the realm does not allow.
    #[error("{0}")]
    WeakPassword(Weakness),
}

impl From<Faults> for Rejection {
    fn from(faults: Faults) -> Self {
        Self::Invalid(faults)
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Invalid(faults) => faults.into(),
            Rejection::NotFound => Problem::new(Code::NotFound),
            Rejection::Exists
            | Rejection::Erased
            | Rejection::Oneself
            | Rejection::Unproven
            | Rejection::PasskeyTaken
            | Rejection::LastWay
            | Rejection::TooManyDevices => Problem::new(Code::Conflict).detail(rejection.to_string()),
            Rejection::WeakPassword(weakness) => Problem::new(Code::WeakPassword)
                .detail(weakness.reason())
                .field("password", weakness.code()),
        }
    }
}

/// What is answered to a failed command about a user. A login name that is taken is told with its field.
async fn refused(
    kernel: &Kernel,
    realm: RealmId,
    user: UserId,
    profile: &Profile,
    failure: Failure<Rejection>,
) -> Problem {
    if !matches!(
        failure,
        Failure::Claimed {
            kind: ClaimKind::LoginName,
            ..
        }
    ) {
        return failed(failure);
    }
    let mut problem = Problem::new(Code::NameTaken).detail("Somebody of this realm has this name.");
    for (field, name) in [("username", &profile.username), ("email", &profile.email)] {
        let Some(name) = name else { continue };
        match kernel
            .claimed(realm, Lane::Facts, ClaimKind::LoginName, &login_name(name))
            .await
        {
            Ok(Some(holder)) if holder != user.0 => problem = problem.field(field, "is taken"),
            Ok(_) => {}
            Err(error) => return error.into(),
        }
    }
    problem
}

/// The routes of this domain.
pub(crate) fn router() -> OpenApiRouter<Commands> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(profile::change))
        .routes(routes!(status::lock))
        .routes(routes!(status::unlock))
        .routes(routes!(status::disable))
        .routes(routes!(status::enable))
        .routes(routes!(password::set))
        .routes(routes!(guard::lift))
        .routes(routes!(letters::verify_email))
        .routes(routes!(letters::invite))
        .routes(routes!(phone::verify))
        .routes(routes!(totp::remove))
        .routes(routes!(recovery_codes::remove))
        .routes(routes!(sessions::end_all))
        .routes(routes!(devices::revoke))
        .routes(routes!(sessions::end))
        .routes(routes!(consents::withdraw))
}
