//! What an issuer can do: OpenID Connect Discovery 1.0, section 3, and RFC 8414, at the paths of both.
//! The rule: it advertises exactly what is implemented, and the issuer is named by the realm's name whatever the request said.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use jose::Algorithm;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Edge, Path, Problem, claims::STANDARD_SCOPES};

use super::{Issuer, open_realm};
use crate::Queries;

/// How long clients may keep it, in seconds.
const MAX_AGE: &str = "public, max-age=300";

/// Metadata of an issuer.
#[derive(Debug, Serialize, ToSchema)]
struct ProviderMetadata {
    /// The issuer, as it stands in `iss`.
    issuer: String,
    /// RFC 6749, section 3.1.
    authorization_endpoint: String,
    /// RFC 6749, section 3.2.
    token_endpoint: String,
    /// OpenID Connect Core, section 5.3.
    userinfo_endpoint: String,
    /// RFC 7517.
    jwks_uri: String,
    /// RFC 7662.
    introspection_endpoint: String,
    /// RFC 7009.
    revocation_endpoint: String,
    /// OpenID Connect RP-Initiated Logout 1.0.
    end_session_endpoint: String,
    /// The scopes that every application may ask for; applications may have more.
    scopes_supported: Vec<&'static str>,
    response_types_supported: Vec<&'static str>,
    response_modes_supported: Vec<&'static str>,
    grant_types_supported: Vec<&'static str>,
    subject_types_supported: Vec<&'static str>,
    acr_values_supported: Vec<&'static str>,
    id_token_signing_alg_values_supported: Vec<&'static str>,
    token_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    /// RFC 7636: `S256` alone.
    code_challenge_methods_supported: Vec<&'static str>,
    claim_types_supported: Vec<&'static str>,
    claims_supported: Vec<&'static str>,
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    /// Initiating User Registration via OpenID Connect 1.0, section 4.1.
    prompt_values_supported: Vec<&'static str>,
    /// RFC 9207.
    authorization_response_iss_parameter_supported: bool,
}

impl ProviderMetadata {
    fn new(issuer: String) -> Self {
        let at = |path: &str| format!("{issuer}/oauth2/{path}");
        let confidential = ["client_secret_basic", "client_secret_post"];
        let any_client = [&confidential[..], &["none"]].concat();
        Self {
            authorization_endpoint: at("authorize"),
            token_endpoint: at("token"),
            userinfo_endpoint: at("userinfo"),
            jwks_uri: at("jwks"),
            introspection_endpoint: at("introspect"),
            revocation_endpoint: at("revoke"),
            end_session_endpoint: at("logout"),
            scopes_supported: STANDARD_SCOPES.to_vec(),
            response_types_supported: vec!["code"],
            response_modes_supported: vec!["query", "fragment", "form_post"],
            grant_types_supported: vec!["authorization_code", "refresh_token", "client_credentials"],
            subject_types_supported: vec!["public"],
            acr_values_supported: vec![web::claims::ACR_PASSWORD],
            id_token_signing_alg_values_supported: Algorithm::ALL.map(Algorithm::as_str).to_vec(),
            token_endpoint_auth_methods_supported: any_client.clone(),
            introspection_endpoint_auth_methods_supported: confidential.to_vec(),
            revocation_endpoint_auth_methods_supported: any_client,
            code_challenge_methods_supported: vec!["S256"],
            claim_types_supported: vec!["normal"],
            claims_supported: vec![
                "iss",
                "sub",
                "aud",
                "exp",
                "iat",
                "auth_time",
                "nonce",
                "acr",
                "amr",
                "azp",
                "sid",
                "at_hash",
                "name",
                "given_name",
                "family_name",
                "preferred_username",
                "locale",
                "zoneinfo",
                "email",
                "email_verified",
                "phone_number",
                "phone_number_verified",
            ],
            claims_parameter_supported: false,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            prompt_values_supported: vec!["none", "login", "consent", "select_account"],
            authorization_response_iss_parameter_supported: true,
            issuer,
        }
    }
}

async fn metadata(edge: &Edge, realm: &str) -> Result<Response, Problem> {
    let realm = open_realm(edge, realm).await?;
    let metadata = ProviderMetadata::new(edge.issuer(&realm));
    Ok(([(header::CACHE_CONTROL, MAX_AGE)], Json(metadata)).into_response())
}

/// What the issuer can do (OpenID Connect Discovery 1.0).
#[utoipa::path(
    get,
    path = "/realms/{realm}/.well-known/openid-configuration",
    tag = "openid",
    params(Issuer),
    responses(
        (status = 200, description = "Metadata of the issuer", body = ProviderMetadata),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
pub(super) async fn openid_configuration(
    State(queries): State<Queries>,
    Path(realm): Path<String>,
) -> Result<Response, Problem> {
    metadata(&queries.edge, &realm).await
}

/// The same, where RFC 8414 (section 3.1) puts it for issuers with a path.
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server/realms/{realm}",
    tag = "openid",
    params(Issuer),
    responses(
        (status = 200, description = "Metadata of the issuer", body = ProviderMetadata),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
pub(super) async fn inserted_authorization_server(
    State(queries): State<Queries>,
    Path(realm): Path<String>,
) -> Result<Response, Problem> {
    metadata(&queries.edge, &realm).await
}

/// The same, where RFC 8414 (section 5) lets OpenID Connect clients look for it.
#[utoipa::path(
    get,
    path = "/.well-known/openid-configuration/realms/{realm}",
    tag = "openid",
    params(Issuer),
    responses(
        (status = 200, description = "Metadata of the issuer", body = ProviderMetadata),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
pub(super) async fn inserted_openid_configuration(
    State(queries): State<Queries>,
    Path(realm): Path<String>,
) -> Result<Response, Problem> {
    metadata(&queries.edge, &realm).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_under_the_issuer() {
        let issuer = "https://id.example/realms/demo";
        let metadata = serde_json::to_value(ProviderMetadata::new(issuer.to_owned())).unwrap();
        assert_eq!(metadata["issuer"], issuer);
        let endpoints: Vec<_> = metadata
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri"))
            .collect();
        assert_eq!(endpoints.len(), 7);
        for (name, url) in endpoints {
            assert!(
                url.as_str().unwrap().starts_with(&format!("{issuer}/oauth2/")),
                "{name}"
            );
        }
    }

    #[test]
    fn what_the_standards_require_is_there() {
        let metadata = ProviderMetadata::new("https://id.example/realms/demo".to_owned());
        assert!(
            metadata.id_token_signing_alg_values_supported.contains(&"RS256"),
            "OpenID Connect Discovery, section 3"
        );
        assert!(metadata.scopes_supported.contains(&"openid"));
        assert!(
            !metadata
                .introspection_endpoint_auth_methods_supported
                .contains(&"none"),
            "RFC 7662, section 2.1"
        );
        assert_eq!(
            metadata.code_challenge_methods_supported,
            ["S256"],
            "RFC 9700, section 2.1.1"
        );
    }
}
