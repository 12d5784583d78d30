//! Signing out (OpenID Connect RP-Initiated Logout 1.0). The rules: only a hint that we signed ends a session
//! without asking; the browser is sent on only to a URI that was registered for the application that is
//! meant, exactly. Where applications sign out in the browser (`front_channel.rs`), it goes on when they have; others are told
//! behind its back (`back_channel.rs`, `telling.rs`).

mod back_channel;
mod front_channel;
mod telling;

use axum::response::Response;
use events::{
    applications::Application,
    auth::EndReason,
    envelope::Actor,
    ids::SessionId,
    kernel::{Failure, KernelError},
};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use web::{artefacts, clients, form::Form};

use self::front_channel::Frames;
pub use self::telling::{BackChannelLogout, EndedSessions};
use super::{
    Issuer,
    authorize::redirect_uri::{self, PolicySource},
    hint::{self, Hint},
    page::{self, PageError, Wrong},
    pages::{ConfirmSignOut, SignedOut},
    session_cookie, session_state,
    sessions::{EndSession, NoSession},
    trouble,
    visit::{Body, Query, Visit},
};

const PURPOSE: &str = "sign-out";
/// How long a confirmation may stay open, in seconds.
const SECONDS: u64 = 1_800;
/// The longest `state`, in bytes.
const MAX_STATE: usize = 4_096;

/// Sign out, and go on to the application if it asked for that.
#[utoipa::path(
    get, path = "/realms/{realm}/oauth2/logout", tag = "oauth", operation_id = "logout",
    params(
        Issuer,
        ("id_token_hint" = Option<String>, Query, description = "An id token of the session, also one that has expired"),
        ("client_id" = Option<String>, Query, description = "The application"),
        ("post_logout_redirect_uri" = Option<String>, Query, description = "Exactly one that was registered"),
        ("state" = Option<String>, Query, description = "Given back as it came"),
        ("logout_hint" = Option<String>, Query, description = "Taken and not used"),
        ("ui_locales" = Option<String>, Query, description = "Languages of the page, by preference"),
    ),
    extensions(("x-events" = json!(["session.ended"]))),
    responses(
        (status = 303, description = "Signed out: to the application"),
        (status = 200, description = "Signed out, with the frames of applications that sign out in the browser; or a page that asks whether to"),
        (status = 400, description = "An error page: the application or the URI are not valid"),
    ),
)]
pub(super) async fn get_logout(visit: Visit, query: Query) -> Response {
    let answer = logout(&visit, query.0).await;
    visit.answer(answer)
}

/// The same by POST; also what the confirmation page sends (`flow`).
#[utoipa::path(
    post, path = "/realms/{realm}/oauth2/logout", tag = "oauth", operation_id = "logout_by_post", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "The parameters of the GET, or `flow`"),
    extensions(("x-events" = json!(["session.ended"]))),
    responses(
        (status = 303, description = "Signed out: to the application"),
        (status = 200, description = "Signed out, with the frames of applications that sign out in the browser; or a page that asks whether to"),
        (status = 400, description = "An error page: the application or the URI are not valid"),
    ),
)]
pub(super) async fn post_logout(visit: Visit, body: Body) -> Response {
    let answer = match body.0 {
        Ok(form) if form.given("flow").is_some() => confirmed(&visit, &form).await,
        form => logout(&visit, form).await,
    };
    visit.answer(answer)
}

/// Where the browser goes after signing out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onward {
    /// The application's name.
    application: String,
    /// Where, with the state.
    url: Option<String>,
}

/// The endpoint's path.
pub fn path(visit: &Visit) -> String {
    format!("/realms/{}/oauth2/logout", visit.realm.name)
}

/// What the sign-out form of a session carries: nobody else can have made it for this browser.
pub async fn confirmation(
    visit: &Visit,
    session: SessionId,
    onward: Option<&Onward>,
) -> Result<String, KernelError> {
    let kernel = visit.edge.kernel();
    let expires = kernel.now().after_seconds(SECONDS);
    artefacts::seal(
        kernel,
        visit.realm.id,
        PURPOSE,
        &[session.0.as_bytes()],
        &onward,
        expires,
    )
    .await
}

async fn logout(visit: &Visit, form: Result<Form, PageError>) -> Result<Response, PageError> {
    let form = form?;
    // One that cannot be read is no hint: the user is asked. (A key that was rotated away must not keep
    // anybody signed in.)
    let hint = match form.given("id_token_hint") {
        Some(token) => hint::read(visit, token).await?,
        None => None,
    };
    let onward = onward(visit, &form, hint.as_ref()).await?;
    let held = session_cookie::session(&visit.edge, visit.realm.id, &visit.headers).await?;
    match (held, hint.map(|hint| hint.session)) {
        (Some(held), Some(hinted)) if held == hinted => end(visit, held, onward).await,
        (Some(held), _) => ask(visit, held, onward).await,
        // A form that another site posts brings no cookie; the hint says which session is meant.
        (None, Some(hinted)) => end(visit, hinted, onward).await,
        (None, None) => signed_out(visit, onward, &Frames::default()),
    }
}

/// The application that is meant, and where the browser is to go; refused unless that was registered.
async fn onward(visit: &Visit, form: &Form, hint: Option<&Hint>) -> Result<Option<Onward>, PageError> {
    let refused = |detail: &str| Err(PageError::of(Wrong::SignOut, "invalid_request", detail));
    let named = form.given("client_id");
    let client_id = match (named, hint) {
        (Some(named), Some(hint)) if named != hint.client_id => {
            return refused("client_id is not the application that id_token_hint was issued to");
        }
        (Some(client_id), _) => Some(client_id),
        (None, hint) => hint.map(|hint| hint.client_id.as_str()),
    };
    let application = match client_id {
        None => None,
        Some(client_id) => clients::resolve(&visit.edge, &visit.realm, client_id)
            .await?
            .map(|(_, application)| application)
            .filter(Application::is_active),
    };
    let state = form.given("state");
    if state.is_some_and(|state| state.len() > MAX_STATE || state.contains(char::is_control)) {
        return refused("state is too long or has control characters");
    }
    let Some(application) = application else {
        return if named.is_some() {
            refused("no active application of this realm has this client_id")
        } else if form.given("post_logout_redirect_uri").is_some() {
            refused("post_logout_redirect_uri needs a valid id_token_hint, or client_id")
        } else {
            Ok(None)
        };
    };
    let url = match form.given("post_logout_redirect_uri") {
        None => None,
        Some(uri)
            if application
                .settings
                .post_logout_redirect_uris
                .iter()
                .any(|one| one == uri) =>
        {
            let params: Vec<_> = state
                .map(|state| ("state".to_owned(), state.to_owned()))
                .into_iter()
                .collect();
            Some(if params.is_empty() {
                uri.to_owned()
            } else {
                redirect_uri::with_query(uri, &params)
            })
        }
        Some(_) => return refused("post_logout_redirect_uri is not exactly one of those registered"),
    };
    Ok(Some(Onward {
        application: application.settings.name,
        url,
    }))
}

async fn ask(visit: &Visit, session: SessionId, onward: Option<Onward>) -> Result<Response, PageError> {
    let flow = confirmation(visit, session, onward.as_ref()).await?;
    let url = onward.as_ref().and_then(|onward| onward.url.as_deref());
    let template = ConfirmSignOut {
        say: &visit.say,
        application_name: onward.as_ref().map(|onward| onward.application.as_str()),
        action: &path(visit),
        flow: &flow,
        cancel_url: None,
    };
    Ok(page::form_page(
        StatusCode::OK,
        &template,
        url.and_then(PolicySource::of).as_ref(),
    ))
}

async fn confirmed(visit: &Visit, form: &Form) -> Result<Response, PageError> {
    let Some(held) = session_cookie::session(&visit.edge, visit.realm.id, &visit.headers).await? else {
        return signed_out(visit, None, &Frames::default());
    };
    let kernel = visit.edge.kernel();
    let flow = form.given("flow").unwrap_or_default();
    let onward: Option<Option<Onward>> =
        artefacts::open(kernel, visit.realm.id, PURPOSE, &[held.0.as_bytes()], flow).await?;
    match onward {
        Some(onward) => end(visit, held, onward).await,
        None => ask(visit, held, None).await,
    }
}

async fn end(visit: &Visit, id: SessionId, onward: Option<Onward>) -> Result<Response, PageError> {
    let kernel = visit.edge.kernel();
    let session = kernel
        .latest::<events::auth::Session>(visit.realm.id, id.0)
        .await?
        .state;
    let context = visit.context(Actor {
        user: session.user,
        session: Some(id),
        ..Actor::default()
    });
    let command = EndSession {
        realm: visit.realm.id,
        session: id,
        reason: EndReason::SignedOut,
    };
    match kernel.execute(&context, &command).await {
        Ok(_) | Err(Failure::Rejected(NoSession)) => {
            // Also of a session that had ended elsewhere: in this browser the applications may not know.
            let frames = front_channel::frames(visit, id, &session).await?;
            signed_out(visit, onward, &frames)
        }
        Err(failure) => Err(trouble(failure).into()),
    }
}

/// On to the application, at once or when others have signed out in their frames; or a page that says that it is done. The cookies go
/// in any case.
fn signed_out(visit: &Visit, onward: Option<Onward>, frames: &Frames) -> Result<Response, PageError> {
    let named = onward.as_ref().map(|onward| onward.application.as_str());
    let url = onward.as_ref().and_then(|onward| onward.url.as_deref());
    let mut response = match url {
        Some(url) if frames.addresses.is_empty() => page::see_other(url)?,
        url => {
            let sign_in = visit.sign_in_path();
            let template = SignedOut {
                say: &visit.say,
                application_name: named.filter(|_| url.is_some()),
                continue_url: url.unwrap_or(&sign_in),
                goes_on: url.is_some(),
                frames: &frames.addresses,
            };
            page::framing_page(&template, &frames.origins)
        }
    };
    for cookie in [
        session_cookie::clear_session(&visit.edge, visit.realm.id)?,
        session_state::clear(&visit.edge, visit.realm.id)?,
    ] {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
