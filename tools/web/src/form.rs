//! Forms and query strings (`application/x-www-form-urlencoded`, WHATWG URL, section 5), strictly.
//! The rule: each parameter is there once and decodes to text, or nothing of it is taken; a parser that guesses is a second
//! path around whatever the first one checked (RFC 6749, 3.1: parameters MUST NOT be included more than once). The exceptions are
//! `resource` (RFC 8707, section 2) and `audience` (RFC 8693, section 2.1), which are read by [`Form::all`] alone.

use std::fmt;

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};

use crate::{
    oauth::OAuthError,
    problem::{Code, Problem},
};

/// The most bytes of a form or query string, as sent.
pub const MAX_BYTES: usize = 64 * 1024;

/// The most parameters of a form.
pub const MAX_PARAMETERS: usize = 64;

/// What may be there more than once.
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// How much of a parameter's name an answer repeats, in characters.
const MAX_NAME_SHOWN: usize = 64;

/// The parameters of a form, in the order in which they were sent, each once but for those that may be repeated.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

/// Why a form is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The body says that it is something else, or does not say.
    #[error("the body must be application/x-www-form-urlencoded")]
    NotAForm,
    /// More than [`MAX_BYTES`].
    #[error("the parameters are longer than 64 KiB")]
    TooLong,
    /// More than [`MAX_PARAMETERS`].
    #[error("there are more than 64 parameters")]
    TooMany,
    /// A percent sign without two hexadecimal digits, bytes that are not UTF-8, the character NUL, or a value without a name.
    #[error("the parameters are not encoded as application/x-www-form-urlencoded in UTF-8, or hold NUL")]
    Malformed,
    /// A parameter is there twice.
    #[error("the parameter {0} is there more than once")]
    Repeated(String),
}

impl Form {
    /// Parses a query string or the body of a form.
    pub fn parse(encoded: &[u8]) -> Result<Self, FormError> {
        if encoded.len() > MAX_BYTES {
            return Err(FormError::TooLong);
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        for pair in encoded
            .split(|&byte| byte == b'&')
            .filter(|pair| !pair.is_empty())
        {
            if parameters.len() == MAX_PARAMETERS {
                return Err(FormError::TooMany);
            }
            let (name, value) = match pair.iter().position(|&byte| byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            let name = decode(name)
                .filter(|name| !name.is_empty())
                .ok_or(FormError::Malformed)?;
            let value = decode(value).ok_or(FormError::Malformed)?;
            let repeated = parameters.iter().any(|(other, _)| *other == name);
            if repeated && !REPEATABLE.contains(&name.as_str()) {
                return Err(FormError::Repeated(name.chars().take(MAX_NAME_SHOWN).collect()));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// A form of parameters that came in another way, under the same rules.
    pub fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, FormError> {
        let encoded = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        Self::parse(encoded.as_bytes())
    }

    /// Parses the body of a request that says that it is a form.
    pub fn of_body(headers: &HeaderMap, body: &[u8]) -> Result<Self, FormError> {
        if is_form(headers) {
            Self::parse(body)
        } else {
            Err(FormError::NotAForm)
        }
    }

    /// The value of a parameter; the empty text where it was sent without one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that was given: one without a value counts as left out (RFC 6749, 3.1 and 3.2).
    pub fn given(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// All values of a parameter that may be there more than once, in the order in which they were sent.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.iter()
            .filter(|(other, value)| *other == name && !value.is_empty())
            .map(|(_, value)| value.to_owned())
            .collect()
    }

    /// All parameters, in the order in which they were sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The form as a query string that means the same.
    pub fn encode(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.iter())
            .finish()
    }
}

/// Values may be secrets: only names are shown.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

/// The body of a request to an OAuth 2.0 endpoint; for other endpoints see [`Form::of_body`].
impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = OAuthError;

    async fn from_request(request: Request, _: &S) -> Result<Self, OAuthError> {
        let (parts, body) = request.into_parts();
        if !is_form(&parts.headers) {
            return Err(FormError::NotAForm.into());
        }
        // What cannot be read to its end is cut off by the connection, and then nobody hears the answer.
        let body = axum::body::to_bytes(body, MAX_BYTES)
            .await
            .map_err(|_| FormError::TooLong)?;
        Ok(Self::parse(&body)?)
    }
}

impl From<FormError> for Problem {
    fn from(error: FormError) -> Self {
        let code = match &error {
            FormError::NotAForm => Code::UnsupportedMediaType,
            FormError::TooLong => Code::TooLarge,
            FormError::TooMany | FormError::Malformed | FormError::Repeated(_) => Code::Invalid,
        };
        let problem = Problem::new(code).detail(error.to_string());
        match error {
            FormError::Repeated(name) => problem.field(name, "is there more than once"),
            FormError::NotAForm | FormError::TooLong | FormError::TooMany | FormError::Malformed => problem,
        }
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next(), types.next()) else {
        return false;
    };
    let Ok(content_type) = content_type.to_str() else {
        return false;
    };
    let mut parts = content_type.split(';').map(str::trim);
    let form = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    // The format is UTF-8 by definition; whoever says another charset does not mean what we would read.
    form && parts.filter(|part| !part.is_empty()).all(|part| {
        part.eq_ignore_ascii_case("charset=utf-8") || part.eq_ignore_ascii_case("charset=\"utf-8\"")
    })
}

/// Decodes one name or value; `None` where it does not decode to text.
pub(crate) fn decode(encoded: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.iter();
    while let Some(&byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hexadecimal(*bytes.next()?)? << 4 | hexadecimal(*bytes.next()?)?,
            other => other,
        });
    }
    // No parameter has a use for NUL, and not every store can hold it.
    String::from_utf8(decoded)
        .ok()
        .filter(|text| !text.contains('\0'))
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::HeaderValue;

    use super::*;

    type Pairs = Vec<(String, String)>;

    fn refused(encoded: &str) -> FormError {
        Form::parse(encoded.as_bytes()).unwrap_err()
    }

    fn parsed(encoded: &str) -> Pairs {
        Form::parse(encoded.as_bytes()).unwrap().0
    }

    fn pairs(pairs: &[(&str, &str)]) -> Pairs {
        pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn names_and_values_are_decoded() {
        assert_eq!(parsed(""), pairs(&[]));
        assert_eq!(parsed("&&a=1&&b=2&"), pairs(&[("a", "1"), ("b", "2")]));
        assert_eq!(parsed("a&b="), pairs(&[("a", ""), ("b", "")]));
        assert_eq!(parsed("a=b=c"), pairs(&[("a", "b=c")]));
        assert_eq!(parsed("a=1+2%2b3%2B%26%3D"), pairs(&[("a", "1 2+3+&=")]));
        assert_eq!(parsed("na%20me=Zo%C3%AB"), pairs(&[("na me", "Zoë")]));
        assert_eq!(parsed("a=%2541"), pairs(&[("a", "%41")]), "decoded once");
        assert_eq!(
            parsed("a=1;b=2"),
            pairs(&[("a", "1;b=2")]),
            "a semicolon separates nothing"
        );
    }

    #[test]
    fn what_does_not_decode_is_refused_and_not_repaired() {
        for encoded in [
            "a=%",
            "a=%2",
            "a=%zz",
            "a=%+1",
            "a=%-1",
            "a=%C3",
            "a=%ff",
            "a=%00",
            "a=b\0",
            "a=%C0%AF",
            "a=%ED%A0%80",
            "%=1",
        ] {
            assert_eq!(refused(encoded), FormError::Malformed, "{encoded}");
        }
        assert_eq!(refused("=1"), FormError::Malformed);
        assert_eq!(refused("="), FormError::Malformed);
        assert_eq!(Form::parse(b"a=\xff"), Err(FormError::Malformed));
    }

    #[test]
    fn a_parameter_is_there_once_however_it_is_written() {
        let repeated = FormError::Repeated("a".to_owned());
        for encoded in ["a=1&a=1", "a=1&a=2", "a&a", "a=1&%61=2", "a=&b=&a"] {
            assert_eq!(refused(encoded), repeated, "{encoded}");
        }
        assert_eq!(
            parsed("a=1&A=2"),
            pairs(&[("a", "1"), ("A", "2")]),
            "names have case"
        );
        let form = Form::parse(b"resource=a&resource=&resource=b").unwrap();
        assert_eq!(form.all("resource"), ["a", "b"], "the exception (RFC 8707)");
        let long = "x".repeat(1_000);
        let FormError::Repeated(shown) = refused(&format!("{long}&{long}")) else {
            panic!("it is there twice")
        };
        assert_eq!(shown.len(), MAX_NAME_SHOWN);
    }

    #[test]
    fn size_and_number_are_bounded() {
        let many = |count: usize| {
            (0..count)
                .map(|index| format!("p{index}="))
                .collect::<Vec<_>>()
                .join("&")
        };
        assert_eq!(parsed(&many(64)).len(), 64);
        assert_eq!(refused(&many(65)), FormError::TooMany);
        let fits = format!("a={}", "x".repeat(MAX_BYTES - 2));
        assert_eq!(parsed(&fits).len(), 1);
        assert_eq!(refused(&format!("{fits}x")), FormError::TooLong);
    }

    #[test]
    fn a_form_survives_being_encoded_and_never_shows_its_values() {
        let form = Form::parse("b=1+%26%25&a=Zo%C3%AB&empty".as_bytes()).unwrap();
        assert_eq!(Form::parse(form.encode().as_bytes()).unwrap(), form);
        assert_eq!(form.get("b"), Some("1 &%"));
        assert_eq!((form.get("empty"), form.given("empty")), (Some(""), None));
        assert_eq!(form.given("b"), Some("1 &%"));
        assert_eq!(form.get("c"), None);
        let shown = format!("{:?}", Form::parse(b"password=hunter2").unwrap());
        assert!(shown.contains("password") && !shown.contains("hunter2"));
    }

    #[test]
    fn a_body_is_a_form_only_if_it_says_so() {
        let with = |types: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for &value in types {
                headers.append(header::CONTENT_TYPE, HeaderValue::from_static(value));
            }
            Form::of_body(&headers, b"a=1").is_ok()
        };
        assert!(with(&["application/x-www-form-urlencoded"]));
        assert!(with(&["Application/X-WWW-Form-Urlencoded; charset=UTF-8"]));
        assert!(with(&["application/x-www-form-urlencoded;charset=\"utf-8\";"]));
        assert!(!with(&[]));
        assert!(!with(&["application/json"]));
        assert!(!with(&["application/x-www-form-urlencoded; charset=utf-7"]));
        assert!(!with(&[
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded"
        ]));
    }

    #[tokio::test]
    async fn a_request_gives_its_form_or_an_oauth_error() {
        let given = async |content_type: &str, body: String| {
            let request = Request::builder()
                .header("content-type", content_type)
                .body(Body::from(body))
                .unwrap();
            Form::from_request(request, &()).await
        };
        let form = given("application/x-www-form-urlencoded", "a=1".to_owned())
            .await
            .unwrap();
        assert_eq!(form.get("a"), Some("1"));
        for refused in [
            given("text/plain", "a=1".to_owned()).await,
            given("application/x-www-form-urlencoded", "a=1&a=1".to_owned()).await,
            given("application/x-www-form-urlencoded", "x".repeat(MAX_BYTES + 1)).await,
        ] {
            assert_eq!(refused.unwrap_err().error(), "invalid_request");
        }
    }
}
