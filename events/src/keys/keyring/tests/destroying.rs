//! Destroying: a key that is gone is gone on every node at once, takes nothing of others with it, and never comes back.

use super::*;

#[tokio::test]
async fn a_destroyed_key_is_gone_at_once_everywhere_and_never_made_again() {
    let (world, keyring) = prepared().await;
    for owner in [
        Owner::User(USER),
        Owner::Credential(CREDENTIAL),
        Owner::Network {
            at: NOVEMBER,
            user: None,
        },
    ] {
        let text = sealed(&keyring, &owner).await;
        keyring.destroy(REALM, &owner, DECEMBER).await.unwrap();
        keyring.destroy(REALM, &owner, DECEMBER).await.unwrap();
        for keyring in [&keyring, &world.keyring().await] {
            assert_eq!(read(keyring, &owner, &text).await.unwrap(), None, "{owner}");
            let again = keyring.seal(REALM, &owner, EVENT, "email", b"again").await;
            assert_eq!(again, Err(KeyError::Destroyed), "{owner}");
        }
    }
    let reopened = world.reopened().await;
    assert_eq!(
        read(&reopened, &Owner::User(USER), "whatever").await.unwrap(),
        None
    );
    let other = Owner::User(OTHER_USER);
    let text = sealed(&reopened, &other).await;
    assert!(
        read(&reopened, &other, &text).await.unwrap().is_some(),
        "others are untouched"
    );
}

#[tokio::test]
async fn a_user_who_was_destroyed_before_the_first_use_gets_no_key() {
    let (_world, keyring) = prepared().await;
    keyring
        .destroy(REALM, &Owner::User(USER), NOVEMBER)
        .await
        .unwrap();
    let late = keyring
        .seal(REALM, &Owner::User(USER), EVENT, "email", b"late")
        .await;
    assert_eq!(late, Err(KeyError::Destroyed));
}

#[tokio::test]
async fn network_data_goes_with_the_month_or_with_the_user() {
    let (_world, keyring) = prepared().await;
    let of = |at, user| Owner::Network { at, user };
    let mut texts = Vec::new();
    for owner in [
        of(NOVEMBER, Some(USER)),
        of(DECEMBER, Some(USER)),
        of(NOVEMBER, Some(OTHER_USER)),
        of(NOVEMBER, None),
    ] {
        texts.push((sealed(&keyring, &owner).await, owner));
    }
    let one_month_of_one_user = keyring.destroy(REALM, &of(NOVEMBER, Some(USER)), DECEMBER).await;
    assert!(matches!(one_month_of_one_user, Err(KeyError::Refused(_))));

    let readable = async || {
        let mut readable = Vec::new();
        for (text, owner) in &texts {
            readable.push(read(&keyring, owner, text).await.unwrap().is_some());
        }
        readable
    };
    assert_eq!(readable().await, [true, true, true, true]);
    keyring
        .destroy(REALM, &Owner::User(USER), DECEMBER)
        .await
        .unwrap();
    assert_eq!(readable().await, [false, false, true, true]);
    keyring
        .destroy(REALM, &of(NOVEMBER, None), DECEMBER)
        .await
        .unwrap();
    assert_eq!(readable().await, [false, false, false, false]);
}

#[tokio::test]
async fn with_the_realm_everything_of_it_goes_and_nothing_of_others() {
    let (world, keyring) = prepared().await;
    keyring.put_signing_key(REALM, "kid", b"pkcs8").await.unwrap();
    let artefact = keyring.seal_artefact(REALM, "code", &[], b"text").await.unwrap();
    let foreign = keyring
        .seal_artefact(OTHER_REALM, "code", &[], b"text")
        .await
        .unwrap();
    let mut texts = Vec::new();
    for owner in owners() {
        texts.push((sealed(&keyring, &owner).await, owner));
    }
    keyring.destroy(REALM, &Owner::Realm, DECEMBER).await.unwrap();
    for keyring in [&keyring, &world.keyring().await] {
        for (text, owner) in &texts {
            assert_eq!(read(keyring, owner, text).await.unwrap(), None, "{owner}");
            let again = keyring.seal(REALM, owner, EVENT, "email", b"again").await;
            assert_eq!(again, Err(KeyError::Destroyed), "{owner}");
        }
        assert_eq!(
            read(keyring, &Owner::User(UserId(Uuid::from_u128(77))), "never made")
                .await
                .unwrap(),
            None
        );
        assert_eq!(keyring.signing_key(REALM, "kid").await.unwrap(), None);
        assert_eq!(
            keyring.put_signing_key(REALM, "new", b"pkcs8").await,
            Err(KeyError::Destroyed)
        );
        assert_eq!(
            keyring
                .open_artefact(REALM, "code", &[], &artefact)
                .await
                .unwrap(),
            None
        );
        assert_eq!(keyring.derive(REALM, "purpose").await, Err(KeyError::Destroyed));
        assert_eq!(keyring.prepare_realm(REALM).await, Err(KeyError::Destroyed));
        assert!(
            keyring
                .open_artefact(OTHER_REALM, "code", &[], &foreign)
                .await
                .unwrap()
                .is_some()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_during_a_destruction_do_not_bring_the_key_back() {
    let (_world, keyring) = prepared().await;
    for round in 0..20 {
        let owner = Owner::User(UserId(Uuid::from_u128(1_000 + round)));
        let text = sealed(&keyring, &owner).await;
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (keyring, owner, text) = (keyring.clone(), owner.clone(), text.clone());
                tokio::spawn(async move {
                    while read(&keyring, &owner, &text).await.unwrap().is_some() {
                        // Makes every second reader ask the store.
                        keyring.cache.keys.invalidate_all();
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        keyring.destroy(REALM, &owner, DECEMBER).await.unwrap();
        assert_eq!(read(&keyring, &owner, &text).await.unwrap(), None);
        for reader in readers {
            reader.await.unwrap();
        }
        assert_eq!(read(&keyring, &owner, &text).await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_was_read_before_a_destruction_is_not_cached_after_it() {
    let (_world, keyring) = prepared().await;
    let name = KeyName::user(REALM, USER);
    let before = keyring.cache.before();
    let key = keyring.obtain(&name).await.unwrap();
    keyring
        .destroy(REALM, &Owner::User(USER), DECEMBER)
        .await
        .unwrap();
    keyring.cache.keep(before, &name, Found::Key(key));
    assert!(keyring.cache.keys.get(&name).is_none());
}
