//! Type and claims of a token against what was expected of it. Each check refuses what is absent where it is
//! required, of the wrong type, or another value than was said.

use serde_json::{Map, Value};

use crate::expectation::{Expectation, Subject};
use crate::{JoseError, Result, claims};

/// The longest `jti` or nonce, in bytes, that is accepted where one is demanded.
pub(crate) const MAX_ID_BYTES: usize = 256;

/// `typ`: one of the expected types, or none where that was allowed (RFC 8725 section 3.11).
pub(crate) fn check_type(typ: Option<&str>, expect: &Expectation) -> Result<()> {
    let fits = match typ {
        None => expect.type_optional,
        Some(typ) => expect.types.iter().any(|expected| same_type(typ, expected)),
    };
    if fits { Ok(()) } else { Err(JoseError::WrongType) }
}

/// The claims of a token whose signature holds.
pub(crate) fn check_claims(payload: &Map<String, Value>, expect: &Expectation, now_secs: i64) -> Result<()> {
    check_issuer(payload, expect)?;
    check_subject(payload, expect)?;
    check_audience(payload, expect)?;
    check_times(payload, expect, now_secs)?;
    check_token_id(payload, expect)
}

/// RFC 7515 section 4.1.9: media types are compared without regard to case, and `application/` may be left
/// out.
pub(crate) fn same_type(one: &str, other: &str) -> bool {
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

fn check_subject(payload: &Map<String, Value>, expect: &Expectation) -> Result<()> {
    let subject = match payload.get("sub") {
        None => None,
        Some(Value::String(subject)) if !subject.is_empty() => Some(subject),
        Some(_) => return Err(JoseError::InvalidClaim("sub")),
    };
    match (&expect.subject, subject) {
        (Subject::Any | Subject::Exactly(_), None) => Err(JoseError::InvalidClaim("sub")),
        (Subject::Exactly(expected), Some(subject)) if expected != subject => Err(JoseError::WrongSubject),
        (Subject::NoneOrAnother(refused), Some(subject)) if refused == subject => {
            Err(JoseError::WrongSubject)
        }
        (Subject::Any | Subject::Exactly(_), Some(_)) | (Subject::NoneOrAnother(_), _) => Ok(()),
    }
}

/// RFC 7519 section 4.1.7. Bounded, because whoever accepts a token once must remember it.
fn check_token_id(payload: &Map<String, Value>, expect: &Expectation) -> Result<()> {
    match payload.get("jti") {
        Some(Value::String(id)) if (1..=MAX_ID_BYTES).contains(&id.len()) => Ok(()),
        _ if !expect.token_id_required => Ok(()),
        _ => Err(JoseError::InvalidClaim("jti")),
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
    match date(payload, "exp")? {
        None if expect.expiry_optional => {}
        Some(expires) if expires > 0.0 => check_expiry(expires, expect, now)?,
        None | Some(_) => return Err(JoseError::InvalidClaim("exp")),
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

fn check_expiry(expires: f64, expect: &Expectation, now: f64) -> Result<()> {
    // RFC 7519 section 4.1.4: "on or after" this time the token is over.
    if !expect.allow_expired && now >= expires + f64::from(expect.expiry_leeway_secs) {
        return Err(JoseError::Expired);
    }
    let latest_end = now + f64::from(expect.future_leeway_secs);
    if expect
        .lifetime_secs
        .is_some_and(|most| expires > latest_end + f64::from(most))
    {
        return Err(JoseError::LifetimeTooLong);
    }
    Ok(())
}

/// A NumericDate (RFC 7519 section 2) that, if it is there at all, is a finite number; it may have a
/// fraction.
pub(crate) fn date(payload: &Map<String, Value>, name: &'static str) -> Result<Option<f64>> {
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
