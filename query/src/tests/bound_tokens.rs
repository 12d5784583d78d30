//! Tokens that are bound to a key (RFC 9449): at userinfo, at the management API, and as they are introspected.

use ::events::realms::{OAuthSettings, SettingsChange};
use futures::future::join_all;
use jose::testing::{hash, proof, proof_header};
use web::dpop::NONCE;

use super::*;

const USERINFO: &str = "/realms/demo/oauth2/userinfo";
const EVENTS: &str = "/query/v1/realms/demo/events";

/// A client with a key of its own, and what it is answered.
struct Bound<'a> {
    world: &'a World,
    key: SigningKey,
}

impl<'a> Bound<'a> {
    fn new(world: &'a World) -> Self {
        let key = SigningKey::generate(jose::Algorithm::Es256).unwrap();
        Self { world, key }
    }

    fn cnf(&self) -> Value {
        json!({ "jkt": self.key.public_jwk().thumbprint().unwrap() })
    }

    /// A token of alice that is bound to the key.
    fn alice(&self) -> String {
        self.world.token(&json!({
            "sub": ALICE, "client_id": SHOP, "sid": SESSION, "gid": GRANT, "scope": "openid", "aud": ["shop"],
            "cnf": self.cnf(),
        }))
    }

    /// A token of the service that is bound to the key.
    fn service(&self) -> String {
        self.world
            .token(&json!({ "sub": SERVICE, "client_id": SERVICE, "aud": [ISSUER], "cnf": self.cnf() }))
    }

    /// A proof for a GET with this token, with changes.
    fn proof(&self, path: &str, token: &str, changes: &Value) -> String {
        let mut claims = json!({
            "jti": self.world.kernel.new_id(), "htm": "GET", "htu": format!("https://id.example{path}"),
            "iat": NOW.seconds(), "ath": hash(token),
        });
        let changes = changes.as_object().unwrap().clone();
        claims.as_object_mut().unwrap().extend(changes);
        proof(&self.key, &proof_header(&self.key), &claims).unwrap()
    }

    /// The status, and the challenge.
    async fn get(&self, path: &str, scheme: &str, token: &str, proofs: &[&str]) -> (u16, String) {
        let mut request = Request::get(path).header("authorization", format!("{scheme} {token}"));
        for proof in proofs {
            request = request.header("dpop", *proof);
        }
        let (status, headers, _) = self.world.send(request, "").await;
        let challenge = headers.get(header::WWW_AUTHENTICATE);
        let challenge = challenge.map_or("", |value| value.to_str().unwrap());
        (status.as_u16(), challenge.to_owned())
    }
}

#[tokio::test]
async fn a_bound_token_is_good_with_a_proof_of_its_key_and_not_without() {
    let world = World::new().await;
    let client = Bound::new(&world);
    let thief = Bound::new(&world);
    for (path, token) in [(USERINFO, client.alice()), (EVENTS, client.service())] {
        let none = json!({});
        let shown = client.proof(path, &token, &none);
        assert_eq!(client.get(path, "DPoP", &token, &[&shown]).await.0, 200, "{path}");
        let other = client.proof(path, "another token", &none);
        let elsewhere = client.proof("/elsewhere", &token, &none);
        let fresh = client.proof(path, &token, &none);
        let theirs = thief.proof(path, &token, &none);
        for (what, scheme, proofs, error) in [
            (
                "a replay",
                "DPoP",
                vec![&shown],
                "DPoP error=\"invalid_dpop_proof\"",
            ),
            ("no proof", "DPoP", vec![], "DPoP error=\"invalid_dpop_proof\""),
            ("as bearer", "Bearer", vec![&fresh], "invalid_token"),
            ("as bearer alone", "Bearer", vec![], "invalid_token"),
            (
                "for another token",
                "DPoP",
                vec![&other],
                "DPoP error=\"invalid_dpop_proof\"",
            ),
            (
                "elsewhere",
                "DPoP",
                vec![&elsewhere],
                "DPoP error=\"invalid_dpop_proof\"",
            ),
            (
                "two",
                "DPoP",
                vec![&fresh, &fresh],
                "DPoP error=\"invalid_dpop_proof\"",
            ),
            (
                "another key",
                "DPoP",
                vec![&theirs],
                "DPoP error=\"invalid_token\"",
            ),
        ] {
            let proofs: Vec<&str> = proofs.into_iter().map(String::as_str).collect();
            let (status, challenge) = client.get(path, scheme, &token, &proofs).await;
            assert!(
                status == 401 && challenge.contains(error),
                "{path} {what}: {status} {challenge}"
            );
            assert_eq!(challenge.contains("algs="), scheme == "DPoP", "{path} {what}");
        }
        assert_eq!(
            client.get(path, "DPoP", &token, &[&fresh]).await.0,
            200,
            "none of that used it up"
        );
    }
    let unbound = world.alice_token("openid");
    let shown = client.proof(USERINFO, &unbound, &json!({}));
    let (status, challenge) = client.get(USERINFO, "DPoP", &unbound, &[&shown]).await;
    assert!(
        status == 401 && challenge.starts_with("DPoP error=\"invalid_token\""),
        "{challenge}"
    );
}

#[tokio::test]
async fn of_a_hundred_uses_of_one_proof_one_succeeds() {
    let world = World::new().await;
    let client = Bound::new(&world);
    let token = client.alice();
    let shown = client.proof(USERINFO, &token, &json!({}));
    let proofs = [shown.as_str()];
    let uses = (0..100).map(|_| client.get(USERINFO, "DPoP", &token, &proofs));
    let answers = join_all(uses).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 1);
    assert!(answers.iter().all(|(status, _)| [200, 401].contains(status)));
}

#[tokio::test]
async fn where_a_realm_wants_nonces_each_answer_brings_one() {
    let world = World::new().await;
    let change = SettingsChange {
        oauth: Some(OAuthSettings {
            dpop_nonce: true,
            ..OAuthSettings::default()
        }),
        ..SettingsChange::default()
    };
    let settings = [RealmEvent::SettingsChanged(change).into()];
    world
        .tell::<::events::realms::Settings>(Stream::facts(DEMO), DEMO.0, settings)
        .await;
    let client = Bound::new(&world);
    for (path, token, always) in [
        (USERINFO, client.alice(), true),
        (EVENTS, client.service(), false),
    ] {
        let ask = async |changes: &Value| {
            let request = Request::get(path)
                .header("authorization", format!("DPoP {token}"))
                .header("dpop", client.proof(path, &token, changes));
            world.send(request, "").await
        };
        let (status, headers, _) = ask(&json!({})).await;
        let challenge = headers[header::WWW_AUTHENTICATE].to_str().unwrap();
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(
            challenge.starts_with("DPoP error=\"use_dpop_nonce\""),
            "{challenge}"
        );
        let nonce = headers[NONCE].to_str().unwrap();
        let (status, headers, _) = ask(&json!({ "nonce": nonce })).await;
        assert_eq!(
            (status, headers.contains_key(NONCE)),
            (StatusCode::OK, always),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_bound_token_is_introspected_as_one() {
    let world = World::new().await;
    let client = Bound::new(&world);
    let form = format!("client_id={SHOP}&client_secret=secret&token={}", client.alice());
    let (_, _, said) = world.post("/realms/demo/oauth2/introspect", None, &form).await;
    assert_eq!(
        (&said["active"], &said["token_type"]),
        (&json!(true), &json!("DPoP"))
    );
    assert_eq!(said["cnf"], client.cnf());
}
