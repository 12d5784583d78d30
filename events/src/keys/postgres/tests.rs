//! What only PostgreSQL can get wrong: formats, settings of the server, transactions that do not see one another, cut sessions.

use scratch::Proxy;
use sqlx::Executor;

use super::*;
use crate::ids::UserId;

const AT: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn name(id: u128) -> KeyName {
    KeyName::user(RealmId(Uuid::from_u128(1)), UserId(Uuid::from_u128(id)))
}

fn database(place: &scratch::Database) -> Database {
    place.url().parse().unwrap()
}

async fn order(place: &scratch::Database, sql: &'static str) {
    let mut connection = PgConnection::connect_with(&database(place).options("test"))
        .await
        .unwrap();
    connection.execute(sql).await.unwrap();
}

async fn refusal(place: &scratch::Database) -> String {
    let opened = PostgresKeyStore::open(&database(place)).await;
    let Err(KeyError::Refused(why)) = opened else {
        panic!("{opened:?}")
    };
    why
}

#[tokio::test]
async fn a_newer_format_and_what_is_no_key_store_are_refused() {
    let Some(place) = scratch::Database::create() else {
        return;
    };
    order(&place, "CREATE SCHEMA chancery_keys").await;
    let store = PostgresKeyStore::open(&database(&place)).await.unwrap();
    store.close().await;
    order(&place, "UPDATE chancery_keys.store SET format = 2").await;
    let why = refusal(&place).await;
    assert!(
        why.contains("newer version (format 2; this version knows 1)"),
        "{why}"
    );
    assert!(PostgresKeyStore::open_read_only(&database(&place)).await.is_err());
    order(&place, "DELETE FROM chancery_keys.store").await;
    assert!(refusal(&place).await.contains("is not a key store"));

    let foreign = scratch::Database::create().unwrap();
    for sql in [
        "CREATE SCHEMA chancery_keys; CREATE TABLE chancery_keys.notes (note TEXT)",
        "CREATE TABLE chancery_keys.store (note TEXT); CREATE TABLE chancery_keys.keys (note TEXT)",
    ] {
        order(&foreign, sql).await;
        refusal(&foreign).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_nodes_may_start_at_once_on_nothing() {
    let Some(place) = scratch::Database::create() else {
        return;
    };
    let nodes = (0..6).map(|_| {
        let database = database(&place);
        tokio::spawn(async move { PostgresKeyStore::open(&database).await.unwrap() })
    });
    for (index, node) in futures::future::join_all(nodes).await.into_iter().enumerate() {
        assert_eq!(node.unwrap().put(&name(1), b"key").await.unwrap(), index == 0);
    }
}

#[tokio::test]
async fn commits_are_durable_whatever_the_account_says() {
    let Some(place) = scratch::Database::create() else {
        return;
    };
    order(
        &place,
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); \
         EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database()); END $$",
    )
    .await;
    let store = PostgresKeyStore::open(&database(&place)).await.unwrap();
    let (durable, isolation): (String, String) = sqlx::query_as(
        "SELECT current_setting('synchronous_commit'), current_setting('transaction_isolation')",
    )
    .fetch_one(&store.pool)
    .await
    .unwrap();
    assert_eq!((&*durable, &*isolation), ("on", "read committed"));
    // A connection on which something undid this serves nothing.
    let mut undone = store.pool.acquire().await.unwrap();
    undone.execute("SET synchronous_commit = off").await.unwrap();
    assert!(matches!(fit(&mut undone).await, Err(KeyError::Refused(_))));
}

#[tokio::test]
async fn a_put_waits_for_a_tombstone_that_is_not_committed_yet() {
    let Some(place) = scratch::Database::create() else {
        return;
    };
    let store = PostgresKeyStore::open(&database(&place)).await.unwrap();
    let mut change = store.pool.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO chancery_keys.keys (realm, kind, id, destroyed_at, number) VALUES ($1, $2, $3, 1, 1)",
    )
    .bind(realm(&name(1)))
    .bind(kind(&name(1)))
    .bind(&name(1).id)
    .execute(&mut *change)
    .await
    .unwrap();
    let put = tokio::spawn({
        let store = store.clone();
        async move { store.put(&name(1), b"key").await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(!put.is_finished());
    change.commit().await.unwrap();
    assert_eq!(put.await.unwrap(), Err(KeyError::Destroyed));
}

#[tokio::test]
async fn it_goes_on_after_its_sessions_were_cut() {
    let Some(place) = scratch::Database::create() else {
        return;
    };
    let store = PostgresKeyStore::open(&database(&place)).await.unwrap();
    store.put(&name(1), b"key").await.unwrap();
    place.cut();
    assert_eq!(store.get(&name(1)).await.unwrap().as_deref(), Some(&b"key"[..]));
    place.cut();
    assert!(store.put(&name(2), b"key").await.unwrap());
    place.cut();
    store.destroy(&[name(1)], AT).await.unwrap();
    assert!(store.destroyed(&name(1)).await.unwrap());
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_by_whoever_asks_it() {
    let Some(place) = scratch::Database::create() else {
        return;
    };
    let proxy = Proxy::to(place.url()).await;
    let address: Database = proxy.url().parse().unwrap();
    let store = PostgresKeyStore::open(&address).await.unwrap();
    let mut hindrance = PgConnection::connect(place.url()).await.unwrap();
    hindrance
        .execute("BEGIN; LOCK TABLE chancery_keys.store, chancery_keys.keys")
        .await
        .unwrap();
    let silence = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        proxy.silence();
        // From here on time passes when nothing else does.
        tokio::time::pause();
    };
    let (name, names) = (name(1), [name(2)]);
    let (put, get, destroy, destroyed, last, between, check, keep, open, ()) = tokio::join!(
        store.put(&name, b"key"),
        store.get(&name),
        store.destroy(&names, AT),
        store.destroyed(&name),
        store.last_destruction(),
        store.destroyed_between(0, 9),
        store.check_value(),
        store.put_check_value(b"check"),
        PostgresKeyStore::open_read_only(&address),
        silence,
    );
    let refusals = [
        put.err(),
        get.err(),
        destroy.err(),
        destroyed.err(),
        last.err(),
        between.err(),
        check.err(),
        keep.err(),
        open.err(),
    ];
    for refusal in refusals {
        assert!(
            matches!(&refusal, Some(KeyError::Unavailable(why)) if why.contains("does not answer")),
            "{refusal:?}"
        );
    }
    tokio::time::resume();
    proxy.end_silence();
    hindrance.execute("ROLLBACK").await.unwrap();
    // No connection is left waiting for the rest of an answer.
    store.destroy(&names, AT).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let nowhere: Database = "postgres://chancery@127.0.0.1:1/chancery".parse().unwrap();
    let opened = PostgresKeyStore::open(&nowhere).await;
    assert!(matches!(opened, Err(KeyError::Unavailable(_))), "{opened:?}");
}
