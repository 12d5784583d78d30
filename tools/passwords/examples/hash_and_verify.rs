//! Judges a few passwords, hashes one, verifies it, and shows what overload looks like.
//! Run with `cargo run -p chancery-passwords --example hash_and_verify`.

use std::error::Error;
use std::time::Instant;

use futures::future::join_all;
use passwords::{HashError, Hasher, Parameters, Policy};
use secrecy::SecretString;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    println!("what the default policy says to alice");
    let policy = Policy::default();
    for password in [
        "Tr0ub4dor&3",
        "P@ssw0rdP@ssw0rd",
        "qwertyuiop123456",
        "alice.alice.2026",
        "green tea at four o'clock",
    ] {
        match policy.check(password, &["alice"]) {
            Ok(()) => println!("  {password:28} accepted"),
            Err(weakness) => println!("  {password:28} {} ({})", weakness.reason(), weakness.code()),
        }
    }

    let hasher = Hasher::new(Parameters::default(), 2, 8)?;
    let password = SecretString::from("green tea at four o'clock");
    let stored = hasher.hash(&password).await?;
    println!("\nwhat is stored\n  {stored}");

    println!("\nwhat verifying says");
    for (who, attempt, stored) in [
        (
            "the right password",
            "green tea at four o'clock",
            Some(stored.as_str()),
        ),
        ("a wrong one", "green tea at five o'clock", Some(stored.as_str())),
        ("nobody of that name", "green tea at four o'clock", None),
    ] {
        let started = Instant::now();
        let verdict = hasher.verify(&SecretString::from(attempt), stored).await?;
        println!(
            "  {who:20} {verdict:?} after {} ms",
            started.elapsed().as_millis()
        );
    }

    println!("\nforty sign-ins at the same moment, two threads, a queue of eight");
    let answers = join_all((0..40).map(|_| hasher.verify(&password, Some(&stored)))).await;
    let served = answers.iter().filter(|answer| answer.is_ok()).count();
    println!("  {served} served");
    if let Some(Err(refusal @ HashError::Overloaded { .. })) = answers.iter().find(|answer| answer.is_err()) {
        println!("  {} refused at once: {refusal}", answers.len() - served);
    }
    Ok(())
}
