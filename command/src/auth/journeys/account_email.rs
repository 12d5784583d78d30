//! One's e-mail address on the account pages: shown to be one's own, and changed by codes from both ends; by whoever has shown who they are just
//! now, and nobody else.

use events::{
    letters::LetterKind,
    users::{Profile, email_change::EmailChange},
};

use super::{
    mailed::{code, wrong},
    *,
};

const EMAIL: &str = "/realms/demo/account/email";
const OTHER: &str = "alice@other.example";

impl Browser<'_> {
    /// Posts to the page what its own form carries, with more.
    async fn on_email(&self, fields: &[(&str, &str)]) -> Answer {
        let flow = self.get(EMAIL).await.own_form(EMAIL);
        let fields: Vec<_> = [("flow", flow.as_str())]
            .into_iter()
            .chain(fields.iter().copied())
            .collect();
        self.go(form(EMAIL, &fields)).await
    }
}

/// It leads back to the page, which says what was done.
#[track_caller]
fn leads_back(answer: &Answer, done: &str) {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(answer.location(), format!("{EMAIL}?done={done}"));
}

async fn profile(world: &World) -> Profile {
    let user = world.kernel().latest::<User>(DEMO, ALICE.0).await.unwrap();
    user.state.profile
}

#[tokio::test]
async fn an_address_is_shown_to_be_ones_own_by_the_code_that_was_mailed_to_it() {
    let world = World::mailing().await;
    let browser = Browser::new(&world);
    let page = browser.account(EMAIL).await;
    assert!(
        page.body.contains("Not confirmed") && page.body.contains(r#"aria-current="page">E-mail"#),
        "{}",
        page.body
    );
    let answer = browser.on_email(&[("send", "yes")]).await;
    leads_back(&answer, "letter");
    let soon = browser.on_email(&[("send", "yes")]).await;
    assert_eq!(soon.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(soon.headers.contains_key(header::RETRY_AFTER));
    let code = code(&world, "alice", LetterKind::EmailVerification).await;
    for (fields, status) in [
        ([("code", wrong(&code))], StatusCode::UNAUTHORIZED),
        ([("code", String::new())], StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(browser.on_email(&fields).await.status, status, "{fields:?}");
        assert!(!profile(&world).await.email_verified);
    }
    let answer = browser.on_email(&[("code", &code)]).await;
    leads_back(&answer, "verified");
    assert!(profile(&world).await.email_verified);
    let page = browser.get(answer.location()).await;
    assert!(page.body.contains("Your address is confirmed"), "{}", page.body);
    let again = browser.on_email(&[("send", "yes")]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "there is nothing to confirm");
}

#[tokio::test]
async fn another_address_takes_a_fresh_proof_and_the_codes_of_both_ends() {
    let world = World::mailing().await;
    let before = profile(&world).await.email.unwrap();
    // She signs in with it, too: another address takes its place.
    let claim = Some((ClaimKind::LoginName, before.as_str()));
    world
        .tell_claiming::<User>(DEMO, ALICE.0, UserEvent::EmailVerified {}, claim)
        .await;
    let browser = Browser::new(&world);
    browser.account(EMAIL).await;
    world.clock.advance(600);
    let answer = browser.on_email(&[("email", OTHER)]).await;
    assert!(
        answer.location().starts_with("/realms/demo/sign-in?flow="),
        "{}",
        answer.body
    );
    let asked = browser.get(answer.location()).await;
    let back = browser.step(&asked.flow(), &[("password", PASSWORD)]).await;
    leads_back(&back, "confirmed");
    for none in ["not an address", before.as_str()] {
        let answer = browser.on_email(&[("email", none)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{none}");
    }
    let answer = browser.on_email(&[("email", OTHER)]).await;
    leads_back(&answer, "asked");
    let page = browser.get(answer.location()).await;
    assert!(
        page.body.contains(OTHER) && page.body.contains(r#"name="code_before""#),
        "{}",
        page.body
    );

    let new = code(&world, OTHER, LetterKind::EmailChange).await;
    let old = code(&world, "alice", LetterKind::EmailChangeBefore).await;
    let answer = browser.on_email(&[("code_new", &new)]).await;
    leads_back(&answer, "half");
    assert_eq!(profile(&world).await.email.as_deref(), Some(before.as_str()));
    let answer = browser.on_email(&[("code_before", &old)]).await;
    leads_back(&answer, "email");
    let after = profile(&world).await;
    assert_eq!(
        (after.email.as_deref(), after.email_verified),
        (Some(OTHER), true)
    );
    let change = world.kernel().latest::<EmailChange>(DEMO, ALICE.0).await.unwrap();
    assert!(change.state.pending.is_none());
}

#[tokio::test]
async fn a_form_of_another_session_or_page_mails_nothing_and_where_nothing_is_mailed_there_is_no_page() {
    let world = World::mailing().await;
    let (here, there) = (Browser::new(&world), Browser::new(&world));
    let foreign = there.account(EMAIL).await.own_form(EMAIL);
    here.account(EMAIL).await;
    let profile = "/realms/demo/account/profile";
    let other_page = here.get(profile).await.own_form(profile);
    let head = world.head(Lane::Activity).await;
    for flow in [foreign.as_str(), other_page.as_str(), ""] {
        let answer = here.go(form(EMAIL, &[("flow", flow), ("send", "yes")])).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    let told = world.activity(head).await;
    assert!(!told.contains(&"letter.requested".to_owned()), "{told:?}");

    let world = World::new().await;
    let browser = Browser::new(&world);
    let page = browser.account("/realms/demo/account").await;
    assert!(!page.body.contains("/account/email"), "{}", page.body);
    assert_eq!(browser.get(EMAIL).await.status, StatusCode::NOT_FOUND);
}
