//! Verifying a token: text, header, key, signature, claims, in this order, each step refusing before the next
//! one looks. Nothing is read from the payload before the signature holds (RFC 8725 section 3).

use serde_json::{Map, Value};

use crate::checks::{check_claims, check_type};
use crate::compact::Compact;
use crate::{Claims, Expectation, JoseError, KeySet, Result};

/// Verifies a token in compact form against what is expected of it, at `now_secs` (seconds since the Unix
/// epoch).
///
/// Refused are, in this order:
/// 1. text longer than [`MAX_TOKEN_BYTES`](crate::MAX_TOKEN_BYTES), not of exactly three parts, or not in canonical base64url without
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
    let token = Compact::parse(token)?;
    check_type(token.text("typ")?, expect)?;
    let kid = token.text("kid")?.ok_or(JoseError::MissingKeyId)?;
    let key = keys.get(kid).ok_or(JoseError::UnknownKey)?;
    if token.text("alg")? != Some(key.algorithm().as_str()) {
        return Err(JoseError::AlgorithmMismatch);
    }
    key.verify_signature(token.signed, &token.signature)?;

    let payload = token.payload()?;
    check_claims(&payload, expect, now_secs)?;
    Ok(Claims::new(payload))
}

/// Judges claims whose origin was shown in another way than by a signature, since the reader itself had sealed them: as [`verify`] judges
/// those of a payload. The type is for the seal to tell apart.
pub fn judge_sealed(payload: Map<String, Value>, expect: &Expectation, now_secs: i64) -> Result<Claims> {
    check_claims(&payload, expect, now_secs)?;
    Ok(Claims::new(payload))
}
