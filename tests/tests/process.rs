//! The process: its configuration, its first start, its subcommands, what operators and the world see of it.
//! The rule: what is not understood or not safe is refused before anything is made.

use chancery_tests::harness::{
    Answer, Api, Arrival, Authorization, Browser, CLIENT_ID, CLIENT_SECRET, Options, Realm, Server, Stores,
    at_address, at_once, run,
};
use serde_json::{Value, json};
use tempfile::TempDir;

#[tokio::test]
async fn the_configuration_in_force_is_shown_with_its_secrets_masked() {
    let folder = TempDir::new().expect("a folder");
    let secrets = [
        "an-administrators-secret-1",
        "a-clients-secret-of-32-characters",
        &"c3d4e5f6".repeat(8),
    ];
    let output = run(
        &["config", "check"],
        folder.path(),
        &[
            ("CHANCERY_BOOTSTRAP__ADMIN_PASSWORD", secrets[0]),
            ("CHANCERY_BOOTSTRAP__CLIENT_ID", "automation"),
            ("CHANCERY_BOOTSTRAP__CLIENT_SECRET", secrets[1]),
            ("CHANCERY_MASTER_KEY", secrets[2]),
            ("CHANCERY_PASSWORDS__QUEUE", "7"),
        ],
    );
    let shown = output.succeeds();
    assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
    let config: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(
        (&config["bootstrap"]["client_id"], &config["passwords"]["queue"]),
        (&json!("automation"), &json!(7))
    );
    assert_eq!(config["data"], json!(folder.path()));
    assert!(
        std::fs::read_dir(folder.path())
            .expect("a folder")
            .next()
            .is_none(),
        "checking makes nothing"
    );
}

#[tokio::test]
async fn what_is_not_understood_or_not_safe_is_refused_before_anything_is_made() {
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let file = folder.path().join("chancery.toml");
    std::fs::write(&file, "[log]\nuri = \"sqlite:x\"\n").expect("written");
    let file = file.to_string_lossy();
    run(&["config", "check"], &data, &[("CHANCERY_LGO__URL", "x")]).fails("lgo");
    run(&["config", "check", "--config", &*file], &data, &[]).fails("uri");
    run(&["config", "check", "--config", "/nowhere.toml"], &data, &[]).fails("nowhere.toml");
    run(&["serve", "--listen", "0.0.0.0:0"], &data, &[]).fails("master_key");
    run(&["serve", "--public-url", "http://id.example"], &data, &[]).fails("https");
    run(&["serve"], &data, &[("CHANCERY_LOG__URL", "mysql://x")]).fails("log.url");
    run(&["serve"], &data, &[("CHANCERY_BOOTSTRAP__CLIENT_ID", "half")]).fails("client_secret");
    run(&["serve", "--listen", "nonsense"], &data, &[]).fails("nonsense");
    run(&["rule"], &data, &[]).fails("rule");
    assert!(!data.exists(), "nothing was made");
}

#[tokio::test]
async fn the_passwords_of_databases_are_masked_and_unsafe_places_refused() {
    let folder = TempDir::new().expect("a folder");
    let address = "postgres://chancery:hunter2@127.0.0.1:1/chancery";
    let variables = at_address(address);
    let with = |arguments: &[&str], more: &[(&str, &str)]| {
        let stores = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let ran = run(
            arguments,
            folder.path(),
            &stores.chain(more.iter().copied()).collect::<Vec<_>>(),
        );
        assert!(!ran.said.contains("hunter2"), "{}", ran.said);
        ran
    };
    let shown = with(&["config", "check"], &[]).succeeds();
    assert!(
        shown.contains("chancery:********@127.0.0.1:1/chancery"),
        "{shown}"
    );
    for command in ["serve", "migrate", "verify", "rebuild"] {
        with(&[command], &[]).fails("unavailable");
    }
    let open = [
        ("CHANCERY_LISTEN", "0.0.0.0:0"),
        ("CHANCERY_PUBLIC_URL", "https://id.example"),
        ("CHANCERY_MASTER_KEY", &"a1b2c3d4".repeat(8)),
    ];
    with(&["serve"], &open).fails("keys.url");
    with(&["serve", "--role", "query"], &[]).fails("public_url");
    run(&["serve", "--role", "query"], folder.path(), &[]).fails("roles");
    with(&["serve"], &[("CHANCERY_KEYS__URL", "sqlite:keys")]).fails("keys.url");
}

#[tokio::test]
async fn a_folder_is_prepared_by_migrate_and_checked_by_verify() {
    let folder = TempDir::new().expect("a folder");
    let (data, stores) = (folder.path().join("data"), Stores::default());
    assert!(
        !stores.run(&["verify"], &data, &[]).status.success(),
        "there is nothing to verify"
    );
    for _ in 0..2 {
        let said = stores.run(&["migrate"], &data, &[]).succeeds();
        assert!(said.contains("this version"), "{said}");
    }
    stores.run(&["verify"], &data, &[]).succeeds();
    let _ = Api::admin(&Server::start(Options::default().at(&data).on(&stores))).await;
}

#[tokio::test]
async fn the_first_start_makes_an_administrator_once() {
    let folder = TempDir::new().expect("a folder");
    let mut server = Server::start(Options::default().at(folder.path()));
    assert!(
        !server.said().contains("shown this once"),
        "a password that was given is not printed"
    );
    let admin = Api::admin(&server).await;
    let listed = admin
        .query("/realms/system/users?username=admin")
        .await
        .is(200)
        .items();
    assert_eq!(listed.len(), 1);
    let events = admin
        .query("/realms/system/events?lane=facts&limit=500")
        .await
        .is(200)
        .items()
        .len();
    server.stop();
    let server = server.restart();
    let admin = Api::admin(&server).await;
    let after = admin
        .query("/realms/system/events?lane=facts&limit=500")
        .await
        .is(200)
        .items()
        .len();
    assert_eq!(events, after, "a restart makes nothing");
}

#[tokio::test]
async fn a_bootstrap_secret_that_is_not_the_one_in_the_log_is_taken_and_warned_of() {
    let (folder, stores) = (TempDir::new().expect("a folder"), Stores::default());
    let options = Options::default().at(folder.path()).on(&stores);
    let warning = "the configured secret is none of those";
    let other = "another-secret-of-the-tests-9b1deb4d3b7d4bad";
    let changed = options.clone().with("CHANCERY_BOOTSTRAP__CLIENT_SECRET", other);
    for (options, warns) in [
        (options.clone(), false),
        (options, false),
        (changed.clone(), true),
        (changed, false),
    ] {
        let mut server = Server::start(options);
        let said = server.said();
        assert_eq!(said.contains(warning), warns, "{said}");
        assert!(!said.contains(other) && !said.contains(CLIENT_SECRET), "{said}");
        if warns {
            let line = said.lines().find(|line| line.contains(warning)).expect("a line");
            assert!(line.contains("WARN") && line.contains(CLIENT_ID), "{line}");
            let http = Api::admin(&server).await.http().clone();
            let asked = http
                .post(format!("{}/realms/system/oauth2/token", server.base))
                .basic_auth(CLIENT_ID, Some(other))
                .form(&[("grant_type", "client_credentials")]);
            let _ = Answer::to(asked).await.is(200);
        }
        server.stop();
    }
}

#[tokio::test]
async fn operators_see_health_and_metrics_and_the_public_does_not() {
    let server = Server::start(Options::default());
    let api = Api::admin(&server).await;
    let get = async |base: &str, path: &str| Answer::to(api.http().get(format!("{base}{path}"))).await;
    for path in ["/health/live", "/health/started", "/health/ready"] {
        let _ = get(&server.management, path).await.is(200);
    }
    assert_eq!(
        get(&server.management, "/health/ready").await.json()["status"],
        "ready"
    );
    let metrics = get(&server.management, "/metrics").await.is(200).text;
    assert!(
        metrics.contains("chancery_http_requests_total")
            && metrics.contains("route=\"/realms/{realm}/oauth2/token\""),
        "{metrics}"
    );
    for path in ["/metrics", "/health/ready", "/rebuild"] {
        assert_eq!(
            get(&server.base, path).await.status,
            404,
            "{path} is not for the public"
        );
    }
}

#[tokio::test]
async fn behind_an_https_address_everything_is_named_by_it_and_cookies_are_secure() {
    // On files: outside loopback, databases need two servers.
    let server = Server::start(
        Options::default()
            .on(&Stores::Files)
            .with("CHANCERY_PUBLIC_URL", "https://id.example.test")
            .with("CHANCERY_MASTER_KEY", &"a1b2c3d4".repeat(8)),
    );
    let realm = Realm::on(&server).await;
    let get = async |path: String| {
        let request = realm.api.http().get(format!("{}{path}", server.base));
        // Whatever a client calls the server: its own name is the one that was configured.
        let request = request
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example");
        Answer::to(request).await
    };
    let issuer = format!("https://id.example.test/realms/{}", realm.name);
    let document = get(realm.at("/.well-known/openid-configuration")).await.is(200);
    assert_eq!(document.json()["issuer"], issuer.as_str());
    assert_eq!(
        document.json()["token_endpoint"],
        format!("{issuer}/oauth2/token")
    );
    assert!(
        !document.text.contains("evil.example") && !document.text.contains("127.0.0.1"),
        "{}",
        document.text
    );
    let page = get(realm.at("/sign-in")).await.is(200);
    let cookie = page.header("set-cookie").expect("a cookie");
    assert!(
        cookie.starts_with("__Host-") && cookie.contains("; Secure") && cookie.contains("; Path=/"),
        "{cookie}"
    );
    assert!(
        page.header("strict-transport-security")
            .is_some_and(|policy| policy.contains("max-age="))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_sign_ins_than_there_is_room_for_are_refused_at_once_and_the_rest_succeed() {
    let options = Options::default()
        .with("CHANCERY_PASSWORDS__WORKERS", "1")
        .with("CHANCERY_PASSWORDS__QUEUE", "1");
    let server = Server::start(options);
    let realm = Realm::on(&server).await;
    let (application, alice) = (realm.application("spa").await, realm.user().await);
    let attempts = at_once(24, |_| {
        let (realm, application, alice) = (realm.clone(), application.clone(), alice.clone());
        async move {
            let mut browser = Browser::new(&realm);
            let request = Authorization::new(&realm, &application, "openid");
            let page = browser.open(&request.url()).await.sign_in_page();
            match browser.fill(&page, &alice.username, &alice.password).await {
                Arrival::Back(_) => true,
                Arrival::Page(page) => {
                    let page = page.is(503);
                    assert!(
                        page.header("retry-after")
                            .is_some_and(|seconds| seconds.parse::<u64>().is_ok())
                    );
                    assert!(page.text.contains("We are busy"), "{}", page.text);
                    false
                }
            }
        }
    });
    let attempts = attempts.await;
    let succeeded = attempts.iter().filter(|succeeded| **succeeded).count();
    assert!((1..24).contains(&succeeded), "{succeeded} of 24 signed in");
    let _ = realm.sign_in(&application, &alice, "openid").await;
}
