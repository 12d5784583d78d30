//! Registering an application. The rule: what can keep a secret is born with one, in the same append.

use axum::extract::State;
use events::{
    application_settings,
    applications::{Application, ApplicationEvent, ApplicationSettings, ApplicationType},
    ids::{ApplicationId, RealmId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Reader},
    log::ClaimKind,
    subject::{Stream, Subject},
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Answer, Command, CommandAnswer, Problem, actions};

use super::{
    Rejection, rules,
    secrets::{NewSecret, generate},
};
use crate::{Commands, Faults, body::present, failed, realms::publish_signing_keys};

/// Registers an application.
#[derive(Clone, Debug)]
pub struct RegisterApplication {
    /// Its realm.
    pub realm: RealmId,
    /// The new application's id.
    pub application: ApplicationId,
    /// Its `client_id`, where that is not its id.
    pub client_id: Option<String>,
    /// What kind it is.
    pub application_type: ApplicationType,
    /// The rest.
    pub settings: ApplicationSettings,
    /// Its first secret.
    pub secret: Option<NewSecret>,
    /// Whether it registers by itself (RFC 7591), and so gets a token for managing its registration.
    pub by_itself: bool,
}

#[async_trait::async_trait]
impl Decide for RegisterApplication {
    type State = Application;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Application, KernelError> {
        Ok(reader.subject::<Application>(self.application.0).await?.state)
    }

    fn decide(&self, application: &Application, context: &Context) -> Result<Decision, Rejection> {
        if application.exists() {
            return Err(Rejection::Exists);
        }
        rules::check(&self.settings, self.application_type)?;
        let own_id = self.application.to_string();
        let client_id = self.client_id.as_ref().unwrap_or(&own_id);
        let subject = Subject::application(self.application);
        let mut decision = Decision::of(
            subject,
            ApplicationEvent::Registered {
                client_id: client_id.clone(),
                application_type: self.application_type,
                settings: Box::new(self.settings.clone()),
            },
        );
        if let Some(secret) = &self.secret {
            if !self.application_type.is_confidential() {
                return Err(Rejection::KeepsNoSecret);
            }
            let mut faults = Faults::default();
            secret.check(context, &mut faults);
            faults.into_result()?;
            decision = decision.and(subject, secret.event(&self.settings));
        }
        if self.by_itself {
            decision = decision.and(subject, ApplicationEvent::RegistrationTokenIssued {});
        }
        if *client_id == own_id {
            return Ok(decision);
        }
        check_client_id(client_id, self.application)?;
        let (kind, value) = (ClaimKind::ClientId, client_id.clone());
        Ok(decision.claiming(Claim::Hold {
            kind,
            value,
            holder: self.application.0,
        }))
    }
}

/// Whether an application may be known by this `client_id`: its own id, or visible ASCII that is not shaped like one, since
/// that would pass for another application.
pub fn check_client_id(client_id: &str, application: ApplicationId) -> Result<(), Faults> {
    let is_name = (1..=255).contains(&client_id.len())
        && client_id.bytes().all(|byte| byte.is_ascii_graphic())
        && client_id.parse::<ApplicationId>().is_err();
    if is_name || client_id == application.to_string() {
        return Ok(());
    }
    let detail = "must be 1 to 255 visible ASCII characters, and not shaped like an id";
    Err(Faults::of("client_id", detail))
}

macro_rules! body {
    (
        plain { $($(#[$plain_doc:meta])* $plain:ident: $plain_type:ty,)* }
        optional { $($(#[$optional_doc:meta])* $optional:ident: $optional_type:ty,)* }
    ) => {
        /// A new application. What is left out has its default; only `type` and `name` are always needed.
        #[derive(Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct NewApplication {
            /// `web`, `spa`, `native`, `service` or `device`.
            #[serde(rename = "type")]
            #[schema(value_type = String, example = "web")]
            application_type: ApplicationType,
            $($(#[$plain_doc])* #[serde(default)] $plain: $plain_type,)*
            $($(#[$optional_doc])* #[serde(default, deserialize_with = "present")] $optional: Option<$optional_type>,)*
        }

        impl NewApplication {
            /// What kind it is, and the rest.
            fn parts(self) -> (ApplicationType, ApplicationSettings) {
                let settings = ApplicationSettings {
                    $($plain: self.$plain,)*
                    $($optional: self.$optional,)*
                };
                (self.application_type, settings)
            }
        }
    };
}

application_settings!(body);

/// Register an application. The answer has its `client_id` and, for `web` and `service` that do not authenticate with a key of
/// their own, shows its `client_secret`, once.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/applications", tag = "applications",
    operation_id = "register_application",
    params(("realm" = String, Path, description = "The realm's name or id")),
    request_body = NewApplication,
    extensions(("x-events" = json!(["application.registered", "application.secret_added"]))),
    responses((status = 201, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn register(
    State(commands): State<Commands>,
    command: Command<actions::ApplicationsCreate, NewApplication>,
) -> Result<Answer, Problem> {
    let Command {
        realm, context, body, ..
    } = command;
    let kernel = commands.edge.kernel();
    let (application_type, settings) = body.parts();
    let value =
        (application_type.is_confidential() && settings.has_secrets()).then(|| generate(&**kernel.random()));
    let secret = match &value {
        Some(value) => Some(NewSecret::of(kernel, realm.id, &context, value, None).await?),
        None => None,
    };
    let command = RegisterApplication {
        realm: realm.id,
        application: ApplicationId(context.new_id()),
        client_id: None,
        application_type,
        settings,
        secret,
        by_itself: false,
    };
    let outcome = kernel.execute(&context, &command).await.map_err(failed)?;
    publish_signing_keys(&commands.edge, realm.id, &command.settings).await;
    let (id, repeated) = (ApplicationId(outcome.receipt.id), outcome.repeated);
    let location = format!("/query/v1/realms/{}/applications/{id}", realm.id);
    let answer = Answer::created(outcome, location).with("client_id", id.to_string());
    Ok(match (repeated, &value, &command.secret) {
        (false, Some(value), Some(secret)) => answer
            .with("secret_id", secret.credential.to_string())
            .with("client_secret", value.expose_secret()),
        _ => answer,
    })
}

#[cfg(test)]
mod tests {
    use events::{ids::CredentialId, testing::context};
    use uuid::Uuid;
    use zeroize::Zeroizing;

    use super::*;

    const APP: ApplicationId = ApplicationId(Uuid::from_u128(15));

    fn register(application_type: ApplicationType, client_id: Option<&str>) -> RegisterApplication {
        let redirect_uris = if application_type.has_users() {
            vec!["https://app.example.org/cb".into()]
        } else {
            vec![]
        };
        let secret = NewSecret {
            credential: CredentialId(Uuid::from_u128(1)),
            digest: "00".into(),
            value: Zeroizing::new("chs_secret".to_owned()),
            expires: None,
        };
        RegisterApplication {
            realm: RealmId(Uuid::from_u128(7)),
            application: APP,
            client_id: client_id.map(str::to_owned),
            application_type,
            settings: ApplicationSettings {
                name: "App".into(),
                redirect_uris,
                ..ApplicationSettings::default()
            },
            secret: application_type.is_confidential().then_some(secret),
            by_itself: false,
        }
    }

    #[test]
    fn what_keeps_a_secret_is_born_with_one() {
        for (application_type, events) in [
            (ApplicationType::Web, 2),
            (ApplicationType::Service, 2),
            (ApplicationType::Spa, 1),
            (ApplicationType::Native, 1),
        ] {
            let decision = register(application_type, None)
                .decide(&Application::default(), &context())
                .unwrap();
            assert_eq!(
                (decision.events.len(), decision.claims.len()),
                (events, 0),
                "{application_type:?}"
            );
        }
        let secret = register(ApplicationType::Web, None).secret;
        let public = RegisterApplication {
            secret,
            ..register(ApplicationType::Spa, None)
        };
        assert_eq!(
            public.decide(&Application::default(), &context()),
            Err(Rejection::KeepsNoSecret)
        );
    }

    #[test]
    fn a_client_id_of_its_own_is_claimed_and_never_shaped_like_an_id() {
        let when = |client_id: &str| {
            register(ApplicationType::Service, Some(client_id)).decide(&Application::default(), &context())
        };
        let hold = Claim::Hold {
            kind: ClaimKind::ClientId,
            value: "automation".into(),
            holder: APP.0,
        };
        assert_eq!(when("automation").unwrap().claims, [hold]);
        assert_eq!(when(&APP.to_string()).unwrap().claims, []);
        for client_id in [
            "",
            "a b",
            "ü",
            "0198c7a0-0000-7000-8000-000000000000",
            &"a".repeat(256),
        ] {
            assert!(
                matches!(when(client_id), Err(Rejection::Invalid(_))),
                "{client_id}"
            );
        }
    }

    #[test]
    fn nothing_is_registered_twice() {
        let there = Application {
            application_type: Some(ApplicationType::Web),
            ..Application::default()
        };
        assert_eq!(
            register(ApplicationType::Web, None).decide(&there, &context()),
            Err(Rejection::Exists)
        );
    }
}
