//! Errors of OAuth 2.0 endpoints (RFC 6749, 5.2; RFC 7009, 2.2.1; RFC 8707, 2; RFC 9449, 5 and 8).
//! The rule: what went wrong inside is logged once, here, and the client hears only whether it can do something about it.

use std::borrow::Cow;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use events::{kernel::KernelError, keys::KeyError, log::LogError};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::{dpop::ProofRefused, form::FormError};

/// How a client is asked to authenticate (RFC 7617; the credentials are form-encoded in UTF-8 first, RFC 6749, 2.3.1).
const CHALLENGE: HeaderValue =
    HeaderValue::from_static("Basic realm=\"OAuth 2.0 client\", charset=\"UTF-8\"");

/// When to try again after trouble that passes, in seconds.
const RETRY_AFTER: u64 = 2;

/// Why an OAuth 2.0 endpoint refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}: {description}")]
pub struct OAuthError {
    error: &'static str,
    description: Cow<'static, str>,
    status: StatusCode,
    retry_after: Option<u64>,
}

/// What is answered with an OAuth error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OAuthErrorBody {
    /// The code of RFC 6749, 5.2, or of an extension.
    #[schema(example = "invalid_grant")]
    pub error: String,
    /// For developers, in ASCII.
    pub error_description: String,
}

/// What an error says for developers: a fixed text, or one made for the occasion.
type Description = Cow<'static, str>;

impl OAuthError {
    fn new(status: StatusCode, error: &'static str, description: impl Into<Description>) -> Self {
        Self {
            error,
            description: description.into(),
            status,
            retry_after: None,
        }
    }

    fn bad(error: &'static str, description: impl Into<Description>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, description)
    }

    /// A parameter is missing, malformed, repeated or does not go with another.
    pub fn invalid_request(description: impl Into<Description>) -> Self {
        Self::bad("invalid_request", description)
    }

    /// The client is not known, or has not shown that it is who it says; which of them is not told.
    pub fn invalid_client() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "the client could not be authenticated",
        )
    }

    /// The code or refresh token is not good (any more), or is not this client's.
    pub fn invalid_grant(description: impl Into<Description>) -> Self {
        Self::bad("invalid_grant", description)
    }

    /// This client may not use this grant type.
    pub fn unauthorized_client(description: impl Into<Description>) -> Self {
        Self::bad("unauthorized_client", description)
    }

    /// There is no such grant type here.
    pub fn unsupported_grant_type() -> Self {
        Self::bad("unsupported_grant_type", "this grant type is not supported")
    }

    /// A scope is unknown, malformed, or more than was granted.
    pub fn invalid_scope(description: impl Into<Description>) -> Self {
        Self::bad("invalid_scope", description)
    }

    /// The user has not answered yet (RFC 8628, 3.5).
    pub fn authorization_pending() -> Self {
        Self::bad("authorization_pending", "the user has not answered yet")
    }

    /// The device asks too fast, and has to wait five seconds longer each time (RFC 8628, 3.5).
    pub fn slow_down() -> Self {
        Self::bad("slow_down", "wait five seconds longer before asking again")
    }

    /// The user refused (RFC 8628, 3.5).
    pub fn access_denied() -> Self {
        Self::bad("access_denied", "the user refused")
    }

    /// The user did not answer in time (RFC 8628, 3.5).
    pub fn expired_token() -> Self {
        Self::bad("expired_token", "the device code is over: start anew")
    }

    /// The resource is not one that this client may ask for (RFC 8707, 2).
    pub fn invalid_target(description: impl Into<Description>) -> Self {
        Self::bad("invalid_target", description)
    }

    /// A code of an extension or of the authorization endpoint (RFC 6749, 4.1.2.1), for which there is no function here.
    pub fn refused(error: &'static str, description: impl Into<Description>) -> Self {
        Self::bad(error, description)
    }

    /// Tokens of this type cannot be revoked (RFC 7009, 2.2.1).
    pub fn unsupported_token_type() -> Self {
        Self::bad("unsupported_token_type", "tokens of this type cannot be revoked")
    }

    /// The DPoP proof is missing where one is needed, is not good, or was used before (RFC 9449, 5).
    pub fn invalid_dpop_proof(description: impl Into<Description>) -> Self {
        Self::bad("invalid_dpop_proof", description)
    }

    /// The DPoP proof lacks a nonce that is good (RFC 9449, 8); the answer offers one.
    pub fn use_dpop_nonce() -> Self {
        Self::bad(
            "use_dpop_nonce",
            "the DPoP proof needs the nonce of the header DPoP-Nonce",
        )
    }

    /// Trouble that passes: 503, with the seconds after which to try again.
    pub fn unavailable(retry_after: u64) -> Self {
        let error = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "temporarily_unavailable",
            "try again in a moment",
        );
        Self {
            retry_after: Some(retry_after),
            ..error
        }
    }

    /// Too many requests of one kind: 429, with the seconds after which to try again.
    pub fn too_many(retry_after: u64) -> Self {
        let error = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "temporarily_unavailable",
            "too many requests: try again later",
        );
        Self {
            retry_after: Some(retry_after),
            ..error
        }
    }

    /// Something that should not happen; whoever answers with this has logged why.
    pub fn server_error() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "something went wrong on the server",
        )
    }

    /// The code.
    pub const fn error(&self) -> &'static str {
        self.error
    }

    /// What it says for developers.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = OAuthErrorBody {
            error: self.error.to_owned(),
            error_description: self.description.chars().map(printable).collect(),
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The characters that a description may hold (RFC 6749, 5.2): printable ASCII without quotation mark and backslash.
fn printable(character: char) -> char {
    match character {
        '"' | '\\' => '\'',
        ' '..='~' => character,
        _ => '?',
    }
}

impl From<FormError> for OAuthError {
    fn from(error: FormError) -> Self {
        Self::invalid_request(error.to_string())
    }
}

impl From<ProofRefused> for OAuthError {
    fn from(refused: ProofRefused) -> Self {
        match refused {
            ProofRefused::Invalid(_) => Self::invalid_dpop_proof(refused.to_string()),
            ProofRefused::UseNonce => Self::use_dpop_nonce(),
            ProofRefused::Unavailable(error) => error.into(),
        }
    }
}

impl From<KernelError> for OAuthError {
    fn from(error: KernelError) -> Self {
        tracing::error!(%error, "an OAuth request could not be answered");
        match error {
            KernelError::Log(LogError::Unavailable(_)) | KernelError::Keys(KeyError::Unavailable(_)) => {
                Self::unavailable(RETRY_AFTER)
            }
            KernelError::Log(_)
            | KernelError::Keys(_)
            | KernelError::Decode(_)
            | KernelError::Malformed(_) => Self::server_error(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn body(response: Response) -> OAuthErrorBody {
        let bytes = axum::body::to_bytes(response.into_body(), 4_096).await.unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn an_error_is_what_rfc_6749_says_and_is_not_stored() {
        let response = OAuthError::invalid_grant("the code is not good").into_response();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        assert!(!response.headers().contains_key(header::WWW_AUTHENTICATE));
        let body = body(response).await;
        assert_eq!(
            (body.error.as_str(), body.error_description.as_str()),
            ("invalid_grant", "the code is not good")
        );
    }

    #[test]
    fn an_unknown_client_is_asked_to_authenticate() {
        let response = OAuthError::invalid_client().into_response();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(
            response.headers()[header::WWW_AUTHENTICATE]
                .to_str()
                .unwrap()
                .starts_with("Basic ")
        );
    }

    #[tokio::test]
    async fn a_description_holds_only_what_it_may() {
        let error = OAuthError::from(FormError::Repeated("a\"\\\r\nZoë".to_owned()));
        let body = body(error.into_response()).await;
        assert_eq!(
            body.error_description,
            "the parameter a''??Zo? is there more than once"
        );
    }

    #[tokio::test]
    async fn trouble_inside_is_not_told() {
        let error = OAuthError::from(KernelError::Log(LogError::Unavailable(
            "/data/log: disk full".to_owned(),
        )));
        let response = error.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert!(!body(response).await.error_description.contains("disk"));
        let error = OAuthError::from(KernelError::Malformed("secret".to_owned()));
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!error.description().contains("secret"));
    }
}
