//! HTTPS by the server itself: the certificate that is presented, renewed when its files change, and the handshake.
//! The rule: there is always a pair that fits, a broken new one changes nothing, and a peer has ten seconds to get through.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::digest::{Context, SHA256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::{self, CryptoProvider},
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
    server::TlsStream,
};
use zeroize::Zeroizing;

use crate::config::Config;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(3);
/// What a connection with TLS starts with (RFC 8446, section 5.1): a record of the kind handshake.
const RECORD: u8 = 22;
/// What whoever speaks plain http is told, in plain http.
const PLAIN: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 24\r\nconnection: close\r\n\r\nThis port speaks https.\n";

const REFUSED: &str = "chancery_tls_certificate_refused";
const HANDSHAKES: &str = "chancery_tls_handshakes_total";

/// A certificate that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or does not hold what it should.
    #[error("tls: {file}: {reason}", file = .file.display())]
    File {
        /// Which one.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The two do not make a pair.
    #[error("tls: {certificate} and {key}: {reason}", certificate = .certificate.display(), key = .key.display())]
    Pair {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of its key.
        key: PathBuf,
        /// Why not.
        reason: rustls::Error,
    },
    /// There is no TLS to be had.
    #[error("tls: {0}")]
    Unusable(#[from] rustls::Error),
}

/// What a listener speaks TLS with. Clones share the certificate.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    presented: Arc<Presented>,
}

/// The certificate that is presented to whoever connects next.
#[derive(Debug)]
struct Presented {
    files: Files,
    pair: watch::Sender<Pair>,
}

#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Clone, Debug)]
struct Pair {
    certified: Arc<CertifiedKey>,
    digest: Vec<u8>,
}

/// What stands in the files.
struct Content {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl Tls {
    /// The configured certificate, if there is one.
    pub fn open(config: &Config) -> Result<Option<Self>, TlsError> {
        let Some((certificate, key)) = config.tls.files() else {
            return Ok(None);
        };
        let files = Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        let provider = Arc::new(crypto::aws_lc_rs::default_provider());
        let pair = files.read()?.pair(&files, &provider)?;
        let presented = Arc::new(Presented {
            files,
            pair: watch::Sender::new(pair),
        });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&presented) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Some(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            presented,
        }))
    }

    /// Looks at the files until the process ends. Connections that are open go on with what they have.
    pub async fn follow(self) {
        metrics::describe_gauge!(
            REFUSED,
            "1 while the certificate's files hold what cannot be used"
        );
        metrics::describe_counter!(HANDSHAKES, "handshakes of TLS");
        metrics::gauge!(REFUSED).set(0);
        let mut told = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let presented = Arc::clone(&self.presented);
            let Ok(renewed) = tokio::task::spawn_blocking(move || presented.renew()).await else {
                continue;
            };
            metrics::gauge!(REFUSED).set(u8::from(renewed.is_err()));
            match renewed {
                Ok(false) => told = None,
                Ok(true) => {
                    tracing::info!("a new certificate is presented from now on");
                    told = None;
                }
                Err(error) => {
                    // Once, not every time that it is looked at.
                    let error = error.to_string();
                    if told.as_ref() != Some(&error) {
                        tracing::error!(error, "the new certificate is refused, the one before stays");
                        told = Some(error);
                    }
                }
            }
        }
    }

    /// The connection, once it speaks TLS. Whoever speaks plain http is told so and no more.
    pub async fn accept(&self, mut stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let handshake = async {
            let mut first = [0];
            if stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase() {
                stream.write_all(PLAIN.as_bytes()).await?;
                stream.shutdown().await?;
                // What is still on its way is taken in, or the answer would be lost on its own.
                while stream.read(&mut [0; 1_024]).await? > 0 {}
                return Ok((None, "plain"));
            }
            if first[0] != RECORD {
                return Ok((None, "failed"));
            }
            let stream = self.acceptor.accept(stream).await?;
            Ok::<_, std::io::Error>((Some(stream), "done"))
        };
        let (stream, result) = match tokio::time::timeout(HANDSHAKE, handshake).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a handshake failed");
                (None, "failed")
            }
            Err(_) => (None, "timed_out"),
        };
        metrics::counter!(HANDSHAKES, "result" => result).increment(1);
        stream
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.presented.files).finish()
    }
}

impl ResolvesServerCert for Presented {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.pair.borrow().certified))
    }
}

impl Presented {
    /// Takes what stands in the files, if that is another pair.
    fn renew(&self) -> Result<bool, TlsError> {
        let content = self.files.read()?;
        if content.digest() == self.pair.borrow().digest {
            return Ok(false);
        }
        let pair = content.pair(&self.files, &Arc::new(crypto::aws_lc_rs::default_provider()))?;
        self.pair.send_replace(pair);
        Ok(true)
    }
}

impl Files {
    fn read(&self) -> Result<Content, TlsError> {
        let read = |file: &Path| {
            std::fs::read(file).map_err(|error| TlsError::File {
                file: file.to_owned(),
                reason: error.to_string(),
            })
        };
        Ok(Content {
            certificate: read(&self.certificate)?,
            key: Zeroizing::new(read(&self.key)?),
        })
    }
}

impl Content {
    /// What tells one pair from another without keeping the key.
    fn digest(&self) -> Vec<u8> {
        let mut digest = Context::new(&SHA256);
        digest.update(&(self.certificate.len() as u64).to_be_bytes());
        digest.update(&self.certificate);
        digest.update(&self.key);
        digest.finish().as_ref().to_vec()
    }

    fn pair(&self, files: &Files, provider: &Arc<CryptoProvider>) -> Result<Pair, TlsError> {
        let refuse = |file: &Path, reason: &str| TlsError::File {
            file: file.to_owned(),
            reason: reason.to_owned(),
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.unwrap_or_default();
        if chain.is_empty() {
            return Err(refuse(&files.certificate, "holds no certificate in PEM"));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| refuse(&files.key, "holds no private key in PEM (PKCS#8, PKCS#1 or SEC1)"))?;
        let certified = CertifiedKey::from_der(chain, key, provider).map_err(|reason| TlsError::Pair {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            reason,
        })?;
        Ok(Pair {
            certified: Arc::new(certified),
            digest: self.digest(),
        })
    }
}
