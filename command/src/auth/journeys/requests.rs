//! Requests that came in another way than in an address: pushed, signed, with claims asked for one by one; and
//! answers that are signed. What is wrong with any of them goes nowhere but where the application may hear it.

use jose::{Algorithm, SigningKey};
use serde_json::json;

use super::*;

const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";

impl World {
    /// Pushes a request for the SPA.
    async fn push(&self, changes: &[(&str, &str)]) -> Answer {
        self.call("par", &authorization(changes)).await
    }

    async fn pushed(&self, changes: &[(&str, &str)]) -> String {
        let answer = self.push(changes).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.json()["request_uri"].as_str().unwrap().to_owned()
    }
}

impl Browser<'_> {
    /// Asks with these parameters alone.
    async fn ask(&self, params: &[(&str, &str)]) -> Answer {
        let spa = SPA.to_string();
        let all: Vec<_> = [("client_id", spa.as_str())]
            .into_iter()
            .chain(params.iter().copied())
            .collect();
        self.get(&format!("/realms/demo/oauth2/authorize?{}", encoded(&all)))
            .await
    }
}

#[tokio::test]
async fn a_pushed_request_is_its_applications_for_a_minute_and_gives_one_code() {
    let world = World::new().await;
    let answer = world.push(&[("state", "pushed")]).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(answer.json()["expires_in"], 60);
    let uri = answer.json()["request_uri"].as_str().unwrap().to_owned();
    assert!(uri.starts_with(REQUEST_URI));

    let browser = Browser::new(&world);
    // A sign-in page may be loaded again: nothing is used up yet.
    browser.ask(&[("request_uri", &uri)]).await;
    let page = browser
        .ask(&[
            ("request_uri", &uri),
            ("state", "outside"),
            ("redirect_uri", "https://evil.example"),
        ])
        .await;
    let flow = page.location().split_once("flow=").unwrap().1.to_owned();
    let answer = browser.submit(&flow, "alice", PASSWORD).await;
    assert_eq!(
        answer.param("state"),
        "pushed",
        "what stands outside does not count"
    );
    assert_eq!(world.redeem(&answer.param("code")).await.status, StatusCode::OK);
    let again = browser.ask(&[("request_uri", &uri)]).await;
    assert_eq!(again.param("error"), "invalid_request_uri");

    let web = WEB.to_string();
    let other = browser
        .get(&format!(
            "/realms/demo/oauth2/authorize?{}",
            encoded(&[("client_id", &web), ("request_uri", &uri)])
        ))
        .await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST, "another application's");
    let old = world.pushed(&[]).await;
    world.clock.advance(61);
    assert_eq!(
        browser.ask(&[("request_uri", &old)]).await.status,
        StatusCode::BAD_REQUEST
    );
    let told = browser
        .ask(&[("request_uri", &old), ("redirect_uri", CALLBACK), ("state", "s")])
        .await;
    assert_eq!(
        (told.param("error").as_str(), told.param("state").as_str()),
        ("invalid_request_uri", "s")
    );
}

#[tokio::test]
async fn a_hundred_uses_of_one_pushed_request_give_one_code() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    browser.code(&[]).await;
    let uri = world.pushed(&[]).await;
    let answers = at_once((0..100).map(|_| async { browser.ask(&[("request_uri", &uri)]).await })).await;
    let codes = answers
        .iter()
        .filter(|answer| !answer.param("code").is_empty())
        .count();
    assert_eq!(codes, 1);
    assert!(answers.iter().all(|answer| {
        !answer.param("code").is_empty() || answer.param("error") == "invalid_request_uri"
    }));
}

#[tokio::test]
async fn a_request_is_judged_when_it_is_pushed() {
    let world = World::new().await;
    for (changes, error) in [
        ([("redirect_uri", "https://evil.example/cb")], "invalid_request"),
        ([("redirect_uri", "")], "invalid_request"),
        ([("scope", "openid payments")], "invalid_scope"),
        ([("response_type", "token")], "unsupported_response_type"),
        ([("code_challenge_method", "plain")], "invalid_request"),
        ([("request_uri", "urn:x")], "invalid_request"),
        ([("request", "x.y.z")], "invalid_request_object"),
        ([("id_token_hint", "a.b.c")], "invalid_request"),
        ([("resource", "https://other.example")], "invalid_target"),
        ([("client_secret", "anything")], "invalid_client"),
    ] {
        let answer = world.push(&changes).await;
        assert_eq!(answer.error(), error, "{changes:?}: {}", answer.body);
        assert!(!answer.headers.contains_key(header::LOCATION));
    }
    let web = WEB.to_string();
    let unproven = world.push(&[("client_id", &web)]).await;
    assert_eq!(
        (unproven.status, unproven.error().as_str()),
        (StatusCode::UNAUTHORIZED, "invalid_client")
    );
    let proven = world
        .push(&[("client_id", &web), ("client_secret", SECRET)])
        .await;
    assert_eq!(proven.status, StatusCode::CREATED);
    let long = "s".repeat(4_096);
    let answer = world.push(&[("state", &long), ("nonce", &long[..1_000])]).await;
    assert_eq!(answer.error(), "invalid_request", "it would not fit an address");
}

#[tokio::test]
async fn an_application_that_must_push_is_not_heard_otherwise() {
    let world = World::new().await;
    world
        .reconfigure(|settings| settings.require_pushed_authorization_requests = true)
        .await;
    let browser = Browser::new(&world);
    assert_eq!(browser.authorize(&[]).await.param("error"), "invalid_request");
    let uri = world.pushed(&[]).await;
    let answer = browser.ask(&[("request_uri", &uri)]).await;
    assert!(answer.location().contains("/sign-in?flow="));
}

/// A request object for the SPA, with changes to a good one.
fn object(key: &SigningKey, changes: &Value) -> String {
    let mut claims = json!({
        "iss": SPA.to_string(), "aud": ISSUER, "client_id": SPA.to_string(), "exp": NOW.seconds() + 300, "response_type": "code",
        "redirect_uri": CALLBACK, "scope": "openid", "state": "signed", "max_age": 600,
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    key.sign("oauth-authz-req+jwt", &claims).unwrap()
}

#[tokio::test]
async fn a_signed_request_counts_for_what_it_says() {
    let world = World::new().await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let jwks = json!({ "keys": [key.public_jwk()] });
    world
        .reconfigure(|settings| {
            settings.jwks = Some(jwks);
            settings.require_signed_request_object = true;
        })
        .await;
    let browser = Browser::new(&world);
    assert_eq!(
        browser.authorize(&[]).await.param("error"),
        "invalid_request",
        "unsigned"
    );

    let good = object(&key, &json!({ "claims": { "userinfo": { "email": null } } }));
    let page = browser
        .ask(&[
            ("request", &good),
            ("state", "outside"),
            ("scope", "openid orders"),
        ])
        .await;
    let flow = page.location().split_once("flow=").unwrap().1.to_owned();
    let answer = browser.submit(&flow, "alice", PASSWORD).await;
    assert_eq!(answer.param("state"), "signed");
    let tokens = world.redeem(&answer.param("code")).await.json();
    assert_eq!(tokens["scope"], "openid");
    let uri = {
        let spa = SPA.to_string();
        let answer = world
            .call("par", &[("client_id", &spa), ("request", &good)])
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        answer.json()["request_uri"].as_str().unwrap().to_owned()
    };
    assert!(
        !browser
            .ask(&[("request_uri", &uri)])
            .await
            .param("code")
            .is_empty()
    );

    // One with an id gives one code.
    let once = object(&key, &json!({ "jti": "7" }));
    assert!(!browser.ask(&[("request", &once)]).await.param("code").is_empty());
    assert_eq!(
        browser.ask(&[("request", &once)]).await.status,
        StatusCode::SEE_OTHER
    );
    assert!(browser.ask(&[("request", &once)]).await.param("code").is_empty());

    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let none = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.";
    for (bad, what) in [
        (object(&stranger, &json!({})), "another key"),
        (object(&key, &json!({ "iss": "someone" })), "another issuer"),
        (
            object(&key, &json!({ "aud": "https://id.example/realms/other" })),
            "another audience",
        ),
        (object(&key, &json!({ "exp": NOW.seconds() - 60 })), "over"),
        (object(&key, &json!({ "exp": "soon" })), "malformed"),
        (
            object(&key, &json!({ "client_id": WEB.to_string() })),
            "another client",
        ),
        (object(&key, &json!({ "request": good })), "nested"),
        (object(&key, &json!({ "state": ["a"] })), "no text"),
        (
            key.sign("at+jwt", &json!({ "iss": SPA.to_string() })).unwrap(),
            "another type",
        ),
        (none.to_owned(), "unsigned"),
        ("x".to_owned(), "nothing"),
    ] {
        let answer = browser.ask(&[("request", &bad)]).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{what}: nowhere to tell it"
        );
        let told = browser
            .ask(&[("request", &bad), ("redirect_uri", CALLBACK)])
            .await;
        assert_eq!(told.param("error"), "invalid_request_object", "{what}");
    }
    let both = browser
        .ask(&[
            ("request", &good),
            ("request_uri", "urn:x"),
            ("redirect_uri", CALLBACK),
        ])
        .await;
    assert_eq!(both.param("error"), "invalid_request");
    let elsewhere = browser
        .ask(&[
            ("request_uri", "https://evil.example/r"),
            ("redirect_uri", CALLBACK),
        ])
        .await;
    assert_eq!(elsewhere.param("error"), "invalid_request_uri");
}

#[tokio::test]
async fn an_answer_can_be_a_signed_token_errors_included() {
    let world = World::new().await;
    let keys = async || world.commands.edge.key_set(DEMO).await.unwrap();
    // Such a token is about nobody: it has no `sub`.
    let expect = || jose::Expectation::request_object(ISSUER, [SPA.to_string()]);
    let browser = Browser::new(&world);
    let flow = browser.flow(&[("response_mode", "jwt")]).await;
    let answer = browser.submit(&flow, "alice", PASSWORD).await;
    assert_eq!(answer.params().len(), 1, "nothing beside it");
    let token = answer.param("response");
    let now = world.kernel().now().seconds();
    let claims = jose::verify(&token, &*keys().await, &expect(), now).unwrap();
    assert_eq!(claims.string("state"), Some("the-state"));
    assert_eq!(claims.expires_at(), now + 600);
    assert_eq!(
        world.redeem(claims.string("code").unwrap()).await.status,
        StatusCode::OK
    );
    let refused = browser
        .authorize(&[("response_mode", "query.jwt"), ("scope", "nope")])
        .await
        .param("response");
    let claims = jose::verify(&refused, &*keys().await, &expect(), now).unwrap();
    assert_eq!(claims.string("error"), Some("invalid_scope"));
    let posted = browser.authorize(&[("response_mode", "form_post.jwt")]).await;
    assert!(posted.body.contains("name=\"response\"") && !posted.body.contains("name=\"code\""));
    let fragment = browser.authorize(&[("response_mode", "fragment.jwt")]).await;
    assert!(fragment.location().starts_with(&format!("{CALLBACK}#response=")));
}

#[tokio::test]
async fn claims_are_told_where_they_were_asked_for_also_after_a_refresh() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let claims =
        r#"{"id_token": {"preferred_username": null, "phone_number": null}, "userinfo": {"email": null}}"#;
    let code = browser
        .code(&[("claims", claims), ("scope", "openid offline_access")])
        .await;
    let tokens = world.redeem(&code).await.json();
    let told = world.id_claims(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(told.string("preferred_username"), Some("alice"));
    assert!(told.get("email").is_none() && told.get("phone_number").is_none());
    let refreshed = world
        .refresh(tokens["refresh_token"].as_str().unwrap())
        .await
        .json();
    let told = world.id_claims(refreshed["id_token"].as_str().unwrap()).await;
    assert_eq!(told.string("preferred_username"), Some("alice"));
}

#[tokio::test]
async fn another_user_than_the_one_who_is_meant_gets_nothing() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    browser.code(&[]).await;
    let meant = format!(r#"{{"id_token": {{"sub": {{"value": "{ALICE}"}}}}}}"#);
    assert!(
        !browser
            .authorize(&[("claims", &meant)])
            .await
            .param("code")
            .is_empty()
    );
    let other = r#"{"id_token": {"sub": {"value": "somebody"}}}"#;
    let answer = browser.authorize(&[("claims", other), ("prompt", "none")]).await;
    assert_eq!(answer.param("error"), "login_required");
    let flow = browser.flow(&[("claims", other)]).await;
    let answer = browser.submit(&flow, "alice", PASSWORD).await;
    assert_eq!(answer.param("error"), "login_required");
    let acr = r#"{"id_token": {"acr": {"essential": true, "value": "urn:example:gold"}}}"#;
    let answer = browser.authorize(&[("claims", acr)]).await;
    assert_eq!(answer.param("error"), "unmet_authentication_requirements");
    assert!(
        !browser
            .authorize(&[("acr_values", "urn:example:gold")])
            .await
            .param("code")
            .is_empty()
    );
}

#[tokio::test]
async fn a_pairwise_subject_is_the_same_everywhere_and_is_not_the_user() {
    let world = World::new().await;
    world
        .reconfigure(|settings| settings.subject_type = Some("pairwise".to_owned()))
        .await;
    let browser = Browser::new(&world);
    let tokens = world.redeem(&browser.code(&[]).await).await.json();
    let id_token = tokens["id_token"].as_str().unwrap();
    let told = world.id_claims(id_token).await;
    assert_ne!(told.subject(), ALICE.to_string());
    let access = world
        .commands
        .edge
        .verify_access_token(tokens["access_token"].as_str().unwrap())
        .await
        .unwrap();
    assert_eq!(
        (access.claims.subject(), access.user),
        (told.subject(), Some(ALICE))
    );
    let hinted = browser
        .authorize(&[("id_token_hint", id_token), ("prompt", "none")])
        .await;
    assert!(!hinted.param("code").is_empty(), "the hint knows who is meant");
    let named = format!(r#"{{"id_token": {{"sub": {{"value": "{}"}}}}}}"#, told.subject());
    assert!(
        !browser
            .authorize(&[("claims", &named)])
            .await
            .param("code")
            .is_empty()
    );
}

#[tokio::test]
async fn no_parameter_leads_to_an_address_that_was_not_registered_or_to_an_error_of_ours() {
    const PARAMETERS: [&str; 23] = [
        "client_id",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "response_mode",
        "prompt",
        "max_age",
        "login_hint",
        "id_token_hint",
        "resource",
        "claims",
        "acr_values",
        "ui_locales",
        "display",
        "dpop_jkt",
        "request",
        "request_uri",
        "registration",
        "claims_locales",
    ];
    let world = World::new().await;
    let browser = Browser::new(&world);
    let long = "x".repeat(60_000);
    let values = [
        "",
        "%00",
        "%ff",
        "%zz",
        "%",
        "%C0%AF",
        "a%0d%0aLocation:%20https://evil.example",
        "https://evil.example/cb",
        "//evil.example",
        "%22%3E%3Cscript%3E",
        "null",
        "%7B%22id_token%22:%7B%22acr%22:7%7D%7D",
        "-1",
        &long,
    ];
    for name in PARAMETERS {
        let good: Vec<_> = authorization(&[]);
        let others: Vec<_> = good.iter().copied().filter(|(other, _)| *other != name).collect();
        let others = encoded(&others);
        let own = good
            .iter()
            .find(|(other, _)| *other == name)
            .map_or("x", |(_, value)| value);
        let own = encoded(&[(name, own)]);
        let mut queries: Vec<_> = values
            .iter()
            .map(|value| format!("{others}&{name}={value}"))
            .collect();
        queries.push(format!("{others}&{own}&{own}"));
        queries.push(format!("{own}&{others}&{name}=other"));
        for query in queries {
            let path = "/realms/demo/oauth2/authorize";
            let posted = Request::post(path)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from(query.clone()))
                .unwrap();
            let pushed = Request::post("/realms/demo/oauth2/par")
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from(query.clone()))
                .unwrap();
            for (how, answer) in [
                (
                    "get",
                    match Request::get(format!("{path}?{query}")).body(Body::empty()) {
                        Ok(request) => Some(browser.go(request).await),
                        Err(_) => None,
                    },
                ),
                ("post", Some(browser.go(posted).await)),
                ("par", Some(browser.go(pushed).await)),
            ] {
                let Some(answer) = answer else { continue };
                let shown: String = query.chars().take(300).collect();
                assert!(!answer.status.is_server_error(), "{how} {name}: {shown}");
                if answer.headers.contains_key(header::LOCATION) {
                    let to = answer.location();
                    let good = to.starts_with(&format!("{CALLBACK}?")) || to.starts_with("/realms/demo/");
                    assert!(good && how != "par", "{how} {name}: {shown} led to {to}");
                }
            }
        }
    }
}
