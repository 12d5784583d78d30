//! What the first start makes: the `system` realm, its administrator, and a client for automation if one is configured.
//! The rule: it is made once, however many nodes start at a time. What an administrator changed or took away later does not
//! come back with a restart.

use std::fmt::Display;

use events::{
    applications::{Application, ApplicationSettings, ApplicationType, SecretState},
    clock::Random,
    envelope::Actor,
    ids::{ApplicationId, RealmId, UserId},
    kernel::{Context, Failure, Kernel, KernelError},
    log::ClaimKind,
    permissions::{Assignments, PrincipalKind, Role},
    realms::{PasswordSettings, Realm},
    subject::Lane,
    users::{Profile, User},
};
use jose::Algorithm;
use passwords::HashError;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{
    Commands,
    applications::{
        Rejection,
        register::{RegisterApplication, check_client_id},
        secrets::{AddSecret, NewSecret},
    },
    permissions::roles::ChangeRole,
    realms::{
        self, SigningKeyError,
        create::{CreateRealm, NotCreated},
        ensure_signing_key,
    },
    users::{self, password::NewPassword, register::RegisterUser},
};

/// The first administrator's id, the same in every installation: they are known by it whatever name they take later.
const ADMINISTRATOR: UserId = UserId(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0002));

/// Fewest characters of the bootstrap client's secret outside of loopback development.
const CLIENT_SECRET: usize = 32;

/// What the operator is told of, where the client is refused.
const CLIENT: &str = "the bootstrap client";

/// How often it is looked again at what is there after another node was faster.
const RACES: usize = 8;

/// What is configured for the first start.
#[derive(Clone, Default)]
pub struct Bootstrap {
    /// The administrator's password; without it, one is made.
    pub admin_password: Option<SecretString>,
    /// `client_id` and secret of an application with full rights.
    pub client: Option<(String, SecretString)>,
}

/// What was made, as far as somebody must be told.
#[derive(Default)]
pub struct Bootstrapped {
    /// The administrator's password, if it was made just now: it is told this once.
    pub admin_password: Option<String>,
}

/// Why the platform does not start.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// Something of it is refused.
    #[error("{what}: {reason}")]
    Refused {
        /// What.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// Another node makes the same at this moment.
    #[error("{0}: others are making or changing it")]
    Raced(&'static str),
    /// A password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The kernel could not answer.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// There is no key to sign with.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
}

impl BootstrapError {
    fn refused(what: &'static str, reason: impl Display) -> Self {
        Self::Refused {
            what,
            reason: reason.to_string(),
        }
    }

    /// From a command that was not committed.
    pub(crate) fn failed<R: Display>(what: &'static str) -> impl FnOnce(Failure<R>) -> Self {
        move |failure| match failure {
            Failure::Rejected(rejection) => Self::refused(what, rejection),
            Failure::Kernel(error) => Self::Kernel(error),
            Failure::Claimed { .. }
            | Failure::PreconditionFailed { .. }
            | Failure::Conflict
            | Failure::CommandReused => Self::Raced(what),
        }
    }

    /// From making a realm.
    pub(crate) fn realm(error: NotCreated) -> Self {
        match error {
            NotCreated::Failed(failure) => {
                Self::failed_unless_there("a realm", realms::Rejection::Exists)(failure)
            }
            NotCreated::SigningKey(error) => error.into(),
        }
    }

    /// The same, where being there already is no reason to fail, but to look again.
    pub(crate) fn failed_unless_there<R: Display + PartialEq>(
        what: &'static str,
        there: R,
    ) -> impl FnOnce(Failure<R>) -> Self {
        move |failure| match failure {
            Failure::Rejected(rejection) if rejection == there => Self::Raced(what),
            other => Self::failed(what)(other),
        }
    }
}

/// Looks again, and makes what is missing still, where another node was faster.
pub(crate) async fn settled<T>(
    mut pass: impl AsyncFnMut() -> Result<T, BootstrapError>,
) -> Result<T, BootstrapError> {
    for _ in 1..RACES {
        match pass().await {
            Err(BootstrapError::Raced(what)) => tracing::info!(what, "another node was faster"),
            done => return done,
        }
    }
    pass().await
}

/// Makes what is not there yet.
pub async fn bootstrap(commands: &Commands, configured: Bootstrap) -> Result<Bootstrapped, BootstrapError> {
    let mut made = Bootstrapped::default();
    settled(async || make(commands, configured.clone(), &mut made).await).await?;
    Ok(made)
}

async fn make(
    commands: &Commands,
    configured: Bootstrap,
    made: &mut Bootstrapped,
) -> Result<(), BootstrapError> {
    let kernel = commands.edge.kernel();
    let context = kernel.context(Actor::component("bootstrap"));
    let automation = match configured.client {
        Some((client_id, secret)) => Some(Automation::judge(commands, &context, client_id, &secret).await?),
        None => None,
    };
    if kernel
        .current::<Realm>(RealmId::SYSTEM, RealmId::SYSTEM.0)
        .await?
        .state
        .exists()
    {
        ensure_signing_key(&commands.edge, RealmId::SYSTEM, Algorithm::Es256).await?;
    } else {
        let (name, display_name) = ("system".to_owned(), "System".to_owned());
        CreateRealm {
            realm: RealmId::SYSTEM,
            name,
            display_name,
        }
        .execute(&commands.edge, &context)
        .await
        .map_err(BootstrapError::realm)?;
    }
    administrator(commands, &context, configured.admin_password, made).await?;
    match automation {
        Some(automation) => automation.make(commands, &context).await,
        None => Ok(()),
    }
}

/// The administrator, and the password if one is made.
async fn administrator(
    commands: &Commands,
    context: &Context,
    configured: Option<SecretString>,
    made: &mut Bootstrapped,
) -> Result<(), BootstrapError> {
    let kernel = commands.edge.kernel();
    let what = "the first administrator";
    if !kernel
        .current::<User>(RealmId::SYSTEM, ADMINISTRATOR.0)
        .await?
        .state
        .exists
    {
        let profile = Profile {
            username: Some("admin".to_owned()),
            name: Some("Administrator".to_owned()),
            ..Profile::default()
        };
        let is_configured = configured.is_some();
        let mut chosen = None;
        let password = configured.unwrap_or_else(|| {
            let password = readable_password(&**kernel.random());
            chosen = Some(password.clone());
            password.into()
        });
        let weakness = users::password::judge(&password, &PasswordSettings::default(), &profile, "system");
        let is_tolerated = is_configured && commands.edge.is_loopback_http();
        match weakness {
            Err(reason) if is_tolerated => {
                tracing::warn!(%reason, "the administrator's password is weak; loopback only");
            }
            Err(reason) => {
                return Err(BootstrapError::refused(
                    "the first administrator's password",
                    reason,
                ));
            }
            Ok(()) => {}
        }
        let password = NewPassword {
            judged: !is_tolerated,
            ..NewPassword::hash(&commands.hasher, context, password).await?
        };
        let (realm, user) = (RealmId::SYSTEM, ADMINISTRATOR);
        let register = RegisterUser {
            realm,
            user,
            profile,
            password: Some(password),
        };
        kernel
            .execute(context, &register)
            .await
            .map_err(BootstrapError::failed_unless_there(
                what,
                users::Rejection::Exists,
            ))?;
        // Told only by the node whose password it came to be.
        made.admin_password = chosen;
    }
    first_role(kernel, context, ADMINISTRATOR.0, PrincipalKind::User).await
}

/// The application for automation, as configured and as found.
struct Automation {
    application: ApplicationId,
    client_id: String,
    known: Application,
    secret: NewSecret,
}

impl Automation {
    /// Judges all that is configured. Asked before anything is made: a start that fails later would take the first
    /// administrator's new password with it.
    async fn judge(
        commands: &Commands,
        context: &Context,
        client_id: String,
        value: &SecretString,
    ) -> Result<Self, BootstrapError> {
        let (kernel, realm) = (commands.edge.kernel(), RealmId::SYSTEM);
        if !commands.edge.is_loopback_http() && value.expose_secret().chars().count() < CLIENT_SECRET {
            let reason = format!("its secret must have at least {CLIENT_SECRET} random characters");
            return Err(BootstrapError::refused(CLIENT, reason));
        }
        let held = match client_id.parse::<ApplicationId>() {
            Ok(id) => Some(id),
            Err(_) => kernel
                .claimed(realm, Lane::Facts, ClaimKind::ClientId, &client_id)
                .await?
                .map(ApplicationId),
        };
        let application = held.unwrap_or_else(|| ApplicationId(context.new_id()));
        check_client_id(&client_id, application).map_err(|faults| BootstrapError::refused(CLIENT, faults))?;
        let known = kernel.current::<Application>(realm, application.0).await?.state;
        if known.exists() && !known.is_confidential() {
            return Err(BootstrapError::refused(CLIENT, Rejection::KeepsNoSecret));
        }
        let secret = NewSecret::configured(kernel, realm, application, value).await?;
        Ok(Self {
            application,
            client_id,
            known,
            secret,
        })
    }

    /// Makes it, or gives it the configured secret beside those it has.
    async fn make(self, commands: &Commands, context: &Context) -> Result<(), BootstrapError> {
        let (kernel, realm) = (commands.edge.kernel(), RealmId::SYSTEM);
        let Self {
            application,
            client_id,
            known,
            secret,
        } = self;
        let is_held = |held: &SecretState| held.digest.as_ref() == Some(&secret.digest);
        if !known.exists() {
            let register = RegisterApplication {
                realm,
                application,
                client_id: Some(client_id),
                application_type: ApplicationType::Service,
                settings: ApplicationSettings {
                    name: "Automation".to_owned(),
                    ..ApplicationSettings::default()
                },
                secret: Some(secret),
                by_itself: false,
            };
            kernel
                .execute(context, &register)
                .await
                .map_err(BootstrapError::failed(CLIENT))?;
        } else if known.withdrawn.contains(&secret.credential) {
            tracing::warn!(
                client_id,
                "the configured secret was withdrawn: it is not good any more"
            );
        } else if !known.secrets.iter().any(is_held) {
            // The operator rotated it in the configuration.
            let add = AddSecret {
                realm,
                application,
                secret,
            };
            match kernel.execute(context, &add).await {
                Ok(_) => tracing::warn!(
                    client_id,
                    "the configured secret is none of those that the bootstrap client had: it was added beside them. If it was \
                     not changed on purpose, this node is configured otherwise than the others; withdraw what is not wanted"
                ),
                Err(Failure::Rejected(reason @ (Rejection::TooManySecrets | Rejection::UsesKeys))) => {
                    tracing::warn!(client_id, %reason, "the configured secret is not added");
                }
                Err(failure) => return Err(BootstrapError::failed(CLIENT)(failure)),
            }
        }
        first_role(kernel, context, application.0, PrincipalKind::Application).await
    }
}

/// Full rights, for a principal that never held any role: one that was taken away is not given back.
async fn first_role(
    kernel: &Kernel,
    context: &Context,
    principal: Uuid,
    kind: PrincipalKind,
) -> Result<(), BootstrapError> {
    let realm = RealmId::SYSTEM;
    if kernel.current::<Assignments>(realm, principal).await?.version > 0 {
        return Ok(());
    }
    let role = Role::PlatformAdministrator;
    let assign = ChangeRole {
        realm,
        principal,
        kind,
        role,
        given: true,
        own: false,
    };
    kernel
        .execute(context, &assign)
        .await
        .map_err(BootstrapError::failed("the role of the first administrator"))?;
    Ok(())
}

/// A password that can be read out and typed: 24 letters in syllables, 72 random bits.
pub(crate) fn readable_password(random: &dyn Random) -> String {
    const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
    const VOWELS: &[u8; 4] = b"aiou";
    let mut bytes = [0; 12];
    random.fill(&mut bytes);
    let mut password = String::with_capacity(29);
    for (index, byte) in bytes.into_iter().enumerate() {
        if index > 0 && index % 2 == 0 {
            password.push('-');
        }
        password.push(char::from(CONSONANTS[usize::from(byte >> 2 & 15)]));
        password.push(char::from(VOWELS[usize::from(byte & 3)]));
    }
    password
}
