//! Encrypting to clients' keys: which key is taken, what is refused, and that nothing repeats. That others can
//! decrypt it is shown by the tests with other libraries.

use jose::jwe::{ContentEncryption, EncryptionKey, KeyManagement};
use jose::{JoseError, Jwk, MAX_TOKEN_BYTES, SigningKey};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{EDDSA, ES256, RS256, claims, encode};

/// A key for encryption with this id.
fn recipient(signer: &SigningKey, kid: &str) -> Jwk {
    Jwk {
        kid: Some(kid.to_owned()),
        alg: None,
        key_use: Some("enc".to_owned()),
        ..signer.public_jwk()
    }
}

fn header(sealed: &str) -> Value {
    use base64::Engine as _;
    let header = sealed.split('.').next().unwrap();
    serde_json::from_slice(&base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

fn refused(jwk: &Jwk, algorithm: KeyManagement) -> Option<JoseError> {
    EncryptionKey::from_jwk(jwk, algorithm).err()
}

#[test]
fn the_key_is_the_first_for_encryption_with_the_algorithm() {
    let bare = Jwk {
        key_use: None,
        ..recipient(&ES256, "bare")
    };
    let signing = Jwk {
        key_use: Some("sig".into()),
        ..recipient(&ES256, "signing")
    };
    let other = Jwk {
        alg: Some("ECDH-ES+A256KW".into()),
        ..recipient(&ES256, "other")
    };
    let set = [
        signing.clone(),
        bare,
        other,
        recipient(&ES256, "own"),
        recipient(&RS256, "rsa"),
    ];
    let set = set.into_iter().collect();
    for (algorithm, kid) in [
        (KeyManagement::EcdhEs, "own"),
        (KeyManagement::EcdhEsA256Kw, "other"),
        (KeyManagement::RsaOaep256, "rsa"),
    ] {
        let key = EncryptionKey::choose(&set, algorithm).unwrap();
        let sealed = key.encrypt_token(ContentEncryption::A128Gcm, "a.b.c").unwrap();
        let header = header(&sealed);
        assert_eq!(header["kid"], kid);
        assert_eq!(
            (&header["alg"], &header["enc"], &header["cty"]),
            (&json!(algorithm), &json!("A128GCM"), &json!("JWT"))
        );
        assert_eq!(header["epk"].is_object(), algorithm != KeyManagement::RsaOaep256);
    }
    let none = [signing].into_iter().collect();
    assert_eq!(
        EncryptionKey::choose(&none, KeyManagement::EcdhEs).err(),
        Some(JoseError::NoSuitableKey)
    );
}

#[test]
fn a_key_of_another_kind_or_a_weak_or_broken_one() {
    let (ec, rsa) = (recipient(&ES256, "k"), recipient(&RS256, "k"));
    let unsupported = Some(JoseError::UnsupportedKey);
    assert_eq!(refused(&rsa, KeyManagement::EcdhEs), unsupported);
    assert_eq!(refused(&ec, KeyManagement::RsaOaep), unsupported);
    assert_eq!(
        refused(&recipient(&EDDSA, "k"), KeyManagement::EcdhEs),
        unsupported
    );
    let verifying = Jwk {
        key_ops: Some(vec!["verify".into()]),
        ..rsa.clone()
    };
    assert_eq!(refused(&verifying, KeyManagement::RsaOaep256), unsupported);
    let invalid = Some(JoseError::InvalidKey);
    let weak = Jwk {
        n: Some(encode([0xff; 128])),
        ..rsa
    };
    assert_eq!(refused(&weak, KeyManagement::RsaOaep256), invalid);
    let off_the_curve = Jwk {
        y: ec.x.clone(),
        ..ec
    };
    assert_eq!(refused(&off_the_curve, KeyManagement::EcdhEs), invalid);
}

#[test]
fn nothing_repeats_from_one_token_to_the_next() {
    for (signer, algorithm) in [
        (&ES256, KeyManagement::EcdhEsA128Kw),
        (&RS256, KeyManagement::RsaOaep),
    ] {
        let key = EncryptionKey::from_jwk(&recipient(signer, "k"), algorithm).unwrap();
        for encryption in ContentEncryption::ALL {
            let sealed = [(); 2].map(|()| key.encrypt_token(encryption, "a.b.c").unwrap());
            let [one, other] = &sealed;
            for (one, other) in one.split('.').zip(other.split('.')).skip(1) {
                assert_ne!(one, other, "{algorithm} {encryption}");
            }
        }
    }
}

#[test]
fn what_is_too_long_or_no_object_is_not_encrypted() {
    let key = EncryptionKey::from_jwk(&recipient(&ES256, "k"), KeyManagement::EcdhEs).unwrap();
    let encryption = ContentEncryption::default();
    assert_eq!(
        key.encrypt_token(encryption, &"x".repeat(MAX_TOKEN_BYTES + 1)),
        Err(JoseError::TooLarge)
    );
    assert_eq!(
        key.encrypt_claims(encryption, &json!([1])),
        Err(JoseError::InvalidClaims)
    );
    let sealed = key.encrypt_claims(encryption, &claims()).unwrap();
    assert_eq!(header(&sealed).get("cty"), None);
    assert_eq!(sealed.split('.').count(), 5);
    assert_eq!(sealed.split('.').nth(1), Some(""), "agreed on directly");
    assert!(!format!("{key:?}").contains("recipient"));
}

#[test]
fn algorithms_go_by_their_registered_names_only() {
    for algorithm in KeyManagement::ALL {
        assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        assert_eq!(json!(algorithm), algorithm.as_str());
    }
    for encryption in ContentEncryption::ALL {
        assert_eq!(encryption.to_string().parse(), Ok(encryption));
        assert_eq!(json!(encryption), encryption.as_str());
    }
    for name in [
        "RSA1_5",
        "dir",
        "A128KW",
        "ECDH-ES+A192KW",
        "rsa-oaep",
        "",
        "none",
    ] {
        assert!(name.parse::<KeyManagement>().is_err() && name.parse::<ContentEncryption>().is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_random_key_is_encrypted_to((a, b) in any::<(Vec<u8>, Vec<u8>)>(), rsa in any::<bool>()) {
        let (a, b) = (Some(encode(a)), Some(encode(b)));
        let jwk = if rsa {
            Jwk { kty: "RSA".into(), n: a, e: b, ..Jwk::default() }
        } else {
            Jwk { kty: "EC".into(), crv: Some("P-256".into()), x: a, y: b, ..Jwk::default() }
        };
        for algorithm in KeyManagement::ALL {
            prop_assert!(EncryptionKey::from_jwk(&jwk, algorithm).is_err());
        }
    }
}
