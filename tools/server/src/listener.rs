//! Accepting connections: each has a time for its request's head, there are only so many, and at the end they are drained.
//! The rule: a peer that sends slowly, or nothing, or never stops, costs one place for a bounded time.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Version, header, uri::Authority};
use http_body_util::BodyExt;
use hyper::{
    body::Incoming,
    rt::{Read, Write},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;
use web::{Code, Problem, layers::GoesOn};

use crate::tls::Tls;

/// How long a peer may take to send a request's head, and to stay silent between requests.
const HEAD: Duration = Duration::from_secs(20);
/// How many connections there are at most; further ones wait to be accepted.
const CONNECTIONS: u32 = 10_000;
/// How many requests of one connection are answered at once, over HTTP/2.
const STREAMS: u32 = 100;
/// How much of their bodies may wait to be read: of one request, and of all of a connection.
const WINDOWS: (u32, u32) = (64 * 1_024, 256 * 1_024);
/// How long a peer may take nothing of what is sent to it.
const TAKEN: Duration = Duration::from_secs(30);
/// How long requests in flight may take after the order to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// The order to end, in two steps.
pub struct Ending {
    /// Becomes true with the order.
    pub stopping: watch::Receiver<bool>,
    /// For how long requests are still taken after that, while answers ask their peers to go elsewhere with the next one.
    pub delay: Duration,
    /// Is made true then: what is in flight ends, and no more is taken.
    pub close: watch::Sender<bool>,
}

/// Serves until told to stop, and lets requests in flight end. What these proxies say of a caller's address is believed.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    app: Router,
    proxies: Arc<[IpAddr]>,
    ending: Ending,
) {
    let Ending {
        stopping,
        delay,
        close,
    } = ending;
    let places = Arc::new(Semaphore::new(CONNECTIONS as usize));
    let server = Arc::new(Server {
        tls,
        app,
        proxies,
        stopping: stopping.clone(),
        closing: close.subscribe(),
    });
    let serve = |(stream, peer, place): Accepted| {
        let server = Arc::clone(&server);
        tokio::spawn(async move {
            server.attend(stream, peer).await;
            drop(place);
        });
    };
    let mut stopping = stopping;
    let mut deadline = pin!(async {
        let _ = stopping.wait_for(|stop| *stop).await;
        tokio::time::sleep(delay).await;
    });
    loop {
        tokio::select! {
            () = &mut deadline => break,
            accepted = accept(&listener, &places) => accepted.into_iter().for_each(&serve),
        }
    }
    // Whoever has connected already is answered, rather than cut off with the listener.
    while let Ok(Some(accepted)) = tokio::time::timeout(Duration::ZERO, accept(&listener, &places)).await {
        serve(accepted);
    }
    drop(listener);
    close.send_replace(true);
    // All have ended when all places are free.
    let ended = tokio::time::timeout(DRAIN, places.acquire_many(CONNECTIONS)).await;
    if ended.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

/// What every connection is served with.
struct Server {
    tls: Option<Tls>,
    app: Router,
    proxies: Arc<[IpAddr]>,
    stopping: watch::Receiver<bool>,
    closing: watch::Receiver<bool>,
}

impl Server {
    async fn attend(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let Some(tls) = &self.tls else {
            return self.attend_http1(impatient(stream), peer).await;
        };
        let Some(stream) = tls.accept(stream).await else {
            return;
        };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.attend_http2(impatient(stream), peer).await;
        } else {
            self.attend_http1(impatient(stream), peer).await;
        }
    }

    /// The time for a head counts from the first moment on.
    async fn attend_http1<I: Read + Write + Unpin + Send + 'static>(
        self: &Arc<Self>,
        stream: I,
        peer: SocketAddr,
    ) {
        let server = Arc::clone(self);
        let service = service_fn(move |request| {
            let server = Arc::clone(&server);
            async move { server.answer(request, peer).await }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
        let connection = builder.serve_connection(stream, service).with_upgrades();
        let shutdown = http1::UpgradeableConnection::graceful_shutdown;
        self.until_it_ends(connection, shutdown, std::future::pending())
            .await;
    }

    /// A connection without a request in work is let go as over HTTP/1.1, and so is one that takes its last answers slowly.
    async fn attend_http2<I: Read + Write + Unpin + 'static>(self: &Arc<Self>, stream: I, peer: SocketAddr) {
        let server = Arc::clone(self);
        let (working, work) = watch::channel(0_usize);
        let working = Arc::new(working);
        let service = service_fn(move |request| {
            let (server, working) = (Arc::clone(&server), Working::start(&working));
            async move {
                let answer = server.answer(request, peer).await?;
                Ok::<_, Infallible>(working.until_read(answer))
            }
        });
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(WINDOWS.0)
            .initial_connection_window_size(WINDOWS.1);
        let connection = builder.serve_connection(stream, service);
        let shutdown = http2::Connection::graceful_shutdown;
        self.until_it_ends(connection, shutdown, silence(work)).await;
    }

    /// Drives a connection: to its end, or until it is to close, or until there was silence.
    async fn until_it_ends<C>(
        &self,
        connection: C,
        shutdown: impl Fn(Pin<&mut C>),
        silence: impl Future<Output = ()>,
    ) where
        C: Future<Output = hyper::Result<()>>,
    {
        let mut closing = self.closing.clone();
        let told = async {
            let _ = closing.wait_for(|close| *close).await;
        };
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            biased;
            ended = &mut connection => ended,
            () = told => {
                shutdown(connection.as_mut());
                connection.await
            }
            () = silence => {
                shutdown(connection.as_mut());
                tokio::time::timeout(DRAIN, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    async fn answer(&self, mut request: Request<Incoming>, peer: SocketAddr) -> Result<Response, Infallible> {
        let caller = caller(peer, &self.proxies, request.headers());
        request.extensions_mut().insert(ConnectInfo(caller));
        let version = request.version();
        let mut response = if names_one_host(&request) {
            self.app.clone().oneshot(request.map(Body::new)).await?
        } else {
            Problem::new(Code::MalformedRequest)
                .detail("the header Host must stand once and name a host")
                .into_response()
        };
        // Over HTTP/2 the connection itself says so, when it closes; one that becomes a WebSocket is no more asked for anything.
        let goes_on = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if *self.stopping.borrow() && version < Version::HTTP_2 && !goes_on {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        Ok(response)
    }
}

/// A request in work; it ends when this is dropped, as when the peer takes it back.
struct Working(Arc<watch::Sender<usize>>);

impl Working {
    fn start(working: &Arc<watch::Sender<usize>>) -> Self {
        working.send_modify(|count| *count += 1);
        Self(Arc::clone(working))
    }

    /// Until the answer's head; where the answer goes on by itself, until its end.
    fn until_read(self, answer: Response) -> Response {
        if answer.extensions().get::<GoesOn>().is_none() {
            return answer;
        }
        answer.map(|body| {
            Body::new(body.map_frame(move |frame| {
                let _in_work = &self;
                frame
            }))
        })
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Ends once there was no request in work for as long as a peer may be silent.
async fn silence(mut work: watch::Receiver<usize>) {
    loop {
        if work.wait_for(|count| *count == 0).await.is_err() {
            return;
        }
        if tokio::time::timeout(HEAD, work.changed()).await.is_err() {
            return;
        }
    }
}

/// Where a request came from: its peer, or, where that is a trusted proxy, the last address in `X-Forwarded-For` that is none
/// (what stands before it the caller may have made up).
fn caller(peer: SocketAddr, proxies: &[IpAddr], headers: &HeaderMap) -> SocketAddr {
    if !proxies.contains(&peer.ip().to_canonical()) {
        return peer;
    }
    let named = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok());
    let named: Vec<IpAddr> = named
        .flat_map(|value| value.split(','))
        .map_while(|text| text.trim().parse().ok())
        .collect();
    let caller = named
        .iter()
        .rev()
        .find(|address| !proxies.contains(&address.to_canonical()));
    caller.map_or(peer, |address| SocketAddr::new(*address, 0))
}

/// RFC 9112, section 3.2: a request of HTTP/1.1 without exactly one `Host` is answered 400. RFC 9113, section 8.3.1: over
/// HTTP/2 the authority takes its place, and what stands beside it says the same.
fn names_one_host(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let authority = request
        .uri()
        .authority()
        .filter(|_| request.version() == Version::HTTP_2);
    match (hosts.next(), hosts.next()) {
        (None, _) => authority.is_some() || request.version() < Version::HTTP_11,
        (Some(host), None) => match authority {
            Some(authority) => host
                .as_bytes()
                .eq_ignore_ascii_case(authority.as_str().as_bytes()),
            None => Authority::try_from(host.as_bytes()).is_ok(),
        },
        (Some(_), Some(_)) => false,
    }
}

/// A connection that fails once its peer has taken nothing for [`TAKEN`].
fn impatient<S: AsyncRead + AsyncWrite>(stream: S) -> TokioIo<Pin<Box<TimeoutStream<S>>>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(TAKEN));
    TokioIo::new(Box::pin(stream))
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<Accepted> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, peer, place))
        }
        Err(error) => {
            // Out of file descriptors, say: others will be given back.
            tracing::warn!(%error, "could not accept a connection");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_counts_from_the_end_of_the_last_request() {
        let (working, work) = watch::channel(0);
        let working = Arc::new(working);
        let started = tokio::time::Instant::now();
        let silent = tokio::spawn(silence(work));
        tokio::time::sleep(HEAD / 2).await;
        let (first, second) = (Working::start(&working), Working::start(&working));
        tokio::time::sleep(HEAD * 2).await;
        drop(first);
        tokio::time::sleep(HEAD * 2).await;
        assert!(!silent.is_finished(), "a request is in work");
        drop(second);
        let last = started.elapsed();
        tokio::time::timeout(HEAD * 2, silent).await.unwrap().unwrap();
        assert_eq!(started.elapsed().as_secs(), (last + HEAD).as_secs());
    }

    #[test]
    fn an_answer_that_goes_on_is_in_work_until_it_is_read_or_let_go() {
        let (working, work) = watch::channel(0);
        let working = Arc::new(working);
        let answer = || Response::new(Body::from("told"));
        let told = Working::start(&working).until_read(answer());
        assert_eq!(*work.borrow(), 0, "an ordinary one is in work until its head");
        drop(told);
        let mut going_on = answer();
        going_on.extensions_mut().insert(GoesOn);
        let told = Working::start(&working).until_read(going_on);
        assert_eq!(*work.borrow(), 1);
        drop(told);
        assert_eq!(*work.borrow(), 0);
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_about_its_own_caller() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let proxies = [address("10.0.0.1"), address("10.0.0.2")];
        let from = |peer: &str, header: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in header {
                headers.append("x-forwarded-for", value.parse().unwrap());
            }
            caller(SocketAddr::new(address(peer), 7), &proxies, &headers).ip()
        };
        assert_eq!(
            from("203.0.113.9", &["198.51.100.1"]),
            address("203.0.113.9"),
            "anybody can send the header"
        );
        assert_eq!(from("10.0.0.1", &["198.51.100.1"]), address("198.51.100.1"));
        assert_eq!(
            from("10.0.0.1", &["192.0.2.66, 198.51.100.1, 10.0.0.2"]),
            address("198.51.100.1")
        );
        assert_eq!(
            from("10.0.0.1", &["192.0.2.66", "198.51.100.1"]),
            address("198.51.100.1")
        );
        assert_eq!(from("10.0.0.1", &[]), address("10.0.0.1"));
        assert_eq!(from("10.0.0.1", &["unknown"]), address("10.0.0.1"));
        assert_eq!(
            from("::ffff:10.0.0.1", &["198.51.100.1"]),
            address("198.51.100.1")
        );
    }
}
