//! Passkeys over HTTP, with an authenticator in software: registered in a sign-in, used, listed, named and removed; a challenge that a hundred
//! use; and the same passkey before a library that we did not write, PyPI's webauthn (`journeys/passkey_library.py`). Real browsers are in
//! `journeys.rs`.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use chancery_tests::harness::{
    Answer, Application, Arrival, Authorization, Browser, Options, Realm, Server, User, at_once, eventually,
    form_of, passkey_options,
};
use passkeys::testing::Device;
use serde_json::{Value, json};

/// Alice, with a passkey of hers.
struct Cast {
    realm: Realm,
    application: Application,
    alice: User,
    device: Device,
    /// What was asked and answered when the passkey was registered.
    registration: (Value, Value),
}

impl Cast {
    async fn on(server: &Server) -> Self {
        let realm = Realm::on(server).await;
        let (application, alice) = (realm.application("spa").await, realm.user().await);
        let mut device = Device::new(true);
        realm
            .set(json!({ "mfa": { "policy": "required", "methods": ["passkey"] } }))
            .await;
        let mut browser = Browser::new(&realm);
        let request = Authorization::new(&realm, &application, "openid");
        let page = browser.open(&request.url()).await.sign_in_page();
        let page = browser.fill(&page, &alice.username, &alice.password).await.page();
        let options = passkey_options(&page.text);
        let answer = device.create(realm.api.base(), &options);
        let _ = browser
            .answer_passkey(&page, &answer, &[("device_name", "Laptop")])
            .await
            .back();
        let all = json!(["passkey", "totp", "recovery_code"]);
        realm
            .set(json!({ "mfa": { "policy": "optional", "methods": all } }))
            .await;
        Self {
            realm,
            application,
            alice,
            device,
            registration: (options, answer),
        }
    }

    /// A page that asks for any passkey, in a browser of its own.
    async fn asked(&self) -> (Browser, Answer) {
        let mut browser = Browser::new(&self.realm);
        let request = Authorization::new(&self.realm, &self.application, "openid");
        let page = browser.open(&request.url()).await.sign_in_page();
        (browser, page)
    }

    /// What the device answers to a page.
    fn answer(&mut self, page: &Answer) -> Value {
        self.device
            .get(self.realm.api.base(), &passkey_options(&page.text))
    }

    /// Signs in by the passkey alone.
    async fn signs_in(&mut self) -> Arrival {
        let (mut browser, page) = self.asked().await;
        let answer = self.answer(&page);
        browser.answer_passkey(&page, &answer, &[]).await
    }

    fn at(&self, rest: &str) -> String {
        self.realm.at(&format!("/users/{}/passkeys{rest}", self.alice.id))
    }
}

#[tokio::test]
async fn a_passkey_is_listed_named_used_and_removed() {
    let server = Server::at_localhost(Options::default());
    let mut cast = Cast::on(&server).await;
    let listed = cast.realm.api.query(&cast.at("")).await.is(200).items();
    assert_eq!(listed.len(), 1);
    let shown = &listed[0];
    assert_eq!(
        (&shown["name"], &shown["aaguid"]),
        (&json!("Laptop"), &Value::Null)
    );
    assert_eq!(
        (&shown["user_verified"], &shown["backed_up"]),
        (&json!(true), &json!(false))
    );
    let path = cast.at(&format!("/{}", shown["id"].as_str().unwrap()));
    let callback = cast.signs_in().await.back();
    assert!(!callback.code().is_empty());
    eventually("its use is listed", || async {
        let listed = cast.realm.api.query(&cast.at("")).await.is(200).items();
        listed[0]["last_used_at"].is_string().then_some(())
    })
    .await;

    let renamed = cast
        .realm
        .api
        .patch(&path, json!({ "name": "Work" }))
        .await
        .is(200);
    assert_eq!(renamed.json()["events"], json!(["passkey.renamed"]));
    let again = cast
        .realm
        .api
        .patch(&path, json!({ "name": "Work" }))
        .await
        .is(200);
    assert_eq!(again.json()["events"], json!([]));
    for name in ["", " x", "a\u{202e}b"] {
        let refused = cast.realm.api.patch(&path, json!({ "name": name })).await;
        assert!(refused.is(422).faults().contains(r#""field":"name""#), "{name:?}");
    }
    let listed = cast.realm.api.query(&cast.at("")).await.is(200).items();
    assert_eq!(listed[0]["name"], "Work");

    let other = Realm::new(&cast.realm.api).await;
    let elsewhere = path.replace(&cast.realm.name, &other.name);
    let _ = other.api.delete(&elsewhere).await.is_problem(404, "not_found");
    let removed = cast.realm.api.delete(&path).await.is(200);
    assert_eq!(removed.json()["events"], json!(["passkey.removed"]));
    let _ = cast.realm.api.delete(&path).await.is_problem(404, "not_found");
    assert!(
        cast.realm
            .api
            .query(&cast.at(""))
            .await
            .is(200)
            .items()
            .is_empty()
    );
    let refused = cast.signs_in().await.page();
    assert_eq!(refused.status, 401, "{}", refused.text);

    let facts: Vec<_> = cast.realm.events("facts", "").await;
    let told: Vec<_> = facts
        .iter()
        .filter(|event| {
            event["type"]
                .as_str()
                .is_some_and(|name| name.starts_with("passkey."))
        })
        .collect();
    let names: Vec<_> = told.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(
        names,
        [
            "passkey.registered",
            "passkey.used",
            "passkey.renamed",
            "passkey.removed"
        ]
    );
    // With its key went what tells it from others.
    let id = cast.registration.1["id"].as_str().unwrap();
    assert!(
        facts.iter().all(|event| !event.to_string().contains(id)),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_good_once_for_a_hundred_also_across_a_restart() {
    let mut server = Server::at_localhost(Options::default());
    let mut cast = Cast::on(&server).await;
    let (browser, page) = cast.asked().await;
    let answer = cast.answer(&page);
    let (kept_browser, kept_page) = cast.asked().await;
    let kept = cast.answer(&kept_page);
    let signed_in = async |browser: &Browser, page: &Answer, answer: &Value| {
        let (browser, page, answer) = (browser.clone(), page.clone(), answer.clone());
        let arrivals = at_once(100, move |_| {
            let (mut browser, page, answer) = (browser.clone(), page.clone(), answer.clone());
            async move { browser.answer_passkey(&page, &answer, &[]).await }
        })
        .await;
        let (mut back, mut others) = (0, Vec::new());
        for arrival in arrivals {
            match arrival {
                Arrival::Back(_) => back += 1,
                Arrival::Page(page) => others.push(page.status),
            }
        }
        let odd = others
            .iter()
            .find(|status| ![400, 401, 429, 503].contains(*status));
        assert_eq!(odd, None, "{others:?}");
        back
    };
    assert_eq!(signed_in(&browser, &page, &answer).await, 1);
    server.kill();
    let _server = server.restart();
    let lift = cast.realm.at(&format!("/users/{}/guard", cast.alice.id));
    let _ = cast.realm.api.delete(&lift).await.is(200);
    let again = browser.clone().answer_passkey(&page, &answer, &[]).await.page();
    assert!(
        [400, 401].contains(&again.status),
        "{} {}",
        again.status,
        again.text
    );
    assert_eq!(
        signed_in(&kept_browser, &kept_page, &kept).await,
        1,
        "after the restart"
    );
}

#[tokio::test]
async fn nobody_is_told_by_a_passkey_page_who_there_is() {
    let server = Server::at_localhost(Options::default());
    let cast = Cast::on(&server).await;
    let nobody: String = cast.alice.username.chars().rev().collect();
    let mut seen = Vec::new();
    for name in [&cast.alice.username, &nobody] {
        let mut browser = Browser::new(&cast.realm);
        let request = Authorization::new(&cast.realm, &cast.application, "openid").with("state", "the-same");
        let page = browser.open(&request.url()).await.sign_in_page();
        let form = form_of(&page.text);
        let mut fields = form.hidden.clone();
        fields.push(("username".into(), name.clone()));
        fields.push(("use".into(), "passkey".into()));
        let page = browser.post(&form.action, &fields).await.page();
        let options = passkey_options(&page.text);
        assert_eq!(options["publicKey"]["allowCredentials"], json!([]));
        let headers: Vec<_> = page.headers.keys().map(ToString::to_string).collect();
        seen.push((page.status, headers, page.text.len()));
    }
    assert_eq!(seen[0], seen[1]);
}

fn second_opinion(journey: &Value) -> Option<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("journeys");
    let python = folder.join(".venv/bin/python");
    if !python.exists() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "tests/journeys/.venv is missing: run tools/test"
        );
        eprintln!("\n=== SKIPPED: tests/journeys/.venv is missing; tools/test sets it up ===\n");
        return None;
    }
    let output = Command::new(python)
        .arg("passkey_library.py")
        .current_dir(folder)
        .env("JOURNEY", journey.to_string())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("python: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).ok()
}

#[tokio::test]
async fn pypi_webauthn_and_we_agree_on_the_same_passkey() {
    let server = Server::at_localhost(Options::default());
    let mut cast = Cast::on(&server).await;
    let challenge = |options: &Value| options["publicKey"]["challenge"].clone();
    let (mut uses, mut ours) = (Vec::new(), Vec::new());
    let spoils: [fn(&mut Value); 3] = [
        |_| (),
        |answer| {
            let text = answer["response"]["authenticatorData"].as_str().unwrap();
            let other = if text.starts_with('A') { "B" } else { "A" };
            answer["response"]["authenticatorData"] = json!(format!("{other}{}", &text[1..]));
        },
        |_| (),
    ];
    for (number, spoil) in spoils.into_iter().enumerate() {
        let (mut browser, page) = cast.asked().await;
        let mut answer = cast.answer(&page);
        spoil(&mut answer);
        let arrival = browser.answer_passkey(&page, &answer, &[]).await;
        ours.push(matches!(arrival, Arrival::Back(_)));
        // The third is shown to the library as one whose counter had gone further.
        let counter = if number == 2 { 1_000 } else { 0 };
        let options = passkey_options(&page.text);
        uses.push(json!({ "answer": answer, "challenge": challenge(&options), "counter": counter }));
    }
    assert_eq!(ours, [true, false, true]);
    let (options, answer) = &cast.registration;
    let journey = json!({
        "rp_id": "localhost", "origin": cast.realm.api.base(),
        "registration": { "answer": answer, "challenge": challenge(options) },
        "uses": uses,
    });
    let Some(theirs) = second_opinion(&journey) else {
        return;
    };
    assert_eq!(
        (
            &theirs["user_verified"],
            &theirs["device_type"],
            &theirs["counter"]
        ),
        (&json!(true), &json!("single_device"), &json!(0))
    );
    let uses = theirs["uses"].as_array().unwrap();
    assert_eq!(
        (&uses[0]["counter"], &uses[0]["user_verified"]),
        (&json!(1), &json!(true))
    );
    assert!(uses[1]["refused"].is_string(), "{theirs}");
    assert!(uses[2]["refused"].as_str().unwrap().contains("count"), "{theirs}");
}
