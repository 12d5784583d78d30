//! A device that shows one-time passwords, enrolled on the way (RFC 6238). The rule: the secret travels sealed and is in the log only
//! once the device has shown that it knows it.

use ::totp::{SECRET_BYTES, Secret, qr_svg};
use axum::response::Response;
use events::{
    auth::{Method, Proof},
    ids::CredentialId,
    kernel::Failure,
};
use http::StatusCode;
use web::form::Form;

use super::{Enrolment, Offer, again, context, enrolled, name, new_codes};
use crate::{
    auth::{
        flow::{
            Enrolling,
            journey::{Journey, Person},
            methods::{Shown, totp::spend},
            show::{self, Shell},
        },
        page::PageError,
        pages::{EnrolTotpPage, SignInError},
        trouble,
    },
    users::totp::EnrolTotp,
};

/// The page that enrols: a picture, the same to type, and a field for the first code.
pub async fn show(
    journey: &mut Journey<'_>,
    person: &Person,
    offer: Offer<'_>,
    status: StatusCode,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    let kernel = journey.visit.edge.kernel();
    let enrolling = journey.flow.progress.enrolling.get_or_insert_with(|| {
        let mut bytes = [0; SECRET_BYTES];
        kernel.random().fill(&mut bytes);
        Enrolling {
            credential: CredentialId(kernel.new_id()),
            secret: Secret::of_bytes(bytes).base32().to_string(),
        }
    });
    let secret = Secret::parse(&enrolling.secret).map_err(|_| PageError::internal())?;
    let uri = secret.uri(&journey.visit.realm.display_name, person.account());
    let groups = secret.groups();
    let qr = qr_svg(&uri).map_err(|_| PageError::internal())?;
    let shell = Shell::of(journey).await?;
    let (around, others) = (shell.around(journey), offer.others(Method::Totp));
    let template = EnrolTotpPage::new(around, &qr, &uri, &groups, &others, offer.may_decline, error);
    show::send(journey, &template, status, error)
}

/// Takes the first code of the device.
pub async fn submit(
    journey: &mut Journey<'_>,
    person: &Person,
    offer: Offer<'_>,
    form: &Form,
) -> Result<Enrolment, PageError> {
    let chosen = Some(Method::Totp);
    let (Some(user), Some(enrolling)) = (person.user, journey.flow.progress.enrolling.clone()) else {
        return again(journey, person, offer, chosen, StatusCode::OK, None).await;
    };
    let visit = journey.visit;
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let secret = Secret::parse(&enrolling.secret).map_err(|_| PageError::internal())?;
    let code = form.get("code").unwrap_or_default();
    // The secret is theirs alone: there is nothing to guess, and no guard.
    let Some(spend) = spend(enrolling.credential, &secret, code, kernel.now()) else {
        let error = SignInError::WrongCode;
        return again(journey, person, offer, chosen, error.status(), Some(error)).await;
    };
    let command = EnrolTotp {
        realm,
        user,
        credential: enrolling.credential,
        name: name(form, "Authenticator app"),
        secret: secret.base32(),
        codes: new_codes(journey, person).await?,
        proofs: journey.proofs(),
        counts: journey.policy.second.clone(),
    };
    match kernel.execute(&context(journey, person), &command).await {
        Ok(_) => {}
        Err(Failure::Rejected(_)) => return Err(PageError::stale()),
        Err(failure) => return Err(trouble(failure).into()),
    }
    let shown = Shown {
        proof: Proof {
            method: Method::Totp,
            at: kernel.now(),
            credential: Some(enrolling.credential),
            user_verified: false,
            hardware: false,
        },
        spends: vec![spend],
    };
    enrolled(journey, shown, command.codes).await
}
