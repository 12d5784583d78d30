//! Operators and reactors: how they stand, and orders to them. On a node that is a worker; orders hold for all nodes.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use reactors::Reactors;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Operators, may_order};

/// How many jobs that were given up are told at once.
const PAGE: usize = 100;

type Told = (StatusCode, Json<Value>);

pub(super) fn router() -> Router<Operators> {
    Router::new()
        .route("/reactors", get(status))
        .route("/reactors/{name}/pause", post(pause))
        .route("/reactors/{name}/resume", post(resume))
        .route("/reactors/{name}/restart", post(restart))
        .route("/reactors/{name}/dead", get(dead))
        .route("/reactors/{name}/dead/{number}/revive", post(revive))
        .route("/reactors/{name}/dead/{number}/discard", post(discard))
}

fn reactors(operators: &Operators) -> Result<Arc<Reactors>, Told> {
    let started = operators.started.get();
    let reactors = started.and_then(|started| started.reactors.clone());
    reactors.ok_or_else(|| {
        let reason = match started {
            Some(_) => "this node is no worker",
            None => "the platform has not started yet",
        };
        (
            StatusCode::CONFLICT,
            Json(json!({"status": "refused", "reason": reason})),
        )
    })
}

/// The answer to an order: 404 where there is nothing of that name or number.
fn ordered<E: std::fmt::Display>(done: Result<bool, E>) -> Told {
    match done {
        Ok(true) => (StatusCode::OK, Json(json!({"status": "done"}))),
        Ok(false) => (StatusCode::NOT_FOUND, Json(json!({"status": "unknown"}))),
        Err(error) => failed(error),
    }
}

fn failed(error: impl std::fmt::Display) -> Told {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        Json(json!({"status": "failed", "reason": error.to_string()})),
    )
}

async fn status(State(operators): State<Operators>) -> Result<Told, Told> {
    let status = reactors(&operators)?.status().await.map_err(failed)?;
    let log = operators.kernel.log().incarnation();
    Ok((StatusCode::OK, Json(json!({"log": log, "reactors": status}))))
}

async fn pause(
    State(operators): State<Operators>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Told, Told> {
    may_order(&operators, &headers)?;
    Ok(ordered(reactors(&operators)?.pause(&name).await))
}

async fn resume(
    State(operators): State<Operators>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Told, Told> {
    may_order(&operators, &headers)?;
    Ok(ordered(reactors(&operators)?.resume(&name).await))
}

async fn restart(
    State(operators): State<Operators>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Told, Told> {
    may_order(&operators, &headers)?;
    Ok(ordered(reactors(&operators)?.restart(&name).await))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    #[serde(default)]
    after: i64,
}

async fn dead(
    State(operators): State<Operators>,
    Path(name): Path<String>,
    Query(After { after }): Query<After>,
) -> Result<Told, Told> {
    let dead = reactors(&operators)?.dead(&name, after, PAGE).await;
    Ok((StatusCode::OK, Json(json!({"dead": dead.map_err(failed)?}))))
}

async fn revive(
    State(operators): State<Operators>,
    Path((name, number)): Path<(String, i64)>,
    headers: HeaderMap,
) -> Result<Told, Told> {
    may_order(&operators, &headers)?;
    Ok(ordered(reactors(&operators)?.revive(&name, number).await))
}

async fn discard(
    State(operators): State<Operators>,
    Path((name, number)): Path<(String, i64)>,
    headers: HeaderMap,
) -> Result<Told, Told> {
    may_order(&operators, &headers)?;
    Ok(ordered(reactors(&operators)?.discard(&name, number).await))
}
