//! The process: what it refuses to start with, how it ends, and what is left after it was killed or its disk was full.
//! The rule: what was acknowledged is there, once; what cannot be kept is refused, with the reason.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use chancery_tests::harness::{
    Answer, Api, Arrival, Authorization, Browser, Method, Options, Realm, Server, at_once, eventually,
    password, tool, unique,
};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn run(arguments: &[&str], data: &Path, variables: &[(&str, &str)]) -> Output {
    let data = data.to_string_lossy();
    tool(arguments.iter().copied().chain(["--data", &*data]), variables)
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{}: {}", output.status, text(output));
    text(output)
}

#[track_caller]
fn fails(output: &Output, because: &str) {
    let said = text(output);
    assert!(!output.status.success(), "it went through: {said}");
    assert!(said.contains(because), "no {because:?} in: {said}");
    assert!(!said.contains("panicked"), "{said}");
}

async fn log_of(data: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(data.join("log.sqlite"));
    SqliteConnection::connect_with(&options)
        .await
        .unwrap_or_else(|error| panic!("the log: {error}"))
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
    let server = Server::start(Options::default());
    let refused =
        Server::try_start(Options::default().at(server.data())).expect_err("two writers on one folder");
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
    fails(
        &run(&["migrate"], server.data(), &[]),
        "in use by another process",
    );
    let _ = Realm::on(&server).await.user().await;
    succeeds(&run(&["verify"], server.data(), &[]));
}

#[tokio::test]
async fn another_master_key_is_refused_and_nothing_is_lost() {
    let (right, wrong) = ("a1b2c3d4".repeat(8), "0f1e2d3c".repeat(8));
    let folder = TempDir::new().expect("a folder");
    let with = |key: &str| {
        Options::default()
            .at(folder.path())
            .with("CHANCERY_MASTER_KEY", key)
    };
    let mut server = Server::start(with(&right));
    let realm = Realm::on(&server).await;
    let alice = realm.user().await;
    server.stop();
    drop(server);
    for options in [with(&wrong), Options::default().at(folder.path())] {
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
async fn a_folder_of_a_newer_version_is_refused_and_left_as_it_is() {
    let mut server = Server::start(Options::default());
    server.stop();
    let set = async |format: &str| {
        let mut log = log_of(server.data()).await;
        let changed = sqlx::query("UPDATE meta SET value = ?1 WHERE key = 'format'")
            .bind(format.as_bytes())
            .execute(&mut log);
        assert_eq!(changed.await.expect("an update").rows_affected(), 1);
        log.close().await.expect("closed");
    };
    set("999").await;
    let refused = Server::try_start(Options::default().at(server.data())).expect_err("a newer folder");
    assert!(
        refused.said.contains("newer version") && refused.said.contains("999"),
        "{}",
        refused.said
    );
    fails(&run(&["verify"], server.data(), &[]), "newer version");
    fails(&run(&["migrate"], server.data(), &[]), "newer version");
    set("1").await;
    let again = Server::start(Options::default().at(server.data()));
    let _ = Api::admin(&again).await;
}

#[tokio::test]
async fn a_file_that_is_no_log_is_refused() {
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
    assert!(succeeds(&run(&["verify"], server.data(), &[])).contains("gapless"));
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
    assert!(succeeds(&run(&["rebuild"], server.data(), &[])).contains("running server"));
    assert_eq!(read(&realm.api).await, before, "rebuilt is what it was");
    server.stop();
    succeeds(&run(&["rebuild"], server.data(), &[]));
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
    succeeds(&run(&["verify"], server.data(), &[]));
    server.stop();
    succeeds(&run(&["verify"], server.data(), &[]));
    let alter = "UPDATE event SET body = CAST(substr(body, 1, 9) || X'21' || substr(body, 11) AS BLOB)
        WHERE seq = 4 AND stream = (SELECT max(stream) FROM event WHERE seq = 7)";
    let mut log = log_of(server.data()).await;
    let altered = sqlx::query(alter)
        .execute(&mut log)
        .await
        .expect("altered")
        .rows_affected();
    assert_eq!(altered, 1);
    log.close().await.expect("closed");
    let found = run(&["verify"], server.data(), &[]);
    fails(&found, "4");
    assert!(text(&found).contains("damaged"), "{}", text(&found));
}

#[tokio::test]
async fn the_configuration_in_force_is_shown_with_its_secrets_masked() {
    let folder = TempDir::new().expect("a folder");
    let secrets = [
        "an-administrators-secret-1",
        "a-clients-secret-of-32-characters",
        &"c3d4e5f6".repeat(8),
    ];
    let output = run(
        &["config", "check"],
        folder.path(),
        &[
            ("CHANCERY_BOOTSTRAP__ADMIN_PASSWORD", secrets[0]),
            ("CHANCERY_BOOTSTRAP__CLIENT_ID", "automation"),
            ("CHANCERY_BOOTSTRAP__CLIENT_SECRET", secrets[1]),
            ("CHANCERY_MASTER_KEY", secrets[2]),
            ("CHANCERY_PASSWORDS__QUEUE", "7"),
        ],
    );
    let shown = succeeds(&output);
    assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
    let config: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(
        (&config["bootstrap"]["client_id"], &config["passwords"]["queue"]),
        (&json!("automation"), &json!(7))
    );
    assert_eq!(config["data"], json!(folder.path()));
    assert!(
        std::fs::read_dir(folder.path())
            .expect("a folder")
            .next()
            .is_none(),
        "checking makes nothing"
    );
}

#[tokio::test]
async fn what_is_not_understood_or_not_safe_is_refused_before_anything_is_made() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let file = folder.path().join("chancery.toml");
    std::fs::write(&file, "[log]\nuri = \"sqlite:x\"\n").expect("written");
    let file = file.to_string_lossy();
    fails(
        &run(&["config", "check"], &data, &[("CHANCERY_LGO__URL", "x")]),
        "lgo",
    );
    fails(&run(&["config", "check", "--config", &*file], &data, &[]), "uri");
    fails(
        &run(&["config", "check", "--config", "/nowhere.toml"], &data, &[]),
        "nowhere.toml",
    );
    fails(
        &run(&["serve", "--listen", "0.0.0.0:0"], &data, &[]),
        "master_key",
    );
    fails(
        &run(&["serve", "--public-url", "http://id.example"], &data, &[]),
        "https",
    );
    fails(
        &run(&["serve"], &data, &[("CHANCERY_LOG__URL", "mysql://x")]),
        "log.url",
    );
    fails(
        &run(&["serve"], &data, &[("CHANCERY_BOOTSTRAP__CLIENT_ID", "half")]),
        "client_secret",
    );
    fails(&run(&["serve", "--listen", "nonsense"], &data, &[]), "nonsense");
    fails(&run(&["rule"], &data, &[]), "rule");
    assert!(!data.exists(), "nothing was made");
}

#[tokio::test]
async fn a_folder_is_prepared_by_migrate_and_checked_by_verify() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    assert!(
        !run(&["verify"], &data, &[]).status.success(),
        "there is nothing to verify"
    );
    for _ in 0..2 {
        assert!(succeeds(&run(&["migrate"], &data, &[])).contains("this version"));
    }
    succeeds(&run(&["verify"], &data, &[]));
    let _ = Api::admin(&Server::start(Options::default().at(&data))).await;
}

#[tokio::test]
async fn the_first_start_makes_an_administrator_once() {
    let folder = TempDir::new().expect("a folder");
    let mut server = Server::start(Options::default().at(folder.path()));
    assert!(
        !server.said().contains("shown this once"),
        "a password that was given is not printed"
    );
    let admin = Api::admin(&server).await;
    let listed = admin
        .query("/realms/system/users?username=admin")
        .await
        .is(200)
        .items();
    assert_eq!(listed.len(), 1);
    let events = admin
        .query("/realms/system/events?lane=facts&limit=500")
        .await
        .is(200)
        .items()
        .len();
    server.stop();
    let server = server.restart();
    let admin = Api::admin(&server).await;
    let after = admin
        .query("/realms/system/events?lane=facts&limit=500")
        .await
        .is(200)
        .items()
        .len();
    assert_eq!(events, after, "a restart makes nothing");
}

#[tokio::test]
async fn operators_see_health_and_metrics_and_the_public_does_not() {
    let server = Server::start(Options::default());
    let api = Api::admin(&server).await;
    let get = async |base: &str, path: &str| Answer::to(api.http().get(format!("{base}{path}"))).await;
    for path in ["/health/live", "/health/started", "/health/ready"] {
        let _ = get(&server.management, path).await.is(200);
    }
    assert_eq!(
        get(&server.management, "/health/ready").await.json()["status"],
        "ready"
    );
    let metrics = get(&server.management, "/metrics").await.is(200).text;
    assert!(
        metrics.contains("chancery_http_requests_total")
            && metrics.contains("route=\"/realms/{realm}/oauth2/token\""),
        "{metrics}"
    );
    for path in ["/metrics", "/health/ready", "/rebuild"] {
        assert_eq!(
            get(&server.base, path).await.status,
            404,
            "{path} is not for the public"
        );
    }
}

#[tokio::test]
async fn behind_an_https_address_everything_is_named_by_it_and_cookies_are_secure() {
    let server = Server::start(
        Options::default()
            .with("CHANCERY_PUBLIC_URL", "https://id.example.test")
            .with("CHANCERY_MASTER_KEY", &"a1b2c3d4".repeat(8)),
    );
    let realm = Realm::on(&server).await;
    let get = async |path: String| {
        let request = realm.api.http().get(format!("{}{path}", server.base));
        // Whatever a client calls the server: its own name is the one that was configured.
        let request = request
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example");
        Answer::to(request).await
    };
    let issuer = format!("https://id.example.test/realms/{}", realm.name);
    let document = get(realm.at("/.well-known/openid-configuration")).await.is(200);
    assert_eq!(document.json()["issuer"], issuer.as_str());
    assert_eq!(
        document.json()["token_endpoint"],
        format!("{issuer}/oauth2/token")
    );
    assert!(
        !document.text.contains("evil.example") && !document.text.contains("127.0.0.1"),
        "{}",
        document.text
    );
    let page = get(realm.at("/sign-in")).await.is(200);
    let cookie = page.header("set-cookie").expect("a cookie");
    assert!(
        cookie.starts_with("__Host-") && cookie.contains("; Secure") && cookie.contains("; Path=/"),
        "{cookie}"
    );
    assert!(
        page.header("strict-transport-security")
            .is_some_and(|policy| policy.contains("max-age="))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_sign_ins_than_there_is_room_for_are_refused_at_once_and_the_rest_succeed() {
    let options = Options::default()
        .with("CHANCERY_PASSWORDS__WORKERS", "1")
        .with("CHANCERY_PASSWORDS__QUEUE", "1");
    let server = Server::start(options);
    let realm = Realm::on(&server).await;
    let (application, alice) = (realm.application("spa").await, realm.user().await);
    let attempts = at_once(24, |_| {
        let (realm, application, alice) = (realm.clone(), application.clone(), alice.clone());
        async move {
            let mut browser = Browser::new(&realm);
            let request = Authorization::new(&realm, &application, "openid");
            let page = browser.open(&request.url()).await.sign_in_page();
            match browser.fill(&page, &alice.username, &alice.password).await {
                Arrival::Back(_) => true,
                Arrival::Page(page) => {
                    let page = page.is(503);
                    assert!(
                        page.header("retry-after")
                            .is_some_and(|seconds| seconds.parse::<u64>().is_ok())
                    );
                    assert!(page.text.contains("We are busy"), "{}", page.text);
                    false
                }
            }
        }
    });
    let attempts = attempts.await;
    let succeeded = attempts.iter().filter(|succeeded| **succeeded).count();
    assert!((1..24).contains(&succeeded), "{succeeded} of 24 signed in");
    let _ = realm.sign_in(&application, &alice, "openid").await;
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
    succeeds(&run(&["verify"], server.data(), &[]));
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
