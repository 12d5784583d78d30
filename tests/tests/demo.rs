//! `serve --demo`: what a newcomer is told, and that it is so.

use chancery_tests::harness::{
    Answer, Api, Application, Authorization, Browser, Method, Options, Realm, Server, User, eventually,
};
use serde_json::json;

/// What the terminal and `config.json` say.
async fn told(server: &Server) -> (Realm, Application, User) {
    let said = server.said();
    let line = said
        .lines()
        .find(|line| line.contains("alice"))
        .unwrap_or_else(|| panic!("no line for alice in {said}"));
    assert!(line.contains(&format!("{}/demo/", server.base)), "{line}");
    let password = line
        .split("password ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next());
    let password = password
        .unwrap_or_else(|| panic!("no password in {line}"))
        .to_owned();
    let api = Api::admin(server).await;
    let config = Answer::to(api.http().get(format!("{}/demo/config.json", server.base)))
        .await
        .is(200);
    let text = |name: &str| config.field(name);
    assert_eq!(text("issuer"), format!("{}/realms/demo", server.base));
    assert_eq!((text("realm"), text("username")), ("demo".into(), "alice".into()));
    assert!(
        !config.text.contains(&password),
        "the password is in the terminal alone"
    );
    let realm = Realm {
        api,
        id: String::new(),
        name: "demo".into(),
    };
    let client_id = text("client_id");
    let application = Application {
        id: client_id.clone(),
        client_id,
        secret: None,
        redirect_uri: text("redirect_uri"),
    };
    let alice = User {
        id: String::new(),
        username: "alice".into(),
        email: String::new(),
        password,
    };
    (realm, application, alice)
}

#[tokio::test]
async fn a_newcomer_signs_in_as_alice_and_reads_what_it_caused() {
    let server = Server::start(Options {
        demo: true,
        ..Options::default()
    });
    let (realm, application, alice) = told(&server).await;
    let tokens = realm
        .sign_in(&application, &alice, "openid profile email manage offline_access")
        .await;
    let herself = realm.api.with_token(&tokens.access);
    let events = herself
        .query("/realms/demo/events?lane=activity&after=0&limit=100")
        .await
        .is(200)
        .items();
    let types: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        types,
        [
            "login.attempted",
            "session.started",
            "known_device.added",
            "guard.cleared",
            "code.issued",
            "grant.started",
            "token.issued"
        ]
    );
    let _ = herself
        .query("/realms/demo/events?lane=facts&after=0&limit=100")
        .await
        .is(200);
    let _ = herself
        .post("/realms/demo/users", json!({"username": "x"}))
        .await
        .is_problem(403, "forbidden");
    let _ = herself
        .query("/realms/system/users")
        .await
        .is_problem(404, "not_found");
}

#[tokio::test]
async fn its_pages_are_there_with_a_strict_policy() {
    let server = Server::start(Options {
        demo: true,
        ..Options::default()
    });
    let api = Api::anonymous(&server);
    for (path, kind) in [
        ("/demo/", "text/html"),
        ("/demo/demo.js", "text/javascript"),
        ("/demo/demo.css", "text/css"),
    ] {
        let answer = Answer::to(api.request(Method::GET, path)).await.is(200);
        assert!(
            answer
                .header("content-type")
                .is_some_and(|held| held.starts_with(kind)),
            "{path}"
        );
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("script-src 'self'"),
            "{path}: {policy}"
        );
    }
    for path in ["/", "/demo"] {
        let answer = Answer::to(api.request(Method::GET, path)).await;
        assert_eq!(answer.header("location"), Some("/demo/"), "{path}");
    }
    let docs = Answer::to(api.request(Method::GET, "/docs")).await;
    assert!(
        docs.status < 400,
        "the page that explains the APIs: {}",
        docs.status
    );
}

#[tokio::test]
async fn a_restart_keeps_the_demo_and_gives_alice_another_password() {
    let server = Server::start(Options {
        demo: true,
        ..Options::default()
    });
    let (realm, application, before) = told(&server).await;
    let tokens = realm.sign_in(&application, &before, "openid").await;
    let server = server.restart();
    let (realm, again, after) = told(&server).await;
    assert_eq!(application.client_id, again.client_id);
    assert_ne!(before.password, after.password);
    let mut browser = Browser::new(&realm);
    let page = browser
        .open(&Authorization::new(&realm, &application, "openid").url())
        .await
        .sign_in_page();
    let refused = browser
        .fill(&page, "alice", &before.password)
        .await
        .sign_in_page();
    assert_eq!(refused.status, 401);
    let new = realm.sign_in(&application, &after, "openid").await;
    let sub = |token: &str| chancery_tests::harness::payload_of(token)["sub"].clone();
    assert_eq!(sub(tokens.id()), sub(new.id()), "the same alice");
    let users = eventually("the demo is listed", async || {
        let users = realm.api.query("/realms/demo/users").await.is(200).items();
        (!users.is_empty()).then_some(users)
    });
    assert_eq!(users.await.len(), 1);
    let realms = realm.api.query("/realms?q=demo").await.is(200).items();
    assert_eq!(realms.iter().filter(|realm| realm["name"] == "demo").count(), 1);
}

#[tokio::test]
async fn without_the_flag_there_is_no_demo() {
    let server = Server::start(Options::default());
    let api = Api::anonymous(&server);
    for path in [
        "/demo/",
        "/demo/config.json",
        "/realms/demo/.well-known/openid-configuration",
    ] {
        assert_eq!(
            Answer::to(api.request(Method::GET, path)).await.status,
            404,
            "{path}"
        );
    }
}
