//! Registering a user. The rule: the user, their login names and their password come into being in one append.

use std::collections::BTreeMap;

use axum::extract::State;
use events::{
    ids::{RealmId, UserId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Outcome, Reader},
    log::ClaimKind,
    realms::Settings,
    subject::{Stream, Subject},
    users::{Password, Profile, UserEvent},
};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use web::{Answer, Command, CommandAnswer, Problem, actions};

use super::{
    Rejection,
    password::{self, Circumstances, NewPassword, not_hashed},
    refused,
    rules::{self, Touched},
};
use crate::{
    Commands,
    body::{optional_secret, present},
    failed,
};

/// Registers a user.
#[derive(Clone, Debug)]
pub struct RegisterUser {
    /// The user's realm.
    pub realm: RealmId,
    /// The new user's id.
    pub user: UserId,
    /// All that is known of the person.
    pub profile: Profile,
    /// The first password, if there is one already.
    pub password: Option<NewPassword>,
}

#[async_trait::async_trait]
impl Decide for RegisterUser {
    type State = Circumstances;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Circumstances, KernelError> {
        if self.password.is_some() {
            reader.subject::<Password>(self.user.0).await?;
        }
        Circumstances::load(reader, self.realm, self.user).await
    }

    fn decide(&self, state: &Circumstances, _: &Context) -> Result<Decision, Rejection> {
        if state.user.exists {
            return Err(Rejection::Exists);
        }
        rules::check(&self.profile, &state.settings.registration, Touched::ALL)?;
        let registered = UserEvent::Registered {
            profile: self.profile.clone().into(),
        };
        let mut decision = Decision::of(Subject::user(self.user), registered);
        if let Some(password) = &self.password {
            password.judge(&state.settings, &self.profile, &state.realm.name)?;
            decision = decision.and(Subject::password(self.user), password.event(None));
        }
        for value in self.profile.login_names() {
            decision = decision.claiming(Claim::Hold {
                kind: ClaimKind::LoginName,
                value,
                holder: self.user.0,
            });
        }
        Ok(decision)
    }
}

/// A new user. At least one of user name and e-mail address is needed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The name to sign in with: 1 to 128 visible characters; no `@` unless it is the e-mail address.
    #[serde(default, deserialize_with = "present")]
    #[schema(example = "alice")]
    username: Option<String>,
    /// E-mail address; signs in as well.
    #[serde(default, deserialize_with = "present")]
    #[schema(example = "alice@example.org")]
    email: Option<String>,
    /// Whether the address was shown to be theirs.
    #[serde(default)]
    email_verified: bool,
    /// Phone number, E.164.
    #[serde(default, deserialize_with = "present")]
    phone: Option<String>,
    /// Whether the number was shown to be theirs.
    #[serde(default)]
    phone_verified: bool,
    /// Full name for display, at most 256 characters.
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    /// Given name, at most 256 characters.
    #[serde(default, deserialize_with = "present")]
    given_name: Option<String>,
    /// Family name, at most 256 characters.
    #[serde(default, deserialize_with = "present")]
    family_name: Option<String>,
    /// Preferred language, BCP 47.
    #[serde(default, deserialize_with = "present")]
    locale: Option<String>,
    /// Time zone, IANA name.
    #[serde(default, deserialize_with = "present")]
    zoneinfo: Option<String>,
    /// Custom attributes, after the realm's schema.
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
    /// The first password.
    #[serde(default, deserialize_with = "optional_secret")]
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
}

impl NewUser {
    fn into_parts(self) -> (Profile, Option<SecretString>) {
        let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned());
        let profile = Profile {
            username: trimmed(self.username),
            email: trimmed(self.email),
            email_verified: self.email_verified,
            phone: self.phone,
            phone_verified: self.phone_verified,
            name: trimmed(self.name),
            given_name: trimmed(self.given_name),
            family_name: trimmed(self.family_name),
            locale: self.locale,
            zoneinfo: self.zoneinfo,
            attributes: self.attributes,
        };
        (profile, self.password)
    }
}

/// Register a user.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/users", tag = "users", operation_id = "register_user",
    params(("realm" = String, Path, description = "The realm's name or id")),
    request_body = NewUser,
    extensions(("x-events" = json!(["user.registered", "password.set"]))),
    responses((status = 201, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn register(
    State(commands): State<Commands>,
    command: Command<actions::UsersCreate, NewUser>,
) -> Result<Answer, Problem> {
    let Command {
        realm, context, body, ..
    } = command;
    let kernel = commands.edge.kernel();
    let created = |outcome: Outcome| {
        let location = format!("/query/v1/realms/{}/users/{}", realm.id, outcome.receipt.id);
        Answer::created(outcome, location)
    };
    // What was answered once is answered so again, whatever the settings are by now.
    let before = kernel.repeated::<Rejection>(Stream::facts(realm.id), &context);
    if let Some(outcome) = before.await.map_err(failed)? {
        return Ok(created(outcome));
    }
    let (profile, password) = body.into_parts();
    let password = match password {
        None => None,
        Some(password) => {
            // Hashing is dear: what would be refused is refused before it.
            let settings = kernel.current::<Settings>(realm.id, realm.id.0).await?.state;
            rules::check(&profile, &settings.registration, Touched::ALL).map_err(Rejection::from)?;
            password::judge(&password, &settings.password, &profile, &realm.name)?;
            Some(
                NewPassword::hash(&commands.hasher, &context, password)
                    .await
                    .map_err(not_hashed)?,
            )
        }
    };
    let command = RegisterUser {
        realm: realm.id,
        user: UserId(context.new_id()),
        profile,
        password,
    };
    match kernel.execute(&context, &command).await {
        Ok(outcome) => Ok(created(outcome)),
        Err(failure) => Err(refused(kernel, realm.id, command.user, &command.profile, failure).await),
    }
}

#[cfg(test)]
mod tests {
    use events::{ids::CredentialId, testing::context, users::User};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    const ALICE: UserId = UserId(Uuid::from_u128(9));

    fn when(state: &Circumstances, profile: Value, password: Option<&str>) -> Result<Decision, Rejection> {
        let password = password.map(|password| NewPassword {
            password: password.into(),
            hash: "$argon2id$".into(),
            credential: CredentialId(Uuid::from_u128(11)),
            judged: true,
            breached: false,
        });
        let profile = serde_json::from_value(profile).unwrap();
        RegisterUser {
            realm: RealmId(Uuid::from_u128(7)),
            user: ALICE,
            profile,
            password,
        }
        .decide(state, &context())
    }

    fn hold(value: &str) -> Claim {
        Claim::Hold {
            kind: ClaimKind::LoginName,
            value: value.into(),
            holder: ALICE.0,
        }
    }

    #[test]
    fn user_names_and_password_come_in_one_append() {
        let profile = json!({ "username": "Alice", "email": "Alice@Example.org" });
        let decision = when(
            &Circumstances::default(),
            profile,
            Some("correct horse ripens slowly"),
        )
        .unwrap();
        let subjects: Vec<_> = decision
            .events
            .iter()
            .map(|(subject, _)| subject.unwrap())
            .collect();
        assert_eq!(subjects, [Subject::user(ALICE), Subject::password(ALICE)]);
        assert_eq!(decision.claims, [hold("alice"), hold("alice@example.org")]);
    }

    #[test]
    fn a_user_name_that_is_the_address_is_claimed_once() {
        let profile = json!({ "username": "ALICE@example.org", "email": "alice@example.org" });
        assert_eq!(
            when(&Circumstances::default(), profile, None).unwrap().claims,
            [hold("alice@example.org")]
        );
    }

    #[test]
    fn spellings_of_one_name_are_one_claim() {
        for spelling in ["ÅSA", "Åsa", "åsa", "Åsa"] {
            let decision = when(&Circumstances::default(), json!({ "username": spelling }), None).unwrap();
            assert_eq!(decision.claims, [hold("åsa")], "{spelling}");
        }
    }

    #[test]
    fn faults_weak_passwords_and_a_user_who_is_there_are_refused() {
        let state = Circumstances::default();
        assert!(matches!(
            when(&state, json!({}), None),
            Err(Rejection::Invalid(_))
        ));
        let weak = when(&state, json!({ "username": "alice" }), Some("alicealicealice"));
        assert!(matches!(weak, Err(Rejection::WeakPassword(_))));
        let there = Circumstances {
            user: User {
                exists: true,
                ..User::default()
            },
            ..Circumstances::default()
        };
        assert_eq!(
            when(&there, json!({ "username": "alice" }), None),
            Err(Rejection::Exists)
        );
    }

    #[test]
    fn the_body_is_strict() {
        for body in [
            json!({ "user": "a" }),
            json!({ "username": null }),
            json!({ "password": null }),
            json!({ "email_verified": "yes" }),
        ] {
            assert!(serde_json::from_value::<NewUser>(body.clone()).is_err(), "{body}");
        }
        let body = r#"{"username":" alice ","password":"hunter2"}"#;
        let body: NewUser = serde_json::from_str(body).unwrap();
        assert!(!format!("{body:?}").contains("hunter2"));
        assert_eq!(body.into_parts().0.username.as_deref(), Some("alice"));
    }
}
