//! How the key of the content reaches the recipient: encrypted with its RSA key, or agreed on with its EC key
//! and one of ours that is used once (RFC 7518 sections 4.3 and 4.6).

use aws_lc_rs::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest};
use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrap};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPublicEncryptingKey, PublicEncryptingKey,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{ContentEncryption, KeyManagement};
use crate::{JoseError, Jwk, Result, VerifyingKey};

/// A recipient's public key.
pub(super) enum Recipient {
    Rsa(OaepPublicEncryptingKey),
    /// An uncompressed point of P-256.
    P256(Vec<u8>),
}

/// The key of the content, and what tells it to the recipient alone.
pub(super) struct Agreed {
    pub content_key: Zeroizing<Vec<u8>>,
    pub encrypted_key: Vec<u8>,
    /// `epk`: the public half of our key, with ECDH.
    pub ephemeral: Option<Value>,
}

impl Recipient {
    /// The key as one for this algorithm.
    pub(super) fn new(jwk: &Jwk, algorithm: KeyManagement) -> Result<Self> {
        let invalid = |_| JoseError::InvalidKey;
        match (algorithm, jwk.kty.as_str(), jwk.crv.as_deref()) {
            (KeyManagement::RsaOaep256 | KeyManagement::RsaOaep, "RSA", None) => {
                let der = jwk
                    .rsa_components()?
                    .as_der()
                    .map_err(|_| JoseError::InvalidKey)?;
                let key = PublicEncryptingKey::from_der(der.as_ref()).map_err(|_| JoseError::InvalidKey)?;
                OaepPublicEncryptingKey::new(key).map(Self::Rsa).map_err(invalid)
            }
            (
                KeyManagement::EcdhEs | KeyManagement::EcdhEsA128Kw | KeyManagement::EcdhEsA256Kw,
                "EC",
                Some("P-256"),
            ) => {
                // That the point lies on the curve is checked as of a verifier's.
                let bare = Jwk {
                    key_use: None,
                    key_ops: None,
                    alg: None,
                    ..jwk.clone()
                };
                VerifyingKey::from_jwk(&bare)?;
                jwk.p256_point().map(Self::P256)
            }
            _ => Err(JoseError::UnsupportedKey),
        }
    }

    /// A new key for content of this encryption, told to the recipient by this algorithm.
    pub(super) fn agree(&self, algorithm: KeyManagement, encryption: ContentEncryption) -> Result<Agreed> {
        match self {
            Self::Rsa(key) => {
                let padding: &'static OaepAlgorithm = match algorithm {
                    KeyManagement::RsaOaep => &OAEP_SHA1_MGF1SHA1,
                    _ => &OAEP_SHA256_MGF1SHA256,
                };
                let content_key = random_key(encryption)?;
                let mut encrypted_key = vec![0; key.ciphertext_size()];
                key.encrypt(padding, &content_key, &mut encrypted_key, None)
                    .map_err(|_| JoseError::EncryptionFailed)?;
                Ok(Agreed {
                    content_key,
                    encrypted_key,
                    ephemeral: None,
                })
            }
            Self::P256(point) => agree_on_p256(point, algorithm, encryption),
        }
    }
}

fn random_key(encryption: ContentEncryption) -> Result<Zeroizing<Vec<u8>>> {
    let mut key = Zeroizing::new(vec![0; encryption.key_bytes()]);
    rand::fill(&mut key).map_err(|_| JoseError::EncryptionFailed)?;
    Ok(key)
}

/// RFC 7518 section 4.6, with a key of ours that is used this once.
fn agree_on_p256(point: &[u8], algorithm: KeyManagement, encryption: ContentEncryption) -> Result<Agreed> {
    let failed = |_| JoseError::EncryptionFailed;
    let ours = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).map_err(failed)?;
    let public = ours.compute_public_key().map_err(failed)?;
    let (x, y) = match public.as_ref() {
        [4, point @ ..] if point.len() == 64 => point.split_at(32),
        _ => return Err(JoseError::EncryptionFailed),
    };
    let encoded = |octets: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(octets);
    let ephemeral = json!({ "kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y) });

    // What the agreement is for is part of the key: `enc` if it is the key of the content, else `alg`.
    let (purpose, bytes, wrap) = match algorithm {
        KeyManagement::EcdhEsA128Kw => (algorithm.as_str(), 16, Some(&AES_128)),
        KeyManagement::EcdhEsA256Kw => (algorithm.as_str(), 32, Some(&AES_256)),
        _ => (encryption.as_str(), encryption.key_bytes(), None),
    };
    let theirs = UnparsedPublicKey::new(&ECDH_P256, point);
    let agreed = agree_ephemeral(ours, theirs, JoseError::EncryptionFailed, |secret| {
        derived(secret, purpose, bytes)
    })?;
    let Some(cipher) = wrap else {
        return Ok(Agreed {
            content_key: agreed,
            encrypted_key: Vec::new(),
            ephemeral: Some(ephemeral),
        });
    };
    let content_key = random_key(encryption)?;
    let mut encrypted_key = vec![0; content_key.len() + 8];
    AesKek::new(cipher, &agreed)
        .and_then(|kek| kek.wrap(&content_key, &mut encrypted_key).map(|_| ()))
        .map_err(failed)?;
    Ok(Agreed {
        content_key,
        encrypted_key,
        ephemeral: Some(ephemeral),
    })
}

/// The Concat KDF of RFC 7518 section 4.6.2 (NIST SP 800-56A section 5.8.1) with SHA-256; neither side gives
/// a name of its own (`apu`, `apv`).
fn derived(secret: &[u8], purpose: &str, bytes: usize) -> Result<Zeroizing<Vec<u8>>> {
    derived_between(secret, purpose, [b"", b""], bytes)
}

fn derived_between(
    secret: &[u8],
    purpose: &str,
    parties: [&[u8]; 2],
    bytes: usize,
) -> Result<Zeroizing<Vec<u8>>> {
    let length = |number: usize| {
        u32::try_from(number)
            .map(u32::to_be_bytes)
            .map_err(|_| JoseError::EncryptionFailed)
    };
    let mut info = Vec::with_capacity(64);
    for part in [purpose.as_bytes(), parties[0], parties[1]] {
        info.extend_from_slice(&length(part.len())?);
        info.extend_from_slice(part);
    }
    info.extend_from_slice(&length(bytes * 8)?);
    let hash =
        get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256).ok_or(JoseError::EncryptionFailed)?;
    let mut key = Zeroizing::new(vec![0; bytes]);
    sskdf_digest(hash, secret, &info, &mut key).map_err(|_| JoseError::EncryptionFailed)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;

    /// RFC 7518 appendix C: the shared secret, the parties' names, and the key that follows.
    #[test]
    fn the_agreed_key_of_rfc_7518_comes_out() {
        let secret = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163,
            218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        let key = super::derived_between(&secret, "A128GCM", [b"Alice", b"Bob"], 16).unwrap();
        assert_eq!(BASE64_URL_SAFE_NO_PAD.encode(&*key), "VqqN6vgjbSBcIijNcacQGg");
    }
}
