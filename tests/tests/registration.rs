//! Applications that register by themselves (RFC 7591, RFC 7592), as they and those who would abuse it go about it.

use chancery_tests::harness::{
    Answer, Api, Application, Authorization, Browser, Method, Options, Realm, Server, at_once, eventually,
    form_of, header_of, serving, shared,
};
use serde_json::{Value, json};

const CALLBACK: &str = "https://client.example.test/cb";

/// A realm where strangers may register so.
async fn realm(mode: &str) -> Realm {
    let realm = Realm::on(&shared()).await;
    open(&realm, mode).await;
    realm
}

async fn open(realm: &Realm, mode: &str) {
    let settings = json!({ "dynamic_registration": mode, "registration_scopes": ["orders:read"] });
    realm.set(json!({ "oauth": settings })).await;
}

async fn send(
    realm: &Realm,
    method: Method,
    place: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Answer {
    let mut request = realm.api.http().request(method, place);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    Answer::to(request).await
}

async fn register(realm: &Realm, token: Option<&str>, metadata: &Value) -> Answer {
    send(
        realm,
        Method::POST,
        &realm.endpoint("register"),
        token,
        Some(metadata),
    )
    .await
}

/// An initial access token, and its id.
async fn initial(realm: &Realm, body: Value) -> (String, String) {
    let made = realm
        .api
        .post(&realm.at("/initial-access-tokens"), body)
        .await
        .is(201);
    (made.field("initial_access_token"), made.field("id"))
}

fn least() -> Value {
    json!({ "redirect_uris": [CALLBACK] })
}

/// It is answered as RFC 6750 has it.
fn is_unauthorized(answer: &Answer, error: Option<&str>) {
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert_eq!(answer.status, 401, "{answer:?}");
    match error {
        Some(error) => assert!(challenge.contains(&format!("error=\"{error}\"")), "{challenge}"),
        None => assert_eq!(challenge, "Bearer"),
    }
}

#[tokio::test]
async fn an_application_registers_is_asked_about_and_signs_people_in() {
    let realm = realm("open").await;
    let alice = realm.user().await;
    let metadata = json!({
        "redirect_uris": [CALLBACK], "client_name": "A stranger", "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid email offline_access orders:read", "software_id": "ignored",
    });
    let answer = register(&realm, None, &metadata).await.is(201);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let told = answer.json();
    assert_eq!(told["client_secret_expires_at"], 0);
    assert_eq!(told["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(
        told["id_token_signed_response_alg"], "RS256",
        "OpenID Connect Dynamic Client Registration, section 2"
    );
    assert_eq!(
        (&told["software_id"], &told["consent_required"]),
        (&Value::Null, &Value::Null)
    );
    assert!(told["client_id_issued_at"].is_u64());
    let application = Application {
        id: answer.field("client_id"),
        client_id: answer.field("client_id"),
        secret: Some(answer.field("client_secret")),
        redirect_uri: CALLBACK.to_owned(),
    };
    // RS256 stands in the key set before the first token is signed with it.
    let jwks = Answer::to(realm.api.http().get(realm.endpoint("jwks")))
        .await
        .is(200)
        .json();
    assert!(
        jwks["keys"]
            .as_array()
            .unwrap()
            .iter()
            .any(|key| key["alg"] == "RS256")
    );

    let request = Authorization::new(&realm, &application, "openid email offline_access orders:read");
    let mut browser = Browser::new(&realm);
    let page = browser.open(&request.url()).await.sign_in_page();
    let asked = browser.fill(&page, &alice.username, &alice.password).await.page();
    assert!(
        asked.text.contains("A stranger"),
        "people are asked: {}",
        asked.text
    );
    assert!(
        asked.text.contains("registered by itself")
            && asked.text.contains("<strong>client.example.test</strong>"),
        "a name is nothing to go by: {}",
        asked.text
    );
    let form = form_of(&asked.text);
    let mut fields = form.hidden;
    fields.push(("decision".to_owned(), "allow".to_owned()));
    let callback = browser.post(&form.action, &fields).await.back();
    let tokens = realm
        .redeem(&application, callback.code(), &request)
        .await
        .is(200);
    assert_eq!(header_of(&tokens.field("id_token"))["alg"], "RS256");
    assert_eq!(
        realm
            .userinfo(&tokens.field("access_token"))
            .await
            .is(200)
            .field("sub"),
        alice.id
    );
    let _ = realm
        .refresh(&application, &tokens.field("refresh_token"))
        .await
        .is(200);
}

#[tokio::test]
async fn the_realm_says_who_may_and_discovery_tells_it() {
    let told = async |realm: &Realm| {
        let place = format!("{}/.well-known/openid-configuration", realm.issuer());
        Answer::to(realm.api.http().get(place)).await.is(200).json()["registration_endpoint"].clone()
    };
    let closed = Realm::on(&shared()).await;
    assert_eq!(told(&closed).await, Value::Null);
    let (token, _) = initial(&closed, json!({})).await;
    for token in [None, Some(token.as_str())] {
        let _ = register(&closed, token, &least())
            .await
            .is_problem(404, "not_found");
    }
    let by_token = realm("token").await;
    assert_eq!(told(&by_token).await, json!(by_token.endpoint("register")));
    is_unauthorized(&register(&by_token, None, &least()).await, None);
    let elsewhere = realm("token").await;
    let (foreign, _) = initial(&elsewhere, json!({})).await;
    for wrong in ["", "x", "chi_x", foreign.as_str(), by_token.api.token()] {
        is_unauthorized(
            &register(&by_token, Some(wrong), &least()).await,
            Some("invalid_token"),
        );
    }
    let manage = json!({ "oauth": { "registration_scopes": ["manage"] } });
    let refused = by_token.api.patch(&by_token.at("/settings"), manage).await;
    let _ = refused.is_problem(422, "invalid");
}

#[tokio::test]
async fn an_initial_access_token_is_good_for_its_uses_until_it_is_withdrawn() {
    let realm = realm("token").await;
    let (token, id) = initial(&realm, json!({ "uses": 2, "expires_in": 600 })).await;
    let refused = register(&realm, Some(&token), &json!({ "redirect_uris": [] })).await;
    let _ = refused.is_oauth_error(400, "invalid_redirect_uri");
    for _ in 0..2 {
        let _ = register(&realm, Some(&token), &least()).await.is(201);
    }
    is_unauthorized(
        &register(&realm, Some(&token), &least()).await,
        Some("invalid_token"),
    );
    let place = realm.at(&format!("/initial-access-tokens/{id}"));
    let told = realm.api.query(&place).await.is(200).json();
    assert_eq!(
        (&told["uses"], &told["used"], &told["good"]),
        (&json!(2), &json!(2), &json!(false))
    );

    let (token, id) = initial(&realm, json!({ "uses": 5 })).await;
    let _ = register(&realm, Some(&token), &least()).await.is(201);
    let _ = realm
        .api
        .delete(&realm.at(&format!("/initial-access-tokens/{id}")))
        .await
        .is(200);
    is_unauthorized(
        &register(&realm, Some(&token), &least()).await,
        Some("invalid_token"),
    );
    for bad in [
        json!({ "uses": 0 }),
        json!({ "uses": 1_001 }),
        json!({ "expires_in": 59 }),
    ] {
        let refused = realm.api.post(&realm.at("/initial-access-tokens"), bad).await;
        let _ = refused.is_problem(422, "invalid");
    }
    let events = realm.events("facts", "").await;
    let text = json!(events).to_string();
    assert!(
        !text.contains(token.trim_start_matches("chi_")),
        "the token is nowhere in the log"
    );
}

#[tokio::test]
async fn an_application_manages_its_registration_by_the_last_token_alone() {
    let realm = realm("open").await;
    let told = register(&realm, None, &least()).await.is(201);
    let other = register(&realm, None, &least()).await.is(201);
    let (place, first) = (
        told.field("registration_client_uri"),
        told.field("registration_access_token"),
    );
    assert_eq!(
        place,
        format!("{}/{}", realm.endpoint("register"), told.field("client_id"))
    );
    let read = send(&realm, Method::GET, &place, Some(&first), None)
        .await
        .is(200)
        .json();
    assert_eq!(
        (&read["client_secret"], &read["registration_access_token"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(read["redirect_uris"], json!([CALLBACK]));

    is_unauthorized(&send(&realm, Method::GET, &place, None, None).await, None);
    let foreign = other.field("registration_access_token");
    for wrong in [foreign.as_str(), "chr_x", "", &told.field("client_secret")] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let body = (method == Method::PUT).then(least);
            let answer = send(&realm, method, &place, Some(wrong), body.as_ref()).await;
            is_unauthorized(&answer, Some("invalid_token"));
        }
    }
    for nowhere in [
        "x",
        "00000000-0000-0000-0000-000000000000",
        &other.field("client_id"),
    ] {
        let place = format!("{}/{nowhere}", realm.endpoint("register"));
        is_unauthorized(
            &send(&realm, Method::GET, &place, Some(&first), None).await,
            Some("invalid_token"),
        );
    }

    let change = |more: Value| {
        let mut all = json!({ "client_id": told.field("client_id"), "redirect_uris": [CALLBACK], "client_name": "Renamed" });
        all.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        all
    };
    for bad in [
        change(json!({ "client_id": other.field("client_id") })),
        change(json!({ "client_id": null })),
        change(json!({ "client_secret": "guessed" })),
        change(json!({ "client_secret": 1 })),
        change(json!({ "registration_access_token": first })),
        change(json!({ "token_endpoint_auth_method": "none" })),
        change(json!({ "scope": "orders:write" })),
    ] {
        let answer = send(&realm, Method::PUT, &place, Some(&first), Some(&bad)).await;
        let _ = answer.is_oauth_error(400, "invalid_client_metadata");
    }
    let good = change(
        json!({ "client_secret": told.field("client_secret"), "tos_uri": "https://client.example.test/tos" }),
    );
    let changed = send(&realm, Method::PUT, &place, Some(&first), Some(&good))
        .await
        .is(200);
    assert_eq!(
        (changed.field("client_name"), changed.field("tos_uri")),
        ("Renamed".into(), "https://client.example.test/tos".into())
    );
    let second = changed.field("registration_access_token");
    assert_ne!(first, second);
    is_unauthorized(
        &send(&realm, Method::GET, &place, Some(&first), None).await,
        Some("invalid_token"),
    );
    let _ = send(&realm, Method::GET, &place, Some(&second), None)
        .await
        .is(200);

    let _ = send(&realm, Method::DELETE, &place, Some(&second), None)
        .await
        .is(204);
    is_unauthorized(
        &send(&realm, Method::GET, &place, Some(&second), None).await,
        Some("invalid_token"),
    );
    let listed = realm.at(&format!("/applications/{}", told.field("client_id")));
    eventually("it is told that it is over", || async {
        let told = realm.api.query(&listed).await.is(200).json();
        (told["disabled"] == true || told["status"] == "disabled").then_some(())
    })
    .await;
    let _ = realm
        .api
        .act(&realm.at(&format!("/applications/{}/enable", told.field("client_id"))))
        .await;
    is_unauthorized(
        &send(&realm, Method::GET, &place, Some(&second), None).await,
        Some("invalid_token"),
    );
    let by_administrator = realm.application("web").await;
    let place = format!("{}/{}", realm.endpoint("register"), by_administrator.client_id);
    is_unauthorized(
        &send(&realm, Method::GET, &place, Some(&foreign), None).await,
        Some("invalid_token"),
    );
}

#[tokio::test]
async fn metadata_that_are_wrong_in_any_way_are_refused_by_their_code() {
    let realm = realm("open").await;
    let place = realm.endpoint("register");
    let http = realm.api.http();
    for (content_type, body) in [
        ("application/json", String::new()),
        ("application/json", "{".to_owned()),
        ("application/json", "[]".to_owned()),
        ("application/json", "null".to_owned()),
        (
            "application/json",
            r#"{"redirect_uris":["https://a.example/"],"redirect_uris":[]}"#.to_owned(),
        ),
        ("application/json", "[".repeat(10_000)),
        (
            "application/json",
            format!("{{\"client_name\":\"{}\"}}", "x".repeat(900_000)),
        ),
        ("application/x-www-form-urlencoded", "redirect_uris=x".to_owned()),
        ("text/plain", least().to_string()),
    ] {
        let short: String = body.chars().take(60).collect();
        let request = http.post(&place).header("content-type", content_type).body(body);
        let answer = Answer::to(request).await;
        assert!(
            matches!(answer.status, 400 | 413),
            "{content_type} {short}: {answer:?}"
        );
    }
    for (more, error) in [
        (
            json!({ "redirect_uris": "https://a.example/" }),
            "invalid_client_metadata",
        ),
        (
            json!({ "redirect_uris": ["javascript:alert(1)"] }),
            "invalid_redirect_uri",
        ),
        (
            json!({ "redirect_uris": ["https://*.example/"] }),
            "invalid_redirect_uri",
        ),
        (
            json!({ "redirect_uris": ["com.example.app:/cb"] }),
            "invalid_redirect_uri",
        ),
        (
            json!({ "logo_uri": "javascript:alert(1)" }),
            "invalid_client_metadata",
        ),
        (
            json!({ "jwks": { "keys": [] }, "jwks_uri": "https://a.example/jwks" }),
            "invalid_client_metadata",
        ),
        (
            json!({ "token_endpoint_auth_method": "private_key_jwt" }),
            "invalid_client_metadata",
        ),
        (
            json!({ "grant_types": ["urn:ietf:params:oauth:grant-type:jwt-bearer"] }),
            "invalid_client_metadata",
        ),
        (json!({ "scope": "manage" }), "invalid_client_metadata"),
        // An address that only the server could reach.
        (
            json!({ "sector_identifier_uri": "https://127.0.0.1:1/uris" }),
            "invalid_client_metadata",
        ),
        (
            json!({ "sector_identifier_uri": "https://169.254.169.254/latest" }),
            "invalid_client_metadata",
        ),
        (
            json!({ "client_name": "x".repeat(300) }),
            "invalid_client_metadata",
        ),
        (json!({ "contacts": vec!["a"; 100] }), "invalid_client_metadata"),
    ] {
        let mut metadata = least();
        metadata
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let answer = register(&realm, None, &metadata).await;
        let description = answer.is_oauth_error(400, error).field("error_description");
        assert!(!description.is_empty(), "{more}");
    }
}

#[tokio::test]
async fn a_token_that_is_good_once_makes_one_application_of_a_hundred_also_across_a_restart() {
    let mut server = Server::start(Options::default());
    let realm = Realm::new(&Api::admin(&server).await).await;
    open(&realm, "token").await;
    let (token, _) = initial(&realm, json!({})).await;
    let answers = at_once(100, |_| {
        let (realm, token) = (realm.clone(), token.clone());
        async move { register(&realm, Some(&token), &least()).await }
    })
    .await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1);
    assert!(
        answers.iter().all(|answer| matches!(answer.status, 201 | 401)),
        "{answers:?}"
    );
    let (place, managing) = (
        made[0].field("registration_client_uri"),
        made[0].field("registration_access_token"),
    );

    let change =
        json!({ "client_id": made[0].field("client_id"), "redirect_uris": [CALLBACK], "client_name": "x" });
    let changes = at_once(100, |_| {
        let (realm, place, managing, change) =
            (realm.clone(), place.clone(), managing.clone(), change.clone());
        async move {
            send(&realm, Method::PUT, &place, Some(&managing), Some(&change))
                .await
                .status
        }
    })
    .await;
    assert_eq!(
        changes.iter().filter(|status| **status == 200).count(),
        1,
        "{changes:?}"
    );

    server.kill();
    let server = server.restart();
    // With connections of its own: those of before are gone.
    let realm = Realm {
        api: Api::admin(&server).await,
        ..realm
    };
    is_unauthorized(
        &register(&realm, Some(&token), &least()).await,
        Some("invalid_token"),
    );
    let place = place.replace(&place[..place.find("/realms").unwrap()], realm.api.base());
    is_unauthorized(
        &send(&realm, Method::GET, &place, Some(&managing), None).await,
        Some("invalid_token"),
    );
}

#[tokio::test]
async fn a_stranger_learns_nothing_of_others_and_gets_to_no_api() {
    let realm = realm("open").await;
    let (alice, shop) = (realm.user().await, realm.application("web").await);
    let tokens = realm.sign_in(&shop, &alice, "openid").await;
    let metadata = json!({ "grant_types": ["client_credentials"], "scope": "orders:read" });
    let told = register(&realm, None, &metadata).await.is(201);
    let stranger = Application {
        id: told.field("client_id"),
        client_id: told.field("client_id"),
        secret: Some(told.field("client_secret")),
        redirect_uri: String::new(),
    };
    let asked = [("token", tokens.access.as_str())];
    let answer = realm.ask("introspect", &stranger, &asked).await.is(200);
    assert_eq!(answer.json(), json!({ "active": false }));
    let own = realm.own_token(&stranger).await.is(200);
    assert_eq!(own.field("scope"), "orders:read");
    let api = realm.api.with_token(&own.field("access_token"));
    for path in ["/users", "/applications", "/settings"] {
        let _ = api.query(&realm.at(path)).await.is_problem(403, "forbidden");
    }
    let exchange = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", tokens.access.as_str()),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
    ];
    let _ = realm
        .token(&stranger, &exchange)
        .await
        .is_oauth_error(400, "unauthorized_client");
    let manage = [("grant_type", "client_credentials"), ("scope", "manage")];
    let _ = realm
        .token(&stranger, &manage)
        .await
        .is_oauth_error(400, "invalid_scope");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sector_lists_the_places_of_all_who_share_it() {
    let options = Options::default()
        .with("CHANCERY_OUTBOUND__ALLOW_HTTP", "true")
        .with("CHANCERY_OUTBOUND__ALLOW_PRIVATE", "127.0.0.0/8");
    let server = Server::start(options);
    let realm = Realm::on(&server).await;
    open(&realm, "open").await;
    let (one, other) = ("https://one.example.test/cb", "https://other.example.test/cb");
    let sector = serving(&json!([one, other])).await;
    let pairwise = |uris: Value, sector: Option<&str>| json!({ "redirect_uris": uris, "subject_type": "pairwise", "sector_identifier_uri": sector });
    let both = register(&realm, None, &pairwise(json!([one, other]), Some(&sector))).await;
    assert_eq!(both.is(201).field("sector_identifier_uri"), sector);
    let no_list = serving(&json!({ "redirect_uris": [one] })).await;
    for metadata in [
        pairwise(json!([one, CALLBACK]), Some(&sector)),
        pairwise(json!([one]), Some(&no_list)),
        pairwise(json!([one, other]), None),
    ] {
        let refused = register(&realm, None, &metadata).await;
        let _ = refused.is_oauth_error(400, "invalid_client_metadata");
    }
}
