//! A realm's display name, and whether it works. The rule: the realm that administers the others is never suspended.

use axum::extract::State;
use events::{
    event::Event,
    ids::RealmId,
    kernel::{Context, Decide, Decision, KernelError, Reader},
    realms::{Realm, RealmEvent},
    subject::{Stream, Subject},
};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Answer, Command, CommandAnswer, Empty, Problem, actions};

use super::{Rejection, create::DISPLAY_NAME};
use crate::{Commands, Faults, body::present, in_system_realm};

/// The most characters of a reason.
pub const REASON: usize = 500;

/// What is done to the realm as a whole.
#[derive(Clone, Debug)]
pub enum RealmChange {
    /// Gives it another display name.
    Rename(String),
    /// Stops it.
    Suspend(Option<String>),
    /// Starts it again.
    Resume,
}

/// Renames, suspends or resumes a realm.
#[derive(Clone, Debug)]
pub struct ChangeRealm {
    /// Which.
    pub realm: RealmId,
    /// How.
    pub change: RealmChange,
}

#[async_trait::async_trait]
impl Decide for ChangeRealm {
    type State = Realm;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(RealmId::SYSTEM)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Realm, KernelError> {
        Ok(reader.subject::<Realm>(self.realm.0).await?.state)
    }

    fn decide(&self, realm: &Realm, _: &Context) -> Result<Decision, Rejection> {
        if !realm.exists() {
            return Err(Rejection::NotFound);
        }
        let mut faults = Faults::default();
        let event: Option<Event> = match &self.change {
            RealmChange::Rename(display_name) => {
                faults.text("display_name", display_name, DISPLAY_NAME);
                (realm.display_name != *display_name).then(|| {
                    RealmEvent::Renamed {
                        display_name: display_name.clone(),
                    }
                    .into()
                })
            }
            RealmChange::Suspend(_) if self.realm == RealmId::SYSTEM => return Err(Rejection::SystemRealm),
            RealmChange::Suspend(reason) => {
                faults.optional_text("reason", reason.as_deref(), REASON);
                (!realm.suspended).then(|| {
                    RealmEvent::Suspended {
                        reason: reason.clone(),
                    }
                    .into()
                })
            }
            RealmChange::Resume => realm.suspended.then(|| RealmEvent::Resumed {}.into()),
        };
        faults.into_result()?;
        let subject = Subject::realm(self.realm);
        Ok(event.map_or(Decision::nothing(subject), |event| Decision::of(subject, event)))
    }
}

/// What may be changed of a realm.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RealmPatch {
    /// The name shown to people, 1 to 200 characters.
    display_name: String,
}

/// Why, for the record.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// 1 to 500 characters.
    #[serde(default, deserialize_with = "present")]
    pub(crate) reason: Option<String>,
}

/// Give a realm another display name.
#[utoipa::path(
    patch, path = "/command/v1/realms/{realm}", tag = "realms", operation_id = "rename_realm",
    params(("realm" = String, Path, description = "The realm's name or id")),
    request_body = RealmPatch,
    extensions(("x-events" = json!(["realm.renamed"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn rename(
    State(commands): State<Commands>,
    command: Command<actions::RealmUpdate, RealmPatch>,
) -> Result<Answer, Problem> {
    let context = in_system_realm(&command.caller, command.context);
    let change = RealmChange::Rename(command.body.display_name);
    let command = ChangeRealm {
        realm: command.realm.id,
        change,
    };
    commands.change(&context, &command).await
}

/// Suspend a realm: nobody signs in, no token of it works.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/suspend", tag = "realms", operation_id = "suspend_realm",
    params(("realm" = String, Path, description = "The realm's name or id")),
    request_body = Reason,
    extensions(("x-events" = json!(["realm.suspended"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn suspend(
    State(commands): State<Commands>,
    command: Command<actions::RealmSuspend, Reason>,
) -> Result<Answer, Problem> {
    let context = in_system_realm(&command.caller, command.context);
    let change = RealmChange::Suspend(command.body.reason);
    let command = ChangeRealm {
        realm: command.realm.id,
        change,
    };
    commands.change(&context, &command).await
}

/// Let a suspended realm work again.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/resume", tag = "realms", operation_id = "resume_realm",
    params(("realm" = String, Path, description = "The realm's name or id")),
    extensions(("x-events" = json!(["realm.resumed"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn resume(
    State(commands): State<Commands>,
    command: Command<actions::RealmSuspend, Empty>,
) -> Result<Answer, Problem> {
    let context = in_system_realm(&command.caller, command.context);
    let command = ChangeRealm {
        realm: command.realm.id,
        change: RealmChange::Resume,
    };
    commands.change(&context, &command).await
}

#[cfg(test)]
mod tests {
    use events::testing::{context, given};
    use uuid::Uuid;

    use super::*;

    const ACME: RealmId = RealmId(Uuid::from_u128(7));

    fn created() -> Event {
        RealmEvent::Created {
            name: "acme".into(),
            display_name: "Acme".into(),
        }
        .into()
    }

    fn when(past: Vec<Event>, change: RealmChange) -> Result<Vec<Event>, Rejection> {
        let realm = given::<Realm>(ACME.0, past).state;
        let decision = ChangeRealm { realm: ACME, change }.decide(&realm, &context())?;
        Ok(decision.events.into_iter().map(|(_, event)| event).collect())
    }

    #[test]
    fn a_realm_is_suspended_once_and_resumed_once() {
        let suspended = || {
            RealmEvent::Suspended {
                reason: Some("unpaid".into()),
            }
            .into()
        };
        let suspend = || RealmChange::Suspend(Some("unpaid".into()));
        assert_eq!(when(vec![created()], suspend()), Ok(vec![suspended()]));
        assert_eq!(when(vec![created(), suspended()], suspend()), Ok(vec![]));
        assert_eq!(
            when(vec![created(), suspended()], RealmChange::Resume),
            Ok(vec![RealmEvent::Resumed {}.into()])
        );
        assert_eq!(when(vec![created()], RealmChange::Resume), Ok(vec![]));
    }

    #[test]
    fn a_new_display_name_is_told_and_the_same_one_is_not() {
        let renamed = RealmEvent::Renamed {
            display_name: "Acme Ltd".into(),
        }
        .into();
        assert_eq!(
            when(vec![created()], RealmChange::Rename("Acme Ltd".into())),
            Ok(vec![renamed])
        );
        assert_eq!(
            when(vec![created()], RealmChange::Rename("Acme".into())),
            Ok(vec![])
        );
        assert!(matches!(
            when(vec![created()], RealmChange::Rename(" ".into())),
            Err(Rejection::Invalid(_))
        ));
    }

    #[test]
    fn what_does_not_exist_is_not_changed_and_the_system_realm_is_not_suspended() {
        assert_eq!(when(vec![], RealmChange::Resume), Err(Rejection::NotFound));
        let system = given::<Realm>(RealmId::SYSTEM.0, [created()]).state;
        let suspend = ChangeRealm {
            realm: RealmId::SYSTEM,
            change: RealmChange::Suspend(None),
        };
        assert_eq!(suspend.decide(&system, &context()), Err(Rejection::SystemRealm));
    }
}
