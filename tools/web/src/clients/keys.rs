//! The public keys of those whom a tenant names: of its applications, and of the issuers that it trusts (RFC 7517).
//! The rule: a key comes from where the tenant said, never from what is to be verified with it; a document that lacks a key is asked for
//! once more, at most every half minute, however many tokens name keys that are not there.

use events::{applications::ApplicationSettings, realms::TrustedIssuer};
use jose::{ForeignKeys, JoseError, Jwks};
use outbound::OutboundError;
use serde_json::Value;
use url::Url;

use crate::Edge;

/// Where somebody's public keys are.
#[derive(Clone, Copy, Debug)]
pub struct KeySource<'a> {
    jwks: Option<&'a Value>,
    jwks_uri: Option<&'a str>,
}

/// Why what somebody signed is not believed, or nothing can be encrypted to them.
#[derive(Clone, Debug, thiserror::Error)]
pub enum KeyRefused {
    /// The token or the keys are not good.
    #[error("{0}")]
    Jose(#[from] JoseError),
    /// No keys were registered.
    #[error("no keys are registered")]
    NoKeys,
    /// The keys could not be fetched.
    #[error("the keys could not be fetched: {0}")]
    Unreachable(#[from] OutboundError),
}

impl<'a> From<&'a ApplicationSettings> for KeySource<'a> {
    fn from(settings: &'a ApplicationSettings) -> Self {
        Self {
            jwks: settings.jwks.as_ref(),
            jwks_uri: settings.jwks_uri.as_deref(),
        }
    }
}

impl<'a> From<&'a TrustedIssuer> for KeySource<'a> {
    fn from(issuer: &'a TrustedIssuer) -> Self {
        Self {
            jwks: issuer.jwks.as_ref(),
            jwks_uri: issuer.jwks_uri.as_deref(),
        }
    }
}

impl<'a> KeySource<'a> {
    /// The keys that are at an address.
    pub const fn at(jwks_uri: &'a str) -> Self {
        Self {
            jwks: None,
            jwks_uri: Some(jwks_uri),
        }
    }
}

impl KeySource<'_> {
    /// Verifies something by these keys; where they are fetched and the right one is missing, they are fetched anew.
    pub async fn verify<T>(
        self,
        edge: &Edge,
        check: impl Fn(&ForeignKeys) -> jose::Result<T>,
    ) -> Result<T, KeyRefused> {
        let known = ForeignKeys::from_jwks(&self.jwks(edge).await?)?;
        match (check(&known), self.address()?) {
            (Err(JoseError::UnknownKey), Some(address)) => {
                let fresh = Jwks::parse(&edge.documents().refresh(&address).await?)?;
                Ok(check(&ForeignKeys::from_jwks(&fresh)?)?)
            }
            (verified, _) => Ok(verified?),
        }
    }

    /// The keys.
    pub async fn jwks(self, edge: &Edge) -> Result<Jwks, KeyRefused> {
        if let Some(jwks) = self.jwks {
            return Ok(Jwks::parse(jwks.to_string().as_bytes())?);
        }
        let address = self.address()?.ok_or(KeyRefused::NoKeys)?;
        Ok(Jwks::parse(&edge.documents().get(&address).await?)?)
    }

    fn address(self) -> Result<Option<Url>, KeyRefused> {
        let address = self.jwks_uri.filter(|_| self.jwks.is_none());
        let parsed = address.map(Url::parse).transpose();
        parsed.map_err(|_| KeyRefused::NoKeys)
    }
}
