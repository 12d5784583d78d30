//! `chancery verify` from end to end, on the engine under test. The rule: it ends with 0 only if everything was checked, or
//! all but what it was ordered to leave out; and it changes nothing.

use chancery_tests::harness::{Options, Realm, Server, Stores};
use sqlx::{Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};

/// A server that has stopped, and left some work of every kind.
async fn worked() -> Server {
    let mut server = Server::start(Options::default());
    let realm = Realm::on(&server).await;
    let (application, alice) = (realm.application("web").await, realm.user().await);
    let _ = realm.sign_in(&application, &alice, "openid offline_access").await;
    let beside = server.run(&["verify"]).succeeds();
    assert!(
        beside.contains("gapless") && beside.contains("claims are as the events tell them"),
        "{beside}"
    );
    assert!(
        !beside.contains(" 0 claims"),
        "names and client ids are claimed: {beside}"
    );
    server.stop();
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_checked_is_said_and_is_no_success() {
    let server = worked().await;
    let (stores, data) = (server.stores(), server.data());
    let before = stores.run(&["verify"], data, &[]).succeeds();
    let elsewhere = match stores {
        Stores::Files => "sqlite:/nowhere/keys.sqlite",
        Stores::Database(_) => "postgres://127.0.0.1:1/keys",
    };
    let wrong = "0f1e2d3c".repeat(8);
    for (name, value) in [("CHANCERY_KEYS__URL", elsewhere), ("CHANCERY_MASTER_KEY", &wrong)] {
        let partly = stores.run(&["verify"], data, &[(name, value)]);
        partly.fails("claims were NOT checked");
        assert!(
            partly.said.contains("gapless"),
            "the rest is told: {}",
            partly.said
        );
        assert!(partly.said.contains("--without-keys"), "{}", partly.said);
        let said = stores
            .run(&["verify", "--without-keys"], data, &[(name, value)])
            .succeeds();
        assert!(said.contains("claims were NOT checked: as ordered"), "{said}");
    }
    assert_eq!(
        stores.run(&["verify"], data, &[]).succeeds(),
        before,
        "nothing was changed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_gone_is_found_with_the_keys_and_only_with_them() {
    let server = worked().await;
    match server.stores() {
        Stores::Files => {
            let options = SqliteConnectOptions::new().filename(server.data().join("log.sqlite"));
            let mut log = SqliteConnection::connect_with(&options).await.expect("the log");
            let gone = sqlx::query("DELETE FROM claim WHERE expires IS NULL")
                .execute(&mut log)
                .await;
            assert!(gone.expect("deleted").rows_affected() > 0);
            log.close().await.expect("closed");
        }
        Stores::Database(database) => {
            let mut log = PgConnection::connect(database.url()).await.expect("the log");
            let gone = sqlx::query("DELETE FROM chancery_log.claim WHERE expires IS NULL")
                .execute(&mut log)
                .await;
            assert!(gone.expect("deleted").rows_affected() > 0);
            log.close().await.expect("closed");
        }
    }
    server.run(&["verify"]).fails("damaged");
    let said = server.run(&["verify", "--without-keys"]).succeeds();
    assert!(said.contains("NOT checked"), "{said}");
}
