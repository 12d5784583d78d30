//! Tokens that are bound to a key of their holder (RFC 9449), as they are asked for.

use jose::{
    Algorithm, SigningKey,
    testing::{proof, proof_header},
};
use serde_json::json;

use super::*;

const TOKEN: &str = "https://id.example/realms/demo/oauth2/token";

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

impl World {
    /// A proof for the token endpoint, with changes.
    fn proof(&self, key: &SigningKey, changes: &Value) -> String {
        let mut claims = json!({
            "jti": self.kernel().new_id(), "htm": "POST", "htu": TOKEN, "iat": self.kernel().now().seconds(),
        });
        let changes = changes.as_object().unwrap().clone();
        claims.as_object_mut().unwrap().extend(changes);
        proof(key, &proof_header(key), &claims).unwrap()
    }

    async fn ask_with(&self, params: &[(&str, &str)], proofs: &[&str]) -> Answer {
        let mut request = form("/realms/demo/oauth2/token", params);
        for proof in proofs {
            request.headers_mut().append("dpop", proof.parse().unwrap());
        }
        self.send(request).await
    }

    async fn redeem_with(&self, code: &str, proofs: &[&str]) -> Answer {
        let spa = SPA.to_string();
        let params = [
            ("grant_type", "authorization_code"),
            ("client_id", spa.as_str()),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.ask_with(&params, proofs).await
    }

    async fn refresh_with(&self, refresh_token: &Value, proofs: &[&str]) -> Answer {
        let spa = SPA.to_string();
        let params = [
            ("grant_type", "refresh_token"),
            ("client_id", spa.as_str()),
            ("refresh_token", refresh_token.as_str().unwrap()),
        ];
        self.ask_with(&params, proofs).await
    }
}

#[tokio::test]
async fn what_is_asked_for_with_a_proof_is_bound_to_its_key() {
    let world = World::new().await;
    let (mine, another) = (key(), key());
    let thumbprint = mine.public_jwk().thumbprint().unwrap();
    let none = json!({});
    let code = Browser::new(&world)
        .code(&[("scope", "openid offline_access")])
        .await;
    let answer = world.redeem_with(&code, &[&world.proof(&mine, &none)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "DPoP");
    let token = world
        .commands
        .edge
        .verify_access_token(tokens["access_token"].as_str().unwrap())
        .await
        .unwrap();
    assert_eq!(token.jkt.as_deref(), Some(thumbprint.as_str()));
    let refresh_token = &tokens["refresh_token"];
    for proofs in [&[][..], &[world.proof(&another, &none).as_str()][..]] {
        let refused = world.refresh_with(refresh_token, proofs).await;
        assert_eq!(refused.error(), "invalid_dpop_proof", "the family is bound, too");
    }
    let shown = world.proof(&mine, &none);
    let refreshed = world.refresh_with(refresh_token, &[&shown]).await;
    assert_eq!(refreshed.status, StatusCode::OK, "{}", refreshed.body);
    let again = world
        .refresh_with(&refreshed.json()["refresh_token"], &[&shown])
        .await;
    assert_eq!(again.error(), "invalid_dpop_proof", "a proof is good once");
}

#[tokio::test]
async fn a_code_that_is_bound_to_a_key_is_redeemed_with_it_alone() {
    let world = World::new().await;
    let (mine, another) = (key(), key());
    let none = json!({});
    let thumbprint = mine.public_jwk().thumbprint().unwrap();
    let code = Browser::new(&world).code(&[("dpop_jkt", &thumbprint)]).await;
    assert_eq!(world.redeem_with(&code, &[]).await.error(), "invalid_dpop_proof");
    let theirs = world.proof(&another, &none);
    assert_eq!(
        world.redeem_with(&code, &[&theirs]).await.error(),
        "invalid_dpop_proof"
    );
    let answer = world.redeem_with(&code, &[&world.proof(&mine, &none)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[tokio::test]
async fn a_proof_of_another_request_is_refused_and_nothing_is_spent() {
    let world = World::new().await;
    let mine = key();
    let code = Browser::new(&world).code(&[]).await;
    let now = world.kernel().now().seconds();
    for changes in [
        json!({ "htm": "GET" }),
        json!({ "htu": "https://id.example/realms/other/oauth2/token" }),
        json!({ "htu": "https://elsewhere.example/realms/demo/oauth2/token" }),
        json!({ "iat": now - 3_600 }),
        json!({ "iat": now + 3_600 }),
        json!({ "iat": "now" }),
        json!({ "jti": null }),
    ] {
        let refused = world.redeem_with(&code, &[&world.proof(&mine, &changes)]).await;
        assert_eq!(
            (refused.status, refused.error().as_str()),
            (StatusCode::BAD_REQUEST, "invalid_dpop_proof"),
            "{changes}"
        );
    }
    let (one, other) = (world.proof(&mine, &json!({})), world.proof(&mine, &json!({})));
    assert_eq!(
        world.redeem_with(&code, &[&one, &other]).await.error(),
        "invalid_dpop_proof"
    );
    assert_eq!(
        world.redeem_with(&code, &["not a proof"]).await.error(),
        "invalid_dpop_proof"
    );
    assert_eq!(world.redeem_with(&code, &[&one]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_hundred_uses_of_one_proof_get_one_token() {
    let world = World::new().await;
    let (service, mine) = (SERVICE.to_string(), key());
    let shown = world.proof(&mine, &json!({}));
    let params = [
        ("grant_type", "client_credentials"),
        ("client_id", service.as_str()),
        ("client_secret", SECRET),
    ];
    let proofs = [shown.as_str()];
    let answers = at_once((0..100).map(|_| world.ask_with(&params, &proofs))).await;
    let good = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::OK)
        .count();
    assert_eq!(good, 1);
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == StatusCode::OK || answer.error() == "invalid_dpop_proof")
    );
}

#[tokio::test]
async fn an_application_whose_tokens_are_bound_gets_none_without_a_proof() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[]).await;
    world
        .reconfigure(|settings| settings.dpop_bound_access_tokens = true)
        .await;
    assert_eq!(world.redeem_with(&code, &[]).await.error(), "invalid_dpop_proof");
    let shown = world.proof(&key(), &json!({}));
    assert_eq!(world.redeem_with(&code, &[&shown]).await.status, StatusCode::OK);
}
