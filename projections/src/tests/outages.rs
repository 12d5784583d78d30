//! What the read models do while something that they need is away: a key store that does not answer, a database server that falls
//! silent. Nothing is taken for damage, nobody waits for ever, and all goes on afterwards.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use events::{
    clock::{SystemRandom, Timestamp},
    connections::Connections,
    kernel::Kernel,
    keys::{KeyError, KeyName, KeyStore, Keyring},
    postgres::Database,
};
use scratch::Proxy;

use super::{
    faults::until,
    world::{PACE, World, master_key},
};
use crate::{
    Home, ReadError, Reads, projection,
    rows::Changes,
    store::{CursorRow, GenerationRow},
    table::Record,
    users,
};

/// A key store that is away at times.
#[derive(Debug)]
struct Away {
    store: Arc<dyn KeyStore>,
    away: AtomicBool,
}

impl Away {
    fn there(&self) -> Result<&dyn KeyStore, KeyError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(KeyError::Unavailable("away".to_owned()));
        }
        Ok(&*self.store)
    }
}

#[async_trait]
impl KeyStore for Away {
    async fn put(&self, name: &KeyName, wrapped: &[u8]) -> Result<bool, KeyError> {
        self.there()?.put(name, wrapped).await
    }
    async fn get(&self, name: &KeyName) -> Result<Option<Vec<u8>>, KeyError> {
        self.there()?.get(name).await
    }
    async fn destroy(&self, names: &[KeyName], at: Timestamp) -> Result<(), KeyError> {
        self.there()?.destroy(names, at).await
    }
    async fn destroyed(&self, name: &KeyName) -> Result<bool, KeyError> {
        self.there()?.destroyed(name).await
    }
    async fn last_destruction(&self) -> Result<i64, KeyError> {
        self.there()?.last_destruction().await
    }
    async fn destroyed_between(&self, after: i64, up_to: i64) -> Result<Vec<KeyName>, KeyError> {
        self.there()?.destroyed_between(after, up_to).await
    }
    async fn check_value(&self) -> Result<Option<Vec<u8>>, KeyError> {
        self.there()?.check_value().await
    }
    async fn put_check_value(&self, value: &[u8]) -> Result<(), KeyError> {
        self.there()?.put_check_value(value).await
    }
    fn connections(&self) -> Connections {
        self.store.connections()
    }
    async fn close(&self) {
        self.store.close().await;
    }
}

#[tokio::test]
async fn a_key_store_that_is_away_is_waited_for_and_poisons_nothing() {
    let world = World::new().await;
    let realm = world.realm(11).await;
    let keys = Arc::new(Away {
        store: world.keys.clone(),
        away: AtomicBool::new(false),
    });
    // A node of its own, which has no key in memory.
    let random = Arc::new(SystemRandom);
    let keyring = Keyring::open(keys.clone(), master_key(), random.clone())
        .await
        .unwrap();
    let kernel = Kernel::start(world.kernel.log().clone(), keyring, world.clock.clone(), random)
        .await
        .unwrap();
    let reads = Reads::open_with(kernel, world.home(), true, projection::all(), PACE)
        .await
        .unwrap();
    keys.away.store(true, Ordering::SeqCst);
    let alice = world.register(realm, 1, "alice").await;
    until(&reads, |reads| reads.failing().is_some()).await;
    let why = reads.failing().unwrap();
    assert!(why.contains("away"), "{why}");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(reads.stopped(), [], "it is no fault of the event");
    assert!(users::get(&reads, realm, alice).await.unwrap().is_none());

    keys.away.store(false, Ordering::SeqCst);
    world.settle(&reads, realm).await;
    let row = users::get(&reads, realm, alice).await.unwrap().unwrap();
    assert_eq!(row.username.as_deref(), Some("alice"));
    until(&reads, |reads| reads.failing().is_none()).await;
    reads.close().await;
}

#[tokio::test]
async fn a_database_server_that_falls_silent_is_given_up_by_whoever_asks_it() {
    let Some(place) = scratch::Database::create() else {
        return;
    };
    let proxy = Proxy::to(place.url()).await;
    let shelf = Home::Database(proxy.url().parse().unwrap()).open().await.unwrap();
    let built_by = GenerationRow {
        id: 1,
        shape: String::new(),
        fingerprint: String::new(),
    };
    let store = shelf.make(1, &[], &built_by).await.unwrap();
    assert!(shelf.point_to(1).await.unwrap());
    assert!(store.lead().await.unwrap());
    assert_eq!(store.cursors().await.unwrap(), []);
    // By now each session has to be heard from before it is trusted.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    proxy.silence();
    // From here on time passes when nothing else does.
    tokio::time::pause();
    let keys = BTreeSet::from([GenerationRow::key(1)]);
    let asked = async {
        let (loaded, written) = (
            store.load(&keys).await,
            store.write(&Changes::default(), &[]).await,
        );
        let of_store = [
            loaded.err(),
            written.err(),
            store.cursors().await.err(),
            store.dump(CursorRow::table()).await.err(),
            store.hold().await.err(),
            store.finish(&[]).await.err(),
            store.lead().await.err(),
        ];
        let of_shelf = [
            shelf.pointer().await.err(),
            shelf.current().await.err(),
            shelf.numbers().await.err(),
            shelf.point_to(2).await.err(),
            shelf.turn().await.err(),
            shelf.open(1).await.err(),
            shelf.make(2, &[], &built_by).await.err(),
        ];
        of_store.into_iter().chain(of_shelf).collect::<Vec<_>>()
    };
    let refusals = tokio::time::timeout(Duration::from_hours(2), asked).await;
    for (index, refusal) in refusals.expect("not for ever").into_iter().enumerate() {
        assert!(
            matches!(&refusal, Some(ReadError::Unavailable(_))),
            "{index}: {refusal:?}"
        );
    }
    store.step_down().await;
    tokio::time::resume();
    proxy.end_silence();
    store.hold().await.unwrap();
    assert_eq!(store.cursors().await.unwrap(), []);
    assert_eq!(shelf.current().await.unwrap(), Some(1));
    store.close().await;
}

#[tokio::test]
async fn no_password_shows() {
    let Some(world) = World::shared().await else {
        return;
    };
    let address = world.database.as_ref().unwrap().url();
    let mut address: url::Url = address.parse().unwrap();
    address.set_password(Some("hunter2")).unwrap();
    let database: Database = address.as_str().parse().unwrap();
    let home = Home::Database(database.clone());
    let shelf = home.clone().open().await.unwrap();
    let turn = shelf.turn().await.unwrap();
    assert!(turn.is_some());
    let shown = format!("{database:?} {home:?} {shelf:?} {turn:?}");
    drop(turn);
    let reads = Reads::open_with(world.kernel.clone(), home, true, projection::all(), PACE)
        .await
        .unwrap();
    let shown = format!(
        "{shown} {reads:?} {:?} {:?}",
        reads.served(),
        reads.served().store
    );
    assert!(!shown.contains("hunter2"), "{shown}");
    reads.close().await;
}
