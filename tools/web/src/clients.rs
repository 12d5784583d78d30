//! OAuth 2.0 clients: which application is meant, and is it who it says (RFC 6749, 2.3).
//! The rule: one way of authenticating for each request and each kind of application; whatever is wrong, one answer; and what failed for
//! an application that exists is on the record.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use events::{
    applications::Application,
    auth::AuthEvent,
    clock::Timestamp,
    ids::{ApplicationId, RealmId},
    kernel::{Context, Kernel, KernelError},
    log::ClaimKind,
    subject::Lane,
};
use http::{HeaderMap, header};
use subtle::{Choice, ConstantTimeEq};

use crate::{
    Edge, RealmRef,
    form::{Form, decode},
    oauth::OAuthError,
};

/// An application that may speak for itself: it authenticated, or it is public and said who it is.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id.
    pub id: ApplicationId,
    /// What is known of it; it is active.
    pub state: Application,
    /// Whether it authenticated with a secret. A public one did not: whoever knows its `client_id` can say the same.
    pub confidential: bool,
}

/// What a request says of its client.
struct Credentials {
    client_id: String,
    secret: Option<String>,
}

/// The application of this `client_id`, or of this id, if there is one; it may be disabled.
pub async fn resolve(
    edge: &Edge,
    realm: &RealmRef,
    client_id: &str,
) -> Result<Option<(ApplicationId, Application)>, KernelError> {
    let kernel = edge.kernel();
    let id = match client_id.parse::<ApplicationId>() {
        Ok(id) if id.to_string() == client_id => id,
        Ok(_) => return Ok(None),
        // A `client_id` of its own is never shaped like an id, so that there is nothing to choose between.
        Err(_) => match kernel
            .claimed(realm.id, Lane::Facts, ClaimKind::ClientId, client_id)
            .await?
        {
            Some(holder) => ApplicationId(holder),
            None => return Ok(None),
        },
    };
    let application = kernel.current::<Application>(realm.id, id.0).await?.state;
    Ok(application.exists().then_some((id, application)))
}

/// The client of a request: by `client_secret_basic`, `client_secret_post`, or, where it is public, by `client_id` alone.
pub async fn authenticate(
    edge: &Edge,
    realm: &RealmRef,
    headers: &HeaderMap,
    form: &Form,
    context: &Context,
) -> Result<Client, OAuthError> {
    let credentials = credentials(headers, form)?;
    let Some((id, state)) = resolve(edge, realm, &credentials.client_id).await? else {
        return Err(OAuthError::invalid_client());
    };
    let confidential = state.is_confidential();
    let shown = match &credentials.secret {
        Some(secret) if confidential => knows_secret(
            &state,
            &secret_digest(edge.kernel(), realm.id, secret).await?,
            context.now,
        ),
        Some(_) => false,
        None => !confidential,
    };
    if shown && state.is_active() {
        return Ok(Client {
            id,
            state,
            confidential,
        });
    }
    let failed = AuthEvent::ClientAuthenticationFailed { client: id };
    edge.kernel()
        .record(realm.id, context, vec![failed.into()])
        .await?;
    Err(OAuthError::invalid_client())
}

/// What is stored of a secret: HMAC-SHA256 under a key of the realm, hexadecimal. Secrets are long and random, so that it need
/// not be slow.
pub async fn secret_digest(kernel: &Kernel, realm: RealmId, secret: &str) -> Result<String, KernelError> {
    let digest = kernel
        .keyring()
        .digest(realm, "client secrets", &[secret.as_bytes()])
        .await?;
    Ok(digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// Whether this is the digest of a secret that is not over. Every one is compared, each in constant time.
fn knows_secret(application: &Application, digest: &str, now: Timestamp) -> bool {
    let known = application.secrets.iter().fold(Choice::from(0), |known, secret| {
        let unexpired = secret.expires.is_none_or(|end| now < end);
        let stored = secret.digest.as_deref().filter(|_| unexpired).unwrap_or_default();
        known | stored.as_bytes().ct_eq(digest.as_bytes())
    });
    known.into()
}

/// What the request says, by exactly one method.
fn credentials(headers: &HeaderMap, form: &Form) -> Result<Credentials, OAuthError> {
    let given = |name| form.given(name);
    let mut authorization = headers.get_all(header::AUTHORIZATION).iter();
    let (first, second) = (authorization.next(), authorization.next());
    let assertion = given("client_assertion").or(given("client_assertion_type"));
    let methods = [
        first.is_some(),
        second.is_some(),
        given("client_secret").is_some(),
        assertion.is_some(),
    ];
    if methods.into_iter().filter(|&used| used).count() > 1 {
        return Err(OAuthError::invalid_request(
            "the client authenticates by more than one method",
        ));
    }
    if assertion.is_some() {
        return Err(OAuthError::invalid_client());
    }
    let Some(value) = first else {
        let client_id = given("client_id")
            .ok_or_else(OAuthError::invalid_client)?
            .to_owned();
        return Ok(Credentials {
            client_id,
            secret: given("client_secret").map(str::to_owned),
        });
    };
    let credentials = basic(value.as_bytes()).ok_or_else(OAuthError::invalid_client)?;
    if given("client_id").is_some_and(|client_id| client_id != credentials.client_id) {
        return Err(OAuthError::invalid_request(
            "client_id is another than the one that authenticates",
        ));
    }
    Ok(credentials)
}

/// `client_secret_basic`: both halves are form-encoded before they are joined (RFC 6749, 2.3.1).
fn basic(value: &[u8]) -> Option<Credentials> {
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = STANDARD.decode(encoded).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let client_id = decode(&decoded[..colon]).filter(|client_id| !client_id.is_empty())?;
    Some(Credentials {
        client_id,
        secret: Some(decode(&decoded[colon + 1..])?),
    })
}

#[cfg(test)]
#[path = "clients_tests.rs"]
mod tests;
