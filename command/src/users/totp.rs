//! A user's devices that show one-time passwords. The rules: one is enrolled only by who has shown all that the user has; one
//! that is removed is gone with its key, and with the last second factor go the recovery codes.

use axum::extract::State;
use events::{
    auth::{Method, Proof},
    credentials::{CredentialEvent, RecoveryCodes, Totp},
    identities::Identities,
    ids::{CredentialId, RealmId, UserId},
    kernel::{Context, Decide, Decision, Kernel, KernelError, Reader},
    keys::Owner,
    passkeys::Passkeys,
    sealing::Sealed,
    subject::{Stream, Subject},
    users::User,
};
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};
use zeroize::Zeroizing;

use super::{Rejection, recovery_codes::NewCodes};
use crate::{At, Commands, auth::flow::methods::Held, auth::sessions::refusal, failed};

/// The most devices of one user.
const DEVICES: usize = 10;

/// Enrols a device that has shown that it knows the secret.
#[derive(Clone)]
pub struct EnrolTotp {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// The credential that it will be; enrolling it twice is enrolling it once.
    pub credential: CredentialId,
    /// What its owner calls it.
    pub name: String,
    /// What it and we share, in base 32.
    pub secret: Zeroizing<String>,
    /// Recovery codes to go with it, if there are none yet.
    pub codes: Option<NewCodes>,
    /// What the user has shown: without a second factor among it, this is their first.
    pub proofs: Vec<Proof>,
    /// The methods that count as a second factor.
    pub counts: Vec<Method>,
}

/// What [`EnrolTotp`] and [`RemoveTotp`] must know.
#[derive(Clone, Debug, Default)]
pub struct Devices {
    /// The user.
    pub user: User,
    /// What they have.
    pub held: Held,
}

async fn load(reader: &mut Reader<'_>, user: UserId) -> Result<Devices, KernelError> {
    Ok(Devices {
        user: reader.subject::<User>(user.0).await?.state,
        held: Held::among_facts(reader, user).await?,
    })
}

#[async_trait::async_trait]
impl Decide for EnrolTotp {
    type State = Devices;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Devices, KernelError> {
        load(reader, self.user).await
    }

    fn decide(&self, state: &Devices, context: &Context) -> Result<Decision, Rejection> {
        if refusal(&state.user, context.now).is_some() {
            return Err(Rejection::NotFound);
        }
        let (totp, subject) = (&state.held.totp, Subject::totp(self.user));
        if totp.device(self.credential).is_some() {
            return Ok(Decision::nothing(subject));
        }
        if totp.removed.contains(&self.credential) || !state.held.entitles(&self.proofs, &self.counts) {
            return Err(Rejection::Unproven);
        }
        if totp.devices.len() >= DEVICES {
            return Err(Rejection::TooManyDevices);
        }
        let enrolled = CredentialEvent::TotpEnrolled {
            credential: self.credential,
            name: Sealed::Known(self.name.clone()),
            secret: Sealed::Known(self.secret.to_string()),
        };
        let decision = Decision::of(subject, enrolled);
        Ok(match &self.codes {
            Some(codes) => decision.and(Subject::recovery_codes(self.user), codes.event()),
            None => decision,
        })
    }
}

/// Removes a device.
#[derive(Clone, Copy, Debug)]
pub struct RemoveTotp {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// Which.
    pub credential: CredentialId,
}

#[async_trait::async_trait]
impl Decide for RemoveTotp {
    type State = Devices;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Devices, KernelError> {
        load(reader, self.user).await
    }

    fn decide(&self, state: &Devices, _: &Context) -> Result<Decision, Rejection> {
        let Held {
            totp,
            recovery_codes,
            passkeys,
            ..
        } = &state.held;
        if totp.device(self.credential).is_none() {
            return Err(Rejection::NotFound);
        }
        let removed = CredentialEvent::TotpRemoved {
            credential: self.credential,
        };
        let decision = Decision::of(Subject::totp(self.user), removed);
        let is_last = totp.devices.len() == 1 && passkeys.passkeys.is_empty();
        Ok(match recovery_codes.credential {
            Some(credential) if is_last => decision.and(
                Subject::recovery_codes(self.user),
                CredentialEvent::RecoveryCodesRemoved { credential },
            ),
            Some(_) | None => decision,
        })
    }
}

/// Destroys the keys of what was removed or replaced. The log has decided already: a failure is told to the operator, and mended by the
/// next change.
pub async fn destroy_removed(kernel: &Kernel, realm: RealmId, user: UserId) {
    let removed = async {
        let totp = kernel.current::<Totp>(realm, user.0).await?.state.removed;
        let codes = kernel
            .current::<RecoveryCodes>(realm, user.0)
            .await?
            .state
            .removed;
        let passkeys = kernel.current::<Passkeys>(realm, user.0).await?.state.removed;
        let identities = kernel.current::<Identities>(realm, user.0).await?.state.removed;
        Ok::<_, KernelError>([totp, codes, passkeys, identities].concat())
    };
    let removed = match removed.await {
        Ok(removed) => removed,
        Err(error) => {
            return tracing::error!(%error, %realm, %user, "a removed credential's key was not destroyed");
        }
    };
    for credential in removed {
        let owner = Owner::Credential(credential);
        if let Err(error) = kernel.keyring().destroy(realm, &owner, kernel.now()).await {
            tracing::error!(%error, %realm, %credential, "a removed credential's key was not destroyed");
        }
    }
}

/// Remove a user's device that shows one-time passwords; with the last second factor go their recovery codes.
#[utoipa::path(
    delete, path = "/command/v1/realms/{realm}/users/{id}/totp/{credential}", tag = "users", operation_id = "remove_totp",
    params(
        ("realm" = String, Path, description = "The realm's name or id"),
        ("id" = uuid::Uuid, Path, description = "The user's id"),
        ("credential" = uuid::Uuid, Path, description = "The device's id"),
    ),
    extensions(("x-events" = json!(["totp.removed", "recovery_codes.removed"]))),
    responses((status = 200, body = CommandAnswer), (status = "default", body = web::ProblemBody))
)]
pub(super) async fn remove(
    State(commands): State<Commands>,
    at: At<(String, UserId, CredentialId)>,
    command: Command<actions::CredentialsRemove, Empty>,
) -> Result<Answer, Problem> {
    let Path((_, user, credential)) = at?;
    let Command { realm, context, .. } = command;
    let command = RemoveTotp {
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
        testing::{NOW, context, given},
        users::{Password, Profile, UserEvent},
    };
    use uuid::Uuid;

    use super::*;

    const ACME: RealmId = RealmId(Uuid::from_u128(7));
    const ALICE: UserId = UserId(Uuid::from_u128(9));
    const PASSWORD: CredentialId = CredentialId(Uuid::from_u128(1));
    const PHONE: CredentialId = CredentialId(Uuid::from_u128(2));
    const TABLET: CredentialId = CredentialId(Uuid::from_u128(3));
    const CODES: CredentialId = CredentialId(Uuid::from_u128(4));

    fn proof(method: Method, credential: CredentialId) -> Proof {
        Proof {
            method,
            at: NOW,
            credential: Some(credential),
            user_verified: false,
            hardware: false,
        }
    }

    fn enrolled(credential: CredentialId) -> Event {
        CredentialEvent::TotpEnrolled {
            credential,
            name: "Phone".to_owned().into(),
            secret: "AAAA".to_owned().into(),
        }
        .into()
    }

    fn alice(devices: &[CredentialId]) -> Devices {
        let registered = UserEvent::Registered {
            profile: Profile::default().into(),
        };
        let set = UserEvent::PasswordSet {
            credential: PASSWORD,
            hash: "$argon2id$".to_owned().into(),
            keeps: None,
        };
        let codes = CredentialEvent::RecoveryCodesGenerated {
            credential: CODES,
            digests: vec!["00".to_owned()].into(),
            count: 1,
        };
        Devices {
            user: given::<User>(ALICE.0, [registered.into()]).state,
            held: Held {
                password: given::<Password>(ALICE.0, [set.into()]).state,
                totp: given(ALICE.0, devices.iter().copied().map(enrolled)).state,
                recovery_codes: given(ALICE.0, (!devices.is_empty()).then(|| codes.into())).state,
                ..Held::default()
            },
        }
    }

    fn enrol(state: &Devices, proofs: &[Proof]) -> Result<Decision, Rejection> {
        EnrolTotp {
            realm: ACME,
            user: ALICE,
            credential: TABLET,
            name: "Tablet".into(),
            secret: "AAAA".to_owned().into(),
            codes: None,
            proofs: proofs.to_vec(),
            counts: vec![Method::Totp, Method::RecoveryCode],
        }
        .decide(state, &context())
    }

    #[test]
    fn the_first_device_is_enrolled_with_what_begins_and_another_with_a_second_factor() {
        let password = proof(Method::Password, PASSWORD);
        assert_eq!(enrol(&alice(&[]), &[password]).unwrap().events.len(), 1);
        assert_eq!(enrol(&alice(&[PHONE]), &[password]), Err(Rejection::Unproven));
        let both = [password, proof(Method::Totp, PHONE)];
        assert_eq!(enrol(&alice(&[PHONE]), &both).unwrap().events.len(), 1);
        let written = [password, proof(Method::RecoveryCode, CODES)];
        assert!(enrol(&alice(&[PHONE]), &written).is_ok());
    }

    #[test]
    fn nothing_is_enrolled_with_what_is_theirs_no_more() {
        let other = proof(Method::Password, CredentialId(Uuid::from_u128(99)));
        assert_eq!(enrol(&alice(&[]), &[other]), Err(Rejection::Unproven));
        assert_eq!(enrol(&alice(&[]), &[]), Err(Rejection::Unproven));
        assert_eq!(enrol(&Devices::default(), &[other]), Err(Rejection::NotFound));
    }

    #[test]
    fn enrolling_twice_is_enrolling_once_and_there_is_an_end() {
        let password = proof(Method::Password, PASSWORD);
        assert!(enrol(&alice(&[TABLET]), &[password]).unwrap().events.is_empty());
        let many: Vec<_> = (10..20)
            .map(|number| CredentialId(Uuid::from_u128(number)))
            .collect();
        let both = [password, proof(Method::Totp, many[0])];
        assert_eq!(enrol(&alice(&many), &both), Err(Rejection::TooManyDevices));
    }

    #[test]
    fn with_the_last_device_go_the_recovery_codes() {
        let remove = |state: &Devices, credential| {
            RemoveTotp {
                realm: ACME,
                user: ALICE,
                credential,
            }
            .decide(state, &context())
            .map(|decision| {
                decision
                    .events
                    .into_iter()
                    .map(|(_, event)| event.name())
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(remove(&alice(&[PHONE, TABLET]), PHONE), Ok(vec!["totp.removed"]));
        assert_eq!(
            remove(&alice(&[PHONE]), PHONE),
            Ok(vec!["totp.removed", "recovery_codes.removed"])
        );
        assert_eq!(remove(&alice(&[PHONE]), TABLET), Err(Rejection::NotFound));
    }
}
