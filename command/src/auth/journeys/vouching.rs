//! Assertions of an issuer that the realm trusts (RFC 7523, 2.1), as a partner's system shows them, and as others would like them to be
//! taken.

use events::realms::{AssertedSubject, OAuthSettings, Settings, SettingsChange, TrustedIssuer};
use jose::{Algorithm, SigningKey};
use serde_json::json;

use super::*;

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const PARTNER: &str = "https://partner.example";

impl World {
    /// The realm trusts the partner, by this key.
    async fn trust(&self, key: &SigningKey, subject: AssertedSubject, applications: &[&str]) {
        let issuer = TrustedIssuer {
            issuer: PARTNER.to_owned(),
            jwks: Some(json!({ "keys": [key.public_jwk()] })),
            jwks_uri: None,
            subject,
            applications: applications.iter().map(|&one| one.to_owned()).collect(),
            scopes: vec!["openid".to_owned(), "orders".to_owned(), "unknown".to_owned()],
        };
        let change = SettingsChange {
            oauth: Some(OAuthSettings {
                trusted_issuers: vec![issuer],
                ..OAuthSettings::default()
            }),
            ..SettingsChange::default()
        };
        self.tell::<Settings>(DEMO, DEMO.0, RealmEvent::SettingsChanged(change))
            .await;
    }

    /// An assertion about alice, with changes; a claim that is null is left out.
    fn assertion(&self, key: &SigningKey, changes: &Value) -> String {
        let now = self.kernel().now().seconds();
        let mut claims = json!({
            "iss": PARTNER, "sub": "alice", "aud": ISSUER, "exp": now + 300, "iat": now, "jti": self.kernel().new_id(),
        });
        let members = claims.as_object_mut().unwrap();
        members.extend(changes.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        key.sign("authorization-grant+jwt", &claims).unwrap()
    }

    async fn vouch(&self, assertion: &str, more: &[(&str, &str)]) -> Answer {
        let service = SERVICE.to_string();
        let params = [
            ("grant_type", JWT_BEARER),
            ("client_id", service.as_str()),
            ("client_secret", SECRET),
            ("assertion", assertion),
        ];
        self.call("token", &[&params[..], more].concat()).await
    }
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

#[tokio::test]
async fn a_trusted_issuer_vouches_for_a_user_once() {
    let (world, partner) = (World::new().await, key());
    world.trust(&partner, AssertedSubject::Username, &["*"]).await;
    let assertion = world.assertion(&partner, &json!({}));
    let answer = world.vouch(&assertion, &[("scope", "orders")]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let tokens = answer.json();
    assert_eq!(
        (tokens.get("refresh_token"), tokens.get("id_token")),
        (None, None)
    );
    let text = tokens["access_token"].as_str().unwrap();
    let token = world.commands.edge.verify_access_token(text).await.unwrap();
    assert_eq!((token.user, token.client), (Some(ALICE), SERVICE));
    assert_eq!(token.scopes, ["orders".to_owned()].into());
    assert_eq!((token.claims.get("acr"), token.claims.get("amr")), (None, None));
    assert_eq!(
        world.activity(0).await,
        ["session.started", "grant.started", "token.issued"]
    );
    assert_eq!(
        world.vouch(&assertion, &[]).await.error(),
        "invalid_grant",
        "once"
    );
    world
        .tell::<User>(DEMO, ALICE.0, UserEvent::SessionsEnded { keeps: None })
        .await;
    assert!(
        !world.is_good(text).await,
        "it ends with all sessions of its user"
    );
}

#[tokio::test]
async fn a_hundred_who_show_one_assertion_get_one_token() {
    let (world, partner) = (World::new().await, key());
    world.trust(&partner, AssertedSubject::Username, &["*"]).await;
    let assertion = world.assertion(&partner, &json!({}));
    let answers = at_once((0..100).map(|_| world.vouch(&assertion, &[]))).await;
    let good = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::OK)
        .count();
    assert_eq!(good, 1);
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == StatusCode::OK || answer.error() == "invalid_grant")
    );
}

#[tokio::test]
async fn an_assertion_is_of_its_issuer_for_us_alone_and_over_soon() {
    let (world, partner) = (World::new().await, key());
    world.trust(&partner, AssertedSubject::Username, &["*"]).await;
    let now = world.kernel().now().seconds();
    for changes in [
        json!({ "iss": "https://other.example" }),
        json!({ "iss": null }),
        json!({ "aud": "https://elsewhere.example" }),
        json!({ "aud": [ISSUER, "https://elsewhere.example"] }),
        json!({ "aud": null }),
        json!({ "exp": now }),
        json!({ "exp": now + 86_400 }),
        json!({ "exp": "soon" }),
        json!({ "exp": null }),
        json!({ "nbf": now + 600 }),
        json!({ "jti": null }),
        json!({ "jti": "" }),
        json!({ "sub": null }),
        json!({ "sub": "nobody" }),
        json!({ "sub": "alice@example.org" }),
        json!({ "sub": ALICE.to_string() }),
    ] {
        let answer = world.vouch(&world.assertion(&partner, &changes), &[]).await;
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (StatusCode::BAD_REQUEST, "invalid_grant"),
            "{changes}"
        );
    }
    let theirs = world.assertion(&key(), &json!({}));
    for text in [theirs.as_str(), "x", "a.b.c"] {
        assert_eq!(world.vouch(text, &[]).await.error(), "invalid_grant", "{text}");
    }
    assert_eq!(world.vouch("", &[]).await.error(), "invalid_request");
    assert_eq!(world.activity(0).await, Vec::<String>::new());
    let good = world.assertion(&partner, &json!({ "aud": format!("{ISSUER}/oauth2/token") }));
    for (more, error) in [
        (("scope", "manage"), "invalid_scope"),
        (("scope", "email"), "invalid_scope"),
        (("scope", "unknown"), "invalid_scope"),
        (("resource", "https://other.example"), "invalid_target"),
    ] {
        assert_eq!(world.vouch(&good, &[more]).await.error(), error, "{more:?}");
    }
    assert_eq!(
        world.vouch(&good, &[]).await.status,
        StatusCode::OK,
        "none of that used it up"
    );
}

#[tokio::test]
async fn a_name_is_what_the_realm_takes_it_for() {
    let (world, partner) = (World::new().await, key());
    let id = ALICE.to_string();
    for (subject, name, good) in [
        (AssertedSubject::Id, id.as_str(), true),
        (AssertedSubject::Id, "alice", false),
        (AssertedSubject::Username, " ALICE ", true),
        (AssertedSubject::Email, "alice", false),
        (AssertedSubject::Email, "alice@example.org", false),
    ] {
        world.trust(&partner, subject, &["*"]).await;
        let assertion = world.assertion(&partner, &json!({ "sub": name }));
        let answer = world.vouch(&assertion, &[]).await;
        assert_eq!(answer.status == StatusCode::OK, good, "{subject:?} {name}");
    }
    world.trust(&partner, AssertedSubject::Username, &["*"]).await;
    let disabled = UserEvent::Disabled { reason: None };
    world.tell::<User>(DEMO, ALICE.0, disabled).await;
    let assertion = world.assertion(&partner, &json!({}));
    assert_eq!(world.vouch(&assertion, &[]).await.error(), "invalid_grant");
}

#[tokio::test]
async fn only_the_applications_that_an_issuer_is_trusted_for_use_it() {
    let (world, partner) = (World::new().await, key());
    world
        .trust(&partner, AssertedSubject::Username, &[&WEB.to_string()])
        .await;
    let assertion = world.assertion(&partner, &json!({}));
    assert_eq!(world.vouch(&assertion, &[]).await.error(), "unauthorized_client");
    let spa = SPA.to_string();
    let public = [
        ("grant_type", JWT_BEARER),
        ("client_id", spa.as_str()),
        ("assertion", assertion.as_str()),
    ];
    assert_eq!(world.call("token", &public).await.error(), "unauthorized_client");
    world
        .tell::<Application>(DEMO, SERVICE.0, ApplicationEvent::RegistrationTokenIssued {})
        .await;
    world.trust(&partner, AssertedSubject::Username, &["*"]).await;
    assert_eq!(
        world.vouch(&assertion, &[]).await.error(),
        "unauthorized_client",
        "nobody vouches for one that registered by itself"
    );
    world
        .trust(&partner, AssertedSubject::Username, &[&SERVICE.to_string()])
        .await;
    assert_eq!(world.vouch(&assertion, &[]).await.status, StatusCode::OK);
}
