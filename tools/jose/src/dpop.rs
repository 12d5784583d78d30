//! DPoP proofs (RFC 9449): that whoever sends a request holds the key that a token is bound to. Of all tokens
//! only these bring their own key; it proves nothing but that the sender has its private half, so what counts
//! is the thumbprint, which the caller compares with what the token is bound to.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use url::Url;

use crate::checks::{MAX_ID_BYTES, date, same_type};
use crate::compact::Compact;
use crate::{Algorithm, JoseError, Jwk, Result, VerifyingKey};

/// What the sender's clock may be ahead, in seconds: FAPI 2.0 (section 5.3.2.1) wants 10 accepted, and more
/// than 60 refused.
const AHEAD_SECS: i64 = 30;

/// The request that a proof must be for.
#[derive(Clone, Copy)]
pub struct Expectation<'a> {
    /// The method, such as `POST`.
    pub method: &'a str,
    /// The address as the client sees it; query and fragment are not looked at.
    pub url: &'a str,
    /// The access token that came with the proof: at protected resources, not at the token endpoint.
    pub access_token: Option<&'a str>,
    /// Now, in seconds since the Unix epoch.
    pub now_secs: i64,
    /// How old a proof may be, in seconds.
    pub max_age_secs: u32,
}

/// A proof that holds. Whether it is the first use of its `jti`, and whether the nonce is one of the server's,
/// is for the caller to find out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The RFC 7638 thumbprint of the sender's key: what a token's `cnf.jkt` must be.
    pub thumbprint: String,
    /// The proof's own id, of 1 to 256 bytes: unique for this key within the time that a proof is good for.
    pub jti: String,
    /// The server's nonce that the proof repeats, of 1 to 256 bytes.
    pub nonce: Option<String>,
    /// `iat`, in seconds since the Unix epoch, rounded down.
    pub issued_at: i64,
    /// The algorithm that the proof is signed with.
    pub algorithm: Algorithm,
}

/// Verifies the proof after RFC 9449 section 4.3, steps 2 to 10 and 12. The order is that of
/// [`verify`](fn@crate::verify): text, header, key, signature, claims.
pub fn verify(proof: &str, expect: &Expectation<'_>) -> Result<Proof> {
    let token = Compact::parse_allowing(proof, Some("jwk"))?;
    if !token.text("typ")?.is_some_and(|typ| same_type(typ, "dpop+jwt")) {
        return Err(JoseError::WrongType);
    }
    let algorithm = token
        .text("alg")?
        .and_then(|name| name.parse().ok())
        .ok_or(JoseError::AlgorithmMismatch)?;
    let jwk = Jwk::from_value(token.header.get("jwk").ok_or(JoseError::InvalidKey)?)?;
    let key = VerifyingKey::of_algorithm(&jwk, algorithm)?;
    key.verify_signature(token.signed, &token.signature)?;

    let payload = token.payload()?;
    let jti = text(&payload, "jti")?.ok_or(JoseError::InvalidClaim("jti"))?;
    // The method is case-sensitive (RFC 9110 section 9.1).
    if payload
        .get("htm")
        .and_then(Value::as_str)
        .ok_or(JoseError::InvalidClaim("htm"))?
        != expect.method
    {
        return Err(JoseError::WrongMethod);
    }
    let htu = payload
        .get("htu")
        .and_then(Value::as_str)
        .ok_or(JoseError::InvalidClaim("htu"))?;
    if normal(htu).ok_or(JoseError::InvalidClaim("htu"))? != normal(expect.url).ok_or(JoseError::WrongUrl)? {
        return Err(JoseError::WrongUrl);
    }
    let issued_at = issued_at(&payload, expect)?;
    if let Some(token) = expect.access_token {
        let hash = payload
            .get("ath")
            .and_then(Value::as_str)
            .ok_or(JoseError::InvalidClaim("ath"))?;
        let expected = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()));
        verify_slices_are_equal(hash.as_bytes(), expected.as_bytes())
            .map_err(|_| JoseError::WrongAccessToken)?;
    }
    Ok(Proof {
        thumbprint: jwk.thumbprint()?,
        jti: jti.to_owned(),
        nonce: text(&payload, "nonce")?.map(str::to_owned),
        issued_at,
        algorithm,
    })
}

/// `iat` within the window. An `exp` or `nbf`, which proofs do not need, is not looked at: the window is ours.
fn issued_at(payload: &Map<String, Value>, expect: &Expectation<'_>) -> Result<i64> {
    let issued = date(payload, "iat")?
        .ok_or(JoseError::InvalidClaim("iat"))?
        .floor();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`as` saturates, and then it is out of the window"
    )]
    let issued = issued as i64;
    if issued > expect.now_secs.saturating_add(AHEAD_SECS) {
        return Err(JoseError::IssuedInFuture);
    }
    if issued < expect.now_secs.saturating_sub(i64::from(expect.max_age_secs)) {
        return Err(JoseError::TooOld);
    }
    Ok(issued)
}

/// A claim that, if it is there at all, is a string of 1 to 256 bytes.
fn text<'a>(payload: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>> {
    match payload.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if (1..=MAX_ID_BYTES).contains(&text.len()) => Ok(Some(text)),
        Some(_) => Err(JoseError::InvalidClaim(name)),
    }
}

/// Scheme, host, port and path after syntax-based and scheme-based normalisation (RFC 3986 sections 6.2.2 and
/// 6.2.3); nothing if it is no such address. Strings that a browser would mend first are none.
fn normal(url: &str) -> Option<(String, String, u16, String)> {
    if !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return None;
    }
    let url = Url::parse(url).ok()?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    Some((
        url.scheme().to_owned(),
        url.host_str()?.to_owned(),
        url.port_or_known_default()?,
        unescaped(url.path()),
    ))
}

/// RFC 3986 sections 6.2.2.1 and 6.2.2.2: escapes in capital letters, and none where none is needed.
fn unescaped(path: &str) -> String {
    let mut normal = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        normal.push_str(before);
        let escape = after
            .get(..2)
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escape.map(char::from) {
            Some(byte) if byte.is_ascii_alphanumeric() || "-._~".contains(byte) => normal.push(byte),
            Some(_) => {
                normal.push('%');
                normal.push_str(&after[..2].to_ascii_uppercase());
            }
            None => {
                normal.push('%');
                rest = after;
                continue;
            }
        }
        rest = &after[2..];
    }
    normal.push_str(rest);
    normal
}
