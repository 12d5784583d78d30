//! Signing in, recovering and registering by what is mailed, and whoever tries to by something else. The letters are read where the reactor
//! reads them: their codes and links follow from what the log tells and a key of the realm.

use events::{
    letters::{LetterKind, Mailbox, Request as Letter},
    realms::{MailSettings, MailSignIn, MfaPolicy, RegistrationSettings, Settings, SettingsChange},
};

use super::*;
use crate::letters::{proof, request::mailbox};

async fn set(world: &World, mail: MailSettings) {
    let change = SettingsChange {
        mail: Some(mail),
        registration: Some(RegistrationSettings {
            self_registration: true,
            ..RegistrationSettings::default()
        }),
        ..SettingsChange::default()
    };
    world
        .tell::<Settings>(DEMO, DEMO.0, RealmEvent::SettingsChanged(change))
        .await;
}

/// A realm where people sign in by mail, and alice's address is known to be hers.
async fn mailing(sign_in: MailSignIn) -> World {
    let world = World::mailing().await;
    let mail = MailSettings {
        sign_in,
        ..MailSettings::default()
    };
    set(&world, mail).await;
    world
        .tell::<User>(DEMO, ALICE.0, UserEvent::EmailVerified {})
        .await;
    world
}

/// The last letter of a kind to whoever has this name, and its mailbox.
async fn letter(world: &World, name: &str, kind: LetterKind) -> (Uuid, Letter) {
    let (_, mailbox) = mailbox(world.kernel(), DEMO, name).await.unwrap();
    let state = world
        .kernel()
        .latest::<Mailbox>(DEMO, mailbox)
        .await
        .unwrap()
        .state;
    (mailbox, state.last[&kind].clone())
}

pub(super) async fn code(world: &World, name: &str, kind: LetterKind) -> String {
    let (mailbox, letter) = letter(world, name, kind).await;
    let code = proof::code(world.kernel(), DEMO, mailbox, letter.event)
        .await
        .unwrap();
    code.to_string()
}

async fn link(world: &World, name: &str, kind: LetterKind) -> String {
    let (mailbox, letter) = letter(world, name, kind).await;
    let token = proof::token(world.kernel(), DEMO, mailbox, letter.event)
        .await
        .unwrap();
    token.to_string()
}

pub(super) fn wrong(code: &str) -> String {
    let turned = code
        .bytes()
        .map(|digit| char::from(b'0' + (digit - b'0' + 1) % 10));
    turned.collect()
}

/// Asks for a letter in a sign-in: the page that asks for its code.
async fn asked(browser: &Browser<'_>, name: &str) -> Answer {
    let flow = browser.flow(&[]).await;
    let page = browser.step(&flow, &[("username", name)]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    browser.step(&page.flow(), &[("use", "email")]).await
}

#[tokio::test]
async fn the_code_of_a_letter_opens_the_sign_in_that_it_was_asked_for_and_once() {
    let world = mailing(MailSignIn::Code).await;
    let browser = Browser::new(&world);
    let page = asked(&browser, "alice").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let code = code(&world, "alice", LetterKind::SignIn).await;
    let refused = browser.step(&page.flow(), &[("email_code", &wrong(&code))]).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    // Another browser, and another sign-in in this one.
    let elsewhere = Browser::new(&world);
    let other = asked(&elsewhere, " ALICE ").await;
    assert_eq!(
        other.status,
        StatusCode::TOO_MANY_REQUESTS,
        "one mailbox, by whatever name"
    );
    let answer = elsewhere.step(&other.flow(), &[("email_code", &code)]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let spaced = format!(" {} {} ", &code[..3], &code[3..]);
    let answer = browser.step(&refused.flow(), &[("email_code", &spaced)]).await;
    let redeemed = world.redeem(&answer.param("code")).await;
    let claims = world
        .id_claims(redeemed.json()["id_token"].as_str().unwrap())
        .await;
    assert_eq!(claims.get("acr").unwrap(), "urn:chancery:acr:aal1");
    let again = browser.step(&refused.flow(), &[("email_code", &code)]).await;
    assert!(again.status.is_client_error(), "{}", again.status);
}

#[tokio::test]
async fn a_code_is_tried_five_times_and_the_right_one_is_then_wrong() {
    let world = mailing(MailSignIn::Code).await;
    let browser = Browser::new(&world);
    let mut page = asked(&browser, "alice").await;
    let code = code(&world, "alice", LetterKind::SignIn).await;
    // An old page brings no tries back: they are told to the log.
    let first = page.flow();
    for _ in 0..5 {
        page = browser.step(&first, &[("email_code", &wrong(&code))]).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    }
    let answer = browser.step(&first, &[("email_code", &code)]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    world.clock.advance(31);
    let page = browser.step(&page.flow(), &[("use", "email")]).await;
    let next = self::code(&world, "alice", LetterKind::SignIn).await;
    assert_eq!(
        browser.step(&page.flow(), &[("email_code", &next)]).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn a_letter_is_over_after_ten_minutes_and_voided_by_the_next() {
    let world = mailing(MailSignIn::Code).await;
    let browser = Browser::new(&world);
    let page = asked(&browser, "alice").await;
    let first = code(&world, "alice", LetterKind::SignIn).await;
    world.clock.advance(30);
    let page = browser.step(&page.flow(), &[("use", "email")]).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let second = code(&world, "alice", LetterKind::SignIn).await;
    if first != second {
        let refused = browser.step(&page.flow(), &[("email_code", &first)]).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }
    world.clock.advance(600);
    let refused = browser.step(&page.flow(), &[("email_code", &second)]).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_name_that_nobody_has_and_an_address_that_nobody_has_shown_are_asked_alike() {
    let world = mailing(MailSignIn::CodeAndLink).await;
    let bare = |answer: &Answer, name: &str| {
        let cookies = answer.headers.get_all(header::SET_COOKIE);
        let cookies: Vec<_> = cookies
            .iter()
            .map(|cookie| cookie.to_str().unwrap().split('=').next().unwrap().to_owned())
            .collect();
        let text = answer.body.replace(&answer.flow(), "FLOW").replace(name, "NAME");
        (answer.status, cookies, text, answer.flow().len())
    };
    let known = asked(&Browser::new(&world), "alice").await;
    let nobody = asked(&Browser::new(&world), "nobod").await;
    assert_eq!(bare(&known, "alice"), bare(&nobody, "nobod"));
    // The letter to nobody is one that is asked for; the reactor finds nobody to send it to.
    let (_, letter) = letter(&world, "nobod", LetterKind::SignIn).await;
    assert_eq!((letter.user, letter.address), (None, None));
    let browser = Browser::new(&world);
    world.clock.advance(31);
    let page = asked(&browser, "nobod").await;
    let theirs = code(&world, "nobod", LetterKind::SignIn).await;
    let refused = browser.step(&page.flow(), &[("email_code", &theirs)]).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_link_goes_on_in_its_browser_and_shows_its_code_in_another() {
    let world = mailing(MailSignIn::CodeAndLink).await;
    let (browser, another) = (Browser::new(&world), Browser::new(&world));
    let _ = asked(&browser, "alice").await;
    let path = format!(
        "/realms/demo/letter?token={}",
        link(&world, "alice", LetterKind::SignIn).await
    );
    let code = code(&world, "alice", LetterKind::SignIn).await;
    let shown = another.get(&path).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(
        shown.body.contains(&code) && !shown.body.contains("<form"),
        "{}",
        shown.body
    );
    let page = browser.get(&path).await;
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.contains("form-action 'self' https://app.example"),
        "{policy}"
    );
    let answer = browser.step(&page.flow(), &[("email_code", &code)]).await;
    assert_eq!(answer.param("state"), "the-state");
    assert_eq!(browser.get(&path).await.status, StatusCode::BAD_REQUEST);
    let other_realm = path.replace("/demo/", "/other/");
    assert_eq!(another.get(&other_realm).await.status, StatusCode::BAD_REQUEST);
}

async fn set_password(world: &World, token: &str, password: &str) -> Answer {
    let fields = [("token", token), ("password", password)];
    world.send(form("/realms/demo/letter", &fields)).await
}

#[tokio::test]
async fn a_link_sets_a_password_once_and_ends_what_began_before() {
    const CHOSEN: &str = "a heron stands in shallow water";
    let world = mailing(MailSignIn::Off).await;
    let (_, tokens) = world.tokens("openid offline_access").await;
    let asked = world
        .send(form("/realms/demo/recovery", &[("username", "alice")]))
        .await;
    assert_eq!(asked.status, StatusCode::OK);
    let token = link(&world, "alice", LetterKind::PasswordRecovery).await;
    for bad in ["", "A", &token[1..], &format!("{token}A")] {
        assert_eq!(
            set_password(&world, bad, CHOSEN).await.status,
            StatusCode::BAD_REQUEST,
            "{bad}"
        );
    }
    assert_eq!(
        set_password(&world, &token, "alicealicealice").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let answers = at_once((0..20).map(|_| set_password(&world, &token, CHOSEN))).await;
    let done = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::OK)
        .count();
    assert_eq!(
        done,
        1,
        "{:?}",
        answers.iter().map(|answer| answer.status).collect::<Vec<_>>()
    );
    let refreshed = world.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refreshed.status, StatusCode::BAD_REQUEST);
    world.clock.advance(1);
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    assert_eq!(
        browser.submit(&flow, "alice", PASSWORD).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        browser.submit(&flow, "alice", CHOSEN).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn a_registration_is_finished_by_who_reads_the_mailbox() {
    let world = mailing(MailSignIn::Off).await;
    let browser = Browser::new(&world);
    let ask = async |email: &str| {
        browser
            .go(form("/realms/demo/registration", &[("email", email)]))
            .await
    };
    let (fresh, taken) = (ask("bob@example.org").await, ask("alice").await);
    assert_eq!(
        taken.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "a name is no address"
    );
    let fields = [("flow", &*fresh.flow()), ("code", "000")].map(|(name, value)| (name, value.to_owned()));
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let refused = browser.go(form("/realms/demo/registration", &fields)).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let token = link(&world, "bob@example.org", LetterKind::Registration).await;
    let password = "a heron stands in shallow water";
    let fields = [
        ("token", token.as_str()),
        ("password", password),
        ("given_name", "Bob"),
    ];
    let done = world.send(form("/realms/demo/letter", &fields)).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    world.clock.advance(1);
    let flow = browser.flow(&[]).await;
    let answer = browser.submit(&flow, "bob@example.org", password).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(
        world.send(form("/realms/demo/letter", &fields)).await.status,
        StatusCode::BAD_REQUEST
    );
}

const HERON: &str = "a heron stands in shallow water";

/// Asks for the letter of a registration that is part of a sign-in: the page that asks for its code.
async fn registers(browser: &Browser<'_>, flow: &str, email: &str) -> Answer {
    let link = format!("/realms/demo/registration?flow={flow}");
    let page = browser.get(&link).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let fields = [("flow", &*page.flow()), ("email", email)];
    browser.go(form("/realms/demo/registration", &fields)).await
}

/// Sends the form that a letter leads to, as it was shown.
async fn details(browser: &Browser<'_>, page: &Answer, token: &str) -> Answer {
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let fields = [("token", token), ("flow", &page.flow()), ("password", HERON)];
    browser.go(form("/realms/demo/letter", &fields)).await
}

#[tokio::test]
async fn a_registration_leads_to_where_the_sign_in_does_that_it_is_part_of() {
    let world = mailing(MailSignIn::Off).await;
    let browser = Browser::new(&world);
    let page = browser
        .get(&format!("/realms/demo/sign-in?flow={}", browser.flow(&[]).await))
        .await;
    assert!(
        page.body.contains("/realms/demo/registration?flow="),
        "{}",
        page.body
    );

    // By the code.
    let asked = registers(&browser, &page.flow(), "bob@example.org").await;
    let number = code(&world, "bob@example.org", LetterKind::Registration).await;
    let fields = [("flow", &*asked.flow()), ("code", &number)];
    let form_of_bob = browser.go(form("/realms/demo/registration", &fields)).await;
    let token = link(&world, "bob@example.org", LetterKind::Registration).await;
    let code = details(&browser, &form_of_bob, &token).await.param("code");
    assert!(world.redeem(&code).await.json()["id_token"].is_string());
    assert!(
        !browser.authorize(&[]).await.param("code").is_empty(),
        "a session"
    );

    // By the link, in the browser in which it was begun; with a session of somebody else.
    let started = browser
        .authorize(&[("prompt", "create"), ("login_hint", "eve@example.org")])
        .await;
    let (_, flow) = started
        .location()
        .split_once("/realms/demo/registration?flow=")
        .unwrap();
    assert!(
        browser
            .get(started.location())
            .await
            .body
            .contains(r#"value="eve@example.org""#)
    );
    registers(&browser, flow, "eve@example.org").await;
    let token = link(&world, "eve@example.org", LetterKind::Registration).await;
    let shown = browser.get(&format!("/realms/demo/letter?token={token}")).await;
    assert!(
        shown.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("form-action 'self' https://")
    );
    let code = details(&browser, &shown, &token).await.param("code");
    let claims = world.redeem(&code).await.json();
    let eve = world.id_claims(claims["id_token"].as_str().unwrap()).await;
    let (_, bob) = mailbox(world.kernel(), DEMO, "bob@example.org").await.unwrap();
    assert_ne!(eve.string("sub"), Some(&*bob.to_string()));

    // What is required besides is asked for.
    world.mfa(MfaPolicy::Required).await;
    let flow = browser.flow(&[("prompt", "login")]).await;
    registers(&browser, &flow, "joe@example.org").await;
    let token = link(&world, "joe@example.org", LetterKind::Registration).await;
    let shown = browser.get(&format!("/realms/demo/letter?token={token}")).await;
    let next = details(&browser, &shown, &token).await;
    assert!(
        next.body.contains("<svg"),
        "a second factor is enrolled: {}",
        next.body
    );
}

#[tokio::test]
async fn nobody_is_led_into_a_session_by_a_registration_that_they_did_not_begin() {
    let world = mailing(MailSignIn::Off).await;
    let (theirs, mine) = (Browser::new(&world), Browser::new(&world));
    let flow = theirs.flow(&[]).await;
    let asked = registers(&theirs, &flow, "bob@example.org").await;
    let token = link(&world, "bob@example.org", LetterKind::Registration).await;

    // A flow of another browser, or made up.
    for flow in [&*asked.flow(), "made-up"] {
        let page = mine.get(&format!("/realms/demo/registration?flow={flow}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        let fields = [("flow", flow), ("email", "eve@example.org")];
        let page = mine.go(form("/realms/demo/registration", &fields)).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
    }
    // The browser has a registration of its own: it is not that of this letter.
    let other = mine.flow(&[]).await;
    let own = registers(&mine, &other, "eve@example.org").await;
    let shown = mine.get(&format!("/realms/demo/letter?token={token}")).await;
    assert!(!shown.body.contains(r#"name="flow""#), "{}", shown.body);
    let fields = [("token", &*token), ("flow", &*own.flow()), ("password", HERON)];
    let done = mine.go(form("/realms/demo/letter", &fields)).await;
    assert_eq!(
        done.status,
        StatusCode::OK,
        "registered, and not signed in: {}",
        done.body
    );
    assert!(done.body.contains("/realms/demo/sign-in"));
    assert_eq!(
        mine.authorize(&[("prompt", "none")]).await.param("error"),
        "login_required"
    );

    // A code page without a letter of its own, and a form without its flow: what the browser keeps is not enough.
    let fields = [("flow", &*mine.flow(&[]).await), ("code", "123456")];
    let refused = mine.go(form("/realms/demo/registration", &fields)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let token = link(&world, "eve@example.org", LetterKind::Registration).await;
    let fields = [("token", &*token), ("password", HERON)];
    let done = mine.go(form("/realms/demo/letter", &fields)).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    assert_eq!(
        mine.authorize(&[("prompt", "none")]).await.param("error"),
        "login_required"
    );
}

#[tokio::test]
async fn where_nobody_registers_whoever_is_asked_to_signs_in() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[("prompt", "create")]).await;
    browser.submit(&flow, "alice", PASSWORD).await.param("code");
    let again = browser.flow(&[("prompt", "create")]).await;
    assert!(!again.is_empty(), "also with a session");
}
