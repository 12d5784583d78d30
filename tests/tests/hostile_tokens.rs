//! Every kind of token that is taken from outside, with everything wrong that can be wrong with it: all of it is refused, in the words of its
//! standard, and the good one is taken after all that.

use chancery_tests::harness::{
    Answer, Application, Authorization, Hostile, Keys, Kind, Realm, Scene, Signer, assertion_claims, forged,
    now, proof_claims, unique,
};
use serde_json::{Value, json};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const PARTNER: &str = "https://partner.example";

/// Each of them is refused in one of these ways.
async fn refused(kind: &str, all: Vec<Hostile>, ways: &[(u16, &str)], send: impl AsyncFn(&str) -> Answer) {
    assert!(all.len() > 20, "{kind}: {}", all.len());
    for (what, token) in all {
        let answer = send(&token).await;
        let error = match answer.header("location") {
            Some(location) => location
                .split_once("error=")
                .map_or("", |(_, rest)| rest.split('&').next().unwrap_or_default())
                .to_owned(),
            None => serde_json::from_str::<Value>(&answer.text)
                .ok()
                .and_then(|body| {
                    body["error"]
                        .as_str()
                        .or(body["code"].as_str())
                        .map(str::to_owned)
                })
                .unwrap_or_default(),
        };
        assert!(
            ways.contains(&(answer.status, &*error)),
            "{kind}, {what}: {} {error}\n{}",
            answer.status,
            answer.text
        );
    }
}

/// The key that a realm signs with, as it publishes it.
async fn published(realm: &Realm) -> Value {
    let answer = Answer::to(realm.api.http().get(realm.endpoint("jwks")))
        .await
        .is(200);
    let keys = answer.json()["keys"].as_array().cloned().unwrap_or_default();
    let signing = keys.into_iter().find(|key| key["alg"] == "ES256");
    signing.unwrap_or_else(|| panic!("no ES256 key: {}", answer.text))
}

#[tokio::test]
async fn access_tokens_at_userinfo_and_at_both_apis() {
    let scene = Scene::of("web").await;
    let tokens = scene.tokens("openid").await;
    let mut all = forged(&tokens.access, &published(&scene.realm).await, false);
    all.push(("an id token".to_owned(), tokens.id().to_owned()));
    let userinfo = async |token: &str| scene.userinfo(token).await;
    refused("userinfo", all, &[(401, "invalid_token")], userinfo).await;
    let _ = scene.userinfo(&tokens.access).await.is(200);

    let administrator = scene.realm.administrator().await;
    let all = forged(administrator.token(), &published(&scene.realm).await, false);
    let path = scene.realm.at("/users");
    let api = async |token: &str| administrator.with_token(token).query(&path).await;
    refused("query", all.clone(), &[(401, "unauthenticated")], api).await;
    let command = async |token: &str| administrator.with_token(token).post(&path, json!({})).await;
    refused("command", all, &[(401, "unauthenticated")], command).await;
    let _ = administrator.query(&path).await.is(200);
}

#[tokio::test]
async fn subject_tokens_and_hints() {
    let scene = Scene::of("web").await;
    let tokens = scene.tokens("openid").await;
    let key = published(&scene.realm).await;
    let exchange = async |token: &str| {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", token),
            (
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
        ];
        scene.token(&form).await
    };
    let all = forged(&tokens.access, &key, false);
    refused("a subject token", all, &[(400, "invalid_request")], exchange).await;
    let _ = exchange(&tokens.access).await.is(200);

    let hinted = async |token: &str| {
        let request = scene.ask().with("id_token_hint", token);
        Answer::to(scene.realm.api.http().get(request.url())).await
    };
    let all = forged(tokens.id(), &key, false);
    refused("a hint", all, &[(303, "invalid_request")], hinted).await;
    assert!(
        !hinted(tokens.id())
            .await
            .header("location")
            .unwrap_or_default()
            .contains("error=")
    );

    let introspect = async |token: &str| {
        scene
            .realm
            .ask("introspect", &scene.resource, &[("token", token)])
            .await
    };
    for (what, token) in forged(&tokens.access, &key, false) {
        assert_eq!(
            introspect(&token).await.is(200).json(),
            json!({ "active": false }),
            "{what}"
        );
    }
}

#[tokio::test]
async fn client_assertions() {
    let scene = Scene::of("web").await;
    let key = Signer::default();
    let settings = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": key.jwks() });
    let service = scene.realm.application_with("service", settings).await;
    let kind = || Kind {
        header: key.header("client-authentication+jwt"),
        claims: assertion_claims(&service.client_id, &service.client_id, &scene.realm.issuer()),
        date: "exp",
        date_required: true,
        texts: &["iss", "sub", "aud", "jti"],
        carries_key: false,
    };
    let ask = async |assertion: &str| {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &*service.client_id),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
        ];
        let request = scene.realm.api.http().post(scene.realm.endpoint("token"));
        Answer::to(request.form(&form)).await
    };
    let ways = [(401, "invalid_client"), (400, "invalid_request")];
    refused("a client assertion", kind().hostile(&key), &ways, ask).await;
    let _ = ask(&kind().good(&key)).await.is(200);
}

#[tokio::test]
async fn assertions_of_a_trusted_issuer() {
    let scene = Scene::of("web").await;
    let key = Signer::default();
    let trusted = json!({
        "issuer": PARTNER, "jwks": key.jwks(), "subject": "username", "applications": ["*"], "scopes": ["openid"],
    });
    scene
        .realm
        .set(json!({ "oauth": { "trusted_issuers": [trusted] } }))
        .await;
    let kind = || Kind {
        header: key.header("authorization-grant+jwt"),
        claims: assertion_claims(PARTNER, &scene.alice.username, &scene.realm.issuer()),
        date: "exp",
        date_required: true,
        texts: &["iss", "sub", "aud", "jti"],
        carries_key: false,
    };
    let ask = async |assertion: &str| {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion),
        ];
        scene.token(&form).await
    };
    refused(
        "an assertion",
        kind().hostile(&key),
        &[(400, "invalid_grant")],
        ask,
    )
    .await;
    let _ = ask(&kind().good(&key)).await.is(200);
}

#[tokio::test]
async fn proofs_of_keys() {
    let scene = Scene::of("web").await;
    let (key, endpoint) = (Signer::default(), scene.realm.endpoint("token"));
    let kind = || Kind {
        header: key.proof_header(),
        claims: proof_claims("POST", &endpoint),
        date: "iat",
        date_required: true,
        texts: &["jti", "htm", "htu"],
        carries_key: true,
    };
    let ask = async |proof: &str| {
        let form = [("grant_type", "client_credentials")];
        let request = scene.realm.api.http().post(&endpoint);
        Answer::to(scene.resource.authenticate(request, &form).header("dpop", proof)).await
    };
    let hostile = kind()
        .hostile(&key)
        .into_iter()
        // Of a proof anybody may make the key, and `exp` means nothing there.
        .filter(|(what, _)| !what.starts_with("exp is") || what.ends_with("signature"));
    refused("a proof", hostile.collect(), &[(400, "invalid_dpop_proof")], ask).await;
    let _ = ask(&kind().good(&key)).await.is(200);
}

#[tokio::test]
async fn request_objects() {
    let scene = Scene::of("web").await;
    let key = Signer::default();
    let application = scene
        .realm
        .application_with("web", json!({ "jwks": key.jwks() }))
        .await;
    let request = |application: &Application| Authorization::new(&scene.realm, application, "openid");
    let kind = || {
        let mut claims = json!({
            "iss": application.client_id, "aud": scene.realm.issuer(), "exp": now() + 60, "jti": unique(),
        });
        for (name, value) in request(&application).params() {
            claims[name] = json!(value);
        }
        Kind {
            header: key.header("oauth-authz-req+jwt"),
            claims,
            date: "exp",
            date_required: false,
            texts: &["iss", "aud"],
            carries_key: false,
        }
    };
    let ask = async |object: &str| {
        let plain = Authorization::new(&scene.realm, &application, "openid");
        let request = plain.with("request", object);
        Answer::to(scene.realm.api.http().get(request.url())).await
    };
    let ways = [(303, "invalid_request_object"), (303, "invalid_request")];
    refused("a request object", kind().hostile(&key), &ways, ask).await;
    let answer = ask(&kind().good(&key)).await.is(303);
    assert!(!answer.header("location").unwrap_or_default().contains("error="));
}

#[tokio::test]
async fn the_published_keys_verify_what_they_should() {
    let scene = Scene::of("web").await;
    let tokens = scene.tokens("openid").await;
    let keys = Keys::of(&scene.realm).await;
    for (what, token) in forged(&tokens.access, &published(&scene.realm).await, false) {
        assert!(keys.access(&token, &scene.realm.issuer()).is_err(), "{what}");
    }
    assert!(keys.access(&tokens.access, &scene.realm.issuer()).is_ok());
}
