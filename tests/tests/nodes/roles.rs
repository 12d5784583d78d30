//! What nodes share and what each is for: a write here is read there, a node serves its roles and no others, and it starts
//! beside others or waits for them.

use std::time::{Duration, Instant};

use chancery_tests::harness::{
    Answer, Api, Method, Nodes, Options, Realm, Server, eventually, free_port, how_long, unique,
};
use serde_json::json;

use crate::ALL;

fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_wrote_another_reads_by_its_position() {
    let Some(nodes) = Nodes::new() else { return };
    let worker = nodes.another("worker");
    let (writer, reader) = (nodes.first("command"), nodes.another("query"));
    let realm = Realm::on(&writer).await;
    let mut times = Vec::new();
    for _ in 0..100 {
        let made = realm
            .api
            .post(&realm.at("/users"), json!({"username": unique()}))
            .await
            .is(201);
        let started = Instant::now();
        let read = realm
            .api
            .at(&reader)
            .query(&realm.at(&format!("/users/{}", made.field("id"))))
            .await
            .is(200);
        times.push(started.elapsed());
        assert_eq!(read.field("id"), made.field("id"));
    }
    let (p50, p99) = percentiles(times);
    println!("written on one node, read on another, projected by a third: p50 {p50:?}, p99 {p99:?}");
    assert!(p99 < Duration::from_secs(2), "{p99:?}");
    drop(worker);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_answers_for_its_roles_and_says_where_they_end() {
    let Some(nodes) = Nodes::new() else { return };
    let _worker = nodes.another("worker");
    let (writer, reader) = (nodes.first("command"), nodes.another("query"));
    let realm = Realm::on(&writer).await;
    let (commands, queries) = (realm.api.clone(), realm.api.at(&reader));
    let _ = queries.query(&realm.at("")).await.is(200);
    let _ = commands.query(&realm.at("")).await.is_problem(421, "misdirected");
    let _ = queries
        .post("/realms", json!({"name": "elsewhere"}))
        .await
        .is_problem(421, "misdirected");
    let get = async |api: &Api, path: &str| Answer::to(api.request(Method::GET, path)).await;
    for path in ["/nowhere", "/command/v1/nowhere"] {
        let _ = get(&commands, path).await.is(404);
        let _ = get(&queries, path).await.is(404);
    }
    for (path, here, elsewhere) in [
        (realm.at("/oauth2/jwks"), &queries, &commands),
        (realm.at("/.well-known/openid-configuration"), &queries, &commands),
        (realm.at("/sign-in"), &commands, &queries),
    ] {
        let _ = get(here, &path).await.is(200);
        let _ = get(elsewhere, &path).await.is_problem(421, "misdirected");
    }
    for document in ["command", "query"] {
        let path = format!("/openapi/{document}.json");
        let told = get(&commands, &path).await.is(200).json();
        assert_eq!(told, get(&queries, &path).await.is(200).json());
        assert!(told["paths"].as_object().is_some_and(|paths| paths.len() > 5));
    }
    let refused = Server::try_start(Options {
        demo: true,
        ..nodes.options("query")
    });
    let refused = refused.expect_err("no demo without commands");
    assert!(refused.said.contains("--demo"), "{}", refused.said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_waits_for_read_models_lives_and_ends_when_it_is_told_to() {
    let Some(nodes) = Nodes::new() else { return };
    let management = format!("127.0.0.1:{}", free_port());
    let options = nodes
        .options("query")
        .with("CHANCERY_MANAGEMENT__LISTEN", &management);
    let waiting = tokio::task::spawn_blocking(move || Server::start(options));
    let http = reqwest::Client::new();
    let asked = async |path: &str| http.get(format!("http://{management}{path}")).send().await;
    how_long("the operators' listener answers", async || {
        asked("/health/live").await.is_ok()
    })
    .await;
    for (path, status) in [
        ("/health/live", 200),
        ("/health/started", 503),
        ("/health/ready", 503),
    ] {
        let answer = asked(path).await.expect("answered");
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
    let _worker = nodes.another("worker");
    let mut started = waiting.await.expect("started");
    assert_eq!(
        asked("/health/started")
            .await
            .expect("answered")
            .status()
            .as_u16(),
        200
    );
    started.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_a_time_on_an_empty_database_make_one_platform() {
    let Some(nodes) = Nodes::new() else { return };
    let starting: Vec<_> = (0..3)
        .map(|number| {
            let mut options = nodes.options(ALL).without("CHANCERY_BOOTSTRAP__ADMIN_PASSWORD");
            options.demo = number > 0;
            std::thread::spawn(move || Server::start(options))
        })
        .collect();
    let started: Vec<Server> = starting
        .into_iter()
        .map(|node| node.join().expect("it started"))
        .collect();
    let told: usize = started
        .iter()
        .map(|node| node.said().matches("shown this once").count())
        .sum();
    assert_eq!(told, 1, "one node made the administrator, and said so");
    let admin = Api::admin(&started[0]).await;
    let facts = eventually("the facts are listed", async || {
        let facts = admin
            .query("/realms/system/events?lane=facts&after=0&limit=500")
            .await;
        (facts.status == 200).then(|| facts.items())
    })
    .await;
    let count = |name: &str| facts.iter().filter(|event| event["type"] == name).count();
    assert_eq!(count("realm.created"), 2, "system and demo: {facts:#?}");
    assert_eq!(count("user.registered"), 1);
    assert_eq!(count("application.registered"), 1);
    assert_eq!(count("role.assigned"), 2);
    for node in &started {
        let _ = Api::admin(node).await.query("/realms").await.is(200);
    }
    let said = started[0].run(&["verify"]).succeeds();
    assert!(said.contains("gapless") && said.contains("2 realms"), "{said}");
}
