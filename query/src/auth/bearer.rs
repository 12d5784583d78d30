//! How an access token is refused by userinfo (RFC 6750, section 3; RFC 9449, section 7.1).
//! The rule: the challenge names the error; an answer to nothing presented says nothing of errors.

use axum::{
    Json,
    response::{AppendHeaders, IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::json;
use web::{
    Problem,
    bearer::{Misplaced, Scheme},
    dpop::{self, ProofRefused},
    form::FormError,
};

/// Why there is no answer (RFC 6750, section 3.1).
#[derive(Debug)]
pub enum Refusal {
    /// No token was presented.
    NothingPresented,
    /// More than one token, or one in a place where none may be.
    InvalidRequest(String),
    /// Not a token that is good here and now.
    InvalidToken(Scheme),
    /// The token is bound to a key, and the proof of that is not good.
    InvalidProof(ProofRefused),
    /// A good token, but not for this.
    InsufficientScope(Scheme, &'static str),
    /// It could not be found out, or there is no such realm.
    Problem(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal::Problem(problem)
    }
}

impl From<FormError> for Refusal {
    fn from(error: FormError) -> Self {
        Refusal::InvalidRequest(error.to_string())
    }
}

impl From<Misplaced> for Refusal {
    fn from(wrong: Misplaced) -> Self {
        Refusal::InvalidRequest(wrong.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let unauthorized = StatusCode::UNAUTHORIZED;
        let (status, scheme, error, description, scope) = match self {
            Refusal::Problem(problem) => return problem.into_response(),
            Refusal::NothingPresented => {
                let either = AppendHeaders([
                    (header::WWW_AUTHENTICATE, "Bearer".to_owned()),
                    (header::WWW_AUTHENTICATE, dpop::challenge(None)),
                ]);
                return (unauthorized, either).into_response();
            }
            Refusal::InvalidRequest(why) => (
                StatusCode::BAD_REQUEST,
                Scheme::Bearer,
                "invalid_request",
                why,
                None,
            ),
            Refusal::InvalidToken(scheme) => {
                let why = "the access token is malformed, expired, revoked, of another issuer, or bound in another way";
                (unauthorized, scheme, "invalid_token", why.into(), None)
            }
            Refusal::InvalidProof(refused) => {
                let why = refused.to_string();
                (unauthorized, Scheme::Dpop, refused.error(), why, None)
            }
            Refusal::InsufficientScope(scheme, scope) => {
                let why = "the access token was not issued for this";
                let status = StatusCode::FORBIDDEN;
                (status, scheme, "insufficient_scope", why.into(), Some(scope))
            }
        };
        let scope = scope.map_or_else(String::new, |scope| format!(", scope=\"{scope}\""));
        let description: String = description.chars().map(printable).collect();
        let challenge = match scheme {
            Scheme::Bearer => format!("Bearer error=\"{error}\", error_description=\"{description}\"{scope}"),
            Scheme::Dpop => dpop::challenge(Some((error, &description))) + &scope,
        };
        let headers = [
            (header::WWW_AUTHENTICATE, challenge.as_str()),
            (header::CACHE_CONTROL, "no-store"),
        ];
        (
            status,
            headers,
            Json(json!({ "error": error, "error_description": description })),
        )
            .into_response()
    }
}

/// The characters that a description may hold (RFC 6750, section 3): printable ASCII without quotation mark and backslash.
fn printable(character: char) -> char {
    match character {
        '"' | '\\' => '\'',
        ' '..='~' => character,
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_presents_nothing_is_asked_for_a_token_without_an_error() {
        let answer = Refusal::NothingPresented.into_response();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }

    #[test]
    fn a_refusal_names_its_error_in_the_challenge() {
        let challenge = |refusal: Refusal| {
            let answer = refusal.into_response();
            (
                answer.status(),
                answer.headers()[header::WWW_AUTHENTICATE]
                    .to_str()
                    .unwrap()
                    .to_owned(),
            )
        };
        let (status, invalid) = challenge(Refusal::InvalidToken(Scheme::Bearer));
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(invalid.starts_with("Bearer error=\"invalid_token\""));
        let (status, misplaced) = challenge(Misplaced::Repeated.into());
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(misplaced.starts_with("Bearer error=\"invalid_request\""));
        let (status, insufficient) = challenge(Refusal::InsufficientScope(Scheme::Bearer, "openid"));
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(insufficient.ends_with("scope=\"openid\""));
        let (_, bound) = challenge(Refusal::InvalidToken(Scheme::Dpop));
        assert!(bound.starts_with("DPoP error=\"invalid_token\"") && bound.contains("algs=\"ES256"));
        let (status, nonce) = challenge(Refusal::InvalidProof(ProofRefused::UseNonce));
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(nonce.starts_with("DPoP error=\"use_dpop_nonce\""));
    }
}
