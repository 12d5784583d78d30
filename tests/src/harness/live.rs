//! Somebody who follows events, as a client sees it: server-sent events read as the HTML standard has it, and a WebSocket of an
//! ordinary client library.

use std::{collections::VecDeque, time::Duration};

use futures::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest, http::HeaderValue},
};

use super::{Answer, Api};

/// What is waited for comes within this time.
const SOON: Duration = Duration::from_secs(20);

/// How events are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Server-sent events.
    Sse,
    /// A WebSocket.
    Socket,
}

impl Way {
    /// Both.
    pub const ALL: [Way; 2] = [Way::Sse, Way::Socket];
}

/// What a follower hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// An event.
    Event {
        /// Where to go on from.
        id: String,
        /// The event.
        event: Value,
    },
    /// Only the place.
    Quiet(String),
    /// Why there is no more, with the code of the closing handshake.
    End(String, Option<u16>),
    /// The connection ended.
    Gone,
}

/// Somebody who follows events.
#[derive(Debug)]
pub struct Follower {
    connection: Connection,
    heard: VecDeque<Heard>,
    /// The place of the last message.
    pub last: String,
}

#[derive(Debug)]
enum Connection {
    Sse {
        response: reqwest::Response,
        text: String,
    },
    Socket(Box<WebSocketStream<TcpStream>>),
}

impl Follower {
    /// Follows what is at a path below `/query/v1`, after the message of this id if there is one.
    ///
    /// # Panics
    /// If that is refused.
    pub async fn new(way: Way, api: &Api, path: &str, last: Option<&str>) -> Self {
        Self::open(way, api, path, last)
            .await
            .unwrap_or_else(|refused| panic!("{}: {} {}", refused.asked, refused.status, refused.text))
    }

    /// The same, where it may be refused.
    pub async fn open(way: Way, api: &Api, path: &str, last: Option<&str>) -> Result<Self, Answer> {
        let path = format!("/query/v1{path}");
        let connection = match way {
            Way::Sse => {
                let mut request = api.request(Method::GET, &path);
                if let Some(last) = last {
                    request = request.header("last-event-id", last);
                }
                let response = request.send().await.expect("an answer");
                let kind = response.headers().get("content-type").cloned();
                if kind != Some(HeaderValue::from_static("text/event-stream")) {
                    return Err(Answer::read(format!("SSE {path}"), response).await);
                }
                assert_eq!(response.status(), 200);
                assert_eq!(response.headers()["cache-control"], "no-store");
                Connection::Sse {
                    response,
                    text: String::new(),
                }
            }
            Way::Socket => Connection::Socket(Box::new(socket(api, &path, last).await?)),
        };
        Ok(Self {
            connection,
            heard: VecDeque::new(),
            last: last.unwrap_or_default().to_owned(),
        })
    }

    /// What is heard next.
    pub async fn next(&mut self) -> Heard {
        let heard = timeout(SOON, self.hear()).await.expect("something is heard");
        if let Heard::Event { id, .. } | Heard::Quiet(id) = &heard {
            self.last.clone_from(id);
        }
        heard
    }

    /// The next event.
    pub async fn event(&mut self) -> Value {
        loop {
            match self.next().await {
                Heard::Event { event, .. } => return event,
                Heard::Quiet(_) => {}
                over => panic!("no event but {over:?}"),
            }
        }
    }

    /// So many events.
    pub async fn events(&mut self, count: usize) -> Vec<Value> {
        let mut events = Vec::new();
        while events.len() < count {
            events.push(self.event().await);
        }
        events
    }

    /// Why it ends, whatever is told before.
    pub async fn end(&mut self) -> (String, Option<u16>) {
        loop {
            match self.next().await {
                Heard::End(reason, code) => return (reason, code),
                Heard::Gone => panic!("it ended without a reason"),
                Heard::Event { .. } | Heard::Quiet(_) => {}
            }
        }
    }

    /// Whether no event is told for a moment.
    pub async fn is_quiet(&mut self) -> bool {
        let event = async {
            loop {
                match self.hear().await {
                    Heard::Event { .. } => return,
                    Heard::Quiet(_) => {}
                    Heard::End(..) | Heard::Gone => std::future::pending().await,
                }
            }
        };
        timeout(Duration::from_millis(300), event).await.is_err()
    }

    /// Says something, where that can be done.
    pub async fn say(&mut self, text: &str) {
        if let Connection::Socket(socket) = &mut self.connection {
            let _ = socket.send(Message::Text(text.into())).await;
        }
    }

    async fn hear(&mut self) -> Heard {
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return heard;
            }
            match &mut self.connection {
                Connection::Sse { response, text } => {
                    let Ok(Some(chunk)) = response.chunk().await else {
                        return Heard::Gone;
                    };
                    text.push_str(std::str::from_utf8(&chunk).expect("UTF-8, cut at its characters"));
                    while let Some(end) = text.find("\n\n") {
                        self.heard.extend(read(&text[..end]));
                        text.drain(..end + 2);
                    }
                }
                Connection::Socket(socket) => match socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let message: Value = serde_json::from_str(&text).expect("JSON");
                        let id = message["id"].as_str().expect("an id").to_owned();
                        return match message.get("event") {
                            Some(event) => Heard::Event {
                                id,
                                event: event.clone(),
                            },
                            None => Heard::Quiet(id),
                        };
                    }
                    Some(Ok(Message::Close(Some(close)))) => {
                        let _ = socket.flush().await;
                        return Heard::End(close.reason.to_string(), Some(close.code.into()));
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    _ => return Heard::Gone,
                },
            }
        }
    }
}

/// A message (HTML standard, 9.2.6): its fields, one in each line.
fn read(message: &str) -> Option<Heard> {
    let (mut id, mut kind, mut data) = (None, "message", None);
    for line in message.lines() {
        match line.split_once(':') {
            Some(("id", value)) => id = Some(value.trim_start().to_owned()),
            Some(("event", value)) => kind = value.trim_start(),
            Some(("data", value)) => data = Some(serde_json::from_str::<Value>(value).expect("JSON")),
            Some(("" | "retry", _)) => {}
            other => panic!("{other:?} in {message:?}"),
        }
    }
    match (kind, id, data) {
        ("message", Some(id), Some(event)) => Some(Heard::Event { id, event }),
        ("message", Some(id), None) => Some(Heard::Quiet(id)),
        ("message", None, None) => None,
        ("end", None, Some(told)) => {
            let reason = told["reason"].as_str().expect("a reason");
            Some(Heard::End(reason.to_owned(), None))
        }
        other => panic!("{other:?}"),
    }
}

async fn socket(api: &Api, path: &str, last: Option<&str>) -> Result<WebSocketStream<TcpStream>, Answer> {
    let address = api.base().strip_prefix("http://").expect("plain http");
    let url = format!("ws://{address}{path}");
    let mut request = url.as_str().into_client_request().expect("a request");
    let header = |text: &str| HeaderValue::from_str(text).expect("a header");
    let headers = request.headers_mut();
    if !api.token().is_empty() {
        headers.insert("authorization", header(&format!("Bearer {}", api.token())));
    }
    if let Some(last) = last {
        headers.insert("last-event-id", header(last));
    }
    let stream = TcpStream::connect(address).await.expect("a connection");
    match client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(refused)) => Err(Answer {
            asked: url,
            status: refused.status().as_u16(),
            headers: refused.headers().clone(),
            text: String::from_utf8_lossy(refused.body().as_deref().unwrap_or_default()).into_owned(),
        }),
        Err(error) => panic!("{url}: {error}"),
    }
}
