//! The keys that a realm's tokens are signed with. The rule: a private key is durable before it is told of, and gone
//! for good once it is withdrawn; for each algorithm at most one signs, while those before it are still published.

use std::sync::Arc;

use axum::extract::State;
use events::{
    applications::ApplicationSettings,
    clock::Timestamp,
    ids::RealmId,
    kernel::{Context, Decide, Decision, Failure, KernelError, Reader},
    realms::{RealmEvent, Settings, SigningKeys},
    subject::{Stream, Subject},
};
use jose::{Algorithm, SigningKey};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Answer, Code, Command, CommandAnswer, Edge, Path, Problem, actions};

use super::{
    Rejection,
    status::{REASON, Reason},
};
use crate::{At, Commands, Faults, failed};

/// The most keys that are published at once: each reader of the set checks all of them.
const PUBLISHED: usize = 24;

/// Puts a new key in the place of the one that signs.
#[derive(Clone, Debug)]
pub struct RotateSigningKey {
    /// Whose.
    pub realm: RealmId,
    /// The key's id.
    pub kid: String,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// Its public half.
    pub public_jwk: serde_json::Value,
    /// Only if none signs for this algorithm yet.
    pub only_first: bool,
}

#[async_trait::async_trait]
impl Decide for RotateSigningKey {
    type State = (SigningKeys, Settings);
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        let keys = reader.subject::<SigningKeys>(self.realm.0).await?.state;
        Ok((
            keys,
            reader.beside::<Settings>(self.realm, self.realm.0).await?.state,
        ))
    }

    fn decide(&self, (keys, settings): &Self::State, context: &Context) -> Result<Decision, Rejection> {
        let subject = Subject::signing_keys(self.realm);
        if self.only_first && keys.active(self.algorithm.as_str()).is_some() {
            return Ok(Decision::nothing(subject));
        }
        // The first of an algorithm is made for whoever needs a token: rotations elsewhere must not stand in its way.
        if !self.only_first {
            check_room(keys, context.now)?;
        }
        let created = RealmEvent::SigningKeyCreated {
            kid: self.kid.clone(),
            algorithm: self.algorithm.as_str().to_owned(),
            public_jwk: self.public_jwk.clone(),
            replaced_until: context.now.after_seconds(settings.tokens.key_overlap_seconds),
        };
        Ok(Decision::of(subject, created))
    }
}

/// Whether another key may be published: asked before one is made, and again when it is decided.
fn check_room(keys: &SigningKeys, now: Timestamp) -> Result<(), Rejection> {
    if keys.published(now).count() < PUBLISHED {
        Ok(())
    } else {
        Err(Rejection::TooManyKeys)
    }
}

/// Withdraws a key at once: what it signed is no longer accepted.
#[derive(Clone, Debug)]
pub struct RetireSigningKey {
    /// Whose.
    pub realm: RealmId,
    /// Which.
    pub kid: String,
    /// Why, for the record.
    pub reason: Option<String>,
}

#[async_trait::async_trait]
impl Decide for RetireSigningKey {
    type State = SigningKeys;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<SigningKeys, KernelError> {
        Ok(reader.subject::<SigningKeys>(self.realm.0).await?.state)
    }

    fn decide(&self, keys: &SigningKeys, _: &Context) -> Result<Decision, Rejection> {
        let key = keys
            .keys
            .iter()
            .find(|key| key.kid == self.kid)
            .ok_or(Rejection::NoSuchKey)?;
        if keys
            .active(&key.algorithm)
            .is_some_and(|active| active.kid == self.kid)
        {
            return Err(Rejection::KeyInUse);
        }
        let mut faults = Faults::default();
        faults.optional_text("reason", self.reason.as_deref(), REASON);
        faults.into_result()?;
        let retired = RealmEvent::SigningKeyRetired {
            kid: self.kid.clone(),
            reason: self.reason.clone(),
        };
        Ok(Decision::of(Subject::signing_keys(self.realm), retired))
    }
}

/// Why a realm has no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The kernel could not answer.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A key could not be made or read.
    #[error(transparent)]
    Jose(#[from] jose::JoseError),
    /// The rules refuse another key, or the race for it was lost too often.
    #[error("no signing key could be added: {0}")]
    Refused(String),
}

impl From<SigningKeyError> for Problem {
    fn from(error: SigningKeyError) -> Self {
        match error {
            SigningKeyError::Kernel(error) => error.into(),
            SigningKeyError::Jose(error) => {
                tracing::error!(%error, "a signing key could not be made");
                Problem::new(Code::Internal)
            }
            SigningKeyError::Refused(reason) => {
                tracing::error!(reason, "a signing key could not be added");
                Problem::new(Code::Unavailable)
            }
        }
    }
}

impl From<Failure<Rejection>> for SigningKeyError {
    fn from(failure: Failure<Rejection>) -> Self {
        match failure {
            Failure::Kernel(error) => Self::Kernel(error),
            Failure::Rejected(rejection) => Self::Refused(rejection.to_string()),
            other => Self::Refused(other.to_string()),
        }
    }
}

/// Makes the keys that an application of these settings has its tokens signed with. They are published before the first token is: a
/// client that reads the key set while it starts finds them. What fails is made up for at the first token.
pub async fn publish_signing_keys(edge: &Edge, realm: RealmId, settings: &ApplicationSettings) {
    let chosen = [
        &settings.id_token_signed_response_alg,
        &settings.access_token_signed_response_alg,
        &settings.userinfo_signed_response_alg,
        &settings.authorization_signed_response_alg,
        &settings.introspection_signed_response_alg,
    ];
    for algorithm in chosen.into_iter().flatten().filter_map(|name| name.parse().ok()) {
        if let Err(error) = ensure_signing_key(edge, realm, algorithm).await {
            tracing::warn!(%error, %algorithm, "a signing key was not made ahead of its first use");
        }
    }
}

/// The key that signs for an algorithm in a realm; made if there is none yet. Those who need it at a time wait on this node
/// for the one who makes it, and nodes that make one at a time agree on one.
pub async fn ensure_signing_key(
    edge: &Edge,
    realm: RealmId,
    algorithm: Algorithm,
) -> Result<Arc<SigningKey>, SigningKeyError> {
    if let Some(key) = edge.signing_key(realm, algorithm).await? {
        return Ok(key);
    }
    let _turn = edge.signing_key_turn(realm, algorithm).await;
    if let Some(key) = edge.signing_key(realm, algorithm).await? {
        return Ok(key);
    }
    let context = edge
        .kernel()
        .context(events::envelope::Actor::component("signing keys"));
    let (key, command) = new_key(edge, realm, algorithm, true).await?;
    let outcome = edge.kernel().execute(&context, &command).await?;
    if !outcome.receipt.events.is_empty() {
        return Ok(Arc::new(key));
    }
    // Another was faster; ours signed nothing and never will.
    destroy(edge, realm, &command.kid, &context).await;
    edge.signing_key(realm, algorithm)
        .await?
        .ok_or_else(|| SigningKeyError::Refused("the key that signs cannot be read".to_owned()))
}

/// Makes a key off the async threads (RSA takes a good part of a second), and stores it durably.
async fn new_key(
    edge: &Edge,
    realm: RealmId,
    algorithm: Algorithm,
    only_first: bool,
) -> Result<(SigningKey, RotateSigningKey), SigningKeyError> {
    let key = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm))
        .await
        .map_err(|error| SigningKeyError::Refused(error.to_string()))??;
    let kid = key.kid().to_owned();
    let public_jwk = serde_json::to_value(key.public_jwk())
        .map_err(|error| SigningKeyError::Refused(error.to_string()))?;
    let keyring = edge.kernel().keyring();
    keyring
        .put_signing_key(realm, &kid, &key.to_pkcs8())
        .await
        .map_err(KernelError::from)?;
    Ok((
        key,
        RotateSigningKey {
            realm,
            kid,
            algorithm,
            public_jwk,
            only_first,
        },
    ))
}

/// Destroys a private key that will never sign (again). The log has decided already: a failure is told to the
/// operator, and not to the caller.
async fn destroy(edge: &Edge, realm: RealmId, kid: &str, context: &Context) {
    if let Err(error) = edge
        .kernel()
        .keyring()
        .destroy_signing_key(realm, kid, context.now)
        .await
    {
        tracing::error!(%error, %realm, kid, "a private signing key that is not used any more could not be destroyed");
    }
}

/// A new signing key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSigningKey {
    /// `ES256`, `PS256`, `RS256` or `EdDSA`.
    #[schema(value_type = String, example = "ES256")]
    algorithm: Algorithm,
}

/// Rotate: a new key signs from now on, the one before it stays published for the realm's overlap. With 24 published
/// it is 409: wait for overlaps to end, or withdraw some.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/signing-keys", tag = "realms", operation_id = "rotate_signing_key",
    params(("realm" = String, Path, description = "The realm's name or id")),
    request_body = NewSigningKey,
    extensions(("x-events" = json!(["signing_key.created"]))),
    responses((status = 201, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn rotate(
    State(commands): State<Commands>,
    command: Command<actions::SigningKeysManage, NewSigningKey>,
) -> Result<Answer, Problem> {
    let Command {
        realm, context, body, ..
    } = command;
    let kernel = commands.edge.kernel();
    let location = format!("/query/v1/realms/{}/signing-keys", realm.id);
    let before = kernel.repeated::<Rejection>(Stream::facts(realm.id), &context);
    if let Some(outcome) = before.await.map_err(failed)? {
        return Ok(Answer::created(outcome, location));
    }
    let held = kernel.current::<SigningKeys>(realm.id, realm.id.0).await?.state;
    check_room(&held, context.now)?;
    let (_, command) = new_key(&commands.edge, realm.id, body.algorithm, false).await?;
    let outcome = match kernel.execute(&context, &command).await {
        Err(failure) => {
            // A refused key is nobody's. Of one that the log did not answer for, nobody knows: it stays.
            if !matches!(failure, Failure::Kernel(_)) {
                destroy(&commands.edge, realm.id, &command.kid, &context).await;
            }
            return Err(failed(failure));
        }
        Ok(outcome) => outcome,
    };
    let repeated = outcome.repeated;
    let answer = Answer::created(outcome, location);
    if repeated {
        destroy(&commands.edge, realm.id, &command.kid, &context).await;
        return Ok(answer);
    }
    Ok(answer
        .with("kid", command.kid)
        .with("public_jwk", command.public_jwk))
}

/// Withdraw a signing key that signs no more: what it signed is refused from now on.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/signing-keys/{kid}", tag = "realms",
    operation_id = "retire_signing_key",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("kid" = String, Path, description = "The key's id (RFC 7638 thumbprint)"),
    ),
    request_body = Reason,
    extensions(("x-events" = json!(["signing_key.retired"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn retire(
    State(commands): State<Commands>,
    at: At<(String, String)>,
    command: Command<actions::SigningKeysManage, Reason>,
) -> Result<Answer, Problem> {
    let Path((_, kid)) = at?;
    let Command {
        realm, context, body, ..
    } = command;
    let command = RetireSigningKey {
        realm: realm.id,
        kid,
        reason: body.reason,
    };
    let outcome = commands
        .edge
        .kernel()
        .execute(&context, &command)
        .await
        .map_err(failed)?;
    destroy(&commands.edge, realm.id, &command.kid, &context).await;
    Ok(Answer::changed(outcome))
}

#[cfg(test)]
mod tests {
    use events::{
        event::Event,
        testing::{NOW, context, given},
    };
    use uuid::Uuid;

    use super::*;

    const ACME: RealmId = RealmId(Uuid::from_u128(7));

    fn created(kid: &str, algorithm: &str) -> Event {
        let replaced_until = NOW.after_seconds(3_600);
        RealmEvent::SigningKeyCreated {
            kid: kid.into(),
            algorithm: algorithm.into(),
            public_jwk: serde_json::json!({ "kid": kid }),
            replaced_until,
        }
        .into()
    }

    fn keys(past: impl IntoIterator<Item = Event>) -> SigningKeys {
        given::<SigningKeys>(ACME.0, past).state
    }

    fn rotate(only_first: bool) -> RotateSigningKey {
        let (kid, algorithm) = ("new".to_owned(), Algorithm::Es256);
        RotateSigningKey {
            realm: ACME,
            kid,
            algorithm,
            public_jwk: serde_json::json!({}),
            only_first,
        }
    }

    #[test]
    fn a_rotation_publishes_the_replaced_key_for_the_overlap() {
        let decision = rotate(false)
            .decide(
                &(keys([created("old", "ES256")]), Settings::default()),
                &context(),
            )
            .unwrap();
        let Some((
            _,
            Event::Realms(RealmEvent::SigningKeyCreated {
                kid, replaced_until, ..
            }),
        )) = decision.events.first()
        else {
            panic!("{decision:?}")
        };
        assert_eq!(
            (kid.as_str(), *replaced_until),
            ("new", NOW.after_seconds(2 * 86_400))
        );
    }

    #[test]
    fn a_first_key_is_made_once_for_each_algorithm() {
        let first = |past: Vec<Event>| {
            rotate(true)
                .decide(&(keys(past), Settings::default()), &context())
                .unwrap()
                .events
                .len()
        };
        assert_eq!(first(vec![]), 1);
        assert_eq!(first(vec![created("a", "RS256")]), 1);
        assert_eq!(first(vec![created("a", "ES256")]), 0);
    }

    #[test]
    fn the_set_that_readers_fetch_stays_small() {
        let many = (0..PUBLISHED).map(|number| created(&number.to_string(), "ES256"));
        let refused = rotate(false).decide(&(keys(many), Settings::default()), &context());
        assert_eq!(refused, Err(Rejection::TooManyKeys));
        let others = (0..PUBLISHED).map(|number| created(&number.to_string(), "RS256"));
        let first = rotate(true).decide(&(keys(others), Settings::default()), &context());
        assert_eq!(first.map(|decision| decision.events.len()), Ok(1));
    }

    #[test]
    fn a_key_is_retired_only_after_another_signs() {
        let retire = |past: Vec<Event>, kid: &str| {
            RetireSigningKey {
                realm: ACME,
                kid: kid.into(),
                reason: None,
            }
            .decide(&keys(past), &context())
        };
        assert_eq!(retire(vec![], "a"), Err(Rejection::NoSuchKey));
        assert_eq!(
            retire(vec![created("a", "ES256"), created("b", "RS256")], "a"),
            Err(Rejection::KeyInUse)
        );
        let decision = retire(vec![created("a", "ES256"), created("b", "ES256")], "a").unwrap();
        assert_eq!(
            decision.events[0].1,
            RealmEvent::SigningKeyRetired {
                kid: "a".into(),
                reason: None
            }
            .into()
        );
    }
}
