//! Events as they happen: `GET events/stream`, as server-sent events or over a WebSocket.
//! The rule: what is told and to whom is what a listing would answer at that moment; who goes on from an `id` misses nothing and gets
//! nothing twice.
//!
//! | | server-sent events | WebSocket |
//! | --- | --- | --- |
//! | asked for by | `GET` | `GET` with `Upgrade: websocket` (HTTP/1.1) |
//! | an event | `id: <place>`, `data: <the event>` | `{"id": <place>, "event": {…}}` |
//! | none for 15 s (and once at the start) | `id: <place>` | `{"id": <place>}`, and a ping |
//! | the end | event `end`, `data: {"reason", "title"}` | close code and reason |
//! | going on | header `Last-Event-ID` or `?last_event_id=` | the same |
//!
//! | reason | close code | come again |
//! | --- | --- | --- |
//! | `unauthenticated`, `forbidden`, `not_found` | 1008 | with a token that is good and may |
//! | `too_slow` | 1013 | at once, from the last id: ten seconds were not enough to take 64 KiB |
//! | `draining` | 1001 | at once: another node answers |
//! | `unavailable` | 1013 | soon |
//! | `internal` | 1011 | it is logged |
//! | `complete` | 1000 | it has all up to `to` |
//!
//! Who asks shows a token as everywhere, in the header `Authorization`, and never in the URL: browsers' `EventSource` and `WebSocket`
//! cannot do that, `fetch` can, and reads server-sent events as they come. The token, its holder and their roles are judged again
//! whenever something happens that they depend on: what is taken away ends the stream within a second.
//!
//! - `follow.rs`: what is told next; `cursor.rs`: the place; `live.rs`: how many may follow; `end.rs`: why it ends;
//! - `sse.rs`, `socket.rs`: the two ways of telling it.

mod cursor;
mod end;
mod follow;
mod live;
mod socket;
mod sse;

use std::time::Duration;

use axum::{
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    response::Response,
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use utoipa_axum::{router::OpenApiRouter, routes};
use web::{Code, Problem, actions};

use super::{filter::StreamFilter, wire::RecordedEvent};
use crate::{Queries, position::AtLeast, read::Read, wire::InRealm};

pub use cursor::Cursor;
use follow::Follow;
use live::Seat;
pub use live::{Limits, Live};

/// How long somebody may take to receive what is told at once.
const PATIENCE: Duration = Duration::from_secs(10);

pub fn router() -> OpenApiRouter<Queries> {
    OpenApiRouter::new().routes(routes!(follow_events))
}

/// Events of the realm as they happen, of both lanes or of one, each in `seq` order.
///
/// The answer goes on: server-sent events, or messages over a WebSocket where the request asks for that upgrade. It begins now unless
/// `after`, `from` or the `id` of the last message received (`Last-Event-ID`) says where. Its end tells why: `end` with a `reason`, or the
/// closing code.
#[utoipa::path(
    get,
    path = "/query/v1/realms/{realm}/events/stream",
    tag = "events",
    params(
        InRealm,
        StreamFilter,
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last message received, to go on from; newer than `last_event_id`"),
        AtLeast,
    ),
    responses(
        (status = 200, description = "Server-sent events: `id` is where to go on from, `data` an event", body = RecordedEvent, content_type = "text/event-stream"),
        (status = 101, description = "A WebSocket: each message an object with `id` and `event`"),
        (status = 429, description = "Too many follow the realm's events", body = web::ProblemBody),
        (status = "default", description = "Refused, or not possible now", body = web::ProblemBody),
    )
)]
async fn follow_events(
    State(queries): State<Queries>,
    read: Read<actions::EventsRead, StreamFilter>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = match upgrade {
        Ok(upgrade) => Some(upgrade),
        Err(_) if !asks_for_upgrade(&read.headers) => None,
        Err(rejection) => return Err(no_websocket(&rejection)),
    };
    let follow = Follow::begin(queries, read).await?;
    Ok(match upgrade {
        None => sse::answer(follow),
        Some(upgrade) => upgrade
            .max_message_size(socket::MAX_MESSAGE)
            .max_frame_size(socket::MAX_MESSAGE)
            .on_upgrade(|socket| socket::tell(socket, follow)),
    })
}

/// RFC 9110, 7.8: names of protocols, in whatever case.
fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    let named = headers.get_all(header::UPGRADE).iter();
    named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

/// RFC 6455, 4.2.2 and 4.4: an opening handshake that is not one, or of another version.
fn no_websocket(rejection: &WebSocketUpgradeRejection) -> Problem {
    let problem = Problem::new(Code::MalformedRequest).detail(rejection.body_text());
    match rejection {
        WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(_) => problem.header(
            HeaderName::from_static("sec-websocket-version"),
            HeaderValue::from_static("13"),
        ),
        _ => problem,
    }
}
