//! What a provider says of itself (OpenID Connect Discovery 1.0, section 4). The rule: it is of the issuer that the realm registered, to the
//! letter; algorithms are ours and the provider's both; what is missing is not guessed.

use jose::Algorithm;
use serde::Deserialize;
use url::Url;
use web::Edge;

use super::trouble::Trouble;
use crate::{Faults, applications::rules::address_is_good};

/// What is read of a provider's metadata.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: Url,
    /// Where a code becomes tokens.
    pub token_endpoint: Url,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Where more is told of people.
    #[serde(default)]
    pub userinfo_endpoint: Option<Url>,
    #[serde(default)]
    id_token_signing_alg_values_supported: Vec<String>,
    #[serde(default)]
    token_endpoint_auth_signing_alg_values_supported: Vec<String>,
    /// Whether its answers name it (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// That of an issuer, kept for a while.
    pub async fn of(edge: &Edge, issuer: &str) -> Result<Self, Trouble> {
        let address = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let address = Url::parse(&address).map_err(|_| Trouble::Malformed("issuer is no URL"))?;
        let document = edge
            .documents()
            .get(&address)
            .await
            .map_err(|error| Trouble::Outage("metadata", error))?;
        Self::read(&document, issuer)
    }

    fn read(document: &[u8], issuer: &str) -> Result<Self, Trouble> {
        let metadata: Self = serde_json::from_slice(document)
            .map_err(|_| Trouble::Malformed("metadata is not that of an OpenID Connect provider"))?;
        // OpenID Connect Discovery, section 4.3: exactly. Another's metadata would lead people, or codes, to the other.
        if metadata.issuer != issuer {
            return Err(Trouble::Malformed("metadata is of another issuer"));
        }
        let mut faults = Faults::default();
        address_is_good(
            &mut faults,
            "authorization_endpoint",
            metadata.authorization_endpoint.as_str(),
        );
        if faults.into_result().is_err() {
            return Err(Trouble::Malformed("authorization endpoint is not https"));
        }
        Ok(metadata)
    }

    /// The algorithms of its id tokens, as far as they are ours; RS256 where it says nothing.
    pub fn id_token_algorithms(&self) -> Vec<Algorithm> {
        if self.id_token_signing_alg_values_supported.is_empty() {
            return vec![Algorithm::Rs256];
        }
        ours(&self.id_token_signing_alg_values_supported).collect()
    }

    /// The algorithm of an assertion by which the realm shows it who it is; ES256 where it says nothing.
    pub fn assertion_algorithm(&self) -> Result<Algorithm, Trouble> {
        let supported = &self.token_endpoint_auth_signing_alg_values_supported;
        if supported.is_empty() {
            return Ok(Algorithm::Es256);
        }
        ours(supported)
            .next()
            .ok_or(Trouble::Malformed("token endpoint takes no algorithm of ours"))
    }
}

fn ours(supported: &[String]) -> impl Iterator<Item = Algorithm> {
    let all = Algorithm::ALL.into_iter();
    all.filter(|algorithm| supported.iter().any(|name| name == algorithm.as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://id.example";

    fn read(changes: &Value) -> Result<Metadata, Trouble> {
        let mut document = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example/authorize?tenant=a",
            "token_endpoint": "https://id.example/token",
            "jwks_uri": "https://id.example/jwks",
        });
        let members = document.as_object_mut().unwrap();
        members.extend(changes.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        Metadata::read(document.to_string().as_bytes(), ISSUER)
    }

    #[test]
    fn algorithms_are_those_of_both_and_neither_none_nor_a_shared_secret() {
        let of = |names: Value| {
            let metadata = read(&json!({ "id_token_signing_alg_values_supported": names })).unwrap();
            metadata.id_token_algorithms()
        };
        assert_eq!(
            read(&json!({})).unwrap().id_token_algorithms(),
            [Algorithm::Rs256]
        );
        assert_eq!(
            of(json!(["RS256", "ES256", "ES512"])),
            [Algorithm::Es256, Algorithm::Rs256]
        );
        assert!(of(json!(["none", "HS256"])).is_empty());
        let assertion = |names: Value| {
            let metadata = read(&json!({ "token_endpoint_auth_signing_alg_values_supported": names }));
            metadata.unwrap().assertion_algorithm().ok()
        };
        assert_eq!(assertion(json!([])), Some(Algorithm::Es256));
        assert_eq!(assertion(json!(["RS256", "HS256"])), Some(Algorithm::Rs256));
        assert_eq!(assertion(json!(["HS256"])), None);
    }

    #[test]
    fn it_is_of_the_issuer_to_the_letter_and_leads_people_nowhere_in_the_clear() {
        assert!(read(&json!({})).is_ok());
        for changes in [
            json!({ "issuer": "https://id.example/" }),
            json!({ "issuer": "https://evil.example" }),
            json!({ "issuer": null }),
            json!({ "authorization_endpoint": "http://id.example/authorize" }),
            json!({ "authorization_endpoint": "javascript:alert(1)" }),
            json!({ "authorization_endpoint": null }),
            json!({ "token_endpoint": "token" }),
            json!({ "jwks_uri": null }),
            json!({ "id_token_signing_alg_values_supported": "RS256" }),
        ] {
            assert!(read(&changes).is_err(), "{changes}");
        }
        assert!(Metadata::read(b"<html>", ISSUER).is_err());
    }
}
