//! Sends a letter: `SMTP_URL=smtp://localhost:1025?tls=none cargo run -p chancery-mailer --example send -- to@example.org`.

use std::{error::Error, time::SystemTime};

use mailer::{Letter, Mailer, ServerUrl, Timeouts};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = ServerUrl::parse(&std::env::var("SMTP_URL")?.into())?;
    let to = std::env::args().nth(1).ok_or("to whom?")?.parse()?;
    let from = "Chancery <no-reply@example.org>".parse()?;
    let mailer = Mailer::new(server, from, None, Timeouts::default())?;
    // The library reads no clock: time is an argument.
    let letter = Letter {
        id: "an-example",
        to: &to,
        from_name: None,
        subject: "A letter",
        text: "Good day.",
        html: "<p>Good day.</p>",
        picture: None,
        language: "en",
        #[expect(clippy::disallowed_methods, reason = "an example has no other clock")]
        written: SystemTime::now(),
    };
    match mailer.send(&letter).await {
        Ok(()) => println!("sent"),
        Err(error) if error.is_worth_another_try() => println!("{error}: later, the same letter again"),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
