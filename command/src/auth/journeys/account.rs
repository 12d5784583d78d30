//! The account pages: who gets to see them, what they say, and that a form changes nothing anywhere but on its own page, in its own session.

use events::{
    compliance::{Consent, consent_id},
    realms::{MfaPolicy, MfaSettings, RealmEvent, Settings, SettingsChange},
};

use super::*;

pub(super) const ACCOUNT: &str = "/realms/demo/account";
const APPLICATIONS: &str = "/realms/demo/account/applications";

impl Browser<'_> {
    /// Opens a page of alice's account, signs her in where that is asked, and gives the page.
    pub(super) async fn account(&self, page: &str) -> Answer {
        let answer = self.get(page).await;
        if answer.status != StatusCode::SEE_OTHER {
            return answer;
        }
        let (at, flow) = answer
            .location()
            .split_once("?flow=")
            .expect("a sign-in under way");
        assert_eq!(at, "/realms/demo/sign-in");
        let back = self.submit(flow, "alice", PASSWORD).await;
        assert_eq!(
            (back.status, back.location()),
            (StatusCode::SEE_OTHER, page),
            "{}",
            back.body
        );
        self.get(page).await
    }

    /// Signs alice in to the application, which asks her, and allows it what it asks for.
    async fn allows(&self, scope: &str) -> Value {
        let changes = [("scope", scope), ("prompt", "consent")];
        let answer = self.authorize(&changes).await;
        let asked = match answer.location().split_once("/sign-in?flow=") {
            Some((_, flow)) => self.submit(flow, "alice", PASSWORD).await,
            None => answer,
        };
        let (_, flow) = asked
            .location()
            .split_once("/consent?flow=")
            .expect("the page that asks");
        let fields = [("flow", flow), ("decision", "allow")];
        let code = self.go(form("/realms/demo/consent", &fields)).await.param("code");
        let answer = self.world.redeem(&code).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()
    }

    async fn withdraw(&self, flow: &str) -> Answer {
        let application = SPA.to_string();
        let fields = [("flow", flow), ("application", application.as_str())];
        self.go(form(APPLICATIONS, &fields)).await
    }
}

impl Answer {
    /// What the forms of a page of the account carry, beside the one that signs out.
    pub(super) fn own_form(&self, action: &str) -> String {
        let tag = format!(r#"<form method="post" action="{action}""#);
        let (_, form) = self
            .body
            .split_once(&tag)
            .unwrap_or_else(|| panic!("no form: {}", self.body));
        let (_, value) = form.split_once(r#"name="flow" value=""#).expect("a sealed field");
        value.split_once('"').expect("its end").0.to_owned()
    }
}

impl World {
    async fn is_allowed(&self) -> bool {
        let id = consent_id(ALICE, SPA);
        let consent = self.kernel().latest::<Consent>(DEMO, id).await.unwrap();
        consent.version != consent.state.withdrawn
    }

    /// The realm requires so much of everybody from now on.
    pub(super) async fn requires(&self, policy: MfaPolicy) {
        let mfa = MfaSettings {
            policy,
            ..MfaSettings::default()
        };
        let change = SettingsChange {
            mfa: Some(mfa),
            ..SettingsChange::default()
        };
        self.tell::<Settings>(DEMO, DEMO.0, RealmEvent::SettingsChanged(change))
            .await;
    }
}

#[tokio::test]
async fn who_is_not_signed_in_is_asked_to_and_comes_back() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    for page in [ACCOUNT, APPLICATIONS] {
        let answer = Browser::new(&world).get(page).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert!(!answer.body.contains("alice"));
    }
    let page = browser.account(ACCOUNT).await;
    assert_eq!(page.status, StatusCode::OK);
    for said in [
        "alice",
        "alice@example.org",
        "A password",
        "1 January 2026, 00:01 UTC",
        r#"aria-current="page""#,
    ] {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(!policy.contains("script-src"), "{policy}");
    // The way out is a form of the same page.
    let (_, sign_out) = page.body.split_once("/oauth2/logout").unwrap();
    let (_, flow) = sign_out.split_once(r#"name="flow" value=""#).unwrap();
    let flow = flow.split_once('"').unwrap().0;
    browser
        .go(form("/realms/demo/oauth2/logout", &[("flow", flow)]))
        .await;
    assert_eq!(browser.get(ACCOUNT).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_that_is_worth_too_little_shows_more_first() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    browser.account(ACCOUNT).await;
    world.requires(MfaPolicy::Required).await;
    let answer = browser.get(ACCOUNT).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let step = browser.get(answer.location()).await;
    assert!(step.body.contains("authenticator app"), "{}", step.body);
    assert_eq!(browser.withdraw("anything").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn what_was_allowed_is_said_in_words_and_what_is_withdrawn_is_void() {
    let world = World::new().await;
    world
        .reconfigure(|settings| settings.consent_required = true)
        .await;
    let browser = Browser::new(&world);
    let none = browser.account(APPLICATIONS).await;
    assert!(
        none.body.contains("You have allowed no application anything"),
        "{}",
        none.body
    );
    let tokens = browser.allows("openid email orders offline_access").await;
    let access = tokens["access_token"].as_str().unwrap();
    let page = browser.get(APPLICATIONS).await;
    for said in [
        "The App",
        "See your e-mail address",
        "Use “orders” in your name",
        "Keep this access",
        "1 January 2026",
    ] {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    assert!(world.is_good(access).await);

    let answer = browser.withdraw(&page.own_form(APPLICATIONS)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(answer.location(), format!("{APPLICATIONS}?done=withdrawn"));
    let after = browser.get(answer.location()).await;
    assert!(after.body.contains("The access was withdrawn") && !after.body.contains("The App"));
    assert!(!world.is_good(access).await);
    let refused = world.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refused.error(), "invalid_grant");
    // The session goes on, and the application may ask again.
    let again = browser.allows("openid").await;
    assert!(world.is_good(again["access_token"].as_str().unwrap()).await);
    assert!(browser.get(APPLICATIONS).await.body.contains("The App"));
}

#[tokio::test]
async fn a_form_changes_nothing_but_on_its_own_page_and_in_its_own_session() {
    let world = World::new().await;
    world
        .reconfigure(|settings| settings.consent_required = true)
        .await;
    let browser = Browser::new(&world);
    browser.allows("openid").await;
    let own = browser.get(APPLICATIONS).await.own_form(APPLICATIONS);
    // Of another browser and session of the same person.
    let elsewhere = Browser::new(&world);
    let theirs = elsewhere.account(APPLICATIONS).await.own_form(APPLICATIONS);
    assert_ne!(own, theirs);
    for flow in ["", "x", &theirs, &own[1..]] {
        let answer = browser.withdraw(flow).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.body.contains("This page was out of date") && answer.body.contains("The App"));
    }
    assert_eq!(elsewhere.withdraw(&own).await.status, StatusCode::BAD_REQUEST);
    // Of nobody, and in a realm where the same person has the same application.
    assert_eq!(
        Browser::new(&world).withdraw(&own).await.status,
        StatusCode::SEE_OTHER
    );
    let application = SPA.to_string();
    let fields = [("flow", own.as_str()), ("application", application.as_str())];
    let other = browser
        .go(form("/realms/other/account/applications", &fields))
        .await;
    assert!(other.location().starts_with("/realms/other/sign-in?flow="));
    // What there is not.
    for application in ["", "x", "00000000-0000-0000-0000-0000000000c2"] {
        let fields = [("flow", own.as_str()), ("application", application)];
        let answer = browser.go(form(APPLICATIONS, &fields)).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{application}");
    }
    // Too old.
    assert!(world.is_allowed().await);
    world.clock.advance(1_800);
    assert_eq!(browser.withdraw(&own).await.status, StatusCode::BAD_REQUEST);
    assert!(world.is_allowed().await);
    let fresh = browser.get(APPLICATIONS).await.own_form(APPLICATIONS);
    // Signed in anew, what was made for the session before is worth nothing.
    let flow = browser.flow(&[("prompt", "login")]).await;
    browser.submit(&flow, "alice", PASSWORD).await;
    assert_eq!(browser.withdraw(&fresh).await.status, StatusCode::BAD_REQUEST);
    assert!(world.is_allowed().await);
    let fresh = browser.get(APPLICATIONS).await.own_form(APPLICATIONS);
    assert_eq!(browser.withdraw(&fresh).await.status, StatusCode::SEE_OTHER);
    assert!(!world.is_allowed().await);
}
