//! Several nodes on one database. The rule: what one node has acknowledged every other one holds to, within a second
//! where it takes something away; nodes come, go and lose their database, and nothing that was acknowledged is lost or
//! done twice.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on says where, and stops"
)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use chancery_tests::harness::{
    Answer, Api, Application, Authorization, Browser, Line, Method, Nodes, Options, Postgres, Realm, Server,
    Stores, Tokens, User, at_address, at_once, eventually, how_long, unique,
};
use serde_json::{Value, json};

const ALL: &str = "command,query,worker";
/// The platform's mark is a second; a busy machine gets some more.
const SOON: Duration = Duration::from_millis(1_500);

/// All user names of a realm, each as often as it is listed.
async fn user_names(realm: &Realm) -> Vec<String> {
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let path = realm.at(&format!("/users?page_size=500{token}"));
        let page = realm.api.query(&path).await.is(200);
        let of = |item: &Value| item["username"].as_str().unwrap_or_default().to_owned();
        names.extend(page.items().iter().map(of));
        match page.json()["next_page_token"].as_str() {
            Some(next) => token = format!("&page_token={next}"),
            None => return names,
        }
    }
}

/// Each of those that were made is there, once, and nobody else is; one more is made for it.
async fn are_exactly(realm: &Realm, made: &mut Vec<String>) {
    // A read after the last write sees all that were before it.
    let last = unique();
    let body = json!({ "username": last });
    let _ = realm.api.post(&realm.at("/users"), body).await.is(201);
    made.push(last.clone());
    made.sort();
    eventually("the read models have the last one", async || {
        let path = realm.at("/users?page_size=1");
        (realm.api.query(&path).await.status == 200).then_some(())
    })
    .await;
    let mut found = user_names(realm).await;
    found.sort();
    assert_eq!(found, *made);
}

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

/// Two nodes, a realm, and somebody who is signed in at one of them.
struct Pair {
    _nodes: [Server; 2],
    realm: Realm,
    /// The same realm at the other node.
    far: Realm,
    application: Application,
    resource: Application,
}

impl Pair {
    async fn of(here: Server, there: Server) -> Self {
        let realm = Realm::on(&here).await;
        Self {
            application: realm.application("web").await,
            resource: realm.application("service").await,
            far: realm.at_node(&there),
            realm,
            _nodes: [here, there],
        }
    }

    /// Somebody new, whose tokens are good at the other node at once.
    async fn sign_in(&self) -> (User, Tokens) {
        let user = self.realm.user().await;
        let tokens = self
            .realm
            .sign_in(&self.application, &user, "openid offline_access")
            .await;
        assert!(self.is_good(&tokens).await, "granted here, good there");
        (user, tokens)
    }

    /// Whether the other node lets an access token in. It then has at hand what it was asked about.
    async fn is_good(&self, tokens: &Tokens) -> bool {
        let active = self.far.is_active(&self.resource, &tokens.access).await;
        let answered = self.far.userinfo(&tokens.access).await.status;
        assert!(matches!(answered, 200 | 401), "{answered}");
        active && answered == 200
    }

    async fn act(&self, path: &str) {
        let _ = self.realm.api.act(&self.realm.at(path)).await.is(200);
    }
}

/// Something was taken away at one node: the other one refuses within a second.
async fn is_refused<F: Future<Output = bool>>(what: &str, refused: impl FnMut() -> F) {
    let took = how_long(what, refused).await;
    println!("{what}: refused by the other node after {took:?}");
    assert!(took < SOON, "{what}: {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_away_on_one_node_is_refused_on_every_other_within_a_second() {
    let Some(nodes) = Nodes::new() else { return };
    let pair = Pair::of(nodes.first(ALL), nodes.another(ALL)).await;
    let (realm, far) = (&pair.realm, &pair.far);
    let (alice, tokens) = pair.sign_in().await;

    let application = format!("/applications/{}", pair.application.id);
    pair.act(&format!("{application}/disable")).await;
    is_refused("a disabled application", async || !pair.is_good(&tokens).await).await;
    pair.act(&format!("{application}/enable")).await;
    how_long("enabled again", async || pair.is_good(&tokens).await).await;

    pair.act("/suspend").await;
    is_refused("a suspended realm", async || {
        far.userinfo(&tokens.access).await.status == 404
    })
    .await;
    pair.act("/resume").await;
    how_long("resumed", async || {
        far.userinfo(&tokens.access).await.status == 200
    })
    .await;

    let sessions = realm.at(&format!("/users/{}/sessions", alice.id));
    let session = realm.api.query(&sessions).await.is(200).ids().remove(0);
    let session = realm.at(&format!("/sessions/{session}"));
    let _ = realm.api.delete(&session).await.is(200);
    is_refused("an ended session", async || !pair.is_good(&tokens).await).await;

    let (bob, tokens) = pair.sign_in().await;
    pair.act(&format!("/users/{}/disable", bob.id)).await;
    is_refused("a disabled user", async || !pair.is_good(&tokens).await).await;
    let refused = far.refresh(&pair.application, tokens.refresh()).await;
    let _ = refused.is_oauth_error(400, "invalid_grant");
    assert!(!far.lets_in(&pair.application, &bob.username, &bob.password).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_good_on_every_node_at_once_and_gone_within_a_second() {
    let Some(nodes) = Nodes::new() else { return };
    let pair = Pair::of(nodes.first(ALL), nodes.another(ALL)).await;
    let (realm, far) = (&pair.realm, &pair.far);
    let service = realm.application("service").await;
    let role = realm.at(&format!("/applications/{}/roles/realm-administrator", service.id));
    let token = far.own_token(&service).await.is(200).field("access_token");
    let caller = far.api.with_token(&token);
    let may = async || caller.query(&realm.at("/users")).await.status == 200;
    assert!(!may().await);
    let _ = realm.api.put(&role, Value::Null).await.is(200);
    assert!(may().await, "whoever was told that they have it may use it");
    let _ = realm.api.delete(&role).await.is(200);
    is_refused("a role that was taken away", async || !may().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_knows_of_a_moment_ago_refuses_nobody() {
    let Some(nodes) = Nodes::new() else { return };
    let pair = Pair::of(nodes.first(ALL), nodes.another(ALL)).await;
    let (_, mut tokens) = pair.sign_in().await;
    // Each refresh at the node that did not see the one before: no honest client is taken for a thief.
    for round in 0..20 {
        let node = if round % 2 == 0 { &pair.far } else { &pair.realm };
        tokens = Tokens::from(node.refresh(&pair.application, tokens.refresh()).await);
    }
    let user = pair.realm.user().await;
    for _ in 0..10 {
        let path = pair.realm.at(&format!("/users/{}", user.id));
        let disabled = pair.realm.api.act(&format!("{path}/disable")).await.is(200);
        let enabled = pair.far.api.act(&format!("{path}/enable")).await.is(200);
        let event = |answer: &Answer| answer.json()["events"].clone();
        assert_eq!(
            (event(&disabled), event(&enabled)),
            (json!(["user.disabled"]), json!(["user.enabled"])),
            "neither finds nothing to do"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_cut_off_refuses_rather_than_to_answer_from_the_past() {
    let Some(nodes) = Nodes::new() else { return };
    let line = Line::to(&nodes.database).await;
    let pair = Pair::of(nodes.first(ALL), nodes.behind(&line, ALL)).await;
    for cut in [Line::cut, Line::silence] {
        let (user, tokens) = pair.sign_in().await;
        // Asked with little patience: who gets no answer is not let in either.
        let asked = async || {
            let request = pair.far.api.http().get(pair.far.endpoint("userinfo"));
            let request = request
                .bearer_auth(&tokens.access)
                .timeout(Duration::from_secs(2));
            Answer::try_to(request).await.map_or(0, |answer| answer.status)
        };
        cut(&line);
        pair.act(&format!("/users/{}/disable", user.id)).await;
        tokio::time::sleep(SOON).await;
        for _ in 0..3 {
            let answered = asked().await;
            assert!(matches!(answered, 503 | 408 | 0), "cut off, it said {answered}");
        }
        line.mend();
        let took = how_long("it answers again", async || asked().await == 401).await;
        println!("mended, it answers after {took:?}");
    }
}

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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_once_is_once_also_across_nodes() {
    const TIMES: usize = 100;
    let Some(nodes) = Nodes::new() else { return };
    let pair = Pair::of(nodes.first(ALL), nodes.another(ALL)).await;
    let sides = [pair.realm.clone(), pair.far.clone()];
    let (alice, tokens) = pair.sign_in().await;

    let application = pair.application.clone();
    let refreshed = at_once(TIMES, |number| {
        let (side, application) = (sides[number % 2].clone(), application.clone());
        let refresh_token = tokens.refresh().to_owned();
        async move { side.refresh(&application, &refresh_token).await.status }
    });
    let succeeded = refreshed
        .await
        .into_iter()
        .filter(|status| *status == 200)
        .count();
    assert_eq!(succeeded, 1, "one use of a refresh token");

    let request = Authorization::new(&pair.realm, &application, "openid");
    let callback = Browser::new(&pair.realm).sign_in(&request, &alice).await;
    let redeemed = at_once(TIMES, |number| {
        let (side, application) = (sides[number % 2].clone(), application.clone());
        let (code, request) = (callback.code().to_owned(), request.clone());
        async move { side.redeem(&application, &code, &request).await.status }
    });
    let succeeded = redeemed.await.into_iter().filter(|status| *status == 200).count();
    assert_eq!(succeeded, 1, "one use of a code");

    let name = unique();
    let named = at_once(TIMES, |number| {
        let (side, body) = (sides[number % 2].clone(), json!({ "username": name }));
        async move { side.api.post(&side.at("/users"), body).await }
    });
    let (made, refused): (Vec<_>, Vec<_>) = named.await.into_iter().partition(|it| it.status == 201);
    assert_eq!(made.len(), 1, "one holder of a name");
    for answer in refused {
        let _ = answer.is_problem(409, "name_taken");
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
