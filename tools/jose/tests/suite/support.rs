//! Keys made once, a claim set that is in order, and ways to forge a token that a signer would never make.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jose::{Algorithm, Claims, Expectation, JoseError, KeySet, SigningKey, verify};
use serde_json::{Value, json};

pub const NOW: i64 = 1_800_000_000;
pub const ISSUER: &str = "https://id.example/realms/demo";

pub static ES256: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());
pub static RS256: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::Rs256).unwrap());
pub static PS256: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::Ps256).unwrap());
pub static EDDSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::EdDsa).unwrap());

pub fn signers() -> [&'static SigningKey; 4] {
    [&ES256, &PS256, &RS256, &EDDSA]
}

pub fn keys() -> KeySet {
    KeySet::new(signers().map(SigningKey::verifying_key)).unwrap()
}

pub fn expect() -> Expectation {
    Expectation::new("at+jwt", ISSUER).audience("orders")
}

pub fn claims() -> Value {
    json!({ "iss": ISSUER, "sub": "alice", "aud": "orders", "iat": NOW, "nbf": NOW, "exp": NOW + 300 })
}

/// The claims in order, with one of them set to something else, or (`None`) left out.
pub fn claims_with(name: &str, value: Option<Value>) -> Value {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    claims
}

pub fn check(token: &str) -> Result<Claims, JoseError> {
    verify(token, &keys(), &expect(), NOW)
}

pub fn encode(part: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part)
}

pub fn header() -> Value {
    json!({ "alg": "ES256", "typ": "at+jwt", "kid": ES256.kid() })
}

/// A token of exactly this header and payload text, rightly signed by the ES256 key.
pub fn forge(header: &str, payload: &str) -> String {
    signed_by(&ES256, header, payload)
}

/// A token of exactly this header and payload text, rightly signed by this key, whatever the header says.
pub fn signed_by(signer: &SigningKey, header: &str, payload: &str) -> String {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
        RsaEncoding, RsaKeyPair,
    };

    let (random, pkcs8) = (SystemRandom::new(), signer.to_pkcs8());
    let signed = format!("{}.{}", encode(header), encode(payload));
    let rsa = |padding: &'static dyn RsaEncoding| {
        let pair = RsaKeyPair::from_pkcs8(&pkcs8).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(padding, &random, signed.as_bytes(), &mut signature)
            .unwrap();
        signature
    };
    let signature = match signer.algorithm() {
        Algorithm::Es256 => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8)
            .unwrap()
            .sign(&random, signed.as_bytes())
            .unwrap()
            .as_ref()
            .to_vec(),
        Algorithm::Ps256 => rsa(&RSA_PSS_SHA256),
        Algorithm::Rs256 => rsa(&RSA_PKCS1_SHA256),
        Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(&pkcs8)
            .unwrap()
            .sign(signed.as_bytes())
            .as_ref()
            .to_vec(),
    };
    format!("{signed}.{}", encode(signature))
}
