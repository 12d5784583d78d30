//! Access tokens as they are presented to a resource (RFC 6750, section 2; RFC 9449, section 7.1): the one reading of where they may stand.
//! The rule: exactly one token, in the header or in the form, never in the URL; who presents another scheme presents no token.

use http::{HeaderMap, header};

use crate::form::Form;

/// How a token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// By whoever has it (RFC 6750).
    Bearer,
    /// With a proof of the key that it is bound to (RFC 9449).
    Dpop,
}

impl Scheme {
    /// Its name, also as `token_type` (RFC 6749, 7.1).
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::Bearer => "Bearer",
            Scheme::Dpop => "DPoP",
        }
    }

    /// How a token is presented that is bound so.
    pub const fn of(jkt: Option<&String>) -> Self {
        match jkt {
            None => Scheme::Bearer,
            Some(_) => Scheme::Dpop,
        }
    }
}

/// A token as it is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented<'a> {
    /// How.
    pub scheme: Scheme,
    /// The token, whatever it looks like.
    pub token: &'a str,
}

/// What is wrong with the way in which a token is presented: `invalid_request` of RFC 6750, section 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misplaced {
    /// In the query of the URL, which ends up in logs.
    #[error("an access token does not belong into a URL")]
    InUrl,
    /// Two headers: whoever reads the first would see another token than who reads the last.
    #[error("more than one Authorization header")]
    Repeated,
    /// In the header and in the form.
    #[error("an access token in the header and another in the form")]
    Twice,
}

/// The one token of a request, if it presents one: of its `Authorization` header (section 2.1) or of its form (section 2.2), where it
/// may have one. What is no token by its looks is judged like one that is not good: `invalid_token`, as section 3.1 has it.
pub fn presented<'a>(
    headers: &'a HeaderMap,
    query: Option<&str>,
    form: Option<&'a Form>,
) -> Result<Option<Presented<'a>>, Misplaced> {
    let in_url =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).any(|(name, _)| name == "access_token");
    if in_url {
        return Err(Misplaced::InUrl);
    }
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let in_header = match (values.next(), values.next()) {
        (None, _) => None,
        (Some(_), Some(_)) => return Err(Misplaced::Repeated),
        (Some(value), None) => credentials(value.to_str().unwrap_or_default()),
    };
    let in_form = form
        .and_then(|form| form.get("access_token"))
        .map(|token| Presented {
            scheme: Scheme::Bearer,
            token,
        });
    match (in_header, in_form) {
        (Some(_), Some(_)) => Err(Misplaced::Twice),
        (token, None) | (None, token) => Ok(token),
    }
}

/// The credentials of the schemes `Bearer` and `DPoP`, in whatever case.
fn credentials(value: &str) -> Option<Presented<'_>> {
    let (name, credentials) = value.split_once(' ').unwrap_or((value, ""));
    let scheme = [("Bearer", Scheme::Bearer), ("DPoP", Scheme::Dpop)]
        .into_iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known))?
        .1;
    Some(Presented {
        scheme,
        token: credentials.trim_matches(' '),
    })
}

/// A challenge that also tells where to read about the resource (RFC 9728, section 5.1).
pub fn told_where(challenge: &str, resource_metadata: &str) -> String {
    let separator = if challenge.contains(' ') { ", " } else { " " };
    format!("{challenge}{separator}resource_metadata=\"{resource_metadata}\"")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn ask(
        authorization: &[&'static str],
        query: Option<&str>,
        form: Option<&str>,
    ) -> Result<Option<String>, Misplaced> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        let form = form.map(|form| Form::parse(form.as_bytes()).unwrap());
        presented(&headers, query, form.as_ref())
            .map(|presented| presented.map(|presented| presented.token.to_owned()))
    }

    #[test]
    fn a_token_is_in_the_header_or_in_the_form() {
        let token = |token: &str| Ok(Some(token.to_owned()));
        assert_eq!(ask(&["Bearer a.b-c_d"], None, None), token("a.b-c_d"));
        assert_eq!(ask(&["bEARER a.b.c"], None, Some("")), token("a.b.c"));
        assert_eq!(ask(&[], None, Some("access_token=a.b.c")), token("a.b.c"));
    }

    #[test]
    fn exactly_one_token_in_a_place_of_its_own() {
        for (authorization, query, form, wrong) in [
            (&["Bearer a", "Bearer a"][..], None, None, Misplaced::Repeated),
            (&["Basic YTpi", "Bearer a"], None, None, Misplaced::Repeated),
            (&["Bearer a"], None, Some("access_token=a"), Misplaced::Twice),
            (&["Bearer a"], Some("access_token=a"), None, Misplaced::InUrl),
            (&[], Some("access_token=a"), None, Misplaced::InUrl),
        ] {
            assert_eq!(
                ask(authorization, query, form),
                Err(wrong),
                "{authorization:?} {query:?} {form:?}"
            );
        }
    }

    #[test]
    fn what_does_not_look_like_a_token_is_one_that_is_not_good() {
        for (authorization, token) in [
            ("Bearer", ""),
            ("Bearer ", ""),
            ("Bearer a b", "a b"),
            ("Bearer =", "="),
        ] {
            assert_eq!(ask(&[authorization], None, None), Ok(Some(token.to_owned())));
        }
        assert_eq!(ask(&[], None, Some("access_token=")), Ok(Some(String::new())));
    }

    #[test]
    fn a_bound_token_has_a_scheme_of_its_own() {
        for (authorization, scheme) in [
            ("Bearer a", Scheme::Bearer),
            ("DPoP a", Scheme::Dpop),
            ("dpop a", Scheme::Dpop),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(authorization));
            let shown = presented(&headers, None, None).unwrap();
            assert_eq!(shown, Some(Presented { scheme, token: "a" }), "{authorization}");
        }
    }

    #[test]
    fn another_scheme_presents_no_token() {
        assert_eq!(ask(&[], Some("a=b"), None), Ok(None));
        assert_eq!(ask(&["Basic YTpi"], Some("a=b"), None), Ok(None));
    }
}
