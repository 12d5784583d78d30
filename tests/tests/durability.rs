//! What is left after the process was killed, its folder taken, its disk full, a byte of its log altered.
//! The rule: what was acknowledged is there, once; what cannot be kept is refused, with the reason; damage is found.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on says where, and stops"
)]

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use chancery_tests::harness::{
    Answer, Api, Method, Options, Realm, Server, Stores, eventually, password, unique,
};
use serde_json::json;
use sqlx::{Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

/// Changes the log behind the server's back: one statement for files, the same for a database. How many rows it changed.
async fn change_log(server: &Server, sqlite: &'static str, postgres: &'static str) -> u64 {
    match server.stores() {
        Stores::Files => {
            let options = SqliteConnectOptions::new().filename(server.data().join("log.sqlite"));
            let log = SqliteConnection::connect_with(&options).await;
            let mut log = log.unwrap_or_else(|error| panic!("the log: {error}"));
            let changed = sqlx::query(sqlite).execute(&mut log).await.expect("changed");
            log.close().await.expect("closed");
            changed.rows_affected()
        }
        Stores::Database(database) => {
            let log = PgConnection::connect(database.url()).await;
            let mut log = log.unwrap_or_else(|error| panic!("the log: {error}"));
            let changed = sqlx::query(postgres).execute(&mut log).await.expect("changed");
            log.close().await.expect("closed");
            changed.rows_affected()
        }
    }
}

/// Whether the stores are files; else it is said why the test is about files alone.
fn on_files(why: &str) -> bool {
    let on_files = scratch::engine() == scratch::Engine::Sqlite;
    if !on_files {
        eprintln!("not for PostgreSQL: {why}");
    }
    on_files
}

async fn user_names(realm: &Realm) -> BTreeMap<String, usize> {
    let (mut names, mut token) = (BTreeMap::new(), String::new());
    loop {
        let page = realm
            .api
            .query(&realm.at(&format!("/users?page_size=500{token}")))
            .await
            .is(200);
        for item in page.items() {
            *names
                .entry(item["username"].as_str().unwrap_or_default().to_owned())
                .or_default() += 1;
        }
        match page.json()["next_page_token"].as_str() {
            Some(next) => token = format!("&page_token={next}"),
            None => return names,
        }
    }
}

#[tokio::test]
async fn a_second_writer_is_refused_and_the_first_one_goes_on() {
    if !on_files("any number of nodes may write there (nodes.rs)") {
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

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_what_is_under_way_end_and_then_ends_with_0() {
    let mut server = Server::start(Options::default());
    let realm = Realm::on(&server).await;
    let running: Vec<_> = (0..12)
        .map(|number| {
            let realm = realm.clone();
            let body = json!({"username": format!("u{number}"), "password": password()});
            tokio::spawn(async move {
                let request = realm.api.commanding(Method::POST, &realm.at("/users"), &body);
                Answer::try_to(request)
                    .await
                    .ok()
                    .filter(|answer| answer.status == 201)
                    .map(|_| format!("u{number}"))
            })
        })
        .collect();
    eventually("the first are under way", async || {
        running
            .iter()
            .any(tokio::task::JoinHandle::is_finished)
            .then_some(())
    })
    .await;
    let started = Instant::now();
    server.stop();
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "took {:?}",
        started.elapsed()
    );
    let mut acknowledged = Vec::new();
    for one in running {
        acknowledged.extend(one.await.expect("no panic"));
    }
    assert!(!acknowledged.is_empty());
    let server = server.restart();
    let realm = Realm {
        api: Api::admin(&server).await,
        ..realm
    };
    eventually("all that was acknowledged is there", async || {
        let names = user_names(&realm).await;
        acknowledged
            .iter()
            .all(|name| names.get(name) == Some(&1))
            .then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_acknowledged_before_a_kill_is_there_once_after_it() {
    let mut server = Server::start(Options::default());
    let mut realm = Realm::on(&server).await;
    let acknowledged: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut doubtful = Vec::new();
    for round in 0..3 {
        let (killed, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let (realm, killed, count) = (realm.clone(), killed.clone(), count.clone());
                let acknowledged = acknowledged.clone();
                tokio::spawn(async move {
                    for number in 0.. {
                        let name = format!("r{round}w{writer}n{number}");
                        match register(&realm, &name).await {
                            Some(answer) => {
                                let _ = answer.is(201);
                                acknowledged.lock().expect("not poisoned").push(name);
                                count.fetch_add(1, Ordering::SeqCst);
                            }
                            // Nobody knows whether it was committed.
                            None if killed.load(Ordering::SeqCst) => return Some(name),
                            None => panic!("no answer while the server runs"),
                        }
                    }
                    None
                })
            })
            .collect();
        eventually("some are acknowledged", async || {
            (count.load(Ordering::SeqCst) > 150).then_some(())
        })
        .await;
        killed.store(true, Ordering::SeqCst);
        server.kill();
        for writer in writers {
            doubtful.extend(writer.await.expect("no panic"));
        }
        server = server.restart();
        realm = Realm {
            api: Api::admin(&server).await,
            ..realm
        };
        // Asked again under the same key, a command is done once, whether or not it was before.
        for name in &doubtful {
            let _ = register(&realm, name).await.expect("an answer").is(201);
        }
    }
    // A read after the last write sees all that were before it.
    let _ = realm
        .api
        .post(&realm.at("/users"), json!({"username": "the-last-one"}))
        .await
        .is(201);
    let names = user_names(&realm).await;
    let acknowledged = acknowledged.lock().expect("not poisoned");
    for name in acknowledged.iter().chain(&doubtful) {
        assert_eq!(names.get(name), Some(&1), "{name}");
    }
    assert_eq!(
        names.len(),
        acknowledged.len() + doubtful.len() + 1,
        "nobody else was made"
    );
    assert!(server.run(&["verify"]).succeeds().contains("gapless"));
}

/// Registers a user under an idempotency key of the same name; `None` if there was no answer.
async fn register(realm: &Realm, name: &str) -> Option<Answer> {
    let path = realm.at("/users");
    let request = realm
        .api
        .commanding(Method::POST, &path, &json!({"username": name}))
        .header("idempotency-key", name);
    Answer::try_to(request).await.ok()
}

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

/// A small file system of its own, unmounted at the end.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` where mounting is not permitted.
    fn mount(size: &str) -> Option<Self> {
        let folder = TempDir::new().ok()?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", size, "tmpfs"])
            .arg(folder.path())
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then(|| Self(folder))
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_what_it_cannot_keep_and_resumes_when_there_is_room() {
    if !on_files(
        "its disk is the database server's own affair; what is gone for a while is tried in nodes.rs",
    ) {
        return;
    }
    let Some(disk) = SmallDisk::mount("size=64m") else {
        eprintln!("SKIPPED: a full disk cannot be tried here, since mounting a tmpfs is not permitted");
        return;
    };
    let server = Server::start(Options::default().at(&disk.0.path().join("data")));
    let realm = Realm::on(&server).await;
    let alice = realm.user().await;
    let profile = realm.at(&format!("/users/{}", alice.id));
    let _ = realm.api.query(&profile).await.is(200);

    // As much as there is.
    let filled = Command::new("dd")
        .args([
            "if=/dev/zero",
            "bs=4096",
            &format!("of={}", disk.ballast().display()),
        ])
        .output();
    assert!(
        filled.is_ok_and(|output| !output.status.success()),
        "dd ends when the disk is full"
    );
    let mut acknowledged = Vec::new();
    let mut refusals = 0;
    for number in 0..2_000 {
        let name = format!("full-{number}");
        let answer = realm
            .api
            .post(
                &realm.at("/users"),
                json!({"username": name, "name": "x".repeat(200)}),
            )
            .await;
        if answer.status == 201 {
            acknowledged.push(name);
            continue;
        }
        let _ = answer.is_problem(503, "unavailable");
        refusals += 1;
        if refusals == 5 {
            break;
        }
    }
    assert_eq!(
        refusals,
        5,
        "a full disk takes no more: {} were acknowledged",
        acknowledged.len()
    );
    let reads = realm.api.request(Method::GET, &format!("/query/v1{profile}"));
    let _ = Answer::to(reads).await.is(200);
    let _ = Answer::to(realm.api.http().get(realm.endpoint("jwks")))
        .await
        .is(200);
    assert!(
        server.said().to_lowercase().contains("full"),
        "the reason is told:\n{}",
        server.said()
    );

    std::fs::remove_file(disk.ballast()).expect("removed");
    eventually("it resumes", async || {
        let answer = realm
            .api
            .post(&realm.at("/users"), json!({"username": unique()}))
            .await;
        (answer.status == 201).then_some(())
    })
    .await;
    eventually("all that was acknowledged is read", async || {
        let names = user_names(&realm).await;
        acknowledged
            .iter()
            .all(|name| names.get(name) == Some(&1))
            .then_some(())
    })
    .await;
    server.run(&["verify"]).succeeds();
    let server = server.restart();
    let names = user_names(&Realm {
        api: Api::admin(&server).await,
        ..realm
    })
    .await;
    assert!(
        acknowledged.iter().all(|name| names.get(name) == Some(&1)),
        "lost after a restart"
    );
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
