//! The decisions that a letter leads to. The rule: each uses its letter up in its own append, and counts only if the letter is for what is so
//! now: this user, this address, this change.

use async_trait::async_trait;
use events::{
    clock::Timestamp,
    ids::{RealmId, UserId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    letters::LetterKind,
    passkeys::Passkeys,
    realms::Settings,
    sealing::Sealed,
    subject::{Stream, Subject},
    users::{
        Password, User, UserEvent,
        email_change::{EmailChange, EmailChangeEvent, End},
        login_name,
    },
};
use uuid::Uuid;

use crate::{
    auth::sessions::refusal,
    letters::proof::Proof,
    users::{
        Rejection,
        password::{Circumstances, NewPassword},
        profile::{ChangeProfile, ProfilePatch},
        register::RegisterUser,
        rules,
    },
};

/// The letter is for the address that the user has.
fn is_of_address(user: &User, proof: &Proof) -> bool {
    let has = user.profile.email.is_some();
    has && proof.request.address.is_some() && user.address.map(|(fact, _)| fact) == proof.request.address
}

/// The address of a user was shown to be theirs.
#[derive(Clone, Debug)]
pub struct VerifyEmail {
    /// The realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// By which letter.
    pub proof: Proof,
}

#[async_trait]
impl Decide for VerifyEmail {
    type State = User;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<User, KernelError> {
        Ok(reader.subject::<User>(self.user.0).await?.state)
    }

    fn decide(&self, user: &User, context: &Context) -> Result<Decision, Rejection> {
        if refusal(user, context.now).is_some() || !is_of_address(user, &self.proof) {
            return Err(Rejection::NotFound);
        }
        let subject = Subject::user(self.user);
        if user.profile.email_verified {
            return Ok(Decision::nothing(subject));
        }
        Ok(Decision::of(subject, UserEvent::EmailVerified {}).claiming(self.proof.spend()))
    }
}

/// A password is set by a letter: another in place of one that was forgotten, or the first of who was invited.
#[derive(Clone, Debug)]
pub struct SetPasswordByLetter {
    /// The realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// By which letter.
    pub proof: Proof,
    /// Which.
    pub password: NewPassword,
}

/// What [`SetPasswordByLetter`] must know.
#[derive(Clone, Debug, Default)]
pub struct Account {
    circumstances: Circumstances,
    password: Password,
    passkeys: Passkeys,
}

#[async_trait]
impl Decide for SetPasswordByLetter {
    type State = Account;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Account, KernelError> {
        Ok(Account {
            password: reader.subject::<Password>(self.user.0).await?.state,
            passkeys: reader.subject::<Passkeys>(self.user.0).await?.state,
            circumstances: Circumstances::load(reader, self.realm, self.user).await?,
        })
    }

    fn decide(&self, state: &Account, context: &Context) -> Result<Decision, Rejection> {
        let Circumstances {
            user,
            settings,
            realm,
        } = &state.circumstances;
        let has_password = state.password.credential.is_some();
        let may = match self.proof.request.kind {
            LetterKind::PasswordRecovery => {
                settings.mail.recovery && (has_password || state.passkeys.passkeys.is_empty())
            }
            LetterKind::Invitation => !has_password && state.passkeys.passkeys.is_empty(),
            _ => false,
        };
        if !may || refusal(user, context.now).is_some() || !is_of_address(user, &self.proof) {
            return Err(Rejection::NotFound);
        }
        self.password.judge(settings, &user.profile, &realm.name)?;
        let mut decision = Decision::of(Subject::password(self.user), self.password.event(None));
        if !user.profile.email_verified {
            decision = decision.and(Subject::user(self.user), UserEvent::EmailVerified {});
        }
        Ok(decision.claiming(self.proof.spend()))
    }
}

/// Whether an address may be registered with by whoever has it.
pub fn may_register(settings: &Settings, email: &str) -> bool {
    let registration = &settings.registration;
    let name = login_name(email);
    let domain = name
        .rsplit_once('@')
        .map(|(_, domain)| domain)
        .unwrap_or_default();
    let domains = &registration.email_domains;
    registration.self_registration
        && rules::is_email(email)
        && (domains.is_empty() || domains.iter().any(|allowed| allowed == domain))
}

/// Somebody registers themselves with an address that they have shown to be theirs.
#[derive(Clone, Debug)]
pub struct RegisterByLetter {
    /// Who they will be.
    pub user: RegisterUser,
    /// By which letter.
    pub proof: Proof,
}

#[async_trait]
impl Decide for RegisterByLetter {
    type State = Circumstances;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        self.user.stream()
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Circumstances, KernelError> {
        self.user.load(reader).await
    }

    fn decide(&self, state: &Circumstances, context: &Context) -> Result<Decision, Rejection> {
        let email = self.user.profile.email.as_deref().unwrap_or_default();
        let is_theirs = self.proof.request.kind == LetterKind::Registration
            && self.proof.request.user.is_none()
            && self.proof.request.to.as_deref() == Some(email);
        if !is_theirs || !may_register(&state.settings, email) {
            return Err(Rejection::NotFound);
        }
        let decision = self.user.decide(state, context)?;
        Ok(decision.claiming(self.proof.spend()))
    }
}

/// Somebody who is signed in wants another address.
#[derive(Clone, Debug)]
pub struct RequestEmailChange {
    /// The realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// Which change it is.
    pub change: Uuid,
    /// The address.
    pub email: String,
    /// When it is over.
    pub expires: Timestamp,
}

#[async_trait]
impl Decide for RequestEmailChange {
    type State = User;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<User, KernelError> {
        reader.subject::<EmailChange>(self.user.0).await?;
        Ok(reader.subject::<User>(self.user.0).await?.state)
    }

    fn decide(&self, user: &User, context: &Context) -> Result<Decision, Rejection> {
        if refusal(user, context.now).is_some() {
            return Err(Rejection::NotFound);
        }
        let is_another = user.profile.email.as_deref() != Some(&*self.email);
        if !rules::is_email(&self.email) || !is_another {
            return Err(crate::Faults::of("email", "must be another e-mail address").into());
        }
        let requested = EmailChangeEvent::Requested {
            change: self.change,
            email: Sealed::Known(self.email.clone()),
            before: user.profile.email.is_some() && user.profile.email_verified,
            expires: self.expires,
        };
        Ok(Decision::of(Subject::email_change(self.user), requested))
    }
}

/// An end of a change says so; with the last one the address is the user's.
#[derive(Clone, Debug)]
pub struct ConfirmEmailChange {
    /// The realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// By which letter, which went to that end.
    pub proof: Proof,
}

#[async_trait]
impl Decide for ConfirmEmailChange {
    type State = (EmailChange, User, Settings);
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        Ok((
            reader.subject::<EmailChange>(self.user.0).await?.state,
            reader.subject::<User>(self.user.0).await?.state,
            reader.beside::<Settings>(self.realm, self.realm.0).await?.state,
        ))
    }

    fn decide(
        &self,
        (change, user, settings): &Self::State,
        context: &Context,
    ) -> Result<Decision, Rejection> {
        let end = match self.proof.request.kind {
            LetterKind::EmailChange => End::New,
            LetterKind::EmailChangeBefore if is_of_address(user, &self.proof) => End::Before,
            _ => return Err(Rejection::NotFound),
        };
        let waits = change.waits(context.now);
        let ours = waits.filter(|pending| {
            Some(pending.change) == self.proof.request.about && pending.awaits.contains(&end)
        });
        let ours = ours.filter(|_| refusal(user, context.now).is_none());
        let Some((pending, email)) = ours.and_then(|pending| Some((pending, pending.email.clone()?))) else {
            return Err(Rejection::NotFound);
        };
        let (subject, change) = (Subject::email_change(self.user), pending.change);
        let confirmed = EmailChangeEvent::Confirmed { change, end };
        let mut decision = Decision::of(subject, confirmed).claiming(self.proof.spend());
        if pending.awaits == [end] {
            let patch = ProfilePatch {
                email: Some(Some(email)),
                email_verified: Some(true),
                ..ProfilePatch::default()
            };
            let command = ChangeProfile {
                realm: self.realm,
                user: self.user,
                patch,
            };
            let changed = command.decide(&(user.clone(), settings.clone()), context)?;
            decision = decision.and(subject, EmailChangeEvent::Completed { change });
            decision.events.extend(changed.events);
            decision.claims.extend(changed.claims);
        }
        Ok(decision)
    }
}

#[cfg(test)]
#[path = "decisions_tests.rs"]
mod tests;
