//! Nodes and databases come and go: nothing that was acknowledged is lost, nothing is done twice, and whoever cannot serve
//! says so.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use chancery_tests::harness::{
    Answer, Line, Method, Nodes, Options, Postgres, Realm, Server, Stores, at_address, eventually, how_long,
    unique,
};
use serde_json::json;

use crate::{ALL, are_exactly};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_is_followed_by_another_and_nothing_is_applied_twice() {
    let Some(nodes) = Nodes::new() else { return };
    let mut workers = vec![nodes.another("worker"), nodes.another("worker")];
    let server = nodes.first("command,query");
    let realm = Realm::on(&server).await;
    let mut made = Vec::new();
    for round in 0..40 {
        let name = unique();
        let body = json!({ "username": name });
        let _ = realm.api.post(&realm.at("/users"), body).await.is(201);
        made.push(name);
        // In the midst of work, sooner or later whichever of them has it.
        if round % 10 == 5 {
            workers.remove(0).kill();
            workers.push(nodes.another("worker"));
        }
    }
    are_exactly(&realm, &mut made).await;
    let paths = [
        "/users?page_size=500",
        "/applications",
        "/settings",
        "/signing-keys",
    ];
    let read = async || {
        let mut answers = Vec::new();
        for path in paths {
            answers.push(realm.api.query(&realm.at(path)).await.is(200).json());
        }
        answers
    };
    let live = read().await;
    let said = server.run(&["rebuild"]).succeeds();
    assert!(said.contains("rebuilt"), "{said}");
    assert_eq!(read().await, live, "rebuilt is what it was");
    are_exactly(&realm, &mut made).await;
    for command in ["migrate", "verify"] {
        server.run(&[command]).succeeds();
    }
}

/// Clients that register users one after the other, each under a key of its own. One who gets no answer, or 503, asks
/// another node; nothing else is tried again.
struct Load {
    running: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<(String, Instant)>>>,
    again: Arc<AtomicUsize>,
    clients: tokio::task::JoinSet<()>,
}

impl Load {
    fn start(sides: &[Realm]) -> Self {
        let (running, acknowledged) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let (again, mut clients) = (Arc::new(AtomicUsize::new(0)), tokio::task::JoinSet::new());
        for client in 0..8 {
            let (running, again) = (Arc::clone(&running), Arc::clone(&again));
            let (acknowledged, sides): (Arc<Mutex<Vec<_>>>, _) = (Arc::clone(&acknowledged), sides.to_vec());
            clients.spawn(async move {
                let mut turn: usize = client;
                while running.load(Ordering::SeqCst) {
                    let name = unique();
                    while !register(&sides[turn % sides.len()], &name).await {
                        again.fetch_add(1, Ordering::SeqCst);
                        turn += 1;
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    turn += 1;
                    let mut acknowledged = acknowledged.lock().expect("not poisoned");
                    acknowledged.push((name, Instant::now()));
                }
            });
        }
        Self {
            running,
            acknowledged,
            again,
            clients,
        }
    }

    fn count(&self) -> usize {
        self.acknowledged.lock().expect("not poisoned").len()
    }

    /// Until so many more were acknowledged.
    async fn goes_on(&self, more: usize) {
        let goal = self.count() + more;
        eventually("more is acknowledged", async || {
            (self.count() >= goal).then_some(())
        })
        .await;
    }

    /// The names that were acknowledged, each with its moment.
    async fn end(mut self) -> Vec<(String, Instant)> {
        self.running.store(false, Ordering::SeqCst);
        while let Some(client) = self.clients.join_next().await {
            client.expect("no panic");
        }
        println!("{} requests were sent again", self.again.load(Ordering::SeqCst));
        std::mem::take(&mut *self.acknowledged.lock().expect("not poisoned"))
    }
}

/// Whether it was done; if not, it is to be sent again: there was no answer, or it was 503.
async fn register(realm: &Realm, name: &str) -> bool {
    let path = realm.at("/users");
    let request = realm
        .api
        .commanding(Method::POST, &path, &json!({ "username": name }))
        .header("idempotency-key", name);
    match Answer::try_to(request).await {
        Ok(answer) if answer.status == 201 => true,
        Ok(answer) if answer.status == 503 => false,
        Ok(answer) => panic!("no client would send it again: {} {}", answer.status, answer.text),
        Err(_) => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_restarted_one_after_the_other_under_load_and_nobody_notices() {
    let Some(nodes) = Nodes::new() else { return };
    let drained = |options: Options| options.with("CHANCERY_DRAIN_SECONDS", "1");
    let mut first = nodes.first(ALL);
    let mut second = Server::start(drained(nodes.options(ALL)));
    let realm = Realm::on(&first).await;
    let load = Load::start(&[realm.clone(), realm.at_node(&second)]);
    load.goes_on(50).await;
    for _ in 0..2 {
        // The one without a delay cuts nobody off; the other one says before that it goes.
        first = first.restart();
        load.goes_on(30).await;
        second.ask_to_stop();
        let ready = format!("{}/health/ready", second.management);
        how_long("it says that it goes", async || {
            Answer::to(realm.api.http().get(&ready)).await.status == 503
        })
        .await;
        let taken = Answer::to(realm.api.http().get(format!("{}/docs/errors", second.base))).await;
        let taken = taken.is(200);
        assert_eq!(
            taken.header("connection"),
            Some("close"),
            "still served, and sent away"
        );
        second = second.restart();
        load.goes_on(30).await;
    }
    let acknowledged = load.end().await;
    let mut names = acknowledged.into_iter().map(|(name, _)| name).collect();
    are_exactly(&realm, &mut names).await;
    let said = first.run(&["verify"]).succeeds();
    assert!(said.contains("gapless"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_and_comes_back_costs_no_acknowledged_command() {
    if scratch::engine() != scratch::Engine::Postgres {
        return;
    }
    let Some(postgres) = Postgres::start() else { return };
    let mut options = Options::default().on(&Stores::Files);
    options.variables.extend(at_address(&postgres.url));
    let server = Server::start(options);
    let realm = Realm::on(&server).await;
    let load = Load::start(std::slice::from_ref(&realm));
    load.goes_on(100).await;
    let mut resumed = Vec::new();
    for _ in 0..2 {
        postgres.stop();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let health = Answer::to(
            realm
                .api
                .http()
                .get(format!("{}/health/ready", server.management)),
        )
        .await;
        let _ = health.is(503);
        postgres.resume();
        resumed.push(Instant::now());
        load.goes_on(50).await;
    }
    let acknowledged = load.end().await;
    for back in resumed {
        let first = acknowledged
            .iter()
            .map(|(_, at)| *at)
            .filter(|at| *at > back)
            .min();
        let took = first.expect("it resumed") - back;
        println!("the database is back: the first command is acknowledged after {took:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
    let mut names = acknowledged.into_iter().map(|(name, _)| name).collect();
    are_exactly(&realm, &mut names).await;
    let said = server.run(&["verify"]).succeeds();
    assert!(said.contains("gapless"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_databases_fall_silent_says_so_in_time_and_ends_when_it_is_told_to() {
    let Some(nodes) = Nodes::new() else { return };
    let (log, keys) = (Line::to(&nodes.database).await, Line::to(&nodes.database).await);
    let mut options = nodes.options(ALL);
    options.variables.extend(at_address(&log.url));
    let mut node = Server::start(options.with("CHANCERY_KEYS__URL", &keys.url));
    let http = Realm::on(&node).await.api.http().clone();
    let ready = format!("{}/health/ready", node.management);
    assert_eq!(Answer::to(http.get(&ready)).await.is(200).json()["keys"], "ok");
    let metrics = Answer::to(http.get(format!("{}/metrics", node.management))).await;
    for store in ["log", "keys", "read"] {
        let gauge = format!("chancery_pool_connections{{store=\"{store}\",state=\"idle\"}}");
        assert!(metrics.text.contains(&gauge), "{}", metrics.text);
    }
    keys.silence();
    let asked = Instant::now();
    let told = Answer::to(http.get(&ready)).await.is(503).json();
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!(
        (&told["keys"], &told["log"], &told["status"]),
        (&json!("does not answer"), &json!("ok"), &json!("unready"))
    );
    log.silence();
    node.stop();
}
