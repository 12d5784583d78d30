//! A receiver of webhooks: a real HTTP server that keeps what it was sent, and answers as it is told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A delivery as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// Below which path.
    pub path: String,
    /// Its headers, in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body, as text.
    pub body: String,
    /// Its body, byte for byte.
    pub bytes: Vec<u8>,
}

impl Received {
    /// The CloudEvent.
    pub fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A text of the CloudEvent.
    pub fn text(&self, name: &str) -> String {
        self.event()[name].as_str().unwrap_or_default().to_owned()
    }
}

/// How a receiver answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// With a status, after a while.
    Status(u16, Duration),
    /// With this, as it stands: the head of an answer.
    Head(String),
    /// With a status, these headers and JSON.
    Json(u16, &'static str, Value),
    /// Not at all.
    Never,
}

/// What a receiver was sent, and how it answers.
#[derive(Debug)]
struct Desk {
    received: Vec<Received>,
    reply: Reply,
}

/// The receiver, until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    /// `http://127.0.0.1:<port>`.
    pub base: String,
    desk: Arc<Mutex<Desk>>,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Listens on a free port, and answers 204.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let desk = Arc::new(Mutex::new(Desk {
            received: Vec::new(),
            reply: Reply::Status(204, Duration::ZERO),
        }));
        let at_work = Arc::clone(&desk);
        let task = tokio::spawn(async move {
            while let Ok((peer, _)) = listener.accept().await {
                let desk = Arc::clone(&at_work);
                tokio::spawn(async move {
                    let _ = serve(peer, &desk).await;
                });
            }
        });
        Self { base, desk, task }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers so from now on.
    pub fn reply(&self, reply: Reply) {
        self.desk().reply = reply;
    }

    /// What it was sent below a path.
    pub fn received(&self, path: &str) -> Vec<Received> {
        let desk = self.desk();
        let below = desk.received.iter().filter(|received| received.path == path);
        below.cloned().collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(peer: TcpStream, desk: &Mutex<Desk>) -> std::io::Result<()> {
    let mut peer = BufReader::new(peer);
    let mut line = String::new();
    peer.read_line(&mut line).await?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        peer.read_line(&mut line).await?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => break,
        };
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    peer.read_exact(&mut body).await?;
    let (bytes, body) = (body.clone(), String::from_utf8_lossy(&body).into_owned());
    let reply = {
        let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.received.push(Received {
            path,
            headers,
            body,
            bytes,
        });
        desk.reply.clone()
    };
    let (head, body) = match reply {
        Reply::Status(status, after) => {
            tokio::time::sleep(after).await;
            (
                format!("HTTP/1.1 {status} Told\r\nServer: receiver\r\n"),
                String::new(),
            )
        }
        Reply::Head(head) => (head, String::new()),
        Reply::Json(status, headers, body) => {
            let head = format!("HTTP/1.1 {status} Told\r\nContent-Type: application/json\r\n{headers}");
            (head, body.to_string())
        }
        Reply::Never => std::future::pending().await,
    };
    let length = body.len();
    let answer = format!("{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    peer.write_all(answer.as_bytes()).await
}
