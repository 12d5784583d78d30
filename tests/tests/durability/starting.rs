//! What a server refuses to start on: another's folder, another's keys, a newer log, what is no log. It leaves all as it was.

use chancery_tests::harness::{Api, Options, Realm, Server, Stores, eventually};
use tempfile::TempDir;

use crate::{change_log, on_files};

#[tokio::test]
async fn a_second_writer_is_refused_and_the_first_one_goes_on() {
    if !on_files("any number of nodes may write there (nodes/)") {
        return;
    }
    let server = Server::start(Options::default());
    let refused =
        Server::try_start(Options::default().beside(&server)).expect_err("two writers on one folder");
    assert!(
        refused.said.contains("in use by another process"),
        "{}",
        refused.said
    );
    assert!(
        !refused.status.success() && !refused.said.contains("panicked"),
        "{}",
        refused.said
    );
    server.run(&["migrate"]).fails("in use by another process");
    let _ = Realm::on(&server).await.user().await;
    server.run(&["verify"]).succeeds();
}

#[tokio::test]
async fn another_master_key_is_refused_and_nothing_is_lost() {
    let (right, wrong) = ("a1b2c3d4".repeat(8), "0f1e2d3c".repeat(8));
    let folder = TempDir::new().expect("a folder");
    let stores = Stores::default();
    let bare = Options::default().at(folder.path()).on(&stores);
    let with = |key: &str| bare.clone().with("CHANCERY_MASTER_KEY", key);
    let mut server = Server::start(with(&right));
    let realm = Realm::on(&server).await;
    let alice = realm.user().await;
    server.stop();
    drop(server);
    for options in [with(&wrong), bare.clone()] {
        let refused = Server::try_start(options).expect_err("another key");
        assert!(refused.said.contains("master key"), "{}", refused.said);
        assert!(
            !refused.said.contains(&wrong) && !refused.said.contains("panicked"),
            "{}",
            refused.said
        );
    }
    for malformed in ["", "short", &"zz".repeat(32)] {
        let refused = Server::try_start(with(malformed)).expect_err("not a key");
        assert!(refused.said.to_lowercase().contains("master"), "{}", refused.said);
    }
    let server = Server::start(with(&right));
    let realm = Realm {
        api: Api::admin(&server).await,
        ..realm
    };
    let path = realm.at(&format!("/users/{}", alice.id));
    let read = eventually("the user is read", async || {
        let read = realm.api.query(&path).await;
        (read.status == 200).then_some(read)
    });
    assert_eq!(read.await.field("username"), alice.username);
}

#[tokio::test]
async fn a_log_of_a_newer_version_is_refused_and_left_as_it_is() {
    let mut server = Server::start(Options::default());
    server.stop();
    let newer = change_log(
        &server,
        "UPDATE meta SET value = CAST('999' AS BLOB) WHERE key = 'format'",
        "UPDATE chancery_log.meta SET value = '999' WHERE key = 'format'",
    );
    assert_eq!(newer.await, 1);
    let refused = Server::try_start(Options::default().beside(&server)).expect_err("a newer folder");
    assert!(
        refused.said.contains("newer version") && refused.said.contains("999"),
        "{}",
        refused.said
    );
    server.run(&["verify"]).fails("newer version");
    server.run(&["migrate"]).fails("newer version");
    let same = change_log(
        &server,
        "UPDATE meta SET value = CAST('1' AS BLOB) WHERE key = 'format'",
        "UPDATE chancery_log.meta SET value = '1' WHERE key = 'format'",
    );
    assert_eq!(same.await, 1);
    let again = Server::start(Options::default().beside(&server));
    let _ = Api::admin(&again).await;
}

#[tokio::test]
async fn a_file_that_is_no_log_is_refused() {
    if !on_files("there is no file") {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    std::fs::write(
        folder.path().join("log.sqlite"),
        "this is not a database, however long it is ".repeat(200),
    )
    .expect("written");
    let refused = Server::try_start(Options::default().at(folder.path())).expect_err("no log");
    assert!(
        !refused.status.success() && !refused.said.contains("panicked"),
        "{}",
        refused.said
    );
}
