//! An application's secrets, several with overlap. The rule: a secret is random and shown once; what is kept is a keyed digest (and,
//! where it verifies what the application signs, the secret itself) under a key of its own, which is destroyed when it is withdrawn.

use axum::extract::State;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{
    applications::{Application, ApplicationEvent, ApplicationSettings, SecretState},
    clock::{Random, Timestamp},
    ids::{ApplicationId, CredentialId, RealmId},
    kernel::{Context, Decide, Decision, Kernel, KernelError, Reader},
    keys::Owner,
    subject::{Stream, Subject},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};
use zeroize::Zeroizing;

use super::Rejection;
use crate::{At, Commands, Faults, body::moment, failed};

/// The most secrets that are good at a time.
const SECRETS: usize = 10;

/// A secret as an application keeps it: what it is known by here.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// Its id, and the credential whose key seals the digest.
    pub credential: CredentialId,
    /// Keyed digest, hexadecimal.
    pub digest: String,
    /// The secret itself: kept only where it verifies what the application signs.
    pub value: Zeroizing<String>,
    /// When it ends, if it does.
    pub expires: Option<Timestamp>,
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSecret")
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

impl NewSecret {
    /// From a secret that the application is given.
    pub async fn of(
        kernel: &Kernel,
        realm: RealmId,
        context: &Context,
        secret: &SecretString,
        expires: Option<Timestamp>,
    ) -> Result<Self, KernelError> {
        let digest = web::clients::secret_digest(kernel, realm, secret.expose_secret()).await?;
        Ok(Self {
            credential: CredentialId(context.new_id()),
            digest,
            value: Zeroizing::new(secret.expose_secret().to_owned()),
            expires,
        })
    }

    /// From a secret that is configured outside: its id follows from it, so that it is known again at the next start, also
    /// after it was withdrawn. The id tells as little of the secret as its digest does.
    pub async fn configured(
        kernel: &Kernel,
        realm: RealmId,
        application: ApplicationId,
        secret: &SecretString,
    ) -> Result<Self, KernelError> {
        let value = secret.expose_secret();
        let digest = web::clients::secret_digest(kernel, realm, value).await?;
        let parts: [&[u8]; 2] = [application.0.as_bytes(), value.as_bytes()];
        let id = kernel
            .keyring()
            .digest(realm, "configured secrets", &parts)
            .await?;
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&id[..16]);
        Ok(Self {
            credential: CredentialId(uuid::Builder::from_custom_bytes(bytes).into_uuid()),
            digest,
            value: Zeroizing::new(value.to_owned()),
            expires: None,
        })
    }

    /// That it was added to an application with these settings.
    pub(super) fn event(&self, settings: &ApplicationSettings) -> ApplicationEvent {
        let kept = settings.signs_with_secrets();
        ApplicationEvent::SecretAdded {
            credential: self.credential,
            digest: self.digest.clone().into(),
            secret: kept.then(|| self.value.to_string().into()),
            expires: self.expires,
        }
    }

    /// Whether an application that changes to these settings must be given one: it authenticates in another way now, and has none
    /// that is good for that.
    pub(super) fn is_needed(before: &Application, after: &ApplicationSettings, context: &Context) -> bool {
        let is_good = |secret: &SecretState| {
            secret.expires.is_none_or(|end| context.now < end)
                && (secret.secret.is_some() || !after.signs_with_secrets())
        };
        before.is_confidential()
            && after.has_secrets()
            && after.token_endpoint_auth_method != before.settings.token_endpoint_auth_method
            && !before.secrets.iter().any(is_good)
    }

    /// Whether the application has room for one more.
    pub(super) fn fits(application: &Application, context: &Context) -> Result<(), Rejection> {
        let is_good = |secret: &&SecretState| secret.expires.is_none_or(|end| context.now < end);
        if application.secrets.iter().filter(is_good).count() >= SECRETS {
            return Err(Rejection::TooManySecrets);
        }
        Ok(())
    }

    pub(super) fn check(&self, context: &Context, faults: &mut Faults) {
        faults.unless(
            self.expires.is_none_or(|expires| expires > context.now),
            "expires_at",
            "must be in the future",
        );
    }
}

/// A new secret: 256 random bits, with a prefix by which scanners of repositories know it.
pub fn generate(random: &dyn Random) -> SecretString {
    let mut bytes = Zeroizing::new([0; 32]);
    random.fill(&mut *bytes);
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes));
    format!("chs_{}", *text).into()
}

/// Gives an application a secret beside those it has.
#[derive(Clone, Debug)]
pub struct AddSecret {
    /// The application's realm.
    pub realm: RealmId,
    /// Whose.
    pub application: ApplicationId,
    /// Which.
    pub secret: NewSecret,
}

#[async_trait::async_trait]
impl Decide for AddSecret {
    type State = Application;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Application, KernelError> {
        Ok(reader.subject::<Application>(self.application.0).await?.state)
    }

    fn decide(&self, application: &Application, context: &Context) -> Result<Decision, Rejection> {
        if !application.exists() {
            return Err(Rejection::NotFound);
        }
        if !application.is_confidential() {
            return Err(Rejection::KeepsNoSecret);
        }
        if !application.settings.has_secrets() {
            return Err(Rejection::UsesKeys);
        }
        // The id of a configured secret is the same at every start, and on every node that starts.
        let credential = self.secret.credential;
        if application.withdrawn.contains(&credential)
            || application
                .secrets
                .iter()
                .any(|held| held.credential == credential)
        {
            return Ok(Decision::nothing(Subject::application(self.application)));
        }
        let mut faults = Faults::default();
        self.secret.check(context, &mut faults);
        faults.into_result()?;
        NewSecret::fits(application, context)?;
        Ok(Decision::of(
            Subject::application(self.application),
            self.secret.event(&application.settings),
        ))
    }
}

/// Withdraws a secret of an application.
#[derive(Clone, Copy, Debug)]
pub struct RevokeSecret {
    /// The application's realm.
    pub realm: RealmId,
    /// Whose.
    pub application: ApplicationId,
    /// Which.
    pub credential: CredentialId,
}

#[async_trait::async_trait]
impl Decide for RevokeSecret {
    type State = Application;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Application, KernelError> {
        Ok(reader.subject::<Application>(self.application.0).await?.state)
    }

    fn decide(&self, application: &Application, _: &Context) -> Result<Decision, Rejection> {
        if !application.exists() {
            return Err(Rejection::NotFound);
        }
        if !application
            .secrets
            .iter()
            .any(|secret| secret.credential == self.credential)
        {
            return Err(Rejection::NoSuchSecret);
        }
        let revoked = ApplicationEvent::SecretRevoked {
            credential: self.credential,
        };
        Ok(Decision::of(Subject::application(self.application), revoked))
    }
}

/// A new secret; its value is made here.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretBody {
    /// RFC 3339, in the future; without it, the secret is good until it is withdrawn.
    #[serde(default, deserialize_with = "moment")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// Give an application another secret. The answer shows it, once, as `client_secret`, with its id as `secret_id`.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/applications/{id}/secrets", tag = "applications",
    operation_id = "add_secret",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The application's id"),
    ),
    request_body = SecretBody,
    extensions(("x-events" = json!(["application.secret_added"]))),
    responses((status = 201, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn add(
    State(commands): State<Commands>,
    at: At<(String, ApplicationId)>,
    command: Command<actions::SecretsManage, SecretBody>,
) -> Result<Answer, Problem> {
    let Path((_, application)) = at?;
    let Command {
        realm, context, body, ..
    } = command;
    let kernel = commands.edge.kernel();
    let value = generate(&**kernel.random());
    let secret = NewSecret::of(kernel, realm.id, &context, &value, body.expires_at).await?;
    let command = AddSecret {
        realm: realm.id,
        application,
        secret,
    };
    let outcome = kernel.execute(&context, &command).await.map_err(failed)?;
    let location = format!("/query/v1/realms/{}/applications/{application}/secrets", realm.id);
    let repeated = outcome.repeated;
    let answer = Answer::created(outcome, location);
    if repeated {
        return Ok(answer);
    }
    Ok(answer
        .with("secret_id", command.secret.credential.to_string())
        .with("client_secret", value.expose_secret()))
}

/// Withdraw a secret of an application.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/applications/{id}/secrets/{secret_id}", tag = "applications",
    operation_id = "revoke_secret",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The application's id"),
        ("secret_id" = uuid::Uuid, Path, description = "The secret's id"),
    ),
    extensions(("x-events" = json!(["application.secret_revoked"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn revoke(
    State(commands): State<Commands>,
    at: At<(String, ApplicationId, CredentialId)>,
    command: Command<actions::SecretsManage, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, application, credential)) = at?;
    let Command { realm, context, .. } = command;
    let kernel = commands.edge.kernel();
    let command = RevokeSecret {
        realm: realm.id,
        application,
        credential,
    };
    let outcome = kernel.execute(&context, &command).await.map_err(failed)?;
    // The log has decided: the secret is refused from now on, whether or not its key could be destroyed.
    if let Err(error) = kernel
        .keyring()
        .destroy(realm.id, &Owner::Credential(credential), context.now)
        .await
    {
        tracing::error!(%error, realm = %realm.id, %credential, "the key of a withdrawn secret was not destroyed");
    }
    Ok(Answer::changed(outcome))
}

#[cfg(test)]
mod tests {
    use events::{
        applications::{ApplicationType, CLIENT_SECRET_JWT, PRIVATE_KEY_JWT},
        clock::SystemRandom,
        event::Event,
        testing::{NOW, context, given},
    };
    use uuid::Uuid;

    use super::*;

    const ACME: RealmId = RealmId(Uuid::from_u128(7));
    const APP: ApplicationId = ApplicationId(Uuid::from_u128(15));

    fn registered(application_type: ApplicationType) -> Event {
        let settings = ApplicationSettings::default();
        ApplicationEvent::Registered {
            client_id: APP.to_string(),
            application_type,
            settings: Box::new(settings),
        }
        .into()
    }

    fn secret(number: u128, expires: Option<Timestamp>) -> NewSecret {
        NewSecret {
            credential: CredentialId(Uuid::from_u128(number)),
            digest: "00".into(),
            value: Zeroizing::new("chs_secret".to_owned()),
            expires,
        }
    }

    fn application(past: Vec<Event>) -> Application {
        given::<Application>(APP.0, past).state
    }

    fn add(past: Vec<Event>, secret: NewSecret) -> Result<Vec<Event>, Rejection> {
        let decision = AddSecret {
            realm: ACME,
            application: APP,
            secret,
        }
        .decide(&application(past), &context())?;
        Ok(decision.events.into_iter().map(|(_, event)| event).collect())
    }

    #[test]
    fn a_secret_is_added_beside_the_others() {
        let expires = Some(NOW.after_seconds(60));
        let past = vec![
            registered(ApplicationType::Web),
            secret(1, None).event(&ApplicationSettings::default()).into(),
        ];
        assert_eq!(
            add(past, secret(2, expires)),
            Ok(vec![
                secret(2, expires).event(&ApplicationSettings::default()).into()
            ])
        );
    }

    #[test]
    fn who_cannot_keep_a_secret_gets_none() {
        assert_eq!(add(vec![], secret(1, None)), Err(Rejection::NotFound));
        for public in [ApplicationType::Spa, ApplicationType::Native] {
            assert_eq!(
                add(vec![registered(public)], secret(1, None)),
                Err(Rejection::KeepsNoSecret)
            );
        }
        let refused = add(vec![registered(ApplicationType::Service)], secret(1, Some(NOW)));
        assert!(matches!(refused, Err(Rejection::Invalid(faults)) if faults.fields().eq(["expires_at"])));
    }

    #[test]
    fn what_signs_with_a_secret_has_it_kept_and_what_signs_with_a_key_has_none() {
        let registered = |method: &str| {
            let settings = ApplicationSettings {
                token_endpoint_auth_method: Some(method.to_owned()),
                ..ApplicationSettings::default()
            };
            ApplicationEvent::Registered {
                client_id: APP.to_string(),
                application_type: ApplicationType::Web,
                settings: Box::new(settings),
            }
            .into()
        };
        let added = add(vec![registered(CLIENT_SECRET_JWT)], secret(1, None)).unwrap();
        assert!(matches!(
            &added[..],
            [Event::Applications(ApplicationEvent::SecretAdded { secret: Some(kept), .. })]
                if kept.known().is_some_and(|kept| kept == "chs_secret")
        ));
        let added = add(vec![registered("client_secret_basic")], secret(1, None)).unwrap();
        assert!(matches!(
            &added[..],
            [Event::Applications(ApplicationEvent::SecretAdded {
                secret: None,
                ..
            })]
        ));
        assert_eq!(
            add(vec![registered(PRIVATE_KEY_JWT)], secret(1, None)),
            Err(Rejection::UsesKeys)
        );
    }

    #[test]
    fn ten_are_good_at_a_time() {
        let full = |expires: Option<Timestamp>| {
            let secrets = (1..=10).map(move |number| {
                secret(number, expires)
                    .event(&ApplicationSettings::default())
                    .into()
            });
            std::iter::once(registered(ApplicationType::Web))
                .chain(secrets)
                .collect::<Vec<Event>>()
        };
        assert_eq!(add(full(None), secret(11, None)), Err(Rejection::TooManySecrets));
        assert!(
            add(
                full(Some(Timestamp::from_seconds(NOW.seconds() - 1))),
                secret(11, None)
            )
            .is_ok()
        );
    }

    #[test]
    fn a_secret_is_revoked_once() {
        let revoke = |past: Vec<Event>| {
            let credential = CredentialId(Uuid::from_u128(1));
            RevokeSecret {
                realm: ACME,
                application: APP,
                credential,
            }
            .decide(&application(past), &context())
        };
        let with_secret = || {
            vec![
                registered(ApplicationType::Web),
                secret(1, None).event(&ApplicationSettings::default()).into(),
            ]
        };
        let decision = revoke(with_secret()).unwrap();
        let mut past = with_secret();
        past.push(decision.events[0].1.clone());
        assert_eq!(revoke(past), Err(Rejection::NoSuchSecret));
        assert_eq!(revoke(vec![]), Err(Rejection::NotFound));
    }

    #[test]
    fn a_secret_has_256_bits_and_a_prefix() {
        let (one, other) = (generate(&SystemRandom), generate(&SystemRandom));
        assert_ne!(one.expose_secret(), other.expose_secret());
        let encoded = one.expose_secret().strip_prefix("chs_").unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(encoded).unwrap().len(), 32);
    }
}
