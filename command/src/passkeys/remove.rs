//! Removing a passkey. The rules: it is gone with its key, and its credential id is free again; with the last second factor of a user
//! go their recovery codes.

use axum::extract::State;
use events::{
    credentials::{CredentialEvent, RecoveryCodes, Totp},
    ids::{CredentialId, RealmId, UserId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Reader},
    log::ClaimKind,
    passkeys::{PasskeyEvent, Passkeys},
    subject::{Stream, Subject},
};
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};

use crate::{
    At, Commands, failed,
    users::{Rejection, totp::destroy_removed},
};

/// Removes a passkey.
#[derive(Clone, Copy, Debug)]
pub struct RemovePasskey {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// Which.
    pub credential: CredentialId,
}

/// What [`RemovePasskey`] must know.
#[derive(Clone, Debug, Default)]
pub struct Factors {
    /// Their passkeys.
    pub passkeys: Passkeys,
    /// Their devices that show one-time passwords.
    pub totp: Totp,
    /// Their recovery codes.
    pub codes: RecoveryCodes,
}

#[async_trait::async_trait]
impl Decide for RemovePasskey {
    type State = Factors;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Factors, KernelError> {
        Ok(Factors {
            passkeys: reader.subject::<Passkeys>(self.user.0).await?.state,
            totp: reader.subject::<Totp>(self.user.0).await?.state,
            codes: reader.subject::<RecoveryCodes>(self.user.0).await?.state,
        })
    }

    fn decide(&self, state: &Factors, _: &Context) -> Result<Decision, Rejection> {
        let Factors {
            passkeys,
            totp,
            codes,
        } = state;
        let passkey = passkeys.passkey(self.credential).ok_or(Rejection::NotFound)?;
        let removed = PasskeyEvent::Removed {
            credential: self.credential,
        };
        let mut decision = Decision::of(Subject::passkeys(self.user), removed);
        if let Some(credential_id) = &passkey.credential_id {
            decision = decision.claiming(Claim::Release {
                kind: ClaimKind::PasskeyId,
                value: credential_id.clone(),
                holder: self.user.0,
            });
        }
        let is_last = passkeys.passkeys.len() == 1 && totp.devices.is_empty();
        Ok(match codes.credential {
            Some(credential) if is_last => decision.and(
                Subject::recovery_codes(self.user),
                CredentialEvent::RecoveryCodesRemoved { credential },
            ),
            Some(_) | None => decision,
        })
    }
}

/// Remove a user's passkey; with the last second factor go their recovery codes.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/users/{id}/passkeys/{credential}", tag = "users", operation_id = "remove_passkey",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
        ("credential" = uuid::Uuid, Path, description = "The passkey's id"),
    ),
    extensions(("x-events" = json!(["passkey.removed", "recovery_codes.removed"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn remove(
    State(commands): State<Commands>,
    at: At<(String, UserId, CredentialId)>,
    command: Command<actions::CredentialsRemove, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, user, credential)) = at?;
    let Command { realm, context, .. } = command;
    let command = RemovePasskey {
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
        event::Event,
        passkeys::AuthenticatorTold,
        testing::{context, given},
    };
    use uuid::Uuid;

    use super::*;

    const ALICE: UserId = UserId(Uuid::from_u128(9));
    const LAPTOP: CredentialId = CredentialId(Uuid::from_u128(2));
    const PHONE: CredentialId = CredentialId(Uuid::from_u128(3));
    const CODES: CredentialId = CredentialId(Uuid::from_u128(4));

    fn registered(credential: CredentialId) -> Event {
        PasskeyEvent::Registered {
            credential,
            name: "Laptop".to_owned().into(),
            credential_id: credential.to_string().into(),
            public_key: "pQEC".to_owned().into(),
            authenticator: AuthenticatorTold::default(),
        }
        .into()
    }

    fn remove(state: &Factors) -> Result<Decision, Rejection> {
        RemovePasskey {
            realm: RealmId(Uuid::from_u128(7)),
            user: ALICE,
            credential: LAPTOP,
        }
        .decide(state, &context())
    }

    fn names(decision: &Decision) -> Vec<&'static str> {
        decision.events.iter().map(|(_, event)| event.name()).collect()
    }

    #[test]
    fn it_goes_with_its_claim_and_the_last_second_factor_with_the_codes() {
        let generated = CredentialEvent::RecoveryCodesGenerated {
            credential: CODES,
            digests: vec!["00".to_owned()].into(),
            count: 1,
        };
        let enrolled = CredentialEvent::TotpEnrolled {
            credential: PHONE,
            name: "Phone".to_owned().into(),
            secret: "AAAA".to_owned().into(),
        };
        let codes: RecoveryCodes = given(ALICE.0, [generated.into()]).state;
        let alone = Factors {
            passkeys: given(ALICE.0, [registered(LAPTOP)]).state,
            codes,
            ..Factors::default()
        };
        let decision = remove(&alone).unwrap();
        assert_eq!(names(&decision), ["passkey.removed", "recovery_codes.removed"]);
        let released = Claim::Release {
            kind: ClaimKind::PasskeyId,
            value: LAPTOP.to_string(),
            holder: ALICE.0,
        };
        assert_eq!(decision.claims, [released]);
        let beside_another = Factors {
            passkeys: given(ALICE.0, [registered(LAPTOP), registered(PHONE)]).state,
            ..alone.clone()
        };
        let beside_a_device = Factors {
            totp: given(ALICE.0, [enrolled.into()]).state,
            ..alone
        };
        for state in [beside_another, beside_a_device] {
            assert_eq!(names(&remove(&state).unwrap()), ["passkey.removed"]);
        }
        assert_eq!(remove(&Factors::default()), Err(Rejection::NotFound));
    }
}
