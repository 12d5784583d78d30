//! A public key that is parsed once, checked once, and bound to one algorithm. The binding is what makes
//! algorithm confusion impossible: a signature is only ever checked with the algorithm of the key.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaParameters,
    RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::{Algorithm, JoseError, Jwk, Result};

static RS256: RsaParameters = RSA_PKCS1_2048_8192_SHA256;

/// A public key that verifies signatures of one algorithm.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    kid: String,
    key: ParsedPublicKey,
}

impl VerifyingKey {
    /// Reads and checks a JWK. The algorithm follows from the kind of key; `alg` and `use`, where given, must
    /// agree with it. A key without `kid` goes by its thumbprint.
    ///
    /// [`JoseError::UnsupportedKey`] is a key of a kind that is not ours; [`JoseError::InvalidKey`] is one
    /// that is broken or weak.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self> {
        let algorithm = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("EC", Some("P-256")) => Algorithm::Es256,
            ("OKP", Some("Ed25519")) => Algorithm::EdDsa,
            ("RSA", None) => Algorithm::Rs256,
            _ => return Err(JoseError::UnsupportedKey),
        };
        let for_another_use = jwk.key_use.as_deref().is_some_and(|key_use| key_use != "sig");
        let for_another_algorithm = jwk.alg.as_deref().is_some_and(|alg| alg != algorithm.as_str());
        if for_another_use || for_another_algorithm {
            return Err(JoseError::UnsupportedKey);
        }
        let key = match algorithm {
            Algorithm::Es256 => {
                // SEC 1 section 2.3.3: an uncompressed point. That it lies on the curve is checked by the
                // library.
                let point = [
                    &[4][..],
                    &octets::<32>(jwk.x.as_ref())?,
                    &octets::<32>(jwk.y.as_ref())?,
                ]
                .concat();
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            }
            Algorithm::EdDsa => ParsedPublicKey::new(&ED25519, octets::<32>(jwk.x.as_ref())?),
            Algorithm::Rs256 => {
                let (n, e) = (decoded(jwk.n.as_ref())?, decoded(jwk.e.as_ref())?);
                if !strong_enough(&n, &e) {
                    return Err(JoseError::InvalidKey);
                }
                RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RS256)
            }
        }
        .map_err(|_| JoseError::InvalidKey)?;
        let kid = match &jwk.kid {
            Some(kid) if kid.is_empty() => return Err(JoseError::InvalidKey),
            Some(kid) => kid.clone(),
            None => jwk.thumbprint()?,
        };
        Ok(Self { algorithm, kid, key })
    }

    /// The one algorithm of this key.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key's id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether this is the key's signature of the message.
    pub(crate) fn verify_signature(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        self.key
            .verify_sig(message, signature)
            .map_err(|_| JoseError::InvalidSignature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// A modulus of 2048 to 8192 bits, and an odd exponent above 2^16 (FIPS 186-5 section 5.1) and of at most 33
/// bits. The library would take an exponent of 1, under which every message is its own signature, and looks
/// at the size only when it verifies.
fn strong_enough(n: &[u8], e: &[u8]) -> bool {
    let bits = |number: &[u8]| {
        number
            .first()
            .map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
    };
    let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    (2048..=8192).contains(&bits(n)) && odd(n) && (17..=33).contains(&bits(e)) && odd(e)
}

/// A member of exactly `N` bytes (RFC 7518 section 6.2.1.2: coordinates keep their leading zeros).
fn octets<const N: usize>(member: Option<&String>) -> Result<[u8; N]> {
    decoded(member)?.try_into().map_err(|_| JoseError::InvalidKey)
}

/// A member that must be there, in canonical base64url.
fn decoded(member: Option<&String>) -> Result<Vec<u8>> {
    let text = member.ok_or(JoseError::InvalidKey)?;
    BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| JoseError::InvalidKey)
}
