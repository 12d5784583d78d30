//! How a hosted page travels. The rule: every page has a strict policy, is never stored, and never framed (but for the one frame that
//! shows nothing).

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{authorize::redirect_uri::PolicySource, pages::Template};

pub use super::page_error::{PageError, Wrong};

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

/// The same for a page with a script of ours.
pub fn scripted_page(
    status: StatusCode,
    template: &impl Template,
    leads_to: Option<&PolicySource>,
) -> Response {
    let allowed = Allowed {
        leads_to,
        script: true,
        ..Allowed::default()
    };
    under_policy(status, template, allowed)
}

/// A page whose form posts itself to another place, by its one script.
pub fn posting_page(template: &impl Template, leads_to: Option<&PolicySource>) -> Response {
    scripted_page(StatusCode::OK, template, leads_to)
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
        let why = "the address to go back to is not a valid URI";
        PageError::of(Wrong::WayBack, "invalid_request", why)
    })?;
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(header::LOCATION, location);
    unstored(response.headers_mut());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{auth::pages::ErrorPage, words};

    fn policy(response: &Response) -> &str {
        response.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .expect("text")
    }

    fn error_page() -> ErrorPage<'static> {
        ErrorPage {
            say: words::testing::english(),
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
}
