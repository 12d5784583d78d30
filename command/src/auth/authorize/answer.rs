//! The answer to an authorization request: a code or an error, sent as was asked for. The rule: it goes to
//! the validated redirect URI alone and names its issuer (RFC 9207), so that no client takes it for
//! another's.

use axum::response::Response;

use super::{
    redirect_uri::{self, PolicySource},
    request::{Refusal, ReplyTo, ResponseMode},
};
use crate::auth::{
    page::{self, PageError},
    pages::FormPost,
    visit::Visit,
};

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// A code.
    Code(&'a str),
    /// An error.
    Error(Refusal),
}

/// The person would have to sign in, and must not be asked (OpenID Connect Core, 3.1.2.6).
pub const LOGIN_REQUIRED: Answer<'static> = Answer::Error(Refusal {
    error: "login_required",
    description: "the user has to sign in",
});
/// Another than the one who was meant has signed in (OpenID Connect Core, 3.1.2.2).
pub const OTHER_USER: Answer<'static> = Answer::Error(Refusal {
    error: "login_required",
    description: "another user than the hinted one signed in",
});
/// The person pressed "Cancel".
pub const ACCESS_DENIED: Answer<'static> = Answer::Error(Refusal {
    error: "access_denied",
    description: "the user did not sign in",
});

/// The parameters of an answer.
pub fn parameters(issuer: &str, reply_to: &ReplyTo, answer: Answer<'_>) -> Vec<(String, String)> {
    let mut params = match answer {
        Answer::Code(code) => vec![("code", code)],
        Answer::Error(refusal) => vec![
            ("error", refusal.error),
            ("error_description", refusal.description),
        ],
    };
    params.extend(reply_to.state.as_deref().map(|state| ("state", state)));
    params.push(("iss", issuer));
    params
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The address that carries an answer; `None` where a form does.
pub fn address(issuer: &str, reply_to: &ReplyTo, answer: Answer<'_>) -> Option<String> {
    let params = parameters(issuer, reply_to, answer);
    match reply_to.mode {
        ResponseMode::Query => Some(redirect_uri::with_query(&reply_to.redirect_uri, &params)),
        ResponseMode::Fragment => Some(redirect_uri::with_fragment(&reply_to.redirect_uri, &params)),
        ResponseMode::FormPost => None,
    }
}

/// Sends the browser back with an answer.
pub fn send(
    visit: &Visit,
    application: &str,
    reply_to: &ReplyTo,
    answer: Answer<'_>,
) -> Result<Response, PageError> {
    let issuer = visit.issuer();
    if let Some(address) = address(&issuer, reply_to, answer) {
        return page::see_other(&address);
    }
    let template = FormPost {
        realm_display_name: &visit.realm.display_name,
        realm: &visit.realm.name,
        application_name: Some(application),
        action: &reply_to.redirect_uri,
        params: &parameters(&issuer, reply_to, answer),
    };
    Ok(page::posting_page(
        &template,
        PolicySource::of(&reply_to.redirect_uri).as_ref(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.example/realms/demo";

    fn reply_to(mode: ResponseMode, state: Option<&str>) -> ReplyTo {
        ReplyTo {
            redirect_uri: "https://app.example/cb".to_owned(),
            redirect_uri_given: true,
            mode,
            state: state.map(str::to_owned),
        }
    }

    #[test]
    fn an_answer_names_its_issuer_and_gives_the_state_back() {
        let address = |mode, state, answer| address(ISSUER, &reply_to(mode, state), answer);
        assert_eq!(
            address(ResponseMode::Query, Some("a&b"), Answer::Code("xyz")).as_deref(),
            Some("https://app.example/cb?code=xyz&state=a%26b&iss=https%3A%2F%2Fid.example%2Frealms%2Fdemo")
        );
        assert_eq!(
            address(ResponseMode::Fragment, None, LOGIN_REQUIRED).as_deref(),
            Some(
                "https://app.example/cb#error=login_required&error_description=the+user+has+to+sign+in\
                 &iss=https%3A%2F%2Fid.example%2Frealms%2Fdemo"
            )
        );
        assert_eq!(address(ResponseMode::FormPost, None, Answer::Code("xyz")), None);
    }
}
