//! A place with a history: made by a real server's first start, a realm and an application over HTTP, and then the lives of as
//! many users as are asked for.

use std::path::Path;

use events::ids::UserId;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    Outcome, generate,
    server::{self, Client, Server},
    store::{Place, Store},
};

/// What workloads on a history find.
#[derive(Debug)]
pub struct World {
    /// Where it is stored. No server works on it.
    pub place: Place,
    /// Its users.
    pub users: Vec<UserId>,
    /// An application of their realm.
    pub client: Client,
}

/// Realms made at once.
const AT_ONCE: usize = 16;

impl World {
    /// Makes one with so many users, each of whom lives a whole life.
    pub async fn make(program: &Path, store: &Store, folder: &Path, users: usize) -> Outcome<Self> {
        Self::of(program, store, folder, 0, users, users).await
    }

    /// Makes one with so many further realms, and so many users in the realm of the workloads, of whom so many sign in.
    pub async fn of(
        program: &Path,
        store: &Store,
        folder: &Path,
        realms: usize,
        users: usize,
        sessions: usize,
    ) -> Outcome<Self> {
        let place = store.place(folder).await?;
        let server = Server::start(program, &place)?;
        let mut administrator = server.administrator().await?;
        let realm = administrator.realm().await?.parse()?;
        let client = administrator.service().await?;
        drop(administrator);
        make_realms(&server, realms).await?;
        server.stop()?;
        let users = match users {
            0 => Vec::new(),
            users => generate::lives(&place, realm, client.id.parse()?, users, sessions).await?,
        };
        // What is measured is not to be disturbed by read models that still catch up.
        server::rebuild(program, &place)?;
        Ok(Self { place, users, client })
    }
}

async fn make_realms(server: &Server, realms: usize) -> Outcome<()> {
    let mut making = JoinSet::new();
    for first in 0..AT_ONCE.min(realms) {
        let mut administrator = server.administrator().await?;
        making.spawn(async move {
            for number in (first..realms).step_by(AT_ONCE) {
                let realm = json!({"name": format!("realm-{number}"), "display_name": "One of many"});
                administrator.command("realms", &realm).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(made) = making.join_next().await {
        made??;
    }
    Ok(())
}
