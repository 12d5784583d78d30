//! A device that shows one-time passwords, enrolled on the way. The rules: nobody enrols one who has a second factor and did not show
//! it; the secret travels sealed and is in the log only once the device has shown that it knows it; recovery
//! codes are shown once.

use axum::response::Response;
use events::{
    auth::{Method, Proof},
    envelope::Actor,
    ids::CredentialId,
    kernel::Failure,
};
use http::StatusCode;
use totp::{SECRET_BYTES, Secret, qr_svg};
use web::form::Form;

use super::{
    Enrolling,
    journey::{Journey, Person},
    methods::{Shown, totp::spend},
    show::{self, Shell},
};
use crate::{
    auth::{
        page::PageError,
        pages::{EnrolTotpPage, RecoveryCodesPage, SignInError},
        trouble,
    },
    users::{recovery_codes::NewCodes, totp::EnrolTotp},
};

/// What became of it.
pub enum Enrolment {
    /// It is enrolled, or they would not: the next step.
    GoOn,
    /// A page.
    Answer(Box<Response>),
}

/// The page that enrols: a picture, the same to type, and a field for the first code.
pub async fn show(
    journey: &mut Journey<'_>,
    person: &Person,
    may_decline: bool,
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
    let profile = &person.state.profile;
    let account = profile
        .username
        .as_deref()
        .or(profile.email.as_deref())
        .unwrap_or_default();
    let uri = secret.uri(&journey.visit.realm.display_name, account);
    let groups = secret.groups();
    let qr = qr_svg(&uri).map_err(|_| PageError::internal())?;
    let shell = Shell::of(journey).await?;
    let template = EnrolTotpPage::new(shell.around(journey), &qr, &uri, &groups, may_decline, error);
    show::send(journey, &template, status, error)
}

/// Takes the first code of the device, or that they would not enrol one.
pub async fn submit(
    journey: &mut Journey<'_>,
    person: &Person,
    may_decline: bool,
    form: &Form,
    moved: bool,
) -> Result<Enrolment, PageError> {
    if may_decline && form.get("decline").is_some() {
        journey.flow.progress.declined = true;
        journey.flow.progress.enrolling = None;
        return Ok(Enrolment::GoOn);
    }
    let (Some(user), Some(enrolling)) = (person.user, journey.flow.progress.enrolling.clone()) else {
        return again(journey, person, may_decline, StatusCode::OK, None).await;
    };
    let Some(code) = form.given("code").filter(|_| !moved) else {
        let (status, error) = (StatusCode::UNPROCESSABLE_ENTITY, SignInError::Incomplete);
        return again(journey, person, may_decline, status, Some(error)).await;
    };
    let visit = journey.visit;
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let secret = Secret::parse(&enrolling.secret).map_err(|_| PageError::internal())?;
    // The secret is theirs alone: there is nothing to guess, and no guard.
    let Some(spend) = spend(enrolling.credential, &secret, code, kernel.now()) else {
        let error = SignInError::WrongCode;
        return again(journey, person, may_decline, error.status(), Some(error)).await;
    };
    let wants_codes =
        journey.policy.second.contains(&Method::RecoveryCode) && person.held.recovery_codes.remaining() == 0;
    let codes = if wants_codes {
        Some(NewCodes::generate(kernel, realm).await?)
    } else {
        None
    };
    let command = EnrolTotp {
        realm,
        user,
        credential: enrolling.credential,
        name: device_name(form),
        secret: secret.base32(),
        codes,
        proofs: journey.proofs(),
    };
    let context = visit.context(Actor {
        user: Some(user),
        client: journey.flow.request.as_ref().map(|request| request.client),
        session: journey.flow.progress.session,
        ..Actor::default()
    });
    match kernel.execute(&context, &command).await {
        Ok(_) => {}
        Err(Failure::Rejected(_)) => return Err(PageError::stale()),
        Err(failure) => return Err(trouble(failure).into()),
    }
    let progress = &mut journey.flow.progress;
    progress.enrolling = None;
    progress.shown.push(Shown {
        proof: Proof {
            method: Method::Totp,
            at: kernel.now(),
            credential: Some(enrolling.credential),
            user_verified: false,
        },
        spends: vec![spend],
    });
    let Some(codes) = command.codes else {
        return Ok(Enrolment::GoOn);
    };
    let shell = Shell::of(journey).await?;
    let shown: Vec<_> = codes.codes.iter().map(|code| code.as_str()).collect();
    let template = RecoveryCodesPage::new(shell.around(journey), &shown);
    let response = show::send(journey, &template, StatusCode::OK, None)?;
    Ok(Enrolment::Answer(Box::new(response)))
}

async fn again(
    journey: &mut Journey<'_>,
    person: &Person,
    may_decline: bool,
    status: StatusCode,
    error: Option<SignInError>,
) -> Result<Enrolment, PageError> {
    let page = show(journey, person, may_decline, status, error).await?;
    Ok(Enrolment::Answer(Box::new(page)))
}

/// What they call the device.
fn device_name(form: &Form) -> String {
    let named = form
        .given("device_name")
        .map(str::trim)
        .filter(|name| !name.is_empty());
    named
        .unwrap_or("Authenticator app")
        .chars()
        .filter(|letter| !letter.is_control())
        .take(60)
        .collect()
}
