//! Consent (OpenID Connect Core, 3.1.2.4): an application that is not of the house gets what the person
//! allows, and is remembered. The rule: nothing beyond what was allowed is granted; the form is of one request,
//! one browser and one session, and gives one code.

pub mod decisions;
pub(super) mod words;

use axum::response::Response;
use events::{
    applications::Application,
    compliance::{Consent, consent_id},
    fold::Versioned,
    kernel::KernelError,
};
use http::StatusCode;
use url::Url;
use web::form::Form;

use self::decisions::GiveConsent;
use super::{
    Issuer,
    authorize::{
        self,
        answer::{self, CONSENT_DENIED},
        redirect_uri::PolicySource,
        request::AuthorizeRequest,
    },
    flow::Flow,
    page::{self, PageError, Wrong},
    pages,
    session_cookie::Browser,
    sessions::{self, SignedIn},
    trouble,
    visit::{Body, Query, Visit},
};

/// What a person allows an application now.
pub(super) async fn standing(
    visit: &Visit,
    request: &AuthorizeRequest,
    signed_in: &SignedIn,
) -> Result<Versioned<Consent>, KernelError> {
    let id = consent_id(signed_in.user, request.client);
    visit.edge.kernel().current::<Consent>(visit.realm.id, id).await
}

/// Whether the person has to be asked. An application of the house is exempt (`consent_required`).
pub(super) fn is_due(
    application: &Application,
    request: &AuthorizeRequest,
    consent: &Consent,
    just_asked: bool,
) -> bool {
    let covered = consent.covers(&request.scopes, &request.claims_beyond_scopes());
    application.settings.consent_required && (!covered || (request.ask_consent && !just_asked))
}

/// Sends the browser to the page that asks.
pub(super) async fn ask(
    visit: &Visit,
    request: &AuthorizeRequest,
    signed_in: &SignedIn,
) -> Result<Response, PageError> {
    let browser = Browser::of(&visit.edge, visit.realm.id, &visit.headers);
    let flow = Flow::begin(visit, Some(request.clone()))
        .seal_in(visit, &browser, signed_in.id)
        .await?;
    let mut response = page::see_other(&format!("/realms/{}/consent?flow={flow}", visit.realm.name))?;
    visit.remember(&browser, response.headers_mut())?;
    Ok(response)
}

/// The page that asks whether an application may have something.
#[utoipa::path(
    get, path = "/realms/{realm}/consent", tag = "pages", operation_id = "consent_page",
    params(Issuer, ("flow" = String, Query, description = "A request under way, from the authorization endpoint")),
    responses(
        (status = 200, description = "The form"),
        (status = 400, description = "An error page: too old, or of another browser or session"),
    ),
)]
pub(super) async fn get_consent(visit: Visit, query: Query) -> Response {
    let answer = show(&visit, query).await;
    visit.answer(answer)
}

/// Allow or deny.
#[utoipa::path(
    post, path = "/realms/{realm}/consent", tag = "pages", operation_id = "consent", params(Issuer),
    request_body(content_type = "application/x-www-form-urlencoded", description = "`flow`, `decision`: `allow` or `deny`"),
    extensions(("x-events" = json!(["consent.given", "code.issued"]))),
    responses(
        (status = 303, description = "To the application, with a code or with `access_denied`"),
        (status = 200, description = "The answer as a form that posts itself (`form_post`)"),
        (status = 400, description = "An error page: too old, used before, or of another browser or session"),
    ),
)]
pub(super) async fn post_consent(visit: Visit, body: Body) -> Response {
    let answer = submit(&visit, body).await;
    visit.answer(answer)
}

/// A form under way: who is asked, and for what.
struct Asked {
    flow: Flow,
    request: AuthorizeRequest,
    signed_in: SignedIn,
    application: Application,
}

async fn open(visit: &Visit, form: &Form) -> Result<Asked, PageError> {
    let browser = Browser::of(&visit.edge, visit.realm.id, &visit.headers);
    let settings = visit.edge.settings(visit.realm.id).await?;
    let signed_in = sessions::current(visit, &settings)
        .await?
        .ok_or_else(PageError::stale)?;
    let text = form.given("flow").ok_or_else(PageError::stale)?;
    let flow = Flow::open_in(visit, &browser, signed_in.id, text)
        .await?
        .ok_or_else(PageError::stale)?;
    let request = flow.request.clone().ok_or_else(PageError::stale)?;
    let application = authorize::asking(visit, &request).await?;
    Ok(Asked {
        flow,
        request,
        signed_in,
        application,
    })
}

/// Where an answer goes, as people read it: a site, or whatever on their device takes such addresses.
fn destination(redirect_uri: &str) -> String {
    let uri = Url::parse(redirect_uri).ok();
    let host = uri.as_ref().and_then(Url::host_str);
    let scheme = uri.as_ref().map_or("", Url::scheme);
    host.map_or_else(|| format!("{scheme}:"), str::to_owned)
}

async fn show(visit: &Visit, query: Query) -> Result<Response, PageError> {
    let form = query.0?;
    let asked = open(visit, &form).await?;
    let settings = &asked.application.settings;
    let realm = visit.edge.settings(visit.realm.id).await?;
    let consent = standing(visit, &asked.request, &asked.signed_in).await?.state;
    let wanted = words::wanted(&asked.request, &consent, &visit.say, &realm);
    let destination = destination(&asked.request.reply_to.redirect_uri);
    let template = pages::Consent {
        say: &visit.say,
        application_name: &settings.name,
        unvouched: asked
            .application
            .registered_itself()
            .then_some(destination.as_str()),
        username: asked.signed_in.name(),
        new: &wanted.new,
        known: &wanted.known,
        client_uri: settings.client_uri.as_deref(),
        policy_uri: settings.policy_uri.as_deref(),
        tos_uri: settings.tos_uri.as_deref(),
        action: &format!("/realms/{}/consent", visit.realm.name),
        flow: form.get("flow").unwrap_or_default(),
    };
    let leads_to = PolicySource::of(&asked.request.reply_to.redirect_uri);
    Ok(page::form_page(StatusCode::OK, &template, leads_to.as_ref()))
}

async fn submit(visit: &Visit, body: Body) -> Result<Response, PageError> {
    let form = body.0?;
    let asked = open(visit, &form).await?;
    match form.given("decision") {
        Some("allow") => {}
        Some("deny") => {
            let reply_to = &asked.request.reply_to;
            return answer::send(visit, &asked.application, reply_to, CONSENT_DENIED).await;
        }
        _ => {
            return Err(PageError::of(
                Wrong::Form,
                "invalid_request",
                "decision must be allow or deny",
            ));
        }
    }
    let command = GiveConsent {
        realm: visit.realm.id,
        user: asked.signed_in.user,
        client: asked.request.client,
        scopes: asked.request.scopes.clone(),
        claims: asked.request.claims_beyond_scopes(),
    };
    visit
        .edge
        .kernel()
        .execute(&visit.context_of(&asked.signed_in), &command)
        .await
        .map_err(trouble)?;
    authorize::grant(visit, &asked.request, &asked.signed_in, Some(&asked.flow)).await
}
