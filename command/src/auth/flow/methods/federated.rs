//! Signing in at an identity provider. The rule: what counts is what the provider's answer proved in this very request, of an identity that is
//! the user's; nothing that a form says is taken for it.

use async_trait::async_trait;
use events::{
    auth::{LoginFailure, Method, Proof},
    identities::Identity,
    identity_providers::Offers,
    ids::ApplicationId,
};
use web::form::Form;

use super::{Asking, Authenticator, Challenge, Held, Judged, NotJudged, Place, Proven, Room};
use crate::auth::flow::guard::Admitted;

/// Judges what identity providers say.
pub struct FederatedAuthenticator;

/// The field by which a request that brought a provider's answer says so to itself. From a browser it means nothing.
pub const FIELD: &str = "federated";

/// Whether the realm takes the sign-ins of an identity for an application.
pub fn is_taken(identity: &Identity, offers: &Offers, application: Option<ApplicationId>) -> bool {
    let mut offers = offers.0.values();
    offers.any(|offer| offer.issuer == identity.issuer && offer.counts_for(application))
}

/// What was proven and still counts for an application's sign-in: what an identity provider said does for as long as the realm takes its
/// sign-ins for that application, and the identity is the user's.
pub fn still_counting(
    proofs: &[Proof],
    held: &Held,
    offers: &Offers,
    application: Option<ApplicationId>,
) -> Vec<Proof> {
    let counts = |proof: &&Proof| {
        let identity = proof
            .credential
            .and_then(|credential| held.identities.identity(credential));
        proof.method != Method::Federated
            || identity.is_some_and(|identity| is_taken(identity, offers, application))
    };
    proofs.iter().filter(counts).copied().collect()
}

#[async_trait]
impl Authenticator for FederatedAuthenticator {
    fn method(&self) -> Method {
        Method::Federated
    }

    fn challenge(&self) -> Challenge {
        Challenge::Federated
    }

    fn field(&self) -> &'static str {
        FIELD
    }

    fn is_available(&self, place: &Place<'_>) -> bool {
        let mut offers = place.offers.0.values();
        offers.any(|offer| offer.counts_for(place.application))
    }

    fn is_held(&self, held: &Held) -> bool {
        !held.identities.identities.is_empty()
    }

    fn since(&self, held: &Held) -> u64 {
        held.identities.changed
    }

    async fn judge(&self, asking: &Asking<'_>, _: &Form, _: Room, _: Admitted) -> Result<Judged, NotJudged> {
        let wrong = |reason| Ok(Judged::Wrong(asking.refused.unwrap_or(reason)));
        let Some(asserted) = asking.asserted else {
            return wrong(LoginFailure::WrongIdentity);
        };
        let shown = &asserted.identity;
        let Some(identity) = asking.held.identities.of(&shown.issuer, &shown.subject) else {
            return wrong(LoginFailure::WrongIdentity);
        };
        if let Some(refused) = asking.refused {
            return Ok(Judged::Wrong(refused));
        }
        Ok(Judged::Proven(Proven {
            credential: Some(identity.credential),
            user_verified: asserted.multi_factor,
            at: Some(asserted.at),
            spends: vec![asserted.spend.clone()],
            ..Proven::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use events::{
        clock::Timestamp,
        identities::{Identities, Identity},
        identity_providers::Offer,
        ids::{CredentialId, IdentityProviderId},
    };
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_a_provider_said_counts_while_the_realm_takes_it_for_the_application() {
        let (shop, work) = (
            ApplicationId(Uuid::from_u128(9)),
            CredentialId(Uuid::from_u128(1)),
        );
        let proof = |method| Proof {
            method,
            at: Timestamp::from_seconds(1),
            credential: Some(work),
            user_verified: false,
            hardware: false,
        };
        let (federated, password) = (proof(Method::Federated), proof(Method::Password));
        let held = Held {
            identities: Identities {
                identities: vec![Identity {
                    credential: work,
                    provider: IdentityProviderId(Uuid::from_u128(5)),
                    issuer: "https://id.example".to_owned(),
                    subject: Some("24".to_owned()),
                    name: None,
                    linked: Timestamp::from_seconds(1),
                }],
                ..Identities::default()
            },
            ..Held::default()
        };
        let offering = |issuer: &str, applications: &[ApplicationId]| {
            let offer = Offer {
                issuer: issuer.to_owned(),
                applications: applications.to_vec(),
                ..Offer::default()
            };
            // Another provider than the one through which it was linked will do, of the same issuer.
            Offers([(IdentityProviderId(Uuid::from_u128(6)), Arc::new(offer))].into())
        };
        let left = |held: &Held, offers: &Offers, application| {
            still_counting(&[password, federated], held, offers, application).len()
        };
        let open = offering("https://id.example", &[]);
        assert_eq!(left(&held, &open, None), 2);
        assert_eq!(left(&Held::default(), &open, None), 1, "it was unlinked");
        assert_eq!(left(&held, &Offers::default(), None), 1, "it was disabled");
        assert_eq!(left(&held, &offering("https://other.example", &[]), None), 1);
        let only = offering("https://id.example", &[shop]);
        assert_eq!((left(&held, &only, Some(shop)), left(&held, &only, None)), (2, 1));
    }
}
