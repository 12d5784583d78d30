//! The policy for new passwords: length and guessability, nothing else (NIST SP 800-63B-4 section 3.1.1.2).
//! No rules about kinds of characters: they make passwords worse and people angry.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::normalize::nfkc;
use crate::patterns::{self, Pattern};
use crate::{PolicyError, Weakness, blocklist};

/// What a realm asks of new passwords. Lengths are in characters (Unicode scalar values) after NFKC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The least length. 15 where the password is the only factor; 8 may do where a second one is demanded.
    pub minimum_length: u32,
    /// The greatest length, at least 64.
    pub maximum_length: u32,
    /// Whether passwords are refused that attackers try first: common ones, patterns, and what is known about
    /// the account.
    pub blocklist: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            minimum_length: 15,
            maximum_length: 256,
            blocklist: true,
        }
    }
}

impl Policy {
    /// No policy may ask for less than so many characters.
    pub const LEAST_MINIMUM: u32 = 8;
    /// Every policy must allow so many characters.
    pub const LEAST_MAXIMUM: u32 = 64;
    /// No policy may allow more than so many characters.
    pub const GREATEST_MAXIMUM: u32 = 4096;

    /// Whether this may be a realm's policy.
    pub const fn validate(&self) -> Result<(), PolicyError> {
        if self.minimum_length < Self::LEAST_MINIMUM {
            Err(PolicyError::MinimumTooSmall)
        } else if self.maximum_length < Self::LEAST_MAXIMUM {
            Err(PolicyError::MaximumTooSmall)
        } else if self.maximum_length > Self::GREATEST_MAXIMUM {
            Err(PolicyError::MaximumTooLarge)
        } else if self.minimum_length > self.maximum_length {
            Err(PolicyError::Empty)
        } else {
            Ok(())
        }
    }

    /// Whether this password may be chosen by somebody whom these words are about: user name, local part of
    /// the e-mail address, names, name of the realm. The name of this software is always among them.
    pub fn check(&self, password: &str, context_words: &[&str]) -> Result<(), Weakness> {
        let too_long = Weakness::TooLong {
            maximum: self.maximum_length,
        };
        // Normalising shortens at most to a third or so (Hangul), so that what is far too long need not be
        // normalised to know it.
        if password.chars().count() > (self.maximum_length as usize).saturating_mul(4) {
            return Err(too_long);
        }
        let password = nfkc(password);
        let length = password.chars().count();
        if length < self.minimum_length as usize {
            return Err(Weakness::TooShort {
                minimum: self.minimum_length,
            });
        }
        if length > self.maximum_length as usize {
            return Err(too_long);
        }
        if self.blocklist {
            guessability(&password, context_words)
        } else {
            Ok(())
        }
    }
}

/// What an attacker would try first, from the cheapest guess to the most informed one. Case never saves a
/// guess.
fn guessability(password: &str, context_words: &[&str]) -> Result<(), Weakness> {
    let password = Zeroizing::new(password.to_lowercase());
    match patterns::pattern(&password) {
        Some(Pattern::Repetition) => return Err(Weakness::Repetitive),
        Some(Pattern::Sequence) => return Err(Weakness::Sequential),
        None => {}
    }
    if blocklist::is_common(&password) {
        return Err(Weakness::Common);
    }
    let words: Vec<String> = context_words
        .iter()
        .copied()
        .chain(["chancery"])
        .map(|word| nfkc(word).to_lowercase())
        .collect();
    if patterns::is_made_of(&password, &words) {
        Err(Weakness::Contextual)
    } else {
        Ok(())
    }
}
