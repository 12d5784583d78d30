//! Who may call which operation: the table of every role by every operation that the OpenAPI documents know, in the
//! caller's own realm and in another. The rule: what one may not see is answered as if it were not there.

use chancery_tests::harness::{
    Answer, Api, Method, Operation, Places, Realm, World, managed, password, tampered, unique,
};
use serde_json::{Value, json};

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
async fn without_a_token_nobody_gets_in() {
    let world = World::new().await;
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
    let world = World::new().await;
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
    let world = World::new().await;
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
    let world = World::new().await;
    let service = world.realm.service(None).await;
    for operation in managed(&service).await {
        let _ = try_it(&service, &operation, &world.places)
            .await
            .is_problem(403, "forbidden");
    }
}

#[tokio::test]
async fn an_auditor_reads_everything_and_changes_nothing() {
    let world = World::new().await;
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
    let world = World::new().await;
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
    let world = World::new().await;
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
    let world = World::new().await;
    for operation in managed(&world.admin).await {
        assert_allowed(&operation, try_it(&world.admin, &operation, &world.places).await);
    }
}

#[tokio::test]
async fn another_realm_looks_like_one_that_is_not_there() {
    let world = World::new().await;
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
    let world = World::new().await;
    let other = Places::of(&Realm::new(&world.admin).await).await;
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
        initial_access: id(),
        webhook: id(),
        identity_provider: id(),
        kid: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".into(),
    };
    let mut seen = 0;
    for operation in managed(&world.admin).await {
        if operation.path.matches('{').count() < 2 {
            continue;
        }
        let body = match operation.path.rsplit('/').next() {
            Some("password") => json!({"password": password()}),
            _ if operation.method == Method::PATCH && operation.path.ends_with("/users/{id}") => {
                json!({"given_name": "Eve"})
            }
            _ if operation.method == Method::PATCH && operation.path.contains("/webhooks/") => {
                json!({"description": "Eve"})
            }
            _ if operation.method == Method::PATCH && operation.path.contains("/identity-providers/") => {
                json!({"display_name": "Eve"})
            }
            Some("secret") => json!({"client_secret": "eve"}),
            Some("deliveries") => json!({"lane": "facts", "first": 1, "last": 1}),
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
