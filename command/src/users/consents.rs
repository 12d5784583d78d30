//! Withdrawing for a user what they allowed an application. The rule: it ends what the application got by it, on every
//! node within a second; the application may ask the user again.

use axum::extract::State;
use events::ids::{ApplicationId, UserId};
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};

use crate::{At, Commands, auth::consent::decisions::WithdrawConsent};

/// Withdraw what a user allowed an application.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/users/{id}/consents/{application}", tag = "users",
    operation_id = "withdraw_consent",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
        ("application" = uuid::Uuid, Path, description = "The application's id"),
    ),
    extensions(("x-events" = json!(["consent.withdrawn"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn withdraw(
    State(commands): State<Commands>,
    at: At<(String, UserId, ApplicationId)>,
    command: Command<actions::ConsentsWithdraw, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, user, client)) = at?;
    let Command { realm, context, .. } = command;
    let command = WithdrawConsent {
        realm: realm.id,
        user,
        client,
    };
    commands.change(&context, &command).await
}
