//! The guard before every secret that is judged. The rule: an attempt is told to the log, under the condition that nobody
//! else was told of in between, before the secret is looked at; what was not told is not judged. A name that nobody has is
//! guarded like one that somebody has.

use async_trait::async_trait;
use events::{
    auth::{AuthEvent, Closed, Method, SignInGuard, ThrottledBy},
    envelope::Actor,
    fold::Versioned,
    ids::{ApplicationId, RealmId, UserId},
    kernel::{Context, Decide, Decision, Failure, KernelError, Reader},
    subject::{Stream, Subject},
};
use uuid::Uuid;

use crate::auth::{known_device, trouble, visit::Visit};

/// A guard: of an account, of a name that nobody has, or of an account on a device that its user signed in on before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Which.
    pub id: Uuid,
    /// What it guards.
    pub by: ThrottledBy,
}

/// Somebody is about to be judged.
#[derive(Clone, Debug)]
pub struct AdmitAttempt {
    /// The realm.
    pub realm: RealmId,
    /// The guard ([`of`]).
    pub guard: Guard,
    /// Whose account it is, if there is such a user.
    pub user: Option<UserId>,
    /// The application that asked for it, if one did.
    pub client: Option<ApplicationId>,
    /// By what.
    pub method: Method,
    /// The fact that set the authenticator.
    pub since: u64,
}

#[async_trait]
impl Decide for AdmitAttempt {
    type State = Versioned<SignInGuard>;
    type Rejection = Closed;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        reader.subject::<SignInGuard>(self.guard.id).await
    }

    fn decide(&self, state: &Self::State, context: &Context) -> Result<Decision, Closed> {
        state.state.admits(self.method, self.since, context.now)?;
        let attempted = AuthEvent::LoginAttempted {
            user: self.user,
            client: self.client,
            method: self.method,
            since: self.since,
        };
        let decision = Decision::of(Subject::sign_in_guard(self.guard.id), attempted);
        Ok(match state.state.closing(self.method, self.since) {
            None => decision,
            Some(closing) => decision.noting(AuthEvent::Throttled {
                by: self.guard.by,
                endpoint: None,
                user: self.user,
                client: self.client,
                method: Some(self.method),
                seconds: closing.seconds,
                disabled: closing.disabled,
            }),
        })
    }
}

/// The guard of a user, or of a name that nobody has: one for all names, methods and nodes. Where its user signed in before, a device
/// has one of its own: whoever tries passwords elsewhere does not keep them out (OWASP, "device cookies").
pub async fn of(visit: &Visit, user: Option<UserId>, name: &str) -> Result<Guard, KernelError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let Some(user) = user else {
        return Ok(Guard {
            id: derived(visit, "sign-in guards", &[name.as_bytes()]).await?,
            by: ThrottledBy::Account,
        });
    };
    let Some(device) = known_device::of(visit, user).await? else {
        return Ok(Guard {
            id: user.0,
            by: ThrottledBy::Account,
        });
    };
    // When the account's guard is lifted, those of its devices begin anew, too.
    let lifted = kernel.current::<SignInGuard>(realm, user.0).await?.state.lifted;
    let parts: [&[u8]; 3] = [user.0.as_bytes(), device.0.as_bytes(), &lifted.to_be_bytes()];
    Ok(Guard {
        id: derived(visit, "device guards", &parts).await?,
        by: ThrottledBy::Device,
    })
}

/// An id that follows from something, and does not tell it.
async fn derived(visit: &Visit, purpose: &str, parts: &[&[u8]]) -> Result<Uuid, KernelError> {
    let keyring = visit.edge.kernel().keyring();
    let digest = keyring.digest(visit.realm.id, purpose, parts).await?;
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Ok(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// That an attempt was told: whoever judges a secret asks for it.
#[derive(Debug)]
pub struct Admitted(());

/// Why nobody is judged now.
#[derive(Debug)]
pub enum NotAdmitted {
    /// There were too many attempts.
    Closed(Closed),
    /// Too many at once.
    Crowded,
    /// That could not be known.
    Kernel(KernelError),
}

/// Tells the log of an attempt.
pub async fn admit(visit: &Visit, attempt: &AdmitAttempt) -> Result<Admitted, NotAdmitted> {
    let context = visit.context(Actor {
        client: attempt.client,
        ..Actor::default()
    });
    match visit.edge.kernel().execute(&context, attempt).await {
        Ok(_) => Ok(Admitted(())),
        Err(Failure::Rejected(closed)) => Err(NotAdmitted::Closed(closed)),
        Err(Failure::Conflict) => Err(NotAdmitted::Crowded),
        Err(failure) => Err(NotAdmitted::Kernel(trouble(failure))),
    }
}
