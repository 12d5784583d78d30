//! What only a file can get wrong: formats, what is left of a destroyed key, who may read it.

use std::{fs, path::PathBuf};

use uuid::Uuid;

use super::*;
use crate::{
    clock::{Random, SystemRandom},
    ids::{RealmId, UserId},
};

const AT: Timestamp = Timestamp::from_seconds(1_700_000_000);
const REALM: RealmId = RealmId(Uuid::from_u128(1));

fn name(id: u128) -> KeyName {
    KeyName::user(REALM, UserId(Uuid::from_u128(id)))
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    (folder, path)
}

#[tokio::test]
async fn nothing_of_a_destroyed_key_is_left_in_any_file() {
    let (folder, path) = folder();
    let store = SqliteKeyStore::open(&path).await.unwrap();
    let keys: Vec<(KeyName, [u8; 105])> = (0..300)
        .map(|id| {
            let mut wrapped = [0; 105];
            SystemRandom.fill(&mut wrapped);
            (name(id), wrapped)
        })
        .collect();
    for (name, wrapped) in &keys {
        store.put(name, wrapped).await.unwrap();
    }
    let everything = || -> Vec<u8> {
        fs::read_dir(folder.path())
            .unwrap()
            .flat_map(|file| fs::read(file.unwrap().path()).unwrap())
            .collect()
    };
    let holds = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(
        holds(&everything(), &keys[0].1[..16]),
        "the test can see a key that is there"
    );

    let (destroyed, kept) = keys.split_at(150);
    let names: Vec<KeyName> = destroyed.iter().map(|(name, _)| name.clone()).collect();
    store.destroy(&names, AT).await.unwrap();
    let left = everything();
    assert!(
        destroyed
            .iter()
            .all(|(_, wrapped)| !holds(&left, &wrapped[80..96]))
    );
    assert!(kept.iter().all(|(_, wrapped)| holds(&left, wrapped)));
}

#[tokio::test]
async fn it_is_durable_and_its_deletions_overwrite() {
    let (_folder, path) = folder();
    let store = SqliteKeyStore::open(&path).await.unwrap();
    let pragma = async |statement: &'static str| -> i64 {
        sqlx::query_scalar(statement)
            .fetch_one(&store.writer)
            .await
            .unwrap()
    };
    assert_eq!(pragma("PRAGMA synchronous").await, 2, "FULL");
    assert_eq!(pragma("PRAGMA secure_delete").await, 1);
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&store.writer)
        .await
        .unwrap();
    assert_eq!(mode, "wal");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_its_files() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder();
    let store = SqliteKeyStore::open(&path).await.unwrap();
    store.put(&name(1), b"key").await.unwrap();
    let mut files = 0;
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(
            file.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{:?}",
            file.path()
        );
        files += 1;
    }
    assert!(files >= 2, "the file and its WAL");
    store.close().await;

    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let _store = SqliteKeyStore::open(&path).await.unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600,
        "tightened"
    );
}

#[tokio::test]
async fn a_store_of_format_1_is_brought_forward_with_all_that_it_holds() {
    let (_folder, path) = folder();
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let old = SqlitePool::connect_with(options).await.unwrap();
    sqlx::raw_sql(MIGRATIONS[0]).execute(&old).await.unwrap();
    for (table, column, id, value) in [
        ("keys", "wrapped", 1, &b"key"[..]),
        ("tombstones", "destroyed_at", 2, b"20"),
        ("tombstones", "destroyed_at", 3, b"10"),
    ] {
        let type_name = if table == "keys" { "BLOB" } else { "INTEGER" };
        let insert = format!(
            "INSERT INTO {table} (realm, kind, id, {column}) VALUES (?, ?, ?, CAST(? AS {type_name}))"
        );
        sqlx::query(sqlx::AssertSqlSafe(insert))
            .bind(realm(&name(id)))
            .bind(name(id).kind.code())
            .bind(name(id).id)
            .bind(value)
            .execute(&old)
            .await
            .unwrap();
    }
    old.close().await;
    assert!(matches!(
        SqliteKeyStore::open_read_only(&path).await,
        Err(KeyError::Refused(_))
    ));

    let store = SqliteKeyStore::open(&path).await.unwrap();
    assert_eq!(store.get(&name(1)).await.unwrap().as_deref(), Some(&b"key"[..]));
    assert_eq!(store.put(&name(2), b"key").await, Err(KeyError::Destroyed));
    store.destroy(&[name(2), name(1)], AT).await.unwrap();
    assert_eq!(store.last_destruction().await.unwrap(), 3);
    assert_eq!(
        store.destroyed_between(0, 3).await.unwrap(),
        [name(3), name(2), name(1)]
    );
    let times: Vec<i64> = sqlx::query_scalar("SELECT destroyed_at FROM tombstones ORDER BY number")
        .fetch_all(&store.readers)
        .await
        .unwrap();
    assert_eq!(times, [10, 20, AT.0]);
}

#[tokio::test]
async fn a_newer_format_and_files_that_are_no_key_store_are_refused() {
    let (folder, path) = folder();
    let store = SqliteKeyStore::open(&path).await.unwrap();
    sqlx::query("UPDATE meta SET value = 3 WHERE name = 'format'")
        .execute(&store.writer)
        .await
        .unwrap();
    store.close().await;
    let Err(KeyError::Refused(why)) = SqliteKeyStore::open(&path).await else {
        panic!("opened")
    };
    assert!(
        why.contains("newer version (format 3; this version knows 2)"),
        "{why}"
    );

    let foreign = folder.path().join("foreign.db");
    let options = SqliteConnectOptions::new()
        .filename(&foreign)
        .create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    sqlx::query("CREATE TABLE notes (note TEXT)")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    assert!(matches!(
        SqliteKeyStore::open(&foreign).await,
        Err(KeyError::Refused(_))
    ));

    let text = folder.path().join("notes.txt");
    fs::write(
        &text,
        "not a database, but long enough to be taken for one if nobody looked ".repeat(20),
    )
    .unwrap();
    assert!(matches!(
        SqliteKeyStore::open(&text).await,
        Err(KeyError::Refused(_))
    ));
    assert!(fs::read_to_string(&text).unwrap().starts_with("not a database"));

    let nowhere = folder.path().join("nowhere").join("keys.db");
    assert!(matches!(
        SqliteKeyStore::open(&nowhere).await,
        Err(KeyError::Unavailable(_))
    ));
}
