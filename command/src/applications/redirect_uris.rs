//! Where a browser may be sent with a code (RFC 9700, section 4.1; OAuth 2.1, section 2.3; RFC 8252). The rule: a URI
//! is registered as it will be compared, character by character, and nothing that a browser reads as something else than
//! it looks like is accepted.

use events::applications::ApplicationType;
use url::{Host, Url};

use crate::Faults;

/// The most URIs of a list.
const URIS: usize = 50;
/// The most bytes of a URI.
const LENGTH: usize = 2_048;

/// Judges a list of redirect URIs (or of URIs for after signing out), noting each fault with its place.
pub fn check(field: &str, uris: &[String], application_type: ApplicationType, faults: &mut Faults) {
    faults.unless(uris.len() <= URIS, field, format!("must be at most {URIS}"));
    for (index, uri) in uris.iter().enumerate() {
        let place = format!("{field}[{index}]");
        if let Err(reason) = judge(uri, application_type) {
            faults.add(&place, reason);
        }
        faults.unless(!uris[..index].contains(uri), place, "is there already");
    }
}

/// Why a URI is refused, if it is.
fn judge(text: &str, application_type: ApplicationType) -> Result<(), &'static str> {
    if text.is_empty() || text.len() > LENGTH {
        return Err("must have 1 to 2,048 characters");
    }
    // RFC 3986 knows none of them; a browser would repair them, and then compare something else than was registered.
    if !text.bytes().all(|byte| byte.is_ascii_graphic())
        || text.contains(['\\', '"', '<', '>', '^', '`', '{', '|', '}'])
    {
        return Err("must hold only what a URI may (RFC 3986)");
    }
    // A URI may hold these; but they separate and quote in headers, where redirect URIs go.
    if text.contains([';', ',', '\'']) {
        return Err("must not hold semicolons, commas or quotes");
    }
    if text.contains('*') {
        return Err("must not hold a wildcard: redirect URIs are compared exactly");
    }
    if text.contains('#') {
        return Err("must not have a fragment");
    }
    let url = Url::parse(text).map_err(|_| "must be an absolute URI")?;
    if !url.username().is_empty()
        || url.password().is_some()
        || authority(text).is_some_and(|part| part.contains('@'))
    {
        return Err("must not hold credentials");
    }
    // What the parser had to change (dots in the path, letters of the host, a default port) would be compared as it was typed.
    if url.as_str() != text && url.as_str() != format!("{text}/") {
        return Err(
            "must be written as a browser writes it: lower-case scheme and host, no dot segments, no default port",
        );
    }
    match url.scheme() {
        "http" | "https" if matches!(url.host(), Some(Host::Domain(name)) if !is_host_name(name)) => {
            Err("must have a host of letters, digits, hyphens and dots (RFC 1123, section 2.1)")
        }
        "https" if url.host().is_some() => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        "https" => Err("must have a host"),
        "http" => Err("must be https; http is for loopback only"),
        // RFC 8252, section 7.1: a reversed domain name, so that two vendors do not meet; it also keeps `javascript:`,
        // `data:` and their kin out.
        scheme if scheme.contains('.') && application_type == ApplicationType::Native => Ok(()),
        scheme if scheme.contains('.') => {
            Err("must be https; schemes of one's own are for native applications")
        }
        _ => Err("must be https, or a scheme of one's own with a dot, such as org.example.app"),
    }
}

/// Whether this is the name of a host (RFC 1123, section 2.1): the URL standard, and so a browser, lets more pass.
pub(crate) fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// What stands between `//` and the path.
fn authority(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("//")?;
    rest.split(['/', '?']).next()
}

/// RFC 8252, section 7.3, and `localhost`, which developers type.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.octets() == [127, 0, 0, 1],
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ApplicationType::{Native, Spa, Web};

    #[test]
    fn https_anywhere_and_http_on_loopback() {
        for uri in [
            "https://app.example.org/callback",
            "https://app.example.org",
            "https://app.example.org:8443/cb?tenant=a",
            "https://xn--bcher-kva.example/cb",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:49152/cb",
            "http://[::1]:3000/",
            "http://localhost:3000/cb",
        ] {
            assert_eq!(judge(uri, Spa), Ok(()), "{uri}");
        }
    }

    #[test]
    fn native_applications_have_schemes_of_their_own_with_a_dot() {
        assert_eq!(judge("org.example.app:/callback", Native), Ok(()));
        assert_eq!(judge("org.example.app://callback", Native), Ok(()));
        assert!(judge("org.example.app:/callback", Web).is_err());
        assert!(judge("myapp:/callback", Native).is_err());
    }

    #[test]
    fn everything_else_is_refused() {
        for uri in [
            "",
            "/callback",
            "app.example.org/cb",
            "//app.example.org/cb",
            "https://",
            "https:///cb",
            "http://app.example.org/cb",
            "http://127.0.0.1.example.org/cb",
            "http://localhost.example.org/cb",
            "http://127.1/cb",
            "http://2130706433/cb",
            "https://app.example.org/cb#part",
            "https://app.example.org/cb#",
            "https://user:secret@app.example.org/cb",
            "https://@app.example.org/cb",
            "https://app.example.org@evil.example/cb",
            "https://*.example.org/cb",
            "https://app.example.org/*",
            "https://app.example.org/a/../b",
            "https://app.example.org/%2e%2e/b",
            "https://APP.example.org/cb",
            "HTTPS://app.example.org/cb",
            "https://app.example.org:443/cb",
            "https://app.example.org\\@evil.example/cb",
            "https://app.example.org/c b",
            "https://app.example.org/cb\n",
            " https://app.example.org/cb",
            "https://app.example.org/\u{0}",
            "https://bücher.example/cb",
            "https://a.example;sandbox/",
            "https://a.example,b.example/",
            "https://a.example'self'/",
            "https://a.example/cb;a=b",
            "https://a.example/cb?a,b",
            "https://a_b.example/",
            "https://a$b.example/",
            "https://a..example/",
            "https://a.example./",
            "https://-a.example/",
            "http://127.0.0.1:080/cb",
            "http://127.0.0.1:/cb",
            "javascript:alert(1)",
            "data:text/html,a",
            "vbscript:a",
            "file:///etc/passwd",
            "about:blank",
            "blob:https://app.example.org/1",
            "ftp://app.example.org/cb",
            "urn:ietf:wg:oauth:2.0:oob",
        ] {
            for application_type in [Web, Spa, Native] {
                assert!(judge(uri, application_type).is_err(), "{uri:?}");
            }
        }
        assert!(judge(&format!("https://app.example.org/{}", "a".repeat(LENGTH)), Web).is_err());
    }

    #[test]
    fn lists_are_bounded_and_name_the_place() {
        let uris: Vec<String> = ["https://a.example/", "http://a.example/", "https://a.example/"]
            .map(str::to_owned)
            .into();
        let mut faults = Faults::default();
        check("redirect_uris", &uris, Web, &mut faults);
        assert!(faults.fields().eq(["redirect_uris[1]", "redirect_uris[2]"]));
        let many: Vec<String> = (0..=URIS)
            .map(|number| format!("https://a.example/{number}"))
            .collect();
        let mut faults = Faults::default();
        check("redirect_uris", &many, Web, &mut faults);
        assert!(faults.fields().eq(["redirect_uris"]));
    }
}
