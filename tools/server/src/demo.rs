//! The demo's relying party: three static files and what they must know. It is an application like any other: all it
//! does goes through the public endpoints, from the visitor's browser.

use axum::{
    Json, Router,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Redirect},
    routing::get,
};
use command::demo::Demo;
use serde_json::json;
use web::Edge;

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
);

/// `/demo/` and what it loads.
pub fn router(edge: &Edge, demo: &Demo) -> Router {
    let base = edge.public_url();
    let config = json!({
        "issuer": format!("{base}/realms/{}", demo.realm),
        "client_id": demo.client_id,
        "realm": demo.realm,
        "redirect_uri": demo.redirect_uri,
        "username": demo.username,
        "query_base": format!("{base}/query/v1"),
    });
    Router::new()
        .route("/", get(async || Redirect::to("/demo/")))
        .route("/demo", get(async || Redirect::to("/demo/")))
        .route(
            "/demo/",
            get(async || file("text/html; charset=utf-8", include_str!("../demo/index.html"))),
        )
        .route(
            "/demo/demo.js",
            get(async || file("text/javascript; charset=utf-8", include_str!("../demo/demo.js"))),
        )
        .route(
            "/demo/demo.css",
            get(async || file("text/css; charset=utf-8", include_str!("../demo/demo.css"))),
        )
        .route("/demo/config.json", get(async move || Json(config)))
}

fn file(content_type: &'static str, body: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, body)
}
