//! What the platform says of itself, generated from the code: OpenAPI, the catalogue of events, the catalogue of errors,
//! and pages to read them. The rule: every node that serves requests describes all of the platform, and answers 421 where
//! its roles do not reach; a 404 would say that there is no such address anywhere.

use std::fmt::Write;

use axum::{
    Json, Router,
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{any, get},
};
use events::event::Event;
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;
use web::{Code, OpenApiRouter, Problem};

const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'");

/// The routes of the sides that this process serves, with both OpenAPI documents and the pages about them.
pub fn mount(command: Option<OpenApiRouter>, query: Option<OpenApiRouter>) -> Router {
    let (commands, command_api) = side(command, command::document);
    let (queries, query_api) = side(query, query::document);
    let command_api = titled(command_api, "Chancery command API and sign-in surface");
    let query_api = titled(query_api, "Chancery query API and discovery");
    let page = index(&[("command", &command_api), ("query", &query_api)]);
    let (command_api, query_api) = (json!(command_api), json!(query_api));
    Router::new()
        .route("/openapi/command.json", get(async move || Json(command_api)))
        .route("/openapi/query.json", get(async move || Json(query_api)))
        .route("/openapi/events.json", get(async || Json(event_catalogue())))
        .route("/docs", get(async move || shown(page)))
        .route(
            "/docs/docs.css",
            get(async || {
                (
                    [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
                    include_str!("docs.css"),
                )
            }),
        )
        .route("/docs/errors", get(async || shown(errors())))
        .route("/docs/errors/{code}", get(error))
        .merge(commands)
        .merge(queries)
}

/// A side's routes and its description; the addresses of one that is served elsewhere say so, whatever the method.
fn side(served: Option<OpenApiRouter>, document: fn() -> OpenApi) -> (Router, OpenApi) {
    if let Some(served) = served {
        return served.split_for_parts();
    }
    let api = document();
    let elsewhere = api
        .paths
        .paths
        .keys()
        .fold(Router::new(), |router, path| router.route(path, any(misdirected)));
    (elsewhere, api)
}

async fn misdirected() -> Problem {
    Problem::new(Code::Misdirected)
}

fn titled(mut api: OpenApi, title: &str) -> OpenApi {
    title.clone_into(&mut api.info.title);
    env!("CARGO_PKG_VERSION").clone_into(&mut api.info.version);
    api.info.description =
        Some("Errors are RFC 9457 problems; their codes are listed under /docs/errors.".into());
    api
}

/// Every event: name, version, lane, what it says, which fields are sealed.
fn event_catalogue() -> Value {
    Event::catalogue()
        .map(|(domain, lane, kind)| {
            json!({
                "name": kind.name,
                "version": kind.schema,
                "domain": domain.to_lowercase(),
                "lane": lane.as_str(),
                "about": kind.about,
                "sealed": kind.sealed.iter().map(|(field, _)| field).collect::<Vec<_>>(),
            })
        })
        .collect()
}

fn shown(body: String) -> Response {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(body)).into_response()
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><link rel=\"stylesheet\" href=\"/docs/docs.css\"></head><body><main>\
         <nav><a href=\"/docs\">API</a> <a href=\"/docs#events\">Events</a> <a href=\"/docs/errors\">Errors</a></nav>\
         <h1>{title}</h1>{body}</main></body></html>"
    )
}

fn index(apis: &[(&str, &OpenApi)]) -> String {
    let mut body = String::new();
    for (name, api) in apis {
        let document = json!(api);
        let _ = write!(
            body,
            "<h2>{}</h2><p><a href=\"/openapi/{name}.json\">OpenAPI 3.1</a></p><table>",
            escaped(&api.info.title)
        );
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let summary = operation["summary"]
                    .as_str()
                    .or(operation["description"].as_str())
                    .unwrap_or_default();
                let _ = write!(
                    body,
                    "<tr><td><code>{}</code></td><td><code>{}</code></td><td>{}</td></tr>",
                    method.to_uppercase(),
                    escaped(path),
                    escaped(summary.lines().next().unwrap_or_default())
                );
            }
        }
        body.push_str("</table>");
    }
    body.push_str("<h2 id=\"events\">Events</h2><p><a href=\"/openapi/events.json\">as JSON</a></p><table>");
    for (_, lane, kind) in Event::catalogue() {
        let _ = write!(
            body,
            "<tr><td><code>{}</code></td><td>{lane}</td><td>v{}</td><td>{}</td></tr>",
            kind.name,
            kind.schema,
            escaped(kind.about)
        );
    }
    body.push_str("</table>");
    page("Chancery", &body)
}

fn errors() -> String {
    let mut body = String::from("<table>");
    for code in Code::ALL {
        let _ = write!(
            body,
            "<tr><td><a href=\"/docs/errors/{0}\"><code>{0}</code></a></td><td>{1}</td><td>{2}</td></tr>",
            code.as_str(),
            code.status().as_u16(),
            escaped(code.title())
        );
    }
    body.push_str("</table>");
    page("Errors", &body)
}

async fn error(Path(name): Path<String>) -> Response {
    match Code::ALL.iter().find(|code| code.as_str() == name) {
        None => (
            StatusCode::NOT_FOUND,
            shown(page("No such error", "<p>There is no error of this name.</p>")),
        )
            .into_response(),
        Some(code) => shown(page(
            code.title(),
            &format!(
                "<p><code>{}</code>, status {}</p><p>{}</p>",
                code.as_str(),
                code.status().as_u16(),
                escaped(code.about())
            ),
        )),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
