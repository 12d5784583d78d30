//! Who the browser is signed in as. The rule: a session is asked of the log each time it is used; it is good
//! while it is neither over nor ended, and while nothing that its user did or suffered since has ended it.

pub mod decisions;

use events::{
    auth::Session,
    ids::{SessionId, UserId},
    kernel::{Failure, KernelError},
    realms::Settings,
    users::{Password, User, last_ending_of},
};

use super::{session_cookie, trouble, visit::Visit};

pub use decisions::{
    ContinueSession, ElevateSession, EndSession, NoSession, RehashPassword, SeenOn, StartSession, refusal,
};

/// A good session, with whose it is.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The session.
    pub id: SessionId,
    /// Its state.
    pub session: Session,
    /// Whose it is.
    pub user: UserId,
    /// What is known of them.
    pub state: User,
}

impl SignedIn {
    /// The name that they sign in with, to show it to them.
    pub fn name(&self) -> &str {
        let profile = &self.state.profile;
        let known = profile.username.as_deref().or(profile.email.as_deref());
        known.unwrap_or("someone")
    }
}

/// The good session that the browser holds, if any.
pub async fn current(visit: &Visit, settings: &Settings) -> Result<Option<SignedIn>, KernelError> {
    let Some(held) = session_cookie::held(&visit.edge, visit.realm.id, &visit.headers).await? else {
        return Ok(None);
    };
    let id = held.id;
    let kernel = visit.edge.kernel();
    let session = kernel.current::<Session>(visit.realm.id, id.0).await?.state;
    let Some(user) = session
        .user
        .filter(|_| session.is_alive(kernel.now(), settings.session.idle_seconds))
    else {
        return Ok(None);
    };
    let state = kernel.current::<User>(visit.realm.id, user.0).await?.state;
    let password = kernel.current::<Password>(visit.realm.id, user.0).await?.state;
    let good = state.is_active()
        && session.elevations == held.elevations
        && !session.outlived_by(last_ending_of(&state, &password, id));
    Ok(good.then_some(SignedIn {
        id,
        session,
        user,
        state,
    }))
}

/// Notes that a session was used. `false`: it ended in the meantime.
pub async fn note_use(visit: &Visit, signed_in: &SignedIn) -> Result<bool, KernelError> {
    let command = ContinueSession {
        realm: visit.realm.id,
        session: signed_in.id,
    };
    match visit
        .edge
        .kernel()
        .execute(&visit.context_of(signed_in), &command)
        .await
    {
        // Whoever won the race noted the same.
        Ok(_) | Err(Failure::Conflict) => Ok(true),
        Err(Failure::Rejected(_)) => Ok(false),
        Err(failure) => Err(trouble(failure)),
    }
}
