//! The life of an application through the two APIs: registered with what can be kept to exactly, its secrets shown
//! once and rotated with overlap, disabled with all that it holds.

use chancery_tests::harness::{
    Answer, Application, Authorization, Browser, Keys, Method, Realm, eventually, payload_of, shared, unique,
};
use serde_json::{Value, json};

fn of(realm: &Realm, application: &Application, rest: &str) -> String {
    realm.at(&format!("/applications/{}{rest}", application.id))
}

/// Whether a secret opens the token endpoint.
async fn opens(realm: &Realm, application: &Application, secret: &str) -> bool {
    let application = Application {
        secret: Some(secret.to_owned()),
        ..application.clone()
    };
    let answer = realm.own_token(&application).await;
    if answer.status != 200 {
        let _ = answer.is_oauth_error(401, "invalid_client");
        return false;
    }
    true
}

#[tokio::test]
async fn an_application_is_registered_and_read_back_without_its_secret() {
    let realm = Realm::on(&shared()).await;
    let body = json!({
        "name": "The shop", "type": "web", "redirect_uris": ["https://shop.test/cb"],
        "post_logout_redirect_uris": ["https://shop.test/bye"], "scopes": ["orders:read"],
        "audiences": ["https://api.shop.test"], "access_token_seconds": 120, "custom_claims": {"https://shop.test/plan": "gold"},
    });
    let made = realm.api.post(&realm.at("/applications"), body).await.is(201);
    assert_eq!(
        made.json()["events"],
        json!(["application.registered", "application.secret_added"])
    );
    let secret = made.field("client_secret");
    assert!(secret.len() >= 32, "a secret of {} characters", secret.len());
    let read = realm
        .api
        .query(&realm.at(&format!("/applications/{}", made.field("id"))))
        .await
        .is(200);
    assert!(
        !read.text.contains(&secret) && !read.text.contains("digest"),
        "{}",
        read.text
    );
    let application = read.json();
    for (field, value) in [
        ("client_id", json!(made.field("client_id"))),
        ("type", json!("web")),
        ("redirect_uris", json!(["https://shop.test/cb"])),
        ("access_token_seconds", json!(120)),
        ("status", json!("active")),
        ("custom_claims", json!({"https://shop.test/plan": "gold"})),
    ] {
        assert_eq!(application[field], value, "{field}");
    }
    assert_eq!(
        read.header("etag").map(str::to_owned),
        Some(format!("\"{}\"", application["version"]))
    );
    assert!(
        !json!(realm.events("facts", "").await)
            .to_string()
            .contains(&secret),
        "not in the log either"
    );
}

#[tokio::test]
async fn only_what_keeps_a_secret_gets_one() {
    let realm = Realm::on(&shared()).await;
    for (kind, confidential) in [
        ("web", true),
        ("spa", false),
        ("native", false),
        ("service", true),
    ] {
        let application = realm.application(kind).await;
        assert_eq!(application.secret.is_some(), confidential, "{kind}");
        let added = realm
            .api
            .post(&of(&realm, &application, "/secrets"), json!({}))
            .await;
        assert_eq!(
            added.status,
            if confidential { 201 } else { 409 },
            "{kind}: {}",
            added.text
        );
    }
    let refused = realm
        .api
        .post(
            &realm.at("/applications"),
            json!({"name": "x", "type": "toaster"}),
        )
        .await;
    assert!([400, 422].contains(&refused.status));
}

#[tokio::test]
async fn the_same_key_registers_one_application_and_shows_its_secret_once() {
    let realm = Realm::on(&shared()).await;
    let (path, key) = (realm.at("/applications"), unique());
    let ask = async |name: &str| {
        let body = json!({"name": name, "type": "service"});
        let request = realm
            .api
            .commanding(Method::POST, &path, &body)
            .header("idempotency-key", &key);
        realm.api.told(&path, request).await
    };
    let first = ask("a").await.is(201).json();
    let second = ask("a").await.is(201).json();
    assert!(first["client_secret"].is_string());
    assert!(second["client_secret"].is_null(), "{second}");
    assert_eq!(
        (&first["id"], &first["version"], &first["position"]),
        (&second["id"], &second["version"], &second["position"])
    );
    let _ = ask("b").await.is_problem(422, "idempotency_key_reused");
    assert_eq!(realm.api.query(&path).await.is(200).items().len(), 1);
}

#[tokio::test]
async fn a_redirect_uri_must_be_safe_to_send_a_code_to() {
    let realm = Realm::on(&shared()).await;
    let register = async |kind: &str, uri: &str| {
        let body = json!({"name": "x", "type": kind, "redirect_uris": [uri]});
        realm.api.post(&realm.at("/applications"), body).await
    };
    for (kind, uri) in [
        ("web", "https://app.test/cb"),
        ("web", "https://app.test:8443/cb?tenant=1"),
        ("web", "http://localhost:3000/cb"),
        ("spa", "http://127.0.0.1:3000/"),
        ("native", "http://127.0.0.1/cb"),
        ("native", "http://[::1]/cb"),
        ("native", "org.example.app:/cb"),
    ] {
        let _ = register(kind, uri).await.is(201);
    }
    for (kind, uri) in [
        ("web", "http://app.test/cb"),
        ("web", "https://app.test/cb#x"),
        ("web", "https://*.app.test/cb"),
        ("web", "https://user:pw@app.test/cb"),
        ("web", "https://app.test/a/../cb"),
        ("web", "//app.test/cb"),
        ("web", "/cb"),
        ("web", ""),
        ("web", "javascript:alert(1)"),
        ("spa", "data:text/html,x"),
        ("web", "org.example.app:/cb"),
        ("native", "myapp:/cb"),
        ("web", "https://app.test\\@evil.test/cb"),
        ("web", "https://app.test/c b"),
    ] {
        let refused = register(kind, uri).await.is(422);
        assert!(
            refused.faults().contains("redirect_uris[0]"),
            "{kind} {uri}: {}",
            refused.text
        );
    }
    let _ = realm
        .api
        .post(&realm.at("/applications"), json!({"name": "x", "type": "web"}))
        .await
        .is(422);
    let service = json!({"name": "x", "type": "service", "redirect_uris": ["https://app.test/cb"]});
    let _ = realm.api.post(&realm.at("/applications"), service).await.is(422);
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_by_field() {
    let realm = Realm::on(&shared()).await;
    let application = realm.application("service").await;
    for (body, field) in [
        (json!({"name": ""}), "name"),
        (json!({"scopes": ["two words"]}), "scopes[0]"),
        (json!({"scopes": ["a", "a"]}), "scopes[1]"),
        (json!({"audiences": ["https://api.test/#x"]}), "audiences[0]"),
        (json!({"access_token_seconds": 59}), "access_token_seconds"),
        (json!({"access_token_seconds": 86401}), "access_token_seconds"),
        (
            json!({"id_token_signed_response_alg": "none"}),
            "id_token_signed_response_alg",
        ),
        (
            json!({"access_token_signed_response_alg": "HS256"}),
            "access_token_signed_response_alg",
        ),
        (json!({"custom_claims": {"sub": "root"}}), "custom_claims.sub"),
        (
            json!({"custom_claims": {"scope": "manage"}}),
            "custom_claims.scope",
        ),
        (json!({"custom_claims": {"sid": "x"}}), "custom_claims.sid"),
        (json!({"custom_claims": {"x": null}}), "custom_claims.x"),
        (
            json!({"custom_claims": {"x": "y".repeat(5_000)}}),
            "custom_claims",
        ),
    ] {
        let refused = realm
            .api
            .patch(&of(&realm, &application, ""), body.clone())
            .await
            .is(422);
        assert!(refused.faults().contains(field), "{body}: {}", refused.text);
    }
    let unknown = realm
        .api
        .patch(&of(&realm, &application, ""), json!({"type": "web"}))
        .await;
    assert!(
        [400, 422].contains(&unknown.status),
        "the type never changes: {}",
        unknown.status
    );
    assert_eq!(
        realm
            .api
            .query(&of(&realm, &application, ""))
            .await
            .is(200)
            .json()["name"],
        "The service application"
    );
}

#[tokio::test]
async fn what_is_configured_is_what_tokens_say() {
    let realm = Realm::on(&shared()).await;
    realm
        .set(json!({"registration": {"attributes": {"tier": {"type": "string", "claim": true}}}}))
        .await;
    let settings = json!({
        "audiences": ["https://api.test", "other"], "access_token_seconds": 77, "id_token_seconds": 88,
        "custom_claims": {"plan": "gold", "level": {"attribute": "tier"}},
    });
    let application = realm.application_with("web", settings).await;
    let alice = realm.user_with(json!({"attributes": {"tier": "silver"}})).await;
    let tokens = realm.sign_in(&application, &alice, "openid profile").await;
    let keys = Keys::of(&realm).await;
    let access = keys
        .access(&tokens.access, "https://api.test")
        .expect("verifies for its audience");
    assert_eq!(access.audiences(), ["https://api.test", "other"]);
    assert_eq!(access.expires_at() - access.issued_at().expect("iat"), 77);
    assert_eq!(
        (access.string("plan"), access.string("level")),
        (Some("gold"), Some("silver"))
    );
    assert_eq!(
        (access.string("client_id"), access.subject()),
        (Some(&*application.client_id), &*alice.id)
    );
    assert_eq!(tokens.answer["expires_in"], 77);
    keys.access(&tokens.access, &realm.issuer())
        .expect_err("not for the realm");
    let id = keys.id(tokens.id(), &application.client_id).expect("verifies");
    assert_eq!(id.expires_at() - id.issued_at().expect("iat"), 88);
    assert_eq!(
        (id.string("plan"), id.string("tier")),
        (Some("gold"), Some("silver"))
    );

    let _ = realm
        .api
        .patch(
            &of(&realm, &application, ""),
            json!({"access_token_seconds": null, "custom_claims": {}}),
        )
        .await
        .is(200);
    let tokens = realm.sign_in(&application, &alice, "openid").await;
    assert_eq!(tokens.answer["expires_in"], 600);
    assert!(payload_of(&tokens.access)["plan"].is_null());
}

#[tokio::test]
async fn secrets_overlap_until_the_old_one_is_withdrawn() {
    let realm = Realm::on(&shared()).await;
    let application = realm.application("service").await;
    let old = application.secret.clone().expect("a secret");
    let added = realm
        .api
        .post(&of(&realm, &application, "/secrets"), json!({}))
        .await
        .is(201);
    assert_eq!(added.json()["events"], json!(["application.secret_added"]));
    let new = added.field("client_secret");
    assert!(opens(&realm, &application, &old).await && opens(&realm, &application, &new).await);

    let listed = realm
        .api
        .query(&of(&realm, &application, "/secrets"))
        .await
        .is(200);
    assert_eq!(listed.items().len(), 2);
    assert!(!listed.text.contains(&new));
    let first = listed.ids().remove(0);
    let path = of(&realm, &application, &format!("/secrets/{first}"));
    assert_eq!(
        realm.api.delete(&path).await.is(200).json()["events"],
        json!(["application.secret_revoked"])
    );
    assert!(!opens(&realm, &application, &old).await && opens(&realm, &application, &new).await);
    let _ = realm.api.delete(&path).await.is(404);

    for _ in 1..10 {
        let _ = realm
            .api
            .post(&of(&realm, &application, "/secrets"), json!({}))
            .await
            .is(201);
    }
    let _ = realm
        .api
        .post(&of(&realm, &application, "/secrets"), json!({}))
        .await
        .is_problem(409, "conflict");
}

#[tokio::test]
async fn a_secret_ends_when_it_was_said_to() {
    let realm = Realm::on(&shared()).await;
    let application = realm.application("service").await;
    for past in [json!("2001-01-01T00:00:00Z"), json!("tomorrow"), json!(17)] {
        let refused = realm
            .api
            .post(&of(&realm, &application, "/secrets"), json!({"expires_at": past}))
            .await;
        assert!([400, 422].contains(&refused.status), "{past}: {}", refused.status);
    }
    let soon = now_and(2);
    let secret = realm
        .api
        .post(&of(&realm, &application, "/secrets"), json!({"expires_at": soon}))
        .await
        .is(201)
        .field("client_secret");
    assert!(opens(&realm, &application, &secret).await);
    eventually("the secret ends", async || {
        (!opens(&realm, &application, &secret).await).then_some(())
    })
    .await;
    assert!(
        opens(
            &realm,
            &application,
            &application.secret.clone().expect("a secret")
        )
        .await
    );
}

/// A moment some seconds from now.
fn now_and(seconds: u64) -> String {
    use events::clock::{Clock, SystemClock};
    SystemClock.now().after_seconds(seconds).rfc3339()
}

#[tokio::test]
async fn a_disabled_application_and_all_that_it_holds_is_out_at_once() {
    let realm = Realm::on(&shared()).await;
    let (application, service) = (realm.application("web").await, realm.application("service").await);
    let (resource, alice) = (realm.application("service").await, realm.user().await);
    let role = of(&realm, &service, "/roles/auditor");
    let _ = realm.api.put(&role, Value::Null).await.is(200);
    let own = realm.own_token(&service).await.is(200).field("access_token");
    let itself = realm.api.with_token(&own);
    let _ = itself.query(&realm.at("/users")).await.is(200);
    let tokens = realm.sign_in(&application, &alice, "openid offline_access").await;
    let request = Authorization::new(&realm, &application, "openid");
    let open_code = Browser::new(&realm).sign_in(&request, &alice).await;

    for (one, reason) in [
        (&application, json!({"reason": "retired"})),
        (&service, json!({})),
    ] {
        let disabled = realm
            .api
            .post(&of(&realm, one, "/disable"), reason)
            .await
            .is(200)
            .json();
        assert_eq!(disabled["events"], json!(["application.disabled"]));
    }
    let _ = itself.query(&realm.at("/users")).await.is(401);
    let _ = realm
        .own_token(&service)
        .await
        .is_oauth_error(401, "invalid_client");
    let _ = realm
        .refresh(&application, tokens.refresh())
        .await
        .is_oauth_error(401, "invalid_client");
    let _ = realm
        .redeem(&application, open_code.code(), &request)
        .await
        .is_oauth_error(401, "invalid_client");
    assert!(!realm.is_active(&resource, &tokens.access).await && !realm.is_active(&resource, &own).await);
    let userinfo = realm
        .api
        .http()
        .get(realm.endpoint("userinfo"))
        .bearer_auth(&tokens.access);
    let _ = Answer::to(userinfo).await.is(401);
    let page = Browser::new(&realm).open(&request.url()).await.page();
    assert_eq!(page.status, 400, "an error page, and no redirect");

    let _ = realm.api.act(&of(&realm, &service, "/enable")).await.is(200);
    let _ = itself.query(&realm.at("/users")).await.is(200);
    assert_eq!(
        realm
            .api
            .query(&realm.at("/applications?status=disabled"))
            .await
            .is(200)
            .ids(),
        [application.id]
    );
}

#[tokio::test]
async fn an_application_changes_at_the_version_that_was_seen_and_is_read_as_it_was() {
    let realm = Realm::on(&shared()).await;
    let application = realm.application("web").await;
    let path = of(&realm, &application, "");
    let read = realm.api.query(&path).await.is(200);
    let (etag, then) = (
        read.header("etag").expect("an etag").to_owned(),
        read.field("updated_at"),
    );
    let rename = async |tag: &str, name: &str| {
        let request = realm
            .api
            .commanding(Method::PATCH, &path, &json!({"name": name}))
            .header("if-match", tag);
        realm.api.told(&path, request).await
    };
    let changed = rename(&etag, "Renamed").await.is(200).json();
    assert_eq!(changed["events"], json!(["application.changed"]));
    let _ = rename(&etag, "Too late")
        .await
        .is_problem(412, "version_mismatch");
    assert_eq!(realm.api.query(&path).await.is(200).json()["name"], "Renamed");
    let before = realm
        .api
        .query(&format!("{path}?as_of={then}"))
        .await
        .is(200)
        .json();
    assert_eq!(before["name"], "The web application");
    let request = realm.api.request(Method::GET, &format!("/query/v1{path}"));
    let position = realm.api.position(&path).expect("a position");
    let known = request
        .header("if-none-match", format!("\"{}\"", changed["version"]))
        .header("chancery-position", position);
    let _ = Answer::to(known).await.is(304);
}

#[tokio::test]
async fn applications_are_listed_page_by_page_and_found() {
    let realm = Realm::on(&shared()).await;
    for number in 0..7 {
        let kind = if number % 2 == 0 { "service" } else { "spa" };
        let _ = realm
            .application_with(kind, json!({"name": format!("Listed {number}")}))
            .await;
    }
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = realm
            .api
            .query(&realm.at(&format!("/applications?page_size=3{token}")))
            .await
            .is(200);
        seen.extend(page.ids());
        match page.json()["next_page_token"].as_str() {
            Some(next) => token = format!("&page_token={next}"),
            None => break,
        }
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((all, seen.len()), (7, 7));
    assert_eq!(
        realm
            .api
            .query(&realm.at("/applications?type=spa"))
            .await
            .is(200)
            .items()
            .len(),
        3
    );
    assert_eq!(
        realm
            .api
            .query(&realm.at("/applications?q=listed%206"))
            .await
            .is(200)
            .items()
            .len(),
        1
    );
}
