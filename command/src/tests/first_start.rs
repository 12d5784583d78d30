//! The first start, the starts after it, and the demo.

use events::{
    applications::Application,
    ids::{ApplicationId, RealmId},
    kernel::Kernel,
    log::ClaimKind,
    permissions::{Assignments, Role},
    subject::Lane,
    users::Password,
};
use passwords::Verdict;
use uuid::Uuid;

use super::world::{CLIENT, World};
use crate::{
    bootstrap::{Bootstrap, BootstrapError, bootstrap},
    demo::demo,
};

async fn held(kernel: &Kernel, realm: RealmId, kind: ClaimKind, value: &str) -> Option<Uuid> {
    kernel.claimed(realm, Lane::Facts, kind, value).await.unwrap()
}

#[tokio::test]
async fn the_first_start_makes_what_is_needed_and_the_next_ones_make_nothing() {
    let world = World::new().await;
    let made = world.start().await;
    assert!(made.admin_password.is_some_and(|password| password.len() >= 15));
    let first = world.names(RealmId::SYSTEM).await;
    assert_eq!(
        first,
        [
            "realm.created",
            "signing_key.created",
            "user.registered",
            "password.set",
            "role.assigned",
            "application.registered",
            "application.secret_added",
            "role.assigned"
        ]
    );
    assert!(world.start().await.admin_password.is_none());
    assert_eq!(world.names(RealmId::SYSTEM).await, first);
    world.close().await;
}

#[tokio::test]
async fn what_was_renamed_or_taken_away_does_not_come_back_with_a_restart() {
    let world = World::started().await;
    let admin = held(world.kernel(), RealmId::SYSTEM, ClaimKind::LoginName, "admin")
        .await
        .unwrap();
    let path = format!("realms/system/users/{admin}");
    let renamed = world
        .send("PATCH", &path, serde_json::json!({ "username": "root" }))
        .await;
    assert_eq!(renamed.status, 200, "{renamed:?}");
    let taken = world
        .send(
            "DELETE",
            &format!("{path}/roles/platform-administrator"),
            ().into(),
        )
        .await;
    assert_eq!(taken.status, 200, "{taken:?}");
    world.start().await;
    assert_eq!(
        held(world.kernel(), RealmId::SYSTEM, ClaimKind::LoginName, "admin").await,
        None
    );
    let roles = world
        .kernel()
        .current::<Assignments>(RealmId::SYSTEM, admin)
        .await
        .unwrap()
        .state
        .roles;
    assert!(!roles.contains(&Role::PlatformAdministrator));
    world.close().await;
}

#[tokio::test]
async fn a_weak_password_and_a_short_secret_are_for_loopback_only() {
    let world = World::new().await;
    let weak = || Bootstrap {
        admin_password: Some("admin".into()),
        client: None,
    };
    let open = world.at("https://id.example.org");
    assert!(matches!(
        bootstrap(&open, weak()).await,
        Err(BootstrapError::Refused { .. })
    ));
    assert!(
        bootstrap(&world.commands, weak())
            .await
            .unwrap()
            .admin_password
            .is_none()
    );
    let short = Bootstrap {
        admin_password: None,
        client: Some((CLIENT.into(), "short".into())),
    };
    assert!(matches!(
        bootstrap(&open, short).await,
        Err(BootstrapError::Refused { .. })
    ));
    world.close().await;
}

#[tokio::test]
async fn a_secret_that_the_operator_replaced_is_added_beside_the_old_one() {
    let world = World::started().await;
    let client = Some((
        CLIENT.to_owned(),
        "another secret, which is long enough as well".into(),
    ));
    bootstrap(
        &world.commands,
        Bootstrap {
            admin_password: None,
            client,
        },
    )
    .await
    .unwrap();
    let id = held(world.kernel(), RealmId::SYSTEM, ClaimKind::ClientId, CLIENT)
        .await
        .unwrap();
    let application = world
        .kernel()
        .current::<Application>(RealmId::SYSTEM, id)
        .await
        .unwrap()
        .state;
    assert_eq!(application.secrets.len(), 2);
    world.close().await;
}

#[tokio::test]
async fn a_client_that_is_refused_leaves_nothing_behind() {
    let world = World::new().await;
    let open = world.at("https://id.example.org");
    let secret = "a secret of the tests, which is long enough";
    for (client_id, secret) in [
        (CLIENT, "short"),
        ("two words", secret),
        ("0198C7A0-0000-7000-8000-000000000000", secret),
    ] {
        let client = Some((client_id.to_owned(), secret.into()));
        let refused = bootstrap(
            &open,
            Bootstrap {
                admin_password: None,
                client,
            },
        )
        .await;
        assert!(
            matches!(refused, Err(BootstrapError::Refused { .. })),
            "{client_id}"
        );
        // Least of all an administrator whose password nobody was told.
        assert_eq!(world.names(RealmId::SYSTEM).await, [""; 0], "{client_id}");
    }
    assert!(world.start().await.admin_password.is_some());
    world.close().await;
}

#[tokio::test]
async fn a_withdrawn_secret_stays_withdrawn_however_often_it_is_configured() {
    let world = World::started().await;
    let id = held(world.kernel(), RealmId::SYSTEM, ClaimKind::ClientId, CLIENT)
        .await
        .unwrap();
    let configured = async || {
        let application = world.kernel().current::<Application>(RealmId::SYSTEM, id);
        application.await.unwrap().state
    };
    let first = configured().await.secrets[0].credential;
    let path = format!("realms/system/applications/{id}/secrets");
    // With as many as there may be, another is not added, and it starts all the same.
    for _ in 1..10 {
        let more = world.send("POST", &path, ().into()).await;
        assert_eq!(more.status, 201, "{more:?}");
    }
    let another = Bootstrap {
        admin_password: None,
        client: Some((
            CLIENT.to_owned(),
            "another secret, which is long enough as well".into(),
        )),
    };
    bootstrap(&world.commands, another).await.unwrap();
    assert_eq!(configured().await.secrets.len(), 10);

    let withdrawn = world.send("DELETE", &format!("{path}/{first}"), ().into()).await;
    assert_eq!(withdrawn.status, 200, "{withdrawn:?}");
    let before = world.names(RealmId::SYSTEM).await;
    world.start().await;
    assert_eq!(world.names(RealmId::SYSTEM).await, before);
    assert!(
        configured()
            .await
            .secrets
            .iter()
            .all(|held| held.credential != first)
    );
    world.close().await;
}

#[tokio::test]
async fn the_demo_starts_whatever_passwords_its_realm_asks_for() {
    let world = World::started().await;
    demo(&world.commands).await.unwrap();
    let stricter = serde_json::json!({ "password": { "minimum_length": 64 } });
    let changed = world.send("PATCH", "realms/demo/settings", stricter).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    demo(&world.commands).await.unwrap();
    world.close().await;
}

#[tokio::test]
async fn the_demo_is_made_once_with_a_new_password_and_address_at_each_start() {
    let world = World::started().await;
    let first = demo(&world.commands).await.unwrap();
    world.clock.advance(1);
    let second = demo(&world.at("http://127.0.0.1:9999")).await.unwrap();
    assert_ne!(first.password, second.password);
    assert_eq!(
        (&first.realm, &first.client_id),
        (&second.realm, &second.client_id)
    );
    assert_eq!(second.redirect_uri, "http://127.0.0.1:9999/demo/");

    let realm = RealmId(
        held(world.kernel(), RealmId::SYSTEM, ClaimKind::RealmName, "demo")
            .await
            .unwrap(),
    );
    let id: ApplicationId = second.client_id.parse().unwrap();
    let application = world
        .kernel()
        .current::<Application>(realm, id.0)
        .await
        .unwrap()
        .state;
    assert_eq!(application.settings.redirect_uris, [second.redirect_uri.as_str()]);

    let alice = held(world.kernel(), realm, ClaimKind::LoginName, "alice")
        .await
        .unwrap();
    let hash = world
        .kernel()
        .current::<Password>(realm, alice)
        .await
        .unwrap()
        .state
        .hash;
    let verdict = |password: String| {
        let hasher = world.commands.hasher.clone();
        let hash = hash.clone();
        async move { hasher.verify(&password.into(), hash.as_deref()).await.unwrap() }
    };
    assert!(matches!(verdict(second.password).await, Verdict::Match { .. }));
    assert_eq!(verdict(first.password).await, Verdict::Mismatch);
    world.close().await;
}
