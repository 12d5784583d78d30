//! What every key store promises, asked of each engine: the first put wins, also over another connection; a tombstone is for
//! ever; new keys share a transaction and nothing else; tombstones are numbered in the order in which they are seen.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures::future::join_all;
use tempfile::TempDir;
use uuid::Uuid;

use super::{KeyError, KeyKind, KeyName, KeyStore, PostgresKeyStore, SqliteKeyStore};
use crate::{
    clock::Timestamp,
    ids::{RealmId, UserId},
};

const AT: Timestamp = Timestamp::from_seconds(1_700_000_000);
const REALM: RealmId = RealmId(Uuid::from_u128(1));

/// A place for a store, which several may open at once, as several processes do.
#[derive(Debug)]
pub(super) enum Place {
    Sqlite(TempDir),
    Postgres(scratch::Database),
}

impl Place {
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub fn postgres() -> Option<Self> {
        scratch::Database::create().map(Self::Postgres)
    }

    pub async fn open(&self) -> Arc<dyn KeyStore> {
        self.try_open().await.unwrap()
    }

    async fn try_open(&self) -> Result<Arc<dyn KeyStore>, KeyError> {
        Ok(match self {
            Self::Sqlite(folder) => SqliteKeyStore::open(&folder.path().join("keys.db")).await?,
            Self::Postgres(database) => PostgresKeyStore::open(&database.url().parse().unwrap()).await?,
        })
    }

    async fn open_read_only(&self) -> Result<Arc<dyn KeyStore>, KeyError> {
        Ok(match self {
            Self::Sqlite(folder) => SqliteKeyStore::open_read_only(&folder.path().join("keys.db")).await?,
            Self::Postgres(database) => {
                PostgresKeyStore::open_read_only(&database.url().parse().unwrap()).await?
            }
        })
    }
}

/// Each test on both engines.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test($crate::keys::tests::Place::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                let Some(place) = $crate::keys::tests::Place::postgres() else { return };
                super::$test(place).await;
            })*
        }
    };
}
pub(super) use on_both;

on_both!(
    the_first_put_wins_and_is_there_after_reopening,
    what_was_destroyed_stays_destroyed_whether_it_was_there_or_not,
    of_many_puts_of_one_name_exactly_one_wins,
    a_put_and_a_destruction_at_once_end_destroyed,
    each_of_many_puts_hears_of_its_own_name,
    a_put_that_cannot_be_stored_fails_alone,
    a_put_whose_caller_goes_away_leaves_the_store_working,
    tombstones_are_numbered_as_they_are_seen,
    destructions_on_two_nodes_are_all_seen_in_order,
    the_first_check_value_stays,
    read_only_makes_and_changes_nothing,
    a_closed_store_answers_nothing,
);

fn name(id: u128) -> KeyName {
    KeyName::user(REALM, UserId(Uuid::from_u128(id)))
}

async fn the_first_put_wins_and_is_there_after_reopening(place: Place) {
    let store = place.open().await;
    assert_eq!(store.get(&name(1)).await.unwrap(), None);
    assert!(store.put(&name(1), b"first").await.unwrap());
    assert!(!store.put(&name(1), b"second").await.unwrap());
    let same_id = KeyName {
        kind: KeyKind::Credential,
        ..name(1)
    };
    let other_realm = KeyName {
        realm: RealmId::SYSTEM,
        ..name(1)
    };
    for another in [same_id, other_realm] {
        assert_eq!(store.get(&another).await.unwrap(), None, "{another} is another");
    }
    store.close().await;
    let store = place.open().await;
    assert_eq!(store.get(&name(1)).await.unwrap().as_deref(), Some(&b"first"[..]));
}

async fn what_was_destroyed_stays_destroyed_whether_it_was_there_or_not(place: Place) {
    let store = place.open().await;
    store.put(&name(1), b"key").await.unwrap();
    assert!(!store.destroyed(&name(1)).await.unwrap());
    for _ in 0..2 {
        // Named twice, it is destroyed once.
        store.destroy(&[name(1), name(2), name(1)], AT).await.unwrap();
        for id in [1, 2] {
            assert!(store.destroyed(&name(id)).await.unwrap());
            assert_eq!(store.get(&name(id)).await.unwrap(), None);
            assert_eq!(store.put(&name(id), b"again").await, Err(KeyError::Destroyed));
        }
    }
    store.destroy(&[], AT).await.unwrap();
    assert!(!store.destroyed(&name(3)).await.unwrap());
}

async fn of_many_puts_of_one_name_exactly_one_wins(place: Place) {
    let stores = [place.open().await, place.open().await];
    for id in 0..20 {
        let racers = (0..16_u8).map(|racer| {
            let store = stores[usize::from(racer % 2)].clone();
            tokio::spawn(async move { store.put(&name(id), &[racer]).await.unwrap() })
        });
        let won: Vec<bool> = join_all(racers)
            .await
            .into_iter()
            .map(|racer| racer.unwrap())
            .collect();
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
        let winner = won.iter().position(|won| *won).unwrap();
        for store in &stores {
            let stored = store.get(&name(id)).await.unwrap().unwrap();
            assert_eq!(usize::from(stored[0]), winner);
        }
    }
}

async fn a_put_and_a_destruction_at_once_end_destroyed(place: Place) {
    let [here, there] = [place.open().await, place.open().await];
    for round in 0..40_u128 {
        let names: Vec<KeyName> = (0..8).map(|id| name(round * 8 + id)).collect();
        let puts = names.iter().rev().map(|name| {
            let (here, name) = (here.clone(), name.clone());
            tokio::spawn(async move { here.put(&name, b"key").await })
        });
        let puts: Vec<_> = puts.collect();
        there.destroy(&names, AT).await.unwrap();
        for put in puts {
            let put = put.await.unwrap();
            assert!(matches!(put, Ok(true) | Err(KeyError::Destroyed)), "{put:?}");
        }
        for name in &names {
            assert!(here.destroyed(name).await.unwrap());
            assert_eq!(
                here.get(name).await.unwrap(),
                None,
                "nothing outlives its tombstone"
            );
            assert_eq!(here.put(name, b"again").await, Err(KeyError::Destroyed));
        }
    }
}

async fn each_of_many_puts_hears_of_its_own_name(place: Place) {
    let store = place.open().await;
    store.put(&name(1), b"taken").await.unwrap();
    store.destroy(&[name(2)], AT).await.unwrap();
    // More than two batches, in which every third is taken and every third destroyed.
    let puts = (0..600_u128).map(|index| {
        let store = store.clone();
        let id = if index % 3 == 0 { 1_000 + index } else { index % 3 };
        tokio::spawn(async move { (id, store.put(&name(id), &id.to_be_bytes()).await) })
    });
    for put in join_all(puts).await {
        match put.unwrap() {
            (1, heard) => assert_eq!(heard, Ok(false)),
            (2, heard) => assert_eq!(heard, Err(KeyError::Destroyed)),
            (id, heard) => {
                assert_eq!(heard, Ok(true));
                let stored = store.get(&name(id)).await.unwrap().unwrap();
                assert_eq!(stored, id.to_be_bytes());
            }
        }
    }
}

async fn a_put_that_cannot_be_stored_fails_alone(place: Place) {
    let store = place.open().await;
    let with_id = |id: &str| KeyName::signing(REALM, id);
    let large = vec![0; 64 * 1024 + 1];
    let (zero, long) = (with_id("a\0b"), with_id(&"k".repeat(256)));
    let (fine, too_large) = (name(1), name(2));
    let (one, two, three, four) = tokio::join!(
        store.put(&zero, b"key"),
        store.put(&fine, b"key"),
        store.put(&long, b"key"),
        store.put(&too_large, &large),
    );
    assert_eq!(two, Ok(true));
    for refused in [one, three, four] {
        assert!(matches!(refused, Err(KeyError::Refused(_))), "{refused:?}");
    }
}

async fn a_put_whose_caller_goes_away_leaves_the_store_working(place: Place) {
    let store = place.open().await;
    for id in 0..32 {
        let store = store.clone();
        let put = tokio::spawn(async move { store.put(&name(id), b"key").await });
        tokio::time::sleep(Duration::from_micros(200)).await;
        put.abort();
    }
    assert!(store.put(&name(99), b"key").await.unwrap());
    store.close().await;
}

async fn tombstones_are_numbered_as_they_are_seen(place: Place) {
    let store = place.open().await;
    let start = store.last_destruction().await.unwrap();
    store.put(&name(1), b"key").await.unwrap();
    assert_eq!(
        store.last_destruction().await.unwrap(),
        start,
        "a new key is no news"
    );
    store.destroy(&[name(1)], AT).await.unwrap();
    let first = store.last_destruction().await.unwrap();
    store.destroy(&[name(2), name(1), name(3)], AT).await.unwrap();
    let second = store.last_destruction().await.unwrap();
    assert!(start < first && first < second);
    let between = async |after, up_to| -> HashSet<KeyName> {
        let names = store.destroyed_between(after, up_to).await.unwrap();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        names.into_iter().collect()
    };
    assert_eq!(between(start, first).await, [name(1)].into());
    assert_eq!(
        between(first, second).await,
        [name(2), name(3)].into(),
        "the first tombstone keeps its number"
    );
    assert_eq!(between(second, second).await, HashSet::new());
    let kept = KeyName::month(REALM, AT);
    store.destroy(std::slice::from_ref(&kept), AT).await.unwrap();
    let third = store.last_destruction().await.unwrap();
    assert_eq!(between(second, third).await, [kept].into());
}

async fn destructions_on_two_nodes_are_all_seen_in_order(place: Place) {
    let nodes = [place.open().await, place.open().await];
    let watcher = place.open().await;
    let mut mark = watcher.last_destruction().await.unwrap();
    let destroyers: Vec<_> = (0..4_u128)
        .map(|lane| {
            let node = nodes[usize::from(lane % 2 == 1)].clone();
            tokio::spawn(async move {
                for index in 0..15 {
                    let id = lane * 1_000 + index * 2;
                    node.destroy(&[name(id), name(id + 1)], AT).await.unwrap();
                }
            })
        })
        .collect();
    let mut seen = HashSet::new();
    // Whoever remembers only the last number misses none, however commits and looks interleave.
    loop {
        let done = destroyers.iter().all(tokio::task::JoinHandle::is_finished);
        let last = watcher.last_destruction().await.unwrap();
        assert!(last >= mark);
        for name in watcher.destroyed_between(mark, last).await.unwrap() {
            assert!(watcher.destroyed(&name).await.unwrap());
            assert!(seen.insert(name), "seen twice");
        }
        mark = last;
        if done {
            break;
        }
    }
    for destroyer in destroyers {
        destroyer.await.unwrap();
    }
    assert_eq!(seen.len(), 4 * 15 * 2);
}

async fn the_first_check_value_stays(place: Place) {
    let store = place.open().await;
    assert_eq!(store.check_value().await.unwrap(), None);
    store.put_check_value(b"first").await.unwrap();
    store.put_check_value(b"second").await.unwrap();
    assert_eq!(store.check_value().await.unwrap().as_deref(), Some(&b"first"[..]));
}

async fn read_only_makes_and_changes_nothing(place: Place) {
    assert!(place.open_read_only().await.is_err(), "nothing is made");
    let store = place.open().await;
    store.put(&name(1), b"key").await.unwrap();
    let reader = place.open_read_only().await.unwrap();
    assert_eq!(reader.get(&name(1)).await.unwrap().as_deref(), Some(&b"key"[..]));
    assert!(reader.put(&name(2), b"key").await.is_err());
    assert!(reader.destroy(&[name(1)], AT).await.is_err());
    assert!(reader.put_check_value(b"value").await.is_err());
    assert_eq!(store.get(&name(2)).await.unwrap(), None);
    assert!(!store.destroyed(&name(1)).await.unwrap());
    assert_eq!(store.check_value().await.unwrap(), None);
}

async fn a_closed_store_answers_nothing(place: Place) {
    let store = place.open().await;
    store.put(&name(1), b"key").await.unwrap();
    store.close().await;
    let unavailable = |error: KeyError| matches!(error, KeyError::Unavailable(_));
    assert!(unavailable(store.get(&name(1)).await.unwrap_err()));
    assert!(unavailable(store.put(&name(2), b"key").await.unwrap_err()));
    assert!(unavailable(store.destroy(&[name(1)], AT).await.unwrap_err()));
    assert!(unavailable(store.last_destruction().await.unwrap_err()));
    store.close().await;
    assert!(place.try_open().await.is_ok());
}

/// Prints puts per second from 64 callers: `TEST_POSTGRES` must name a server that was started with `--durable`.
/// Run in release: `cargo test --release -p chancery-events --lib keys::tests::puts_per_second -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn puts_per_second() {
    const CALLERS: u128 = 64;
    const LASTING: Duration = Duration::from_secs(5);
    for place in [Some(Place::sqlite()), Place::postgres()].into_iter().flatten() {
        let store = place.open().await;
        let start = std::time::Instant::now();
        let callers = (0..CALLERS).map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut puts = 0_u32;
                while start.elapsed() < LASTING {
                    let new = name((caller << 32) + u128::from(puts));
                    assert!(store.put(&new, &[7; 105]).await.unwrap());
                    puts += 1;
                }
                puts
            })
        });
        let puts: u32 = join_all(callers)
            .await
            .into_iter()
            .map(|puts| puts.unwrap())
            .sum();
        let engine = if matches!(place, Place::Sqlite(_)) {
            "sqlite"
        } else {
            "postgres"
        };
        println!(
            "{engine}: {:.0} puts/s from {CALLERS} callers",
            f64::from(puts) / start.elapsed().as_secs_f64()
        );
    }
}
