//! Proof Key for Code Exchange (RFC 7636) with S256. The rule: a challenge demands its verifier, and a
//! verifier without a challenge is refused (RFC 9700, 4.8.2: else an attacker could strip the challenge off
//! the request).

use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

/// Whether a token request may redeem a code of this challenge.
pub fn holds(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) if is_verifier(verifier) => {
            let computed = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
            bool::from(computed.as_bytes().ct_eq(challenge.as_bytes()))
        }
        (Some(_), _) | (None, Some(_)) => false,
    }
}

/// RFC 7636, 4.1.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_example_of_the_rfc_holds() {
        assert!(holds(Some(CHALLENGE), Some(VERIFIER)));
        assert!(holds(None, None));
    }

    #[test]
    fn neither_half_is_good_without_the_other() {
        assert!(!holds(Some(CHALLENGE), None));
        assert!(!holds(None, Some(VERIFIER)));
    }

    #[test]
    fn another_verifier_or_one_out_of_form_does_not_hold() {
        assert!(!holds(Some(CHALLENGE), Some(&VERIFIER.replace('d', "e"))));
        assert!(
            !holds(Some(CHALLENGE), Some(CHALLENGE)),
            "plain is not spoken here"
        );
        for wrong in ["", "short", &"x".repeat(129), &format!("{}+", "x".repeat(43))] {
            let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, wrong.as_bytes()));
            assert!(!holds(Some(&challenge), Some(wrong)), "{wrong}");
        }
    }
}
