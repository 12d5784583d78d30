//! Accepting connections: each has a time for its request's head, there are only so many, and at the end they are drained.
//! The rule: a peer that sends slowly, or nothing, or never stops, costs one place for a bounded time.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, response::IntoResponse};
use http::{HeaderMap, HeaderValue, Request, Version, header, uri::Authority};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};
use tower::ServiceExt;
use web::{Code, Problem};

/// How long a peer may take to send a request's head, and to stay silent between requests.
const HEAD: Duration = Duration::from_secs(20);
/// How many connections there are at most; further ones wait to be accepted.
const CONNECTIONS: usize = 10_000;
/// How long requests in flight may take after the order to stop.
const DRAIN: Duration = Duration::from_secs(20);

/// Serves until told to stop and for `delay` after that, while answers ask their peers to go elsewhere with the next
/// request; then lets requests in flight end. What these proxies say of a caller's address is believed.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    proxies: Arc<[IpAddr]>,
    stopping: watch::Receiver<bool>,
    delay: Duration,
) {
    // HTTP/1.1 alone: the time for a head then counts from the first moment on, and a proxy in front speaks it.
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let (connections, places) = (GracefulShutdown::new(), Arc::new(Semaphore::new(CONNECTIONS)));
    let serve = |(stream, peer, place): Accepted| {
        let (app, proxies, stopping) = (app.clone(), Arc::clone(&proxies), stopping.clone());
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            let caller = caller(peer, &proxies, request.headers());
            request.extensions_mut().insert(ConnectInfo(caller));
            let (app, stopping) = (app.clone(), stopping.clone());
            async move {
                let mut response = if names_one_host(&request) {
                    app.oneshot(request.map(Body::new)).await?
                } else {
                    Problem::new(Code::MalformedRequest)
                        .detail("the header Host must stand once and name a host")
                        .into_response()
                };
                if *stopping.borrow() {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(header::CONNECTION, close);
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "a connection ended early");
            }
            drop(place);
        });
    };
    let closing = async {
        let mut stopping = stopping.clone();
        let _ = stopping.wait_for(|stop| *stop).await;
        tokio::time::sleep(delay).await;
    };
    tokio::pin!(closing);
    loop {
        tokio::select! {
            () = &mut closing => break,
            accepted = accept(&listener, &places) => accepted.into_iter().for_each(&serve),
        }
    }
    // Whoever has connected already is answered, rather than cut off with the listener.
    while let Ok(Some(accepted)) = tokio::time::timeout(Duration::ZERO, accept(&listener, &places)).await {
        serve(accepted);
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
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

/// RFC 9112, section 3.2: a request of HTTP/1.1 without exactly one `Host` is answered 400.
fn names_one_host(request: &Request<Incoming>) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => request.version() != Version::HTTP_11,
        (Some(host), None) => Authority::try_from(host.as_bytes()).is_ok(),
        (Some(_), Some(_)) => false,
    }
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
