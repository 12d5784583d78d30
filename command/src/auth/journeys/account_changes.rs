//! What people change of their own on the account pages: sessions, password, second factors; that it takes a proof of the last ten minutes,
//! and that nobody locks themselves out.

use events::{auth::Session, ids::SessionId, realms::MfaPolicy, users::Password};

use super::{
    steps::{codes_on, enrol, secret_on},
    *,
};

const SESSIONS: &str = "/realms/demo/account/sessions";
const CREDENTIALS: &str = "/realms/demo/account/credentials";
const NEW_PASSWORD: &str = "/realms/demo/account/password";
const OTHER_PASSWORD: &str = "a river of green ink at noon";

impl Browser<'_> {
    /// Opens a page of alice's account, and answers whatever is asked on the way: her password, a code of this device.
    async fn opens(&self, page: &str, secret: Option<&totp::Secret>) -> Answer {
        let mut answer = self.get(page).await;
        for _ in 0..5 {
            answer = if answer.status == StatusCode::SEE_OTHER {
                self.get(answer.location()).await
            } else if answer.body.contains(r#"name="username" type="text""#) {
                self.submit(&answer.flow(), "alice", PASSWORD).await
            } else if answer.body.contains(r#"name="code""#) {
                let code = self.world.code_of(secret.expect("a device"));
                self.step(&answer.flow(), &[("code", &code)]).await
            } else {
                break;
            };
        }
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer
    }

    /// Posts to a page of the account what its own form carries, with more.
    async fn changes(&self, page: &str, shown: &Answer, fields: &[(&str, &str)]) -> Answer {
        let flow = shown.own_form(page);
        let fields: Vec<_> = [("flow", flow.as_str())]
            .into_iter()
            .chain(fields.iter().copied())
            .collect();
        self.go(form(page, &fields)).await
    }

    async fn is_signed_in(&self) -> bool {
        self.get(super::account::ACCOUNT).await.status == StatusCode::OK
    }
}

/// The ids that the buttons of a page carry.
pub(super) fn values_of(page: &Answer, name: &str) -> Vec<String> {
    let mark = format!(r#"name="{name}" value=""#);
    let found = page.body.split(&mark).skip(1);
    found
        .map(|rest| rest.split_once('"').unwrap().0.to_owned())
        .collect()
}

#[tokio::test]
async fn one_sees_where_one_is_signed_in_and_signs_out_elsewhere() {
    let world = World::new().await;
    let here = Browser::new(&world);
    here.opens(SESSIONS, None).await;
    let others: Vec<_> = (0..3).map(|_| Browser::new(&world)).collect();
    for other in &others {
        other.opens(SESSIONS, None).await;
    }
    let page = here.get(SESSIONS).await;
    assert_eq!(page.body.matches("class=\"tag\"").count(), 1);
    assert!(
        page.body.contains("8 hours") && page.body.contains("7 days"),
        "{}",
        page.body
    );
    let listed = values_of(&page, "session");
    assert_eq!(listed.len(), 3, "all but this one can be signed out");

    let answer = here.changes(SESSIONS, &page, &[("session", &listed[0])]).await;
    assert_eq!(answer.location(), format!("{SESSIONS}?done=ended"));
    let mut standing = 0;
    for other in &others {
        standing += usize::from(other.is_signed_in().await);
    }
    assert_eq!(standing, 2);
    // The same again does no harm, and what is not there is told.
    let again = here.changes(SESSIONS, &page, &[("session", &listed[0])]).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    for unknown in ["", "x", "00000000-0000-0000-0000-0000000000c2"] {
        let answer = here.changes(SESSIONS, &page, &[("session", unknown)]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{unknown}");
    }

    let answer = here.changes(SESSIONS, &page, &[("others", "yes")]).await;
    assert_eq!(answer.location(), format!("{SESSIONS}?done=others"));
    assert!(here.is_signed_in().await);
    for other in &others {
        assert!(!other.is_signed_in().await);
    }
    // Also one that the page did not show, and this one goes on when it is done again.
    let late = Browser::new(&world);
    late.opens(SESSIONS, None).await;
    here.changes(SESSIONS, &page, &[("others", "yes")]).await;
    assert!(here.is_signed_in().await && !late.is_signed_in().await);
    let page = here.get(SESSIONS).await;
    assert!(!page.body.contains("Sign out everywhere else"), "{}", page.body);
}

#[tokio::test]
async fn nobody_ends_the_session_of_somebody_else() {
    let world = World::new().await;
    // There is a form for another session of hers.
    let (here, other) = (Browser::new(&world), Browser::new(&world));
    other.opens(SESSIONS, None).await;
    here.opens(SESSIONS, None).await;
    let bob = SessionId(Uuid::from_u128(0xb0b5));
    let started = events::auth::AuthEvent::SessionStarted {
        user: UserId(Uuid::from_u128(0xb0b)),
        client: None,
        amr: vec!["pwd".to_owned()],
        expires: world.kernel().now().after_seconds(3_600),
        last_ending: 0,
        proofs: Vec::new(),
    };
    world.tell::<Session>(DEMO, bob.0, started).await;
    let shown = here.get(SESSIONS).await;
    assert!(!shown.body.contains(&bob.to_string()));
    let answer = here
        .changes(
            SESSIONS,
            &here.get(SESSIONS).await,
            &[("session", &bob.to_string())],
        )
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let session = world.kernel().latest::<Session>(DEMO, bob.0).await.unwrap().state;
    assert!(!session.ended);
    // A form of another page is none of this one.
    let credentials = here.opens(CREDENTIALS, None).await;
    assert!(!credentials.body.contains("alice@"));
    let foreign = here.opens(NEW_PASSWORD, None).await.own_form(NEW_PASSWORD);
    let fields = [("flow", foreign.as_str()), ("others", "yes")];
    let answer = here.go(form(SESSIONS, &fields)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_password_is_changed_by_who_has_just_shown_who_they_are_and_ends_all_other_sessions() {
    let world = World::new().await;
    let (here, other) = (Browser::new(&world), Browser::new(&world));
    other.opens(SESSIONS, None).await;
    let page = here.opens(NEW_PASSWORD, None).await;
    assert!(page.body.contains("at least 15 characters"), "{}", page.body);
    let before = here.cookies.borrow().clone();
    for (new, again, said) in [
        ("", "", "Type the new password"),
        (
            OTHER_PASSWORD,
            "something else that is long",
            "The two are not the same",
        ),
        ("too short", "too short", "at least 15 characters"),
        ("alicealicealicealice", "alicealicealicealice", "Choose"),
    ] {
        let answer = here
            .changes(NEW_PASSWORD, &page, &[("new_password", new), ("repeated", again)])
            .await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{new}");
        assert!(answer.body.contains(said), "{said}: {}", answer.body);
        assert!(!answer.body.contains(&format!("value=\"{new}\"")) || new.is_empty());
    }
    // Ten minutes later it is asked anew who it is, also of who has the form at hand.
    world.clock.advance(600);
    let fields = [("new_password", OTHER_PASSWORD), ("repeated", OTHER_PASSWORD)];
    let answer = here.changes(NEW_PASSWORD, &page, &fields).await;
    assert!(
        answer.location().starts_with("/realms/demo/sign-in?flow="),
        "{}",
        answer.location()
    );
    assert!(
        other
            .get(NEW_PASSWORD)
            .await
            .location()
            .contains("/sign-in?flow=")
    );
    let asked = here.get(answer.location()).await;
    assert!(asked.body.contains("Enter your password"), "{}", asked.body);
    assert!(
        asked.body.contains(r#"href="/realms/demo/account/credentials""#),
        "a way back"
    );
    let wrong = here
        .step(&asked.flow(), &[("password", "not her password")])
        .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let back = here.step(&asked.flow(), &[("password", PASSWORD)]).await;
    assert_eq!(back.location(), NEW_PASSWORD);
    let page = here.get(NEW_PASSWORD).await;
    let set = world
        .kernel()
        .latest::<Password>(DEMO, ALICE.0)
        .await
        .unwrap()
        .version;
    let answer = here.changes(NEW_PASSWORD, &page, &fields).await;
    assert_eq!(
        answer.location(),
        format!("{CREDENTIALS}?done=password"),
        "{}",
        answer.body
    );
    assert_eq!(
        world
            .kernel()
            .latest::<Password>(DEMO, ALICE.0)
            .await
            .unwrap()
            .version,
        set + 1
    );
    assert!(
        here.get(answer.location())
            .await
            .body
            .contains("Your password is changed")
    );
    assert!(!other.is_signed_in().await);
    // The cookie of before is void, and the new one goes on, with what was proven.
    let stale = Browser::new(&world);
    *stale.cookies.borrow_mut() = before;
    assert!(!stale.is_signed_in().await);
    assert_eq!(here.get(NEW_PASSWORD).await.status, StatusCode::OK);
    let again = Browser::new(&world);
    let flow = again.flow(&[]).await;
    assert_eq!(
        again.submit(&flow, "alice", PASSWORD).await.status,
        StatusCode::UNAUTHORIZED
    );
    again.submit(&flow, "alice", OTHER_PASSWORD).await.param("code");
}

#[tokio::test]
async fn what_the_session_gave_to_applications_goes_on_when_its_owner_changes_the_password_in_it() {
    let world = World::new().await;
    let (here, tokens) = world.tokens("openid offline_access").await;
    let (_, others) = world.tokens("openid offline_access").await;
    let page = here.opens(NEW_PASSWORD, None).await;
    let fields = [("new_password", OTHER_PASSWORD), ("repeated", OTHER_PASSWORD)];
    here.changes(NEW_PASSWORD, &page, &fields).await;
    assert!(world.is_good(tokens["access_token"].as_str().unwrap()).await);
    assert!(!world.is_good(others["access_token"].as_str().unwrap()).await);
    let refreshed = world.refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refreshed.status, StatusCode::OK, "{}", refreshed.body);
    let refused = world.refresh(others["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refused.error(), "invalid_grant");
}

#[tokio::test]
async fn a_device_is_added_named_and_removed_by_who_shows_what_they_have() {
    let world = World::new().await;
    let (secret, _) = enrol(&world).await;
    let here = Browser::new(&world);
    let page = here.opens(CREDENTIALS, Some(&secret)).await;
    assert!(
        page.body.contains("Phone") && page.body.contains("10 of them are left"),
        "{}",
        page.body
    );
    // Another one is added, and leads back.
    let add = here.get("/realms/demo/sign-in?add=totp&then=account").await;
    let second = secret_on(&add);
    let code = world.code_of(&second);
    let fields = [("code", &*code), ("device_name", "Tablet")];
    let answer = here.step(&add.flow(), &fields).await;
    assert_eq!(answer.location(), CREDENTIALS, "{}", answer.body);
    let page = here.get(CREDENTIALS).await;
    let devices = values_of(&page, "remove_totp");
    assert_eq!(devices.len(), 2);

    // Ten minutes later it is asked anew, and nothing is removed before that.
    world.clock.advance(600);
    let answer = here
        .changes(CREDENTIALS, &page, &[("remove_totp", &devices[0])])
        .await;
    assert!(answer.location().starts_with("/realms/demo/sign-in?flow="));
    assert_eq!(world.totp().await.devices.len(), 2);
    let asked = here.get(answer.location()).await;
    let back = here.step(&asked.flow(), &[("password", PASSWORD)]).await;
    assert_eq!(back.location(), format!("{CREDENTIALS}?done=confirmed"));
    let answer = here
        .changes(CREDENTIALS, &page, &[("remove_totp", &devices[0])])
        .await;
    assert_eq!(
        answer.location(),
        format!("{CREDENTIALS}?done=totp"),
        "{}",
        answer.body
    );
    assert_eq!(world.totp().await.devices.len(), 1);
    let gone = here
        .changes(CREDENTIALS, &page, &[("remove_totp", &devices[0])])
        .await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);

    // The last one that is required stays; new codes void the ones before.
    world.requires(MfaPolicy::Required).await;
    let last = here
        .changes(CREDENTIALS, &page, &[("remove_totp", &devices[1])])
        .await;
    assert_eq!(last.status, StatusCode::CONFLICT);
    assert!(last.body.contains("Add another first"), "{}", last.body);
    let before = world.recovery_codes().await.credential;
    let made = here.changes(CREDENTIALS, &page, &[("new_codes", "yes")]).await;
    assert_eq!(
        (made.status, codes_on(&made).len()),
        (StatusCode::OK, 10),
        "{}",
        made.body
    );
    assert_ne!(world.recovery_codes().await.credential, before);
    assert!(!here.get(CREDENTIALS).await.body.contains("<code>"), "shown once");
}

#[tokio::test]
async fn a_session_that_showed_one_factor_of_two_changes_nothing() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    browser.opens(CREDENTIALS, None).await;
    // The person enrols a device in another browser.
    let (_, _) = enrol(&world).await;
    let devices: Vec<_> = world
        .totp()
        .await
        .devices
        .iter()
        .map(|device| device.credential.to_string())
        .collect();
    let fields = [
        ("flow", "whatever it holds"),
        ("remove_totp", devices[0].as_str()),
    ];
    let answer = browser.go(form(CREDENTIALS, &fields)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let asked = browser.get(answer.location()).await;
    assert!(asked.body.contains(r#"name="code""#), "{}", asked.body);
    assert_eq!(world.totp().await.devices.len(), 1);
    // Nor does it see the page before the other was shown.
    assert_eq!(browser.get(CREDENTIALS).await.status, StatusCode::SEE_OTHER);
}
