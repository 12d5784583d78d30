//! The claims of a token that was verified, and typed ways to read them. A `Claims` is only made by what
//! verifies (or judges what was sealed), so to hold one is to know that what was expected is there and well-formed.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{JoseError, Result};

/// The claims of a verified token (RFC 7519 section 4).
///
/// The getters answer `None` both for an absent claim and for one of another type: a claim that cannot be
/// read as what it is needed for is not there. `Debug` shows the names only, because the values are about
/// people.
#[derive(Clone, Default, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    pub(crate) const fn new(members: Map<String, Value>) -> Self {
        Self(members)
    }

    /// The claim as it stands.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A claim that is a string.
    pub fn string(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A claim that is `true` or `false`.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    /// A claim that is an integer.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    /// A claim that is a NumericDate (RFC 7519 section 2), in whole seconds since the Unix epoch, rounded
    /// down.
    pub fn seconds(&self, name: &str) -> Option<i64> {
        let number = self.0.get(name)?.as_number()?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "`as` saturates, and so does a date beyond all dates"
        )]
        number
            .as_i64()
            .or_else(|| number.as_f64().map(|seconds| seconds.floor() as i64))
    }

    /// A claim that is one string or an array of strings, such as `aud` or `amr`. An array with anything else
    /// in it is `None`.
    pub fn strings(&self, name: &str) -> Option<Vec<&str>> {
        strings(self.0.get(name)?)
    }

    /// `iss`: who issued the token.
    pub fn issuer(&self) -> &str {
        self.string("iss").unwrap_or_default()
    }

    /// `sub`: whom the token is about. Empty only where the expectation lets it be absent (request objects).
    pub fn subject(&self) -> &str {
        self.string("sub").unwrap_or_default()
    }

    /// `aud`: for whom the token is.
    pub fn audiences(&self) -> Vec<&str> {
        self.strings("aud").unwrap_or_default()
    }

    /// `exp`: when the token ends, in seconds since the Unix epoch. 0 only where the expectation lets it be
    /// absent.
    pub fn expires_at(&self) -> i64 {
        self.seconds("exp").unwrap_or_default()
    }

    /// `iat`: when the token was issued, in seconds since the Unix epoch.
    pub fn issued_at(&self) -> Option<i64> {
        self.seconds("iat")
    }

    /// `jti`: the token's own id.
    pub fn token_id(&self) -> Option<&str> {
        self.string("jti")
    }

    /// The claims as a type of the caller's.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.0).map_err(|_| JoseError::UnexpectedShape)
    }

    /// All claims.
    pub const fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims ")?;
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// One string or an array of nothing but strings.
pub(crate) fn strings(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(one) => Some(vec![one]),
        Value::Array(several) => several.iter().map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}
