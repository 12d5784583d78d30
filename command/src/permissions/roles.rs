//! Giving and taking roles. The rule: `platform-administrator` is held in the `system` realm only, and nobody locks
//! everybody out by taking their own.

use axum::extract::State;
use events::{
    applications::Application,
    ids::{ApplicationId, RealmId, UserId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    permissions::{Assignments, PermissionEvent, PrincipalKind, Role},
    subject::{Stream, Subject},
    users::User,
};
use uuid::Uuid;
use web::{Action, Answer, Code, Command, CommandAnswer, Empty, Path, Problem, actions};

use super::Rejection;
use crate::{At, Commands, is_own};

/// Gives or takes a role.
#[derive(Clone, Copy, Debug)]
pub struct ChangeRole {
    /// The realm of both.
    pub realm: RealmId,
    /// Whose.
    pub principal: Uuid,
    /// What kind of principal that is.
    pub kind: PrincipalKind,
    /// Which.
    pub role: Role,
    /// Whether it is given (or taken).
    pub given: bool,
    /// Whether it is the caller's own.
    pub own: bool,
}

/// What a role is decided on.
#[derive(Clone, Debug, Default)]
pub struct Holder {
    /// Whether the user or application is there, with something of theirs left.
    pub exists: bool,
    /// Whether it is able to act: an application needs a secret for it.
    pub acts: bool,
    /// What it holds.
    pub assignments: Assignments,
}

#[async_trait::async_trait]
impl Decide for ChangeRole {
    type State = Holder;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Holder, KernelError> {
        let assignments = reader.subject::<Assignments>(self.principal).await?.state;
        let (exists, acts) = match self.kind {
            PrincipalKind::User => {
                let user = reader.subject::<User>(self.principal).await?.state;
                (user.exists && !user.erased, true)
            }
            PrincipalKind::Application => {
                let application = reader.subject::<Application>(self.principal).await?.state;
                (application.exists(), application.is_confidential())
            }
        };
        Ok(Holder {
            exists,
            acts,
            assignments,
        })
    }

    fn decide(&self, holder: &Holder, _: &Context) -> Result<Decision, Rejection> {
        if !holder.exists {
            return Err(Rejection::NoSuchPrincipal);
        }
        let is_platform = self.role == Role::PlatformAdministrator;
        if is_platform && self.given && self.realm != RealmId::SYSTEM {
            return Err(Rejection::OutsideSystemRealm);
        }
        if is_platform && !self.given && self.own {
            return Err(Rejection::Oneself);
        }
        if self.given && !holder.acts {
            return Err(Rejection::PublicApplication);
        }
        let subject = Subject::assignments(self.principal);
        if holder.assignments.roles.contains(&self.role) == self.given {
            return Ok(Decision::nothing(subject));
        }
        let (role, principal) = (self.role, self.kind);
        Ok(Decision::of(
            subject,
            if self.given {
                PermissionEvent::Assigned { role, principal }
            } else {
                PermissionEvent::Revoked { role, principal }
            },
        ))
    }
}

/// What the four have in common.
async fn change<A: Action>(
    commands: &Commands,
    command: Command<A, Empty>,
    (principal, kind): (Uuid, PrincipalKind),
    role: &str,
    given: bool,
) -> Result<Answer, Problem> {
    let Command {
        realm,
        caller,
        context,
        ..
    } = command;
    let role = role.parse().map_err(|()| Problem::new(Code::NotFound))?;
    let command = ChangeRole {
        realm: realm.id,
        principal,
        kind,
        role,
        given,
        own: is_own(&caller, realm.id, principal),
    };
    commands.change(&context, &command).await
}

/// Give a role to a user.
#[utoipa::path(
    put, path = "/command/v1/realms/{realm}/users/{id}/roles/{role}", tag = "roles",
    operation_id = "assign_role_to_user",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
        ("role" = String, Path, description = "The role's name"),
    ),
    extensions(("x-events" = json!(["role.assigned"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn assign_to_user(
    State(commands): State<Commands>,
    at: At<(String, UserId, String)>,
    command: Command<actions::RolesAssign, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, user, role)) = at?;
    change(&commands, command, (user.0, PrincipalKind::User), &role, true).await
}

/// Take a role from a user.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/users/{id}/roles/{role}", tag = "roles",
    operation_id = "revoke_role_from_user",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
        ("role" = String, Path, description = "The role's name"),
    ),
    extensions(("x-events" = json!(["role.revoked"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn revoke_from_user(
    State(commands): State<Commands>,
    at: At<(String, UserId, String)>,
    command: Command<actions::RolesAssign, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, user, role)) = at?;
    change(&commands, command, (user.0, PrincipalKind::User), &role, false).await
}

/// Give a role to an application, acting for itself.
#[utoipa::path(
    put, path = "/command/v1/realms/{realm}/applications/{id}/roles/{role}", tag = "roles",
    operation_id = "assign_role_to_application",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The application's id"),
        ("role" = String, Path, description = "The role's name"),
    ),
    extensions(("x-events" = json!(["role.assigned"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn assign_to_application(
    State(commands): State<Commands>,
    at: At<(String, ApplicationId, String)>,
    command: Command<actions::RolesAssign, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, application, role)) = at?;
    change(
        &commands,
        command,
        (application.0, PrincipalKind::Application),
        &role,
        true,
    )
    .await
}

/// Take a role from an application.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/applications/{id}/roles/{role}", tag = "roles",
    operation_id = "revoke_role_from_application",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The application's id"),
        ("role" = String, Path, description = "The role's name"),
    ),
    extensions(("x-events" = json!(["role.revoked"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn revoke_from_application(
    State(commands): State<Commands>,
    at: At<(String, ApplicationId, String)>,
    command: Command<actions::RolesAssign, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, application, role)) = at?;
    change(
        &commands,
        command,
        (application.0, PrincipalKind::Application),
        &role,
        false,
    )
    .await
}

#[cfg(test)]
mod tests {
    use events::testing::{context, given};

    use super::*;

    const ALICE: Uuid = Uuid::from_u128(9);
    fn holder(roles: &[Role]) -> Holder {
        let assigned = |role: &Role| {
            PermissionEvent::Assigned {
                role: *role,
                principal: PrincipalKind::User,
            }
            .into()
        };
        let assignments = given::<Assignments>(ALICE, roles.iter().map(assigned)).state;
        Holder {
            exists: true,
            acts: true,
            assignments,
        }
    }

    fn change(realm: RealmId, role: Role, given: bool) -> ChangeRole {
        ChangeRole {
            realm,
            principal: ALICE,
            kind: PrincipalKind::User,
            role,
            given,
            own: false,
        }
    }

    fn when(holder: &Holder, command: ChangeRole) -> Result<usize, Rejection> {
        command
            .decide(holder, &context())
            .map(|decision| decision.events.len())
    }

    const ACME: RealmId = RealmId(Uuid::from_u128(7));

    #[test]
    fn a_role_is_given_once_and_taken_once() {
        let (none, auditor) = (holder(&[]), holder(&[Role::Auditor]));
        assert_eq!(when(&none, change(ACME, Role::Auditor, true)), Ok(1));
        assert_eq!(when(&auditor, change(ACME, Role::Auditor, true)), Ok(0));
        assert_eq!(when(&auditor, change(ACME, Role::Auditor, false)), Ok(1));
        assert_eq!(when(&none, change(ACME, Role::Auditor, false)), Ok(0));
    }

    #[test]
    fn platform_administrators_are_made_in_the_system_realm() {
        let role = Role::PlatformAdministrator;
        assert_eq!(when(&holder(&[]), change(RealmId::SYSTEM, role, true)), Ok(1));
        assert_eq!(
            when(&holder(&[]), change(ACME, role, true)),
            Err(Rejection::OutsideSystemRealm)
        );
    }

    #[test]
    fn nobody_takes_their_own_platform_administrator() {
        let take = |role, own| {
            let change = change(RealmId::SYSTEM, role, false);
            when(&holder(&[role]), ChangeRole { own, ..change })
        };
        assert_eq!(take(Role::PlatformAdministrator, true), Err(Rejection::Oneself));
        assert_eq!(take(Role::PlatformAdministrator, false), Ok(1));
        assert_eq!(take(Role::Auditor, true), Ok(1));
    }

    #[test]
    fn only_who_is_there_and_can_act_gets_a_role() {
        let auditor = |given| change(ACME, Role::Auditor, given);
        assert_eq!(
            when(&Holder::default(), auditor(true)),
            Err(Rejection::NoSuchPrincipal)
        );
        let public = Holder {
            acts: false,
            ..holder(&[])
        };
        assert_eq!(when(&public, auditor(true)), Err(Rejection::PublicApplication));
        let mut left_over = holder(&[Role::Auditor]);
        left_over.acts = false;
        assert_eq!(when(&left_over, auditor(false)), Ok(1));
    }
}
