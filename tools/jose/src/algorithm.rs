//! The signature algorithms that are spoken here, by their registered names (RFC 7518 section 3.1, RFC 8037).
//! The list is closed: neither `none` nor a symmetric algorithm can be named, so neither can be chosen.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::JoseError;

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: small and quick, the default.
    #[serde(rename = "ES256")]
    Es256,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes: what FAPI 2.0 allows of RSA.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256: what every client understands (OpenID Connect's default for id
    /// tokens).
    #[serde(rename = "RS256")]
    Rs256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// Every algorithm, in the order of preference.
    pub const ALL: [Self; 4] = [Self::Es256, Self::Ps256, Self::Rs256, Self::EdDsa];

    /// The registered name, as it stands in `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The left half of a value's hash, base64url: `at_hash`, `c_hash` and `s_hash` of an id token that is
    /// signed with this algorithm (OpenID Connect Core sections 3.1.3.6 and 3.3.2.11, FAPI 1.0 part 2
    /// section 5.1). Ed25519 hashes with SHA-512 (RFC 8032).
    pub fn left_half_hash(self, value: &str) -> String {
        let hash = match self {
            Self::Es256 | Self::Ps256 | Self::Rs256 => digest(&SHA256, value.as_bytes()),
            Self::EdDsa => digest(&SHA512, value.as_bytes()),
        };
        let hash = hash.as_ref();
        BASE64_URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = JoseError;

    /// Names are case-sensitive (RFC 7515 section 4.1.1).
    fn from_str(name: &str) -> Result<Self, JoseError> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
            .ok_or(JoseError::UnsupportedAlgorithm)
    }
}
