//! Passwords that look long and are short: a piece repeated, a walk along the alphabet or the keyboard, known
//! words in a row. Each is measured by how much of it an attacker would have to guess once the pattern is
//! known.

/// How a password was made longer than it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// A piece of at most four characters, over and over.
    Repetition,
    /// Runs along the alphabet, the digits or the keyboard.
    Sequence,
}

/// A piece of so many characters, repeated, is no better than the piece.
const LONGEST_PIECE: usize = 4;
/// Runs of fewer characters happen by chance.
const SHORTEST_RUN: usize = 3;
/// So many characters beside the runs do not make it better.
const STRAY_CHARACTERS: usize = 2;
/// What may be added to known words without making them better, as [`decoration_cost`] counts: a year, a
/// date, a few dots.
const TRIVIAL_DECORATION: usize = 6;
/// Shorter words are part of too many others.
const SHORTEST_WORD: usize = 3;

/// Rows and columns of keyboards, QWERTY, QWERTZ and AZERTY, and the digits with shift.
const KEYBOARD: [&str; 17] = [
    "qwertyuiop",
    "asdfghjkl;",
    "zxcvbnm,./",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "!@#$%^&*()",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "8ik,",
];

/// The pattern of a password in lower case, if it has one.
pub(crate) fn pattern(password: &str) -> Option<Pattern> {
    let characters: Vec<char> = password.chars().collect();
    let period = period(&characters);
    if period <= LONGEST_PIECE && characters.len() >= 2 * period {
        return Some(Pattern::Repetition);
    }
    let strays: usize = runs(&characters)
        .into_iter()
        .filter(|length| *length < SHORTEST_RUN)
        .sum();
    (characters.len() > SHORTEST_RUN && strays <= STRAY_CHARACTERS).then_some(Pattern::Sequence)
}

/// The length of the shortest piece whose repetition (the last time perhaps cut short) gives the whole.
pub(crate) fn period(characters: &[char]) -> usize {
    (1..characters.len())
        .find(|period| {
            characters
                .iter()
                .zip(&characters[*period..])
                .all(|(one, later)| one == later)
        })
        .unwrap_or(characters.len())
}

/// The lengths of the runs in which each character follows the one before it in the same way.
fn runs(characters: &[char]) -> Vec<usize> {
    let mut runs = Vec::new();
    let (mut length, mut ways) = (0, Ways::ALL);
    let mut previous = None;
    for &character in characters {
        let shared = previous.map_or(ways, |before| ways.and(Ways::between(before, character)));
        if shared.is_none() {
            runs.push(length);
            (length, ways) = (1, Ways::ALL);
        } else {
            (length, ways) = (length + 1, shared);
        }
        previous = Some(character);
    }
    runs.push(length);
    runs
}

/// The ways in which one character follows another.
#[derive(Clone, Copy)]
struct Ways {
    same: bool,
    up: bool,
    down: bool,
    right: bool,
    left: bool,
}

impl Ways {
    const ALL: Self = Self {
        same: true,
        up: true,
        down: true,
        right: true,
        left: true,
    };

    fn between(one: char, next: char) -> Self {
        let adjacent = |a: char, b: char| {
            matches!((a, b), ('9', '0') | ('z', 'a'))
                || (a.is_alphanumeric() && b.is_alphanumeric() && u32::from(a) + 1 == u32::from(b))
        };
        let beside = |a: char, b: char| {
            KEYBOARD
                .iter()
                .any(|row| row.chars().zip(row.chars().skip(1)).any(|pair| pair == (a, b)))
        };
        Self {
            same: one == next,
            up: adjacent(one, next),
            down: adjacent(next, one),
            right: beside(one, next),
            left: beside(next, one),
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            same: self.same && other.same,
            up: self.up && other.up,
            down: self.down && other.down,
            right: self.right && other.right,
            left: self.left && other.left,
        }
    }

    fn is_none(self) -> bool {
        !(self.same || self.up || self.down || self.right || self.left)
    }
}

/// How many guesses' worth of characters these digits and signs are.
pub(crate) fn decoration_cost(characters: &[char]) -> usize {
    (0..characters.len())
        .filter(|at| !is_free(characters, *at))
        .count()
}

/// Whether a digit or sign is one that need not be guessed: it separates, or follows from the one before it.
fn is_free(characters: &[char], at: usize) -> bool {
    let follows = at
        .checked_sub(1)
        .is_some_and(|before| !Ways::between(characters[before], characters[at]).is_none());
    follows || matches!(characters[at], ' ' | '-' | '_' | '.' | ',' | '/')
}

/// Whether a password in lower case is one of these words, or nothing but such words, in any order and
/// number, with trivial digits and signs before, between and after them.
pub(crate) fn is_made_of(password: &str, words: &[String]) -> bool {
    if words.iter().any(|word| word == password) {
        return true;
    }
    let words: Vec<Vec<char>> = words.iter().flat_map(|word| forms(word)).collect();
    let characters: Vec<char> = password.chars().collect();
    // The least cost of explaining the first n characters, and whether a word was needed for it.
    let mut explained: Vec<Option<(usize, bool)>> = vec![None; characters.len() + 1];
    explained[0] = Some((0, false));
    for at in 0..characters.len() {
        let Some((cost, with_word)) = explained[at] else {
            continue;
        };
        if !characters[at].is_alphabetic() {
            better(
                &mut explained[at + 1],
                (cost + usize::from(!is_free(&characters, at)), with_word),
            );
        }
        for word in words.iter().filter(|word| characters[at..].starts_with(word)) {
            better(&mut explained[at + word.len()], (cost, true));
        }
    }
    matches!(explained[characters.len()], Some((cost, true)) if cost <= TRIVIAL_DECORATION)
}

fn better(known: &mut Option<(usize, bool)>, found: (usize, bool)) {
    if known.is_none_or(|known| found.0 < known.0) {
        *known = Some(found);
    }
}

/// A word as it is, without its signs and digits, and its parts: `anna.berg79` also as `annaberg`, `anna` and
/// `berg`.
fn forms(word: &str) -> Vec<Vec<char>> {
    let whole = word.chars().collect();
    let letters = word
        .chars()
        .filter(|character| character.is_alphabetic())
        .collect();
    let parts = word
        .split(|character: char| !character.is_alphabetic())
        .map(|part| part.chars().collect());
    [whole, letters]
        .into_iter()
        .chain(parts)
        .filter(|form: &Vec<char>| form.len() >= SHORTEST_WORD)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_piece_is_seen_also_when_cut_short() {
        for password in [
            "aaaaaaaaaaaaaaa",
            "abababababababa",
            "xyzxyzxyzxyzxyzx",
            "k7#pk7#pk7#pk7#p",
            "            ",
        ] {
            assert_eq!(pattern(password), Some(Pattern::Repetition), "{password}");
        }
    }

    #[test]
    fn walks_along_the_alphabet_the_digits_and_the_keyboard_are_seen() {
        for password in [
            "abcdefghijklmno",
            "zyxwvutsrqponml",
            "123456789012345",
            "987654321098765",
            "qwertyuiopasdfgh",
            "1qaz2wsx3edc4rfv",
            "abc123def456ghi",
            "poiuytrewqlkjhg",
            "aaabbbcccdddeee",
            "abcdefgh1234567!",
            "azertyuiopqsdfgh",
            "абвгдежзийклмно",
        ] {
            assert_eq!(pattern(password), Some(Pattern::Sequence), "{password}");
        }
    }

    #[test]
    fn ordinary_words_and_random_characters_have_no_pattern() {
        for password in [
            "correct horse ripens slowly",
            "the western river sings",
            "x7$kq!mz2@vbn9#w",
            "wertvolle poesie",
            "пять зелёных кораблей",
            "我喜欢在雨天读一本旧书和喝茶",
            "hat hat shoe glove",
            "abcd jumps over wxyz dogs",
        ] {
            assert_eq!(pattern(password), None, "{password}");
        }
    }

    #[test]
    fn known_words_are_seen_with_trivial_things_around_them() {
        let words = ["anna.berg79", "acme", "4917012345678"].map(String::from);
        for password in [
            "anna.berg79",
            "annaberg",
            "annabergacme2026",
            "acme.anna.berg!!",
            "acmeacmeacmeacme",
            "anna1234567890123",
            "2026-11-23 acme",
            "4917012345678",
            "4917012345678!!",
            "berg-berg-berg-1",
            "acme20261123",
        ] {
            assert!(is_made_of(password, &words), "{password}");
        }
        for password in [
            "annab3rgx",
            "acme has four horses",
            "2026-11-23",
            "anna72915503846",
            "banana acmes",
            "1234567890",
            "bergamotte",
        ] {
            assert!(!is_made_of(password, &words), "{password}");
        }
    }

    #[test]
    fn words_of_one_or_two_letters_accuse_nobody() {
        assert!(!is_made_of(
            "ababababxy",
            &["ab".into(), "xy".into(), String::new()]
        ));
    }
}
