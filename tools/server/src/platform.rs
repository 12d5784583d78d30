//! The platform's parts, opened in the order in which they stand on one another: keys, log, kernel, read models.

use std::{path::Path, sync::Arc};

use events::{
    clock::{SystemClock, SystemRandom},
    kernel::Kernel,
    keys::{Keyring, MasterKey, SqliteKeyStore},
    log::{Log, sqlite::SqliteLog},
};
use projections::Reads;

use crate::{Failure, config::Config};

/// What every role stands on.
pub struct Platform {
    /// Load, decide, append.
    pub kernel: Arc<Kernel>,
    /// The read models and their runner.
    pub reads: Reads,
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
        let keyring = keyring(config, &random).await?;
        let kernel = Kernel::start(log, keyring, clock, random).await?;
        let reads = Reads::open(Arc::clone(&kernel), &config.read_path()?).await?;
        Ok(Self { kernel, reads })
    }

    /// Commits what is queued and closes.
    pub async fn close(self) {
        self.reads.close().await;
        self.kernel.log().close().await;
    }
}

/// The keys, opened with the configured master key, or on loopback with the development file in the data folder.
pub async fn keyring(config: &Config, random: &Arc<SystemRandom>) -> Result<Arc<Keyring>, Failure> {
    let master = if let Some(text) = &config.master_key {
        MasterKey::parse(text.expose())?
    } else {
        let file = master_key_file(&config.data);
        if config.keys_path()?.exists() && !file.exists() {
            let missing = file.display();
            return Err(format!(
                "the key store is there but its master key is not: bring {missing} back, or give CHANCERY_MASTER_KEY"
            )
            .into());
        }
        MasterKey::load_or_create(&file, &**random)?
    };
    let store = SqliteKeyStore::open(&config.keys_path()?).await?;
    Ok(Keyring::open(store, master, random.clone()).await?)
}

/// Makes a folder that only this account reads: read models hold personal data in the open. One that is there is left as it is.
fn private_folder(folder: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.recursive(true).create(folder);
    Ok(made.map_err(|error| format!("cannot make {}: {error}", folder.display()))?)
}

/// The keys as they are, beside whichever process uses them: nothing is made where something is missing.
pub async fn keyring_that_exists(config: &Config) -> Result<Arc<Keyring>, Failure> {
    let mut needed = vec![config.keys_path()?];
    if config.master_key.is_none() {
        needed.push(master_key_file(&config.data));
    }
    if let Some(missing) = needed.iter().find(|path| !path.exists()) {
        return Err(format!("there is no {}", missing.display()).into());
    }
    keyring(config, &Arc::new(SystemRandom)).await
}

fn master_key_file(data: &Path) -> std::path::PathBuf {
    data.join("master.key")
}

/// The log for reading, beside whichever process writes it.
pub async fn log_to_read(config: &Config) -> Result<Arc<dyn Log>, Failure> {
    Ok(SqliteLog::open_read_only(&config.log_path()?).await?)
}
