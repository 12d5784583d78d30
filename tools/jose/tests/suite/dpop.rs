//! DPoP proofs: RFC 9449's own examples are believed, and every flaw in a proof that is otherwise in order is
//! refused.

use aws_lc_rs::digest::{SHA256, digest};
use jose::dpop::{Expectation, Proof, verify};
use jose::{Algorithm, JoseError, Jwk, SigningKey};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{EDDSA, ES256, NOW, RS256, encode, signed_by, signers};

const URL: &str = "https://id.example/realms/demo/token";
const ACCESS_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

const REQUEST: Expectation<'static> = Expectation {
    method: "POST",
    url: URL,
    access_token: None,
    now_secs: NOW,
    max_age_secs: 60,
};

fn bare(signer: &SigningKey) -> Jwk {
    Jwk {
        kid: None,
        alg: None,
        key_use: None,
        ..signer.public_jwk()
    }
}

fn header(signer: &SigningKey) -> Value {
    json!({ "typ": "dpop+jwt", "alg": signer.algorithm(), "jwk": bare(signer) })
}

fn claims() -> Value {
    json!({ "jti": "p-1", "htm": "POST", "htu": URL, "iat": NOW })
}

fn with(mut object: Value, name: &str, value: Option<Value>) -> Value {
    let members = object.as_object_mut().unwrap();
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    object
}

fn proof(header: &Value, claims: &Value) -> String {
    signed_by(&ES256, &header.to_string(), &claims.to_string())
}

/// What becomes of a proof with one claim set to something else, or (`None`) left out.
fn with_claim(name: &str, value: Option<Value>) -> Result<(), JoseError> {
    verify(&proof(&header(&ES256), &with(claims(), name, value)), &REQUEST).map(|_| ())
}

/// What becomes of a proof with one member of the header set to something else, or (`None`) left out.
fn with_header(name: &str, value: Option<Value>) -> Result<(), JoseError> {
    verify(&proof(&with(header(&ES256), name, value), &claims()), &REQUEST).map(|_| ())
}

/// RFC 9449 figures 2 and 12: a proof for the token endpoint, and one with `ath`.
#[test]
fn the_proofs_of_rfc_9449_are_believed() {
    const HEADER: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMz\
        R0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2\
        R1JEQSIsImNydiI6IlAtMjU2In19";
    let token_request = format!(
        "{HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29\
         tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNy\
         JK70nfbV37xRZT3Lg"
    );
    let expect = Expectation {
        method: "POST",
        url: "https://server.example.com/token",
        access_token: None,
        now_secs: 1_562_262_616,
        max_age_secs: 60,
    };
    let believed = verify(&token_request, &expect).unwrap();
    assert_eq!(
        believed,
        Proof {
            thumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".into(),
            jti: "-BwC3ESc6acc2lTc".into(),
            nonce: None,
            issued_at: 1_562_262_616,
            algorithm: Algorithm::Es256,
        },
        "cnf.jkt of figure 9"
    );
    let resource_request = format!(
        "{HEADER}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9\
         yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUl\
         pS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
    );
    let expect = Expectation {
        method: "GET",
        url: "https://resource.example.org/protectedresource",
        access_token: Some(ACCESS_TOKEN),
        now_secs: 1_562_262_618,
        max_age_secs: 60,
    };
    assert!(verify(&resource_request, &expect).is_ok());
    let another = Expectation {
        access_token: Some("another"),
        ..expect
    };
    assert_eq!(
        verify(&resource_request, &another),
        Err(JoseError::WrongAccessToken)
    );
    assert_eq!(
        verify(
            &token_request,
            &Expectation {
                access_token: Some(ACCESS_TOKEN),
                ..REQUEST
            }
        ),
        Err(JoseError::WrongUrl)
    );
}

#[test]
fn a_proof_of_each_algorithm_is_believed_and_tells_its_key() {
    for signer in signers() {
        let claims = with(claims(), "nonce", Some(json!("n-1")));
        let proof = signed_by(signer, &header(signer).to_string(), &claims.to_string());
        let believed = verify(&proof, &REQUEST).unwrap();
        assert_eq!(believed.thumbprint, bare(signer).thumbprint().unwrap());
        assert_eq!(
            (believed.jti.as_str(), believed.nonce.as_deref()),
            ("p-1", Some("n-1"))
        );
        assert_eq!(believed.algorithm, signer.algorithm());
    }
}

#[test]
fn a_header_that_is_not_that_of_a_proof() {
    for typ in [None, Some(json!("JWT")), Some(json!("at+jwt")), Some(json!(""))] {
        assert_eq!(with_header("typ", typ), Err(JoseError::WrongType));
    }
    for alg in ["none", "HS256", "ES384", "es256"] {
        assert_eq!(
            with_header("alg", Some(json!(alg))),
            Err(JoseError::AlgorithmMismatch),
            "{alg}"
        );
    }
    assert_eq!(with_header("alg", None), Err(JoseError::AlgorithmMismatch));
    assert_eq!(
        with_header("alg", Some(json!("RS256"))),
        Err(JoseError::UnsupportedKey)
    );
    assert_eq!(
        with_header("jwk", Some(json!(bare(&EDDSA)))),
        Err(JoseError::UnsupportedKey),
        "of another algorithm"
    );
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    assert_eq!(
        with_header("jwk", Some(json!(bare(&stranger)))),
        Err(JoseError::InvalidSignature)
    );
    for name in ["jku", "x5u", "x5c", "crit", "zip", "b64"] {
        assert_eq!(
            with_header(name, Some(json!("x"))),
            Err(JoseError::ForbiddenHeader(name))
        );
    }
}

#[test]
fn a_key_that_is_not_a_good_public_one() {
    assert_eq!(with_header("jwk", None), Err(JoseError::InvalidKey));
    for value in [
        json!(null),
        json!("x"),
        json!([]),
        json!({}),
        json!({ "kty": "oct", "k": "c2VjcmV0" }),
    ] {
        assert_eq!(with_header("jwk", Some(value)), Err(JoseError::InvalidKey));
    }
    let key = json!(bare(&ES256));
    assert_eq!(
        with_header("jwk", Some(with(key.clone(), "d", Some(json!("c2VjcmV0"))))),
        Err(JoseError::InvalidKey),
        "private"
    );
    let x = key["x"].clone();
    assert_eq!(
        with_header("jwk", Some(with(key.clone(), "y", Some(x)))),
        Err(JoseError::InvalidKey),
        "not on the curve"
    );
    assert_eq!(
        with_header("jwk", Some(with(key, "use", Some(json!("enc"))))),
        Err(JoseError::UnsupportedKey)
    );
    let weak = with(json!(bare(&RS256)), "n", Some(json!(encode([0xff; 128]))));
    let header = json!({ "typ": "dpop+jwt", "alg": "RS256", "jwk": weak }).to_string();
    let proof = signed_by(&RS256, &header, &claims().to_string());
    assert_eq!(verify(&proof, &REQUEST), Err(JoseError::InvalidKey));
}

#[test]
fn a_proof_for_another_request() {
    assert_eq!(with_claim("htm", Some(json!("GET"))), Err(JoseError::WrongMethod));
    assert_eq!(
        with_claim("htm", Some(json!("post"))),
        Err(JoseError::WrongMethod)
    );
    assert_eq!(with_claim("htm", None), Err(JoseError::InvalidClaim("htm")));
    assert_eq!(with_claim("htu", None), Err(JoseError::InvalidClaim("htu")));
    for same in [
        "HTTPS://ID.example/realms/demo/token",
        "https://id.example:443/realms/demo/token",
        "https://id.example/realms/./x/../demo/token",
        "https://id.example/realms/%64emo/%74oken",
        "https://id.example/realms/demo/token?a=b#c",
    ] {
        assert_eq!(with_claim("htu", Some(json!(same))), Ok(()), "{same}");
    }
    for other in [
        "http://id.example/realms/demo/token",
        "https://id.example:444/realms/demo/token",
        "https://id.example/realms/Demo/token",
        "https://id.example/realms/demo/token/",
        "https://id.example/realms/demo%2Ftoken",
        "https://id.example/realms/demo/%2574oken",
        "https://id.example.evil/realms/demo/token",
    ] {
        assert_eq!(
            with_claim("htu", Some(json!(other))),
            Err(JoseError::WrongUrl),
            "{other}"
        );
    }
    for malformed in [
        json!(7),
        json!(""),
        json!("/realms/demo/token"),
        json!("https://user@id.example/realms/demo/token"),
        json!(" https://id.example/realms/demo/token"),
        json!("https:\\\\id.example\\realms\\demo\\token"),
        json!("https://id.example/realms/de\nmo/token"),
        json!("ftp://id.example/realms/demo/token"),
    ] {
        assert_eq!(
            with_claim("htu", Some(malformed.clone())),
            Err(JoseError::InvalidClaim("htu")),
            "{malformed}"
        );
    }
    let escaped = Expectation {
        url: "https://id.example/a%c3%a9%7e",
        ..REQUEST
    };
    let proof = proof(
        &header(&ES256),
        &with(claims(), "htu", Some(json!("https://id.example/a%C3%A9~"))),
    );
    assert!(verify(&proof, &escaped).is_ok());
}

#[test]
fn a_proof_of_another_time_or_without_an_id() {
    for (ahead, verdict) in [
        (30, Ok(())),
        (31, Err(JoseError::IssuedInFuture)),
        (-60, Ok(())),
        (-61, Err(JoseError::TooOld)),
    ] {
        assert_eq!(with_claim("iat", Some(json!(NOW + ahead))), verdict, "{ahead}");
    }
    for value in [json!("1800000000"), json!(null), json!([NOW]), json!(true)] {
        assert_eq!(
            with_claim("iat", Some(value)),
            Err(JoseError::InvalidClaim("iat"))
        );
    }
    assert_eq!(
        with_claim("iat", Some(json!(1e300))),
        Err(JoseError::IssuedInFuture)
    );
    assert_eq!(with_claim("iat", Some(json!(-1e300))), Err(JoseError::TooOld));
    assert_eq!(with_claim("iat", None), Err(JoseError::InvalidClaim("iat")));
    for value in [json!(""), json!(1), json!(null), json!("x".repeat(257))] {
        assert_eq!(
            with_claim("jti", Some(value.clone())),
            Err(JoseError::InvalidClaim("jti"))
        );
        assert_eq!(
            with_claim("nonce", Some(value)),
            Err(JoseError::InvalidClaim("nonce"))
        );
    }
    assert_eq!(with_claim("jti", None), Err(JoseError::InvalidClaim("jti")));
    assert_eq!(with_claim("jti", Some(json!("x".repeat(256)))), Ok(()));
    let twice = claims().to_string().replacen('{', r#"{"htm":"GET","#, 1);
    assert_eq!(
        verify(&signed_by(&ES256, &header(&ES256).to_string(), &twice), &REQUEST),
        Err(JoseError::InvalidPayload)
    );
}

#[test]
fn the_hash_of_the_access_token_where_one_is_used() {
    let expect = Expectation {
        access_token: Some(ACCESS_TOKEN),
        ..REQUEST
    };
    let judged = |ath: Option<Value>| {
        verify(&proof(&header(&ES256), &with(claims(), "ath", ath)), &expect).map(|_| ())
    };
    let hash = encode(digest(&SHA256, ACCESS_TOKEN.as_bytes()));
    assert_eq!(judged(Some(json!(hash))), Ok(()));
    assert_eq!(judged(None), Err(JoseError::InvalidClaim("ath")));
    assert_eq!(judged(Some(json!([hash]))), Err(JoseError::InvalidClaim("ath")));
    for other in [String::new(), format!("{hash}="), ACCESS_TOKEN.to_owned()] {
        assert_eq!(judged(Some(json!(other))), Err(JoseError::WrongAccessToken));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_a_proof(text in "\\PC*", (a, b, c) in any::<(Vec<u8>, Vec<u8>, Vec<u8>)>()) {
        prop_assert!(verify(&text, &REQUEST).is_err());
        let parts = format!("{}.{}.{}", encode(a), encode(b), encode(c));
        prop_assert!(verify(&parts, &REQUEST).is_err());
    }

    #[test]
    fn no_damaged_proof_is_believed(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let good = proof(&header(&ES256), &claims());
        let mut bytes = good.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let damaged = String::from_utf8_lossy(&bytes);
        prop_assert_eq!(verify(&damaged, &REQUEST).is_ok(), damaged == good);
    }

    #[test]
    fn no_address_makes_a_panic_and_none_is_another(htu in "https://id\\.example/[%a-zé0-9./]{0,20}") {
        let judged = with_claim("htu", Some(json!(htu)));
        prop_assert!(judged.is_err(), "{}", htu);
    }
}
