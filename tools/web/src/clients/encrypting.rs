//! What is encrypted to an application: id tokens, userinfo, authorization responses (RFC 7516; OpenID Connect Core, section 10.2).
//! The rule: where encryption was chosen nothing leaves in the clear; a key that is not there is an error.

use events::applications::ApplicationSettings;
use jose::{
    JoseError,
    jwe::{ContentEncryption, EncryptionKey, KeyManagement},
};
use serde::Serialize;

use super::keys::{KeyRefused, KeySource};
use crate::Edge;

/// How something is encrypted to an application.
struct Encryption {
    key: EncryptionKey,
    content: ContentEncryption,
}

impl Encryption {
    /// `None` where no encryption was chosen.
    async fn of(
        edge: &Edge,
        settings: &ApplicationSettings,
        algorithm: Option<&str>,
        content: Option<&str>,
    ) -> Result<Option<Self>, KeyRefused> {
        let Some(algorithm) = algorithm else {
            return Ok(None);
        };
        let algorithm: KeyManagement = algorithm.parse()?;
        let content = match content {
            Some(content) => content.parse()?,
            None => ContentEncryption::A128CbcHs256,
        };
        let keys = KeySource::from(settings).jwks(edge).await?;
        let key = EncryptionKey::choose(&keys, algorithm)?;
        Ok(Some(Self { key, content }))
    }
}

/// A signed token as it is handed out: encrypted by this `alg` and `enc`, if one was chosen.
pub async fn token(
    edge: &Edge,
    settings: &ApplicationSettings,
    algorithm: Option<&str>,
    content: Option<&str>,
    token: String,
) -> Result<String, KeyRefused> {
    match Encryption::of(edge, settings, algorithm, content).await? {
        None => Ok(token),
        Some(encryption) => Ok(encryption.key.encrypt_token(encryption.content, &token)?),
    }
}

/// Claims that are encrypted and not signed: userinfo of an application that chose so.
pub async fn claims<T: Serialize>(
    edge: &Edge,
    settings: &ApplicationSettings,
    algorithm: &str,
    content: Option<&str>,
    claims: &T,
) -> Result<String, KeyRefused> {
    match Encryption::of(edge, settings, Some(algorithm), content).await? {
        None => Err(KeyRefused::Jose(JoseError::UnsupportedAlgorithm)),
        Some(encryption) => Ok(encryption.key.encrypt_claims(encryption.content, claims)?),
    }
}
