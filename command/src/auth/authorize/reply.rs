//! Where the answer to an authorization request goes, errors included (RFC 6749, 3.1.2 and 4.1.2.1). The rule:
//! this is known to be good before anything else of a request is looked at; while it is not, nothing is sent
//! anywhere.

use events::applications::{Application, ApplicationType};
use serde::{Deserialize, Serialize};
use web::{
    Requirements,
    form::Form,
    offered::{RESPONSE_MODES, ResponseMode},
};

use super::redirect_uri;
use crate::auth::page::Wrong;

/// The longest `state`, in bytes: some clients keep a whole URL in it.
pub(super) const MAX_STATE: usize = 4_096;

/// Why nothing may be sent to the redirect URI: the person sees a page instead (RFC 6749, 4.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    /// `client_id` is absent.
    #[error("the parameter client_id is missing")]
    MissingClient,
    /// No active application has this `client_id`.
    #[error("no active application of this realm has this client_id")]
    UnknownClient,
    /// No codes are sent to applications of this type.
    #[error("no codes are sent to applications of this type: it uses another grant")]
    NotForUsers,
    /// `redirect_uri` is absent.
    #[error("the parameter redirect_uri is missing")]
    MissingRedirectUri,
    /// `redirect_uri` was not registered.
    #[error("redirect_uri is not exactly one of those registered for this application")]
    UnregisteredRedirectUri,
    /// `redirect_uri` is not https, and the security profile wants that.
    #[error("redirect_uri must be https under the security profile of this application")]
    InsecureRedirectUri,
}

impl Unanswerable {
    /// What the person is told.
    pub const fn wrong(self) -> Wrong {
        match self {
            Self::MissingClient | Self::MissingRedirectUri => Wrong::Request,
            Self::UnknownClient | Self::NotForUsers => Wrong::Application,
            Self::UnregisteredRedirectUri | Self::InsecureRedirectUri => Wrong::WayBack,
        }
    }

    /// The error code of OAuth that says the same.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MissingClient
            | Self::MissingRedirectUri
            | Self::UnregisteredRedirectUri
            | Self::InsecureRedirectUri => "invalid_request",
            Self::UnknownClient => "invalid_client",
            Self::NotForUsers => "unauthorized_client",
        }
    }
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
    /// Whether it is one signed token (JARM).
    pub signed: bool,
    /// Given back as it came.
    pub state: Option<String>,
}

/// The `client_id` of a request.
pub fn client_id(params: &Form) -> Result<&str, Unanswerable> {
    params.given("client_id").ok_or(Unanswerable::MissingClient)
}

/// Where the answer goes, errors included.
pub fn reply_to(
    params: &Form,
    application: &Application,
    required: &Requirements,
) -> Result<ReplyTo, Unanswerable> {
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
    if required.https_redirects && !redirect_uri.starts_with("https://") {
        return Err(Unanswerable::InsecureRedirectUri);
    }
    let (mode, signed) = params
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
        signed,
        state,
    })
}

/// Whether people sign in to this application now.
pub(super) fn takes_users(application: &Application) -> Result<(), Unanswerable> {
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

/// A response mode, and whether it is one of those whose answer is a signed token (JARM, section 2.3).
pub(super) fn response_mode(text: &str) -> Option<(ResponseMode, bool)> {
    let (_, mode, signed) = RESPONSE_MODES.into_iter().find(|(name, ..)| *name == text)?;
    Some((mode, signed))
}

pub(super) fn is_state(state: &str) -> bool {
    state.len() <= MAX_STATE && !state.contains(char::is_control)
}

fn asks_for_openid(params: &Form) -> bool {
    params
        .given("scope")
        .is_some_and(|scope| scope.split(' ').any(|one| one == "openid"))
}
