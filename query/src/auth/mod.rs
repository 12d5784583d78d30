//! The reading half of the realm surface: what OAuth clients and resource servers ask of an issuer.
//!
//! - `discovery.rs`: what the issuer can do (OpenID Connect Discovery 1.0, RFC 8414);
//! - `resource.rs`: what the realm is as a protected resource (RFC 9728);
//! - `jwks.rs`: the keys that its tokens verify with (RFC 7517);
//! - `userinfo.rs`: the claims about the user of an access token (OpenID Connect Core, section 5.3; RFC 6750);
//! - `introspect.rs`: whether a token is good (RFC 7662);
//! - `bearer.rs`: how an access token is refused (RFC 6750).
//!
//! The rule: a realm that does not exist and one that is suspended answer the same, on every path.

mod bearer;
mod discovery;
mod introspect;
mod jwks;
mod resource;
mod userinfo;

use utoipa::IntoParams;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};
use web::{Edge, Problem, RealmRef, cors};

use crate::{Queries, read::missing};

/// The realm surface's reads: `/realms/{realm}/…` and RFC 8414's well-known forms.
pub fn router(queries: Queries) -> OpenApiRouter {
    operations().with_state(queries)
}

pub(crate) fn operations() -> OpenApiRouter<Queries> {
    OpenApiRouter::new()
        .routes(routes!(discovery::openid_configuration).map(cors::open))
        .routes(routes!(discovery::inserted_openid_configuration).map(cors::open))
        .routes(routes!(discovery::inserted_authorization_server).map(cors::open))
        .routes(routes!(discovery::authorization_server).map(cors::open))
        .routes(routes!(resource::protected_resource).map(cors::open))
        .routes(routes!(jwks::jwks).map(cors::open))
        .routes(routes!(userinfo::get_userinfo, userinfo::post_userinfo).map(cors::open))
        .routes(routes!(introspect::introspect))
}

/// The realm whose surface it is.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it describes the path; the handlers read it")]
struct Issuer {
    /// The realm's name or id.
    realm: String,
}

/// The realm, if it is there and works.
async fn open_realm(edge: &Edge, realm: &str) -> Result<RealmRef, Problem> {
    edge.open_realm(realm).await?.ok_or_else(missing)
}
