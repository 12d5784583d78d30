//! Adding a passkey to a user. The rules: it is added only by who has shown all that the user has; a credential id is one user's
//! alone; what the authenticator was to sign is used up by it.

use async_trait::async_trait;
use events::{
    auth::{Method, Proof},
    clock::Timestamp,
    ids::{CredentialId, RealmId, UserId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Reader},
    log::ClaimKind,
    passkeys::{AuthenticatorTold, PasskeyEvent},
    sealing::Sealed,
    subject::{Stream, Subject},
    users::User,
};

use crate::{
    auth::{flow::methods::Held, sessions::refusal},
    users::{Rejection, recovery_codes::NewCodes},
};

/// The most passkeys of one user.
const PASSKEYS: usize = 20;

/// Adds a passkey whose authenticator signed the challenge.
#[derive(Clone)]
pub struct RegisterPasskey {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose.
    pub user: UserId,
    /// The credential that it will be, and what names its challenge; adding it twice is adding it once.
    pub credential: CredentialId,
    /// When the challenge would be invalid by itself.
    pub invalid: Timestamp,
    /// What its owner calls it.
    pub name: String,
    /// What the authenticator made.
    pub made: passkeys::Passkey,
    /// Whether its maker vouched for it.
    pub attested: bool,
    /// Recovery codes to go with it, if there are none yet.
    pub codes: Option<NewCodes>,
    /// What the user has shown.
    pub proofs: Vec<Proof>,
    /// The methods that count as a second factor.
    pub counts: Vec<Method>,
}

/// What [`RegisterPasskey`] must know.
#[derive(Clone, Debug, Default)]
pub struct Owner {
    user: User,
    held: Held,
}

#[async_trait]
impl Decide for RegisterPasskey {
    type State = Owner;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Owner, KernelError> {
        Ok(Owner {
            user: reader.subject::<User>(self.user.0).await?.state,
            held: Held::among_facts(reader, self.user).await?,
        })
    }

    fn decide(&self, state: &Owner, context: &Context) -> Result<Decision, Rejection> {
        if refusal(&state.user, context.now).is_some() {
            return Err(Rejection::NotFound);
        }
        let (passkeys, subject) = (&state.held.passkeys, Subject::passkeys(self.user));
        if passkeys.passkey(self.credential).is_some() {
            return Ok(Decision::nothing(subject));
        }
        if passkeys.removed.contains(&self.credential) || !state.held.entitles(&self.proofs, &self.counts) {
            return Err(Rejection::Unproven);
        }
        if passkeys.of_credential_id(&self.made.id).is_some() {
            return Err(Rejection::PasskeyTaken);
        }
        if passkeys.passkeys.len() >= PASSKEYS {
            return Err(Rejection::TooManyDevices);
        }
        let made = &self.made;
        let registered = PasskeyEvent::Registered {
            credential: self.credential,
            name: Sealed::Known(self.name.clone()),
            credential_id: Sealed::Known(made.id.clone()),
            public_key: Sealed::Known(made.public_key.clone()),
            authenticator: AuthenticatorTold {
                aaguid: made.aaguid,
                attested: self.attested,
                counter: made.counter,
                user_verified: made.user_verified,
                backup_eligible: made.backup_eligible,
                backed_up: made.backed_up,
                transports: made.transports.clone(),
            },
        };
        let decision = Decision::of(subject, registered)
            .claiming(Claim::Hold {
                kind: ClaimKind::PasskeyId,
                value: made.id.clone(),
                holder: self.user.0,
            })
            .claiming(Claim::Spend {
                kind: ClaimKind::PasskeyChallenge,
                value: self.credential.to_string(),
                holder: self.user.0,
                invalid: self.invalid,
            });
        Ok(match &self.codes {
            Some(codes) => decision.and(Subject::recovery_codes(self.user), codes.event()),
            None => decision,
        })
    }
}

#[cfg(test)]
mod tests {
    use events::{
        auth::LoginFailure,
        event::Event,
        testing::{NOW, context, given},
        users::{Password, Profile, UserEvent},
    };
    use uuid::Uuid;

    use super::*;

    const ACME: RealmId = RealmId(Uuid::from_u128(7));
    const ALICE: UserId = UserId(Uuid::from_u128(9));
    const PASSWORD: CredentialId = CredentialId(Uuid::from_u128(1));
    const LAPTOP: CredentialId = CredentialId(Uuid::from_u128(2));
    const PHONE: CredentialId = CredentialId(Uuid::from_u128(3));

    fn made(id: &str) -> passkeys::Passkey {
        passkeys::Passkey {
            id: id.to_owned(),
            public_key: "pQEC".to_owned(),
            aaguid: Uuid::nil(),
            counter: 0,
            user_verified: true,
            backup_eligible: false,
            backed_up: false,
            transports: Vec::new(),
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

    fn registered(credential: CredentialId, id: &str) -> Event {
        PasskeyEvent::Registered {
            credential,
            name: "Laptop".to_owned().into(),
            credential_id: id.to_owned().into(),
            public_key: "pQEC".to_owned().into(),
            authenticator: AuthenticatorTold::default(),
        }
        .into()
    }

    fn alice(passkeys: impl IntoIterator<Item = Event>) -> Owner {
        let registered = UserEvent::Registered {
            profile: Profile::default().into(),
        };
        let set = UserEvent::PasswordSet {
            credential: PASSWORD,
            hash: "$argon2id$".to_owned().into(),
            keeps: None,
        };
        Owner {
            user: given::<User>(ALICE.0, [registered.into()]).state,
            held: Held {
                password: given::<Password>(ALICE.0, [set.into()]).state,
                passkeys: given(ALICE.0, passkeys).state,
                ..Held::default()
            },
        }
    }

    fn add(state: &Owner, id: &str, proofs: &[Proof]) -> Result<Decision, Rejection> {
        RegisterPasskey {
            realm: ACME,
            user: ALICE,
            credential: PHONE,
            invalid: NOW,
            name: "Phone".to_owned(),
            made: made(id),
            attested: false,
            codes: None,
            proofs: proofs.to_vec(),
            counts: vec![Method::Passkey, Method::Totp],
        }
        .decide(state, &context())
    }

    #[test]
    fn the_first_is_added_with_what_begins_and_another_with_a_second_factor() {
        let password = proof(Method::Password, PASSWORD);
        let decision = add(&alice([]), "BB", &[password]).unwrap();
        assert_eq!((decision.events.len(), decision.claims.len()), (1, 2));
        assert_eq!(
            decision.claims[0],
            Claim::Hold {
                kind: ClaimKind::PasskeyId,
                value: "BB".to_owned(),
                holder: ALICE.0
            }
        );
        let has_one = alice([registered(LAPTOP, "AA")]);
        assert_eq!(add(&has_one, "BB", &[password]), Err(Rejection::Unproven));
        let with_it = [proof(Method::Passkey, LAPTOP)];
        assert!(
            add(&has_one, "BB", &with_it).is_ok(),
            "a passkey is a second factor"
        );
        assert_eq!(add(&has_one, "BB", &[]), Err(Rejection::Unproven));
        let of_another = [proof(Method::Passkey, PHONE)];
        assert_eq!(add(&has_one, "BB", &of_another), Err(Rejection::Unproven));
        assert_eq!(
            add(&Owner::default(), "BB", &[password]),
            Err(Rejection::NotFound)
        );
    }

    #[test]
    fn adding_twice_is_adding_once_and_a_credential_id_is_there_once() {
        let with_it = [proof(Method::Passkey, LAPTOP)];
        let twice = alice([registered(LAPTOP, "AA"), registered(PHONE, "BB")]);
        assert!(add(&twice, "BB", &with_it).unwrap().events.is_empty());
        let has_one = alice([registered(LAPTOP, "AA")]);
        assert_eq!(add(&has_one, "AA", &with_it), Err(Rejection::PasskeyTaken));
        let gone = PasskeyEvent::Removed { credential: PHONE };
        let back = alice([registered(LAPTOP, "AA"), registered(PHONE, "BB"), gone.into()]);
        assert_eq!(
            add(&back, "BB", &with_it),
            Err(Rejection::Unproven),
            "none comes back"
        );
    }

    #[test]
    fn there_is_an_end_and_who_may_not_sign_in_adds_none() {
        let many = (10..30).map(|n| registered(CredentialId(Uuid::from_u128(n)), &n.to_string()));
        let with_it = [proof(Method::Passkey, CredentialId(Uuid::from_u128(10)))];
        assert_eq!(add(&alice(many), "BB", &with_it), Err(Rejection::TooManyDevices));
        let mut disabled = alice([]);
        disabled.user.disabled = true;
        assert_eq!(refusal(&disabled.user, NOW), Some(LoginFailure::Disabled));
        let password = proof(Method::Password, PASSWORD);
        assert_eq!(add(&disabled, "BB", &[password]), Err(Rejection::NotFound));
    }
}
