//! What a server does with a passkey, from one request to the next. The browser's part is `navigator.credentials`.
#![expect(clippy::print_stdout, reason = "it shows what it does")]

use std::time::Duration;

use passkeys::{Person, Policy, RelyingParty, UserVerification};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let origin = "https://id.example.org".parse()?;
    let party = RelyingParty::new("example.org", &[origin], "Example", Duration::from_mins(5))?;

    let alice = Person {
        handle: b"0198c7a0-0000",
        name: "alice",
        display_name: "Alice",
    };
    let (options, registration) = party.begin_registration(&alice, &[], &Policy::default())?;
    println!("navigator.credentials.create({options:#})");
    println!(
        "kept, sealed, until the answer: {}",
        serde_json::to_string(&registration)?
    );
    // let passkey = party.finish_registration(&answer, &registration)?;

    let (options, authentication) = party.begin_authentication(&[], UserVerification::Required)?;
    println!("navigator.credentials.get({options:#})");
    println!(
        "kept, sealed, until the answer: {}",
        serde_json::to_string(&authentication)?
    );
    // let assertion = passkeys::Assertion::parse(&answer)?;
    // let passkey = …            the record of assertion.credential_id(), and the handle of its user
    // let used = party.finish_authentication(&assertion, &authentication, &passkey, handle)?;
    Ok(())
}
