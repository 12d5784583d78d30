//! The questions of the domains: search, pages, history, what is erased.

use events::{
    applications::{ApplicationEvent, ApplicationSettings, ApplicationType},
    clock::Timestamp,
    ids::{ApplicationId, CredentialId, RealmId, UserId},
    keys::Owner,
    realms::{RealmEvent, SettingsChange, TokenSettings},
    sealing::Sealed,
    subject::Subject,
    users::{Profile, UserEvent},
};
use uuid::Uuid;

use super::world::World;
use crate::{
    Reads,
    applications::{self, ApplicationFilter},
    realms,
    users::{self, After, UserFilter, UserStatus},
};

async fn found(reads: &Reads, realm: RealmId, filter: UserFilter) -> Vec<u128> {
    let found = users::search(reads, realm, &filter, None, 100).await.unwrap();
    assert_eq!(found.next, None);
    found.users.into_iter().map(|row| row.id.0.as_u128()).collect()
}

fn query(text: &str) -> UserFilter {
    UserFilter {
        query: Some(text.to_owned()),
        ..UserFilter::default()
    }
}

#[tokio::test]
async fn users_are_found_by_what_they_are_called_and_by_nothing_else() {
    let world = World::new().await;
    let (realm, other) = (world.realm(11).await, world.realm(12).await);
    let reads = world.reads().await;
    let profiles = [
        Profile {
            username: Some("Alice".into()),
            email: Some("Alice@Example.com".into()),
            ..Profile::default()
        },
        Profile {
            name: Some("Müller, Änne".into()),
            phone: Some("+4930123".into()),
            ..Profile::default()
        },
        Profile {
            given_name: Some("100%".into()),
            family_name: Some("sure_".into()),
            ..Profile::default()
        },
    ];
    for (number, profile) in (1..).zip(profiles) {
        let subject = Subject::user(UserId(Uuid::from_u128(number)));
        world
            .tell(
                realm,
                subject,
                UserEvent::Registered {
                    profile: profile.into(),
                },
            )
            .await;
    }
    world.register(other, 9, "alice").await;
    world.settle(&reads, realm).await;
    world.settle(&reads, other).await;

    assert_eq!(found(&reads, realm, query("ALI")).await, [1]);
    assert_eq!(found(&reads, realm, query("alice@exam")).await, [1]);
    assert_eq!(found(&reads, realm, query("EXAMPLE.com alice")).await, [1]);
    assert_eq!(found(&reads, realm, query("ice@exam")).await, [0_u128; 0]);
    assert_eq!(found(&reads, realm, query("MÜLLER, ä")).await, [2]);
    assert_eq!(found(&reads, realm, query("ä müll")).await, [2]);
    assert_eq!(found(&reads, realm, query("ä alice")).await, [0_u128; 0]);
    assert_eq!(found(&reads, realm, query("4930")).await, [2]);
    assert_eq!(found(&reads, realm, query("100% SURE_")).await, [3]);
    assert_eq!(found(&reads, realm, query("1%0")).await, [0_u128; 0]);
    assert_eq!(found(&reads, realm, query("_")).await, [0_u128; 0]);
    assert_eq!(found(&reads, realm, query("example.com\nx")).await, [0_u128; 0]);
    let whole = |name: &str| UserFilter {
        username: Some(name.to_owned()),
        ..UserFilter::default()
    };
    assert_eq!(found(&reads, realm, whole("aLICE ")).await, [1]);
    assert_eq!(found(&reads, realm, whole("alic")).await, [0_u128; 0]);
    let email = UserFilter {
        email: Some("alice@example.COM".into()),
        ..UserFilter::default()
    };
    assert_eq!(found(&reads, realm, email).await, [1]);

    let page = users::search(&reads, realm, &UserFilter::default(), None, 2)
        .await
        .unwrap();
    assert_eq!(page.next, Some(After::User(page.users[1].id)));
    let next = users::search(&reads, realm, &UserFilter::default(), page.next, 2)
        .await
        .unwrap();
    let ids: Vec<_> = page
        .users
        .iter()
        .chain(&next.users)
        .map(|row| row.id.0.as_u128())
        .collect();
    assert_eq!(ids, [1, 2, 3]);
}

/// All that a search finds, page by page; a page that looked at enough may be short.
async fn paged(reads: &Reads, realm: RealmId, filter: &UserFilter, size: u32) -> Vec<u128> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = users::search(reads, realm, filter, after, size).await.unwrap();
        assert!(page.users.len() <= size as usize);
        all.extend(page.users.iter().map(|row| row.id.0.as_u128()));
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn a_search_goes_on_by_the_words_that_it_finds_and_shows_nobody_twice() {
    let world = World::new().await;
    let realm = world.realm(13).await;
    let reads = world.reads().await;
    for (number, names) in [
        (1, "zoe b1"),
        (2, "b3 b2 ann"),
        (3, "ann"),
        (4, "b2"),
        (5, "bo ann b"),
    ] {
        let profile = Profile {
            name: Some(names.into()),
            ..Profile::default()
        };
        let profile = profile.into();
        let subject = Subject::user(UserId(Uuid::from_u128(number)));
        world
            .tell(realm, subject, UserEvent::Registered { profile })
            .await;
    }
    world.settle(&reads, realm).await;
    for size in [1, 2, 3, 100] {
        assert_eq!(paged(&reads, realm, &query("b"), size).await, [1, 2, 4, 5]);
        assert_eq!(paged(&reads, realm, &query("b ann"), size).await, [2, 5]);
        assert_eq!(paged(&reads, realm, &query("b2 b"), size).await, [2, 4]);
    }
    let now = world.kernel.now();
    for (status, expected) in [(UserStatus::Active, &[1, 2, 4, 5][..]), (UserStatus::Locked, &[])] {
        let filter = UserFilter {
            status: Some((status, now)),
            ..query("b")
        };
        assert_eq!(paged(&reads, realm, &filter, 2).await, expected);
    }
}

#[tokio::test]
async fn what_a_user_is_not_called_any_more_finds_nobody() {
    let world = World::new().await;
    let realm = world.realm(14).await;
    let reads = world.reads().await;
    world.register(realm, 1, "before").await;
    world.settle(&reads, realm).await;
    assert_eq!(found(&reads, realm, query("bef")).await, [1]);
    let subject = Subject::user(UserId(Uuid::from_u128(1)));
    let changes = [
        ("username".to_owned(), "after".into()),
        ("email".to_owned(), serde_json::Value::Null),
    ];
    let changed = UserEvent::ProfileChanged {
        fields: changes.iter().map(|(field, _)| field.clone()).collect(),
        changes: Sealed::Known(changes.into()),
    };
    world.tell(realm, subject, changed).await;
    world.settle(&reads, realm).await;
    assert_eq!(found(&reads, realm, query("bef")).await, [0_u128; 0]);
    assert_eq!(found(&reads, realm, query("aft")).await, [1]);
    let live = reads.dump().await.unwrap();
    assert_eq!(live["user_words"].len(), 1);
    reads.rebuild().await.unwrap();
    assert_eq!(reads.dump().await.unwrap(), live);
}

#[tokio::test]
async fn a_page_looks_at_so_many_words_and_no_more() {
    let world = World::new().await;
    let realm = world.realm(15).await;
    let reads = world.reads().await;
    for number in 1..=60_u128 {
        let names: Vec<_> = (0..60).map(|word| format!("w{word}x{number}")).collect();
        let profile = Profile {
            name: Some(names.join(" ")),
            ..Profile::default()
        };
        let profile = profile.into();
        let subject = Subject::user(UserId(Uuid::from_u128(number)));
        world
            .tell(realm, subject, UserEvent::Registered { profile })
            .await;
    }
    world.settle(&reads, realm).await;
    let filter = UserFilter {
        status: Some((UserStatus::Disabled, world.kernel.now())),
        ..query("w")
    };
    let page = users::search(&reads, realm, &filter, None, 10).await.unwrap();
    assert!(page.users.is_empty());
    assert!(matches!(page.next, Some(After::Word { .. })));
    assert_eq!(paged(&reads, realm, &filter, 10).await, [0_u128; 0]);
    // The rare term leads, wherever it stands.
    let page = users::search(&reads, realm, &query("w w59x60"), None, 10)
        .await
        .unwrap();
    assert_eq!((page.users.len(), page.next), (1, None));
}

#[tokio::test]
async fn a_status_is_of_a_moment_and_an_erased_profile_leaves_nothing() {
    let world = World::new().await;
    let realm = world.realm(21).await;
    let reads = world.reads().await;
    let [active, locked, disabled, erased] = [(1, "a"), (2, "b"), (3, "c"), (4, "vanishing")]
        .map(|(id, name)| (UserId(Uuid::from_u128(id)), name));
    for (id, name) in [active, locked, disabled, erased] {
        world.register(realm, id.0.as_u128(), name).await;
    }
    let until = world.kernel.now().after_seconds(3_600);
    world
        .tell(
            realm,
            Subject::user(locked.0),
            UserEvent::Locked {
                reason: None,
                until: Some(until),
            },
        )
        .await;
    world
        .tell(
            realm,
            Subject::user(disabled.0),
            UserEvent::Disabled { reason: None },
        )
        .await;
    world.settle(&reads, realm).await;
    world
        .kernel
        .keyring()
        .destroy(realm, &Owner::User(erased.0), world.kernel.now())
        .await
        .unwrap();
    reads.rebuild().await.unwrap();

    let at = |status, now| UserFilter {
        status: Some((status, now)),
        ..UserFilter::default()
    };
    let now = world.kernel.now();
    assert_eq!(found(&reads, realm, at(UserStatus::Active, now)).await, [1]);
    assert_eq!(found(&reads, realm, at(UserStatus::Locked, now)).await, [2]);
    assert_eq!(found(&reads, realm, at(UserStatus::Disabled, now)).await, [3]);
    assert_eq!(found(&reads, realm, at(UserStatus::Erased, now)).await, [4]);
    assert_eq!(found(&reads, realm, at(UserStatus::Active, until)).await, [1, 2]);
    let all = users::search(&reads, realm, &UserFilter::default(), None, 10).await;
    for row in all.unwrap().users {
        let same = UserFilter {
            status: Some((row.status(now), now)),
            ..UserFilter::default()
        };
        assert!(found(&reads, realm, same).await.contains(&row.id.0.as_u128()));
    }

    let row = users::get(&reads, realm, erased.0).await.unwrap().unwrap();
    assert_eq!(
        (row.status(now), row.profile, row.username, row.words),
        (UserStatus::Erased, None, None, None)
    );
    assert_eq!(found(&reads, realm, query("vanishing")).await, [0_u128; 0]);
    let rows = format!("{:?}", reads.dump().await.unwrap());
    assert!(!rows.contains("vanishing"));
    if world.database.is_none() {
        let bytes = std::fs::read(world.file(reads.generation())).unwrap();
        assert!(!bytes.windows(9).any(|window| window == b"vanishing"));
    }
}

#[tokio::test]
async fn as_of_is_the_row_as_it_was_at_that_moment() {
    let world = World::new().await;
    let realm = world.realm(31).await;
    let reads = world.reads().await;
    let (user, application) = (UserId(Uuid::from_u128(1)), ApplicationId(Uuid::from_u128(2)));
    let mut past: Vec<(Timestamp, _, _, _, _)> = Vec::new();
    let rename = |name: &str| UserEvent::ProfileChanged {
        fields: vec!["name".to_owned()],
        changes: Sealed::Known([("name".to_owned(), serde_json::json!(name))].into()),
    };
    let settings = |name: &str| ApplicationSettings {
        name: name.to_owned(),
        ..ApplicationSettings::default()
    };
    let secret = CredentialId(Uuid::from_u128(3));
    for step in 0..10 {
        match step {
            0 => {
                world.register(realm, 1, "alice").await;
            }
            1 => {
                let hash = Sealed::Known("phc".to_owned());
                let event = UserEvent::PasswordSet {
                    credential: CredentialId(Uuid::from_u128(5)),
                    hash,
                    keeps: None,
                };
                world.tell(realm, Subject::password(user), event).await;
            }
            2 | 3 => {
                world
                    .tell(realm, Subject::user(user), rename(&format!("name {step}")))
                    .await;
            }
            4 => {
                let event = ApplicationEvent::Registered {
                    client_id: "app".to_owned(),
                    application_type: ApplicationType::Web,
                    settings: Box::new(settings("one")),
                };
                world.tell(realm, Subject::application(application), event).await;
            }
            5 => {
                let digest = Sealed::Known("digest".to_owned());
                let event = ApplicationEvent::SecretAdded {
                    credential: secret,
                    digest,
                    secret: None,
                    expires: None,
                };
                world.tell(realm, Subject::application(application), event).await;
            }
            6 => {
                let event = ApplicationEvent::SecretRevoked { credential: secret };
                world.tell(realm, Subject::application(application), event).await;
            }
            7 => {
                let event = RealmEvent::Created {
                    name: "acme".to_owned(),
                    display_name: "Acme".to_owned(),
                };
                world.tell(RealmId::SYSTEM, Subject::realm(realm), event).await;
            }
            8 => {
                let event = RealmEvent::Suspended { reason: None };
                world.tell(RealmId::SYSTEM, Subject::realm(realm), event).await;
            }
            _ => {
                let tokens = Some(TokenSettings {
                    code_seconds: 30,
                    ..TokenSettings::default()
                });
                let change = SettingsChange {
                    tokens,
                    ..SettingsChange::default()
                };
                world
                    .tell(
                        realm,
                        Subject::settings(realm),
                        RealmEvent::SettingsChanged(change),
                    )
                    .await;
            }
        }
        world.settle(&reads, realm).await;
        world.settle(&reads, RealmId::SYSTEM).await;
        past.push((
            world.kernel.now(),
            users::get(&reads, realm, user).await.unwrap(),
            applications::get(&reads, realm, application).await.unwrap(),
            realms::get(&reads, realm).await.unwrap(),
            realms::settings(&reads, realm).await.unwrap(),
        ));
    }
    for (moment, user_then, application_then, realm_then, settings_then) in past {
        let kernel = &world.kernel;
        assert_eq!(
            users::as_of(kernel, realm, user, moment).await.unwrap(),
            user_then
        );
        assert_eq!(
            applications::as_of(kernel, realm, application, moment)
                .await
                .unwrap(),
            application_then
        );
        assert_eq!(realms::as_of(kernel, realm, moment).await.unwrap(), realm_then);
        assert_eq!(
            realms::settings_as_of(kernel, realm, moment).await.unwrap(),
            settings_then
        );
    }
    let before = Timestamp::from_seconds(1);
    assert_eq!(
        users::as_of(&world.kernel, realm, user, before).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn realms_and_applications_are_listed_in_order_and_found_by_name() {
    let world = World::new().await;
    let realm = world.realm(61).await;
    let reads = world.reads().await;
    for (id, name) in [(61, "acme"), (62, "blue")] {
        let event = RealmEvent::Created {
            name: name.to_owned(),
            display_name: format!("Über {name}"),
        };
        world
            .tell(
                RealmId::SYSTEM,
                Subject::realm(RealmId(Uuid::from_u128(id))),
                event,
            )
            .await;
    }
    for (id, kind) in [(1, ApplicationType::Web), (2, ApplicationType::Service)] {
        let event = ApplicationEvent::Registered {
            client_id: format!("client{id}"),
            application_type: kind,
            settings: Box::new(ApplicationSettings {
                name: format!("App {id}"),
                ..ApplicationSettings::default()
            }),
        };
        world
            .tell(
                realm,
                Subject::application(ApplicationId(Uuid::from_u128(id))),
                event,
            )
            .await;
    }
    for (kid, algorithm) in [("k1", "ES256"), ("k2", "RS256"), ("k3", "ES256")] {
        let event = RealmEvent::SigningKeyCreated {
            kid: kid.to_owned(),
            algorithm: algorithm.to_owned(),
            public_jwk: serde_json::json!({ "kid": kid }),
            replaced_until: Timestamp::from_seconds(7),
        };
        world.tell(realm, Subject::signing_keys(realm), event).await;
    }
    world.settle(&reads, realm).await;
    world.settle(&reads, RealmId::SYSTEM).await;

    let names = async |query, after, limit| -> Vec<String> {
        let rows = realms::list(&reads, query, after, limit).await.unwrap();
        rows.into_iter().map(|row| row.name).collect()
    };
    assert_eq!(names(None, None, 10).await, ["acme", "blue"]);
    assert_eq!(names(None, Some(realm), 10).await, ["blue"]);
    assert_eq!(names(Some("über B"), None, 10).await, ["blue"]);
    let filter = |application_type| ApplicationFilter {
        application_type,
        ..ApplicationFilter::default()
    };
    let services = applications::list(&reads, realm, &filter(Some(ApplicationType::Service)), None, 10)
        .await
        .unwrap();
    assert_eq!((services.len(), services[0].client_id.as_str()), (1, "client2"));
    assert_eq!(
        applications::list(&reads, realm, &filter(None), None, 10)
            .await
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        applications::secrets(&reads, realm, services[0].id)
            .await
            .unwrap(),
        Some(Vec::new())
    );
    let keys = realms::signing_keys(&reads, realm).await.unwrap().unwrap();
    let until: Vec<_> = keys
        .keys
        .iter()
        .map(|key| (key.kid.as_str(), key.published_until.is_some()))
        .collect();
    assert_eq!(until, [("k1", true), ("k2", false), ("k3", false)]);
}
