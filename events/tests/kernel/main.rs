//! The kernel on a real log and a real key store: decisions race, are retried and repeated; caches tell the truth; what is erased
//! stays erased.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on says where, and stops"
)]

mod two_nodes;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use events::{
    applications::{Application, ApplicationEvent, ApplicationSettings, ApplicationType},
    clock::{FrozenClock, SystemRandom, Timestamp},
    envelope::Actor,
    event::{Event, Network},
    ids::{RealmId, UserId},
    kernel::{Claim, Context, Decide, Decision, Failure, Kernel, KernelError, Outcome, Reader},
    keys::{Keyring, MasterKey, Owner, SqliteKeyStore},
    log::{ClaimKind, sqlite::SqliteLog},
    sealing::Sealed,
    subject::{Lane, Stream, Subject, SubjectKind},
    users::{Profile, User, UserEvent},
};
use uuid::Uuid;

const REALM: RealmId = RealmId(Uuid::from_u128(7));
const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

struct World {
    kernel: Arc<Kernel>,
    folder: tempfile::TempDir,
}

async fn open(folder: tempfile::TempDir) -> World {
    let (clock, random) = (FrozenClock::at(NOW), Arc::new(SystemRandom));
    let log = SqliteLog::open(&folder.path().join("log.sqlite"), clock.clone(), random.clone())
        .await
        .expect("a log");
    let store = SqliteKeyStore::open(&folder.path().join("keys.sqlite"))
        .await
        .expect("a key store");
    let master =
        MasterKey::load_or_create(&folder.path().join("master.key"), &*random).expect("a master key");
    let keyring = Keyring::open(store, master, random.clone())
        .await
        .expect("a keyring");
    keyring.prepare_realm(REALM).await.expect("a realm key");
    let kernel = Kernel::start(log, keyring, clock, random)
        .await
        .expect("a kernel");
    World { kernel, folder }
}

async fn world() -> World {
    open(tempfile::tempdir().expect("a folder")).await
}

impl World {
    fn context(&self) -> Context {
        self.kernel.context(Actor::component("test"))
    }

    async fn reopen(self) -> World {
        self.kernel.log().close().await;
        let folder = self.folder;
        drop(self.kernel);
        open(folder).await
    }
}

/// Registers a user under a name.
struct Register(UserId, &'static str);

#[derive(Debug, PartialEq)]
struct Exists;

#[async_trait]
impl Decide for Register {
    type State = bool;
    type Rejection = Exists;

    fn stream(&self) -> Stream {
        Stream::facts(REALM)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<bool, KernelError> {
        Ok(reader.subject::<User>(self.0.0).await?.state.exists)
    }

    fn decide(&self, exists: &bool, _: &Context) -> Result<Decision, Exists> {
        if *exists {
            return Err(Exists);
        }
        let profile = Profile {
            username: Some(self.1.to_owned()),
            ..Profile::default()
        };
        Ok(Decision::of(
            Subject::user(self.0),
            UserEvent::Registered {
                profile: profile.into(),
            },
        )
        .claiming(Claim::Hold {
            kind: ClaimKind::LoginName,
            value: self.1.to_owned(),
            holder: self.0.0,
        }))
    }
}

/// Appends a number to a user's given name: a change that depends on what it read.
struct Count(UserId, Arc<AtomicUsize>);

#[async_trait]
impl Decide for Count {
    type State = u64;
    type Rejection = Exists;

    fn stream(&self) -> Stream {
        Stream::facts(REALM)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<u64, KernelError> {
        let user = reader.subject::<User>(self.0.0).await?;
        Ok(user
            .state
            .profile
            .given_name
            .and_then(|name| name.parse().ok())
            .unwrap_or(0))
    }

    fn decide(&self, count: &u64, _: &Context) -> Result<Decision, Exists> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let changes = [("given_name".to_owned(), (count + 1).to_string().into())].into();
        Ok(Decision::of(
            Subject::user(self.0),
            UserEvent::ProfileChanged {
                fields: vec!["given_name".into()],
                changes: Sealed::Known(changes),
            },
        ))
    }
}

async fn register(world: &World, name: &'static str) -> UserId {
    let user = UserId(world.kernel.new_id());
    world
        .kernel
        .execute(&world.context(), &Register(user, name))
        .await
        .expect("registered");
    user
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_lost_a_race_is_made_again_on_what_won() {
    let world = world().await;
    let user = register(&world, "alice").await;
    let decided = Arc::new(AtomicUsize::new(0));
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (kernel, command, context) = (
            world.kernel.clone(),
            Count(user, decided.clone()),
            world.context(),
        );
        racers.spawn(async move { kernel.execute(&context, &command).await });
    }
    while let Some(result) = racers.join_next().await {
        result.expect("no panic").expect("everyone's turn comes");
    }
    let user = world.kernel.current::<User>(REALM, user.0).await.expect("a user");
    assert_eq!(
        user.state.profile.given_name.as_deref(),
        Some("100"),
        "no acknowledged change was lost"
    );
    assert_eq!(user.version, 101);
    assert!(decided.load(Ordering::SeqCst) >= 100);
}

/// A command that finds everything done.
struct Nothing(UserId);

#[async_trait]
impl Decide for Nothing {
    type State = ();
    type Rejection = Exists;

    fn stream(&self) -> Stream {
        Stream::facts(REALM)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<(), KernelError> {
        reader.subject::<User>(self.0.0).await.map(|_| ())
    }

    fn decide(&self, (): &(), _: &Context) -> Result<Decision, Exists> {
        Ok(Decision::nothing(Subject::user(self.0)))
    }
}

#[tokio::test]
async fn a_command_that_had_nothing_to_do_is_remembered_all_the_same() {
    let world = world().await;
    let user = register(&world, "alice").await;
    let mut context = world.context();
    context.command = Some(
        world
            .kernel
            .command_key(REALM, "ci", "lock", "k1", b"{}")
            .await
            .expect("a key"),
    );
    let first = world
        .kernel
        .execute(&context, &Nothing(user))
        .await
        .expect("nothing to do");
    assert_eq!(
        (first.receipt.version, first.receipt.events.len(), first.repeated),
        (1, 0, false)
    );
    // Now there would be something to do: the late repetition must not do it.
    let late = world
        .kernel
        .execute(&context, &Count(user, Arc::default()))
        .await
        .expect("answered");
    assert_eq!(
        late,
        Outcome {
            receipt: first.receipt,
            repeated: true
        }
    );
    context.command = Some(
        world
            .kernel
            .command_key(REALM, "ci", "lock", "k1", b"{\"x\":1}")
            .await
            .expect("a key"),
    );
    let other = world.kernel.execute(&context, &Nothing(user)).await;
    assert!(matches!(other, Err(Failure::CommandReused)));
}

#[tokio::test]
async fn a_name_is_held_by_one_and_its_value_is_nowhere_in_the_log() {
    let world = world().await;
    let alice = register(&world, "alice-the-first").await;
    let refused = world
        .kernel
        .execute(
            &world.context(),
            &Register(UserId(world.kernel.new_id()), "alice-the-first"),
        )
        .await;
    assert!(
        matches!(refused, Err(Failure::Claimed { kind: ClaimKind::LoginName, holder }) if holder == alice.0)
    );
    let holder = world
        .kernel
        .claimed(REALM, Lane::Facts, ClaimKind::LoginName, "alice-the-first")
        .await
        .expect("asked");
    assert_eq!(holder, Some(alice.0));
    for recorded in world
        .kernel
        .log()
        .read(Stream::facts(REALM), 0, 10)
        .await
        .expect("read")
    {
        for bytes in [&recorded.entry_bytes, &recorded.body] {
            assert!(
                !String::from_utf8_lossy(bytes).contains("alice"),
                "personal data is sealed"
            );
        }
    }
}

#[tokio::test]
async fn a_repeated_command_is_answered_again_and_not_done_again_also_after_a_restart() {
    let world = world().await;
    let key = world
        .kernel
        .command_key(REALM, "ci", "POST users", "k1", b"body")
        .await
        .expect("a key");
    let other = world
        .kernel
        .command_key(REALM, "ci", "POST users", "k1", b"another")
        .await
        .expect("a key");
    let user = UserId(world.kernel.new_id());
    let mut context = world.context();
    context.command = Some(key);
    let first = world
        .kernel
        .execute(&context, &Register(user, "alice"))
        .await
        .expect("done");
    assert!(!first.repeated);
    let world = world.reopen().await;
    let mut context = world.context();
    context.command = Some(key);
    let again = world
        .kernel
        .execute(&context, &Register(user, "alice"))
        .await
        .expect("answered");
    assert_eq!(
        again,
        Outcome {
            receipt: first.receipt,
            repeated: true
        }
    );
    context.command = Some(other);
    let reused = world.kernel.execute(&context, &Register(user, "alice")).await;
    assert!(matches!(reused, Err(Failure::CommandReused)));
    assert_eq!(
        world
            .kernel
            .log()
            .head(Stream::facts(REALM))
            .await
            .expect("a head")
            .seq,
        1
    );
}

#[tokio::test]
async fn a_version_that_the_caller_insists_on_is_checked() {
    let world = world().await;
    let user = register(&world, "alice").await;
    let mut context = world.context();
    context.if_match = Some(2);
    let command = Count(user, Arc::default());
    let refused = world.kernel.execute(&context, &command).await;
    assert!(matches!(refused, Err(Failure::PreconditionFailed { found: 1 })));
    context.if_match = Some(1);
    assert_eq!(
        world
            .kernel
            .execute(&context, &command)
            .await
            .expect("done")
            .receipt
            .version,
        2
    );
}

#[tokio::test]
async fn a_destroyed_key_erases_the_subject_everywhere_and_breaks_no_fold() {
    let world = world().await;
    let user = register(&world, "alice").await;
    let command = Count(user, Arc::default());
    world
        .kernel
        .execute(&world.context(), &command)
        .await
        .expect("done");
    world
        .kernel
        .keyring()
        .destroy(REALM, &Owner::User(user), NOW)
        .await
        .expect("destroyed");
    for world in [world.reopen().await] {
        let user = world
            .kernel
            .current::<User>(REALM, user.0)
            .await
            .expect("still folds");
        assert!(user.state.exists && user.state.erased);
        assert_eq!(user.state.profile, Profile::default());
        assert_eq!(user.version, 2);
        for recorded in world
            .kernel
            .log()
            .read(Stream::facts(REALM), 0, 10)
            .await
            .expect("read")
        {
            assert_eq!(
                events::envelope::leaf_hash(&recorded.entry_bytes),
                recorded.leaf_hash,
                "the log still verifies"
            );
            let happened = world.kernel.decode(&recorded).await.expect("still decodes");
            assert!(matches!(
                happened.event,
                Event::Users(
                    UserEvent::Registered {
                        profile: Sealed::Erased
                    } | UserEvent::ProfileChanged {
                        changes: Sealed::Erased,
                        ..
                    }
                )
            ));
        }
    }
}

#[tokio::test]
async fn network_data_is_sealed_and_read_back() {
    let world = world().await;
    let network = Network {
        ip: Some("203.0.113.9".into()),
        user_agent: Some("Browser/1".into()),
    };
    let mut context = world.context();
    context.network = Some(network.clone());
    world
        .kernel
        .execute(&context, &Register(UserId(world.kernel.new_id()), "alice"))
        .await
        .expect("done");
    let recorded = world
        .kernel
        .log()
        .read(Stream::facts(REALM), 0, 1)
        .await
        .expect("read")
        .remove(0);
    assert!(!String::from_utf8_lossy(&recorded.body).contains("203.0.113.9"));
    let told = world.kernel.network(&recorded).await.expect("opens");
    assert_eq!(told, Some(Sealed::Known(network)));
    let claims = events::codec::claims(world.kernel.keyring(), &recorded)
        .await
        .expect("claims");
    assert_eq!(claims.len(), 1, "the claim table can be rebuilt from the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_what_is_answered_next() {
    let world = world().await;
    let user = register(&world, "alice").await;
    let command = Count(user, Arc::default());
    for expected in 2..30 {
        world
            .kernel
            .execute(&world.context(), &command)
            .await
            .expect("done");
        let current = world.kernel.current::<User>(REALM, user.0).await.expect("a user");
        assert_eq!(current.version, expected);
    }
}

#[tokio::test]
async fn what_could_not_be_read_back_is_not_appended() {
    /// Registers an application with a claim so deep that no parser takes it.
    struct Deep;

    #[async_trait]
    impl Decide for Deep {
        type State = ();
        type Rejection = Exists;

        fn stream(&self) -> Stream {
            Stream::facts(REALM)
        }

        async fn load(&self, reader: &mut Reader<'_>) -> Result<(), KernelError> {
            reader
                .subject::<Application>(Uuid::from_u128(1))
                .await
                .map(|_| ())
        }

        fn decide(&self, (): &(), _: &Context) -> Result<Decision, Exists> {
            let deep = (0..200).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]));
            let registered = ApplicationEvent::Registered {
                client_id: "deep".into(),
                application_type: ApplicationType::Service,
                settings: Box::new(ApplicationSettings {
                    custom_claims: [("c".to_owned(), deep)].into(),
                    ..ApplicationSettings::default()
                }),
            };
            Ok(Decision::of(
                Subject::new(SubjectKind::Application, Uuid::from_u128(1)),
                registered,
            ))
        }
    }

    let world = world().await;
    let refused = world.kernel.execute(&world.context(), &Deep).await;
    assert!(
        matches!(refused, Err(Failure::Kernel(KernelError::Decode(_)))),
        "{refused:?}"
    );
    assert_eq!(
        world
            .kernel
            .log()
            .head(Stream::facts(REALM))
            .await
            .expect("a head")
            .seq,
        0
    );
}
