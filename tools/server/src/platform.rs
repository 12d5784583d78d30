//! The platform's parts, opened in the order in which they stand on one another: keys, log, kernel, read models, reactors.
//! The rule: on files there is one process, and the second one changes nothing; on databases there may be any number.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use events::{
    clock::{SystemClock, SystemRandom},
    kernel::Kernel,
    keys::{KeyStore, Keyring, MasterKey, SqliteKeyStore, postgres::PostgresKeyStore},
    log::{Log, postgres::PostgresLog, sqlite::SqliteLog},
};
use projections::{Home, Reads};
use publisher::Publisher;
use reactors::{Pace, Reactor, Reactors};

use crate::{
    Failure,
    config::{Config, Counters, Place},
};

/// How long stores may take to close: a connection that never comes back must not keep a process from ending. Whatever
/// was acknowledged is durable by then.
const CLOSING: Duration = Duration::from_secs(10);

/// After how long it is tried again to open what could not be opened.
const AGAIN: Duration = Duration::from_secs(2);

/// What every role stands on.
pub struct Platform {
    /// Load, decide, append.
    pub kernel: Arc<Kernel>,
    /// The key store below it.
    pub keys: Arc<dyn KeyStore>,
    /// Who counts requests.
    pub counters: Counters,
    /// The read models and, on a worker, their runner, once they are [opened](Self::read); a node that only takes commands
    /// has none.
    pub reads: Option<Reads>,
    /// The read models that a node which only takes commands [looks things up in](Self::look_up), once they are open.
    pub looked_up: Arc<OnceLock<Reads>>,
    /// What workers do about what happens, once it is [started](Self::react).
    pub reactors: Option<Arc<Reactors>>,
    /// What publishes the log to Kafka on a worker, where it is configured, once it is [started](Self::publish).
    pub publisher: Option<Arc<Publisher>>,
    /// Held as long as read models in files are followed.
    _read_lock: Option<File>,
}

/// Read models in files, which another process follows.
#[derive(Debug, thiserror::Error)]
#[error("the read models in {} are in use by another process", .0.display())]
pub struct ReadsInUse(PathBuf);

impl Platform {
    /// Opens all but the read models; the locks are taken first, so that a second process on the same files changes nothing.
    pub async fn open(config: &Config) -> Result<Self, Failure> {
        let clock = Arc::new(SystemClock);
        let random = Arc::new(SystemRandom);
        let places = config.places()?;
        for place in [&places.log, &places.keys, &places.read] {
            if let Place::File(path) = place
                && let Some(folder) = path.parent()
            {
                private_folder(folder)?;
            }
        }
        let log: Arc<dyn Log> = match &places.log {
            Place::File(path) => SqliteLog::open(path, clock.clone(), random.clone()).await?,
            Place::Database(database) => PostgresLog::open(database, clock.clone(), random.clone()).await?,
        };
        let read_lock = match &places.read {
            Place::File(path) if config.reads() => Some(lock(path)?),
            _ => None,
        };
        let (keys, keyring) = keyring(config, &places.keys, &random).await?;
        let kernel = Kernel::start(log, keyring, clock, random).await?;
        let counters = config.redis.open()?;
        Ok(Self {
            kernel,
            keys,
            counters,
            reads: None,
            looked_up: Arc::default(),
            reactors: None,
            publisher: None,
            _read_lock: read_lock,
        })
    }

    /// Opens the read models, if a role needs them: to `follow` the log, or to ask only. Where there are none yet it takes as
    /// long as building them, or as waiting for the node that does.
    pub async fn read(&mut self, config: &Config, follow: bool) -> Result<(), Failure> {
        if !config.reads() {
            return Ok(());
        }
        let home = match config.places()?.read {
            Place::File(path) => {
                private_folder(&path)?;
                Home::Folder(path)
            }
            Place::Database(database) => Home::Database(*database),
        };
        self.reads = Some(Reads::open(Arc::clone(&self.kernel), home, follow).await?);
        Ok(())
    }

    /// Opens read models in a database to look things up in, on a node that has none of its own. It does not wait until there are any:
    /// signing in depends on no other node, and only pages that ask them are answered 503 until then.
    pub fn look_up(&self, config: &Config) -> Result<(), Failure> {
        let Place::Database(database) = config.places()?.read else {
            return Ok(());
        };
        if self.reads.is_some() {
            return Ok(());
        }
        let (kernel, looked_up) = (Arc::clone(&self.kernel), Arc::downgrade(&self.looked_up));
        tokio::spawn(async move {
            while looked_up.strong_count() > 0 {
                let home = Home::Database((*database).clone());
                match Reads::open(Arc::clone(&kernel), home, false).await {
                    Ok(reads) => {
                        if let Some(place) = looked_up.upgrade() {
                            let _ = place.set(reads);
                        }
                        return;
                    }
                    Err(error) => tracing::warn!(%error, "the read models cannot be opened yet"),
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
        Ok(())
    }

    /// Starts these reactors, which keep what they have to do beside the log.
    pub async fn react(&mut self, config: &Config, reactors: Vec<Arc<dyn Reactor>>) -> Result<(), Failure> {
        let home = match config.places()?.log {
            Place::File(path) => reactors::Home::beside(&path),
            Place::Database(database) => reactors::Home::Database(database),
        };
        let started = Reactors::start(Arc::clone(&self.kernel), &home, reactors, Pace::default()).await?;
        self.reactors = Some(Arc::new(started));
        Ok(())
    }

    /// Starts publishing the log of a platform of this public address, where that is configured.
    pub fn publish(&mut self, config: &Config, public_url: &str) -> Result<(), Failure> {
        if let Some(settings) = config.kafka.settings(public_url) {
            let log = Arc::clone(self.kernel.log());
            self.publisher = Some(Arc::new(Publisher::start(log, settings)?));
        }
        Ok(())
    }

    /// Commits what is queued and closes, within ten seconds.
    pub async fn close(self) {
        let closing = async {
            if let Some(publisher) = &self.publisher {
                publisher.stop().await;
            }
            if let Some(reactors) = &self.reactors {
                reactors.close().await;
            }
            for reads in self.reads.iter().chain(self.looked_up.get()) {
                reads.close().await;
            }
            self.kernel.log().close().await;
            self.keys.close().await;
        };
        if tokio::time::timeout(CLOSING, closing).await.is_err() {
            tracing::warn!("the stores do not close: they are left as they are");
        }
    }
}

/// Takes a folder of read models for this process.
fn lock(folder: &Path) -> Result<File, Failure> {
    let file = File::create(folder.with_extension("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ReadsInUse(folder.to_owned()).into()),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// The key store, to write.
pub async fn keys(place: &Place) -> Result<Arc<dyn KeyStore>, Failure> {
    Ok(match place {
        Place::File(path) => SqliteKeyStore::open(path).await?,
        Place::Database(database) => PostgresKeyStore::open(database).await?,
    })
}

/// The key store as it is, beside whichever process uses it.
pub async fn keys_to_read(config: &Config) -> Result<Arc<dyn KeyStore>, Failure> {
    Ok(match config.places()?.keys {
        Place::File(path) => SqliteKeyStore::open_read_only(&path).await?,
        Place::Database(database) => PostgresKeyStore::open_read_only(&database).await?,
    })
}

/// The key store and the keys in it, opened with the configured master key, or in development with the file in the data
/// folder.
async fn keyring(
    config: &Config,
    place: &Place,
    random: &Arc<SystemRandom>,
) -> Result<(Arc<dyn KeyStore>, Arc<Keyring>), Failure> {
    let store = keys(place).await?;
    let master = match existing_master_key(config)? {
        Some(master) => master,
        None if store.check_value().await?.is_some() => {
            let missing = master_key_file(&config.data);
            let missing = missing.display();
            return Err(format!(
                "the key store is there but its master key is not: bring {missing} back, or give CHANCERY_MASTER_KEY"
            )
            .into());
        }
        None => {
            private_folder(&config.data)?;
            MasterKey::load_or_create(&master_key_file(&config.data), &**random)?
        }
    };
    let keyring = Keyring::open(store.clone(), master, random.clone()).await?;
    Ok((store, keyring))
}

/// The keys as they are, beside whichever process uses them: nothing is made where something is missing.
pub async fn keyring_to_read(config: &Config) -> Result<Arc<Keyring>, Failure> {
    let store = keys_to_read(config).await?;
    let master = existing_master_key(config)?
        .ok_or_else(|| format!("there is no {}", master_key_file(&config.data).display()))?;
    Ok(Keyring::open(store, master, Arc::new(SystemRandom)).await?)
}

/// The configured master key, or the development file if it is there.
fn existing_master_key(config: &Config) -> Result<Option<MasterKey>, Failure> {
    let file = master_key_file(&config.data);
    Ok(match &config.master_key {
        Some(text) => Some(MasterKey::parse(text.expose())?),
        None if file.exists() => Some(MasterKey::load_or_create(&file, &SystemRandom)?),
        None => None,
    })
}

/// Makes a folder that only this account reads: read models hold personal data in the open. One that is there is left as it is.
pub fn private_folder(folder: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.recursive(true).create(folder);
    Ok(made.map_err(|error| format!("cannot make {}: {error}", folder.display()))?)
}

fn master_key_file(data: &Path) -> PathBuf {
    data.join("master.key")
}

/// The log for reading, beside whichever process writes it.
pub async fn log_to_read(config: &Config) -> Result<Arc<dyn Log>, Failure> {
    Ok(match config.places()?.log {
        Place::File(path) => SqliteLog::open_read_only(&path).await?,
        Place::Database(database) => PostgresLog::open_read_only(&database).await?,
    })
}
