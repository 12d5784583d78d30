//! What a command answers: its receipt, and the position that a read can wait for.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use events::kernel::Outcome;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// The header that carries a position, in answers of commands and in requests of queries.
pub const POSITION: HeaderName = HeaderName::from_static("chancery-position");

/// The answer of a command: what it made or changed, and where that is in the log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CommandAnswer {
    /// What was made or changed.
    pub id: Uuid,
    /// Its version now, as `If-Match` and `ETag` speak of it.
    pub version: u64,
    /// Where it is in the log; opaque. A query that is given it answers from a state at least that new.
    pub position: String,
    /// The names of the events, in order; empty if everything was so already.
    #[schema(example = json!(["user.registered"]))]
    pub events: Vec<String>,
    /// What only this command answers, such as `client_secret`.
    #[serde(flatten)]
    #[schema(additional_properties)]
    pub more: Map<String, Value>,
}

/// The answer of a command on its way out.
#[derive(Clone, Debug)]
pub struct Answer {
    body: CommandAnswer,
    location: Option<String>,
}

impl Answer {
    /// Something was changed: 200.
    pub fn changed(outcome: Outcome) -> Self {
        let receipt = outcome.receipt;
        let body = CommandAnswer {
            id: receipt.id,
            version: receipt.version,
            position: receipt.position.to_string(),
            events: receipt.events,
            more: Map::new(),
        };
        Self { body, location: None }
    }

    /// Something was made, and is found there: 201 with `Location`.
    pub fn created(outcome: Outcome, location: String) -> Self {
        Self {
            location: Some(location),
            ..Self::changed(outcome)
        }
    }

    /// And this, which only this command answers.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.body.more.insert(name.to_owned(), value.into());
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = if self.location.is_some() {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        let position = HeaderValue::from_str(&self.body.position);
        let mut response = (status, Json(self.body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(position) = position {
            headers.insert(POSITION, position);
        }
        if let Some(Ok(location)) = self.location.map(|location| HeaderValue::from_str(&location)) {
            headers.insert(header::LOCATION, location);
        }
        response
    }
}
