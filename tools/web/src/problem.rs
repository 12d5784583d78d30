//! What went wrong, as RFC 9457 problem details. Each kind has a stable, greppable code and a page that explains it.
//! The rule: nothing of the inside is told; what is ours to mend is logged once, where it is turned into a problem.

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use events::{kernel::KernelError, keys::KeyError, log::LogError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! codes {
    ($($code:ident = $text:literal, $status:ident, $title:literal, $about:literal;)*) => {
        /// The kinds of errors. Their texts are a contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $about] $code,)*
        }

        impl Code {
            /// The catalogue.
            pub const ALL: &'static [Code] = &[$(Code::$code),*];

            /// The stable text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$code => $text),* }
            }

            /// The HTTP status.
            pub const fn status(self) -> StatusCode {
                match self { $(Code::$code => StatusCode::$status),* }
            }

            /// A few words for people.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$code => $title),* }
            }

            /// What it means, and what to do.
            pub const fn about(self) -> &'static str {
                match self { $(Code::$code => $about),* }
            }
        }
    };
}

codes! {
    MalformedRequest = "malformed_request", BAD_REQUEST, "The request is malformed", "The request line, its parameters or its encoding cannot be read. Mend the request.";
    MalformedJson = "malformed_json", BAD_REQUEST, "The body is not JSON", "The body is not one well-formed JSON value without repeated keys. Mend the body.";
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "A valid access token is needed", "No access token was sent, or it is over, revoked, of another audience, or its user, application, session or realm is no longer good. Get a new one.";
    Forbidden = "forbidden", FORBIDDEN, "You may not do this", "The token is good, but its holder has no role that allows this action.";
    NotFound = "not_found", NOT_FOUND, "There is no such thing", "There is nothing at this address, or nothing that the caller may see.";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "This method is not for this address", "The header Allow names the methods that are.";
    Timeout = "timeout", REQUEST_TIMEOUT, "The request took too long", "The request was not complete, or not answered, in time. A command may be sent again with the same Idempotency-Key.";
    Conflict = "conflict", CONFLICT, "It cannot be done as things stand", "The state does not allow this, or others were changing the same thing at the same moment. Read it again and decide anew.";
    NameTaken = "name_taken", CONFLICT, "The name is taken", "Another holds this name. Names differ by more than letter case or Unicode form.";
    VersionMismatch = "version_mismatch", PRECONDITION_FAILED, "It has changed since", "If-Match names another version than the present one. Read it again.";
    Misdirected = "misdirected", MISDIRECTED_REQUEST, "This node does not serve this address", "The platform has this address, but the process that was asked does not have the role for it (command or query). Whoever distributes requests to nodes must send it to one that has.";
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "The body is too large", "A body has at most 1 MiB.";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body is of another type", "The management API takes application/json.";
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "Some values are not valid", "`errors` names each field and what is wrong with it.";
    WeakPassword = "weak_password", UNPROCESSABLE_ENTITY, "The password is too weak", "`errors` tells why: too short or too long for the realm's policy, too well known, or known from a breach elsewhere.";
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key was used for another request", "A key stands for one request with one body, for 24 hours. Use a new one.";
    TooManyLetters = "too_many_letters", TOO_MANY_REQUESTS, "Too many letters to this address", "Letters to one address are half a minute apart, and five in an hour. Try again as Retry-After says.";
    TooManyConnections = "too_many_connections", TOO_MANY_REQUESTS, "Too many follow the realm's events", "A realm's events are followed over a limited number of connections. End one, or try again as Retry-After says.";
    TooManyRequests = "too_many_requests", TOO_MANY_REQUESTS, "Too many requests", "There were more requests than a limit allows: of the platform for all realms, or of the realm. Try again as Retry-After says; RateLimit-Policy and RateLimit tell the limits and what remains of them.";
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something went wrong on our side", "It is logged under the request_id. Nothing that was acknowledged is lost.";
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "Not available now", "A part that this needs does not answer. Try again as Retry-After says; a command with the same Idempotency-Key, so that it is not done twice should it have been done after all.";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Too much to do", "The queue for this kind of work is full. Try again as Retry-After says.";
    PositionTimeout = "position_timeout", SERVICE_UNAVAILABLE, "Not yet readable", "The read models have not reached the position that was asked for. Try again as Retry-After says.";
}

/// What went wrong with one request.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    detail: Option<String>,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// The field, such as `redirect_uris[0]`.
    pub field: String,
    /// What it must be.
    pub reason: String,
}

/// An error answer: RFC 9457 problem details, `application/problem+json`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// The path of the page that explains the code.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors/not_found")]
    pub problem_type: String,
    /// A few words for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is the matter in this case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The stable code.
    #[schema(example = "not_found")]
    pub code: String,
    /// The request, as in the log and in the header `x-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Uuid>,
    /// What is wrong with each field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Problem {
    /// A problem of this kind.
    pub const fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            errors: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// What is the matter in this case.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, reason: impl Into<String>) -> Self {
        self.errors.push(FieldError {
            field: field.into(),
            reason: reason.into(),
        });
        self
    }

    /// When to try again, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// A header of the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Its kind.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The answer, naming the request if it is known.
    pub fn render(&self, request_id: Option<Uuid>) -> Response {
        let body = ProblemBody {
            problem_type: format!("/docs/errors/{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            detail: self.detail.clone(),
            code: self.code.as_str().to_owned(),
            request_id,
            errors: self.errors.clone(),
        };
        let mut response = Response::new(Body::from(serde_json::to_vec(&body).unwrap_or_default()));
        *response.status_mut() = self.code.status();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        response
    }
}

impl IntoResponse for Problem {
    /// Leaves itself in the response's extensions, so that the outermost layer can name the request in it.
    fn into_response(self) -> Response {
        let mut response = self.render(None);
        response.extensions_mut().insert(self);
        response
    }
}

impl From<KernelError> for Problem {
    fn from(error: KernelError) -> Self {
        match error {
            KernelError::Log(LogError::Unavailable(_)) | KernelError::Keys(KeyError::Unavailable(_)) => {
                tracing::warn!(%error, "the log or the keys do not answer");
                Problem::new(Code::Unavailable).retry_after(1)
            }
            KernelError::Log(LogError::Corrupt(_) | LogError::Refused(_))
            | KernelError::Keys(_)
            | KernelError::Decode(_)
            | KernelError::Malformed(_) => {
                tracing::error!(%error, "the kernel could not answer");
                Problem::new(Code::Internal)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_explained() {
        let texts: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        assert!(
            Code::ALL
                .iter()
                .all(|code| code.status().as_u16() >= 400 && code.about().ends_with('.'))
        );
    }

    #[tokio::test]
    async fn a_problem_is_told_after_rfc_9457() {
        let problem = Problem::new(Code::Invalid)
            .detail("why")
            .field("name", "must be shorter");
        let response = problem.retry_after(3).render(Some(Uuid::nil()));
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        assert_eq!(response.headers()["retry-after"], "3");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "type": "/docs/errors/invalid", "title": "Some values are not valid", "status": 422, "detail": "why",
                "code": "invalid", "request_id": Uuid::nil(), "errors": [{"field": "name", "reason": "must be shorter"}]
            })
        );
    }
}
