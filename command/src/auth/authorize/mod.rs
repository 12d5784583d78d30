//! The authorization endpoint (RFC 6749, 3.1; OpenID Connect Core, 3.1.2; RFC 9700): a code for who is signed
//! in, else the sign-in page. The rule: client and redirect URI are validated before anything is sent
//! anywhere; until then the person sees a page.

pub mod answer;
pub mod redirect_uri;
pub mod request;

use axum::response::Response;
use events::{applications::Application, kernel::KernelError};
use web::{clients, form::Form};

use self::{
    answer::{Answer, LOGIN_REQUIRED},
    request::{AuthorizeRequest, Prompt, Refusal},
};
use super::{
    Issuer, code,
    flow::Flow,
    hint,
    page::{self, PageError},
    session_cookie::{self, Browser},
    sessions::{self, SignedIn},
    visit::{Body, Query, Visit},
};

/// The longest request that is turned from POST into GET.
const MAX_QUERY: usize = 6_000;

/// Ask for a code (RFC 6749, 4.1.1; OpenID Connect Core, 3.1.2.1). Errors of the client or its redirect URI
/// are a page.
#[utoipa::path(
    get, path = "/realms/{realm}/oauth2/authorize", tag = "oauth", operation_id = "authorize",
    params(
        Issuer,
        ("client_id" = String, Query, description = "The application"),
        ("response_type" = String, Query, description = "`code`"),
        ("redirect_uri" = Option<String>, Query, description = "Exactly one that was registered"),
        ("scope" = String, Query, description = "Separated by spaces, such as `openid profile`"),
        ("state" = Option<String>, Query, description = "Given back as it came, at most 4,096 bytes"),
        ("nonce" = Option<String>, Query, description = "Repeated in the id token, at most 1,024 bytes"),
        ("code_challenge" = Option<String>, Query, description = "PKCE (RFC 7636); required of public applications"),
        ("code_challenge_method" = Option<String>, Query, description = "`S256`"),
        ("response_mode" = Option<String>, Query, description = "`query`, `fragment` or `form_post`"),
        ("prompt" = Option<String>, Query, description = "`none`, or of `login`, `select_account`, `consent`"),
        ("max_age" = Option<u64>, Query, description = "How long ago the user may have signed in, in seconds"),
        ("login_hint" = Option<String>, Query, description = "The name to put into the form"),
        ("id_token_hint" = Option<String>, Query, description = "An id token of the user who is meant"),
        ("resource" = Option<String>, Query, description = "One of the application's audiences (RFC 8707)"),
    ),
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
    request_body(content_type = "application/x-www-form-urlencoded", description = "The parameters of the GET"),
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
    let form = form?;
    let client_id = request::client_id(&form)?;
    let (client, application) = match clients::resolve(&visit.edge, &visit.realm, client_id).await? {
        Some((id, application)) => (Some(id), Some(application)),
        None => (None, None),
    };
    let reply_to = request::reply_to(&form, application.as_ref())?;
    let (Some(client), Some(application)) = (client, application) else {
        return Err(request::Unanswerable::UnknownClient.into());
    };
    if posted
        && session_cookie::session(&visit.edge, visit.realm.id, &visit.headers)
            .await?
            .is_none()
        && let Some(again) = as_get(visit, &form)
    {
        return page::see_other(&again);
    }
    let name = &application.settings.name;
    let issuer = visit.issuer();
    let mut request = match request::validate(&form, client, &application, &issuer, reply_to.clone()) {
        Ok(request) => request,
        Err(refusal) => return answer::send(visit, name, &reply_to, Answer::Error(refusal)),
    };
    if let Some(token) = form.given("id_token_hint") {
        match hint::read(visit, token).await? {
            Some(hint) => request.hinted = Some(hint.user),
            None => return answer::send(visit, name, &reply_to, Answer::Error(BAD_HINT)),
        }
    }
    match signed_in(visit, &request).await? {
        Some(signed_in) => grant(visit, &request, &signed_in).await,
        None if request.prompt == Prompt::Nothing => answer::send(visit, name, &reply_to, LOGIN_REQUIRED),
        None => sign_in(visit, request).await,
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
async fn signed_in(visit: &Visit, request: &AuthorizeRequest) -> Result<Option<SignedIn>, KernelError> {
    if request.prompt == Prompt::SignIn {
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
    if too_long_ago || request.hinted.is_some_and(|hinted| hinted != signed_in.user) {
        return Ok(None);
    }
    Ok(sessions::note_use(visit, &signed_in).await?.then_some(signed_in))
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

/// Answers a request with a code for who is signed in: the one place where codes are issued.
pub(super) async fn grant(
    visit: &Visit,
    request: &AuthorizeRequest,
    signed_in: &SignedIn,
) -> Result<Response, PageError> {
    let application = asking(visit, request).await?;
    let name = &application.settings.name;
    if request.hinted.is_some_and(|hinted| hinted != signed_in.user) {
        return answer::send(visit, name, &request.reply_to, answer::OTHER_USER);
    }
    if let Err(refusal) = request.is_still_allowed(&application, &visit.issuer()) {
        return answer::send(visit, name, &request.reply_to, Answer::Error(refusal));
    }
    let settings = visit.edge.settings(visit.realm.id).await?;
    let code = code::issue(visit, &settings, request, signed_in).await?;
    answer::send(visit, name, &request.reply_to, Answer::Code(&code))
}

/// Sends the browser to the sign-in page, with the request sealed for this browser.
async fn sign_in(visit: &Visit, request: AuthorizeRequest) -> Result<Response, PageError> {
    let browser = Browser::of(&visit.edge, visit.realm.id, &visit.headers);
    let flow = Flow::begin(visit, Some(request)).seal(visit, &browser).await?;
    let mut response = page::see_other(&format!("/realms/{}/sign-in?flow={flow}", visit.realm.name))?;
    visit.remember(&browser, response.headers_mut())?;
    Ok(response)
}

impl From<request::Unanswerable> for PageError {
    fn from(reason: request::Unanswerable) -> Self {
        PageError::bad_request(reason.code(), reason.to_string())
    }
}
