//! Sealing, destroying and artefacts, against the store of one node.

use std::path::PathBuf;

use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::{
    clock::SystemRandom,
    envelope::hex,
    ids::{CredentialId, UserId},
    keys::SqliteKeyStore,
};

const REALM: RealmId = RealmId(Uuid::from_u128(1));
const OTHER_REALM: RealmId = RealmId(Uuid::from_u128(2));
const EVENT: EventId = EventId(Uuid::from_u128(3));
const USER: UserId = UserId(Uuid::from_u128(4));
const OTHER_USER: UserId = UserId(Uuid::from_u128(5));
const CREDENTIAL: CredentialId = CredentialId(Uuid::from_u128(4));
const NOVEMBER: Timestamp = Timestamp::from_seconds(1_700_000_000);
const DECEMBER: Timestamp = Timestamp::from_seconds(1_702_000_000);

struct World {
    _folder: TempDir,
    path: PathBuf,
    store: Arc<SqliteKeyStore>,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.db");
        let store = SqliteKeyStore::open(&path).await.unwrap();
        Self {
            _folder: folder,
            path,
            store,
        }
    }

    /// A keyring of its own over the same store, as in another process.
    async fn keyring(&self) -> Arc<Keyring> {
        Keyring::open(self.store.clone(), master(1), Arc::new(SystemRandom))
            .await
            .unwrap()
    }

    async fn reopened(&self) -> Arc<Keyring> {
        self.store.close().await;
        let store = SqliteKeyStore::open(&self.path).await.unwrap();
        Keyring::open(store, master(1), Arc::new(SystemRandom))
            .await
            .unwrap()
    }
}

fn master(last: u8) -> MasterKey {
    let mut bytes = [9; 32];
    bytes[31] = last;
    MasterKey::parse(&hex(&bytes)).unwrap()
}

async fn prepared() -> (World, Arc<Keyring>) {
    let world = World::new().await;
    let keyring = world.keyring().await;
    for realm in [REALM, OTHER_REALM] {
        keyring.prepare_realm(realm).await.unwrap();
    }
    (world, keyring)
}

fn owners() -> Vec<Owner> {
    vec![
        Owner::Realm,
        Owner::User(USER),
        Owner::User(OTHER_USER),
        Owner::Credential(CREDENTIAL),
        Owner::Network {
            at: NOVEMBER,
            user: None,
        },
        Owner::Network {
            at: NOVEMBER,
            user: Some(USER),
        },
        Owner::Network {
            at: NOVEMBER,
            user: Some(OTHER_USER),
        },
        Owner::Network {
            at: DECEMBER,
            user: Some(USER),
        },
    ]
}

async fn sealed(keyring: &Keyring, owner: &Owner) -> String {
    keyring
        .seal(REALM, owner, EVENT, "email", b"alice@example.com")
        .await
        .unwrap()
}

async fn read(keyring: &Keyring, owner: &Owner, text: &str) -> Result<Option<Vec<u8>>, KeyError> {
    Ok(keyring
        .unseal(REALM, owner, EVENT, "email", text)
        .await?
        .map(|plaintext| plaintext.to_vec()))
}

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

#[tokio::test]
async fn signing_keys_are_kept_under_their_kid_until_destroyed() {
    let (world, keyring) = prepared().await;
    assert_eq!(keyring.signing_key(REALM, "kid").await.unwrap(), None);
    keyring.put_signing_key(REALM, "kid", b"pkcs8").await.unwrap();
    keyring.put_signing_key(REALM, "kid", b"pkcs8").await.unwrap();
    assert!(matches!(
        keyring.put_signing_key(REALM, "kid", b"other").await,
        Err(KeyError::Refused(_))
    ));
    assert_eq!(keyring.signing_key(OTHER_REALM, "kid").await.unwrap(), None);

    let keyring = world.reopened().await;
    assert_eq!(
        keyring
            .signing_key(REALM, "kid")
            .await
            .unwrap()
            .unwrap()
            .as_slice(),
        b"pkcs8"
    );
    keyring.destroy_signing_key(REALM, "kid", DECEMBER).await.unwrap();
    assert_eq!(keyring.signing_key(REALM, "kid").await.unwrap(), None);
    assert_eq!(
        keyring.put_signing_key(REALM, "kid", b"pkcs8").await,
        Err(KeyError::Destroyed)
    );
}

#[tokio::test]
async fn an_artefact_opens_with_its_realm_purpose_and_binding_only() {
    let (world, keyring) = prepared().await;
    let text = keyring
        .seal_artefact(REALM, "code", &[b"client", b"uri"], b"grant")
        .await
        .unwrap();
    let open = async |realm, purpose, bound: &[&[u8]], text: &str| {
        keyring.open_artefact(realm, purpose, bound, text).await.unwrap()
    };
    assert_eq!(
        open(REALM, "code", &[b"client", b"uri"], &text).await.unwrap(),
        b"grant"
    );
    assert_eq!(open(OTHER_REALM, "code", &[b"client", b"uri"], &text).await, None);
    assert_eq!(open(REALM, "refresh", &[b"client", b"uri"], &text).await, None);
    for bound in [
        &[&b"client"[..]][..],
        &[b"clientu", b"ri"],
        &[b"uri", b"client"],
        &[b"client", b"uri", b""],
        &[],
    ] {
        assert_eq!(open(REALM, "code", bound, &text).await, None, "{bound:?}");
    }
    let bound: &[&[u8]] = &[b"client", b"uri"];
    let altered = format!(
        "{}{}",
        &text[..text.len() - 2],
        if text.ends_with("AA") { "BA" } else { "AA" }
    );
    let padded = format!("{text}=");
    let spaced = format!("{text} ");
    let oversized = "A".repeat(MAX_ARTEFACT + 1);
    for malformed in ["", "A", "é", &text[4..], &altered, &padded, &spaced, &oversized] {
        assert_eq!(open(REALM, "code", bound, malformed).await, None);
    }
    let reopened = world.reopened().await;
    assert_eq!(
        reopened
            .open_artefact(REALM, "code", bound, &text)
            .await
            .unwrap()
            .unwrap(),
        b"grant"
    );
}

#[tokio::test]
async fn an_artefact_is_never_longer_than_what_is_opened() {
    let (_world, keyring) = prepared().await;
    let most = MAX_ARTEFACT / 4 * 3 - 73;
    let text = keyring
        .seal_artefact(REALM, "flow", &[], &vec![1; most])
        .await
        .unwrap();
    assert_eq!(text.len(), MAX_ARTEFACT);
    assert!(
        keyring
            .open_artefact(REALM, "flow", &[], &text)
            .await
            .unwrap()
            .is_some()
    );
    let more = keyring
        .seal_artefact(REALM, "flow", &[], &vec![1; most + 1])
        .await;
    assert!(matches!(more, Err(KeyError::Refused(_))));
}

#[tokio::test]
async fn digests_differ_by_realm_purpose_and_parts_and_last() {
    let (world, keyring) = prepared().await;
    let digest = keyring.digest(REALM, "login", &[b"ab", b"c"]).await.unwrap();
    assert_ne!(
        keyring.digest(REALM, "login", &[b"a", b"bc"]).await.unwrap(),
        digest
    );
    assert_ne!(
        keyring.digest(REALM, "other", &[b"ab", b"c"]).await.unwrap(),
        digest
    );
    assert_ne!(
        keyring
            .digest(OTHER_REALM, "login", &[b"ab", b"c"])
            .await
            .unwrap(),
        digest
    );
    let derived = keyring.derive(REALM, "login").await.unwrap();
    assert_ne!(keyring.derive(OTHER_REALM, "login").await.unwrap(), derived);
    assert_ne!(keyring.derive(REALM, "other").await.unwrap(), derived);

    let reopened = world.reopened().await;
    assert_eq!(
        reopened.digest(REALM, "login", &[b"ab", b"c"]).await.unwrap(),
        digest
    );
    assert_eq!(reopened.derive(REALM, "login").await.unwrap(), derived);
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
