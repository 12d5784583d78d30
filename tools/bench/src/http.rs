//! A small client of HTTP/1.1 and a generator of load: kept connections, requests written as bytes, answers counted by their
//! length. It shares the cores with the server, so it must cost next to nothing.

use std::{
    future::Future,
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    Outcome,
    process::Process,
    rounds::{Meter, Taken, WARM_UP},
};

/// Longest answer that is read: a page of a list is far below.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// A request as it is sent.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
    for (name, value) in headers {
        text.push_str(name);
        text.push_str(": ");
        text.push_str(value);
        text.push_str("\r\n");
    }
    if method != "GET" {
        text.push_str("content-length: ");
        text.push_str(&body.len().to_string());
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.push_str(body);
    text.into_bytes()
}

/// What was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The status.
    pub status: u16,
    /// The head, as it was sent.
    pub head: &'a str,
    /// The body.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// It has this status; or what it says instead.
    pub fn expect(&self, status: u16) -> Outcome<()> {
        if self.status == status {
            Ok(())
        } else {
            Err(format!("answered {}: {}", self.status, String::from_utf8_lossy(self.body)).into())
        }
    }

    /// The body as JSON, if it has this status.
    pub fn json(&self, status: u16) -> Outcome<Value> {
        self.expect(status)?;
        Ok(serde_json::from_slice(self.body)?)
    }
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(16 * 1024),
        })
    }

    /// Sends a request and reads its answer.
    pub async fn ask(&mut self, request: &[u8]) -> Outcome<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            self.read().await?;
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break Head::parse(&self.buffer[..end + 4])?;
            }
        };
        while self.buffer.len() < head.length + head.body {
            self.read().await?;
        }
        Ok(Answer {
            status: head.status,
            head: std::str::from_utf8(&self.buffer[..head.length])?,
            body: &self.buffer[head.length..head.length + head.body],
        })
    }

    async fn read(&mut self) -> Outcome<()> {
        if self.buffer.len() > MAX_ANSWER {
            return Err("the answer is too long".into());
        }
        self.buffer.reserve(8 * 1024);
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }
}

/// What the head of an answer tells of it.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Of the head, in bytes.
    length: usize,
    /// Of the body, in bytes.
    body: usize,
}

impl Head {
    fn parse(head: &[u8]) -> Outcome<Self> {
        let unknown = || format!("not an answer: {}", String::from_utf8_lossy(head));
        let status = head
            .get(9..12)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let status = status
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(unknown)?;
        let length = head.split(|&byte| byte == b'\n').find_map(|line| {
            let (name, value) = line.split_at_checked(15)?;
            let value = name.eq_ignore_ascii_case(b"content-length:").then_some(value)?;
            std::str::from_utf8(value).ok()?.trim().parse().ok()
        });
        let body = match (length, status) {
            (Some(length), _) => length,
            (None, 204 | 304) => 0,
            // The servers measured here always say how long an answer is.
            (None, _) => return Err(unknown().into()),
        };
        Ok(Self {
            status,
            length: head.len(),
            body,
        })
    }
}

/// Who asks: one for each connection.
pub trait Caller: Send + 'static {
    /// Writes the next request to the (empty) buffer.
    fn next(&mut self, request: &mut Vec<u8>);

    /// Looks at the answer; an error ends the run.
    fn answered(&mut self, answer: &Answer<'_>) -> Outcome<()>;
}

/// Always the same question.
#[derive(Clone, Debug)]
pub struct Same {
    /// It.
    pub request: Vec<u8>,
    /// What is to be answered.
    pub status: u16,
}

impl Caller for Same {
    fn next(&mut self, request: &mut Vec<u8>) {
        request.extend_from_slice(&self.request);
    }

    fn answered(&mut self, answer: &Answer<'_>) -> Outcome<()> {
        answer.expect(self.status)
    }
}

/// One connection for each caller, in a closed loop, on a thread of its own. What the processes used is counted from the
/// first to the last request.
pub async fn load<C: Caller>(
    address: SocketAddr,
    server: Process,
    callers: Vec<C>,
    time: Duration,
) -> Outcome<Taken> {
    on_one_thread(async move {
        let meter = Meter::start(Some(server))?;
        let started = Instant::now() + WARM_UP;
        let mut working = JoinSet::new();
        for caller in callers {
            working.spawn(ask_on(address, caller, started, started + time));
        }
        Taken::gather(working, meter, time).await
    })
    .await
}

/// Does work on a thread and a runtime of its own, where no task goes from one core to the other.
pub async fn on_one_thread<T: Send + 'static>(
    work: impl Future<Output = Outcome<T>> + Send + 'static,
) -> Outcome<T> {
    let working = tokio::task::spawn_blocking(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(work)
    });
    working.await?
}

/// The times of the answers that came in time, and how many came in all.
async fn ask_on<C: Caller>(
    address: SocketAddr,
    mut caller: C,
    started: Instant,
    ended: Instant,
) -> Outcome<(Vec<Duration>, usize)> {
    let mut connection = Connection::open(address).await?;
    let (mut answers, mut all, mut request) = (Vec::new(), 0, Vec::new());
    loop {
        let asked = Instant::now();
        if asked >= ended {
            return Ok((answers, all));
        }
        request.clear();
        caller.next(&mut request);
        let answer = connection.ask(&request).await?;
        caller.answered(&answer)?;
        all += 1;
        let answered = Instant::now();
        if answered >= started && answered <= ended {
            answers.push(answered - asked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_answer_says_how_long_it_is() {
        let head = b"HTTP/1.1 201 Created\r\ncontent-type: text/plain\r\nContent-Length: 12\r\n\r\n";
        let parsed = Head::parse(head).unwrap();
        assert_eq!((parsed.status, parsed.length, parsed.body), (201, head.len(), 12));
        assert_eq!(Head::parse(b"HTTP/1.1 304 Not Modified\r\n\r\n").unwrap().body, 0);
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err(), "no length");
        assert!(Head::parse(b"SSH-2.0\r\n\r\n").is_err());
    }

    #[test]
    fn a_request_without_a_body_has_no_length() {
        assert_eq!(
            String::from_utf8(request("GET", "/a", &[("x", "y")], "")).unwrap(),
            "GET /a HTTP/1.1\r\nhost: 127.0.0.1\r\nx: y\r\n\r\n"
        );
        assert!(request("POST", "/a", &[], "abc").ends_with(b"content-length: 3\r\n\r\nabc"));
    }
}
