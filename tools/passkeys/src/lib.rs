//! Passkeys (Web Authentication Level 3) for a relying party that keeps no state of its own: what must be remembered between the
//! two halves of a ceremony is a value that the caller seals and hands out, and what must be remembered of a passkey is a plain record.
//!
//! The signatures, attestation statements and flags are judged by `webauthn-rs-core`. This crate adds what that one leaves to its caller:
//! policies, bounds, the owner of a passkey that was discovered, and records that do not depend on a library's own format (the public key
//! is a COSE_Key, RFC 9052, which every library reads).
//!
//! | step | call | with the browser |
//! | --- | --- | --- |
//! | a person adds a passkey | [`RelyingParty::begin_registration`] | `navigator.credentials.create(options)` |
//! | | [`RelyingParty::finish_registration`] | its answer as JSON (`toJSON()`) |
//! | a person signs in | [`RelyingParty::begin_authentication`] | `navigator.credentials.get(options)` |
//! | | [`Assertion::parse`], then [`RelyingParty::finish_authentication`] with that person's passkey | its answer as JSON |
//!
//! **The caller's part**: each half-done ceremony is good once, for a short time, in the browser that began it; a credential id belongs to one
//! user; the counter and flags of each use are kept.

mod authenticating;
mod error;
mod policy;
mod record;
mod registering;
#[cfg(feature = "testing")]
pub mod testing;

pub use authenticating::{Assertion, Authentication, Use};
pub use error::PasskeyError;
pub use policy::{Attestation, Policy, TrustedAuthenticator, UserVerification};
pub use record::Passkey;
pub use registering::{Person, Registration};

use std::time::Duration;

use url::Url;
use webauthn_rs_core::WebauthnCore;

/// The longest answer of a browser that is looked at, in bytes.
pub const MAX_ANSWER: usize = 64 * 1024;
/// The longest credential id, in bytes (Web Authentication Level 3, section 7.1).
pub const MAX_CREDENTIAL_ID: usize = 1_023;

/// Whoever passkeys are made for: a domain, and the pages that may use them.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    core: WebauthnCore,
}

impl RelyingParty {
    /// `id` is a domain; each of `origins` is on it or below it, with https, or http on localhost. `name` is shown to people. A ceremony
    /// that takes longer than `patience` is given up by the browser.
    pub fn new(id: &str, origins: &[Url], name: &str, patience: Duration) -> Result<Self, PasskeyError> {
        let fits = |origin: &Url| {
            let host = origin.host_str().unwrap_or_default();
            let below = host
                .strip_suffix(id)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            below && (origin.scheme() == "https" || (origin.scheme() == "http" && host == "localhost"))
        };
        if id.is_empty() || origins.is_empty() || !origins.iter().all(fits) {
            return Err(PasskeyError::Origin);
        }
        let core = WebauthnCore::new_unsafe_experts_only(name, id, origins.to_vec(), patience, None, None);
        Ok(Self { core })
    }
}

#[cfg(test)]
mod tests;
