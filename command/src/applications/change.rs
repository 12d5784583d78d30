//! Changing an application. The rule: the settings are judged as a whole after the change, and its type never changes.

use axum::extract::State;
use events::{
    application_settings,
    applications::{Application, ApplicationEvent, ApplicationSettings},
    ids::{ApplicationId, RealmId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    subject::{Stream, Subject},
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Answer, Command, CommandAnswer, Path, Problem, actions};

use super::{
    Rejection, rules,
    secrets::{NewSecret, generate},
};
use crate::{
    At, Commands,
    body::{present, removable, replace},
    failed,
    realms::publish_signing_keys,
};

macro_rules! patch {
    (
        plain { $($(#[$plain_doc:meta])* $plain:ident: $plain_type:ty,)* }
        optional { $($(#[$optional_doc:meta])* $optional:ident: $optional_type:ty,)* }
    ) => {
        /// What to change: absent stays, lists are replaced, `null` removes.
        #[derive(Clone, Debug, Default, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct ApplicationPatch {
            $($(#[$plain_doc])* #[serde(default, deserialize_with = "present")] pub $plain: Option<$plain_type>,)*
            $(
                $(#[$optional_doc])*
                #[serde(default, deserialize_with = "removable")]
                #[schema(value_type = Option<$optional_type>)]
                pub $optional: Option<Option<$optional_type>>,
            )*
        }

        impl ApplicationPatch {
            /// The settings after the change, and the names of the fields that differ.
            fn onto(&self, before: &ApplicationSettings) -> (ApplicationSettings, Vec<String>) {
                let mut after = before.clone();
                let mut fields = Vec::new();
                $(
                    replace(&mut after.$plain, self.$plain.clone());
                    if after.$plain != before.$plain {
                        fields.push(stringify!($plain).to_owned());
                    }
                )*
                $(
                    replace(&mut after.$optional, self.$optional.clone());
                    if after.$optional != before.$optional {
                        fields.push(stringify!($optional).to_owned());
                    }
                )*
                (after, fields)
            }
        }
    };
}

application_settings!(patch);

/// Changes an application's settings.
#[derive(Clone, Debug)]
pub struct ChangeApplication {
    /// Its realm.
    pub realm: RealmId,
    /// Which.
    pub application: ApplicationId,
    /// What.
    pub patch: ApplicationPatch,
    /// A secret for it, should it need one for the way in which it authenticates after the change.
    pub secret: Option<NewSecret>,
}

#[async_trait::async_trait]
impl Decide for ChangeApplication {
    type State = Application;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Application, KernelError> {
        Ok(reader.subject::<Application>(self.application.0).await?.state)
    }

    fn decide(&self, application: &Application, context: &Context) -> Result<Decision, Rejection> {
        let (settings, fields) = self.patch.onto(&application.settings);
        let subject = Subject::application(self.application);
        changed(
            application,
            subject,
            settings,
            fields,
            self.secret.as_ref(),
            context,
        )
    }
}

/// The decision that an application has these settings from now on; with a new secret, if it authenticates by one after the change
/// and has none that would do.
pub(crate) fn changed(
    application: &Application,
    subject: Subject,
    settings: ApplicationSettings,
    fields: Vec<String>,
    secret: Option<&NewSecret>,
    context: &Context,
) -> Result<Decision, Rejection> {
    let application_type = application.application_type.ok_or(Rejection::NotFound)?;
    if fields.is_empty() {
        return Ok(Decision::nothing(subject));
    }
    rules::check(&settings, application_type)?;
    let added = match secret {
        _ if !NewSecret::is_needed(application, &settings, context) => None,
        None => return Err(Rejection::NeedsSecret),
        Some(secret) => {
            NewSecret::fits(application, context)?;
            Some(secret.event(&settings))
        }
    };
    let decision = Decision::of(
        subject,
        ApplicationEvent::Changed {
            fields,
            settings: Box::new(settings),
        },
    );
    Ok(match added {
        Some(added) => decision.and(subject, added),
        None => decision,
    })
}

/// Change an application. Where it authenticates by a secret after the change and has none that would do (a secret is kept as a digest,
/// by which `client_secret_jwt` cannot be verified), the answer shows a new one, once, as `client_secret`.
#[utoipa::path(
    patch, path = "/command/v1/realms/{realm}/applications/{id}", tag = "applications",
    operation_id = "change_application",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The application's id"),
    ),
    request_body = ApplicationPatch,
    extensions(("x-events" = json!(["application.changed", "application.secret_added"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn change(
    State(commands): State<Commands>,
    at: At<(String, ApplicationId)>,
    command: Command<actions::ApplicationsUpdate, ApplicationPatch>,
) -> Result<Answer, Problem> {
    let Path((_, application)) = at?;
    let Command {
        realm, context, body, ..
    } = command;
    let kernel = commands.edge.kernel();
    let value = body
        .token_endpoint_auth_method
        .is_some()
        .then(|| generate(&**kernel.random()));
    let secret = match &value {
        Some(value) => Some(NewSecret::of(kernel, realm.id, &context, value, None).await?),
        None => None,
    };
    let command = ChangeApplication {
        realm: realm.id,
        application,
        patch: body,
        secret,
    };
    let outcome = kernel.execute(&context, &command).await.map_err(failed)?;
    let (chosen, _) = command.patch.onto(&ApplicationSettings::default());
    publish_signing_keys(&commands.edge, realm.id, &chosen).await;
    let added = !outcome.repeated
        && outcome
            .receipt
            .events
            .iter()
            .any(|name| name == "application.secret_added");
    let answer = Answer::changed(outcome);
    Ok(match (value, command.secret) {
        (Some(value), Some(secret)) if added => answer
            .with("secret_id", secret.credential.to_string())
            .with("client_secret", value.expose_secret()),
        _ => answer,
    })
}

#[cfg(test)]
mod tests {
    use events::{
        applications::ApplicationType,
        event::Event,
        testing::{context, given},
    };
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    const APP: ApplicationId = ApplicationId(Uuid::from_u128(15));

    fn when(patch: Value) -> Result<Option<(Vec<String>, ApplicationSettings)>, Rejection> {
        let settings = serde_json::from_value(json!({
            "name": "App", "redirect_uris": ["https://app.example.org/cb"], "access_token_seconds": 300,
        }))
        .unwrap();
        let (client_id, application_type) = (APP.to_string(), ApplicationType::Web);
        let registered = ApplicationEvent::Registered {
            client_id,
            application_type,
            settings: Box::new(settings),
        };
        let application = given::<Application>(APP.0, [registered.into()]).state;
        let patch = serde_json::from_value(patch).unwrap();
        let command = ChangeApplication {
            realm: RealmId(Uuid::from_u128(7)),
            application: APP,
            patch,
            secret: None,
        };
        let decision = command.decide(&application, &context())?;
        Ok(decision.events.into_iter().next().map(|(_, event)| match event {
            Event::Applications(ApplicationEvent::Changed { fields, settings }) => (fields, *settings),
            other => panic!("{other:?}"),
        }))
    }

    #[test]
    fn what_is_mentioned_and_differs_is_changed() {
        let (fields, settings) = when(json!({ "name": "Shop", "access_token_seconds": null, "scopes": [] }))
            .unwrap()
            .unwrap();
        assert_eq!(fields, ["name", "access_token_seconds"]);
        assert_eq!(
            (settings.name.as_str(), settings.access_token_seconds),
            ("Shop", None)
        );
        assert_eq!(settings.redirect_uris, ["https://app.example.org/cb"]);
        assert_eq!(when(json!({ "name": "App" })), Ok(None));
        assert_eq!(when(json!({})), Ok(None));
    }

    #[test]
    fn the_rules_hold_after_a_change_too() {
        let refused = when(json!({ "redirect_uris": [] }));
        assert!(matches!(refused, Err(Rejection::Invalid(faults)) if faults.fields().eq(["redirect_uris"])));
        let nobody = ChangeApplication {
            realm: RealmId(Uuid::from_u128(7)),
            application: APP,
            patch: ApplicationPatch::default(),
            secret: None,
        };
        assert_eq!(
            nobody.decide(&Application::default(), &context()),
            Err(Rejection::NotFound)
        );
    }

    #[test]
    fn who_authenticates_by_a_secret_from_now_on_is_given_one_if_none_would_do() {
        use events::{clock::Timestamp, ids::CredentialId};
        use zeroize::Zeroizing;

        let offered = |number: u128| NewSecret {
            credential: CredentialId(Uuid::from_u128(number)),
            digest: "00".into(),
            value: Zeroizing::new("chs_secret".to_owned()),
            expires: None::<Timestamp>,
        };
        let change = |before: &str, held: Vec<ApplicationEvent>, after: &str, secret: Option<NewSecret>| {
            let settings: ApplicationSettings = serde_json::from_value(json!({
                "name": "App", "redirect_uris": ["https://app.example.org/cb"],
                "token_endpoint_auth_method": before, "jwks_uri": "https://app.example.org/jwks",
            }))
            .unwrap();
            let registered = ApplicationEvent::Registered {
                client_id: APP.to_string(),
                application_type: ApplicationType::Web,
                settings: Box::new(settings),
            };
            let past = std::iter::once(registered).chain(held).map(Event::from);
            let application = given::<Application>(APP.0, past.collect::<Vec<_>>()).state;
            let patch = serde_json::from_value(json!({ "token_endpoint_auth_method": after })).unwrap();
            let command = ChangeApplication {
                realm: RealmId(Uuid::from_u128(7)),
                application: APP,
                patch,
                secret,
            };
            command
                .decide(&application, &context())
                .map(|decision| decision.events.len())
        };
        let (basic, post) = ("client_secret_basic", "client_secret_post");
        let (signing, key) = ("client_secret_jwt", "private_key_jwt");
        let digest = || vec![offered(1).event(&ApplicationSettings::default())];
        assert_eq!(
            change(basic, digest(), post, Some(offered(2))),
            Ok(1),
            "the old one does"
        );
        assert_eq!(
            change(basic, digest(), signing, Some(offered(2))),
            Ok(2),
            "a digest verifies nothing"
        );
        assert_eq!(change(key, vec![], basic, Some(offered(2))), Ok(2));
        assert_eq!(change(basic, digest(), key, Some(offered(2))), Ok(1));
        assert_eq!(
            change(basic, digest(), signing, None),
            Err(Rejection::NeedsSecret)
        );
    }

    #[test]
    fn the_type_and_the_client_id_cannot_be_changed() {
        for patch in [
            json!({ "type": "spa" }),
            json!({ "client_id": "a" }),
            json!({ "name": null }),
        ] {
            assert!(
                serde_json::from_value::<ApplicationPatch>(patch.clone()).is_err(),
                "{patch}"
            );
        }
    }
}
