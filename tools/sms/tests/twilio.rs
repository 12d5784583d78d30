//! Twilio's API as its answers were recorded, played by a server on this machine: what we ask is what it wants, and what each answer means.

#![allow(clippy::unwrap_used, reason = "a test's steps fail by panicking")]

use std::{net::Ipv4Addr, time::Duration};

use outbound::{Outbound, Settings};
use sms::{Accepted, Access, Message, Messenger, SendError, SettingsError, Twilio};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use url::Url;

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const KEY: &str = "SK0123456789abcdef0123456789abcdef";
const ID: &str = "SM89abcdef0123456789abcdef01234567";
const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";

/// Answers one request, and tells which it was.
async fn playing(status: &str, headers: &str, body: &str) -> (Url, JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let asked = request(&mut stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        asked
    });
    (url, asked)
}

/// A request whole: its head, and as much body as that says.
async fn request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let mut piece = [0; 1_024];
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "a request ended too early: {text}");
        text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
}

fn client() -> Outbound {
    let settings = Settings {
        allow_private: vec!["127.0.0.1".parse().unwrap()],
        allow_http: true,
        total: Duration::from_secs(2),
        ..Settings::default()
    };
    Outbound::new(&settings).unwrap()
}

fn access(key: Option<&str>) -> Access {
    Access {
        account: ACCOUNT.to_owned(),
        key: key.map(str::to_owned),
        secret: "secret".to_owned().into(),
    }
}

fn twilio(url: &Url, key: Option<&str>, sender: &str) -> Twilio {
    Twilio::new(client(), url, &access(key), sender.parse().unwrap()).unwrap()
}

async fn send(twilio: &Twilio, text: &str, callback: Option<&Url>) -> Result<Accepted, SendError> {
    let to = "+41791234567".parse().unwrap();
    let message = Message {
        to: &to,
        text,
        seconds: 600,
        callback,
    };
    twilio.send(&message).await
}

fn taken() -> String {
    format!(
        r#"{{"account_sid": "{ACCOUNT}", "api_version": "2010-04-01", "body": "x", "date_created": "Thu, 24 Aug 2023 05:01:45 +0000",
        "date_sent": null, "direction": "outbound-api", "error_code": null, "error_message": null, "from": "+15005550006",
        "messaging_service_sid": null, "num_media": "0", "num_segments": "1", "price": null, "price_unit": null, "sid": "{ID}",
        "status": "queued", "subresource_uris": {{}}, "to": "+41791234567", "uri": "/2010-04-01/Accounts/{ACCOUNT}/Messages/{ID}.json"}}"#
    )
}

#[tokio::test]
async fn a_message_is_posted_as_the_account_and_its_name_is_told() {
    let (url, asked) = playing("201 CREATED", "", &taken()).await;
    let callback = "https://id.example/sms?a=b&c=d".parse().unwrap();
    let sent = send(
        &twilio(&url, None, "+15005550006"),
        "Your code: 123456 äöü&",
        Some(&callback),
    )
    .await;
    assert_eq!(sent, Ok(Accepted { id: ID.to_owned() }));
    let asked = asked.await.unwrap();
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with(&format!(
        "POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1\r\n"
    )));
    let head = head.to_ascii_lowercase();
    // base64 of the account, a colon and the secret.
    let basic =
        "authorization: basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpzZWNyZXQ=".to_ascii_lowercase();
    assert!(head.contains(&basic), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded"));
    assert_eq!(
        body,
        "To=%2B41791234567&From=%2B15005550006&Body=Your+code%3A+123456+%C3%A4%C3%B6%C3%BC%26&ValidityPeriod=600\
         &StatusCallback=https%3A%2F%2Fid.example%2Fsms%3Fa%3Db%26c%3Dd"
    );
}

#[tokio::test]
async fn a_key_may_ask_for_the_account_and_a_service_may_send() {
    let (url, asked) = playing("201 CREATED", "", &taken()).await;
    assert!(send(&twilio(&url, Some(KEY), SERVICE), "x", None).await.is_ok());
    let asked = asked.await.unwrap();
    assert!(asked.contains("Basic U0swMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpzZWNyZXQ="));
    assert!(asked.contains(&format!("/Accounts/{ACCOUNT}/Messages.json")));
    assert!(asked.ends_with(&format!(
        "To=%2B41791234567&MessagingServiceSid={SERVICE}&Body=x&ValidityPeriod=600"
    )));
}

async fn refused(status: &str, headers: &str, body: &str) -> SendError {
    let (url, asked) = playing(status, headers, body).await;
    let error = send(&twilio(&url, None, "+15005550006"), "x", None)
        .await
        .unwrap_err();
    asked.await.unwrap();
    assert!(!error.to_string().contains("791234567"), "{error}");
    error
}

/// As Twilio answers: its code, its words (which repeat the number), where more is told, the status.
fn code(status: u16, code: u32) -> String {
    format!(
        r#"{{"code": {code}, "message": "The 'To' number +41791234567 is not right.",
        "more_info": "https://www.twilio.com/docs/errors/{code}", "status": {status}}}"#
    )
}

#[tokio::test]
async fn what_may_go_through_later_is_told_with_when() {
    let busy = refused("429 Too Many Requests", "Retry-After: 7\r\n", &code(429, 20_429)).await;
    assert!(
        matches!(busy, SendError::Temporary { after: Some(after), .. } if after == Duration::from_secs(7))
    );
    let full = refused("400 Bad Request", "", &code(400, 21_611)).await;
    let away = refused("503 Service Unavailable", "", "<html>away</html>").await;
    let broken = refused("500 Internal Server Error", "", &code(500, 20_500)).await;
    for error in [busy, full, away, broken] {
        assert_eq!(error.kind(), "temporary");
        assert!(error.is_worth_another_try());
    }
}

#[tokio::test]
async fn what_never_goes_through_is_told_apart() {
    for (status, number, kind) in [
        ("400 Bad Request", 21_211, "number"),
        ("400 Bad Request", 21_614, "number"),
        ("400 Bad Request", 21_610, "opted_out"),
        ("400 Bad Request", 21_408, "region"),
        ("403 Forbidden", 21_408, "region"),
        ("400 Bad Request", 21_606, "configuration"),
        ("401 Unauthorized", 20_003, "configuration"),
        ("404 Not Found", 20_404, "configuration"),
        ("400 Bad Request", 21_617, "message"),
        ("400 Bad Request", 29_999, "refused"),
    ] {
        let error = refused(status, "", &code(400, number)).await;
        assert_eq!(error.kind(), kind, "{number}");
        assert!(!error.is_worth_another_try());
    }
    let failed = taken().replace(r#""error_code": null"#, r#""error_code": 30005"#);
    assert_eq!(
        refused("201 CREATED", "", &failed).await,
        SendError::Number(30_005)
    );
}

#[tokio::test]
async fn what_is_not_twilio_is_an_operators_matter() {
    let elsewhere = [
        refused("200 OK", "", "{}").await,
        refused("200 OK", "", "<html>").await,
        refused("201 CREATED", "", r#"{"sid": "../../x"}"#).await,
        refused("404 Not Found", "", "<html>").await,
        refused("302 Found", "Location: https://elsewhere.example/\r\n", "").await,
        refused("201 CREATED", "", &"x".repeat(40_000)).await,
    ];
    for error in elsewhere {
        assert_eq!(error.kind(), "configuration", "{error}");
    }
}

#[tokio::test]
async fn nobody_there_and_no_answer_are_temporary() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url: Url = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let twilio = twilio(&url, None, "Acme");
    let silent = send(&twilio, "x", None).await.unwrap_err();
    assert_eq!(silent.kind(), "temporary");
    drop(listener);
    assert_eq!(send(&twilio, "x", None).await.unwrap_err().kind(), "temporary");
}

#[tokio::test]
async fn what_cannot_be_a_message_troubles_nobody() {
    let twilio = twilio(&"http://127.0.0.1:9".parse().unwrap(), None, "Acme");
    let long = "ä".repeat(sms::TEXT + 1);
    assert_eq!(
        send(&twilio, &long, None).await,
        Err(SendError::Message("is too long"))
    );
    assert_eq!(
        send(&twilio, "", None).await,
        Err(SendError::Message("says nothing"))
    );
}

#[test]
fn settings_that_cannot_be_right_are_refused_and_no_secret_is_shown() {
    let url = "https://api.twilio.com".parse().unwrap();
    let opened = |change: fn(&mut Access)| {
        let mut access = access(None);
        change(&mut access);
        Twilio::new(client(), &url, &access, "Acme".parse().unwrap()).map(|twilio| format!("{twilio:?}"))
    };
    assert!(!opened(|_| ()).unwrap().contains("secret"));
    for (change, error) in [
        (
            (|access| access.account = "AC1".to_owned()) as fn(&mut Access),
            SettingsError::Account,
        ),
        (|access| access.account.push('/'), SettingsError::Account),
        (|access| access.key = Some(ACCOUNT.to_owned()), SettingsError::Key),
        (
            |access| access.secret = String::new().into(),
            SettingsError::Secret,
        ),
        (
            |access| access.secret = "a\nb".to_owned().into(),
            SettingsError::Secret,
        ),
    ] {
        assert_eq!(opened(change), Err(error));
    }
}
