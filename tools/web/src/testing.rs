//! What the tests of this crate stand on: a kernel on a log and a key store of its own, and a clock that stands still.

use std::sync::Arc;

use events::{
    clock::{FrozenClock, SystemRandom, Timestamp},
    ids::RealmId,
    kernel::Kernel,
    keys::{Keyring, MasterKey, SqliteKeyStore},
    log::sqlite::SqliteLog,
};
use outbound::{Documents, Outbound};
use uuid::Uuid;

use crate::{Edge, RealmRef};

pub const REALM: RealmId = RealmId(Uuid::from_u128(7));
pub const OTHER_REALM: RealmId = RealmId(Uuid::from_u128(8));
pub const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

pub struct World {
    pub kernel: Arc<Kernel>,
    pub clock: Arc<FrozenClock>,
    folder: tempfile::TempDir,
}

impl World {
    /// An empty one, in which both realms have keys.
    pub async fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap(), "log").await
    }

    /// The same keys beside another log.
    pub async fn with_another_log(self) -> Self {
        self.kernel.log().close().await;
        Self::open(self.folder, "another log").await
    }

    /// The same after a restart.
    pub async fn restarted(self) -> Self {
        self.kernel.log().close().await;
        Self::open(self.folder, "log").await
    }

    async fn open(folder: tempfile::TempDir, log: &str) -> Self {
        let (clock, random) = (FrozenClock::at(NOW), Arc::new(SystemRandom));
        let path = |name: &str| folder.path().join(name);
        let log = SqliteLog::open(&path(log), clock.clone(), random.clone())
            .await
            .unwrap();
        let store = SqliteKeyStore::open(&path("keys")).await.unwrap();
        let master = MasterKey::load_or_create(&path("master.key"), &*random).unwrap();
        let keyring = Keyring::open(store, master, random.clone()).await.unwrap();
        for realm in [REALM, OTHER_REALM] {
            keyring.prepare_realm(realm).await.unwrap();
        }
        let kernel = Kernel::start(log, keyring, clock.clone(), random).await.unwrap();
        Self {
            kernel,
            clock,
            folder,
        }
    }

    /// The edge of this world.
    pub fn edge(&self) -> Edge {
        let documents = Documents::new(Outbound::new(&outbound::Settings::default()).unwrap());
        Edge::new(
            Arc::clone(&self.kernel),
            "https://id.example".parse().unwrap(),
            documents,
        )
    }
}

/// A realm as handlers see it.
pub fn realm(id: RealmId) -> RealmRef {
    RealmRef {
        id,
        name: "demo".to_owned(),
        display_name: "Demo".to_owned(),
        suspended: false,
    }
}
