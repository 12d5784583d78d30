//! How a hosted page travels, and what it says when something is wrong. The rule: every page has a strict
//! policy, is never stored, never framed (but for the one frame that shows nothing); and an error says what the person and the developer can do, and
//! nothing internal.

use axum::response::{Html, IntoResponse, Response};
use events::{kernel::KernelError, keys::KeyError, log::LogError};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use uuid::Uuid;

use super::{
    authorize::redirect_uri::PolicySource,
    pages::{ErrorPage, Template},
};
use crate::realms::SigningKeyError;

/// What a page may do beyond loading its own style sheet and images and posting to this site.
#[derive(Clone, Copy, Default)]
struct Allowed<'a> {
    /// Where its form may lead, or post to.
    leads_to: Option<&'a PolicySource>,
    /// Its scripts.
    script: bool,
    /// What it may frame.
    frames: &'a [PolicySource],
}

/// A page under a policy that allows its own style sheet and images, and forms to this site only.
pub fn page(status: StatusCode, template: &impl Template) -> Response {
    under_policy(status, template, Allowed::default())
}

/// A page whose form may lead on to another place: browsers hold `form-action` against the redirects that
/// follow a form.
pub fn form_page(status: StatusCode, template: &impl Template, leads_to: Option<&PolicySource>) -> Response {
    let allowed = Allowed {
        leads_to,
        ..Allowed::default()
    };
    under_policy(status, template, allowed)
}

/// A page whose form posts itself to another place, by its one script.
pub fn posting_page(template: &impl Template, leads_to: Option<&PolicySource>) -> Response {
    let allowed = Allowed {
        leads_to,
        script: true,
        ..Allowed::default()
    };
    under_policy(StatusCode::OK, template, allowed)
}

/// A page that frames others, and goes on by its one script when they have loaded.
pub fn framing_page(template: &impl Template, frames: &[PolicySource]) -> Response {
    let allowed = Allowed {
        script: true,
        frames,
        ..Allowed::default()
    };
    under_policy(StatusCode::OK, template, allowed)
}

/// What pages of any origin frame: it has its one script and nothing else, not even a look.
pub fn frame(template: &impl Template) -> Response {
    const POLICY: HeaderValue = HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *",
    );
    let mut response = html(StatusCode::OK, template);
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, POLICY);
    response
}

fn html(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn under_policy(status: StatusCode, template: &impl Template, allowed: Allowed<'_>) -> Response {
    let script = if allowed.script { " script-src 'self';" } else { "" };
    let leads_to = allowed
        .leads_to
        .map(|place| format!(" {place}"))
        .unwrap_or_default();
    let mut frames: Vec<_> = allowed.frames.iter().map(|place| format!(" {place}")).collect();
    frames.sort();
    frames.dedup();
    let frames = if frames.is_empty() {
        String::new()
    } else {
        format!(" frame-src{};", frames.concat())
    };
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self';{script}{frames} base-uri 'none'; frame-ancestors 'none'; \
         form-action 'self'{leads_to}"
    );
    let mut response = html(status, template);
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    unstored(headers);
    response
}

/// Keeps an answer out of every cache, and the address of this page out of the next request.
pub fn unstored(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// `303 See Other`: the browser goes on with GET and leaves the form behind (RFC 9700, 4.12; never 307).
pub fn see_other(location: &str) -> Result<Response, PageError> {
    let location = HeaderValue::from_str(location).map_err(|_| {
        PageError::bad_request("invalid_request", "The address to go back to is not a valid URI.")
    })?;
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(header::LOCATION, location);
    unstored(response.headers_mut());
    Ok(response)
}

/// Why a person sees an error page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageError {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    message: &'static str,
    detail: Option<String>,
    retry_after: Option<u64>,
}

impl PageError {
    /// A request that an application made wrongly: the person can only go back.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            title: "This request cannot be answered",
            message: "The application that sent you here asked in a way that is not valid. Go back to it and try again; \
                      if that does not help, tell the people who run it.",
            detail: Some(detail.into()),
            retry_after: None,
        }
    }

    /// A form that is over: too old, used before, or of another browser or session.
    pub const fn stale() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "stale",
            title: "This page was out of date",
            message: "It had been open for too long, was sent twice, or was opened in another browser. Go back to the \
                      application that sent you here and begin again.",
            detail: None,
            retry_after: None,
        }
    }

    /// What is required of a sign-in cannot be reached.
    pub const fn unmet() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: "unmet_authentication_requirements",
            title: "More is needed to sign in here",
            message: "You have no second way to show who you are that counts here. Ask the people who run this service.",
            detail: None,
            retry_after: None,
        }
    }

    /// There is no such realm, or it is suspended: the same answer.
    pub const fn no_realm() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "not_found",
            title: "There is nothing here",
            message: "Check the address, or go back to where you came from.",
            detail: None,
            retry_after: None,
        }
    }

    const fn unavailable() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "unavailable",
            title: "This does not work just now",
            message: "It is not your doing. Try again in a few seconds.",
            detail: None,
            retry_after: Some(2),
        }
    }

    /// Something that should not happen; the cause is in the server's log under the request's id.
    pub const fn internal() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "internal",
            title: "Something went wrong",
            message: "It is not your doing. Try again later; if it stays so, tell the people who run this service.",
            detail: None,
            retry_after: None,
        }
    }

    /// The page.
    pub fn into_page(self, realm_display_name: Option<&str>, realm: &str, request_id: Uuid) -> Response {
        let request_id = request_id.to_string();
        let template = ErrorPage {
            realm_display_name,
            realm,
            title: self.title,
            message: self.message,
            code: self.code,
            request_id: &request_id,
            developer_detail: self.detail.as_deref(),
        };
        let mut response = page(self.status, &template);
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Logged here, once; the person is told no more than whether to try again.
impl From<KernelError> for PageError {
    fn from(error: KernelError) -> Self {
        tracing::error!(%error, "a page could not be answered");
        match error {
            KernelError::Log(LogError::Unavailable(_)) | KernelError::Keys(KeyError::Unavailable(_)) => {
                Self::unavailable()
            }
            KernelError::Log(_)
            | KernelError::Keys(_)
            | KernelError::Decode(_)
            | KernelError::Malformed(_) => Self::internal(),
        }
    }
}

impl From<SigningKeyError> for PageError {
    fn from(error: SigningKeyError) -> Self {
        match error {
            SigningKeyError::Kernel(error) => error.into(),
            other => {
                tracing::error!(error = %other, "there is no key to sign with");
                Self::internal()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(response: &Response) -> &str {
        response.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .expect("text")
    }

    fn error_page() -> ErrorPage<'static> {
        ErrorPage {
            realm_display_name: None,
            realm: "demo",
            title: "t",
            message: "m",
            code: "c",
            request_id: "r",
            developer_detail: None,
        }
    }

    #[test]
    fn a_page_is_never_stored_framed_or_able_to_load_from_elsewhere() {
        let response = page(StatusCode::OK, &error_page());
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(
            policy(&response),
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
        );
    }

    #[test]
    fn a_form_may_lead_to_the_application_and_nowhere_else() {
        let place = PolicySource::of("https://app.example/cb");
        let response = form_page(StatusCode::OK, &error_page(), place.as_ref());
        assert!(policy(&response).ends_with("form-action 'self' https://app.example"));
        assert!(!policy(&response).contains("script-src"));
        assert!(policy(&posting_page(&error_page(), None)).contains("script-src 'self';"));
    }

    #[test]
    fn a_page_frames_the_places_that_it_names_and_only_the_frame_is_framed() {
        let places: Vec<_> = [
            "https://b.example/out",
            "https://a.example/out",
            "https://b.example/bye",
        ]
        .into_iter()
        .filter_map(PolicySource::origin)
        .collect();
        let framing = framing_page(&error_page(), &places);
        assert!(policy(&framing).contains("; frame-src https://a.example https://b.example;"));
        assert!(policy(&framing).contains("frame-ancestors 'none'"));
        assert!(!policy(&framing_page(&error_page(), &[])).contains("frame-src"));
        let framed = frame(&error_page());
        assert!(policy(&framed).ends_with("frame-ancestors *"));
        assert!(policy(&framed).starts_with("default-src 'none'; script-src 'self';"));
    }

    #[test]
    fn the_browser_goes_on_with_get() {
        let response = see_other("https://app.example/cb?code=x").expect("a location");
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(
            response.headers()[header::LOCATION],
            "https://app.example/cb?code=x"
        );
        assert!(see_other("https://app.example/\r\nSet-Cookie: x").is_err());
    }

    #[test]
    fn trouble_that_passes_says_when_to_try_again() {
        let page = PageError::from(KernelError::Log(LogError::Unavailable("disk full".to_owned())));
        let response = page.into_page(None, "demo", Uuid::nil());
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    }
}
