//! Whether an application works. The rule: a disabled one gets no token, and those it has are refused.

use axum::extract::State;
use events::{
    applications::{Application, ApplicationEvent},
    ids::{ApplicationId, RealmId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    subject::{Stream, Subject},
};
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};

use super::Rejection;
use crate::{
    At, Commands, Faults, is_own,
    realms::status::{REASON, Reason},
};

/// Disables or enables an application.
#[derive(Clone, Debug)]
pub struct SetApplicationStatus {
    /// Its realm.
    pub realm: RealmId,
    /// Which.
    pub application: ApplicationId,
    /// Whether it is to be disabled.
    pub disabled: bool,
    /// Why it is disabled, for the record.
    pub reason: Option<String>,
    /// Whether it is the one that the caller is using.
    pub own: bool,
}

#[async_trait::async_trait]
impl Decide for SetApplicationStatus {
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
        if self.disabled && self.own {
            return Err(Rejection::Oneself);
        }
        let mut faults = Faults::default();
        faults.optional_text("reason", self.reason.as_deref(), REASON);
        faults.into_result()?;
        let subject = Subject::application(self.application);
        Ok(match (application.disabled, self.disabled) {
            (false, false) | (true, true) => Decision::nothing(subject),
            (false, true) => Decision::of(
                subject,
                ApplicationEvent::Disabled {
                    reason: self.reason.clone(),
                },
            ),
            (true, false) => Decision::of(subject, ApplicationEvent::Enabled {}),
        })
    }
}

/// Disable an application: it gets no tokens, and those it has are refused.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/applications/{id}/disable", tag = "applications",
    operation_id = "disable_application",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The application's id"),
    ),
    request_body = Reason,
    extensions(("x-events" = json!(["application.disabled"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn disable(
    State(commands): State<Commands>,
    at: At<(String, ApplicationId)>,
    command: Command<actions::ApplicationsDisable, Reason>,
) -> Result<Answer, Problem> {
    let Path((_, application)) = at?;
    let Command {
        realm,
        caller,
        context,
        body,
        ..
    } = command;
    let command = SetApplicationStatus {
        realm: realm.id,
        application,
        disabled: true,
        reason: body.reason,
        own: is_own(&caller, realm.id, application.0),
    };
    commands.change(&context, &command).await
}

/// Let a disabled application work again.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/applications/{id}/enable", tag = "applications",
    operation_id = "enable_application",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The application's id"),
    ),
    extensions(("x-events" = json!(["application.enabled"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn enable(
    State(commands): State<Commands>,
    at: At<(String, ApplicationId)>,
    command: Command<actions::ApplicationsDisable, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, application)) = at?;
    let Command {
        realm,
        caller,
        context,
        ..
    } = command;
    let command = SetApplicationStatus {
        realm: realm.id,
        application,
        disabled: false,
        reason: None,
        own: is_own(&caller, realm.id, application.0),
    };
    commands.change(&context, &command).await
}

#[cfg(test)]
mod tests {
    use events::{
        applications::{ApplicationSettings, ApplicationType},
        event::Event,
        testing::{context, given},
    };
    use uuid::Uuid;

    use super::*;

    const APP: ApplicationId = ApplicationId(Uuid::from_u128(15));

    fn when(past: Vec<Event>, disabled: bool) -> Result<Vec<Event>, Rejection> {
        let application = given::<Application>(APP.0, past).state;
        let realm = RealmId(Uuid::from_u128(7));
        let command = SetApplicationStatus {
            realm,
            application: APP,
            disabled,
            reason: None,
            own: false,
        };
        let decision = command.decide(&application, &context())?;
        Ok(decision.events.into_iter().map(|(_, event)| event).collect())
    }

    #[test]
    fn disabling_and_enabling_are_told_once() {
        let registered = || {
            let (client_id, settings) = (APP.to_string(), ApplicationSettings::default());
            ApplicationEvent::Registered {
                client_id,
                application_type: ApplicationType::Spa,
                settings: Box::new(settings),
            }
            .into()
        };
        let disabled = || ApplicationEvent::Disabled { reason: None }.into();
        assert_eq!(when(vec![registered()], true), Ok(vec![disabled()]));
        assert_eq!(when(vec![registered(), disabled()], true), Ok(vec![]));
        assert_eq!(
            when(vec![registered(), disabled()], false),
            Ok(vec![ApplicationEvent::Enabled {}.into()])
        );
        assert_eq!(when(vec![registered()], false), Ok(vec![]));
        assert_eq!(when(vec![], true), Err(Rejection::NotFound));
    }
}
