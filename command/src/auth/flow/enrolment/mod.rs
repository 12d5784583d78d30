//! What is enrolled on the way: a device that shows one-time passwords, or a passkey. The rules: nobody enrols one who has a second
//! factor and did not show it; recovery codes go with the first, and are shown once.

mod federated;
mod passkey;
mod totp;

use axum::response::Response;
use events::{auth::Method, envelope::Actor, kernel::Context};
use http::StatusCode;
use web::form::Form;

use super::{
    engine::Policy,
    journey::{Journey, Person},
    methods::{self, ENROLLABLE, Shown},
    show::{self, Shell},
};
use crate::{
    auth::{
        page::PageError,
        pages::{RecoveryCodesPage, SignInError, WayIn},
    },
    users::recovery_codes::NewCodes,
};

pub use passkey::Registering;

/// What became of it.
pub enum Enrolment {
    /// It is enrolled, or they would not: the next step.
    GoOn,
    /// A page.
    Answer(Box<Response>),
}

/// What may be enrolled, and whether one may go on without.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// Which methods, of which there is at least one.
    pub methods: &'a [Method],
    /// Whether one may go on without.
    pub may_decline: bool,
}

impl Offer<'_> {
    /// The one that is shown: what was chosen, or the first.
    fn shown(&self, chosen: Option<Method>) -> Option<Method> {
        let offered = ENROLLABLE.iter().filter(|method| self.methods.contains(method));
        // An identity is offered alone, to who asked for it.
        let mut offered = offered.chain(self.methods).copied();
        match chosen.filter(|method| self.methods.contains(method)) {
            Some(chosen) => Some(chosen),
            None => offered.next(),
        }
    }

    /// The others, as ways that one may choose.
    fn others(&self, shown: Method) -> Vec<WayIn> {
        let others = ENROLLABLE
            .iter()
            .filter(|method| **method != shown && self.methods.contains(method));
        others
            .map(|method| WayIn {
                method: method.as_str(),
                label: match method {
                    Method::Passkey => "enrol-passkey-instead",
                    _ => "enrol-totp-instead",
                },
            })
            .collect()
    }
}

/// The page that enrols.
pub async fn show(
    journey: &mut Journey<'_>,
    person: &Person,
    offer: Offer<'_>,
    chosen: Option<Method>,
    status: StatusCode,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    match offer.shown(chosen) {
        Some(Method::Passkey) => passkey::show(journey, person, offer, status, error).await,
        Some(Method::Totp) => totp::show(journey, person, offer, status, error).await,
        Some(Method::Federated) => federated::show(journey, offer, status, error).await,
        Some(Method::Password | Method::Email | Method::RecoveryCode | Method::Sms) | None => {
            Err(PageError::internal())
        }
    }
}

/// Takes what enrols, or that they would rather enrol something else, or nothing. `moved`: the form led here by what else was in it.
pub async fn submit(
    journey: &mut Journey<'_>,
    person: &Person,
    offer: Offer<'_>,
    form: &Form,
    moved: bool,
) -> Result<Enrolment, PageError> {
    if offer.may_decline && form.get("decline").is_some() {
        let progress = &mut journey.flow.progress;
        (progress.declined, progress.adds) = (true, None);
        (progress.enrolling, progress.registering) = (None, None);
        return Ok(Enrolment::GoOn);
    }
    let chosen = form.given("use").and_then(|name| name.parse().ok());
    let chosen = chosen.filter(|method| offer.methods.contains(method));
    if chosen.is_some() || moved {
        return again(journey, person, offer, chosen, StatusCode::OK, None).await;
    }
    let answered = offer.methods.iter().copied().find(|method| {
        methods::of(*method).is_some_and(|authenticator| form.given(authenticator.field()).is_some())
    });
    match answered {
        Some(Method::Passkey) => passkey::submit(journey, person, offer, form).await,
        Some(Method::Totp) => totp::submit(journey, person, offer, form).await,
        Some(Method::Federated) => federated::submit(journey, person, offer).await,
        Some(Method::Password | Method::Email | Method::RecoveryCode | Method::Sms) | None => {
            let empty = offer.methods.iter().copied().find(|method| {
                methods::of(*method).is_some_and(|authenticator| form.get(authenticator.field()).is_some())
            });
            let (status, error) = (StatusCode::UNPROCESSABLE_ENTITY, SignInError::Incomplete);
            again(journey, person, offer, empty, status, Some(error)).await
        }
    }
}

async fn again(
    journey: &mut Journey<'_>,
    person: &Person,
    offer: Offer<'_>,
    chosen: Option<Method>,
    status: StatusCode,
    error: Option<SignInError>,
) -> Result<Enrolment, PageError> {
    let page = show(journey, person, offer, chosen, status, error).await?;
    Ok(Enrolment::Answer(Box::new(page)))
}

/// What somebody who is signed in may add to what they have.
pub fn addable(policy: &Policy) -> impl Iterator<Item = Method> {
    ENROLLABLE
        .iter()
        .copied()
        .chain([Method::Federated])
        .filter(|method| policy.first.contains(method) || policy.second.contains(method))
}

/// Who enrols, where and for whom.
fn context(journey: &Journey<'_>, person: &Person) -> Context {
    journey.visit.context(Actor {
        user: person.user,
        client: journey.flow.request.as_ref().map(|request| request.client),
        session: journey.flow.progress.session,
        ..Actor::default()
    })
}

/// Recovery codes to go with what is enrolled, where the realm counts them and there are none.
async fn new_codes(journey: &Journey<'_>, person: &Person) -> Result<Option<NewCodes>, PageError> {
    let counted = journey.policy.second.contains(&Method::RecoveryCode);
    if !counted || person.held.recovery_codes.remaining() > 0 {
        return Ok(None);
    }
    let (kernel, realm) = (journey.visit.edge.kernel(), journey.visit.realm.id);
    Ok(Some(NewCodes::generate(kernel, realm).await?))
}

/// It is enrolled, which shows it, too; what recovery codes there are to see are shown.
async fn enrolled(
    journey: &mut Journey<'_>,
    shown: Shown,
    codes: Option<NewCodes>,
) -> Result<Enrolment, PageError> {
    let progress = &mut journey.flow.progress;
    (progress.adds, progress.enrolling, progress.registering) = (None, None, None);
    progress.shown.push(shown);
    let Some(codes) = codes else {
        return Ok(Enrolment::GoOn);
    };
    let shell = Shell::of(journey).await?;
    let codes: Vec<_> = codes.codes.iter().map(|code| code.as_str()).collect();
    let template = RecoveryCodesPage::new(shell.around(journey), &codes);
    let response = show::send(journey, &template, StatusCode::OK, None)?;
    Ok(Enrolment::Answer(Box::new(response)))
}

/// What they call it, else what it is.
fn name(form: &Form, otherwise: &str) -> String {
    let named = form
        .given("device_name")
        .map(str::trim)
        .filter(|name| !name.is_empty());
    named
        .unwrap_or(otherwise)
        .chars()
        .filter(|letter| !letter.is_control())
        .take(crate::passkeys::NAME)
        .collect()
}
