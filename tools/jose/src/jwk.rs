//! Public keys as they are published: JSON Web Keys, sets of them, and their thumbprints (RFC 7517, 7518
//! section 6, 7638, 8037). A private or symmetric key never passes: it has no field here, and text that holds
//! one is refused.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::RsaPublicKeyComponents;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{JoseError, Result, VerifyingKey, strict_json};

/// The longest JWK Set of somebody else's, in bytes, that is looked at: 64 KiB.
pub const MAX_JWKS_BYTES: usize = 64 * 1024;

/// The most keys that a JWK Set of somebody else's may hold.
pub const MAX_JWKS_KEYS: usize = 50;

/// The longest `kid`, in bytes, that a key may go by.
pub const MAX_KID_BYTES: usize = 512;

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
    /// What the key is for: `sig` or `enc`.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub key_use: Option<String>,
    /// The operations that the key is for (RFC 7517 section 4.3), such as `verify`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
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

    /// A key out of parsed JSON. [`JoseError::InvalidKey`] if a member has the wrong type, or if it is a
    /// private or symmetric key.
    pub(crate) fn from_value(value: &Value) -> Result<Self> {
        let key = Self::deserialize(value).map_err(|_| JoseError::InvalidKey)?;
        if key.kty == "oct" || key.kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(JoseError::InvalidKey);
        }
        Ok(key)
    }

    /// Whether `use` and `key_ops`, where given, allow this use, by at least one of these operations (RFC
    /// 7517 sections 4.2 and 4.3).
    pub(crate) fn fits(&self, key_use: &str, operations: &[&str]) -> bool {
        self.key_use.as_deref().is_none_or(|named| named == key_use)
            && self
                .key_ops
                .as_ref()
                .is_none_or(|named| named.iter().any(|one| operations.contains(&one.as_str())))
    }

    /// The point of a P-256 key, uncompressed (SEC 1 section 2.3.3). That it lies on the curve is checked by
    /// the library.
    pub(crate) fn p256_point(&self) -> Result<Vec<u8>> {
        let (x, y) = (octets::<32>(self.x.as_ref())?, octets::<32>(self.y.as_ref())?);
        Ok([&[4][..], &x, &y].concat())
    }

    /// The numbers of an RSA key that is strong enough.
    pub(crate) fn rsa_components(&self) -> Result<RsaPublicKeyComponents<Vec<u8>>> {
        let (n, e) = (decoded(self.n.as_ref())?, decoded(self.e.as_ref())?);
        if strong_enough(&n, &e) {
            Ok(RsaPublicKeyComponents { n, e })
        } else {
            Err(JoseError::InvalidKey)
        }
    }
}

/// A set of public keys, as a `jwks_uri` serves it (RFC 7517 section 5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// The keys. The order says nothing.
    pub keys: Vec<Jwk>,
}

impl Jwks {
    /// Reads a set of somebody else's: what a client registers as `jwks`, or its `jwks_uri` serves.
    ///
    /// [`JoseError::TooLarge`] past [`MAX_JWKS_BYTES`] or [`MAX_JWKS_KEYS`]. [`JoseError::InvalidKey`] if it
    /// is not one JSON object without duplicate members, or if any key of it is private, symmetric, broken or
    /// weak: whoever publishes such a key is to be told. Keys of kinds that are not ours are kept, and are
    /// used for nothing (RFC 7517 section 5).
    pub fn parse(text: &[u8]) -> Result<Self> {
        if text.len() > MAX_JWKS_BYTES {
            return Err(JoseError::TooLarge);
        }
        let set = strict_json::object(text).ok_or(JoseError::InvalidKey)?;
        let Some(Value::Array(keys)) = set.get("keys") else {
            return Err(JoseError::InvalidKey);
        };
        if keys.len() > MAX_JWKS_KEYS {
            return Err(JoseError::TooLarge);
        }
        let keys: Self = keys.iter().map(Jwk::from_value).collect::<Result<_>>()?;
        for key in &keys.keys {
            let bare = Jwk {
                key_use: None,
                key_ops: None,
                alg: None,
                ..key.clone()
            };
            match VerifyingKey::from_jwk(&bare) {
                Ok(_) | Err(JoseError::UnsupportedKey) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(keys)
    }
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
    key_ops: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    d: bool,
    #[serde(default, deserialize_with = "present")]
    p: bool,
    #[serde(default, deserialize_with = "present")]
    q: bool,
    #[serde(default, deserialize_with = "present")]
    dp: bool,
    #[serde(default, deserialize_with = "present")]
    dq: bool,
    #[serde(default, deserialize_with = "present")]
    qi: bool,
    #[serde(default, deserialize_with = "present")]
    oth: bool,
    #[serde(default, deserialize_with = "present")]
    k: bool,
}

/// That the member is there, whatever it holds.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl TryFrom<Wire> for Jwk {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        // RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1; RFC 8037 section 2.
        if wire.d || wire.p || wire.q || wire.dp || wire.dq || wire.qi || wire.oth || wire.k {
            return Err("a private or symmetric key where a public one belongs");
        }
        Ok(Self {
            kty: wire.kty,
            key_use: wire.key_use,
            key_ops: wire.key_ops,
            alg: wire.alg,
            kid: wire.kid,
            crv: wire.crv,
            x: wire.x,
            y: wire.y,
            n: wire.n,
            e: wire.e,
        })
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
pub(crate) fn octets<const N: usize>(member: Option<&String>) -> Result<[u8; N]> {
    decoded(member)?.try_into().map_err(|_| JoseError::InvalidKey)
}

/// A member that must be there, in canonical base64url.
fn decoded(member: Option<&String>) -> Result<Vec<u8>> {
    let text = member.ok_or(JoseError::InvalidKey)?;
    BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| JoseError::InvalidKey)
}
