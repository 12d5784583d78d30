//! A server that says what a test makes it say, and remembers who came and what was asked.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

pub struct Server {
    address: SocketAddr,
    peers: Arc<Mutex<Vec<String>>>,
    asked: Arc<Mutex<String>>,
}

/// An answer of status 200.
pub fn ok(headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Server {
    /// Hands each connection over, once its request has come.
    pub async fn new<F: Future<Output = ()> + Send + 'static>(
        answer: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            peers: Arc::default(),
            asked: Arc::default(),
        };
        let (peers, asked) = (Arc::clone(&server.peers), Arc::clone(&server.asked));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let reached = stream.local_addr().unwrap().ip().to_string();
                peers.lock().unwrap().push(reached);
                let mut request = vec![0; 8_192];
                let mut length = stream.read(&mut request).await.unwrap_or(0);
                // A body may come in a piece of its own.
                if request.starts_with(b"POST") && request[..length].ends_with(b"\r\n\r\n") {
                    let more = stream.read(&mut request[length..]);
                    let more = tokio::time::timeout(Duration::from_millis(100), more).await;
                    length += more.map_or(0, |read| read.unwrap_or(0));
                }
                *asked.lock().unwrap() = String::from_utf8_lossy(&request[..length]).into_owned();
                tokio::spawn(answer(stream));
            }
        });
        server
    }

    /// Says the same to everybody.
    pub async fn saying(answer: String) -> Self {
        Self::new(move |mut stream| {
            let answer = answer.clone();
            async move {
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        })
        .await
    }

    pub fn url(&self, path: &str) -> Url {
        self.url_of(&self.address.ip().to_string(), path)
    }

    pub fn url_of(&self, host: &str, path: &str) -> Url {
        let port = self.address.port();
        format!("http://{host}:{port}{path}").parse().unwrap()
    }

    /// The addresses under which it was reached, one for each connection.
    pub fn peers(&self) -> Vec<String> {
        self.peers.lock().unwrap().clone()
    }

    /// The last request.
    pub fn asked(&self) -> String {
        self.asked.lock().unwrap().clone()
    }
}
