//! What can be wrong with a password, a policy, or a hash: three closed lists. Each weakness has a stable
//! code for machines and a reason for people; none repeats anything of the password.

use crate::Policy;

/// Why a password is not accepted. `Display` is the reason, in words for the person who chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Weakness {
    /// Fewer characters than the policy asks for.
    #[error(
        "Use at least {minimum} characters. A few words that do not belong together are easy to remember."
    )]
    TooShort {
        /// The least number of characters.
        minimum: u32,
    },
    /// More characters than the policy allows.
    #[error("Use at most {maximum} characters.")]
    TooLong {
        /// The greatest number of characters.
        maximum: u32,
    },
    /// One of the passwords that everybody uses, and attackers try first.
    #[error(
        "This is one of the passwords that many people use, and that attackers try first. Choose another one."
    )]
    Common,
    /// One character or a short piece, over and over.
    #[error("This repeats the same few characters. Choose something harder to guess.")]
    Repetitive,
    /// Characters in the order of the alphabet, of the digits or of the keyboard.
    #[error(
        "This follows the order of the alphabet, the digits or the keyboard. Choose something harder to guess."
    )]
    Sequential,
    /// Made of the user's name, e-mail address, or the name of the service.
    #[error(
        "This is made of your name, your e-mail address or the name of this service. Choose another one."
    )]
    Contextual,
    /// One that was found in a breach elsewhere.
    #[error(
        "This password is known from a theft of data elsewhere, and attackers try such passwords. Choose another one, and change it wherever else you use it."
    )]
    Breached,
}

impl Weakness {
    /// A stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "password_too_short",
            Self::TooLong { .. } => "password_too_long",
            Self::Common => "password_common",
            Self::Repetitive => "password_repetitive",
            Self::Sequential => "password_sequential",
            Self::Contextual => "password_contextual",
            Self::Breached => "password_breached",
        }
    }

    /// The reason, in words for the person who chose the password.
    pub fn reason(self) -> String {
        self.to_string()
    }
}

/// Why a policy is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PolicyError {
    /// NIST SP 800-63B-4 section 3.1.1.2: never less than 8 characters, and 15 where the password is the only
    /// factor.
    #[error(
        "the minimum length of passwords cannot be less than {} characters",
        Policy::LEAST_MINIMUM
    )]
    MinimumTooSmall,
    /// NIST SP 800-63B-4 section 3.1.1.2: passwords of 64 characters must be possible.
    #[error(
        "the maximum length of passwords cannot be less than {} characters",
        Policy::LEAST_MAXIMUM
    )]
    MaximumTooSmall,
    /// A bound on the work that one request can ask for.
    #[error(
        "the maximum length of passwords cannot be more than {} characters",
        Policy::GREATEST_MAXIMUM
    )]
    MaximumTooLarge,
    /// No password would be accepted.
    #[error("the minimum length of passwords is greater than the maximum")]
    Empty,
}

/// Why a password could not be hashed or verified. None of these says anything about the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum HashError {
    /// The queue is full: nothing was done. To be answered with 429 or 503 and `Retry-After`.
    #[error("too many passwords are being checked; try again in {retry_after_seconds} s")]
    Overloaded {
        /// When the queue of now will have been worked off, in whole seconds, at least 1.
        retry_after_seconds: u64,
    },
    /// The stored hash is not an Argon2 hash in PHC form.
    #[error("the stored password hash is malformed")]
    MalformedHash,
    /// The stored hash asks for more memory or work than any honest one would.
    #[error("the stored password hash asks for absurd parameters")]
    ExcessiveParameters,
    /// Parameters that Argon2 cannot work with (RFC 9106 section 3.1), or that ask for absurd work.
    #[error("the parameters for hashing passwords are impossible")]
    InvalidParameters,
    /// The system gave no randomness for a salt.
    #[error("no randomness for a salt")]
    NoRandomness,
    /// A thread or its memory could not be had from the system.
    #[error("no thread or memory for hashing passwords")]
    NoResources,
    /// The file of breached passwords could not be read, so that nobody knows whether the password is in it.
    #[error("the file of breached passwords cannot be read")]
    BreachedUnreadable,
    /// The hasher was stopped before the job's turn came, or the job failed.
    #[error("the password hasher has stopped")]
    Stopped,
}
