//! The sign-in page. The rules: an unknown name, a wrong password, a locked and a disabled user get one
//! answer, with the same work, status, headers and length; a form works in the browser that it was opened in,
//! and leads to one session. What comes after what is decided in `flow/`.

use axum::{extract::State, response::Response};
use events::{auth::Method, users::login_name};
use http::StatusCode;
use time::OffsetDateTime;

use super::{
    Issuer,
    account::Section,
    flow::{
        Flow, enrolment,
        journey::{self, Journey},
        show,
    },
    logout,
    page::{self, PageError},
    pages::{SignInError, SignedIn as SignedInPage, WayIn},
    session_cookie::Browser,
    sessions::{self, SignedIn},
    visit::{Body, Query, Visit},
};
use crate::Commands;

/// The sign-in page; with a session and without a sign-in under way, it says who is signed in.
#[utoipa::path(
    get, path = "/realms/{realm}/sign-in", tag = "pages", operation_id = "sign_in_page",
    params(
        Issuer,
        ("flow" = Option<String>, Query, description = "A sign-in under way, from the authorization endpoint"),
        ("add" = Option<String>, Query, description = "Who is signed in wants to have this besides: `passkey`, `totp` or `federated`"),
        ("then" = Option<String>, Query, description = "Where that leads: `account`, back to the account"),
    ),
    responses(
        (status = 200, description = "The form of the step that it has come to"),
        (status = 400, description = "The form, anew: the sign-in under way was too old or of another browser"),
    ),
)]
pub(super) async fn get_sign_in(State(commands): State<Commands>, visit: Visit, query: Query) -> Response {
    let answer = Box::pin(show(&visit, &commands, query)).await;
    visit.answer(answer)
}

/// Sign in, step by step: who it is, a password, a passkey, a code; several in one form, if it has them.
#[utoipa::path(
    post, path = "/realms/{realm}/sign-in", tag = "pages", operation_id = "sign_in", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`flow`, and what the step asks for: `username`, `password`, `code`, `recovery_code`, `email_code`, `sms_code`, `passkey` (what the browser answered, as JSON); `use` to choose another method, `step=identify` to begin anew, `decline` to enrol nothing"),
    extensions(("x-events" = json!([
        "login.attempted", "login.failed", "auth.throttled", "guard.cleared", "session.started", "session.elevated",
        "known_device.added", "known_device.seen", "known_device.trusted",
        "session.ended", "password.rehashed", "totp.enrolled", "recovery_codes.generated", "recovery_code.used",
        "passkey.registered", "passkey.used", "identity.linked", "code.issued", "letter.requested",
        "letter.code_attempted"
    ]))),
    responses(
        (status = 303, description = "Signed in: to the application with a code, or to this page"),
        (status = 200, description = "The form of the next step"),
        (status = 400, description = "The form, anew: it was too old, used before, or of another browser"),
        (status = 401, description = "The form: name and password do not open an account, or the passkey or the code is not right, whatever the reason"),
        (status = 422, description = "The form: something is missing"),
        (status = 429, description = "The form: too many attempts on this account, whether or not it exists; `Retry-After` says when"),
        (status = 503, description = "The form: no room to check a password just now; `Retry-After` says when"),
    ),
)]
pub(super) async fn post_sign_in(State(commands): State<Commands>, visit: Visit, body: Body) -> Response {
    let answer = Box::pin(submit(&visit, &commands, body)).await;
    visit.answer(answer)
}

async fn show(visit: &Visit, commands: &Commands, query: Query) -> Result<Response, PageError> {
    let form = query.0?;
    let browser = Browser::of(&visit.edge, visit.realm.id, &visit.headers);
    let Some(text) = form.get("flow") else {
        let settings = visit.edge.settings(visit.realm.id).await?;
        return match sessions::current(visit, &settings).await? {
            Some(signed_in) => {
                let offers = journey::offers(visit).await?;
                let policy = journey::policy(visit, &settings, &offers, None, None);
                let addable: Vec<_> = enrolment::addable(&policy).collect();
                let adds = form.get("add").and_then(|name| name.parse().ok());
                match adds.filter(|method| addable.contains(method)) {
                    Some(method) => {
                        let then = form.given("then") == Some("account");
                        let section = then.then_some(Section::Credentials);
                        Box::pin(add(visit, commands, browser, &signed_in, method, section)).await
                    }
                    None => show_signed_in(visit, &signed_in, &addable).await,
                }
            }
            None => anew(visit, commands, browser, "", None).await,
        };
    };
    match take_up(visit, commands, &browser, text).await? {
        Some(journey) => journey.look().await,
        None => anew(visit, commands, browser, "", Some(SignInError::Stale)).await,
    }
}

/// The sign-in under way that a text holds, if it is one of this browser, and its session stands.
pub(super) async fn take_up<'a>(
    visit: &'a Visit,
    commands: &'a Commands,
    browser: &Browser,
    text: &str,
) -> Result<Option<Journey<'a>>, PageError> {
    match Flow::open(visit, browser, text).await? {
        Some(flow) => Journey::take_up(visit, commands, browser.clone(), flow).await,
        None => Ok(None),
    }
}

/// The step by which somebody who is signed in adds to what they have.
async fn add(
    visit: &Visit,
    commands: &Commands,
    browser: Browser,
    signed_in: &SignedIn,
    method: Method,
    account: Option<Section>,
) -> Result<Response, PageError> {
    let mut flow = Flow::begin_in(visit, None, signed_in);
    flow.progress.adds = Some(method);
    flow.account = account;
    match Journey::take_up(visit, commands, browser, flow).await? {
        Some(journey) => journey.look().await,
        None => Err(PageError::stale()),
    }
}

async fn show_signed_in(
    visit: &Visit,
    signed_in: &SignedIn,
    addable: &[Method],
) -> Result<Response, PageError> {
    let adds: Vec<_> = addable
        .iter()
        .map(|method| WayIn {
            method: method.as_str(),
            label: match method {
                Method::Passkey => "add-passkey",
                Method::Federated => "add-federated",
                _ => "add-totp",
            },
        })
        .collect();
    let template = SignedInPage {
        say: &visit.say,
        username: signed_in.name(),
        signed_in_at: OffsetDateTime::from_unix_timestamp(signed_in.session.started.seconds())
            .unwrap_or(OffsetDateTime::UNIX_EPOCH),
        adds: &adds,
        sign_out_action: &logout::path(visit),
        flow: &logout::confirmation(visit, signed_in.id, None).await?,
    };
    Ok(page::page(StatusCode::OK, &template))
}

/// A form that belongs to no application's request.
pub(super) async fn anew(
    visit: &Visit,
    commands: &Commands,
    browser: Browser,
    username: &str,
    error: Option<SignInError>,
) -> Result<Response, PageError> {
    let flow = Flow::begin(visit, None);
    let Some(mut journey) = Journey::take_up(visit, commands, browser, flow).await? else {
        return Err(PageError::stale());
    };
    let status = error.map_or(StatusCode::OK, SignInError::status);
    show::identify(&mut journey, username, status, error).await
}

async fn submit(visit: &Visit, commands: &Commands, body: Body) -> Result<Response, PageError> {
    let form = body.0?;
    let browser = Browser::of(&visit.edge, visit.realm.id, &visit.headers);
    let text = form.get("flow").unwrap_or_default();
    let taken_up = take_up(visit, commands, &browser, text).await?;
    if let Some(journey) = taken_up
        && let Some(response) = Box::pin(journey.submit(&form)).await?
    {
        return Ok(response);
    }
    let username = form.get("username").filter(|name| !login_name(name).is_empty());
    let stale = Some(SignInError::Stale);
    anew(visit, commands, browser, username.unwrap_or_default(), stale).await
}
