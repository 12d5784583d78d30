//! A user's recovery codes. The rules: the codes are shown once, when they are made, and the log has their digests alone; a set
//! that is removed or replaced is gone with its key; that one was used is kept as a fact.

use axum::extract::State;
use events::{
    credentials::{CredentialEvent, RecoveryCodes},
    ids::{CredentialId, RealmId, UserId},
    kernel::{Context, Decide, Decision, Kernel, KernelError, Reader},
    sealing::Sealed,
    subject::{Stream, Subject},
};
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};
use zeroize::Zeroizing;

use super::{Rejection, totp::destroy_removed};
use crate::{At, Commands, auth::flow::methods::recovery_code, failed};

/// A new set of codes.
#[derive(Clone)]
pub struct NewCodes {
    /// The credential whose key seals their digests.
    pub credential: CredentialId,
    /// The codes, to be shown once.
    pub codes: Vec<Zeroizing<String>>,
    digests: Vec<String>,
}

impl NewCodes {
    /// Makes one.
    pub async fn generate(kernel: &Kernel, realm: RealmId) -> Result<Self, KernelError> {
        let credential = CredentialId(kernel.new_id());
        let codes = recovery_code::generate(&**kernel.random());
        let mut digests = Vec::with_capacity(codes.len());
        for code in &codes {
            digests.push(recovery_code::digest(kernel, realm, credential, code).await?);
        }
        Ok(Self {
            credential,
            codes,
            digests,
        })
    }

    /// One of which only the digests are known.
    #[cfg(test)]
    pub const fn of_digests(credential: CredentialId, digests: Vec<String>) -> Self {
        Self {
            credential,
            codes: Vec::new(),
            digests,
        }
    }

    /// That it was made.
    pub fn event(&self) -> CredentialEvent {
        CredentialEvent::RecoveryCodesGenerated {
            credential: self.credential,
            digests: Sealed::Known(self.digests.clone()),
            count: u32::try_from(self.digests.len()).unwrap_or(u32::MAX),
        }
    }
}

/// Keeps as a fact that a code was used in a sign-in.
#[derive(Clone, Copy, Debug)]
pub struct NoteRecoveryCode {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// Of which set.
    pub credential: CredentialId,
    /// Its place in the set.
    pub number: u32,
}

#[async_trait::async_trait]
impl Decide for NoteRecoveryCode {
    type State = RecoveryCodes;
    type Rejection = std::convert::Infallible;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<RecoveryCodes, KernelError> {
        Ok(reader.subject::<RecoveryCodes>(self.user.0).await?.state)
    }

    fn decide(&self, codes: &RecoveryCodes, _: &Context) -> Result<Decision, Self::Rejection> {
        let subject = Subject::recovery_codes(self.user);
        if codes.credential != Some(self.credential) || codes.used.contains(&self.number) {
            return Ok(Decision::nothing(subject));
        }
        let used = CredentialEvent::RecoveryCodeUsed {
            credential: self.credential,
            number: self.number,
        };
        Ok(Decision::of(subject, used))
    }
}

/// Removes a user's recovery codes.
#[derive(Clone, Copy, Debug)]
pub struct RemoveRecoveryCodes {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
}

#[async_trait::async_trait]
impl Decide for RemoveRecoveryCodes {
    type State = RecoveryCodes;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<RecoveryCodes, KernelError> {
        Ok(reader.subject::<RecoveryCodes>(self.user.0).await?.state)
    }

    fn decide(&self, codes: &RecoveryCodes, _: &Context) -> Result<Decision, Rejection> {
        let credential = codes.credential.ok_or(Rejection::NotFound)?;
        Ok(Decision::of(
            Subject::recovery_codes(self.user),
            CredentialEvent::RecoveryCodesRemoved { credential },
        ))
    }
}

/// Remove a user's recovery codes.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/users/{id}/recovery-codes", tag = "users", operation_id = "remove_recovery_codes",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
    ),
    extensions(("x-events" = json!(["recovery_codes.removed"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn remove(
    State(commands): State<Commands>,
    at: At<(String, UserId)>,
    command: Command<actions::CredentialsRemove, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, user)) = at?;
    let Command { realm, context, .. } = command;
    let command = RemoveRecoveryCodes {
        realm: realm.id,
        user,
    };
    let kernel = commands.edge.kernel();
    let outcome = kernel.execute(&context, &command).await.map_err(failed)?;
    destroy_removed(kernel, realm.id, user).await;
    Ok(Answer::changed(outcome))
}

#[cfg(test)]
mod tests {
    use events::testing::{context, given};
    use uuid::Uuid;

    use super::*;

    const ACME: RealmId = RealmId(Uuid::from_u128(7));
    const ALICE: UserId = UserId(Uuid::from_u128(9));
    const CODES: CredentialId = CredentialId(Uuid::from_u128(4));

    #[test]
    fn a_code_is_noted_once_and_only_of_the_set_that_there_is() {
        let generated = CredentialEvent::RecoveryCodesGenerated {
            credential: CODES,
            digests: vec!["00".to_owned(), "01".to_owned()].into(),
            count: 2,
        };
        let used = CredentialEvent::RecoveryCodeUsed {
            credential: CODES,
            number: 1,
        };
        let codes = given::<RecoveryCodes>(ALICE.0, [generated.into(), used.into()]).state;
        let note = |credential, number| {
            let command = NoteRecoveryCode {
                realm: ACME,
                user: ALICE,
                credential,
                number,
            };
            let Ok(decision) = command.decide(&codes, &context());
            decision.events.len()
        };
        assert_eq!(note(CODES, 0), 1);
        assert_eq!(note(CODES, 1), 0);
        assert_eq!(note(CredentialId(Uuid::from_u128(5)), 0), 0);
    }

    #[test]
    fn what_there_is_not_is_not_removed() {
        let command = RemoveRecoveryCodes {
            realm: ACME,
            user: ALICE,
        };
        assert_eq!(
            command.decide(&RecoveryCodes::default(), &context()),
            Err(Rejection::NotFound)
        );
    }
}
