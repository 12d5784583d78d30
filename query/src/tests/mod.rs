//! The reads of both surfaces over the real routers, on a log, keys and read models of their own: given events, when asked, then answers.
//! What only shows when all parts stand together is here; every endpoint with all its callers is tested over HTTP in `tests/`.

mod bound_tokens;
mod following;
mod management;
mod operations;
mod realm_surface;

use std::{sync::Arc, time::Duration};

use ::events::{
    applications::{Application, ApplicationEvent, ApplicationSettings, ApplicationType},
    auth::{AuthEvent, EndReason, RequestedClaims, Session},
    clock::{FrozenClock, SystemRandom},
    event::Event,
    fold::Fold,
    ids::{ApplicationId, CredentialId, GrantId, RealmId, SessionId, UserId},
    kernel::{Claim, Decide, Decision, Kernel, KernelError, Reader},
    keys::{KeyStore, Keyring, MasterKey, SqliteKeyStore, postgres::PostgresKeyStore},
    log::{ClaimKind, Log, Position, postgres::PostgresLog, sqlite::SqliteLog},
    permissions::{Assignments, PermissionEvent, PrincipalKind, Role},
    postgres::Database as Address,
    realms::{Realm, RealmEvent, SigningKeys},
    sealing::Sealed,
    subject::{Stream, Subject},
    testing::NOW,
    users::{Password, Profile, User, UserEvent},
};
use axum::{Router, body::Body};
use http::{HeaderMap, Request, StatusCode, header};
use jose::{Algorithm, SigningKey};
use outbound::{Documents, Outbound};
use projections::Home;
use scratch::{Database, Engine};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;
use web::{Edge, layers::edge_layers};

use super::*;

const DEMO: RealmId = RealmId(Uuid::from_u128(0xde));
const OTHER: RealmId = RealmId(Uuid::from_u128(0x07));
const ALICE: UserId = UserId(Uuid::from_u128(0xa1));
const BOB: UserId = UserId(Uuid::from_u128(0xb0));
const STRANGER: UserId = UserId(Uuid::from_u128(0x57));
const SERVICE: ApplicationId = ApplicationId(Uuid::from_u128(0x5e));
const SHOP: ApplicationId = ApplicationId(Uuid::from_u128(0x50));
const SESSION: SessionId = SessionId(Uuid::from_u128(0x55));
const GRANT: GrantId = GrantId(Uuid::from_u128(0x66));
const ISSUER: &str = "https://id.example/realms/demo";
const API: &str = "/query/v1/realms/demo";

/// "This happened": events of one subject, appended as they stand.
struct Tell<F> {
    stream: Stream,
    id: Uuid,
    events: Vec<Event>,
    fold: std::marker::PhantomData<F>,
}

#[async_trait::async_trait]
impl<F: Fold> Decide for Tell<F> {
    type State = ();
    type Rejection = ();

    fn stream(&self) -> Stream {
        self.stream
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<(), KernelError> {
        reader.subject::<F>(self.id).await.map(drop)
    }

    fn decide(&self, (): &(), _: &::events::kernel::Context) -> Result<Decision, ()> {
        let subject = Subject::new(F::KIND, self.id);
        let mut decision = Decision::nothing(subject);
        for event in &self.events {
            decision = decision.and(subject, event.clone());
            if let Event::Realms(RealmEvent::Created { name, .. }) = event {
                let (kind, value) = (ClaimKind::RealmName, name.clone());
                decision = decision.claiming(Claim::Hold {
                    kind,
                    value,
                    holder: self.id,
                });
            }
        }
        Ok(decision)
    }
}

struct World {
    kernel: Arc<Kernel>,
    clock: Arc<FrozenClock>,
    queries: Queries,
    app: Router,
    key: SigningKey,
    _close: tokio::sync::watch::Sender<bool>,
    _folder: tempfile::TempDir,
    _database: Option<Database>,
}

impl World {
    /// Two realms; in `demo` a service that administers it, a shop, alice (signed in) and bob; in `other` a stranger.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, random) = (FrozenClock::at(NOW), Arc::new(SystemRandom));
        let path = |name: &str| folder.path().join(name);
        let database = match scratch::engine() {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Database::create().expect("TEST_ENGINE=postgres needs TEST_POSTGRES")),
        };
        let (log, store, home): (Arc<dyn Log>, Arc<dyn KeyStore>, _) = if let Some(database) = &database {
            let address: Address = database.url().parse().unwrap();
            let log = PostgresLog::open(&address, clock.clone(), random.clone()).await;
            let store = PostgresKeyStore::open(&address).await;
            (log.unwrap(), store.unwrap(), Home::Database(address))
        } else {
            let log = SqliteLog::open(&path("log"), clock.clone(), random.clone()).await;
            let store = SqliteKeyStore::open(&path("keys")).await;
            (log.unwrap(), store.unwrap(), Home::Folder(path("read")))
        };
        let master = MasterKey::load_or_create(&path("master.key"), &*random).unwrap();
        let keyring = Keyring::open(store, master, random.clone()).await.unwrap();
        for realm in [DEMO, OTHER] {
            keyring.prepare_realm(realm).await.unwrap();
        }
        let kernel = Kernel::start(log, keyring, clock.clone(), random).await.unwrap();
        let reads = Reads::open(Arc::clone(&kernel), home, true).await.unwrap();
        let documents = Documents::new(Outbound::new(&outbound::Settings::default()).unwrap());
        let edge = Edge::new(
            Arc::clone(&kernel),
            "https://id.example".parse().unwrap(),
            documents,
        );
        let (close, closing) = tokio::sync::watch::channel(false);
        let queries = Queries {
            edge: edge.clone(),
            reads,
            live: Live::new(
                Limits {
                    per_realm: 2,
                    in_all: 3,
                },
                closing,
            ),
        };
        let (api, _) = router(queries.clone())
            .merge(auth::router(queries.clone()))
            .split_for_parts();
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let app = edge_layers(api, &edge, |_, _, _, _| Box::pin(async { None }));
        let world = Self {
            kernel,
            clock,
            queries,
            app,
            key,
            _close: close,
            _folder: folder,
            _database: database,
        };
        world.populate().await;
        world
    }

    async fn populate(&self) {
        let made = |name: &str| RealmEvent::Created {
            name: name.to_owned(),
            display_name: name.to_owned(),
        };
        let system = Stream::facts(RealmId::SYSTEM);
        for (id, name) in [(RealmId::SYSTEM, "system"), (DEMO, "demo"), (OTHER, "other")] {
            self.tell::<Realm>(system, id.0, [made(name).into()]).await;
        }
        let facts = Stream::facts(DEMO);
        let signing = RealmEvent::SigningKeyCreated {
            kid: self.key.kid().to_owned(),
            algorithm: "ES256".to_owned(),
            public_jwk: serde_json::to_value(self.key.public_jwk()).unwrap(),
            replaced_until: NOW,
        };
        self.tell::<SigningKeys>(facts, DEMO.0, [signing.into()]).await;
        let secret = web::clients::secret_digest(&self.kernel, DEMO, "secret")
            .await
            .unwrap();
        for (id, application_type) in [(SERVICE, ApplicationType::Service), (SHOP, ApplicationType::Web)] {
            let settings = ApplicationSettings {
                name: "An application".to_owned(),
                ..Default::default()
            };
            let registered = ApplicationEvent::Registered {
                client_id: id.to_string(),
                application_type,
                settings: Box::new(settings),
            };
            let credential = CredentialId(Uuid::from_u128(id.0.as_u128() + 1));
            let digest = Sealed::Known(secret.clone());
            let added = ApplicationEvent::SecretAdded {
                credential,
                digest,
                secret: None,
                expires: None,
            };
            self.tell::<Application>(facts, id.0, [registered.into(), added.into()])
                .await;
        }
        let role = PermissionEvent::Assigned {
            role: Role::RealmAdministrator,
            principal: PrincipalKind::Application,
        };
        self.tell::<Assignments>(facts, SERVICE.0, [role.into()]).await;
        self.register(DEMO, ALICE, "alice").await;
        self.register(DEMO, BOB, "bob").await;
        self.register(OTHER, STRANGER, "stranger").await;
        let credential = CredentialId(Uuid::from_u128(0xc0));
        let hash = Sealed::Known("$argon2id$secret".to_owned());
        self.tell::<Password>(
            facts,
            ALICE.0,
            [UserEvent::PasswordSet {
                credential,
                hash,
                keeps: None,
            }
            .into()],
        )
        .await;
        let (expires, scopes) = (
            NOW.after_seconds(86_400),
            vec!["openid".to_owned(), "profile".to_owned()],
        );
        let started = AuthEvent::SessionStarted {
            user: ALICE,
            client: Some(SHOP),
            amr: vec!["pwd".to_owned()],
            expires,
            proofs: Vec::new(),
            last_ending: self
                .kernel
                .current::<Password>(DEMO, ALICE.0)
                .await
                .unwrap()
                .state
                .set,
        };
        let granted = AuthEvent::GrantStarted {
            grant: GRANT,
            client: SHOP,
            scopes,
            refresh: false,
            expires,
            jkt: None,
            claims: RequestedClaims::default(),
            consent: 0,
        };
        let last = self
            .tell::<Session>(
                Stream::activity(DEMO),
                SESSION.0,
                [started.into(), granted.into()],
            )
            .await;
        self.settle(&last).await;
    }

    async fn register(&self, realm: RealmId, id: UserId, name: &str) -> Position {
        let profile = Profile {
            username: Some(name.to_owned()),
            ..Profile::default()
        };
        let registered = UserEvent::Registered {
            profile: Sealed::Known(profile),
        };
        let position = self
            .tell::<User>(Stream::facts(realm), id.0, [registered.into()])
            .await;
        self.settle(&position).await;
        position
    }

    async fn tell<F: Fold>(
        &self,
        stream: Stream,
        id: Uuid,
        events: impl IntoIterator<Item = Event>,
    ) -> Position {
        let events = events.into_iter().collect();
        let command = Tell::<F> {
            stream,
            id,
            events,
            fold: std::marker::PhantomData,
        };
        let context = self.kernel.context(::events::envelope::Actor::component("test"));
        self.kernel
            .execute(&context, &command)
            .await
            .unwrap()
            .receipt
            .position
    }

    async fn settle(&self, position: &Position) {
        self.queries
            .reads
            .wait_for(position, Duration::from_secs(10))
            .await
            .unwrap();
    }

    /// A token of the service, which administers the realm.
    fn service_token(&self) -> String {
        self.token(&json!({ "sub": SERVICE, "client_id": SERVICE, "aud": [ISSUER] }))
    }

    /// A token of alice at the shop.
    fn alice_token(&self, scope: &str) -> String {
        self.token(&json!({
            "sub": ALICE, "client_id": SHOP, "cid": SHOP, "sid": SESSION, "gid": GRANT, "scope": scope, "aud": ["shop"],
        }))
    }

    fn token(&self, claims: &Value) -> String {
        let now = NOW.seconds();
        let mut all =
            json!({ "iss": ISSUER, "iat": now, "exp": now + 600, "jti": self.kernel.new_id(), "scope": "" });
        all.as_object_mut()
            .unwrap()
            .extend(claims.as_object().unwrap().clone());
        self.key.sign("at+jwt", &all).unwrap()
    }

    async fn send(&self, request: http::request::Builder, body: &str) -> (StatusCode, HeaderMap, Value) {
        let response = self
            .app
            .clone()
            .oneshot(request.body(Body::from(body.to_owned())).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        (
            parts.status,
            parts.headers,
            serde_json::from_slice(&body).unwrap_or_default(),
        )
    }

    /// As the service, which administers the realm.
    async fn get(&self, path: &str) -> (StatusCode, HeaderMap, Value) {
        self.get_with(path, &[]).await
    }

    async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap, Value) {
        let mut request =
            Request::get(path).header("authorization", format!("Bearer {}", self.service_token()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request, "").await
    }

    async fn ok(&self, path: &str) -> Value {
        let (status, _, body) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    async fn refused(&self, path: &str) -> (StatusCode, Value) {
        let (status, headers, body) = self.get(path).await;
        assert!(status.is_client_error(), "{path}: {status} {body}");
        assert_eq!(
            headers[header::CONTENT_TYPE],
            "application/problem+json",
            "{path}"
        );
        (status, body)
    }

    async fn post(
        &self,
        path: &str,
        authorization: Option<&str>,
        form: &str,
    ) -> (StatusCode, HeaderMap, Value) {
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        self.send(request, form).await
    }
}
