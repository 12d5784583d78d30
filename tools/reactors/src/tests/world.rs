//! A world to test in: a kernel on the engine that `TEST_ENGINE` names, users to whom things happen, and a reactor that writes
//! down what it did.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use events::{
    clock::{FrozenClock, SystemRandom, Timestamp},
    envelope::Actor,
    event::{DecodeError, Event, Happened},
    ids::{RealmId, UserId},
    kernel::{Context, Decide, Decision, Kernel, KernelError, Reader},
    keys::{KeyStore, Keyring, MasterKey, SqliteKeyStore, postgres::PostgresKeyStore},
    log::{Log, postgres::PostgresLog, sqlite::SqliteLog},
    subject::{Lane, Stream, Subject},
    users::{User, UserEvent},
};
use scratch::{Database, Engine, engine};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{Home, Job, Outcome, Pace, Reactor, Reactors, Task, Terms};

const START: Timestamp = Timestamp::from_seconds(1_767_225_600);

/// Small batches, so that there are many; short pauses, so that tests are.
pub const PACE: Pace = Pace {
    batch: 7,
    at_once: 64,
    poll: Duration::from_millis(20),
    retry: Duration::from_millis(20),
    drain: Duration::from_secs(1),
    dead_kept: Duration::from_hours(24),
};

pub struct World {
    pub folder: TempDir,
    pub database: Option<Database>,
    pub kernel: Arc<Kernel>,
    pub clock: Arc<FrozenClock>,
}

struct Tell {
    realm: RealmId,
    user: UserId,
}

#[async_trait]
impl Decide for Tell {
    type State = ();
    type Rejection = ();

    fn stream(&self) -> Stream {
        Stream::facts(self.realm)
    }

    async fn load(&self, reader: &mut Reader<'_>) -> Result<(), KernelError> {
        reader.subject::<User>(self.user.0).await.map(drop)
    }

    fn decide(&self, (): &(), _: &Context) -> Result<Decision, ()> {
        Ok(Decision::of(Subject::user(self.user), UserEvent::Unlocked {}))
    }
}

impl World {
    pub async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let database = match engine() {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Database::create().expect("TEST_ENGINE=postgres needs TEST_POSTGRES")),
        };
        let clock = FrozenClock::at(START);
        let random = Arc::new(SystemRandom);
        let (log, keys): (Arc<dyn Log>, Arc<dyn KeyStore>) = if let Some(database) = &database {
            let database = database.url().parse().unwrap();
            let log = PostgresLog::open(&database, clock.clone(), random.clone())
                .await
                .unwrap();
            (log, PostgresKeyStore::open(&database).await.unwrap())
        } else {
            let log = folder.path().join("log.sqlite");
            let log = SqliteLog::open(&log, clock.clone(), random.clone())
                .await
                .unwrap();
            let keys = folder.path().join("keys.sqlite");
            (log, SqliteKeyStore::open(&keys).await.unwrap())
        };
        let master = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let master = MasterKey::parse(master).unwrap();
        let keyring = Keyring::open(keys, master, random.clone()).await.unwrap();
        let kernel = Kernel::start(log, keyring, clock.clone(), random).await.unwrap();
        Self {
            folder,
            database,
            kernel,
            clock,
        }
    }

    pub fn home(&self) -> Home {
        match &self.database {
            None => Home::beside(&self.folder.path().join("log.sqlite")),
            Some(database) => Home::Database(Box::new(database.url().parse().unwrap())),
        }
    }

    pub async fn start(&self, scribe: &Arc<Scribe>) -> Reactors {
        self.start_at(scribe, PACE).await
    }

    pub async fn start_at(&self, scribe: &Arc<Scribe>, pace: Pace) -> Reactors {
        let reactors: Vec<Arc<dyn Reactor>> = vec![scribe.clone()];
        let started = Reactors::start(self.kernel.clone(), &self.home(), reactors, pace)
            .await
            .unwrap();
        // From now on nothing is missed.
        until(async || started.store.reactors().await.unwrap().len() == 1).await;
        started
    }

    pub async fn realm(&self, id: u128) -> RealmId {
        let realm = RealmId(Uuid::from_u128(id));
        self.kernel.keyring().prepare_realm(realm).await.unwrap();
        realm
    }

    /// Something happens to a user; its seq.
    pub async fn tell(&self, realm: RealmId, user: u128) -> u64 {
        self.tell_as(realm, user, "test").await
    }

    pub async fn tell_as(&self, realm: RealmId, user: u128, component: &str) -> u64 {
        let context = self.kernel.context(Actor::component(component));
        let user = UserId(Uuid::from_u128(user));
        let told = self
            .kernel
            .execute(&context, &Tell { realm, user })
            .await
            .unwrap();
        told.receipt.position.seq
    }
}

/// Waits until it is so.
pub async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..1_000 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not become so within ten seconds");
}

/// What was done: realm, target, user, seq.
pub type Deed = (RealmId, String, u128, u64);

/// Writes down what it did for each of its targets.
#[derive(Default)]
pub struct Scribe {
    pub targets: Vec<String>,
    pub deeds: Mutex<Vec<Deed>>,
    /// Seqs that fail so often.
    pub fails: Mutex<BTreeMap<u64, u32>>,
    /// Seqs that can never be done.
    pub hopeless: Mutex<BTreeSet<u64>>,
    /// Seqs in whose performance it panics, once.
    pub panics: Mutex<BTreeSet<u64>>,
    /// Seqs that cannot be reacted to.
    pub riddles: Mutex<BTreeSet<u64>>,
    /// Targets that never answer.
    pub hang: Mutex<BTreeSet<String>>,
    pub slow: AtomicBool,
    pub running: AtomicUsize,
    pub most: AtomicUsize,
}

impl Scribe {
    pub fn of(targets: &[&str]) -> Arc<Self> {
        Arc::new(Self {
            targets: targets.iter().map(|target| (*target).to_owned()).collect(),
            ..Self::default()
        })
    }

    pub fn done(&self) -> usize {
        self.deeds.lock().unwrap().len()
    }

    /// The seqs that were done for a user at a target, in the order in which they were.
    pub fn seqs(&self, target: &str, user: u128) -> Vec<u64> {
        let deeds = self.deeds.lock().unwrap();
        let of = deeds.iter().filter(|deed| deed.1 == target && deed.2 == user);
        of.map(|deed| deed.3).collect()
    }
}

#[async_trait]
impl Reactor for Scribe {
    fn name(&self) -> &'static str {
        "scribe"
    }

    fn lanes(&self) -> &'static [Lane] {
        &[Lane::Facts]
    }

    fn terms(&self) -> Terms {
        Terms {
            at_once: 2,
            patience: Duration::from_mins(5),
            schedule: const { &[Duration::from_secs(10), Duration::from_mins(1)] },
        }
    }

    async fn react(&self, happened: &Happened) -> Result<Vec<Job>, KernelError> {
        let Event::Users(_) = &happened.event else {
            return Ok(Vec::new());
        };
        if self.riddles.lock().unwrap().contains(&happened.seq) {
            return Err(DecodeError::unknown_version("riddle.posed", 9).into());
        }
        Ok(self
            .targets
            .iter()
            .map(|target| Job::about(happened, target.as_str()))
            .collect())
    }

    async fn perform(&self, task: &Task) -> Outcome {
        let seq = task.event.seq;
        self.most
            .fetch_max(self.running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let hangs = self.hang.lock().unwrap().contains(&task.target);
        if hangs {
            std::future::pending::<()>().await;
        }
        if self.slow.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::task::yield_now().await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        assert!(!self.panics.lock().unwrap().remove(&seq), "as it was told");
        if self.hopeless.lock().unwrap().contains(&seq) {
            return Outcome::dead("it is hopeless");
        }
        if let Some(left) = self.fails.lock().unwrap().get_mut(&seq).filter(|left| **left > 0) {
            *left -= 1;
            return Outcome::retry("it failed");
        }
        let user = task.event.subject.unwrap().id.as_u128();
        let deed = (task.event.stream.realm, task.target.clone(), user, seq);
        self.deeds.lock().unwrap().push(deed);
        Outcome::Done
    }
}
