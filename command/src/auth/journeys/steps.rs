//! Signing in step by step: second factors, enrolment, more asked in a session, guards; and what is tried to get around them.

use events::{
    auth::{Assurance, SignInGuard},
    credentials::{RecoveryCodes, Totp},
    realms::{MfaPolicy, MfaSettings, Settings, SettingsChange},
};
use totp::{Secret, step_of};

use super::*;

const AAL2: &str = "urn:chancery:acr:aal2";

impl World {
    pub(super) async fn mfa(&self, policy: MfaPolicy) {
        let change = SettingsChange {
            mfa: Some(MfaSettings {
                policy,
                ..MfaSettings::default()
            }),
            ..SettingsChange::default()
        };
        self.tell::<Settings>(DEMO, DEMO.0, RealmEvent::SettingsChanged(change))
            .await;
    }

    /// The code that a device with this secret shows now.
    pub(super) fn code_of(&self, secret: &Secret) -> String {
        let now = u64::try_from(self.kernel().now().seconds()).unwrap();
        secret.code(step_of(now)).to_string()
    }

    pub(super) async fn totp(&self) -> Totp {
        self.kernel().current::<Totp>(DEMO, ALICE.0).await.unwrap().state
    }

    pub(super) async fn recovery_codes(&self) -> RecoveryCodes {
        self.kernel()
            .current::<RecoveryCodes>(DEMO, ALICE.0)
            .await
            .unwrap()
            .state
    }
}

/// The secret that a page of enrolment shows to be typed.
pub(super) fn secret_on(page: &Answer) -> Secret {
    let (_, after) = page.body.split_once("<code>").expect("a key");
    Secret::parse(after.split_once("</code>").expect("its end").0).expect("base 32")
}

/// The codes that a page shows.
pub(super) fn codes_on(page: &Answer) -> Vec<String> {
    let shown = page.body.split("<li><code>").skip(1);
    shown
        .map(|rest| rest.split_once("</code>").unwrap().0.to_owned())
        .collect()
}

/// Enrols a device of alice's, and gives its secret and the recovery codes.
pub(super) async fn enrol(world: &World) -> (Secret, Vec<String>) {
    world.mfa(MfaPolicy::Required).await;
    let browser = Browser::new(world);
    let flow = browser.flow(&[]).await;
    let page = browser.submit(&flow, "alice", PASSWORD).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let secret = secret_on(&page);
    let fields = [("code", &*world.code_of(&secret)), ("device_name", "Phone")];
    let page = browser.step(&page.flow(), &fields).await;
    let codes = codes_on(&page);
    assert_eq!(codes.len(), 10, "{}", page.body);
    browser.step(&page.flow(), &[]).await.param("code");
    world.mfa(MfaPolicy::Optional).await;
    world.clock.advance(60);
    (secret, codes)
}

#[tokio::test]
async fn whoever_has_a_device_is_asked_for_its_code_and_the_id_token_tells() {
    let world = World::new().await;
    let (secret, _) = enrol(&world).await;
    let head = world.head(Lane::Activity).await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    let page = browser.step(&flow, &[("username", "alice")]).await;
    assert!(page.body.contains(r#"name="password""#) && !page.body.contains(r#"name="code""#));
    let page = browser.step(&page.flow(), &[("password", PASSWORD)]).await;
    assert!(page.body.contains(r#"name="code""#), "{}", page.body);
    let code = browser
        .step(&page.flow(), &[("code", &world.code_of(&secret))])
        .await
        .param("code");
    assert_eq!(
        world.activity(head).await,
        [
            "login.attempted",
            "login.attempted",
            "session.started",
            "known_device.added",
            "guard.cleared",
            "code.issued"
        ]
    );
    let tokens = world.redeem(&code).await.json();
    let claims = world.id_claims(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(claims.string("acr"), Some(AAL2));
    let amr = serde_json::to_value(claims.get("amr")).unwrap();
    assert_eq!(amr, serde_json::json!(["pwd", "otp", "mfa"]));
}

#[tokio::test]
async fn a_code_is_good_once_also_for_those_who_have_the_password() {
    let world = World::new().await;
    let (secret, codes) = enrol(&world).await;
    for (field, value) in [
        ("code", world.code_of(&secret)),
        ("recovery_code", codes[3].to_uppercase()),
    ] {
        // No more than the guard lets through.
        let browsers: Vec<_> = (0..5).map(|_| Browser::new(&world)).collect();
        let mut flows = Vec::new();
        for browser in &browsers {
            let flow = browser.flow(&[]).await;
            flows.push(browser.submit(&flow, "alice", PASSWORD).await.flow());
        }
        // All of them at once, and one after it.
        let answers = at_once(
            browsers
                .iter()
                .zip(&flows)
                .take(4)
                .map(async |(browser, flow)| browser.step(flow, &[(field, &value)]).await),
        )
        .await;
        let signed_in = answers
            .iter()
            .filter(|answer| answer.status == StatusCode::SEE_OTHER)
            .count();
        assert_eq!(signed_in, 1, "{field}");
        world.clock.advance(20);
        let late = browsers[4].step(&flows[4], &[(field, &value)]).await;
        assert_eq!(late.status, StatusCode::UNAUTHORIZED, "{field}");
        assert!(late.body.contains("or was used before"));
        world.clock.advance(3_600);
    }
    assert_eq!(world.recovery_codes().await.remaining(), 9, "a fact that follows");
}

/// Posting what a later step asks for, an empty body, an old page or one of elsewhere leads nowhere.
#[tokio::test]
async fn no_step_is_skipped() {
    let world = World::new().await;
    let (secret, _) = enrol(&world).await;
    let browser = Browser::new(&world);
    let first = browser.flow(&[]).await;
    let code = world.code_of(&secret);
    let answer = browser.step(&first, &[("code", &code)]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "a later step");
    let answer = browser
        .step(&first, &[("username", "alice"), ("code", &code)])
        .await;
    assert!(
        answer.body.contains(r#"name="password""#),
        "a code is no password"
    );
    let second = answer.flow();
    for fields in [
        &[][..],
        &[("use", "totp")],
        &[("decline", "yes")],
        &[("password", "")],
    ] {
        let answer = browser.step(&second, fields).await;
        assert!(answer.body.contains(r#"name="password""#), "{fields:?}");
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
    }
    let third = browser.step(&second, &[("password", PASSWORD)]).await.flow();
    for fields in [
        &[][..],
        &[("decline", "yes")],
        &[("password", PASSWORD)],
        &[("username", "bob")],
        &[("code", "")],
    ] {
        let answer = browser.step(&third, fields).await;
        assert!(
            answer.body.contains(r#"name="code""#),
            "{fields:?} {}",
            answer.body
        );
        assert!(!answer.headers.contains_key(header::SET_COOKIE));
    }
    let elsewhere = Browser::new(&world);
    elsewhere.flow(&[]).await;
    let answer = elsewhere.step(&third, &[("code", &code)]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "another browser");
    // An old page holds what was proven by then.
    let answer = browser.step(&second, &[("code", &code)]).await;
    assert!(answer.body.contains(r#"name="password""#));
    let head = world.head(Lane::Activity).await;
    browser.step(&third, &[("code", &code)]).await.param("code");
    let answer = browser.step(&third, &[("code", &code)]).await;
    assert_ne!(answer.status, StatusCode::SEE_OTHER, "the same form twice");
    let started = world.activity(head).await;
    assert_eq!(
        started.iter().filter(|name| *name == "session.started").count(),
        1
    );
}

#[tokio::test]
async fn a_password_that_is_changed_on_the_way_voids_what_was_shown() {
    let world = World::new().await;
    let (secret, _) = enrol(&world).await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    let page = browser.submit(&flow, "alice", PASSWORD).await;
    world.set_password(DEMO, "another correct horse").await;
    let answer = browser
        .step(&page.flow(), &[("code", &world.code_of(&secret))])
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.body.contains(r#"name="password""#), "{}", answer.body);
}

#[tokio::test]
async fn enrolment_is_offered_or_forced_and_not_a_way_around() {
    let world = World::new().await;
    world.mfa(MfaPolicy::Offered).await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    let page = browser.submit(&flow, "alice", PASSWORD).await;
    assert!(
        page.body.contains("Not now") && page.body.contains("<svg"),
        "{}",
        page.body
    );
    let answer = browser.step(&page.flow(), &[("code", "000000")]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        *secret_on(&answer).base32(),
        *secret_on(&page).base32(),
        "the same picture"
    );
    browser
        .step(&answer.flow(), &[("decline", "yes")])
        .await
        .param("code");
    assert!(
        !browser.authorize(&[]).await.param("code").is_empty(),
        "nobody is asked in the middle of their work"
    );

    world.mfa(MfaPolicy::Required).await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    let page = browser.submit(&flow, "alice", PASSWORD).await;
    assert!(!page.body.contains("Not now"));
    let answer = browser.step(&page.flow(), &[("decline", "yes")]).await;
    assert!(answer.body.contains("<svg"), "it is required");
    // A thief of the password has the same page open when she enrols.
    let thief = Browser::new(&world);
    let flow = thief.flow(&[]).await;
    let theirs = thief.submit(&flow, "alice", PASSWORD).await;
    enrol(&world).await;
    let code = world.code_of(&secret_on(&theirs));
    let answer = thief.step(&theirs.flow(), &[("code", &code)]).await;
    assert!(
        answer.body.contains(r#"name="code""#) && !answer.body.contains("<svg"),
        "{}",
        answer.body
    );
    assert_eq!(world.totp().await.devices.len(), 1);
}

#[tokio::test]
async fn an_application_that_requires_more_gets_it_in_the_session_that_stands() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    browser.code(&[]).await;
    let before = browser.cookies.borrow().clone();
    let (secret, _) = enrol(&world).await;
    // With a device, the session that began without is worth too little by the realm's own policy.
    world.mfa(MfaPolicy::Off).await;
    assert!(!browser.authorize(&[]).await.param("code").is_empty());
    world.mfa(MfaPolicy::Optional).await;
    let required = Some(Assurance::Aal2.acr().to_owned());
    world
        .reconfigure(|settings| settings.required_acr = required)
        .await;
    assert_eq!(
        browser.authorize(&[("prompt", "none")]).await.param("error"),
        "login_required"
    );
    let head = world.head(Lane::Activity).await;
    let flow = browser.flow(&[]).await;
    let page = browser.get(&format!("/realms/demo/sign-in?flow={flow}")).await;
    assert!(
        page.body.contains(r#"name="code""#) && !page.body.contains(r#"name="password""#),
        "only what is missing"
    );
    let thief = Browser::new(&world);
    *thief.cookies.borrow_mut() = before;
    thief.cookies.borrow_mut().retain(|name, _| name.contains("flow"));
    let stolen = thief.step(&flow, &[("code", &world.code_of(&secret))]).await;
    assert_eq!(stolen.status, StatusCode::BAD_REQUEST, "without the session");
    let before = browser.cookies.borrow().clone();
    let code = browser
        .step(&flow, &[("code", &world.code_of(&secret))])
        .await
        .param("code");
    assert_eq!(
        world.activity(head).await,
        [
            "login.attempted",
            "session.elevated",
            "guard.cleared",
            "code.issued"
        ]
    );
    assert_ne!(before, *browser.cookies.borrow(), "the cookie is new");
    let tokens = world.redeem(&code).await.json();
    let claims = world.id_claims(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(claims.string("acr"), Some(AAL2));
    assert!(
        !browser.authorize(&[]).await.param("code").is_empty(),
        "once is enough"
    );
    *browser.cookies.borrow_mut() = before;
    browser.flow(&[]).await;
}

#[tokio::test]
async fn what_a_request_asks_for_is_reached_or_told() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let code = browser.code(&[("acr_values", AAL2)]).await;
    let tokens = world.redeem(&code).await.json();
    let claims = world.id_claims(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(
        claims.string("acr"),
        Some("urn:chancery:acr:aal1"),
        "voluntary: she has no second factor"
    );
    let essential = format!(r#"{{"id_token": {{"acr": {{"essential": true, "value": "{AAL2}"}}}}}}"#);
    world.mfa(MfaPolicy::Off).await;
    let flow = browser.flow(&[("claims", &essential)]).await;
    let answer = browser.step(&flow, &[]).await;
    assert_eq!(answer.param("error"), "unmet_authentication_requirements");
    world.mfa(MfaPolicy::Optional).await;
    let flow = browser.flow(&[("claims", &essential)]).await;
    let page = browser.get(&format!("/realms/demo/sign-in?flow={flow}")).await;
    assert!(
        page.body.contains("<svg") && !page.body.contains("Not now"),
        "{}",
        page.body
    );
    let secret = secret_on(&page);
    let page = browser
        .step(&page.flow(), &[("code", &world.code_of(&secret))])
        .await;
    browser.step(&page.flow(), &[]).await.param("code");
}

#[tokio::test]
async fn a_recovery_code_stands_in_for_the_device_and_can_be_chosen() {
    let world = World::new().await;
    let (_, codes) = enrol(&world).await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    let page = browser.submit(&flow, "alice", PASSWORD).await;
    assert!(page.body.contains("Use a recovery code"));
    let page = browser.step(&page.flow(), &[("use", "recovery_code")]).await;
    assert!(page.body.contains(r#"name="recovery_code""#), "{}", page.body);
    let wrong = browser
        .step(&page.flow(), &[("recovery_code", "abcd-efgh-jkmn")])
        .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.body.contains(r#"name="recovery_code""#));
    let typed = codes[0].replace('-', " ").to_uppercase();
    browser
        .step(&wrong.flow(), &[("recovery_code", &typed)])
        .await
        .param("code");
    assert_eq!(world.recovery_codes().await.remaining(), 9);
}

/// A thousand guesses at once, at an account that there is and at one that there is not.
#[tokio::test]
async fn parallel_guesses_are_judged_no_more_often_than_the_guard_lets_through() {
    let world = World::new().await;
    for name in ["alice", "nobody"] {
        let head = world.head(Lane::Activity).await;
        let browser = Browser::new(&world);
        let flow = browser.flow(&[]).await;
        let aliases = [name, &name.to_uppercase(), &format!(" {name} ")].map(str::to_owned);
        let answers =
            at_once((0..100).map(|guess| browser.submit(&flow, &aliases[guess % 3], "wrong"))).await;
        let told = world.activity(head).await;
        let judged = told.iter().filter(|event| *event == "login.failed").count();
        assert!((1..=10).contains(&judged), "{name}: {judged}");
        assert_eq!(
            told.iter().filter(|event| *event == "login.attempted").count(),
            judged
        );
        let refused = answers
            .iter()
            .filter(|answer| answer.status == StatusCode::UNAUTHORIZED)
            .count();
        assert_eq!(refused, judged);
        // One after the other: what was left is judged, and then there is a delay.
        for _ in judged..10 {
            browser.submit(&flow, name, "wrong").await;
        }
        let answer = browser.submit(&flow, name, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{name}");
        assert_eq!(answer.headers[header::RETRY_AFTER], "1");
        assert!(answer.body.contains("Too many attempts"));
    }
    let guard = world
        .kernel()
        .current::<SignInGuard>(DEMO, ALICE.0)
        .await
        .unwrap()
        .state;
    assert_eq!(guard.attempts, 10);
    world.clock.advance(1);
    Browser::new(&world).code(&[]).await;
}
