//! Where generations are kept: a folder that one process has, or a database that several nodes share.
//!
//! The rule: what is served is named by one pointer, which moves in one step, and only forward; what it does not name is unfinished or old,
//! and is deleted when nobody has it open.

mod database;
mod folder;

use std::path::PathBuf;

use async_trait::async_trait;
use events::postgres::Database;
use sqlx::PgConnection;

use crate::{
    reads::ReadError,
    store::{GenerationRow, Store},
    table::Table,
};

/// Where the read models are.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a process has one")]
pub enum Home {
    /// Files in a folder, which no other process uses.
    Folder(PathBuf),
    /// Schemas in a database, which any number of nodes use.
    Database(Database),
}

impl Home {
    /// Opens it, or makes it.
    pub(crate) async fn open(self) -> Result<Box<dyn Shelf>, ReadError> {
        Ok(match self {
            Home::Folder(path) => Box::new(folder::Folder::open(&path)?),
            Home::Database(database) => Box::new(database::Shared::open(database).await?),
        })
    }
}

/// The right to build a generation; it ends with the value. Files need none, a database has a session that holds it.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "held, not used")] Option<PgConnection>);

/// All generations of one home.
#[async_trait]
pub(crate) trait Shelf: std::fmt::Debug + Send + Sync {
    /// Whether other nodes may replace and delete generations.
    fn is_shared(&self) -> bool;

    /// The number that the pointer names, whether or not that generation is still there.
    async fn pointer(&self) -> Result<Option<u64>, ReadError>;

    /// Which generation is served; `None` if that is not told.
    async fn current(&self) -> Result<Option<u64>, ReadError>;

    /// The numbers of all generations that there are, in order.
    async fn numbers(&self) -> Result<Vec<u64>, ReadError>;

    /// Opens a generation that there is.
    async fn open(&self, number: u64) -> Result<Store, ReadError>;

    /// Makes a generation with all tables, and opens it.
    async fn make(
        &self,
        number: u64,
        tables: &[&'static Table],
        built_by: &GenerationRow,
    ) -> Result<Store, ReadError>;

    /// From now on this one is served, unless a later one is (`false`): all or nothing, also when the machine stops.
    async fn point_to(&self, number: u64) -> Result<bool, ReadError>;

    /// Deletes a generation that is not served, unless somebody has it open. What cannot be deleted now is deleted later.
    async fn remove(&self, number: u64);

    /// The right to build, if nobody has it.
    async fn turn(&self) -> Result<Option<Turn>, ReadError>;
}
