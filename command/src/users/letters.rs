//! Letters that an administrator has sent to a user. The rule: who has something to sign in with is not invited, since an invitation sets a
//! password; and without a mail server or an address it is said so.

use axum::extract::State;
use events::{
    ids::UserId,
    kernel::Kernel,
    letters::LetterKind,
    users::{Profile, User},
};
use web::{Answer, Code, Command, CommandAnswer, Empty, Path, Problem, RealmRef, actions};

use super::Rejection;
use crate::{
    At, Commands,
    auth::{
        flow::methods::Held,
        mailed::{CODE_SECONDS, INVITATION_SECONDS},
        sessions::refusal,
    },
    letters::request::{RequestLetter, no_mail},
};

/// A letter to a user at the address that they have.
async fn letter(
    commands: &Commands,
    realm: &RealmRef,
    id: UserId,
    kind: LetterKind,
    seconds: u64,
) -> Result<(RequestLetter, Profile), Problem> {
    let kernel: &Kernel = commands.edge.kernel();
    let user = kernel.latest::<User>(realm.id, id.0).await?.state;
    if !user.exists || user.erased {
        return Err(Rejection::NotFound.into());
    }
    if !commands.edge.mails() {
        return Err(no_mail());
    }
    let conflict = |detail: &str| Problem::new(Code::Conflict).detail(detail);
    if refusal(&user, kernel.now()).is_some() {
        return Err(conflict("the user is disabled or locked"));
    }
    if user.profile.email.is_none() {
        return Err(conflict("the user has no e-mail address"));
    }
    let letter = RequestLetter {
        realm: realm.id,
        mailbox: id.0,
        kind,
        user: Some(id),
        address: user.address.map(|(fact, _)| fact),
        to: None,
        about: None,
        expires: kernel.now().after_seconds(seconds),
    };
    Ok((letter, user.profile))
}

/// Send a user a letter by which they show that their e-mail address is theirs.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/users/{id}/email-verification", tag = "users", operation_id = "send_email_verification",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
    ),
    extensions(("x-events" = json!(["letter.requested"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn verify_email(
    State(commands): State<Commands>,
    at: At<(String, UserId)>,
    command: Command<actions::UsersUpdate, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, user)) = at?;
    let Command { realm, context, .. } = command;
    let kind = LetterKind::EmailVerification;
    let (letter, profile) = letter(&commands, &realm, user, kind, CODE_SECONDS).await?;
    if profile.email_verified {
        return Err(Problem::new(Code::Conflict).detail("the address was shown to be theirs"));
    }
    commands.change(&context, &letter).await
}

/// Invite a user who has nothing to sign in with: the link in the letter sets their first password.
#[utoipa::path(
    post, path = "/command/v1/realms/{realm}/users/{id}/invitation", tag = "users", operation_id = "invite_user",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
    ),
    extensions(("x-events" = json!(["letter.requested"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn invite(
    State(commands): State<Commands>,
    at: At<(String, UserId)>,
    command: Command<actions::UsersUpdate, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, user)) = at?;
    let Command { realm, context, .. } = command;
    let (letter, _) = letter(
        &commands,
        &realm,
        user,
        LetterKind::Invitation,
        INVITATION_SECONDS,
    )
    .await?;
    let held = Held::current(commands.edge.kernel(), realm.id, user).await?;
    if held.password.credential.is_some() || !held.passkeys.passkeys.is_empty() {
        return Err(Problem::new(Code::Conflict).detail("the user has something to sign in with"));
    }
    commands.change(&context, &letter).await
}
