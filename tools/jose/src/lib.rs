//! Signing keys, JWK sets, and strict signing and verifying of JSON Web Tokens
//! (RFC 7515, 7517, 7518, 7519, 8037), after the rules of RFC 8725.
//!
//! The rule that this crate protects: **a token is believed only when everything that was expected of it was
//! said beforehand, and all of it holds.** The algorithm comes from the key, the key from its `kid`, the
//! purpose from `typ`; what is malformed, duplicated, absent or null is refused, never treated as fine.
//!
//! # Signing
//! A [`SigningKey`] is generated (or read back from PKCS#8), keeps its key parsed, and signs anything that
//! serialises to a JSON object. Its id is the RFC 7638 thumbprint unless another was chosen.
//!
//! ```
//! # fn main() -> Result<(), jose::JoseError> {
//! use jose::{Algorithm, Expectation, KeySet, SigningKey, verify};
//!
//! let key = SigningKey::generate(Algorithm::Es256)?;
//! let token = key.sign("at+jwt", &serde_json::json!({
//!     "iss": "https://id.example/realms/demo", "sub": "alice", "aud": "orders", "exp": 1_700_000_300,
//! }))?;
//!
//! let keys = KeySet::new([key.verifying_key()])?;
//! let expect = Expectation::new("at+jwt", "https://id.example/realms/demo").audience("orders");
//! let claims = verify(&token, &keys, &expect, 1_700_000_000)?;
//! assert_eq!(claims.subject(), "alice");
//! # Ok(())
//! # }
//! ```
//!
//! # Publishing and rotating
//! [`Jwks`] is what a `jwks_uri` serves; [`KeySet`] is its parsed counterpart. Rotation with overlap is a
//! matter of what is in the set: publish the next key before signing with it, keep the last one until its
//! last token has expired.
//!
//! # What others sign
//! A client's keys are read with [`Jwks::parse`] and [`ForeignKeys`]; what it signs is verified by
//! [`verify_foreign`] (or, with its secret, by [`verify_with_secret`]) against one of the expectations for
//! that use: [`Expectation::client_assertion`], [`Expectation::request_object`],
//! [`Expectation::authorization_grant`]. What an identity provider signs is verified against
//! [`Expectation::id_token`]. Proofs that a sender holds its key are verified by
//! [`dpop::verify`].
//!
//! # Encrypting
//! A signed token is encrypted to a client's key by [`jwe::EncryptionKey`]. Nothing is decrypted here.
//!
//! # Time
//! No clock is read here. Every call that depends on time takes it, in seconds since the Unix epoch.
//!
//! # What is refused
//! See [`verify`] for the whole list, and [`JoseError`] for what each refusal is called.

mod algorithm;
mod checks;
mod claims;
mod compact;
pub mod dpop;
mod error;
mod expectation;
mod foreign;
pub mod jwe;
mod jwk;
mod key_set;
mod signing;
mod strict_json;
#[cfg(feature = "testing")]
pub mod testing;
mod verify;
mod verifying;

pub use algorithm::Algorithm;
pub use claims::Claims;
pub use error::{JoseError, Result};
pub use expectation::{Expectation, MAX_ASSERTION_SECS};
pub use foreign::{
    ForeignKeys, MIN_SECRET_BYTES, SHARED_SECRET_ALGORITHM, unverified_issuer, verify_foreign,
    verify_foreign_with, verify_with_secret,
};
pub use jwk::{Jwk, Jwks, MAX_JWKS_BYTES, MAX_JWKS_KEYS, MAX_KID_BYTES};
pub use key_set::KeySet;
pub use signing::SigningKey;
pub use verify::{judge_sealed, verify};
pub use verifying::VerifyingKey;

/// The longest token, in bytes, that is signed or looked at: 16 KiB.
///
/// Twice what most HTTP servers accept as a header; the bound keeps the work that an unauthenticated caller
/// can ask for small.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
