use axum::{
    Extension, Json,
    body::Bytes,
    routing::{get, post},
};
use http::request::Builder;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::{oauth::OAuthError, testing::World};

const OWN_POLICY: (HeaderName, &str) = (header::CONTENT_SECURITY_POLICY, "default-src 'self'");

fn routes() -> Router {
    Router::new()
        .route(
            "/id",
            get(async |Extension(id): Extension<RequestId>| id.0.to_string()),
        )
        .route(
            "/page",
            get(async || ([(header::CONTENT_TYPE, "text/html"), OWN_POLICY], "<p>")),
        )
        .route(
            "/no-page",
            get(async || {
                (
                    StatusCode::NOT_FOUND,
                    [(header::CONTENT_TYPE, "text/html")],
                    "<p>",
                )
            }),
        )
        .route("/panic", get(async || -> String { panic!("a secret: {}", 7) }))
        .route("/oauth", get(async || OAuthError::invalid_grant("no")))
        .route("/body", post(async |body: Bytes| body.len().to_string()))
        .route("/json", post(async |Json(body): Json<Value>| Json(body)))
        .route(
            "/invalid",
            get(async || {
                let problem = Problem::new(Code::Invalid)
                    .field("name", "must be shorter")
                    .retry_after(3);
                ([(header::SET_COOKIE, "a=1")], problem)
            }),
        )
}

async fn answer(request: Builder, body: Body) -> Response {
    let world = World::new().await;
    let page: Draw = |_, problem, asked, id| {
        let path = &asked.path;
        let text = format!("{path} {} {id}", problem.code().as_str());
        let page = (
            problem.code().status(),
            [(header::CONTENT_TYPE, "text/html")],
            text,
        );
        let drawn = path.starts_with("/invalid").then(|| page.into_response());
        Box::pin(async { drawn })
    };
    edge_layers(routes(), &world.edge(), page)
        .oneshot(request.body(body).unwrap())
        .await
        .unwrap()
}

async fn got(path: &str) -> Response {
    answer(Request::get(path), Body::empty()).await
}

async fn text(response: Response) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The code of a problem, which must name the request that its header names.
async fn code(response: Response) -> String {
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    let (status, id) = (
        response.status(),
        response.headers()[REQUEST_ID].to_str().unwrap().to_owned(),
    );
    let body: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(body["request_id"], json!(id));
    assert_eq!(body["status"], json!(status.as_u16()));
    body["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_has_an_id_that_is_ours() {
    let response = answer(Request::get("/id").header(REQUEST_ID, "forged"), Body::empty()).await;
    let id: Uuid = response.headers()[REQUEST_ID].to_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(
        text(response).await,
        id.to_string(),
        "what the handler sees is what is answered"
    );
}

#[tokio::test]
async fn answers_are_protected_unless_the_handler_knows_better() {
    let response = got("/id").await;
    let headers = response.headers();
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
    assert_eq!(
        headers[header::CONTENT_SECURITY_POLICY],
        "default-src 'none'; frame-ancestors 'none'"
    );
    assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(headers[header::STRICT_TRANSPORT_SECURITY], "max-age=31536000");
    let response = got("/page").await;
    assert_eq!(response.headers()[header::CONTENT_SECURITY_POLICY], OWN_POLICY.1);
    assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
}

#[test]
fn plain_http_promises_no_transport_security() {
    let mut response = Response::new(Body::empty());
    protect(&mut response, false);
    assert!(!response.headers().contains_key(header::STRICT_TRANSPORT_SECURITY));
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let response = got("/nowhere").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(code(response).await, "not_found");
}

#[tokio::test]
async fn another_method_is_told_which_there_are() {
    let response = answer(Request::delete("/body"), Body::empty()).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[header::ALLOW], "POST");
    assert_eq!(code(response).await, "method_not_allowed");
    let response = answer(Request::builder().method("BREW").uri("/id"), Body::empty()).await;
    assert_eq!(code(response).await, "method_not_allowed");
}

#[tokio::test]
async fn a_handlers_problem_gets_the_id_and_keeps_its_headers() {
    let response = got("/invalid").await;
    assert_eq!(response.headers()[header::SET_COOKIE], "a=1");
    assert_eq!(response.headers()[header::RETRY_AFTER], "3");
    assert_eq!(response.headers().get_all(header::CONTENT_TYPE).iter().count(), 1);
    assert_eq!(code(response).await, "invalid");
}

#[tokio::test]
async fn answers_that_speak_for_themselves_are_left_alone() {
    assert_eq!(text(got("/no-page").await).await, "<p>");
    let response = got("/oauth").await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    assert!(text(response).await.contains("invalid_grant"));
}

#[tokio::test]
async fn a_panic_is_answered_and_tells_nothing() {
    let response = got("/panic").await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(response.headers().contains_key(REQUEST_ID));
    assert!(!text(response).await.contains("secret"));
    assert_eq!(code(got("/panic").await).await, "internal");
}

#[tokio::test]
async fn a_body_has_at_most_a_mebibyte_whether_its_length_is_told_or_not() {
    let fits = vec![b'x'; MAX_BODY_BYTES];
    let response = answer(Request::post("/body"), Body::from(fits.clone())).await;
    assert_eq!(text(response).await, MAX_BODY_BYTES.to_string());

    let too_large = [fits, vec![b'x']].concat();
    let request = Request::post("/body").header(header::CONTENT_LENGTH, too_large.len());
    let response = answer(request, Body::from(too_large.clone())).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(code(response).await, "too_large");

    let response = answer(Request::post("/body"), Body::from(too_large)).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(code(response).await, "too_large");
}

#[tokio::test]
async fn what_the_framework_refuses_in_its_own_words_is_a_problem() {
    let json = |content_type: &str| Request::post("/json").header(header::CONTENT_TYPE, content_type);
    assert_eq!(
        code(answer(json("text/plain"), Body::from("{}")).await).await,
        "unsupported_media_type"
    );
    assert_eq!(
        code(answer(json("application/json"), Body::from("{")).await).await,
        "malformed_request"
    );
    assert_eq!(
        text(answer(json("application/json"), Body::from("{}")).await).await,
        "{}"
    );
}

#[tokio::test]
async fn what_takes_too_long_is_given_up() {
    let router = Router::new()
        .route("/never", get(std::future::pending::<String>))
        .route("/now", get(async || "now"))
        .layer(middleware::from_fn_with_state(Duration::from_millis(20), in_time));
    let answer = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap()
    };
    assert_eq!(answer("/never").await.status(), Code::Timeout.status());
    assert_eq!(text(answer("/now").await).await, "now");
}

#[test]
fn a_method_that_a_client_makes_up_is_no_label_of_its_own() {
    assert_eq!(known(&Method::PATCH), "PATCH");
    assert_eq!(known(&Method::from_bytes(b"BREW").unwrap()), "other");
}

#[tokio::test]
async fn a_person_sees_a_page_where_there_is_one() {
    let accept = |accept: &str, path: &str| Request::get(path).header(header::ACCEPT, accept);
    for browser in ["text/html", "application/xhtml+xml, TEXT/HTML;q=0.9, */*;q=0.8"] {
        let response = answer(accept(browser, "/invalid"), Body::empty()).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(
            response.headers()[header::SET_COOKIE],
            "a=1",
            "the rest of the answer stays"
        );
        let id = response.headers()[REQUEST_ID].to_str().unwrap().to_owned();
        assert_eq!(text(response).await, format!("/invalid invalid {id}"));
    }
    for (program, path) in [
        ("*/*", "/invalid"),
        ("application/json", "/invalid"),
        ("text/html", "/nothing"),
    ] {
        let response = answer(accept(program, path), Body::empty()).await;
        code(response).await;
    }
}
