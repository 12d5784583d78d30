//! The decisions on sessions: start, elevate, continue, end; and the password that was shown, hashed anew. The rule: a
//! sign-in uses up its form and whatever it showed that counts once, ends the session that the browser held, and
//! counts only if the user and what they showed are what they were when it was judged; all of it in one append.

use async_trait::async_trait;
use events::{
    auth::{AuthEvent, EndReason, LoginFailure, Proof, Session, SignInGuard, amr},
    clock::Timestamp,
    devices::{DeviceEvent, Devices},
    fold::Versioned,
    ids::{ApplicationId, CredentialId, DeviceId, RealmId, SessionId, UserId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Reader},
    log::ClaimKind,
    realms::Settings,
    sealing::Sealed,
    subject::{Stream, Subject},
    users::{Password, User, UserEvent, last_ending, last_ending_of},
};
use uuid::Uuid;
use web::{Code, Problem};

use crate::auth::{
    flow::methods::{Held, Shown},
    session_cookie::HeldSession,
};

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
    /// The application that asked for it, if one did.
    pub client: Option<ApplicationId>,
    /// What they showed; it must be theirs still.
    pub shown: Vec<Shown>,
    /// When the session ends however it is used.
    pub expires: Timestamp,
    /// The form that was used, and when it would be invalid by itself.
    pub flow: (Uuid, Timestamp),
    /// The session that the browser held.
    pub replaces: Option<HeldSession>,
    /// The guard of the account.
    pub guard: Uuid,
    /// The device that it begins on.
    pub device: SeenOn,
}

/// A device that somebody signs in on.
#[derive(Clone, Debug)]
pub struct SeenOn {
    /// Which; a new id if it was not known as one of theirs.
    pub id: DeviceId,
    /// Its browser and system, in words.
    pub agent: String,
}

/// How long what a session gave to applications can go on when the session is over, in seconds: the most that settings allow, five years.
const LONGEST_GRANT: u64 = 5 * 366 * 86_400;

/// What [`StartSession`] must know.
#[derive(Clone, Debug, Default)]
pub struct Entering {
    new: Versioned<Session>,
    old: Versioned<Session>,
    guard: Versioned<SignInGuard>,
    devices: Versioned<Devices>,
    user: User,
    held: Held,
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
            Some(old) => reader.subject::<Session>(old.id.0).await?,
            None => Versioned::default(),
        };
        Ok(Entering {
            devices: reader.subject::<Devices>(self.user.0).await?,
            new,
            old,
            guard: reader.subject::<SignInGuard>(self.guard).await?,
            user: reader.beside::<User>(self.realm, self.user.0).await?.state,
            held: Held::beside(reader, self.realm, self.user).await?,
            settings: reader.beside::<Settings>(self.realm, self.realm.0).await?.state,
        })
    }

    fn decide(&self, state: &Entering, context: &Context) -> Result<Decision, LoginFailure> {
        // It took a moment to show all of it; what holds is what is so now.
        refusal(&state.user, context.now).map_or(Ok(()), Err)?;
        if state.new.state.user.is_some() {
            return Err(LoginFailure::Replaced);
        }
        let proofs = still_shown(&self.shown, &state.held)?;
        if proofs.is_empty() || state.devices.state.revoked.contains(&self.device.id) {
            return Err(LoginFailure::Replaced);
        }
        let started = AuthEvent::SessionStarted {
            user: self.user,
            client: self.client,
            amr: amr(&proofs),
            expires: self.expires,
            last_ending: last_ending(&state.user, &state.held.password),
            proofs,
        };
        let decision = Decision::of(Subject::session(self.session), started);
        let mut decision = decision.and(Subject::devices(self.user), self.seen(&state.devices.state));
        // One that merely ran out is not replaced: what it gave for offline access goes on.
        let idle_seconds = state.settings.session.idle_seconds;
        if let Some(old) = self.replaces
            && state.old.state.elevations == old.elevations
            && state.old.state.is_alive(context.now, idle_seconds)
        {
            let ended = AuthEvent::SessionEnded {
                reason: EndReason::Replaced,
            };
            decision = decision.and(Subject::session(old.id), ended);
        }
        let decision = clear(decision, self.guard, &state.guard.state, &self.shown);
        Ok(spend(decision, &self.shown, self.flow, self.session))
    }
}

impl StartSession {
    /// That they were seen on their device.
    fn seen(&self, devices: &Devices) -> DeviceEvent {
        let (user, session, device) = (self.user, self.session, self.device.id);
        let expires = self.expires.after_seconds(LONGEST_GRANT);
        let agent = Sealed::Known(self.device.agent.clone());
        if devices.device(device).is_some() {
            DeviceEvent::Seen {
                user,
                device,
                session,
                expires,
                agent,
            }
        } else {
            DeviceEvent::Added {
                user,
                device,
                session,
                expires,
                agent,
            }
        }
    }
}

/// What was shown, if all of it is theirs still.
fn still_shown(shown: &[Shown], held: &Held) -> Result<Vec<Proof>, LoginFailure> {
    let mut proofs = Vec::with_capacity(shown.len());
    for Shown { proof, .. } in shown {
        if !held.still_has(proof) {
            return Err(LoginFailure::Replaced);
        }
        proofs.push(*proof);
    }
    Ok(proofs)
}

/// The attempts before count no more.
fn clear(decision: Decision, id: Uuid, guard: &SignInGuard, shown: &[Shown]) -> Decision {
    if guard.attempts == 0 {
        return decision;
    }
    let methods = shown.iter().map(|shown| shown.proof.method).collect();
    decision.and(Subject::sign_in_guard(id), AuthEvent::GuardCleared { methods })
}

/// The form is used up, and whatever was shown that counts once.
fn spend(decision: Decision, shown: &[Shown], flow: (Uuid, Timestamp), session: SessionId) -> Decision {
    let (flow, invalid) = flow;
    let form = Claim::Spend {
        kind: ClaimKind::Flow,
        value: flow.to_string(),
        holder: session.0,
        invalid,
    };
    let spends = shown.iter().flat_map(|shown| &shown.spends);
    spends.fold(decision.claiming(form), |decision, spend| {
        decision.claiming(Claim::Spend {
            kind: spend.kind,
            value: spend.value.clone(),
            holder: session.0,
            invalid: spend.invalid,
        })
    })
}

/// More was shown in a session: it goes on under another cookie.
#[derive(Clone, Debug)]
pub struct ElevateSession {
    /// The realm.
    pub realm: RealmId,
    /// Which.
    pub session: SessionId,
    /// Whose it must be.
    pub user: UserId,
    /// The application that asked for it, if one did.
    pub client: Option<ApplicationId>,
    /// What was shown besides what the session has; it must be theirs still.
    pub shown: Vec<Shown>,
    /// The form that was used, and when it would be invalid by itself.
    pub flow: (Uuid, Timestamp),
    /// The guard of the account.
    pub guard: Uuid,
}

#[async_trait]
impl Decide for ElevateSession {
    type State = Entering;
    type Rejection = LoginFailure;

    fn stream(&self) -> Stream {
        Stream::activity(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Entering, KernelError> {
        Ok(Entering {
            old: reader.subject::<Session>(self.session.0).await?,
            guard: reader.subject::<SignInGuard>(self.guard).await?,
            user: reader.beside::<User>(self.realm, self.user.0).await?.state,
            held: Held::beside(reader, self.realm, self.user).await?,
            settings: reader.beside::<Settings>(self.realm, self.realm.0).await?.state,
            ..Entering::default()
        })
    }

    fn decide(&self, state: &Entering, context: &Context) -> Result<Decision, LoginFailure> {
        refusal(&state.user, context.now).map_or(Ok(()), Err)?;
        let session = &state.old.state;
        let alive = session.user == Some(self.user)
            && session.is_alive(context.now, state.settings.session.idle_seconds)
            && !session.outlived_by(last_ending_of(&state.user, &state.held.password, self.session));
        let added = still_shown(&self.shown, &state.held)?;
        if !alive || added.is_empty() {
            return Err(LoginFailure::Replaced);
        }
        let proofs = [&session.proofs[..], &added].concat();
        let elevated = AuthEvent::SessionElevated {
            client: self.client,
            amr: amr(&proofs),
            proofs,
        };
        let decision = Decision::of(Subject::session(self.session), elevated);
        let decision = clear(decision, self.guard, &state.guard.state, &self.shown);
        Ok(spend(decision, &self.shown, self.flow, self.session))
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
