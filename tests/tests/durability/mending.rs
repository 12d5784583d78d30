//! What an operator mends with: read models that are built anew, a verification that finds the damage, a restore that brings
//! nobody back.

use chancery_tests::harness::{Api, Options, Realm, Server, Stores, eventually, password, unique};
use serde_json::json;
use tempfile::TempDir;

use crate::change_log;

#[tokio::test]
async fn read_models_are_built_anew_beside_the_running_server_and_without_it() {
    let mut server = Server::start(Options::default());
    let realm = Realm::on(&server).await;
    for _ in 0..20 {
        let _ = realm
            .api
            .post(&realm.at("/users"), json!({"username": unique()}))
            .await
            .is(201);
    }
    let application = realm.application("web").await;
    let paths = ["/users", "/applications", "/settings", "/signing-keys", ""].map(|path| realm.at(path));
    let read = async |api: &Api| {
        let mut answers = Vec::new();
        for path in &paths {
            answers.push(api.query(path).await.is(200).json());
        }
        answers
    };
    let before = read(&realm.api).await;
    let said = server.run(&["rebuild"]).succeeds();
    assert!(said.contains("rebuilt"), "{said}");
    // A server alone has its files; what is in a database is rebuilt by whoever is asked.
    assert_eq!(
        said.contains("running server"),
        scratch::engine() == scratch::Engine::Sqlite
    );
    assert_eq!(read(&realm.api).await, before, "rebuilt is what it was");
    server.stop();
    server.run(&["rebuild"]).succeeds();
    let server = server.restart();
    let api = Api::admin(&server).await;
    eventually("all is read again", async || {
        (api.query(&paths[0]).await.items().len() == 20).then_some(())
    })
    .await;
    assert_eq!(read(&api).await, before);
    let _ = api
        .query(&realm.at(&format!("/applications/{}", application.id)))
        .await
        .is(200);
}

#[tokio::test]
async fn one_altered_byte_is_found_and_located() {
    let mut server = Server::start(Options::default());
    let realm = Realm::on(&server).await;
    for _ in 0..5 {
        let _ = realm
            .api
            .post(&realm.at("/users"), json!({"username": unique()}))
            .await
            .is(201);
    }
    server.run(&["verify"]).succeeds();
    server.stop();
    server.run(&["verify"]).succeeds();
    let altered = change_log(
        &server,
        "UPDATE event SET body = CAST(substr(body, 1, 9) || X'21' || substr(body, 11) AS BLOB)
        WHERE seq = 4 AND stream = (SELECT max(stream) FROM event WHERE seq = 7)",
        "UPDATE chancery_log.event SET body = set_byte(body, 9, 33)
        WHERE seq = 4 AND stream = (SELECT max(stream) FROM chancery_log.event WHERE seq = 7)",
    );
    assert_eq!(altered.await, 1);
    let found = server.run(&["verify"]);
    found.fails("4");
    assert!(found.said.contains("damaged"), "{}", found.said);
}

#[tokio::test]
async fn what_was_destroyed_stays_destroyed_over_a_restore() {
    let mut server = Server::start(Options::default());
    let realm = Realm::on(&server).await;
    let alice = realm.user().await;
    let before = server.run(&["tombstones"]).succeeds();
    let set = realm.at(&format!("/users/{}/password", alice.id));
    let _ = realm.api.put(&set, json!({"password": password()})).await.is(200);
    let listed = server.run(&["tombstones"]).succeeds();
    let added: Vec<_> = listed.lines().filter(|line| !before.contains(line)).collect();
    assert_eq!(added.len(), 1, "the key of the old password: {listed}");
    assert!(added[0].contains(" credential "), "{listed}");
    server.stop();

    // A key store that knows nothing of it, as one from an older backup.
    let folder = TempDir::new().expect("a folder");
    let (data, stores) = (folder.path().join("data"), Stores::default());
    stores.run(&["migrate"], &data, &[]).succeeds();
    assert_eq!(stores.run(&["tombstones"], &data, &[]).succeeds(), "");
    let list = folder.path().join("tombstones");
    let apply = ["tombstones", "--apply", list.to_str().expect("a path")];
    stores.run(&apply, &data, &[]).fails("tombstones");
    std::fs::write(&list, format!("{listed}what is this\n")).expect("written");
    stores.run(&apply, &data, &[]).fails("what is this");
    assert_eq!(
        stores.run(&["tombstones"], &data, &[]).succeeds(),
        "",
        "all or nothing"
    );
    std::fs::write(&list, &listed).expect("written");
    for _ in 0..2 {
        stores.run(&apply, &data, &[]).succeeds();
        assert_eq!(stores.run(&["tombstones"], &data, &[]).succeeds(), listed);
    }
}
