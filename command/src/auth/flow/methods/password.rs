//! The password. The rule: a user that there is not, one that may not sign in and one without a password cost the
//! same work as a wrong one; the hash of a right one is brought to today's parameters while it is at hand.

use async_trait::async_trait;
use events::{
    auth::{LoginFailure, Method},
    envelope::Actor,
    ids::{CredentialId, UserId},
    kernel::KernelError,
    log::LogError,
    users::Password,
};
use passwords::{HashError, Hasher, Verdict};
use secrecy::SecretString;
use web::form::Form;

use super::{Asking, Authenticator, Challenge, Held, Judged, NotJudged, Proven, Room};
use crate::{
    Commands,
    auth::{flow::guard::Admitted, sessions::RehashPassword, trouble, visit::Visit},
    users::password::destroy_replaced,
};

/// Judges passwords.
pub struct PasswordAuthenticator;

#[async_trait]
impl Authenticator for PasswordAuthenticator {
    fn method(&self) -> Method {
        Method::Password
    }

    fn challenge(&self) -> Challenge {
        Challenge::Password
    }

    fn field(&self) -> &'static str {
        "password"
    }

    fn is_held(&self, held: &Held) -> bool {
        held.password.hash.is_some()
    }

    fn since(&self, held: &Held) -> u64 {
        held.password.set
    }

    fn room(&self, commands: &Commands) -> Result<Room, NotJudged> {
        commands
            .hasher
            .place()
            .map(|place| Room(Some(place)))
            .map_err(not_judged)
    }

    async fn judge(
        &self,
        asking: &Asking<'_>,
        answer: &Form,
        room: Room,
        _: Admitted,
    ) -> Result<Judged, NotJudged> {
        let hasher = &asking.commands.hasher;
        let password = SecretString::from(answer.get(self.field()).unwrap_or_default());
        let stored = &asking.held.password;
        let hash = stored.hash.as_deref().filter(|_| asking.refused.is_none());
        let place = match room.0 {
            Some(place) => place,
            None => hasher.place().map_err(not_judged)?,
        };
        let verdict = match hasher.verify_at(place, &password, hash).await {
            Err(HashError::MalformedHash | HashError::ExcessiveParameters) => {
                tracing::error!(user = %asking.user, "a stored password hash cannot be used");
                hasher.verify(&password, None).await
            }
            verdict => verdict,
        };
        let wrong = || asking.refused.unwrap_or(LoginFailure::WrongPassword);
        match (verdict.map_err(not_judged)?, stored.credential) {
            (Verdict::Match { needs_rehash }, Some(credential)) => {
                let credential = if needs_rehash {
                    rehash(asking.visit, hasher, asking.user, credential, &password).await
                } else {
                    credential
                };
                Ok(Judged::Proven(Proven {
                    credential: Some(credential),
                    ..Proven::default()
                }))
            }
            (Verdict::Match { .. } | Verdict::Mismatch, _) => Ok(Judged::Wrong(wrong())),
        }
    }
}

fn not_judged(error: HashError) -> NotJudged {
    match error {
        HashError::Overloaded { retry_after_seconds } => NotJudged::Busy {
            seconds: retry_after_seconds,
        },
        other => NotJudged::Hash(other),
    }
}

/// Hashes a password anew with today's parameters, while it is at hand, and gives the credential that stands after that. The user signs in
/// whether or not this succeeds.
async fn rehash(
    visit: &Visit,
    hasher: &Hasher,
    user: UserId,
    from: CredentialId,
    password: &SecretString,
) -> CredentialId {
    match try_rehash(visit, hasher, user, from, password).await {
        Ok(credential) => credential,
        Err(error) => {
            tracing::warn!(%error, %user, "a password was not hashed anew; the next sign-in tries again");
            from
        }
    }
}

async fn try_rehash(
    visit: &Visit,
    hasher: &Hasher,
    user: UserId,
    from: CredentialId,
    password: &SecretString,
) -> Result<CredentialId, KernelError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let hash = hasher
        .hash(password)
        .await
        .map_err(|error| LogError::Unavailable(error.to_string()))?;
    let to = CredentialId(kernel.new_id());
    let context = visit.context(Actor {
        user: Some(user),
        ..Actor::default()
    });
    let command = RehashPassword {
        realm,
        user,
        from,
        to,
        hash,
    };
    kernel.execute(&context, &command).await.map_err(trouble)?;
    destroy_replaced(kernel, realm, user).await;
    let stands = kernel.current::<Password>(realm, user.0).await?.state.credential;
    // Another sign-in of the same moment may have been faster: then it is its hash of the same password.
    Ok(stands.unwrap_or(to))
}
