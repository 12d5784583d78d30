//! The client against real servers: what it refuses, what it bounds, what it tells.

mod documents;
mod server;
mod tls;

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use server::{Server, ok};

/// Where the servers of these tests listen, allowed.
fn open() -> Settings {
    Settings {
        allow_private: vec!["127.0.0.1".parse().unwrap()],
        allow_http: true,
        connect: Duration::from_millis(500),
        total: Duration::from_secs(1),
        ..Settings::default()
    }
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

async fn refused(settings: &Settings, text: &str) -> OutboundError {
    let client = Outbound::new(settings).unwrap();
    let answer = client.get_json(&url(text), 1_000).await;
    answer.expect_err(text)
}

#[tokio::test]
async fn a_document_is_fetched_as_chancery_and_with_what_its_origin_says_of_keeping_it() {
    let answer = ok("Cache-Control: public, max-age=300\r\nAge: 60\r\n", "{}");
    let server = Server::saying(answer).await;
    let client = Outbound::new(&open()).unwrap();
    let fetched = client.get_json(&server.url("/jwks"), 1_000).await.unwrap();
    assert_eq!(fetched.body, b"{}");
    assert_eq!(fetched.cache_for, Some(Duration::from_mins(4)));
    let asked = server.asked();
    assert!(asked.starts_with("GET /jwks HTTP/1.1\r\n"), "{asked}");
    for line in ["user-agent: chancery\r\n", "accept-encoding: identity\r\n"] {
        assert!(asked.to_ascii_lowercase().contains(line), "{asked}");
    }
}

#[tokio::test]
async fn literal_addresses_are_refused_however_they_are_written() {
    let settings = Settings {
        allow_http: true,
        ..Settings::default()
    };
    for text in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://%31%32%37.0.0.1/",
        "http://①②⑦.0.0.1/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://0/",
        "http://localhost/",
    ] {
        assert_eq!(refused(&settings, text).await, OutboundError::Refused, "{text}");
    }
}

#[tokio::test]
async fn a_url_that_names_a_user_is_not_https_or_no_host_is_refused_and_never_repeated() {
    let secret = refused(&open(), "http://alice:hunter2@127.0.0.1/").await;
    assert_eq!(secret, OutboundError::Url("names a user"));
    assert!(!format!("{secret} {secret:?}").contains("hunter2"));
    assert_eq!(
        refused(&open(), "http://alice@127.0.0.1/").await,
        OutboundError::Url("names a user")
    );
    let long = format!("http://127.0.0.1/{}", "a".repeat(2_048));
    assert_eq!(refused(&open(), &long).await, OutboundError::Url("is too long"));
    for text in ["ftp://127.0.0.1/", "file:///etc/passwd", "data:,x"] {
        assert_eq!(refused(&open(), text).await, OutboundError::NotHttps, "{text}");
    }
    let closed = Settings {
        allow_http: false,
        ..open()
    };
    assert_eq!(
        refused(&closed, "http://127.0.0.1/").await,
        OutboundError::NotHttps
    );
}

/// Answers another list of addresses each time it is asked.
struct Turns(Mutex<Vec<Vec<IpAddr>>>);

impl Turns {
    fn new(turns: &[&[&str]]) -> Arc<Self> {
        let parsed = |turn: &&[&str]| turn.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(turns.iter().rev().map(parsed).collect())))
    }
}

impl Lookup for Turns {
    fn addresses(&self, _: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let turn = self.0.lock().unwrap().pop().expect("asked once more");
        Box::pin(async move { Ok(turn) })
    }
}

#[tokio::test]
async fn a_name_that_moves_to_a_private_address_is_refused_when_it_has() {
    // 127.0.0.2 stands for the public network here: it is allowed, and 127.0.0.1 is not.
    let server = Server::saying(ok("", "{}")).await;
    let settings = Settings {
        allow_private: vec!["127.0.0.2".parse().unwrap()],
        ..open()
    };
    let names = Turns::new(&[&["127.0.0.2"], &["127.0.0.1"], &["127.0.0.1", "127.0.0.2"], &[]]);
    let client = Outbound::asking(&settings, names).unwrap();
    let moving = server.url_of("moving.example", "/jwks");
    let ask = async || client.get_json(&moving, 1_000).await.map(|fetched| fetched.body);
    assert_eq!(ask().await, Ok(b"{}".to_vec()));
    assert_eq!(ask().await, Err(OutboundError::Refused));
    assert_eq!(
        ask().await,
        Ok(b"{}".to_vec()),
        "the address that may be reached is"
    );
    assert_eq!(ask().await, Err(OutboundError::Unreachable));
    assert_eq!(server.peers(), ["127.0.0.2", "127.0.0.2"]);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::saying(ok("", "secret")).await;
    let location = elsewhere.url("/");
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
    ] {
        let server = Server::saying(format!(
            "HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        ))
        .await;
        let client = Outbound::new(&open()).unwrap();
        let at = server.url("/");
        let answer = client.get_json(&at, 1_000).await;
        assert_eq!(answer, Err(OutboundError::Redirect), "{status}");
        let answer = client.post(&at, "text/plain", Vec::new(), HeaderMap::new());
        assert_eq!(answer.await, Err(OutboundError::Redirect), "{status}");
    }
    assert!(elsewhere.peers().is_empty());
}

#[tokio::test]
async fn only_200_is_a_document() {
    for (status, code) in [
        ("204 No Content", 204),
        ("404 Not Found", 404),
        ("500 Broken", 500),
    ] {
        let server = Server::saying(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
        let answer = refused(&open(), server.url("/").as_str()).await;
        assert_eq!(answer, OutboundError::Status(code));
    }
}

#[tokio::test]
async fn a_body_that_drips_or_never_ends_is_cut_off_in_time() {
    let drip = Server::new(|mut stream| async move {
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            .await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let silent = Server::new(|mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    for server in [drip.await, silent.await] {
        let started = Instant::now();
        let answer = refused(&open(), server.url("/").as_str()).await;
        assert_eq!(answer, OutboundError::TimedOut);
        assert!(started.elapsed() < Duration::from_secs(2));
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    static SENT: AtomicUsize = AtomicUsize::new(0);
    let endless = Server::new(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 4_096]).await.is_ok() {
            SENT.fetch_add(4_096, Ordering::Relaxed);
        }
    });
    let answer = refused(&open(), endless.await.url("/").as_str()).await;
    assert_eq!(answer, OutboundError::TooLarge);
    let sent = SENT.load(Ordering::Relaxed);
    assert!(sent < 16 << 20, "{sent}");

    let told = Server::saying("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".into()).await;
    assert_eq!(
        refused(&open(), told.url("/").as_str()).await,
        OutboundError::TooLarge
    );

    let exact = Server::saying(ok("", &"x".repeat(1_000))).await;
    let client = Outbound::new(&open()).unwrap();
    assert!(client.get_json(&exact.url("/"), 1_000).await.is_ok());
    assert_eq!(
        client.get_json(&exact.url("/"), 999).await,
        Err(OutboundError::TooLarge)
    );
}

#[tokio::test]
async fn a_compressed_body_is_refused_unread() {
    // Twenty bytes of gzip may be a thousand times as many.
    for encoding in ["gzip", "br", "deflate", "identity, gzip"] {
        let server = Server::saying(ok(&format!("Content-Encoding: {encoding}\r\n"), "\x1f")).await;
        let answer = refused(&open(), server.url("/").as_str()).await;
        assert_eq!(answer, OutboundError::Compressed, "{encoding}");
    }
}

#[tokio::test]
async fn what_is_not_http_or_has_too_many_headers_is_broken() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort".to_owned(),
        ok(&"X-Header: x\r\n".repeat(65), "{}"),
    ] {
        let server = Server::saying(answer).await;
        let answer = refused(&open(), server.url("/").as_str()).await;
        assert_eq!(answer, OutboundError::Broken);
    }
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let answer = refused(&open(), &format!("http://{address}/")).await;
    assert_eq!(answer, OutboundError::Unreachable);
}

#[tokio::test]
async fn a_post_brings_body_and_headers_and_tells_status_and_the_start_of_the_answer() {
    let long = "y".repeat(20_000);
    let server = Server::saying(format!(
        "HTTP/1.1 503 Later\r\nRetry-After: 7\r\nContent-Length: {}\r\n\r\n{long}",
        long.len()
    ));
    let server = server.await;
    let client = Outbound::new(&open()).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", HeaderValue::from_static("m1"));
    let answered = client
        .post(
            &server.url("/out"),
            "application/x-www-form-urlencoded",
            b"logout_token=x".to_vec(),
            headers,
        )
        .await
        .unwrap();
    assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answered.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(answered.body.len(), ANSWER);
    let asked = server.asked();
    assert!(
        asked.starts_with("POST /out HTTP/1.1\r\n") && asked.ends_with("logout_token=x"),
        "{asked}"
    );
    assert!(
        asked.contains("webhook-id: m1\r\n")
            && asked.contains("content-type: application/x-www-form-urlencoded\r\n")
    );
}

#[test]
fn how_long_to_keep_is_read_as_the_standard_says() {
    let told = |lines: &[(&'static str, &'static str)]| {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        cache_for(&headers).map(|time| time.as_secs())
    };
    assert_eq!(told(&[]), None);
    assert_eq!(told(&[("cache-control", "public, Max-Age=\"90\"")]), Some(90));
    assert_eq!(told(&[("cache-control", "max-age=90, no-store")]), Some(0));
    assert_eq!(
        told(&[("cache-control", "public"), ("cache-control", "no-cache")]),
        Some(0)
    );
    assert_eq!(told(&[("cache-control", "max-age=90"), ("age", "100")]), Some(0));
    assert_eq!(told(&[("cache-control", "max-age=soon")]), None);
}

#[test]
fn a_file_of_authorities_that_holds_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    for content in [
        None,
        Some(""),
        Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
    ] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let settings = Settings {
            extra_roots: Some(file.clone()),
            ..Settings::default()
        };
        let refused = Outbound::new(&settings).expect_err("refused").to_string();
        assert!(refused.contains("roots.pem"), "{refused}");
    }
}
