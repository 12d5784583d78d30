//! Whether a user may sign in. The rule: a lock stops new sign-ins and ends by itself if it has an end; a disabled user
//! is refused everywhere until somebody enables them.

use axum::extract::State;
use events::{
    clock::Timestamp,
    event::Event,
    ids::{RealmId, UserId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    subject::{Stream, Subject},
    users::{Lock, User, UserEvent},
};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Action, Answer, Command, CommandAnswer, Empty, Path, Problem, actions};

use super::Rejection;
use crate::{
    At, Commands, Faults,
    body::{moment, present},
    is_own,
    realms::status::{REASON, Reason},
};

/// What is done to the user's status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusChange {
    /// No new sign-in.
    Lock {
        /// Why, for the record.
        reason: Option<String>,
        /// Until when; without it, until unlocked.
        until: Option<Timestamp>,
    },
    /// Sign-ins again.
    Unlock,
    /// Nothing at all.
    Disable {
        /// Why, for the record.
        reason: Option<String>,
    },
    /// Everything again.
    Enable,
}

/// Locks, unlocks, disables or enables a user.
#[derive(Clone, Debug)]
pub struct ChangeStatus {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// How.
    pub change: StatusChange,
    /// Whether that is the caller.
    pub own: bool,
}

#[async_trait::async_trait]
impl Decide for ChangeStatus {
    type State = User;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<User, KernelError> {
        Ok(reader.subject::<User>(self.user.0).await?.state)
    }

    fn decide(&self, user: &User, context: &Context) -> Result<Decision, Rejection> {
        if !user.exists {
            return Err(Rejection::NotFound);
        }
        // The reason is sealed by a key that an erased user no longer has, and they can never sign in again anyway.
        if user.erased {
            return Err(Rejection::Erased);
        }
        let stops = matches!(
            self.change,
            StatusChange::Lock { .. } | StatusChange::Disable { .. }
        );
        if self.own && stops {
            return Err(Rejection::Oneself);
        }
        let mut faults = Faults::default();
        let event: Option<Event> = match &self.change {
            StatusChange::Lock { reason, until } => {
                faults.optional_text("reason", reason.as_deref(), REASON);
                faults.unless(
                    until.is_none_or(|until| until > context.now),
                    "until",
                    "must be in the future",
                );
                let stands = user.locked == Some(Lock { until: *until });
                let reason = reason.clone().map(Into::into);
                (!stands).then(|| {
                    UserEvent::Locked {
                        reason,
                        until: *until,
                    }
                    .into()
                })
            }
            StatusChange::Unlock => user.is_locked(context.now).then(|| UserEvent::Unlocked {}.into()),
            StatusChange::Disable { reason } => {
                faults.optional_text("reason", reason.as_deref(), REASON);
                let reason = reason.clone().map(Into::into);
                (!user.disabled).then(|| UserEvent::Disabled { reason }.into())
            }
            StatusChange::Enable => user.disabled.then(|| UserEvent::Enabled {}.into()),
        };
        faults.into_result()?;
        let subject = Subject::user(self.user);
        Ok(event.map_or(Decision::nothing(subject), |event| Decision::of(subject, event)))
    }
}

/// Why and until when.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LockBody {
    /// 1 to 500 characters, for the record.
    #[serde(default, deserialize_with = "present")]
    reason: Option<String>,
    /// RFC 3339, in the future; without it, until unlocked.
    #[serde(default, deserialize_with = "moment")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

/// What the four have in common.
async fn change<A: Action, T>(
    commands: &Commands,
    user: UserId,
    command: Command<A, T>,
    change: impl FnOnce(T) -> StatusChange,
) -> Result<Answer, Problem> {
    let Command {
        realm,
        caller,
        context,
        body,
        ..
    } = command;
    let command = ChangeStatus {
        realm: realm.id,
        user,
        change: change(body),
        own: is_own(&caller, realm.id, user.0),
    };
    commands.change(&context, &command).await
}

/// Lock a user: no new sign-in, while sessions that stand go on.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/users/{id}/lock", tag = "users", operation_id = "lock_user",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
    ),
    request_body = LockBody,
    extensions(("x-events" = json!(["user.locked"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn lock(
    State(commands): State<Commands>,
    at: At<(String, UserId)>,
    command: Command<actions::UsersLock, LockBody>,
) -> Result<Answer, Problem> {
    let Path((_, user)) = at?;
    let lock = |LockBody { reason, until }| StatusChange::Lock { reason, until };
    change(&commands, user, command, lock).await
}

/// Unlock a user.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/users/{id}/unlock", tag = "users", operation_id = "unlock_user",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
    ),
    extensions(("x-events" = json!(["user.unlocked"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn unlock(
    State(commands): State<Commands>,
    at: At<(String, UserId)>,
    command: Command<actions::UsersLock, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, user)) = at?;
    change(&commands, user, command, |_| StatusChange::Unlock).await
}

/// Disable a user: no sign-in, and every session and token of theirs is refused.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/users/{id}/disable", tag = "users", operation_id = "disable_user",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
    ),
    request_body = Reason,
    extensions(("x-events" = json!(["user.disabled"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn disable(
    State(commands): State<Commands>,
    at: At<(String, UserId)>,
    command: Command<actions::UsersDisable, Reason>,
) -> Result<Answer, Problem> {
    let Path((_, user)) = at?;
    change(&commands, user, command, |Reason { reason }| {
        StatusChange::Disable { reason }
    })
    .await
}

/// Enable a disabled user.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/users/{id}/enable", tag = "users", operation_id = "enable_user",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
    ),
    extensions(("x-events" = json!(["user.enabled"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn enable(
    State(commands): State<Commands>,
    at: At<(String, UserId)>,
    command: Command<actions::UsersDisable, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, user)) = at?;
    change(&commands, user, command, |_| StatusChange::Enable).await
}

#[cfg(test)]
mod tests {
    use events::{
        sealing::Sealed,
        testing::{NOW, context, given},
        users::Profile,
    };
    use uuid::Uuid;

    use super::*;

    const ALICE: UserId = UserId(Uuid::from_u128(9));

    fn registered() -> Event {
        UserEvent::Registered {
            profile: Profile::default().into(),
        }
        .into()
    }

    fn locked(until: Option<Timestamp>) -> Event {
        UserEvent::Locked { reason: None, until }.into()
    }

    fn when(past: Vec<Event>, change: StatusChange) -> Result<Vec<Event>, Rejection> {
        let user = given::<User>(ALICE.0, past).state;
        let command = ChangeStatus {
            realm: RealmId(Uuid::from_u128(7)),
            user: ALICE,
            change,
            own: false,
        };
        Ok(command
            .decide(&user, &context())?
            .events
            .into_iter()
            .map(|(_, event)| event)
            .collect())
    }

    fn lock(until: Option<Timestamp>) -> StatusChange {
        StatusChange::Lock { reason: None, until }
    }

    #[test]
    fn a_lock_is_told_once_and_can_be_prolonged() {
        let later = Some(NOW.after_seconds(60));
        assert_eq!(when(vec![registered()], lock(None)), Ok(vec![locked(None)]));
        assert_eq!(when(vec![registered(), locked(None)], lock(None)), Ok(vec![]));
        assert_eq!(
            when(vec![registered(), locked(None)], lock(later)),
            Ok(vec![locked(later)])
        );
        let refused = when(vec![registered()], lock(Some(NOW)));
        assert!(matches!(refused, Err(Rejection::Invalid(faults)) if faults.fields().eq(["until"])));
    }

    #[test]
    fn only_a_lock_that_stands_is_undone() {
        let past = Some(Timestamp::from_seconds(NOW.seconds() - 1));
        assert_eq!(when(vec![registered()], StatusChange::Unlock), Ok(vec![]));
        assert_eq!(
            when(vec![registered(), locked(past)], StatusChange::Unlock),
            Ok(vec![])
        );
        let unlocked = Ok(vec![UserEvent::Unlocked {}.into()]);
        assert_eq!(
            when(vec![registered(), locked(None)], StatusChange::Unlock),
            unlocked
        );
    }

    #[test]
    fn disabling_and_enabling_are_told_once() {
        let disable = || StatusChange::Disable {
            reason: Some("left".into()),
        };
        let disabled = || {
            UserEvent::Disabled {
                reason: Some("left".to_owned().into()),
            }
            .into()
        };
        assert_eq!(when(vec![registered()], disable()), Ok(vec![disabled()]));
        assert_eq!(when(vec![registered(), disabled()], disable()), Ok(vec![]));
        let enabled = Ok(vec![UserEvent::Enabled {}.into()]);
        assert_eq!(
            when(vec![registered(), disabled()], StatusChange::Enable),
            enabled
        );
        assert_eq!(when(vec![registered()], StatusChange::Enable), Ok(vec![]));
    }

    #[test]
    fn nobody_locks_themselves_out() {
        let oneself = |change| {
            let command = ChangeStatus {
                realm: RealmId(Uuid::from_u128(7)),
                user: ALICE,
                change,
                own: true,
            };
            let user = given::<User>(ALICE.0, [registered()]).state;
            command
                .decide(&user, &context())
                .map(|decision| decision.events.len())
        };
        assert_eq!(oneself(lock(None)), Err(Rejection::Oneself));
        assert_eq!(
            oneself(StatusChange::Disable { reason: None }),
            Err(Rejection::Oneself)
        );
        assert_eq!(oneself(StatusChange::Unlock), Ok(0));
        assert_eq!(oneself(StatusChange::Enable), Ok(0));
    }

    #[test]
    fn nobody_has_no_status_and_who_was_erased_keeps_theirs() {
        assert_eq!(when(vec![], StatusChange::Enable), Err(Rejection::NotFound));
        let erased = UserEvent::Registered {
            profile: Sealed::Erased,
        }
        .into();
        assert_eq!(when(vec![erased], StatusChange::Enable), Err(Rejection::Erased));
    }
}
