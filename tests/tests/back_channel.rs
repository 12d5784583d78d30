//! Back-channel logout (OpenID Connect Back-Channel Logout 1.0) at a receiver that judges with a JOSE library that we did not write: whatever
//! ends a session is told to every application that was signed in to, once it answers; and what became of it is in the log. Where Node.js is
//! not installed, this is said loudly; with `CI=true` it fails.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use chancery_tests::harness::{
    Application, Authorization, Browser, Options, Realm, Server, Tokens, User, eventually, password,
    payload_of,
};
use serde_json::{Value, json};

/// A receiver that runs; it ends with the test.
struct Receiver {
    process: Child,
    port: u64,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Receiver {
    fn start(realm: &Realm) -> Option<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("journeys");
        if !folder.join("node_modules").join("jose").is_dir() {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "tests/journeys/node_modules is missing: run tools/test"
            );
            eprintln!("\n=== SKIPPED: tests/journeys/node_modules is missing; tools/test sets it up ===\n");
            return None;
        }
        let mut process = Command::new("node")
            .arg("logout_receiver.mjs")
            .current_dir(folder)
            .env("JOURNEY", json!({ "issuer": realm.issuer() }).to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("node: {error}"));
        let out = process.stdout.take().unwrap_or_else(|| panic!("piped"));
        let mut lines = BufReader::new(out).lines().map_while(Result::ok);
        let line = |line: &str| -> Value { serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")) };
        let first = lines.next().unwrap_or_else(|| panic!("it said nothing"));
        let port = line(&first)["port"].as_u64().unwrap_or_else(|| panic!("{first}"));
        let told = Arc::<Mutex<Vec<Value>>>::default();
        let telling = Arc::clone(&told);
        std::thread::spawn(move || {
            for one in lines {
                telling
                    .lock()
                    .unwrap_or_else(|_| panic!("poisoned"))
                    .push(line(&one));
            }
        });
        Some(Self { process, port, told })
    }

    /// All that an application was told, in order.
    fn told(&self, application: &Application) -> Vec<Value> {
        let told = self.told.lock().unwrap_or_else(|_| panic!("poisoned"));
        let is_theirs = |one: &&Value| one["client"] == application.client_id;
        told.iter().filter(is_theirs).cloned().collect()
    }

    /// The so manieth thing that it is told.
    async fn hears(&self, application: &Application, number: usize) -> Value {
        eventually("the application is told", async || {
            self.told(application).get(number).cloned()
        })
        .await
    }
}

fn server() -> Server {
    let options = Options::default()
        .with("CHANCERY_OUTBOUND__ALLOW_HTTP", "true")
        .with("CHANCERY_OUTBOUND__ALLOW_PRIVATE", "127.0.0.0/8");
    Server::start(options)
}

/// An application that hears at the receiver, which fails so often first.
async fn listening(realm: &Realm, receiver: &Receiver, settings: Value, failures: usize) -> Application {
    let application = realm.application_with("web", settings).await;
    let path = realm.at(&format!("/applications/{}", application.id));
    let told = realm.api.query(&path).await.is(200).json();
    let algorithm = told["id_token_signed_response_alg"].as_str().unwrap_or("ES256");
    let address = format!(
        "http://127.0.0.1:{}/{}/{algorithm}/{failures}",
        receiver.port, application.client_id
    );
    let patch = json!({ "backchannel_logout_uri": address, "backchannel_logout_session_required": true });
    let _ = realm.api.patch(&path, patch).await.is(200);
    application
}

fn claim(token: &str, name: &str) -> String {
    payload_of(token)[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name}"))
        .to_owned()
}

/// The token tells of the sign-in that these tokens are of, and the receiver believed it.
#[track_caller]
fn tells_of(told: &Value, tokens: &Tokens) {
    assert_eq!(told["error"], Value::Null, "{told}");
    assert_eq!(told["status"], 200, "{told}");
    assert_eq!(
        (&told["method"], &told["type"]),
        (&json!("POST"), &json!("application/x-www-form-urlencoded"))
    );
    assert_eq!(told["claims"]["sid"], claim(tokens.id(), "sid"), "{told}");
    assert_eq!(told["claims"]["sub"], claim(tokens.id(), "sub"), "{told}");
}

/// Signs in once more in the same browser, without a question.
async fn goes_on(realm: &Realm, browser: &mut Browser, application: &Application) -> Tokens {
    let request = Authorization::new(realm, application, "openid");
    let callback = browser.open(&request.url()).await.back();
    Tokens::from(realm.redeem(application, callback.code(), &request).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_a_session_is_told_to_every_application_of_it() {
    let server = server();
    let realm = Realm::on(&server).await;
    let Some(receiver) = Receiver::start(&realm) else {
        return;
    };
    let first = listening(&realm, &receiver, json!({}), 0).await;
    let second = json!({ "subject_type": "pairwise", "id_token_signed_response_alg": "RS256" });
    let second = listening(&realm, &receiver, second, 0).await;
    let never = listening(&realm, &receiver, json!({}), 0).await;
    let mut number = 0;
    for how in [
        "signed out",
        "ended by an administrator",
        "replaced by another sign-in",
        "all of the user's ended",
        "password changed",
        "disabled",
    ] {
        eprintln!("{how}");
        let alice = realm.user().await;
        let mut browser = Browser::new(&realm);
        let tokens = realm.sign_in_with(&mut browser, &first, &alice, "openid").await;
        let others = goes_on(&realm, &mut browser, &second).await;
        assert_ne!(claim(tokens.id(), "sub"), claim(others.id(), "sub"), "pairwise");
        end(how, &realm, &mut browser, &first, &alice, &tokens).await;
        for (application, tokens) in [(&first, &tokens), (&second, &others)] {
            tells_of(&receiver.hears(application, number).await, tokens);
        }
        number += 1;
    }
    for application in [&first, &second] {
        let told = receiver.told(application);
        assert_eq!(told.len(), number, "once each: {told:?}");
        let mut ids: Vec<_> = told.iter().map(|one| one["claims"]["jti"].to_string()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), number);
    }
    assert!(receiver.told(&never).is_empty(), "nobody signed in to it");
    let delivered = eventually("all of it is in the log", async || {
        let found = realm.events("activity", "&type=logout_token.delivered").await;
        (found.len() == 2 * number).then_some(found)
    });
    assert!(delivered.await.iter().all(|event| event["data"]["attempt"] == 1));
}

async fn end(
    how: &str,
    realm: &Realm,
    browser: &mut Browser,
    application: &Application,
    alice: &User,
    tokens: &Tokens,
) {
    let of_user = |more: &str| realm.at(&format!("/users/{}{more}", alice.id));
    match how {
        "signed out" => {
            let hint = [("id_token_hint", tokens.id())];
            let address = url::Url::parse_with_params(&realm.endpoint("logout"), hint);
            let address = address.unwrap_or_else(|error| panic!("{error}"));
            let _ = browser.open(address.as_str()).await.page().is(200);
        }
        "ended by an administrator" => {
            let path = realm.at(&format!("/sessions/{}", claim(tokens.id(), "sid")));
            let _ = realm.api.delete(&path).await.is(200);
        }
        "replaced by another sign-in" => {
            let request = Authorization::new(realm, application, "openid").with("prompt", "login");
            let _ = browser.sign_in(&request, alice).await;
        }
        "all of the user's ended" => {
            let _ = realm.api.delete(&of_user("/sessions")).await.is(200);
        }
        "password changed" => {
            let changed = json!({ "password": password() });
            let _ = realm.api.put(&of_user("/password"), changed).await.is(200);
        }
        "disabled" => {
            let _ = realm.api.act(&of_user("/disable")).await.is(200);
        }
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_fails_is_told_again_and_keeps_no_other_waiting() {
    let server = server();
    let realm = Realm::on(&server).await;
    let Some(receiver) = Receiver::start(&realm) else {
        return;
    };
    let failing = listening(&realm, &receiver, json!({}), 1).await;
    let other = listening(&realm, &receiver, json!({}), 0).await;
    let alice = realm.user().await;
    let mut browser = Browser::new(&realm);
    let tokens = realm.sign_in_with(&mut browser, &failing, &alice, "openid").await;
    let others = goes_on(&realm, &mut browser, &other).await;
    let path = realm.at(&format!("/sessions/{}", claim(tokens.id(), "sid")));
    let _ = realm.api.delete(&path).await.is(200);
    tells_of(&receiver.hears(&other, 0).await, &others);
    let refused = receiver.hears(&failing, 0).await;
    assert_eq!(
        (&refused["status"], &refused["error"]),
        (&json!(503), &Value::Null)
    );
    let taken = receiver.hears(&failing, 1).await;
    tells_of(&taken, &tokens);
    assert_eq!(
        taken["claims"]["jti"], refused["claims"]["jti"],
        "the same token to a receiver that remembers"
    );
    let of = async |name: &str| {
        let found = realm
            .events("activity", &format!("&type=logout_token.{name}"))
            .await;
        let is_its = |event: &Value| event["data"]["client"] == failing.id;
        found.into_iter().find(is_its)
    };
    let failed = eventually("the failure is in the log", async || of("failed").await).await;
    assert_eq!(failed["data"]["reason"], "the answer has status 503");
    assert_eq!(
        (&failed["data"]["attempt"], &failed["data"]["given_up"]),
        (&json!(1), &json!(false))
    );
    let delivered = eventually("the delivery is in the log", async || of("delivered").await).await;
    assert_eq!(delivered["data"]["attempt"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_into_the_platforms_own_network() {
    let options = Options::default().with("CHANCERY_OUTBOUND__ALLOW_HTTP", "true");
    let server = Server::start(options);
    let realm = Realm::on(&server).await;
    let Some(receiver) = Receiver::start(&realm) else {
        return;
    };
    let inside = listening(&realm, &receiver, json!({}), 0).await;
    let alice = realm.user().await;
    let tokens = realm.sign_in(&inside, &alice, "openid").await;
    let path = realm.at(&format!("/sessions/{}", claim(tokens.id(), "sid")));
    let _ = realm.api.delete(&path).await.is(200);
    let failed = eventually("it is given up", async || {
        realm.events("activity", "&type=logout_token.failed").await.pop()
    })
    .await;
    assert_eq!(failed["data"]["given_up"], true);
    assert!(
        failed["data"]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("not on the public network")),
        "{failed}"
    );
    assert!(receiver.told(&inside).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_to_be_told_is_told_after_a_restart() {
    let mut server = server();
    let realm = Realm::on(&server).await;
    let Some(receiver) = Receiver::start(&realm) else {
        return;
    };
    let application = listening(&realm, &receiver, json!({}), 1).await;
    let alice = realm.user().await;
    let tokens = realm.sign_in(&application, &alice, "openid").await;
    let path = realm.at(&format!("/sessions/{}", claim(tokens.id(), "sid")));
    let _ = realm.api.delete(&path).await.is(200);
    assert_eq!(receiver.hears(&application, 0).await["status"], 503);
    server.kill();
    let _server = server.restart();
    let taken = receiver.hears(&application, 1).await;
    tells_of(&taken, &tokens);
}
