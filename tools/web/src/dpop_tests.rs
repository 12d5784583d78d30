use axum::http::HeaderMap;
use events::{
    fold::Versioned,
    realms::{OAuthSettings, RealmEvent, Settings, SettingsChange},
};
use jose::{
    Algorithm, SigningKey,
    testing::{proof, proof_header},
};
use serde_json::{Value, json};

use super::*;
use crate::testing::{NOW, OTHER_REALM, REALM, World};

const CLIENT: ApplicationId = ApplicationId(Uuid::from_u128(0xc1));
const PATH: &str = "/realms/demo/oauth2/token";

fn claims() -> Value {
    json!({ "jti": "p-1", "htm": "POST", "htu": format!("https://id.example{PATH}"), "iat": NOW.seconds() })
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object.as_object_mut().unwrap().insert(name.to_owned(), value);
    object
}

async fn show(world: &World, proofs: &[String]) -> Result<Option<Proof>, ProofRefused> {
    let mut headers = HeaderMap::new();
    for proof in proofs {
        headers.append(PROOF, proof.parse().unwrap());
    }
    let sent = Sent {
        headers: &headers,
        method: "POST",
        path: PATH,
    };
    let application = Application::default();
    shown(&world.edge(), REALM, (CLIENT, &application), sent, None).await
}

/// Sets what the realm's endpoints allow.
struct Configure(OAuthSettings);

#[async_trait]
impl Decide for Configure {
    type State = Versioned<Settings>;
    type Rejection = std::convert::Infallible;

    fn stream(&self) -> Stream {
        Stream::facts(REALM)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<Self::State, KernelError> {
        reader.subject::<Settings>(REALM.0).await
    }

    fn decide(&self, _: &Self::State, _: &Context) -> Result<Decision, Self::Rejection> {
        let change = SettingsChange {
            oauth: Some(self.0.clone()),
            ..SettingsChange::default()
        };
        Ok(Decision::of(
            Subject::settings(REALM),
            RealmEvent::SettingsChanged(change),
        ))
    }
}

async fn configure(world: &World, settings: OAuthSettings) {
    let context = world.kernel.context(Actor::component("test"));
    world
        .kernel
        .execute(&context, &Configure(settings))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_proof_tells_whose_key_it_is_and_is_to_be_spent_under_it() {
    let world = World::new().await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    assert_eq!(show(&world, &[]).await.unwrap(), None);
    let text = proof(&key, &proof_header(&key), &claims()).unwrap();
    let shown = show(&world, &[text]).await.unwrap().unwrap();
    assert_eq!(shown.thumbprint, key.public_jwk().thumbprint().unwrap());
    let Claim::Spend { value, invalid, .. } = shown.once else {
        panic!("it is spent");
    };
    assert_eq!(value, format!("{}:p-1", shown.thumbprint));
    assert!(invalid >= NOW.after_seconds(u64::from(MAX_AGE_SECONDS)));
}

#[tokio::test]
async fn whatever_is_wrong_with_a_proof_it_is_not_good() {
    let world = World::new().await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let (header, good) = (proof_header(&key), claims());
    let private = with(header["jwk"].clone(), "d", json!("AAAA"));
    let symmetric = json!({ "kty": "oct", "k": "AAAA" });
    let cases = [
        (
            "typ",
            proof(&key, &with(header.clone(), "typ", json!("JWT")), &good),
        ),
        (
            "symmetric",
            proof(&key, &with(header.clone(), "alg", json!("HS256")), &good),
        ),
        (
            "none",
            proof(&key, &with(header.clone(), "alg", json!("none")), &good),
        ),
        (
            "private",
            proof(&key, &with(header.clone(), "jwk", private), &good),
        ),
        (
            "octets",
            proof(&key, &with(header.clone(), "jwk", symmetric), &good),
        ),
        (
            "old",
            proof(
                &key,
                &header,
                &with(good.clone(), "iat", json!(NOW.seconds() - 61)),
            ),
        ),
        (
            "early",
            proof(
                &key,
                &header,
                &with(good.clone(), "iat", json!(NOW.seconds() + 61)),
            ),
        ),
        (
            "method",
            proof(&key, &header, &with(good.clone(), "htm", json!("GET"))),
        ),
        (
            "address",
            proof(
                &key,
                &header,
                &with(
                    good.clone(),
                    "htu",
                    json!("https://evil.example/realms/demo/oauth2/token"),
                ),
            ),
        ),
        (
            "no jti",
            proof(&key, &header, &with(good.clone(), "jti", json!(null))),
        ),
        ("garbage", Ok("not.a.proof".to_owned())),
        ("empty", Ok(String::new())),
    ];
    for (what, text) in cases {
        let refused = show(&world, &[text.unwrap()]).await;
        assert!(matches!(refused, Err(Invalid(_))), "{what}: {refused:?}");
    }
    let text = proof(&key, &header, &good).unwrap();
    let two = show(&world, &[text.clone(), text]).await;
    assert!(matches!(two, Err(Invalid(_))), "two proofs: {two:?}");
}

#[tokio::test]
async fn a_realm_may_want_nonces_of_its_own_that_are_fresh() {
    let world = World::new().await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let mut headers = HeaderMap::new();
    offer_nonce(&world.edge(), REALM, &mut headers).await.unwrap();
    assert!(headers.is_empty(), "nobody asked for one");
    configure(
        &world,
        OAuthSettings {
            dpop_nonce: true,
            ..OAuthSettings::default()
        },
    )
    .await;
    offer_nonce(&world.edge(), REALM, &mut headers).await.unwrap();
    let nonce = headers[NONCE].to_str().unwrap().to_owned();
    let foreign = nonce_of(&world, OTHER_REALM).await;
    let with_nonce = |claims: Value, nonce: &str| {
        proof(&key, &proof_header(&key), &with(claims, "nonce", json!(nonce))).unwrap()
    };
    let without = proof(&key, &proof_header(&key), &claims()).unwrap();
    for refused in [
        without,
        with_nonce(claims(), "made-up"),
        with_nonce(claims(), &foreign),
    ] {
        let answer = show(&world, &[refused]).await;
        assert!(matches!(answer, Err(ProofRefused::UseNonce)), "{answer:?}");
    }
    assert!(
        show(&world, &[with_nonce(claims(), &nonce)])
            .await
            .unwrap()
            .is_some()
    );
    world.clock.advance(300);
    let later = with(claims(), "iat", json!(world.kernel.now().seconds()));
    let stale = show(&world, &[with_nonce(later, &nonce)]).await;
    assert!(matches!(stale, Err(ProofRefused::UseNonce)), "{stale:?}");
}

async fn nonce_of(world: &World, realm: RealmId) -> String {
    nonce(&world.edge(), realm)
        .await
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}
