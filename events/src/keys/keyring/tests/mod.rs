//! Sealing, destroying and artefacts, against the store of one node. Here: the world in which they are tried.

mod artefacts;
mod destroying;
mod sealing;

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
