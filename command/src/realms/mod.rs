//! # Realms
//!
//! A realm is a tenant: its own people, applications, names, keys and sessions. Its existence, name and suspension are
//! told in the `system` realm; its settings and signing keys in its own stream.
//!
//! | step | request (below `/command/v1`) | who may | event |
//! | --- | --- | --- | --- |
//! | make one | `POST realms` | platform administrators | `realm.created`, then `signing_key.created` |
//! | name it for people | `PATCH realms/{realm}` | realm administrators | `realm.renamed` |
//! | stop it, start it | `POST realms/{realm}/suspend`, `/resume` | platform administrators | `realm.suspended`, `realm.resumed` |
//! | configure it | `PATCH realms/{realm}/settings` | realm administrators | `settings.changed` |
//! | give its pages a logo | `PUT realms/{realm}/branding/logo`, `DELETE` | realm administrators | `file.stored`, `settings.changed` |
//! | limit its requests | `PATCH realms/{realm}/settings`, `limits.rates` | realm administrators | `settings.changed` |
//! | rotate keys | `POST realms/{realm}/signing-keys` | realm administrators | `signing_key.created` |
//! | withdraw a key | `DELETE realms/{realm}/signing-keys/{kid}` | realm administrators | `signing_key.retired` |
//!
//! **What goes wrong.** A name that is taken is 409 `name_taken`, one that cannot be a name is 422. The `system` realm
//! is never suspended (409). A number outside of its range is 422 with the field's name. The key that signs is not
//! withdrawn (409): rotate first; nor is there a 25th published one (409): withdraw some first. A realm that the caller may not see is 404.
//!
//! **Rotating keys.** A new key signs at once, since the one before it may be in wrong hands; that one stays published for
//! the realm's overlap. Other nodes hear of it within a second, mostly within a tenth of one: until then their `jwks` may lack
//! it, while their own endpoints already take its tokens (they ask the log for a `kid` that they do not know). A client that
//! meets an unfamiliar `kid` asks for the set again (OpenID Connect Core, section 10.1.1), and should do so once more after a
//! second before it refuses. The set may be kept by clients for five minutes, and by no shared cache.
//!
//! **Limiting requests.** Each limit of `limits.rates` has a name, the operations that it is of (by their OpenAPI names, their tags, or `commands`,
//! `queries`, `all`), what each budget belongs to (`address`, `application`, `user`, `realm`), and how many requests in how many seconds. It holds
//! beside the limits that are built in, on all nodes within a second. Whoever is over it is answered 429 with `Retry-After`; `GET
//! /query/v1/realms/{realm}/rate-limits` tells how far each is used. Changing the settings meets none of the realm's own, so that nobody is shut out by them.
//!
//! **It worked when** the answer's events are those of the table and the realm's
//! `/.well-known/openid-configuration` and `jwks` tell of it; a suspended realm refuses every token and sign-in within
//! a second.

pub mod attributes;
pub mod branding;
pub mod create;
mod limits;
pub mod oauth;
pub mod passkeys;
pub mod settings;
pub mod signing_keys;
pub mod status;

use utoipa_axum::routes;
use web::{Code, OpenApiRouter, Problem};

use crate::{Commands, Faults};

pub use signing_keys::{SigningKeyError, ensure_signing_key, publish_signing_keys};

/// Why a command about a realm is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Fields that are not as they must be.
    #[error("{0}")]
    Invalid(Faults),
    /// There is no such realm.
    #[error("no such realm")]
    NotFound,
    /// There is such a realm already.
    #[error("there is such a realm already")]
    Exists,
    /// The realm that administers the others cannot be stopped.
    #[error("the system realm cannot be suspended")]
    SystemRealm,
    /// There is no such signing key, or it was withdrawn.
    #[error("no such signing key")]
    NoSuchKey,
    /// Tokens are signed with it: another must take its place first.
    #[error("this key signs; rotate first, then withdraw it")]
    KeyInUse,
    /// So many keys are published that another would make the set too large for its readers.
    #[error("24 signing keys are published, which is the most; wait for an overlap to end or withdraw some")]
    TooManyKeys,
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
            Rejection::NotFound | Rejection::NoSuchKey => Problem::new(Code::NotFound),
            Rejection::Exists | Rejection::SystemRealm | Rejection::KeyInUse | Rejection::TooManyKeys => {
                Problem::new(Code::Conflict).detail(detail)
            }
        }
    }
}

/// The routes of this domain.
pub(crate) fn router() -> OpenApiRouter<Commands> {
    OpenApiRouter::new()
        .routes(routes!(create::create))
        .routes(routes!(status::rename))
        .routes(routes!(status::suspend))
        .routes(routes!(status::resume))
        .routes(routes!(settings::change))
        .routes(routes!(branding::set_logo, branding::remove_logo))
        .routes(routes!(signing_keys::rotate))
        .routes(routes!(signing_keys::retire))
}
