//! Tokens before two libraries that we did not write: npm's jose (`journeys/jose_libraries.mjs`) and PyPI's joserfc
//! (`journeys/jose_libraries.py`). They believe every kind of token that we sign and decrypt all that we encrypt; we believe what
//! they sign. Where they are not installed, this is said loudly; with `CI=true` it fails.
#![expect(clippy::expect_used, reason = "a test")]

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use jose::{
    Algorithm, Expectation, ForeignKeys, Jwks, SigningKey, dpop,
    jwe::{ContentEncryption, EncryptionKey, KeyManagement},
    verify_foreign, verify_with_secret,
};
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://id.example/realms/demo";
const TOKEN_ENDPOINT: &str = "https://id.example/realms/demo/oauth2/token";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("journeys")
}

/// A library, and how its script is run.
struct Library {
    program: PathBuf,
    script: &'static str,
}

impl Library {
    /// The library, if what it needs is there.
    fn installed(program: PathBuf, script: &'static str, needed: &str) -> Option<Self> {
        if folder().join(needed).exists() {
            return Some(Self { program, script });
        }
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "tests/journeys/{needed} is missing: run tools/test"
        );
        eprintln!("\n=== SKIPPED: tests/journeys/{needed} is missing; tools/test sets it up ===\n");
        None
    }

    /// Runs one stage of the script, and reads what it printed.
    fn run(&self, journey: &Value) -> Value {
        let output = Command::new(&self.program)
            .arg(self.script)
            .current_dir(folder())
            .env("JOURNEY", journey.to_string())
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(
            output.status.success(),
            "{} ended with {}\n{out}\n{err}",
            self.script,
            output.status
        );
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{}: {error}\n{out}\n{err}", self.script))
    }
}

#[test]
fn npm_jose_and_we_agree_on_every_token() {
    if let Some(library) = Library::installed("node".into(), "jose_libraries.mjs", "node_modules/jose") {
        agree(&library);
    }
}

#[test]
fn pypi_joserfc_and_we_agree_on_every_token() {
    let python = ".venv/bin/python";
    if let Some(library) = Library::installed(folder().join(python), "jose_libraries.py", python) {
        agree(&library);
    }
}

fn agree(library: &Library) {
    let made = library.run(&json!({
        "stage": "make",
        "algorithms": Algorithm::ALL,
        "assertion": {
            "iss": "client", "sub": "client", "aud": ISSUER, "jti": "j-1", "iat": NOW, "exp": NOW + 60,
        },
        "proof": { "jti": "p-1", "htm": "POST", "htu": TOKEN_ENDPOINT, "iat": NOW },
        "secret": SECRET,
    }));
    what_they_sign_we_believe(&made);
    let signers = Algorithm::ALL.map(|algorithm| SigningKey::generate(algorithm).expect("a key"));
    let claims =
        json!({ "iss": ISSUER, "sub": "алиса", "aud": "orders", "iat": NOW, "exp": 9_999_999_999_i64 });
    let mut tokens = Vec::new();
    for typ in ["at+jwt", "JWT", "logout+jwt", "token-introspection+jwt"] {
        for signer in &signers {
            let token = signer.sign(typ, &claims).expect("a token");
            tokens.push(json!({ "token": token, "alg": signer.algorithm(), "typ": typ }));
        }
    }
    let encrypted = encrypted(
        &made["recipients"],
        &signers[0].sign("JWT", &claims).expect("a token"),
        &claims,
    );
    let checked = library.run(&json!({
        "stage": "check",
        "issuer": ISSUER,
        "jwks": signers.iter().map(SigningKey::public_jwk).collect::<Jwks>(),
        "claims": claims,
        "tokens": tokens,
        "private": made["private"],
        "encrypted": encrypted,
    }));
    // 4 types by 4 algorithms; 5 kinds of key management by 4 encryptions, with a token and with claims.
    assert_eq!(checked, json!({ "tokens": 16, "encrypted": 40 }));
}

fn what_they_sign_we_believe(made: &Value) {
    let set = json!({ "keys": made["keys"] }).to_string();
    let set = Jwks::parse(set.as_bytes()).expect("their keys are read");
    let keys = ForeignKeys::from_jwks(&set).expect("their keys are used");
    let expect = Expectation::client_assertion("client", [ISSUER]);
    for (at, algorithm) in Algorithm::ALL.into_iter().enumerate() {
        let assertion = made["assertions"][at].as_str().expect("a token");
        let believed = verify_foreign(assertion, &keys, &[algorithm], &expect, NOW)
            .unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        assert_eq!(believed.token_id(), Some("j-1"));
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            verify_foreign(assertion, &keys, &[other], &expect, NOW).expect_err("another algorithm");
        }
        let request = dpop::Expectation {
            method: "POST",
            url: TOKEN_ENDPOINT,
            access_token: None,
            now_secs: NOW,
            max_age_secs: 60,
        };
        let proof = dpop::verify(made["proofs"][at].as_str().expect("a proof"), &request)
            .unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        assert_eq!(made["thumbprints"][at], *proof.thumbprint);
        assert_eq!(set.keys[at].thumbprint().as_deref(), Ok(&*proof.thumbprint));
    }
    let by_secret = made["by_secret"].as_str().expect("a token");
    verify_with_secret(by_secret, SECRET.as_bytes(), &expect, NOW).expect("HS256");
    verify_foreign(by_secret, &keys, &Algorithm::ALL, &expect, NOW).expect_err("no key is a secret");
}

/// A nested token and bare claims, encrypted in every way to the recipients.
fn encrypted(recipients: &Value, token: &str, claims: &Value) -> Vec<Value> {
    let recipients = json!({ "keys": recipients }).to_string();
    let recipients = Jwks::parse(recipients.as_bytes()).expect("their keys are read");
    let mut encrypted = Vec::new();
    for algorithm in KeyManagement::ALL {
        let key = EncryptionKey::choose(&recipients, algorithm).expect("a key");
        let kty = if algorithm.as_str().starts_with("RSA") {
            "RSA"
        } else {
            "EC"
        };
        for encryption in ContentEncryption::ALL {
            for (sealed, content, cty) in [
                (
                    key.encrypt_token(encryption, token),
                    token.to_owned(),
                    Some("JWT"),
                ),
                (key.encrypt_claims(encryption, claims), claims.to_string(), None),
            ] {
                let sealed = sealed.unwrap_or_else(|error| panic!("{algorithm} {encryption}: {error}"));
                encrypted.push(json!({
                    "token": sealed, "alg": algorithm, "enc": encryption, "kty": kty,
                    "content": content, "cty": cty,
                }));
            }
        }
    }
    encrypted
}
