//! The keys that a reader believes, by id. An id names one key or none: a set in which it names two is
//! refused, since then `kid` would not say which is meant.

use std::collections::BTreeMap;

use crate::{JoseError, Jwks, Result, VerifyingKey};

/// Keys that signatures are checked with, by their ids.
#[derive(Clone, Debug, Default)]
pub struct KeySet(BTreeMap<String, VerifyingKey>);

impl KeySet {
    /// A set of these keys. Two of the same id are refused.
    pub fn new(keys: impl IntoIterator<Item = VerifyingKey>) -> Result<Self> {
        let mut set = BTreeMap::new();
        for key in keys {
            if set.insert(key.kid().to_owned(), key).is_some() {
                return Err(JoseError::DuplicateKeyId);
            }
        }
        Ok(Self(set))
    }

    /// A set read from a JWK Set. Keys of kinds that are not ours are left out (RFC 7517 section 5); one that
    /// is broken, or an id that occurs twice, refuses the set.
    pub fn from_jwks(jwks: &Jwks) -> Result<Self> {
        let mut keys = Vec::with_capacity(jwks.keys.len());
        for jwk in &jwks.keys {
            match VerifyingKey::from_jwk(jwk) {
                Ok(key) => keys.push(key),
                Err(JoseError::UnsupportedKey) => {}
                Err(error) => return Err(error),
            }
        }
        Self::new(keys)
    }

    /// The key of this id.
    pub fn get(&self, kid: &str) -> Option<&VerifyingKey> {
        self.0.get(kid)
    }

    /// The keys, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.values()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key, so that no token will be believed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
