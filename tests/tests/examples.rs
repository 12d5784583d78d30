//! The developers' examples (`tools/examples`) as a person meets them: each is started as its first lines say, and Alice goes through it
//! in a browser. They stand on client libraries that we did not write, unmodified: openid-client, oauth4webapi, Authlib and the crate
//! openidconnect. Where one is not installed, this is said loudly; with `CI=true` it fails.
#![expect(clippy::expect_used, reason = "a test")]

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use chancery_tests::harness::{Application, Arrival, Browser, Realm, User, free_port, shared};
use serde_json::{Value, json};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/examples")
}

/// Whether what an example needs is there.
fn there(needed: &Path) -> bool {
    if needed.exists() {
        return true;
    }
    let needed = needed.display();
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{needed} is missing: run tools/test"
    );
    eprintln!("\n=== SKIPPED: {needed} is missing; tools/test sets it up ===\n");
    false
}

/// An example that runs; it ends with the test.
struct Example {
    process: Child,
    base: String,
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Example {
    /// Starts one, and waits until it says where it is.
    fn start(
        mut command: Command,
        realm: &Realm,
        application: &Application,
        port: u16,
        more: &[&str],
    ) -> Self {
        command
            .arg(realm.issuer())
            .arg(&application.client_id)
            .arg(port.to_string())
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .env_remove("HTTP_PROXY")
            .env_remove("http_proxy");
        if let Some(secret) = &application.secret {
            command.env("CLIENT_SECRET", secret);
        }
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut said = BufReader::new(process.stdout.take().expect("its output"));
        let mut line = String::new();
        let _ = said.read_line(&mut line).expect("text");
        // Whatever else it says goes nowhere, and must not fill the pipe.
        std::thread::spawn(move || said.read_to_end(&mut Vec::new()));
        let base = format!("http://127.0.0.1:{port}");
        assert_eq!(line.trim_end(), format!("Open {base}/"), "{command:?}");
        Self { process, base }
    }

    /// Alice opens it, signs in, and is greeted by name; what the page says.
    async fn greets(&self, realm: &Realm, alice: &User) -> String {
        let mut browser = Browser::new(realm);
        let http = browser.http().clone();
        let answer = http.get(&self.base).send().await.expect("an answer");
        assert_eq!(answer.status(), 303, "{}", answer.text().await.expect("text"));
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value.map(|value| value.to_str().expect("text").to_owned())
        };
        let (location, cookie) = (header("location").expect("onward"), header("set-cookie"));

        let page = browser.open(&location).await.sign_in_page();
        let callback = browser.fill(&page, &alice.username, &alice.password).await.back();
        let callback = format!(
            "{}{}?{}",
            self.base,
            callback.url.path(),
            callback.url.query().expect("an answer")
        );
        let mut request = http.get(&callback);
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie.split(';').next().expect("a pair"));
        }
        let answer = request.send().await.expect("an answer");
        let (status, text) = (answer.status(), answer.text().await.expect("text"));
        assert_eq!(status, 200, "{text}");
        assert!(text.contains(&format!("Hello, {}.", alice.username)), "{text}");
        assert!(text.contains(&format!("You are {}.", alice.id)), "{text}");

        // The same answer from another browser, or a second time, is of no use.
        let again = http.get(callback).send().await.expect("an answer");
        assert_ne!(again.status(), 200);
        if let Some((_, sign_out)) = text.split_once("Sign out: ") {
            match browser.open(sign_out.trim()).await {
                Arrival::Back(bye) => assert_eq!(bye.url.as_str(), format!("{}/bye", self.base)),
                Arrival::Page(page) => panic!("{} {}", page.status, page.text),
            }
            assert!(
                matches!(browser.open(&location).await, Arrival::Page(_)),
                "signed out"
            );
        }
        text
    }
}

/// A realm, an application for an example at a port, and Alice.
async fn scene(kind: &str, settings: Value) -> (Realm, Application, User, u16) {
    let realm = Realm::on(&shared()).await;
    let port = free_port();
    let mut all = json!({
        "redirect_uris": [format!("http://127.0.0.1:{port}/callback")],
        "post_logout_redirect_uris": [format!("http://127.0.0.1:{port}/bye")],
    });
    let more = settings.as_object().expect("an object").clone();
    all.as_object_mut().expect("an object").extend(more);
    let application = realm.application_with(kind, all).await;
    let alice = realm.user().await;
    (realm, application, alice, port)
}

/// The example signs people in, without a secret and with one.
async fn signs_in(command: impl Fn() -> Command) {
    for (kind, algorithm) in [("native", "ES256"), ("web", "RS256")] {
        let settings = json!({"id_token_signed_response_alg": algorithm});
        let (realm, application, alice, port) = scene(kind, settings).await;
        let example = Example::start(command(), &realm, &application, port, &[]);
        let said = example.greets(&realm, &alice).await;
        assert!(said.contains("Sign out: "), "{said}");
    }
}

fn node(script: &str) -> Option<Command> {
    let folder = examples().join("javascript");
    there(&folder.join("node_modules")).then(|| {
        let mut command = Command::new("node");
        command.current_dir(folder).arg(script);
        command
    })
}

#[tokio::test]
async fn with_openid_client() {
    if node("sign_in.mjs").is_some() {
        signs_in(|| node("sign_in.mjs").expect("it was there just now")).await;
    }
}

#[tokio::test]
async fn with_authlib() {
    let python = examples().join("python/.venv/bin/python");
    if there(&python) {
        signs_in(|| {
            let mut command = Command::new(&python);
            command.current_dir(examples().join("python")).arg("sign_in.py");
            command
        })
        .await;
    }
}

#[tokio::test]
async fn with_the_crate_openidconnect() {
    let built = std::env::var_os("TEST_EXAMPLE")
        .map_or_else(|| examples().join("rust/target/debug/sign-in"), PathBuf::from);
    if there(&built) {
        signs_in(|| Command::new(&built)).await;
    }
}

/// FAPI 2.0: a key instead of a secret, pushed requests, tokens that are bound to a key.
async fn signs_in_under_fapi(script: &str) {
    let Some(mut keys) = node("keys.mjs") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key.json");
    let printed = keys.arg(&key).output().expect("node").stdout;
    let jwks: Value = serde_json::from_slice(&printed).expect("a key set");
    // We stand where the application's TLS proxy would.
    let base = "https://app.example.test";
    let settings = json!({
        "redirect_uris": [format!("{base}/callback")],
        "post_logout_redirect_uris": [],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": jwks,
        "security_profile": "fapi2",
    });
    let (realm, application, alice, port) = scene("web", settings).await;
    let key = key.to_str().expect("text");
    let example = Example::start(
        node(script).expect("node"),
        &realm,
        &application,
        port,
        &[key, base],
    );
    let said = example.greets(&realm, &alice).await;
    assert!(said.contains("Token type: dpop"), "{said}");
}

#[tokio::test]
async fn under_fapi_with_openid_client() {
    signs_in_under_fapi("fapi.mjs").await;
}

#[tokio::test]
async fn under_fapi_with_oauth4webapi() {
    signs_in_under_fapi("fapi_oauth4webapi.mjs").await;
}
