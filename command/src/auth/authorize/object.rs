//! Request objects: authorization requests that the application signed (RFC 9101; OpenID Connect Core, section
//! 6). The rule: one is believed for what its own keys signed, within the algorithms that it may use, from it
//! and for this issuer; and then what it says counts, and nothing that stands beside it.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{applications::Application, clock::Timestamp};
use jose::{Algorithm, Claims, Expectation, MAX_TOKEN_BYTES};
use serde_json::Value;
use url::Url;
use web::{
    Requirements,
    clients::keys::{KeyRefused, KeySource},
    form::Form,
};

use super::request::{Origin, Refusal, invalid, refused};
use crate::auth::visit::Visit;

/// How long a `jti` is remembered where its request object does not end, in seconds.
const REMEMBERED: u64 = 3_600;

/// The parameters that a request object may hold. Others are extensions that are not known here.
const PARAMETERS: [&str; 22] = [
    "acr_values",
    "claims",
    "claims_locales",
    "client_id",
    "code_challenge",
    "code_challenge_method",
    "display",
    "dpop_jkt",
    "id_token_hint",
    "login_hint",
    "max_age",
    "nonce",
    "prompt",
    "redirect_uri",
    "registration",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "ui_locales",
];

const fn bad<T>(description: &'static str) -> Result<T, Refusal> {
    refused("invalid_request_object", description)
}

/// Reads a request object; its parameters take the place of those outside.
pub(super) async fn read(
    visit: &Visit,
    application: &Application,
    required: &Requirements,
    outside: &Form,
    object: &str,
) -> Result<(Form, Origin), Refusal> {
    let settings = &application.settings;
    let allowed: Vec<Algorithm> = match settings.request_object_signing_alg.as_deref() {
        Some(chosen) => required.signing(Some(chosen)).into_iter().collect(),
        None => required.algorithms.clone(),
    };
    let mut expected = Expectation::request_object(&application.client_id, [visit.issuer()]);
    // Outside of a profile a request object is bound by what it is used for (RFC 9101 demands no end).
    if !required.confidential_only {
        expected = expected.expiry_optional();
    }
    let now = visit.edge.kernel().now();
    let verified = KeySource::from(settings)
        .verify(&visit.edge, |keys| {
            jose::verify_foreign(object, keys, &allowed, &expected, now.seconds())
        })
        .await;
    let claims = match verified {
        Ok(claims) => claims,
        Err(KeyRefused::NoKeys) => {
            return bad("the application has no keys that its request object could be signed with");
        }
        Err(KeyRefused::Unreachable(_)) => return bad("the keys of the application could not be fetched"),
        Err(KeyRefused::Jose(error)) => {
            tracing::debug!(code = error.code(), "request object refused");
            return bad("the request object is not validly signed by this application for this issuer");
        }
    };
    let form = parameters(&claims, outside, &application.client_id)?;
    let object = claims.token_id().map(|id| {
        let ends = match claims.expires_at() {
            0 => now.after_seconds(REMEMBERED),
            ends => Timestamp::from_seconds(ends),
        };
        (id.to_owned(), ends)
    });
    Ok((
        form,
        Origin {
            signed: true,
            object,
            ..Origin::default()
        },
    ))
}

/// The parameters of a request object. Of those outside only what OAuth and OpenID Connect require to stand there
/// too may fill a gap (OpenID Connect Core, 6.1).
fn parameters(claims: &Claims, outside: &Form, client_id: &str) -> Result<Form, Refusal> {
    let mut pairs = Vec::new();
    for (name, value) in claims.as_map() {
        match (name.as_str(), value) {
            ("request" | "request_uri", _) => {
                return bad("a request object must not hold another (RFC 9101, section 4)");
            }
            ("client_id", value) if value != client_id => {
                return bad("client_id in the request object is another than the one outside");
            }
            ("resource", Value::Array(resources)) => {
                for resource in resources {
                    pairs.push((name.clone(), text(resource)?));
                }
            }
            ("claims", Value::Object(_)) => pairs.push((name.clone(), value.to_string())),
            (known, value) if known == "resource" || PARAMETERS.contains(&known) => {
                pairs.push((name.clone(), text(value)?));
            }
            _ => {}
        }
    }
    for name in ["client_id", "response_type", "scope"] {
        let inside = pairs.iter().find(|(other, _)| other == name);
        match (inside, outside.given(name)) {
            (None, Some(value)) => pairs.push((name.to_owned(), value.to_owned())),
            (Some((_, inside)), Some(outside)) if name == "response_type" && inside != outside => {
                return bad("response_type in the request object is another than the one outside");
            }
            _ => {}
        }
    }
    Form::of(pairs).map_err(|_| Refusal {
        error: "invalid_request_object",
        description: "the request object has too many parameters",
    })
}

/// Parameters are texts; numbers and truth values are written as what they are.
fn text(value: &Value) -> Result<String, Refusal> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            bad("a parameter of the request object is not a text")
        }
    }
}

/// Fetches a request object from where the application registered that it is (OpenID Connect Core, 6.2).
pub(super) async fn fetch(
    visit: &Visit,
    application: &Application,
    request_uri: &str,
) -> Result<String, Refusal> {
    let registered = &application.settings.request_uris;
    let (address, fragment) = request_uri.split_once('#').unwrap_or((request_uri, ""));
    let Some(url) = registered
        .iter()
        .find(|one| *one == address)
        .and_then(|one| Url::parse(one).ok())
    else {
        return refused(
            "invalid_request_uri",
            "request_uri is neither one that was pushed nor one that is registered for this application",
        );
    };
    let documents = visit.edge.documents();
    let mut document = documents.get(&url).await;
    // The fragment is the hash of the content: another one says that the content is another by now.
    let hash_is_another = |document: &[u8]| {
        !fragment.is_empty() && URL_SAFE_NO_PAD.encode(digest(&SHA256, document)) != fragment
    };
    if document.as_ref().is_ok_and(|document| hash_is_another(document)) {
        document = documents.refresh(&url).await;
    }
    let object = match document {
        Ok(document) if document.len() <= MAX_TOKEN_BYTES => document,
        Ok(_) => return refused("invalid_request_uri", "what is at request_uri is too long"),
        Err(error) => {
            tracing::debug!(%error, "request object not fetched");
            return refused("invalid_request_uri", "request_uri could not be fetched");
        }
    };
    match std::str::from_utf8(&object) {
        Ok(object) => Ok(object.trim().to_owned()),
        Err(_) => invalid("what is at request_uri is no request object"),
    }
}
