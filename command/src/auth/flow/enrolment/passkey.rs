//! A passkey, registered on the way (Web Authentication Level 3, section 7.1). The rules: what its authenticator is to sign is sealed into
//! the sign-in, and used up by the registration; what the realm asks of passkeys is asked when the answer comes.

use ::passkeys::{PasskeyError, Person as Owner, Registration};
use axum::response::Response;
use events::{
    auth::{Method, Proof},
    ids::CredentialId,
    kernel::Failure,
    log::ClaimKind,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use web::form::Form;

use super::{Enrolment, Offer, again, context, enrolled, name, new_codes};
use crate::{
    auth::{
        flow::{
            journey::{Journey, Person},
            methods::{
                Shown,
                passkey::{FIELD, broken},
            },
            show::{self, Shell},
        },
        page::PageError,
        pages::{EnrolPasskeyPage, SignInError},
        trouble,
    },
    passkeys::{policy, record, register::RegisterPasskey, relying_party},
    users::Rejection,
};

/// A passkey that is about to be registered.
#[derive(Clone, Serialize, Deserialize)]
pub struct Registering {
    /// The credential that it will be.
    credential: CredentialId,
    /// What was asked.
    registration: Registration,
}

/// The page that asks the browser for one.
pub async fn show(
    journey: &mut Journey<'_>,
    person: &Person,
    offer: Offer<'_>,
    status: StatusCode,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    let visit = journey.visit;
    let (Some(user), Some(party)) = (person.user, relying_party(&visit.edge, &visit.realm)) else {
        return Err(PageError::internal());
    };
    let (id, account) = (user.0, person.account());
    let owner = Owner {
        handle: id.as_bytes(),
        name: account,
        display_name: person.state.profile.name.as_deref().unwrap_or(account),
    };
    let theirs: Vec<_> = person.held.passkeys.passkeys.iter().filter_map(record).collect();
    let (options, registration) = party
        .begin_registration(&owner, &theirs, &policy(&journey.settings.passkeys))
        .map_err(|error| broken(&error))?;
    journey.flow.progress.registering = Some(Box::new(Registering {
        credential: CredentialId(visit.edge.kernel().new_id()),
        registration,
    }));
    let shell = Shell::of(journey).await?;
    let (options, others) = (options.to_string(), offer.others(Method::Passkey));
    let around = shell.around(journey);
    let template = EnrolPasskeyPage::new(around, &options, &others, offer.may_decline, error);
    show::send_scripted(journey, &template, status, error)
}

/// Takes what the browser answered.
pub async fn submit(
    journey: &mut Journey<'_>,
    person: &Person,
    offer: Offer<'_>,
    form: &Form,
) -> Result<Enrolment, PageError> {
    let visit = journey.visit;
    let Some(registering) = journey.flow.progress.registering.take() else {
        return Err(PageError::stale());
    };
    let (Some(user), Some(party)) = (person.user, relying_party(&visit.edge, &visit.realm)) else {
        return Err(PageError::internal());
    };
    let policy = policy(&journey.settings.passkeys);
    let answer = form.get(FIELD).unwrap_or_default();
    let made = match party.finish_registration(answer, &registering.registration, &policy) {
        Ok(made) => made,
        Err(error) => {
            tracing::info!(%error, %user, "a passkey was not registered");
            return refused(journey, person, offer, told(&error)).await;
        }
    };
    let attested = !journey.settings.passkeys.authenticators.is_empty();
    let command = RegisterPasskey {
        realm: visit.realm.id,
        user,
        credential: registering.credential,
        invalid: journey.flow.expires,
        name: name(form, "Passkey"),
        made,
        attested,
        codes: new_codes(journey, person).await?,
        proofs: journey.proofs(),
        counts: journey.policy.second.clone(),
    };
    let kernel = visit.edge.kernel();
    match kernel.execute(&context(journey, person), &command).await {
        Ok(_) => {}
        Err(
            Failure::Rejected(Rejection::PasskeyTaken)
            | Failure::Claimed {
                kind: ClaimKind::PasskeyId,
                ..
            },
        ) => return refused(journey, person, offer, SignInError::PasskeyNotMade).await,
        Err(Failure::Rejected(_) | Failure::Claimed { .. }) => return Err(PageError::stale()),
        Err(failure) => return Err(trouble(failure).into()),
    }
    let shown = Shown {
        proof: Proof {
            method: Method::Passkey,
            at: kernel.now(),
            credential: Some(registering.credential),
            user_verified: command.made.user_verified,
            hardware: attested && !command.made.backup_eligible,
        },
        // What it signed was used up when it was registered.
        spends: Vec::new(),
    };
    enrolled(journey, shown, command.codes).await
}

async fn refused(
    journey: &mut Journey<'_>,
    person: &Person,
    offer: Offer<'_>,
    error: SignInError,
) -> Result<Enrolment, PageError> {
    let chosen = Some(Method::Passkey);
    again(journey, person, offer, chosen, error.status(), Some(error)).await
}

/// What the person is told: what they can do about it.
const fn told(error: &PasskeyError) -> SignInError {
    match error {
        PasskeyError::NotVerified => SignInError::PasskeyUnverified,
        PasskeyError::UntrustedAuthenticator | PasskeyError::Synchronised => SignInError::PasskeyUnaccepted,
        _ => SignInError::PasskeyNotMade,
    }
}
