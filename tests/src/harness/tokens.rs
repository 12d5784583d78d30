//! Tokens as a relying party sees them: verified with the keys that the realm publishes, and with nothing else.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::clock::{Clock, SystemClock};
use jose::{Claims, Expectation, Jwks, KeySet};
use serde_json::Value;

use super::{Answer, Realm};

/// What the token endpoint gave.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// For APIs.
    pub access: String,
    /// Who signed in, if `openid` was asked for.
    pub id: Option<String>,
    /// For the next ones, if `offline_access` was asked for.
    pub refresh: Option<String>,
    /// The whole answer.
    pub answer: Value,
}

impl Tokens {
    /// From the answer of the token endpoint.
    ///
    /// # Panics
    /// If it is not a token answer (RFC 6749, section 5.1).
    #[track_caller]
    pub fn from(answer: Answer) -> Self {
        let answer = answer.is(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = answer.json();
        assert_eq!(body["token_type"], "Bearer", "{body}");
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Self {
            access: text("access_token").expect("an access token"),
            id: text("id_token"),
            refresh: text("refresh_token"),
            answer: body,
        }
    }

    /// The refresh token.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn refresh(&self) -> &str {
        self.refresh
            .as_deref()
            .expect("a refresh token: was offline_access asked for?")
    }

    /// The id token.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn id(&self) -> &str {
        self.id.as_deref().expect("an id token: was openid asked for?")
    }
}

/// The keys that a realm publishes.
#[derive(Clone, Debug)]
pub struct Keys {
    issuer: String,
    jwks: Jwks,
}

impl Keys {
    /// From the realm's `jwks_uri`.
    pub async fn of(realm: &Realm) -> Self {
        let answer = Answer::to(realm.api.http().get(realm.endpoint("jwks")))
            .await
            .is(200);
        Self {
            issuer: realm.issuer(),
            jwks: serde_json::from_value(answer.json()).expect("a JWK set"),
        }
    }

    /// Their ids.
    pub fn kids(&self) -> Vec<String> {
        KeySet::from_jwks(&self.jwks)
            .expect("parses")
            .iter()
            .map(|key| key.kid().to_owned())
            .collect()
    }

    /// Verifies an access token (RFC 9068) for an audience.
    pub fn access(&self, token: &str, audience: &str) -> Result<Claims, jose::JoseError> {
        self.verify(token, "at+jwt", audience)
    }

    /// Verifies an id token for a client.
    pub fn id(&self, token: &str, client_id: &str) -> Result<Claims, jose::JoseError> {
        self.verify(token, "JWT", client_id)
    }

    fn verify(&self, token: &str, typ: &str, audience: &str) -> Result<Claims, jose::JoseError> {
        let keys = KeySet::from_jwks(&self.jwks)?;
        let now = SystemClock.now().seconds();
        jose::verify(
            token,
            &keys,
            &Expectation::new(typ, &self.issuer).audience(audience),
            now,
        )
    }
}

/// The header of a token, unverified.
pub fn header_of(token: &str) -> Value {
    part(token, 0)
}

/// The payload of a token, unverified.
pub fn payload_of(token: &str) -> Value {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Value {
    let part = token
        .split('.')
        .nth(index)
        .unwrap_or_else(|| panic!("no part {index} in {token:?}"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

/// What somebody makes of a token who has no key: each must be refused everywhere.
pub fn tampered(token: &str) -> Vec<(&'static str, String)> {
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("not three parts: {token:?}")
    };
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let with = |mut value: Value, name: &str, member: Value| {
        value[name] = member;
        encode(&value)
    };
    let none = with(header_of(token), "alg", "none".into());
    let symmetric = with(header_of(token), "alg", "HS256".into());
    let untyped = with(header_of(token), "typ", "JWT".into());
    let other_key = with(header_of(token), "kid", "another".into());
    let longer = with(payload_of(token), "exp", 4_102_444_800_u64.into());
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    bytes[7] ^= 1;
    let flipped = URL_SAFE_NO_PAD.encode(bytes);
    vec![
        ("alg none, no signature", format!("{none}.{payload}.")),
        ("alg none, old signature", format!("{none}.{payload}.{signature}")),
        ("alg HS256", format!("{symmetric}.{payload}.{signature}")),
        ("another typ", format!("{untyped}.{payload}.{signature}")),
        ("another kid", format!("{other_key}.{payload}.{signature}")),
        ("a longer life", format!("{header}.{longer}.{signature}")),
        (
            "one bit of the signature",
            format!("{header}.{payload}.{flipped}"),
        ),
        ("no signature", format!("{header}.{payload}.")),
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{token}.{signature}")),
        ("padding", format!("{token}=")),
        ("nothing", "..".to_owned()),
    ]
}
