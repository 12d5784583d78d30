//! A second opinion: what we sign, another library believes, and the other way round; and the RFCs' own
//! examples.

use jose::{Algorithm, Expectation, Jwk, KeySet, SigningKey, VerifyingKey, verify};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, jwk};
use serde_json::{Value, json};

use crate::support::{ISSUER, NOW, check, claims, signers};

fn theirs(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::Es256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::Ps256 => jsonwebtoken::Algorithm::PS256,
        Algorithm::Rs256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::EdDsa => jsonwebtoken::Algorithm::EdDSA,
    }
}

#[test]
fn what_we_sign_another_library_believes() {
    for signer in signers() {
        let published = serde_json::to_string(&signer.public_jwk()).unwrap();
        let key: jwk::Jwk = serde_json::from_str(&published).unwrap();
        let mut validation = Validation::new(theirs(signer.algorithm()));
        validation.set_audience(&["orders"]);
        validation.set_issuer(&[ISSUER]);
        // They read the system's clock.
        let mut claims = claims();
        claims["exp"] = json!(9_999_999_999_i64);
        claims["nbf"] = json!(1_600_000_000);
        let token = signer.sign("at+jwt", &claims).unwrap();
        let read = jsonwebtoken::decode::<Value>(&token, &DecodingKey::from_jwk(&key).unwrap(), &validation);
        let read = read.unwrap_or_else(|error| panic!("{}: {error}", signer.algorithm()));
        assert_eq!(read.claims, claims);
        assert_eq!(read.header.typ.as_deref(), Some("at+jwt"));
        assert_eq!(read.header.kid.as_deref(), Some(signer.kid()));
    }
}

#[test]
fn what_another_library_signs_we_believe() {
    for signer in signers() {
        let pkcs8 = signer.to_pkcs8();
        let key = match signer.algorithm() {
            Algorithm::Es256 => EncodingKey::from_ec_der(&pkcs8),
            Algorithm::EdDsa => EncodingKey::from_ed_der(&pkcs8),
            // They want the RSAPrivateKey inside of RFC 5208's envelope, which for 2048 bits is 26 bytes
            // long.
            Algorithm::Ps256 | Algorithm::Rs256 => EncodingKey::from_rsa_der(&pkcs8[26..]),
        };
        let header = Header {
            typ: Some("at+jwt".into()),
            kid: Some(signer.kid().to_owned()),
            ..Header::new(theirs(signer.algorithm()))
        };
        let token = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
        let believed = check(&token).unwrap_or_else(|error| panic!("{}: {error}", signer.algorithm()));
        assert_eq!(believed.as_map(), claims().as_object().unwrap());
    }
}

/// RFC 8037 appendix A.1 and A.2: the private key and the public key that follows from it.
#[test]
fn the_key_of_rfc_8037_has_its_public_half_and_signs_deterministically() {
    // PKCS#8 around the seed of appendix A.1.
    let seed = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    let envelope = [
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ];
    let pkcs8 = {
        use base64::Engine as _;
        let seed = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(seed).unwrap();
        [&envelope[..], &seed].concat()
    };
    let key = SigningKey::from_pkcs8(Algorithm::EdDsa, "rfc8037".into(), &pkcs8).unwrap();
    assert_eq!(
        key.public_jwk().x.as_deref(),
        Some("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    );
    let (first, second) = (
        key.sign("JWT", &claims()).unwrap(),
        key.sign("JWT", &claims()).unwrap(),
    );
    assert_eq!(first, second, "Ed25519 is deterministic");
    let keys = KeySet::new([key.verifying_key()]).unwrap();
    assert!(verify(&first, &keys, &Expectation::new("JWT", ISSUER), NOW).is_ok());
}

/// RFC 7515 appendix A.3: a key that is good, a token that is old-fashioned (no `typ`, no `kid`), and so not
/// believed.
#[test]
fn the_es256_key_of_rfc_7515_is_read_and_its_token_is_refused_for_what_it_lacks() {
    let key: Jwk = serde_json::from_value(json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }))
    .unwrap();
    let keys = KeySet::new([VerifyingKey::from_jwk(&key).unwrap()]).unwrap();
    let token = "eyJhbGciOiJFUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cn\
        VlfQ.\
        DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let refused = verify(token, &keys, &Expectation::new("JWT", "joe"), 1_300_819_000);
    assert_eq!(refused, Err(jose::JoseError::WrongType));
}

#[test]
fn the_half_hash_of_openid_connect_core_comes_out() {
    // Appendix A.3 (at_hash) and A.4 (c_hash).
    let access_token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    let code = "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk";
    for algorithm in [Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256] {
        assert_eq!(algorithm.left_half_hash(access_token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(algorithm.left_half_hash(code), "LDktKdoQak3Pk0cnXxCltA");
    }
    // Half of the SHA-512 of RFC 6234's "abc".
    assert_eq!(
        Algorithm::EdDsa.left_half_hash("abc"),
        "3a81oZNherrMQXNJriBBMRLm-k6JqX6iCp7u5ktV05o"
    );
}
