//! Letters that prove something, at a mail server that we did not write: an address is shown to be somebody's, a forgotten password is
//! replaced, people sign in, register and are invited by what is mailed to them; each letter works once, for what it was asked for, and no
//! page tells whether there is such an account. Where the mail server is not installed, this is said loudly; with `CI=true` it fails.

use chancery_tests::harness::{
    Answer, Application, Authorization, Browser, MailServer, Options, Realm, Received, Server, User, at_once,
    eventually, form_of, password, payload_of, unique,
};
use serde_json::{Value, json};

/// A server that mails by this one.
fn mailing(mail: &MailServer) -> Server {
    let options = Options::default()
        .with("CHANCERY_SMTP__URL", &mail.url())
        .with("CHANCERY_SMTP__FROM", "no-reply@acme.example");
    Server::start(options)
}

/// The next letter to an address; notices to others may come in between.
fn letter_to(mail: &MailServer, address: &str) -> Received {
    tokio::task::block_in_place(|| {
        loop {
            let letter = mail.next();
            if letter.to() == address {
                return letter;
            }
        }
    })
}

fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

/// Opens a link and presses its button, with what the form asks for.
async fn press(browser: &mut Browser, link: &str, more: &[(&str, &str)]) -> Answer {
    let page = browser.open(link).await.page().is(200);
    let form = form_of(&page.text);
    let mut all = form.hidden;
    all.extend(fields(more));
    browser.post(&form.action, &all).await.page()
}

async fn profile(realm: &Realm, user: &str) -> Value {
    realm
        .api
        .query(&realm.at(&format!("/users/{user}")))
        .await
        .is(200)
        .json()
}

/// At the page that asks for the password, another way is chosen.
async fn choose(browser: &mut Browser, request: &Authorization, username: &str, method: &str) -> Answer {
    let page = browser.open(&request.url()).await.sign_in_page();
    let form = form_of(&page.text);
    let mut all = form.hidden;
    all.extend(fields(&[("username", username)]));
    let page = browser.post(&form.action, &all).await.page().is(200);
    let form = form_of(&page.text);
    let mut all: Vec<_> = form
        .hidden
        .into_iter()
        .filter(|(name, _)| name == "flow")
        .collect();
    all.extend(fields(&[("use", method)]));
    browser.post(&form.action, &all).await.page()
}

/// Sends a code at a page that asks for one.
async fn answer(
    browser: &mut Browser,
    page: &Answer,
    field: &str,
    code: &str,
) -> chancery_tests::harness::Arrival {
    let form = form_of(&page.text);
    let mut all = form.hidden;
    all.extend(fields(&[(field, code)]));
    browser.post(&form.action, &all).await
}

/// Another code of as many digits.
fn wrong(code: &str) -> String {
    let turned = code
        .bytes()
        .map(|digit| char::from(b'0' + (digit - b'0' + 1) % 10));
    turned.collect()
}

async fn recover(browser: &mut Browser, realm: &Realm, name: &str) -> Answer {
    let page = browser
        .open(&format!("{}/recovery", realm.issuer()))
        .await
        .page()
        .is(200);
    let form = form_of(&page.text);
    browser
        .post(&form.action, &fields(&[("username", name)]))
        .await
        .page()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_somebodys_by_the_letter_to_it() {
    let Some(mail) = MailServer::start() else { return };
    let server = mailing(&mail);
    let realm = Realm::on(&server).await;
    let (web, alice) = (realm.application("web").await, realm.user().await);
    let path = realm.at(&format!("/users/{}/email-verification", alice.id));
    assert_eq!(profile(&realm, &alice.id).await["email_verified"], false);
    let _ = realm.api.post(&path, Value::Null).await.is(200);
    let again = realm.api.post(&path, Value::Null).await.is(429);
    assert!(again.header("retry-after").is_some(), "{again:?}");
    let letter = letter_to(&mail, &alice.email);

    let mut browser = Browser::new(&realm);
    let link = letter.link();
    assert!(letter.html().contains("letter?token="));
    // Programs that look through mail open links.
    let _ = browser.open(&link).await.page().is(200);
    assert_eq!(profile(&realm, &alice.id).await["email_verified"], false);
    let _ = press(&mut browser, &link, &[]).await.is(200);
    eventually("the address is verified", async || {
        (profile(&realm, &alice.id).await["email_verified"] == true).then_some(())
    })
    .await;
    let _ = browser.open(&link).await.page().is(400);
    let tokens = realm.sign_in(&web, &alice, "openid email").await;
    let claims = realm.userinfo(&tokens.access).await.is(200).json();
    assert_eq!(claims["email_verified"], true, "{claims}");

    for altered in [
        format!("{link}A"),
        link.replace("token=", "token=A"),
        link.replace("/realms/t-", "/realms/t-x"),
    ] {
        let page = browser.open(&altered).await.page();
        assert!([400, 404].contains(&page.status), "{altered}: {}", page.status);
    }
    let other = Realm::on(&server).await;
    let elsewhere = link.replace(&realm.name, &other.name);
    let _ = browser.open(&elsewhere).await.page().is(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_forgot_their_password_sets_another_and_nothing_is_told_of_anybody() {
    let Some(mail) = MailServer::start() else { return };
    let server = mailing(&mail);
    let realm = Realm::on(&server).await;
    let (web, alice) = (realm.application("web").await, realm.user().await);
    let before = realm.sign_in(&web, &alice, "openid offline_access").await;
    let mut browser = Browser::new(&realm);
    let known = recover(&mut browser, &realm, &alice.username).await.is(200);
    let unknown = recover(&mut browser, &realm, &format!("nobody-{}", unique()))
        .await
        .is(200);
    assert_eq!(known.text, unknown.text);
    let names = |answer: &Answer| {
        let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    };
    assert_eq!(names(&known), names(&unknown));
    let letter = letter_to(&mail, &alice.email);
    let link = letter.link();
    let chosen = password();
    let weak = press(&mut browser, &link, &[("password", "short")]).await.is(422);
    assert!(
        !weak.text.contains("value=\"short\""),
        "a secret is never filled in again"
    );
    let _ = press(&mut browser, &link, &[("password", &chosen)]).await.is(200);
    let _ = browser.open(&link).await.page().is(400);
    let notice = letter_to(&mail, &alice.email);
    assert!(notice.subject().contains("was changed"), "{}", notice.subject());
    assert!(!realm.lets_in(&web, &alice.username, &alice.password).await);
    assert!(realm.lets_in(&web, &alice.username, &chosen).await);
    let refused = realm.refresh(&web, before.refresh()).await;
    assert_eq!(refused.status, 400, "what began before has ended: {refused:?}");
    assert_eq!(profile(&realm, &alice.id).await["email_verified"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_in_the_language_of_the_browser_and_letters_in_that_of_their_reader() {
    let Some(mail) = MailServer::start() else { return };
    let server = mailing(&mail);
    let realm = Realm::on(&server).await;
    realm
        .set(json!({ "languages": { "default": "de" }, "registration": { "self_registration": true } }))
        .await;
    for (asked, locale, pages, subject, language) in [
        (
            "en",
            json!({ "locale": "en-GB" }),
            [
                "Forgot your password?",
                "Look into your mailbox",
                "Set another password",
                "Your password is set",
            ],
            "Set another password at A realm of the tests",
            "en",
        ),
        (
            "de",
            json!({}),
            [
                "Passwort vergessen?",
                "Sehen Sie in Ihr Postfach",
                "Neues Passwort setzen",
                "Ihr Passwort ist gesetzt",
            ],
            "Ein neues Passwort bei A realm of the tests",
            "de",
        ),
        (
            "zh-Hans",
            json!({ "locale": "zh-CN" }),
            ["忘记密码？", "请查看您的邮箱", "设置新密码", "密码已设置"],
            "在 A realm of the tests 设置新密码",
            "zh-Hans",
        ),
    ] {
        let reader = realm.user_with(locale).await;
        let mut browser = Browser::new(&realm);
        let speaks = |page: &Answer, heading: &str| {
            let (html, heading) = (format!("<html lang=\"{asked}\" "), format!("<h1>{heading}</h1>"));
            assert!(
                page.text.contains(&html) && page.text.contains(&heading),
                "{heading}: {}",
                page.text
            );
        };
        let address = format!("{}/recovery?ui_locales={asked}", realm.issuer());
        let page = browser.open(&address).await.page().is(200);
        speaks(&page, pages[0]);
        let form = form_of(&page.text);
        let named = fields(&[("username", &reader.username)]);
        let sent = browser.post(&form.action, &named).await.page().is(200);
        speaks(&sent, pages[1]);
        let letter = letter_to(&mail, &reader.email);
        assert_eq!(letter.subject(), subject);
        assert_eq!(letter.header("Content-Language"), [language]);
        assert!(letter.html().contains(&format!("<html lang=\"{language}\">")));
        assert!(
            letter.text().contains("15"),
            "a quarter of an hour: {}",
            letter.text()
        );
        let page = browser.open(&letter.link()).await.page().is(200);
        speaks(&page, pages[2]);
        assert_eq!(
            page.text.matches("ui_locales=").count(),
            2,
            "it is there in the others"
        );
        let weak = press(&mut browser, &letter.link(), &[("password", "short")])
            .await
            .is(422);
        speaks(&weak, pages[2]);
        let chosen = password();
        let done = press(&mut browser, &letter.link(), &[("password", &chosen)])
            .await
            .is(200);
        speaks(&done, pages[3]);
    }
    // Of who is not known yet nothing is known but the realm.
    let mut browser = Browser::new(&realm);
    let page = browser
        .open(&format!("{}/registration?ui_locales=zh", realm.issuer()))
        .await
        .page()
        .is(200);
    assert!(page.text.contains("<h1>注册</h1>"), "{}", page.text);
    let email = format!("new-{}@example.test", unique());
    let form = form_of(&page.text);
    let _ = browser
        .post(&form.action, &fields(&[("email", &email)]))
        .await
        .page()
        .is(200);
    let letter = letter_to(&mail, &email);
    assert_eq!(letter.subject(), "Ihre Registrierung bei A realm of the tests");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_by_a_code_or_by_a_link_in_the_browser_in_which_they_began() {
    let Some(mail) = MailServer::start() else { return };
    let server = mailing(&mail);
    let realm = Realm::on(&server).await;
    realm.set(json!({ "mail": { "sign_in": "code_and_link" } })).await;
    let web = realm.application("web").await;
    let verified = json!({ "email_verified": true });
    let (alice, bob) = (
        realm.user_with(verified.clone()).await,
        realm.user_with(verified).await,
    );

    let (mut browser, mut another) = (Browser::new(&realm), Browser::new(&realm));
    let request = Authorization::new(&realm, &web, "openid");
    let page = choose(&mut browser, &request, &alice.username, "email")
        .await
        .is(200);
    let letter = letter_to(&mail, &alice.email);
    let code = letter.code();
    let page = answer(&mut browser, &page, "email_code", &wrong(&code))
        .await
        .page()
        .is(401);
    let callback = answer(&mut browser, &page, "email_code", &code).await.back();
    let tokens = realm.redeem(&web, callback.code(), &request).await.is(200).json();
    let claims = payload_of(tokens["id_token"].as_str().unwrap_or_default());
    assert_eq!(claims["acr"], "urn:chancery:acr:aal1");
    assert_eq!(claims["amr"], json!(["otp"]));

    // By the link: elsewhere it shows the code and signs nobody in; where it was begun it goes on to the application.
    let request = Authorization::new(&realm, &web, "openid");
    let mut browser = Browser::new(&realm);
    let _ = choose(&mut browser, &request, &bob.username, "email")
        .await
        .is(200);
    let letter = letter_to(&mail, &bob.email);
    let elsewhere = another.open(&letter.link()).await.page().is(200);
    assert!(elsewhere.text.contains(&letter.code()) && !elsewhere.text.contains("<form"));
    let signed_in = another
        .open(&format!("{}/sign-in", realm.issuer()))
        .await
        .sign_in_page();
    assert!(
        !signed_in.text.contains(&bob.username),
        "nobody is signed in there"
    );
    let page = browser.open(&letter.link()).await.page().is(200);
    let form = form_of(&page.text);
    let callback = browser.post(&form.action, &form.hidden).await.back();
    assert_eq!(callback.param("state"), request.state);
    let _ = browser.open(&letter.link()).await.page().is(400);

    // A name that nobody has is asked for a code in the same words.
    let request = Authorization::new(&realm, &web, "openid");
    let nobody = choose(
        &mut Browser::new(&realm),
        &request,
        "nobody-of-this-name",
        "email",
    )
    .await
    .is(200);
    let page = answer(&mut Browser::new(&realm), &nobody, "email_code", "123456")
        .await
        .page();
    assert_eq!(page.status, 400, "a form works in its own browser");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_register_with_an_address_that_is_theirs() {
    let Some(mail) = MailServer::start() else { return };
    let server = mailing(&mail);
    let realm = Realm::on(&server).await;
    let web = realm.application("web").await;
    let page = format!("{}/registration", realm.issuer());
    let _ = Browser::new(&realm).open(&page).await.page().is(404);
    realm
        .set(json!({ "registration": { "self_registration": true, "email_domains": ["example.test"] } }))
        .await;
    let taken = realm.user().await;
    let mut browser = Browser::new(&realm);
    let email = format!("new-{}@example.test", unique());
    let ask = async |browser: &mut Browser, email: &str| {
        let form = form_of(&browser.open(&page).await.page().is(200).text);
        browser
            .post(&form.action, &fields(&[("email", email)]))
            .await
            .page()
    };
    let _ = ask(&mut browser, "new@elsewhere.test").await.is(422);
    let fresh = ask(&mut browser, &email).await.is(200);
    let known = ask(&mut browser, &taken.email).await.is(200);
    let without_flow = |answer: &Answer| {
        let form = form_of(&answer.text);
        form.hidden.iter().fold(answer.text.clone(), |text, (_, value)| {
            text.replace(value, "FLOW")
        })
    };
    assert_eq!(without_flow(&fresh), without_flow(&known));

    let told = letter_to(&mail, &taken.email);
    assert!(
        told.subject().contains("You have an account"),
        "{}",
        told.subject()
    );
    assert!(!told.text().contains("http") && !told.html().contains("href"));
    let second = format!("second-{}@example.test", unique());
    let asked = ask(&mut browser, &second).await.is(200);
    let letter = letter_to(&mail, &second);
    let wrong_code = answer(&mut browser, &asked, "code", &wrong(&letter.code()))
        .await
        .page();
    let _ = wrong_code.is(401);
    let details = answer(&mut browser, &asked, "code", &letter.code())
        .await
        .page()
        .is(200);
    let form = form_of(&details.text);
    assert!(
        form.names.iter().any(|name| name == "password"),
        "{}",
        details.text
    );
    let (mut all, chosen) = (form.hidden, password());
    all.extend(fields(&[("given_name", "Zoë"), ("password", &chosen)]));
    let _ = browser.post(&form.action, &all).await.page().is(200);
    assert!(realm.lets_in(&web, &second, &chosen).await);
    let replayed = browser.post(&form.action, &all).await.page();
    assert_eq!(replayed.status, 400, "a letter works once");

    // From an application, and back to it: by the link of the letter, in the same browser.
    let third = format!("third-{}@example.test", unique());
    let request = Authorization::new(&realm, &web, "openid email").with("prompt", "create");
    let asks = browser.open(&request.url()).await.page().is(200);
    let _ = answer(&mut browser, &asks, "email", &third).await.page().is(200);
    let link = letter_to(&mail, &third).link();
    let details = browser.open(&link).await.page().is(200);
    let back = answer(&mut browser, &details, "password", &password())
        .await
        .back();
    let tokens = realm.redeem(&web, back.code(), &request).await.is(200).json();
    let claims = payload_of(tokens["id_token"].as_str().expect("an id token"));
    assert_eq!(
        (&claims["email"], &claims["email_verified"]),
        (&json!(third), &json!(true))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_invited_sets_a_password_and_has_what_they_were_given() {
    let Some(mail) = MailServer::start() else { return };
    let server = mailing(&mail);
    let realm = Realm::on(&server).await;
    let web = realm.application("web").await;
    let email = format!("invited-{}@example.test", unique());
    let made = realm
        .api
        .post(&realm.at("/users"), json!({ "email": email }))
        .await
        .is(201);
    let user = made.field("id");
    let role = realm.at(&format!("/users/{user}/roles/auditor"));
    let _ = realm.api.put(&role, Value::Null).await.is(200);
    let path = realm.at(&format!("/users/{user}/invitation"));
    let _ = realm.api.post(&path, Value::Null).await.is(200);
    let letter = letter_to(&mail, &email);
    assert!(letter.text().contains("7 days"), "{}", letter.text());
    let (mut browser, chosen) = (Browser::new(&realm), password());
    let _ = press(&mut browser, &letter.link(), &[("password", &chosen)])
        .await
        .is(200);
    assert!(realm.lets_in(&web, &email, &chosen).await);
    let _ = browser.open(&letter.link()).await.page().is(400);
    let _ = realm.api.post(&path, Value::Null).await.is(409);
    assert_eq!(profile(&realm, &user).await["email_verified"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_server_nothing_offers_what_needs_one() {
    let server = Server::start(Options::default());
    let realm = Realm::on(&server).await;
    realm
        .set(json!({ "registration": { "self_registration": true }, "mail": { "sign_in": "code" } }))
        .await;
    let (web, alice) = (realm.application("web").await, realm.user().await);
    for page in ["recovery", "registration"] {
        let _ = Browser::new(&realm)
            .open(&format!("{}/{page}", realm.issuer()))
            .await
            .page()
            .is(404);
    }
    for verb in ["invitation", "email-verification"] {
        let path = realm.at(&format!("/users/{}/{verb}", alice.id));
        let _ = realm.api.post(&path, Value::Null).await.is(503);
    }
    let request = Authorization::new(&realm, &web, "openid");
    let page = Browser::new(&realm).open(&request.url()).await.sign_in_page();
    assert!(!page.text.contains("/recovery") && !page.text.contains("/registration"));
}

/// The requests by which a letter is used.
async fn uses(
    realm: &Realm,
    web: &Application,
    mail: &MailServer,
    people: &[User],
) -> Vec<(&'static str, Uses)> {
    let mut browser = Browser::new(realm);
    let _ = recover(&mut browser, realm, &people[0].username).await.is(200);
    let letter = letter_to(mail, &people[0].email);
    let page = browser.open(&letter.link()).await.page().is(200);
    let mut recovery = form_of(&page.text);
    recovery.hidden.extend(fields(&[("password", &password())]));
    let mut browser = Browser::new(realm);
    let request = Authorization::new(realm, web, "openid");
    let _ = choose(&mut browser, &request, &people[1].username, "email")
        .await
        .is(200);
    let letter = letter_to(mail, &people[1].email);
    let page = browser.open(&letter.link()).await.page().is(200);
    let link = form_of(&page.text);
    vec![
        (
            "a link to set a password",
            Uses::new(realm, &Browser::new(realm), &recovery.action, recovery.hidden),
        ),
        (
            "a link to sign in",
            Uses::new(realm, &browser, &link.action, link.hidden),
        ),
    ]
}

/// A form that is sent more than once.
struct Uses {
    http: reqwest::Client,
    url: String,
    cookies: String,
    form: Vec<(String, String)>,
}

impl Uses {
    fn new(realm: &Realm, browser: &Browser, action: &str, form: Vec<(String, String)>) -> Self {
        let cookies = browser
            .cookies()
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"));
        Self {
            http: browser.http().clone(),
            url: format!("{}{action}", realm.api.base()),
            cookies: cookies.collect::<Vec<_>>().join("; "),
            form,
        }
    }

    fn request(&self) -> reqwest::RequestBuilder {
        self.http
            .post(&self.url)
            .header("cookie", &self.cookies)
            .form(&self.form)
    }

    /// How many of so many at once succeed; the others are refused, and nothing breaks.
    async fn successes(&self, what: &str, times: usize) -> usize {
        let answers = at_once(times, |_| Answer::to(self.request())).await;
        let odd = answers
            .iter()
            .find(|answer| ![200, 303, 400, 401, 429, 503].contains(&answer.status));
        assert!(odd.is_none(), "{what}: {odd:?}");
        let done = answers
            .iter()
            .filter(|answer| [200, 303].contains(&answer.status));
        done.count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_works_once_for_a_hundred_also_across_a_restart() {
    let Some(mail) = MailServer::start() else { return };
    let mut server = mailing(&mail);
    let realm = Realm::on(&server).await;
    realm.set(json!({ "mail": { "sign_in": "code_and_link" } })).await;
    let web = realm.application("web").await;
    let mut people = Vec::new();
    for _ in 0..4 {
        people.push(realm.user_with(json!({ "email_verified": true })).await);
    }
    let used = uses(&realm, &web, &mail, &people[..2]).await;
    for (what, uses) in &used {
        assert_eq!(uses.successes(what, 100).await, 1, "{what}");
    }
    let kept = uses(&realm, &web, &mail, &people[2..]).await;
    server.kill();
    let _server = server.restart();
    for (what, uses) in &used {
        assert_eq!(uses.successes(what, 1).await, 0, "{what} was used before");
    }
    for (what, uses) in &kept {
        assert_eq!(uses.successes(what, 20).await, 1, "{what}, after the restart");
    }
}
