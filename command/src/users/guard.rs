//! The guard of an account, lifted. The rule: what people lock themselves out by, trying, an administrator can undo; the guards of
//! the user's known devices begin anew with it.

use axum::extract::State;
use events::{
    auth::{AuthEvent, SignInGuard},
    ids::{RealmId, UserId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    subject::{Stream, Subject},
    users::User,
};
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};

use super::Rejection;
use crate::{At, Commands};

/// Lifts the guard of an account.
#[derive(Clone, Copy, Debug)]
pub struct LiftGuard {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
}

#[async_trait::async_trait]
impl Decide for LiftGuard {
    type State = User;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<User, KernelError> {
        reader.subject::<SignInGuard>(self.user.0).await?;
        Ok(reader.beside::<User>(self.realm, self.user.0).await?.state)
    }

    /// Also where nothing was tried on the account itself: something may have been on a known device.
    fn decide(&self, user: &User, _: &Context) -> Result<Decision, Rejection> {
        if !user.exists {
            return Err(Rejection::NotFound);
        }
        Ok(Decision::of(
            Subject::sign_in_guard(self.user.0),
            AuthEvent::GuardLifted {},
        ))
    }
}

/// Lift the guard of a user's account: whatever was tried before, sign-ins are judged again.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/users/{id}/guard", tag = "users", operation_id = "lift_guard",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
    ),
    extensions(("x-events" = json!(["guard.lifted"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn lift(
    State(commands): State<Commands>,
    at: At<(String, UserId)>,
    command: Command<actions::GuardsLift, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, user)) = at?;
    let Command { realm, context, .. } = command;
    let command = LiftGuard {
        realm: realm.id,
        user,
    };
    commands.change(&context, &command).await
}

#[cfg(test)]
mod tests {
    use events::testing::context;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_guard_of_a_user_is_lifted_and_nobody_elses() {
        let (realm, user) = (RealmId(Uuid::from_u128(7)), UserId(Uuid::from_u128(9)));
        let lift = LiftGuard { realm, user };
        assert_eq!(
            lift.decide(&User::default(), &context()),
            Err(Rejection::NotFound)
        );
        let somebody = User {
            exists: true,
            ..User::default()
        };
        let decision = lift.decide(&somebody, &context()).unwrap();
        assert_eq!(
            decision.events,
            [(
                Some(Subject::sign_in_guard(user.0)),
                AuthEvent::GuardLifted {}.into()
            )]
        );
    }
}
