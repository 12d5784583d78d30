//! Several nodes on one database, and what can happen between a node and its database: a line that can be cut or hold its
//! breath, a server that is stopped and started.
//! The rule: nodes share nothing but their stores and their configuration.

use std::{
    net::TcpListener as StdListener,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use url::Url;

use super::{Options, Server, Stores, at_address, unique};

/// What nodes have in common: a database, a public address, a master key.
#[derive(Clone, Debug)]
pub struct Nodes {
    /// Where all stores are.
    pub database: Arc<scratch::Database>,
    /// Where the first node listens.
    address: String,
    master_key: String,
}

impl Nodes {
    /// On a database of their own; `None` where the engine under test is not one that nodes share, and, said loudly, where
    /// there is no server to make one on.
    pub fn new() -> Option<Self> {
        if scratch::engine() != scratch::Engine::Postgres {
            eprintln!("several nodes need PostgreSQL (TEST_ENGINE=postgres)");
            return None;
        }
        let database = Arc::new(scratch::Database::create()?);
        let free = StdListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        Some(Self {
            database,
            address: free.expect("a free port").to_string(),
            master_key: [unique(), unique(), unique(), unique()].concat(),
        })
    }

    /// How a node with these roles is started.
    pub fn options(&self, roles: &str) -> Options {
        Options {
            roles: Some(roles.to_owned()),
            ..Options::default().on(&Stores::Database(Arc::clone(&self.database)))
        }
        .with("CHANCERY_PUBLIC_URL", &format!("http://{}", self.address))
        .with("CHANCERY_MASTER_KEY", &self.master_key)
    }

    /// Starts the node that is reached under the public address.
    pub fn first(&self, roles: &str) -> Server {
        Server::start(Options {
            listen: Some(self.address.clone()),
            ..self.options(roles)
        })
    }

    /// Starts another.
    pub fn another(&self, roles: &str) -> Server {
        Server::start(self.options(roles))
    }

    /// Starts another whose database is reached through a line.
    pub fn behind(&self, line: &Line, roles: &str) -> Server {
        let mut options = self.options(roles);
        options.variables.extend(at_address(&line.url));
        Server::start(options)
    }
}

/// What a line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Passes everything on.
    Whole,
    /// Passes nothing on and closes nothing, as a network that loses every packet.
    Silent,
    /// Has closed all connections and takes no new ones.
    Cut,
}

/// A line to a database, which the test can cut.
#[derive(Debug)]
pub struct Line {
    /// The address of the database at this end of the line.
    pub url: String,
    state: watch::Sender<State>,
}

impl Line {
    /// To this database.
    pub async fn to(database: &scratch::Database) -> Self {
        let mut url = Url::parse(database.url()).expect("an address");
        let far = format!(
            "{}:{}",
            url.host_str().expect("a host"),
            url.port().unwrap_or(5432)
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let near = listener.local_addr().expect("bound");
        url.set_ip_host(near.ip()).expect("an address with a host");
        url.set_port(Some(near.port())).expect("an address with a port");
        let (state, told) = watch::channel(State::Whole);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, far.clone(), told.clone()));
            }
        });
        Self {
            url: url.into(),
            state,
        }
    }

    /// Everything passes from now on.
    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }

    /// All connections end, and none begins.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Nothing passes, and nobody is told.
    pub fn silence(&self) {
        self.state.send_replace(State::Silent);
    }
}

async fn carry(near: TcpStream, far: String, mut state: watch::Receiver<State>) {
    if *state.borrow() == State::Cut {
        return;
    }
    let Ok(far) = TcpStream::connect(far).await else {
        return;
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    let mut ways = tokio::task::JoinSet::new();
    ways.spawn(one_way(near_read, far_write, state.clone()));
    ways.spawn(one_way(far_read, near_write, state.clone()));
    tokio::select! {
        _ = state.wait_for(|state| *state == State::Cut) => {}
        _ = ways.join_next() => {}
    }
}

async fn one_way(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut state: watch::Receiver<State>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        // What was on its way when the line fell silent arrives late.
        if state.wait_for(|state| *state == State::Whole).await.is_err()
            || to.write_all(&buffer[..read]).await.is_err()
        {
            return;
        }
    }
}

/// A PostgreSQL server of one test's own, which can be stopped and started.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    /// The address of its database.
    pub url: String,
}

impl Postgres {
    /// Starts one; `None`, said loudly, where the tests have no server at all.
    pub fn start() -> Option<Self> {
        if scratch::server().is_none() {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "run tools/test");
            eprintln!("SKIPPED: there is no PostgreSQL here (tools/test starts one)");
            return None;
        }
        let folder = TempDir::new().expect("a folder");
        let url = order("start", folder.path());
        Some(Self { folder, url })
    }

    /// Stops it at once, as a crash does.
    pub fn stop(&self) {
        order("stop", self.folder.path());
    }

    /// Starts it again on what it has.
    pub fn resume(&self) {
        assert_eq!(order("start", self.folder.path()), self.url);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = program().arg("stop").arg(self.folder.path()).output();
    }
}

fn program() -> Command {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    Command::new(root.join("../tools/postgres"))
}

fn order(what: &str, folder: &Path) -> String {
    let done = program()
        .arg(what)
        .arg(folder)
        .output()
        .expect("tools/postgres runs");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "tools/postgres {what}: {said}");
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// How long until something is so, asked every few milliseconds.
///
/// # Panics
/// If it is not within ten seconds.
pub async fn how_long<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) -> Duration {
    let started = std::time::Instant::now();
    while !is_so().await {
        let waited = started.elapsed();
        assert!(waited < Duration::from_secs(10), "not within ten seconds: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    started.elapsed()
}
