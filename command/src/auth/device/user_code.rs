//! User codes (RFC 8628, 6.1): short enough to type with a remote control, long enough not to be guessed while they live. The rule: no
//! vowels, so that no words come about, and nothing that looks like something else; what people add or lose (hyphens, spaces, case)
//! makes no difference.

use events::clock::Random;

/// Twenty consonants: eight of them are 34 bits.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// How many of them.
const LENGTH: usize = 8;
/// The longest text that is looked at.
const MAX_TYPED: usize = 64;

/// A new one, as it is stored: eight letters.
pub fn generate(random: &dyn Random) -> String {
    let mut code = String::with_capacity(LENGTH);
    while code.len() < LENGTH {
        let mut byte = [0];
        random.fill(&mut byte);
        // 240 is the last multiple of 20: all letters are equally likely.
        if byte[0] < 240 {
            code.push(char::from(LETTERS[usize::from(byte[0]) % LETTERS.len()]));
        }
    }
    code
}

/// As it is shown: in two groups.
pub fn shown(code: &str) -> String {
    match code.split_at_checked(LENGTH / 2) {
        Some((first, second)) => format!("{first}-{second}"),
        None => code.to_owned(),
    }
}

/// What was typed, as it would be stored; `None` if it cannot be one.
pub fn typed(text: &str) -> Option<String> {
    if text.len() > MAX_TYPED {
        return None;
    }
    let code: String = text
        .chars()
        .filter(|character| !matches!(character, '-' | ' ' | '\u{2010}'..='\u{2015}'))
        .map(|character| character.to_ascii_uppercase())
        .collect();
    let good = code.len() == LENGTH && code.bytes().all(|letter| LETTERS.contains(&letter));
    good.then_some(code)
}

#[cfg(test)]
mod tests {
    use events::clock::SystemRandom;

    use super::*;

    #[test]
    fn what_is_shown_can_be_typed_in_many_ways() {
        let code = generate(&SystemRandom);
        let shown = shown(&code);
        assert_eq!((code.len(), shown.len()), (8, 9));
        for way in [
            shown.clone(),
            shown.to_lowercase(),
            shown.replace('-', " "),
            shown.replace('-', ""),
            shown.replace('-', "\u{2013}"),
        ] {
            assert_eq!(typed(&way).as_deref(), Some(code.as_str()), "{way}");
        }
    }

    #[test]
    fn what_cannot_be_one_is_none() {
        for text in ["", "BCDF", "BCDF-GHJA", "BCDF-GHJKL", "ÄÖÜ", &"B".repeat(65)] {
            assert_eq!(typed(text), None, "{text}");
        }
    }
}
