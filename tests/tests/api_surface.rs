//! Every operation of both APIs, found in the OpenAPI documents and not listed by hand: who may call it, from which
//! realm, and what it makes of bad input. The rule: a new endpoint is in these tables on the day it appears.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chancery_tests::harness::{Answer, Api, Browser, Method, Realm, Server, shared, tampered, unique};
use serde_json::{Value, json};

/// One operation of the documents.
#[derive(Clone, Debug)]
struct Operation {
    method: Method,
    path: String,
    described: Value,
}

/// Ids to put in the places of a path's parameters.
#[derive(Clone, Debug)]
struct Places {
    realm: String,
    user: String,
    application: String,
    secret: String,
    session: String,
    kid: String,
}

/// A realm with one of everything.
struct World {
    server: Arc<Server>,
    admin: Api,
    realm: Realm,
    places: Places,
}

impl Operation {
    /// Of the two APIs, and not of the realm's own surface.
    fn is_managed(&self) -> bool {
        self.path.starts_with("/command/v1/") || self.path.starts_with("/query/v1/")
    }

    fn is_command(&self) -> bool {
        self.path.starts_with("/command/v1/")
    }

    /// Whether it is the platform's matter, so that no administrator of a realm may do it.
    fn is_platform(&self) -> bool {
        !self.path.contains("{realm}") || self.path.ends_with("/suspend") || self.path.ends_with("/resume")
    }

    fn at(&self, places: &Places) -> String {
        let mut before = "";
        let segments = self.path.split('/').map(|segment| {
            let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            let value = match (name, before) {
                (None, _) => segment,
                (Some("realm"), _) => &places.realm,
                (Some("role"), _) => "auditor",
                (Some("path" | "asset" | "name" | "file"), _) => "chancery.css",
                (Some(_), "users") => &places.user,
                (Some(_), "applications") => &places.application,
                (Some(_), "secrets") => &places.secret,
                (Some(_), "sessions") => &places.session,
                (Some(_), "signing-keys") => &places.kid,
                (Some(name), before) => panic!("what is {{{name}}} after {before:?} in {}?", self.path),
            };
            before = segment;
            value
        });
        segments.collect::<Vec<_>>().join("/")
    }

    /// The names of the fields of its JSON body.
    fn fields(&self, document: &Value) -> Vec<String> {
        let schema = &self.described["requestBody"]["content"]["application/json"]["schema"];
        let schema = match schema["$ref"].as_str().and_then(|place| place.strip_prefix('#')) {
            Some(place) => document
                .pointer(place)
                .unwrap_or_else(|| panic!("{place} is not in the document")),
            None => schema,
        };
        schema["properties"]
            .as_object()
            .map(|fields| fields.keys().cloned().collect())
            .unwrap_or_default()
    }
}

async fn document(api: &Api, name: &str) -> Value {
    Answer::to(api.request(Method::GET, &format!("/openapi/{name}.json")))
        .await
        .is(200)
        .json()
}

fn operations_of(document: &Value) -> Vec<Operation> {
    let paths = document["paths"]
        .as_object()
        .unwrap_or_else(|| panic!("no paths: {document}"));
    let mut operations = Vec::new();
    for (path, item) in paths {
        for method in ["get", "post", "put", "patch", "delete"] {
            if let Some(described) = item.get(method) {
                let method = Method::from_bytes(method.to_uppercase().as_bytes());
                let method = method.unwrap_or_else(|error| panic!("{error}"));
                operations.push(Operation {
                    method,
                    path: path.clone(),
                    described: described.clone(),
                });
            }
        }
    }
    operations
}

async fn operations(api: &Api) -> Vec<Operation> {
    let mut all = operations_of(&document(api, "command").await);
    all.extend(operations_of(&document(api, "query").await));
    assert!(all.len() > 40, "only {} operations are documented", all.len());
    all
}

async fn managed(api: &Api) -> Vec<Operation> {
    operations(api)
        .await
        .into_iter()
        .filter(Operation::is_managed)
        .collect()
}

async fn places_in(realm: &Realm) -> Places {
    let (user, application) = (realm.user().await, realm.application("web").await);
    realm
        .sign_in_with(&mut Browser::new(realm), &application, &user, "openid")
        .await;
    let sessions = chancery_tests::harness::eventually("the session is listed", || async {
        let found = realm
            .api
            .query(&realm.at(&format!("/users/{}/sessions", user.id)))
            .await
            .is(200)
            .ids();
        (!found.is_empty()).then_some(found)
    });
    let session = sessions.await.remove(0);
    let secrets = realm
        .api
        .query(&realm.at(&format!("/applications/{}/secrets", application.id)))
        .await
        .is(200);
    let keys = realm.api.query(&realm.at("/signing-keys")).await.is(200).items();
    let kid = keys[0]["kid"]
        .as_str()
        .unwrap_or_else(|| panic!("no kid: {keys:?}"))
        .to_owned();
    Places {
        realm: realm.name.clone(),
        user: user.id,
        application: application.id,
        secret: secrets.ids().remove(0),
        session,
        kid,
    }
}

async fn world() -> World {
    let server = shared();
    let admin = Api::admin(&server).await;
    let realm = Realm::new(&admin).await;
    let places = places_in(&realm).await;
    World {
        server,
        admin,
        realm,
        places,
    }
}

/// Calls an operation with a body that cannot be read: whoever may call it is told so, and nothing happens.
async fn try_it(api: &Api, operation: &Operation, places: &Places) -> Answer {
    let mut request = api.request(operation.method.clone(), &operation.at(places));
    if operation.is_command() {
        request = request.header("content-type", "application/json").body("{");
    }
    Answer::to(request).await
}

#[track_caller]
fn assert_allowed(operation: &Operation, answer: Answer) {
    if operation.is_command() {
        let _ = answer.is_problem(400, "malformed_json");
    } else {
        let _ = answer.is(200);
    }
}

/// A problem without what differs from request to request.
fn essence(answer: &Answer) -> Value {
    let mut problem = answer.json();
    let members = problem
        .as_object_mut()
        .unwrap_or_else(|| panic!("no object: {}", answer.text));
    members.remove("request_id");
    problem
}

#[tokio::test]
async fn the_documents_describe_every_operation() {
    let world = world().await;
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
async fn without_a_token_nobody_gets_in() {
    let world = world().await;
    let nobody = Api::anonymous(&world.server);
    for operation in managed(&nobody).await {
        let answer = try_it(&nobody, &operation, &world.places)
            .await
            .is_problem(401, "unauthenticated");
        let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
        assert!(challenge.starts_with("Bearer"), "{}: {challenge:?}", answer.asked);
    }
}

#[tokio::test]
async fn a_token_that_was_tampered_with_is_no_token() {
    let world = world().await;
    let path = format!("/query/v1/realms/{}/users", world.realm.name);
    let _ = Answer::to(world.admin.request(Method::GET, &path)).await.is(200);
    for (how, token) in tampered(world.admin.token()) {
        let answer = Answer::to(world.admin.with_token(&token).request(Method::GET, &path)).await;
        assert_eq!(answer.status, 401, "{how}: {}", answer.text);
        assert!(
            answer
                .header("www-authenticate")
                .is_some_and(|challenge| challenge.contains("invalid_token")),
            "{how}"
        );
    }
    for scheme in [
        "Basic dGVzdHM6dGVzdHM=",
        "Bearer",
        "Bearer ",
        "bearer x y",
        "Token x",
        "DPoP x",
    ] {
        let request = world.admin.http().get(format!("{}{path}", world.admin.base()));
        let answer = Answer::to(request.header("authorization", scheme)).await;
        assert_eq!(answer.status, 401, "{scheme}: {}", answer.text);
    }
    let twice = world
        .admin
        .request(Method::GET, &path)
        .header("authorization", format!("Bearer {}", world.admin.token()));
    let answer = Answer::to(twice).await;
    assert!(
        [400, 401].contains(&answer.status),
        "two authorization headers: {}",
        answer.status
    );
}

#[tokio::test]
async fn an_id_token_or_a_token_without_manage_does_not_open_the_apis() {
    let world = world().await;
    let (application, user) = (world.realm.application("spa").await, world.realm.user().await);
    let role = world
        .realm
        .at(&format!("/users/{}/roles/realm-administrator", user.id));
    let _ = world.admin.put(&role, Value::Null).await.is(200);
    let users = format!("/query/v1/realms/{}/users", world.realm.name);
    let asked = async |token: &str| {
        Answer::to(world.admin.with_token(token).request(Method::GET, &users))
            .await
            .status
    };

    let plain = world
        .realm
        .sign_in(&application, &user, "openid orders:read")
        .await;
    assert!(
        [401, 403].contains(&asked(&plain.access).await),
        "an access token for another resource"
    );
    assert_eq!(asked(plain.id()).await, 401, "an id token");
    let managing = world
        .realm
        .sign_in(&application, &user, "openid manage offline_access")
        .await;
    assert_eq!(asked(&managing.access).await, 200);
    assert_eq!(asked(managing.refresh()).await, 401, "a refresh token");
}

#[tokio::test]
async fn who_holds_no_role_may_do_nothing_in_its_own_realm() {
    let world = world().await;
    let service = world.realm.service(None).await;
    for operation in managed(&service).await {
        let _ = try_it(&service, &operation, &world.places)
            .await
            .is_problem(403, "forbidden");
    }
}

#[tokio::test]
async fn an_auditor_reads_everything_and_changes_nothing() {
    let world = world().await;
    let auditor = world.realm.service(Some("auditor")).await;
    for operation in managed(&auditor).await {
        let answer = try_it(&auditor, &operation, &world.places).await;
        if operation.is_command() || operation.is_platform() {
            let _ = answer.is_problem(403, "forbidden");
        } else {
            let _ = answer.is(200);
        }
    }
}

#[tokio::test]
async fn an_application_reads_users_and_applications_and_nothing_else() {
    let world = world().await;
    let application = world.realm.service(Some("application")).await;
    let below = "/query/v1/realms/{realm}";
    let readable =
        ["/users", "/users/{id}", "/applications", "/applications/{id}"].map(|path| format!("{below}{path}"));
    let mut read = 0;
    for operation in managed(&application).await {
        let answer = try_it(&application, &operation, &world.places).await;
        if readable.contains(&operation.path) {
            read += 1;
            let _ = answer.is(200);
        } else if operation.is_command()
            || ["/events", "/sessions", "/settings"]
                .iter()
                .any(|end| operation.path.ends_with(end))
        {
            let _ = answer.is_problem(403, "forbidden");
        }
    }
    assert_eq!(read, readable.len(), "the paths of the documents changed");
}

#[tokio::test]
async fn an_administrator_of_a_realm_does_everything_in_it_but_what_is_the_platforms() {
    let world = world().await;
    let administrator = world.realm.administrator().await;
    for operation in managed(&administrator).await {
        let answer = try_it(&administrator, &operation, &world.places).await;
        if operation.is_platform() {
            let _ = answer.is_problem(403, "forbidden");
        } else {
            assert_allowed(&operation, answer);
        }
    }
}

#[tokio::test]
async fn the_platforms_administrator_does_everything_everywhere() {
    let world = world().await;
    for operation in managed(&world.admin).await {
        assert_allowed(&operation, try_it(&world.admin, &operation, &world.places).await);
    }
}

#[tokio::test]
async fn another_realm_looks_like_one_that_is_not_there() {
    let world = world().await;
    let stranger = Realm::new(&world.admin).await.administrator().await;
    let nowhere = Places {
        realm: format!("t-{}", unique()),
        ..world.places.clone()
    };
    for operation in managed(&stranger)
        .await
        .iter()
        .filter(|operation| operation.path.contains("{realm}"))
    {
        let hidden = try_it(&stranger, operation, &world.places)
            .await
            .is_problem(404, "not_found");
        let missing = try_it(&stranger, operation, &nowhere)
            .await
            .is_problem(404, "not_found");
        assert_eq!(
            essence(&hidden),
            essence(&missing),
            "{} {}",
            operation.method,
            operation.path
        );
    }
}

#[tokio::test]
async fn an_id_of_another_realm_is_answered_like_one_that_does_not_exist() {
    let world = world().await;
    let other = places_in(&Realm::new(&world.admin).await).await;
    let foreign = Places {
        realm: world.realm.name.clone(),
        ..other
    };
    let id = || uuid::Uuid::from_bytes(std::array::from_fn(|_| 7)).to_string();
    let missing = Places {
        realm: world.realm.name.clone(),
        user: id(),
        application: id(),
        secret: id(),
        session: id(),
        kid: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".into(),
    };
    let mut seen = 0;
    for operation in managed(&world.admin).await {
        if operation.path.matches('{').count() < 2 {
            continue;
        }
        let body = match operation.path.rsplit('/').next() {
            Some("password") => json!({"password": chancery_tests::harness::password()}),
            _ if operation.method == Method::PATCH && operation.path.contains("/users/") => {
                json!({"given_name": "Eve"})
            }
            _ if operation.method == Method::PATCH => json!({"name": "Eve"}),
            _ => json!({}),
        };
        let ask = async |places: &Places| {
            let request = world
                .admin
                .request(operation.method.clone(), &operation.at(places));
            let bodiless = matches!(operation.method, Method::GET | Method::DELETE)
                || operation.path.ends_with("{role}");
            let request = if bodiless { request } else { request.json(&body) };
            Answer::to(request).await.is_problem(404, "not_found")
        };
        assert_eq!(
            essence(&ask(&foreign).await),
            essence(&ask(&missing).await),
            "{}",
            operation.path
        );
        seen += 1;
    }
    assert!(seen > 20, "only {seen} operations name an id");
}

#[tokio::test]
async fn a_method_that_is_not_documented_is_not_there() {
    let world = world().await;
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
    let world = world().await;
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
    let world = world().await;
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
    let world = world().await;
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
    let world = world().await;
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
    let world = world().await;
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
