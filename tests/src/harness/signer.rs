//! A key of somebody outside (an application, a device, a partner), and what they sign with it: the good, and whatever else a test wants to
//! have signed.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::clock::{Clock, SystemClock};
use jose::{Algorithm, Jwk, SigningKey};
use serde_json::{Value, json};

use super::unique;

/// An ES256 key.
#[derive(Debug)]
pub struct Signer(SigningKey);

impl Default for Signer {
    fn default() -> Self {
        Self(SigningKey::generate(Algorithm::Es256).expect("a key"))
    }
}

/// Now, in seconds since 1970.
pub fn now() -> i64 {
    SystemClock.now().seconds()
}

impl Signer {
    /// The public half.
    pub fn public_jwk(&self) -> Jwk {
        self.0.public_jwk()
    }

    /// The public half as a set.
    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.public_jwk()] })
    }

    /// The id of the key.
    pub fn kid(&self) -> &str {
        self.0.kid()
    }

    /// A token of exactly this header and these claims, signed by this key whatever the header says.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// The same of texts, which need not be JSON.
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.0.to_pkcs8()).expect("a key");
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }

    /// The header of what an application signs.
    pub fn header(&self, typ: &str) -> Value {
        json!({ "typ": typ, "alg": "ES256", "kid": self.kid() })
    }

    /// The header of a DPoP proof (RFC 9449, section 4.2).
    pub fn proof_header(&self) -> Value {
        let jwk = Jwk {
            kid: None,
            alg: None,
            key_use: None,
            ..self.public_jwk()
        };
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk })
    }

    /// A DPoP proof of a request.
    pub fn proof(&self, method: &str, url: &str) -> String {
        self.sign(&self.proof_header(), &proof_claims(method, url))
    }

    /// An assertion of an application about itself (RFC 7523, section 2.2).
    pub fn client_assertion(&self, client_id: &str, audience: &str) -> String {
        let claims = assertion_claims(client_id, client_id, audience);
        self.sign(&self.header("client-authentication+jwt"), &claims)
    }

    /// An assertion of an issuer about a user (RFC 7523, section 2.1).
    pub fn grant_assertion(&self, issuer: &str, subject: &str, audience: &str) -> String {
        let claims = assertion_claims(issuer, subject, audience);
        self.sign(&self.header("authorization-grant+jwt"), &claims)
    }
}

/// What a DPoP proof says.
pub fn proof_claims(method: &str, url: &str) -> Value {
    json!({ "jti": unique(), "htm": method, "htu": url, "iat": now() })
}

/// What an assertion says.
pub fn assertion_claims(issuer: &str, subject: &str, audience: &str) -> Value {
    json!({
        "iss": issuer, "sub": subject, "aud": audience, "exp": now() + 300, "iat": now(), "jti": unique(),
    })
}
