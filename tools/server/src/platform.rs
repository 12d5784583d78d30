//! The platform's parts, opened in the order in which they stand on one another: keys, log, kernel, read models.

use std::{path::Path, sync::Arc};

use events::{
    clock::{SystemClock, SystemRandom},
    kernel::Kernel,
    keys::{KeyStore, Keyring, MasterKey, SqliteKeyStore},
    log::{Log, sqlite::SqliteLog},
};
use projections::{Home, Reads};

use crate::{Failure, config::Config};

/// What every role stands on.
pub struct Platform {
    /// Load, decide, append.
    pub kernel: Arc<Kernel>,
    /// The read models and their runner.
    pub reads: Reads,
    keys: Arc<SqliteKeyStore>,
}

impl Platform {
    /// Opens everything; the log's lock is taken first, so that a second process changes nothing.
    pub async fn open(config: &Config) -> Result<Self, Failure> {
        let clock = Arc::new(SystemClock);
        let random = Arc::new(SystemRandom);
        for path in [config.log_path()?, config.keys_path()?, config.read_path()?] {
            if let Some(folder) = path.parent() {
                private_folder(folder)?;
            }
        }
        private_folder(&config.read_path()?)?;
        let log = SqliteLog::open(&config.log_path()?, clock.clone(), random.clone()).await?;
        let (keys, keyring) = keyring(config, &random).await?;
        let kernel = Kernel::start(log, keyring, clock, random).await?;
        let reads = Reads::open(Arc::clone(&kernel), Home::Folder(config.read_path()?), true).await?;
        Ok(Self { kernel, reads, keys })
    }

    /// Commits what is queued and closes.
    pub async fn close(self) {
        self.reads.close().await;
        self.kernel.log().close().await;
        self.keys.close().await;
    }
}

/// The key store and the keys in it, opened with the configured master key, or on loopback with the development file in the
/// data folder.
async fn keyring(
    config: &Config,
    random: &Arc<SystemRandom>,
) -> Result<(Arc<SqliteKeyStore>, Arc<Keyring>), Failure> {
    let path = config.keys_path()?;
    let master = match existing_master_key(config)? {
        Some(master) => master,
        None if path.exists() => {
            let missing = master_key_file(&config.data);
            let missing = missing.display();
            return Err(format!(
                "the key store is there but its master key is not: bring {missing} back, or give CHANCERY_MASTER_KEY"
            )
            .into());
        }
        None => MasterKey::load_or_create(&master_key_file(&config.data), &**random)?,
    };
    let store = SqliteKeyStore::open(&path).await?;
    let keyring = Keyring::open(store.clone(), master, random.clone()).await?;
    Ok((store, keyring))
}

/// The keys as they are, beside whichever process uses them: nothing is made where something is missing.
pub async fn keyring_to_read(config: &Config) -> Result<Arc<Keyring>, Failure> {
    let store = SqliteKeyStore::open_read_only(&config.keys_path()?).await?;
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
fn private_folder(folder: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.recursive(true).create(folder);
    Ok(made.map_err(|error| format!("cannot make {}: {error}", folder.display()))?)
}

fn master_key_file(data: &Path) -> std::path::PathBuf {
    data.join("master.key")
}

/// The log for reading, beside whichever process writes it.
pub async fn log_to_read(config: &Config) -> Result<Arc<dyn Log>, Failure> {
    Ok(SqliteLog::open_read_only(&config.log_path()?).await?)
}
