//! The words that a person is found by: pieces of what is known of them, each found by its beginning.
//!
//! The rule: words follow from the profile alone and are normalised as login names are; a term of a query finds those words
//! that begin with it. A word that another word of the same person begins with finds nothing more, and is left out.

use std::collections::BTreeSet;

use events::users::{Profile, login_name};

/// Most characters of a word: as many as a query may have.
const LONGEST: usize = 256;
/// Most pieces that are taken of one profile, so that no name is a burden to everybody's search.
const MOST: usize = 64;

/// The words of a person. User name, names and phone number are taken apart at spaces, and whatever follows a mark within a
/// piece is a piece too (`jean-luc` and `luc`); an e-mail address likewise, except that its domain stays whole.
pub fn words_of(profile: &Profile) -> BTreeSet<String> {
    let parts = [
        &profile.username,
        &profile.email,
        &profile.name,
        &profile.given_name,
        &profile.family_name,
        &profile.phone,
    ];
    let pieces: Vec<_> = parts
        .into_iter()
        .flatten()
        .flat_map(|part| {
            let part = login_name(part);
            part.split_whitespace().flat_map(pieces_of).collect::<Vec<_>>()
        })
        .take(MOST)
        .collect();
    without_beginnings(pieces)
}

/// The terms of a query, each of which must be the beginning of a word.
pub fn terms_of(query: &str) -> Vec<String> {
    let terms = login_name(query);
    let terms = terms
        .split_whitespace()
        .map(|term| term.chars().take(LONGEST).collect());
    without_beginnings(terms).into_iter().collect()
}

/// The first text, byte by byte, after all that begin with this one; `None` if there is none.
pub fn behind(beginning: &str) -> Option<String> {
    let mut letters: Vec<_> = beginning.chars().collect();
    while let Some(last) = letters.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            letters.push(next);
            return Some(letters.into_iter().collect());
        }
    }
    None
}

/// A piece from its start, and from behind each mark in it.
fn pieces_of(piece: &str) -> Vec<String> {
    let is_domain = |at: usize| piece.find('@').is_some_and(|sign| at > sign + 1);
    let mut pieces = Vec::new();
    let mut behind_mark = true;
    for (at, letter) in piece.char_indices() {
        if at == 0 || (behind_mark && letter.is_alphanumeric() && !is_domain(at)) {
            pieces.push(piece[at..].chars().take(LONGEST).collect());
        }
        behind_mark = !letter.is_alphanumeric();
    }
    pieces
}

/// Only those that no other begins with: in order, that would be the next one.
fn without_beginnings(words: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let sorted: BTreeSet<_> = words.into_iter().collect();
    let mut next = sorted.iter().skip(1).map(Some).chain([None]);
    let is_needed = |word: &&String| !next.next().flatten().is_some_and(|next| next.starts_with(*word));
    sorted.iter().filter(is_needed).cloned().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(profile: &Profile) -> Vec<String> {
        words_of(profile).into_iter().collect()
    }

    #[test]
    fn a_person_is_found_by_the_beginning_of_every_piece() {
        let ada = Profile {
            username: Some("Ada-1".into()),
            email: Some("Ada-1@Example.org".into()),
            name: Some("Ada King, Countess of Lovelace".into()),
            phone: Some("+49 30 123".into()),
            ..Profile::default()
        };
        assert_eq!(
            words(&ada),
            [
                "+49",
                "123",
                "1@example.org",
                "30",
                "49",
                "ada-1@example.org",
                "countess",
                "example.org",
                "king,",
                "lovelace",
                "of"
            ]
        );
        let jean = Profile {
            given_name: Some("Jean-Luc".into()),
            family_name: Some("O'Hara".into()),
            ..Profile::default()
        };
        assert_eq!(words(&jean), ["hara", "jean-luc", "luc", "o'hara"]);
        assert!(words(&Profile::default()).is_empty());
    }

    #[test]
    fn a_name_of_many_pieces_has_no_more_than_others() {
        let many = (100..300)
            .map(|number| number.to_string())
            .collect::<Vec<_>>()
            .join("-");
        let profile = Profile {
            name: Some(many),
            ..Profile::default()
        };
        assert_eq!(words_of(&profile).len(), MOST);
        assert!(
            words_of(&profile)
                .iter()
                .all(|word| word.chars().count() <= LONGEST)
        );
    }

    #[test]
    fn terms_are_normalised_and_none_says_what_another_does() {
        assert_eq!(terms_of("  ADA a Straße\u{a0}ad "), ["ada", "strasse"]);
        assert!(terms_of(" \u{3000}").is_empty());
    }

    #[test]
    fn behind_the_last_letter_comes_nothing() {
        assert_eq!(behind("ab").as_deref(), Some("ac"));
        assert_eq!(behind("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(behind("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(behind("\u{10ffff}"), None);
    }

    proptest! {
        #[test]
        fn what_begins_with_a_text_and_nothing_else_lies_before_what_is_behind(
            beginning in "\\PC{1,4}", rest in "\\PC{0,4}", other in "\\PC{0,6}"
        ) {
            let end = behind(&beginning);
            let lies_between = |text: &str| {
                *text >= *beginning && end.as_deref().is_none_or(|end| text < end)
            };
            let (continued, begins) = (format!("{beginning}{rest}"), other.starts_with(&beginning));
            prop_assert!(lies_between(&continued));
            prop_assert_eq!(lies_between(&other), begins);
        }
    }
}
