//! The decisions on sessions: start, continue, end; and the password that was shown, hashed anew. The rule: a
//! sign-in uses its form up, ends the session that the browser held, and counts only if the user and the
//! password are what they were when it was verified; all of it in one append.

use async_trait::async_trait;
use events::{
    auth::{AuthEvent, EndReason, LoginFailure, Session},
    clock::Timestamp,
    fold::Versioned,
    ids::{ApplicationId, CredentialId, RealmId, SessionId, UserId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Reader},
    log::ClaimKind,
    realms::Settings,
    subject::{Stream, Subject},
    users::{Password, User, UserEvent, last_ending},
};
use uuid::Uuid;
use web::{Code, Problem};

/// How often a session in use is recorded as used, in seconds.
const CONTINUE_EVERY: u64 = 60;

/// A user has shown who they are: their session starts, and the one that the browser held before ends.
#[derive(Clone, Debug)]
pub struct StartSession {
    /// The realm.
    pub realm: RealmId,
    /// The id of the new session: never one that the browser brought along (session fixation).
    pub session: SessionId,
    /// Who signed in.
    pub user: UserId,
    /// The password that they showed; it must be theirs still.
    pub credential: CredentialId,
    /// The application that asked for it, if one did.
    pub client: Option<ApplicationId>,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// When the session ends however it is used.
    pub expires: Timestamp,
    /// The form that was used, and when it would be invalid by itself.
    pub flow: (Uuid, Timestamp),
    /// The session that the browser held.
    pub replaces: Option<SessionId>,
}

/// What [`StartSession`] must know.
#[derive(Clone, Debug, Default)]
pub struct Entering {
    new: Versioned<Session>,
    old: Versioned<Session>,
    user: User,
    password: Password,
    settings: Settings,
}

#[async_trait]
impl Decide for StartSession {
    type State = Entering;
    type Rejection = LoginFailure;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Entering, KernelError> {
        let new = reader.subject::<Session>(self.session.0).await?;
        let old = match self.replaces {
            Some(old) => reader.subject::<Session>(old.0).await?,
            None => Versioned::default(),
        };
        let user = reader.beside::<User>(self.realm, self.user.0).await?.state;
        let password = reader.beside::<Password>(self.realm, self.user.0).await?.state;
        let settings = reader.beside::<Settings>(self.realm, self.realm.0).await?.state;
        Ok(Entering {
            new,
            old,
            user,
            password,
            settings,
        })
    }

    fn decide(&self, state: &Entering, context: &Context) -> Result<Decision, LoginFailure> {
        // The password took a moment to verify; what holds is what is so now.
        refusal(&state.user, context.now).map_or(Ok(()), Err)?;
        if state.password.credential != Some(self.credential) || state.new.state.user.is_some() {
            return Err(LoginFailure::WrongPassword);
        }
        let subject = Subject::session(self.session);
        let mut decision = Decision::of(
            subject,
            AuthEvent::SessionStarted {
                user: self.user,
                client: self.client,
                amr: self.amr.clone(),
                expires: self.expires,
                last_ending: last_ending(&state.user, &state.password),
            },
        );
        // One that merely ran out is not replaced: what it gave for offline access goes on.
        let idle_seconds = state.settings.session.idle_seconds;
        if let Some(old) = self.replaces
            && state.old.state.is_alive(context.now, idle_seconds)
        {
            let ended = AuthEvent::SessionEnded {
                reason: EndReason::Replaced,
            };
            decision = decision.and(Subject::session(old), ended);
        }
        let (flow, invalid) = self.flow;
        Ok(decision.claiming(Claim::Spend {
            kind: ClaimKind::Flow,
            value: flow.to_string(),
            holder: self.session.0,
            invalid,
        }))
    }
}

/// Why a user may not sign in, whatever their password; for the record, never for the one who tries.
pub fn refusal(user: &User, now: Timestamp) -> Option<LoginFailure> {
    if !user.exists || user.erased {
        Some(LoginFailure::UnknownUser)
    } else if !user.is_active() {
        Some(LoginFailure::Disabled)
    } else if user.is_locked(now) {
        Some(LoginFailure::Locked)
    } else {
        None
    }
}

/// A session was used: recorded at most once a minute.
#[derive(Clone, Debug)]
pub struct ContinueSession {
    /// The realm.
    pub realm: RealmId,
    /// Which.
    pub session: SessionId,
}

/// There is no such session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSession;

impl From<NoSession> for Problem {
    fn from(NoSession: NoSession) -> Self {
        Problem::new(Code::NotFound)
    }
}

#[async_trait]
impl Decide for ContinueSession {
    type State = Versioned<Session>;
    type Rejection = NoSession;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        reader.subject::<Session>(self.session.0).await
    }

    fn decide(&self, state: &Self::State, context: &Context) -> Result<Decision, NoSession> {
        let subject = Subject::session(self.session);
        if state.state.user.is_none() || state.state.ended {
            return Err(NoSession);
        }
        if context.now < state.state.used.after_seconds(CONTINUE_EVERY) {
            return Ok(Decision::nothing(subject));
        }
        Ok(Decision::of(subject, AuthEvent::SessionContinued {}))
    }
}

/// A session is to end, and its grants with it. One that ended already stays as it is.
#[derive(Clone, Debug)]
pub struct EndSession {
    /// The realm.
    pub realm: RealmId,
    /// Which.
    pub session: SessionId,
    /// Why.
    pub reason: EndReason,
}

#[async_trait]
impl Decide for EndSession {
    type State = Versioned<Session>;
    type Rejection = NoSession;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        reader.subject::<Session>(self.session.0).await
    }

    fn decide(&self, state: &Self::State, _: &Context) -> Result<Decision, NoSession> {
        let subject = Subject::session(self.session);
        if state.state.user.is_none() {
            return Err(NoSession);
        }
        if state.state.ended {
            return Ok(Decision::nothing(subject));
        }
        Ok(Decision::of(
            subject,
            AuthEvent::SessionEnded { reason: self.reason },
        ))
    }
}

/// A password is hashed anew with today's parameters, while it is at hand.
#[derive(Clone)]
pub struct RehashPassword {
    /// The realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// The credential that was verified; if another stands by now, nothing happens.
    pub from: CredentialId,
    /// The credential of the new hash.
    pub to: CredentialId,
    /// Argon2id, as a PHC string.
    pub hash: String,
}

#[async_trait]
impl Decide for RehashPassword {
    type State = Versioned<Password>;
    type Rejection = std::convert::Infallible;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        reader.subject::<Password>(self.user.0).await
    }

    fn decide(&self, state: &Self::State, _: &Context) -> Result<Decision, Self::Rejection> {
        let subject = Subject::password(self.user);
        if state.state.credential != Some(self.from) {
            return Ok(Decision::nothing(subject));
        }
        let rehashed = UserEvent::PasswordRehashed {
            credential: self.to,
            hash: self.hash.clone().into(),
        };
        Ok(Decision::of(subject, rehashed))
    }
}

#[cfg(test)]
#[path = "decisions_tests.rs"]
mod tests;
