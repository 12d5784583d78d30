//! A user who is not there is answered exactly like one who is: same status, same headers, same length, same cookies,
//! and about the same time. (NIST SP 800-63B-4, OWASP ASVS 5: no enumeration of accounts.)

use std::time::{Duration, Instant};

use chancery_tests::harness::{
    Answer, Application, Authorization, Browser, Realm, User, form_of, password, shared,
};
use serde_json::json;

/// What an answer shows to whoever tries names.
#[derive(Debug, PartialEq)]
struct Shown {
    status: u16,
    headers: Vec<(String, Option<String>)>,
    text: String,
    length: usize,
    cookies: Vec<String>,
}

/// What differs from request to request, whoever is asked for.
const ALWAYS_DIFFERENT: [&str; 4] = ["x-request-id", "date", "set-cookie", "content-length"];

fn shown(answer: &Answer, username: &str) -> Shown {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| {
            let value = value
                .to_str()
                .ok()
                .filter(|_| !ALWAYS_DIFFERENT.contains(&name.as_str()));
            (name.to_string(), value.map(str::to_owned))
        })
        .collect();
    headers.sort();
    let mut cookies: Vec<_> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .filter_map(|set| set.to_str().ok()?.split('=').next().map(str::to_owned))
        .collect();
    cookies.sort();
    let mut text = answer.text.replace(username, "NAME");
    for (_, flow) in form_of(&answer.text).hidden {
        // It holds what was typed, so that its length follows from that.
        text = text.replace(&flow, "FLOW");
    }
    let length = text.len();
    Shown {
        status: answer.status,
        headers,
        text,
        length,
        cookies,
    }
}

async fn attempt(
    realm: &Realm,
    application: &Application,
    username: &str,
    password: &str,
) -> (Shown, Duration, usize) {
    let mut browser = Browser::new(realm);
    // The page holds the way back to the application, and in it the state.
    let request = Authorization::new(realm, application, "openid").with("state", "the-same-for-all");
    let page = browser.open(&request.url()).await.sign_in_page();
    let started = Instant::now();
    let answer = browser.fill(&page, username, password).await.sign_in_page();
    (shown(&answer, username), started.elapsed(), answer.text.len())
}

#[tokio::test]
async fn unknown_locked_disabled_and_passwordless_users_look_like_a_wrong_password() {
    let realm = Realm::on(&shared()).await;
    let application = realm.application("spa").await;
    let (known, locked, disabled) = (realm.user().await, realm.user().await, realm.user().await);
    let path = |user: &User, verb: &str| realm.at(&format!("/users/{}/{verb}", user.id));
    let _ = realm.api.act(&path(&locked, "lock")).await.is(200);
    let _ = realm.api.act(&path(&disabled, "disable")).await.is(200);
    let bare = format!("bare-{}", known.username);
    let _ = realm
        .api
        .post(&realm.at("/users"), json!({"username": bare}))
        .await
        .is(201);

    let (expected, _, length) = attempt(&realm, &application, &known.username, &password()).await;
    assert_eq!(expected.status, 401);
    let as_long: String = known.username.chars().rev().collect();
    for (who, username, password) in [
        ("somebody unknown", "nobody-of-this-name", password()),
        ("somebody unknown of as many letters", &as_long, password()),
        ("an unknown address", "nobody@example.test", password()),
        ("a known address", &known.email, password()),
        (
            "a locked user, right password",
            &locked.username,
            locked.password.clone(),
        ),
        ("a locked user, wrong password", &locked.username, password()),
        (
            "a disabled user, right password",
            &disabled.username,
            disabled.password.clone(),
        ),
        ("a user without a password", &bare, password()),
    ] {
        let (shown, _, whole) = attempt(&realm, &application, username, &password).await;
        assert_eq!(shown, expected, "{who}");
        assert!(
            username.len() != as_long.len() || whole == length,
            "{who}: {whole}"
        );
    }
}

#[tokio::test]
async fn unknown_users_take_as_long_as_known_ones() {
    let realm = Realm::on(&shared()).await;
    let (application, known) = (realm.application("spa").await, realm.user().await);
    // Taken in turns, so that whatever else the machine does weighs on both alike; the middle one of each is compared.
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        there.push(
            attempt(&realm, &application, &known.username, &password())
                .await
                .1,
        );
        missing.push(
            attempt(&realm, &application, "nobody-of-this-name", &password())
                .await
                .1,
        );
    }
    there.sort();
    missing.sort();
    let (there, missing) = (there[4], missing[4]);
    // Without the same work, an unknown name would answer in a tenth of the time.
    assert!(
        missing * 2 > there && there * 2 > missing,
        "known {there:?}, unknown {missing:?}"
    );
}
