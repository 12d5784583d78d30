//! Time-based one-time passwords (RFC 6238) as every authenticator application has them: SHA-1, six digits, a step of 30
//! seconds. The rules: a code is compared in constant time against the step of now and one on either side, and
//! whoever checks is told the step that matched, so that it is used once (RFC 6238, section 5.2).
//!
//! The secret is made of bytes that the caller draws, and leaves as an `otpauth` URI, as its QR code (SVG, drawn here: no
//! service sees it), or in groups of letters to be typed.
//!
//! ```
//! use totp::{Secret, qr_svg};
//!
//! let secret = Secret::of_bytes([7; 20]); // 20 bytes of a cryptographic source
//! let uri = secret.uri("Example", "alice@example.org");
//! let picture = qr_svg(&uri)?;
//! assert!(picture.starts_with("<svg"));
//!
//! let now = 1_767_225_600; // seconds since 1970
//! let code = secret.code(totp::step_of(now));
//! assert_eq!(secret.check(&code, now), Some(totp::step_of(now)));
//! // What was used is remembered by whoever checks: `spend(step)`.
//! # Ok::<(), totp::QrError>(())
//! ```
//!
//! | item | what |
//! | --- | --- |
//! | [`Secret`] | made, read, shown; never in `Debug`, wiped when dropped |
//! | [`Secret::check`] | the step whose code it is, if it is one |
//! | [`Secret::uri`], [`qr_svg`] | how it comes into the application |

mod qr;

use std::fmt;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use totp_rs::{Builder, Totp};
use zeroize::Zeroizing;

pub use qr::{QrError, qr_svg};

/// The bytes of a secret: 160 bits, as RFC 4226 recommends (section 4, R6).
pub const SECRET_BYTES: usize = 20;
/// How long a code is shown, in seconds.
pub const STEP_SECONDS: u64 = 30;
/// The digits of a code.
pub const DIGITS: usize = 6;
/// How many steps a clock may be off, either way (RFC 6238, section 5.2).
pub const SKEW_STEPS: u64 = 1;

/// The most characters of a name in an `otpauth` URI: its QR code stays easy to read.
const MAX_NAME: usize = 64;

/// The step of a moment, in seconds since 1970.
pub const fn step_of(now: u64) -> u64 {
    now / STEP_SECONDS
}

/// The moment from which on the code of a step is refused, in seconds since 1970.
pub const fn invalid_from(step: u64) -> u64 {
    (step + SKEW_STEPS + 1) * STEP_SECONDS
}

/// Not 160 bits in base 32 (RFC 4648, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret is {SECRET_BYTES} bytes in base 32")]
pub struct MalformedSecret;

/// What a device and we share.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; SECRET_BYTES]>);

impl Secret {
    /// Of bytes that a cryptographic source drew.
    pub fn of_bytes(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads one from base 32; spaces and case do not count.
    pub fn parse(text: &str) -> Result<Self, MalformedSecret> {
        let letters: Zeroizing<String> = Zeroizing::new(
            text.chars()
                .filter(|letter| !letter.is_ascii_whitespace())
                .map(|letter| letter.to_ascii_uppercase())
                .collect(),
        );
        let secret = totp_rs::Secret::try_from_base32(letters.as_str()).map_err(|_| MalformedSecret)?;
        let bytes = secret.as_bytes().try_into().map_err(|_| MalformedSecret)?;
        Ok(Self::of_bytes(bytes))
    }

    /// In base 32, without padding.
    pub fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(totp_rs::Secret::new_stack(*self.0).to_base32())
    }

    /// In base 32, in groups of four, for those who type it.
    pub fn groups(&self) -> Zeroizing<String> {
        let letters = self.base32();
        let groups: Vec<_> = (0..letters.len())
            .step_by(4)
            .map(|start| &letters[start..(start + 4).min(letters.len())])
            .collect();
        Zeroizing::new(groups.join(" "))
    }

    /// The code of a step.
    pub fn code(&self, step: u64) -> Zeroizing<String> {
        let signed = self.totp("", "").generate(step * STEP_SECONDS);
        Zeroizing::new(signed.to_string())
    }

    /// The step whose code it is: the one of `now` (seconds since 1970) or one beside it. Takes as long whether one matches, and which.
    /// It must be accepted once only; the caller sees to that.
    pub fn check(&self, code: &str, now: u64) -> Option<u64> {
        let here = step_of(now);
        let (mut matched, mut step) = (Choice::from(0), 0);
        for candidate in here.saturating_sub(SKEW_STEPS)..=here + SKEW_STEPS {
            let same = self.code(candidate).as_bytes().ct_eq(code.as_bytes());
            step = u64::conditional_select(&step, &candidate, same);
            matched |= same;
        }
        bool::from(matched).then_some(step)
    }

    /// The `otpauth` URI of the Key Uri Format, for an account at an issuer as people know them. A colon, which separates the
    /// two, is a space; a name that is too long is cut.
    pub fn uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let uri = self.totp(&plain(issuer), &plain(account)).to_url();
        // It fails for names that `plain` does not leave.
        Zeroizing::new(uri.unwrap_or_default())
    }

    fn totp(&self, issuer: &str, account: &str) -> Totp {
        Builder::new()
            .with_secret(totp_rs::Secret::new_stack(*self.0))
            .with_skew(1)
            .with_issuer(Some(issuer))
            .with_account_name(account)
            .build_noncompliant()
    }
}

/// Shows nothing of it.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

fn plain(name: &str) -> String {
    let kept: String = name
        .chars()
        .map(|letter| {
            if letter == ':' || letter.is_control() {
                ' '
            } else {
                letter
            }
        })
        .take(MAX_NAME)
        .collect();
    let kept = kept.trim();
    if kept.is_empty() { "account" } else { kept }.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6238, appendix B, has eight digits of the same secret: the last six of them.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        let secret = Secret::of_bytes(*b"12345678901234567890");
        for (now, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(*secret.code(step_of(now)), code);
            assert_eq!(secret.check(code, now), Some(step_of(now)));
        }
    }

    #[test]
    fn what_is_no_code_matches_nothing() {
        let secret = Secret::of_bytes(*b"12345678901234567890");
        for code in [
            "",
            " 287082",
            "28708",
            "2870822",
            "+87082",
            "287o82",
            "２８７０８２",
        ] {
            assert_eq!(secret.check(code, 59), None, "{code:?}");
        }
    }

    #[test]
    fn a_secret_is_read_as_people_type_it_and_shown_to_nobody_else() {
        let secret = Secret::of_bytes(*b"12345678901234567890");
        assert_eq!(*secret.base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(*secret.groups(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let typed = Secret::parse("gezd gnbv gy3t qojq gezd gnbv gy3t qojq").unwrap();
        assert_eq!(typed.base32(), secret.base32());
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        for malformed in ["", "GEZD", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1"] {
            assert_eq!(
                Secret::parse(malformed).err(),
                Some(MalformedSecret),
                "{malformed:?}"
            );
        }
    }

    #[test]
    fn the_uri_names_issuer_and_account_whatever_they_are() {
        let secret = Secret::of_bytes(*b"12345678901234567890");
        assert_eq!(
            *secret.uri("Acme Ltd", "alice@example.org"),
            "otpauth://totp/Acme%20Ltd:alice%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme%20Ltd"
        );
        for (issuer, account) in [(":", ""), ("a:b", "x:y"), ("\n", &"長".repeat(500))] {
            let uri = secret.uri(issuer, account);
            assert!(uri.starts_with("otpauth://totp/"), "{uri:?}");
            assert_eq!(
                uri.matches(':').count(),
                2,
                "the scheme's and the separator: {uri:?}"
            );
            assert!(qr_svg(&uri).is_ok());
        }
    }

    proptest! {
        #[test]
        fn a_code_is_good_for_its_step_and_one_on_either_side(bytes: [u8; SECRET_BYTES], step in 2_u64..1 << 40, second in 0..STEP_SECONDS) {
            let secret = Secret::of_bytes(bytes);
            let code = secret.code(step);
            for other in step - 2..=step + 2 {
                let now = other * STEP_SECONDS + second;
                let found = secret.check(&code, now);
                if other.abs_diff(step) <= SKEW_STEPS {
                    // Two steps have the same code once in a million times; then the later one is told.
                    prop_assert!(found.is_some_and(|found| secret.code(found) == code));
                } else {
                    prop_assert!(found.is_none_or(|found| secret.code(found) == code));
                }
                prop_assert_eq!(now < invalid_from(step), other <= step + SKEW_STEPS);
            }
        }
    }
}
