//! What people change of that by which they show who they are, themselves. The rules: whoever does has shown who they are in the last ten
//! minutes, with all that they have, and by something that is theirs still; the session in which they do it stands; and whatever is taken away, a
//! way to sign in remains that is worth what the realm requires.

use async_trait::async_trait;
use events::{
    auth::{Method, Session},
    credentials::RecoveryCodes,
    identity_providers::Offers,
    ids::{CredentialId, RealmId, SessionId, UserId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    realms::{Realm, Settings},
    subject::{Stream, Subject},
    users::{User, last_ending_of},
};

use crate::{
    auth::{
        flow::{
            engine::{self, Policy},
            journey::is_fresh,
            methods::{Held, federated},
        },
        sessions::refusal,
    },
    identities::unlink::UnlinkIdentity,
    passkeys::{
        remove::{Factors, RemovePasskey},
        rename::RenamePasskey,
    },
    users::{
        Rejection,
        password::{Circumstances, NewPassword, SetPassword},
        recovery_codes::NewCodes,
        totp::{Devices, RemoveTotp},
    },
};

/// What is changed.
#[derive(Clone)]
pub enum Change {
    /// Another password; all other sessions end.
    SetPassword(NewPassword),
    /// A device that shows one-time passwords goes.
    RemoveTotp(CredentialId),
    /// A passkey is called something else.
    RenamePasskey(CredentialId, String),
    /// A passkey goes.
    RemovePasskey(CredentialId),
    /// What they are known as at an identity provider goes.
    Unlink(CredentialId),
    /// New recovery codes in the place of those that there are.
    NewCodes(NewCodes),
}

/// Somebody changes that by which they show who they are.
pub struct ChangeOwn<'a> {
    /// The realm.
    pub realm: RealmId,
    /// Who.
    pub user: UserId,
    /// In which session.
    pub session: SessionId,
    /// What the realm requires.
    pub policy: &'a Policy,
    /// What.
    pub change: Change,
}

/// What [`ChangeOwn`] must know.
#[derive(Clone, Debug, Default)]
pub struct Own {
    user: User,
    held: Held,
    offers: Offers,
    session: Session,
    settings: Settings,
    realm: Realm,
}

#[async_trait]
impl Decide for ChangeOwn<'_> {
    type State = Own;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Own, KernelError> {
        Ok(Own {
            user: reader.subject::<User>(self.user.0).await?.state,
            held: Held::among_facts(reader, self.user).await?,
            offers: reader.subject::<Offers>(self.realm.0).await?.state,
            session: reader.beside::<Session>(self.realm, self.session.0).await?.state,
            settings: reader.beside::<Settings>(self.realm, self.realm.0).await?.state,
            realm: reader.beside::<Realm>(RealmId::SYSTEM, self.realm.0).await?.state,
        })
    }

    fn decide(&self, state: &Own, context: &Context) -> Result<Decision, Rejection> {
        if refusal(&state.user, context.now).is_some() {
            return Err(Rejection::NotFound);
        }
        if !self.is_proven(state, context) {
            return Err(Rejection::Unproven);
        }
        let decision = self.changed(state, context)?;
        if self.takes_away() && !suffices(self.policy, &self.after(state)) {
            return Err(Rejection::LastWay);
        }
        Ok(decision)
    }
}

/// Whether who has these can sign in with all that is required, and need not enrol anything first.
fn suffices(policy: &Policy, held: &Held) -> bool {
    let verified = held
        .passkeys
        .passkeys
        .iter()
        .any(|passkey| passkey.authenticator.user_verified);
    engine::suffices(policy, &held.methods(), verified)
}

impl ChangeOwn<'_> {
    /// Whether it was shown lately who they are, with all that they have, in a session that stands.
    fn is_proven(&self, state: &Own, context: &Context) -> bool {
        let session = &state.session;
        let stands = session.user == Some(self.user)
            && session.is_alive(context.now, state.settings.session.idle_seconds)
            && !session.outlived_by(last_ending_of(&state.user, &state.held.password, self.session));
        let proofs = state.held.theirs(&session.proofs);
        let proofs = federated::still_counting(&proofs, &state.held, &state.offers, None);
        stands && is_fresh(&proofs, context.now) && state.held.entitles(&proofs, &self.policy.second)
    }

    /// What happens, by the rules of the same change made by an administrator.
    fn changed(&self, state: &Own, context: &Context) -> Result<Decision, Rejection> {
        let (realm, user, held) = (self.realm, self.user, &state.held);
        match &self.change {
            Change::SetPassword(password) => {
                let command = SetPassword {
                    realm,
                    user,
                    password: password.clone(),
                    keeps: Some(self.session),
                };
                let circumstances = Circumstances {
                    user: state.user.clone(),
                    settings: state.settings.clone(),
                    realm: state.realm.clone(),
                };
                command.decide(&circumstances, context)
            }
            Change::RemoveTotp(credential) => {
                let command = RemoveTotp {
                    realm,
                    user,
                    credential: *credential,
                };
                let devices = Devices {
                    user: state.user.clone(),
                    held: held.clone(),
                };
                command.decide(&devices, context)
            }
            Change::RenamePasskey(credential, name) => {
                let command = RenamePasskey {
                    realm,
                    user,
                    credential: *credential,
                    name: name.clone(),
                };
                command.decide(&held.passkeys, context)
            }
            Change::RemovePasskey(credential) => {
                let command = RemovePasskey {
                    realm,
                    user,
                    credential: *credential,
                };
                let factors = Factors {
                    passkeys: held.passkeys.clone(),
                    totp: held.totp.clone(),
                    codes: held.recovery_codes.clone(),
                };
                command.decide(&factors, context)
            }
            Change::Unlink(credential) => {
                let command = UnlinkIdentity {
                    realm,
                    user,
                    credential: *credential,
                };
                command.decide(&held.identities, context)
            }
            Change::NewCodes(codes) => {
                if !may_have_codes(self.policy, held) {
                    return Err(Rejection::NotFound);
                }
                Ok(Decision::of(Subject::recovery_codes(user), codes.event()))
            }
        }
    }

    const fn takes_away(&self) -> bool {
        match self.change {
            Change::RemoveTotp(_) | Change::RemovePasskey(_) | Change::Unlink(_) => true,
            Change::SetPassword(_) | Change::RenamePasskey(..) | Change::NewCodes(_) => false,
        }
    }

    /// What they have after it that lets them sign in here: what an identity provider says only does while the realm takes it.
    fn after(&self, state: &Own) -> Held {
        let (mut held, offers) = (state.held.clone(), &state.offers);
        let identities = &mut held.identities.identities;
        identities.retain(|identity| federated::is_taken(identity, offers, None));
        match &self.change {
            Change::RemoveTotp(gone) => held.totp.devices.retain(|device| device.credential != *gone),
            Change::RemovePasskey(gone) => held
                .passkeys
                .passkeys
                .retain(|passkey| passkey.credential != *gone),
            Change::Unlink(gone) => held
                .identities
                .identities
                .retain(|identity| identity.credential != *gone),
            Change::SetPassword(_) | Change::RenamePasskey(..) | Change::NewCodes(_) => {}
        }
        // They go with the last second factor.
        if held.totp.devices.is_empty() && held.passkeys.passkeys.is_empty() {
            held.recovery_codes = RecoveryCodes::default();
        }
        held
    }
}

/// Whether there is anything that recovery codes stand in for, and the realm counts them.
pub fn may_have_codes(policy: &Policy, held: &Held) -> bool {
    let has_factor = !held.totp.devices.is_empty() || !held.passkeys.passkeys.is_empty();
    has_factor && policy.second.contains(&Method::RecoveryCode)
}

#[cfg(test)]
#[path = "own_tests.rs"]
mod tests;
