//! Identity providers of a realm: others whose sign-ins it takes (OpenID Connect Core, the realm being the relying party), and which of
//! them it offers.
//!
//! The rule: an alias and an issuer are for ever, since addresses and people's identities hang on them; the client secret is sealed by
//! a key of its own, which is destroyed when it is replaced. What is offered is one subject of the realm, so that whoever shows a
//! sign-in page asks once.

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    event::{DomainEvent, Event, EventKind, Happened},
    fold::Fold,
    ids::{ApplicationId, CredentialId, IdentityProviderId},
    sealing::{Sealed, SealedBy},
    subject::{Lane, SubjectKind},
    topics::Topic,
};

/// How the realm shows the provider who it is (OpenID Connect Core, section 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// The secret in the header.
    #[default]
    ClientSecretBasic,
    /// The secret in the form.
    ClientSecretPost,
    /// An assertion that the realm signs with its own key.
    PrivateKeyJwt,
}

impl ClientAuthentication {
    /// Whether it takes a secret that the provider gave.
    pub const fn needs_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

/// How the provider's answer comes back to the realm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerMode {
    /// In the address.
    #[default]
    Query,
    /// In a form that the browser posts.
    FormPost,
}

/// What becomes of somebody whose identity nobody has, and whose confirmed e-mail address is a user's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Linking {
    /// They show with what that user has that they are that user; then the identity is theirs.
    #[default]
    Prove,
    /// The identity is that user's at once, if the address was confirmed on both sides.
    VerifiedEmail,
    /// Nothing: users add identities when they are signed in.
    Never,
}

/// What becomes of somebody whose identity nobody has, and whose address is no user's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignUp {
    /// They are turned away.
    #[default]
    KnownOnly,
    /// A user is registered for them.
    Create,
}

/// When an e-mail address that the provider tells counts as confirmed. One that does not is not taken at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EmailTrust {
    /// When the provider says so (`email_verified`).
    #[default]
    AsTold,
    /// Always: the provider gives its people their addresses itself.
    Always,
    /// Never.
    Never,
}

/// Which claim of the provider fills which field of a profile; without one the field stays empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClaimMapping {
    /// The user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// The family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// The preferred language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// The time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoneinfo: Option<String>,
    /// Custom attributes of the realm's schema, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl Default for ClaimMapping {
    /// The standard claims (OpenID Connect Core, section 5.1); no user name, since one may be another's here.
    fn default() -> Self {
        let claim = |name: &str| Some(name.to_owned());
        Self {
            username: None,
            email: claim("email"),
            name: claim("name"),
            given_name: claim("given_name"),
            family_name: claim("family_name"),
            locale: claim("locale"),
            zoneinfo: claim("zoneinfo"),
            attributes: BTreeMap::new(),
        }
    }
}

/// What can be changed of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct IdentityProviderSettings {
    /// What people know it as.
    pub display_name: String,
    /// The realm's `client_id` there.
    pub client_id: String,
    /// How the realm shows who it is.
    pub client_authentication: ClientAuthentication,
    /// How the answer comes back.
    pub answer_mode: AnswerMode,
    /// The scopes that are asked for, besides `openid`.
    pub scopes: Vec<String>,
    /// Which claim is what.
    pub claims: ClaimMapping,
    /// Whether the userinfo endpoint is asked, too.
    pub userinfo: bool,
    /// What becomes of who has a user's address.
    pub linking: Linking,
    /// What becomes of who is new.
    pub sign_up: SignUp,
    /// When its addresses count as confirmed.
    pub email_trust: EmailTrust,
    /// Values of `acr` by which it says that several factors were shown, and is believed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub multi_factor_acr: Vec<String>,
    /// The same for values of `amr`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub multi_factor_amr: Vec<String>,
    /// The applications for whose sign-ins it counts; for all, and for the realm's own pages, if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<ApplicationId>,
}

/// What a sign-in page must know of a provider to offer it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    /// Its name in addresses.
    pub alias: String,
    /// What people know it as.
    pub display_name: String,
    /// Its issuer identifier.
    pub issuer: String,
    /// The applications for whose sign-ins it counts; for all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applications: Vec<ApplicationId>,
}

impl Offer {
    /// Whether it counts for a sign-in that an application asked for, or that nobody asked for.
    pub fn counts_for(&self, application: Option<ApplicationId>) -> bool {
        self.applications.is_empty() || application.is_some_and(|id| self.applications.contains(&id))
    }
}

/// What happens to identity providers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum IdentityProviderEvent {
    /// One was registered.
    #[serde(rename = "identity_provider.registered")]
    Registered {
        /// Its name in addresses, for ever.
        alias: String,
        /// Its issuer identifier, for ever.
        issuer: String,
        /// Its settings.
        settings: Box<IdentityProviderSettings>,
    },
    /// Its settings were changed.
    #[serde(rename = "identity_provider.changed")]
    Changed {
        /// All of them.
        settings: Box<IdentityProviderSettings>,
    },
    /// The secret that the provider gave the realm was set, in place of any before.
    #[serde(rename = "identity_provider.secret_set")]
    SecretSet {
        /// The credential whose key seals it; new with each secret.
        credential: CredentialId,
        /// The secret.
        secret: Sealed<String>,
    },
    /// Its sign-ins are not taken from now on.
    #[serde(rename = "identity_provider.disabled")]
    Disabled {},
    /// They are taken again.
    #[serde(rename = "identity_provider.enabled")]
    Enabled {},
    /// It was deleted.
    #[serde(rename = "identity_provider.deleted")]
    Deleted {},
    /// From now on sign-in pages offer it so.
    #[serde(rename = "identity_provider.offered")]
    Offered {
        /// Which.
        provider: IdentityProviderId,
        /// How.
        offer: Offer,
    },
    /// They no longer offer it.
    #[serde(rename = "identity_provider.withdrawn")]
    Withdrawn {
        /// Which.
        provider: IdentityProviderId,
    },
}

impl DomainEvent for IdentityProviderEvent {
    const LANE: Lane = Lane::Facts;
    const TOPIC: Topic = Topic::Realms;
    const KINDS: &'static [EventKind] = &[
        EventKind::plain(
            "identity_provider.registered",
            "An identity provider was registered whose sign-ins a realm takes.",
        )
        .watched(),
        EventKind::plain(
            "identity_provider.changed",
            "An identity provider's settings were changed.",
        )
        .watched(),
        EventKind::sealing(
            "identity_provider.secret_set",
            &[("secret", SealedBy::Credential("credential"))],
            "The client secret that an identity provider gave a realm was set, in place of any before.",
        )
        .watched(),
        EventKind::plain(
            "identity_provider.disabled",
            "The sign-ins of an identity provider are not taken any more.",
        )
        .watched(),
        EventKind::plain(
            "identity_provider.enabled",
            "The sign-ins of an identity provider are taken again.",
        )
        .watched(),
        EventKind::plain("identity_provider.deleted", "An identity provider was deleted.").watched(),
        EventKind::plain(
            "identity_provider.offered",
            "A realm's sign-in pages offer an identity provider.",
        ),
        EventKind::plain(
            "identity_provider.withdrawn",
            "A realm's sign-in pages no longer offer an identity provider.",
        ),
    ];
}

/// The secret that a provider gave the realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSecret {
    /// The credential whose key seals it.
    pub credential: CredentialId,
    /// See [`IdentityProviderEvent::SecretSet`].
    pub secret: Sealed<String>,
    /// When it was set.
    pub set: Timestamp,
}

/// An identity provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Whether there is one.
    pub exists: bool,
    /// Its name in addresses.
    pub alias: String,
    /// Its issuer identifier.
    pub issuer: String,
    /// Its settings.
    pub settings: IdentityProviderSettings,
    /// The secret, if one was set.
    pub secret: Option<ClientSecret>,
    /// Whether its sign-ins are not taken.
    pub disabled: bool,
    /// When it was registered.
    pub registered: Timestamp,
}

impl IdentityProvider {
    /// Whether its sign-ins are taken.
    pub const fn is_active(&self) -> bool {
        self.exists && !self.disabled
    }

    /// How sign-in pages offer it.
    pub fn offer(&self) -> Offer {
        Offer {
            alias: self.alias.clone(),
            display_name: self.settings.display_name.clone(),
            issuer: self.issuer.clone(),
            applications: self.settings.applications.clone(),
        }
    }
}

impl Fold for IdentityProvider {
    const KIND: SubjectKind = SubjectKind::IdentityProvider;

    fn apply(&mut self, happened: &Happened) {
        let Event::IdentityProviders(event) = &happened.event else {
            return;
        };
        match event {
            IdentityProviderEvent::Registered {
                alias,
                issuer,
                settings,
            } => {
                self.exists = true;
                self.alias.clone_from(alias);
                self.issuer.clone_from(issuer);
                self.settings = (**settings).clone();
                self.registered = happened.time;
            }
            IdentityProviderEvent::Changed { settings } => self.settings = (**settings).clone(),
            IdentityProviderEvent::SecretSet { credential, secret } => {
                self.secret = Some(ClientSecret {
                    credential: *credential,
                    secret: secret.clone(),
                    set: happened.time,
                });
            }
            IdentityProviderEvent::Disabled {} => self.disabled = true,
            IdentityProviderEvent::Enabled {} => self.disabled = false,
            IdentityProviderEvent::Deleted {} => *self = Self::default(),
            IdentityProviderEvent::Offered { .. } | IdentityProviderEvent::Withdrawn { .. } => {}
        }
    }
}

/// The providers that a realm offers, in the order of their registration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers(pub BTreeMap<IdentityProviderId, Arc<Offer>>);

impl Offers {
    /// The one of this alias.
    pub fn of_alias(&self, alias: &str) -> Option<(IdentityProviderId, &Offer)> {
        let mut offers = self.0.iter();
        offers
            .find(|(_, offer)| offer.alias == alias)
            .map(|(id, offer)| (*id, &**offer))
    }
}

impl Fold for Offers {
    const KIND: SubjectKind = SubjectKind::IdentityProviders;

    fn apply(&mut self, happened: &Happened) {
        match &happened.event {
            Event::IdentityProviders(IdentityProviderEvent::Offered { provider, offer }) => {
                self.0.insert(*provider, Arc::new(offer.clone()));
            }
            Event::IdentityProviders(IdentityProviderEvent::Withdrawn { provider }) => {
                self.0.remove(provider);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::testing::given;

    const PROVIDER: IdentityProviderId = IdentityProviderId(Uuid::from_u128(5));

    fn registered() -> Event {
        IdentityProviderEvent::Registered {
            alias: "acme".to_owned(),
            issuer: "https://id.example".to_owned(),
            settings: Box::new(IdentityProviderSettings {
                display_name: "Acme".to_owned(),
                ..IdentityProviderSettings::default()
            }),
        }
        .into()
    }

    fn secret(number: u128) -> Event {
        IdentityProviderEvent::SecretSet {
            credential: CredentialId(Uuid::from_u128(number)),
            secret: Sealed::Known("s3cret".to_owned()),
        }
        .into()
    }

    #[test]
    fn a_new_secret_takes_the_place_of_the_one_before_and_deleting_leaves_nothing() {
        let provider = given::<IdentityProvider>(PROVIDER.0, [registered(), secret(1), secret(2)]).state;
        let known = provider.secret.as_ref().map(|secret| secret.credential);
        assert_eq!(known, Some(CredentialId(Uuid::from_u128(2))));
        assert!(provider.is_active());
        let disabled = IdentityProviderEvent::Disabled {}.into();
        assert!(
            !given::<IdentityProvider>(PROVIDER.0, [registered(), disabled])
                .state
                .is_active()
        );
        let deleted = IdentityProviderEvent::Deleted {}.into();
        let gone = given::<IdentityProvider>(PROVIDER.0, [registered(), secret(1), deleted]).state;
        assert_eq!(gone, IdentityProvider::default());
    }

    #[test]
    fn a_field_that_no_claim_fills_stays_so_in_the_log() {
        let mapping = ClaimMapping {
            email: None,
            ..ClaimMapping::default()
        };
        let stored = serde_json::to_value(&mapping).unwrap();
        assert_eq!(serde_json::from_value::<ClaimMapping>(stored).unwrap(), mapping);
    }

    #[test]
    fn what_is_offered_counts_for_the_applications_that_it_names() {
        let shop = ApplicationId(Uuid::from_u128(9));
        let offered = |applications: &[ApplicationId]| -> Event {
            let offer = Offer {
                alias: "acme".to_owned(),
                display_name: "Acme".to_owned(),
                issuer: "https://id.example".to_owned(),
                applications: applications.to_vec(),
            };
            IdentityProviderEvent::Offered {
                provider: PROVIDER,
                offer,
            }
            .into()
        };
        let all = given::<Offers>(Uuid::from_u128(7), [offered(&[])]).state;
        let (id, offer) = all.of_alias("acme").unwrap();
        assert!(id == PROVIDER && offer.counts_for(None) && offer.counts_for(Some(shop)));
        let one = given::<Offers>(Uuid::from_u128(7), [offered(&[]), offered(&[shop])]).state;
        let (_, offer) = one.of_alias("acme").unwrap();
        assert!(offer.counts_for(Some(shop)) && !offer.counts_for(None));
        assert!(!offer.counts_for(Some(ApplicationId(Uuid::from_u128(8)))));
        let withdrawn = IdentityProviderEvent::Withdrawn { provider: PROVIDER }.into();
        let none = given::<Offers>(Uuid::from_u128(7), [offered(&[]), withdrawn]).state;
        assert!(none.of_alias("acme").is_none());
    }
}
