//! What clients sign: assertions by which they show who they are, request objects, assertions that they
//! exchange (RFC 7523, RFC 9101). The keys are theirs, and less tidy than ours; the algorithm still comes from
//! the key, within those that the caller allows, and a shared secret never meets a public key.

use aws_lc_rs::hmac;
use serde_json::Value;

use crate::checks::{check_claims, check_type};
use crate::compact::Compact;
use crate::{Algorithm, Claims, Expectation, JoseError, Jwks, Result, VerifyingKey};

/// The one algorithm of what is signed with a shared secret (RFC 7518, section 3.2).
pub const SHARED_SECRET_ALGORITHM: &str = "HS256";
/// The shortest secret, in bytes, that HS256 is verified with (RFC 7518 section 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// The keys that a client signs with. Unlike in a [`KeySet`](crate::KeySet), a key may lack an id, and one
/// RSA key that does not name its algorithm stands for RS256 and for PS256.
#[derive(Clone, Debug, Default)]
pub struct ForeignKeys(Vec<VerifyingKey>);

impl ForeignKeys {
    /// Reads the keys for signatures out of a set of a client's (see [`Jwks::parse`]). Keys for encryption
    /// and of kinds that are not ours are left out.
    ///
    /// [`JoseError::InvalidKey`] is a broken or weak key; [`JoseError::DuplicateKeyId`] an id that two keys of
    /// one kind have: of two kinds the algorithm tells which is meant (RFC 7517 section 4.5).
    pub fn from_jwks(jwks: &Jwks) -> Result<Self> {
        let mut keys: Vec<VerifyingKey> = Vec::with_capacity(jwks.keys.len());
        for jwk in &jwks.keys {
            let before = keys.len();
            for algorithm in VerifyingKey::possible(jwk) {
                match VerifyingKey::of_algorithm(jwk, *algorithm) {
                    Ok(key) => keys.push(key),
                    Err(JoseError::UnsupportedKey) => {}
                    Err(error) => return Err(error),
                }
            }
            let (known, new) = keys.split_at(before);
            if new.iter().any(|new| {
                known
                    .iter()
                    .any(|known| known.kid() == new.kid() && known.algorithm() == new.algorithm())
            }) {
                return Err(JoseError::DuplicateKeyId);
            }
        }
        Ok(Self(keys))
    }

    /// Whether there is no key, so that no token will be believed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one key that a token can be signed with: that of its `kid`, or, if it names none, the only one of
    /// its algorithm.
    fn choose(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&VerifyingKey> {
        let mut fitting = self
            .0
            .iter()
            .filter(|key| key.algorithm() == algorithm && kid.is_none_or(|kid| key.kid() == kid));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(JoseError::MissingKeyId),
            (None, _) if self.0.iter().any(|key| Some(key.kid()) == kid) => Err(JoseError::AlgorithmMismatch),
            (None, _) => Err(JoseError::UnknownKey),
        }
    }
}

/// Verifies a token that a client signed, at `now_secs` (seconds since the Unix epoch): refused as
/// [`verify`](fn@crate::verify) refuses, except that `kid` may be absent if exactly one key fits.
///
/// [`JoseError::AlgorithmMismatch`] is an `alg` that is not among the `allowed` ones, or not of the key that
/// is named; [`JoseError::UnknownKey`] is a key that is not in the set: a reason to fetch it again.
pub fn verify_foreign(
    token: &str,
    keys: &ForeignKeys,
    allowed: &[Algorithm],
    expect: &Expectation,
    now_secs: i64,
) -> Result<Claims> {
    verify_foreign_with(token, keys, allowed, expect, now_secs).map(|(claims, _)| claims)
}

/// The same, and the algorithm of the signature, which tells how the token hashes what it goes with
/// ([`Algorithm::left_half_hash`]).
pub fn verify_foreign_with(
    token: &str,
    keys: &ForeignKeys,
    allowed: &[Algorithm],
    expect: &Expectation,
    now_secs: i64,
) -> Result<(Claims, Algorithm)> {
    let token = Compact::parse(token)?;
    check_type(token.text("typ")?, expect)?;
    let algorithm = token
        .text("alg")?
        .and_then(|name| name.parse().ok())
        .filter(|algorithm| allowed.contains(algorithm))
        .ok_or(JoseError::AlgorithmMismatch)?;
    let key = keys.choose(token.text("kid")?, algorithm)?;
    key.verify_signature(token.signed, &token.signature)?;
    let payload = token.payload()?;
    check_claims(&payload, expect, now_secs)?;
    Ok((Claims::new(payload), algorithm))
}

/// Verifies a token that a client signed with HS256 by its secret (`client_secret_jwt`, OpenID Connect Core
/// section 9), at `now_secs`. There is no key set here, and no secret in a key set, so neither is ever taken
/// for the other.
///
/// [`JoseError::InvalidKey`] is a secret of less than [`MIN_SECRET_BYTES`].
pub fn verify_with_secret(token: &str, secret: &[u8], expect: &Expectation, now_secs: i64) -> Result<Claims> {
    if secret.len() < MIN_SECRET_BYTES {
        return Err(JoseError::InvalidKey);
    }
    let token = Compact::parse(token)?;
    check_type(token.text("typ")?, expect)?;
    token.text("kid")?;
    if token.text("alg")? != Some(SHARED_SECRET_ALGORITHM) {
        return Err(JoseError::AlgorithmMismatch);
    }
    // In constant time.
    hmac::verify(
        &hmac::Key::new(hmac::HMAC_SHA256, secret),
        token.signed,
        &token.signature,
    )
    .map_err(|_| JoseError::InvalidSignature)?;
    let payload = token.payload()?;
    check_claims(&payload, expect, now_secs)?;
    Ok(Claims::new(payload))
}

/// Who a token says that it is from, **before anything of it is verified**: only to find the keys or the
/// secret that it is then verified with, and to be said again in the expectation. Where `iss` is no string,
/// [`JoseError::InvalidClaim`].
pub fn unverified_issuer(token: &str) -> Result<String> {
    match Compact::parse(token)?.payload()?.remove("iss") {
        Some(Value::String(issuer)) => Ok(issuer),
        _ => Err(JoseError::InvalidClaim("iss")),
    }
}
