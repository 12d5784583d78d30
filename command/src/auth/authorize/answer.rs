//! The answer to an authorization request: a code or an error, sent as was asked for. The rule: it goes to
//! the validated redirect URI alone and names its issuer (RFC 9207), so that no client takes it for
//! another's; where a signed answer was asked for it is signed, errors included (JARM).

use axum::response::Response;
use events::applications::Application;
use serde_json::{Map, Value};
use web::{clients::encrypting, offered::ResponseMode, profile::Requirements};

use super::{
    redirect_uri::{self, PolicySource},
    reply::ReplyTo,
    request::Refusal,
};
use crate::{
    auth::{
        page::{self, PageError, Wrong},
        pages::FormPost,
        visit::Visit,
    },
    realms::ensure_signing_key,
};

/// How long a signed answer is good, in seconds (JARM, section 2.1, recommends at most 10 minutes).
const SECONDS: u64 = 600;

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// A code.
    Code {
        /// The code.
        code: &'a str,
        /// By which the application can tell whether the session is the same one later on, if it can.
        session_state: Option<&'a str>,
    },
    /// An error.
    Error(Refusal),
}

const fn error(error: &'static str, description: &'static str) -> Answer<'static> {
    Answer::Error(Refusal { error, description })
}

/// The person would have to sign in, and must not be asked (OpenID Connect Core, 3.1.2.6).
pub const LOGIN_REQUIRED: Answer<'static> = error("login_required", "the user has to sign in");
/// Another than the one who was meant has signed in (OpenID Connect Core, 3.1.2.2).
pub const OTHER_USER: Answer<'static> = error(
    "login_required",
    "another user than the one who is meant signed in",
);
/// The person would have to consent, and must not be asked (OpenID Connect Core, 3.1.2.6).
pub const CONSENT_REQUIRED: Answer<'static> = error("consent_required", "the user has to consent");
/// The person pressed "Cancel".
pub const ACCESS_DENIED: Answer<'static> = error("access_denied", "the user did not sign in");
/// The person did not consent.
pub const CONSENT_DENIED: Answer<'static> = error("access_denied", "the user did not consent");
/// The sign-in cannot be worth what is required of it (OpenID Connect Core Error Code unmet_authentication_requirements 1.0).
pub const UNMET_REQUIREMENTS: Answer<'static> = error(
    "unmet_authentication_requirements",
    "the user has no way to prove what is required",
);
/// The request gave a code already (RFC 9126, section 4).
pub const USED_BEFORE: Answer<'static> = error("invalid_request_uri", "the request was used before");

/// The parameters of an answer.
fn parameters(issuer: &str, reply_to: &ReplyTo, answer: Answer<'_>) -> Vec<(String, String)> {
    let mut params = match answer {
        Answer::Code { code, session_state } => {
            let state = session_state.map(|state| ("session_state", state));
            [("code", code)].into_iter().chain(state).collect()
        }
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

/// The parameters as they travel: as they are, or as one token in `response` (JARM, section 2.3).
async fn travelling(
    visit: &Visit,
    application: &Application,
    reply_to: &ReplyTo,
    answer: Answer<'_>,
) -> Result<Vec<(String, String)>, PageError> {
    let params = parameters(&visit.issuer(), reply_to, answer);
    if !reply_to.signed {
        return Ok(params);
    }
    let settings = &application.settings;
    let realm = visit.edge.settings(visit.realm.id).await?;
    let chosen = settings.authorization_signed_response_alg.as_deref();
    let algorithm = Requirements::of(application, &realm)
        .signing(chosen)
        .ok_or_else(|| weak("authorization_signed_response_alg"))?;
    let key = ensure_signing_key(&visit.edge, visit.realm.id, algorithm).await?;
    let ends = visit.edge.kernel().now().after_seconds(SECONDS);
    let mut claims: Map<String, Value> = params
        .into_iter()
        .map(|(name, value)| (name, Value::String(value)))
        .collect();
    claims.insert("aud".to_owned(), application.client_id.clone().into());
    claims.insert("exp".to_owned(), ends.seconds().into());
    let token = key.sign("JWT", &claims).map_err(|error| {
        tracing::error!(%error, "an authorization response could not be signed");
        PageError::internal()
    })?;
    let response = encrypting::token(
        &visit.edge,
        settings,
        settings.authorization_encrypted_response_alg.as_deref(),
        settings.authorization_encrypted_response_enc.as_deref(),
        token,
    )
    .await
    .map_err(|error| {
        PageError::of(
            Wrong::Request,
            "invalid_client",
            format!("the answer could not be encrypted to the application: {error}"),
        )
    })?;
    Ok(vec![("response".to_owned(), response)])
}

fn weak(setting: &str) -> PageError {
    PageError::of(
        Wrong::Request,
        "invalid_client",
        format!("{setting} is an algorithm that the security profile refuses"),
    )
}

/// The address that carries these parameters; `None` where a form does.
fn address(reply_to: &ReplyTo, params: &[(String, String)]) -> Option<String> {
    match reply_to.mode {
        ResponseMode::Query => Some(redirect_uri::with_query(&reply_to.redirect_uri, params)),
        ResponseMode::Fragment => Some(redirect_uri::with_fragment(&reply_to.redirect_uri, params)),
        ResponseMode::FormPost => None,
    }
}

/// A link that carries an answer; `None` where only a form can.
pub async fn link(
    visit: &Visit,
    application: &Application,
    reply_to: &ReplyTo,
    answer: Answer<'_>,
) -> Result<Option<String>, PageError> {
    if reply_to.mode == ResponseMode::FormPost {
        return Ok(None);
    }
    let params = travelling(visit, application, reply_to, answer).await?;
    Ok(address(reply_to, &params))
}

/// Sends the browser back with an answer.
pub async fn send(
    visit: &Visit,
    application: &Application,
    reply_to: &ReplyTo,
    answer: Answer<'_>,
) -> Result<Response, PageError> {
    let params = travelling(visit, application, reply_to, answer).await?;
    if let Some(address) = address(reply_to, &params) {
        return page::see_other(&address);
    }
    let template = FormPost {
        say: &visit.say,
        application_name: Some(&application.settings.name),
        action: &reply_to.redirect_uri,
        params: &params,
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
            signed: false,
            state: state.map(str::to_owned),
        }
    }

    #[test]
    fn an_answer_names_its_issuer_and_gives_the_state_back() {
        let code = |session_state| Answer::Code {
            code: "xyz",
            session_state,
        };
        let address = |mode, state, answer| {
            let reply_to = reply_to(mode, state);
            address(&reply_to, &parameters(ISSUER, &reply_to, answer))
        };
        assert_eq!(
            address(ResponseMode::Query, Some("a&b"), code(Some("h.s"))).as_deref(),
            Some(
                "https://app.example/cb?code=xyz&session_state=h.s&state=a%26b&iss=https%3A%2F%2Fid.example%2Frealms%2Fdemo"
            )
        );
        assert_eq!(
            address(ResponseMode::Fragment, None, LOGIN_REQUIRED).as_deref(),
            Some(
                "https://app.example/cb#error=login_required&error_description=the+user+has+to+sign+in\
                 &iss=https%3A%2F%2Fid.example%2Frealms%2Fdemo"
            )
        );
        assert_eq!(address(ResponseMode::FormPost, None, code(None)), None);
    }
}
