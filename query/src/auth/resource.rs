//! What a realm is as a protected resource (RFC 9728): its management API and userinfo take the tokens of its issuer.
//! The rule: a client that knows nothing but an address is led by the challenge to this, and by this to the issuer.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Path, Problem, Requirements, access::MANAGE, claims::STANDARD_SCOPES};

use super::{Issuer, discovery::MAX_AGE, open_realm};
use crate::Queries;

/// Metadata of a protected resource.
#[derive(Debug, Serialize, ToSchema)]
struct ResourceMetadata {
    /// What tokens for it name as `aud`: the issuer.
    resource: String,
    /// Who issues these: the realm itself.
    authorization_servers: Vec<String>,
    /// Those of userinfo, and `manage` for the management API.
    scopes_supported: Vec<&'static str>,
    /// RFC 6750, sections 2.1 and 2.2 (userinfo alone).
    bearer_methods_supported: Vec<&'static str>,
    /// The realm as people know it.
    resource_name: String,
    /// Where to read about all of it.
    resource_documentation: String,
    /// RFC 9449, section 5.1.
    dpop_signing_alg_values_supported: Vec<&'static str>,
    /// Whether only tokens that are bound to a key are issued.
    dpop_bound_access_tokens_required: bool,
}

/// What a realm is as a protected resource (RFC 9728, section 3.1).
#[utoipa::path(
    get,
    path = "/.well-known/oauth-protected-resource/realms/{realm}",
    tag = "openid",
    params(Issuer),
    responses(
        (status = 200, description = "Metadata of the resource", body = ResourceMetadata),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
pub(super) async fn protected_resource(
    State(queries): State<Queries>,
    Path(realm): Path<String>,
) -> Result<Response, Problem> {
    let edge = &queries.edge;
    let realm = open_realm(edge, &realm).await?;
    let required = Requirements::of_realm(&edge.settings(realm.id).await?);
    let issuer = edge.issuer(&realm);
    let metadata = ResourceMetadata {
        resource: issuer.clone(),
        authorization_servers: vec![issuer],
        scopes_supported: STANDARD_SCOPES.into_iter().chain([MANAGE]).collect(),
        bearer_methods_supported: vec!["header", "body"],
        resource_name: realm.display_name,
        resource_documentation: format!("{}/docs", edge.public_url()),
        dpop_signing_alg_values_supported: required.algorithms.iter().map(|one| one.as_str()).collect(),
        dpop_bound_access_tokens_required: required.dpop,
    };
    Ok(([(header::CACHE_CONTROL, MAX_AGE)], Json(metadata)).into_response())
}
