//! Phone numbers. The rule: one form alone, that of E.164 (`+` and the digits with the country's), so that two of them are the same number
//! if and only if they are the same text.

use std::{fmt, str::FromStr};

/// The fewest digits: no country has shorter numbers that messages reach.
const FEWEST: usize = 7;
/// The most, by E.164.
const MOST: usize = 15;

/// A number that can be sent to.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number(String);

/// A text is no phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a phone number as E.164 writes it: + and at most 15 digits, the country's first")]
pub struct NumberError;

impl Number {
    /// The number, `+` first.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it lies behind one of these beginnings, each `+` and digits; behind none of them if there is none.
    pub fn is_within<P: AsRef<str>>(&self, prefixes: &[P]) -> bool {
        prefixes.iter().any(|prefix| self.0.starts_with(prefix.as_ref()))
    }

    /// Its last two digits, by which its owner knows it and nobody else does.
    pub fn ending(&self) -> &str {
        &self.0[self.0.len() - 2..]
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let digits = text.strip_prefix('+').ok_or(NumberError)?;
        let fits = (FEWEST..=MOST).contains(&digits.len());
        if !fits || digits.starts_with('0') || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(NumberError);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Shows no more than its ending.
impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number(…{})", self.ending())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_in_one_way() {
        for text in ["+41791234567", "+4930123", "+123456789012345"] {
            assert_eq!(text.parse::<Number>().unwrap().as_str(), text);
        }
        for text in [
            "",
            "+",
            "41791234567",
            "0041791234567",
            "+0791234567",
            "+41 79 123 45 67",
            "+417912345a7",
            "+4179１234567",
            "+123456",
            "+1234567890123456",
            "+41791234567\n",
        ] {
            assert_eq!(text.parse::<Number>(), Err(NumberError), "{text:?}");
        }
    }

    #[test]
    fn a_number_is_within_the_countries_that_are_named_and_shows_its_ending_alone() {
        let number: Number = "+41791234567".parse().unwrap();
        assert!(number.is_within(&["+49", "+41"]));
        assert!(!number.is_within(&["+49", "+1"]) && !number.is_within::<&str>(&[]));
        assert_eq!(format!("{number:?}"), "Number(…67)");
    }
}
