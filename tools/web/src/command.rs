//! A command as it arrives: allowed, identified, conditioned, read strictly.

use std::marker::PhantomData;

use axum::{
    extract::{FromRef, FromRequest, FromRequestParts, MatchedPath, RawPathParams, Request},
    http::{HeaderMap, HeaderName, header, request::Parts},
};
use events::{ids::RealmId, kernel::Context};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::ToSchema;

use crate::{Access, Action, Caller, Code, Edge, Problem, RealmRef, json};

/// The header that makes a command's repetition harmless.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A command that may do `A`, with a body `T`.
pub struct Command<A: Action, T = Empty> {
    /// The realm that it is about.
    pub realm: RealmRef,
    /// Who sent it.
    pub caller: Caller,
    /// Its circumstances: moment, actor, network, command key, `If-Match`.
    pub context: Context,
    /// What it says.
    pub body: T,
    action: PhantomData<A>,
}

/// The body of a command that says nothing: absent, or `{}`.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

impl<A, T, S> FromRequest<S> for Command<A, T>
where
    A: Action,
    T: DeserializeOwned + Send,
    S: Send + Sync,
    Edge: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let access = Access::<A>::from_request_parts(&mut parts, state).await?;
        let edge = Edge::from_ref(state);
        let key = idempotency_key(&parts.headers)?;
        let if_match = if_match(&parts.headers)?;
        let operation = operation(&mut parts, state, access.realm.id).await?;
        let (body, bytes) = json::read::<T, S>(Request::from_parts(parts, body), state).await?;

        let kernel = edge.kernel();
        let mut context = kernel.context(access.caller.actor(access.realm.id, access.request_id));
        context.network = Some(access.network);
        context.if_match = if_match;
        if let Some(key) = key {
            let caller = format!("{}/{}", access.caller.token.realm.id, access.caller.principal());
            context.command = Some(
                kernel
                    .command_key(access.realm.id, &caller, &operation, &key, &bytes)
                    .await?,
            );
        }
        Ok(Self {
            realm: access.realm,
            caller: access.caller,
            context,
            body,
            action: PhantomData,
        })
    }
}

/// What is done to what: the same whether the realm is addressed by its name or by its id.
async fn operation<S: Send + Sync>(parts: &mut Parts, state: &S, realm: RealmId) -> Result<String, Problem> {
    let missing = || Problem::new(Code::NotFound);
    let route = parts
        .extensions
        .get::<MatchedPath>()
        .ok_or_else(missing)?
        .as_str()
        .to_owned();
    let params = RawPathParams::from_request_parts(parts, state)
        .await
        .map_err(|_| missing())?;
    let named = params.iter().filter(|(name, _)| *name != "realm");
    let named = named.fold(String::new(), |named, (_, value)| {
        named + " " + &value.to_ascii_lowercase()
    });
    Ok(format!("{} {route} {realm}{named}", parts.method))
}

/// At most one key, of 1 to 255 visible characters.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let refused = || {
        Problem::new(Code::Invalid).field(
            "Idempotency-Key",
            "must be one text of 1 to 255 visible characters",
        )
    };
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| refused())?;
            if (1..=255).contains(&text.len()) {
                Ok(Some(text.to_owned()))
            } else {
                Err(refused())
            }
        }
        (Some(_), Some(_)) => Err(refused()),
    }
}

/// At most one strong entity tag, as the query side gives it: `"3"`.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let mut values = headers.get_all(header::IF_MATCH).iter();
    let refused = || {
        Problem::new(Code::Invalid).field("If-Match", "must be one version as ETag gives it, such as \"3\"")
    };
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value
            .to_str()
            .ok()
            .and_then(|text| text.strip_prefix('"')?.strip_suffix('"'))
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .map(Some)
            .ok_or_else(refused),
        (Some(_), Some(_)) => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn a_version_is_one_quoted_number() {
        assert_eq!(if_match(&headers(header::IF_MATCH, &["\"3\""])).unwrap(), Some(3));
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
        for bad in [
            &["3"][..],
            &["*"],
            &["W/\"3\""],
            &["\"3\", \"4\""],
            &["\"-1\""],
            &["\"\""],
            &["\"1\"", "\"1\""],
        ] {
            assert!(if_match(&headers(header::IF_MATCH, bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_is_one_short_text() {
        let long = "k".repeat(256);
        assert_eq!(
            idempotency_key(&headers(IDEMPOTENCY_KEY, &["a b"]))
                .unwrap()
                .as_deref(),
            Some("a b")
        );
        for bad in [&[""][..], &[&long], &["a", "a"], &["\u{e9}"]] {
            assert!(
                idempotency_key(&headers(IDEMPOTENCY_KEY, bad)).is_err(),
                "{bad:?}"
            );
        }
    }
}
