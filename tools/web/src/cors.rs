//! Cross-origin calls (Fetch standard): applications in browsers read discovery and keys, fetch and give back their tokens,
//! from their own origin. The rule: what is opened here reads no cookie, so that `*` lets a foreign page do nothing that it could not
//! do by itself.

use axum::{
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// Opens these methods to pages of every origin, and answers their preflight.
pub fn open<S: Clone + Send + Sync + 'static>(methods: MethodRouter<S>) -> MethodRouter<S> {
    methods.options(preflight).layer(middleware::from_fn(allow))
}

async fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, Content-Type, DPoP",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "7200"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

async fn allow(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    show(response.headers_mut());
    response
}

/// Lets pages of every origin read an answer.
pub(crate) fn show(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy, DPoP-Nonce"),
    );
}
