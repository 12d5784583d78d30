//! Access tokens as they are presented to a resource (RFC 6750): where they may stand, and how they are refused.
//! The rule: exactly one token, in the header or in the form, never in the URL; an answer to nothing presented says nothing of errors.

use std::borrow::Cow;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use web::{
    Problem,
    form::{Form, FormError},
};

/// Why there is no answer (RFC 6750, section 3.1).
#[derive(Debug)]
pub enum Refusal {
    /// No token was presented.
    NothingPresented,
    /// More than one token, or one in a place where none may be.
    InvalidRequest(Cow<'static, str>),
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
        invalid(error.to_string())
    }
}

fn invalid(why: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::InvalidRequest(why.into())
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

/// The one token of a request: of its `Authorization` header (section 2.1) or of its form (section 2.2).
pub fn presented(headers: &HeaderMap, query: Option<&str>, form: Option<&Form>) -> Result<String, Refusal> {
    let in_url =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).any(|(name, _)| name == "access_token");
    if in_url {
        return Err(invalid("an access token does not belong into a URL"));
    }
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let in_header = match (values.next(), values.next()) {
        (None, _) => None,
        (Some(_), Some(_)) => return Err(invalid("more than one Authorization header")),
        (Some(value), None) => bearer(value.to_str().unwrap_or_default())?,
    };
    match (in_header, form.and_then(|form| form.get("access_token"))) {
        (Some(_), Some(_)) => Err(invalid("an access token in the header and another in the form")),
        (Some(token), None) | (None, Some(token)) if is_token(token) => Ok(token.to_owned()),
        (Some(_), None) | (None, Some(_)) => Err(invalid("this is not the form of an access token")),
        (None, None) => Err(Refusal::NothingPresented),
    }
}

/// The credentials of the scheme `Bearer`, in whatever case; another scheme presents no token.
fn bearer(value: &str) -> Result<Option<&str>, Refusal> {
    let (scheme, credentials) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Ok(None);
    }
    match credentials.trim_matches(' ') {
        "" => Err(invalid("the scheme Bearer without a token")),
        token => Ok(Some(token)),
    }
}

/// `b64token` of RFC 6750, section 2.1.
fn is_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn ask(
        authorization: &[&'static str],
        query: Option<&str>,
        form: Option<&str>,
    ) -> Result<String, StatusCode> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        let form = form.map(|form| Form::parse(form.as_bytes()).unwrap());
        presented(&headers, query, form.as_ref()).map_err(|refusal| refusal.into_response().status())
    }

    #[test]
    fn a_token_is_in_the_header_or_in_the_form() {
        assert_eq!(ask(&["Bearer a.b-c_d"], None, None), Ok("a.b-c_d".to_owned()));
        assert_eq!(ask(&["bEARER a.b.c"], None, Some("")), Ok("a.b.c".to_owned()));
        assert_eq!(ask(&[], None, Some("access_token=a.b.c")), Ok("a.b.c".to_owned()));
    }

    #[test]
    fn exactly_one_token_in_a_place_of_its_own() {
        for (authorization, query, form) in [
            (&["Bearer a", "Bearer a"][..], None, None),
            (&["Bearer a"], None, Some("access_token=a")),
            (&["Bearer a"], Some("access_token=a"), None),
            (&[], Some("access_token=a"), None),
            (&["Bearer"], None, None),
            (&["Bearer "], None, None),
            (&["Bearer a b"], None, None),
            (&["Bearer a,b"], None, None),
            (&["Bearer ="], None, None),
            (&[], None, Some("access_token=")),
        ] {
            assert_eq!(
                ask(authorization, query, form),
                Err(StatusCode::BAD_REQUEST),
                "{authorization:?} {query:?} {form:?}"
            );
        }
    }

    #[test]
    fn who_presents_nothing_is_asked_for_a_token_without_an_error() {
        for authorization in [&[][..], &["Basic YTpi"]] {
            assert_eq!(
                ask(authorization, Some("a=b"), None),
                Err(StatusCode::UNAUTHORIZED)
            );
        }
        let answer = Refusal::NothingPresented.into_response();
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
        let (status, insufficient) = challenge(Refusal::InsufficientScope("openid"));
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(insufficient.ends_with("scope=\"openid\""));
    }
}
