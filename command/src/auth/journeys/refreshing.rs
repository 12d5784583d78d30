//! What happens once: codes and refresh tokens under many uses at once, and the life of a refresh family.

use events::realms::{Settings, SettingsChange, TokenSettings};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_uses_of_a_code_one_succeeds() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[]).await;
    let answers = at_once((0..100).map(|_| world.redeem(&code))).await;
    let good: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::OK)
        .collect();
    assert_eq!(good.len(), 1);
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == StatusCode::OK || answer.error() == "invalid_grant")
    );
    assert!(
        !world
            .is_good(good[0].json()["access_token"].as_str().unwrap())
            .await,
        "and that is revoked"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_uses_of_a_refresh_token_one_succeeds() {
    let world = World::new().await;
    let (_, tokens) = world.tokens("openid offline_access").await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let answers = at_once((0..100).map(|_| world.refresh(refresh_token))).await;
    let good: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::OK)
        .collect();
    assert_eq!(good.len(), 1);
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == StatusCode::OK || answer.error() == "invalid_grant")
    );
    let next = good[0].json();
    assert_eq!(
        world
            .refresh(next["refresh_token"].as_str().unwrap())
            .await
            .error(),
        "invalid_grant"
    );
    assert!(!world.is_good(next["access_token"].as_str().unwrap()).await);
    let activity = world.activity(0).await;
    assert_eq!(
        activity.iter().filter(|name| *name == "grant.refreshed").count(),
        1
    );
    assert_eq!(activity.iter().filter(|name| *name == "grant.revoked").count(), 1);
}

#[tokio::test]
async fn a_refresh_token_rotates_and_may_ask_for_less() {
    let world = World::new().await;
    let (_, tokens) = world.tokens("openid orders offline_access").await;
    world.clock.advance(3_600);
    let spa = SPA.to_string();
    let first = tokens["refresh_token"].as_str().unwrap();
    let ask = async |token: &str, scope: &str| {
        world
            .call(
                "token",
                &[
                    ("grant_type", "refresh_token"),
                    ("client_id", &spa),
                    ("refresh_token", token),
                    ("scope", scope),
                ],
            )
            .await
    };
    assert_eq!(ask(first, "openid email").await.error(), "invalid_scope");
    let less = ask(first, "orders").await.json();
    assert_eq!(less["scope"], "orders");
    assert_eq!(less.get("id_token"), None);
    let all = world
        .refresh(less["refresh_token"].as_str().unwrap())
        .await
        .json();
    assert_eq!(
        all["scope"], "offline_access openid orders",
        "less was asked for once, not for ever"
    );
    let claims = world.id_claims(all["id_token"].as_str().unwrap()).await;
    assert_eq!(claims.string("nonce"), None);
    assert_eq!(
        claims.seconds("auth_time"),
        Some(NOW.seconds() + 60),
        "when she signed in, not now"
    );
    assert!(world.is_good(all["access_token"].as_str().unwrap()).await);
    assert_eq!(world.refresh(first).await.error(), "invalid_grant");
    assert!(
        !world.is_good(all["access_token"].as_str().unwrap()).await,
        "the family ended"
    );
}

#[tokio::test]
async fn a_refresh_token_outlives_its_session_but_not_its_limits() {
    let world = World::new().await;
    let tokens = TokenSettings {
        refresh_token_idle_seconds: 20 * 86_400,
        refresh_token_absolute_seconds: 30 * 86_400,
        ..TokenSettings::default()
    };
    let change = SettingsChange {
        tokens: Some(tokens),
        ..SettingsChange::default()
    };
    world
        .tell::<Settings>(DEMO, DEMO.0, RealmEvent::SettingsChanged(change))
        .await;
    let (_, tokens) = world.tokens("openid offline_access").await;
    world.clock.advance(15 * 86_400);
    let tokens = world
        .refresh(tokens["refresh_token"].as_str().unwrap())
        .await
        .json();
    world.clock.advance(15 * 86_400 - 300);
    let tokens = world
        .refresh(tokens["refresh_token"].as_str().unwrap())
        .await
        .json();
    assert_eq!(tokens["expires_in"], 300, "no access token outlives its grant");
    world.clock.advance(300);
    assert_eq!(
        world
            .refresh(tokens["refresh_token"].as_str().unwrap())
            .await
            .error(),
        "invalid_grant"
    );

    let (_, tokens) = world.tokens("openid offline_access").await;
    world.clock.advance(20 * 86_400);
    assert_eq!(
        world
            .refresh(tokens["refresh_token"].as_str().unwrap())
            .await
            .error(),
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_refresh_token_of_a_user_who_was_stopped_gives_nothing() {
    let world = World::new().await;
    let (_, tokens) = world.tokens("openid offline_access").await;
    world
        .tell::<User>(DEMO, ALICE.0, UserEvent::Disabled { reason: None })
        .await;
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(world.refresh(refresh_token).await.error(), "invalid_grant");
    assert!(!world.is_good(tokens["access_token"].as_str().unwrap()).await);
    world.tell::<User>(DEMO, ALICE.0, UserEvent::Enabled {}).await;
    world.clock.advance(1);
    world.set_password(DEMO, "another correct horse").await;
    assert_eq!(world.refresh(refresh_token).await.error(), "invalid_grant");
}
