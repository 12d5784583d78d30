//! Assertions as applications sign them, and as others would like them to be taken.

use std::sync::atomic::{AtomicU64, Ordering};

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{
    applications::{
        ApplicationEvent, ApplicationSettings, ApplicationType, CLIENT_SECRET_JWT, PRIVATE_KEY_JWT,
    },
    auth::AuthEvent,
    event::Event,
    ids::{ApplicationId, CredentialId},
    kernel::{Context, Decide, Decision, KernelError, Reader},
    realms::{OAuthSettings, RealmEvent, SecurityProfile, Settings, SettingsChange},
    sealing::Sealed,
    subject::{Stream, Subject},
};
use http::HeaderMap;
use jose::{Algorithm, SigningKey};
use outbound::{Documents, Outbound};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{ASSERTION_TYPE, Client, authenticate, secret_digest};
use crate::{
    Edge,
    form::Form,
    oauth::OAuthError,
    testing::{NOW, REALM, World, realm},
};

const ISSUER: &str = "https://id.example/realms/demo";
const TOKEN: &str = "https://id.example/realms/demo/oauth2/token";
const SECRET: &str = "chs_a-secret-of-more-than-32-bytes-in-all";

impl World {
    /// A web application that authenticates by this method, with these keys.
    async fn signing(&self, method: &str, keys: &[&SigningKey]) -> ApplicationId {
        let jwks = json!({ "keys": keys.iter().map(|key| key.public_jwk()).collect::<Vec<_>>() });
        self.configured(ApplicationSettings {
            token_endpoint_auth_method: Some(method.to_owned()),
            jwks: (!keys.is_empty()).then_some(jwks),
            ..ApplicationSettings::default()
        })
        .await
    }

    async fn configured(&self, settings: ApplicationSettings) -> ApplicationId {
        let id = ApplicationId(self.kernel.new_id());
        let registered = ApplicationEvent::Registered {
            client_id: id.to_string(),
            application_type: ApplicationType::Web,
            settings: Box::new(settings),
        };
        self.put(id, vec![registered], None).await;
        id
    }

    /// Gives it a secret that verifies what it signs, if it is `kept`.
    async fn give(&self, id: ApplicationId, secret: &str, kept: bool) -> CredentialId {
        let credential = CredentialId(self.kernel.new_id());
        let added = ApplicationEvent::SecretAdded {
            credential,
            digest: secret_digest(&self.kernel, REALM, secret).await.unwrap().into(),
            secret: kept.then(|| Sealed::Known(secret.to_owned())),
            expires: Some(NOW.after_seconds(60)),
        };
        self.put(id, vec![added], None).await;
        credential
    }

    async fn shown(&self, assertion: &str, more: &str) -> Result<Client, OAuthError> {
        shown_to(&self.edge(), "token", assertion, more).await
    }

    async fn is_good(&self, assertion: &str) -> bool {
        match self.shown(assertion, "").await {
            Ok(client) => client.confidential,
            Err(error) => {
                assert_eq!(error, OAuthError::invalid_client());
                false
            }
        }
    }
}

/// The settings of the realm, as they are.
struct Put(RealmEvent);

#[async_trait]
impl Decide for Put {
    type State = ();
    type Rejection = std::convert::Infallible;

    fn stream(&self) -> Stream {
        Stream::facts(REALM)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<(), KernelError> {
        reader.subject::<Settings>(REALM.0).await.map(drop)
    }

    fn decide(&self, (): &(), _: &Context) -> Result<Decision, Self::Rejection> {
        Ok(Decision::of(Subject::settings(REALM), self.0.clone()))
    }
}

async fn shown_to(edge: &Edge, endpoint: &str, assertion: &str, more: &str) -> Result<Client, OAuthError> {
    let form = format!("client_assertion={assertion}&client_assertion_type={ASSERTION_TYPE}{more}");
    let form = Form::parse(form.as_bytes()).unwrap();
    let context = edge.kernel().context(events::envelope::Actor::component("test"));
    authenticate(edge, &realm(REALM), endpoint, &HeaderMap::new(), &form, &context).await
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

/// What an assertion of this client says, with these changes; `null` leaves a claim out.
fn claims(client: ApplicationId, changes: Value) -> Value {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let mut claims = json!({
        "iss": client, "sub": client, "aud": ISSUER, "jti": format!("assertion {number}"),
        "iat": NOW.seconds(), "exp": NOW.seconds() + 60,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    claims
}

fn signed(key: &SigningKey, claims: &Value) -> String {
    key.sign("JWT", claims).unwrap()
}

fn hs256(secret: &[u8], claims: &Value) -> String {
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encoded(&json!({ "alg": "HS256" })), encoded(claims));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
    let signature = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn one_of_its_own_for_this_server_is_good_once() {
    let world = World::new().await;
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(algorithm).unwrap();
        let id = world.signing(PRIVATE_KEY_JWT, &[&key]).await;
        for audience in [json!(ISSUER), json!(TOKEN), json!([TOKEN, ISSUER])] {
            let assertion = signed(&key, &claims(id, json!({ "aud": audience })));
            assert!(world.is_good(&assertion).await, "{algorithm:?} {audience}");
            assert!(!world.is_good(&assertion).await, "a second time");
        }
    }
    let key = key();
    let id = world.signing(PRIVATE_KEY_JWT, &[&key]).await;
    let at_par = signed(
        &key,
        &claims(id, json!({ "aud": format!("{ISSUER}/oauth2/par") })),
    );
    assert!(!world.is_good(&at_par).await, "it is for another endpoint");
    assert!(
        shown_to(&world.edge(), "par", &at_par, &format!("&client_id={id}"))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn of_a_hundred_at_once_one_is_good_and_none_after_a_restart() {
    let world = World::new().await;
    let key = key();
    let id = world.signing(PRIVATE_KEY_JWT, &[&key]).await;
    let assertion: Arc<str> = signed(&key, &claims(id, json!({}))).into();
    let tries: Vec<_> = (0..100)
        .map(|_| {
            let (edge, assertion) = (world.edge(), Arc::clone(&assertion));
            tokio::spawn(async move { shown_to(&edge, "token", &assertion, "").await.is_ok() })
        })
        .collect();
    let mut good = 0;
    for tried in tries {
        good += usize::from(tried.await.unwrap());
    }
    assert_eq!(good, 1);
    let world = world.restarted().await;
    assert!(!world.is_good(&assertion).await);
    assert!(world.is_good(&signed(&key, &claims(id, json!({})))).await);
}

#[tokio::test]
async fn what_is_not_exactly_so_is_refused_and_on_the_record() {
    let world = World::new().await;
    let (key, other_key) = (key(), key());
    let id = world.signing(PRIVATE_KEY_JWT, &[&key]).await;
    let other = world.signing(PRIVATE_KEY_JWT, &[&other_key]).await;
    let now = NOW.seconds();
    for changes in [
        json!({ "iss": other }),
        json!({ "sub": other }),
        json!({ "sub": null }),
        json!({ "sub": 7 }),
        json!({ "aud": null }),
        json!({ "aud": [] }),
        json!({ "aud": "https://id.example" }),
        json!({ "aud": "https://id.example/realms/other" }),
        json!({ "aud": "https://id.example/realms/other/oauth2/token" }),
        json!({ "aud": format!("{ISSUER}/oauth2/revoke") }),
        json!({ "aud": format!("{ISSUER}/") }),
        json!({ "aud": [ISSUER, "https://elsewhere.example"] }),
        json!({ "jti": null }),
        json!({ "jti": "" }),
        json!({ "jti": 7 }),
        json!({ "jti": "x".repeat(300) }),
        json!({ "exp": null }),
        json!({ "exp": now }),
        json!({ "exp": now - 1 }),
        json!({ "exp": now + 86_400 }),
        json!({ "exp": (now + 60).to_string() }),
        json!({ "exp": -1 }),
        json!({ "nbf": now + 600 }),
        json!({ "iat": now + 600 }),
    ] {
        let assertion = signed(&key, &claims(id, changes.clone()));
        assert!(!world.is_good(&assertion).await, "{changes}");
    }
    let good = claims(id, json!({}));
    let payload = URL_SAFE_NO_PAD.encode(good.to_string());
    let public = serde_json::to_vec(&key.public_jwk()).unwrap();
    for assertion in [
        format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#)),
        hs256(&public, &good),
        hs256(SECRET.as_bytes(), &good),
        signed(&other_key, &good),
        key.sign("at+jwt", &good).unwrap(),
        signed(&key, &claims(other, json!({}))),
        payload,
        "a.b.c".to_owned(),
    ] {
        assert!(!world.is_good(&assertion).await, "{assertion}");
    }
    let failures = world.failures().await;
    assert!(failures.len() > 25 && failures.iter().all(|one| [id, other].contains(one)));
    assert!(
        world.is_good(&signed(&key, &good)).await,
        "none of it used the good one up"
    );
}

#[tokio::test]
async fn a_parameter_that_says_something_else_is_refused() {
    let world = World::new().await;
    let key = key();
    let id = world.signing(PRIVATE_KEY_JWT, &[&key]).await;
    let assertion = signed(&key, &claims(id, json!({})));
    for more in [
        "&client_id=another".to_owned(),
        format!("&client_id={}", ApplicationId(world.kernel.new_id())),
        format!("&client_id={id}&client_secret=x"),
    ] {
        let refused = world.shown(&assertion, &more).await.unwrap_err();
        assert_eq!(refused.error(), "invalid_request", "{more}");
    }
    for (form, error) in [
        (format!("client_assertion={assertion}"), "invalid_request"),
        (
            format!("client_assertion_type={ASSERTION_TYPE}&client_id={id}"),
            "invalid_request",
        ),
        (
            format!(
                "client_assertion={assertion}&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:saml2-bearer"
            ),
            "invalid_client",
        ),
    ] {
        assert_eq!(world.refused(&HeaderMap::new(), &form).await, error, "{form}");
    }
    assert!(world.is_good(&assertion).await);
}

#[tokio::test]
async fn an_application_authenticates_by_its_method_and_no_other() {
    let world = World::new().await;
    let key = key();
    for method in [
        "client_secret_basic",
        "client_secret_post",
        CLIENT_SECRET_JWT,
        PRIVATE_KEY_JWT,
    ] {
        let id = world.signing(method, &[&key]).await;
        world.give(id, SECRET, true).await;
        let name = id.to_string();
        let basic = super::tests::authorization(&[&super::tests::basic_of(&name, SECRET)]);
        let tried = [
            ("client_secret_basic", world.try_as(&basic, "").await.is_ok()),
            (
                "client_secret_post",
                world
                    .try_as(&HeaderMap::new(), &super::tests::post(&name, SECRET))
                    .await
                    .is_ok(),
            ),
            (
                CLIENT_SECRET_JWT,
                world
                    .is_good(&hs256(SECRET.as_bytes(), &claims(id, json!({}))))
                    .await,
            ),
            (
                PRIVATE_KEY_JWT,
                world.is_good(&signed(&key, &claims(id, json!({})))).await,
            ),
        ];
        assert_eq!(
            tried.map(|(by, good)| good == (by == method)),
            [true; 4],
            "{method}"
        );
        let nothing = format!("client_id={name}");
        assert_eq!(world.refused(&HeaderMap::new(), &nothing).await, "invalid_client");
    }
}

#[tokio::test]
async fn the_algorithm_that_was_chosen_is_the_only_one() {
    let world = World::new().await;
    let (one, other) = (key(), SigningKey::generate(Algorithm::Rs256).unwrap());
    let jwks = json!({ "keys": [one.public_jwk(), other.public_jwk()] });
    let id = world
        .configured(ApplicationSettings {
            token_endpoint_auth_method: Some(PRIVATE_KEY_JWT.to_owned()),
            token_endpoint_auth_signing_alg: Some("RS256".to_owned()),
            jwks: Some(jwks),
            ..ApplicationSettings::default()
        })
        .await;
    assert!(!world.is_good(&signed(&one, &claims(id, json!({})))).await);
    assert!(world.is_good(&signed(&other, &claims(id, json!({})))).await);
}

#[tokio::test]
async fn a_secret_signs_only_if_it_was_made_for_that_and_is_not_over() {
    let world = World::new().await;
    let id = world.signing(CLIENT_SECRET_JWT, &[]).await;
    let kept = world.give(id, SECRET, true).await;
    let older = "chs_another-secret-of-more-than-32-bytes";
    world.give(id, older, false).await;
    let good = async |secret: &str| {
        world
            .is_good(&hs256(secret.as_bytes(), &claims(id, json!({}))))
            .await
    };
    assert!(good(SECRET).await);
    assert!(!good(older).await && !good("a guess of more than thirty-two bytes").await);
    let id_of = |recorded: &events::event::Happened| match &recorded.event {
        Event::Auth(AuthEvent::ClientAuthenticationSucceeded { client, method }) => {
            Some((*client, method.clone()))
        }
        _ => None,
    };
    let log = world
        .kernel
        .log()
        .read(Stream::activity(REALM), 0, 10)
        .await
        .unwrap();
    let first = world.kernel.decode(&log[0]).await.unwrap();
    assert_eq!(id_of(&first), Some((id, CLIENT_SECRET_JWT.to_owned())));
    world.clock.advance(60);
    let late = claims(
        id,
        json!({ "exp": NOW.seconds() + 120, "iat": NOW.seconds() + 60 }),
    );
    assert!(!world.is_good(&hs256(SECRET.as_bytes(), &late)).await, "it ended");
    world
        .put(
            id,
            vec![ApplicationEvent::SecretRevoked { credential: kept }],
            None,
        )
        .await;
    assert!(!good(SECRET).await);
}

#[tokio::test]
async fn a_profile_takes_keys_alone_and_the_issuer_alone() {
    let world = World::new().await;
    let key = key();
    let id = world.signing(PRIVATE_KEY_JWT, &[&key]).await;
    let weak = world.signing(CLIENT_SECRET_JWT, &[]).await;
    world.give(weak, SECRET, true).await;
    let strict = RealmEvent::SettingsChanged(SettingsChange {
        oauth: Some(OAuthSettings {
            security_profile: Some(SecurityProfile::Fapi2),
            ..OAuthSettings::default()
        }),
        ..SettingsChange::default()
    });
    world
        .kernel
        .execute(&world.context(), &Put(strict))
        .await
        .unwrap();
    assert!(world.is_good(&signed(&key, &claims(id, json!({})))).await);
    for audience in [json!(TOKEN), json!([ISSUER]), json!([ISSUER, TOKEN])] {
        let assertion = signed(&key, &claims(id, json!({ "aud": audience })));
        assert!(!world.is_good(&assertion).await, "{audience}");
    }
    assert!(
        !world
            .is_good(&hs256(SECRET.as_bytes(), &claims(weak, json!({}))))
            .await
    );
}

/// Serves whatever is in the cell, as a client's server does.
async fn origin(document: Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let body = document.lock().unwrap().clone();
            let _ = stream.read(&mut [0; 4_096]).await;
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = stream.write_all((head + &body).as_bytes()).await;
        }
    });
    format!("http://{address}/jwks")
}

#[tokio::test]
async fn keys_are_fetched_from_where_they_are_and_from_nowhere_private() {
    let world = World::new().await;
    let (first, second) = (key(), key());
    let jwks = |key: &SigningKey| json!({ "keys": [key.public_jwk()] }).to_string();
    let document = Arc::new(Mutex::new(jwks(&first)));
    let id = world
        .configured(ApplicationSettings {
            token_endpoint_auth_method: Some(PRIVATE_KEY_JWT.to_owned()),
            jwks_uri: Some(origin(Arc::clone(&document)).await),
            ..ApplicationSettings::default()
        })
        .await;
    let loopback = outbound::Settings {
        allow_private: vec!["127.0.0.0/8".parse().unwrap()],
        allow_http: true,
        ..outbound::Settings::default()
    };
    let with = |settings: &outbound::Settings| {
        let documents = Documents::new(Outbound::new(settings).unwrap());
        Edge::new(
            Arc::clone(&world.kernel),
            "https://id.example".parse().unwrap(),
            documents,
        )
    };
    let edge = with(&loopback);
    let good = async |edge: &Edge, key: &SigningKey| {
        shown_to(edge, "token", &signed(key, &claims(id, json!({}))), "").await
    };
    assert!(good(&edge, &first).await.is_ok());
    assert_eq!(
        good(&edge, &second).await.unwrap_err(),
        OAuthError::invalid_client()
    );
    *document.lock().unwrap() = jwks(&second);
    assert!(good(&edge, &second).await.is_err(), "it was asked a moment ago");
    assert!(
        good(&with(&loopback), &second).await.is_ok(),
        "another node asks for itself"
    );
    *document.lock().unwrap() = "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}".to_owned();
    assert_eq!(
        good(&with(&loopback), &second).await.unwrap_err(),
        OAuthError::invalid_client()
    );
    let private = with(&outbound::Settings {
        allow_http: true,
        ..outbound::Settings::default()
    });
    assert_eq!(
        good(&private, &second).await.unwrap_err(),
        OAuthError::invalid_client()
    );
}
