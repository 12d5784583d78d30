//! The applications sign out behind the browser's back (OpenID Connect Back-Channel Logout 1.0). The rules: whoever was given something in a
//! session hears of its end, whatever ended it; a logout token is for one application, short-lived, and has the same `jti` however often it is
//! sent; and it can be taken for no other token, by its type and by what it lacks.

use events::{
    applications::Application,
    auth::Session,
    ids::{ApplicationId, EventId, RealmId, SessionId, UserId},
    kernel::{Kernel, KernelError},
};
use serde_json::{Map, Value, json};
use url::Url;
use uuid::{Builder, Uuid};
use web::{
    Edge, RealmRef, Requirements,
    clients::{encrypting, keys::KeyRefused},
    subject,
};

use crate::realms::{SigningKeyError, ensure_signing_key};

/// The `typ` of a logout token (section 2.4).
const LOGOUT_TOKEN_TYPE: &str = "logout+jwt";
/// The member of `events` that makes it one (section 2.4).
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// For how many seconds one is good: the standard recommends at most two minutes (section 4).
const SECONDS: u64 = 120;

/// The end of a session, for one application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Who hears of it.
    pub application: ApplicationId,
    /// The session.
    pub session: SessionId,
    /// Whose it was.
    pub user: UserId,
    /// The event that ended it: the same token is sent however often it takes.
    pub event: EventId,
}

/// Why no token could be made.
#[derive(Debug, thiserror::Error)]
pub enum NotMade {
    /// The realm has no key for it.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The application's keys are not there, or not good.
    #[error("it could not be encrypted to the application: {0}")]
    Unencrypted(#[from] KeyRefused),
    /// It could not be signed.
    #[error("it could not be signed: {0}")]
    Unsigned(#[from] jose::JoseError),
    /// Its profile refuses the algorithm that the application chose.
    #[error("the algorithm of its id tokens is one that the security profile refuses")]
    Weak,
    /// The log or the keys.
    #[error(transparent)]
    Kernel(#[from] KernelError),
}

/// Where an application hears of it, if it wants to now (section 2.2).
pub fn address(application: &Application) -> Option<Url> {
    let address = application.settings.backchannel_logout_uri.as_deref();
    Url::parse(address.filter(|_| application.is_active())?).ok()
}

/// The applications that hear of the end of a session: those that it gave something to and that want to.
pub async fn receivers(
    kernel: &Kernel,
    realm: RealmId,
    session: &Session,
) -> Result<Vec<ApplicationId>, KernelError> {
    let mut receivers = Vec::new();
    for id in &session.applications {
        let application = kernel.current::<Application>(realm, id.0).await?.state;
        receivers.extend(address(&application).map(|_| *id));
    }
    Ok(receivers)
}

/// The token for one application (section 2.4), signed as its id tokens are, and encrypted where they are.
pub async fn token(
    edge: &Edge,
    realm: &RealmRef,
    application: &Application,
    ended: &Ended,
) -> Result<String, NotMade> {
    let (kernel, settings) = (edge.kernel(), &application.settings);
    let chosen = settings.id_token_signed_response_alg.as_deref();
    let required = Requirements::of(application, &edge.settings(realm.id).await?);
    let algorithm = required.signing(chosen).ok_or(NotMade::Weak)?;
    let key = ensure_signing_key(edge, realm.id, algorithm).await?;
    let subject = subject::of(kernel, realm.id, application, ended.user).await?;
    let now = kernel.now().seconds();
    let claims = claims(&edge.issuer(realm), &application.client_id, subject, now, ended);
    let token = key.sign(LOGOUT_TOKEN_TYPE, &claims)?;
    let algorithm = settings.id_token_encrypted_response_alg.as_deref();
    let content = settings.id_token_encrypted_response_enc.as_deref();
    Ok(encrypting::token(edge, settings, algorithm, content, token).await?)
}

/// It names the user and the session, whatever the application asked for: one that knows neither `sid` nor this user ends nothing by it.
fn claims(issuer: &str, client_id: &str, subject: String, now: i64, ended: &Ended) -> Map<String, Value> {
    let claims = json!({
        "iss": issuer,
        "sub": subject,
        "aud": client_id,
        "iat": now,
        "exp": now.saturating_add_unsigned(SECONDS),
        "jti": token_id(ended),
        "sid": ended.session,
        "events": { LOGOUT_EVENT: {} },
    });
    match claims {
        Value::Object(claims) => claims,
        _ => Map::new(),
    }
}

/// The `jti`: of one event, one session and one application, and the same each time.
fn token_id(ended: &Ended) -> Uuid {
    let parts = [ended.event.0, ended.application.0, ended.session.0];
    let all: Vec<u8> = parts.iter().flat_map(Uuid::as_bytes).copied().collect();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &all);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(event: u128, application: u128) -> Ended {
        Ended {
            application: ApplicationId(Uuid::from_u128(application)),
            session: SessionId(Uuid::from_u128(0x5e)),
            user: UserId(Uuid::from_u128(0xa1)),
            event: EventId(Uuid::from_u128(event)),
        }
    }

    #[test]
    fn a_token_says_what_the_standard_asks_for_and_has_no_nonce() {
        let ended = ended(1, 2);
        let claims = claims(
            "https://id.example/realms/demo",
            "app",
            "alice".to_owned(),
            1_000,
            &ended,
        );
        let expected = json!({
            "iss": "https://id.example/realms/demo", "sub": "alice", "aud": "app", "iat": 1_000, "exp": 1_120,
            "jti": token_id(&ended), "sid": "00000000-0000-0000-0000-00000000005e",
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        });
        assert_eq!(Value::Object(claims), expected);
    }

    #[test]
    fn a_token_has_one_id_however_often_it_is_made() {
        assert_eq!(token_id(&ended(1, 2)), token_id(&ended(1, 2)));
        assert_ne!(token_id(&ended(1, 2)), token_id(&ended(1, 3)));
        assert_ne!(token_id(&ended(1, 2)), token_id(&ended(2, 2)));
    }
}
