//! Cross-origin reading (Fetch standard): discovery, keys and userinfo are for pages of every origin, without cookies.
//! The rule: what is opened here takes no cookie, so that `*` gives a foreign page nothing that it could not fetch by itself.

use axum::{
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use http::{HeaderValue, StatusCode, header};

use crate::Queries;

/// Opens these methods to pages of every origin, and answers their preflight.
pub fn open(methods: MethodRouter<Queries>) -> MethodRouter<Queries> {
    methods.options(preflight).layer(middleware::from_fn(allow))
}

async fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, Content-Type",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "7200"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

async fn allow(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("WWW-Authenticate"),
    );
    response
}
