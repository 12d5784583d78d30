//! Every operation of both APIs, found in the OpenAPI documents: the routes are those and no others, and none of them
//! is upset by bad input. (Who may call them is the table in `api_access.rs`.)

use std::collections::{BTreeMap, BTreeSet};

use chancery_tests::harness::{
    Answer, Api, Method, Operation, Places, World, document, managed, operations, operations_of, unique,
};
use serde_json::Value;

#[tokio::test]
async fn the_documents_describe_every_operation() {
    let world = World::new().await;
    for name in ["command", "query"] {
        let document = document(&Api::anonymous(&world.server), name).await;
        assert!(
            document["openapi"]
                .as_str()
                .is_some_and(|version| version.starts_with("3.1")),
            "{name}"
        );
        let mut ids = BTreeSet::new();
        for operation in operations_of(&document) {
            let what = format!("{} {}", operation.method, operation.path);
            let id = operation.described["operationId"]
                .as_str()
                .unwrap_or_else(|| panic!("{what}: no operationId"));
            assert!(ids.insert(id.to_owned()), "{what}: operationId {id} is taken");
            assert!(
                operation.described["responses"].is_object(),
                "{what}: no responses"
            );
            assert!(
                !operation.is_command() || operation.method != Method::GET,
                "{what}: a read"
            );
            assert!(
                !operation.path.starts_with("/query/") || operation.method == Method::GET,
                "{what}: a write"
            );
        }
    }
}

#[tokio::test]
async fn a_method_that_is_not_documented_is_not_there() {
    let world = World::new().await;
    let mut methods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for operation in operations(&world.admin).await {
        let known = methods.entry(operation.path).or_default();
        known.insert(operation.method.to_string());
        if operation.method == Method::GET {
            known.insert("HEAD".into());
        }
    }
    for (path, known) in methods {
        let place = Operation {
            method: Method::GET,
            path,
            described: Value::Null,
        }
        .at(&world.places);
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if known.contains(method) {
                continue;
            }
            let method = Method::from_bytes(method.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
            let answer = Answer::to(world.admin.request(method, &place))
                .await
                .is_problem(405, "method_not_allowed");
            let allow = answer.header("allow").unwrap_or_default();
            // What pages of another origin may call answers their preflight, too (Fetch standard).
            let allow = allow
                .split(',')
                .map(str::trim)
                .filter(|method| *method != "OPTIONS");
            let allow: BTreeSet<_> = allow.map(str::to_owned).collect();
            assert_eq!(allow, known, "{}", answer.asked);
        }
    }
}

#[tokio::test]
async fn what_is_no_path_is_not_found() {
    let world = World::new().await;
    let (realm, user) = (&world.places.realm, &world.places.user);
    let paths = [
        "/nothing".to_owned(),
        "/command/v1".into(),
        "/command/v2/realms".into(),
        "/query/v1/realms/".into(),
        format!("/query/v1/realms/{realm}/users/"),
        format!("/query/v1/realms/{realm}//users"),
        format!("/query/v1/realms/{realm}/Users"),
        format!("/query/v1/realms/{realm}/users/{user}/nothing"),
        format!("/query/v1/realms/{realm}/users/%2e%2e%2fusers"),
        format!("/query/v1/realms/{realm}/users/not-an-id"),
        format!("/query/v1/realms/{realm}/users/%ff"),
        format!("/query/v1/realms/{realm}%00/users"),
        format!("/query/v1/realms/{}/users", realm.to_uppercase()),
        format!("/query/v1/realms/{}/users", "x".repeat(4_000)),
        format!("/realms/{realm}/oauth2/nothing"),
    ];
    for path in paths {
        let _ = Answer::to(world.admin.request(Method::GET, &path))
            .await
            .is_problem(404, "not_found");
    }
}

#[tokio::test]
async fn every_answer_carries_its_request_id_and_the_headers_that_protect() {
    let world = World::new().await;
    for path in [
        "/nothing".to_owned(),
        format!("/query/v1/realms/{}", world.realm.name),
        "/openapi/query.json".into(),
    ] {
        let answer = Answer::to(world.admin.request(Method::GET, &path)).await;
        assert!(
            answer
                .header("x-request-id")
                .is_some_and(|id| uuid::Uuid::parse_str(id).is_ok()),
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .is_some_and(|csp| csp.contains("frame-ancestors 'none'")),
            "{path}"
        );
    }
    let missing = Answer::to(world.admin.request(Method::GET, "/nothing")).await;
    assert_eq!(
        missing.header("x-request-id"),
        missing.json()["request_id"].as_str()
    );
}

#[tokio::test]
async fn a_bad_body_is_refused_by_every_command_and_leaves_no_trace() {
    let world = World::new().await;
    let document = document(&world.admin, "command").await;
    let before = (
        world.realm.events("facts", "").await.len(),
        world.realm.events("activity", "").await.len(),
    );
    let mut accepted = Vec::new();
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
    for operation in operations_of(&document).into_iter().filter(Operation::is_managed) {
        let path = operation.at(&world.places);
        let send = async |kind: Option<&str>, body: String| {
            let mut request = world.admin.request(operation.method.clone(), &path).body(body);
            if let Some(kind) = kind {
                request = request.header("content-type", kind);
            }
            Answer::to(request).await
        };
        let json = Some("application/json");
        let fields = operation.fields(&document);
        let mut refused = vec![
            (
                "malformed",
                send(json, "{".into()).await.is_problem(400, "malformed_json"),
            ),
            ("no UTF-8 and no JSON", send(json, "\u{0}".into()).await),
            ("an array", send(json, "[]".into()).await),
            ("a text", send(json, "\"x\"".into()).await),
            ("null", send(json, "null".into()).await),
            ("two values", send(json, "{} {}".into()).await),
            (
                "an unknown field",
                send(json, r#"{"no_such_field":1}"#.into()).await,
            ),
            ("deeply nested", send(json, "[".repeat(10_000)).await.is(400)),
            (
                "a form",
                send(Some("application/x-www-form-urlencoded"), "name=x".into())
                    .await
                    .is_problem(415, "unsupported_media_type"),
            ),
            (
                "a text type",
                send(Some("text/plain"), "{}".into())
                    .await
                    .is_problem(415, "unsupported_media_type"),
            ),
        ];
        refused.push((
            "too large",
            too_large(&world.admin, &operation, &path, &large).await,
        ));
        if fields.is_empty() {
            refused.push((
                "a field where there is none",
                send(json, r#"{"reasons":"x"}"#.into()).await,
            ));
        }
        for field in &fields {
            refused.push((
                "twice the same key",
                send(json, format!(r#"{{"{field}":"a","{field}":"a"}}"#)).await,
            ));
            refused.push((
                "a field of a wrong type",
                send(json, format!(r#"{{"{field}":[[1]]}}"#)).await,
            ));
        }
        for (how, answer) in refused {
            if (400..500).contains(&answer.status) {
                answer.code();
            } else {
                accepted.push(format!(
                    "{}: {how}: {} {}",
                    answer.asked, answer.status, answer.text
                ));
            }
        }
    }
    assert!(accepted.is_empty(), "{accepted:#?}");
    let after = (
        world.realm.events("facts", "").await.len(),
        world.realm.events("activity", "").await.len(),
    );
    assert_eq!(before, after, "bad input left events");
}

/// The server answers before it has read all, and closes the connection: whether the answer is seen by a client that is still
/// writing is a race, so that it is asked for again, each time over a connection of its own.
async fn too_large(caller: &Api, operation: &Operation, path: &str, body: &str) -> Answer {
    for _ in 0..20 {
        let request = caller
            .request(operation.method.clone(), path)
            .header("connection", "close");
        let request = request
            .header("content-type", "application/json")
            .body(body.to_owned());
        if let Ok(answer) = Answer::try_to(request).await {
            return answer.is_problem(413, "too_large");
        }
    }
    panic!(
        "twenty times no answer to a large body: {} {path}",
        operation.method
    );
}

#[tokio::test]
async fn a_bad_query_string_is_refused_by_every_query() {
    let world = World::new().await;
    let bad = [
        "no_such_parameter=1",
        "position=a&position=a",
        "position=banana",
        "%zz=1",
        "position=%ff",
        "page_size=0&page_size=1",
        &format!("no_such_parameter={}", "x".repeat(9_000)),
    ];
    for operation in managed(&world.admin)
        .await
        .iter()
        .filter(|operation| !operation.is_command())
    {
        for query in bad {
            let path = format!("{}?{query}", operation.at(&world.places));
            let answer = Answer::to(world.admin.request(Method::GET, &path)).await;
            assert!(
                (400..500).contains(&answer.status),
                "{}: {} {}",
                answer.asked,
                answer.status,
                answer.text
            );
            answer.code();
        }
        let known: Vec<_> = operation.described["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for name in known
            .iter()
            .filter(|known| known["in"] == "query")
            .filter_map(|known| known["name"].as_str())
        {
            for value in ["", "%00", "a&{}=b", "-1", "99999999999999999999"] {
                let query = format!("{name}={}", value.replace("{}", name));
                let path = format!("{}?{query}", operation.at(&world.places));
                let answer = Answer::to(world.admin.request(Method::GET, &path)).await;
                assert!(
                    answer.status < 500,
                    "{}: {} {}",
                    answer.asked,
                    answer.status,
                    answer.text
                );
            }
        }
    }
}

#[tokio::test]
async fn the_realms_own_surface_refuses_a_realm_that_is_not_there_and_bodies_that_it_cannot_read() {
    let world = World::new().await;
    let nobody = Api::anonymous(&world.server);
    let nowhere = Places {
        realm: format!("t-{}", unique()),
        ..world.places.clone()
    };
    let surface: Vec<_> = operations(&nobody)
        .await
        .into_iter()
        .filter(|operation| !operation.is_managed())
        .collect();
    assert!(surface.len() > 8, "{surface:?}");
    for operation in surface {
        let ask = |places: &Places| nobody.request(operation.method.clone(), &operation.at(places));
        let is_asset = operation.path.contains("/assets/");
        let answer = Answer::to(ask(&nowhere)).await;
        assert!(
            is_asset || (400..=404).contains(&answer.status),
            "{}: {} {}",
            answer.asked,
            answer.status,
            answer.text
        );
        if operation.method == Method::POST {
            let form = "application/x-www-form-urlencoded";
            for (kind, body) in [
                ("application/json", "{}".to_owned()),
                (form, "a=%ff".into()),
                (form, "a=1&a=2".into()),
                (form, format!("a={}", "x".repeat(70_000))),
            ] {
                let answer = Answer::to(ask(&world.places).header("content-type", kind).body(body)).await;
                assert!(
                    (400..500).contains(&answer.status),
                    "{}: {} {}",
                    answer.asked,
                    answer.status,
                    answer.text
                );
            }
        }
    }
}
