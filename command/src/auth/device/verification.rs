//! Where people approve their devices (RFC 8628, 3.3). The rules: nobody tries codes without being signed in; a code that never was,
//! one that is over and one that was answered look the same; and what approves is a form that was shown to this session.

use std::collections::BTreeSet;

use axum::{extract::State, response::Response};
use events::{
    applications::Application,
    auth::DeviceAuthorization,
    compliance::{Consent, consent_id},
    ids::GrantId,
    kernel::{Failure, KernelError},
    log::ClaimKind,
    subject::Lane,
};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::{artefacts, form::Form};

use super::{
    decisions::{AnswerDevice, AnswerRefused},
    user_code,
};
use crate::{
    Commands,
    auth::{
        Issuer,
        consent::decisions::GiveConsent,
        flow::Flow,
        page::{self, PageError, Wrong},
        pages::{DeviceAnswered, DeviceCodeError, DeviceConfirmation, DeviceEntry},
        sessions::{self, SignedIn},
        trouble,
        visit::{Body, Query, Visit},
    },
};

const PURPOSE: &str = "device-confirmation";
/// How long the question may stay open, in seconds; never longer than the request that it is about.
const SECONDS: u64 = 600;
/// After how many seconds who typed too many wrong codes may try again, at the latest.
const RETRY_AFTER: u32 = 1_800;

/// What the buttons of a confirmation carry.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Question {
    device: Uuid,
}

/// The page where a user code is typed; asks to sign in first.
#[utoipa::path(
    get, path = "/realms/{realm}/device", tag = "pages", operation_id = "device_page",
    params(Issuer, ("user_code" = Option<String>, Query, description = "What the device shows")),
    responses(
        (status = 200, description = "The form"),
        (status = 303, description = "To the sign-in page, and back here"),
    ),
)]
pub(in crate::auth) async fn get_device(visit: Visit, query: Query) -> Response {
    let answer = show(&visit, query.0).await;
    visit.answer(answer)
}

/// Type a code, and approve or refuse what asks by it.
#[utoipa::path(
    post, path = "/realms/{realm}/device", tag = "pages", operation_id = "device", params(Issuer),
    request_body(
        content_type = "application/x-www-form-urlencoded",
        description = "`user_code`; or `flow` and `decision`, `allow` or `deny`",
    ),
    extensions(("x-events" = json!(["device.approved", "device.denied", "consent.given"]))),
    responses(
        (status = 200, description = "Who asks for what, or that it is done"),
        (status = 303, description = "To the sign-in page, and back here"),
        (status = 422, description = "The form: the code leads nowhere, whatever the reason"),
        (status = 429, description = "The form: too many codes led nowhere; `Retry-After` says when to try again"),
    ),
)]
pub(in crate::auth) async fn post_device(
    State(commands): State<Commands>,
    visit: Visit,
    body: Body,
) -> Response {
    let answer = submit(&commands, &visit, body.0).await;
    visit.answer(answer)
}

/// This page's path.
fn path(visit: &Visit) -> String {
    format!("/realms/{}/device", visit.realm.name)
}

async fn show(visit: &Visit, form: Result<Form, PageError>) -> Result<Response, PageError> {
    let form = form?;
    let user_code = form.given("user_code").unwrap_or_default();
    let settings = visit.edge.settings(visit.realm.id).await?;
    match sessions::current(visit, &settings).await? {
        Some(_) => Ok(entry(visit, user_code, StatusCode::OK, None)),
        None => sign_in(visit, user_code).await,
    }
}

/// To the sign-in page, and back here with the code.
async fn sign_in(visit: &Visit, user_code: &str) -> Result<Response, PageError> {
    let code = user_code::typed(user_code).unwrap_or_default();
    Flow::begin_for_device(visit, code).go(visit).await
}

/// Where a sign-in that was begun here comes back to.
pub(in crate::auth) fn after_sign_in(visit: &Visit, user_code: &str) -> String {
    format!("{}?user_code={}", path(visit), user_code::shown(user_code))
}

fn entry(visit: &Visit, typed: &str, status: StatusCode, error: Option<DeviceCodeError>) -> Response {
    let shown = user_code::typed(typed).map_or_else(String::new, |code| user_code::shown(&code));
    let template = DeviceEntry {
        say: &visit.say,
        action: &path(visit),
        user_code: &shown,
        error,
    };
    page::form_page(status, &template, None)
}

async fn submit(
    commands: &Commands,
    visit: &Visit,
    form: Result<Form, PageError>,
) -> Result<Response, PageError> {
    let form = form?;
    let typed = form.given("user_code").unwrap_or_default();
    let settings = visit.edge.settings(visit.realm.id).await?;
    let Some(signed_in) = sessions::current(visit, &settings).await? else {
        return sign_in(visit, typed).await;
    };
    if form.given("flow").is_some() {
        return answer(visit, &signed_in, &form).await;
    }
    let (realm, pace) = (visit.realm.id, &commands.device_pace);
    if !pace.may_try(realm, signed_in.user) {
        let mut response = entry(
            visit,
            "",
            StatusCode::TOO_MANY_REQUESTS,
            Some(DeviceCodeError::TooMany),
        );
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
        return Ok(response);
    }
    let Some((device, state, application)) = pending(visit, typed).await? else {
        pace.tried_in_vain(realm, signed_in.user);
        let error = Some(DeviceCodeError::LeadsNowhere);
        return Ok(entry(visit, typed, StatusCode::UNPROCESSABLE_ENTITY, error));
    };
    let kernel = visit.edge.kernel();
    let end = kernel.now().after_seconds(SECONDS).min(state.expires);
    let bound = [signed_in.id.0.as_bytes().as_slice()];
    let flow = artefacts::seal(kernel, realm, PURPOSE, &bound, &Question { device }, end).await?;
    let template = DeviceConfirmation {
        say: &visit.say,
        application_name: &application.settings.name,
        user_code: &user_code::typed(typed).map_or_else(String::new, |code| user_code::shown(&code)),
        username: signed_in.name(),
        scopes: &state.scopes,
        action: &path(visit),
        flow: &flow,
    };
    Ok(page::form_page(StatusCode::OK, &template, None))
}

/// The request that waits under a code, and the application that asks.
async fn pending(
    visit: &Visit,
    typed: &str,
) -> Result<Option<(Uuid, DeviceAuthorization, Application)>, KernelError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let Some(code) = user_code::typed(typed) else {
        return Ok(None);
    };
    let Some(device) = kernel
        .claimed(realm, Lane::Activity, ClaimKind::UserCode, &code)
        .await?
    else {
        return Ok(None);
    };
    let state = kernel.latest::<DeviceAuthorization>(realm, device).await?.state;
    let Some(client) = state.client.filter(|_| state.is_pending(kernel.now())) else {
        return Ok(None);
    };
    let application = kernel.current::<Application>(realm, client.0).await?.state;
    Ok(application.is_active().then_some((device, state, application)))
}

async fn answer(visit: &Visit, signed_in: &SignedIn, form: &Form) -> Result<Response, PageError> {
    let (kernel, realm) = (visit.edge.kernel(), visit.realm.id);
    let over = || {
        let error = Some(DeviceCodeError::LeadsNowhere);
        Ok(entry(visit, "", StatusCode::UNPROCESSABLE_ENTITY, error))
    };
    let flow = form.given("flow").unwrap_or_default();
    let bound = [signed_in.id.0.as_bytes().as_slice()];
    let Some(question) = artefacts::open::<Question>(kernel, realm, PURPOSE, &bound, flow).await? else {
        return over();
    };
    let allowed = match form.given("decision") {
        Some("allow") => true,
        Some("deny") => false,
        _ => {
            return Err(PageError::of(
                Wrong::Form,
                "invalid_request",
                "decision must be allow or deny",
            ));
        }
    };
    let state = kernel
        .latest::<DeviceAuthorization>(realm, question.device)
        .await?
        .state;
    let Some(client) = state.client else {
        return over();
    };
    let application = kernel.current::<Application>(realm, client.0).await?.state;
    if !application.is_active() {
        return over();
    }
    let mut context = visit.context_of(signed_in);
    context.actor.client = Some(client);
    if allowed && application.settings.consent_required {
        let given = GiveConsent {
            realm,
            user: signed_in.user,
            client,
            scopes: state.scopes.iter().cloned().collect(),
            claims: BTreeSet::new(),
        };
        let facts = visit.context_of(signed_in);
        kernel.execute(&facts, &given).await.map_err(trouble)?;
    }
    let consent = kernel
        .latest::<Consent>(realm, consent_id(signed_in.user, client))
        .await?
        .version;
    let command = AnswerDevice {
        realm,
        device: question.device,
        client,
        user: signed_in.user,
        session: signed_in.id,
        approve: allowed.then(|| (GrantId(context.new_id()), consent)),
    };
    match kernel.execute(&context, &command).await {
        Ok(_) => {
            let template = DeviceAnswered {
                say: &visit.say,
                application_name: &application.settings.name,
                allowed,
            };
            Ok(page::page(StatusCode::OK, &template))
        }
        Err(Failure::Rejected(AnswerRefused::Over)) => over(),
        Err(Failure::Rejected(AnswerRefused::SignedOut)) => sign_in(visit, "").await,
        Err(failure) => Err(trouble(failure).into()),
    }
}
