//! An identity at a provider, added by who is signed in. The rule: both sides are shown, ours as for everything that is added (just now, and
//! with a second factor by whoever has one), theirs by the answer of the provider in this very request.

use axum::response::Response;
use events::{
    auth::{Method, Proof},
    ids::CredentialId,
    kernel::Failure,
    log::ClaimKind,
};
use http::StatusCode;

use super::{Enrolment, Offer, again, context, enrolled};
use crate::{
    auth::{
        flow::{
            journey::{Journey, Person},
            methods::Shown,
            show::{self, Shell},
        },
        page::PageError,
        pages::{AddIdentityPage, SignInError},
        trouble,
    },
    identities::link::{Because, LinkIdentity},
    users::Rejection,
};

/// The page that offers the providers.
pub async fn show(
    journey: &mut Journey<'_>,
    offer: Offer<'_>,
    status: StatusCode,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    let shell = Shell::of(journey).await?.with_providers(journey);
    let template = AddIdentityPage::new(shell.around(journey), offer.may_decline, error);
    show::send(journey, &template, status, error)
}

/// Takes what the provider says.
pub async fn submit(
    journey: &mut Journey<'_>,
    person: &Person,
    offer: Offer<'_>,
) -> Result<Enrolment, PageError> {
    let (Some(asserted), Some(user)) = (journey.asserted.take(), person.user) else {
        let (status, error) = (StatusCode::UNPROCESSABLE_ENTITY, SignInError::Incomplete);
        return again(
            journey,
            person,
            offer,
            Some(Method::Federated),
            status,
            Some(error),
        )
        .await;
    };
    let kernel = journey.visit.edge.kernel();
    let known = person
        .held
        .identities
        .of(&asserted.identity.issuer, &asserted.identity.subject)
        .map(|identity| identity.credential);
    let credential = known.unwrap_or_else(|| CredentialId(kernel.new_id()));
    let command = LinkIdentity {
        realm: journey.visit.realm.id,
        user,
        credential,
        identity: asserted.identity,
        because: Because::Proven {
            proofs: journey.proofs(),
            counts: journey.policy.second.clone(),
        },
    };
    match kernel.execute(&context(journey, person), &command).await {
        Ok(_) => {}
        Err(Failure::Claimed {
            kind: ClaimKind::Identity,
            ..
        }) => return refused(journey, person, offer, SignInError::OthersIdentity).await,
        Err(Failure::Rejected(Rejection::TooManyDevices)) => {
            return refused(journey, person, offer, SignInError::TooManyIdentities).await;
        }
        Err(Failure::Rejected(_) | Failure::Claimed { .. }) => return Err(PageError::stale()),
        Err(failure) => return Err(trouble(failure).into()),
    }
    let shown = Shown {
        proof: Proof {
            method: Method::Federated,
            at: asserted.at,
            credential: Some(credential),
            user_verified: asserted.multi_factor,
            hardware: false,
        },
        spends: vec![asserted.spend],
    };
    enrolled(journey, shown, None).await
}

async fn refused(
    journey: &mut Journey<'_>,
    person: &Person,
    offer: Offer<'_>,
    error: SignInError,
) -> Result<Enrolment, PageError> {
    let chosen = Some(Method::Federated);
    again(journey, person, offer, chosen, error.status(), Some(error)).await
}
