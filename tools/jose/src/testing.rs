//! What clients make of their keys, for the tests of those who judge it: DPoP proofs, good ones and others.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::{Algorithm, JoseError, Jwk, Result, SigningKey};

/// The header of a proof by this key.
pub fn proof_header(key: &SigningKey) -> Value {
    let jwk = Jwk {
        kid: None,
        alg: None,
        key_use: None,
        ..key.public_jwk()
    };
    json!({ "typ": "dpop+jwt", "alg": key.algorithm(), "jwk": jwk })
}

/// A proof of exactly this header and these claims, signed by an ES256 key whatever the header says.
pub fn proof(key: &SigningKey, header: &Value, claims: &Value) -> Result<String> {
    if key.algorithm() != Algorithm::Es256 {
        return Err(JoseError::UnsupportedAlgorithm);
    }
    let encode = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
    let signed = format!(
        "{}.{}",
        encode(header.to_string().as_bytes()),
        encode(claims.to_string().as_bytes())
    );
    let signature = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.to_pkcs8())
        .map_err(|_| JoseError::InvalidKey)?
        .sign(&SystemRandom::new(), signed.as_bytes())
        .map_err(|_| JoseError::SigningFailed)?;
    Ok(format!("{signed}.{}", encode(signature.as_ref())))
}

/// `ath` of a proof for this access token (RFC 9449, section 4.2).
pub fn hash(access_token: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, access_token.as_bytes()))
}
