//! What a hosted page says when something is wrong. The rule: it tells the person what it means for them and what they can do, gives the
//! developer the code and the one thing to mend, names the request to whoever is asked for help, and tells nothing internal and no value that was sent.

use std::time::Duration;

use axum::response::Response;
use events::{kernel::KernelError, keys::KeyError, log::LogError};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use uuid::Uuid;
use web::{
    Code, Edge, Problem,
    layers::{Asked, Drawn},
    limits::Refused,
};

use super::{page, pages::ErrorPage, session_cookie};
use crate::{
    realms::SigningKeyError,
    words::{self, Say},
};

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
            Self::Request => "request",
            Self::Application => "application",
            Self::WayBack => "way-back",
            Self::SignOut => "not-signed-out",
            Self::Form => "unreadable",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Request => "request-message",
            Self::Application => "application-message",
            Self::WayBack => "way-back-message",
            Self::SignOut => "not-signed-out-message",
            Self::Form => "unreadable-message",
        }
    }
}

/// Why a person sees an error page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageError {
    status: StatusCode,
    code: &'static str,
    /// The names of the messages.
    title: &'static str,
    message: &'static str,
    /// For developers, who read English.
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
            title: "stale",
            message: "stale-message",
            detail: None,
            retry_after: None,
        }
    }

    /// A letter whose link or code leads nowhere: over, used, of another realm, or made up.
    pub const fn void_letter() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "void_letter",
            title: "void-letter",
            message: "void-letter-message",
            detail: None,
            retry_after: None,
        }
    }

    /// Nothing is mailed here, or not for this.
    pub const fn no_letters() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "no_letters",
            title: "no-letters",
            message: "no-letters-message",
            detail: None,
            retry_after: None,
        }
    }

    /// What is required of a sign-in cannot be reached.
    pub const fn unmet() -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: "unmet_authentication_requirements",
            title: "unmet",
            message: "unmet-message",
            detail: None,
            retry_after: None,
        }
    }

    /// There is no such realm, or it is suspended: the same answer.
    pub const fn no_realm() -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "not_found",
            title: "nothing-here",
            message: "nothing-here-message",
            detail: None,
            retry_after: None,
        }
    }

    /// There is no room for something dear just now.
    pub fn busy(retry_after: u64) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::unavailable()
        }
    }

    const fn unavailable() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "unavailable",
            title: "unavailable",
            message: "unavailable-message",
            detail: None,
            retry_after: Some(2),
        }
    }

    /// Something that should not happen; the cause is in the server's log under the request's id.
    pub const fn internal() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "internal",
            title: "internal",
            message: "internal-message",
            detail: None,
            retry_after: None,
        }
    }

    /// Something that was refused before any page was asked.
    fn before(problem: &Problem) -> Self {
        let error = match problem.code() {
            Code::NotFound | Code::Misdirected => Self::no_realm(),
            Code::MethodNotAllowed => Self {
                title: "other-method",
                message: "other-method-message",
                ..Self::no_realm()
            },
            Code::Timeout
            | Code::Unavailable
            | Code::Overloaded
            | Code::PositionTimeout
            | Code::TooManyLetters
            | Code::TooManyConnections => Self::unavailable(),
            Code::TooManyRequests => Self {
                title: "too-many-requests",
                message: "too-many-requests-message",
                ..Self::unavailable()
            },
            Code::Internal => Self::internal(),
            Code::Unauthenticated | Code::Forbidden => Self {
                title: "not-for-you",
                message: "not-for-you-message",
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
    pub fn into_page(self, say: &Say, request_id: Uuid) -> Response {
        let request_id = request_id.to_string();
        let template = ErrorPage {
            say,
            title: &say.text(self.title).to_string(),
            message: &say.text(self.message).to_string(),
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

/// Whoever asks too often is told when to come again.
impl From<Refused> for PageError {
    fn from(refused: Refused) -> Self {
        let error = Self::before(&refused.into());
        match refused {
            Refused::TooMany(seconds) => Self {
                retry_after: Some(seconds),
                ..error
            },
            Refused::Unavailable => error,
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
/// a body that is too long, trouble) is told to them like anything else, in the realm's name where that can be had.
pub fn problem_page<'a>(
    edge: &'a Edge,
    problem: &'a Problem,
    asked: &'a Asked,
    request_id: Uuid,
) -> Drawn<'a> {
    Box::pin(async move {
        let named = realm_of(&asked.path)?;
        // Where we are in trouble, nobody waits for how the page looks.
        let say = if problem.code().status().is_server_error() {
            None
        } else {
            tokio::time::timeout(PATIENCE, say_of(edge, named, &asked.headers))
                .await
                .ok()
                .flatten()
        };
        let say = say.unwrap_or_else(|| words::nowhere(named, &asked.headers));
        Some(PageError::before(problem).into_page(&say, request_id))
    })
}

/// How long it may take to learn how a page looks that says what is wrong.
const PATIENCE: Duration = Duration::from_secs(1);

/// How a page speaks to whom only the headers of a request tell of; `None` if there is no such realm, or it is suspended, or that cannot be known
/// now.
async fn say_of(edge: &Edge, named: &str, headers: &HeaderMap) -> Option<Say> {
    let realm = edge.open_realm(named).await.ok()??;
    let settings = edge.settings(realm.id).await.ok()?;
    let kept = session_cookie::language(edge, realm.id, headers);
    let language = words::choice(&settings.languages, None, kept, headers);
    Some(Say::of(&realm, &settings, language))
}

/// The realm below whose address a path is.
fn realm_of(path: &str) -> Option<&str> {
    let (realm, _) = path.strip_prefix("/realms/")?.split_once('/')?;
    Some(realm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::languages::Language;

    fn say() -> Say {
        Say::nowhere("demo", Language::English)
    }

    #[test]
    fn trouble_that_passes_says_when_to_try_again() {
        let page = PageError::from(KernelError::Log(LogError::Unavailable("disk full".to_owned())));
        let response = page.into_page(&say(), Uuid::nil());
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
            assert_eq!(error.message, format!("{}-message", error.title));
        }
    }

    #[test]
    fn only_what_is_below_a_realm_has_pages() {
        assert_eq!(realm_of("/realms/demo/nothing"), Some("demo"));
        for path in ["/command/v1/realms/demo/users", "/realms/demo", "/", ""] {
            assert_eq!(realm_of(path), None, "{path}");
        }
    }
}
