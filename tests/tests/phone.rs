//! Phone numbers that are shown to be somebody's, by a text message that goes to a server which answers as Twilio does: a code works once, for
//! the number that it was sent to; another number is not verified; and neither number nor code is in what is told of it. Where a realm says so,
//! a code is a second factor.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use chancery_tests::harness::{
    Answer, Arrival, Authorization, Browser, Options, Realm, Receiver, Reply, Server, Tokens, User, at_once,
    eventually, form_of, payload_of,
};
use serde_json::{Value, json};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const ID: &str = "SM89abcdef0123456789abcdef01234567";

/// A number that no other test of this file has.
fn number(last: u8) -> String {
    format!("+4179000000{last}")
}

fn taken() -> Reply {
    Reply::Json(
        201,
        "",
        json!({ "sid": ID, "status": "queued", "error_code": null }),
    )
}

/// A server whose messages go there.
fn texting(twilio: &Receiver) -> Server {
    Server::start(options(twilio))
}

fn options(twilio: &Receiver) -> Options {
    Options::default()
        .with("CHANCERY_SMS__URL", &twilio.base)
        .with("CHANCERY_SMS__ACCOUNT", ACCOUNT)
        .with("CHANCERY_SMS__SECRET", "hunter2")
        .with("CHANCERY_SMS__FROM", "Acme")
        .with("CHANCERY_SMS__COUNTRIES", "+41,+49")
}

/// The parameters of the messages that were sent to a number.
fn texts(twilio: &Receiver, number: &str) -> Vec<String> {
    let to = format!("To=%2B{}&", &number[1..]);
    let received = twilio.received(&format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"));
    let bodies = received.into_iter().map(|received| received.body);
    bodies.filter(|body| body.starts_with(&to)).collect()
}

/// The code of the nth message to a number.
async fn code(twilio: &Receiver, number: &str, nth: usize) -> String {
    let text = eventually("a message comes", async || {
        texts(twilio, number).get(nth).cloned()
    })
    .await;
    let body = text.split("&Body=").nth(1).unwrap_or_default();
    let digits: String = body.chars().take_while(char::is_ascii_digit).collect();
    assert_eq!(digits.len(), 6, "{text}");
    digits
}

async fn page(browser: &mut Browser, realm: &Realm) -> Answer {
    browser
        .open(&format!("{}/account/phone", realm.issuer()))
        .await
        .page()
        .is(200)
}

/// Sends a field by the form on a page that has it.
async fn fill(browser: &mut Browser, page: &Answer, field: &str, value: &str) -> Answer {
    let button = match field {
        "phone" => "Take this number",
        _ => "This is my number",
    };
    browser.press(page, button, &[(field, value)]).await.page()
}

async fn signed_in(realm: &Realm, user: &User) -> Browser {
    let web = realm.application("web").await;
    let mut browser = Browser::new(realm);
    realm.sign_in_with(&mut browser, &web, user, "openid").await;
    browser
}

async fn verified(realm: &Realm, user: &User) -> Value {
    let path = realm.at(&format!("/users/{}", user.id));
    realm.api.query(&path).await.is(200).json()["phone_verified"].clone()
}

/// Another code of as many digits.
fn wrong(code: &str) -> String {
    let turned = code
        .bytes()
        .map(|digit| char::from(b'0' + (digit - b'0' + 1) % 10));
    turned.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_somebodys_by_the_code_of_a_message_to_it() {
    let twilio = Receiver::start().await;
    twilio.reply(taken());
    let server = texting(&twilio);
    let realm = Realm::on(&server).await;
    let (first, second) = (number(1), number(2));
    let alice = realm.user_with(json!({ "phone": first })).await;
    let path = realm.at(&format!("/users/{}/phone-verification", alice.id));
    let _ = realm.api.post(&path, Value::Null).await.is(200);
    let again = realm.api.post(&path, Value::Null).await.is(429);
    assert!(again.header("retry-after").is_some(), "{again:?}");
    let sent = code(&twilio, &first, 0).await;

    let mut browser = signed_in(&realm, &alice).await;
    let open = page(&mut browser, &realm).await;
    let _ = fill(&mut browser, &open, "code", &wrong(&sent)).await.is(401);
    assert_eq!(verified(&realm, &alice).await, false);
    let _ = fill(&mut browser, &open, "code", &sent).await.is(200);
    eventually("the number is verified", async || {
        (verified(&realm, &alice).await == true).then_some(())
    })
    .await;
    let web = realm.application("web").await;
    let tokens = realm.sign_in(&web, &alice, "openid phone").await;
    let claims = realm.userinfo(&tokens.access).await.is(200).json();
    assert_eq!(
        (&claims["phone_number"], &claims["phone_number_verified"]),
        (&json!(first), &json!(true))
    );
    let _ = realm.api.post(&path, Value::Null).await.is(409);

    // Another number, as people write it; the code of before is not for it.
    let open = page(&mut browser, &realm).await;
    let _ = fill(&mut browser, &open, "phone", "079 000 00 02").await.is(422);
    let changed = fill(&mut browser, &open, "phone", "0041 79 000 00-02")
        .await
        .is(200);
    let new = code(&twilio, &second, 0).await;
    assert_eq!(verified(&realm, &alice).await, false);
    let _ = fill(&mut browser, &changed, "code", &wrong(&new)).await.is(401);
    let _ = fill(&mut browser, &changed, "code", &new).await.is(200);
    eventually("the new number is verified", async || {
        (verified(&realm, &alice).await == true).then_some(())
    })
    .await;

    for lane in ["facts", "activity"] {
        let told = serde_json::to_string(&realm.events(lane, "").await).expect("JSON");
        assert!(told.contains("user.") || told.contains("letter.sent"), "{told}");
        for secret in [&first[1..], &second[1..], &*sent, &*new] {
            assert!(!told.contains(&format!("\"{secret}")), "{secret} in {lane}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_send_one_code_at_once_one_has_verified_the_number() {
    let twilio = Receiver::start().await;
    twilio.reply(taken());
    let server = texting(&twilio);
    let realm = Realm::on(&server).await;
    let alice = realm.user_with(json!({ "phone": number(3) })).await;
    let mut browser = signed_in(&realm, &alice).await;
    let open = page(&mut browser, &realm).await;
    let asked = browser.press(&open, "Send me a code", &[]).await.page().is(200);
    let sent = code(&twilio, &number(3), 0).await;
    let answered = at_once(100, |_| {
        let (mut browser, asked, sent) = (browser.clone(), asked.clone(), sent.clone());
        async move { fill(&mut browser, &asked, "code", &sent).await.status }
    })
    .await;
    assert!(answered.contains(&200), "{answered:?}");
    let found = eventually("the fact is told", async || {
        let found = realm.events("facts", "&type=user.phone_verified").await;
        (!found.is_empty()).then_some(found)
    })
    .await;
    assert_eq!(found.len(), 1);
    let tried = realm.events("activity", "&type=letter.code_attempted").await;
    assert!(tried.len() <= 5, "a code is tried five times: {}", tried.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_to_a_verified_number_is_a_second_factor_where_the_realm_says_so() {
    let twilio = Receiver::start().await;
    twilio.reply(taken());
    let server = texting(&twilio);
    let realm = Realm::on(&server).await;
    let web = realm.application("web").await;
    let alice = realm
        .user_with(json!({ "phone": number(8), "phone_verified": true }))
        .await;
    let bob = realm.user_with(json!({ "phone": number(9) })).await;
    // The telephone network is asked nothing unless the realm says so.
    let tokens = realm.sign_in(&web, &alice, "openid").await;
    assert_eq!(payload_of(tokens.id())["amr"], json!(["pwd"]));
    let methods = json!(["sms", "totp", "passkey", "recovery_code"]);
    realm.set(json!({ "mfa": { "methods": methods } })).await;

    let request = Authorization::new(&realm, &web, "openid");
    let mut browser = Browser::new(&realm);
    let page = browser.open(&request.url()).await.sign_in_page();
    // A code before the password is none.
    let form = form_of(&page.text);
    let skipping = [form.hidden, vec![("sms_code".to_owned(), "123456".to_owned())]].concat();
    match browser.post(&form.action, &skipping).await {
        Arrival::Page(page) => assert!(page.text.contains("name=\"username\""), "{}", page.text),
        Arrival::Back(callback) => panic!("let in: {}", callback.url),
    }
    assert!(
        texts(&twilio, &number(8)).is_empty(),
        "nothing is sent before the password"
    );
    let asked = browser
        .fill(&page, &alice.username, &alice.password)
        .await
        .page()
        .is(200);
    assert!(asked.text.contains("ends in 08"), "{}", asked.text);
    assert!(!asked.text.contains(&number(8)[1..]), "{}", asked.text);
    let sent = code(&twilio, &number(8), 0).await;
    let mut asked = asked;
    for (typed, status) in [("", 422), (&*wrong(&sent), 401)] {
        asked = browser
            .press(&asked, "Continue", &[("sms_code", typed)])
            .await
            .page();
        assert_eq!(asked.status, status, "{}", asked.text);
    }
    // In another sign-in it is good for nothing, and it is too soon for another one.
    let mut other = Browser::new(&realm);
    let page = other.open(&request.url()).await.sign_in_page();
    let soon = other
        .fill(&page, &alice.username, &alice.password)
        .await
        .page()
        .is(429);
    let _ = other
        .press(&soon, "Continue", &[("sms_code", &sent)])
        .await
        .page()
        .is(401);
    let callback = browser
        .press(&asked, "Continue", &[("sms_code", &sent)])
        .await
        .back();
    let tokens = Tokens::from(realm.redeem(&web, callback.code(), &request).await);
    let told = payload_of(tokens.id());
    assert_eq!(told["amr"], json!(["pwd", "sms", "mfa"]));
    assert_eq!(told["acr"], "urn:chancery:acr:aal2");
    assert_eq!(texts(&twilio, &number(8)).len(), 1);

    // A number that nobody has shown to be theirs is no factor, and one that was changed is none any more.
    let tokens = realm.sign_in(&web, &bob, "openid").await;
    assert_eq!(payload_of(tokens.id())["amr"], json!(["pwd"]));
    let path = realm.at(&format!("/users/{}", alice.id));
    let other = json!({ "phone": "+41790000010" });
    let _ = realm.api.patch(&path, other).await.is(200);
    let tokens = realm.sign_in(&web, &alice, "openid").await;
    assert_eq!(payload_of(tokens.id())["amr"], json!(["pwd"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_send_one_code_at_once_one_is_signed_in() {
    let twilio = Receiver::start().await;
    twilio.reply(taken());
    let server = texting(&twilio);
    let realm = Realm::on(&server).await;
    let web = realm.application("web").await;
    realm.set(json!({ "mfa": { "methods": ["sms", "totp"] } })).await;
    let alice = realm
        .user_with(json!({ "phone": number(0), "phone_verified": true }))
        .await;
    let request = Authorization::new(&realm, &web, "openid");
    let mut browser = Browser::new(&realm);
    let page = browser.open(&request.url()).await.sign_in_page();
    let asked = browser
        .fill(&page, &alice.username, &alice.password)
        .await
        .page()
        .is(200);
    let sent = code(&twilio, &number(0), 0).await;
    let let_in = at_once(100, |_| {
        let (mut browser, asked, sent) = (browser.clone(), asked.clone(), sent.clone());
        async move {
            let arrival = browser.press(&asked, "Continue", &[("sms_code", &sent)]).await;
            matches!(arrival, Arrival::Back(callback) if callback.params.contains_key("code"))
        }
    })
    .await;
    assert_eq!(let_in.iter().filter(|let_in| **let_in).count(), 1);
    let begun = realm.events("activity", "&type=session.started").await;
    assert_eq!(begun.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_number_does_not_take_is_given_up_and_what_may_come_later_is_not() {
    let twilio = Receiver::start().await;
    let server = texting(&twilio);
    let realm = Realm::on(&server).await;
    let refused = json!({ "code": 21_610, "message": "no", "status": 400 });
    for (last, reply, reason, given_up) in [
        (4, Reply::Json(400, "", refused), "recipient", true),
        (5, Reply::Json(503, "", Value::Null), "temporary", false),
        (
            6,
            Reply::Json(401, "", json!({ "code": 20_003 })),
            "configuration",
            false,
        ),
    ] {
        twilio.reply(reply);
        let user = realm.user_with(json!({ "phone": number(last) })).await;
        let path = realm.at(&format!("/users/{}/phone-verification", user.id));
        let _ = realm.api.post(&path, Value::Null).await.is(200);
        let failed = eventually("it is told", async || {
            let found = realm.events("activity", "&type=letter.failed").await;
            found
                .into_iter()
                .find(|event| event["data"]["user"] == user.id.as_str())
        })
        .await;
        assert_eq!(failed["data"]["reason"], reason);
        assert_eq!(failed["data"]["given_up"], given_up);
        assert_eq!(failed["data"]["kind"], "phone_verification");
    }
    // A country that nobody pays for: nothing is asked of Twilio.
    let abroad = realm.user_with(json!({ "phone": "+15005550006" })).await;
    let path = realm.at(&format!("/users/{}/phone-verification", abroad.id));
    let _ = realm.api.post(&path, Value::Null).await.is(200);
    eventually("it is told", async || {
        let found = realm.events("activity", "&type=letter.failed").await;
        found
            .into_iter()
            .find(|event| event["data"]["user"] == abroad.id.as_str())
    })
    .await;
    assert!(texts(&twilio, "+15005550006").is_empty());
}

/// The parameters of a report, and how Twilio signs them: the URL, and each name with its value, in the order of the names.
fn signed(url: &str, parameters: &[(&str, &str)], token: &str) -> (Vec<(String, String)>, String) {
    let mut parameters: Vec<_> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    parameters.sort();
    let all: Vec<_> = parameters
        .iter()
        .flat_map(|(name, value)| [name.as_str(), value])
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    let tag = hmac::sign(&key, format!("{url}{}", all.concat()).as_bytes());
    (parameters, STANDARD.encode(tag.as_ref()))
}

async fn report(realm: &Realm, url: &str, parameters: &[(String, String)], signature: &str) -> Answer {
    let request = realm.api.http().post(url).form(parameters);
    Answer::to(request.header("x-twilio-signature", signature)).await
}

/// The URL that Twilio was told with the message to a number.
async fn told_to(twilio: &Receiver, number: &str) -> String {
    let body = eventually("a message comes", async || texts(twilio, number).pop()).await;
    let mut form = url::form_urlencoded::parse(body.as_bytes());
    let told = form.find(|(name, _)| name == "StatusCallback");
    told.map(|(_, url)| url.into_owned()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_a_message_is_told_by_its_provider_and_by_nobody_else() {
    let twilio = Receiver::start().await;
    twilio.reply(taken());
    let server = Server::start(options(&twilio).with("CHANCERY_SMS__REPORTS", "true"));
    let realm = Realm::on(&server).await;
    let mut asked = Vec::new();
    for number in [number(1), number(2)] {
        let user = realm.user_with(json!({ "phone": number })).await;
        let path = realm.at(&format!("/users/{}/phone-verification", user.id));
        let _ = realm.api.post(&path, Value::Null).await.is(200);
        asked.push((user, told_to(&twilio, &number).await));
    }
    let [(alice, url), (bob, other)] = &asked[..] else {
        panic!("two")
    };
    assert_ne!(url, other);
    assert!(!url.contains("79000000"), "{url}");

    let delivered = [
        ("MessageSid", ID),
        ("MessageStatus", "delivered"),
        ("To", "+41790000001"),
    ];
    let (parameters, signature) = signed(url, &delivered, "hunter2");
    let (_, guessed) = signed(url, &delivered, "hunter3");
    for (place, signature) in [(url, ""), (url, &guessed), (other, &signature)] {
        let _ = report(&realm, place, &parameters, signature)
            .await
            .is_problem(403, "forbidden");
    }
    let mut altered = parameters.clone();
    altered[1].1 = "failed".to_owned();
    let _ = report(&realm, url, &altered, &signature).await.is(403);
    let (nothing, empty) = signed(url, &[("MessageSid", ID)], "hunter2");
    let _ = report(&realm, url, &nothing, &empty).await.is(400);
    let (sent, on_its_way) = signed(url, &[("MessageSid", ID), ("MessageStatus", "sent")], "hunter2");
    let _ = report(&realm, url, &sent, &on_its_way).await.is(204);
    for _ in 0..2 {
        let _ = report(&realm, url, &parameters, &signature).await.is(204);
    }
    let failed = [
        ("MessageSid", ID),
        ("MessageStatus", "undelivered"),
        ("ErrorCode", "30006"),
    ];
    let (parameters, signature) = signed(other, &failed, "hunter2");
    let _ = report(&realm, other, &parameters, &signature).await.is(204);
    // Signed, of a message that nobody sent.
    let unknown = other.replace(&other[other.len() - 44..other.len() - 8], &bob.id);
    let (parameters, signature) = signed(&unknown, &failed, "hunter2");
    let _ = report(&realm, &unknown, &parameters, &signature).await.is(204);

    let told = eventually("it is told", async || {
        let mut told = realm.events("activity", "&type=letter.delivered").await;
        told.extend(realm.events("activity", "&type=letter.undelivered").await);
        (told.len() >= 2).then_some(told)
    })
    .await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0]["data"]["user"], alice.id.as_str());
    assert_eq!(told[1]["data"]["user"], bob.id.as_str());
    assert_eq!(told[1]["data"]["reason"], "recipient");
    assert_eq!(told[1]["data"]["kind"], "phone_verification");
    assert!(!format!("{told:?}").contains("79000000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_is_asked_to_tell_anything_nothing_is_taken() {
    let twilio = Receiver::start().await;
    twilio.reply(taken());
    let server = texting(&twilio);
    let realm = Realm::on(&server).await;
    let alice = realm.user_with(json!({ "phone": number(3) })).await;
    let path = realm.at(&format!("/users/{}/phone-verification", alice.id));
    let _ = realm.api.post(&path, Value::Null).await.is(200);
    let asked = eventually("a message comes", async || texts(&twilio, &number(3)).pop()).await;
    assert!(
        !asked.contains("StatusCallback"),
        "an address that Twilio cannot reach"
    );
    let url = format!(
        "{}/text-messages/{}/{}/reports",
        realm.issuer(),
        alice.id,
        alice.id
    );
    let (parameters, signature) = signed(&url, &[("MessageSid", ID), ("MessageStatus", "sent")], "hunter2");
    let _ = report(&realm, &url, &parameters, &signature).await.is(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_messages_are_sent_nothing_offers_them() {
    let server = Server::start(Options::default());
    let realm = Realm::on(&server).await;
    let alice = realm.user_with(json!({ "phone": number(7) })).await;
    let path = realm.at(&format!("/users/{}/phone-verification", alice.id));
    let _ = realm.api.post(&path, Value::Null).await.is(503);
    let mut browser = Browser::new(&realm);
    let page = browser
        .open(&format!("{}/account/phone", realm.issuer()))
        .await
        .page();
    assert_eq!(page.status, 404);
}
