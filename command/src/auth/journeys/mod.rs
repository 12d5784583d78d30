//! Journeys over HTTP, on a real log: browsers that keep cookies, applications that redeem codes, and those
//! who try what they must not.

mod account;
mod account_changes;
mod account_email;
mod authorize;
mod browser;
mod changes;
mod consenting;
mod devices;
mod dpop;
mod exchanging;
mod guards;
mod holdings;
mod known_devices;
mod mailed;
mod opaque;
mod passkeys;
mod refreshing;
mod requests;
mod session_state;
mod sign_in;
mod sign_out;
mod steps;
mod tokens;
mod vouching;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use aws_lc_rs::digest;
use axum::{
    Router,
    body::{Body, to_bytes},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use events::{
    applications::{Application, ApplicationEvent, ApplicationSettings, ApplicationType},
    clock::{FrozenClock, SystemRandom, Timestamp},
    envelope::Actor,
    event::Event,
    fold::Fold,
    ids::{ApplicationId, CredentialId, RealmId, UserId},
    kernel::{Claim, Context, Decide, Decision, Kernel, KernelError, Reader},
    keys::{Keyring, MasterKey, SqliteKeyStore},
    log::{ClaimKind, sqlite::SqliteLog},
    permissions::{Assignments, PermissionEvent, PrincipalKind, Role},
    realms::{Realm, RealmEvent},
    subject::{Lane, Stream, Subject},
    users::{Password, Profile, User, UserEvent},
};
use http::{Request, StatusCode, header};
use outbound::{Documents, Outbound};
use passwords::{Hasher, Parameters};
use secrecy::SecretString;
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;
use web::{Edge, clients::secret_digest};

use self::browser::{Answer, Browser, authorization, encoded, form};
use crate::Commands;

const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);
const DEMO: RealmId = RealmId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0de0));
const OTHER: RealmId = RealmId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_07e2));
const ALICE: UserId = UserId(Uuid::from_u128(0xa1));
const SPA: ApplicationId = ApplicationId(Uuid::from_u128(0xc1));
const WEB: ApplicationId = ApplicationId(Uuid::from_u128(0xc2));
const SERVICE: ApplicationId = ApplicationId(Uuid::from_u128(0xc3));
const PASSWORD: &str = "correct horse ripens slowly";
const SECRET: &str = "a secret that is long and random";
const CALLBACK: &str = "https://app.example/cb";
const GOODBYE: &str = "https://app.example/bye";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const ISSUER: &str = "https://id.example/realms/demo";

/// A platform with a realm `demo` (alice, three applications) and a realm `other` that has the same.
struct World {
    commands: Commands,
    router: Router,
    clock: Arc<FrozenClock>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let quick = Parameters {
            memory_kib: 8,
            iterations: 1,
            parallelism: 1,
        };
        Self::with(Hasher::new(quick, 2, 256).unwrap()).await
    }

    /// One with a mail server, whose letters the tests read in the log.
    async fn mailing() -> Self {
        let quick = Parameters {
            memory_kib: 8,
            iterations: 1,
            parallelism: 1,
        };
        Self::of(Hasher::new(quick, 2, 256).unwrap(), true).await
    }

    async fn with(hasher: Hasher) -> Self {
        Self::of(hasher, false).await
    }

    async fn of(hasher: Hasher, mails: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, random) = (FrozenClock::at(NOW), Arc::new(SystemRandom));
        let path = |name: &str| folder.path().join(name);
        let log = SqliteLog::open(&path("log"), clock.clone(), random.clone())
            .await
            .unwrap();
        let store = SqliteKeyStore::open(&path("keys")).await.unwrap();
        let master = MasterKey::load_or_create(&path("master.key"), &*random).unwrap();
        let keyring = Keyring::open(store, master, random.clone()).await.unwrap();
        let kernel = Kernel::start(log, keyring, clock.clone(), random).await.unwrap();
        let documents = Documents::new(Outbound::new(&outbound::Settings::default()).unwrap());
        let edge = Edge::new(
            Arc::clone(&kernel),
            "https://id.example".parse().unwrap(),
            documents,
        )
        .mailing(mails);
        let holdings = Arc::new(holdings::InLog(Arc::clone(&kernel)));
        let commands = Commands::new(edge, hasher).with_holdings(holdings);
        let router = crate::auth::operations()
            .with_state(commands.clone())
            .split_for_parts()
            .0;
        let world = Self {
            commands,
            router,
            clock,
            _folder: folder,
        };
        for (realm, name) in [(DEMO, "demo"), (OTHER, "other")] {
            world.furnish(realm, name).await;
        }
        // Nothing is signed in the moment in which the password was set.
        world.clock.advance(60);
        world
    }

    fn kernel(&self) -> &Kernel {
        self.commands.edge.kernel()
    }

    async fn furnish(&self, realm: RealmId, name: &str) {
        self.kernel().keyring().prepare_realm(realm).await.unwrap();
        let created = RealmEvent::Created {
            name: name.to_owned(),
            display_name: name.to_owned(),
        };
        self.tell_claiming::<Realm>(
            RealmId::SYSTEM,
            realm.0,
            created,
            Some((ClaimKind::RealmName, name)),
        )
        .await;
        let profile = Profile {
            username: Some("alice".to_owned()),
            email: Some("alice@example.org".to_owned()),
            ..Profile::default()
        };
        let registered = UserEvent::Registered {
            profile: profile.into(),
        };
        self.tell_claiming::<User>(realm, ALICE.0, registered, Some((ClaimKind::LoginName, "alice")))
            .await;
        self.set_password(realm, PASSWORD).await;
        self.application(realm, SPA, ApplicationType::Spa).await;
        self.application(realm, WEB, ApplicationType::Web).await;
        self.application(realm, SERVICE, ApplicationType::Service).await;
    }

    async fn set_password(&self, realm: RealmId, password: &str) {
        let hash = self
            .commands
            .hasher
            .hash(&SecretString::from(password))
            .await
            .unwrap();
        let credential = CredentialId(self.kernel().new_id());
        self.tell::<Password>(
            realm,
            ALICE.0,
            UserEvent::PasswordSet {
                credential,
                hash: hash.into(),
                keeps: None,
            },
        )
        .await;
    }

    async fn application(&self, realm: RealmId, id: ApplicationId, application_type: ApplicationType) {
        let settings = ApplicationSettings {
            name: "The App".to_owned(),
            redirect_uris: if application_type.is_redirected_to() {
                vec![CALLBACK.to_owned()]
            } else {
                Vec::new()
            },
            post_logout_redirect_uris: vec![GOODBYE.to_owned()],
            scopes: vec!["orders".to_owned()],
            ..ApplicationSettings::default()
        };
        let registered = ApplicationEvent::Registered {
            client_id: id.to_string(),
            application_type,
            settings: Box::new(settings),
        };
        self.tell::<Application>(realm, id.0, registered).await;
        if application_type.is_confidential() {
            let digest = secret_digest(self.kernel(), realm, SECRET).await.unwrap().into();
            let credential = CredentialId(self.kernel().new_id());
            let added = ApplicationEvent::SecretAdded {
                credential,
                digest,
                secret: None,
                expires: None,
            };
            self.tell::<Application>(realm, id.0, added).await;
        }
    }

    /// The settings of the SPA change.
    async fn reconfigure(&self, change: impl FnOnce(&mut ApplicationSettings)) {
        let application = self.kernel().current::<Application>(DEMO, SPA.0).await.unwrap();
        let mut settings = application.state.settings;
        change(&mut settings);
        let fields = Vec::new();
        self.tell::<Application>(
            DEMO,
            SPA.0,
            ApplicationEvent::Changed {
                fields,
                settings: Box::new(settings),
            },
        )
        .await;
    }

    async fn assign(&self, application: ApplicationId, role: Role) {
        let assigned = PermissionEvent::Assigned {
            role,
            principal: PrincipalKind::Application,
        };
        self.tell::<Assignments>(DEMO, application.0, assigned).await;
    }

    /// Something happens to a subject.
    async fn tell<F: Fold>(&self, realm: RealmId, id: Uuid, event: impl Into<Event>) {
        self.tell_claiming::<F>(realm, id, event, None).await;
    }

    async fn tell_claiming<F: Fold>(
        &self,
        realm: RealmId,
        id: Uuid,
        event: impl Into<Event>,
        claim: Option<(ClaimKind, &str)>,
    ) {
        let told = Told::<F> {
            realm,
            id,
            event: event.into(),
            claim: claim.map(|(kind, value)| (kind, value.to_owned())),
            fold: std::marker::PhantomData,
        };
        let context = self.kernel().context(Actor::component("test"));
        self.kernel().execute(&context, &told).await.unwrap();
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        self.send_to(self.router.clone(), request).await
    }

    async fn send_to(&self, router: Router, request: Request<Body>) -> Answer {
        let response = router.oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Answer {
            status,
            headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// An application calls an endpoint of `demo`.
    async fn call(&self, endpoint: &str, params: &[(&str, &str)]) -> Answer {
        self.call_in("demo", endpoint, params).await
    }

    async fn call_in(&self, realm: &str, endpoint: &str, params: &[(&str, &str)]) -> Answer {
        self.send(form(&format!("/realms/{realm}/oauth2/{endpoint}"), params))
            .await
    }

    /// The names of what happened in the activity lane of `demo` after a seq.
    async fn activity(&self, after: u64) -> Vec<String> {
        let events = self
            .kernel()
            .log()
            .read(Stream::activity(DEMO), after, 1_000)
            .await
            .unwrap();
        events
            .into_iter()
            .map(|recorded| recorded.entry.event_type)
            .collect()
    }

    async fn head(&self, lane: Lane) -> u64 {
        self.kernel()
            .log()
            .head(Stream { realm: DEMO, lane })
            .await
            .unwrap()
            .seq
    }

    /// Whether an access token of `demo` is good now.
    async fn is_good(&self, access_token: &str) -> bool {
        self.commands.edge.verify_access_token(access_token).await.is_ok()
    }

    /// What an id token for the SPA says.
    async fn id_claims(&self, id_token: &str) -> jose::Claims {
        let keys = self.commands.edge.key_set(DEMO).await.unwrap();
        let expect = jose::Expectation::new("JWT", ISSUER).audience(SPA.to_string());
        jose::verify(id_token, &keys, &expect, self.kernel().now().seconds()).unwrap()
    }

    /// Signs alice in for the SPA with a new browser, and redeems the code.
    async fn tokens(&self, scope: &str) -> (Browser<'_>, Value) {
        let browser = Browser::new(self);
        let code = browser.code(&[("scope", scope)]).await;
        let answer = self.redeem(&code).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        (browser, answer.json())
    }

    async fn redeem(&self, code: &str) -> Answer {
        let spa = SPA.to_string();
        self.call(
            "token",
            &[
                ("grant_type", "authorization_code"),
                ("client_id", &spa),
                ("code", code),
                ("redirect_uri", CALLBACK),
                ("code_verifier", VERIFIER),
            ],
        )
        .await
    }

    async fn refresh(&self, refresh_token: &str) -> Answer {
        let spa = SPA.to_string();
        self.call(
            "token",
            &[
                ("grant_type", "refresh_token"),
                ("client_id", &spa),
                ("refresh_token", refresh_token),
            ],
        )
        .await
    }
}

/// Sends all of them at once.
async fn at_once<F: Future<Output = Answer>>(futures: impl Iterator<Item = F>) -> Vec<Answer> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, answer) in waiting.iter_mut().filter(|(_, answer)| answer.is_none()) {
            if let std::task::Poll::Ready(ready) = future.as_mut().poll(context) {
                *answer = Some(ready);
            }
        }
        if waiting.iter().all(|(_, answer)| answer.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    waiting.into_iter().filter_map(|(_, answer)| answer).collect()
}

/// An event of a subject, as it is.
struct Told<F> {
    realm: RealmId,
    id: Uuid,
    event: Event,
    claim: Option<(ClaimKind, String)>,
    fold: std::marker::PhantomData<F>,
}

#[async_trait]
impl<F: Fold> Decide for Told<F> {
    type State = ();
    type Rejection = std::convert::Infallible;

    fn stream(&self) -> Stream {
        Stream {
            realm: self.realm,
            lane: F::KIND.lane(),
        }
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<(), KernelError> {
        reader.subject::<F>(self.id).await.map(drop)
    }

    fn decide(&self, (): &(), _: &Context) -> Result<Decision, Self::Rejection> {
        let decision = Decision::of(Subject::new(F::KIND, self.id), self.event.clone());
        Ok(match &self.claim {
            None => decision,
            Some((kind, value)) => decision.claiming(Claim::Hold {
                kind: *kind,
                value: value.clone(),
                holder: self.id,
            }),
        })
    }
}

#[test]
fn the_verifier_of_these_tests_answers_their_challenge() {
    let computed = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, VERIFIER.as_bytes()));
    assert!(authorization(&[]).contains(&("code_challenge", computed.as_str())));
}
