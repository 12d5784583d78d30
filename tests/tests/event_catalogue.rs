//! The catalogue of events held against what happens: every event is of the shape and of the subject that the catalogue tells, and was
//! caused by an operation that names it. And the AsyncAPI document before a parser that we did not write.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::{Command, Stdio},
};

use chancery_tests::harness::{Answer, Api, Browser, Method, Realm, carried, eventually, password, shared};
use serde_json::{Value, json};

async fn catalogue(api: &Api) -> BTreeMap<String, Value> {
    let rows = Answer::to(api.request(Method::GET, "/openapi/events.json")).await;
    let rows = rows.is(200).json().as_array().cloned().unwrap_or_default();
    let named = |row: Value| (row["name"].as_str().unwrap_or_default().to_owned(), row);
    rows.into_iter().map(named).collect()
}

/// Whether a path is one that a template names, parameter by parameter.
fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template
            .zip(path)
            .all(|(part, found)| part.starts_with('{') || part == found)
}

/// Much of what can happen in a realm, by as many operations.
async fn live_through(realm: &Realm) {
    let api = &realm.api;
    let act = async |path: String| drop(api.act(&realm.at(&path)).await.is(200));
    let _ = api
        .patch(&realm.at(""), json!({"display_name": "Renamed"}))
        .await
        .is(200);
    realm.set(json!({"tokens": {"access_token_seconds": 300}})).await;
    let _ = api
        .post(&realm.at("/signing-keys"), json!({"algorithm": "ES256"}))
        .await;
    let (alice, bob) = (realm.user().await, realm.user().await);
    let user = format!("/users/{}", alice.id);
    let _ = api
        .patch(&realm.at(&user), json!({"given_name": "Alice"}))
        .await
        .is(200);
    for verb in ["lock", "unlock", "disable", "enable"] {
        act(format!("/users/{}/{verb}", bob.id)).await;
    }
    let role = realm.at(&format!("{user}/roles/auditor"));
    let _ = api.put(&role, Value::Null).await.is(200);
    let _ = api.delete(&role).await.is(200);

    let web = realm.application("web").await;
    let path = format!("/applications/{}", web.id);
    let _ = api.patch(&realm.at(&path), json!({"name": "Shop"})).await.is(200);
    let secrets = realm.at(&format!("{path}/secrets"));
    let secret = api.post(&secrets, json!({})).await.is(201).field("secret_id");
    let _ = api.delete(&format!("{secrets}/{secret}")).await.is(200);
    let service = realm.application("service").await;
    let _ = realm.own_token(&service).await.is(200);
    let mut stranger = service.clone();
    stranger.secret = Some("another".to_owned());
    assert_ne!(realm.own_token(&stranger).await.status, 200);
    for verb in ["disable", "enable"] {
        act(format!("/applications/{}/{verb}", service.id)).await;
    }
    let initial = api.post(&realm.at("/initial-access-tokens"), Value::Null).await;
    let initial = realm.at(&format!("/initial-access-tokens/{}", initial.is(201).field("id")));
    let _ = api.delete(&initial).await.is(200);

    let tokens = realm.sign_in(&web, &alice, "openid offline_access").await;
    let refreshed = realm.refresh(&web, tokens.refresh()).await.is(200);
    let access = refreshed.field("access_token");
    let _ = realm.ask("revoke", &web, &[("token", &access)]).await.is(200);
    let _ = realm
        .refresh(&web, tokens.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
    assert!(!realm.lets_in(&web, &bob.username, "not the password").await);
    let guard = realm.at(&format!("/users/{}/guard", bob.id));
    let _ = api.delete(&guard).await.is(200);
    let mut browser = Browser::new(realm);
    for _ in 0..2 {
        realm.sign_in_with(&mut browser, &web, &bob, "openid").await;
        browser.forget();
    }
    let sessions = realm.at(&format!("/users/{}/sessions", bob.id));
    let session = eventually("the sessions are listed", || async {
        let found = api.query(&sessions).await.is(200).ids();
        found.first().cloned()
    });
    let session = session.await;
    let _ = api
        .delete(&realm.at(&format!("/sessions/{session}")))
        .await
        .is(200);
    let _ = api.delete(&sessions).await.is(200);
    let set = json!({"password": password()});
    let _ = api.put(&realm.at(&format!("{user}/password")), set).await.is(200);
}

#[tokio::test]
async fn events_are_as_the_catalogue_tells_and_caused_by_what_it_names() {
    let realm = Realm::on(&shared()).await;
    live_through(&realm).await;
    let catalogue = catalogue(&realm.api).await;
    let mut seen = BTreeSet::new();
    let mut traced = 0;
    let (facts, activity) = (
        realm.events("facts", "").await,
        realm.events("activity", "").await,
    );
    for event in facts.iter().chain(&activity) {
        let name = event["type"].as_str().unwrap_or_default();
        let row = catalogue.get(name).unwrap_or_else(|| panic!("no row of {name}"));
        seen.insert(name);
        assert_eq!(event["stream"]["lane"], row["lane"], "{name}");
        assert_eq!(event["schema_version"], row["version"], "{name}");
        assert_eq!(event["subject"]["kind"], row["subject"], "{name}");
        let validator =
            jsonschema::draft202012::new(&row["schema"]).unwrap_or_else(|error| panic!("{name}: {error}"));
        if let Err(error) = validator.validate(&event["data"]) {
            panic!("{name}: {error}: {}", event["data"]);
        }
        let Some((method, path)) = event["actor"]["request"].as_str().and_then(carried) else {
            continue;
        };
        traced += 1;
        let commands = row["commands"].as_array().cloned().unwrap_or_default();
        let named = commands.iter().any(|command| {
            command["method"] == method && fits(command["path"].as_str().unwrap_or_default(), &path)
        });
        assert!(
            named,
            "{name} came of {method} {path}, which does not name it: {commands:?}"
        );
    }
    assert!(seen.len() > 25, "{} kinds of events: {seen:?}", seen.len());
    assert!(traced > 50, "{traced} events were traced to their operations");
}

#[tokio::test]
async fn every_event_has_a_page_of_its_own() {
    let realm = Realm::on(&shared()).await;
    let nobody = Api::anonymous(&shared());
    for name in catalogue(&realm.api).await.keys() {
        let page = Answer::to(nobody.request(Method::GET, &format!("/docs/events/{name}"))).await;
        let page = page.is(200);
        assert!(
            page.text.contains("Caused by") && page.text.contains(name),
            "{name}"
        );
    }
    let page = Answer::to(nobody.request(Method::GET, "/docs/events/user.invented")).await;
    let _ = page.is(404);
    let hostile = Answer::to(nobody.request(Method::GET, "/docs/events/%3Cscript%3E")).await;
    assert!(!hostile.is(404).text.contains("<script>"));
}

#[tokio::test]
async fn the_parser_of_asyncapi_takes_our_document() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("journeys");
    if !folder.join("node_modules/@asyncapi/parser").is_dir() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "tests/journeys/node_modules is missing: run tools/test"
        );
        eprintln!("\n=== SKIPPED: @asyncapi/parser is missing; tools/test sets it up ===\n");
        return;
    }
    let realm = Realm::on(&shared()).await;
    let url = format!("{}/openapi/asyncapi.json", realm.api.base());
    let output = Command::new("node")
        .arg("asyncapi.mjs")
        .current_dir(folder)
        .env("JOURNEY", json!({ "url": url }).to_string())
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("node: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let parsed: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(parsed["version"], "3.0.0");
    let rows = catalogue(&realm.api).await;
    let messages = |channel: &str| parsed["channels"][channel].as_array().map_or(0, Vec::len);
    assert_eq!(messages("identity.audit.v1"), rows.len());
    assert_eq!(messages("stream"), rows.len());
    for row in rows.values() {
        for topic in row["topics"].as_array().into_iter().flatten() {
            let of_topic = &parsed["channels"][topic.as_str().unwrap_or_default()];
            let names = of_topic.as_array().cloned().unwrap_or_default();
            assert!(names.contains(&row["name"]), "{topic}: {}", row["name"]);
        }
    }
}
