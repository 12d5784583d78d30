//! The mailer before a mail server that we did not write: what arrives is what was meant, over each kind of connection, and each
//! kind of refusal is told for what it is.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use chancery_tests::harness::MailServer;
use mailer::{Letter, Mailer, SendError, ServerUrl, Timeouts};
use serde_json::{Value, json};
use tempfile::TempDir;

fn mailer(url: &str, from: &str, roots: Option<&Path>) -> Mailer {
    let timeouts = Timeouts {
        step: Duration::from_secs(5),
        whole: Duration::from_secs(3),
    };
    let server = ServerUrl::parse(&url.to_owned().into()).unwrap();
    Mailer::new(server, from.parse().unwrap(), roots, timeouts).unwrap()
}

async fn send(mailer: &Mailer, to: &str, subject: &str) -> Result<(), SendError> {
    let to = to.parse().unwrap();
    let letter = Letter {
        id: "0198-0001",
        to: &to,
        from_name: Some("Übersee, Inc."),
        subject,
        text: "Guten Tag,\n.\n..\nFrom here: 世界\n",
        html: "<p>Guten Tag, 世界</p>\n",
        picture: None,
        language: "de",
        written: SystemTime::UNIX_EPOCH + Duration::from_hours(500_000),
    };
    mailer.send(&letter).await
}

/// A certificate of 127.0.0.1 and localhost in a folder, as files.
fn certificate(folder: &TempDir) -> (Value, std::path::PathBuf) {
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (json!({ "certificate": certificate, "key": key }), certificate)
}

fn with(mut journey: Value, more: Value) -> Value {
    journey
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    journey
}

#[tokio::test]
async fn what_arrives_is_what_was_meant() {
    let Some(server) = MailServer::start() else { return };
    let mailer = mailer(&server.url(), "Acme <no-reply@acme.example>", None);
    mailer.check().await.unwrap();
    send(&mailer, "bob@example.org", "Grüße \u{4e16}\u{754c}")
        .await
        .unwrap();
    let letter = server.next();
    assert_eq!(letter.0["from"], "no-reply@acme.example");
    assert_eq!(letter.0["to"], json!(["bob@example.org"]));
    assert_eq!(letter.subject(), "Grüße \u{4e16}\u{754c}");
    assert_eq!(letter.text(), "Guten Tag,\n.\n..\nFrom here: 世界\n");
    assert_eq!(letter.html(), "<p>Guten Tag, 世界</p>\n");
    assert_eq!(letter.header("Message-ID"), ["<0198-0001@acme.example>"]);
    assert_eq!(letter.header("Auto-Submitted"), ["auto-generated"]);
    let from = letter.header("From").concat();
    assert!(
        from.contains("Übersee, Inc.") && from.ends_with("<no-reply@acme.example>"),
        "{from}"
    );
    // An address outside ASCII, where the server takes such; a domain of that kind is sent to by its ASCII name.
    send(&mailer, "zoë@bücher.example", "x").await.unwrap();
    assert_eq!(server.next().to(), "zoë@xn--bcher-kva.example");
}

#[tokio::test]
async fn a_server_of_another_alphabet_is_not_sent_what_it_cannot_read() {
    let Some(server) = MailServer::with(&json!({ "utf8": false })) else {
        return;
    };
    let mailer = mailer(&server.url(), "a@acme.example", None);
    let refused = send(&mailer, "zoë@example.org", "x").await.unwrap_err();
    assert!(matches!(refused, SendError::Recipient(_)), "{refused:?}");
}

#[tokio::test]
async fn each_refusal_is_told_for_what_it_is() {
    let Some(server) = MailServer::start() else { return };
    let sender = mailer(&server.url(), "a@acme.example", None);
    let refused = send(&sender, "nobody@refused.test", "x").await.unwrap_err();
    assert!(matches!(refused, SendError::Recipient(_)), "{refused:?}");
    assert!(!refused.to_string().contains("nobody"), "{refused}");
    let busy = send(&sender, "a@busy.test", "x").await.unwrap_err();
    assert!(matches!(busy, SendError::Temporary(_)), "{busy:?}");
    let silent = send(&sender, "a@silent.test", "x").await.unwrap_err();
    assert!(matches!(silent, SendError::Temporary(_)), "{silent:?}");
    let content = send(&sender, "a@example.org", "spam").await.unwrap_err();
    assert!(matches!(content, SendError::Recipient(_)), "{content:?}");
    let from = mailer(&server.url(), "refused@acme.example", None);
    let from = send(&from, "a@example.org", "x").await.unwrap_err();
    assert!(matches!(from, SendError::Configuration(_)), "{from:?}");
    let starttls = format!("smtp://127.0.0.1:{}", server.port);
    let downgraded = send(&mailer(&starttls, "a@acme.example", None), "a@example.org", "x").await;
    assert!(
        matches!(downgraded, Err(SendError::Configuration(_))),
        "{downgraded:?}"
    );
    drop(server);
    let away = send(&sender, "a@example.org", "x").await.unwrap_err();
    assert!(matches!(away, SendError::Temporary(_)), "{away:?}");
    assert_eq!((refused.kind(), away.is_worth_another_try()), ("recipient", true));
}

#[tokio::test]
async fn secrets_go_over_tls_to_the_server_that_is_meant() {
    let folder = TempDir::new().unwrap();
    let (journey, roots) = certificate(&folder);
    let secret = json!({ "user": "post@acme.example", "password": "p/ä:ss" });
    for (scheme, tls) in [("smtp", "starttls"), ("smtps", "implicit")] {
        let journey = with(with(journey.clone(), secret.clone()), json!({ "tls": tls }));
        // Over implicit TLS aiosmtpd does not know that the connection is encrypted, and would take no passwords if told to insist.
        let Some(server) = MailServer::with(&journey) else {
            return;
        };
        let url = |password: &str| {
            format!(
                "{scheme}://post%40acme.example:{password}@127.0.0.1:{}",
                server.port
            )
        };
        let right = mailer(&url("p%2F%C3%A4%3Ass"), "a@acme.example", Some(&roots));
        send(&right, "bob@example.org", "x").await.unwrap();
        let letter = server.next();
        assert_eq!(letter.0["authenticated"], true, "{tls}");
        let wrong = mailer(&url("wrong"), "a@acme.example", Some(&roots));
        let wrong = send(&wrong, "bob@example.org", "x").await.unwrap_err();
        assert!(matches!(wrong, SendError::Configuration(_)), "{tls}: {wrong:?}");
        let unknown = mailer(&url("p%2F%C3%A4%3Ass"), "a@acme.example", None);
        let unknown = send(&unknown, "bob@example.org", "x").await.unwrap_err();
        assert!(
            matches!(unknown, SendError::Configuration(_)),
            "{tls}: {unknown:?}"
        );
    }
}
