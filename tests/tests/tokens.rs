//! Tokens after they were issued: refreshed once each, narrowed, introspected, revoked; and who may ask for which.
//! Every key and every address that a realm publishes is used here as a stranger would use it.

use std::sync::Arc;

use chancery_tests::harness::{
    Answer, Application, Keys, Method, Options, Realm, Server, Tokens, User, at_once, eventually, header_of,
    payload_of, shared, tampered,
};
use serde_json::{Value, json};

struct Scene {
    realm: Realm,
    application: Application,
    resource: Application,
    alice: User,
}

async fn scene(kind: &str) -> (Arc<Server>, Scene) {
    let server = shared();
    let realm = Realm::on(&server).await;
    let (application, resource) = (realm.application(kind).await, realm.application("service").await);
    let alice = realm.user().await;
    (
        server,
        Scene {
            realm,
            application,
            resource,
            alice,
        },
    )
}

impl Scene {
    async fn tokens(&self, scope: &str) -> Tokens {
        self.realm.sign_in(&self.application, &self.alice, scope).await
    }

    async fn is_active(&self, token: &str) -> bool {
        self.realm.is_active(&self.resource, token).await
    }

    async fn userinfo(&self, token: &str) -> Answer {
        Answer::to(
            self.realm
                .api
                .http()
                .get(self.realm.endpoint("userinfo"))
                .bearer_auth(token),
        )
        .await
    }
}

#[tokio::test]
async fn each_refresh_token_is_good_once_and_the_next_one_takes_its_place() {
    for kind in ["spa", "web", "native"] {
        let (_server, scene) = scene(kind).await;
        let first = scene.tokens("openid offline_access").await;
        let second = Tokens::from(scene.realm.refresh(&scene.application, first.refresh()).await);
        let third = Tokens::from(scene.realm.refresh(&scene.application, second.refresh()).await);
        assert_ne!(first.refresh(), second.refresh());
        assert_ne!(payload_of(&first.access)["jti"], payload_of(&third.access)["jti"]);
        assert_eq!(payload_of(first.id())["sub"], payload_of(third.id())["sub"]);
        assert_eq!(
            payload_of(first.id())["auth_time"],
            payload_of(third.id())["auth_time"]
        );
        assert!(
            payload_of(third.id())["nonce"].is_null(),
            "a refreshed id token answers no request"
        );
        assert!(scene.is_active(&third.access).await);
    }
}

#[tokio::test]
async fn without_offline_access_there_is_no_refresh_token() {
    let (_server, scene) = scene("web").await;
    assert!(scene.tokens("openid").await.refresh.is_none());
    let tokens = scene.tokens("orders:read").await;
    assert!(tokens.id.is_none(), "nor an id token without openid");
}

#[tokio::test]
async fn a_refresh_token_that_is_used_twice_ends_its_family() {
    let (_server, scene) = scene("spa").await;
    let first = scene.tokens("openid offline_access").await;
    let second = Tokens::from(scene.realm.refresh(&scene.application, first.refresh()).await);
    assert!(scene.is_active(&second.access).await);
    let _ = scene
        .realm
        .refresh(&scene.application, first.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
    let _ = scene
        .realm
        .refresh(&scene.application, second.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
    assert!(!scene.is_active(&first.access).await && !scene.is_active(&second.access).await);
    assert_eq!(scene.userinfo(&second.access).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_who_use_one_refresh_token_get_one_answer_also_across_a_restart() {
    let server = Server::start(Options::default());
    let realm = Realm::on(&server).await;
    let (application, alice) = (realm.application("web").await, realm.user().await);
    let refresh = async |token: String| {
        let answers = at_once(100, |_| {
            let (realm, application, token) = (realm.clone(), application.clone(), token.clone());
            async move { realm.refresh(&application, &token).await }
        });
        let answers = answers.await;
        assert!(
            answers.iter().all(|answer| [200, 400].contains(&answer.status)),
            "{answers:?}"
        );
        answers
            .into_iter()
            .filter(|answer| answer.status == 200)
            .collect::<Vec<_>>()
    };
    let tokens = realm.sign_in(&application, &alice, "openid offline_access").await;
    assert_eq!(refresh(tokens.refresh().to_owned()).await.len(), 1);

    let tokens = realm.sign_in(&application, &alice, "openid offline_access").await;
    let next = Tokens::from(realm.refresh(&application, tokens.refresh()).await);
    let mut server = server;
    server.kill();
    let _server = server.restart();
    assert_eq!(refresh(next.refresh().to_owned()).await.len(), 1);
    let _ = realm
        .refresh(&application, tokens.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");
}

#[tokio::test]
async fn a_refresh_token_is_its_applications_and_unaltered() {
    let (_server, scene) = scene("web").await;
    let other = scene.realm.application("web").await;
    let tokens = scene.tokens("openid offline_access").await;
    let token = tokens.refresh();
    let _ = scene
        .realm
        .refresh(&other, token)
        .await
        .is_oauth_error(400, "invalid_grant");
    let altered = format!(
        "{}{}",
        &token[..token.len() - 1],
        if token.ends_with('A') { 'B' } else { 'A' }
    );
    for bad in [altered.as_str(), &token[1..], "x", &tokens.access, tokens.id()] {
        let _ = scene
            .realm
            .refresh(&scene.application, bad)
            .await
            .is_oauth_error(400, "invalid_grant");
    }
    let _ = scene
        .realm
        .refresh(&scene.application, "")
        .await
        .is_oauth_error(400, "invalid_request");
    let nobody = Application {
        secret: None,
        ..scene.application.clone()
    };
    let _ = scene
        .realm
        .refresh(&nobody, token)
        .await
        .is_oauth_error(401, "invalid_client");
    Tokens::from(scene.realm.refresh(&scene.application, token).await);
}

#[tokio::test]
async fn less_may_be_asked_for_than_was_granted_and_never_more() {
    let (_server, scene) = scene("web").await;
    let tokens = scene.tokens("openid offline_access orders:read").await;
    let narrowed = async |token: &str, scope: &str| {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("scope", scope),
        ];
        scene.realm.token(&scene.application, &form).await
    };
    let _ = narrowed(tokens.refresh(), "openid orders:write")
        .await
        .is_oauth_error(400, "invalid_scope");
    let less = Tokens::from(narrowed(tokens.refresh(), "orders:read").await);
    assert_eq!(payload_of(&less.access)["scope"], "orders:read");
    let all = Tokens::from(scene.realm.refresh(&scene.application, less.refresh()).await);
    assert_eq!(
        payload_of(&all.access)["scope"],
        "offline_access openid orders:read"
    );

    // What the application may no longer ask for is not given again.
    let path = scene.realm.at(&format!("/applications/{}", scene.application.id));
    let _ = scene.realm.api.patch(&path, json!({"scopes": []})).await.is(200);
    let after = Tokens::from(scene.realm.refresh(&scene.application, all.refresh()).await);
    assert_eq!(payload_of(&after.access)["scope"], "offline_access openid");
}

#[tokio::test]
async fn an_application_acts_for_itself_only_if_it_can_prove_who_it_is() {
    let (_server, scene) = scene("spa").await;
    let realm = &scene.realm;
    let service = realm
        .application_with("service", json!({"scopes": ["orders:read", "orders:write"]}))
        .await;
    let token = realm.own_token(&service).await.is(200);
    assert!(token.json()["refresh_token"].is_null() && token.json()["id_token"].is_null());
    let access = Keys::of(realm)
        .await
        .access(&token.field("access_token"), &realm.issuer())
        .expect("verifies");
    assert_eq!(access.subject(), service.id);
    assert!(access.get("sid").is_none());
    let ask = async |form: &[(&str, &str)]| realm.token(&service, form).await;
    let narrowed = ask(&[("grant_type", "client_credentials"), ("scope", "orders:read")])
        .await
        .is(200);
    assert_eq!(
        payload_of(&narrowed.field("access_token"))["scope"],
        "orders:read"
    );
    let _ = ask(&[("grant_type", "client_credentials"), ("scope", "root")])
        .await
        .is_oauth_error(400, "invalid_scope");
    let _ = ask(&[("grant_type", "password"), ("username", "a"), ("password", "b")])
        .await
        .is_oauth_error(400, "unsupported_grant_type");
    let _ = ask(&[]).await.is_oauth_error(400, "invalid_request");
    let code = ask(&[
        ("grant_type", "authorization_code"),
        ("code", "x"),
        ("redirect_uri", "https://x.test"),
    ])
    .await;
    assert!([400, 401].contains(&code.status));
    for kind in ["spa", "native"] {
        let public = realm.application(kind).await;
        let _ = realm
            .own_token(&public)
            .await
            .is_oauth_error(400, "unauthorized_client");
    }
}

#[tokio::test]
async fn client_authentication_cannot_be_skipped_mixed_or_guessed() {
    let (_server, scene) = scene("web").await;
    let (realm, service) = (&scene.realm, &scene.resource);
    let (id, secret) = (
        service.client_id.as_str(),
        service.secret.as_deref().expect("a secret"),
    );
    let grant = ("grant_type", "client_credentials");
    let request = || realm.api.http().post(realm.endpoint("token"));
    let _ = Answer::to(request().basic_auth(id, Some(secret)).form(&[grant]))
        .await
        .is(200);
    let _ = Answer::to(request().form(&[grant, ("client_id", id), ("client_secret", secret)]))
        .await
        .is(200);

    for (how, request) in [
        (
            "a wrong secret",
            request().basic_auth(id, Some("wrong")).form(&[grant]),
        ),
        (
            "an empty secret",
            request().basic_auth(id, Some("")).form(&[grant]),
        ),
        ("no secret", request().form(&[grant, ("client_id", id)])),
        (
            "an empty secret in the form",
            request().form(&[grant, ("client_id", id), ("client_secret", "")]),
        ),
        (
            "another's secret",
            request()
                .basic_auth(&scene.application.client_id, Some(secret))
                .form(&[grant]),
        ),
        (
            "an unknown client",
            request().basic_auth("nobody", Some(secret)).form(&[grant]),
        ),
        ("nobody at all", request().form(&[grant])),
        ("another scheme", request().bearer_auth(secret).form(&[grant])),
        (
            "no base64",
            request().header("authorization", "Basic !").form(&[grant]),
        ),
        (
            "an assertion",
            request().form(&[
                grant,
                ("client_assertion_type", "x"),
                ("client_assertion", "y"),
                ("client_id", id),
            ]),
        ),
    ] {
        let answer = Answer::to(request).await;
        assert_eq!(
            (answer.status, answer.field("error")),
            (401, "invalid_client".into()),
            "{how}: {}",
            answer.text
        );
        assert!(
            answer
                .header("www-authenticate")
                .is_some_and(|value| value.starts_with("Basic")),
            "{how}"
        );
    }
    for (how, request) in [
        (
            "both methods",
            request()
                .basic_auth(id, Some(secret))
                .form(&[grant, ("client_secret", secret)]),
        ),
        (
            "another client_id",
            request()
                .basic_auth(id, Some(secret))
                .form(&[grant, ("client_id", "other")]),
        ),
        (
            "twice a parameter",
            request().basic_auth(id, Some(secret)).form(&[grant, grant]),
        ),
    ] {
        let answer = Answer::to(request).await;
        assert_eq!(
            (answer.status, answer.field("error")),
            (400, "invalid_request".into()),
            "{how}: {}",
            answer.text
        );
    }
    let in_query = format!(
        "{}?grant_type=client_credentials&client_id={id}&client_secret={secret}",
        realm.endpoint("token")
    );
    let answer = Answer::to(realm.api.http().post(in_query).form(&[("x", "y")])).await;
    assert!(
        [400, 401].contains(&answer.status),
        "credentials in the address: {}",
        answer.status
    );
    eventually("failures are in the log", async || {
        let failed = realm
            .events("activity", "&type=client_authentication.failed")
            .await;
        (failed.len() >= 4).then_some(())
    })
    .await;
}

#[tokio::test]
async fn introspection_tells_a_confidential_client_what_is_so_now() {
    let (_server, scene) = scene("web").await;
    let tokens = scene.tokens("openid profile orders:read offline_access").await;
    let ask =
        async |who: &Application, token: &str| scene.realm.ask("introspect", who, &[("token", token)]).await;
    let told = ask(&scene.resource, &tokens.access).await.is(200);
    assert_eq!(told.header("cache-control"), Some("no-store"));
    let told = told.json();
    for (claim, value) in [
        ("active", json!(true)),
        ("sub", json!(scene.alice.id)),
        ("client_id", json!(scene.application.client_id)),
        ("iss", json!(scene.realm.issuer())),
        ("token_type", json!("Bearer")),
        ("username", json!(scene.alice.username)),
        ("scope", json!("offline_access openid orders:read profile")),
    ] {
        assert_eq!(told[claim], value, "{claim}");
    }
    assert!(
        told["exp"].is_u64() && told["iat"].is_u64() && told["jti"].is_string(),
        "{told}"
    );

    let _ = ask(&scene.realm.application("spa").await, &tokens.access)
        .await
        .is(401);
    let nobody = Application {
        secret: Some("wrong".into()),
        ..scene.resource.clone()
    };
    let _ = ask(&nobody, &tokens.access)
        .await
        .is_oauth_error(401, "invalid_client");
    let _ = scene
        .realm
        .ask("introspect", &scene.resource, &[])
        .await
        .is_oauth_error(400, "invalid_request");
    for (how, token) in tampered(&tokens.access) {
        let told = ask(&scene.resource, &token).await.is(200).json();
        assert_eq!(told, json!({"active": false}), "{how}");
    }
    assert_eq!(
        ask(&scene.resource, "x").await.is(200).json(),
        json!({"active": false})
    );
    assert_eq!(
        ask(&scene.resource, tokens.id()).await.is(200).json(),
        json!({"active": false}),
        "an id token"
    );
    let uninvolved = scene.realm.application("web").await;
    assert_eq!(
        ask(&uninvolved, &tokens.access).await.is(200).json(),
        json!({"active": false}),
        "a token of others"
    );
}

#[tokio::test]
async fn a_token_that_was_given_back_is_void_at_once() {
    let (_server, scene) = scene("web").await;
    let revoke =
        async |who: &Application, token: &str| scene.realm.ask("revoke", who, &[("token", token)]).await;
    let other = scene.realm.application("web").await;

    let tokens = scene.tokens("openid offline_access").await;
    let _ = revoke(&other, &tokens.access).await.is(200);
    let _ = revoke(&other, tokens.refresh()).await.is(200);
    assert!(
        scene.is_active(&tokens.access).await,
        "another's token is not given back"
    );
    let _ = revoke(&scene.application, &tokens.access).await.is(200);
    assert!(!scene.is_active(&tokens.access).await);
    assert_eq!(scene.userinfo(&tokens.access).await.status, 401);
    let next = Tokens::from(scene.realm.refresh(&scene.application, tokens.refresh()).await);
    assert!(scene.is_active(&next.access).await, "the family goes on");

    let _ = revoke(&scene.application, next.refresh()).await.is(200);
    assert!(
        !scene.is_active(&next.access).await,
        "a refresh token takes its family along"
    );
    let _ = scene
        .realm
        .refresh(&scene.application, next.refresh())
        .await
        .is_oauth_error(400, "invalid_grant");

    for nothing in ["x", "a.b.c", &tokens.access, next.refresh()] {
        let _ = revoke(&scene.application, nothing).await.is(200);
    }
    let _ = scene
        .realm
        .ask("revoke", &scene.application, &[])
        .await
        .is_oauth_error(400, "invalid_request");
    let nobody = Application {
        secret: Some("wrong".into()),
        ..scene.application.clone()
    };
    let _ = revoke(&nobody, &tokens.access)
        .await
        .is_oauth_error(401, "invalid_client");

    let own = scene
        .realm
        .own_token(&scene.resource)
        .await
        .is(200)
        .field("access_token");
    assert!(scene.is_active(&own).await);
    let _ = revoke(&scene.resource, &own).await.is(200);
    assert!(!scene.is_active(&own).await);
}

#[tokio::test]
async fn userinfo_tells_what_the_scopes_release() {
    let (_server, scene) = scene("spa").await;
    let path = scene.realm.at(&format!("/users/{}", scene.alice.id));
    let profile =
        json!({"given_name": "Alice", "family_name": "Liddell", "phone": "+41791234567", "locale": "en-GB"});
    let _ = scene.realm.api.patch(&path, profile).await.is(200);
    let told = async |scope: &str| {
        let tokens = scene.tokens(scope).await;
        scene.userinfo(&tokens.access).await.is(200).json()
    };
    assert_eq!(told("openid").await, json!({"sub": scene.alice.id}));
    let profile = told("openid profile").await;
    assert_eq!(
        (&profile["given_name"], &profile["preferred_username"]),
        (&json!("Alice"), &json!(scene.alice.username))
    );
    assert!(profile["email"].is_null() && profile["phone_number"].is_null());
    let email = told("openid email").await;
    assert_eq!(
        (&email["email"], &email["email_verified"]),
        (&json!(scene.alice.email), &json!(false))
    );
    assert_eq!(told("openid phone").await["phone_number"], "+41791234567");

    let tokens = scene.tokens("orders:read").await;
    let refused = scene.userinfo(&tokens.access).await;
    assert_eq!(refused.status, 403, "not without openid: {}", refused.text);
    assert!(
        refused
            .header("www-authenticate")
            .is_some_and(|challenge| challenge.contains("insufficient_scope"))
    );
    let own = scene
        .realm
        .own_token(&scene.resource)
        .await
        .is(200)
        .field("access_token");
    assert!(
        [401, 403].contains(&scene.userinfo(&own).await.status),
        "no user, no userinfo"
    );

    let good = scene.tokens("openid").await;
    let post = scene.realm.api.http().post(scene.realm.endpoint("userinfo"));
    let _ = Answer::to(post.bearer_auth(&good.access)).await.is(200);
    let bare = Answer::to(scene.realm.api.http().get(scene.realm.endpoint("userinfo")))
        .await
        .is(401);
    assert!(
        bare.header("www-authenticate")
            .is_some_and(|challenge| challenge.starts_with("Bearer"))
    );
    for (how, token) in tampered(&good.access) {
        assert_eq!(scene.userinfo(&token).await.status, 401, "{how}");
    }
    assert_eq!(scene.userinfo(good.id()).await.status, 401, "an id token");
    let query = format!(
        "{}?access_token={}",
        scene.realm.endpoint("userinfo"),
        good.access
    );
    let in_address = Answer::to(scene.realm.api.http().get(query)).await;
    assert!(
        [400, 401].contains(&in_address.status),
        "a token in the address: {}",
        in_address.status
    );
}

#[tokio::test]
async fn tokens_are_signed_as_the_application_chose_and_verify_with_the_published_keys() {
    let realm = Realm::on(&shared()).await;
    let alice = realm.user().await;
    for algorithm in ["ES256", "RS256", "EdDSA"] {
        let settings =
            json!({"id_token_signed_response_alg": algorithm, "access_token_signed_response_alg": algorithm});
        let application = realm.application_with("web", settings).await;
        let tokens = realm.sign_in(&application, &alice, "openid").await;
        let keys = Keys::of(&realm).await;
        for (token, typ) in [(&*tokens.access, "at+jwt"), (tokens.id(), "JWT")] {
            let header = header_of(token);
            assert_eq!((&header["alg"], &header["typ"]), (&json!(algorithm), &json!(typ)));
            assert!(keys.kids().iter().any(|kid| header["kid"] == **kid), "{header}");
        }
        keys.access(&tokens.access, &realm.issuer()).expect("verifies");
        let id = keys.id(tokens.id(), &application.client_id).expect("verifies");
        keys.id(tokens.id(), "another").expect_err("not for others");
        let half = match algorithm {
            "EdDSA" => aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, tokens.access.as_bytes()),
            _ => aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, tokens.access.as_bytes()),
        };
        let half = &half.as_ref()[..half.as_ref().len() / 2];
        let half = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, half);
        assert_eq!(
            id.string("at_hash"),
            Some(&*half),
            "OpenID Connect Core, section 3.1.3.6"
        );
        for (how, token) in tampered(&tokens.access) {
            keys.access(&token, &realm.issuer()).expect_err(how);
        }
    }
    let jwks = Answer::to(realm.api.http().get(realm.endpoint("jwks")))
        .await
        .is(200);
    let private = ["d", "p", "q", "dp", "dq", "qi", "k"];
    for key in jwks.json()["keys"].as_array().expect("keys") {
        assert!(private.iter().all(|member| key[*member].is_null()), "{key}");
        assert!(
            key["kid"].is_string() && key["alg"].is_string() && key["use"] == "sig",
            "{key}"
        );
    }
}

#[tokio::test]
async fn discovery_tells_what_there_is() {
    let realm = Realm::on(&shared()).await;
    let at = |path: String| realm.api.http().get(format!("{}{path}", realm.api.base()));
    let document = Answer::to(at(format!(
        "/realms/{}/.well-known/openid-configuration",
        realm.name
    )))
    .await
    .is(200)
    .json();
    for inserted in ["oauth-authorization-server", "openid-configuration"] {
        let other = Answer::to(at(format!("/.well-known/{inserted}/realms/{}", realm.name)))
            .await
            .is(200)
            .json();
        assert_eq!(other, document, "{inserted} (RFC 8414)");
    }
    let by_id = Answer::to(at(format!(
        "/realms/{}/.well-known/openid-configuration",
        realm.id
    )))
    .await
    .is(200)
    .json();
    assert_eq!(by_id, document, "the issuer has one name");
    assert_eq!(document["issuer"], realm.issuer());
    let has = |list: &str, value: &str| {
        document[list]
            .as_array()
            .is_some_and(|list| list.contains(&json!(value)))
    };
    assert!(
        has("code_challenge_methods_supported", "S256") && !has("code_challenge_methods_supported", "plain")
    );
    assert!(has("grant_types_supported", "refresh_token") && !has("grant_types_supported", "password"));
    assert!(
        !has("grant_types_supported", "implicit") && document["response_types_supported"] == json!(["code"])
    );
    assert!(
        ["ES256", "RS256", "EdDSA"]
            .iter()
            .all(|one| has("id_token_signing_alg_values_supported", one))
    );
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);

    let mut endpoints = 0;
    for (name, value) in document.as_object().expect("an object") {
        let Some(url) = value
            .as_str()
            .filter(|_| name.ends_with("_endpoint") || name.ends_with("_uri"))
        else {
            continue;
        };
        endpoints += 1;
        assert!(url.starts_with(&realm.issuer()), "{name}: {url}");
        let reads = ["authorization", "userinfo", "jwks", "end_session"]
            .iter()
            .any(|one| name.starts_with(one));
        let request = realm
            .api
            .http()
            .request(if reads { Method::GET } else { Method::POST }, url);
        let answer = Answer::to(if reads {
            request
        } else {
            request.form(&[("x", "y")])
        })
        .await;
        assert!(
            ![404, 405].contains(&answer.status) && answer.status < 500,
            "{name}: {} {}",
            answer.status,
            answer.text
        );
    }
    assert!(endpoints >= 7, "{document}");
    for path in [
        "/realms/nowhere/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/realms/nowhere",
    ] {
        let _ = Answer::to(at(path.into())).await.is(404);
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_fetch_tokens_and_nothing_that_reads_a_cookie() {
    let realm = Realm::on(&shared()).await;
    let asked = async |method: Method, url: String| {
        let request = realm
            .api
            .http()
            .request(method, url)
            .header("origin", "https://app.example.test");
        let request = request.header("access-control-request-method", "POST");
        Answer::to(request).await
    };
    for endpoint in ["token", "revoke"] {
        let preflight = asked(Method::OPTIONS, realm.endpoint(endpoint)).await;
        assert!(preflight.status < 300, "{endpoint}: {}", preflight.status);
        assert_eq!(
            preflight.header("access-control-allow-origin"),
            Some("*"),
            "{endpoint}"
        );
        assert!(
            preflight.header("access-control-allow-credentials").is_none(),
            "{endpoint}"
        );
    }
    for endpoint in ["jwks", "userinfo"] {
        let answer = asked(Method::GET, realm.endpoint(endpoint)).await;
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("*"),
            "{endpoint}"
        );
    }
    for endpoint in ["authorize", "logout", "introspect"] {
        let answer = asked(Method::GET, realm.endpoint(endpoint)).await;
        assert!(
            answer.header("access-control-allow-origin").is_none(),
            "{endpoint}"
        );
    }
    let sign_in = asked(Method::GET, format!("{}/sign-in", realm.issuer())).await;
    assert!(sign_in.header("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn what_was_issued_is_in_the_log_without_the_token() {
    let (_server, scene) = scene("spa").await;
    let tokens = scene.tokens("openid offline_access").await;
    let next = Tokens::from(scene.realm.refresh(&scene.application, tokens.refresh()).await);
    let events = scene.realm.events("activity", "").await;
    let types: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        types,
        [
            "session.started",
            "code.issued",
            "grant.started",
            "token.issued",
            "grant.refreshed",
            "token.issued"
        ]
    );
    let of = |token: &str| payload_of(token)["jti"].clone();
    assert_eq!(
        (&events[3]["data"]["token"], &events[5]["data"]["token"]),
        (&of(&tokens.access), &of(&next.access))
    );
    assert_eq!(events[0]["actor"]["user"], scene.alice.id);
    let text = Value::from(events).to_string();
    assert!(!text.contains(&tokens.access) && !text.contains(tokens.refresh()));
}
