//! The parameters of an authorization request, one by one (RFC 6749, 4.1.1; OpenID Connect Core, 3.1.2.1;
//! RFC 7636; RFC 8707; RFC 9449, section 10). The rule: each has a bound and a form, and what does not have it
//! is refused rather than repaired.

use std::collections::BTreeSet;

use events::auth::Assurance;
use web::{
    Requirements,
    form::Form,
    offered::{CODE_CHALLENGE_METHOD, CREATE, PROMPTS},
};

use super::request::{Prompt, Refusal, invalid, refused};

/// The longest `nonce`, in bytes.
pub(super) const MAX_NONCE: usize = 1_024;
/// The longest `login_hint`, in bytes; longer than any login name.
pub(super) const MAX_LOGIN_HINT: usize = 512;
/// The longest `scope`, in bytes.
const MAX_SCOPE: usize = 2_048;
/// The most resources.
const MAX_RESOURCES: usize = 16;
/// The longest resource, in bytes.
const MAX_RESOURCE: usize = 2_048;
/// The longest of the parameters that are wishes, in bytes.
const MAX_IGNORED: usize = 1_024;

/// For the id token.
pub(super) fn nonce(form: &Form) -> Result<Option<String>, Refusal> {
    let description = "nonce is too long or has control characters";
    bounded(form, "nonce", MAX_NONCE, description)
}

/// The name to put into the form.
pub(super) fn login_hint(form: &Form) -> Result<Option<String>, Refusal> {
    let description = "login_hint is too long or has control characters";
    bounded(form, "login_hint", MAX_LOGIN_HINT, description)
}

/// `acr_values`: what the sign-in should be worth, the first that is known; voluntary (OpenID Connect Core, 3.1.2.1).
pub(super) fn acr_values(form: &Form, default: &[String]) -> Result<Option<Assurance>, Refusal> {
    let description = "acr_values is too long or has control characters";
    let asked = bounded(form, "acr_values", MAX_IGNORED, description)?;
    Ok(match asked {
        Some(asked) => asked.split(' ').find_map(Assurance::of_acr),
        None => default.iter().find_map(|acr| Assurance::of_acr(acr)),
    })
}

/// What is voluntary and no part of the request that is answered: `ui_locales` chooses the language of the pages (`Visit::wish`), the others
/// have nothing to choose, there being one kind of page and of claims (OpenID Connect Core, 3.1.2.1). It must be readable nevertheless.
pub(super) fn ignored(form: &Form) -> Result<(), Refusal> {
    for (name, description) in [
        ("ui_locales", "ui_locales is too long or has control characters"),
        (
            "claims_locales",
            "claims_locales is too long or has control characters",
        ),
        ("display", "display is too long or has control characters"),
    ] {
        bounded(form, name, MAX_IGNORED, description)?;
    }
    Ok(())
}

fn bounded(
    form: &Form,
    name: &str,
    most: usize,
    description: &'static str,
) -> Result<Option<String>, Refusal> {
    match form.given(name) {
        Some(value) if value.len() > most || value.contains(char::is_control) => invalid(description),
        value => Ok(value.map(str::to_owned)),
    }
}

/// The scopes that were asked for, at least one.
pub(super) fn scopes(form: &Form) -> Result<BTreeSet<String>, Refusal> {
    let scope = form.given("scope").unwrap_or_default();
    if scope.len() > MAX_SCOPE {
        return refused("invalid_scope", "scope is too long");
    }
    let scopes: BTreeSet<String> = scope
        .split(' ')
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect();
    if scopes.is_empty() {
        return refused("invalid_scope", "scope is missing");
    }
    Ok(scopes)
}

/// The resources that were asked for.
pub(super) fn resources(form: &Form) -> Result<Vec<String>, Refusal> {
    let resources = form.all("resource");
    if resources.len() > MAX_RESOURCES || resources.iter().any(|one| one.len() > MAX_RESOURCE) {
        return refused(
            "invalid_target",
            "there are too many resources, or one is too long",
        );
    }
    Ok(resources)
}

/// RFC 7636, with S256 alone: `plain` protects nobody who can read the request (RFC 9700, 2.1.1).
pub(super) fn challenge(form: &Form, required: &Requirements) -> Result<Option<String>, Refusal> {
    match (form.given("code_challenge"), form.given("code_challenge_method")) {
        (None, Some(_)) => invalid("code_challenge_method without code_challenge"),
        (None, None) if required.pkce => {
            invalid("code_challenge is required of this application (PKCE, RFC 7636)")
        }
        (None, None) => Ok(None),
        (Some(challenge), Some(CODE_CHALLENGE_METHOD)) if is_sha256(challenge) => {
            Ok(Some(challenge.to_owned()))
        }
        (Some(_), Some(CODE_CHALLENGE_METHOD)) => {
            invalid("code_challenge must be 43 characters of base64url")
        }
        (Some(_), _) => invalid("code_challenge_method must be S256"),
    }
}

/// `dpop_jkt`: the thumbprint of the key that the code is bound to (RFC 9449, section 10).
pub(super) fn thumbprint(form: &Form) -> Result<Option<String>, Refusal> {
    match form.given("dpop_jkt") {
        Some(thumbprint) if !is_sha256(thumbprint) => {
            invalid("dpop_jkt must be 43 characters of base64url (RFC 7638)")
        }
        thumbprint => Ok(thumbprint.map(str::to_owned)),
    }
}

/// A SHA-256 in base64url without padding.
fn is_sha256(text: &str) -> bool {
    text.len() == 43
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// `prompt`, and whether consent is asked for anew. There is one account for each browser, so choosing one is
/// signing in.
pub(super) fn prompt(form: &Form) -> Result<(Prompt, bool), Refusal> {
    let (mut prompt, mut consent) = (Prompt::AsNeeded, false);
    let values: Vec<_> = form
        .given("prompt")
        .unwrap_or_default()
        .split(' ')
        .filter(|one| !one.is_empty())
        .collect();
    for value in &values {
        match *value {
            "none" if values.len() > 1 => return invalid("prompt none cannot be combined with others"),
            "none" => prompt = Prompt::Nothing,
            "consent" => consent = true,
            CREATE => prompt = Prompt::Register,
            value if PROMPTS.contains(&value) => prompt = prompt.max(Prompt::SignIn),
            _ => return invalid("prompt must be none, or of login, select_account, create and consent"),
        }
    }
    Ok((prompt, consent))
}

/// How long ago the person may have signed in, in seconds.
pub(super) fn max_age(form: &Form) -> Result<Option<u64>, Refusal> {
    let Some(text) = form.given("max_age") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(seconds) if text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(Some(seconds))
        }
        _ => invalid("max_age must be a number of seconds"),
    }
}
