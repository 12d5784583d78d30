//! Letters to people, at a mail server that we did not write: whatever changes how somebody shows who they are is told to them, in their
//! language; a mail server that is away delays the letter and nothing else; and no address is in what is told of it. Where the mail
//! server is not installed, this is said loudly; with `CI=true` it fails.

use chancery_tests::harness::{
    Authorization, Browser, MailServer, Options, Realm, Server, eventually, free_port, password,
};
use serde_json::{Value, json};

/// A server that mails by this one.
fn mailing(mail: &MailServer) -> Server {
    mailing_at(&mail.url())
}

fn mailing_at(url: &str) -> Server {
    let options = Options::default()
        .with("CHANCERY_SMTP__URL", url)
        .with("CHANCERY_SMTP__FROM", "no-reply@acme.example");
    Server::start(options)
}

/// What was told of letters, once there are so many of this type.
async fn told(realm: &Realm, name: &str, count: usize) -> Vec<Value> {
    eventually("it is told of the letters", async || {
        let found = realm.events("activity", &format!("&type={name}")).await;
        (found.len() >= count).then_some(found)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_an_address_is_told_of_changes_to_their_credentials() {
    let Some(mail) = MailServer::start() else { return };
    let server = mailing(&mail);
    let realm = Realm::on(&server).await;
    let alice = realm.user_with(json!({ "locale": "de-AT" })).await;
    let path = realm.at(&format!("/users/{}", alice.id));
    let set = json!({ "password": password() });
    let _ = realm.api.put(&format!("{path}/password"), set).await.is(200);
    let letter = mail.next();
    // The first one that comes: of the password that came with the user nobody is told.
    assert_eq!(letter.to(), alice.email);
    assert_eq!(
        letter.subject(),
        "Ihr Passwort bei A realm of the tests wurde geändert"
    );
    assert_eq!(letter.header("Content-Language"), ["de"]);
    assert!(letter.header("From").concat().contains("A realm of the tests"));
    for part in [letter.text(), letter.html()] {
        assert!(part.contains(&alice.username), "{part}");
        assert!(!part.contains("http"), "a notice has no link to follow: {part}");
    }

    let another = format!("new-{}", alice.email);
    let _ = realm.api.patch(&path, json!({ "email": another })).await.is(200);
    let letter = mail.next();
    assert_eq!(letter.to(), alice.email, "the address before is told");
    assert!(
        letter.subject().contains("E-Mail-Adresse"),
        "{}",
        letter.subject()
    );
    assert!(!letter.text().contains(&another) && !letter.html().contains(&another));

    let sent = told(&realm, "letter.sent", 2).await;
    let kinds: Vec<_> = sent.iter().map(|event| event["data"]["kind"].clone()).collect();
    assert_eq!(kinds, ["password_changed", "email_changed"]);
    for event in &sent {
        assert_eq!(event["data"]["user"], alice.id.as_str());
        let whole = event.to_string();
        assert!(!whole.contains(&alice.email), "an address is in {whole}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_on_a_new_device_is_told_and_one_on_a_known_device_is_not() {
    let Some(mail) = MailServer::start() else { return };
    let server = mailing(&mail);
    let realm = Realm::on(&server).await;
    let (application, alice) = (realm.application("web").await, realm.user().await);
    let again = || Authorization::new(&realm, &application, "openid").with("prompt", "login");
    let mut first = Browser::new(&realm);
    for _ in 0..2 {
        let _ = first.sign_in(&again(), &alice).await;
    }
    let mut second = Browser::new(&realm);
    for _ in 0..2 {
        let _ = second.sign_in(&again(), &alice).await;
    }
    let letter = mail.next();
    assert_eq!(letter.to(), alice.email);
    assert_eq!(letter.subject(), "A new device signed in at A realm of the tests");
    for part in [letter.text(), letter.html()] {
        assert!(part.contains(&alice.username), "{part}");
        assert!(part.contains("A browser that is not known"), "{part}");
        assert!(!part.contains("http"), "a notice has no link to follow: {part}");
    }
    // Of the first device, and of the second at its second sign-in, nobody is told: the next letter is of something else.
    let path = realm.at(&format!("/users/{}/password", alice.id));
    let set = json!({ "password": password() });
    let _ = realm.api.put(&path, set).await.is(200);
    assert!(mail.next().subject().starts_with("Your password at"));
    let sent = told(&realm, "letter.sent", 2).await;
    let kinds: Vec<_> = sent.iter().map(|event| event["data"]["kind"].clone()).collect();
    assert_eq!(kinds, ["device_added", "password_changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_away_delays_the_letter_and_nothing_else() {
    let nowhere = format!("smtp://127.0.0.1:{}?tls=none", free_port());
    let server = mailing_at(&nowhere);
    let realm = Realm::on(&server).await;
    let alice = realm.user().await;
    let path = realm.at(&format!("/users/{}/password", alice.id));
    let set = json!({ "password": password() });
    let _ = realm.api.put(&path, set).await.is(200);
    let failed = told(&realm, "letter.failed", 1).await.remove(0);
    assert_eq!(failed["data"]["reason"], "temporary");
    assert_eq!(failed["data"]["given_up"], false);
    assert!(!failed.to_string().contains(&alice.email));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_takes_nothing_is_given_up_at_once() {
    let Some(mail) = MailServer::start() else { return };
    let server = mailing(&mail);
    let realm = Realm::on(&server).await;
    let alice = realm.user_with(json!({ "email": "nobody@refused.test" })).await;
    let path = realm.at(&format!("/users/{}/password", alice.id));
    let set = json!({ "password": password() });
    let _ = realm.api.put(&path, set).await.is(200);
    let failed = told(&realm, "letter.failed", 1).await.remove(0);
    assert_eq!(failed["data"]["reason"], "recipient");
    assert_eq!(failed["data"]["given_up"], true);
}
