//! Unlinking an identity. The rule: it is gone with its key, and free for whoever shows it next. What users may unlink themselves is decided
//! where they change how they sign in (`auth/account/own.rs`).

use axum::extract::State;
use events::{
    identities::{Identities, IdentityEvent, claimed_as},
    ids::{CredentialId, RealmId, UserId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Reader},
    log::ClaimKind,
    subject::{Stream, Subject},
};
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};

use crate::{
    At, Commands, failed,
    users::{Rejection, totp::destroy_removed},
};

/// Unlinks an identity.
#[derive(Clone, Debug)]
pub struct UnlinkIdentity {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// Which.
    pub credential: CredentialId,
}

#[async_trait::async_trait]
impl Decide for UnlinkIdentity {
    type State = Identities;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Identities, KernelError> {
        Ok(reader.subject::<Identities>(self.user.0).await?.state)
    }

    fn decide(&self, identities: &Identities, _: &Context) -> Result<Decision, Rejection> {
        let identity = identities.identity(self.credential).ok_or(Rejection::NotFound)?;
        let unlinked = IdentityEvent::Unlinked {
            credential: self.credential,
        };
        let decision = Decision::of(Subject::identities(self.user), unlinked);
        Ok(match &identity.subject {
            Some(subject) => decision.claiming(Claim::Release {
                kind: ClaimKind::Identity,
                value: claimed_as(&identity.issuer, subject),
                holder: self.user.0,
            }),
            None => decision,
        })
    }
}

/// Unlink what a user is known as at an identity provider.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/users/{id}/identities/{credential}", tag = "users", operation_id = "unlink_identity",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
        ("credential" = uuid::Uuid, Path, description = "The identity's id"),
    ),
    extensions(("x-events" = json!(["identity.unlinked"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn unlink(
    State(commands): State<Commands>,
    at: At<(String, UserId, CredentialId)>,
    command: Command<actions::CredentialsRemove, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, user, credential)) = at?;
    let Command { realm, context, .. } = command;
    let command = UnlinkIdentity {
        realm: realm.id,
        user,
        credential,
    };
    let kernel = commands.edge.kernel();
    let outcome = kernel.execute(&context, &command).await.map_err(failed)?;
    destroy_removed(kernel, realm.id, user).await;
    Ok(Answer::changed(outcome))
}

#[cfg(test)]
mod tests {
    use events::{
        ids::IdentityProviderId,
        testing::{context, given},
    };
    use uuid::Uuid;

    use super::*;

    const ALICE: UserId = UserId(Uuid::from_u128(9));
    const WORK: CredentialId = CredentialId(Uuid::from_u128(2));
    const HOME: CredentialId = CredentialId(Uuid::from_u128(3));

    #[test]
    fn an_identity_that_is_unlinked_is_free_and_nobody_elses_is() {
        let linked = IdentityEvent::Linked {
            credential: WORK,
            provider: IdentityProviderId(Uuid::from_u128(5)),
            issuer: "https://id.example".to_owned(),
            subject: "24".to_owned().into(),
            name: String::new().into(),
        };
        let identities = given::<Identities>(ALICE.0, [linked.into()]).state;
        let unlink = |credential| {
            UnlinkIdentity {
                realm: RealmId(Uuid::from_u128(7)),
                user: ALICE,
                credential,
            }
            .decide(&identities, &context())
        };
        let released = Claim::Release {
            kind: ClaimKind::Identity,
            value: claimed_as("https://id.example", "24"),
            holder: ALICE.0,
        };
        assert_eq!(unlink(WORK).unwrap().claims, [released]);
        assert_eq!(unlink(HOME), Err(Rejection::NotFound));
    }
}
