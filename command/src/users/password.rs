//! Setting a password. The rule: it is judged by the realm's policy before it is hashed and again when it is decided, then also
//! by whether it is known from a breach;
//! what it replaces is destroyed, and the sessions that began before it are dead
//! ([`Session::outlived_by`](events::auth::Session::outlived_by)).

use axum::extract::State;
use events::{
    ids::{CredentialId, RealmId, SessionId, UserId},
    kernel::{Context, Decide, Decision, Kernel, KernelError, Reader},
    keys::Owner,
    realms::{PasswordSettings, Realm, Settings},
    sealing::Sealed,
    subject::{Stream, Subject},
    users::{Password, Profile, User, UserEvent},
};
use passwords::{HashError, Hasher, Policy, Weakness};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Answer, Code, Command, CommandAnswer, Path, Problem, actions};

use super::Rejection;
use crate::{At, Commands, body::secret, failed};

/// A password that somebody chose, and its hash.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// The password, to be judged.
    pub password: SecretString,
    /// Argon2id of it, as a PHC string.
    pub hash: SecretString,
    /// The credential whose key seals the hash.
    pub credential: CredentialId,
    /// Whether the realm's policy is asked. Only the password that an operator gives at the first start of an
    /// installation on loopback, and the demo's random one, are taken as they are.
    pub judged: bool,
    /// Whether it is known from a breach. It was looked up when it was hashed: a decision depends on nothing outside the log.
    pub breached: bool,
}

impl NewPassword {
    /// Hashes a password, off the async threads, in its turn, and looks whether it is known from a breach.
    pub async fn hash(hasher: &Hasher, context: &Context, password: SecretString) -> Result<Self, HashError> {
        let breached = hasher.is_breached(&password).await?;
        let hash = hasher.hash(&password).await?.into();
        Ok(Self {
            password,
            hash,
            credential: CredentialId(context.new_id()),
            judged: true,
            breached,
        })
    }

    /// Judges it for a user of a realm.
    pub(crate) fn judge(
        &self,
        settings: &Settings,
        profile: &Profile,
        realm_name: &str,
    ) -> Result<(), Rejection> {
        if !self.judged {
            return Ok(());
        }
        judge(&self.password, &settings.password, profile, realm_name)?;
        if self.breached && settings.password.blocklist {
            return Err(Rejection::WeakPassword(Weakness::Breached));
        }
        Ok(())
    }

    /// That it was set, and which session goes on.
    pub(crate) fn event(&self, keeps: Option<SessionId>) -> UserEvent {
        UserEvent::PasswordSet {
            credential: self.credential,
            hash: Sealed::Known(self.hash.expose_secret().to_owned()),
            keeps,
        }
    }
}

/// What is answered when a password could not be hashed.
pub fn not_hashed(error: HashError) -> Problem {
    match error {
        HashError::Overloaded { retry_after_seconds } => {
            Problem::new(Code::Overloaded).retry_after(retry_after_seconds)
        }
        HashError::MalformedHash
        | HashError::ExcessiveParameters
        | HashError::InvalidParameters
        | HashError::NoRandomness
        | HashError::NoResources
        | HashError::BreachedUnreadable
        | HashError::Stopped => {
            tracing::error!(%error, "a password could not be hashed");
            Problem::new(Code::Unavailable)
        }
    }
}

/// Whether a password may be chosen by this user.
pub fn judge(
    password: &SecretString,
    settings: &PasswordSettings,
    profile: &Profile,
    realm_name: &str,
) -> Result<(), Rejection> {
    let length = |characters: usize| u32::try_from(characters).unwrap_or(u32::MAX);
    let policy = Policy {
        minimum_length: length(settings.minimum_length),
        maximum_length: length(settings.maximum_length),
        blocklist: settings.blocklist,
    };
    let names = [
        &profile.username,
        &profile.email,
        &profile.name,
        &profile.given_name,
        &profile.family_name,
    ];
    let mut words: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
    // An address is guessed by its parts, a full name by its words.
    let parts: Vec<&str> = words
        .iter()
        .flat_map(|name| name.split(['@', '.', ' ']))
        .filter(|part| part.len() > 2)
        .collect();
    words.extend(parts);
    words.push(realm_name);
    policy
        .check(password.expose_secret(), &words)
        .map_err(Rejection::WeakPassword)
}

/// Sets a user's password.
#[derive(Clone, Debug)]
pub struct SetPassword {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// Which.
    pub password: NewPassword,
    /// The session that goes on: the one in which its owner set it, if they did.
    pub keeps: Option<SessionId>,
}

/// What a password is judged on.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// The user.
    pub user: User,
    /// The realm's settings.
    pub settings: Settings,
    /// The realm.
    pub realm: Realm,
}

impl Circumstances {
    /// Reads them.
    pub async fn load(reader: &mut Reader<'_>, realm: RealmId, user: UserId) -> Result<Self, KernelError> {
        Ok(Self {
            user: reader.subject::<User>(user.0).await?.state,
            settings: reader.beside::<Settings>(realm, realm.0).await?.state,
            realm: reader.beside::<Realm>(RealmId::SYSTEM, realm.0).await?.state,
        })
    }
}

#[async_trait::async_trait]
impl Decide for SetPassword {
    type State = Circumstances;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Circumstances, KernelError> {
        reader.subject::<Password>(self.user.0).await?;
        Circumstances::load(reader, self.realm, self.user).await
    }

    fn decide(&self, state: &Circumstances, _: &Context) -> Result<Decision, Rejection> {
        may_have_a_password(&state.user)?;
        self.password
            .judge(&state.settings, &state.user.profile, &state.realm.name)?;
        let set = self.password.event(self.keeps);
        Ok(Decision::of(Subject::password(self.user), set))
    }
}

fn may_have_a_password(user: &User) -> Result<(), Rejection> {
    match (user.exists, user.erased) {
        (false, _) => Err(Rejection::NotFound),
        (true, true) => Err(Rejection::Erased),
        (true, false) => Ok(()),
    }
}

/// Destroys the keys of the hashes that a user's password replaced. The log has decided already: a failure is told to the
/// operator, and mended by the next change.
pub async fn destroy_replaced(kernel: &Kernel, realm: RealmId, user: UserId) {
    let replaced = match kernel.current::<Password>(realm, user.0).await {
        Ok(password) => password.state.replaced,
        Err(error) => {
            return tracing::error!(%error, %realm, %user, "the replaced password's key was not destroyed");
        }
    };
    for credential in replaced {
        let destroyed = kernel
            .keyring()
            .destroy(realm, &Owner::Credential(credential), kernel.now())
            .await;
        if let Err(error) = destroyed {
            tracing::error!(%error, %realm, %credential, "the replaced password's key was not destroyed");
        }
    }
}

/// A password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    /// As it is typed; compared in NFKC. The realm's settings say how long it must be.
    #[serde(deserialize_with = "secret")]
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

/// Set a user's password; their sessions end.
#[utoipa::path(
    put, path = "/command/v1/realms/{realm}/users/{id}/password", tag = "users", operation_id = "set_password",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
    ),
    request_body = PasswordBody,
    extensions(("x-events" = json!(["password.set"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn set(
    State(commands): State<Commands>,
    at: At<(String, UserId)>,
    command: Command<actions::UsersSetPassword, PasswordBody>,
) -> Result<Answer, Problem> {
    let Path((_, user)) = at?;
    let Command {
        realm, context, body, ..
    } = command;
    let kernel = commands.edge.kernel();
    // What was answered once is answered so again, whatever the user and the settings are by now.
    let before = kernel.repeated::<Rejection>(Stream::facts(realm.id), &context);
    if let Some(outcome) = before.await.map_err(failed)? {
        destroy_replaced(kernel, realm.id, user).await;
        return Ok(Answer::changed(outcome));
    }
    // Hashing is dear: what would be refused is refused before it.
    let known = kernel.current::<User>(realm.id, user.0).await?.state;
    may_have_a_password(&known)?;
    let settings = kernel.current::<Settings>(realm.id, realm.id.0).await?.state;
    judge(&body.password, &settings.password, &known.profile, &realm.name)?;
    let password = NewPassword::hash(&commands.hasher, &context, body.password)
        .await
        .map_err(not_hashed)?;
    let command = SetPassword {
        realm: realm.id,
        user,
        password,
        keeps: None,
    };
    let outcome = kernel.execute(&context, &command).await.map_err(failed)?;
    destroy_replaced(kernel, realm.id, user).await;
    Ok(Answer::changed(outcome))
}

#[cfg(test)]
mod tests {
    use events::testing::{context, given};
    use uuid::Uuid;

    use super::*;

    const ALICE: UserId = UserId(Uuid::from_u128(9));

    fn when(user: User, password: &str, judged: bool) -> Result<Decision, Rejection> {
        let password = NewPassword {
            password: password.into(),
            hash: "$argon2id$".into(),
            credential: CredentialId(Uuid::from_u128(11)),
            judged,
            breached: password.contains("stolen"),
        };
        let realm = Realm {
            name: "acme".into(),
            ..Realm::default()
        };
        let state = Circumstances {
            user,
            settings: Settings::default(),
            realm,
        };
        SetPassword {
            realm: RealmId(Uuid::from_u128(7)),
            user: ALICE,
            password,
            keeps: None,
        }
        .decide(&state, &context())
    }

    fn alice() -> User {
        let profile = Profile {
            username: Some("alice".into()),
            email: Some("wonderland@example.org".into()),
            ..Profile::default()
        };
        given::<User>(
            ALICE.0,
            [UserEvent::Registered {
                profile: profile.into(),
            }
            .into()],
        )
        .state
    }

    #[test]
    fn a_good_password_is_set_under_a_new_credential() {
        let decision = when(alice(), "correct horse ripens slowly", true).unwrap();
        assert_eq!(decision.subject, Subject::password(ALICE));
        let credential = CredentialId(Uuid::from_u128(11));
        let set = UserEvent::PasswordSet {
            credential,
            hash: "$argon2id$".to_owned().into(),
            keeps: None,
        };
        assert_eq!(decision.events, [(Some(Subject::password(ALICE)), set.into())]);
    }

    #[test]
    fn a_weak_password_is_refused_with_the_reason() {
        for weak in [
            "short",
            "aaaaaaaaaaaaaaaaaaaa",
            "alicealicealice",
            "wonderlandwonderland",
        ] {
            assert!(
                matches!(when(alice(), weak, true), Err(Rejection::WeakPassword(_))),
                "{weak}"
            );
        }
        assert!(when(alice(), "short", false).is_ok());
        let stolen = when(alice(), "correct horse was stolen", true);
        assert_eq!(stolen, Err(Rejection::WeakPassword(Weakness::Breached)));
        assert!(when(alice(), "correct horse was stolen", false).is_ok());
    }

    #[test]
    fn nobody_and_nobody_known_get_no_password() {
        let erased = given::<User>(
            ALICE.0,
            [UserEvent::Registered {
                profile: Sealed::Erased,
            }
            .into()],
        )
        .state;
        assert_eq!(
            when(User::default(), "correct horse ripens slowly", true),
            Err(Rejection::NotFound)
        );
        assert_eq!(
            when(erased, "correct horse ripens slowly", true),
            Err(Rejection::Erased)
        );
    }

    #[test]
    fn replaced_credentials_are_remembered_until_there_are_many() {
        let set = |number: u128| {
            let credential = CredentialId(Uuid::from_u128(number));
            UserEvent::PasswordSet {
                credential,
                hash: String::new().into(),
                keeps: None,
            }
            .into()
        };
        let password = given::<Password>(ALICE.0, (1..=3).map(set)).state;
        assert_eq!(
            password.replaced,
            [1, 2].map(|number| CredentialId(Uuid::from_u128(number)))
        );
        let password = given::<Password>(ALICE.0, (1..=30).map(set)).state;
        assert_eq!(password.replaced.len(), 8);
        assert_eq!(password.replaced.last(), Some(&CredentialId(Uuid::from_u128(29))));
    }
}
