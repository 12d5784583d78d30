//! OAuth 2.0 clients: which application is meant, and is it who it says (RFC 6749, 2.3).
//!
//! | module | what it is |
//! | --- | --- |
//! | `presented` | what the request says, by exactly one method |
//! | `assertion` | `private_key_jwt` and `client_secret_jwt` |
//! | [`encrypting`] | what is encrypted to an application |
//! | [`keys`] | the public keys of applications and of trusted issuers |
//!
//! The rule: one way of authenticating for each request and each application, the same at every endpoint; whatever is wrong, one answer; and
//! what failed for an application that exists is on the record.

mod assertion;
pub mod encrypting;
pub mod keys;
mod presented;

use std::fmt::Write;

use events::{
    applications::Application,
    auth::AuthEvent,
    clock::Timestamp,
    ids::{ApplicationId, RealmId},
    kernel::{Context, Kernel, KernelError},
    log::ClaimKind,
    subject::Lane,
};
use http::HeaderMap;
use subtle::{Choice, ConstantTimeEq};

use self::{
    assertion::Shown,
    presented::{Presented, Proof},
};
use crate::{Edge, RealmRef, form::Form, oauth::OAuthError, profile::Requirements};

pub use presented::ASSERTION_TYPE;

/// An application that may speak for itself: it authenticated, or it is public and said who it is.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id.
    pub id: ApplicationId,
    /// What is known of it; it is active.
    pub state: Application,
    /// Whether it authenticated. A public one did not: whoever knows its `client_id` can say the same.
    pub confidential: bool,
}

/// How an application authenticates in a form (RFC 6749, 2.3.1; RFC 7521, 4.2), as documents of endpoints tell it; the alternative is HTTP
/// Basic.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[expect(
    dead_code,
    clippy::struct_field_names,
    reason = "it describes forms, which are read by their standard names"
)]
pub struct Credentials {
    /// The application; with nothing else of these, a public one.
    client_id: Option<String>,
    /// `client_secret_post`.
    client_secret: Option<String>,
    /// `private_key_jwt` or `client_secret_jwt`: a token that the application signed about itself.
    client_assertion: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: Option<String>,
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

/// The client of a request to the endpoint of this name (below `oauth2/`), by the method of its application and by no other.
pub async fn authenticate(
    edge: &Edge,
    realm: &RealmRef,
    endpoint: &str,
    headers: &HeaderMap,
    form: &Form,
    context: &Context,
) -> Result<Client, OAuthError> {
    let Presented { client_id, proof } = Presented::of(headers, form)?;
    let Some((id, state)) = resolve(edge, realm, &client_id).await? else {
        return Err(OAuthError::invalid_client());
    };
    let required = Requirements::of(&state, &edge.settings(realm.id).await?);
    let fits = proof
        .method()
        .is_none_or(|method| required.auth_methods.contains(&method));
    let shown = fits
        && state.is_active()
        && match &proof {
            Proof::Nothing => true,
            Proof::Secret(_, secret) => {
                let digest = secret_digest(edge.kernel(), realm.id, secret).await?;
                knows_secret(&state, &digest, context.now)
            }
            Proof::Assertion(assertion) => {
                let shown = Shown {
                    edge,
                    realm,
                    endpoint,
                    context,
                    required: &required,
                    client_id: &client_id,
                    assertion,
                };
                shown.is_by(id, &state).await?
            }
        };
    if shown {
        return Ok(Client {
            id,
            confidential: !matches!(proof, Proof::Nothing),
            state,
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
pub fn knows_secret(application: &Application, digest: &str, now: Timestamp) -> bool {
    let known = application.secrets.iter().fold(Choice::from(0), |known, secret| {
        let unexpired = secret.expires.is_none_or(|end| now < end);
        let stored = secret.digest.as_deref().filter(|_| unexpired).unwrap_or_default();
        known | stored.as_bytes().ct_eq(digest.as_bytes())
    });
    known.into()
}

#[cfg(test)]
mod assertion_tests;
#[cfg(test)]
mod tests;
