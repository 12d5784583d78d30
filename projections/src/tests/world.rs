//! A log, a key store and read models on the engine that the tests stand on, and histories that are the same for the same
//! seed.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use events::{
    applications::{ApplicationEvent, ApplicationSettings, ApplicationType},
    auth::{AuthEvent, EndReason, LoginFailure, Method, Proof, RequestedClaims},
    clock::{FrozenClock, SystemRandom, Timestamp},
    compliance::ComplianceEvent,
    credentials::CredentialEvent,
    devices::DeviceEvent,
    envelope::Actor,
    event::{Event, Network},
    identities::IdentityEvent,
    identity_providers::{IdentityProviderEvent, IdentityProviderSettings},
    ids::{
        ApplicationId, CredentialId, DeviceId, EventId, GrantId, IdentityProviderId, RealmId, SessionId,
        UserId, WebhookId,
    },
    kernel::{Context, Decide, Decision, Kernel, KernelError, Reader},
    keys::{KeyStore, Keyring, MasterKey, PostgresKeyStore, SqliteKeyStore},
    log::{Append, Log, NewEvent, Position, Verdict, postgres::PostgresLog, sqlite::SqliteLog},
    passkeys::{AuthenticatorTold, PasskeyEvent},
    permissions::{Assignments, PermissionEvent, PrincipalKind, Role},
    realms::{Realm, RealmEvent, SettingsChange, SigningKeys, TokenSettings},
    sealing::Sealed,
    subject::{Lane, Stream, Subject, SubjectKind},
    users::{Password, Profile, User, UserEvent},
    webhooks::{
        DisabledBy, Signature, WebhookEvent, WebhookSettings,
        deliveries::{Delivery, DeliveryEvent},
    },
};
use scratch::{Database, Engine, engine};
use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{Home, Projection, Reads, projection, runner::Pace};

pub const START: Timestamp = Timestamp::from_seconds(1_767_225_600);
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Small batches, so that there are many; short pauses, so that tests are.
pub const PACE: Pace = Pace {
    batch: 7,
    poll: Duration::from_millis(20),
    retry: Duration::from_millis(20),
    frozen: Duration::from_secs(30),
};

pub struct World {
    pub folder: TempDir,
    pub database: Option<Database>,
    pub kernel: Arc<Kernel>,
    pub keys: Arc<dyn KeyStore>,
    pub clock: Arc<FrozenClock>,
}

pub fn master_key() -> MasterKey {
    MasterKey::parse("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").unwrap()
}

/// Whatever a test wants to have happened.
struct Tell {
    stream: Stream,
    subject: Option<Subject>,
    events: Vec<Event>,
}

#[async_trait]
impl Decide for Tell {
    type State = ();
    type Rejection = ();

    fn stream(&self) -> Stream {
        self.stream
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<(), KernelError> {
        let Some(Subject { kind, id }) = self.subject else {
            return Ok(());
        };
        match kind {
            SubjectKind::Realm => reader.subject::<Realm>(id).await.map(drop),
            SubjectKind::Settings => reader.subject::<events::realms::Settings>(id).await.map(drop),
            SubjectKind::SigningKeys => reader.subject::<SigningKeys>(id).await.map(drop),
            SubjectKind::User => reader.subject::<User>(id).await.map(drop),
            SubjectKind::Password => reader.subject::<Password>(id).await.map(drop),
            SubjectKind::Application => reader
                .subject::<events::applications::Application>(id)
                .await
                .map(drop),
            SubjectKind::InitialAccess => reader
                .subject::<events::applications::InitialAccess>(id)
                .await
                .map(drop),
            SubjectKind::Assignments => reader.subject::<Assignments>(id).await.map(drop),
            SubjectKind::Session => reader.subject::<events::auth::Session>(id).await.map(drop),
            SubjectKind::DeviceAuthorization => reader
                .subject::<events::auth::DeviceAuthorization>(id)
                .await
                .map(drop),
            SubjectKind::SignInGuard => reader.subject::<events::auth::SignInGuard>(id).await.map(drop),
            SubjectKind::Totp => reader.subject::<events::credentials::Totp>(id).await.map(drop),
            SubjectKind::RecoveryCodes => reader
                .subject::<events::credentials::RecoveryCodes>(id)
                .await
                .map(drop),
            SubjectKind::File => reader.subject::<events::files::File>(id).await.map(drop),
            SubjectKind::Passkeys => reader.subject::<events::passkeys::Passkeys>(id).await.map(drop),
            SubjectKind::Webhook => reader.subject::<events::webhooks::Webhook>(id).await.map(drop),
            SubjectKind::WebhookRoutes => reader.subject::<events::webhooks::Routes>(id).await.map(drop),
            SubjectKind::Mailbox => reader.subject::<events::letters::Mailbox>(id).await.map(drop),
            SubjectKind::EmailChange => reader
                .subject::<events::users::email_change::EmailChange>(id)
                .await
                .map(drop),
            SubjectKind::IdentityProvider => reader
                .subject::<events::identity_providers::IdentityProvider>(id)
                .await
                .map(drop),
            SubjectKind::IdentityProviders => reader
                .subject::<events::identity_providers::Offers>(id)
                .await
                .map(drop),
            SubjectKind::Identities => reader
                .subject::<events::identities::Identities>(id)
                .await
                .map(drop),
            SubjectKind::Devices => reader.subject::<events::devices::Devices>(id).await.map(drop),
            SubjectKind::Consent => reader.subject::<events::compliance::Consent>(id).await.map(drop),
        }
    }

    fn decide(&self, (): &(), _: &Context) -> Result<Decision, ()> {
        let subject = self.subject.unwrap_or(Subject::user(UserId(Uuid::nil())));
        let mut decision = Decision::nothing(subject);
        decision.events = self
            .events
            .iter()
            .map(|event| (self.subject, event.clone()))
            .collect();
        Ok(decision)
    }
}

impl World {
    /// On the engine that the tests stand on.
    pub async fn new() -> Self {
        let database = match engine() {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Database::create().expect("TEST_ENGINE=postgres needs TEST_POSTGRES")),
        };
        let stores = database.as_ref().map(|database| database.url().parse().unwrap());
        Self::on(database, stores).await
    }

    /// Read models on PostgreSQL, if there is one: what several nodes share. The log and the keys stand elsewhere, so that
    /// only the read models feel what becomes of the database.
    pub async fn shared() -> Option<Self> {
        Some(Self::on(Some(Database::create()?), None).await)
    }

    /// With read models in the database, if it is given, and the log and the keys in `stores`.
    async fn on(database: Option<Database>, stores: Option<events::postgres::Database>) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = FrozenClock::at(START);
        let random = Arc::new(SystemRandom);
        let (log, store): (Arc<dyn Log>, Arc<dyn KeyStore>) = if let Some(stores) = stores {
            let log = PostgresLog::open(&stores, clock.clone(), random.clone()).await;
            (log.unwrap(), PostgresKeyStore::open(&stores).await.unwrap())
        } else {
            let (log, keys) = (
                folder.path().join("log.sqlite"),
                folder.path().join("keys.sqlite"),
            );
            let log = SqliteLog::open(&log, clock.clone(), random.clone()).await;
            (log.unwrap(), SqliteKeyStore::open(&keys).await.unwrap())
        };
        let keyring = Keyring::open(store.clone(), master_key(), random.clone())
            .await
            .unwrap();
        let kernel = Kernel::start(log, keyring, clock.clone(), random).await.unwrap();
        Self {
            folder,
            database,
            kernel,
            keys: store,
            clock,
        }
    }

    pub fn home(&self) -> Home {
        match &self.database {
            None => Home::Folder(self.folder.path().join("read")),
            Some(database) => Home::Database(database.url().parse().unwrap()),
        }
    }

    pub async fn generations(&self) -> Vec<u64> {
        self.home().open().await.unwrap().numbers().await.unwrap()
    }

    /// The file of a generation, on the engine that has files.
    pub fn file(&self, generation: u64) -> PathBuf {
        self.folder.path().join(format!("read/gen-{generation}.sqlite"))
    }

    /// Writes over the entry of the second event of a stream, wherever there is one.
    pub async fn damage(&self, entry: &[u8]) {
        let written = if let Some(database) = &self.database {
            let options = database.url().parse::<PgConnectOptions>().unwrap();
            let mut connection = options.connect().await.unwrap();
            sqlx::query("UPDATE chancery_log.event SET entry = $1 WHERE seq = 2")
                .bind(entry)
                .execute(&mut connection)
                .await
                .unwrap()
                .rows_affected()
        } else {
            let options = SqliteConnectOptions::new().filename(self.folder.path().join("log.sqlite"));
            let mut connection = options.connect().await.unwrap();
            sqlx::query("UPDATE event SET entry = $1 WHERE seq = 2")
                .bind(entry)
                .execute(&mut connection)
                .await
                .unwrap()
                .rows_affected()
        };
        assert_eq!(written, 1);
    }

    /// Does something to the rows of a generation behind its back.
    pub async fn meddle(&self, generation: u64, sql: &str) {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        if let Some(database) = &self.database {
            let options = database.url().parse::<PgConnectOptions>().unwrap();
            let options = options.options([("search_path", format!("chancery_read_{generation}"))]);
            let mut connection = options.connect().await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        } else {
            let options = SqliteConnectOptions::new().filename(self.file(generation));
            let mut connection = options.connect().await.unwrap();
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    }

    pub async fn reads(&self) -> Reads {
        self.reads_of(projection::all(), PACE).await
    }

    pub async fn reads_of(&self, projections: Vec<Arc<dyn Projection>>, pace: Pace) -> Reads {
        Reads::open_with(self.kernel.clone(), self.home(), true, projections, pace)
            .await
            .unwrap()
    }

    /// A node that answers questions and runs nothing.
    pub async fn onlooker(&self) -> Reads {
        Reads::open_with(self.kernel.clone(), self.home(), false, projection::all(), PACE)
            .await
            .unwrap()
    }

    pub async fn realm(&self, id: u128) -> RealmId {
        let realm = RealmId(Uuid::from_u128(id));
        self.kernel.keyring().prepare_realm(realm).await.unwrap();
        realm
    }

    /// Something happens to a subject, a second later than what happened before.
    pub async fn tell(&self, realm: RealmId, subject: Subject, event: impl Into<Event>) -> Position {
        self.happen(
            Stream {
                realm,
                lane: subject.kind.lane(),
            },
            Some(subject),
            event.into(),
        )
        .await
    }

    /// Something happens to nothing in particular.
    pub async fn note(&self, realm: RealmId, event: impl Into<Event>) -> Position {
        self.happen(Stream::activity(realm), None, event.into()).await
    }

    async fn happen(&self, stream: Stream, subject: Option<Subject>, event: Event) -> Position {
        self.clock.advance(1);
        let mut context = self.kernel.context(Actor::component("test"));
        context.network = Some(Network {
            ip: Some("192.0.2.1".to_owned()),
            user_agent: None,
        });
        let command = Tell {
            stream,
            subject,
            events: vec![event],
        };
        self.kernel
            .execute(&context, &command)
            .await
            .unwrap()
            .receipt
            .position
    }

    /// An event that nobody understands.
    pub async fn poison(&self, stream: Stream) -> Position {
        let event = NewEvent {
            id: self.kernel.new_id().into(),
            subject: None,
            event_type: "riddle.posed",
            schema: 1,
            actor: Actor::component("test"),
            cause: None,
            trace: None,
            body: b"{\"data\":{}}".to_vec(),
        };
        let append = Append {
            stream,
            conditions: Vec::new(),
            claims: Vec::new(),
            events: vec![event],
            command: None,
            target: Uuid::nil(),
        };
        match self.kernel.log().commit(vec![append]).await.remove(0) {
            Verdict::Committed(receipt) => receipt.position,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until both streams of a realm are in the rows.
    pub async fn settle(&self, reads: &Reads, realm: RealmId) {
        for lane in Lane::ALL {
            let head = self.kernel.head(Stream { realm, lane }).await.unwrap();
            reads.wait_for(&head, PATIENCE).await.unwrap();
        }
    }

    pub async fn register(&self, realm: RealmId, user: u128, username: &str) -> UserId {
        let user = UserId(Uuid::from_u128(user));
        let profile = Profile {
            username: Some(username.to_owned()),
            ..Profile::default()
        };
        self.tell(
            realm,
            Subject::user(user),
            UserEvent::Registered {
                profile: profile.into(),
            },
        )
        .await;
        user
    }

    /// `count` events of a realm, of all kinds: the same for the same seed, but for ids.
    pub async fn live(&self, realm: RealmId, seed: u64, count: usize) {
        let mut dice = Dice(seed | 1);
        for _ in 0..count {
            let (subject, event) = random_event(&mut dice, realm);
            match subject {
                Some(subject) => {
                    let of = if subject.kind == SubjectKind::Realm {
                        RealmId::SYSTEM
                    } else {
                        realm
                    };
                    self.tell(of, subject, event).await;
                }
                None => {
                    self.note(realm, event).await;
                }
            }
        }
    }
}

/// xorshift64*.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }

    fn id(&mut self, space: u128) -> Uuid {
        Uuid::from_u128((space << 64) | u128::from(self.below(5)))
    }

    fn text(&mut self) -> String {
        ["Alice", "bob", "Çelik", "100%", "o'Hara"][usize::try_from(self.below(5)).unwrap()].to_owned()
    }
}

fn random_event(dice: &mut Dice, realm: RealmId) -> (Option<Subject>, Event) {
    let user = UserId(dice.id(1));
    let application = ApplicationId(dice.id(2));
    let session = SessionId(dice.id(3));
    let grant = GrantId(dice.id(4));
    let secret = CredentialId(dice.id(5));
    let later = START.after_seconds(dice.below(100_000));
    let settings = ApplicationSettings {
        name: dice.text(),
        ..ApplicationSettings::default()
    };
    let of_user = |event: UserEvent| (Some(Subject::user(user)), event.into());
    let of_application = |event: ApplicationEvent| (Some(Subject::application(application)), event.into());
    let of_session = |event: AuthEvent| (Some(Subject::session(session)), event.into());
    let of_passkeys = |event: PasskeyEvent| (Some(Subject::passkeys(user)), event.into());
    let webhook = WebhookId(dice.id(6));
    let device = DeviceId(dice.id(8));
    let of_devices = |event: DeviceEvent| (Some(Subject::devices(user)), event.into());
    let of_webhook = |event: WebhookEvent| (Some(Subject::webhook(webhook)), event.into());
    let of_consent = |event: ComplianceEvent| (Some(Subject::consent(user, application)), event.into());
    let provider = IdentityProviderId(dice.id(8));
    let of_provider =
        |event: IdentityProviderEvent| (Some(Subject::identity_provider(provider)), event.into());
    let of_identities = |event: IdentityEvent| (Some(Subject::identities(user)), event.into());
    match dice.below(54) {
        0 | 1 => {
            let profile = Profile {
                username: Some(dice.text()),
                phone: Some(dice.text()),
                ..Profile::default()
            };
            of_user(UserEvent::Registered {
                profile: profile.into(),
            })
        }
        2 | 3 => {
            let changes = [("email".to_owned(), serde_json::json!(dice.text()))].into();
            of_user(UserEvent::ProfileChanged {
                fields: vec!["email".to_owned()],
                changes: Sealed::Known(changes),
            })
        }
        4 => of_user(UserEvent::Locked {
            reason: None,
            until: Some(later),
        }),
        5 => of_user(UserEvent::Unlocked {}),
        6 => of_user(UserEvent::Disabled {
            reason: Some(dice.text().into()),
        }),
        7 => of_user(UserEvent::SessionsEnded {
            keeps: (dice.below(2) == 0).then_some(session),
        }),
        8 => {
            let event = UserEvent::PasswordSet {
                credential: secret,
                hash: dice.text().into(),
                keeps: (dice.below(2) == 0).then_some(session),
            };
            (Some(Subject::password(user)), event.into())
        }
        9 => of_application(ApplicationEvent::Registered {
            client_id: dice.text(),
            application_type: ApplicationType::Web,
            settings: Box::new(settings),
        }),
        10 => of_application(ApplicationEvent::Changed {
            fields: Vec::new(),
            settings: Box::new(settings),
        }),
        11 => of_application(ApplicationEvent::SecretAdded {
            credential: secret,
            digest: dice.text().into(),
            secret: None,
            expires: Some(later),
        }),
        12 => of_application(ApplicationEvent::SecretRevoked { credential: secret }),
        13 | 14 => {
            let role = Role::ALL[usize::try_from(dice.below(4)).unwrap()];
            let event = if dice.below(2) == 0 {
                PermissionEvent::Assigned {
                    role,
                    principal: PrincipalKind::User,
                }
            } else {
                PermissionEvent::Revoked {
                    role,
                    principal: PrincipalKind::User,
                }
            };
            (Some(Subject::assignments(user.0)), event.into())
        }
        15 | 16 => of_session(AuthEvent::SessionStarted {
            user,
            client: Some(application),
            amr: vec!["pwd".to_owned()],
            expires: later,
            last_ending: 0,
            proofs: vec![Proof {
                method: Method::Totp,
                at: later,
                credential: Some(secret),
                user_verified: false,
                hardware: false,
            }],
        }),
        17 => of_session(AuthEvent::SessionContinued {}),
        18 => of_session(AuthEvent::SessionEnded {
            reason: EndReason::SignedOut,
        }),
        19 => of_session(AuthEvent::GrantStarted {
            grant,
            client: application,
            scopes: vec!["openid".to_owned()],
            refresh: true,
            expires: later,
            jkt: None,
            claims: RequestedClaims::default(),
            consent: 0,
        }),
        20 => of_session(AuthEvent::GrantRevoked {
            grant,
            reason: EndReason::Reused,
        }),
        21 => {
            let reason = LoginFailure::WrongPassword;
            (
                None,
                AuthEvent::LoginFailed {
                    user: Some(user),
                    client: None,
                    reason,
                }
                .into(),
            )
        }
        27 => {
            let event = CredentialEvent::TotpEnrolled {
                credential: secret,
                name: dice.text().into(),
                secret: dice.text().into(),
            };
            (Some(Subject::totp(user)), event.into())
        }
        28 => {
            let event = CredentialEvent::TotpRemoved { credential: secret };
            (Some(Subject::totp(user)), event.into())
        }
        29 => {
            let event = CredentialEvent::RecoveryCodesGenerated {
                credential: secret,
                digests: vec![dice.text()].into(),
                count: 10,
            };
            (Some(Subject::recovery_codes(user)), event.into())
        }
        30 => {
            let event = CredentialEvent::RecoveryCodeUsed {
                credential: secret,
                number: 3,
            };
            (Some(Subject::recovery_codes(user)), event.into())
        }
        31 => of_passkeys(PasskeyEvent::Registered {
            credential: secret,
            name: dice.text().into(),
            credential_id: dice.text().into(),
            public_key: dice.text().into(),
            authenticator: AuthenticatorTold::default(),
        }),
        32 => of_passkeys(PasskeyEvent::Renamed {
            credential: secret,
            name: dice.text().into(),
        }),
        33 => of_passkeys(PasskeyEvent::Used {
            credential: secret,
            counter: 3,
            backed_up: dice.below(2) == 0,
        }),
        34 => of_passkeys(PasskeyEvent::Removed { credential: secret }),
        35 | 36 => of_webhook(WebhookEvent::Registered {
            settings: WebhookSettings {
                url: "https://receiver.example/hook".to_owned(),
                description: Some(dice.text()),
                ..WebhookSettings::default()
            },
        }),
        37 => of_webhook(WebhookEvent::SecretAdded {
            credential: secret,
            signature: Signature::Hmac,
            secret: dice.text().into(),
            public_key: None,
            others_until: later,
        }),
        38 => of_webhook(WebhookEvent::Disabled { by: DisabledBy::Hand }),
        48 => of_devices(DeviceEvent::Added {
            user,
            device,
            session,
            expires: later,
            agent: dice.text().into(),
        }),
        49 => of_devices(DeviceEvent::Seen {
            user,
            device,
            session,
            expires: later,
            agent: dice.text().into(),
        }),
        50 => of_devices(DeviceEvent::Named {
            user,
            device,
            name: dice.text().into(),
        }),
        51 if dice.below(2) == 0 => of_devices(DeviceEvent::Trusted {
            user,
            device,
            until: later,
            last_ending: 3,
        }),
        51 => of_devices(DeviceEvent::TrustEnded { user, device }),
        52 => of_devices(DeviceEvent::Revoked { user, device }),
        39 | 40 => {
            let delivery = Delivery {
                webhook,
                event: EventId(dice.id(7)),
                event_type: "user.registered".to_owned(),
                lane: Lane::Facts,
                seq: 1,
                attempt: 1,
                at: START,
                milliseconds: 3,
                status: Some(200),
                headers: std::collections::BTreeMap::new(),
                error: None,
                given_up: false,
            };
            let event = if dice.below(2) == 0 {
                DeliveryEvent::Delivered(delivery)
            } else {
                DeliveryEvent::DeliveryFailed(delivery)
            };
            (None, event.into())
        }
        41 | 42 => of_provider(IdentityProviderEvent::Registered {
            alias: dice.text(),
            issuer: "https://id.example".to_owned(),
            settings: Box::new(IdentityProviderSettings {
                display_name: dice.text(),
                ..IdentityProviderSettings::default()
            }),
        }),
        43 => of_provider(IdentityProviderEvent::SecretSet {
            credential: secret,
            secret: dice.text().into(),
        }),
        44 => of_provider(IdentityProviderEvent::Disabled {}),
        45 | 46 => of_identities(IdentityEvent::Linked {
            credential: secret,
            provider,
            issuer: "https://id.example".to_owned(),
            subject: dice.text().into(),
            name: dice.text().into(),
        }),
        47 => of_identities(IdentityEvent::Unlinked { credential: secret }),
        24 | 25 => of_consent(ComplianceEvent::ConsentGiven {
            user,
            client: application,
            scopes: [dice.text()].into(),
            claims: std::collections::BTreeSet::new(),
        }),
        26 => of_consent(ComplianceEvent::ConsentWithdrawn {
            user,
            client: application,
        }),
        53 => {
            let digest = dice.text();
            let stored = RealmEvent::FileStored {
                media_type: "image/png".to_owned(),
                content: dice.text(),
                digest,
            };
            (Some(Subject::file(dice.id(8))), stored.into())
        }
        22 => {
            let change = SettingsChange {
                tokens: Some(TokenSettings {
                    code_seconds: 10 + dice.below(50),
                    ..TokenSettings::default()
                }),
                ..SettingsChange::default()
            };
            (
                Some(Subject::settings(realm)),
                RealmEvent::SettingsChanged(change).into(),
            )
        }
        _ => {
            let event = RealmEvent::SigningKeyCreated {
                kid: dice.text(),
                algorithm: "ES256".to_owned(),
                public_jwk: serde_json::json!({ "kty": "EC" }),
                replaced_until: later,
            };
            (Some(Subject::signing_keys(realm)), event.into())
        }
    }
}
