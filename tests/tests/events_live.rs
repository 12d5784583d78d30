//! Events followed as they happen, by server-sent events and over a WebSocket: the same as a listing shows, each once, to those alone
//! who may, until they may not any more.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use chancery_tests::harness::{
    Answer, Api, Browser, Follower, Heard, Line, Method, Nodes, Options, Realm, Server, Way, how_long, shared,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
};

/// The platform's mark is a second; a busy machine gets some more.
const SOON: Duration = Duration::from_millis(1_500);

/// The path of the stream of a realm.
fn stream(realm: &Realm, query: &str) -> String {
    realm.at(&format!("/events/stream{query}"))
}

/// Where an event is: its lane and its place there.
fn place(event: &Value) -> (String, u64) {
    match (event["stream"]["lane"].as_str(), event["seq"].as_u64()) {
        (Some(lane), Some(seq)) => (lane.to_owned(), seq),
        _ => panic!("no event: {event}"),
    }
}

/// All events of both lanes that a listing shows.
async fn listed(realm: &Realm) -> BTreeSet<(String, u64)> {
    let mut all = BTreeSet::new();
    for lane in ["facts", "activity"] {
        all.extend(realm.events(lane, "").await.iter().map(place));
    }
    all
}

#[tokio::test]
async fn events_of_both_lanes_are_told_as_a_listing_shows_them() {
    let realm = Realm::on(&shared()).await;
    let application = realm.application("web").await;
    for way in Way::ALL {
        let mut follower = Follower::new(way, &realm.api, &stream(&realm, ""), None).await;
        let begun = follower.next().await;
        assert!(
            matches!(begun, Heard::Quiet(_)),
            "{way:?}: the place comes first: {begun:?}"
        );
        let started = Instant::now();
        let user = realm.user().await;
        let registered = follower.event().await;
        assert!(started.elapsed() < SOON, "{way:?}: {:?}", started.elapsed());
        assert_eq!(registered["type"], "user.registered");
        let facts = realm.events("facts", "").await;
        assert!(facts.contains(&registered), "{way:?}: {registered}");
        realm.sign_in(&application, &user, "openid").await;
        let activity = realm.events("activity", "").await;
        let mut told = Vec::new();
        while told.last().and_then(|event: &Value| event["type"].as_str()) != Some("token.issued") {
            let event = follower.event().await;
            assert!(facts.contains(&event) || activity.contains(&event) || place(&event).0 == "facts");
            told.push(event);
        }
        let names: Vec<_> = told.iter().filter_map(|event| event["type"].as_str()).collect();
        assert!(names.contains(&"session.started"), "{way:?}: {names:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_on_misses_nothing_and_gets_nothing_twice_also_after_a_restart() {
    let mut server = Server::start(Options::default());
    let realm = Realm::on(&server).await;
    let application = realm.application("spa").await;
    for way in Way::ALL {
        let mut follower = Follower::new(way, &realm.api, &stream(&realm, ""), None).await;
        let _ = follower.next().await;
        let before = listed(&realm).await;
        let mut told: Vec<(String, u64)> = Vec::new();
        for round in 0..3 {
            let work = realm.clone();
            let app = application.clone();
            let writing = tokio::spawn(async move {
                for _ in 0..4 {
                    let user = work.user().await;
                    let _ = work.lets_in(&app, &user.username, &user.password).await;
                }
            });
            // It leaves in the middle of what is told, and comes again with the last id.
            for count in [1, 3, 2] {
                told.extend(follower.events(count).await.iter().map(place));
                let last = follower.last.clone();
                drop(follower);
                follower = Follower::new(way, &realm.api, &stream(&realm, ""), Some(&last)).await;
            }
            writing.await.expect("written");
            if round == 1 {
                let last = follower.last.clone();
                drop(follower);
                server = server.restart();
                let query = format!("?last_event_id={last}");
                follower = Follower::new(way, &realm.api, &stream(&realm, &query), None).await;
            }
        }
        let expected: BTreeSet<_> = listed(&realm).await.difference(&before).cloned().collect();
        while told.len() < expected.len() {
            told.push(place(&follower.event().await));
        }
        let distinct: BTreeSet<_> = told.iter().cloned().collect();
        assert_eq!(distinct.len(), told.len(), "{way:?}: nothing twice");
        assert_eq!(distinct, expected, "{way:?}: nothing missed");
        for lane in ["facts", "activity"] {
            let seqs = told.iter().filter(|(name, _)| name == lane).map(|(_, seq)| *seq);
            assert!(seqs.is_sorted(), "{way:?}: in order");
        }
        assert!(follower.is_quiet().await);
    }
}

#[tokio::test]
async fn a_filter_admits_live_what_it_admits_in_a_listing() {
    let realm = Realm::on(&shared()).await;
    let (application, other) = (realm.application("spa").await, realm.application("web").await);
    let (alice, bob) = (realm.user().await, realm.user().await);
    realm.sign_in(&application, &alice, "openid offline_access").await;
    realm.sign_in(&other, &bob, "openid").await;
    assert!(
        !realm
            .lets_in(&application, &alice.username, "not the password")
            .await
    );
    let _ = realm
        .api
        .act(&realm.at(&format!("/users/{}/lock", bob.id)))
        .await
        .is(200);
    let activity = realm.events("activity", "").await;
    let started = activity
        .iter()
        .find(|event| event["type"] == "session.started")
        .expect("a session");
    let (session, request) = (
        started["subject"]["id"].as_str().expect("an id"),
        started["actor"]["request"].as_str().expect("a request"),
    );
    let moment = started["time"].as_str().expect("a moment");
    let mut found = 0;
    for filter in [
        String::new(),
        "&type=user.registered".into(),
        "&type=login.failed".into(),
        "&type=token.issued".into(),
        format!("&user={}", alice.id),
        format!("&user={}", bob.id),
        format!("&actor={}", alice.id),
        format!("&client={}", application.id),
        format!("&session={session}"),
        format!("&subject=session:{session}"),
        format!("&subject=user:{}", bob.id),
        format!("&subject={}", bob.id),
        format!("&request={request}"),
        format!("&from={moment}"),
        format!("&to={moment}"),
        format!("&user={}&from={moment}&type=session.started", alice.id),
    ] {
        for lane in ["facts", "activity"] {
            let listing = realm
                .api
                .query(&realm.at(&format!("/events?lane={lane}&limit=500{filter}")))
                .await;
            if listing.status == 422 {
                // A type or a subject of the other lane: the stream refuses it, too.
                let path = stream(&realm, &format!("?lane={lane}&after=0{filter}"));
                let refused = Follower::open(Way::Sse, &realm.api, &path, None).await;
                let _ = refused.expect_err("refused").is_problem(422, "invalid");
                continue;
            }
            let expected = listing.is(200).items();
            found += expected.len();
            let path = stream(&realm, &format!("?lane={lane}&after=0{filter}"));
            let way = Way::ALL[filter.len() % 2];
            let mut follower = Follower::new(way, &realm.api, &path, None).await;
            let told = follower.events(expected.len()).await;
            assert_eq!(told, expected, "{way:?} {lane} {filter}");
            assert!(follower.is_quiet().await, "{way:?} {lane} {filter}");
        }
    }
    assert!(found > 50, "{found} events were compared");
}

#[tokio::test]
async fn a_stream_begins_at_a_moment_and_ends_at_another() {
    let realm = Realm::on(&shared()).await;
    for _ in 0..4 {
        realm.user().await;
    }
    let registered = realm.events("facts", "&type=user.registered").await;
    let moment = |index: usize| registered[index]["time"].as_str().expect("a moment").to_owned();
    let (from, to) = (moment(1), moment(3));
    let query = format!("?type=user.registered&from={from}&to={to}");
    for (way, code) in [(Way::Sse, None), (Way::Socket, Some(1000))] {
        let mut follower = Follower::new(way, &realm.api, &stream(&realm, &query), None).await;
        assert_eq!(follower.events(2).await, registered[1..3], "{way:?}");
        assert_eq!(follower.end().await, ("complete".to_owned(), code));
    }
    // Nothing happens any more in the other lane, and the end is told once the moment is past for sure.
    let query = format!("?lane=activity&to={to}");
    let mut follower = Follower::new(Way::Sse, &realm.api, &stream(&realm, &query), None).await;
    assert_eq!(follower.end().await.0, "complete");
}

#[tokio::test]
async fn whoever_may_not_read_events_may_not_follow_them() {
    let server = shared();
    let realm = Realm::on(&server).await;
    let elsewhere = Realm::new(&realm.api).await;
    let path = stream(&realm, "");
    let nobody = Api::anonymous(&server);
    let stranger = elsewhere.administrator().await;
    let without_role = realm.service(None).await;
    for way in Way::ALL {
        for (who, caller, status, code) in [
            ("nobody", &nobody, 401, "unauthenticated"),
            ("a stranger", &stranger, 404, "not_found"),
            ("no role", &without_role, 403, "forbidden"),
        ] {
            let refused = Follower::open(way, caller, &path, None).await;
            let _ = refused.expect_err(who).is_problem(status, code);
        }
        let in_url = stream(&realm, &format!("?access_token={}", realm.api.token()));
        let refused = Follower::open(way, &nobody, &in_url, None).await;
        let _ = refused
            .expect_err("a token in the URL")
            .is_problem(400, "malformed_request");
        let _ = Follower::new(way, &realm.service(Some("auditor")).await, &path, None).await;
    }
}

#[tokio::test]
async fn what_is_no_place_to_go_on_from_is_refused() {
    let realm = Realm::on(&shared()).await;
    let elsewhere = Realm::new(&realm.api).await;
    let begun = async |realm: &Realm, query: &str| {
        let mut follower = Follower::new(Way::Sse, &realm.api, &stream(realm, query), None).await;
        let _ = follower.next().await;
        follower.last
    };
    let (here, there) = (begun(&realm, "").await, begun(&elsewhere, "").await);
    let facts = begun(&realm, "?lane=facts").await;
    let mut beyond = here.clone().into_bytes();
    beyond[45] = if beyond[45] == b'A' { b'B' } else { b'A' };
    let beyond = String::from_utf8(beyond).expect("text");
    for way in Way::ALL {
        for (what, last) in [
            ("another realm", &there),
            ("fewer lanes", &facts),
            ("beyond the end", &beyond),
            ("no id", &"banana".to_owned()),
        ] {
            let refused = Follower::open(way, &realm.api, &stream(&realm, ""), Some(last)).await;
            let refused = refused.expect_err(what).is_problem(422, "invalid");
            assert!(
                refused.faults().contains("Last-Event-ID"),
                "{what}: {}",
                refused.text
            );
            let query = format!("?last_event_id={last}");
            let refused = Follower::open(way, &realm.api, &stream(&realm, &query), None).await;
            let _ = refused.expect_err(what).is_problem(422, "invalid");
        }
        // The header is newer than what the address said when it was first used.
        let query = format!("?last_event_id={}", begun(&realm, "").await);
        realm.user().await;
        let mut follower = Follower::new(way, &realm.api, &stream(&realm, &query), None).await;
        let first = place(&follower.event().await);
        let last = Some(&*follower.last);
        let mut follower = Follower::new(way, &realm.api, &stream(&realm, &query), last).await;
        assert_eq!(place(&follower.event().await), (first.0, first.1 + 1), "{way:?}");
    }
    for (query, field) in [
        ("?after=1", "after"),
        ("?limit=5", "limit"),
        ("?lane=both", "lane"),
        ("?type=user.invented", "type"),
        ("?position=x", "position"),
    ] {
        let refused = Follower::open(Way::Socket, &realm.api, &stream(&realm, query), None).await;
        let refused = refused.expect_err(query).is_problem(422, "invalid");
        assert!(refused.faults().contains(field), "{}", refused.text);
    }
    let request = realm
        .api
        .request(Method::GET, &format!("/query/v1{}", stream(&realm, "")))
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("sec-websocket-version", "8")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let refused = Answer::to(request).await.is_problem(400, "malformed_request");
    assert_eq!(refused.header("sec-websocket-version"), Some("13"));
}

/// Somebody whose stream is to end.
struct Ending {
    what: &'static str,
    realm: Realm,
    caller: Api,
    reason: &'static str,
}

impl Ending {
    /// It ends within a second of an act, both ways.
    async fn is_ended_by<F: Future<Output = Answer>>(&self, act: impl Fn(Realm) -> F) {
        let path = stream(&self.realm, "?type=role.assigned");
        let mut followers = Vec::new();
        for way in Way::ALL {
            let mut follower = Follower::new(way, &self.caller, &path, None).await;
            let _ = follower.next().await;
            followers.push((way, follower));
        }
        let answer = act(self.realm.clone()).await;
        assert!(
            matches!(answer.status, 200 | 204),
            "{}: {} {}",
            self.what,
            answer.status,
            answer.text
        );
        let acted = Instant::now();
        for (way, mut follower) in followers {
            let code = (way == Way::Socket).then_some(1008);
            let (reason, took) = (follower.end().await, acted.elapsed());
            assert_eq!(reason, (self.reason.to_owned(), code), "{} {way:?}", self.what);
            assert!(took < SOON, "{} {way:?}: {took:?}", self.what);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_away_ends_a_stream_within_a_second() {
    let server = shared();
    let new = async |what, reason, caller: Option<Api>, realm: Option<Realm>| {
        let realm = match realm {
            Some(realm) => realm,
            None => Realm::on(&server).await,
        };
        let caller = match caller {
            Some(caller) => caller,
            None => realm.service(Some("auditor")).await,
        };
        Ending {
            what,
            realm,
            caller,
            reason,
        }
    };

    let realm = Realm::on(&server).await;
    let service = realm.application("service").await;
    let role = realm.at(&format!("/applications/{}/roles/auditor", service.id));
    let _ = realm.api.put(&role, Value::Null).await.is(200);
    let token = realm.own_token(&service).await.is(200).field("access_token");
    let caller = Some(realm.api.with_token(&token));
    new("a role", "forbidden", caller.clone(), Some(realm.clone()))
        .await
        .is_ended_by(async |realm: Realm| realm.api.delete(&role).await)
        .await;
    let _ = realm.api.put(&role, Value::Null).await.is(200);
    new("a token", "unauthenticated", caller, Some(realm.clone()))
        .await
        .is_ended_by(async |realm: Realm| realm.ask("revoke", &service, &[("token", &token)]).await)
        .await;
    let token = realm.own_token(&service).await.is(200).field("access_token");
    let caller = Some(realm.api.with_token(&token));
    let path = realm.at(&format!("/applications/{}/disable", service.id));
    new("an application", "unauthenticated", caller, Some(realm.clone()))
        .await
        .is_ended_by(async |realm: Realm| realm.api.act(&path).await)
        .await;

    let application = realm.application("web").await;
    let signed_in = async || {
        let user = realm.user().await;
        let role = realm.at(&format!("/users/{}/roles/auditor", user.id));
        let _ = realm.api.put(&role, Value::Null).await.is(200);
        let mut browser = Browser::new(&realm);
        let scope = "openid manage";
        let tokens = realm.sign_in_with(&mut browser, &application, &user, scope).await;
        (realm.api.with_token(&tokens.access), user)
    };
    let (caller, user) = signed_in().await;
    let sessions = realm
        .api
        .query(&realm.at(&format!("/users/{}/sessions", user.id)))
        .await;
    let session = realm.at(&format!("/sessions/{}", sessions.is(200).ids().remove(0)));
    new("a session", "unauthenticated", Some(caller), Some(realm.clone()))
        .await
        .is_ended_by(async |realm: Realm| realm.api.delete(&session).await)
        .await;
    let (caller, user) = signed_in().await;
    let path = realm.at(&format!("/users/{}/disable", user.id));
    new("a user", "unauthenticated", Some(caller), Some(realm.clone()))
        .await
        .is_ended_by(async |realm: Realm| realm.api.act(&path).await)
        .await;

    let suspended = new("a realm", "unauthenticated", None, None).await;
    suspended
        .is_ended_by(async |realm: Realm| realm.api.act(&realm.at("/suspend")).await)
        .await;
}

#[tokio::test]
async fn only_so_many_follow_a_realm() {
    let options = Options::default()
        .with("CHANCERY_LIVE__CONNECTIONS_PER_REALM", "2")
        .with("CHANCERY_LIVE__CONNECTIONS", "3");
    let server = Server::start(options);
    let realm = Realm::on(&server).await;
    let (other, third) = (Realm::new(&realm.api).await, Realm::new(&realm.api).await);
    let first = Follower::new(Way::Sse, &realm.api, &stream(&realm, ""), None).await;
    let _second = Follower::new(Way::Socket, &realm.api, &stream(&realm, ""), None).await;
    for way in Way::ALL {
        let refused = Follower::open(way, &realm.api, &stream(&realm, ""), None).await;
        let refused = refused
            .expect_err("one too many")
            .is_problem(429, "too_many_connections");
        assert!(refused.header("retry-after").is_some());
    }
    let _elsewhere = Follower::new(Way::Socket, &realm.api, &stream(&other, ""), None).await;
    let refused = Follower::open(Way::Sse, &realm.api, &stream(&third, ""), None).await;
    let _ = refused
        .expect_err("too many in all")
        .is_problem(503, "overloaded");
    drop(first);
    let again = async || {
        Follower::open(Way::Sse, &realm.api, &stream(&realm, ""), None)
            .await
            .is_ok()
    };
    how_long("a place that was left is free", again).await;
}

#[tokio::test]
async fn a_server_that_ends_tells_those_who_follow() {
    let mut server = Server::start(Options::default());
    let realm = Realm::on(&server).await;
    let mut followers = Vec::new();
    for way in Way::ALL {
        let mut follower = Follower::new(way, &realm.api, &stream(&realm, ""), None).await;
        let _ = follower.next().await;
        followers.push(follower);
    }
    server.ask_to_stop();
    let asked = Instant::now();
    for (follower, code) in followers.iter_mut().zip([None, Some(1001)]) {
        assert_eq!(follower.end().await, ("draining".to_owned(), code));
    }
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    drop(followers);
    server.stop();
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn whoever_speaks_is_sent_away() {
    let realm = Realm::on(&shared()).await;
    let mut follower = Follower::new(Way::Socket, &realm.api, &stream(&realm, ""), None).await;
    follower.say("hello").await;
    assert_eq!(
        follower.end().await,
        ("nothing is taken here".to_owned(), Some(1008))
    );
}

#[tokio::test]
async fn whoever_filters_gets_on_without_events() {
    let realm = Realm::on(&shared()).await;
    let path = stream(&realm, "?lane=facts&type=realm.renamed");
    let mut follower = Follower::new(Way::Sse, &realm.api, &path, None).await;
    let Heard::Quiet(first) = follower.next().await else {
        panic!("the place comes first")
    };
    realm.user().await;
    let Heard::Quiet(second) = follower.next().await else {
        panic!("no such event happened")
    };
    assert_ne!(first, second, "the place moves on");
    let all = stream(&realm, "?lane=facts");
    let mut after = Follower::new(Way::Sse, &realm.api, &all, Some(&second)).await;
    assert!(after.is_quiet().await, "what the filter left out is behind it");
}

/// Makes events that fill whatever stands between the server and somebody who reads nothing.
async fn flood(realm: &Realm) {
    let application = realm.application("web").await;
    let path = realm.at(&format!("/applications/{}", application.id));
    let long = "x".repeat(1_500);
    for number in 0..150 {
        let uris: Vec<_> = (0..20)
            .map(|uri| format!("https://app.example.test/{number}/{uri}/{long}"))
            .collect();
        let _ = realm
            .api
            .patch(&path, json!({"redirect_uris": uris}))
            .await
            .is(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_take_what_is_told_is_sent_away_with_the_reason() {
    let realm = Realm::on(&shared()).await;
    flood(&realm).await;
    let address = realm.api.base().strip_prefix("http://").expect("plain http");
    let path = format!("/query/v1{}", stream(&realm, "?lane=facts&after=0"));
    let mut connections = Vec::new();
    for way in Way::ALL {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(8 * 1024).expect("a small one");
        let mut connection = socket
            .connect(address.parse().expect("an address"))
            .await
            .expect("a connection");
        let upgrade = match way {
            Way::Sse => "Connection: close\r\n",
            Way::Socket => {
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            }
        };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n{upgrade}\r\n",
            realm.api.token()
        );
        connection.write_all(request.as_bytes()).await.expect("asked");
        connections.push((way, connection));
    }
    tokio::time::sleep(Duration::from_secs(12)).await;
    for (way, mut connection) in connections {
        let mut all = Vec::new();
        let reading = connection.read_to_end(&mut all);
        let _ = tokio::time::timeout(Duration::from_secs(20), reading)
            .await
            .expect("it ends");
        let text = String::from_utf8_lossy(&all);
        let tail = String::from_utf8_lossy(&all[all.len().saturating_sub(300)..]);
        assert!(tail.contains("too_slow"), "{way:?}: {tail}");
        assert!(
            text.matches("application.changed").count() < 150,
            "{way:?}: not all was kept for it"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_at_one_node_is_told_by_the_other() {
    let Some(nodes) = Nodes::new() else { return };
    let all = "command,query,worker";
    let here = nodes.first(all);
    let line = Line::to(&nodes.database).await;
    let there = nodes.behind(&line, all);
    let realm = Realm::on(&here).await;
    let service = realm.application("service").await;
    let role = realm.at(&format!("/applications/{}/roles/auditor", service.id));
    let _ = realm.api.put(&role, Value::Null).await.is(200);
    let token = realm.own_token(&service).await.is(200).field("access_token");
    let far = realm.at_node(&there).api.with_token(&token);
    for (way, code) in [(Way::Sse, None), (Way::Socket, Some(1008))] {
        let mut follower = Follower::new(way, &far, &stream(&realm, ""), None).await;
        let _ = follower.next().await;
        let user = realm.user().await;
        let started = Instant::now();
        assert_eq!(follower.event().await["subject"]["id"], json!(user.id));
        assert!(started.elapsed() < SOON, "{way:?}: {:?}", started.elapsed());
        // Goes on at another node with what this one gave it.
        let (near, last) = (realm.api.with_token(&token), Some(&*follower.last));
        let mut near = Follower::new(way, &near, &stream(&realm, ""), last).await;
        assert_eq!(near.event().await, follower.event().await, "{way:?}");
        let _ = realm.api.delete(&role).await.is(200);
        let acted = Instant::now();
        assert_eq!(follower.end().await, ("forbidden".to_owned(), code));
        assert!(acted.elapsed() < SOON, "{way:?}: {:?}", acted.elapsed());
        let _ = realm.api.put(&role, Value::Null).await.is(200);
    }
    // A node that has lost the log knows nothing of who may: it tells nothing more.
    let mut follower = Follower::new(Way::Socket, &far, &stream(&realm, ""), None).await;
    let _ = follower.next().await;
    line.cut();
    assert_eq!(follower.end().await, ("unavailable".to_owned(), Some(1013)));
    line.mend();
}
