//! The real `chancery` binary as a child process, with a data folder and stores of its own and free ports.
//! The rule: whatever ends the test ends the process, and what it said is shown when the test fails.

use std::{
    fmt,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The `client_id` of the service application that the first start makes.
pub const CLIENT_ID: &str = "tests";
/// Its secret.
pub const CLIENT_SECRET: &str = "a-secret-of-the-tests-d41d8cd98f00b204";
/// The administrator's password.
const ADMIN_PASSWORD: &str = "Administrator-of-the-tests-1f0c";

/// A debug build on two busy cores takes its time.
const START_WITHIN: Duration = Duration::from_mins(1);
const STOP_WITHIN: Duration = Duration::from_secs(25);
/// So much of what the server wrote is shown when a test fails.
const SHOWN_LINES: usize = 80;

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// With `--demo`.
    pub demo: bool,
    /// Variables besides those that every server of the tests gets.
    pub variables: Vec<(String, String)>,
    /// Those of them that this one does not get.
    pub without: Vec<String>,
    /// The data folder; none: a temporary one.
    pub data: Option<PathBuf>,
    /// Where its stores are; none: new ones on the engine under test.
    pub stores: Option<Stores>,
    /// Its roles, as on the command line; none: all.
    pub roles: Option<String>,
    /// Where it listens; none: on a free port.
    pub listen: Option<String>,
    /// Whether its public address is `localhost`, a domain, and not an address.
    pub localhost: bool,
}

impl Options {
    /// One more variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without a variable that every server of the tests gets.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.without.push(name.to_owned());
        self
    }

    /// In a folder that is there already.
    #[must_use]
    pub fn at(mut self, data: &Path) -> Self {
        self.data = Some(data.to_owned());
        self
    }

    /// On stores that are there already.
    #[must_use]
    pub fn on(mut self, stores: &Stores) -> Self {
        self.stores = Some(stores.clone());
        self
    }

    /// In the folder and on the stores of another server.
    #[must_use]
    pub fn beside(self, server: &Server) -> Self {
        self.at(server.data()).on(&server.stores)
    }
}

/// What a server keeps its log, its keys and its read models in.
#[derive(Clone, Debug)]
pub enum Stores {
    /// Files in its data folder.
    Files,
    /// A database of a test's own; it is dropped with the last that uses it.
    Database(Arc<scratch::Database>),
}

impl Default for Stores {
    /// New ones, on the engine under test.
    fn default() -> Self {
        match scratch::engine() {
            scratch::Engine::Sqlite => Self::Files,
            scratch::Engine::Postgres => Self::Database(Arc::new(
                scratch::Database::create().expect("TEST_ENGINE=postgres needs TEST_POSTGRES"),
            )),
        }
    }
}

impl Stores {
    /// How a process is told of them.
    pub fn variables(&self) -> Vec<(String, String)> {
        match self {
            Self::Files => Vec::new(),
            Self::Database(database) => at_address(database.url()),
        }
    }

    /// Runs a subcommand that ends by itself, on a data folder and these stores.
    pub fn run(&self, arguments: &[&str], data: &Path, variables: &[(&str, &str)]) -> Ran {
        let stores = self.variables();
        let stores = stores.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let all: Vec<_> = stores.chain(variables.iter().copied()).collect();
        run(arguments, data, &all)
    }
}

/// The variables by which all stores are at one address.
pub fn at_address(url: &str) -> Vec<(String, String)> {
    ["CHANCERY_LOG__URL", "CHANCERY_KEYS__URL", "CHANCERY_READ__URL"]
        .map(|name| (name.to_owned(), url.to_owned()))
        .into()
}

/// A server that did not start: how it ended and what it said.
#[derive(Debug)]
pub struct Refused {
    /// Its exit status.
    pub status: ExitStatus,
    /// Both of its outputs.
    pub said: String,
}

/// A running server.
pub struct Server {
    child: Child,
    options: Options,
    folder: Option<TempDir>,
    data: PathBuf,
    stores: Stores,
    /// `http://127.0.0.1:<port>` (https with a certificate): where it listens, and its public address unless that is set; empty for a worker.
    pub base: String,
    /// `http://127.0.0.1:<port>`: where operators ask.
    pub management: String,
    said: Arc<Mutex<String>>,
    shared: Weak<Server>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("base", &self.base)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

/// A port that was free just now, and that nobody is given who asks for any: systems take those, and outgoing connections', from 32,768 on.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(97);
    let offsets =
        std::iter::repeat_with(|| first.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % 10_000);
    let free = offsets.take(10_000).find_map(|offset| {
        let port = 20_000 + u16::try_from(offset).ok()?;
        TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
    });
    free.expect("a free port")
}

/// The binary under test: `TEST_BIN`, else the debug build beside this test.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("TEST_BIN") {
        return PathBuf::from(path);
    }
    let test = std::env::current_exe().expect("the path of this test");
    let debug = test
        .ancestors()
        .find(|folder| folder.ends_with("debug"))
        .map(|folder| folder.join("chancery"));
    debug
        .filter(|path| path.is_file())
        .expect("no chancery binary: run `cargo build --bin chancery`, or set TEST_BIN to one")
}

/// A command with nothing of this process's own configuration.
fn command() -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CHANCERY_") {
            command.env_remove(name);
        }
    }
    command
}

/// A subcommand that has ended.
#[derive(Debug)]
pub struct Ran {
    /// How.
    pub status: ExitStatus,
    /// Both of its outputs.
    pub said: String,
}

impl Ran {
    /// It succeeded; what it said.
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert!(self.status.success(), "{}: {}", self.status, self.said);
        self.said
    }

    /// It refused, and said why.
    #[track_caller]
    pub fn fails(&self, because: &str) {
        let said = &self.said;
        assert!(!self.status.success(), "it went through: {said}");
        assert!(said.contains(because), "no {because:?} in: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

/// Runs a subcommand that ends by itself, on a data folder.
pub fn run(arguments: &[&str], data: &Path, variables: &[(&str, &str)]) -> Ran {
    let output = command()
        .args(arguments)
        .arg("--data")
        .arg(data)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    Ran {
        status: output.status,
        said: said.concat(),
    }
}

/// One server for all tests of a binary that leave it as it was. It is stopped when the last of them ends.
pub fn shared() -> Arc<Server> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let mut server = Server::start(Options::default());
        let server = Arc::new_cyclic(|itself| {
            server.shared = itself.clone();
            server
        });
        *shared = Arc::downgrade(&server);
        server
    })
}

impl Server {
    /// Starts one and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready.
    pub fn start(options: Options) -> Self {
        Self::try_start(options).unwrap_or_else(|refused| {
            panic!("the server did not start: {}\n{}", refused.status, refused.said)
        })
    }

    /// Starts one whose public address has a domain, `localhost`, which passkeys need.
    pub fn at_localhost(options: Options) -> Self {
        let port = free_port();
        let options = Options {
            listen: Some(format!("127.0.0.1:{port}")),
            localhost: true,
            ..options
        };
        Self::start(options.with("CHANCERY_PUBLIC_URL", &format!("http://localhost:{port}")))
    }

    /// Starts one that may refuse to.
    pub fn try_start(options: Options) -> Result<Self, Refused> {
        let folder = options
            .data
            .is_none()
            .then(|| TempDir::new().expect("a temporary folder"));
        let data = match (&options.data, &folder) {
            (Some(data), _) => data.clone(),
            (None, Some(folder)) => folder.path().join("data"),
            (None, None) => unreachable!("one of them is there"),
        };
        let stores = options.stores.clone().unwrap_or_default();
        let listen = options.listen.clone().unwrap_or("127.0.0.1:0".to_owned());
        Self::spawn(options, folder, data, stores, &listen)
    }

    fn spawn(
        options: Options,
        folder: Option<TempDir>,
        data: PathBuf,
        stores: Stores,
        listen: &str,
    ) -> Result<Self, Refused> {
        let mut command = command();
        command
            .arg("serve")
            .arg("--data")
            .arg(&data)
            .args(["--listen", listen]);
        if options.demo {
            command.arg("--demo");
        }
        if let Some(roles) = &options.roles {
            command.args(["--role", roles]);
        }
        command
            .env("CHANCERY_MANAGEMENT__LISTEN", "127.0.0.1:0")
            .env("CHANCERY_BOOTSTRAP__ADMIN_PASSWORD", ADMIN_PASSWORD)
            .env("CHANCERY_BOOTSTRAP__CLIENT_ID", CLIENT_ID)
            .env("CHANCERY_BOOTSTRAP__CLIENT_SECRET", CLIENT_SECRET)
            .envs(stores.variables())
            .envs(options.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in &options.without {
            command.env_remove(name);
        }
        let mut child = command.spawn().expect("the binary starts");
        let said = Arc::new(Mutex::new(String::new()));
        let (ready, became_ready) = mpsc::channel();
        let readers = [
            keep_reading(child.stdout.take().expect("piped"), &said, Some(ready)),
            keep_reading(child.stderr.take().expect("piped"), &said, None),
        ];
        let Ok(line) = became_ready.recv_timeout(START_WITHIN) else {
            let ended = child.try_wait().expect("a child");
            let status = ended.unwrap_or_else(|| {
                child.kill().expect("a child of ours");
                child.wait().expect("a child")
            });
            for reader in readers {
                let _ = reader.join();
            }
            let mut said = said.lock().expect("not poisoned").clone();
            if ended.is_none() {
                said.push_str("\n(killed: it was neither ready nor ended)");
            }
            return Err(Refused { status, said });
        };
        let (mut base, management) = addresses(&line);
        if options.localhost {
            base = base.replace("127.0.0.1", "localhost");
        }
        Ok(Self {
            child,
            options,
            folder,
            data,
            stores,
            base,
            management,
            said,
            shared: Weak::new(),
        })
    }

    /// The server as its tests share it; `None` if it is one test's own.
    pub(super) fn shared(&self) -> Option<Arc<Self>> {
        self.shared.upgrade()
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Where its log, keys and read models are.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Runs a subcommand that ends by itself, beside it, as it is configured.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let variables = self.options.variables.iter();
        let variables: Vec<_> = variables
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        self.stores.run(arguments, &self.data, &variables)
    }

    /// Everything that it wrote to its outputs so far.
    pub fn said(&self) -> String {
        self.said.lock().expect("not poisoned").clone()
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM, and does not wait for what follows.
    pub fn ask_to_stop(&self) {
        let asked = Command::new("kill")
            .arg("-TERM")
            .arg(self.child.id().to_string())
            .status();
        assert!(
            asked.is_ok_and(|status| status.success()),
            "SIGTERM could not be sent"
        );
    }

    /// Asks it to end with SIGTERM.
    ///
    /// # Panics
    /// If it does not end in time, or not with 0.
    pub fn stop(&mut self) {
        self.ask_to_stop();
        let started = Instant::now();
        while started.elapsed() < STOP_WITHIN {
            if let Some(status) = self.child.try_wait().expect("a child") {
                assert!(
                    status.success(),
                    "ended with {status} on SIGTERM:\n{}",
                    self.tail()
                );
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("still running {STOP_WITHIN:?} after SIGTERM:\n{}", self.tail());
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child");
    }

    /// The next one on the same folder and address, so that it is the same issuer. Stops this one if it runs.
    #[must_use]
    pub fn restart(self) -> Self {
        self.try_restart().unwrap_or_else(|refused| {
            panic!(
                "the server did not start again: {}\n{}",
                refused.status, refused.said
            )
        })
    }

    /// The same, where it may refuse to.
    pub fn try_restart(mut self) -> Result<Self, Refused> {
        if self.child.try_wait().expect("a child").is_none() {
            self.stop();
        }
        let listen = match self.base.split_once("://") {
            Some((_, address)) => address.replace("localhost", "127.0.0.1"),
            None => "127.0.0.1:0".to_owned(),
        };
        let (options, folder) = (self.options.clone(), self.folder.take());
        let (data, stores) = (self.data.clone(), self.stores.clone());
        drop(self);
        Self::spawn(options, folder, data, stores, &listen)
    }

    fn tail(&self) -> String {
        let said = self.said();
        let lines: Vec<_> = said.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the server's last words ---\n{}\n---", self.tail());
        }
    }
}

/// Collects what a process writes; the line that says "ready" is passed on.
fn keep_reading(
    pipe: impl Read + Send + 'static,
    said: &Arc<Mutex<String>>,
    mut ready: Option<mpsc::Sender<String>>,
) -> thread::JoinHandle<()> {
    let said = Arc::clone(said);
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let Ok(line) = line else { break };
            if let Ok(mut said) = said.lock() {
                said.push_str(&line);
                said.push('\n');
            }
            if line.starts_with("Chancery is ready ")
                && let Some(ready) = ready.take()
            {
                let _ = ready.send(line);
            }
        }
    })
}

/// "Chancery is ready at http://A (public address …, management http://B)", or "… as a worker (management http://B)".
fn addresses(line: &str) -> (String, String) {
    let after = |what: &str| {
        let (_, rest) = line.split_once(what)?;
        Some(rest.split([' ', ')']).next().unwrap_or_default().to_owned())
    };
    let management = after("management ").unwrap_or_else(|| panic!("no management in {line:?}"));
    (after("ready at ").unwrap_or_default(), management)
}
