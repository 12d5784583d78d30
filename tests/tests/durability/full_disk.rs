//! A full disk: nothing is acknowledged that cannot be kept, what is there is read on, and it resumes by itself.

use std::{path::PathBuf, process::Command};

use chancery_tests::harness::{Answer, Api, Method, Options, Realm, Server, eventually, unique};
use serde_json::json;
use tempfile::TempDir;

use crate::{on_files, user_names};

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
        "its disk is the database server's own affair; what is gone for a while is tried in nodes/outages.rs",
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
