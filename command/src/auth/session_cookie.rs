//! The cookies of a realm: the session, the browser's own random value that sign-in forms are bound to, and the names
//! of others (the language; `known_device.rs`, and `session_state.rs`, whose cookie alone is for scripts). The rule: `__Host-`, Secure, HttpOnly, SameSite=Lax, one name for each realm; what comes back is
//! believed only under our own MAC, which names the realm and the incarnation of the log. On plain-http
//! loopback alone: another name, without Secure.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{
    ids::{RealmId, SessionId},
    kernel::{Kernel, KernelError},
    languages::Language,
};
use http::{HeaderMap, HeaderValue, header};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use web::Edge;

use super::visit::Visit;

/// The bytes of the browser's random value.
const BROWSER_BYTES: usize = 32;

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Session,
    Browser,
    Device,
    /// Whether the session is the same one still (`session_state.rs`).
    State,
    /// In which language the pages are.
    Language,
    /// The sign-in that a mailed link goes on with (`flow/methods/email.rs`).
    Mailed,
}

/// The part of a realm's id that is random: two realms made in the same minute differ here.
pub(super) fn name(name: Name, realm: RealmId, loopback: bool) -> String {
    let prefix = if loopback { "" } else { "__Host-" };
    let what = match name {
        Name::Session => "chancery",
        Name::Browser => "chancery-flow",
        Name::Device => "chancery-device",
        Name::State => "chancery-state",
        Name::Language => "chancery-language",
        Name::Mailed => "chancery-mailed",
    };
    let id = realm.0.simple().to_string();
    format!("{prefix}{what}-{}", &id[20..])
}

pub(super) fn attributes(loopback: bool) -> &'static str {
    if loopback {
        "; Path=/; HttpOnly; SameSite=Lax"
    } else {
        "; Path=/; Secure; HttpOnly; SameSite=Lax"
    }
}

/// The one value of a cookie. Two of a name: somebody planted one, and neither is believed.
pub(super) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(|(found, value)| (found == name).then_some(value));
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

/// A session as a browser holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldSession {
    /// Which.
    pub id: SessionId,
    /// How often more was proven in it by the time of this cookie; an older one is void.
    pub elevations: u64,
}

async fn mac(kernel: &Kernel, realm: RealmId, held: HeldSession) -> Result<[u8; 32], KernelError> {
    let (incarnation, elevations) = (kernel.log().incarnation(), held.elevations.to_be_bytes());
    let parts: [&[u8]; 3] = [incarnation.as_bytes(), held.id.0.as_bytes(), &elevations];
    Ok(kernel.keyring().digest(realm, "session cookie", &parts).await?)
}

/// The session that the browser says it holds: one that we gave it. Whether it is good is asked of the session.
pub async fn held(
    edge: &Edge,
    realm: RealmId,
    headers: &HeaderMap,
) -> Result<Option<HeldSession>, KernelError> {
    let name = name(Name::Session, realm, edge.is_loopback_http());
    let mut parts = value(headers, &name).unwrap_or_default().splitn(3, '.');
    let (Some(id), Some(elevations), Some(tag)) = (parts.next(), parts.next(), parts.next()) else {
        return Ok(None);
    };
    let (Ok(id), Ok(elevations), Ok(tag)) = (
        Uuid::try_parse(id),
        elevations.parse(),
        URL_SAFE_NO_PAD.decode(tag),
    ) else {
        return Ok(None);
    };
    let held = HeldSession {
        id: SessionId(id),
        elevations,
    };
    let expected = mac(edge.kernel(), realm, held).await?;
    Ok(bool::from(expected[..].ct_eq(&tag[..])).then_some(held))
}

/// The same by its id alone.
pub async fn session(
    edge: &Edge,
    realm: RealmId,
    headers: &HeaderMap,
) -> Result<Option<SessionId>, KernelError> {
    Ok(held(edge, realm, headers).await?.map(|held| held.id))
}

/// `Set-Cookie` for a session. It has no `Max-Age`: the browser forgets it when it is closed, the log decides
/// how long it is good.
pub async fn set_session(edge: &Edge, realm: RealmId, held: HeldSession) -> Result<HeaderValue, KernelError> {
    let loopback = edge.is_loopback_http();
    let tag = URL_SAFE_NO_PAD.encode(mac(edge.kernel(), realm, held).await?);
    let name = name(Name::Session, realm, loopback);
    header_value(&format!(
        "{name}={}.{}.{tag}{}",
        held.id.0.simple(),
        held.elevations,
        attributes(loopback)
    ))
}

/// `Set-Cookie` that takes the session away.
pub fn clear_session(edge: &Edge, realm: RealmId) -> Result<HeaderValue, KernelError> {
    let loopback = edge.is_loopback_http();
    let name = name(Name::Session, realm, loopback);
    header_value(&format!("{name}=; Max-Age=0{}", attributes(loopback)))
}

/// What one browser is known by before anybody signed in with it: forms are bound to it, so that one that was
/// opened in another browser is worth nothing (login CSRF, RFC 6819, 4.4.1.8).
#[derive(Clone, PartialEq, Eq)]
pub struct Browser {
    value: String,
    /// Whether the browser has it already.
    known: bool,
}

impl Browser {
    /// The browser that sent this request, or a value for it to keep from now on.
    pub fn of(edge: &Edge, realm: RealmId, headers: &HeaderMap) -> Self {
        Self::known(edge, realm, headers).unwrap_or_else(|| {
            let mut bytes = [0; BROWSER_BYTES];
            edge.kernel().random().fill(&mut bytes);
            Self {
                value: URL_SAFE_NO_PAD.encode(bytes),
                known: false,
            }
        })
    }

    /// The browser that sent this request, if it brings the value that it was given.
    fn known(edge: &Edge, realm: RealmId, headers: &HeaderMap) -> Option<Self> {
        let value = value(headers, &name(Name::Browser, realm, edge.is_loopback_http()))?;
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        (bytes.len() == BROWSER_BYTES).then(|| Self {
            value: value.to_owned(),
            known: true,
        })
    }

    /// What artefacts of this browser are bound to.
    pub fn bound(&self) -> &[u8] {
        self.value.as_bytes()
    }

    /// `Set-Cookie`, if the browser does not have it yet.
    pub fn set(&self, edge: &Edge, realm: RealmId) -> Result<Option<HeaderValue>, KernelError> {
        if self.known {
            return Ok(None);
        }
        let loopback = edge.is_loopback_http();
        let name = name(Name::Browser, realm, loopback);
        header_value(&format!("{name}={}{}", self.value, attributes(loopback))).map(Some)
    }
}

/// How long a browser keeps the language that was asked for last, in seconds: a year.
const LANGUAGE_SECONDS: u64 = 365 * 86_400;

/// The language that this browser was told to keep: a tag, which is a wish like any other.
pub fn language<'a>(edge: &Edge, realm: RealmId, headers: &'a HeaderMap) -> Option<&'a str> {
    value(headers, &name(Name::Language, realm, edge.is_loopback_http()))
}

/// `Set-Cookie` for the language, if the browser does not keep it yet.
pub fn keep_language(visit: &Visit, language: Language) -> Option<HeaderValue> {
    let (edge, realm) = (&visit.edge, visit.realm.id);
    if self::language(edge, realm, &visit.headers) == Some(language.tag()) {
        return None;
    }
    let loopback = edge.is_loopback_http();
    let (name, tag) = (name(Name::Language, realm, loopback), language.tag());
    let cookie = format!("{name}={tag}; Max-Age={LANGUAGE_SECONDS}{}", attributes(loopback));
    HeaderValue::from_str(&cookie).ok()
}

pub(super) fn header_value(text: &str) -> Result<HeaderValue, KernelError> {
    let mut value = HeaderValue::from_str(text).map_err(|error| KernelError::Malformed(error.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REALM: RealmId = RealmId(Uuid::from_u128(0x0192_0000_0000_7000_8000_1234_5678_9abc));

    fn headers(lines: &[&str]) -> HeaderMap {
        lines
            .iter()
            .map(|line| (header::COOKIE, HeaderValue::from_str(line).expect("a header")))
            .collect()
    }

    #[test]
    fn each_realm_has_its_own_cookie_and_each_place_its_own_name() {
        assert_eq!(name(Name::Session, REALM, false), "__Host-chancery-123456789abc");
        assert_eq!(name(Name::Session, REALM, true), "chancery-123456789abc");
        assert_eq!(
            name(Name::Browser, REALM, false),
            "__Host-chancery-flow-123456789abc"
        );
        assert_ne!(
            name(Name::Session, RealmId::SYSTEM, false),
            name(Name::Session, REALM, false)
        );
    }

    #[test]
    fn cookies_are_secure_except_on_loopback() {
        assert!(attributes(false).contains("; Secure"));
        assert!(!attributes(true).contains("Secure"));
        for loopback in [false, true] {
            for attribute in ["; HttpOnly", "; SameSite=Lax", "; Path=/"] {
                assert!(attributes(loopback).contains(attribute));
            }
            assert!(!attributes(loopback).contains("Domain"), "__Host- allows none");
        }
    }

    #[test]
    fn one_value_is_found_and_two_are_believed_neither() {
        assert_eq!(value(&headers(&["a=1; b=2", "c=3"]), "b"), Some("2"));
        assert_eq!(value(&headers(&["a=1; b=2", "c=3=4"]), "c"), Some("3=4"));
        assert_eq!(value(&headers(&["a=1"]), "b"), None);
        assert_eq!(value(&headers(&["b=1; b=2"]), "b"), None);
        assert_eq!(value(&headers(&["b=1", "b=1"]), "b"), None);
        assert_eq!(value(&headers(&["xb=1; B=2; b"]), "b"), None);
    }
}
