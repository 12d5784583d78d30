//! Sends a message: `TWILIO_ACCOUNT=AC… TWILIO_TOKEN=… TWILIO_FROM=+15005550006 cargo run -p chancery-sms --example send -- +41791234567`.

use std::error::Error;

use outbound::{Outbound, Settings};
use sms::{Access, Message, Messenger, Twilio, twilio};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let access = Access {
        account: std::env::var("TWILIO_ACCOUNT")?,
        key: None,
        secret: std::env::var("TWILIO_TOKEN")?.into(),
    };
    let from = std::env::var("TWILIO_FROM")?.parse()?;
    let to = std::env::args().nth(1).ok_or("to whom?")?.parse()?;
    let client = Outbound::new(&Settings::default())?;
    let twilio = Twilio::new(client, &twilio::URL.parse()?, &access, from)?;
    let message = Message {
        to: &to,
        text: "Good day.",
        seconds: 600,
        callback: None,
    };
    match twilio.send(&message).await {
        Ok(accepted) => println!("taken as {}", accepted.id),
        Err(error) if error.is_worth_another_try() => println!("{error}: later, the same again"),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
