//! The public keys of an issuer (RFC 7517, section 5): those that sign, and those whose last tokens have not ended.
//! The rule: public keys alone are published; what is stored is read as a public key before it is shown.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::realms::SigningKeys;
use http::header;
use jose::{Jwk, Jwks};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use web::{Code, Path, Problem};

use super::{Issuer, open_realm};
use crate::Queries;

/// How long clients may keep the set. A new key is used at once, and a client that does not know its `kid` asks again
/// (OpenID Connect Core, section 10.1.1): no cache between us and it may answer with an older set then.
const MAX_AGE: &str = "private, max-age=300";

/// A JSON Web Key Set.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes `jose::Jwks`")]
struct JsonWebKeySet {
    /// The keys (RFC 7517, section 4).
    #[schema(value_type = Vec<Object>)]
    keys: Vec<Value>,
}

/// The keys that the issuer's tokens verify with.
#[utoipa::path(
    get,
    path = "/realms/{realm}/oauth2/jwks",
    tag = "openid",
    params(Issuer),
    responses(
        (status = 200, description = "The keys", body = JsonWebKeySet),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
pub(super) async fn jwks(
    State(queries): State<Queries>,
    Path(realm): Path<String>,
) -> Result<Response, Problem> {
    let realm = open_realm(&queries.edge, &realm).await?;
    let kernel = queries.edge.kernel();
    let keys = kernel.current::<SigningKeys>(realm.id, realm.id.0).await?.state;
    let public = keys
        .published(kernel.now())
        .map(|key| Jwk::deserialize(&key.public_jwk))
        .collect::<Result<Jwks, _>>();
    match public {
        Ok(jwks) => Ok(([(header::CACHE_CONTROL, MAX_AGE)], Json(jwks)).into_response()),
        Err(error) => {
            tracing::error!(%error, realm = %realm.id, "a stored signing key is not a public key");
            Err(Problem::new(Code::Internal))
        }
    }
}
