//! Generations: each a file of its own in the read folder, one of them served. A new one is built beside it and takes its
//! place by the pointer file, which is replaced in one step; what the pointer does not name is unfinished or old.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

use events::{envelope::body_digest, kernel::Kernel};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    progress::{Progress, Stopped},
    projection::Projection,
    reads::ReadError,
    runner::{Pace, Runner},
    store::{GenerationRow, Store, ddl, remove},
    table::Table,
};

/// What all generations have in common.
pub struct Setup {
    pub kernel: Arc<Kernel>,
    pub projections: Vec<Arc<dyn Projection>>,
    pub pace: Pace,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup")
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

impl Setup {
    /// The tables of all projections, each once.
    pub fn tables(&self) -> Vec<&'static Table> {
        let mut tables: Vec<_> = self
            .projections
            .iter()
            .flat_map(|projection| projection.tables())
            .collect();
        tables.sort_by_key(|table| table.name);
        tables.dedup_by_key(|table| table.name);
        tables
    }

    /// What a generation that is built today is built by.
    pub fn built_by(&self) -> GenerationRow {
        let tables: Vec<_> = self.tables().into_iter().flat_map(ddl).collect();
        let shape = body_digest(tables.join("\n").as_bytes());
        let versions = self
            .projections
            .iter()
            .map(|projection| format!("{} {}", projection.name(), projection.version()));
        let versions = versions.collect::<Vec<_>>().join("\n");
        let fingerprint = body_digest(format!("{shape}\n{versions}").as_bytes());
        GenerationRow {
            id: 1,
            shape,
            fingerprint,
        }
    }
}

/// One generation: its rows, how far it has come, and the runner while it follows.
#[derive(Debug)]
pub struct Generation {
    pub number: u64,
    pub store: Arc<Store>,
    pub progress: Arc<Progress>,
    runner: std::sync::Mutex<Option<Running>>,
}

/// The runner ends when it is told, and when nobody is left to tell it.
#[derive(Debug)]
struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Generation {
    /// Opens a generation's file, or makes it. Nothing follows yet.
    pub async fn open(folder: &Folder, number: u64, setup: &Setup) -> Result<Self, ReadError> {
        let store = Store::open(&folder.file(number), &setup.tables()).await?;
        Ok(Self {
            number,
            store: Arc::new(store),
            progress: Arc::new(Progress::new()),
            runner: std::sync::Mutex::new(None),
        })
    }

    /// Starts following the log.
    pub async fn follow(&self, setup: &Setup) -> Result<(), ReadError> {
        let (kernel, store) = (Arc::clone(&setup.kernel), Arc::clone(&self.store));
        let progress = Arc::clone(&self.progress);
        let runner = Runner::new(kernel, store, progress, &setup.projections, setup.pace).await?;
        let (stop, told) = watch::channel(false);
        let task = tokio::spawn(runner.run(told));
        *self.runner.lock().unwrap_or_else(PoisonError::into_inner) = Some(Running { stop, task });
        Ok(())
    }

    /// Ends following, after the batch under way.
    pub async fn halt(&self) {
        let running = self.runner.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Running { stop, task }) = running {
            stop.send_replace(true);
            if task.await.is_err() {
                tracing::error!("the runner of the read models ended by a panic");
            }
        }
    }

    /// Whether nothing follows, by intent.
    pub fn is_halted(&self) -> bool {
        let runner = self.runner.lock().unwrap_or_else(PoisonError::into_inner);
        runner.is_none()
    }

    /// Why nothing of the log is applied at present, if that is so.
    pub fn failing(&self) -> Option<String> {
        match &*self.runner.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Some("the read models do not follow the log".to_owned()),
            Some(running) if running.task.is_finished() => {
                Some("the runner of the read models ended".to_owned())
            }
            Some(_) => self.progress.failing(),
        }
    }

    /// Waits until all is applied that the log holds. What is stopped counts as done where `old` stands no better;
    /// otherwise it is the error, unless there is `patience` to wait until it goes on.
    pub async fn catch_up(&self, old: Option<&Progress>, patience: bool) -> Result<(), Vec<Stopped>> {
        let mut passes = self.progress.passes();
        let mut seen = 0;
        // The sender lives as long as `self`.
        while passes.wait_for(|passes| *passes > seen).await.is_ok() {
            seen = *passes.borrow();
            let worse = |stopped: &Stopped| {
                let stands = old.map_or(0, |old| old.watermark(stopped.stream));
                stands > self.progress.watermark(stopped.stream)
            };
            let behind: Vec<_> = self.progress.stopped().into_iter().filter(worse).collect();
            match behind.is_empty() {
                true => break,
                false if patience => {}
                false => return Err(behind),
            }
        }
        Ok(())
    }

    /// Ends, closes, deletes.
    pub async fn discard(&self) {
        self.halt().await;
        self.store.delete().await;
    }
}

/// The folder with the files of all generations.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Opens the folder, or makes it.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Ok(Self(path.to_owned()))
    }

    fn file(&self, number: u64) -> PathBuf {
        self.0.join(format!("gen-{number}.sqlite"))
    }

    fn pointer(&self) -> PathBuf {
        self.0.join("current")
    }

    /// Which generation is served; `None` if that is not told.
    pub fn current(&self) -> Option<u64> {
        let number = fs::read_to_string(self.pointer())
            .ok()?
            .trim()
            .strip_prefix("gen-")?
            .parse()
            .ok()?;
        self.file(number).is_file().then_some(number)
    }

    /// From now on this one is served: all or nothing, also when the machine stops.
    pub fn point_to(&self, number: u64) -> io::Result<()> {
        let written = self.0.join("current.new");
        let mut file = File::create(&written)?;
        writeln!(file, "gen-{number}")?;
        file.sync_all()?;
        fs::rename(&written, self.pointer())?;
        File::open(&self.0)?.sync_all()
    }

    /// The numbers of all generations that there are, in order.
    pub fn numbers(&self) -> Vec<u64> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut numbers: Vec<_> = names
            .filter_map(|name| name.strip_prefix("gen-")?.strip_suffix(".sqlite")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers
    }

    /// Deletes all files but these.
    pub fn keep_only(&self, kept: &[u64]) {
        for number in self.numbers().into_iter().filter(|number| !kept.contains(number)) {
            remove(&self.file(number));
        }
    }
}
