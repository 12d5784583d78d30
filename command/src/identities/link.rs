//! Linking an identity to a user, or registering a user with one. The rules: an identity is one user's of the realm, whoever asks first; to a
//! user that there is it is linked by who has shown to be that user with what they have, or by an address that both sides confirmed where the
//! realm trusts the provider with that, and never in silence otherwise.

use events::{
    auth::{Method, Proof},
    identities::{IdentityEvent, claimed_as},
    identity_providers::{EmailTrust, IdentityProvider, Linking, SignUp},
    ids::{CredentialId, IdentityProviderId, RealmId, UserId},
    kernel::{Claim, Context, Decide, Decision, KernelError, Reader},
    log::ClaimKind,
    realms::Settings,
    sealing::Sealed,
    subject::{Stream, Subject},
    users::{Profile, User, UserEvent, login_name},
};
use serde::{Deserialize, Serialize};

use super::MOST;
use crate::{
    auth::{flow::methods::Held, sessions::refusal},
    users::{
        Rejection,
        rules::{self, Touched},
    },
};

/// What a provider calls somebody.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identified {
    /// The provider through which it was shown.
    pub provider: IdentityProviderId,
    /// The provider's issuer identifier.
    pub issuer: String,
    /// The issuer's name for them.
    pub subject: String,
    /// What they are known as there; empty if it is not told.
    pub name: String,
}

impl std::fmt::Debug for Identified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identified")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

impl Identified {
    /// The value by which it is claimed.
    pub fn claimed_as(&self) -> String {
        claimed_as(&self.issuer, &self.subject)
    }

    fn event(&self, credential: CredentialId) -> IdentityEvent {
        IdentityEvent::Linked {
            credential,
            provider: self.provider,
            issuer: self.issuer.clone(),
            subject: Sealed::Known(self.subject.clone()),
            name: Sealed::Known(self.name.clone()),
        }
    }

    fn claim(&self, user: UserId) -> Claim {
        Claim::Hold {
            kind: ClaimKind::Identity,
            value: self.claimed_as(),
            holder: user.0,
        }
    }

    /// Whether this provider may say so now.
    fn is_of(&self, provider: &IdentityProvider) -> bool {
        provider.is_active() && provider.issuer == self.issuer
    }
}

/// Why an identity becomes a user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Because {
    /// The user has shown this, where these methods count as a second factor.
    Proven {
        /// What they have shown.
        proofs: Vec<Proof>,
        /// The methods that count as a second factor.
        counts: Vec<Method>,
    },
    /// The provider says that this address is theirs, and it is the user's.
    Address(String),
}

/// Links an identity to a user.
#[derive(Clone, Debug)]
pub struct LinkIdentity {
    /// The user's realm.
    pub realm: RealmId,
    /// Whose it becomes.
    pub user: UserId,
    /// The credential that it will be.
    pub credential: CredentialId,
    /// The identity.
    pub identity: Identified,
    /// Why.
    pub because: Because,
}

/// What [`LinkIdentity`] must know.
#[derive(Clone, Debug, Default)]
pub struct Owner {
    user: User,
    held: Held,
    provider: IdentityProvider,
}

#[async_trait::async_trait]
impl Decide for LinkIdentity {
    type State = Owner;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Owner, KernelError> {
        Ok(Owner {
            user: reader.subject::<User>(self.user.0).await?.state,
            held: Held::among_facts(reader, self.user).await?,
            provider: reader
                .subject::<IdentityProvider>(self.identity.provider.0)
                .await?
                .state,
        })
    }

    fn decide(&self, state: &Owner, context: &Context) -> Result<Decision, Rejection> {
        let Owner { user, held, provider } = state;
        if refusal(user, context.now).is_some() || !self.identity.is_of(provider) {
            return Err(Rejection::NotFound);
        }
        let (identities, subject) = (&held.identities, Subject::identities(self.user));
        if identities
            .of(&self.identity.issuer, &self.identity.subject)
            .is_some()
        {
            return Ok(Decision::nothing(subject));
        }
        let settings = &provider.settings;
        let may = match &self.because {
            Because::Proven { proofs, counts } => held.entitles(proofs, counts),
            Because::Address(address) => {
                let theirs = user.profile.email.as_deref().map(login_name);
                let trusted =
                    settings.linking == Linking::VerifiedEmail && settings.email_trust != EmailTrust::Never;
                trusted && user.profile.email_verified && theirs == Some(login_name(address))
            }
        };
        if !may || identities.removed.contains(&self.credential) {
            return Err(Rejection::Unproven);
        }
        if identities.identities.len() >= MOST {
            return Err(Rejection::TooManyDevices);
        }
        Ok(Decision::of(subject, self.identity.event(self.credential))
            .claiming(self.identity.claim(self.user)))
    }
}

/// Registers a user for somebody whom a provider told of.
#[derive(Clone, Debug)]
pub struct RegisterWithIdentity {
    /// The realm.
    pub realm: RealmId,
    /// The new user's id.
    pub user: UserId,
    /// What is known of the person.
    pub profile: Profile,
    /// The credential that the identity will be.
    pub credential: CredentialId,
    /// The identity.
    pub identity: Identified,
}

/// What [`RegisterWithIdentity`] must know.
#[derive(Clone, Debug, Default)]
pub struct Newcomer {
    user: User,
    provider: IdentityProvider,
    settings: Settings,
}

#[async_trait::async_trait]
impl Decide for RegisterWithIdentity {
    type State = Newcomer;
    type Rejection = Rejection;

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Newcomer, KernelError> {
        reader
            .subject::<events::identities::Identities>(self.user.0)
            .await?;
        Ok(Newcomer {
            user: reader.subject::<User>(self.user.0).await?.state,
            provider: reader
                .subject::<IdentityProvider>(self.identity.provider.0)
                .await?
                .state,
            settings: reader.beside::<Settings>(self.realm, self.realm.0).await?.state,
        })
    }

    fn decide(&self, state: &Newcomer, _: &Context) -> Result<Decision, Rejection> {
        if state.user.exists {
            return Err(Rejection::Exists);
        }
        let provider = &state.provider;
        if !self.identity.is_of(provider) || provider.settings.sign_up != SignUp::Create {
            return Err(Rejection::NotFound);
        }
        rules::check(&self.profile, &state.settings.registration, Touched::ALL)?;
        let registered = UserEvent::Registered {
            profile: self.profile.clone().into(),
        };
        let decision = Decision::of(Subject::user(self.user), registered)
            .and(
                Subject::identities(self.user),
                self.identity.event(self.credential),
            )
            .claiming(self.identity.claim(self.user));
        let names = self.profile.login_names().into_iter();
        Ok(names.fold(decision, |decision, value| {
            decision.claiming(Claim::Hold {
                kind: ClaimKind::LoginName,
                value,
                holder: self.user.0,
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use events::{
        event::Event,
        identity_providers::{IdentityProviderEvent, IdentityProviderSettings},
        testing::{NOW, context, given},
        users::Password,
    };
    use uuid::Uuid;

    use super::*;

    const REALM: RealmId = RealmId(Uuid::from_u128(7));
    const ALICE: UserId = UserId(Uuid::from_u128(9));
    const PASSWORD: CredentialId = CredentialId(Uuid::from_u128(1));
    const NEW: CredentialId = CredentialId(Uuid::from_u128(2));
    const ADDRESS: &str = "alice@example.org";

    fn identity() -> Identified {
        Identified {
            provider: IdentityProviderId(Uuid::from_u128(5)),
            issuer: "https://id.example".to_owned(),
            subject: "24".to_owned(),
            name: ADDRESS.to_owned(),
        }
    }

    fn provider(settings: IdentityProviderSettings, more: &[Event]) -> IdentityProvider {
        let registered = IdentityProviderEvent::Registered {
            alias: "acme".to_owned(),
            issuer: "https://id.example".to_owned(),
            settings: Box::new(settings),
        };
        given(
            Uuid::from_u128(5),
            [registered.into()].into_iter().chain(more.iter().cloned()),
        )
        .state
    }

    fn trusting() -> IdentityProviderSettings {
        IdentityProviderSettings {
            linking: Linking::VerifiedEmail,
            sign_up: SignUp::Create,
            ..IdentityProviderSettings::default()
        }
    }

    fn alice(confirmed: bool, settings: IdentityProviderSettings) -> Owner {
        let profile = Profile {
            email: Some("Alice@Example.org".to_owned()),
            email_verified: confirmed,
            ..Profile::default()
        };
        let registered = UserEvent::Registered {
            profile: profile.into(),
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
                ..Held::default()
            },
            provider: provider(settings, &[]),
        }
    }

    fn link(state: &Owner, because: Because) -> Result<Decision, Rejection> {
        LinkIdentity {
            realm: REALM,
            user: ALICE,
            credential: NEW,
            identity: identity(),
            because,
        }
        .decide(state, &context())
    }

    fn proven(credentials: &[CredentialId]) -> Because {
        let proof = |credential: &CredentialId| Proof {
            method: Method::Password,
            at: NOW,
            credential: Some(*credential),
            user_verified: false,
            hardware: false,
        };
        Because::Proven {
            proofs: credentials.iter().map(proof).collect(),
            counts: Vec::new(),
        }
    }

    #[test]
    fn who_shows_to_be_the_user_links() {
        let state = alice(false, IdentityProviderSettings::default());
        let decision = link(&state, proven(&[PASSWORD])).unwrap();
        let held = Claim::Hold {
            kind: ClaimKind::Identity,
            value: "https://id.example 24".to_owned(),
            holder: ALICE.0,
        };
        assert_eq!((decision.events.len(), decision.claims), (1, vec![held]));
        assert_eq!(link(&state, proven(&[])), Err(Rejection::Unproven));
        assert_eq!(link(&state, proven(&[NEW])), Err(Rejection::Unproven));
        let mut twice = state.clone();
        let linked = identity().event(NEW);
        twice.held.identities = given(ALICE.0, [linked.into()]).state;
        assert!(link(&twice, proven(&[PASSWORD])).unwrap().events.is_empty());
    }

    #[test]
    fn an_address_links_only_where_both_sides_confirmed_it_and_the_realm_trusts_it() {
        let address = || Because::Address(ADDRESS.to_owned());
        assert!(link(&alice(true, trusting()), address()).is_ok());
        let unproven = Err(Rejection::Unproven);
        assert_eq!(link(&alice(false, trusting()), address()), unproven);
        let cautious = IdentityProviderSettings {
            linking: Linking::Prove,
            ..trusting()
        };
        assert_eq!(link(&alice(true, cautious), address()), unproven);
        let other = Because::Address("bob@example.org".to_owned());
        assert_eq!(link(&alice(true, trusting()), other), unproven);
    }

    #[test]
    fn a_provider_that_is_not_taken_links_nothing_and_registers_nobody() {
        let mut state = alice(true, trusting());
        state.provider = provider(trusting(), &[IdentityProviderEvent::Disabled {}.into()]);
        assert_eq!(link(&state, proven(&[PASSWORD])), Err(Rejection::NotFound));
        state.provider = IdentityProvider::default();
        assert_eq!(link(&state, proven(&[PASSWORD])), Err(Rejection::NotFound));
        let mut locked = alice(true, trusting());
        locked.user.disabled = true;
        assert_eq!(link(&locked, proven(&[PASSWORD])), Err(Rejection::NotFound));
    }

    fn register(settings: IdentityProviderSettings, email: Option<&str>) -> Result<Decision, Rejection> {
        RegisterWithIdentity {
            realm: REALM,
            user: ALICE,
            profile: Profile {
                email: email.map(str::to_owned),
                email_verified: email.is_some(),
                ..Profile::default()
            },
            credential: NEW,
            identity: identity(),
        }
        .decide(
            &Newcomer {
                provider: provider(settings, &[]),
                ..Newcomer::default()
            },
            &context(),
        )
    }

    #[test]
    fn a_user_is_registered_with_the_identity_where_the_realm_lets_strangers_in() {
        let decision = register(trusting(), Some(ADDRESS)).unwrap();
        let names: Vec<_> = decision.events.iter().map(|(_, event)| event.name()).collect();
        assert_eq!(names, ["user.registered", "identity.linked"]);
        assert_eq!(decision.claims.len(), 2);
        let known_only = IdentityProviderSettings::default();
        assert_eq!(register(known_only, Some(ADDRESS)), Err(Rejection::NotFound));
        assert!(matches!(register(trusting(), None), Err(Rejection::Invalid(_))));
    }
}
