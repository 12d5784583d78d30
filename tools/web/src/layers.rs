//! What every request passes through, from the outside in: its id, a span and metrics, headers that protect, panics caught, a
//! time limit, a size limit, and the limits of rates.
//! The rule: whatever happens to a request, it is answered, with its id, as a problem where it went wrong (a person sees a page); and neither query strings nor
//! bodies are ever logged.

use std::{any::Any, pin::Pin, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tokio::time::Instant;
use tower_http::{catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer};
use tracing::{Instrument, Span, field};
use uuid::Uuid;

use crate::{
    Edge, limits,
    problem::{Code, Problem},
};

/// The most bytes of a body.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How long a request may take, from its head to the head of its answer.
pub const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Names the request in answers; the log and the events that came of it name it, too.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const REQUESTS: &str = "chancery_http_requests_total";
const DURATION: &str = "chancery_http_request_duration_seconds";

/// The id of a request, in its extensions. It is ours: what a client sends as `x-request-id` is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(pub Uuid);

/// In an answer's extensions: its body goes on for as long as its reader stays. The request is in work until it ends.
#[derive(Clone, Copy, Debug)]
pub struct GoesOn;

/// Draws a problem for a person, by what was asked and the request's id; `None` where nothing is for people.
pub type Draw = for<'a> fn(&'a Edge, &'a Problem, &'a Asked, Uuid) -> Drawn<'a>;

/// A problem that is being drawn.
pub type Drawn<'a> = Pin<Box<dyn Future<Output = Option<Response>> + Send + 'a>>;

/// What a person asked for, as far as a page about what went wrong needs it.
pub struct Asked {
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
}

/// Puts all of it around a router.
pub fn edge_layers(app: Router, edge: &Edge, draw: Draw) -> Router {
    metrics::describe_counter!(
        REQUESTS,
        "Requests that were answered, by method, route and status"
    );
    metrics::describe_histogram!(
        DURATION,
        metrics::Unit::Seconds,
        "Time to answer a request, by method and route"
    );
    limits::describe();
    app.fallback(async || Problem::new(Code::NotFound))
        .layer(middleware::from_fn_with_state(edge.clone(), limits::limited))
        .layer(RequestBodyLimitLayer::new(MAX_BODY_BYTES))
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(TIME_LIMIT, in_time))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state((edge.clone(), draw), outermost))
}

async fn outermost(State((edge, draw)): State<(Edge, Draw)>, mut request: Request, next: Next) -> Response {
    let id = edge.kernel().new_id();
    request.extensions_mut().insert(RequestId(id));
    let method = known(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str)
        .to_owned();
    let span = span(id, method, &route, request.headers());
    let asked = reads_pages(&request).then(|| Asked {
        path: request.uri().path().to_owned(),
        headers: request.headers().clone(),
    });
    let started = Instant::now();

    let response = next.run(request).instrument(span.clone()).await;
    let mut response = match problem_of(&response) {
        None => response,
        Some(problem) => {
            let drawn = match &asked {
                Some(asked) => draw(&edge, &problem, asked, id).await,
                None => None,
            };
            told(&response, drawn.unwrap_or_else(|| problem.render(Some(id))))
        }
    };
    protect(&mut response, edge.public_url().starts_with("https://"));
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }

    let (took, status) = (started.elapsed(), response.status());
    span.record("status", status.as_u16());
    span.in_scope(|| tracing::debug!(milliseconds = took.as_secs_f64() * 1_000.0, "answered"));
    let status = status.as_u16().to_string();
    metrics::counter!(REQUESTS, "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!(DURATION, "method" => method, "route" => route).record(took);
    response
}

/// The span of a request: what logs tell of it, and, where traces are collected, its part of the trace that it brings.
fn span(id: Uuid, method: &str, route: &str, headers: &HeaderMap) -> Span {
    let of_traces = traces::are_collected();
    let span = tracing::info_span!(
        target: traces::SPANS,
        "request",
        %id,
        method,
        route,
        status = field::Empty,
        trace = field::Empty,
        otel.name = of_traces.then(|| format!("{method} {route}")),
        otel.kind = of_traces.then_some("server"),
    );
    let span = traces::follow(span, traces::brought(headers));
    if let Some(context) = span.in_scope(traces::current) {
        span.record("trace", traces::trace_id(&context));
    }
    span
}

/// The method as a label: whatever a client makes up is one of them.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Whether it is a person who asks, with a browser: programs that want a page say so too.
fn reads_pages(request: &Request) -> bool {
    let accepted = request.headers().get_all(header::ACCEPT).iter();
    let ranges = accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let types = ranges.filter_map(|range| range.split(';').next());
    types
        .map(str::trim)
        .any(|one| one.eq_ignore_ascii_case("text/html"))
}

/// What an answer tells that went wrong, also where the framework refused in its own words.
fn problem_of(response: &Response) -> Option<Problem> {
    let told = response.extensions().get::<Problem>().cloned();
    told.or_else(|| refused_by_framework(response))
}

/// The same answer, told in other words.
fn told(response: &Response, mut told: Response) -> Response {
    for name in response.headers().keys() {
        let about_the_body = [header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name);
        if !about_the_body && !told.headers().contains_key(name) {
            for value in response.headers().get_all(name) {
                told.headers_mut().append(name, value.clone());
            }
        }
    }
    told
}

/// What an answer means that no handler of ours has written: it is empty, or a line of plain text by axum or tower.
fn refused_by_framework(response: &Response) -> Option<Problem> {
    let code = match response.status() {
        StatusCode::BAD_REQUEST => Code::MalformedRequest,
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::REQUEST_TIMEOUT => Code::Timeout,
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
        StatusCode::UNPROCESSABLE_ENTITY => Code::Invalid,
        StatusCode::INTERNAL_SERVER_ERROR => Code::Internal,
        _ => return None,
    };
    let plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_none_or(|content_type| content_type.as_bytes().starts_with(b"text/plain"));
    plain.then(|| Problem::new(code))
}

/// Headers that protect, where the handler has not set its own.
fn protect(response: &mut Response, https: bool) {
    let mut headers = vec![
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    if https {
        headers.push((header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"));
    }
    for (name, value) in headers {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(Code::Timeout).into_response(),
    }
}

fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let reason = panic
        .downcast_ref::<&str>()
        .map(|reason| (*reason).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(reason, "a handler panicked");
    Problem::new(Code::Internal).into_response()
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
