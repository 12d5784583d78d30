//! Access tokens that nobody but us can read: they do what signed ones do, and end when these end.

use super::*;

#[tokio::test]
async fn an_opaque_token_does_what_a_signed_one_does_and_tells_nothing() {
    let world = World::new().await;
    world
        .reconfigure(|settings| settings.access_token_format = Some("opaque".to_owned()))
        .await;
    let (_, tokens) = world.tokens("openid orders offline_access").await;
    let text = tokens["access_token"].as_str().unwrap();
    assert!(!text.contains('.') && !text.contains(&ALICE.to_string()));
    assert!(text.len() < 2_048, "{}", text.len());
    let token = world.commands.edge.verify_access_token(text).await.unwrap();
    assert_eq!((token.user, token.client), (Some(ALICE), SPA));
    assert!(token.scopes.contains("orders"));
    world.id_claims(tokens["id_token"].as_str().unwrap()).await;

    for altered in [
        text[..text.len() - 1].to_owned(),
        format!("{text}A"),
        text.replacen("chancery", "Chancery", 1),
        text.rsplit('~').next().unwrap().to_owned(),
    ] {
        assert!(!world.is_good(&altered).await, "{altered}");
    }
    let other = world.commands.edge.realm("other").await.unwrap().unwrap();
    assert!(
        world
            .commands
            .edge
            .verify_access_token_of(&other, text)
            .await
            .is_err(),
        "another realm"
    );
    world.clock.advance(600);
    assert!(!world.is_good(text).await, "it is over");
}

#[tokio::test]
async fn an_opaque_token_ends_when_it_is_given_back_and_with_its_grant() {
    let world = World::new().await;
    let (spa, web) = (SPA.to_string(), WEB.to_string());
    world
        .reconfigure(|settings| settings.access_token_format = Some("opaque".to_owned()))
        .await;
    let (_, tokens) = world.tokens("openid offline_access").await;
    let (access, refresh) = (
        tokens["access_token"].as_str().unwrap(),
        tokens["refresh_token"].as_str().unwrap(),
    );
    let foreign = [
        ("client_id", web.as_str()),
        ("client_secret", SECRET),
        ("token", access),
    ];
    assert_eq!(world.call("revoke", &foreign).await.status, StatusCode::OK);
    assert!(world.is_good(access).await, "it is not theirs");
    for _ in 0..2 {
        let own = [("client_id", spa.as_str()), ("token", access)];
        assert_eq!(world.call("revoke", &own).await.status, StatusCode::OK);
    }
    assert!(!world.is_good(access).await);
    let next = world.refresh(refresh).await.json();
    let access = next["access_token"].as_str().unwrap();
    assert!(world.is_good(access).await);
    let family = [
        ("client_id", spa.as_str()),
        ("token", next["refresh_token"].as_str().unwrap()),
    ];
    world.call("revoke", &family).await;
    assert!(!world.is_good(access).await);
}
