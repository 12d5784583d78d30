//! Sealing and opening: a field opens for its owner alone, in its place alone, with the right master key alone.

use super::*;

#[tokio::test]
async fn a_field_opens_for_its_owner_also_after_reopening() {
    let (world, keyring) = prepared().await;
    let mut all = Vec::new();
    for owner in owners() {
        let text = sealed(&keyring, &owner).await;
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
        assert_eq!(
            read(&keyring, &owner, &text).await.unwrap().unwrap(),
            b"alice@example.com"
        );
        all.push((owner, text));
    }
    let reopened = world.reopened().await;
    for (owner, text) in &all {
        assert_eq!(
            read(&reopened, owner, text).await.unwrap().unwrap(),
            b"alice@example.com",
            "{owner}"
        );
    }
}

#[tokio::test]
async fn a_field_opens_nowhere_else() {
    let (_world, keyring) = prepared().await;
    for owner in owners() {
        keyring
            .seal(
                OTHER_REALM,
                &owner,
                EVENT,
                "email",
                b"the keys of the other realm exist",
            )
            .await
            .unwrap();
    }
    let corrupt =
        |result: Result<Option<Zeroizing<Vec<u8>>>, KeyError>| matches!(result, Err(KeyError::Corrupt(_)));
    for owner in owners() {
        let text = sealed(&keyring, &owner).await;
        for other in owners().into_iter().filter(|other| *other != owner) {
            sealed(&keyring, &other).await;
            assert!(
                corrupt(keyring.unseal(REALM, &other, EVENT, "email", &text).await),
                "{owner} as {other}"
            );
        }
        let other_event = EventId(Uuid::from_u128(9));
        assert!(corrupt(
            keyring.unseal(OTHER_REALM, &owner, EVENT, "email", &text).await
        ));
        assert!(corrupt(
            keyring.unseal(REALM, &owner, other_event, "email", &text).await
        ));
        assert!(corrupt(keyring.unseal(REALM, &owner, EVENT, "name", &text).await));
        assert!(corrupt(
            keyring.unseal(REALM, &owner, EVENT, "email", &text[1..]).await
        ));
        assert!(corrupt(
            keyring
                .unseal(REALM, &owner, EVENT, "email", "not base64url!")
                .await
        ));
        assert!(corrupt(keyring.unseal(REALM, &owner, EVENT, "email", "").await));
    }
}

#[tokio::test]
async fn a_wrong_master_key_is_refused() {
    let (world, keyring) = prepared().await;
    let text = sealed(&keyring, &Owner::User(USER)).await;
    let wrong = Keyring::open(world.store.clone(), master(2), Arc::new(SystemRandom)).await;
    assert_eq!(wrong.unwrap_err(), KeyError::WrongMasterKey);
    assert!(
        read(&*world.keyring().await, &Owner::User(USER), &text)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn two_first_keyrings_with_different_master_keys_do_not_both_open() {
    let world = World::new().await;
    let open = |last| Keyring::open(world.store.clone(), master(last), Arc::new(SystemRandom));
    let (one, two) = tokio::join!(open(1), open(2));
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
}

#[tokio::test]
async fn a_realm_that_was_never_prepared_gets_no_key_by_being_asked_for() {
    let (_world, keyring) = prepared().await;
    let nowhere = RealmId(Uuid::from_u128(99));
    let refused = |error: KeyError| matches!(error, KeyError::Refused(_));
    assert!(refused(keyring.derive(nowhere, "purpose").await.unwrap_err()));
    assert!(refused(
        keyring.digest(nowhere, "purpose", &[]).await.unwrap_err()
    ));
    assert!(refused(
        keyring
            .seal_artefact(nowhere, "code", &[], b"")
            .await
            .unwrap_err()
    ));
    assert!(refused(
        keyring
            .put_signing_key(nowhere, "kid", b"pkcs8")
            .await
            .unwrap_err()
    ));
    for owner in owners() {
        assert!(
            refused(
                keyring
                    .seal(nowhere, &owner, EVENT, "email", b"")
                    .await
                    .unwrap_err()
            ),
            "{owner}"
        );
    }
    let artefact = keyring.seal_artefact(REALM, "code", &[], b"text").await.unwrap();
    assert_eq!(
        keyring
            .open_artefact(nowhere, "code", &[], &artefact)
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_lost_key_is_an_error_and_not_an_erasure() {
    let (_world, keyring) = prepared().await;
    let text = sealed(&keyring, &Owner::User(USER)).await;
    let (_other_world, restored) = prepared().await;
    assert!(matches!(
        read(&restored, &Owner::User(USER), &text).await,
        Err(KeyError::Corrupt(_))
    ));
}

#[tokio::test]
async fn a_wrapped_key_opens_under_its_own_name_only() {
    let (world, keyring) = prepared().await;
    sealed(&keyring, &Owner::User(USER)).await;
    let wrapped = world
        .store
        .get(&KeyName::user(REALM, USER))
        .await
        .unwrap()
        .unwrap();
    world
        .store
        .put(&KeyName::user(REALM, OTHER_USER), &wrapped)
        .await
        .unwrap();
    let swapped = keyring
        .seal(REALM, &Owner::User(OTHER_USER), EVENT, "email", b"")
        .await;
    assert!(matches!(swapped, Err(KeyError::Corrupt(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_first_users_in_two_keyrings_end_with_one_key() {
    let (world, first) = prepared().await;
    let second = world.keyring().await;
    let tasks: Vec<_> = (0..40)
        .map(|index| {
            let keyring = if index % 2 == 0 {
                first.clone()
            } else {
                second.clone()
            };
            tokio::spawn(async move { sealed(&keyring, &Owner::User(USER)).await })
        })
        .collect();
    let third = world.keyring().await;
    for task in tasks {
        let text = task.await.unwrap();
        for keyring in [&first, &second, &third] {
            assert!(read(keyring, &Owner::User(USER), &text).await.unwrap().is_some());
        }
    }
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let (_world, keyring) = prepared().await;
    let shown = format!("{keyring:?}");
    assert!(shown.starts_with("Keyring { store: SqliteKeyStore"), "{shown}");
    let secret = keyring.derive(REALM, "purpose").await.unwrap();
    assert!(
        !shown.contains(&hex(secret.as_slice())) && !shown.contains("[9, 9"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_neither_erased_nor_lost() {
    let (world, keyring) = prepared().await;
    let text = sealed(&keyring, &Owner::User(USER)).await;
    let cold = world.keyring().await;
    world.store.close().await;
    assert!(matches!(
        read(&cold, &Owner::User(USER), &text).await,
        Err(KeyError::Unavailable(_))
    ));
    assert!(matches!(
        cold.open_artefact(REALM, "code", &[], "AAAA").await,
        Err(KeyError::Unavailable(_))
    ));
}
