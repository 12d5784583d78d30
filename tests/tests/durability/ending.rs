//! The two ways to end: by order, when what is under way is answered first, and by SIGKILL, when what was answered is kept.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use chancery_tests::harness::{Answer, Api, Method, Options, Realm, Server, eventually, password};
use serde_json::json;

use crate::user_names;

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
