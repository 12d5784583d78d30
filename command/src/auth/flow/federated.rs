//! What becomes of whom an identity provider names. The rules: an identity that is a user's signs that user in, and nobody else; one that is
//! nobody's becomes a user's only after the user showed to be that user, or as the realm says of this provider; what was proven before is of
//! one person, so that nobody brings along another's identity.

use axum::response::Response;
use events::{
    auth::{LoginFailure, Method},
    envelope::Actor,
    identity_providers::{IdentityProvider, Linking, SignUp},
    ids::{CredentialId, IdentityProviderId, UserId},
    kernel::{Failure, KernelError},
    log::ClaimKind,
    subject::Lane,
    users::{Profile, User, login_name},
};
use web::form::Form;

use super::{
    engine::Step,
    enrolment::{self, Offer},
    journey::{Discovered, Journey, failed},
    methods::federated,
    show,
};
use crate::{
    auth::{
        federation::{answer::Asserted, profile},
        page::PageError,
        pages::SignInError,
        trouble,
    },
    identities::link::{Because, LinkIdentity, RegisterWithIdentity},
    users::Rejection,
};

/// How many names are tried for who is to have one that somebody has.
const NAMES: usize = 5;

/// What becomes of somebody whom nobody here is known as.
enum Newcomer {
    /// They are this user, from now on.
    Is(UserId),
    /// They are to show that they are the user whose address they have.
    Joins,
    /// They are nobody here.
    TurnedAway(SignInError),
}

/// The user name of somebody new: the one that is wanted, or none where there is an address, or one that is made of the provider's alias.
fn username_of(
    provider: &IdentityProvider,
    profile: &Profile,
    wanted: Option<&str>,
    user: UserId,
) -> Option<String> {
    let made = || {
        let id = user.0.simple().to_string();
        format!("{}-{}", provider.alias, &id[20..])
    };
    match (wanted, &profile.email) {
        (Some(name), _) => Some(name.to_owned()),
        (None, Some(_)) => None,
        (None, None) => Some(made()),
    }
}

impl Journey<'_> {
    /// Whether a provider's sign-in would lead on here.
    pub async fn takes_federated(&self, provider: IdentityProviderId) -> Result<bool, KernelError> {
        let application = self.flow.request.as_ref().map(|request| request.client);
        let offered = self.offers.0.get(&provider);
        if !offered.is_some_and(|offer| offer.counts_for(application)) {
            return Ok(false);
        }
        let person = self.person().await?;
        Ok(match self.step(&person) {
            Step::Identify => self.policy.first.contains(&Method::Federated),
            Step::Prove(methods) | Step::Enrol { methods, .. } => methods.contains(&Method::Federated),
            Step::Refuse | Step::Done(_) => false,
        })
    }

    /// Goes on with what a provider says. `None`: this sign-in led to a session before.
    pub async fn federate(
        mut self,
        provider: &IdentityProvider,
        asserted: Asserted,
    ) -> Result<Option<Response>, PageError> {
        let (kernel, realm) = (self.visit.edge.kernel(), self.visit.realm.id);
        let claimed_as = asserted.identity.claimed_as();
        let holder = kernel
            .claimed(realm, Lane::Facts, ClaimKind::Identity, &claimed_as)
            .await?
            .map(UserId);
        let person = self.person().await?;
        let adds = matches!(self.step(&person), Step::Enrol { .. });
        let user = match (holder, self.flow.progress.user) {
            (Some(holder), Some(user)) if holder != user => {
                failed(&self, Some(user), LoginFailure::WrongIdentity).await?;
                return self.hindered(SignInError::OthersIdentity).await.map(Some);
            }
            (_, Some(_)) if adds => None,
            (Some(holder), _) => Some(holder),
            (None, Some(user)) => {
                failed(&self, Some(user), LoginFailure::UnknownIdentity).await?;
                return self.hindered(SignInError::UnknownIdentity).await.map(Some);
            }
            (None, None) => match self.newcomer(provider, &asserted).await? {
                Newcomer::Is(user) => Some(user),
                Newcomer::Joins => return self.look().await.map(Some),
                Newcomer::TurnedAway(error) => {
                    failed(&self, None, LoginFailure::UnknownIdentity).await?;
                    return self.hindered(error).await.map(Some);
                }
            },
        };
        if self.flow.progress.user.is_none() {
            // Whoever they said they are: this is who they are.
            if self.claimed().await?.user != user {
                self.flow.progress.joining = None;
            }
            self.flow.progress.name.clear();
            self.discovered = Some(Discovered::new(claimed_as, user));
        }
        self.asserted = Some(asserted);
        let told = Form::of([(federated::FIELD.to_owned(), "yes".to_owned())])?;
        Box::pin(self.submit(&told)).await
    }

    /// The page of the step with every other way, and what was wrong.
    pub async fn hindered(mut self, error: SignInError) -> Result<Response, PageError> {
        let person = self.person().await?;
        let status = error.status();
        match self.step(&person) {
            Step::Prove(methods) => show::challenge(&mut self, &methods, None, status, Some(error)).await,
            Step::Enrol { methods, may_decline } => {
                let offer = Offer {
                    methods: &methods,
                    may_decline,
                };
                enrolment::show(&mut self, &person, offer, None, status, Some(error)).await
            }
            Step::Identify | Step::Refuse | Step::Done(_) => {
                show::identify(&mut self, "", status, Some(error)).await
            }
        }
    }

    /// Records that a sign-in failed for a reason that is nobody's.
    pub async fn record_failure(&self, reason: LoginFailure) -> Result<(), KernelError> {
        failed(self, self.flow.progress.user, reason).await
    }

    /// Somebody whom nobody here is known as.
    async fn newcomer(
        &mut self,
        provider: &IdentityProvider,
        asserted: &Asserted,
    ) -> Result<Newcomer, PageError> {
        let (kernel, realm) = (self.visit.edge.kernel(), self.visit.realm.id);
        let email = profile::confirmed_email(&provider.settings, &asserted.claims);
        let namesake = match &email {
            None => None,
            Some(email) => kernel
                .claimed(realm, Lane::Facts, ClaimKind::LoginName, &login_name(email))
                .await?
                .map(UserId),
        };
        match (namesake, email) {
            (Some(user), Some(email)) => self.meets(provider, asserted, user, email).await,
            _ if provider.settings.sign_up == SignUp::Create => self.register(provider, asserted).await,
            _ => Ok(Newcomer::TurnedAway(SignInError::UnknownIdentity)),
        }
    }

    /// Somebody whose confirmed address is a user's.
    async fn meets(
        &mut self,
        provider: &IdentityProvider,
        asserted: &Asserted,
        user: UserId,
        email: String,
    ) -> Result<Newcomer, PageError> {
        let kernel = self.visit.edge.kernel();
        match provider.settings.linking {
            Linking::Never => return Ok(Newcomer::TurnedAway(SignInError::KnownAddress)),
            Linking::VerifiedEmail => {
                let state = kernel.current::<User>(self.visit.realm.id, user.0).await?.state;
                if state.profile.email_verified {
                    let command = LinkIdentity {
                        realm: self.visit.realm.id,
                        user,
                        credential: CredentialId(kernel.new_id()),
                        identity: asserted.identity.clone(),
                        because: Because::Address(email.clone()),
                    };
                    match kernel.execute(&self.context(user), &command).await {
                        Ok(_) => return Ok(Newcomer::Is(user)),
                        Err(Failure::Rejected(_) | Failure::Claimed { .. }) => {}
                        Err(failure) => return Err(trouble(failure).into()),
                    }
                }
            }
            Linking::Prove => {}
        }
        // They go on as that user, if they can show that they are.
        self.flow.progress.name = email;
        self.flow.progress.joining = Some(Box::new(asserted.identity.clone()));
        Ok(Newcomer::Joins)
    }

    /// Somebody new.
    async fn register(
        &mut self,
        provider: &IdentityProvider,
        asserted: &Asserted,
    ) -> Result<Newcomer, PageError> {
        let kernel = self.visit.edge.kernel();
        let registration = &self.settings.registration;
        let profile = profile::of(&provider.settings, registration, &asserted.claims);
        let username = profile::username(&provider.settings, &asserted.claims);
        for attempt in 0..NAMES {
            let user = UserId(kernel.new_id());
            let command = RegisterWithIdentity {
                realm: self.visit.realm.id,
                user,
                profile: Profile {
                    username: username_of(
                        provider,
                        &profile,
                        username.as_deref().filter(|_| attempt == 0),
                        user,
                    ),
                    ..profile.clone()
                },
                credential: CredentialId(kernel.new_id()),
                identity: asserted.identity.clone(),
            };
            match kernel.execute(&self.context(user), &command).await {
                Ok(_) => return Ok(Newcomer::Is(user)),
                // Another name, if it was that; if it was the address, somebody was faster.
                Err(Failure::Claimed {
                    kind: ClaimKind::LoginName,
                    ..
                }) => {}
                Err(Failure::Rejected(Rejection::Invalid(faults)))
                    if attempt == 0
                        && username.is_some()
                        && faults.fields().any(|field| field == "username") => {}
                Err(Failure::Claimed { holder, .. }) => return Ok(Newcomer::Is(UserId(holder))),
                Err(Failure::Rejected(reason)) => {
                    tracing::info!(%reason, realm = %self.visit.realm.id, "a newcomer was not registered");
                    return Ok(Newcomer::TurnedAway(SignInError::ProviderTellsTooLittle));
                }
                Err(failure) => return Err(trouble(failure).into()),
            }
        }
        Ok(Newcomer::TurnedAway(SignInError::Busy { seconds: 1 }))
    }

    fn context(&self, user: UserId) -> events::kernel::Context {
        self.visit.context(Actor {
            user: Some(user),
            client: self.flow.request.as_ref().map(|request| request.client),
            ..Actor::default()
        })
    }
}
