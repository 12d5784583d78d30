//! Signing in with others: a second realm as the provider, one that is independent of us, and one that lies. What it tells, whom it lets in,
//! how identities become people's, and what is tried to get around all of it.
#![expect(clippy::expect_used, reason = "a test")]

mod independent;
mod linking;
mod lying;
mod provider;
mod realms;

use chancery_tests::harness::{
    Answer, Application, Authorization, Browser, Callback, Options, Realm, Server, User,
};
use serde_json::{Value, json};

use provider::Provider;

/// For a server that asks providers on this machine.
fn outbound() -> Options {
    Options::default()
        .with("CHANCERY_OUTBOUND__ALLOW_HTTP", "true")
        .with("CHANCERY_OUTBOUND__ALLOW_PRIVATE", "127.0.0.0/8")
}

/// A server that does.
fn server() -> Server {
    Server::start(outbound())
}

/// A realm that takes the sign-ins of a provider.
struct Scene {
    server: Server,
    realm: Realm,
    application: Application,
    provider: Provider,
    /// The provider's id in the realm.
    id: String,
}

impl Scene {
    /// With these settings besides.
    async fn with(settings: Value) -> Self {
        Self::on(server(), settings).await
    }

    /// The same on a server.
    async fn on(server: Server, settings: Value) -> Self {
        let realm = Realm::on(&server).await;
        let application = realm.application("web").await;
        let provider = Provider::start().await;
        let id = register(&realm, "acme", &provider.issuer, settings).await;
        Self {
            server,
            realm,
            application,
            provider,
            id,
        }
    }

    fn request(&self) -> Authorization {
        Authorization::new(&self.realm, &self.application, "openid email profile")
    }

    /// A browser goes to the provider from a sign-in page.
    async fn goes(&self, browser: &mut Browser) -> Callback {
        let page = browser.open(&self.request().url()).await.page();
        browser.open(&link(&page, "acme")).await.back()
    }

    /// The same, and somebody signs in there: where the browser is sent back to.
    async fn comes_back(&self, browser: &mut Browser, who: &Value) -> String {
        let arrived = self.goes(browser).await;
        self.provider.signs_in(&arrived, who)
    }

    /// Somebody signs in to the application through the provider: what the id token says of them.
    async fn signs_in(&self, browser: &mut Browser, who: &Value) -> Value {
        let request = self.request();
        let page = browser.open(&request.url()).await.page();
        let arrived = browser.open(&link(&page, "acme")).await.back();
        let back = self.provider.signs_in(&arrived, who);
        signed_in_as(self, &browser.open(&back).await.back(), &request).await
    }

    async fn change(&self, settings: Value) {
        let path = self.realm.at(&format!("/identity-providers/{}", self.id));
        let _ = self.realm.api.patch(&path, settings).await.is(200);
    }
}

/// Registers a provider, and gives its id.
async fn register(realm: &Realm, alias: &str, issuer: &str, settings: Value) -> String {
    let mut body = json!({
        "alias": alias, "issuer": issuer, "display_name": "Acme & Sons", "client_id": "the-realm",
        "client_secret": "what it gave us", "sign_up": "create",
    });
    body.as_object_mut()
        .expect("an object")
        .extend(settings.as_object().expect("an object").clone());
    let made = realm
        .api
        .post(&realm.at("/identity-providers"), body)
        .await
        .is(201);
    let redirect_uri = format!("{}/identity-providers/{alias}/callback", realm.issuer());
    assert_eq!(made.json()["redirect_uri"], redirect_uri);
    made.field("id")
}

/// Where a page leads to a provider.
fn link(page: &Answer, alias: &str) -> String {
    let place = format!("/identity-providers/{alias}/start?flow=");
    let found = page.text.split("href=\"").skip(1).find_map(|rest| {
        let (address, _) = rest.split_once('"')?;
        address.contains(&place).then(|| address.to_owned())
    });
    found.unwrap_or_else(|| {
        panic!(
            "no way to {alias} on {}: {}\n{}",
            page.asked, page.status, page.text
        )
    })
}

/// Somebody at the provider.
fn alice() -> Value {
    json!({
        "sub": "alice-at-acme", "email": "alice@acme.example", "email_verified": true,
        "name": "Alice Ames", "given_name": "Alice", "family_name": "Ames",
    })
}

/// Whom a callback's code is of, for the application.
async fn signed_in_as(scene: &Scene, callback: &Callback, request: &Authorization) -> Value {
    let answer = scene
        .realm
        .redeem(&scene.application, callback.code(), request)
        .await;
    let tokens = chancery_tests::harness::Tokens::from(answer);
    chancery_tests::harness::payload_of(tokens.id())
}

/// The identities of a user.
async fn identities(realm: &Realm, user: &str) -> Vec<Value> {
    let path = realm.at(&format!("/users/{user}/identities"));
    let answer = realm.api.query(&path).await.is(200).json();
    answer["items"].as_array().expect("items").clone()
}

/// The types of the events of a lane, in order.
async fn events(realm: &Realm, lane: &str) -> Vec<String> {
    let path = realm.at(&format!("/events?lane={lane}&limit=500"));
    let answer = realm.api.query(&path).await.is(200).json();
    let items = answer["items"].as_array().expect("items");
    items
        .iter()
        .map(|event| event["type"].as_str().expect("a type").to_owned())
        .collect()
}

/// A user of the realm whose address is confirmed.
async fn confirmed(realm: &Realm, email: &str) -> User {
    let user = realm
        .user_with(json!({ "email": email, "email_verified": true }))
        .await;
    User {
        email: email.to_owned(),
        ..user
    }
}
