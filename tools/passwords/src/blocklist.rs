//! The passwords that everybody uses, and their usual disguises: a year behind, letters as digits, twice in a
//! row. A list compiled in, so that a decision depends on nothing outside; the check against breached
//! passwords is another one.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::patterns::{decoration_cost, period};

/// One password a line, in lower case and without spaces.
static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common.txt").lines().collect());

/// So much around a common password (as [`decoration_cost`] counts, on each side) does not make it another
/// one.
const TRIVIAL_AFFIX: usize = 4;

/// Whether a password in lower case is a common one in one of its usual disguises.
pub(crate) fn is_common(password: &str) -> bool {
    let characters: Vec<char> = password.chars().collect();
    let period = period(&characters);
    let once = if characters.len().is_multiple_of(period.max(1)) {
        &characters[..period]
    } else {
        &characters[..]
    };
    [&characters[..], once].into_iter().any(|candidate| {
        let without_signs: Vec<char> = candidate
            .iter()
            .copied()
            .filter(|character| character.is_alphanumeric())
            .collect();
        [candidate, &without_signs]
            .into_iter()
            .any(|candidate| listed(candidate) || core(candidate).is_some_and(listed))
    })
}

/// What is left when digits and signs at both ends are taken off, if there were only trivial ones.
fn core(characters: &[char]) -> Option<&[char]> {
    let first = characters
        .iter()
        .position(|character| character.is_alphabetic())?;
    let last = characters
        .iter()
        .rposition(|character| character.is_alphabetic())?;
    let affixes = [&characters[..first], &characters[last + 1..]];
    let trivial = affixes
        .into_iter()
        .all(|affix| affix.is_empty() || decoration_cost(affix) <= TRIVIAL_AFFIX);
    trivial.then(|| &characters[first..=last])
}

/// Whether it is in the list, as it is or with the digits and signs that stand for letters read as those. A
/// `1` may be an i or an l.
fn listed(candidate: &[char]) -> bool {
    let read = |one: char| {
        candidate
            .iter()
            .map(|character| letter(*character, one))
            .collect::<String>()
    };
    let plain: String = candidate.iter().collect();
    COMMON.contains(plain.as_str())
        || COMMON.contains(read('i').as_str())
        || COMMON.contains(read('l').as_str())
}

/// The letter that a digit or sign is put for.
const fn letter(character: char, one: char) -> char {
    match character {
        '@' | '4' => 'a',
        '3' => 'e',
        '0' => 'o',
        '$' | '5' => 's',
        '7' => 't',
        '1' | '!' => one,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order() {
        let lines: Vec<&str> = include_str!("common.txt").lines().collect();
        assert!(lines.len() >= 1000, "{} passwords", lines.len());
        assert!(
            lines.is_sorted_by(|one, next| one < next),
            "sorted, without duplicates"
        );
        for line in &lines {
            assert!(
                line.len() >= 3 && *line == line.trim() && *line == line.to_lowercase(),
                "{line:?}"
            );
        }
        assert!(
            lines.iter().filter(|line| line.len() >= 15).count() >= 100,
            "long ones are those that pass the length"
        );
    }

    #[test]
    fn common_passwords_are_seen_in_their_usual_disguises() {
        for password in [
            "password",
            "password1",
            "p@ssw0rd",
            "pa55word2026!",
            "passwordpassword",
            "password1password1",
            "password1234567890",
            "2026monkey",
            "!!letmein!!",
            "correcthorsebatterystaple",
            "correct horse battery staple",
            "correct-horse-battery-staple-7",
            "trustno1",
            "iloveyouforever",
            "maytheforcebewithyou",
            "may the force be with you",
            "welc0me123456",
            "mi1kshake",
        ] {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn what_only_contains_a_common_word_is_not_common() {
        for password in [
            "correct horse ripens slowly",
            "my monkey reads nine novels",
            "passwordless bananas",
            "dragon teapot violin",
            "monkey7391846205",
            "",
            "2026",
        ] {
            assert!(!is_common(password), "{password}");
        }
    }
}
