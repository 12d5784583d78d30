//! An account is enrolled and a code is checked: `cargo run -p chancery-totp --example enrol_and_check -- CODE`, with the
//! code of an application that read the URI.

use std::{env, time::SystemTime};

use totp::{Secret, qr_svg};

#[expect(clippy::disallowed_methods, reason = "an example has no clock of its own")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = Secret::parse("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")?;
    let uri = secret.uri("Example", "alice");
    println!(
        "{}\n{}\n{} bytes of SVG",
        *uri,
        *secret.groups(),
        qr_svg(&uri)?.len()
    );
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_secs();
    let code = env::args()
        .nth(1)
        .unwrap_or_else(|| secret.code(totp::step_of(now)).to_string());
    match secret.check(&code, now) {
        Some(step) => println!("{code} is the code of step {step}: to be accepted once"),
        None => println!("{code} is no code of now"),
    }
    Ok(())
}
