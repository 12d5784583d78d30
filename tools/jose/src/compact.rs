//! A token as text: three parts in canonical base64url, and a header that neither brings a key nor points to
//! one. This is where every reading of a token begins, whoever signed it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::{JoseError, MAX_TOKEN_BYTES, Result, strict_json};

/// Header members that bring their own key or point to one, change how the token is read, or demand to be
/// understood. None of them has a use here, and each has been the way around a signature somewhere (RFC 8725
/// section 2 and 3.10). `jwk` has one use, in DPoP proofs.
const FORBIDDEN_HEADERS: [&str; 7] = ["crit", "jku", "jwk", "x5u", "x5c", "zip", "b64"];

/// A token taken apart. Of the payload nothing is read before the signature holds.
pub(crate) struct Compact<'a> {
    pub header: Map<String, Value>,
    /// What the signature is about: header and payload as they were sent.
    pub signed: &'a [u8],
    pub signature: Vec<u8>,
    payload: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Takes a token apart that may not bring a key.
    pub(crate) fn parse(token: &'a str) -> Result<Self> {
        Self::parse_allowing(token, None)
    }

    /// Takes a token apart that may hold this one of the forbidden members.
    pub(crate) fn parse_allowing(token: &'a str, allowed: Option<&str>) -> Result<Self> {
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
            .find(|name| Some(*name) != allowed && header.contains_key(*name))
        {
            return Err(JoseError::ForbiddenHeader(forbidden));
        }
        Ok(Self {
            header,
            signed: signed.as_bytes(),
            signature,
            payload,
        })
    }

    /// A header member that, if it is there at all, is a string.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>> {
        match self.header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(JoseError::InvalidHeader),
        }
    }

    /// The payload, one JSON object without duplicate members.
    pub(crate) fn payload(&self) -> Result<Map<String, Value>> {
        strict_json::object(&self.payload).ok_or(JoseError::InvalidPayload)
    }
}

/// Base64url in its one canonical form: no padding, no white space, no stray bits at the end (which would
/// give one signature many texts).
fn decoded(part: &str) -> Result<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| JoseError::InvalidBase64)
}
