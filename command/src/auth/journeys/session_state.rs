//! Whether the session is the same one (OpenID Connect Session Management 1.0): what the application is told and the browser holds. (What
//! the frame makes of it is tried in a browser.)

use super::*;

/// The cookie that the frame reads.
fn state(browser: &Browser<'_>) -> Option<String> {
    let cookies = browser.cookies.borrow();
    let mut found = cookies
        .iter()
        .filter(|(name, _)| name.starts_with("__Host-chancery-state-"));
    found.next().map(|(_, value)| value.clone())
}

/// As the script of the frame computes it.
fn salted(told: &str, client_id: &str, origin: &str, state: &str) -> String {
    let (_, salt) = told.split_once('.').expect("a salt");
    let text = format!("{client_id} {origin} {state} {salt}");
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    format!("{}.{salt}", URL_SAFE_NO_PAD.encode(hash))
}

#[tokio::test]
async fn an_application_is_told_what_the_frame_compares() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    let answer = browser.submit(&flow, "alice", PASSWORD).await;
    let told = answer.param("session_state");
    let held = state(&browser).expect("the cookie");
    let compared = salted(&told, &SPA.to_string(), "https://app.example", &held);
    assert_eq!(told, compared);
    assert_ne!(
        told,
        salted(&told, &WEB.to_string(), "https://app.example", &held)
    );

    // Another answer in the same session has another salt and the same state.
    let again = browser.authorize(&[]).await.param("session_state");
    assert_ne!(again, told);
    assert_eq!(
        again,
        salted(&again, &SPA.to_string(), "https://app.example", &held)
    );
    assert_eq!(state(&browser).as_ref(), Some(&held));

    let flow = browser.flow(&[("prompt", "login")]).await;
    browser.submit(&flow, "alice", PASSWORD).await.param("code");
    assert_ne!(state(&browser), Some(held), "another session has another state");
}

#[tokio::test]
async fn without_openid_there_is_no_state_to_tell() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    browser.code(&[]).await;
    let answer = browser.authorize(&[("scope", "orders")]).await;
    assert!(
        !answer.params().contains_key("session_state"),
        "{:?}",
        answer.params()
    );
}

#[tokio::test]
async fn the_browser_is_told_when_its_session_is_over() {
    let world = World::new().await;
    let (browser, tokens) = world.tokens("openid").await;
    assert!(state(&browser).is_some());
    let session = world
        .id_claims(tokens["id_token"].as_str().unwrap())
        .await
        .string("sid")
        .unwrap()
        .to_owned();
    let ended = events::auth::AuthEvent::SessionEnded {
        reason: events::auth::EndReason::Administrator,
    };
    world
        .tell::<events::auth::Session>(DEMO, session.parse().unwrap(), ended)
        .await;
    let answer = browser.authorize(&[("prompt", "none")]).await;
    assert_eq!(answer.param("error"), "login_required");
    assert_eq!(state(&browser), None);
}

#[tokio::test]
async fn a_session_that_stands_keeps_its_state_whatever_is_answered() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    browser.code(&[]).await;
    let held = state(&browser);
    world.clock.advance(60);
    let answer = browser.authorize(&[("prompt", "none"), ("max_age", "1")]).await;
    assert_eq!(answer.param("error"), "login_required");
    assert_eq!(
        state(&browser),
        held,
        "it stands: only this request wants another"
    );

    // A browser that lost it gets it again with the next answer.
    browser
        .cookies
        .borrow_mut()
        .retain(|name, _| !name.contains("-state-"));
    browser.authorize(&[("prompt", "none")]).await.param("code");
    assert_eq!(state(&browser), held);
}

#[tokio::test]
async fn any_page_may_frame_the_frame_and_it_says_nothing_of_anybody() {
    let world = World::new().await;
    let (signed_in, stranger) = (Browser::new(&world), Browser::new(&world));
    signed_in.code(&[]).await;
    let address = "/realms/demo/oauth2/check-session";
    let (known, unknown) = (signed_in.get(address).await, stranger.get(address).await);
    assert_eq!(known.body, unknown.body);
    let policy = known.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.ends_with("frame-ancestors *"), "{policy}");
    assert!(known.body.contains("__Host-chancery-state-"), "{}", known.body);
    let absent = stranger.get("/realms/nobody/oauth2/check-session").await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
}
