//! What Twilio tells later of a message (`StatusCallback`). The rules: nothing is read before the signature is found right
//! (`X-Twilio-Signature`: HMAC-SHA1 over the URL as Twilio was told it and all parameters by name, under the account's token); a
//! parameter that we read stands there once.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    SendError,
    twilio::{is_sid, meaning},
};

/// The header with the signature.
pub const SIGNATURE: &str = "x-twilio-signature";
/// The longest body of a report, in bytes: they have a few hundred.
pub const BODY: usize = 16 * 1024;

/// Why a request is not a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// It is not signed under the account's token for this URL, or it was changed.
    #[error("the signature is not the account's")]
    Signature,
    /// It is signed, and says nothing of a message.
    #[error("says nothing of a message")]
    Content,
}

/// Where a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// On its way to the phone.
    Underway,
    /// The phone's carrier took it.
    Sent,
    /// The phone has it.
    Delivered,
    /// It does not arrive.
    Failed(SendError),
}

/// What Twilio tells of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// By what Twilio names the message: [`Accepted::id`](crate::Accepted).
    pub id: String,
    /// Where it is.
    pub state: State,
}

/// Reads a report that was posted to a URL, which is the one that Twilio was told, to the letter.
pub fn read(url: &str, signature: &str, body: &[u8], token: &SecretString) -> Result<Report, CallbackError> {
    if body.len() > BODY {
        return Err(CallbackError::Content);
    }
    let parameters = parsed(body);
    let signature = STANDARD.decode(signature).map_err(|_| CallbackError::Signature)?;
    let key = hmac::Key::new(
        hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        token.expose_secret().as_bytes(),
    );
    hmac::verify(&key, signed(url, &parameters).as_bytes(), &signature)
        .map_err(|_| CallbackError::Signature)?;
    report(&parameters).ok_or(CallbackError::Content)
}

/// The parameters by name, and those of one name by value.
fn parsed(body: &[u8]) -> Vec<(String, String)> {
    let mut parameters: Vec<_> = form_urlencoded::parse(body).into_owned().collect();
    parameters.sort_unstable();
    parameters
}

/// What is signed: the URL, and each name with its value. One that stands there twice is signed once.
fn signed(url: &str, parameters: &[(String, String)]) -> String {
    let mut signed = url.to_owned();
    let mut last = None;
    for parameter in parameters {
        if last != Some(parameter) {
            signed.push_str(&parameter.0);
            signed.push_str(&parameter.1);
        }
        last = Some(parameter);
    }
    signed
}

fn report(parameters: &[(String, String)]) -> Option<Report> {
    let id = only(parameters, "MessageSid")?.filter(|sid| is_sid("SM", sid) || is_sid("MM", sid))?;
    let code = only(parameters, "ErrorCode")?
        .map(str::parse::<u32>)
        .transpose()
        .ok()?;
    let state = match only(parameters, "MessageStatus")?? {
        "accepted" | "scheduled" | "queued" | "sending" => State::Underway,
        "sent" => State::Sent,
        "delivered" | "read" => State::Delivered,
        "undelivered" | "failed" | "canceled" => State::Failed(code.map_or(SendError::Refused(0), meaning)),
        _ => return None,
    };
    Some(Report {
        id: id.to_owned(),
        state,
    })
}

/// The value of a parameter, if there is one; nothing at all if there are two.
#[expect(clippy::option_option, reason = "that there are two is neither none nor one")]
fn only<'a>(parameters: &'a [(String, String)], name: &str) -> Option<Option<&'a str>> {
    let mut values = parameters.iter().filter(|(given, _)| given == name);
    let value = values
        .next()
        .map(|(_, value)| value.as_str())
        .filter(|value| !value.is_empty());
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://id.example/realms/acme/sms/reports/1";
    const ID: &str = "SM0123456789abcdef0123456789abcdef";

    fn token() -> SecretString {
        "12345".to_owned().into()
    }

    fn sign(url: &str, body: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"12345");
        let tag = hmac::sign(&key, signed(url, &parsed(body.as_bytes())).as_bytes());
        STANDARD.encode(tag.as_ref())
    }

    fn told(body: &str) -> Result<State, CallbackError> {
        let report = read(URL, &sign(URL, body), body.as_bytes(), &token())?;
        assert_eq!(report.id, ID);
        Ok(report.state)
    }

    /// The examples that Twilio publishes with its libraries. They are of calls: what is right is told from what is read.
    #[test]
    fn signatures_are_those_of_twilios_examples() {
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        for (caller, signature) in [
            ("14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
            ("14158675310", "GvWf1cFY/Q7PnoempGyD5oXAezc="),
        ] {
            let body = format!(
                "Digits=1234&To=%2B18005551212&From=%2B{caller}&Caller=%2B{caller}&CallSid=CA1234567890ABCDE"
            );
            let judged = |url: &str, signature: &str, body: &str, token: &SecretString| {
                read(url, signature, body.as_bytes(), token).unwrap_err()
            };
            assert_eq!(judged(url, signature, &body, &token()), CallbackError::Content);
            let (more, other) = (format!("{body}&x=1"), "54321".to_owned().into());
            for wrong in [
                judged(url, signature, &more, &token()),
                judged(url, signature, &body, &other),
                judged(
                    "https://mycompany.com/myapp.php?foo=1",
                    signature,
                    &body,
                    &token(),
                ),
                judged(url, &signature[4..], &body, &token()),
                judged(url, "", &body, &token()),
                judged(url, "no base64", &body, &token()),
            ] {
                assert_eq!(wrong, CallbackError::Signature);
            }
        }
    }

    #[test]
    fn a_report_tells_where_a_message_is() {
        for (status, state) in [
            ("queued", State::Underway),
            ("sent", State::Sent),
            ("delivered", State::Delivered),
            ("failed", State::Failed(SendError::Refused(0))),
            (
                "undelivered&ErrorCode=30005",
                State::Failed(SendError::Number(30_005)),
            ),
            (
                "undelivered&ErrorCode=30004",
                State::Failed(SendError::OptedOut(30_004)),
            ),
            (
                "failed&ErrorCode=30007",
                State::Failed(SendError::Refused(30_007)),
            ),
        ] {
            let body = format!("MessageSid={ID}&AccountSid=AC1&To=%2B41791234567&MessageStatus={status}");
            assert_eq!(told(&body), Ok(state), "{status}");
        }
        let Ok(State::Failed(away)) = told(&format!(
            "MessageSid={ID}&MessageStatus=undelivered&ErrorCode=30003"
        )) else {
            panic!("a phone that is off");
        };
        assert!(away.is_worth_another_try());
    }

    #[test]
    fn what_is_signed_and_unclear_is_no_report() {
        for body in [
            String::new(),
            format!("MessageSid={ID}"),
            format!("MessageSid={ID}&MessageStatus=lost"),
            format!("MessageSid={ID}&MessageStatus=sent&MessageStatus=delivered"),
            format!("MessageSid={ID}&MessageSid={ID}&MessageStatus=sent"),
            format!("MessageSid={ID}&MessageStatus=failed&ErrorCode=much"),
            "MessageSid=SM1&MessageStatus=sent".to_owned(),
        ] {
            assert_eq!(told(&body), Err(CallbackError::Content), "{body}");
        }
        let long = format!("MessageSid={ID}&MessageStatus=sent&x={}", "x".repeat(BODY));
        assert_eq!(told(&long), Err(CallbackError::Content));
    }
}
