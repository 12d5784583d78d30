//! A provider that is independent of us: npm oidc-provider, and Chromium as the browser (`journeys/federation.mjs`). Where they are not
//! installed, this is said loudly; with `CI=true` it fails.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use chancery_tests::harness::{Realm, free_port};
use serde_json::json;

use super::{identities, register, server};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("journeys")
}

/// The browser, if all that is needed is there.
fn chromium() -> Option<String> {
    let browser = std::env::var("TEST_CHROMIUM")
        .ok()
        .filter(|path| !path.is_empty());
    let found = browser.filter(|_| folder().join("node_modules").join("oidc-provider").is_dir());
    if found.is_none() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "Chromium or tests/journeys/node_modules is missing: run tools/test"
        );
        eprintln!(
            "\n=== SKIPPED: Chromium or tests/journeys/node_modules is missing; tools/test sets them up ===\n"
        );
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_a_provider_that_we_did_not_write() {
    let Some(chromium) = chromium() else { return };
    let server = server();
    let realm = Realm::on(&server).await;
    let issuer = format!("http://127.0.0.1:{}", free_port());
    let secret = "a secret: with + & / and more";
    let settings = json!({ "display_name": "Secret", "client_id": "by-secret", "client_secret": secret });
    let first = register(&realm, "secret", &issuer, settings).await;
    let keyed =
        json!({ "display_name": "Key", "client_id": "by-key", "client_authentication": "private_key_jwt" });
    let _ = register(&realm, "key", &issuer, keyed).await;
    let user = realm.user().await;
    let back = |alias: &str| format!("{}/identity-providers/{alias}/callback", realm.issuer());
    let journey = json!({
        "chromium": chromium, "base": server.base, "issuer": realm.issuer(), "provider": issuer,
        "username": user.username, "password": user.password,
        "pictures": std::env::var("TEST_PICTURES").ok(),
        "clients": [
            { "client_id": "by-secret", "client_secret": secret, "redirect_uris": [back("secret")],
              "token_endpoint_auth_method": "client_secret_basic" },
            { "client_id": "by-key", "jwks_uri": realm.endpoint("jwks"), "redirect_uris": [back("key")],
              "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256" },
        ],
    });
    let output = tokio::task::spawn_blocking(move || {
        Command::new("node")
            .arg("federation.mjs")
            .current_dir(folder())
            .env("JOURNEY", journey.to_string())
            .env_remove("HTTP_PROXY")
            .env_remove("http_proxy")
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("node: {error}"))
    })
    .await
    .unwrap_or_else(|error| panic!("{error}"));
    let said = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success() && said.contains("arrived"), "{said}");
    let theirs = identities(&realm, &user.id).await;
    assert_eq!(
        (&theirs[0]["subject"], &theirs[0]["provider"]),
        (&json!("otto"), &json!(first))
    );
    assert_eq!(theirs.len(), 1);
}
