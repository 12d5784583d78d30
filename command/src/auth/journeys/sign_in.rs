//! Signing in: who gets in, who does not, and what a form is worth.

use events::auth::Session;

use super::*;

#[tokio::test]
async fn alice_signs_in_and_the_application_gets_a_code() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    let page = browser.get(&format!("/realms/demo/sign-in?flow={flow}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.body.contains("The App") && page.body.contains(r#"name="username""#),
        "{}",
        page.body
    );
    assert!(!page.body.contains(r#"name="password""#), "who it is comes first");
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.contains("form-action 'self' https://app.example"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");

    let answer = browser.submit(&flow, "  ALICE ", PASSWORD).await;
    let params = answer.params();
    assert_eq!(params["state"], "the-state");
    assert_eq!(params["iss"], ISSUER, "RFC 9207");
    assert!(!params["code"].is_empty());
    assert_eq!(
        world.activity(0).await,
        [
            "login.attempted",
            "session.started",
            "known_device.added",
            "guard.cleared",
            "code.issued"
        ]
    );
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    browser.code(&[]).await;
    world.clock.advance(8 * 3_600);
    browser.flow(&[]).await;
}

/// The page without the sealed progress, which is never the same twice.
fn shown(answer: &Answer) -> String {
    answer.body.replace(&answer.flow(), "FLOW")
}

/// One answer for all who may not sign in: compared in all that a browser can see.
#[tokio::test]
async fn nothing_tells_an_unknown_user_from_a_wrong_password() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    let mut answers = Vec::new();
    answers.push(browser.submit(&flow, "alice", "wrong").await);
    answers.push(browser.submit(&flow, "mrx42", PASSWORD).await);
    world
        .tell::<User>(
            DEMO,
            ALICE.0,
            UserEvent::Locked {
                reason: None,
                until: None,
            },
        )
        .await;
    answers.push(browser.submit(&flow, "alice", PASSWORD).await);
    world
        .tell::<User>(DEMO, ALICE.0, UserEvent::Disabled { reason: None })
        .await;
    answers.push(browser.submit(&flow, "alice", PASSWORD).await);
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.headers, answers[0].headers);
        assert_eq!(shown(answer).replace("mrx42", "alice"), shown(&answers[0]));
        assert_eq!(
            answer.body.len(),
            answers[0].body.len(),
            "the sealed progress, too"
        );
        assert!(!answer.headers.contains_key(header::SET_COOKIE));
    }
    assert_eq!(
        world.activity(0).await,
        ["login.attempted", "login.failed"].repeat(4)
    );
}

#[tokio::test]
async fn where_there_is_no_room_to_check_a_password_nothing_happens() {
    let slow = Parameters {
        memory_kib: 64 * 1024,
        iterations: 2,
        parallelism: 1,
    };
    let world = World::with(Hasher::new(slow, 1, 1).unwrap()).await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    let answers = at_once((0..8).map(|_| browser.submit(&flow, "alice", "wrong"))).await;
    let busy: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::SERVICE_UNAVAILABLE)
        .collect();
    assert!(!busy.is_empty());
    assert!(
        busy.iter()
            .all(|answer| answer.headers.contains_key(header::RETRY_AFTER))
    );
    assert!(busy.iter().all(|answer| answer.body.contains("We are busy")));
    let judged = answers.len() - busy.len();
    assert_eq!(world.activity(0).await.len(), 2 * judged, "told of and failed");
}

#[tokio::test]
async fn a_form_of_another_browser_signs_nobody_in() {
    let world = World::new().await;
    let (attacker, victim) = (Browser::new(&world), Browser::new(&world));
    let flow = attacker.flow(&[]).await;
    victim.flow(&[]).await;
    for browser in [&victim, &Browser::new(&world)] {
        let answer = browser.submit(&flow, "alice", PASSWORD).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.body.contains("out of date"), "{}", answer.body);
    }
    assert!(world.activity(0).await.is_empty());
}

#[tokio::test]
async fn a_form_is_good_once_and_for_half_an_hour() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    browser.submit(&flow, "alice", PASSWORD).await.param("code");
    assert_eq!(
        browser.submit(&flow, "alice", PASSWORD).await.status,
        StatusCode::BAD_REQUEST
    );
    let flow = browser.flow(&[("prompt", "login")]).await;
    world.clock.advance(1_800);
    assert_eq!(
        browser.submit(&flow, "alice", PASSWORD).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        browser
            .get(&format!("/realms/demo/sign-in?flow={flow}"))
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn signing_in_again_takes_the_place_of_the_session_before() {
    let world = World::new().await;
    let (browser, tokens) = world.tokens("openid offline_access").await;
    let before = browser.cookies.borrow().clone();
    browser.code(&[("prompt", "login")]).await;
    assert_ne!(before, *browser.cookies.borrow(), "the session's id is new");
    assert!(world.activity(0).await.contains(&"session.ended".to_owned()));
    assert!(!world.is_good(tokens["access_token"].as_str().unwrap()).await);
    *browser.cookies.borrow_mut() = before;
    browser.flow(&[]).await;
}

#[tokio::test]
async fn an_empty_field_is_told_and_not_recorded() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let flow = browser.flow(&[]).await;
    for (username, password) in [("", PASSWORD), ("  ", PASSWORD), ("alice", "")] {
        assert_eq!(
            browser.submit(&flow, username, password).await.status,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
    assert!(world.activity(0).await.is_empty());
}

#[tokio::test]
async fn a_session_of_a_user_who_was_stopped_is_none() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    browser.code(&[]).await;
    world
        .tell::<User>(
            DEMO,
            ALICE.0,
            UserEvent::Locked {
                reason: None,
                until: None,
            },
        )
        .await;
    assert!(
        !browser.authorize(&[]).await.param("code").is_empty(),
        "a lock stops new sign-ins only"
    );
    world.clock.advance(1);
    world.set_password(DEMO, "another correct horse").await;
    browser.flow(&[]).await;
}

#[tokio::test]
async fn the_page_alone_signs_in_to_the_realm() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let page = browser.get("/realms/demo/sign-in").await;
    let flow = page.flow();
    let answer = browser.submit(&flow, "alice", PASSWORD).await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, "/realms/demo/sign-in")
    );
    let page = browser.get("/realms/demo/sign-in").await;
    assert!(
        page.body.contains("alice") && page.body.contains("logout"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn a_password_is_hashed_anew_when_the_parameters_rise() {
    let world = World::new().await;
    let weaker = Hasher::new(
        Parameters {
            memory_kib: 8,
            iterations: 2,
            parallelism: 1,
        },
        1,
        8,
    )
    .unwrap();
    let hash = weaker.hash(&SecretString::from(PASSWORD)).await.unwrap();
    let credential = CredentialId(world.kernel().new_id());
    world
        .tell::<Password>(
            DEMO,
            ALICE.0,
            UserEvent::PasswordSet {
                credential,
                hash: hash.into(),
                keeps: None,
            },
        )
        .await;
    world.clock.advance(60);
    let browser = Browser::new(&world);
    let head = world.head(Lane::Facts).await;
    browser.code(&[]).await;
    assert_eq!(world.head(Lane::Facts).await, head + 1);
    let stored = world
        .kernel()
        .current::<Password>(DEMO, ALICE.0)
        .await
        .unwrap()
        .state;
    assert!(stored.hash.unwrap().contains("t=1") && stored.credential != Some(credential));
    assert!(
        !browser.authorize(&[]).await.param("code").is_empty(),
        "the session goes on"
    );
    Browser::new(&world).code(&[]).await;
}

#[tokio::test]
async fn a_cookie_is_of_its_realm() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    browser.code(&[]).await;
    let (name, value) = browser
        .cookies
        .borrow()
        .iter()
        .find(|(name, _)| !name.contains("flow"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .unwrap();
    let session: Uuid = value.split_once('.').unwrap().0.parse().unwrap();
    assert!(
        world
            .kernel()
            .current::<Session>(DEMO, session)
            .await
            .unwrap()
            .state
            .user
            .is_some()
    );
    let thief = Browser::new(&world);
    let foreign = name.replace("000000000de0", "0000000007e2");
    assert_ne!(foreign, name);
    thief.cookies.borrow_mut().insert(foreign, value);
    let query = encoded(&authorization(&[("prompt", "none")]));
    let answer = thief
        .get(&format!("/realms/other/oauth2/authorize?{query}"))
        .await;
    assert_eq!(answer.param("error"), "login_required");
}
