//! Encrypting tokens to a client's public key: JWE in compact form (RFC 7516, RFC 7518 sections 4 and 5). Only
//! encrypting: nothing that is encrypted is ever read here, so there is no decryption to be attacked.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{JoseError, Jwk, Jwks, MAX_TOKEN_BYTES, Result, strict_json};

mod content;
mod recipient;

use recipient::Recipient;

/// How the key of the content reaches the recipient (`alg`, RFC 7518 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum KeyManagement {
    /// RSAES-OAEP with SHA-256.
    #[serde(rename = "RSA-OAEP-256")]
    RsaOaep256,
    /// RSAES-OAEP with its default parameters (SHA-1, which OAEP does not need to be free of collisions).
    #[serde(rename = "RSA-OAEP")]
    RsaOaep,
    /// ECDH with a key of one use, whose result is the key of the content. On P-256.
    #[serde(rename = "ECDH-ES")]
    EcdhEs,
    /// ECDH with a key of one use, whose result wraps the key of the content with AES-128.
    #[serde(rename = "ECDH-ES+A128KW")]
    EcdhEsA128Kw,
    /// ECDH with a key of one use, whose result wraps the key of the content with AES-256.
    #[serde(rename = "ECDH-ES+A256KW")]
    EcdhEsA256Kw,
}

/// How the content is encrypted (`enc`, RFC 7518 section 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ContentEncryption {
    /// AES-128 in CBC mode with HMAC SHA-256: what OpenID Connect Registration (section 2) takes if a client
    /// names none.
    #[default]
    #[serde(rename = "A128CBC-HS256")]
    A128CbcHs256,
    /// AES-256 in CBC mode with HMAC SHA-512.
    #[serde(rename = "A256CBC-HS512")]
    A256CbcHs512,
    /// AES-128 in GCM.
    #[serde(rename = "A128GCM")]
    A128Gcm,
    /// AES-256 in GCM.
    #[serde(rename = "A256GCM")]
    A256Gcm,
}

impl KeyManagement {
    /// Every algorithm, in the order of preference.
    pub const ALL: [Self; 5] = [
        Self::EcdhEsA256Kw,
        Self::EcdhEsA128Kw,
        Self::EcdhEs,
        Self::RsaOaep256,
        Self::RsaOaep,
    ];

    /// The registered name, as it stands in `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::RsaOaep => "RSA-OAEP",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA128Kw => "ECDH-ES+A128KW",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
        }
    }
}

impl ContentEncryption {
    /// Every algorithm, in the order of preference.
    pub const ALL: [Self; 4] = [
        Self::A256Gcm,
        Self::A128Gcm,
        Self::A256CbcHs512,
        Self::A128CbcHs256,
    ];

    /// The registered name, as it stands in `enc`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A128CbcHs256 => "A128CBC-HS256",
            Self::A256CbcHs512 => "A256CBC-HS512",
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
        }
    }
}

impl fmt::Display for KeyManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ContentEncryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyManagement {
    type Err = JoseError;

    fn from_str(name: &str) -> Result<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|one| one.as_str() == name)
            .ok_or(JoseError::UnsupportedAlgorithm)
    }
}

impl FromStr for ContentEncryption {
    type Err = JoseError;

    fn from_str(name: &str) -> Result<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|one| one.as_str() == name)
            .ok_or(JoseError::UnsupportedAlgorithm)
    }
}

/// A client's public key that tokens are encrypted to, with one algorithm.
pub struct EncryptionKey {
    algorithm: KeyManagement,
    kid: Option<String>,
    recipient: Recipient,
}

impl EncryptionKey {
    /// Reads and checks a JWK for this algorithm; `alg`, `use` and `key_ops`, where given, must agree with it.
    ///
    /// [`JoseError::UnsupportedKey`] is a key for something else, [`JoseError::InvalidKey`] one that is broken
    /// or weak.
    pub fn from_jwk(jwk: &Jwk, algorithm: KeyManagement) -> Result<Self> {
        let operations: &[&str] = match algorithm {
            KeyManagement::RsaOaep256 | KeyManagement::RsaOaep => &["encrypt", "wrapKey"],
            KeyManagement::EcdhEs | KeyManagement::EcdhEsA128Kw | KeyManagement::EcdhEsA256Kw => {
                &["deriveKey", "deriveBits"]
            }
        };
        let for_another_algorithm = jwk.alg.as_deref().is_some_and(|alg| alg != algorithm.as_str());
        if for_another_algorithm || !jwk.fits("enc", operations) {
            return Err(JoseError::UnsupportedKey);
        }
        Ok(Self {
            algorithm,
            kid: jwk.kid.clone(),
            recipient: Recipient::new(jwk, algorithm)?,
        })
    }

    /// The key of a client's set for this algorithm: the first that is said to be for encryption, or else the
    /// first that may be. [`JoseError::NoSuitableKey`] if there is none.
    pub fn choose(jwks: &Jwks, algorithm: KeyManagement) -> Result<Self> {
        let said = |jwk: &&Jwk| jwk.key_use.is_some() || jwk.alg.is_some() || jwk.key_ops.is_some();
        let (named, others): (Vec<_>, Vec<_>) = jwks.keys.iter().partition(said);
        named
            .into_iter()
            .chain(others)
            .find_map(|jwk| Self::from_jwk(jwk, algorithm).ok())
            .ok_or(JoseError::NoSuitableKey)
    }

    /// The algorithm that is used with this key.
    pub const fn algorithm(&self) -> KeyManagement {
        self.algorithm
    }

    /// Encrypts a signed token (RFC 7519 section 5.2: a nested one, with `cty` of `JWT`).
    pub fn encrypt_token(&self, encryption: ContentEncryption, token: &str) -> Result<String> {
        self.encrypt(encryption, Some("JWT"), token.as_bytes())
    }

    /// Encrypts claims that are not signed: userinfo for a client that asked for encryption alone.
    pub fn encrypt_claims<T: Serialize>(&self, encryption: ContentEncryption, claims: &T) -> Result<String> {
        let claims = serde_json::to_vec(claims).map_err(|_| JoseError::InvalidClaims)?;
        strict_json::object(&claims).ok_or(JoseError::InvalidClaims)?;
        self.encrypt(encryption, None, &claims)
    }

    /// RFC 7516 section 5.1.
    fn encrypt(&self, encryption: ContentEncryption, cty: Option<&str>, content: &[u8]) -> Result<String> {
        if content.len() > MAX_TOKEN_BYTES {
            return Err(JoseError::TooLarge);
        }
        let agreed = self.recipient.agree(self.algorithm, encryption)?;
        let mut header = Map::new();
        header.insert("alg".into(), self.algorithm.as_str().into());
        header.insert("enc".into(), encryption.as_str().into());
        for (name, value) in [("kid", self.kid.as_deref()), ("cty", cty)] {
            if let Some(value) = value {
                header.insert(name.into(), value.into());
            }
        }
        if let Some(ephemeral) = agreed.ephemeral {
            header.insert("epk".into(), ephemeral);
        }
        let header = BASE64_URL_SAFE_NO_PAD.encode(Value::Object(header).to_string());
        let sealed = encryption.seal(&agreed.content_key, header.as_bytes(), content)?;
        let encoded = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
        Ok(format!(
            "{header}.{}.{}.{}.{}",
            encoded(&agreed.encrypted_key),
            encoded(&sealed.iv),
            encoded(&sealed.ciphertext),
            encoded(&sealed.tag)
        ))
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptionKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}
