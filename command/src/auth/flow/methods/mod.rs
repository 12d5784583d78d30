//! The methods by which people show who they are, each in a file of its own.
//!
//! # Adding an authentication method
//! 1. Add its row to `methods!` in `events/src/auth/methods.rs`: stored name, factor, `amr` (RFC 8176), where in a sign-in it may
//!    stand. If it has a credential, tell of that in `events/src/credentials.rs`, fold it there, and add it to [`Held`]: the
//!    compiler asks for it.
//! 2. Implement [`Authenticator`] for it here: what the user has of it, which field carries an answer, how an answer is
//!    judged. What may count once only goes into [`Proven::spends`]; it is spent in the append that starts or elevates the session.
//! 3. Register it in [`ALL`]. From then on the engine offers it, guards it, binds it and tells of it.
//! 4. Give it a page: a variant of [`Challenge`], its template, and a line in `every_page` of `pages/tests.rs`.
//!
//! The rules that the caller keeps for every method: the step is one that the engine allows now; the attempt was admitted by the account's
//! guard and is in the log before [`Authenticator::judge`] sees the answer; a user that there is not is judged like one
//! that there is (by the nil id, which has nothing), with the same work.

pub mod email;
pub mod federated;
pub mod passkey;
mod password;
pub mod recovery_code;
pub mod sent;
pub mod sms;
pub mod totp;

use async_trait::async_trait;
use events::{
    auth::{Assurance, LoginFailure, Method, Proof},
    clock::Timestamp,
    credentials::{RecoveryCodes, Totp},
    identities::Identities,
    identity_providers::Offers,
    ids::{ApplicationId, CredentialId, EventId, RealmId, UserId},
    kernel::{Kernel, KernelError, Reader},
    log::ClaimKind,
    passkeys::Passkeys,
    realms::Settings,
    users::{Password, User},
};
use passwords::HashError;
use serde::{Deserialize, Serialize};
use web::{Edge, RealmRef, form::Form};

use self::{passkey::Ceremony, sent::Sent};
use super::guard::Admitted;
use crate::{
    Commands,
    auth::{federation::answer::Asserted, visit::Visit},
};

/// All methods, in the order of [`Method::ALL`].
pub const ALL: &[&dyn Authenticator] = &[
    &password::PasswordAuthenticator,
    &passkey::PasskeyAuthenticator,
    &email::EmailAuthenticator,
    &totp::TotpAuthenticator,
    &sms::SmsAuthenticator,
    &recovery_code::RecoveryCodeAuthenticator,
    &federated::FederatedAuthenticator,
];

/// Where people sign in.
pub struct Place<'a> {
    /// The HTTP edge.
    pub edge: &'a Edge,
    /// The realm.
    pub realm: &'a RealmRef,
    /// Its settings.
    pub settings: &'a Settings,
    /// The identity providers that it offers.
    pub offers: &'a Offers,
    /// The application that asked for it, if one did.
    pub application: Option<ApplicationId>,
}

/// The methods that there are in a place.
pub fn available(place: &Place<'_>) -> Vec<Method> {
    let there = ALL
        .iter()
        .filter(|authenticator| authenticator.is_available(place));
    there.map(|authenticator| authenticator.method()).collect()
}

/// Those that can be enrolled on the way, in the order in which they are offered: what works without a script comes first.
pub const ENROLLABLE: &[Method] = &[Method::Totp, Method::Passkey];

/// The authenticator of a method.
pub fn of(method: Method) -> Option<&'static dyn Authenticator> {
    ALL.iter().find(|one| one.method() == method).copied()
}

/// Something that is used up by what it leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    /// What it makes once.
    pub kind: ClaimKind,
    /// Which.
    pub value: String,
    /// When it would be invalid by itself.
    pub invalid: Timestamp,
}

/// What was proven, with what it uses up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// What.
    pub proof: Proof,
    /// What it uses up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spends: Vec<Spend>,
}

/// What is known about who answers.
pub struct Asking<'a> {
    /// The request.
    pub visit: &'a Visit,
    /// The hashing threads, and what else the command side shares.
    pub commands: &'a Commands,
    /// Who they say they are; nobody has the nil id.
    pub user: UserId,
    /// Why they may not sign in whatever they show, if that is so.
    pub refused: Option<LoginFailure>,
    /// What they have.
    pub held: &'a Held,
    /// What a passkey was asked to sign, if one was asked for.
    pub ceremony: Option<&'a Ceremony>,
    /// What was mailed, if anything was.
    pub mailed: Option<Sent>,
    /// What was sent to their phone, if anything was.
    pub texted: Option<Sent>,
    /// What an identity provider says, if this request is its answer.
    pub asserted: Option<&'a Asserted>,
}

/// An answer was right.
#[derive(Clone, Debug, Default)]
pub struct Proven {
    /// With which credential.
    pub credential: Option<CredentialId>,
    /// Whether the authenticator verified its user itself.
    pub user_verified: bool,
    /// Whether it is known to be hardware that does not give its key away.
    pub hardware: bool,
    /// When it was proven, if that was not just now.
    pub at: Option<Timestamp>,
    /// What it uses up.
    pub spends: Vec<Spend>,
}

/// What became of an answer.
#[derive(Clone, Debug)]
pub enum Judged {
    /// It is right.
    Proven(Proven),
    /// It is not; why is for the record alone.
    Wrong(LoginFailure),
}

/// Why an answer could not be judged.
#[derive(Debug)]
pub enum NotJudged {
    /// There is no room for it.
    Busy {
        /// When to try again.
        seconds: u64,
    },
    /// It could not be hashed.
    Hash(HashError),
    /// The log or the keys could not be asked.
    Kernel(KernelError),
}

impl From<KernelError> for NotJudged {
    fn from(error: KernelError) -> Self {
        Self::Kernel(error)
    }
}

/// Room that was kept for judging an answer.
#[derive(Debug, Default)]
pub struct Room(Option<passwords::Place>);

/// Which page asks for a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// A password.
    Password,
    /// A passkey.
    Passkey,
    /// A code that was mailed.
    Email,
    /// A code of a device.
    Totp,
    /// A code that was written down.
    RecoveryCode,
    /// A code that was sent to a phone.
    Sms,
    /// A choice of identity providers.
    Federated,
}

/// A way of showing who one is.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Which.
    fn method(&self) -> Method;

    /// The page that asks for it.
    fn challenge(&self) -> Challenge;

    /// The field of a form that carries an answer to it; one that is empty is no answer.
    fn field(&self) -> &'static str;

    /// Whether people sign in by it there.
    fn is_available(&self, place: &Place<'_>) -> bool {
        let _ = place;
        true
    }

    /// Whether somebody has it.
    fn is_held(&self, held: &Held) -> bool;

    /// The fact that set it, for the guard: what is set anew has attempts of its own.
    fn since(&self, held: &Held) -> u64;

    /// Keeps room for judging an answer, where that is dear; an attempt is told to the log only then.
    fn room(&self, commands: &Commands) -> Result<Room, NotJudged> {
        let _ = commands;
        Ok(Room::default())
    }

    /// Judges an answer.
    async fn judge(
        &self,
        asking: &Asking<'_>,
        answer: &Form,
        room: Room,
        admitted: Admitted,
    ) -> Result<Judged, NotJudged>;

    /// What follows in the other lane once the session stands that the proof led to.
    async fn follow(&self, visit: &Visit, user: UserId, shown: &Shown) -> Result<(), KernelError> {
        let _ = (visit, user, shown);
        Ok(())
    }
}

/// What a user has to show who they are.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// Their password.
    pub password: Password,
    /// Their devices that show one-time passwords.
    pub totp: Totp,
    /// Their recovery codes.
    pub recovery_codes: RecoveryCodes,
    /// Their passkeys.
    pub passkeys: Passkeys,
    /// The fact that gave them an e-mail address that was shown to be theirs: its id, and its seq.
    pub email: Option<(EventId, u64)>,
    /// The fact that gave them a phone number that was shown to be theirs: its id, and its seq.
    pub phone: Option<(EventId, u64)>,
    /// What they are known as at identity providers.
    pub identities: Identities,
}

/// The address of a user that counts as something by which they show who they are.
fn email_of(user: &User) -> Option<(EventId, u64)> {
    let counts = user.profile.email.is_some() && user.profile.email_verified;
    user.address.filter(|_| counts)
}

/// The number of a user that counts as something by which they show who they are.
fn phone_of(user: &User) -> Option<(EventId, u64)> {
    let counts = user.profile.phone.is_some() && user.profile.phone_verified;
    user.number.filter(|_| counts)
}

impl Held {
    /// What they have, at most a second ago.
    pub async fn current(kernel: &Kernel, realm: RealmId, user: UserId) -> Result<Self, KernelError> {
        let about: User = kernel.current(realm, user.0).await?.state;
        Ok(Self {
            password: kernel.current(realm, user.0).await?.state,
            totp: kernel.current(realm, user.0).await?.state,
            recovery_codes: kernel.current(realm, user.0).await?.state,
            passkeys: kernel.current(realm, user.0).await?.state,
            email: email_of(&about),
            phone: phone_of(&about),
            identities: kernel.current(realm, user.0).await?.state,
        })
    }

    /// The same for a decision on a session, in the other lane.
    pub async fn beside(reader: &Reader<'_>, realm: RealmId, user: UserId) -> Result<Self, KernelError> {
        let about: User = reader.beside(realm, user.0).await?.state;
        Ok(Self {
            password: reader.beside(realm, user.0).await?.state,
            totp: reader.beside(realm, user.0).await?.state,
            recovery_codes: reader.beside(realm, user.0).await?.state,
            passkeys: reader.beside(realm, user.0).await?.state,
            email: email_of(&about),
            phone: phone_of(&about),
            identities: reader.beside(realm, user.0).await?.state,
        })
    }

    /// The same for a decision on facts, which holds only while they are so.
    pub async fn among_facts(reader: &mut Reader<'_>, user: UserId) -> Result<Self, KernelError> {
        let about: User = reader.subject(user.0).await?.state;
        Ok(Self {
            password: reader.subject(user.0).await?.state,
            totp: reader.subject(user.0).await?.state,
            recovery_codes: reader.subject(user.0).await?.state,
            passkeys: reader.subject(user.0).await?.state,
            email: email_of(&about),
            phone: phone_of(&about),
            identities: reader.subject(user.0).await?.state,
        })
    }

    /// What of it was proven by what is theirs still.
    pub fn theirs(&self, proofs: &[Proof]) -> Vec<Proof> {
        let theirs = proofs
            .iter()
            .filter(|proof| self.still_has(proof) || is_untold(proof));
        theirs.copied().collect()
    }

    /// Whether who proved this may change by what they show who they are: by what of it is theirs still. Whoever has a second factor
    /// that counts (`counts`) has shown one, or as much as one.
    pub fn entitles(&self, proofs: &[Proof], counts: &[Method]) -> bool {
        let proofs = &self.theirs(proofs)[..];
        let counted = |method: &Method| method.seconds() && counts.contains(method);
        let shown = proofs.iter().any(|proof| counted(&proof.method));
        let has_one = self.methods().iter().any(counted);
        let as_much = Assurance::of(proofs) >= Some(Assurance::Aal2);
        !proofs.is_empty() && (shown || as_much || !has_one)
    }

    /// Whether what was shown is theirs still: it may have been removed or replaced since.
    pub fn still_has(&self, proof: &Proof) -> bool {
        let Some(credential) = proof.credential else {
            return false;
        };
        match proof.method {
            Method::Password => self.password.credential == Some(credential),
            Method::Totp => self.totp.device(credential).is_some(),
            Method::RecoveryCode => self.recovery_codes.credential == Some(credential),
            Method::Passkey => self.passkeys.passkey(credential).is_some(),
            Method::Email => self.email.is_some_and(|(fact, _)| fact.0 == credential.0),
            Method::Sms => self.phone.is_some_and(|(fact, _)| fact.0 == credential.0),
            Method::Federated => self.identities.identity(credential).is_some(),
        }
    }

    /// The methods that they have.
    pub fn methods(&self) -> std::collections::BTreeSet<Method> {
        let held = ALL.iter().filter(|authenticator| authenticator.is_held(self));
        held.map(|authenticator| authenticator.method()).collect()
    }
}

/// What sessions showed that began before credentials were told of; they end with the password.
fn is_untold(proof: &Proof) -> bool {
    proof.credential.is_none() && proof.method == Method::Password
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_registered_once_and_in_order() {
        let all: Vec<_> = ALL.iter().map(|authenticator| authenticator.method()).collect();
        assert_eq!(all, Method::ALL);
        for method in Method::ALL {
            assert_eq!(of(*method).map(Authenticator::method), Some(*method));
        }
        assert!(ENROLLABLE.iter().all(|method| method.seconds()));
    }

    #[test]
    fn who_has_nothing_shows_nothing() {
        assert!(Held::default().methods().is_empty());
        for method in Method::ALL {
            let proof = |credential| Proof {
                method: *method,
                at: Timestamp::from_seconds(1),
                credential,
                user_verified: false,
                hardware: false,
            };
            assert!(!Held::default().still_has(&proof(None)));
            let some = CredentialId(uuid::Uuid::from_u128(1));
            assert!(!Held::default().still_has(&proof(Some(some))));
        }
    }
}
