//! Whom the client trusts.

use std::net::SocketAddr;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server of a certificate for this name.
async fn server(authority: &Authority, name: &str) -> SocketAddr {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 1_024]).await;
                let _ = stream.write_all(ok("", "{}").as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        }
    });
    address
}

#[tokio::test]
async fn a_certificate_is_trusted_by_its_authority_and_for_its_name_alone() {
    let (ours, theirs) = (authority(), authority());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    std::fs::write(&file, ours.pem()).unwrap();
    let trusting = Settings {
        allow_http: false,
        extra_roots: Some(file),
        ..open()
    };
    let ask = async |settings: &Settings, address: SocketAddr| {
        let client = Outbound::new(settings).unwrap();
        let at = url(&format!("https://{address}/"));
        client.get_json(&at, 1_000).await.map(|fetched| fetched.body)
    };
    let good = server(&ours, "127.0.0.1").await;
    assert_eq!(ask(&trusting, good).await, Ok(b"{}".to_vec()));
    let is_tls = |answer| matches!(answer, Err(OutboundError::Tls(_)));
    assert!(is_tls(ask(&open(), good).await), "an authority that nobody named");
    assert!(
        is_tls(ask(&trusting, server(&theirs, "127.0.0.1").await).await),
        "another authority"
    );
    assert!(
        is_tls(ask(&trusting, server(&ours, "127.0.0.2").await).await),
        "another name"
    );
    let plain = Server::saying(ok("", "{}")).await;
    let port = plain.url("/").port().unwrap();
    let plain = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    assert!(is_tls(ask(&trusting, plain).await), "no TLS at all");
}
