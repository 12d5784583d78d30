//! What these tests stand on: a platform after its first start, and a client with full rights.

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use events::{
    clock::{FrozenClock, SystemRandom, Timestamp},
    envelope::Recorded,
    event::Happened,
    ids::RealmId,
    kernel::Kernel,
    keys::{KeyStore, Keyring, MasterKey, SqliteKeyStore, postgres::PostgresKeyStore},
    log::{Log, postgres::PostgresLog, sqlite::SqliteLog},
    postgres::Database,
    subject::Stream,
};
use jose::Algorithm;
use outbound::{Documents, Outbound};
use passwords::{Hasher, Parameters};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;
use web::Edge;

use crate::{
    Commands,
    bootstrap::{Bootstrap, Bootstrapped, bootstrap},
    realms::ensure_signing_key,
};

/// The automation client.
pub const CLIENT: &str = "automation";

/// A password that nobody would guess.
pub const PASSWORD: &str = "correct horse ripens slowly";

/// A platform of its own.
pub struct World {
    /// All commands.
    pub commands: Commands,
    /// The clock, which stands still.
    pub clock: Arc<FrozenClock>,
    folder: tempfile::TempDir,
    keys: Arc<dyn KeyStore>,
    database: Option<scratch::Database>,
}

/// What a request was answered.
#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answered {
    /// The id in the answer.
    pub fn id(&self) -> Uuid {
        self.body["id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .unwrap_or_else(|| panic!("{self:?}"))
    }

    /// The fields that a problem names.
    pub fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        errors
            .iter()
            .filter_map(|error| error["field"].as_str())
            .collect()
    }
}

/// The names of the events that a command was answered with.
pub fn events(answered: &Answered) -> Vec<&str> {
    let events = answered.body["events"]
        .as_array()
        .unwrap_or_else(|| panic!("{answered:?}"));
    events.iter().filter_map(Value::as_str).collect()
}

impl World {
    /// One on which nothing was started yet, on the engine under test.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, random) = (
            FrozenClock::at(Timestamp::from_seconds(1_767_225_600)),
            Arc::new(SystemRandom),
        );
        let database = match scratch::engine() {
            scratch::Engine::Sqlite => None,
            scratch::Engine::Postgres => {
                Some(scratch::Database::create().expect("TEST_ENGINE=postgres needs TEST_POSTGRES"))
            }
        };
        let (log, keys): (Arc<dyn Log>, Arc<dyn KeyStore>) = if let Some(database) = &database {
            let address: Database = database.url().parse().unwrap();
            let log = PostgresLog::open(&address, clock.clone(), random.clone());
            (
                log.await.unwrap(),
                PostgresKeyStore::open(&address).await.unwrap(),
            )
        } else {
            let path = |name: &str| folder.path().join(name);
            let log = SqliteLog::open(&path("log"), clock.clone(), random.clone()).await;
            (log.unwrap(), SqliteKeyStore::open(&path("keys")).await.unwrap())
        };
        let master = MasterKey::load_or_create(&folder.path().join("master.key"), &*random).unwrap();
        let keyring = Keyring::open(keys.clone(), master, random.clone()).await.unwrap();
        let kernel = Kernel::start(log, keyring, clock.clone(), random).await.unwrap();
        let cheap = Parameters {
            memory_kib: 8,
            iterations: 1,
            parallelism: 1,
        };
        let edge = Edge::new(kernel, "http://127.0.0.1:8080".parse().unwrap(), documents());
        let commands = Commands::new(edge, Hasher::new(cheap, 1, 16).unwrap());
        Self {
            commands,
            clock,
            folder,
            keys,
            database,
        }
    }

    /// One after its first start.
    pub async fn started() -> Self {
        let world = Self::new().await;
        world.start().await;
        world
    }

    /// Starts it (again), with the automation client configured.
    pub async fn start(&self) -> Bootstrapped {
        let client = Some((
            CLIENT.to_owned(),
            "a secret of the tests, which is long enough".into(),
        ));
        bootstrap(
            &self.commands,
            Bootstrap {
                admin_password: None,
                client,
            },
        )
        .await
        .unwrap()
    }

    /// The same platform under another address.
    pub fn at(&self, public_url: &str) -> Commands {
        let edge = Edge::new(
            Arc::clone(self.kernel()),
            public_url.parse().unwrap(),
            documents(),
        );
        Commands {
            edge,
            ..self.commands.clone()
        }
    }

    /// The kernel.
    pub fn kernel(&self) -> &Arc<Kernel> {
        self.commands.edge.kernel()
    }

    /// All that was recorded in a realm's facts.
    pub async fn facts(&self, realm: RealmId) -> Vec<Happened> {
        let recorded: Vec<Recorded> = self
            .kernel()
            .log()
            .read(Stream::facts(realm), 0, 10_000)
            .await
            .unwrap();
        let mut facts = Vec::new();
        for recorded in &recorded {
            facts.push(self.kernel().decode(recorded).await.unwrap());
        }
        facts
    }

    /// The names of all that was recorded in a realm's facts.
    pub async fn names(&self, realm: RealmId) -> Vec<&'static str> {
        self.facts(realm)
            .await
            .iter()
            .map(|happened| happened.event.name())
            .collect()
    }

    fn router(&self) -> Router {
        let (router, _) = crate::router(self.commands.clone()).split_for_parts();
        router
    }

    /// An access token of an application acting for itself.
    pub async fn token(&self, realm: &str, client_id: &str) -> String {
        let realm = self.commands.edge.realm(realm).await.unwrap().unwrap();
        let key = ensure_signing_key(&self.commands.edge, realm.id, Algorithm::Es256)
            .await
            .unwrap();
        let issuer = self.commands.edge.issuer(&realm);
        let found = web::clients::resolve(&self.commands.edge, &realm, client_id)
            .await
            .unwrap();
        let (subject, _) = found.unwrap();
        let now = self.kernel().now().seconds();
        let claims = json!({
            "iss": issuer, "sub": subject.to_string(), "aud": [issuer], "client_id": client_id, "scope": "",
            "iat": now, "exp": now + 600, "jti": self.kernel().new_id(),
        });
        key.sign("at+jwt", &claims).unwrap()
    }

    /// Sends a request as the automation client.
    pub async fn send(&self, method: &str, path: &str, body: Value) -> Answered {
        let token = self.token("system", CLIENT).await;
        self.send_with(method, path, &body, Some(&token), &[]).await
    }

    /// Sends a request with this token and these headers.
    pub async fn send_with(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        token: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Answered {
        let method: Method = method.parse().unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/command/v1/{path}"));
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = if body.is_null() {
            request.body(Body::empty())
        } else {
            request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string()))
        };
        let response = self.router().oneshot(request.unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answered {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// A new realm.
    pub async fn realm(&self, name: &str) -> RealmId {
        let made = self.send("POST", "realms", json!({ "name": name })).await;
        assert_eq!(made.status, 201, "{made:?}");
        RealmId(made.id())
    }

    /// A service application of a realm with a role: its token.
    pub async fn helper(&self, realm: &str, role: &str) -> String {
        let path = format!("realms/{realm}/applications");
        let made = self
            .send("POST", &path, json!({ "name": "Helper", "type": "service" }))
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        let given = self
            .send("PUT", &format!("{path}/{}/roles/{role}", made.id()), Value::Null)
            .await;
        assert_eq!(given.status, 200, "{given:?}");
        self.token(realm, &made.id().to_string()).await
    }

    /// Closes it, and deletes what it stood on.
    pub async fn close(self) {
        self.kernel().log().close().await;
        self.keys.close().await;
        self.folder.close().unwrap();
        drop(self.database);
    }
}

/// Requests that tenants cause may go to servers of the tests.
fn documents() -> Documents {
    let settings = outbound::Settings {
        allow_private: vec!["127.0.0.1".parse().unwrap()],
        allow_http: true,
        ..outbound::Settings::default()
    };
    Documents::new(Outbound::new(&settings).unwrap())
}
