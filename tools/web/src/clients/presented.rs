//! What a request says of its client: who it is, and by what it shows it (RFC 6749, 2.3; RFC 7521, 4.2).
//! The rule: exactly one method; two of them, or halves of one, are refused before any of it is looked at.

use base64::{Engine, engine::general_purpose::STANDARD};
use events::applications::{CLIENT_SECRET_BASIC, CLIENT_SECRET_POST, NO_AUTHENTICATION};
use http::{HeaderMap, header};

use crate::{
    form::{Form, decode},
    oauth::OAuthError,
};

/// The one type of client assertion that there is (RFC 7523, 2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Who sends a request, as it says.
pub(super) struct Presented<'a> {
    pub client_id: String,
    pub proof: Proof<'a>,
}

/// By what the sender shows it.
pub(super) enum Proof<'a> {
    /// By nothing.
    Nothing,
    /// A secret, by this method.
    Secret(&'static str, String),
    /// A JSON Web Token.
    Assertion(&'a str),
}

impl Proof<'_> {
    /// The method (RFC 7591), where the proof alone tells it: an assertion may be signed with a key or with a secret.
    pub(super) const fn method(&self) -> Option<&'static str> {
        match self {
            Proof::Nothing => Some(NO_AUTHENTICATION),
            Proof::Secret(method, _) => Some(method),
            Proof::Assertion(_) => None,
        }
    }
}

impl<'a> Presented<'a> {
    /// Reads header and form.
    pub(super) fn of(headers: &HeaderMap, form: &'a Form) -> Result<Self, OAuthError> {
        let mut authorization = headers.get_all(header::AUTHORIZATION).iter();
        let (first, second) = (authorization.next(), authorization.next());
        let assertion = (
            form.given("client_assertion"),
            form.given("client_assertion_type"),
        );
        let methods = [
            first.is_some(),
            second.is_some(),
            form.given("client_secret").is_some(),
            assertion != (None, None),
        ];
        if methods.into_iter().filter(|&used| used).count() > 1 {
            return Err(OAuthError::invalid_request(
                "the client authenticates by more than one method",
            ));
        }
        let named = form.given("client_id");
        let presented = if let Some(value) = first {
            let (client_id, secret) = basic(value.as_bytes()).ok_or_else(OAuthError::invalid_client)?;
            let proof = Proof::Secret(CLIENT_SECRET_BASIC, secret);
            Self { client_id, proof }
        } else {
            match assertion {
                (Some(assertion), Some(ASSERTION_TYPE)) => Self {
                    client_id: jose::unverified_issuer(assertion)
                        .map_err(|_| OAuthError::invalid_client())?,
                    proof: Proof::Assertion(assertion),
                },
                (Some(_), Some(_)) => return Err(OAuthError::invalid_client()),
                (None, None) => Self {
                    client_id: named.ok_or_else(OAuthError::invalid_client)?.to_owned(),
                    proof: match form.given("client_secret") {
                        Some(secret) => Proof::Secret(CLIENT_SECRET_POST, secret.to_owned()),
                        None => Proof::Nothing,
                    },
                },
                (Some(_), None) | (None, Some(_)) => {
                    return Err(OAuthError::invalid_request(
                        "client_assertion and client_assertion_type belong together",
                    ));
                }
            }
        };
        if named.is_some_and(|client_id| client_id != presented.client_id) {
            return Err(OAuthError::invalid_request(
                "client_id is another than the one that authenticates",
            ));
        }
        Ok(presented)
    }
}

/// `client_secret_basic`: both halves are form-encoded before they are joined (RFC 6749, 2.3.1).
fn basic(value: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let decoded = STANDARD.decode(encoded).ok()?;
    let colon = decoded.iter().position(|&byte| byte == b':')?;
    let client_id = decode(&decoded[..colon]).filter(|client_id| !client_id.is_empty())?;
    Some((client_id, decode(&decoded[colon + 1..])?))
}
