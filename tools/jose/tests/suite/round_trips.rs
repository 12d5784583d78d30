//! What is signed as expected is believed, by each algorithm, and its claims read as they were written.

use jose::{Algorithm, Expectation, JoseError, SigningKey, verify};
use serde::Deserialize;
use serde_json::json;

use crate::support::{ES256, ISSUER, NOW, check, claims, claims_with, expect, keys, signers};

#[test]
fn a_token_of_each_algorithm_is_believed() {
    for signer in signers() {
        let token = signer.sign("at+jwt", &claims()).unwrap();
        let believed = check(&token).unwrap_or_else(|error| panic!("{}: {error}", signer.algorithm()));
        assert_eq!(believed.as_map(), claims().as_object().unwrap());
    }
}

#[test]
fn a_key_read_back_from_pkcs8_is_the_same_key() {
    for signer in signers() {
        let again =
            SigningKey::from_pkcs8(signer.algorithm(), signer.kid().to_owned(), &signer.to_pkcs8()).unwrap();
        assert_eq!(again.public_jwk(), signer.public_jwk());
        assert!(check(&again.sign("at+jwt", &claims()).unwrap()).is_ok());
    }
}

#[test]
fn a_key_may_go_by_a_chosen_id() {
    let key = SigningKey::from_pkcs8(Algorithm::Es256, "2026-11".to_owned(), &ES256.to_pkcs8()).unwrap();
    assert_eq!(key.kid(), "2026-11");
    assert_eq!(key.public_jwk().kid.as_deref(), Some("2026-11"));
    let token = key.sign("at+jwt", &claims()).unwrap();
    assert_eq!(
        check(&token),
        Err(JoseError::UnknownKey),
        "the set knows it by another id"
    );
}

#[test]
fn claims_are_read_by_type() {
    let token = ES256
        .sign(
            "at+jwt",
            &json!({
                "iss": ISSUER, "sub": "alice", "aud": ["billing", "orders"],
                "exp": 1_800_000_000.5, "iat": NOW, "jti": "t1", "email_verified": true, "amr": ["pwd", 7],
                "auth_time": null, "level": 3, "name": "Алиса",
            }),
        )
        .unwrap();
    let claims = check(&token).unwrap();
    assert_eq!(
        (claims.issuer(), claims.subject(), claims.token_id()),
        (ISSUER, "alice", Some("t1"))
    );
    assert_eq!(claims.audiences(), ["billing", "orders"]);
    assert_eq!((claims.expires_at(), claims.issued_at()), (NOW, Some(NOW)));
    assert_eq!(
        (claims.boolean("email_verified"), claims.integer("level")),
        (Some(true), Some(3))
    );
    assert_eq!(claims.string("name"), Some("Алиса"));

    assert_eq!(claims.strings("amr"), None, "not only strings");
    assert_eq!(claims.seconds("auth_time"), None, "null is not a time");
    assert!(claims.get("auth_time").is_some_and(serde_json::Value::is_null));
    assert_eq!(
        (
            claims.string("level"),
            claims.boolean("sub"),
            claims.integer("absent")
        ),
        (None, None, None)
    );
    assert_eq!(claims.seconds("level"), Some(3));
}

#[test]
fn claims_are_read_as_a_type_of_the_callers() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Mine {
        sub: String,
        scope: Option<String>,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Other {
        scope: String,
    }
    let claims = check(&ES256.sign("at+jwt", &claims()).unwrap()).unwrap();
    assert_eq!(
        claims.deserialize(),
        Ok(Mine {
            sub: "alice".into(),
            scope: None
        })
    );
    assert_eq!(claims.deserialize::<Other>(), Err(JoseError::UnexpectedShape));
}

#[test]
fn the_type_is_compared_as_a_media_type() {
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        let token = ES256.sign(typ, &claims()).unwrap();
        assert!(check(&token).is_ok(), "{typ}");
        let expect = Expectation::new("application/at+JWT", ISSUER);
        assert!(verify(&token, &keys(), &expect, NOW).is_ok(), "{typ}");
    }
}

#[test]
fn one_of_several_audiences_is_enough() {
    let token = ES256
        .sign("at+jwt", &claims_with("aud", Some(json!(["a", "b"]))))
        .unwrap();
    let base = Expectation::new("at+jwt", ISSUER);
    assert!(verify(&token, &keys(), &base.clone().audiences(["x", "b"]), NOW).is_ok());
    assert!(
        verify(&token, &keys(), &base.clone(), NOW).is_ok(),
        "nobody in particular is expected"
    );
    assert_eq!(
        verify(&token, &keys(), &base.clone().audience("x"), NOW),
        Err(JoseError::WrongAudience)
    );
    let nobody: [&str; 0] = [];
    assert_eq!(
        verify(&token, &keys(), &base.audiences(nobody), NOW),
        Err(JoseError::WrongAudience)
    );
}

#[test]
fn time_is_judged_to_the_second_and_with_the_leeway_that_was_said() {
    let token = ES256.sign("at+jwt", &claims()).unwrap();
    let at = |expect: &Expectation, now| verify(&token, &keys(), expect, now).map(|_| ());
    let end = NOW + 300;

    assert_eq!(at(&expect(), end - 1), Ok(()));
    assert_eq!(at(&expect(), end), Err(JoseError::Expired));
    assert_eq!(at(&expect().expiry_leeway_secs(10), end + 9), Ok(()));
    assert_eq!(
        at(&expect().expiry_leeway_secs(10), end + 10),
        Err(JoseError::Expired)
    );
    assert_eq!(at(&expect().allow_expired(), end + 1_000_000), Ok(()));

    assert_eq!(at(&expect(), NOW - 5), Ok(()));
    assert_eq!(at(&expect(), NOW - 6), Err(JoseError::NotYetValid));
    assert_eq!(
        at(&expect().future_leeway_secs(0), NOW - 1),
        Err(JoseError::NotYetValid)
    );
    let token = ES256.sign("at+jwt", &claims_with("nbf", None)).unwrap();
    assert_eq!(
        verify(&token, &keys(), &expect(), NOW - 6),
        Err(JoseError::IssuedInFuture)
    );
}

#[test]
fn neither_keys_nor_claims_show_what_they_hold_when_printed() {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    assert_eq!(
        format!("{key:?}"),
        format!("SigningKey {{ algorithm: EdDsa, kid: {:?}, .. }}", key.kid())
    );
    let claims = check(&ES256.sign("at+jwt", &claims()).unwrap()).unwrap();
    let printed = format!("{claims:?}");
    assert!(
        printed.contains("\"sub\"") && !printed.contains("alice"),
        "{printed}"
    );
}
