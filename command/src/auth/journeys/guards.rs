//! Accounts under attack: what is told of it, who gets in all the same, and who lifts it.

use events::auth::SignInGuard;

use super::*;
use crate::users::guard::LiftGuard;

impl World {
    async fn guard(&self) -> SignInGuard {
        self.kernel().current(DEMO, ALICE.0).await.unwrap().state
    }

    /// Wrong passwords, one after the other, from browsers that nobody knows; how many were judged.
    async fn attack(&self, guesses: usize) -> usize {
        let mut judged = 0;
        for guess in 0..guesses {
            let browser = Browser::new(self);
            let flow = browser.flow(&[]).await;
            let answer = browser.submit(&flow, "alice", &format!("guess {guess}")).await;
            judged += usize::from(answer.status == StatusCode::UNAUTHORIZED);
        }
        judged
    }
}

impl Browser<'_> {
    /// Signs alice in, or tries to, where somebody is signed in already.
    async fn anew(&self, password: &str) -> Answer {
        let flow = self.flow(&[("prompt", "login")]).await;
        self.submit(&flow, "alice", password).await
    }

    fn device_cookie(&self) -> Option<String> {
        let cookies = self.cookies.borrow();
        let mut device = cookies.iter().filter(|(name, _)| name.contains("-device-"));
        device.next().map(|(_, value)| value.clone())
    }
}

#[tokio::test]
async fn a_known_device_gets_in_while_the_account_is_attacked() {
    let world = World::new().await;
    let known = Browser::new(&world);
    known.code(&[]).await;
    assert_eq!(world.attack(30).await, 10);
    let stranger = Browser::new(&world);
    let answer = stranger.anew(PASSWORD).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(known.anew("a slip").await.status, StatusCode::UNAUTHORIZED);
    known.anew(PASSWORD).await.param("code");
    assert_eq!(
        world.guard().await.attempts,
        10,
        "who tried has not got ten more by that"
    );
    let answer = stranger.anew(PASSWORD).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_known_device_has_no_more_attempts_than_an_account() {
    let world = World::new().await;
    let (known, other) = (Browser::new(&world), Browser::new(&world));
    known.code(&[]).await;
    let head = world.head(Lane::Activity).await;
    for _ in 0..10 {
        assert_eq!(known.anew("a slip").await.status, StatusCode::UNAUTHORIZED);
    }
    let answer = known.anew(PASSWORD).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    let told = world.activity(head).await;
    assert_eq!(told.iter().filter(|name| *name == "auth.throttled").count(), 1);
    other.code(&[]).await;
    assert_eq!(world.guard().await.attempts, 0);
}

#[tokio::test]
async fn a_device_is_known_by_our_word_for_this_user_and_realm_and_for_half_a_year() {
    let world = World::new().await;
    let known = Browser::new(&world);
    known.code(&[]).await;
    let cookie = known.device_cookie().unwrap();
    let name = |realm: &str| format!("__Host-chancery-device-{}", &realm.replace('-', "")[20..]);
    let with = |cookie: String, realm: RealmId| {
        let browser = Browser::new(&world);
        browser
            .cookies
            .borrow_mut()
            .insert(name(&realm.to_string()), cookie);
        browser
    };
    world.attack(10).await;
    let forged = [
        cookie.replace(&cookie[33..35], if &cookie[33..35] == "00" { "01" } else { "00" }),
        format!(
            "{}{}",
            &cookie[..cookie.len() - 1],
            if cookie.ends_with('A') { 'E' } else { 'A' }
        ),
        cookie.replacen(
            &ALICE.0.simple().to_string(),
            &Uuid::from_u128(0xb0b).simple().to_string(),
            1,
        ),
        String::new(),
    ];
    for forged in forged {
        let answer = with(forged, DEMO).anew(PASSWORD).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    }
    let planted = with(cookie.clone(), OTHER);
    let other = planted.get("/realms/other/sign-in").await.flow();
    for _ in 0..10 {
        let fields = [("flow", &*other), ("username", "alice"), ("password", "wrong")];
        planted.go(form("/realms/other/sign-in", &fields)).await;
    }
    let guard: SignInGuard = world.kernel().current(OTHER, ALICE.0).await.unwrap().state;
    assert_eq!(guard.attempts, 10, "a cookie of another realm is none");
    with(cookie.clone(), DEMO).anew(PASSWORD).await.param("code");
    world.clock.advance(180 * 86_400);
    world.attack(20).await;
    let answer = with(cookie, DEMO).anew(PASSWORD).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "it was long ago");
}

#[tokio::test]
async fn a_browser_is_known_to_the_last_people_who_signed_in_and_is_told_nothing_by_failing() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    browser.submit(&flow, "alice", "wrong").await;
    assert_eq!(browser.device_cookie(), None);
    browser.code(&[]).await;
    let first = browser.device_cookie().unwrap();
    let id = |cookie: &str| cookie.split('.').nth(1).unwrap().to_owned();
    world.clock.advance(60);
    browser.anew(PASSWORD).await.param("code");
    let second = browser.device_cookie().unwrap();
    assert_ne!(first, second, "it is known from now on");
    assert_eq!(id(&first), id(&second), "as the same");
    let strangers: Vec<_> = (0..9_u128)
        .map(|user| {
            first.replacen(
                &ALICE.0.simple().to_string(),
                &Uuid::from_u128(user).simple().to_string(),
                1,
            )
        })
        .collect();
    let name = browser
        .cookies
        .borrow()
        .keys()
        .find(|name| name.contains("device"))
        .unwrap()
        .clone();
    browser.cookies.borrow_mut().insert(name, strangers.join("~"));
    browser.anew(PASSWORD).await.param("code");
    assert_eq!(browser.device_cookie().unwrap().split('~').count(), 5);
}

#[tokio::test]
async fn an_attack_is_told_when_it_is_held_up_and_not_for_each_guess() {
    let world = World::new().await;
    for name in ["alice", "nobody"] {
        let head = world.head(Lane::Activity).await;
        for _ in 0..50 {
            let browser = Browser::new(&world);
            let flow = browser.flow(&[]).await;
            browser.submit(&flow, name, "wrong").await;
        }
        let told = world.activity(head).await;
        assert_eq!(
            told.iter().filter(|event| *event == "auth.throttled").count(),
            1,
            "{name}"
        );
        assert_eq!(told.len(), 21, "{told:?}");
    }
}

#[tokio::test]
async fn a_guard_is_lifted_with_those_of_known_devices() {
    let world = World::new().await;
    let known = Browser::new(&world);
    known.code(&[]).await;
    for _ in 0..10 {
        known.anew("a slip").await;
    }
    world.attack(10).await;
    for browser in [&known, &Browser::new(&world)] {
        assert_eq!(browser.anew(PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
    }
    let lift = LiftGuard {
        realm: DEMO,
        user: ALICE,
    };
    let context = world.kernel().context(Actor::component("test"));
    world.kernel().execute(&context, &lift).await.unwrap();
    for browser in [&known, &Browser::new(&world)] {
        browser.anew(PASSWORD).await.param("code");
    }
}
