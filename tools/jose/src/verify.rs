//! Verifying a token: text, header, key, signature, claims, in this order, each step refusing before the next
//! one looks. Nothing is read from the payload before the signature holds (RFC 8725 section 3).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::{Claims, Expectation, JoseError, KeySet, MAX_TOKEN_BYTES, Result, claims, strict_json};

/// Header members that bring their own key or point to one, change how the token is read, or demand to be
/// understood. None of them has a use here, and each has been the way around a signature somewhere (RFC 8725
/// section 2 and 3.10).
const FORBIDDEN_HEADERS: [&str; 7] = ["crit", "jku", "jwk", "x5u", "x5c", "zip", "b64"];

/// Verifies a token in compact form against what is expected of it, at `now_secs` (seconds since the Unix
/// epoch).
///
/// Refused are, in this order:
/// 1. text longer than [`MAX_TOKEN_BYTES`], not of exactly three parts, or not in canonical base64url without
///    padding;
/// 2. a header that is not a JSON object, has a member twice, or holds `crit`, `jku`, `jwk`, `x5u`, `x5c`,
///    `zip` or `b64`;
/// 3. a `typ` that is absent or another than expected (without regard to case or a leading `application/`);
/// 4. a `kid` that is absent or not in the set, and an `alg` that is not exactly the one of that key;
/// 5. a signature that does not hold;
/// 6. a payload that is not a JSON object or has a member twice;
/// 7. `iss`, `sub`, `aud`, `exp`, `nbf`, `iat` that are absent where required, of the wrong type, or not as
///    expected.
pub fn verify(token: &str, keys: &KeySet, expect: &Expectation, now_secs: i64) -> Result<Claims> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(JoseError::TooLarge);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(JoseError::NotThreeParts)?;
    let (header, payload) = signed.split_once('.').ok_or(JoseError::NotThreeParts)?;
    if payload.contains('.') {
        return Err(JoseError::NotThreeParts);
    }
    let (header, payload, signature) = (decoded(header)?, decoded(payload)?, decoded(signature)?);

    let header = strict_json::object(&header).ok_or(JoseError::InvalidHeader)?;
    if let Some(forbidden) = FORBIDDEN_HEADERS
        .into_iter()
        .find(|name| header.contains_key(*name))
    {
        return Err(JoseError::ForbiddenHeader(forbidden));
    }
    if !text(&header, "typ")?.is_some_and(|typ| same_type(typ, &expect.typ)) {
        return Err(JoseError::WrongType);
    }
    let kid = text(&header, "kid")?.ok_or(JoseError::MissingKeyId)?;
    let key = keys.get(kid).ok_or(JoseError::UnknownKey)?;
    if text(&header, "alg")? != Some(key.algorithm().as_str()) {
        return Err(JoseError::AlgorithmMismatch);
    }
    key.verify_signature(signed.as_bytes(), &signature)?;

    let payload = strict_json::object(&payload).ok_or(JoseError::InvalidPayload)?;
    check_issuer(&payload, expect)?;
    check_subject(&payload)?;
    check_audience(&payload, expect)?;
    check_times(&payload, expect, now_secs)?;
    Ok(Claims::new(payload))
}

/// Base64url in its one canonical form: no padding, no white space, no stray bits at the end (which would
/// give one signature many texts).
fn decoded(part: &str) -> Result<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| JoseError::InvalidBase64)
}

/// A header member that, if it is there at all, is a string.
fn text<'a>(header: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(JoseError::InvalidHeader),
    }
}

/// RFC 7515 section 4.1.9: media types are compared without regard to case, and `application/` may be left
/// out.
fn same_type(one: &str, other: &str) -> bool {
    fn without_prefix(typ: &str) -> &str {
        const PREFIX: &str = "application/";
        match typ.split_at_checked(PREFIX.len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
            _ => typ,
        }
    }
    without_prefix(one).eq_ignore_ascii_case(without_prefix(other))
}

/// RFC 7519 section 4.1.1 and RFC 9207 section 2.4: compared character by character, without normalising.
fn check_issuer(payload: &Map<String, Value>, expect: &Expectation) -> Result<()> {
    match payload.get("iss") {
        Some(Value::String(issuer)) if *issuer == expect.issuer => Ok(()),
        Some(Value::String(_)) => Err(JoseError::WrongIssuer),
        _ => Err(JoseError::InvalidClaim("iss")),
    }
}

fn check_subject(payload: &Map<String, Value>) -> Result<()> {
    match payload.get("sub") {
        Some(Value::String(subject)) if !subject.is_empty() => Ok(()),
        _ => Err(JoseError::InvalidClaim("sub")),
    }
}

/// RFC 7519 section 4.1.3: a string or an array of strings. Where nobody is expected it may be absent, but
/// not malformed.
fn check_audience(payload: &Map<String, Value>, expect: &Expectation) -> Result<()> {
    let named = payload
        .get("aud")
        .map(|value| claims::strings(value).ok_or(JoseError::InvalidClaim("aud")))
        .transpose()?;
    match (&expect.audiences, named) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(JoseError::InvalidClaim("aud")),
        (Some(expected), Some(named)) if expected.iter().any(|one| named.contains(&one.as_str())) => Ok(()),
        (Some(_), Some(_)) => Err(JoseError::WrongAudience),
    }
}

fn check_times(payload: &Map<String, Value>, expect: &Expectation, now_secs: i64) -> Result<()> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "exact for 285 million years either way"
    )]
    let now = now_secs as f64;
    let expires = date(payload, "exp")?.ok_or(JoseError::InvalidClaim("exp"))?;
    if expires <= 0.0 {
        return Err(JoseError::InvalidClaim("exp"));
    }
    // RFC 7519 section 4.1.4: "on or after" this time the token is over.
    if !expect.allow_expired && now >= expires + f64::from(expect.expiry_leeway_secs) {
        return Err(JoseError::Expired);
    }
    let latest_start = now + f64::from(expect.future_leeway_secs);
    if date(payload, "nbf")?.is_some_and(|not_before| not_before > latest_start) {
        return Err(JoseError::NotYetValid);
    }
    if date(payload, "iat")?.is_some_and(|issued| issued > latest_start) {
        return Err(JoseError::IssuedInFuture);
    }
    Ok(())
}

/// A NumericDate (RFC 7519 section 2) that, if it is there at all, is a finite number; it may have a
/// fraction.
fn date(payload: &Map<String, Value>, name: &'static str) -> Result<Option<f64>> {
    match payload.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => number
            .as_f64()
            .filter(|seconds| seconds.is_finite())
            .map(Some)
            .ok_or(JoseError::InvalidClaim(name)),
        Some(_) => Err(JoseError::InvalidClaim(name)),
    }
}
