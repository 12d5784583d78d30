//! What the platform says of itself, generated from the code: OpenAPI, the catalogue of events, AsyncAPI, the catalogue of errors,
//! and pages to read them. The rule: every node that serves requests describes all of the platform, and answers 421 where
//! its roles do not reach; a 404 would say that there is no such address anywhere.

mod asyncapi;
mod catalogue;

use std::{fmt::Write, sync::Arc};

use axum::{
    Json, Router,
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::{any, get},
};
use serde_json::json;
use utoipa::openapi::OpenApi;
use web::{Code, OpenApiRouter, Problem};

use catalogue::Row;

const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'");

/// The routes of the sides that this process serves, with both OpenAPI documents and the pages about them.
pub fn mount(command: Option<OpenApiRouter>, query: Option<OpenApiRouter>) -> Router {
    let (commands, command_api) = side(command, command::document);
    let (queries, query_api) = side(query, query::document);
    let command_api = titled(command_api, "Chancery command API and sign-in surface");
    let query_api = titled(query_api, "Chancery query API and discovery");
    let rows = Arc::new(catalogue::rows(&[&command_api, &query_api]));
    let page = index(&[("command", &command_api), ("query", &query_api)], &rows);
    let (catalogue, topics) = (json!(*rows), asyncapi::document(&rows, &query_api));
    let (command_api, query_api) = (json!(command_api), json!(query_api));
    Router::new()
        .route("/openapi/command.json", get(async move || Json(command_api)))
        .route("/openapi/query.json", get(async move || Json(query_api)))
        .route("/openapi/events.json", get(async move || Json(catalogue)))
        .route("/openapi/asyncapi.json", get(async move || Json(topics)))
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
        .route("/docs/events/{name}", get(async move |name| event(&rows, name)))
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

fn index(apis: &[(&str, &OpenApi)], rows: &[Row]) -> String {
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
    body.push_str(
        "<h2 id=\"events\">Events</h2><p><a href=\"/openapi/events.json\">as JSON</a>, \
         <a href=\"/openapi/asyncapi.json\">AsyncAPI 3.0</a></p><table>",
    );
    for row in rows.iter().map(|row| &row.described) {
        let _ = write!(
            body,
            "<tr><td><a href=\"/docs/events/{0}\"><code>{0}</code></a></td><td>{1}</td><td>v{2}</td><td>{3}</td></tr>",
            row.name,
            row.lane,
            row.version,
            escaped(row.about)
        );
    }
    body.push_str("</table>");
    page("Chancery", &body)
}

/// The page of an event: where it is told, what causes it, what follows it, what it looks like.
fn event(rows: &[Row], Path(name): Path<String>) -> Response {
    let Some(row) = rows.iter().find(|row| row.described.name == name) else {
        let page = page("No such event", "<p>There is no event of this name.</p>");
        return (StatusCode::NOT_FOUND, shown(page)).into_response();
    };
    let event = &row.described;
    let list = |items: &[String]| match items {
        [] => "nothing".to_owned(),
        items => escaped(&items.join(", ")),
    };
    let sealed: Vec<_> = event.sealed.iter().map(ToString::to_string).collect();
    let commands = row.commands.iter();
    let commands: Vec<_> = commands
        .map(|command| format!("{} {} ({})", command.method, command.path, command.operation))
        .collect();
    let mut body = format!("<p>{}</p><table>", escaped(event.about));
    for (what, told) in [
        ("Version", event.version.to_string()),
        ("Lane", event.lane.to_owned()),
        ("Changes", event.subject.unwrap_or("nothing").to_owned()),
        ("Topics", list(&event.topics)),
        ("Sealed fields", list(&sealed)),
        ("Caused by", list(&commands)),
        ("Projections", list(row.consumers)),
    ] {
        let _ = write!(body, "<tr><td>{what}</td><td>{told}</td></tr>");
    }
    let schema = serde_json::to_string_pretty(&event.schema).unwrap_or_default();
    let _ = write!(
        body,
        "</table><h2>Schema of <code>data</code></h2><pre>{}</pre>",
        escaped(&schema)
    );
    shown(page(event.name, &body))
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
