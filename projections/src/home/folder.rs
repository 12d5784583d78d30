//! Generations as files in a folder: each a file of its own, and the pointer a file that is replaced in one step.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use async_trait::async_trait;

use super::{Shelf, Turn};
use crate::{
    reads::ReadError,
    store::{GenerationRow, Store, sqlite},
    table::Table,
};

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

    fn pointer_file(&self) -> PathBuf {
        self.0.join("current")
    }
}

#[async_trait]
impl Shelf for Folder {
    fn is_shared(&self) -> bool {
        false
    }

    async fn pointer(&self) -> Result<Option<u64>, ReadError> {
        let pointer = fs::read_to_string(self.pointer_file()).unwrap_or_default();
        let number = pointer.trim().strip_prefix("gen-");
        Ok(number.and_then(|number| number.parse().ok()))
    }

    async fn current(&self) -> Result<Option<u64>, ReadError> {
        let number = self.pointer().await?;
        Ok(number.filter(|number| self.file(*number).is_file()))
    }

    async fn numbers(&self) -> Result<Vec<u64>, ReadError> {
        let entries = fs::read_dir(&self.0)?.flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut numbers: Vec<_> = names
            .filter_map(|name| name.strip_prefix("gen-")?.strip_suffix(".sqlite")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    async fn open(&self, number: u64) -> Result<Store, ReadError> {
        sqlite::open(&self.file(number)).await
    }

    async fn make(
        &self,
        number: u64,
        tables: &[&'static Table],
        built_by: &GenerationRow,
    ) -> Result<Store, ReadError> {
        sqlite::make(&self.file(number), tables, built_by).await
    }

    async fn point_to(&self, number: u64) -> Result<bool, ReadError> {
        if self.pointer().await? > Some(number) {
            return Ok(false);
        }
        let written = self.0.join("current.new");
        let mut file = File::create(&written)?;
        writeln!(file, "gen-{number}")?;
        file.sync_all()?;
        fs::rename(&written, self.pointer_file())?;
        File::open(&self.0)?.sync_all()?;
        Ok(true)
    }

    /// The file, and what SQLite keeps beside it. Whoever had it open closed it before.
    async fn remove(&self, number: u64) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.file(number).into_os_string();
            name.push(suffix);
            match fs::remove_file(&name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, file = %name.display(), "an old read model cannot be deleted");
                }
                _ => {}
            }
        }
    }

    async fn turn(&self) -> Result<Option<Turn>, ReadError> {
        Ok(Some(Turn(None)))
    }
}
