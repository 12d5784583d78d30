//! The authorization request (RFC 6749, 4.1.1; OpenID Connect Core, 3.1.2.1; RFC 7636; RFC 8707), validated
//! without I/O. The rule: the client and the redirect URI come first, and while they are in doubt nothing is
//! sent anywhere; every parameter that is understood is checked for all that it may be, and one that is not
//! supported is refused by name.

use std::collections::BTreeSet;

use events::{
    applications::{Application, ApplicationType},
    ids::{ApplicationId, UserId},
};
use serde::{Deserialize, Serialize};
use web::{claims::STANDARD_SCOPES, form::Form};

use super::redirect_uri;
use crate::auth::audience::{self, InvalidTarget};

/// The longest `state`, in bytes: some clients keep a whole URL in it.
const MAX_STATE: usize = 4_096;
/// The longest `nonce`, in bytes.
const MAX_NONCE: usize = 1_024;
/// The longest `login_hint`, in bytes; longer than any login name.
const MAX_LOGIN_HINT: usize = 512;
/// The longest `scope`, in bytes.
const MAX_SCOPE: usize = 2_048;

/// Why nothing may be sent to the redirect URI: the person sees a page instead (RFC 6749, 4.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    /// `client_id` is absent.
    #[error("the parameter client_id is missing")]
    MissingClient,
    /// No active application has this `client_id`.
    #[error("no active application of this realm has this client_id")]
    UnknownClient,
    /// The application acts for itself only.
    #[error("a service application has no users to sign in: it uses the grant client_credentials")]
    NotForUsers,
    /// `redirect_uri` is absent.
    #[error("the parameter redirect_uri is missing")]
    MissingRedirectUri,
    /// `redirect_uri` was not registered.
    #[error("redirect_uri is not exactly one of those registered for this application")]
    UnregisteredRedirectUri,
}

impl Unanswerable {
    /// The error code of OAuth that says the same.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingClient | Self::MissingRedirectUri | Self::UnregisteredRedirectUri => {
                "invalid_request"
            }
            Self::UnknownClient => "invalid_client",
            Self::NotForUsers => "unauthorized_client",
        }
    }
}

/// Why a request is refused, as the application is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `error`.
    pub error: &'static str,
    /// `error_description`, for its developer.
    pub description: &'static str,
}

const fn refused<T>(error: &'static str, description: &'static str) -> Result<T, Refusal> {
    Err(Refusal { error, description })
}

const fn invalid<T>(description: &'static str) -> Result<T, Refusal> {
    refused("invalid_request", description)
}

/// How the answer travels (OAuth 2.0 Multiple Response Type Encoding Practices; Form Post Response Mode).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In its fragment.
    Fragment,
    /// In a form that the browser posts.
    FormPost,
}

/// Where the answer goes: the part of a request that is known to be good before anything else is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// The registered redirect URI, as presented.
    pub redirect_uri: String,
    /// Whether the request named it; if so, the token request must name it too (RFC 6749, 4.1.3).
    pub redirect_uri_given: bool,
    /// How the answer travels.
    pub mode: ResponseMode,
    /// Given back as it came.
    pub state: Option<String>,
}

/// What the application wants of the person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prompt {
    /// To sign in if that is needed.
    #[default]
    AsNeeded,
    /// To see nothing: the answer is an error if anything would have to be shown.
    Nothing,
    /// To sign in, even with a session.
    SignIn,
}

/// A request that may be answered with a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizeRequest {
    /// The application.
    pub client: ApplicationId,
    /// Where the answer goes.
    pub reply_to: ReplyTo,
    /// What is asked for.
    pub scopes: BTreeSet<String>,
    /// For the id token.
    pub nonce: Option<String>,
    /// PKCE: the S256 challenge.
    pub challenge: Option<String>,
    /// The resources that the access token is for (RFC 8707).
    pub resources: Vec<String>,
    /// What is wanted of the person.
    pub prompt: Prompt,
    /// How long ago the person may have signed in, in seconds.
    pub max_age: Option<u64>,
    /// The name to put into the form.
    pub login_hint: Option<String>,
    /// Who is meant, according to an id token of ours.
    pub hinted: Option<UserId>,
}

/// The `client_id` of a request.
pub fn client_id(params: &Form) -> Result<&str, Unanswerable> {
    params.given("client_id").ok_or(Unanswerable::MissingClient)
}

/// Where the answer goes, errors included. `application` is who `client_id` names, if anybody.
pub fn reply_to(params: &Form, application: Option<&Application>) -> Result<ReplyTo, Unanswerable> {
    let application = application.ok_or(Unanswerable::UnknownClient)?;
    takes_users(application)?;
    let registered = &application.settings.redirect_uris;
    let (redirect_uri, redirect_uri_given) = match (params.given("redirect_uri"), &registered[..]) {
        (Some(presented), _) if redirect_uri::is_registered(registered, presented) => {
            (presented.to_owned(), true)
        }
        (Some(_), _) => return Err(Unanswerable::UnregisteredRedirectUri),
        // RFC 6749, 3.1.2.3; not in OpenID Connect, which requires it.
        (None, [only]) if !asks_for_openid(params) => (only.clone(), false),
        (None, _) => return Err(Unanswerable::MissingRedirectUri),
    };
    let mode = params
        .given("response_mode")
        .and_then(response_mode)
        .unwrap_or_default();
    let state = params
        .given("state")
        .filter(|state| is_state(state))
        .map(str::to_owned);
    Ok(ReplyTo {
        redirect_uri,
        redirect_uri_given,
        mode,
        state,
    })
}

/// Whether people sign in to this application now.
fn takes_users(application: &Application) -> Result<(), Unanswerable> {
    if !application.is_active() {
        return Err(Unanswerable::UnknownClient);
    }
    if !application
        .application_type
        .is_some_and(ApplicationType::is_redirected_to)
    {
        return Err(Unanswerable::NotForUsers);
    }
    Ok(())
}

impl AuthorizeRequest {
    /// Whether anything may still be sent to where the answer was to go: a request that waited for a sign-in
    /// is asked again of the application as it is now.
    pub fn is_still_answerable(&self, application: &Application) -> Result<(), Unanswerable> {
        takes_users(application)?;
        if redirect_uri::is_registered(&application.settings.redirect_uris, &self.reply_to.redirect_uri) {
            Ok(())
        } else {
            Err(Unanswerable::UnregisteredRedirectUri)
        }
    }

    /// Whether the application may still ask for this.
    pub fn is_still_allowed(&self, application: &Application, issuer: &str) -> Result<(), Refusal> {
        allowed(&self.scopes, &self.resources, application, issuer)
    }
}

/// Whether an application may ask for these scopes at this resource.
fn allowed(
    scopes: &BTreeSet<String>,
    resources: &[String],
    application: &Application,
    issuer: &str,
) -> Result<(), Refusal> {
    if !scopes.iter().all(|scope| is_known(application, scope)) {
        return refused(
            "invalid_scope",
            "scope names one that this application may not ask for",
        );
    }
    if audience::of(application, issuer, resources, scopes) == Err(InvalidTarget) {
        return refused(
            "invalid_target",
            "resource is not one of the audiences of this application",
        );
    }
    Ok(())
}

/// Whether an application may ask for a scope.
pub fn is_known(application: &Application, scope: &str) -> bool {
    STANDARD_SCOPES.contains(&scope) || application.settings.scopes.iter().any(|one| one == scope)
}

/// The rest of the request. `hinted` is left for the caller, who can verify an id token.
pub fn validate(
    params: &Form,
    client: ApplicationId,
    application: &Application,
    issuer: &str,
    reply_to: ReplyTo,
) -> Result<AuthorizeRequest, Refusal> {
    unsupported(params)?;
    if params
        .given("response_mode")
        .is_some_and(|mode| response_mode(mode).is_none())
    {
        return invalid("response_mode must be query, fragment or form_post");
    }
    if params.given("state").is_some_and(|state| !is_state(state)) {
        return invalid("state is too long or has control characters");
    }
    match params.given("response_type") {
        Some("code") => {}
        Some(_) => return refused("unsupported_response_type", "response_type must be code"),
        None => return invalid("response_type is missing"),
    }
    let scopes = scopes(params)?;
    let resources = params.all("resource");
    allowed(&scopes, &resources, application, issuer)?;
    Ok(AuthorizeRequest {
        client,
        reply_to,
        nonce: bounded(
            params,
            "nonce",
            MAX_NONCE,
            "nonce is too long or has control characters",
        )?,
        challenge: challenge(params, application)?,
        resources,
        prompt: prompt(params)?,
        max_age: max_age(params)?,
        login_hint: bounded(
            params,
            "login_hint",
            MAX_LOGIN_HINT,
            "login_hint is too long or has control characters",
        )?,
        hinted: None,
        scopes,
    })
}

/// Parameters that would change the meaning of the request and that are not supported: never silently
/// ignored.
fn unsupported(params: &Form) -> Result<(), Refusal> {
    if params.given("request").is_some() {
        return refused("request_not_supported", "request objects are not supported");
    }
    if params.given("request_uri").is_some() {
        return refused("request_uri_not_supported", "request_uri is not supported");
    }
    if params.given("registration").is_some() {
        return refused("registration_not_supported", "registration is not supported");
    }
    Ok(())
}

fn response_mode(text: &str) -> Option<ResponseMode> {
    match text {
        "query" => Some(ResponseMode::Query),
        "fragment" => Some(ResponseMode::Fragment),
        "form_post" => Some(ResponseMode::FormPost),
        _ => None,
    }
}

fn is_state(state: &str) -> bool {
    state.len() <= MAX_STATE && !state.contains(char::is_control)
}

fn bounded(
    params: &Form,
    name: &str,
    most: usize,
    description: &'static str,
) -> Result<Option<String>, Refusal> {
    match params.given(name) {
        Some(value) if value.len() > most || value.contains(char::is_control) => invalid(description),
        value => Ok(value.map(str::to_owned)),
    }
}

fn asks_for_openid(params: &Form) -> bool {
    params
        .given("scope")
        .is_some_and(|scope| scope.split(' ').any(|one| one == "openid"))
}

/// The scopes that were asked for, at least one.
fn scopes(params: &Form) -> Result<BTreeSet<String>, Refusal> {
    let scope = params.given("scope").unwrap_or_default();
    if scope.len() > MAX_SCOPE {
        return refused("invalid_scope", "scope is too long");
    }
    let scopes: BTreeSet<String> = scope
        .split(' ')
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect();
    if scopes.is_empty() {
        return refused("invalid_scope", "scope is missing");
    }
    Ok(scopes)
}

/// RFC 7636, with S256 alone: `plain` protects nobody who can read the request (RFC 9700, 2.1.1).
fn challenge(params: &Form, application: &Application) -> Result<Option<String>, Refusal> {
    match (
        params.given("code_challenge"),
        params.given("code_challenge_method"),
    ) {
        (None, Some(_)) => invalid("code_challenge_method without code_challenge"),
        (None, None) if application.is_confidential() => Ok(None),
        (None, None) => invalid("code_challenge is required of this application (PKCE, RFC 7636)"),
        (Some(challenge), Some("S256")) if is_challenge(challenge) => Ok(Some(challenge.to_owned())),
        (Some(_), Some("S256")) => invalid("code_challenge must be 43 characters of base64url"),
        (Some(_), _) => invalid("code_challenge_method must be S256"),
    }
}

/// A SHA-256 in base64url without padding.
fn is_challenge(text: &str) -> bool {
    text.len() == 43
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// `prompt`. There is one account for each browser, so choosing one is signing in; consent was given by the
/// administrator who registered the application, so that asking for it again shows nothing.
fn prompt(params: &Form) -> Result<Prompt, Refusal> {
    let mut prompt = Prompt::AsNeeded;
    let values: Vec<_> = params
        .given("prompt")
        .unwrap_or_default()
        .split(' ')
        .filter(|one| !one.is_empty())
        .collect();
    for value in &values {
        match *value {
            "none" if values.len() > 1 => return invalid("prompt none cannot be combined with others"),
            "none" => prompt = Prompt::Nothing,
            "login" | "select_account" => prompt = Prompt::SignIn,
            "consent" => {}
            _ => return invalid("prompt must be none, or of login, select_account and consent"),
        }
    }
    Ok(prompt)
}

fn max_age(params: &Form) -> Result<Option<u64>, Refusal> {
    let Some(text) = params.given("max_age") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(seconds) if text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(Some(seconds))
        }
        _ => invalid("max_age must be a number of seconds"),
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
