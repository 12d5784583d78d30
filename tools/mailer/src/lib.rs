//! E-mail by SMTP (RFC 5321): one letter to one person, as HTML and text.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`address`] | addresses that can be sent to, and who a letter is from |
//! | [`server`] | the server's URL, with its secret |
//! | [`letter`] | what is sent |
//! | `error` | why it was not, and whether to try again |
//!
//! The rule: nothing that a tenant or a user typed becomes a header, a command or a second recipient; nothing secret goes over a
//! connection that others can read; and whoever is told of an error knows whether trying again can help.
//!
//! Each letter has a connection of its own: the steps are taken one by one, so that a refusal says what was refused.

pub mod address;
mod error;
pub mod letter;
pub mod server;

use std::{fmt, path::Path, sync::Arc, time::Duration};

use lettre::transport::smtp::{
    authentication::{Credentials, Mechanism},
    client::{AsyncSmtpConnection, Certificate, TlsParameters},
    commands::{Data, Mail, Rcpt},
    extension::{ClientId, Extension, MailParameter},
};
use secrecy::ExposeSecret;

pub use address::{Address, AddressError, Sender, is_name};
pub use error::SendError;
pub use letter::{Inline, Letter, LetterError};
pub use server::{Encryption, ServerUrl, ServerUrlError};

use error::{Step, told};

/// How long one step of the conversation may take.
const STEP: Duration = Duration::from_secs(10);
/// How long all of it may take.
const WHOLE: Duration = Duration::from_secs(30);

/// How the server is reached.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// How long connecting may take, and each answer after it.
    pub step: Duration,
    /// How long a letter may take in all.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            step: STEP,
            whole: WHOLE,
        }
    }
}

/// A mailer that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file of certificate authorities cannot be read, or holds none.
    #[error("{file}: {reason}")]
    Roots {
        /// Which file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS cannot be set up.
    #[error("TLS to the mail server: {0}")]
    Tls(String),
}

/// Sends letters. Clones share everything.
#[derive(Clone)]
pub struct Mailer {
    server: Arc<ServerUrl>,
    from: Arc<Sender>,
    tls: Option<TlsParameters>,
    timeouts: Timeouts,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Mailer {
    /// A mailer by this server, from this address. `extra_roots` is a PEM file of certificate authorities that are trusted
    /// beside the platform's.
    pub fn new(
        server: ServerUrl,
        from: Sender,
        extra_roots: Option<&Path>,
        timeouts: Timeouts,
    ) -> Result<Self, SetupError> {
        let tls = match server.encryption() {
            Encryption::None => None,
            Encryption::StartTls | Encryption::Implicit => {
                let mut tls = TlsParameters::builder(server.host().to_owned());
                if let Some(file) = extra_roots {
                    tls = tls.add_root_certificate(roots(file)?);
                }
                let tls = tls
                    .build_rustls()
                    .map_err(|error| SetupError::Tls(error.to_string()))?;
                Some(tls)
            }
        };
        Ok(Self {
            server: Arc::new(server),
            from: Arc::new(from),
            tls,
            timeouts,
        })
    }

    /// Who letters are from.
    pub fn from(&self) -> &Sender {
        &self.from
    }

    /// Sends a letter. When this returns the server has taken it over, or has not: a [`SendError::Temporary`] after the last
    /// line was sent leaves that open, and the same letter sent again has the same `Message-ID`.
    pub async fn send(&self, letter: &Letter<'_>) -> Result<(), SendError> {
        // Made before the server is troubled: what cannot be written is nobody's fault there.
        let written = letter
            .write(&self.from)
            .map_err(|error| SendError::Letter(error.to_string()))?;
        match tokio::time::timeout(self.timeouts.whole, self.converse(letter.to, &written)).await {
            Ok(sent) => sent,
            Err(_) => Err(SendError::Temporary("the mail server took too long".to_owned())),
        }
    }

    /// Whether the server takes letters from here: connects, encrypts, signs in and leaves.
    pub async fn check(&self) -> Result<(), SendError> {
        let checking = async {
            let mut connection = self.connect().await?;
            connection.abort().await;
            Ok(())
        };
        match tokio::time::timeout(self.timeouts.whole, checking).await {
            Ok(checked) => checked,
            Err(_) => Err(SendError::Temporary("the mail server took too long".to_owned())),
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, SendError> {
        let server = &*self.server;
        // A name that resolves is not needed to submit (RFC 6409), and ours is often private: the sender's domain is told.
        let hello = ClientId::Domain(self.from.address().domain().to_owned());
        let implicit = self
            .tls
            .clone()
            .filter(|_| server.encryption() == Encryption::Implicit);
        let connecting = AsyncSmtpConnection::connect_tokio1(
            (server.host(), server.port()),
            Some(self.timeouts.step),
            &hello,
            implicit,
            None,
        );
        let mut connection = tokio::time::timeout(self.timeouts.step * 2, connecting)
            .await
            .map_err(|_| SendError::Temporary("the mail server does not answer".to_owned()))?
            .map_err(|error| told(Step::Connect, &error))?;
        if let (Encryption::StartTls, Some(tls)) = (server.encryption(), self.tls.clone()) {
            if !connection.can_starttls() {
                connection.abort().await;
                return Err(SendError::Configuration(
                    "the mail server does not offer STARTTLS, and nothing is sent in the clear".to_owned(),
                ));
            }
            connection
                .starttls(tls, &hello)
                .await
                .map_err(|error| told(Step::Encrypt, &error))?;
        }
        if let Some((user, password)) = server.credentials() {
            let credentials = Credentials::new(user.to_owned(), password.expose_secret().to_owned());
            let signing_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
            if let Err(error) = signing_in.await {
                connection.abort().await;
                return Err(told(Step::SignIn, &error));
            }
        }
        Ok(connection)
    }

    async fn converse(&self, to: &Address, written: &[u8]) -> Result<(), SendError> {
        let mut connection = self.connect().await?;
        let sent = self.hand_over(&mut connection, to, written).await;
        connection.abort().await;
        sent
    }

    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        to: &Address,
        written: &[u8],
    ) -> Result<(), SendError> {
        let mut parameters = Vec::new();
        if !to.is_ascii() {
            // RFC 6531: an address that is not ASCII is never sent to a server that does not know of such.
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(SendError::Recipient(
                    "the mail server takes no addresses outside ASCII".to_owned(),
                ));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let from = self.from.address().to_lettre();
        connection
            .command(Mail::new(Some(from), parameters))
            .await
            .map_err(|error| told(Step::Sender, &error))?;
        connection
            .command(Rcpt::new(to.to_lettre(), Vec::new()))
            .await
            .map_err(|error| told(Step::Recipient, &error))?;
        connection
            .command(Data)
            .await
            .map_err(|error| told(Step::Content, &error))?;
        connection
            .message(written)
            .await
            .map_err(|error| told(Step::Content, &error))?;
        Ok(())
    }
}

fn roots(file: &Path) -> Result<Certificate, SetupError> {
    let refuse = |reason: String| SetupError::Roots {
        file: file.display().to_string(),
        reason,
    };
    let pem = std::fs::read(file).map_err(|error| refuse(error.to_string()))?;
    if !String::from_utf8_lossy(&pem).contains("BEGIN CERTIFICATE") {
        return Err(refuse("holds no certificate".to_owned()));
    }
    Certificate::from_pem(&pem).map_err(|error| refuse(error.to_string()))
}
