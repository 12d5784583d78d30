//! Keys as JWKs: thumbprints against the RFCs' own examples, what is published, and what is not accepted as a
//! key.

use jose::{Algorithm, JoseError, Jwk, Jwks, KeySet, SigningKey, VerifyingKey};
use serde_json::{Value, json};

use crate::support::{EDDSA, ES256, RS256, encode, signers};

/// RFC 7638 section 3.1.
const RFC_7638_MODULUS: &str = "\
    0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebW\
    KRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQM\
    icAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcR\
    wr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

fn jwk(value: Value) -> Jwk {
    serde_json::from_value(value).unwrap()
}

#[test]
fn the_thumbprint_of_rfc_7638_comes_out() {
    let key = jwk(json!({
        "kty": "RSA", "n": RFC_7638_MODULUS, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
    }));
    assert_eq!(
        key.thumbprint().unwrap(),
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
    let nameless = VerifyingKey::from_jwk(&Jwk { kid: None, ..key }).unwrap();
    assert_eq!(nameless.kid(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn the_thumbprint_of_rfc_8037_comes_out() {
    let key = jwk(json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }));
    assert_eq!(
        key.thumbprint().unwrap(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
}

#[test]
fn a_thumbprint_is_of_the_key_alone() {
    for signer in signers() {
        let public = signer.public_jwk();
        assert_eq!(public.thumbprint().as_deref(), Ok(signer.kid()));
        let bare = Jwk {
            kid: None,
            alg: None,
            key_use: None,
            ..public
        };
        assert_eq!(bare.thumbprint().as_deref(), Ok(signer.kid()));
    }
    assert_eq!(
        jwk(json!({ "kty": "RSA", "e": "AQAB" })).thumbprint(),
        Err(JoseError::InvalidKey)
    );
    assert_eq!(
        jwk(json!({ "kty": "oct" })).thumbprint(),
        Err(JoseError::UnsupportedKey)
    );
}

#[test]
fn what_is_published_is_the_public_half_and_reads_back_as_it_was() {
    let set: Jwks = signers().map(SigningKey::public_jwk).into_iter().collect();
    let text = serde_json::to_string(&set).unwrap();
    assert_eq!(serde_json::from_str::<Jwks>(&text).unwrap(), set);

    let names = |signer: &SigningKey| -> Vec<String> {
        let value = serde_json::to_value(signer.public_jwk()).unwrap();
        let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(names(&ES256), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!(names(&RS256), ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!(names(&EDDSA), ["alg", "crv", "kid", "kty", "use", "x"]);
    let es256 = ES256.public_jwk();
    assert_eq!(
        (es256.key_use.as_deref(), es256.alg.as_deref()),
        (Some("sig"), Some("ES256"))
    );
}

#[test]
fn a_private_or_symmetric_key_is_not_read_as_a_public_one() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        for held in [json!("c2VjcmV0"), json!(null), json!([])] {
            let mut value = serde_json::to_value(EDDSA.public_jwk()).unwrap();
            value[member] = held;
            assert!(serde_json::from_value::<Jwk>(value.clone()).is_err(), "{member}");
            let set = json!({ "keys": [value] }).to_string();
            assert_eq!(
                Jwks::parse(set.as_bytes()),
                Err(JoseError::InvalidKey),
                "{member}"
            );
        }
    }
    let oct = json!({ "keys": [{ "kty": "oct", "kid": "k" }] }).to_string();
    assert_eq!(Jwks::parse(oct.as_bytes()), Err(JoseError::InvalidKey));
}

#[test]
fn a_broken_or_weak_key_is_refused() {
    let with = |signer: &SigningKey, name: &str, value: Option<&str>| {
        let mut members = serde_json::to_value(signer.public_jwk()).unwrap();
        members[name] = value.map_or(Value::Null, Value::from);
        VerifyingKey::from_jwk(&jwk(members)).map(|_| ())
    };
    let x = ES256.public_jwk().x.unwrap();
    let invalid = Err(JoseError::InvalidKey);
    assert_eq!(with(&ES256, "y", Some(&x)), invalid, "not on the curve");
    assert_eq!(with(&ES256, "y", None), invalid, "absent");
    assert_eq!(with(&ES256, "x", Some(&format!("{x}="))), invalid, "padded");
    assert_eq!(with(&ES256, "x", Some("AQAB")), invalid, "too short");
    assert_eq!(with(&ES256, "kid", Some("")), invalid, "empty id");
    assert_eq!(with(&EDDSA, "x", Some(&encode([7; 31]))), invalid, "too short");
    assert_eq!(
        with(&RS256, "n", Some(&encode([0xff; 128]))),
        invalid,
        "1024 bits"
    );
    assert_eq!(
        with(&RS256, "n", Some(&encode([0xff; 1025]))),
        invalid,
        "more than 8192 bits"
    );
    for exponent in [
        &[][..],
        &[0],
        &[1],
        &[3],
        &[1, 0, 0],
        &[0, 1, 0, 1],
        &[3, 0, 0, 0, 1],
    ] {
        assert_eq!(
            with(&RS256, "e", Some(&encode(exponent))),
            invalid,
            "exponent {exponent:?}"
        );
    }
}

#[test]
fn a_key_for_something_else_is_not_used_and_is_left_out_of_a_set() {
    let with = |name: &str, value: &str| {
        let mut members = serde_json::to_value(ES256.public_jwk()).unwrap();
        members[name] = value.into();
        jwk(members)
    };
    let foreign = [
        with("use", "enc"),
        with("alg", "RS256"),
        with("alg", "ES384"),
        with("alg", "HS256"),
        with("alg", "none"),
        with("crv", "P-384"),
        with("kty", "oct"),
        with("kty", "OKP"),
    ];
    for key in &foreign {
        assert_eq!(
            VerifyingKey::from_jwk(key).err(),
            Some(JoseError::UnsupportedKey),
            "{key:?}"
        );
    }
    let set: Jwks = foreign.into_iter().chain([RS256.public_jwk()]).collect();
    let keys = KeySet::from_jwks(&set).unwrap();
    assert_eq!(
        keys.iter().map(VerifyingKey::kid).collect::<Vec<_>>(),
        [RS256.kid()]
    );
    assert_eq!((keys.len(), keys.is_empty()), (1, false));
}

#[test]
fn a_set_in_which_an_id_names_two_keys_is_refused() {
    let other = Jwk {
        kid: Some(ES256.kid().to_owned()),
        ..RS256.public_jwk()
    };
    let set: Jwks = [ES256.public_jwk(), other].into_iter().collect();
    assert_eq!(KeySet::from_jwks(&set).err(), Some(JoseError::DuplicateKeyId));
}

#[test]
fn pkcs8_of_another_algorithm_or_no_pkcs8_at_all_is_refused() {
    // RS256 and PS256 share a kind of key: the one is told from the other by what is stored beside it.
    let kind = |algorithm| match algorithm {
        Algorithm::Ps256 => Algorithm::Rs256,
        other => other,
    };
    let read = |algorithm, pkcs8: &[u8]| SigningKey::from_pkcs8(algorithm, "k".into(), pkcs8).err();
    for signer in signers() {
        for algorithm in Algorithm::ALL
            .into_iter()
            .filter(|other| kind(*other) != kind(signer.algorithm()))
        {
            assert_eq!(read(algorithm, &signer.to_pkcs8()), Some(JoseError::InvalidKey));
        }
        assert_eq!(read(signer.algorithm(), b""), Some(JoseError::InvalidKey));
        assert_eq!(
            read(signer.algorithm(), &signer.to_pkcs8()[1..]),
            Some(JoseError::InvalidKey)
        );
        let nameless = SigningKey::from_pkcs8(signer.algorithm(), String::new(), &signer.to_pkcs8());
        assert_eq!(nameless.err(), Some(JoseError::InvalidKey));
    }
}

#[test]
fn algorithms_go_by_their_registered_names_only() {
    for algorithm in Algorithm::ALL {
        let name = algorithm.to_string();
        assert_eq!(name.parse(), Ok(algorithm));
        assert_eq!(serde_json::to_value(algorithm).unwrap(), json!(name));
    }
    for name in ["none", "None", "HS256", "es256", "ES384", "PS384", ""] {
        assert_eq!(
            name.parse::<Algorithm>(),
            Err(JoseError::UnsupportedAlgorithm),
            "{name}"
        );
    }
}
