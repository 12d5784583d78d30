//! HTTPS by the server itself: what it presents, over which versions, and what becomes of peers that do not get through.
//! The rule: a change of the files reaches the next connection, and no other.
#![expect(clippy::expect_used, reason = "a test")]

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use chancery_tests::harness::{Options, Server, Stores, at_once, eventually, run};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Client, Version};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore, SupportedProtocolVersion,
        pki_types::ServerName,
        version::{TLS12, TLS13},
    },
};

/// An authority of a test's own, and a folder with what it issued.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("an authority"),
            folder: TempDir::new().expect("a folder"),
        };
        authority.issue();
        authority
    }

    /// Writes another pair; the certificate as it was written.
    fn issue(&self) -> Vec<u8> {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        fs::write(self.file("tls.crt"), certificate.pem()).expect("written");
        fs::write(self.file("tls.key"), key.serialize_pem()).expect("written");
        certificate.der().to_vec()
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn options(&self) -> Options {
        let path = |name| self.file(name).to_string_lossy().into_owned();
        Options::default()
            .with("CHANCERY_TLS__CERTIFICATE_FILE", &path("tls.crt"))
            .with("CHANCERY_TLS__KEY_FILE", &path("tls.key"))
    }

    /// A client that trusts it.
    fn client(&self) -> reqwest::ClientBuilder {
        let root = reqwest::Certificate::from_der(self.issuer.der()).expect("a certificate");
        Client::builder().tls_certs_only([root])
    }

    /// A connection of TLS as raw as can be.
    async fn connect(
        &self,
        server: &Server,
        version: &'static SupportedProtocolVersion,
    ) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("a root");
        let config = ClientConfig::builder_with_protocol_versions(&[version])
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        let stream = TcpStream::connect(address(server)).await.expect("connected");
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, stream).await.expect("a handshake")
    }
}

fn address(server: &Server) -> String {
    server.base.strip_prefix("https://").expect("https").to_owned()
}

/// The certificate that a connection was shown.
fn shown(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    let certificates = stream.get_ref().1.peer_certificates().expect("certificates");
    certificates[0].to_vec()
}

/// Asks on an open connection and reads the head of the answer.
async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    let request = "GET /realms/system/.well-known/openid-configuration HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("asked");
    let mut answer = vec![0; 64 * 1_024];
    let length = stream.read(&mut answer).await.expect("answered");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

async fn metrics(server: &Server) -> String {
    let answer = reqwest::get(format!("{}/metrics", server.management)).await;
    answer.expect("answered").text().await.expect("a text")
}

#[tokio::test]
async fn the_sign_in_page_comes_over_tls_in_both_versions_of_http_and_is_named_by_https() {
    let authority = Authority::new();
    let server = Server::start(authority.options());
    assert!(server.base.starts_with("https://127.0.0.1:"), "{}", server.base);
    assert!(server.said().contains(&format!("public address {}", server.base)));
    for (client, version) in [
        (authority.client(), Version::HTTP_2),
        (authority.client().http1_only(), Version::HTTP_11),
    ] {
        let client = client.build().expect("a client");
        let get = async |path: &str| {
            client
                .get(format!("{}{path}", server.base))
                .send()
                .await
                .expect("answered")
        };
        let page = get("/realms/system/sign-in").await;
        assert_eq!((page.status().as_u16(), page.version()), (200, version));
        let header = |name| {
            page.headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        assert!(header("strict-transport-security").contains("max-age="));
        let cookie = header("set-cookie");
        assert!(
            cookie.starts_with("__Host-") && cookie.contains("; Secure"),
            "{cookie}"
        );
        let document = get("/realms/system/.well-known/openid-configuration").await;
        let document: serde_json::Value = document.json().await.expect("JSON");
        assert_eq!(document["issuer"], format!("{}/realms/system", server.base));
        let realm = format!("{}/realms/system", server.base);
        let answers = at_once(200, |_| client.get(format!("{realm}/oauth2/jwks")).send());
        for answer in answers.await {
            let answer = answer.expect("answered");
            assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
        }
    }
    for version in [&TLS12, &TLS13] {
        let mut stream = authority.connect(&server, version).await;
        assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

#[tokio::test]
async fn a_new_pair_is_presented_without_a_connection_lost_and_a_broken_one_is_not() {
    let authority = Authority::new();
    let server = Server::start(authority.options());
    let mut open = authority.connect(&server, &TLS13).await;
    let first = shown(&open);
    assert!(ask(&mut open).await.starts_with("HTTP/1.1 200"));

    // The key of another pair: what was presented stays, and operators are told.
    let other = Authority::new();
    let good_key = fs::read(authority.file("tls.key")).expect("a key");
    fs::copy(other.file("tls.key"), authority.file("tls.key")).expect("copied");
    eventually("the metric tells of the broken pair", async || {
        let told = metrics(&server)
            .await
            .contains("chancery_tls_certificate_refused 1");
        told.then_some(())
    })
    .await;
    assert_eq!(shown(&authority.connect(&server, &TLS13).await), first);
    eventually("the log names the files", async || {
        server.said().contains("tls.key").then_some(())
    })
    .await;
    assert!(!server.said().contains("PRIVATE KEY"));
    fs::write(authority.file("tls.key"), good_key).expect("written");
    eventually("the metric tells that it is mended", async || {
        let told = metrics(&server)
            .await
            .contains("chancery_tls_certificate_refused 0");
        told.then_some(())
    })
    .await;

    let second = authority.issue();
    eventually("the new certificate is presented", async || {
        (shown(&authority.connect(&server, &TLS13).await) == second).then_some(())
    })
    .await;
    assert_eq!(shown(&open), first);
    assert!(
        ask(&mut open).await.starts_with("HTTP/1.1 200"),
        "the old connection goes on"
    );
}

#[tokio::test]
async fn a_pair_that_does_not_fit_is_refused_at_the_start_with_the_names_of_its_files() {
    let (authority, other) = (Authority::new(), Authority::new());
    let data = authority.file("data");
    let refused = |certificate: &Path, key: &Path, because: &str| {
        let variables = [
            ("CHANCERY_TLS__CERTIFICATE_FILE", &*certificate.to_string_lossy()),
            ("CHANCERY_TLS__KEY_FILE", &*key.to_string_lossy()),
        ];
        run(&["serve", "--listen", "127.0.0.1:0"], &data, &variables).fails(because);
        run(&["config", "check"], &data, &variables).fails(because);
    };
    let (certificate, key) = (authority.file("tls.crt"), authority.file("tls.key"));
    refused(&certificate, &other.file("tls.key"), "KeyMismatch");
    refused(&certificate, &certificate, "tls.crt: holds no private key");
    refused(&key, &key, "tls.key: holds no certificate");
    refused(&authority.file("nowhere"), &key, "nowhere: No such file");
    run(
        &["serve"],
        &data,
        &[("CHANCERY_TLS__KEY_FILE", &*key.to_string_lossy())],
    )
    .fails("go together");
    assert!(!data.exists(), "nothing was made");
}

#[tokio::test]
async fn plain_http_is_told_so_and_a_handshake_that_does_not_end_is_ended() {
    let authority = Authority::new();
    let server = Server::start(authority.options().on(&Stores::Files));
    let connect = async || TcpStream::connect(address(&server)).await.expect("connected");

    let mut plain = connect().await;
    plain
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .expect("asked");
    let mut answer = String::new();
    let read = plain.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(5), read)
        .await
        .expect("at once")
        .expect("a text");
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("This port speaks https.\n"),
        "{answer}"
    );
    drop(plain);

    let mut nonsense = connect().await;
    nonsense.write_all(b"\x00\x01\x02").await.expect("sent");
    let mut answer = [0; 64];
    let read = tokio::time::timeout(Duration::from_secs(5), nonsense.read(&mut answer))
        .await
        .expect("at once");
    assert!(matches!(read, Ok(0) | Err(_)));

    // One says nothing, one starts a record and stops.
    let started = Instant::now();
    let (mut silent, mut slow) = (connect().await, connect().await);
    slow.write_all(b"\x16\x03\x01\x02\x00\x01").await.expect("sent");
    for stream in [&mut silent, &mut slow] {
        let mut answer = Vec::new();
        let ended = stream.read_to_end(&mut answer);
        let ended = tokio::time::timeout(Duration::from_secs(15), ended).await;
        assert!(ended.is_ok(), "still open");
    }
    assert!(started.elapsed() > Duration::from_secs(8));
    let told = metrics(&server).await;
    for line in [
        "chancery_tls_handshakes_total{result=\"timed_out\"} 2",
        "chancery_tls_handshakes_total{result=\"plain\"} 1",
        "chancery_tls_handshakes_total{result=\"failed\"} 1",
    ] {
        assert!(told.contains(line), "no {line} in {told}");
    }
}

// The client answers while this waits for the server.
#[tokio::test(flavor = "multi_thread")]
async fn the_order_to_stop_ends_connections_that_nobody_uses_in_both_versions_of_http() {
    let authority = Authority::new();
    let mut server = Server::start(authority.options());
    let client = authority.client().build().expect("a client");
    let get = async || {
        client
            .get(format!("{}/realms/system/sign-in", server.base))
            .send()
            .await
    };
    assert_eq!(get().await.expect("answered").version(), Version::HTTP_2);
    let mut raw = authority.connect(&server, &TLS13).await;
    assert!(ask(&mut raw).await.starts_with("HTTP/1.1 200"));
    let started = Instant::now();
    server.stop();
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "it waited for idle connections"
    );
    assert!(matches!(raw.read(&mut [0; 64]).await, Ok(0) | Err(_)));
}
