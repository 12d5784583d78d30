//! Signs an access token, publishes the key as a JWK Set, and verifies the token with nothing but that set.
//! Run with `cargo run -p chancery-jose --example sign_and_verify`.

use std::error::Error;

use jose::{Algorithm, Expectation, Jwks, KeySet, SigningKey, verify};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct AccessToken {
    iss: String,
    sub: String,
    aud: String,
    iat: i64,
    exp: i64,
    scope: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    // The library reads no clock: time is an argument.
    let now = 1_800_000_000;

    // The issuer: a key, and a token of five minutes.
    let key = SigningKey::generate(Algorithm::Es256)?;
    let token = key.sign(
        "at+jwt",
        &AccessToken {
            iss: "https://id.example/realms/demo".into(),
            sub: "0190a0c4-6b1e-7c3a-9f0e-2d6b5a4c3e21".into(),
            aud: "https://orders.example".into(),
            iat: now,
            exp: now + 300,
            scope: "orders:read".into(),
        },
    )?;
    println!("token\n  {token}\n");

    // What travels between the two: the public half, as JSON.
    let published = serde_json::to_string_pretty(&Jwks {
        keys: vec![key.public_jwk()],
    })?;
    println!("JWK Set\n{published}\n");

    // The resource server: believes what it expected, and nothing else.
    let keys = KeySet::from_jwks(&serde_json::from_str(&published)?)?;
    let expect =
        Expectation::new("at+jwt", "https://id.example/realms/demo").audience("https://orders.example");
    let claims = verify(&token, &keys, &expect, now + 10)?;
    println!("believed\n  {:?}\n", claims.deserialize::<AccessToken>()?);

    for (what, refused) in [
        ("five minutes later", verify(&token, &keys, &expect, now + 300)),
        (
            "as an id token",
            verify(
                &token,
                &keys,
                &Expectation::new("JWT", "https://id.example/realms/demo"),
                now,
            ),
        ),
        (
            "with a key of somebody else",
            verify(&token, &KeySet::default(), &expect, now),
        ),
        (
            "cut short",
            verify(&token[..token.len() - 1], &keys, &expect, now),
        ),
    ] {
        match refused {
            Ok(_) => return Err("a token was believed that should not be".into()),
            Err(error) => println!("refused {what}: {error} ({})", error.code()),
        }
    }
    Ok(())
}
