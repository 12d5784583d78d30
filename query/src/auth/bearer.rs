//! How an access token is refused by userinfo (RFC 6750, section 3).
//! The rule: the challenge names the error; an answer to nothing presented says nothing of errors.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::json;
use web::{Problem, bearer::Misplaced, form::FormError};

/// Why there is no answer (RFC 6750, section 3.1).
#[derive(Debug)]
pub enum Refusal {
    /// No token was presented.
    NothingPresented,
    /// More than one token, or one in a place where none may be.
    InvalidRequest(String),
    /// Not a token that is good here and now.
    InvalidToken,
    /// A good token, but not for this.
    InsufficientScope(&'static str),
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
        let (status, error, description, scope) = match self {
            Refusal::Problem(problem) => return problem.into_response(),
            Refusal::NothingPresented => {
                return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response();
            }
            Refusal::InvalidRequest(why) => (StatusCode::BAD_REQUEST, "invalid_request", why, None),
            Refusal::InvalidToken => {
                let why = "the access token is malformed, expired, revoked, or of another issuer";
                (StatusCode::UNAUTHORIZED, "invalid_token", why.into(), None)
            }
            Refusal::InsufficientScope(scope) => {
                let why = "the access token was not issued for this";
                (
                    StatusCode::FORBIDDEN,
                    "insufficient_scope",
                    why.into(),
                    Some(scope),
                )
            }
        };
        let scope = scope.map_or_else(String::new, |scope| format!(", scope=\"{scope}\""));
        let description: String = description.chars().map(printable).collect();
        let challenge = format!("Bearer error=\"{error}\", error_description=\"{description}\"{scope}");
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
        let (status, invalid) = challenge(Refusal::InvalidToken);
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(invalid.starts_with("Bearer error=\"invalid_token\""));
        let (status, misplaced) = challenge(Misplaced::Repeated.into());
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(misplaced.starts_with("Bearer error=\"invalid_request\""));
        let (status, insufficient) = challenge(Refusal::InsufficientScope("openid"));
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(insufficient.ends_with("scope=\"openid\""));
    }
}
