//! The ceiling of everything over HTTP: a process of its own with the same libraries (tokio, hyper, axum) and the same way of
//! accepting, that reads each request and gives one constant answer. No layers, no deciding, no storing.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use axum::{Router, body::Bytes};
use http::{HeaderValue, header};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::{
    Outcome,
    http::{self as client, Caller},
    process::Process,
};

/// What can be said of it.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How long the answer is, in bytes.
    #[arg(long)]
    bytes: usize,
}

/// Serves until it is killed. Says its address on standard output.
pub async fn serve(options: &Options) -> Outcome<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("{}", listener.local_addr()?);
    let answer = Bytes::from(vec![b' '; options.bytes]);
    let json = HeaderValue::from_static("application/json");
    let app = Router::new().fallback(async move |_read: Bytes| ([(header::CONTENT_TYPE, json)], answer));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(20));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let app = app.clone();
        let service = hyper::service::service_fn(move |request: ::http::Request<Incoming>| {
            app.clone().oneshot(request.map(axum::body::Body::new))
        });
        tokio::spawn(builder.serve_connection(TokioIo::new(stream), service));
    }
}

/// The process, which ends with this value.
#[derive(Debug)]
pub struct Bare {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Bare {
    /// Starts it, with answers as long as those that it is compared with.
    pub fn start(bytes: usize) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bare-http", "--bytes", &bytes.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(said) = child.stdout.take() {
            BufReader::new(said).read_line(&mut line)?;
        }
        let address = line.trim().parse()?;
        Ok(Self { child, address })
    }

    /// How many of the callers' requests it answers, a second.
    pub async fn answers(&self, callers: Vec<impl Caller>, time: Duration) -> Outcome<f64> {
        let server = Process::of(self.child.id());
        let taken = client::load(self.address, server, callers, time).await?;
        Ok(taken.per_second())
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
