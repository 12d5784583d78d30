//! # Identities
//!
//! What users are known as at the [identity providers](crate::identity_providers) of their realm: another way for them to sign in.
//!
//! | step | request (below `/command/v1/realms/{realm}`) | who may | event |
//! | --- | --- | --- | --- |
//! | link, by signing in at the provider | the realm's pages (see [auth](crate::auth)) | the user | `identity.linked` (with `user.registered`, of who is new) |
//! | unlink | `DELETE users/{id}/identities/{credential}` | realm administrators | `identity.unlinked` |
//!
//! **What goes wrong.** An identity is one user's of the realm: linking it to another is refused. Users do not unlink what alone lets them
//! sign in; administrators may, since an identity in the wrong hands must go at once.

pub mod link;
pub mod unlink;

use utoipa_axum::routes;
use web::OpenApiRouter;

use crate::Commands;

/// The most identities of one user.
const MOST: usize = 20;

/// The routes of this domain.
pub(crate) fn router() -> OpenApiRouter<Commands> {
    OpenApiRouter::new().routes(routes!(unlink::unlink))
}
