//! Events as server-sent events (HTML standard, 9.2): each message has the place to go on from as its `id` and the event, in JSON, as
//! its `data`. A message without data only moves the place; the last one is of the type `end`.

use std::{sync::Arc, time::Duration};

use axum::response::{
    IntoResponse, Response,
    sse::{Event, Sse},
};
use futures::{StreamExt, stream};
use http::{HeaderName, HeaderValue};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use web::layers::GoesOn;

use super::{
    PATIENCE, Seat,
    end::End,
    follow::{Follow, Step},
};
use crate::etag::NO_STORE;

/// After how long a client whose connection broke comes again.
const RETRY: Duration = Duration::from_secs(1);

/// Told to proxies that would keep what they are given until there is more of it.
const UNBUFFERED: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-accel-buffering"),
    HeaderValue::from_static("no"),
);

/// What its body is made from.
struct Body {
    told: mpsc::Receiver<Vec<Event>>,
    end: Option<oneshot::Receiver<End>>,
    /// It takes its place as long as anybody reads it.
    _seat: Arc<Seat>,
}

/// The answer, which goes on until its follower leaves or is sent away. What waits to be taken is one step, and one more is made
/// meanwhile.
pub fn answer(follow: Follow) -> Response {
    let (tell, told) = mpsc::channel(1);
    let (last, end) = oneshot::channel();
    let body = Body {
        told,
        end: Some(end),
        _seat: follow.seat(),
    };
    tokio::spawn(async move {
        if let Some(end) = run(follow, tell).await {
            end.count();
            let _ = last.send(end);
        }
    });
    let messages = stream::unfold(body, |mut body| async {
        if let Some(told) = body.told.recv().await {
            return Some((told, body));
        }
        let end = body.end.take()?.await.ok()?;
        Some((vec![last_message(end)], body))
    });
    let messages = messages
        .flat_map(stream::iter)
        .map(Ok::<_, std::convert::Infallible>);
    let mut response = ([NO_STORE, UNBUFFERED], Sse::new(messages)).into_response();
    response.extensions_mut().insert(GoesOn);
    response
}

/// Tells step after step; why it ends, unless its follower has left.
async fn run(mut follow: Follow, tell: mpsc::Sender<Vec<Event>>) -> Option<End> {
    let mut first = true;
    loop {
        let step = tokio::select! {
            biased;
            () = tell.closed() => return None,
            step = follow.next() => step,
        };
        let mut messages: Vec<_> = match step {
            Step::Events(events) => {
                let message = |told: super::follow::Told| {
                    Event::default()
                        .id(told.cursor.to_string())
                        .data(told.event.get())
                };
                events.into_iter().map(message).collect()
            }
            Step::Quiet(cursor) => vec![Event::default().id(cursor.to_string()).comment("quiet")],
            Step::End(end) => return Some(end),
        };
        if std::mem::take(&mut first) {
            messages.insert(0, Event::default().retry(RETRY));
        }
        match tokio::time::timeout(PATIENCE, tell.send(messages)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return None,
            Err(_) => return Some(End::TooSlow),
        }
    }
}

/// Without an `id`: the place is that of the last event that was sent.
fn last_message(end: End) -> Event {
    let told = json!({ "reason": end.as_str(), "title": end.title() });
    Event::default().event("end").data(told.to_string())
}
