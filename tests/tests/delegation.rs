//! Tokens that are got for others, tokens that cannot be read, and what is told of all of them to whoever may ask (RFC 8693, RFC 7523,
//! RFC 7662, RFC 9701).

use chancery_tests::harness::{
    Answer, Application, Keys, Options, Realm, Scene, Server, Signer, eventually, header_of, now, payload_of,
    serving,
};
use serde_json::{Value, json};

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const API: &str = "https://api.example";
const STOCK: &str = "https://stock.example";

async fn introspected(realm: &Realm, by: &Application, token: &str) -> Value {
    realm
        .ask("introspect", by, &[("token", token)])
        .await
        .is(200)
        .json()
}

async fn exchange(realm: &Realm, by: &Application, token: &str, more: &[(&str, &str)]) -> Answer {
    let form = [
        ("grant_type", TOKEN_EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", ACCESS_TOKEN),
    ];
    realm.token(by, &[&form[..], more].concat()).await
}

#[tokio::test]
async fn a_service_goes_on_with_a_request_and_everybody_can_see_who_acts() {
    let scene = Scene::of("web").await;
    let realm = &scene.realm;
    let shop = json!({ "audiences": [API], "scopes": ["orders:read"] });
    let shop = realm.application_with("web", shop).await;
    let gateway = json!({
        "audiences": [API, STOCK], "scopes": ["orders:read"], "token_exchange_subjects": [shop.client_id],
        "token_exchange_audiences": [STOCK],
    });
    let gateway = realm.application_with("service", gateway).await;
    let tokens = realm.sign_in(&shop, &scene.alice, "openid orders:read").await;
    let refused = exchange(realm, &scene.application, &tokens.access, &[]).await;
    let _ = refused.is_oauth_error(400, "invalid_request");
    let answer = exchange(realm, &gateway, &tokens.access, &[("audience", STOCK)])
        .await
        .is(200);
    assert_eq!(answer.json()["issued_token_type"], ACCESS_TOKEN);
    let token = answer.field("access_token");
    let verified = Keys::of(realm).await.access(&token, STOCK).expect("verifies");
    let act = json!({ "sub": gateway.id, "client_id": gateway.client_id });
    assert_eq!(
        (verified.subject(), verified.get("act")),
        (&*scene.alice.id, Some(&act))
    );
    assert!(payload_of(&token)["exp"].as_i64() <= payload_of(&tokens.access)["exp"].as_i64());

    let told = introspected(realm, &scene.resource, &token).await;
    assert_eq!((&told["active"], &told["act"]), (&json!(true), &act));
    assert_eq!(
        (&told["sub"], &told["client_id"]),
        (&json!(scene.alice.id), &json!(gateway.client_id))
    );
    assert_eq!(
        (&told["aud"], &told["token_type"]),
        (&json!([STOCK]), &json!("Bearer"))
    );
    assert_eq!(scene.userinfo(&token).await.is(200).json()["act"], act);
    let issued = eventually("the token is in the log", async || {
        let found = realm.events("activity", "&type=token.issued").await;
        found
            .into_iter()
            .find(|event| event["data"]["token"] == payload_of(&token)["jti"])
    });
    let issued = issued.await;
    assert_eq!(issued["data"]["actors"], json!([gateway.id]));
    assert_eq!(issued["data"]["grant_type"], TOKEN_EXCHANGE);

    let disable = realm.at(&format!("/users/{}/disable", scene.alice.id));
    let _ = realm.api.act(&disable).await.is(200);
    assert_eq!(
        introspected(realm, &scene.resource, &token).await,
        json!({ "active": false })
    );
    let _ = exchange(realm, &gateway, &tokens.access, &[])
        .await
        .is_oauth_error(400, "invalid_request");
}

#[tokio::test]
async fn a_token_of_another_application_opens_no_api_of_ours() {
    let scene = Scene::of("web").await;
    let realm = &scene.realm;
    let reader = realm
        .application_with("service", json!({ "scopes": ["orders:read"] }))
        .await;
    let all = json!({ "scopes": ["orders:read"], "token_exchange_subjects": ["*"] });
    let gateway = realm.application_with("service", all).await;
    for application in [&reader, &gateway] {
        let role = realm.at(&format!("/applications/{}/roles/auditor", application.id));
        let _ = realm.api.put(&role, Value::Null).await.is(200);
    }
    let own = realm.own_token(&reader).await.is(200).field("access_token");
    let exchanged = exchange(realm, &gateway, &own, &[])
        .await
        .is(200)
        .field("access_token");
    assert_eq!(payload_of(&exchanged)["sub"], reader.id);
    assert!(realm.is_active(&scene.resource, &exchanged).await);
    let users = realm.at("/users");
    let _ = realm.api.with_token(&own).query(&users).await.is(200);
    let _ = realm
        .api
        .with_token(&exchanged)
        .query(&users)
        .await
        .is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_opaque_token_works_everywhere_and_is_told_of_by_introspection_alone() {
    let scene = Scene::of("web").await;
    let realm = &scene.realm;
    let opaque = json!({ "access_token_format": "opaque", "custom_claims": { "tier": "gold" } });
    let shop = realm.application_with("web", opaque).await;
    let tokens = realm
        .sign_in(&shop, &scene.alice, "openid manage offline_access")
        .await;
    assert!(
        tokens.access.len() < 2_048 && !tokens.access.contains('.'),
        "{}",
        tokens.access
    );
    assert_eq!(
        scene.userinfo(&tokens.access).await.is(200).field("sub"),
        scene.alice.id
    );
    let as_alice = realm.api.with_token(&tokens.access);
    let users = realm.at("/users");
    let _ = as_alice.query(&users).await.is_problem(403, "forbidden");
    let role = realm.at(&format!("/users/{}/roles/realm-administrator", scene.alice.id));
    let _ = realm.api.put(&role, Value::Null).await.is(200);
    eventually("the role counts", async || {
        (as_alice.query(&users).await.status == 200).then_some(())
    })
    .await;

    let told = introspected(realm, &scene.resource, &tokens.access).await;
    assert_eq!((&told["active"], &told["tier"]), (&json!(true), &json!("gold")));
    assert_eq!(
        (&told["iss"], &told["sub"]),
        (&json!(realm.issuer()), &json!(scene.alice.id))
    );
    assert_eq!(told["scope"], "manage offline_access openid");
    assert!(told["exp"].as_i64() > Some(now()) && told["jti"].is_string() && told["amr"] == json!(["pwd"]));

    let _ = realm
        .ask("revoke", &shop, &[("token", &tokens.access)])
        .await
        .is(200);
    assert_eq!(
        introspected(realm, &scene.resource, &tokens.access).await,
        json!({ "active": false })
    );
    let _ = scene.userinfo(&tokens.access).await.is(401);
    let _ = as_alice.query(&users).await.is_problem(401, "unauthenticated");
    let there = Realm::new(&realm.api).await;
    let next = realm
        .refresh(&shop, tokens.refresh())
        .await
        .is(200)
        .field("access_token");
    assert!(realm.is_active(&scene.resource, &next).await);
    let stranger = there.application("service").await;
    assert!(
        !there.is_active(&stranger, &next).await,
        "it is of its realm alone"
    );
}

#[tokio::test]
async fn an_application_is_told_what_its_own_refresh_token_is_worth() {
    let scene = Scene::of("web").await;
    let realm = &scene.realm;
    let tokens = scene.tokens("openid profile offline_access").await;
    let told = introspected(realm, &scene.application, tokens.refresh()).await;
    assert_eq!(
        (&told["active"], &told["sub"]),
        (&json!(true), &json!(scene.alice.id))
    );
    assert_eq!(told["client_id"], scene.application.client_id);
    assert_eq!(
        (&told["scope"], &told["username"]),
        (
            &json!("offline_access openid profile"),
            &json!(scene.alice.username)
        )
    );
    assert_eq!(told.get("token_type"), None, "it is no access token");
    assert!(told["exp"].as_i64() > Some(now() + 86_400));
    let foreign = introspected(realm, &scene.resource, tokens.refresh()).await;
    assert_eq!(foreign, json!({ "active": false }), "it is no concern of others");
    let next = realm.refresh(&scene.application, tokens.refresh()).await.is(200);
    let old = introspected(realm, &scene.application, tokens.refresh()).await;
    assert_eq!(old, json!({ "active": false }), "it was used");
    let next = next.field("refresh_token");
    assert_eq!(
        introspected(realm, &scene.application, &next).await["active"],
        true
    );
    let _ = realm
        .ask("revoke", &scene.application, &[("token", &next)])
        .await
        .is(200);
    assert_eq!(
        introspected(realm, &scene.application, &next).await,
        json!({ "active": false })
    );
}

#[tokio::test]
async fn an_answer_is_signed_for_whoever_asks_for_that() {
    let scene = Scene::of("web").await;
    let realm = &scene.realm;
    let tokens = scene.tokens("openid").await;
    for (token, active) in [(&*tokens.access, true), ("a.b.c", false)] {
        let request = realm.api.http().post(realm.endpoint("introspect"));
        let request = scene.resource.authenticate(request, &[("token", token)]);
        let answer = Answer::to(request.header("accept", "application/token-introspection+jwt"))
            .await
            .is(200);
        assert_eq!(
            answer.header("content-type"),
            Some("application/token-introspection+jwt")
        );
        assert_eq!(header_of(&answer.text)["typ"], "token-introspection+jwt");
        let said = payload_of(&answer.text);
        assert_eq!(
            (&said["iss"], &said["aud"]),
            (&json!(realm.issuer()), &json!(scene.resource.client_id))
        );
        assert_eq!(said["token_introspection"]["active"], active);
        assert_eq!(
            (said.get("exp"), said.get("sub")),
            (None, None),
            "it is no token (RFC 9701, section 5)"
        );
        let keys = Keys::of(realm).await;
        assert!(
            keys.access(&answer.text, &scene.resource.client_id).is_err()
                && keys.id(&answer.text, &scene.resource.client_id).is_err()
        );
    }
}

#[tokio::test]
async fn an_issuer_that_is_trusted_vouches_for_users_by_their_verified_address() {
    let scene = Scene::of("web").await;
    let (realm, key) = (&scene.realm, Signer::default());
    let partner = "https://partner.example";
    let trusted = json!({
        "issuer": partner, "jwks": key.jwks(), "subject": "email",
        "applications": [scene.application.client_id], "scopes": ["openid", "orders:read"],
    });
    realm
        .set(json!({ "oauth": { "trusted_issuers": [trusted] } }))
        .await;
    let bob = realm.user_with(json!({ "email_verified": true })).await;
    let vouch = async |by: &Application, email: &str| {
        let assertion = key.grant_assertion(partner, email, &realm.issuer());
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.as_str()),
        ];
        realm.token(by, &form).await
    };
    let _ = vouch(&scene.application, &scene.alice.email)
        .await
        .is_oauth_error(400, "invalid_grant");
    let _ = vouch(&scene.resource, &bob.email)
        .await
        .is_oauth_error(400, "unauthorized_client");
    let token = vouch(&scene.application, &bob.email)
        .await
        .is(200)
        .field("access_token");
    let verified = Keys::of(realm)
        .await
        .access(&token, &realm.issuer())
        .expect("verifies");
    assert_eq!(
        (verified.subject(), verified.string("scope")),
        (&*bob.id, Some("openid orders:read"))
    );
    assert_eq!(scene.userinfo(&token).await.is(200).field("sub"), bob.id);
    let _ = realm
        .api
        .act(&realm.at(&format!("/users/{}/disable", bob.id)))
        .await
        .is(200);
    assert!(!realm.is_active(&scene.resource, &token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_trusted_issuer_are_fetched_from_where_the_realm_says() {
    let options = Options::default()
        .with("CHANCERY_OUTBOUND__ALLOW_HTTP", "true")
        .with("CHANCERY_OUTBOUND__ALLOW_PRIVATE", "127.0.0.0/8");
    let server = Server::start(options);
    let realm = Realm::on(&server).await;
    let (web, alice, key) = (
        realm.application("web").await,
        realm.user().await,
        Signer::default(),
    );
    let partner = "https://partner.example";
    let vouch = async || {
        let assertion = key.grant_assertion(partner, &alice.username, &realm.issuer());
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.as_str()),
        ];
        realm.token(&web, &form).await
    };
    let trust = async |jwks_uri: &str| {
        let trusted = json!({
            "issuer": partner, "jwks_uri": jwks_uri, "subject": "username", "applications": ["*"], "scopes": ["openid"],
        });
        realm
            .set(json!({ "oauth": { "trusted_issuers": [trusted] } }))
            .await;
    };
    trust(&serving(&key.jwks()).await).await;
    let _ = vouch().await.is(200);
    trust(&serving(&Signer::default().jwks()).await).await;
    let _ = vouch().await.is_oauth_error(400, "invalid_grant");
    trust("http://127.0.0.1:1/jwks").await;
    let away = vouch().await.is_oauth_error(503, "temporarily_unavailable");
    assert!(away.header("retry-after").is_some());
}
