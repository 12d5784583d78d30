//! Signing out.

use super::*;

fn logout(params: &[(&str, &str)]) -> String {
    format!("/realms/demo/oauth2/logout?{}", encoded(params))
}

/// The sealed field of the form on a page.
fn flow_of(page: &Answer) -> String {
    let (_, rest) = page.body.split_once(r#"name="flow" value=""#).expect("a form");
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn the_application_signs_its_user_out_and_gets_the_browser_back() {
    let world = World::new().await;
    let (browser, tokens) = world.tokens("openid offline_access").await;
    world.clock.advance(3_600);
    let hint = tokens["id_token"].as_str().unwrap();
    let params = [
        ("id_token_hint", hint),
        ("post_logout_redirect_uri", GOODBYE),
        ("state", "s 1"),
    ];
    let answer = browser.get(&logout(&params)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(answer.location(), format!("{GOODBYE}?state=s+1"));
    assert!(
        !browser
            .cookies
            .borrow()
            .keys()
            .any(|name| !name.contains("flow") && !name.contains("device")),
        "the session's cookie is gone"
    );
    assert_eq!(world.activity(7).await, ["session.ended"]);
    assert_eq!(
        world
            .refresh(tokens["refresh_token"].as_str().unwrap())
            .await
            .error(),
        "invalid_grant"
    );
    browser.flow(&[]).await;
}

#[tokio::test]
async fn without_a_hint_the_user_is_asked() {
    let world = World::new().await;
    let (browser, _) = world.tokens("openid").await;
    let client_id = SPA.to_string();
    let params = [
        ("client_id", client_id.as_str()),
        ("post_logout_redirect_uri", GOODBYE),
    ];
    let page = browser.get(&logout(&params)).await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(
        policy.contains("form-action 'self' https://app.example"),
        "{policy}"
    );
    assert_eq!(world.activity(7).await.len(), 0, "nothing happened yet");

    let flow = flow_of(&page);
    let thief = Browser::new(&world);
    thief.code(&[]).await;
    let answer = thief
        .go(form("/realms/demo/oauth2/logout", &[("flow", &flow)]))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "asked anew");
    assert!(
        !world.activity(0).await.contains(&"session.ended".to_owned()),
        "another session's form ends nothing"
    );

    let answer = browser
        .go(form("/realms/demo/oauth2/logout", &[("flow", &flow)]))
        .await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, GOODBYE)
    );
    assert!(world.activity(0).await.contains(&"session.ended".to_owned()));
}

#[tokio::test]
async fn the_browser_is_sent_only_where_the_application_registered() {
    let world = World::new().await;
    let (browser, tokens) = world.tokens("openid").await;
    let hint = tokens["id_token"].as_str().unwrap();
    let (web, unknown) = (WEB.to_string(), Uuid::from_u128(0xff).to_string());
    for params in [
        vec![
            ("id_token_hint", hint),
            ("post_logout_redirect_uri", "https://evil.example/"),
        ],
        vec![
            ("id_token_hint", hint),
            ("post_logout_redirect_uri", "https://app.example/bye/"),
        ],
        vec![("post_logout_redirect_uri", GOODBYE)],
        vec![("id_token_hint", "a.b.c"), ("post_logout_redirect_uri", GOODBYE)],
        vec![("id_token_hint", hint), ("client_id", web.as_str())],
        vec![("client_id", unknown.as_str())],
    ] {
        let answer = browser.get(&logout(&params)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{params:?}");
        assert!(!answer.headers.contains_key(header::LOCATION));
    }
    assert_eq!(world.activity(7).await.len(), 0);
    let twice = logout(&[("client_id", "a"), ("client_id", "b")]);
    assert_eq!(browser.get(&twice).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_hint_of_another_session_does_not_end_this_one_unasked() {
    let world = World::new().await;
    let (_, tokens) = world.tokens("openid").await;
    let (browser, _) = world.tokens("openid").await;
    let head = world.head(Lane::Activity).await;
    let answer = browser
        .get(&logout(&[(
            "id_token_hint",
            tokens["id_token"].as_str().unwrap(),
        )]))
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    flow_of(&answer);
    assert_eq!(world.head(Lane::Activity).await, head);
}

#[tokio::test]
async fn a_logout_that_another_site_posts_ends_the_hinted_session() {
    let world = World::new().await;
    let (_, tokens) = world.tokens("openid").await;
    let hint = tokens["id_token"].as_str().unwrap();
    let answer = world
        .call(
            "logout",
            &[("id_token_hint", hint), ("post_logout_redirect_uri", GOODBYE)],
        )
        .await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, GOODBYE)
    );
    assert!(!world.is_good(tokens["access_token"].as_str().unwrap()).await);
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_that_they_are_signed_out() {
    let world = World::new().await;
    let answer = Browser::new(&world).get(&logout(&[])).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("signed out"), "{}", answer.body);
    assert!(world.activity(0).await.is_empty());
}

#[tokio::test]
async fn applications_sign_out_in_frames_before_the_browser_goes_on() {
    let world = World::new().await;
    world
        .reconfigure(|settings| {
            settings.frontchannel_logout_uri = Some("https://app.example/out?x=1".to_owned());
            settings.frontchannel_logout_session_required = true;
        })
        .await;
    let (browser, tokens) = world.tokens("openid").await;
    let hint = tokens["id_token"].as_str().unwrap();
    let sid = world.id_claims(hint).await.string("sid").unwrap().to_owned();
    let params = [
        ("id_token_hint", hint),
        ("post_logout_redirect_uri", GOODBYE),
        ("state", "s"),
    ];
    let page = browser.get(&logout(&params)).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let frame = format!(
        r#"<iframe src="https://app.example/out?x=1&#38;iss=https%3A%2F%2Fid.example%2Frealms%2Fdemo&#38;sid={sid}""#
    );
    assert!(page.body.contains(&frame), "{}", page.body);
    assert!(page.body.contains(&format!(r#"href="{GOODBYE}?state=s""#)));
    assert!(page.body.contains("signed-out.js"));
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("; frame-src https://app.example;"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");

    // Who comes again with what is left gets them again: in this browser the application may not have heard.
    let again = browser.get(&logout(&params[..1])).await;
    assert!(again.body.contains(&frame), "{}", again.body);
    assert!(
        !again.body.contains("<script"),
        "nowhere to go on to: {}",
        again.body
    );
}

#[tokio::test]
async fn files_of_pages_are_served_in_every_realm() {
    let world = World::new().await;
    for realm in ["demo", "nobody"] {
        let answer = Browser::new(&world)
            .get(&format!("/realms/{realm}/assets/chancery.css"))
            .await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(
            answer.headers[header::CONTENT_TYPE]
                .to_str()
                .unwrap()
                .starts_with("text/css")
        );
        let answer = Browser::new(&world)
            .get(&format!("/realms/{realm}/assets/..%2Fsecret"))
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
}
