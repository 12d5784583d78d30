//! A public key that is parsed once, checked once, and bound to one algorithm. The binding is what makes
//! algorithm confusion impossible: a signature is only ever checked with the algorithm of the key.

use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
    RsaParameters,
};

use crate::{Algorithm, JoseError, Jwk, Result, jwk};

static RS256: RsaParameters = RSA_PKCS1_2048_8192_SHA256;
/// With a salt as long as the hash, no other (RFC 7518 section 3.5).
static PS256: RsaParameters = RSA_PSS_2048_8192_SHA256;

/// A public key that verifies signatures of one algorithm.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    kid: String,
    key: ParsedPublicKey,
}

impl VerifyingKey {
    /// Reads and checks a JWK. The algorithm follows from the kind of key; `alg`, `use` and `key_ops`, where
    /// given, must agree with it. An RSA key is one of RS256 unless its `alg` says PS256. A key without `kid`
    /// goes by its thumbprint.
    ///
    /// [`JoseError::UnsupportedKey`] is a key of a kind that is not ours; [`JoseError::InvalidKey`] is one
    /// that is broken or weak.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self> {
        let algorithm = match (Self::possible(jwk), jwk.alg.as_deref()) {
            ([], _) => return Err(JoseError::UnsupportedKey),
            (_, Some("PS256")) => Algorithm::Ps256,
            ([first, ..], _) => *first,
        };
        Self::of_algorithm(jwk, algorithm)
    }

    /// The algorithms that a key of this kind could be of, the usual one first.
    pub(crate) fn possible(jwk: &Jwk) -> &'static [Algorithm] {
        match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("EC", Some("P-256")) => &[Algorithm::Es256],
            ("OKP", Some("Ed25519")) => &[Algorithm::EdDsa],
            ("RSA", None) => &[Algorithm::Rs256, Algorithm::Ps256],
            _ => &[],
        }
    }

    /// The JWK as a key of this algorithm; refused as [`from_jwk`](Self::from_jwk) does.
    pub(crate) fn of_algorithm(jwk: &Jwk, algorithm: Algorithm) -> Result<Self> {
        let for_another_algorithm = jwk.alg.as_deref().is_some_and(|alg| alg != algorithm.as_str());
        if !Self::possible(jwk).contains(&algorithm) || for_another_algorithm || !jwk.fits("sig", &["verify"])
        {
            return Err(JoseError::UnsupportedKey);
        }
        let key = match algorithm {
            Algorithm::Es256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, jwk.p256_point()?),
            Algorithm::EdDsa => ParsedPublicKey::new(&ED25519, jwk::octets::<32>(jwk.x.as_ref())?),
            Algorithm::Ps256 => jwk.rsa_components()?.to_parsed_public_key(&PS256),
            Algorithm::Rs256 => jwk.rsa_components()?.to_parsed_public_key(&RS256),
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
