//! Being asked before an application of somebody else gets anything: what is shown, what is remembered, what is
//! not granted, and what ends when it is withdrawn.

use events::compliance::{Consent, consent_id};

use super::*;
use crate::auth::consent::decisions::WithdrawConsent;

impl World {
    async fn consent_required(&self) {
        self.reconfigure(|settings| {
            settings.consent_required = true;
            settings.policy_uri = Some("https://app.example/privacy".to_owned());
        })
        .await;
    }

    async fn withdraw(&self) {
        let command = WithdrawConsent {
            realm: DEMO,
            user: ALICE,
            client: SPA,
        };
        let context = self.kernel().context(Actor::component("test"));
        self.kernel().execute(&context, &command).await.unwrap();
    }
}

impl Browser<'_> {
    /// Signs alice in for the SPA, and gives the address of the page that asks.
    async fn asked(&self, changes: &[(&str, &str)]) -> String {
        let flow = self.flow(changes).await;
        let answer = self.submit(&flow, "alice", PASSWORD).await;
        address(&answer)
    }

    async fn decide(&self, address: &str, decision: &str) -> Answer {
        let flow = address.split_once("flow=").unwrap().1;
        self.go(form(
            "/realms/demo/consent",
            &[("flow", flow), ("decision", decision)],
        ))
        .await
    }
}

fn address(answer: &Answer) -> String {
    let location = answer.location();
    assert!(location.starts_with("/realms/demo/consent?flow="), "{location}");
    location.to_owned()
}

#[tokio::test]
async fn a_person_is_asked_once_and_again_for_more() {
    let world = World::new().await;
    world.consent_required().await;
    let browser = Browser::new(&world);
    let asked = browser.asked(&[("scope", "openid email orders")]).await;
    let page = browser.get(&asked).await;
    assert_eq!(page.status, StatusCode::OK);
    for said in [
        "Allow The App?",
        "alice",
        "e-mail address",
        "orders",
        "https://app.example/privacy",
    ] {
        assert!(page.body.contains(said), "{said}");
    }
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.contains("default-src 'none'") && policy.ends_with("form-action 'self' https://app.example")
    );
    let answer = browser.decide(&asked, "allow").await;
    assert_eq!(world.redeem(&answer.param("code")).await.status, StatusCode::OK);

    // Remembered, for as much.
    assert!(
        !browser
            .authorize(&[("scope", "openid email")])
            .await
            .param("code")
            .is_empty()
    );
    let none = browser
        .authorize(&[("scope", "openid phone"), ("prompt", "none")])
        .await;
    assert_eq!(none.param("error"), "consent_required");
    let claims = r#"{"userinfo": {"phone_number": null}}"#;
    let none = browser.authorize(&[("claims", claims), ("prompt", "none")]).await;
    assert_eq!(none.param("error"), "consent_required");
    let more = address(&browser.authorize(&[("scope", "openid phone")]).await);
    assert!(browser.get(&more).await.body.contains("You allowed before"));
    browser.decide(&more, "allow").await.param("code");
    assert!(
        !browser
            .authorize(&[("scope", "openid email phone")])
            .await
            .param("code")
            .is_empty()
    );
    // Unless it is to be asked.
    let again = address(&browser.authorize(&[("prompt", "consent")]).await);
    assert!(!browser.decide(&again, "allow").await.param("code").is_empty());
}

#[tokio::test]
async fn who_denies_gives_nothing() {
    let world = World::new().await;
    world.consent_required().await;
    let browser = Browser::new(&world);
    let asked = browser.asked(&[]).await;
    let answer = browser.decide(&asked, "deny").await;
    assert_eq!(answer.param("error"), "access_denied");
    assert_eq!(answer.param("state"), "the-state");
    address(&browser.authorize(&[]).await);
    for decision in ["", "maybe"] {
        assert_eq!(
            browser.decide(&asked, decision).await.status,
            StatusCode::BAD_REQUEST
        );
    }
}

#[tokio::test]
async fn the_form_is_of_one_browser_one_session_and_one_use() {
    let world = World::new().await;
    world.consent_required().await;
    let browser = Browser::new(&world);
    let asked = browser.asked(&[]).await;
    let stranger = Browser::new(&world);
    assert_eq!(stranger.get(&asked).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        stranger.decide(&asked, "allow").await.status,
        StatusCode::BAD_REQUEST
    );
    stranger.asked(&[]).await;
    assert_eq!(
        stranger.decide(&asked, "allow").await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        world
            .kernel()
            .current::<Consent>(DEMO, consent_id(ALICE, SPA))
            .await
            .unwrap()
            .version,
        0
    );

    let answers = at_once((0..20).map(|_| browser.decide(&asked, "allow"))).await;
    let codes = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::SEE_OTHER)
        .count();
    assert_eq!(codes, 1);
    // Signed in anew, the form of the session before is worth nothing.
    let asked = address(&browser.authorize(&[("prompt", "consent")]).await);
    let flow = browser.flow(&[("prompt", "login")]).await;
    browser.submit(&flow, "alice", PASSWORD).await;
    assert_eq!(
        browser.decide(&asked, "allow").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn withdrawing_ends_what_was_given_and_what_is_given_after_is_good() {
    let world = World::new().await;
    world.consent_required().await;
    let browser = Browser::new(&world);
    let scope = [("scope", "openid offline_access")];
    let asked = browser.asked(&scope).await;
    let code = browser.decide(&asked, "allow").await.param("code");
    let tokens = world.redeem(&code).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    assert!(world.is_good(access).await);
    let unused = browser.authorize(&scope).await.param("code");
    world.withdraw().await;
    assert!(!world.is_good(access).await);
    assert_eq!(
        world
            .refresh(tokens["refresh_token"].as_str().unwrap())
            .await
            .error(),
        "invalid_grant"
    );
    assert_eq!(world.redeem(&unused).await.error(), "invalid_grant");
    let again = address(&browser.authorize(&scope).await);
    let code = browser.decide(&again, "allow").await.param("code");
    let tokens = world.redeem(&code).await.json();
    assert!(world.is_good(tokens["access_token"].as_str().unwrap()).await);
    assert!(!world.is_good(access).await);
}
