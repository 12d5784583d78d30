//! The parameters of the OAuth endpoints, as the OpenAPI document tells them. The rule: what an endpoint reads stands here, so that whoever
//! reads the document (a developer, a test that tries each of them) misses none. All of them are there at most once, but for `resource` and
//! `audience`.

#![expect(dead_code, reason = "it describes forms, which are read by name")]

use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use web::clients::Credentials;

/// An authorization request (RFC 6749, 4.1.1).
#[derive(Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub(super) struct AuthorizationParameters {
    /// The application.
    client_id: String,
    /// `code`.
    response_type: String,
    /// Exactly one that was registered.
    redirect_uri: Option<String>,
    /// Separated by spaces, such as `openid profile`.
    scope: Option<String>,
    /// Given back as it came, at most 4,096 bytes.
    state: Option<String>,
    /// Repeated in the id token, at most 1,024 bytes.
    nonce: Option<String>,
    /// PKCE (RFC 7636); required of public applications.
    code_challenge: Option<String>,
    /// `S256`.
    code_challenge_method: Option<String>,
    /// `query`, `fragment`, `form_post`; signed (JARM): `jwt`, or one of these with `.jwt`.
    response_mode: Option<String>,
    /// `none`, or of `login`, `select_account`, `create`, `consent`.
    prompt: Option<String>,
    /// How long ago the user may have signed in, in seconds.
    max_age: Option<u64>,
    /// The name to put into the form.
    login_hint: Option<String>,
    /// An id token of the user who is meant.
    id_token_hint: Option<String>,
    /// One of the application's audiences (RFC 8707); may be there several times.
    resource: Option<String>,
    /// Claims asked for one by one, as JSON (OpenID Connect Core, 5.5).
    claims: Option<String>,
    /// Authentication contexts, by preference; voluntary.
    acr_values: Option<String>,
    /// Languages of the pages, by preference, separated by spaces; the first that the realm speaks counts.
    ui_locales: Option<String>,
    /// Languages of claims, by preference; taken and not used.
    claims_locales: Option<String>,
    /// Taken and not used.
    display: Option<String>,
    /// The key that the code is bound to (RFC 9449, section 10).
    dpop_jkt: Option<String>,
    /// A signed request object (RFC 9101); its parameters alone count.
    request: Option<String>,
    /// A pushed request (RFC 9126), or where a request object is, as registered.
    request_uri: Option<String>,
    /// Refused (OpenID Connect Core, 7.2.1).
    registration: Option<String>,
}

/// A request that is pushed (RFC 9126, 2.1): `request_uri` is refused.
#[derive(Deserialize, ToSchema)]
pub(super) struct PushedParameters {
    #[serde(flatten)]
    request: AuthorizationParameters,
    #[serde(flatten)]
    credentials: Credentials,
}

/// A request for tokens (RFC 6749, 3.2).
#[derive(Deserialize, ToSchema)]
pub(super) struct TokenParameters {
    /// `authorization_code`, `refresh_token`, `client_credentials`, `urn:ietf:params:oauth:grant-type:device_code`,
    /// `urn:ietf:params:oauth:grant-type:token-exchange` or `urn:ietf:params:oauth:grant-type:jwt-bearer`.
    grant_type: String,
    #[serde(flatten)]
    credentials: Credentials,
    /// The code (`authorization_code`).
    code: Option<String>,
    /// As in the authorization request, if it was there (`authorization_code`).
    redirect_uri: Option<String>,
    /// PKCE (RFC 7636; `authorization_code`).
    code_verifier: Option<String>,
    /// The refresh token (`refresh_token`).
    refresh_token: Option<String>,
    /// The device code (RFC 8628).
    device_code: Option<String>,
    /// The assertion (RFC 7523).
    assertion: Option<String>,
    /// The token that is exchanged (RFC 8693).
    subject_token: Option<String>,
    /// What it is: `urn:ietf:params:oauth:token-type:access_token` or `…:id_token`.
    subject_token_type: Option<String>,
    /// A token of the one who acts.
    actor_token: Option<String>,
    /// What that is.
    actor_token_type: Option<String>,
    /// `urn:ietf:params:oauth:token-type:access_token`.
    requested_token_type: Option<String>,
    /// For what the new token is (RFC 8693, 2.1); may be there several times.
    audience: Option<String>,
    /// Less than what was granted; all of it where absent. Not of codes and device codes.
    scope: Option<String>,
    /// One of the application's audiences (RFC 8707); may be there several times.
    resource: Option<String>,
}

/// A device asks to be approved (RFC 8628, 3.1).
#[derive(Deserialize, ToSchema)]
pub(super) struct DeviceParameters {
    #[serde(flatten)]
    credentials: Credentials,
    /// Separated by spaces; all of the application's where absent.
    scope: Option<String>,
    /// The resources that the access token is for (RFC 8707); may be there several times.
    resource: Option<String>,
}

/// A token is given back (RFC 7009, 2.1).
#[derive(Deserialize, ToSchema)]
pub(super) struct RevocationParameters {
    #[serde(flatten)]
    credentials: Credentials,
    /// The token.
    token: String,
    /// `access_token` or `refresh_token`; a token tells itself which it is, whatever this says.
    token_type_hint: Option<String>,
}
