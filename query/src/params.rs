//! Query-string parameters: each is read by name, once, and checked; reading it makes it known.
//! The rule: a parameter that is unknown, repeated or malformed is refused by name, never ignored, so that a misspelt filter
//! does not answer with everything.

use std::collections::BTreeSet;

use events::clock::Timestamp;
use uuid::Uuid;
use web::{Code, Problem, form::Form};

use crate::position;

/// Longest text of a filter, in characters.
const MAX_TEXT: usize = 256;

/// Parameters that say how to answer and not what: a page token is not bound to them.
const NOT_A_FILTER: [&str; 7] = [
    "page_size",
    "page_token",
    "limit",
    "after",
    "last_event_id",
    position::PARAMETER,
    "as_of",
];

/// What an operation reads from the query string.
pub trait FromParameters: Sized {
    /// Reads each parameter that there is; what is wrong is noted in `parameters`, and then the value is not used.
    fn from_parameters(parameters: &mut Parameters<'_>) -> Self;
}

/// No parameters.
impl FromParameters for () {
    fn from_parameters(_: &mut Parameters<'_>) -> Self {}
}

impl<A: FromParameters, B: FromParameters> FromParameters for (A, B) {
    fn from_parameters(parameters: &mut Parameters<'_>) -> Self {
        (A::from_parameters(parameters), B::from_parameters(parameters))
    }
}

/// The parameters of one request, and what is wrong with them.
pub struct Parameters<'a> {
    form: &'a Form,
    known: BTreeSet<&'static str>,
    errors: Vec<(String, String)>,
    /// A header that is malformed, and what it must be.
    header: Option<(&'static str, &'static str)>,
}

impl<'a> Parameters<'a> {
    /// Nothing is read yet.
    pub fn new(form: &'a Form) -> Self {
        Self {
            form,
            known: BTreeSet::new(),
            errors: Vec::new(),
            header: None,
        }
    }

    /// The parameter as it stands.
    pub fn raw(&mut self, name: &'static str) -> Option<&'a str> {
        self.known.insert(name);
        self.form.get(name)
    }

    /// The parameter as a value, or refused as not being what is `expected`.
    pub fn value<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.raw(name)?;
        let value = parse(text);
        if value.is_none() {
            self.refuse(name, format!("must be {expected}"));
        }
        value
    }

    /// A text that is not empty, at most 256 characters, without control characters.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.value(name, "a text of 1 to 256 characters", |text| {
            let fine = !text.trim().is_empty()
                && text.chars().count() <= MAX_TEXT
                && !text.chars().any(char::is_control);
            fine.then(|| text.to_owned())
        })
    }

    /// One of a list of names.
    pub fn one_of<T: Copy>(&mut self, name: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
        self.value(name, &format!("one of {}", names.join(", ")), |text| {
            choices
                .iter()
                .find(|(choice, _)| *choice == text)
                .map(|(_, value)| *value)
        })
    }

    /// A whole number within bounds, in digits alone.
    pub fn number(&mut self, name: &'static str, least: u64, most: u64) -> Option<u64> {
        self.value(name, &format!("a whole number from {least} to {most}"), |text| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse()
                .ok()
                .filter(|number| digits && (least..=most).contains(number))
        })
    }

    /// An id.
    pub fn id(&mut self, name: &'static str) -> Option<Uuid> {
        self.value(name, "an id (a UUID)", |text| Uuid::parse_str(text).ok())
    }

    /// A moment.
    pub fn moment(&mut self, name: &'static str) -> Option<Timestamp> {
        self.value(
            name,
            "a moment after RFC 3339, such as 2026-01-31T12:00:00Z",
            Timestamp::parse_rfc3339,
        )
    }

    /// Notes what is wrong with a header that stands for a parameter.
    pub fn refuse_header(&mut self, name: &'static str, reason: &'static str) {
        self.header = Some((name, reason));
    }

    /// Notes what is wrong with a parameter.
    pub fn refuse(&mut self, name: &str, reason: impl Into<String>) {
        self.errors.push((name.to_owned(), reason.into()));
    }

    /// The filter as one text, whatever the order it was written in: what page tokens are bound to.
    pub fn filter(&self) -> String {
        let pairs: BTreeSet<_> = self
            .form
            .iter()
            .filter(|(name, _)| !NOT_A_FILTER.contains(name))
            .collect();
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish()
    }

    /// Nothing was wrong, and nothing was there that was not asked for.
    pub fn finish(mut self) -> Result<(), Problem> {
        let unknown: Vec<_> = self
            .form
            .iter()
            .map(|(name, _)| name)
            .filter(|name| !self.known.contains(name))
            .collect();
        for name in unknown {
            self.refuse(name, "is not a parameter of this operation");
        }
        let detail = match (self.errors.is_empty(), self.header) {
            (true, None) => return Ok(()),
            (false, None) => "the query string cannot be taken as it is".to_owned(),
            (true, Some((name, _))) => format!("the header {name} cannot be taken as it is"),
            (false, Some((name, _))) => {
                format!("the query string and the header {name} cannot be taken as they are")
            }
        };
        let of_header = self
            .header
            .map(|(name, reason)| (name.to_owned(), reason.to_owned()));
        Err(self.errors.into_iter().chain(of_header).fold(
            Problem::new(Code::Invalid).detail(detail),
            |problem, (name, reason)| problem.field(name, reason),
        ))
    }

    /// The names that were asked for.
    #[cfg(test)]
    pub fn known(&self) -> &BTreeSet<&'static str> {
        &self.known
    }
}

/// A moment in the past to answer from.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AsOf {
    /// Answer from history: the state at this moment (RFC 3339), which must not be in the future.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-01-31T12:00:00Z")]
    pub as_of: Option<Timestamp>,
}

impl FromParameters for AsOf {
    fn from_parameters(parameters: &mut Parameters<'_>) -> Self {
        Self {
            as_of: parameters.moment("as_of"),
        }
    }
}

impl AsOf {
    /// The moment asked for, if one was; the future is refused.
    pub fn moment(&self, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
        match self.as_of {
            Some(moment) if moment > now => Err(Problem::new(Code::Invalid)
                .detail("history ends at the present moment")
                .field("as_of", "must not be in the future")),
            moment => Ok(moment),
        }
    }
}

/// That what is described is what is read, no more and no less.
#[cfg(test)]
pub fn assert_described<P: FromParameters + utoipa::IntoParams>() {
    let form = Form::parse(b"").unwrap();
    let mut parameters = Parameters::new(&form);
    P::from_parameters(&mut parameters);
    let described: BTreeSet<_> = P::into_params(|| None)
        .into_iter()
        .map(|parameter| parameter.name)
        .collect();
    let read: BTreeSet<_> = parameters.known().iter().map(|&name| name.to_owned()).collect();
    assert_eq!(described, read);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(query: &str) -> Form {
        Form::parse(query.as_bytes()).unwrap()
    }

    fn refused(query: &str, read: impl FnOnce(&mut Parameters<'_>)) -> bool {
        let form = form(query);
        let mut parameters = Parameters::new(&form);
        read(&mut parameters);
        parameters.finish().is_err()
    }

    #[test]
    fn what_nobody_asks_for_is_refused() {
        assert!(!refused("", |_| {}));
        assert!(refused("stauts=locked", |_| {}));
        assert!(!refused("status=locked", |parameters| {
            assert_eq!(
                parameters.one_of("status", &[("active", 1), ("locked", 2)]),
                Some(2)
            );
        }));
    }

    #[test]
    fn values_are_what_they_must_be_or_refused() {
        for query in [
            "n=",
            "n=0",
            "n=501",
            "n=-1",
            "n=+1",
            "n=1e1",
            "n=1.0",
            "n=%201",
            "n=99999999999999999999999",
        ] {
            assert!(
                refused(query, |parameters| {
                    assert_eq!(parameters.number("n", 1, 500), None);
                }),
                "{query}"
            );
        }
        assert!(!refused("n=500", |parameters| assert_eq!(
            parameters.number("n", 1, 500),
            Some(500)
        )));
        for query in [
            "t=",
            "t=%20",
            "t=%01",
            "t=a%0Ab",
            &format!("t={}", "x".repeat(257)),
        ] {
            assert!(
                refused(query, |parameters| assert_eq!(parameters.text("t"), None)),
                "{query}"
            );
        }
        assert!(!refused("t=Zo%C3%AB+B", |parameters| assert_eq!(
            parameters.text("t"),
            Some("Zoë B".to_owned())
        )));
        for query in ["at=", "at=2026-01-01", "at=now", "at=2026-01-01T00:00:00"] {
            assert!(
                refused(query, |parameters| assert_eq!(parameters.moment("at"), None)),
                "{query}"
            );
        }
        assert!(refused("id=1", |parameters| assert_eq!(
            parameters.id("id"),
            None
        )));
        assert!(refused("s=", |parameters| assert_eq!(
            parameters.one_of("s", &[("a", ())]),
            None
        )));
    }

    #[test]
    fn the_filter_is_the_same_in_any_order_and_knows_nothing_of_pages() {
        let filter = |query: &str| Parameters::new(&form(query)).filter();
        assert_eq!(
            filter("b=2&a=1&page_size=7&page_token=x&position=y"),
            filter("a=1&b=2")
        );
        assert_ne!(filter("a=1&b=2"), filter("a=1&b=3"));
        assert_ne!(filter("a=1%26b%3D2"), filter("a=1&b=2"));
    }

    #[test]
    fn the_future_has_no_history() {
        let at = |seconds| AsOf {
            as_of: Some(Timestamp::from_seconds(seconds)),
        };
        assert!(at(101).moment(Timestamp::from_seconds(100)).is_err());
        assert_eq!(
            at(100).moment(Timestamp::from_seconds(100)).unwrap(),
            Some(Timestamp::from_seconds(100))
        );
        assert_eq!(
            AsOf { as_of: None }.moment(Timestamp::from_seconds(100)).unwrap(),
            None
        );
        assert_described::<AsOf>();
    }
}
