//! Sign-ins by programs that we did not write: headless Chromium (`journeys/browser.mjs`, `journeys/sessions.mjs`, `journeys/account.mjs`) and the npm library
//! openid-client (`journeys/openid_client.mjs`). Where they are not installed, this is said loudly; with `CI=true` it fails.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use chancery_tests::harness::{MailServer, Options, Realm, Server, Stores, free_port, shared};
use serde_json::{Value, json};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("journeys")
}

/// Skips, or fails where all must be there.
fn missing(what: &str) {
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{what} is missing: run tools/test"
    );
    eprintln!("\n=== SKIPPED: {what} is missing; tools/test sets it up ===\n");
}

fn has_node() -> bool {
    let node = Command::new("node")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !node.is_ok_and(|status| status.success()) {
        missing("Node.js");
        return false;
    }
    if !folder().join("node_modules").join("openid-client").is_dir() {
        missing("tests/journeys/node_modules");
        return false;
    }
    true
}

fn chromium() -> Option<String> {
    let named = std::env::var("TEST_CHROMIUM")
        .ok()
        .filter(|path| !path.is_empty());
    let found = named.or_else(|| {
        [
            "/usr/bin/chromium",
            "/usr/bin/chromium-browser",
            "/usr/bin/google-chrome",
        ]
        .into_iter()
        .find(|path| PathBuf::from(path).exists())
        .map(str::to_owned)
    });
    if found.is_none() {
        missing("Chromium");
    }
    found
}

/// Runs a script; what it needs to know is in `JOURNEY`, as JSON.
fn travel(script: &str, journey: &serde_json::Value) {
    let output = Command::new("node")
        .arg(script)
        .current_dir(folder())
        .env("JOURNEY", journey.to_string())
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("node: {error}"));
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{script} ended with {}\n{out}\n{err}",
        output.status
    );
    assert!(out.contains("arrived"), "{script} did not arrive\n{out}\n{err}");
}

#[test]
fn a_browser_signs_in_to_the_demo_with_and_without_script() {
    // Slow, and a browser sees nothing of the engine.
    if scratch::engine() != scratch::Engine::Sqlite {
        return;
    }
    let (true, Some(chromium)) = (has_node(), chromium()) else {
        return;
    };
    let server = Server::start(Options {
        demo: true,
        ..Options::default()
    });
    let said = server.said();
    let password = said
        .lines()
        .find_map(|line| line.split_once("as alice, password "))
        .map(|(_, rest)| rest.trim());
    let password = password.unwrap_or_else(|| panic!("no password in {said}"));
    travel(
        "browser.mjs",
        &json!({"chromium": chromium, "base": server.base, "password": password}),
    );
}

/// Behind a proxy, at names of three sites: what browsers do to frames of other sites, they do to these.
#[tokio::test(flavor = "multi_thread")]
async fn applications_of_other_sites_notice_and_hear_in_a_browser_that_the_session_ends() {
    if scratch::engine() != scratch::Engine::Sqlite {
        return;
    }
    let (true, Some(chromium)) = (has_node(), chromium()) else {
        return;
    };
    let (own, theirs) = (free_port(), free_port());
    let public = format!("https://id.chancery.test:{own}");
    // On files: outside loopback, databases need two servers.
    let server = Server::start(
        Options::default()
            .on(&Stores::Files)
            .with("CHANCERY_PUBLIC_URL", &public)
            .with("CHANCERY_MASTER_KEY", &"a1b2c3d4".repeat(8)),
    );
    let realm = Realm::on(&server).await;
    let alice = realm.user().await;
    let mut applications = json!({});
    for (name, told) in [("shop", true), ("news", false)] {
        let origin = format!("https://{name}.test:{theirs}");
        let settings = json!({
            "name": format!("The {name}"),
            "redirect_uris": [format!("{origin}/callback")],
            "post_logout_redirect_uris": [format!("{origin}/bye")],
            "frontchannel_logout_uri": format!("{origin}/out"),
            "frontchannel_logout_session_required": told,
        });
        let application = realm.application_with("spa", settings).await;
        applications[name] =
            json!({ "client_id": application.client_id, "redirect_uri": format!("{origin}/callback") });
    }
    let pair =
        rcgen::generate_simple_self_signed(["id.chancery.test", "shop.test", "news.test"].map(str::to_owned));
    let pair = pair.unwrap_or_else(|error| panic!("{error}"));
    let journey = json!({
        "chromium": chromium,
        "base": server.base,
        "issuer": format!("{public}/realms/{}", realm.name),
        "applications": applications,
        "certificate": pair.cert.pem(),
        "key": pair.signing_key.serialize_pem(),
        "username": alice.username,
        "password": alice.password,
    });
    tokio::task::spawn_blocking(move || travel("sessions.mjs", &journey))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_registers_a_passkey_and_signs_in_with_it_in_every_way() {
    let (true, Some(chromium)) = (has_node(), chromium()) else {
        return;
    };
    let server = Server::at_localhost(Options::default());
    let realm = Realm::on(&server).await;
    let (alice, elsewhere) = (realm.user().await, Realm::new(&realm.api).await);
    let journey = json!({
        "chromium": chromium,
        "base": realm.api.base(),
        "token": realm.api.token(),
        "realm": realm.name,
        "issuer": realm.issuer(),
        "elsewhere": elsewhere.issuer(),
        "user": alice.id,
        "username": alice.username,
        "password": alice.password,
    });
    tokio::task::spawn_blocking(move || travel("passkeys.mjs", &journey))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hosted_page_can_be_used_by_everybody_in_every_language() {
    // Slow, and a browser sees nothing of the engine.
    if scratch::engine() != scratch::Engine::Sqlite {
        return;
    }
    let (true, Some(chromium)) = (has_node(), chromium()) else {
        return;
    };
    let Some(mail) = MailServer::start() else { return };
    let texts = free_port();
    let options = Options::default()
        .with("CHANCERY_SMTP__URL", &mail.url())
        .with("CHANCERY_SMTP__FROM", "no-reply@acme.example")
        .with("CHANCERY_SMS__URL", &format!("http://127.0.0.1:{texts}"))
        .with("CHANCERY_SMS__ACCOUNT", "AC0123456789abcdef0123456789abcdef")
        .with("CHANCERY_SMS__SECRET", "hunter2")
        .with("CHANCERY_SMS__FROM", "Acme");
    let server = Server::at_localhost(options);
    let realm = Realm::on(&server).await;
    let consenting = json!({
        "name": "Reading Room",
        "consent_required": true,
        "client_uri": "https://app.example/",
        "policy_uri": "https://app.example/privacy",
        "tos_uri": "https://app.example/terms",
    });
    let application = realm.application_with("spa", consenting).await;
    let television = json!({"name": "Television", "redirect_uris": [], "post_logout_redirect_uris": []});
    let device = realm.application_with("device", television).await;
    let [mut people, mut readers, mut callers] = [(); 3].map(|()| serde_json::Map::new());
    for (tag, phone) in [
        ("en", "+41790000001"),
        ("de", "+41790000002"),
        ("zh-Hans", "+41790000003"),
    ] {
        let person = realm.user().await;
        let told = json!({ "id": person.id, "username": person.username, "password": person.password });
        people.insert(tag.to_owned(), told);
        let reader = realm
            .user_with(json!({ "locale": tag, "email_verified": true }))
            .await;
        let told = json!({ "username": reader.username, "email": reader.email });
        readers.insert(tag.to_owned(), told);
        let caller = realm.user_with(json!({ "phone": phone })).await;
        let told = json!({ "username": caller.username, "password": caller.password, "phone": phone });
        callers.insert(tag.to_owned(), told);
    }
    let journey = json!({
        "chromium": chromium,
        "base": realm.api.base(),
        "token": realm.api.token(),
        "realm": realm.name,
        "issuer": realm.issuer(),
        "application": { "client_id": application.client_id, "redirect_uri": application.redirect_uri },
        "device": { "client_id": device.client_id },
        "username": people["en"]["username"],
        "password": people["en"]["password"],
        "people": people,
        "readers": readers,
        "callers": callers,
        "texts": texts,
        "letters": mail.hand_out(),
    });
    tokio::task::spawn_blocking(move || travel("pages.mjs", &journey))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_looks_after_their_account_in_a_browser() {
    // A browser sees nothing of the engine.
    if scratch::engine() != scratch::Engine::Sqlite {
        return;
    }
    let (true, Some(chromium)) = (has_node(), chromium()) else {
        return;
    };
    let server = Server::at_localhost(Options::default());
    let realm = Realm::on(&server).await;
    let alice = realm.user().await;
    let journey = json!({
        "chromium": chromium,
        "issuer": realm.issuer(),
        "username": alice.username,
        "password": alice.password,
        "phone": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    });
    tokio::task::spawn_blocking(move || travel("account.mjs", &journey))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn a_client_library_that_we_did_not_write_signs_in() {
    if !has_node() {
        return;
    }
    let realm = Realm::on(&shared()).await;
    let alice = realm
        .user_with(json!({"given_name": "Alice", "family_name": "Liddell"}))
        .await;
    let resource = realm.application("service").await;
    for (kind, algorithm) in [("web", "RS256"), ("spa", "ES256"), ("native", "EdDSA")] {
        let onward = "https://app.example.test/bye";
        let settings =
            json!({"id_token_signed_response_alg": algorithm, "post_logout_redirect_uris": [onward]});
        let application = realm.application_with(kind, settings).await;
        let journey = json!({
            "issuer": realm.issuer(),
            "client_id": application.client_id,
            "client_secret": application.secret,
            "redirect_uri": application.redirect_uri,
            "post_logout_redirect_uri": onward,
            "algorithm": algorithm,
            "resource_id": resource.client_id,
            "resource_secret": resource.secret,
            "sub": alice.id,
            "username": alice.username,
            "password": alice.password,
        });
        tokio::task::spawn_blocking(move || travel("openid_client.mjs", &journey))
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

/// A library that registers so many applications in a realm with these settings, and has alice sign in to them.
async fn registers(script: &'static str, settings: Value, uses: u32) {
    if !has_node() {
        return;
    }
    let realm = Realm::on(&shared()).await;
    let mut oauth = json!({ "dynamic_registration": "token" });
    if let (Some(oauth), Value::Object(more)) = (oauth.as_object_mut(), settings) {
        oauth.extend(more);
    }
    realm.set(json!({ "oauth": oauth })).await;
    let alice = realm.user().await;
    let uses = json!({ "uses": uses });
    let made = realm
        .api
        .post(&realm.at("/initial-access-tokens"), uses)
        .await
        .is(201);
    let journey = json!({
        "issuer": realm.issuer(),
        "initial_access_token": made.field("initial_access_token"),
        "redirect_uri": "https://client.example.test/cb",
        "sub": alice.id,
        "username": alice.username,
        "password": alice.password,
    });
    tokio::task::spawn_blocking(move || travel(script, &journey))
        .await
        .unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_library_registers_an_application_by_itself() {
    registers("registration.mjs", json!({}), 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_library_registers_an_application_in_a_realm_that_keeps_fapi() {
    let settings = json!({ "security_profile": "fapi2", "dpop_nonce": true });
    registers("registration_fapi.mjs", settings, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_library_is_answered_in_what_is_signed_and_encrypted_alone() {
    registers("encrypted.mjs", json!({}), 2).await;
}
