//! The authorization endpoint (RFC 6749, 3.1; OpenID Connect Core, 3.1.2; RFC 9700): a code for who is signed
//! in, else the sign-in page. The rule: client and redirect URI are validated before anything is sent
//! anywhere; until then the person sees a page.

pub mod answer;
mod claims;
mod object;
mod params;
pub(super) mod pushed;
pub mod redirect_uri;
pub mod reply;
pub mod request;
mod source;

use axum::response::Response;
use events::{applications::Application, kernel::KernelError, log::ClaimKind, realms::Settings};
use web::{Requirements, clients, form::Form, oauth::OAuthError, subject};

use self::{
    answer::{Answer, CONSENT_REQUIRED, LOGIN_REQUIRED, USED_BEFORE},
    request::{Asking, AuthorizeRequest, Prompt, Refusal},
    source::Unusable,
};
use super::{
    Issuer,
    code::{self, NotIssued},
    consent,
    flow::{Flow, journey},
    hint,
    mailed::sign_up,
    page::{self, PageError, Wrong},
    parameters::AuthorizationParameters,
    session_cookie, session_state,
    sessions::{self, SignedIn},
    visit::{Body, Query, Visit},
};

/// The longest request that is turned from POST into GET.
const MAX_QUERY: usize = 6_000;

/// Ask for a code (RFC 6749, 4.1.1; OpenID Connect Core, 3.1.2.1). Errors of the client or its redirect URI
/// are a page.
#[utoipa::path(
    get, path = "/realms/{realm}/oauth2/authorize", tag = "oauth", operation_id = "authorize",
    params(Issuer, AuthorizationParameters),
    extensions(("x-events" = json!(["session.continued", "code.issued", "signing_key.created"]))),
    responses(
        (status = 303, description = "To the redirect URI with a code or an error, or to the sign-in page"),
        (status = 200, description = "The answer as a form that posts itself (`form_post`)"),
        (status = 400, description = "An error page: client or redirect URI are not valid"),
    ),
)]
pub(super) async fn get_authorize(visit: Visit, query: Query) -> Response {
    let answer = authorize(&visit, query.0, false).await;
    visit.answer(answer)
}

/// The same by POST (OpenID Connect Core, 3.1.2.1).
#[utoipa::path(
    post, path = "/realms/{realm}/oauth2/authorize", tag = "oauth", operation_id = "authorize_by_post", params(Issuer),
    request_body(content = inline(AuthorizationParameters), content_type = "application/x-www-form-urlencoded"),
    extensions(("x-events" = json!(["session.continued", "code.issued", "signing_key.created"]))),
    responses(
        (status = 303, description = "To the redirect URI with a code or an error, or to the sign-in page"),
        (status = 200, description = "The answer as a form that posts itself (`form_post`)"),
        (status = 400, description = "An error page: client or redirect URI are not valid"),
    ),
)]
pub(super) async fn post_authorize(visit: Visit, body: Body) -> Response {
    let answer = authorize(&visit, body.0, true).await;
    visit.answer(answer)
}

async fn authorize(
    visit: &Visit,
    form: Result<Form, PageError>,
    posted: bool,
) -> Result<Response, PageError> {
    let outside = form?;
    let client_id = reply::client_id(&outside)?;
    let Some((client, application)) = clients::resolve(&visit.edge, &visit.realm, client_id).await? else {
        return Err(reply::Unanswerable::UnknownClient.into());
    };
    reply::takes_users(&application)?;
    let settings = visit.edge.settings(visit.realm.id).await?;
    let required = Requirements::of(&application, &settings);
    let (form, origin) = match source::resolve(visit, client, &application, &required, &outside).await {
        Ok(resolved) => resolved,
        Err(Unusable::Kernel(error)) => return Err(error.into()),
        Err(Unusable::Refused(refusal)) => {
            // The application hears of it only where the rest of the request says so, validly.
            return match reply::reply_to(&outside, &application, &required) {
                Ok(reply_to) if reply_to.redirect_uri_given => {
                    answer::send(visit, &application, &reply_to, Answer::Error(refusal)).await
                }
                Ok(_) | Err(_) => Err(PageError::of(Wrong::Request, refusal.error, refusal.description)),
            };
        }
    };
    visit.wish(form.given("ui_locales")).await?;
    let reply_to = reply::reply_to(&form, &application, &required)?;
    if posted
        && session_cookie::session(&visit.edge, visit.realm.id, &visit.headers)
            .await?
            .is_none()
        && let Some(again) = as_get(visit, &outside)
    {
        return page::see_other(&again);
    }
    let issuer = visit.issuer();
    let asking = Asking {
        client,
        application: &application,
        required: &required,
        settings: &settings,
        issuer: &issuer,
    };
    let mut request = match request::validate(&form, &asking, reply_to.clone(), origin) {
        Ok(request) => request,
        Err(refusal) => return answer::send(visit, &application, &reply_to, Answer::Error(refusal)).await,
    };
    if let Some(token) = form.given("id_token_hint") {
        match hint::read(visit, token).await? {
            Some(hint) => request.hinted = Some(hint.user),
            None => return answer::send(visit, &application, &reply_to, Answer::Error(BAD_HINT)).await,
        }
    }
    match signed_in(visit, &application, &request).await? {
        Some(signed_in) => {
            let mut response = grant(visit, &request, &signed_in, None).await?;
            session_state::correct(visit, Some(signed_in.id), response.headers_mut()).await?;
            Ok(response)
        }
        None if request.prompt == Prompt::Nothing => {
            let mut response = answer::send(visit, &application, &reply_to, LOGIN_REQUIRED).await?;
            let session = sessions::current(visit, &settings).await?;
            session_state::correct(visit, session.map(|found| found.id), response.headers_mut()).await?;
            Ok(response)
        }
        None => sign_in(visit, &settings, request).await,
    }
}

const BAD_HINT: Refusal = Refusal {
    error: "invalid_request",
    description: "id_token_hint is not an id token of this realm",
};

/// A form that another site posts brings no cookies (SameSite=Lax), so the browser would look as if nobody
/// were signed in: it asks again by GET. Not with an id token, which has no place in an address.
fn as_get(visit: &Visit, form: &Form) -> Option<String> {
    if form.given("id_token_hint").is_some() {
        return None;
    }
    let query = form.encode();
    (query.len() <= MAX_QUERY).then(|| format!("/realms/{}/oauth2/authorize?{query}", visit.realm.name))
}

/// The session that answers the request, if there is one that may.
async fn signed_in(
    visit: &Visit,
    application: &Application,
    request: &AuthorizeRequest,
) -> Result<Option<SignedIn>, KernelError> {
    if request.prompt >= Prompt::SignIn {
        return Ok(None);
    }
    let settings = visit.edge.settings(visit.realm.id).await?;
    let Some(signed_in) = sessions::current(visit, &settings).await? else {
        return Ok(None);
    };
    let now = visit.edge.kernel().now();
    // A `max_age` of 0 asks to sign in, like `prompt=login` (OpenID Connect Core, 3.1.2.1).
    let too_long_ago = request
        .max_age
        .is_some_and(|seconds| seconds == 0 || now > signed_in.session.started.after_seconds(seconds));
    if too_long_ago || !is_meant(visit, application, request, &signed_in).await? {
        return Ok(None);
    }
    Ok(sessions::note_use(visit, &signed_in).await?.then_some(signed_in))
}

/// Whether who is signed in is who the request is about, where it says.
async fn is_meant(
    visit: &Visit,
    application: &Application,
    request: &AuthorizeRequest,
    signed_in: &SignedIn,
) -> Result<bool, KernelError> {
    if request.hinted.is_some_and(|hinted| hinted != signed_in.user) {
        return Ok(false);
    }
    let Some(named) = &request.subject else {
        return Ok(true);
    };
    let kernel = visit.edge.kernel();
    Ok(subject::of(kernel, visit.realm.id, application, signed_in.user).await? == *named)
}

/// The application that asked, as it is now: what it was told to be when it asked may be long ago.
pub(super) async fn asking(visit: &Visit, request: &AuthorizeRequest) -> Result<Application, PageError> {
    let application = visit
        .edge
        .kernel()
        .current::<Application>(visit.realm.id, request.client.0)
        .await?
        .state;
    request.is_still_answerable(&application)?;
    Ok(application)
}

/// Answers a request with a code for who is signed in: the one place where codes are issued. `allowed` is the
/// consent form that was just sent, if one was.
pub(super) async fn grant(
    visit: &Visit,
    request: &AuthorizeRequest,
    signed_in: &SignedIn,
    allowed: Option<&Flow>,
) -> Result<Response, PageError> {
    let application = asking(visit, request).await?;
    let send = async |answer| answer::send(visit, &application, &request.reply_to, answer).await;
    if !is_meant(visit, &application, request, signed_in).await? {
        return send(answer::OTHER_USER).await;
    }
    let settings = visit.edge.settings(visit.realm.id).await?;
    let offers = journey::offers(visit).await?;
    let policy = journey::policy(visit, &settings, &offers, Some(&application), Some(request));
    if !journey::is_enough(visit, &policy, &offers, Some(request), signed_in).await? {
        return match request.prompt {
            Prompt::Nothing => send(LOGIN_REQUIRED).await,
            Prompt::AsNeeded | Prompt::SignIn | Prompt::Register => {
                step_up(visit, request.clone(), signed_in).await
            }
        };
    }
    let required = Requirements::of(&application, &settings);
    if let Err(refusal) = request.is_still_allowed(&application, &required, &visit.issuer()) {
        return send(Answer::Error(refusal)).await;
    }
    let consent = consent::standing(visit, request, signed_in).await?;
    if consent::is_due(&application, request, &consent.state, allowed.is_some()) {
        return match request.prompt {
            Prompt::Nothing => send(CONSENT_REQUIRED).await,
            Prompt::AsNeeded | Prompt::SignIn | Prompt::Register => {
                consent::ask(visit, request, signed_in).await
            }
        };
    }
    match code::issue(visit, &settings, request, signed_in, consent.version, allowed).await {
        Ok(code) => {
            let client_id = &application.client_id;
            let state = session_state::of(visit, client_id, request, signed_in.id).await?;
            let (code, session_state) = (&*code, state.as_deref());
            send(Answer::Code { code, session_state }).await
        }
        Err(NotIssued::UsedBefore(ClaimKind::Flow)) => Err(PageError::stale()),
        Err(NotIssued::UsedBefore(_)) => send(USED_BEFORE).await,
        Err(NotIssued::Kernel(error)) => Err(error.into()),
    }
}

/// Sends the browser to the sign-in page, with the request sealed for this browser; or to where somebody new registers, where people do.
async fn sign_in(
    visit: &Visit,
    settings: &Settings,
    request: AuthorizeRequest,
) -> Result<Response, PageError> {
    let registers = request.prompt == Prompt::Register && sign_up::registers(visit, settings);
    let flow = Flow::begin(visit, Some(request));
    if registers {
        flow.go_to(visit, &sign_up::path(visit)).await
    } else {
        flow.go(visit).await
    }
}

/// Sends the browser to the sign-in page, for what is missing in the session that stands.
async fn step_up(
    visit: &Visit,
    request: AuthorizeRequest,
    signed_in: &SignedIn,
) -> Result<Response, PageError> {
    Flow::begin_in(visit, Some(request), signed_in).go(visit).await
}

impl From<Refusal> for OAuthError {
    fn from(refusal: Refusal) -> Self {
        OAuthError::refused(refusal.error, refusal.description)
    }
}

impl From<reply::Unanswerable> for PageError {
    fn from(reason: reply::Unanswerable) -> Self {
        PageError::of(reason.wrong(), reason.code(), reason.to_string())
    }
}
