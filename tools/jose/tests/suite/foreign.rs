//! What clients sign: assertions, request objects and grants are believed for what they are, with keys as
//! clients publish them, and every flaw is refused.

use aws_lc_rs::hmac;
use jose::{
    Algorithm, Claims, Expectation, ForeignKeys, JoseError, Jwk, Jwks, MAX_JWKS_BYTES, MAX_JWKS_KEYS,
    SigningKey, unverified_issuer, verify_foreign, verify_with_secret,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{EDDSA, ES256, ISSUER, NOW, PS256, RS256, encode, signed_by, signers};

const CLIENT: &str = "client-1";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn assertion() -> Value {
    json!({ "iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "jti": "j-1", "iat": NOW, "exp": NOW + 60 })
}

fn with(name: &str, value: Option<Value>) -> Value {
    let mut claims = assertion();
    let members = claims.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    claims
}

fn expect() -> Expectation {
    Expectation::client_assertion(CLIENT, [ISSUER])
}

/// The key as a client may publish it: nothing but what it is made of.
fn bare(signer: &SigningKey) -> Jwk {
    Jwk {
        kid: None,
        alg: None,
        key_use: None,
        ..signer.public_jwk()
    }
}

fn foreign(keys: impl IntoIterator<Item = Jwk>) -> ForeignKeys {
    ForeignKeys::from_jwks(&keys.into_iter().collect()).unwrap()
}

fn all() -> ForeignKeys {
    foreign(signers().map(SigningKey::public_jwk))
}

fn check(token: &str, keys: &ForeignKeys) -> Result<Claims, JoseError> {
    verify_foreign(token, keys, &Algorithm::ALL, &expect(), NOW)
}

/// What becomes of an assertion of these claims that is rightly signed.
fn judged(claims: &Value, expect: &Expectation) -> Result<(), JoseError> {
    let by_key = verify_foreign(
        &ES256.sign("JWT", claims).unwrap(),
        &all(),
        &[Algorithm::Es256],
        expect,
        NOW,
    );
    let by_secret = verify_with_secret(
        &hs256(&json!({ "alg": "HS256" }), claims, SECRET),
        SECRET,
        expect,
        NOW,
    );
    assert_eq!(by_key, by_secret, "a secret is judged as a key is");
    by_key.map(|_| ())
}

fn hs256(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", encode(tag))
}

#[test]
fn an_assertion_of_each_algorithm_is_believed_with_a_named_and_with_a_bare_key() {
    for signer in signers() {
        let token = signer.sign("JWT", &assertion()).unwrap();
        assert_eq!(check(&token, &all()).unwrap().token_id(), Some("j-1"));
        // A bare key goes by its thumbprint, which is what our signers say in `kid`.
        assert!(check(&token, &foreign([bare(signer)])).is_ok());
        let header = json!({ "alg": signer.algorithm() });
        let nameless = signed_by(signer, &header.to_string(), &assertion().to_string());
        assert!(check(&nameless, &foreign([bare(signer)])).is_ok());
        assert!(check(&nameless, &all()).is_ok(), "one key of each algorithm");
        assert_eq!(check(&nameless, &foreign([])).err(), Some(JoseError::UnknownKey));
    }
}

#[test]
fn without_a_name_exactly_one_key_must_fit() {
    let header = json!({ "alg": "RS256" }).to_string();
    let token = signed_by(&RS256, &header, &assertion().to_string());
    let both = foreign([bare(&RS256), bare(&PS256)]);
    assert_eq!(
        check(&token, &both).err(),
        Some(JoseError::MissingKeyId),
        "either key could be of RS256"
    );
    let named = foreign([RS256.public_jwk(), PS256.public_jwk()]);
    assert!(check(&token, &named).is_ok(), "only one says RS256");
}

#[test]
fn only_the_allowed_algorithms_and_only_the_keys_own() {
    let keys = foreign([bare(&RS256)]);
    let ps256 = SigningKey::from_pkcs8(Algorithm::Ps256, RS256.kid().into(), &RS256.to_pkcs8()).unwrap();
    for (signer, allowed, others) in [
        (&*RS256, Algorithm::Rs256, Algorithm::Ps256),
        (&ps256, Algorithm::Ps256, Algorithm::Rs256),
    ] {
        let token = signer.sign("JWT", &assertion()).unwrap();
        let judged =
            |allowed: &[Algorithm]| verify_foreign(&token, &keys, allowed, &expect(), NOW).map(|_| ());
        assert_eq!(judged(&[allowed]), Ok(()));
        assert_eq!(judged(&[others]), Err(JoseError::AlgorithmMismatch));
        assert_eq!(judged(&[]), Err(JoseError::AlgorithmMismatch));
    }
    let said = foreign([RS256.public_jwk()]);
    let token = ps256.sign("JWT", &assertion()).unwrap();
    assert_eq!(
        check(&token, &said).err(),
        Some(JoseError::AlgorithmMismatch),
        "the key says RS256"
    );
    for alg in ["none", "HS256", "RS512", "es256", ""] {
        let header = json!({ "alg": alg, "kid": ES256.kid() }).to_string();
        let token = signed_by(&ES256, &header, &assertion().to_string());
        assert_eq!(
            check(&token, &all()).err(),
            Some(JoseError::AlgorithmMismatch),
            "{alg}"
        );
    }
}

#[test]
fn one_id_for_two_keys_only_if_they_are_of_two_kinds() {
    let named = |signer: &SigningKey| Jwk {
        kid: Some("k".into()),
        ..bare(signer)
    };
    let set = |keys: [Jwk; 2]| ForeignKeys::from_jwks(&keys.into_iter().collect());
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    assert_eq!(
        set([named(&ES256), named(&other)]).err(),
        Some(JoseError::DuplicateKeyId)
    );
    assert_eq!(
        set([named(&RS256), named(&PS256)]).err(),
        Some(JoseError::DuplicateKeyId)
    );
    let keys = set([named(&ES256), named(&RS256)]).unwrap();
    for signer in [&ES256, &RS256] {
        let header = json!({ "alg": signer.algorithm(), "kid": "k" }).to_string();
        assert!(check(&signed_by(signer, &header, &assertion().to_string()), &keys).is_ok());
    }
}

#[test]
fn a_header_that_brings_or_points_to_a_key() {
    for name in ["jwk", "jku", "x5u", "x5c", "crit", "zip", "b64"] {
        let mut header = json!({ "alg": "ES256" });
        header[name] = serde_json::to_value(ES256.public_jwk()).unwrap();
        let token = signed_by(&ES256, &header.to_string(), &assertion().to_string());
        assert_eq!(
            check(&token, &all()).err(),
            Some(JoseError::ForbiddenHeader(name))
        );
        assert_eq!(
            verify_with_secret(&hs256(&header, &assertion(), SECRET), SECRET, &expect(), NOW),
            Err(JoseError::ForbiddenHeader(name))
        );
    }
}

#[test]
fn the_type_is_that_of_the_use_or_plain_or_absent() {
    let uses = [
        ("client-authentication+jwt", expect(), assertion()),
        (
            "oauth-authz-req+jwt",
            Expectation::request_object(CLIENT, [ISSUER]),
            with("sub", None),
        ),
        (
            "authorization-grant+jwt",
            Expectation::authorization_grant(CLIENT, [ISSUER]),
            with("sub", Some(json!("alice"))),
        ),
    ];
    for (own, expect, claims) in uses {
        let judged = |typ: Option<&str>, expect: &Expectation| {
            let mut header = json!({ "alg": "ES256" });
            if let Some(typ) = typ {
                header["typ"] = typ.into();
            }
            let token = signed_by(&ES256, &header.to_string(), &claims.to_string());
            verify_foreign(&token, &all(), &Algorithm::ALL, expect, NOW).map(|_| ())
        };
        for typ in [Some(own), Some("JWT"), Some("jwt"), None] {
            assert_eq!(judged(typ, &expect), Ok(()), "{own} {typ:?}");
        }
        for typ in ["at+jwt", "dpop+jwt", "logout+jwt", "", "JWE"] {
            assert_eq!(
                judged(Some(typ), &expect),
                Err(JoseError::WrongType),
                "{own} {typ}"
            );
        }
        let exact = expect.exact_type();
        assert_eq!(judged(Some(own), &exact), Ok(()));
        assert_eq!(judged(Some("JWT"), &exact), Err(JoseError::WrongType));
        assert_eq!(judged(None, &exact), Err(JoseError::WrongType));
    }
}

#[test]
fn claims_of_an_assertion_that_are_absent_malformed_or_of_others() {
    for (name, value, error) in [
        ("iss", Some(json!("client-2")), JoseError::WrongIssuer),
        ("iss", None, JoseError::InvalidClaim("iss")),
        ("sub", Some(json!("client-2")), JoseError::WrongSubject),
        ("sub", None, JoseError::InvalidClaim("sub")),
        ("sub", Some(json!(null)), JoseError::InvalidClaim("sub")),
        (
            "aud",
            Some(json!("https://elsewhere.example")),
            JoseError::WrongAudience,
        ),
        ("aud", Some(json!([])), JoseError::WrongAudience),
        ("aud", None, JoseError::InvalidClaim("aud")),
        ("jti", None, JoseError::InvalidClaim("jti")),
        ("jti", Some(json!("")), JoseError::InvalidClaim("jti")),
        ("jti", Some(json!(7)), JoseError::InvalidClaim("jti")),
        (
            "jti",
            Some(json!("x".repeat(257))),
            JoseError::InvalidClaim("jti"),
        ),
        ("nbf", Some(json!(NOW + 31)), JoseError::NotYetValid),
        ("iat", Some(json!(NOW + 31)), JoseError::IssuedInFuture),
        ("iat", Some(json!("now")), JoseError::InvalidClaim("iat")),
        ("exp", Some(json!(NOW)), JoseError::Expired),
        ("exp", Some(json!(NOW + 3631)), JoseError::LifetimeTooLong),
        ("exp", Some(json!(u64::MAX)), JoseError::LifetimeTooLong),
        ("exp", Some(json!(1e300)), JoseError::LifetimeTooLong),
    ] {
        assert_eq!(
            judged(&with(name, value.clone()), &expect()),
            Err(error),
            "{name} {value:?}"
        );
    }
    for value in [
        json!("1900000000"),
        json!(null),
        json!([NOW]),
        json!({}),
        json!(true),
        json!(-1),
        json!(0),
    ] {
        let claims = with("exp", Some(value));
        assert_eq!(judged(&claims, &expect()), Err(JoseError::InvalidClaim("exp")));
        assert_eq!(
            judged(&claims, &expect().expiry_optional()),
            Err(JoseError::InvalidClaim("exp")),
            "absent is not malformed"
        );
    }
    assert_eq!(
        judged(&with("exp", None), &expect()),
        Err(JoseError::InvalidClaim("exp"))
    );
    assert_eq!(judged(&with("exp", None), &expect().expiry_optional()), Ok(()));
    assert_eq!(judged(&with("iat", Some(json!(NOW + 10))), &expect()), Ok(()));
    assert_eq!(judged(&with("exp", Some(json!(NOW + 3630))), &expect()), Ok(()));
    assert_eq!(
        judged(&with("aud", Some(json!(["x", ISSUER]))), &expect()),
        Ok(())
    );
}

#[test]
fn an_assertion_is_not_taken_for_a_request_nor_a_request_for_an_assertion() {
    let request = Expectation::request_object(CLIENT, [ISSUER]);
    assert_eq!(judged(&assertion(), &request), Err(JoseError::WrongSubject));
    assert_eq!(judged(&with("sub", None), &request), Ok(()));
    assert_eq!(
        judged(&with("sub", None), &expect()),
        Err(JoseError::InvalidClaim("sub"))
    );
    assert_eq!(judged(&with("jti", None), &request), Err(JoseError::WrongSubject));
}

#[test]
fn a_secret_is_no_key_and_a_key_is_no_secret() {
    let good = hs256(&json!({ "alg": "HS256", "typ": "JWT" }), &assertion(), SECRET);
    assert!(verify_with_secret(&good, SECRET, &expect(), NOW).is_ok());
    assert_eq!(check(&good, &all()).err(), Some(JoseError::AlgorithmMismatch));
    let other = [&SECRET[..31], b"x"].concat();
    assert_eq!(
        verify_with_secret(&good, &other, &expect(), NOW),
        Err(JoseError::InvalidSignature)
    );
    assert_eq!(
        verify_with_secret(&good, &SECRET[..31], &expect(), NOW),
        Err(JoseError::InvalidKey)
    );
    for alg in ["none", "HS512", "ES256", "hs256"] {
        let token = hs256(&json!({ "alg": alg }), &assertion(), SECRET);
        assert_eq!(
            verify_with_secret(&token, SECRET, &expect(), NOW),
            Err(JoseError::AlgorithmMismatch)
        );
    }
    // A public key as the secret.
    for signer in signers() {
        let public = serde_json::to_vec(&signer.public_jwk()).unwrap();
        for alg in ["HS256", signer.algorithm().as_str()] {
            let token = hs256(&json!({ "alg": alg, "kid": signer.kid() }), &assertion(), &public);
            assert!(check(&token, &all()).is_err());
        }
    }
}

#[test]
fn a_set_of_somebody_elses_is_bounded_and_strict() {
    let parse = |value: &Value| Jwks::parse(value.to_string().as_bytes());
    let key = serde_json::to_value(ES256.public_jwk()).unwrap();
    assert_eq!(parse(&json!({ "keys": [key] })).unwrap().keys.len(), 1);
    assert_eq!(parse(&json!({ "keys": [] })).unwrap().keys.len(), 0);
    assert_eq!(
        parse(&json!({ "keys": vec![key.clone(); MAX_JWKS_KEYS + 1] })),
        Err(JoseError::TooLarge)
    );
    assert_eq!(
        Jwks::parse(" ".repeat(MAX_JWKS_BYTES + 1).as_bytes()),
        Err(JoseError::TooLarge)
    );
    for malformed in [
        "",
        "[]",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[1]}"#,
        r#"{"keys":[],"keys":[]}"#,
    ] {
        assert_eq!(
            Jwks::parse(malformed.as_bytes()),
            Err(JoseError::InvalidKey),
            "{malformed}"
        );
    }
    let mut weak = serde_json::to_value(RS256.public_jwk()).unwrap();
    weak["n"] = encode([0xff; 128]).into();
    weak["use"] = "enc".into();
    assert_eq!(parse(&json!({ "keys": [weak] })), Err(JoseError::InvalidKey));
    let mut nameful = key.clone();
    nameful["kid"] = "k".repeat(513).into();
    assert_eq!(parse(&json!({ "keys": [nameful] })), Err(JoseError::InvalidKey));
    for (name, value) in [
        ("use", json!("enc")),
        ("use", json!("SIG")),
        ("key_ops", json!(["encrypt"])),
        ("key_ops", json!([])),
        ("alg", json!("ECDH-ES")),
        ("crv", json!("P-384")),
        ("kty", json!("AKP")),
    ] {
        let mut other = key.clone();
        other[name] = value;
        let set = parse(&json!({ "keys": [other] })).unwrap();
        assert!(ForeignKeys::from_jwks(&set).unwrap().is_empty(), "{name}");
    }
    let mut fitting = key;
    fitting["key_ops"] = json!(["verify"]);
    let set = parse(&json!({ "keys": [fitting] })).unwrap();
    assert!(!ForeignKeys::from_jwks(&set).unwrap().is_empty());
}

#[test]
fn whose_a_token_says_it_is_is_read_before_it_is_believed() {
    let forged = format!("{}x", EDDSA.sign("JWT", &assertion()).unwrap());
    let token = EDDSA.sign("JWT", &assertion()).unwrap();
    assert_eq!(unverified_issuer(&token).as_deref(), Ok(CLIENT));
    assert_eq!(unverified_issuer(&forged), Err(JoseError::InvalidBase64));
    let nobody = EDDSA.sign("JWT", &with("iss", None)).unwrap();
    assert_eq!(unverified_issuer(&nobody), Err(JoseError::InvalidClaim("iss")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_and_no_parts_are_believed(text in "\\PC*", (a, b, c) in any::<(Vec<u8>, Vec<u8>, Vec<u8>)>()) {
        let parts = format!("{}.{}.{}", encode(a), encode(b), encode(c));
        for token in [text, parts] {
            prop_assert!(check(&token, &all()).is_err());
            prop_assert!(verify_with_secret(&token, SECRET, &expect(), NOW).is_err());
            let _ = unverified_issuer(&token);
        }
    }

    #[test]
    fn no_damaged_token_is_believed(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let by_key = EDDSA.sign("JWT", &assertion()).unwrap();
        let by_secret = hs256(&json!({ "alg": "HS256" }), &assertion(), SECRET);
        for (token, secret) in [(by_key, false), (by_secret, true)] {
            let mut bytes = token.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let damaged = String::from_utf8_lossy(&bytes);
            let believed = if secret {
                verify_with_secret(&damaged, SECRET, &expect(), NOW).is_ok()
            } else {
                check(&damaged, &all()).is_ok()
            };
            prop_assert_eq!(believed, damaged == token);
        }
    }

    #[test]
    fn no_random_set_makes_a_panic(
        text in "\\PC*",
        kty in "EC|RSA|OKP|oct",
        (x, n) in any::<(Vec<u8>, Vec<u8>)>(),
    ) {
        let _ = Jwks::parse(text.as_bytes());
        let key = json!({ "kty": kty, "crv": "P-256", "x": encode(&x), "y": encode(&n), "n": encode(n), "e": encode(x) });
        let set = json!({ "keys": [key] }).to_string();
        if let Ok(set) = Jwks::parse(set.as_bytes()) {
            // What random bytes make up is no key of ours.
            let keys = ForeignKeys::from_jwks(&set);
            prop_assert!(keys.is_ok_and(|keys| keys.is_empty()));
        }
    }
}
