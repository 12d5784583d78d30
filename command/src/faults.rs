//! What is wrong with the fields of a request, all of it at once: whoever fills a form in mends it in one go.
//! The rule: nothing that people see (a name, a reason) holds control or invisible characters, and all has a bound.

use std::{
    fmt::{self, Display},
    ops::RangeInclusive,
};

use web::{Code, Problem};

/// The faults found so far: each a field (`redirect_uris[0]`) and what it must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<(String, String)>);

impl Faults {
    /// One fault.
    pub fn of(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self(vec![(field.into(), detail.into())])
    }

    /// Notes one.
    pub fn add(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.0.push((field.into(), detail.into()));
    }

    /// Notes one unless `holds`.
    pub fn unless(&mut self, holds: bool, field: impl Into<String>, detail: impl Into<String>) {
        if !holds {
            self.add(field, detail);
        }
    }

    /// A number must be within its documented range.
    pub fn range<T: PartialOrd + Display>(&mut self, field: &str, value: T, range: RangeInclusive<T>) {
        let (least, most) = (range.start(), range.end());
        self.unless(
            range.contains(&value),
            field,
            format!("must be between {least} and {most}"),
        );
    }

    /// A name that something is given for programs: 1 to 64 of `a-z`, `0-9` and `_`, a letter first.
    pub fn name(&mut self, field: &str, name: &str) {
        let is_one = (1..=64).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        self.unless(
            is_one,
            field,
            "must be named by 1 to 64 of a-z, 0-9 and _, a letter first",
        );
    }

    /// A text for people: 1 to `most` characters, visible, without space around it.
    pub fn text(&mut self, field: &str, text: &str, most: usize) {
        let length = text.chars().count();
        self.unless(
            (1..=most).contains(&length),
            field,
            format!("must have 1 to {most} characters"),
        );
        self.unless(
            is_plain(text),
            field,
            "must not hold control or invisible characters",
        );
        self.unless(text.trim() == text, field, "must not begin or end with space");
    }

    /// The same, if there is one.
    pub fn optional_text(&mut self, field: &str, text: Option<&str>, most: usize) {
        if let Some(text) = text {
            self.text(field, text, most);
        }
    }

    /// Nothing was wrong, or these.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    /// Each field at fault, with what it must be.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(field, detail)| (field.as_str(), detail.as_str()))
    }

    /// The names of the fields at fault, in the order in which they were found.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(field, _)| field.as_str())
    }
}

impl Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (field, detail)) in self.0.iter().enumerate() {
            write!(f, "{}{field} {detail}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl From<Faults> for Problem {
    fn from(faults: Faults) -> Self {
        faults
            .0
            .into_iter()
            .fold(Problem::new(Code::Invalid), |problem, (field, detail)| {
                problem.field(field, detail)
            })
    }
}

/// Whether a text shows all that it holds: neither control characters nor ones that cannot be seen or that turn the
/// direction of writing, by which one name can be made to look like another. (The joiners U+200C and U+200D pass:
/// Persian and Indic names are written with them.)
pub fn is_plain(text: &str) -> bool {
    let is_hidden = |character: char| {
        matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
    };
    !text
        .chars()
        .any(|character| character.is_control() || is_hidden(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_plain_when_all_of_it_can_be_seen() {
        for text in ["Zoë", "Ivan Иванов", "日本", "a b", "علی\u{200c}رضا"] {
            assert!(is_plain(text), "{text}");
        }
        for text in [
            "a\nb",
            "a\0",
            "ad\u{200b}min",
            "\u{202e}nimda",
            "\u{feff}a",
            "a\u{85}",
        ] {
            assert!(!is_plain(text), "{text:?}");
        }
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let mut faults = Faults::default();
        faults.text("a", "", 5);
        faults.text("b", "fine", 5);
        faults.text("c", "too long", 5);
        faults.range("d", 59, 60..=70);
        faults.range("e", 60, 60..=70);
        assert_eq!(faults.fields().collect::<Vec<_>>(), ["a", "c", "d"]);
        assert!(faults.into_result().is_err());
        assert_eq!(Faults::default().into_result(), Ok(()));
    }
}
