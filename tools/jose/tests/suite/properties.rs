//! Random input, and random damage to good tokens: no panic, no acceptance.

use jose::{Jwk, VerifyingKey, verify};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{EDDSA, ES256, ISSUER, NOW, check, claims, encode, expect, forge, header, keys};

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_believed(text in "\\PC*") {
        prop_assert!(check(&text).is_err());
    }

    #[test]
    fn no_three_parts_are_believed((header, payload, signature) in any::<(Vec<u8>, Vec<u8>, Vec<u8>)>()) {
        let token = format!("{}.{}.{}", encode(header), encode(payload), encode(signature));
        prop_assert!(check(&token).is_err());
    }

    #[test]
    fn no_signature_is_guessed(signature in proptest::collection::vec(any::<u8>(), 0..300)) {
        let good = header().to_string();
        let token = format!("{}.{}.{}", encode(good), encode(claims().to_string()), encode(signature));
        prop_assert!(check(&token).is_err());
    }

    #[test]
    fn no_damaged_token_is_believed(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        by_edwards in any::<bool>(),
    ) {
        let signer = if by_edwards { &EDDSA } else { &ES256 };
        let token = signer.sign("at+jwt", &claims()).unwrap();
        let mut bytes = token.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let damaged = String::from_utf8_lossy(&bytes);
        prop_assert_eq!(check(&damaged).is_ok(), damaged == token);
    }

    #[test]
    fn no_rightly_signed_payload_of_random_json_is_believed(
        payload in r#"\{("(iss|sub|aud|exp|nbf)":(null|-?[0-9]{1,12}|"[a-z]{0,3}"|\[\]),?){0,6}\}"#,
    ) {
        prop_assert!(check(&forge(&header().to_string(), &payload)).is_err());
    }

    #[test]
    fn whether_a_token_is_good_is_a_matter_of_its_expiry_alone(
        exp in 1_i64..4_000_000_000,
        now in NOW..4_000_000_000,
    ) {
        let mut claims = claims();
        claims["exp"] = exp.into();
        let token = EDDSA.sign("at+jwt", &claims).unwrap();
        prop_assert_eq!(verify(&token, &keys(), &expect(), now).is_ok(), exp > now);
        prop_assert!(verify(&token, &keys(), &expect().allow_expired(), now).is_ok());
    }

    #[test]
    fn no_random_key_makes_a_panic(
        kty in "EC|RSA|OKP|oct",
        crv in proptest::option::of("P-256|Ed25519"),
        (a, b) in any::<(Vec<u8>, Vec<u8>)>(),
    ) {
        let (a, b) = (Some(encode(a)), Some(encode(b)));
        let jwk = Jwk { kty, crv, x: a.clone(), y: b.clone(), n: a, e: b, ..Jwk::default() };
        let _ = VerifyingKey::from_jwk(&jwk);
    }

    #[test]
    fn any_string_comes_back_as_it_was(sub in "\\PC{1,40}", name in any::<String>()) {
        let claims = json!({ "iss": ISSUER, "sub": sub, "aud": "orders", "exp": NOW + 1, "name": name });
        let read = check(&EDDSA.sign("at+jwt", &claims).unwrap()).unwrap();
        prop_assert_eq!((read.subject(), read.string("name")), (sub.as_str(), Some(name.as_str())));
    }
}
