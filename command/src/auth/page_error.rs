//! What a hosted page says when something is wrong. The rule: it tells the person what it means for them and what they can do, gives the
//! developer the code and the one thing to mend, names the request to whoever is asked for help, and tells nothing internal and no value that was sent.

use axum::response::Response;
use events::{kernel::KernelError, keys::KeyError, log::LogError};
use http::{HeaderValue, StatusCode, header};
use uuid::Uuid;
use web::{Code, Problem};

use super::{page, pages::ErrorPage};
use crate::realms::SigningKeyError;

/// What was wrong with a request, as far as the person is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// The way in which the application asked.
    Request,
    /// The application: there is none of this name, or people do not sign in to it.
    Application,
    /// Where the person would have been sent.
    WayBack,
    /// The way in which the application asked to sign them out.
    SignOut,
    /// What was sent: parts are missing, there twice or not readable.
    Form,
}

impl Wrong {
    const fn title(self) -> &'static str {
        match self {
            Self::Request => "This request cannot be answered",
            Self::Application => "This application is not known here",
            Self::WayBack => "There is no safe way back",
            Self::SignOut => "You were not signed out",
            Self::Form => "This request cannot be read",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Request => {
                "The application that sent you here asked in a way that is not valid. Go back to it and try again; if that \
                 does not help, tell the people who run it."
            }
            Self::Application => {
                "The link that you followed names an application that people do not sign in to here, or not any more. Go back to \
                 where you came from; if you expected to get in, tell the people who run the application."
            }
            Self::WayBack => {
                "The address that you were to be sent to is not one that the application has registered, so you were sent \
                 nowhere. If a message or a site that you do not know led you here, close this page; else tell the people who \
                 run the application."
            }
            Self::SignOut => {
                "The application that sent you here asked in a way that is not valid, so nothing has changed: if you were signed \
                 in, you still are. Tell the people who run the application."
            }
            Self::Form => {
                "A part of it is missing, is there twice, or is too long. Go back to where you came from and begin again; if \
                 that does not help, tell the people who run the application."
            }
        }
    }
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
    /// A request that is not valid: the OAuth error, and what the developer should mend.
    pub fn of(wrong: Wrong, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            title: wrong.title(),
            message: wrong.message(),
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

    /// Something that was refused before any page was asked.
    fn before(problem: &Problem) -> Self {
        let error = match problem.code() {
            Code::NotFound | Code::Misdirected => Self::no_realm(),
            Code::MethodNotAllowed => Self {
                title: "This page is not used in this way",
                message: "Go back to where you came from and begin again.",
                ..Self::no_realm()
            },
            Code::Timeout
            | Code::Unavailable
            | Code::Overloaded
            | Code::PositionTimeout
            | Code::TooManyConnections => Self::unavailable(),
            Code::Internal => Self::internal(),
            Code::Unauthenticated | Code::Forbidden => Self {
                title: "This is not for you to see",
                message: "Go back to where you came from.",
                ..Self::no_realm()
            },
            Code::MalformedRequest
            | Code::MalformedJson
            | Code::Conflict
            | Code::NameTaken
            | Code::VersionMismatch
            | Code::TooLarge
            | Code::UnsupportedMediaType
            | Code::Invalid
            | Code::WeakPassword
            | Code::IdempotencyKeyReused => Self::of(Wrong::Form, "", problem.code().about()),
        };
        Self {
            status: problem.code().status(),
            code: problem.code().as_str(),
            ..error
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
        let mut response = page::page(self.status, &template);
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

/// A problem as a page, for the person who asked for one below a realm's address: what never came to a page of its own (a wrong address,
/// a body that is too long, trouble) is told to them like anything else.
pub fn problem_page(problem: &Problem, path: &str, request_id: Uuid) -> Option<Response> {
    let (realm, _) = path.strip_prefix("/realms/")?.split_once('/')?;
    Some(PageError::before(problem).into_page(None, realm, request_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_that_passes_says_when_to_try_again() {
        let page = PageError::from(KernelError::Log(LogError::Unavailable("disk full".to_owned())));
        let response = page.into_page(None, "demo", Uuid::nil());
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    }

    #[test]
    fn a_problem_keeps_its_status_and_its_code() {
        for code in Code::ALL {
            let error = PageError::before(&Problem::new(*code));
            assert_eq!(
                (error.status, error.code),
                (code.status(), code.as_str()),
                "{code:?}"
            );
            assert!(!error.title.is_empty() && error.message.ends_with('.'));
        }
    }

    #[test]
    fn only_what_is_below_a_realm_has_pages() {
        let page = |path| problem_page(&Problem::new(Code::NotFound), path, Uuid::nil());
        assert_eq!(
            page("/realms/demo/nothing").map(|page| page.status()),
            Some(StatusCode::NOT_FOUND)
        );
        for path in ["/command/v1/realms/demo/users", "/realms/demo", "/", ""] {
            assert!(page(path).is_none(), "{path}");
        }
    }
}
