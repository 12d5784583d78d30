//! Public keys as they are published: JSON Web Keys, sets of them, and their thumbprints (RFC 7517, 7518
//! section 6, 7638, 8037). A private or symmetric key never passes: it has no field here, and text that holds
//! one is refused.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{JoseError, Result};

/// A public JSON Web Key.
///
/// Read leniently (members that are not known are ignored, RFC 7517 section 4), so that other people's sets
/// can be read; whether it is a key to be used here is asked by
/// [`VerifyingKey::from_jwk`](crate::VerifyingKey::from_jwk).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire")]
pub struct Jwk {
    /// Key type: `EC`, `RSA` or `OKP`.
    pub kty: String,
    /// What the key is for: `sig`.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub key_use: Option<String>,
    /// The one algorithm that the key is used with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// The key's id within its set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Curve, of EC and OKP keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// Coordinate (EC) or public key (OKP), base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Second coordinate of an EC key, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// Modulus of an RSA key, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// Exponent of an RSA key, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
}

impl Jwk {
    /// The RFC 7638 thumbprint with SHA-256, base64url: the same for the same key wherever it is computed.
    pub fn thumbprint(&self) -> Result<String> {
        // RFC 7638 section 3.2 and RFC 8037 section 2: the required members and nothing else, in
        // lexicographic order, no white space.
        let required: &[(&str, Option<&String>)] = match self.kty.as_str() {
            "EC" => &[
                ("crv", self.crv.as_ref()),
                ("kty", Some(&self.kty)),
                ("x", self.x.as_ref()),
                ("y", self.y.as_ref()),
            ],
            "OKP" => &[
                ("crv", self.crv.as_ref()),
                ("kty", Some(&self.kty)),
                ("x", self.x.as_ref()),
            ],
            "RSA" => &[
                ("e", self.e.as_ref()),
                ("kty", Some(&self.kty)),
                ("n", self.n.as_ref()),
            ],
            _ => return Err(JoseError::UnsupportedKey),
        };
        let members: Map<String, Value> = required
            .iter()
            .map(|(name, value)| Some(((*name).to_owned(), Value::String((*value)?.clone()))))
            .collect::<Option<_>>()
            .ok_or(JoseError::InvalidKey)?;
        let canonical = Value::Object(members).to_string();
        Ok(BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes())))
    }
}

/// A set of public keys, as a `jwks_uri` serves it (RFC 7517 section 5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// The keys. The order says nothing.
    pub keys: Vec<Jwk>,
}

impl FromIterator<Jwk> for Jwks {
    fn from_iter<I: IntoIterator<Item = Jwk>>(keys: I) -> Self {
        Self {
            keys: keys.into_iter().collect(),
        }
    }
}

/// A key as it arrives: with the members by which a private or symmetric one gives itself away.
#[derive(Deserialize)]
struct Wire {
    kty: String,
    #[serde(rename = "use")]
    key_use: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    d: Option<IgnoredAny>,
    k: Option<IgnoredAny>,
}

impl TryFrom<Wire> for Jwk {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        if wire.d.is_some() || wire.k.is_some() {
            return Err("a private or symmetric key where a public one belongs");
        }
        let Wire {
            kty,
            key_use,
            alg,
            kid,
            crv,
            x,
            y,
            n,
            e,
            ..
        } = wire;
        Ok(Self {
            kty,
            key_use,
            alg,
            kid,
            crv,
            x,
            y,
            n,
            e,
        })
    }
}
