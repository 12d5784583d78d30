//! A disk that cannot sync, a write that is cut off in the middle, a clock that jumps: below the server, while it works.
//! The rule: nothing is acknowledged that is not kept, what cannot be kept is refused and said why, and what is over stays over.
//!
//! The faults are injected into the process by a shim (`tests/faults/shim.c`), on Linux. Files are SQLite's: on PostgreSQL
//! they are the database's own business. (A full disk is tried in `durability/full_disk.rs`.)

use std::time::{Duration, Instant};

use chancery_tests::{
    crash::{
        check::broken_streams,
        crew::Crew,
        dice::{Dice, rounds},
        faults::Faults,
        journal::{Line, Outcome},
        stand::Installation,
    },
    harness::{
        Answer, Api, Application, Authorization, Browser, Realm, Server, Stores, Tokens, User, eventually,
        unique,
    },
};
use serde_json::json;

/// The time for which a writer tries by itself to get over an error of its disk, and some.
const PATIENCE: Duration = Duration::from_secs(6);

/// A server with workers on files whose disk can be made to fail.
struct Bench {
    faults: Faults,
    installation: Installation,
    server: Server,
    crew: Crew,
}

impl Bench {
    async fn new(dice: &mut Dice) -> Option<Self> {
        let faults = Faults::prepare()?;
        let installation = Installation::on(Stores::Files);
        let server = Server::start(faults.below(installation.options()));
        let crew = Crew::hire(&[&server], 4, dice).await;
        Some(Self {
            faults,
            installation,
            server,
            crew,
        })
    }

    async fn work(&mut self, time: Duration) {
        self.crew.work_while(tokio::time::sleep(time)).await;
    }

    /// The next server on the same files, without faults.
    async fn restart(mut self) -> Self {
        self.faults.end();
        self.server = self.server.restart();
        self.crew.sign_on().await;
        self
    }

    /// Whether the server says that it is ready, and what else it says.
    async fn health(&self) -> (u16, String) {
        let nobody = Api::anonymous(&self.server);
        let asked = nobody
            .http()
            .get(format!("{}/health/ready", self.server.management));
        let answer = Answer::to(asked).await;
        (answer.status, answer.text)
    }
}

/// Acknowledged as new, in a time in which nothing could be kept.
fn is_false(line: &Line, before: &[Line]) -> bool {
    let Outcome::Done { told, .. } = &line.outcome else {
        return false;
    };
    let is_repeated = line.key.is_some() && before.iter().any(|earlier| earlier.key == line.key);
    match told {
        Some(told) => !told.events.is_empty() && !is_repeated,
        None => !line.kind.may_find_nothing_to_do(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_cannot_sync_is_believed_nothing_and_forgiven_when_it_can_again() {
    let mut dice = Dice::of_the_day("crash_faults: sync");
    let Some(mut bench) = Bench::new(&mut dice).await else {
        return;
    };
    bench.work(Duration::from_millis(300)).await;
    let before = bench.crew.lines();

    bench.faults.fail_sync("log.sqlite");
    let began = Instant::now();
    bench.work(PATIENCE).await;
    let lines = bench.crew.lines();
    let meanwhile = &lines[before.len()..];
    let false_ones: Vec<_> = meanwhile.iter().filter(|line| is_false(line, &before)).collect();
    assert!(
        false_ones.is_empty(),
        "acknowledged without a sync: {false_ones:#?}"
    );
    let told = |line: &&Line| matches!(line.outcome, Outcome::Doubtful { request: Some(_) });
    assert!(
        meanwhile.iter().any(|line| told(&line)),
        "within {:?} somebody is answered that it is not known",
        began.elapsed()
    );
    let (status, health) = bench.health().await;
    assert_eq!(status, 503, "{health}");
    for text in [&health, &bench.server.said()] {
        assert!(text.contains("disk I/O error"), "the reason is told:\n{text}");
    }

    bench.faults.end();
    eventually("it is ready again", async || {
        (bench.health().await.0 == 200).then_some(())
    })
    .await;
    bench.crew.check(&bench.installation).await;
    bench.work(Duration::from_millis(300)).await;

    // And once more, with a kill in the middle of it: what was not known is known after it.
    bench.faults.fail_sync("log.sqlite");
    let killed = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        bench.server.kill();
    };
    bench.crew.work_while(killed).await;
    let mut bench = bench.restart().await;
    bench.crew.check(&bench.installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_cannot_be_synced_seal_nothing() {
    let mut dice = Dice::of_the_day("crash_faults: keys");
    let Some(mut bench) = Bench::new(&mut dice).await else {
        return;
    };
    let realm = Realm::on(&bench.server).await;
    let alice = realm.user().await;
    bench.faults.fail_sync("keys.sqlite");
    let name = unique();
    let refused = realm
        .api
        .post(&realm.at("/users"), json!({"username": name}))
        .await;
    let _ = refused.is_problem(503, "unavailable");
    // Who has a key already does not need the store.
    let renamed = realm
        .api
        .patch(
            &realm.at(&format!("/users/{}", alice.id)),
            json!({"given_name": "Alice"}),
        )
        .await;
    let _ = renamed.is(200);
    bench.faults.end();
    let made = eventually("keys are kept again", async || {
        let made = realm
            .api
            .post(&realm.at("/users"), json!({"username": name}))
            .await;
        (made.status == 201).then_some(made)
    });
    let id = made.await.field("id");
    bench.server.kill();
    let server = bench.server.restart();
    let api = Api::admin(&server).await;
    let read = eventually("the user is read", async || {
        let read = api.query(&realm.at(&format!("/users/{id}"))).await;
        (read.status == 200).then_some(read)
    });
    assert_eq!(
        read.await.field("username"),
        name,
        "its key was kept before it was used"
    );
    bench.installation.run("verify");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_cut_off_in_the_middle_leaves_no_damage() {
    let mut dice = Dice::of_the_day("crash_faults: torn writes");
    let Some(mut bench) = Bench::new(&mut dice).await else {
        return;
    };
    let files = [
        "log.sqlite-wal",
        "log.sqlite-wal",
        "log.sqlite",
        "keys.sqlite",
        "gen-",
    ];
    let mut torn = 0;
    for _ in 0..rounds(8) {
        let file = dice.one_of(&files).copied().unwrap_or("log.sqlite");
        // A frame of the write-ahead log has a header of 24 bytes and a page of 4,096.
        bench
            .faults
            .tear_write(file, 1 + dice.below(60), dice.below(4_120));
        bench.work(dice.between(200, 700)).await;
        let ready = bench.server.management.replace("http://", "");
        torn += usize::from(std::net::TcpStream::connect(ready).is_err());
        bench.server.kill();
        bench = bench.restart().await;
        bench.crew.check(&bench.installation).await;
    }
    assert!(torn > 0, "no write was torn");
}

/// A realm on a server whose clock can be moved, and somebody who signs in there.
struct Clockwork {
    faults: Faults,
    installation: Installation,
    server: Server,
    realm: Realm,
    application: Application,
    resource: Application,
    alice: User,
}

impl Clockwork {
    async fn new() -> Option<Self> {
        let faults = Faults::prepare()?;
        let installation = Installation::new()?;
        let server = Server::start(faults.below(installation.options()));
        let realm = Realm::on(&server).await;
        Some(Self {
            application: realm.application("spa").await,
            resource: realm.application("service").await,
            alice: realm.user().await,
            faults,
            installation,
            server,
            realm,
        })
    }

    fn ask(&self) -> Authorization {
        Authorization::new(&self.realm, &self.application, "openid offline_access")
    }

    async fn redeem(&self, code: &str, request: &Authorization) -> Answer {
        self.realm.redeem(&self.application, code, request).await
    }

    async fn is_active(&self, access_token: &str) -> bool {
        self.realm.is_active(&self.resource, access_token).await
    }

    /// Whatever the clock says: an administrator and a user get what they ask for, and it is good.
    async fn goes_on(&self) -> (String, Authorization) {
        let api = Api::admin(&self.server).await;
        let path = self.realm.at("/users");
        let _ = api.post(&path, json!({"username": unique()})).await.is(201);
        let request = self.ask();
        let callback = Browser::new(&self.realm).sign_in(&request, &self.alice).await;
        let tokens = Tokens::from(self.redeem(callback.code(), &request).await);
        assert!(self.is_active(&tokens.access).await);
        let next = Tokens::from(self.realm.refresh(&self.application, tokens.refresh()).await);
        assert!(self.is_active(&next.access).await);
        (callback.code().to_owned(), request)
    }

    async fn is_used_up(&self, (code, request): &(String, Authorization)) {
        let _ = self
            .redeem(code, request)
            .await
            .is_oauth_error(400, "invalid_grant");
    }

    async fn check(&self) {
        let (entries, mut found) = self.installation.entries().await;
        found.extend(broken_streams(&entries));
        assert!(found.is_empty(), "{}", found.join("\n"));
        self.installation.run("verify");
    }
}

/// What is promised of a clock that jumps while a node runs:
///
/// - ahead: what would have ended by then has ended, and the node goes on;
/// - and back again: what had ended stays ended, since the time that a node has told never goes back while it runs;
/// - back only: nothing is longer good than twice its time, since the node's time goes on at least at half its pace;
/// - either way: nothing that is good once is good twice, and the times of a stream never go back.
///
/// A node that is started anew knows of the time before it only what the log tells: it goes on, and the last line still holds.
#[tokio::test]
async fn a_clock_that_jumps_an_hour_revives_nothing() {
    let Some(mut works) = Clockwork::new().await else {
        return;
    };
    let first = works.goes_on().await;
    let mut browser = Browser::new(&works.realm);
    let held = {
        let request = works.ask();
        let callback = browser.sign_in(&request, &works.alice).await;
        Tokens::from(works.redeem(callback.code(), &request).await)
    };
    // A code that nobody redeems, for a minute; an access token for ten.
    let request = works.ask();
    let unused = browser.open(&request.url()).await.back();
    assert!(works.is_active(&held.access).await);

    works.faults.move_clock(3_600);
    let code = works.redeem(unused.code(), &request).await;
    let _ = code.is_oauth_error(400, "invalid_grant");
    assert!(!works.is_active(&held.access).await);
    let ahead = works.goes_on().await;

    works.faults.move_clock(0);
    let code = works.redeem(unused.code(), &request).await;
    let _ = code.is_oauth_error(400, "invalid_grant");
    assert!(!works.is_active(&held.access).await, "it had ended");
    works.is_used_up(&first).await;
    works.is_used_up(&ahead).await;
    let again = works.goes_on().await;

    works.faults.move_clock(-3_600);
    assert!(!works.is_active(&held.access).await, "it had ended");
    works.is_used_up(&again).await;
    let behind = works.goes_on().await;
    works.check().await;

    // Started anew, an hour before the end of its log.
    works.server = works.server.restart();
    works.realm.api = Api::admin(&works.server).await;
    for used in [&first, &ahead, &again, &behind] {
        works.is_used_up(used).await;
    }
    works.goes_on().await;
    works.check().await;
}
