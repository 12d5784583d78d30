//! A thousand racers at once on one subject, one name, one command key, one code, one refresh token: on one node, and with
//! `TEST_ENGINE=postgres` on two nodes of one database.
//! The rule: exactly the allowed number win, and there is one order of all calls that explains every answer.

use std::{sync::Arc, time::Instant};

use chancery_tests::{
    crash::linear::{Call, End, contradictions},
    harness::{
        Answer, Api, Application, Authorization, Browser, Method, Nodes, Options, Realm, Server, Tokens,
        unique,
    },
};
use scratch::Engine;
use serde_json::{Value, json};
use tokio::{sync::Barrier, task::JoinSet};

const RACERS: usize = 1_000;

/// Where they race: a realm, and the nodes that they run to in turn.
struct Course {
    servers: Vec<Server>,
    realm: Realm,
}

impl Course {
    /// `None`, said loudly, where there is no database for two nodes.
    async fn new() -> Option<Self> {
        let servers = match scratch::engine() {
            Engine::Sqlite => vec![Server::start(Options::default())],
            Engine::Postgres => {
                let nodes = Nodes::new()?;
                let first = nodes.first("command,query,worker");
                vec![first, nodes.another("command,query,worker")]
            }
        };
        let realm = Realm::on(&servers[0]).await;
        Some(Self { servers, realm })
    }

    /// The realm, at a racer's node.
    fn at_node(&self, racer: usize) -> Realm {
        let server = &self.servers[racer % self.servers.len()];
        Realm {
            api: Api::anonymous(server).with_token(self.realm.api.token()),
            ..self.realm.clone()
        }
    }

    /// All run at once; their answers with the times of question and answer.
    async fn race<F>(&self, run: impl Fn(usize, Realm) -> F) -> Vec<(Answer, Instant, Instant)>
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        // One client for each node: a thousand would be a thousand pools.
        let realms: Vec<_> = (0..self.servers.len()).map(|node| self.at_node(node)).collect();
        let (start, mut running) = (Arc::new(Barrier::new(RACERS)), JoinSet::new());
        for racer in 0..RACERS {
            let (start, run) = (
                Arc::clone(&start),
                run(racer, realms[racer % realms.len()].clone()),
            );
            running.spawn(async move {
                start.wait().await;
                let asked = Instant::now();
                (run.await, asked, Instant::now())
            });
        }
        running.join_all().await
    }

    /// The race of calls on one user, judged.
    fn judge(answers: &[(Answer, Instant, Instant)], from: u64) -> (usize, Vec<String>) {
        let calls: Vec<_> = answers
            .iter()
            .map(|(answer, asked, answered)| Call {
                asked: *asked,
                answered: *answered,
                end: end(answer),
            })
            .collect();
        let won = calls
            .iter()
            .filter(|call| matches!(call.end, End::Won(_)))
            .count();
        (won, contradictions(&calls, from))
    }
}

fn version_of(answer: &Answer) -> u64 {
    let version = answer.json()["version"].as_u64();
    version.unwrap_or_else(|| panic!("no version: {}", answer.text))
}

/// How a change of one subject ended.
fn end(answer: &Answer) -> End {
    match answer.status {
        200 => End::Won(version_of(answer)),
        // "The version is 7."
        412 => {
            let detail = answer.field("detail");
            let digits: String = detail.chars().filter(char::is_ascii_digit).collect();
            let seen = digits.parse();
            End::Saw(seen.unwrap_or_else(|_| panic!("no version: {detail}")))
        }
        // Others were faster too often: not done, and said so.
        409 => End::Lost,
        // It took too long in the crowd, and was not waited for.
        408 | 503 => End::Unknown,
        other => panic!("{other}: {}", answer.text),
    }
}

fn count(answers: &[(Answer, Instant, Instant)], status: u16) -> usize {
    answers
        .iter()
        .filter(|(answer, ..)| answer.status == status)
        .count()
}

/// The one who won; all others were answered with this status, or were sent away in the crowd.
#[track_caller]
fn the_winner(answers: Vec<(Answer, Instant, Instant)>, won: u16, lost: u16) -> Answer {
    let others: Vec<_> = answers
        .iter()
        .filter(|(answer, ..)| ![won, lost, 408, 503].contains(&answer.status))
        .map(|(answer, ..)| (answer.status, &answer.text))
        .collect();
    assert!(others.is_empty(), "{others:?}");
    let mut winners = answers.into_iter().filter(|(answer, ..)| answer.status == won);
    let Some((winner, ..)) = winners.next() else {
        panic!("nobody won")
    };
    assert_eq!(winners.count(), 0, "more than one won");
    winner
}

#[tokio::test(flavor = "multi_thread")]
async fn one_subject_takes_one_turn_after_another() {
    let Some(course) = Course::new().await else { return };
    let alice = course.realm.user().await;
    let path = course.realm.at(&format!("/users/{}", alice.id));

    // All insist on the version that they know: one is right.
    let change = |racer: usize, realm: Realm, version: Option<u64>| {
        let body = json!({"given_name": format!("Racer {racer}")});
        let mut request = realm.api.commanding(Method::PATCH, &path, &body);
        if let Some(version) = version {
            request = request.header("if-match", format!("\"{version}\""));
        }
        Answer::to(request)
    };
    let answers = course.race(|racer, realm| change(racer, realm, Some(1))).await;
    let (won, contradicted) = Course::judge(&answers, 1);
    assert_eq!(won, 1);
    assert!(contradicted.is_empty(), "{contradicted:?}");

    // Nobody insists: everybody may win, each in a turn of their own.
    let answers = course.race(|racer, realm| change(racer, realm, None)).await;
    let (won, contradicted) = Course::judge(&answers, 2);
    let unknown = count(&answers, 408) + count(&answers, 503);
    eprintln!("{won} of {RACERS} unconditioned changes were made, of {unknown} it is not known");
    assert!(contradicted.is_empty(), "{contradicted:?}");
    assert!(won > 0);
    let last = answers
        .iter()
        .filter(|(answer, ..)| answer.status == 200)
        .max_by_key(|(answer, ..)| version_of(answer));
    let position = last
        .map(|(answer, ..)| answer.field("position"))
        .unwrap_or_default();
    let read = course.realm.api.request(Method::GET, &format!("/query/v1{path}"));
    let read = Answer::to(read.header("chancery-position", position))
        .await
        .is(200);
    let there = read.json()["version"].as_u64().unwrap_or_default() - 2;
    let (won, unknown) = (won as u64, unknown as u64);
    assert!(
        (won..=won + unknown).contains(&there),
        "{there} versions for {won} winners"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_name_is_one_users() {
    let Some(course) = Course::new().await else { return };
    let name = format!("racer-{}", unique());
    let answers = course
        .race(|racer, realm| {
            // The same name in whatever letters; also as an e-mail address nobody else has it.
            let spelled = if racer % 2 == 0 {
                name.to_uppercase()
            } else {
                name.clone()
            };
            let body = json!({"username": spelled});
            async move { realm.api.post(&realm.at("/users"), body).await }
        })
        .await;
    let winner = the_winner(answers, 201, 409);
    let mut users = course
        .realm
        .api
        .request(Method::GET, &format!("/query/v1{}", course.realm.at("/users")));
    users = users.header("chancery-position", winner.field("position"));
    assert_eq!(Answer::to(users).await.is(200).ids(), [winner.field("id")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_key_is_one_command() {
    let Some(course) = Course::new().await else { return };
    let (key, body) = (unique(), json!({"username": format!("racer-{}", unique())}));
    let answers = course
        .race(|_, realm| {
            let path = realm.at("/users");
            let request = realm.api.commanding(Method::POST, &path, &body);
            Answer::to(request.header("idempotency-key", &key))
        })
        .await;
    let sent_away = count(&answers, 408) + count(&answers, 503);
    assert_eq!(
        count(&answers, 201) + sent_away,
        RACERS,
        "nobody is told anything else"
    );
    let told = answers.iter().filter(|(answer, ..)| answer.status == 201);
    let told: Vec<Value> = told.map(|(answer, ..)| answer.json()).collect();
    assert!(!told.is_empty(), "nobody was served");
    assert!(told.iter().all(|receipt| *receipt == told[0]), "{told:#?}");
    let registered = course.realm.events("facts", "&type=user.registered").await;
    assert_eq!(registered.len(), 1);
}

/// A realm with an application whose user has signed in.
async fn signed_in(realm: &Realm) -> (Application, Authorization, String) {
    let (application, alice) = (realm.application("spa").await, realm.user().await);
    let request = Authorization::new(realm, &application, "openid offline_access");
    let callback = Browser::new(realm).sign_in(&request, &alice).await;
    (application, request, callback.code().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_code_is_redeemed_once() {
    let Some(course) = Course::new().await else { return };
    let (application, request, code) = signed_in(&course.realm).await;
    let answers = course
        .race(|_, realm| {
            let (application, request, code) = (application.clone(), request.clone(), code.clone());
            async move { realm.redeem(&application, &code, &request).await }
        })
        .await;
    let tokens = Tokens::from(the_winner(answers, 200, 400));
    // RFC 6749, 4.1.2: several held the code, so what it started has ended, on every node.
    for node in 0..course.servers.len() {
        let refused = course.at_node(node).refresh(&application, tokens.refresh()).await;
        let _ = refused.is_oauth_error(400, "invalid_grant");
    }
    assert_eq!(
        course.realm.events("activity", "&type=grant.started").await.len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refresh_token_is_used_once() {
    let Some(course) = Course::new().await else { return };
    let (application, request, code) = signed_in(&course.realm).await;
    let tokens = Tokens::from(course.realm.redeem(&application, &code, &request).await);
    let answers = course
        .race(|_, realm| {
            let (application, token) = (application.clone(), tokens.refresh().to_owned());
            async move { realm.refresh(&application, &token).await }
        })
        .await;
    let next = Tokens::from(the_winner(answers, 200, 400));
    let refused = course.realm.refresh(&application, next.refresh()).await;
    let _ = refused.is_oauth_error(400, "invalid_grant");
    assert_eq!(
        course
            .realm
            .events("activity", "&type=grant.refreshed")
            .await
            .len(),
        1
    );
}
