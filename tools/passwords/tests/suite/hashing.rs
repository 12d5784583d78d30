//! Hashing and verifying: known answers of another implementation, one form for one password, and hashes that
//! are not trusted.

use passwords::{HashError, Hasher, Parameters, Verdict};
use secrecy::SecretString;

const MATCH: Verdict = Verdict::Match { needs_rehash: false };
const OUTDATED: Verdict = Verdict::Match { needs_rehash: true };

/// Cheap enough for many, and with more than one lane and pass.
const CHEAP: Parameters = Parameters {
    memory_kib: 64,
    iterations: 2,
    parallelism: 2,
};

fn hasher() -> Hasher {
    Hasher::new(CHEAP, 1, 100).unwrap()
}

fn secret(password: &str) -> SecretString {
    SecretString::from(password)
}

#[tokio::test]
async fn what_was_hashed_is_verified_and_nothing_else() {
    let hasher = hasher();
    let stored = hasher.hash(&secret("green tea at four")).await.unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=64,t=2,p=2$"), "{stored}");
    assert_eq!(
        hasher.verify(&secret("green tea at four"), Some(&stored)).await,
        Ok(MATCH)
    );
    for wrong in [
        "green tea at five",
        "Green tea at four",
        "green tea at four ",
        "green tea at fou",
        "",
    ] {
        assert_eq!(
            hasher.verify(&secret(wrong), Some(&stored)).await,
            Ok(Verdict::Mismatch),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn each_hash_has_a_salt_of_its_own() {
    let hasher = hasher();
    let password = secret("green tea at four");
    let (one, other) = (
        hasher.hash(&password).await.unwrap(),
        hasher.hash(&password).await.unwrap(),
    );
    assert_ne!(one, other);
    let salt = |stored: &str| stored.split('$').nth(4).unwrap().to_owned();
    assert_ne!(salt(&one), salt(&other));
    assert_eq!(salt(&one).len(), 22, "128 bits");
}

/// From the tests of the reference implementation (phc-winner-argon2, src/test.c).
#[tokio::test]
async fn hashes_of_the_reference_implementation_are_verified() {
    let hasher = hasher();
    for stored in [
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
        // Version 1.0, which the reference implementation wrote without saying so.
        "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
    ] {
        assert_eq!(
            hasher.verify(&secret("password"), Some(stored)).await,
            Ok(OUTDATED),
            "{stored}"
        );
        assert_eq!(
            hasher.verify(&secret("sassword"), Some(stored)).await,
            Ok(Verdict::Mismatch),
            "{stored}"
        );
    }
}

#[tokio::test]
async fn one_password_is_one_password_however_it_was_typed() {
    let hasher = hasher();
    let stored = hasher
        .hash(&secret("Zoe\u{308} dr\u{fb01}nks \u{ff14} teas"))
        .await
        .unwrap();
    assert_eq!(
        hasher
            .verify(&secret("Zo\u{eb} drfinks 4 teas"), Some(&stored))
            .await,
        Ok(MATCH)
    );
    assert_eq!(
        hasher.verify(&secret("Zoe drfinks 4 teas"), Some(&stored)).await,
        Ok(Verdict::Mismatch)
    );
}

#[tokio::test]
async fn nothing_is_cut_off() {
    let hasher = hasher();
    let long = "é".repeat(4096);
    let stored = hasher.hash(&secret(&long)).await.unwrap();
    assert_eq!(hasher.verify(&secret(&long), Some(&stored)).await, Ok(MATCH));
    assert_eq!(
        hasher.verify(&secret(&format!("{long}!")), Some(&stored)).await,
        Ok(Verdict::Mismatch)
    );
    let stored = hasher.hash(&secret("before\0after")).await.unwrap();
    assert_eq!(
        hasher.verify(&secret("before"), Some(&stored)).await,
        Ok(Verdict::Mismatch)
    );
}

#[tokio::test]
async fn other_parameters_than_those_of_now_ask_for_a_new_hash() {
    let old = hasher().hash(&secret("green tea at four")).await.unwrap();
    for parameters in [
        Parameters {
            memory_kib: 128,
            ..CHEAP
        },
        Parameters {
            iterations: 3,
            ..CHEAP
        },
        Parameters {
            parallelism: 1,
            ..CHEAP
        },
    ] {
        let hasher = Hasher::new(parameters, 1, 4).unwrap();
        assert_eq!(
            hasher.verify(&secret("green tea at four"), Some(&old)).await,
            Ok(OUTDATED)
        );
        assert_eq!(
            hasher.verify(&secret("wrong"), Some(&old)).await,
            Ok(Verdict::Mismatch)
        );
    }
}

#[tokio::test]
async fn without_a_hash_no_password_matches() {
    let hasher = hasher();
    for password in ["", "password", "green tea at four"] {
        assert_eq!(
            hasher.verify(&secret(password), None).await,
            Ok(Verdict::Mismatch)
        );
    }
}

#[tokio::test]
async fn without_a_hash_the_same_work_is_done() {
    let hasher = Hasher::new(Parameters::default(), 1, 4).unwrap();
    let password = secret("green tea at four");
    let stored = hasher.hash(&password).await.unwrap();
    let mut fastest = [u128::MAX; 2];
    for _ in 0..5 {
        for (which, stored) in [Some(stored.as_str()), None].into_iter().enumerate() {
            let started = std::time::Instant::now();
            hasher.verify(&password, stored).await.unwrap();
            fastest[which] = fastest[which].min(started.elapsed().as_micros());
        }
    }
    let [known, unknown] = fastest;
    assert!(
        unknown * 2 > known && known * 2 > unknown,
        "{known} µs for a known user, {unknown} µs for nobody"
    );
}

#[tokio::test]
async fn a_malformed_hash_is_refused() {
    let hasher = hasher();
    for stored in [
        "",
        "password",
        "$2b$12$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
        "$scrypt$ln=15,r=8,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ",
        "$argon2id$v=19$m=64,t=2,p=1",
        "$argon2id$v=19$m=64,t=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=7,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=-1,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=99$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=2,p=1$c2E$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$AA",
        "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc$",
    ] {
        assert_eq!(
            hasher.verify(&secret("password"), Some(stored)).await,
            Err(HashError::MalformedHash),
            "{stored}"
        );
    }
}

#[tokio::test]
async fn a_hash_that_asks_for_absurd_work_is_refused_rather_than_executed() {
    let hasher = hasher();
    for costs in [
        "m=1048577,t=1,p=1",
        "m=4294967295,t=1,p=1",
        "m=64,t=4294967295,p=1",
        "m=1048576,t=5,p=1",
        "m=65536,t=1,p=256",
    ] {
        let stored =
            format!("$argon2id$v=19${costs}$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc");
        let started = std::time::Instant::now();
        assert_eq!(
            hasher.verify(&secret("password"), Some(&stored)).await,
            Err(HashError::ExcessiveParameters),
            "{costs}"
        );
        assert!(started.elapsed().as_millis() < 100, "{costs}");
    }
}

#[test]
fn impossible_or_absurd_parameters_are_refused() {
    for (memory_kib, iterations, parallelism) in [
        (0, 2, 1),
        (19_456, 0, 1),
        (19_456, 2, 0),
        (8, 2, 2),
        (2_097_152, 1, 1),
        (1_048_576, 5, 1),
    ] {
        let parameters = Parameters {
            memory_kib,
            iterations,
            parallelism,
        };
        assert_eq!(
            Hasher::new(parameters, 1, 1).err(),
            Some(HashError::InvalidParameters),
            "{parameters:?}"
        );
    }
}

#[test]
fn the_default_is_the_recommendation() {
    assert!(Parameters::default().meets_recommendation());
    assert!(!CHEAP.meets_recommendation());
    assert!(
        !Parameters {
            iterations: 1,
            ..Parameters::default()
        }
        .meets_recommendation()
    );
    let read: Parameters = serde_json::from_str(r#"{"memory_kib": 65536}"#).unwrap();
    assert_eq!(
        read,
        Parameters {
            memory_kib: 65_536,
            iterations: 2,
            parallelism: 1
        }
    );
    assert!(serde_json::from_str::<Parameters>(r#"{"memory": 65536}"#).is_err());
}
