//! Every refusal that `verify` promises, each caused by one flaw in a token that is otherwise in order.

use aws_lc_rs::hmac;
use jose::{Expectation, JoseError, MAX_TOKEN_BYTES, SigningKey, verify};
use serde_json::{Value, json};

use crate::support::{
    EDDSA, ES256, ISSUER, NOW, RS256, check, claims, claims_with, encode, expect, forge, header, keys,
};

/// A token of the claims in order, with this member of the header set to something else, or (`None`) left
/// out.
fn with_header(name: &str, value: Option<Value>) -> String {
    let mut header = header();
    let members = header.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    forge(&header.to_string(), &claims().to_string())
}

/// What becomes of a token with one claim set to something else, or (`None`) left out.
fn with_claim(name: &str, value: Option<Value>) -> Result<(), JoseError> {
    check(&ES256.sign("at+jwt", &claims_with(name, value)).unwrap()).map(|_| ())
}

#[test]
fn the_forger_of_these_tests_makes_tokens_that_are_believed() {
    assert_eq!(
        check(&forge(&header().to_string(), &claims().to_string())).map(|_| ()),
        Ok(())
    );
}

#[test]
fn text_that_is_not_three_canonical_parts() {
    let token = ES256.sign("at+jwt", &claims()).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    for text in [
        "",
        ".",
        "a",
        "a.b",
        signed,
        &format!("{token}."),
        &format!("{token}.x"),
        "a.b.c.d.e",
    ] {
        assert_eq!(check(text), Err(JoseError::NotThreeParts), "{text}");
    }
    for text in [
        format!("{token}="),
        format!("{token}=="),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{signed}.{}+", &signature[..85]),
        format!("{signed}.{}/", &signature[..85]),
        format!("{signed}.ключ"),
        format!("{signed}.\0"),
    ] {
        assert_eq!(check(&text), Err(JoseError::InvalidBase64), "{text}");
    }
    assert_eq!(check(".."), Err(JoseError::InvalidHeader));
}

#[test]
fn a_signature_has_one_text_only() {
    // 64 octets leave four unused bits in the last character; a lenient decoder would take 15 other texts for
    // the same signature.
    let token = ES256.sign("at+jwt", &claims()).unwrap();
    let last = token.chars().last().unwrap();
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        let changed = format!("{}{other}", &token[..token.len() - 1]);
        assert_eq!(check(&changed).is_ok(), other == last, "{other}");
    }
}

#[test]
fn a_token_that_is_too_long_to_be_looked_at_or_to_be_signed() {
    let padding = "x".repeat(MAX_TOKEN_BYTES + 1);
    assert_eq!(check(&padding), Err(JoseError::TooLarge));
    let payload = claims_with("padding", Some(json!(padding)));
    assert_eq!(
        check(&forge(&header().to_string(), &payload.to_string())),
        Err(JoseError::TooLarge)
    );
    assert_eq!(ES256.sign("at+jwt", &payload), Err(JoseError::TooLarge));
    let almost = claims_with("padding", Some(json!("x".repeat(MAX_TOKEN_BYTES * 3 / 4 - 200))));
    assert_eq!(
        ES256.sign("at+jwt", &almost),
        Err(JoseError::TooLarge),
        "only the encoding makes it too long"
    );
    let fits = claims_with("padding", Some(json!("x".repeat(MAX_TOKEN_BYTES / 2))));
    assert!(check(&ES256.sign("at+jwt", &fits).unwrap()).is_ok());
}

#[test]
fn a_header_that_is_not_one_well_formed_object() {
    let payload = claims().to_string();
    let duplicated = format!(
        r#"{{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"{}"}}"#,
        ES256.kid()
    );
    for text in ["", "null", "[]", "\"ES256\"", "{", "{}{}", duplicated.as_str()] {
        assert_eq!(
            check(&forge(text, &payload)),
            Err(JoseError::InvalidHeader),
            "{text}"
        );
    }
    for name in ["alg", "typ", "kid"] {
        for value in [json!(null), json!(1), json!(["ES256"]), json!({})] {
            assert_eq!(
                check(&with_header(name, Some(value.clone()))),
                Err(JoseError::InvalidHeader),
                "{name} {value}"
            );
        }
    }
}

#[test]
fn headers_that_bring_or_fetch_a_key_or_change_the_reading() {
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("jku", json!("https://evil.example/jwks")),
        ("jwk", serde_json::to_value(ES256.public_jwk()).unwrap()),
        ("x5u", json!("https://evil.example/x5u")),
        ("x5c", json!(["MIIB"])),
        ("zip", json!("DEF")),
        ("b64", json!(true)),
        ("crit", json!(null)),
    ] {
        assert_eq!(
            check(&with_header(name, Some(value))),
            Err(JoseError::ForbiddenHeader(name))
        );
    }
}

#[test]
fn a_token_of_another_type() {
    for typ in [
        "JWT",
        "at+jw",
        "at+jwtx",
        "application/",
        "application/application/at+jwt",
        "x/at+jwt",
        "",
        " at+jwt",
    ] {
        assert_eq!(
            check(&ES256.sign(typ, &claims()).unwrap()),
            Err(JoseError::WrongType),
            "{typ}"
        );
    }
    assert_eq!(check(&with_header("typ", None)), Err(JoseError::WrongType));
}

#[test]
fn a_key_that_is_not_named_or_not_known() {
    assert_eq!(check(&with_header("kid", None)), Err(JoseError::MissingKeyId));
    for kid in ["", "other", "../../etc/passwd", "' OR 1=1 --"] {
        assert_eq!(
            check(&with_header("kid", Some(json!(kid)))),
            Err(JoseError::UnknownKey),
            "{kid}"
        );
    }
    let stranger = SigningKey::generate(jose::Algorithm::Es256).unwrap();
    assert_eq!(
        check(&stranger.sign("at+jwt", &claims()).unwrap()),
        Err(JoseError::UnknownKey)
    );
    let impostor = SigningKey::from_pkcs8(
        jose::Algorithm::Es256,
        ES256.kid().to_owned(),
        &stranger.to_pkcs8(),
    )
    .unwrap();
    assert_eq!(
        check(&impostor.sign("at+jwt", &claims()).unwrap()),
        Err(JoseError::InvalidSignature)
    );
}

#[test]
fn an_algorithm_that_is_not_the_keys() {
    for alg in [
        "none", "None", "NONE", "", "HS256", "RS256", "EdDSA", "es256", "ES256K", "PS256",
    ] {
        assert_eq!(
            check(&with_header("alg", Some(json!(alg)))),
            Err(JoseError::AlgorithmMismatch),
            "{alg}"
        );
    }
    assert_eq!(
        check(&with_header("alg", None)),
        Err(JoseError::AlgorithmMismatch)
    );
}

#[test]
fn an_unsigned_token() {
    for (alg, error) in [
        ("none", JoseError::AlgorithmMismatch),
        ("ES256", JoseError::InvalidSignature),
    ] {
        let header = json!({ "alg": alg, "typ": "at+jwt", "kid": ES256.kid() });
        let token = format!("{}.{}.", encode(header.to_string()), encode(claims().to_string()));
        assert_eq!(check(&token), Err(error));
    }
}

#[test]
fn a_public_key_used_as_a_shared_secret() {
    for signer in [&ES256, &RS256, &EDDSA] {
        let jwk = signer.public_jwk();
        for secret in [
            serde_json::to_vec(&jwk).unwrap(),
            jwk.x.or(jwk.n).unwrap().into_bytes(),
        ] {
            for alg in ["HS256", signer.algorithm().as_str()] {
                let header = json!({ "alg": alg, "typ": "at+jwt", "kid": signer.kid() });
                let signed = format!("{}.{}", encode(header.to_string()), encode(claims().to_string()));
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
                let error = check(&format!("{signed}.{}", encode(tag))).unwrap_err();
                assert!(
                    matches!(error, JoseError::AlgorithmMismatch | JoseError::InvalidSignature),
                    "{error:?}"
                );
            }
        }
    }
}

#[test]
fn any_change_to_what_was_signed() {
    for signer in [&ES256, &RS256, &EDDSA] {
        let token = signer.sign("at+jwt", &claims()).unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = signed.split_once('.').unwrap();
        let other = encode(claims_with("sub", Some(json!("mallory"))).to_string());
        assert_eq!(
            check(&format!("{header}.{other}.{signature}")),
            Err(JoseError::InvalidSignature)
        );
        let shorter = encode(&base64_of(signature)[1..]);
        assert_eq!(
            check(&format!("{signed}.{shorter}")),
            Err(JoseError::InvalidSignature)
        );
        let longer = encode([base64_of(signature), vec![0]].concat());
        assert_eq!(
            check(&format!("{signed}.{longer}")),
            Err(JoseError::InvalidSignature)
        );
        let zeros = encode(vec![0; base64_of(signature).len()]);
        assert_eq!(
            check(&format!("{signed}.{zeros}")),
            Err(JoseError::InvalidSignature),
            "all zeros"
        );
    }
}

fn base64_of(part: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()
}

#[test]
fn a_signature_is_not_taken_for_that_of_another_key_of_the_set() {
    let token = RS256.sign("at+jwt", &claims()).unwrap();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let other = ES256.sign("at+jwt", &claims()).unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    assert_eq!(
        check(&format!("{signed}.{signature}")),
        Err(JoseError::InvalidSignature)
    );
}

#[test]
fn a_payload_that_is_not_one_well_formed_object() {
    let header = header().to_string();
    let once = claims().to_string();
    let twice = once.replacen('{', r#"{"sub":"mallory","#, 1);
    let deep = once.replacen('{', r#"{"act":{"sub":"a","sub":"b"},"#, 1);
    for text in [
        "",
        "null",
        "[]",
        "\"x\"",
        "{",
        &once[1..],
        &format!("{once} x"),
        &twice,
        &deep,
    ] {
        assert_eq!(
            check(&forge(&header, text)),
            Err(JoseError::InvalidPayload),
            "{text}"
        );
    }
}

#[test]
fn claims_that_would_be_refused_are_not_signed() {
    use serde::Serialize;

    #[derive(Serialize)]
    struct Flattened {
        sub: &'static str,
        #[serde(flatten)]
        custom: Value,
    }
    let takeover = Flattened {
        sub: "alice",
        custom: json!({ "sub": "root" }),
    };
    assert_eq!(ES256.sign("at+jwt", &takeover), Err(JoseError::InvalidClaims));
    for value in [json!(null), json!([]), json!("x"), json!(1)] {
        assert_eq!(ES256.sign("at+jwt", &value), Err(JoseError::InvalidClaims));
    }
    let harmless = Flattened {
        sub: "alice",
        custom: json!({ "role": "clerk" }),
    };
    assert!(ES256.sign("at+jwt", &harmless).is_ok());
}

#[test]
fn an_expiry_that_is_absent_or_not_a_time() {
    let invalid = Err(JoseError::InvalidClaim("exp"));
    let impossible = [
        json!("1900000000"),
        json!(null),
        json!([NOW + 300]),
        json!({}),
        json!(true),
        json!(-1),
        json!(0),
        json!(-1.5),
    ];
    for value in impossible.into_iter().map(Some).chain([None]) {
        assert_eq!(with_claim("exp", value.clone()), invalid, "{value:?}");
        let token = ES256.sign("at+jwt", &claims_with("exp", value)).unwrap();
        let lenient = verify(&token, &keys(), &expect().allow_expired(), NOW).map(|_| ());
        assert_eq!(
            lenient, invalid,
            "a hint may have expired, but not lack an expiry"
        );
    }
    let infinite = claims().to_string().replace(&(NOW + 300).to_string(), "1e999");
    assert_eq!(
        check(&forge(&header().to_string(), &infinite)),
        Err(JoseError::InvalidPayload)
    );
    assert_eq!(with_claim("exp", Some(json!(NOW - 1))), Err(JoseError::Expired));
    assert_eq!(
        with_claim("exp", Some(json!(1_799_999_999.5))),
        Err(JoseError::Expired)
    );
    assert_eq!(with_claim("exp", Some(json!(1e-300))), Err(JoseError::Expired));
    assert_eq!(with_claim("exp", Some(json!(u64::MAX))), Ok(()));
}

#[test]
fn a_start_or_an_issue_that_is_no_time_or_lies_ahead() {
    for (name, ahead) in [
        ("nbf", JoseError::NotYetValid),
        ("iat", JoseError::IssuedInFuture),
    ] {
        for value in [json!("0"), json!(null), json!([0]), json!(false)] {
            assert_eq!(with_claim(name, Some(value)), Err(JoseError::InvalidClaim(name)));
        }
        assert_eq!(with_claim(name, Some(json!(NOW + 6))), Err(ahead));
        assert_eq!(with_claim(name, Some(json!(NOW + 5))), Ok(()));
        assert_eq!(with_claim(name, None), Ok(()));
    }
}

#[test]
fn another_issuer() {
    for issuer in [
        "",
        "https://id.example/realms/demo/",
        "https://id.example/realms/Demo",
        "https://id.example",
    ] {
        assert_eq!(
            with_claim("iss", Some(json!(issuer))),
            Err(JoseError::WrongIssuer),
            "{issuer}"
        );
    }
    for value in [Some(json!(null)), Some(json!([ISSUER])), Some(json!(1)), None] {
        assert_eq!(with_claim("iss", value), Err(JoseError::InvalidClaim("iss")));
    }
}

#[test]
fn another_audience() {
    for value in [json!("Orders"), json!(""), json!([]), json!(["order", "orders "])] {
        assert_eq!(with_claim("aud", Some(value)), Err(JoseError::WrongAudience));
    }
    let malformed = [
        json!(null),
        json!(1),
        json!({ "orders": 1 }),
        json!(["orders", null]),
        json!([["orders"]]),
    ];
    for value in malformed.into_iter().map(Some).chain([None]) {
        assert_eq!(with_claim("aud", value), Err(JoseError::InvalidClaim("aud")));
    }
    let token = ES256.sign("at+jwt", &claims_with("aud", Some(json!(1)))).unwrap();
    let anybody = Expectation::new("at+jwt", ISSUER);
    assert_eq!(
        verify(&token, &keys(), &anybody, NOW),
        Err(JoseError::InvalidClaim("aud"))
    );
}

#[test]
fn a_token_about_nobody() {
    for value in [
        Some(json!("")),
        Some(json!(null)),
        Some(json!(7)),
        Some(json!(["alice"])),
        None,
    ] {
        assert_eq!(with_claim("sub", value), Err(JoseError::InvalidClaim("sub")));
    }
}

#[test]
fn every_refusal_has_a_code_of_its_own() {
    use JoseError as E;
    let all = [
        E::TooLarge,
        E::NotThreeParts,
        E::InvalidBase64,
        E::InvalidHeader,
        E::ForbiddenHeader("jku"),
        E::WrongType,
        E::MissingKeyId,
        E::UnknownKey,
        E::AlgorithmMismatch,
        E::InvalidSignature,
        E::InvalidPayload,
        E::InvalidClaim("exp"),
        E::WrongIssuer,
        E::WrongSubject,
        E::WrongAudience,
        E::Expired,
        E::LifetimeTooLong,
        E::NotYetValid,
        E::IssuedInFuture,
        E::UnexpectedShape,
        E::WrongMethod,
        E::WrongUrl,
        E::WrongAccessToken,
        E::TooOld,
        E::UnsupportedAlgorithm,
        E::UnsupportedKey,
        E::InvalidKey,
        E::NoSuitableKey,
        E::DuplicateKeyId,
        E::GenerationFailed,
        E::InvalidClaims,
        E::SigningFailed,
        E::EncryptionFailed,
    ];
    let codes: std::collections::BTreeSet<_> = all.into_iter().map(JoseError::code).collect();
    assert_eq!(codes.len(), all.len());
}
