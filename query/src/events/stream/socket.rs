//! Events over a WebSocket (RFC 6455): each text message is an object with the place to go on from as its `id` and, unless it only moves
//! the place, the event. The closing handshake tells why it ends. Its follower says nothing.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::{
    Cursor, PATIENCE,
    end::End,
    follow::{Follow, Step},
};

/// Most bytes of a message of its follower, of whom only control frames are expected.
pub const MAX_MESSAGE: usize = 4 * 1024;
/// Somebody of whom nothing is heard for so long, though asked with every quiet step, is gone.
const SILENCE: Duration = Duration::from_secs(45);
/// How long the closing handshake may take on each side.
const CLOSING: Duration = Duration::from_secs(5);

/// A message.
#[derive(Serialize)]
struct Text<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a RawValue>,
}

/// Why nothing more is told.
enum Over {
    /// The follower is gone, or going.
    Gone,
    /// Sent away.
    Ended(End),
    /// It said something.
    Spoke,
}

/// Tells what happens until its follower leaves or is sent away.
pub async fn tell(socket: WebSocket, mut follow: Follow) {
    let (mut sink, mut source) = socket.split();
    let (heard, hearing) = watch::channel(Instant::now());
    let over = tokio::select! {
        over = listen(&mut source, heard) => over,
        over = run(&mut sink, &mut follow, &hearing) => over,
    };
    let (code, reason) = match over {
        Over::Gone => return,
        Over::Ended(end) => {
            end.count();
            (end.close_code(), end.as_str())
        }
        Over::Spoke => (1008, "nothing is taken here"),
    };
    let close = CloseFrame {
        code,
        reason: reason.into(),
    };
    if let Ok(Ok(())) = timeout(CLOSING, sink.send(Message::Close(Some(close)))).await {
        // So that what was sent arrives, the other side closes first.
        let closed = async { while let Some(Ok(_)) = source.next().await {} };
        let _ = timeout(CLOSING, closed).await;
    }
}

async fn run(
    sink: &mut SplitSink<WebSocket, Message>,
    follow: &mut Follow,
    heard: &watch::Receiver<Instant>,
) -> Over {
    loop {
        let sent = match follow.next().await {
            Step::End(end) => return Over::Ended(end),
            Step::Quiet(_) if heard.borrow().elapsed() > SILENCE => return Over::Gone,
            Step::Quiet(cursor) => {
                let mut messages = vec![text(cursor, None)];
                messages.push(Message::Ping(Vec::new().into()));
                send(sink, messages).await
            }
            Step::Events(events) => {
                let messages = events.iter().map(|told| text(told.cursor, Some(&told.event)));
                send(sink, messages.collect()).await
            }
        };
        if let Some(over) = sent {
            return over;
        }
    }
}

fn text(cursor: Cursor, event: Option<&RawValue>) -> Message {
    let id = cursor.to_string();
    let text = serde_json::to_string(&Text { id, event }).unwrap_or_default();
    Message::Text(text.into())
}

/// Why there is no going on, if there is none.
async fn send(sink: &mut SplitSink<WebSocket, Message>, messages: Vec<Message>) -> Option<Over> {
    let sending = async {
        for message in messages {
            sink.feed(message).await?;
        }
        sink.flush().await
    };
    match timeout(PATIENCE, sending).await {
        Ok(Ok(())) => None,
        Ok(Err(_)) => Some(Over::Gone),
        Err(_) => Some(Over::Ended(End::TooSlow)),
    }
}

/// Listens until the other side closes or says something that is no control frame (which the library answers).
async fn listen(source: &mut SplitStream<WebSocket>, heard: watch::Sender<Instant>) -> Over {
    while let Some(Ok(message)) = source.next().await {
        heard.send_replace(Instant::now());
        match message {
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Text(_) | Message::Binary(_) => return Over::Spoke,
            Message::Close(_) => break,
        }
    }
    Over::Gone
}
