//! The one form in which a password is judged and hashed: NFKC (NIST SP 800-63B-4 section 3.1.1.2).
//! Both sides go through here, so a password cannot be accepted in one form and hashed in another.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// The greatest growth in bytes under NFKC: U+FDFA, from 3 to 33 (Unicode Standard Annex #15, section 9).
const GREATEST_GROWTH: usize = 11;

/// The password in NFKC, wiped when dropped.
pub(crate) fn nfkc(password: &str) -> Zeroizing<String> {
    if password.is_ascii() {
        return Zeroizing::new(password.to_owned());
    }
    // Room for all of it from the start: a string that grows leaves copies behind that nobody wipes.
    let mut normalized = Zeroizing::new(String::with_capacity(password.len() * GREATEST_GROWTH));
    normalized.extend(password.nfkc());
    normalized
}

#[cfg(test)]
mod tests {
    use super::nfkc;

    #[test]
    fn one_password_has_one_form_however_it_was_typed() {
        for (one, other) in [
            ("Zo\u{eb}", "Zoe\u{308}"),
            ("\u{212b}ngstr\u{f6}m", "A\u{30a}ngstro\u{308}m"),
            ("\u{ff11}\u{ff12}", "12"),
            ("o\u{fb03}ce", "office"),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
        ] {
            assert_eq!(*nfkc(one), *nfkc(other));
        }
        assert_ne!(*nfkc("Password"), *nfkc("password"), "case is kept");
    }

    #[test]
    fn the_room_is_never_outgrown() {
        let worst = "\u{fdfa}".repeat(50);
        let normalized = nfkc(&worst);
        assert!(normalized.len() <= worst.len() * super::GREATEST_GROWTH);
    }
}
