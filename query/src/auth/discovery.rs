//! What an issuer can do: OpenID Connect Discovery 1.0, section 3, and RFC 8414, at the paths of both.
//! The rule: it advertises exactly what is implemented, and the issuer is named by the realm's name whatever the request said.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use events::{
    applications::{DEVICE_CODE, NO_AUTHENTICATION},
    auth::Assurance,
    realms::{DynamicRegistration, Settings},
};
use http::header;
use jose::jwe::{ContentEncryption, KeyManagement};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Edge, Path, Problem, Requirements, claims::STANDARD_SCOPES, offered};

use super::{Issuer, open_realm};
use crate::Queries;

/// How long clients may keep it, in seconds.
pub(super) const MAX_AGE: &str = "public, max-age=300";

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
    /// OpenID Connect Front-Channel Logout 1.0, section 3.
    frontchannel_logout_supported: bool,
    frontchannel_logout_session_supported: bool,
    /// OpenID Connect Back-Channel Logout 1.0, section 2.1.
    backchannel_logout_supported: bool,
    backchannel_logout_session_supported: bool,
    /// OpenID Connect Session Management 1.0, section 3.3.
    check_session_iframe: String,
    /// RFC 9126.
    pushed_authorization_request_endpoint: String,
    /// RFC 8628; absent where no device is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_authorization_endpoint: Option<String>,
    /// RFC 7591; absent where the realm lets nobody register.
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    /// Where to read about all of it.
    service_documentation: String,

    /// The scopes that every application may ask for; applications may have more.
    scopes_supported: Vec<&'static str>,
    response_types_supported: Vec<&'static str>,
    response_modes_supported: Vec<&'static str>,
    grant_types_supported: Vec<&'static str>,
    subject_types_supported: Vec<&'static str>,
    acr_values_supported: Vec<&'static str>,
    /// Initiating User Registration via OpenID Connect 1.0, section 4.1.
    prompt_values_supported: Vec<&'static str>,
    display_values_supported: Vec<&'static str>,
    ui_locales_supported: Vec<&'static str>,
    claim_types_supported: Vec<&'static str>,
    claims_supported: Vec<String>,
    claims_parameter_supported: bool,
    /// RFC 9207.
    authorization_response_iss_parameter_supported: bool,

    token_endpoint_auth_methods_supported: Vec<&'static str>,
    token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    introspection_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    /// RFC 9701, section 7.
    introspection_signing_alg_values_supported: Vec<&'static str>,
    /// RFC 9728, section 4: the realm's own APIs, whose audience is the issuer.
    protected_resources: Vec<String>,
    /// RFC 7636: `S256` alone.
    code_challenge_methods_supported: Vec<&'static str>,
    /// RFC 9449, section 5.1.
    dpop_signing_alg_values_supported: Vec<&'static str>,
    /// RFC 9126, section 5.
    require_pushed_authorization_requests: bool,

    /// RFC 9101, section 10.5.
    require_signed_request_object: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    require_request_uri_registration: bool,
    request_object_signing_alg_values_supported: Vec<&'static str>,

    id_token_signing_alg_values_supported: Vec<&'static str>,
    id_token_encryption_alg_values_supported: Vec<&'static str>,
    id_token_encryption_enc_values_supported: Vec<&'static str>,
    userinfo_signing_alg_values_supported: Vec<&'static str>,
    userinfo_encryption_alg_values_supported: Vec<&'static str>,
    userinfo_encryption_enc_values_supported: Vec<&'static str>,
    /// JARM, section 4.
    authorization_signing_alg_values_supported: Vec<&'static str>,
    authorization_encryption_alg_values_supported: Vec<&'static str>,
    authorization_encryption_enc_values_supported: Vec<&'static str>,
}

impl ProviderMetadata {
    /// Of a realm with these settings. Every list is the one that the endpoints judge by, within the realm's profile.
    fn new(issuer: String, public_url: &str, settings: &Settings) -> Self {
        let required = Requirements::of_realm(settings);
        let at = |path: &str| format!("{issuer}/oauth2/{path}");
        let signing: Vec<_> = required.algorithms.iter().map(|one| one.as_str()).collect();
        let shared = required.shared_secrets.then_some(jose::SHARED_SECRET_ALGORITHM);
        let assertions: Vec<_> = signing.iter().copied().chain(shared).collect();
        let any_client = required.auth_methods.to_vec();
        // RFC 7662, section 2.1: who asks about tokens authenticates.
        let mut confidential = any_client.clone();
        confidential.retain(|method| *method != NO_AUTHENTICATION);
        let key_management = KeyManagement::ALL.map(KeyManagement::as_str).to_vec();
        let content_encryption = ContentEncryption::ALL.map(ContentEncryption::as_str).to_vec();
        let grant_types = offered::grant_types(&required, settings);
        Self {
            authorization_endpoint: at("authorize"),
            token_endpoint: at("token"),
            userinfo_endpoint: at("userinfo"),
            jwks_uri: at("jwks"),
            introspection_endpoint: at("introspect"),
            revocation_endpoint: at("revoke"),
            end_session_endpoint: at("logout"),
            frontchannel_logout_supported: true,
            frontchannel_logout_session_supported: true,
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
            check_session_iframe: at("check-session"),
            pushed_authorization_request_endpoint: at("par"),
            device_authorization_endpoint: grant_types
                .contains(&DEVICE_CODE)
                .then(|| at("device_authorization")),
            registration_endpoint: (settings.oauth.dynamic_registration != DynamicRegistration::Disabled)
                .then(|| at("register")),
            service_documentation: format!("{public_url}/docs"),

            scopes_supported: STANDARD_SCOPES.to_vec(),
            response_types_supported: vec![offered::RESPONSE_TYPE],
            response_modes_supported: offered::RESPONSE_MODES.map(|(name, ..)| name).to_vec(),
            grant_types_supported: grant_types,
            subject_types_supported: offered::SUBJECT_TYPES.to_vec(),
            acr_values_supported: Assurance::ALL.map(Assurance::acr).into(),
            prompt_values_supported: offered::PROMPTS.to_vec(),
            display_values_supported: vec!["page"],
            ui_locales_supported: settings
                .languages
                .enabled
                .iter()
                .map(|language| language.tag())
                .collect(),
            claim_types_supported: vec!["normal"],
            claims_supported: offered::claims(settings),
            claims_parameter_supported: true,
            authorization_response_iss_parameter_supported: true,

            token_endpoint_auth_methods_supported: any_client.clone(),
            token_endpoint_auth_signing_alg_values_supported: assertions.clone(),
            introspection_endpoint_auth_methods_supported: confidential,
            introspection_endpoint_auth_signing_alg_values_supported: assertions.clone(),
            revocation_endpoint_auth_methods_supported: any_client,
            revocation_endpoint_auth_signing_alg_values_supported: assertions,
            introspection_signing_alg_values_supported: signing.clone(),
            protected_resources: vec![issuer.clone()],
            code_challenge_methods_supported: vec![offered::CODE_CHALLENGE_METHOD],
            dpop_signing_alg_values_supported: signing.clone(),
            require_pushed_authorization_requests: required.pushed_requests,

            require_signed_request_object: required.signed_requests,
            request_parameter_supported: true,
            // Under the profile requests are pushed, so that none is fetched.
            request_uri_parameter_supported: !required.pushed_requests,
            require_request_uri_registration: true,
            request_object_signing_alg_values_supported: signing.clone(),

            id_token_signing_alg_values_supported: signing.clone(),
            id_token_encryption_alg_values_supported: key_management.clone(),
            id_token_encryption_enc_values_supported: content_encryption.clone(),
            userinfo_signing_alg_values_supported: signing.clone(),
            userinfo_encryption_alg_values_supported: key_management.clone(),
            userinfo_encryption_enc_values_supported: content_encryption.clone(),
            authorization_signing_alg_values_supported: signing,
            authorization_encryption_alg_values_supported: key_management,
            authorization_encryption_enc_values_supported: content_encryption,
            issuer,
        }
    }
}

async fn metadata(edge: &Edge, realm: &str) -> Result<Response, Problem> {
    let realm = open_realm(edge, realm).await?;
    let settings = edge.settings(realm.id).await?;
    let metadata = ProviderMetadata::new(edge.issuer(&realm), edge.public_url(), &settings);
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

/// The same, below the issuer, where clients look that append (RFC 8414, section 5).
#[utoipa::path(
    get,
    path = "/realms/{realm}/.well-known/oauth-authorization-server",
    tag = "openid",
    params(Issuer),
    responses(
        (status = 200, description = "Metadata of the issuer", body = ProviderMetadata),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
pub(super) async fn authorization_server(
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
    use events::realms::SecurityProfile;
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://id.example/realms/demo";

    fn told(settings: &Settings) -> Value {
        let metadata = ProviderMetadata::new(ISSUER.to_owned(), "https://id.example", settings);
        serde_json::to_value(metadata).unwrap()
    }

    fn has(list: &Value, one: &str) -> bool {
        list.as_array().unwrap().iter().any(|item| item == one)
    }

    #[test]
    fn every_endpoint_is_under_the_issuer() {
        let metadata = told(&Settings::default());
        assert_eq!(metadata["issuer"], ISSUER);
        let endpoints: Vec<_> = metadata
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri"))
            .collect();
        assert_eq!(endpoints.len(), 9);
        for (name, url) in endpoints {
            assert!(
                url.as_str().unwrap().starts_with(&format!("{ISSUER}/oauth2/")),
                "{name}"
            );
        }
    }

    #[test]
    fn what_the_standards_require_is_there() {
        let metadata = told(&Settings::default());
        assert!(
            has(&metadata["id_token_signing_alg_values_supported"], "RS256"),
            "OpenID Connect Discovery, section 3"
        );
        assert!(has(&metadata["scopes_supported"], "openid"));
        assert!(
            !has(&metadata["introspection_endpoint_auth_methods_supported"], "none"),
            "RFC 7662, section 2.1"
        );
        assert_eq!(
            metadata["code_challenge_methods_supported"],
            json!(["S256"]),
            "RFC 9700, section 2.1.1"
        );
        let signed = &metadata["token_endpoint_auth_signing_alg_values_supported"];
        assert!(has(signed, "HS256") && has(signed, "ES256") && !has(signed, "none"));
    }

    #[test]
    fn a_realm_with_a_profile_tells_only_what_that_accepts() {
        let mut settings = Settings::default();
        settings.oauth.security_profile = Some(SecurityProfile::Fapi2);
        let metadata = told(&settings);
        for endpoint in ["token", "revocation", "introspection"] {
            let methods = &metadata[format!("{endpoint}_endpoint_auth_methods_supported")];
            assert_eq!(methods, &json!(["private_key_jwt"]), "{endpoint}");
        }
        assert_eq!(metadata["require_pushed_authorization_requests"], true);
        assert_eq!(metadata["request_uri_parameter_supported"], false);
        assert_eq!(metadata.get("device_authorization_endpoint"), None);
        let strong = json!(["ES256", "PS256", "EdDSA"]);
        let lists = metadata.as_object().unwrap().iter();
        for (name, list) in lists.filter(|(name, _)| name.contains("signing_alg")) {
            assert_eq!(list, &strong, "{name}");
        }
    }
}
