//! An endpoint's secrets, rotated with overlap. The rule: a secret is random and shown once; it is kept, since it signs, sealed by a
//! key of its own, which is destroyed when it is withdrawn.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use axum::extract::State;
use base64::{Engine, engine::general_purpose::STANDARD};
use events::{
    clock::{Random, Timestamp},
    ids::{CredentialId, RealmId, WebhookId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    keys::{KeyError, Owner},
    sealing::Sealed,
    subject::{Stream, Subject},
    webhooks::{Signature, Webhook, WebhookEvent, WebhookSecret},
};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};
use zeroize::Zeroizing;

use super::Rejection;
use crate::{At, Commands, Faults, body::present, failed};

/// Most secrets that are good at a time.
const SECRETS: usize = 5;
/// For how long the secrets before a new one are good, in seconds: a day unless it is said.
const OVERLAP: u64 = 86_400;
/// At most a week.
const LONGEST_OVERLAP: u64 = 7 * 86_400;

/// A secret that was made.
#[derive(Clone)]
pub struct NewSecret {
    /// Its id.
    pub credential: CredentialId,
    /// How it signs.
    pub signature: Signature,
    /// What is kept: see [`WebhookEvent::SecretAdded`].
    pub kept: Zeroizing<String>,
    /// The Ed25519 public key, in base64.
    pub public_key: Option<String>,
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSecret")
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

impl NewSecret {
    /// 256 random bits, or a pair of keys.
    pub fn make(context: &Context, random: &dyn Random, signature: Signature) -> Result<Self, KernelError> {
        let (kept, public_key) = match signature {
            Signature::Hmac => {
                let mut bytes = Zeroizing::new([0; 32]);
                random.fill(&mut *bytes);
                (Zeroizing::new(STANDARD.encode(*bytes)), None)
            }
            Signature::Ed25519 => {
                let failed = |_| KernelError::Keys(KeyError::Unavailable("no key could be made".to_owned()));
                let pair = Ed25519KeyPair::generate().map_err(failed)?;
                let pkcs8 = pair.to_pkcs8v1().map_err(failed)?;
                let public = STANDARD.encode(pair.public_key().as_ref());
                (Zeroizing::new(STANDARD.encode(pkcs8.as_ref())), Some(public))
            }
        };
        Ok(Self {
            credential: CredentialId(context.new_id()),
            signature,
            kept,
            public_key,
        })
    }

    /// That it was added, and until when those before it are good.
    pub(super) fn event(&self, others_until: Timestamp) -> WebhookEvent {
        WebhookEvent::SecretAdded {
            credential: self.credential,
            signature: self.signature,
            secret: Sealed::Known(self.kept.to_string()),
            public_key: self.public_key.clone(),
            others_until,
        }
    }

    /// The answer with what the receiver needs to verify: the secret, shown this once, or the public key.
    pub(super) fn shown(&self, answer: Answer) -> Answer {
        let answer = answer.with("secret_id", self.credential.to_string());
        match &self.public_key {
            Some(public_key) => answer.with("public_key", format!("whpk_{public_key}")),
            None => answer.with("secret", format!("whsec_{}", *self.kept)),
        }
    }
}

/// Gives an endpoint a new secret; those before it are good a while longer.
#[derive(Clone, Debug)]
pub struct AddWebhookSecret {
    /// The endpoint's realm.
    pub realm: RealmId,
    /// Which.
    pub webhook: WebhookId,
    /// The secret.
    pub secret: NewSecret,
    /// For how many seconds the others are good (at most a week).
    pub overlap_seconds: u64,
}

#[async_trait::async_trait]
impl Decide for AddWebhookSecret {
    type State = Webhook;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Webhook, KernelError> {
        Ok(reader.subject::<Webhook>(self.webhook.0).await?.state)
    }

    fn decide(&self, webhook: &Webhook, context: &Context) -> Result<Decision, Rejection> {
        if !webhook.exists {
            return Err(Rejection::NotFound);
        }
        let mut faults = Faults::default();
        faults.range("overlap_seconds", self.overlap_seconds, 0..=LONGEST_OVERLAP);
        faults.into_result()?;
        let until = context.now.after_seconds(self.overlap_seconds);
        let good = webhook
            .secrets
            .iter()
            .filter(|secret| !ends(secret, until, context.now));
        if good.count() >= SECRETS {
            return Err(Rejection::TooManySecrets);
        }
        Ok(Decision::of(
            Subject::webhook(self.webhook),
            self.secret.event(until),
        ))
    }
}

/// Whether a secret that is good until then at the longest signs nothing any more.
fn ends(secret: &WebhookSecret, until: Timestamp, now: Timestamp) -> bool {
    secret.until.map_or(until, |end| end.min(until)) <= now
}

/// Withdraws a secret of an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct RevokeWebhookSecret {
    /// The endpoint's realm.
    pub realm: RealmId,
    /// Which.
    pub webhook: WebhookId,
    /// Which secret.
    pub credential: CredentialId,
}

#[async_trait::async_trait]
impl Decide for RevokeWebhookSecret {
    type State = Webhook;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Webhook, KernelError> {
        Ok(reader.subject::<Webhook>(self.webhook.0).await?.state)
    }

    fn decide(&self, webhook: &Webhook, context: &Context) -> Result<Decision, Rejection> {
        let is_this = |credential| credential == self.credential;
        if !webhook.exists || !webhook.secrets.iter().any(|secret| is_this(secret.credential)) {
            return Err(Rejection::NotFound);
        }
        let mut others = webhook
            .secrets
            .iter()
            .filter(|secret| !is_this(secret.credential));
        if !others.any(|secret| secret.is_good(context.now)) {
            return Err(Rejection::LastSecret);
        }
        let revoked = WebhookEvent::SecretRevoked {
            credential: self.credential,
        };
        Ok(Decision::of(Subject::webhook(self.webhook), revoked))
    }
}

/// A new secret; its value is made here.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSecretBody {
    /// `hmac` (Standard Webhooks `v1`; the default) or `ed25519` (`v1a`).
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "hmac")]
    signature: Option<Signature>,
    /// For how many seconds the secrets before it are good, too (0 to 604,800; default a day).
    #[serde(default, deserialize_with = "present")]
    overlap_seconds: Option<u64>,
}

/// Give an endpoint a new secret. Until the overlap ends, deliveries are signed with the new one and with those before it. The answer
/// shows it, once, as `secret`; or the public key as `public_key`.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/webhooks/{id}/secrets", tag = "webhooks",
    operation_id = "add_webhook_secret",
    extensions(("x-events" = json!(["webhook.secret_added"]))),
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The webhook's id"),
    ),
    request_body = WebhookSecretBody,
    responses((status = 201, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn add(
    State(commands): State<Commands>,
    at: At<(String, WebhookId)>,
    command: Command<actions::WebhooksManage, WebhookSecretBody>,
) -> Result<Answer, Problem> {
    let Path((_, webhook)) = at?;
    let Command {
        realm, context, body, ..
    } = command;
    let kernel = commands.edge.kernel();
    let signature = body.signature.unwrap_or(Signature::Hmac);
    let secret = NewSecret::make(&context, &**kernel.random(), signature)?;
    let command = AddWebhookSecret {
        realm: realm.id,
        webhook,
        secret,
        overlap_seconds: body.overlap_seconds.unwrap_or(OVERLAP),
    };
    let before = kernel.latest::<Webhook>(realm.id, webhook.0).await?.state.secrets;
    let outcome = kernel.execute(&context, &command).await.map_err(failed)?;
    let location = format!("/query/v1/realms/{}/webhooks/{webhook}", realm.id);
    let repeated = outcome.repeated;
    let answer = Answer::created(outcome, location);
    if repeated {
        return Ok(answer);
    }
    let until = context.now.after_seconds(command.overlap_seconds);
    for over in before.iter().filter(|secret| ends(secret, until, context.now)) {
        destroy(&commands, realm.id, over.credential, context.now).await;
    }
    Ok(command.secret.shown(answer))
}

/// Withdraw a secret of an endpoint at once. The last one is replaced rather than withdrawn.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/webhooks/{id}/secrets/{secret_id}", tag = "webhooks",
    operation_id = "revoke_webhook_secret",
    extensions(("x-events" = json!(["webhook.secret_revoked"]))),
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The webhook's id"),
        ("secret_id" = uuid::Uuid, Path, description = "The secret's id"),
    ),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn revoke(
    State(commands): State<Commands>,
    at: At<(String, WebhookId, CredentialId)>,
    command: Command<actions::WebhooksManage, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, webhook, credential)) = at?;
    let Command { realm, context, .. } = command;
    let command = RevokeWebhookSecret {
        realm: realm.id,
        webhook,
        credential,
    };
    let answer = commands.change(&context, &command).await?;
    destroy(&commands, realm.id, credential, context.now).await;
    Ok(answer)
}

/// The log has decided: the secret signs nothing from now on, whether or not its key could be destroyed.
pub(super) async fn destroy(commands: &Commands, realm: RealmId, credential: CredentialId, now: Timestamp) {
    let owner = Owner::Credential(credential);
    if let Err(error) = commands.edge.kernel().keyring().destroy(realm, &owner, now).await {
        tracing::error!(%error, %realm, %credential, "the key of a withdrawn secret was not destroyed");
    }
}
