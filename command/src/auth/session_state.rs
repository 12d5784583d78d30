//! How an application notices that the session at the platform is another one (OpenID Connect Session Management 1.0). The rules: the
//! cookie of it is for scripts, and tells nothing but whether it is the same; it opens no session, and none can be computed from it; and
//! an application learns of a session only what it was told before at its own origin.
//!
//! The frame `oauth2/check-session` compares what the application was told (`session_state`) with the cookie, in the browser: no request is
//! made. Where the browser keeps the cookie from a frame of another site, the frame answers `error` and not `changed`, so that nobody asks
//! anew for ever.

use aws_lc_rs::digest;
use axum::response::{IntoResponse, Response};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{
    ids::{RealmId, SessionId},
    kernel::{Kernel, KernelError},
};
use http::{HeaderMap, HeaderValue, header};
use url::Url;
use web::Edge;

use super::{
    Issuer,
    authorize::request::AuthorizeRequest,
    page,
    pages::CheckSession,
    session_cookie::{self, Name},
    visit::Visit,
};

/// The bytes of a salt.
const SALT_BYTES: usize = 16;

/// The frame in which an application looks whether the session is the same (OpenID Connect Session Management, 3.2). It waits for messages
/// `client_id session_state` and answers `unchanged`, `changed` or `error`.
#[utoipa::path(
    get, path = "/realms/{realm}/oauth2/check-session", tag = "oauth", operation_id = "check_session", params(Issuer),
    responses((status = 200, description = "The frame", content_type = "text/html")),
)]
pub(super) async fn check_session(visit: Visit) -> Response {
    let loopback = visit.edge.is_loopback_http();
    let template = CheckSession {
        say: &visit.say,
        cookie: &session_cookie::name(Name::State, visit.realm.id, loopback),
    };
    page::frame(&template).into_response()
}

/// What the browser is known by in a session: another one in each, and none of use elsewhere.
async fn browser_state(kernel: &Kernel, realm: RealmId, session: SessionId) -> Result<String, KernelError> {
    let incarnation = kernel.log().incarnation();
    let parts: [&[u8]; 2] = [incarnation.as_bytes(), session.0.as_bytes()];
    let state = kernel.keyring().digest(realm, "browser state", &parts).await?;
    Ok(URL_SAFE_NO_PAD.encode(state))
}

/// `session_state` of an answer in a session (section 2): of OpenID Connect, to an application that has an origin.
pub async fn of(
    visit: &Visit,
    client_id: &str,
    request: &AuthorizeRequest,
    session: SessionId,
) -> Result<Option<String>, KernelError> {
    let Some(origin) = origin(&request.reply_to.redirect_uri).filter(|_| request.scopes.contains("openid"))
    else {
        return Ok(None);
    };
    let kernel = visit.edge.kernel();
    let state = browser_state(kernel, visit.realm.id, session).await?;
    let mut salt = [0; SALT_BYTES];
    kernel.random().fill(&mut salt);
    Ok(Some(salted(
        client_id,
        &origin,
        &state,
        &URL_SAFE_NO_PAD.encode(salt),
    )))
}

/// As the frame's script computes it (`check-session.js`).
fn salted(client_id: &str, origin: &str, browser_state: &str, salt: &str) -> String {
    let text = format!("{client_id} {origin} {browser_state} {salt}");
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    format!("{}.{salt}", URL_SAFE_NO_PAD.encode(hash))
}

/// The origin of a page, as a browser writes it.
fn origin(redirect_uri: &str) -> Option<String> {
    let origin = Url::parse(redirect_uri).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

/// Read by a script in a frame of another site, which alone is why it is neither `HttpOnly` nor `SameSite=Lax`. Loopback is one site.
fn attributes(loopback: bool) -> &'static str {
    if loopback {
        "; Path=/; SameSite=Lax"
    } else {
        "; Path=/; Secure; SameSite=None"
    }
}

/// `Set-Cookie` of a session.
pub async fn set(edge: &Edge, realm: RealmId, session: SessionId) -> Result<HeaderValue, KernelError> {
    let loopback = edge.is_loopback_http();
    let name = session_cookie::name(Name::State, realm, loopback);
    let state = browser_state(edge.kernel(), realm, session).await?;
    session_cookie::header_value(&format!("{name}={state}{}", attributes(loopback)))
}

/// `Set-Cookie` where there is no session.
pub fn clear(edge: &Edge, realm: RealmId) -> Result<HeaderValue, KernelError> {
    let loopback = edge.is_loopback_http();
    let name = session_cookie::name(Name::State, realm, loopback);
    session_cookie::header_value(&format!("{name}=; Max-Age=0{}", attributes(loopback)))
}

/// Sets right what the browser holds, where it is not of the session that was found: one that ended elsewhere, or that began before this
/// cookie was given.
pub async fn correct(
    visit: &Visit,
    session: Option<SessionId>,
    headers: &mut HeaderMap,
) -> Result<(), KernelError> {
    let (edge, realm) = (&visit.edge, visit.realm.id);
    let name = session_cookie::name(Name::State, realm, edge.is_loopback_http());
    let held = session_cookie::value(&visit.headers, &name);
    let cookie = match session {
        None if held.is_none() => return Ok(()),
        None => clear(edge, realm)?,
        Some(session) => {
            let state = browser_state(edge.kernel(), realm, session).await?;
            if held == Some(state.as_str()) {
                return Ok(());
            }
            set(edge, realm, session).await?
        }
    };
    headers.append(header::SET_COOKIE, cookie);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_of_one_client_one_origin_one_session_and_has_no_space() {
        let base = salted("app", "https://app.example", "s", "salt");
        assert_eq!(base.split_once('.').map(|(_, salt)| salt), Some("salt"));
        assert!(!base.contains(' '));
        for other in [
            salted("other", "https://app.example", "s", "salt"),
            salted("app", "https://app.example:444", "s", "salt"),
            salted("app", "https://app.example", "t", "salt"),
            salted("app", "https://app.example", "s", "salu"),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn an_origin_is_written_as_browsers_do() {
        let written = |uri| origin(uri);
        assert_eq!(
            written("https://App.Example:443/cb?x").as_deref(),
            Some("https://app.example")
        );
        assert_eq!(
            written("http://127.0.0.1:4000/cb").as_deref(),
            Some("http://127.0.0.1:4000")
        );
        assert_eq!(written("com.example.app:/cb"), None);
    }

    #[test]
    fn its_cookie_is_for_scripts_of_frames() {
        assert_eq!(attributes(false), "; Path=/; Secure; SameSite=None");
        for loopback in [false, true] {
            assert!(!attributes(loopback).contains("HttpOnly") && !attributes(loopback).contains("Domain"));
        }
    }
}
