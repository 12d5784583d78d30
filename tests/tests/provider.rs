//! The provider as its clients meet it: how they authenticate, what it says of itself, whose keys it signs with, what it
//! tells of a user, and which pages may ask. Everything published is used here as a stranger would use it.

use chancery_tests::harness::{
    Answer, Keys, Method, Realm, Scene, eventually, header_of, payload_of, shared, tampered,
};
use serde_json::json;

#[tokio::test]
async fn client_authentication_cannot_be_skipped_mixed_or_guessed() {
    let scene = Scene::of("web").await;
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
async fn an_application_acts_for_itself_only_if_it_can_prove_who_it_is() {
    let scene = Scene::of("spa").await;
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
async fn userinfo_tells_what_the_scopes_release() {
    let scene = Scene::of("spa").await;
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
    for algorithm in ["ES256", "PS256", "RS256", "EdDSA"] {
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
        ["ES256", "PS256", "RS256", "EdDSA"]
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
