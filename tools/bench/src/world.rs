//! A place with a history: made by a real server's first start, a realm and an application over HTTP, and then the lives of as
//! many users as are asked for.

use std::path::Path;

use events::ids::UserId;

use crate::{
    Outcome, generate,
    server::{self, Server},
    store::{Place, Store},
};

/// What workloads on a history find.
#[derive(Debug)]
pub struct World {
    /// Where it is stored. No server works on it.
    pub place: Place,
    /// Its users.
    pub users: Vec<UserId>,
}

impl World {
    /// Makes one with so many users.
    pub async fn make(program: &Path, store: &Store, folder: &Path, users: usize) -> Outcome<Self> {
        let place = store.place(folder).await?;
        let server = Server::start(program, &place)?;
        let mut administrator = server.administrator().await?;
        let realm = administrator.realm().await?.parse()?;
        let client = administrator.service().await?;
        drop(administrator);
        server.stop()?;
        let users = match users {
            0 => Vec::new(),
            users => generate::lives(&place, realm, client.id.parse()?, users).await?,
        };
        // What is measured is not to be disturbed by read models that still catch up.
        server::rebuild(program, &place)?;
        Ok(Self { place, users })
    }
}
