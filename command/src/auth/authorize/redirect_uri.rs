//! Redirect URIs: which one was registered, how parameters are put onto it, and what a page's policy calls
//! it. The rule: compared as text, character by character (RFC 9700, 2.1); the one exception is the port of a
//! loopback address (RFC 8252, 7.3).

use std::fmt;

use url::{Host, Url, form_urlencoded};

use crate::applications::redirect_uris::is_host_name;

/// The two literal loopback addresses; `localhost` is a name, and names can be made to mean something else.
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// Whether a redirect URI is one of those registered.
pub fn is_registered(registered: &[String], presented: &str) -> bool {
    registered.iter().any(|one| {
        one == presented
            || matches!((loopback(one), loopback(presented)), (Some(one), Some(presented)) if one == presented)
    })
}

/// A loopback URI without its port: the address, and all that follows the port.
fn loopback(uri: &str) -> Option<(&'static str, &str)> {
    let (address, rest) = LOOPBACK
        .into_iter()
        .find_map(|address| Some((address, uri.strip_prefix(address)?)))?;
    let rest = match rest.strip_prefix(':') {
        None => rest,
        Some(after) => {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            let (port, rest) = after.split_at(digits);
            // As a number is written: what is written otherwise is read in more than one way.
            port.parse::<u16>().ok().filter(|_| !port.starts_with('0'))?;
            rest
        }
    };
    // What follows must not be able to make the address part of another host or of user information.
    matches!(rest.bytes().next(), None | Some(b'/' | b'?')).then_some((address, rest))
}

/// The URI with parameters added to its query; what was registered stays as it is.
pub fn with_query(uri: &str, params: &[(String, String)]) -> String {
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{}", encoded(params))
}

/// The URI with parameters in its fragment (OAuth 2.0 Multiple Response Type Encoding Practices, section
/// 2.1).
pub fn with_fragment(uri: &str, params: &[(String, String)]) -> String {
    format!("{uri}#{}", encoded(params))
}

fn encoded(params: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(params)
        .finish()
}

/// What a Content-Security-Policy calls the place of a URI: its origin, or its scheme where it has none.
/// Written from the parts of the URI that have one meaning each, so that nothing in it is a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySource(String);

impl PolicySource {
    /// The place of a URI. Browsers hold `form-action` against the redirects that follow a form as well.
    /// `None`: it has no place that a policy could name.
    pub fn of(uri: &str) -> Option<Self> {
        let url = Url::parse(uri).ok()?;
        // Letters, digits, `+`, `-` and `.` (URL standard, "scheme state").
        let scheme = url.scheme();
        let host = match (scheme, url.host()) {
            ("http" | "https", Some(Host::Domain(name))) if is_host_name(name) => name.to_owned(),
            ("http" | "https", Some(Host::Ipv4(address))) => address.to_string(),
            ("http" | "https", Some(Host::Domain(_)) | None) => return None,
            // A host-source has no form for an IPv6 address (CSP3, section 2.3.1).
            _ => return Some(Self(format!("{scheme}:"))),
        };
        Some(Self(match url.port() {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }))
    }

    /// The origin of a URI, where a policy can name that and no more: what a page loads comes from there alone.
    pub fn origin(uri: &str) -> Option<Self> {
        Self::of(uri).filter(|Self(place)| place.contains("://"))
    }
}

impl fmt::Display for PolicySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered(uri: &str, presented: &str) -> bool {
        is_registered(&[uri.to_owned()], presented)
    }

    #[test]
    fn a_redirect_uri_is_compared_character_by_character() {
        let uri = "https://app.example/callback";
        assert!(registered(uri, uri));
        for other in [
            "https://app.example/callback/",
            "https://app.example/callback?x=1",
            "https://app.example/callback#",
            "https://app.example/Callback",
            "https://APP.example/callback",
            "https://app.example:443/callback",
            "https://app.example/a/../callback",
            "https://app.example/%63allback",
            "http://app.example/callback",
            "https://app.example.evil.example/callback",
            "https://app.example@evil.example/callback",
            " https://app.example/callback",
            "",
        ] {
            assert!(!registered(uri, other), "{other}");
        }
        assert!(!is_registered(&[], uri));
    }

    #[test]
    fn a_loopback_address_may_have_another_port_and_nothing_else() {
        assert!(registered(
            "http://127.0.0.1/callback",
            "http://127.0.0.1:51004/callback"
        ));
        assert!(registered(
            "http://127.0.0.1:80/callback?a=b",
            "http://127.0.0.1:1/callback?a=b"
        ));
        assert!(registered("http://[::1]:8000/callback", "http://[::1]/callback"));
        let uri = "http://127.0.0.1:8000/callback";
        for other in [
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:+80/callback",
            "http://127.0.0.1:080/callback",
            "http://127.0.0.1:08000/callback",
            "http://127.0.0.1:80@evil.example/callback",
            "http://127.0.0.1:80.evil.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.10/callback",
            "http://127.0.0.1:80/other",
            "http://127.0.0.1:80/callback#x",
            "http://127.0.0.2:8000/callback",
            "http://[::1]:8000/callback",
            "http://localhost:8000/callback",
            "https://127.0.0.1:8001/callback",
        ] {
            assert!(!registered(uri, other), "{other}");
        }
        assert!(!registered(
            "http://localhost:8000/callback",
            "http://localhost:8001/callback"
        ));
        assert!(!registered(
            "https://app.example:8000/callback",
            "https://app.example:8001/callback"
        ));
    }

    #[test]
    fn parameters_are_added_to_what_was_registered() {
        let params = [
            ("code".to_owned(), "a b".to_owned()),
            ("iss".to_owned(), "https://id/x".to_owned()),
        ];
        let query = "code=a+b&iss=https%3A%2F%2Fid%2Fx";
        assert_eq!(
            with_query("https://app/cb", &params),
            format!("https://app/cb?{query}")
        );
        assert_eq!(
            with_query("https://app/cb?", &params),
            format!("https://app/cb?{query}")
        );
        assert_eq!(
            with_query("https://app/cb?x=1", &params),
            format!("https://app/cb?x=1&{query}")
        );
        assert_eq!(
            with_query("com.example.app:/cb", &params),
            format!("com.example.app:/cb?{query}")
        );
        assert_eq!(
            with_fragment("https://app/cb?x=1", &params),
            format!("https://app/cb?x=1#{query}")
        );
    }

    #[test]
    fn a_policy_names_the_origin_or_the_scheme() {
        let source = |uri| {
            PolicySource::of(uri)
                .map(|source| source.to_string())
                .unwrap_or_default()
        };
        assert_eq!(source("https://app.example/cb?x"), "https://app.example");
        assert_eq!(source("http://127.0.0.1:4000/cb"), "http://127.0.0.1:4000");
        assert_eq!(source("http://[::1]:4000/cb"), "http:");
        assert_eq!(source("com.example.app:/cb"), "com.example.app:");
        assert_eq!(source("no uri"), "");
        let origin = |uri| PolicySource::origin(uri).map(|source| source.to_string());
        assert_eq!(
            origin("https://app.example/out?x").as_deref(),
            Some("https://app.example")
        );
        for uri in ["http://[::1]:4000/out", "com.example.app:/out", "no uri"] {
            assert_eq!(origin(uri), None, "{uri}");
        }
        // What an older rule let pass names no place, rather than a directive.
        assert_eq!(source("https://a.example;sandbox/"), "");
        assert_eq!(source("https://a.example,b.example/"), "");
        assert_eq!(source("https://'unsafe-inline'/"), "");
    }
}
