//! Unlinking an identity. The rules: it is gone with its key, and free for whoever shows it next; users unlink only with a proof of their own,
//! and never what alone lets them sign in.

use axum::extract::State;
use events::{
    auth::{Method, Proof},
    identities::{Identities, IdentityEvent, claimed_as},
    ids::{CredentialId, RealmId, UserId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Reader},
    log::ClaimKind,
    subject::{Stream, Subject},
};
use web::{Answer, Command, CommandAnswer, Empty, Path, Problem, actions};

use crate::{
    At, Commands,
    auth::flow::methods::Held,
    failed,
    users::{Rejection, totp::destroy_removed},
};

/// Who unlinks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// An administrator.
    Administrator,
    /// The user, who has shown this, where these methods count as a second factor.
    Themselves {
        /// What they have shown.
        proofs: Vec<Proof>,
        /// The methods that a sign-in may begin with here: an address that nobody mails a code to is none.
        begins: Vec<Method>,
        /// The methods that count as a second factor.
        counts: Vec<Method>,
    },
}

/// Unlinks an identity.
#[derive(Clone, Debug)]
pub struct UnlinkIdentity {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// Which.
    pub credential: CredentialId,
    /// Who.
    pub by: By,
}

#[async_trait::async_trait]
impl Decide for UnlinkIdentity {
    type State = Held;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Held, KernelError> {
        Held::among_facts(reader, self.user).await
    }

    fn decide(&self, held: &Held, _: &Context) -> Result<Decision, Rejection> {
        let identity = held.identities.identity(self.credential);
        let identity = identity.ok_or(Rejection::NotFound)?;
        if let By::Themselves {
            proofs,
            begins,
            counts,
        } = &self.by
        {
            if !held.entitles(proofs, counts) {
                return Err(Rejection::Unproven);
            }
            if !begins_without(held, self.credential, begins) {
                return Err(Rejection::LastWay);
            }
        }
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

/// Whether somebody could begin a sign-in by one of these methods if they did not have this identity.
fn begins_without(held: &Held, credential: CredentialId, begins: &[Method]) -> bool {
    let without = Held {
        identities: Identities {
            identities: held
                .identities
                .identities
                .iter()
                .filter(|identity| identity.credential != credential)
                .cloned()
                .collect(),
            ..Identities::default()
        },
        ..held.clone()
    };
    without.methods().iter().any(|method| begins.contains(method))
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
        by: By::Administrator,
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
        ids::IdentityProviderId,
        testing::{NOW, context, given},
        users::UserEvent,
    };
    use uuid::Uuid;

    use super::*;

    const ALICE: UserId = UserId(Uuid::from_u128(9));
    const PASSWORD: CredentialId = CredentialId(Uuid::from_u128(1));
    const WORK: CredentialId = CredentialId(Uuid::from_u128(2));
    const HOME: CredentialId = CredentialId(Uuid::from_u128(3));

    fn linked(credential: CredentialId) -> Event {
        IdentityEvent::Linked {
            credential,
            provider: IdentityProviderId(Uuid::from_u128(5)),
            issuer: "https://id.example".to_owned(),
            subject: credential.to_string().into(),
            name: String::new().into(),
        }
        .into()
    }

    fn held(identities: &[CredentialId], password: bool) -> Held {
        let set = UserEvent::PasswordSet {
            credential: PASSWORD,
            hash: "$argon2id$".to_owned().into(),
        };
        Held {
            identities: given(ALICE.0, identities.iter().copied().map(linked)).state,
            password: given(ALICE.0, password.then(|| set.into())).state,
            ..Held::default()
        }
    }

    fn proof(method: Method, credential: CredentialId) -> Proof {
        Proof {
            method,
            at: NOW,
            credential: Some(credential),
            user_verified: false,
            hardware: false,
        }
    }

    fn unlink(held: &Held, by: By) -> Result<Decision, Rejection> {
        UnlinkIdentity {
            realm: RealmId(Uuid::from_u128(7)),
            user: ALICE,
            credential: WORK,
            by,
        }
        .decide(held, &context())
    }

    fn with(proofs: &[Proof]) -> By {
        where_begin(&[Method::Password, Method::Federated], proofs)
    }

    fn where_begin(begins: &[Method], proofs: &[Proof]) -> By {
        By::Themselves {
            proofs: proofs.to_vec(),
            begins: begins.to_vec(),
            counts: Vec::new(),
        }
    }

    #[test]
    fn users_show_who_they_are_and_keep_a_way_to_sign_in() {
        let password = proof(Method::Password, PASSWORD);
        let federated = proof(Method::Federated, WORK);
        assert!(unlink(&held(&[WORK], true), with(&[password])).is_ok());
        assert!(unlink(&held(&[WORK, HOME], false), with(&[federated])).is_ok());
        assert_eq!(
            unlink(&held(&[WORK], false), with(&[federated])),
            Err(Rejection::LastWay)
        );
        assert_eq!(
            unlink(
                &held(&[WORK], true),
                where_begin(&[Method::Federated], &[federated])
            ),
            Err(Rejection::LastWay),
            "a password that nobody asks for is no way"
        );
        assert_eq!(unlink(&held(&[WORK], true), with(&[])), Err(Rejection::Unproven));
        let of_another = proof(Method::Password, HOME);
        assert_eq!(
            unlink(&held(&[WORK], true), with(&[of_another])),
            Err(Rejection::Unproven)
        );
    }

    #[test]
    fn an_administrator_unlinks_also_the_last_and_the_identity_is_free() {
        let decision = unlink(&held(&[WORK], false), By::Administrator).unwrap();
        let released = Claim::Release {
            kind: ClaimKind::Identity,
            value: claimed_as("https://id.example", &WORK.to_string()),
            holder: ALICE.0,
        };
        assert_eq!(decision.claims, [released]);
        assert_eq!(
            unlink(&held(&[HOME], true), By::Administrator),
            Err(Rejection::NotFound)
        );
    }
}
