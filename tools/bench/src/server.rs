//! A real `chancery` process on a store of its own, and the little that workloads ask of it besides what they measure. It ends with
//! its value, whatever becomes of the run.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    Outcome,
    http::{Answer, Connection, request},
    process::Process,
    store::Place,
};

/// The `client_id` of the application with full rights.
const CLIENT: &str = "bench";
/// Its secret; the servers started here listen on loopback alone.
const SECRET: &str = "bench-secret-of-a-server-on-loopback";
/// The administrator's password.
const PASSWORD: &str = "Bench-administrator-on-loopback";
/// One key for all nodes of a run, in hexadecimal.
pub const MASTER_KEY: &str = "6368616e636572792062656e63682c20312072756e2c2033322062797465732e";
/// How long ending in good order may take.
const STOP_WITHIN: Duration = Duration::from_secs(25);

/// The name of a place's only node, or of its first.
const NODE: &str = "node";
/// The realm that workloads work in.
pub const REALM: &str = "bench";

/// The program `chancery`: as named, or beside this one.
pub fn program(named: Option<&Path>) -> Outcome<PathBuf> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => std::env::current_exe()?.with_file_name("chancery"),
    };
    if path.is_file() {
        return Ok(path);
    }
    Err(format!(
        "{} is not there: build it, or name it by --server-bin",
        path.display()
    )
    .into())
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// How long it took from being started to being ready.
    pub took: Duration,
}

/// A command of the program on a place, with nothing of this process's own configuration.
fn command(program: &Path, place: &Place) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CHANCERY_") {
            command.env_remove(name);
        }
    }
    let files = [
        ("LOG", place.log_file()),
        ("KEYS", place.keys_file()),
        ("READ", place.folder().join("read")),
    ];
    for (store, file) in files {
        let embedded = format!("sqlite:{}", file.display());
        let url = place.database().unwrap_or(&embedded);
        command.env(format!("CHANCERY_{store}__URL"), url);
    }
    command
        .env("CHANCERY_MASTER_KEY", MASTER_KEY)
        .env("CHANCERY_MANAGEMENT__LISTEN", "127.0.0.1:0")
        .env("CHANCERY_BOOTSTRAP__ADMIN_PASSWORD", PASSWORD)
        .env("CHANCERY_BOOTSTRAP__CLIENT_ID", CLIENT)
        .env("CHANCERY_BOOTSTRAP__CLIENT_SECRET", SECRET)
        .stdin(Stdio::null());
    command
}

/// Builds the read models of a place anew: the running server does it, if there is one.
pub fn rebuild(program: &Path, place: &Place) -> Outcome<()> {
    let told = command(program, place)
        .arg("rebuild")
        .arg("--data")
        .arg(Server::data(place, NODE))
        .output()?;
    if told.status.success() {
        return Ok(());
    }
    Err(format!("not rebuilt: {}", String::from_utf8_lossy(&told.stderr)).into())
}

impl Server {
    /// Starts one and waits until it says that it is ready.
    pub fn start(program: &Path, place: &Place) -> Outcome<Self> {
        Self::with(program, place, &[])
    }

    /// The same, with more variables than every server here gets.
    pub fn with(program: &Path, place: &Place, variables: &[(&str, &str)]) -> Outcome<Self> {
        let mut command = command(program, place);
        command.envs(variables.iter().copied());
        Self::run(command, place, NODE, None)
    }

    /// The data folder of a node.
    fn data(place: &Place, node: &str) -> PathBuf {
        place.folder().join(node)
    }

    /// Starts one of several on one place; they share the public address of the first.
    pub fn node(program: &Path, place: &Place, name: &str, public_url: &str) -> Outcome<Self> {
        Self::run(command(program, place), place, name, Some(public_url))
    }

    fn run(mut command: Command, place: &Place, name: &str, public_url: Option<&str>) -> Outcome<Self> {
        let data = Self::data(place, name);
        let log = place.folder().join(format!("{name}.log"));
        std::fs::create_dir_all(&data)?;
        command
            .arg("serve")
            .arg("--data")
            .arg(&data)
            .args(["--listen", "127.0.0.1:0"]);
        if let Some(url) = public_url {
            command.args(["--public-url", url]);
        }
        let started = Instant::now();
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()?;
        let said = child.stdout.take().ok_or("no output")?;
        let mut lines = BufReader::new(said).lines();
        let ready = lines.find_map(|line| {
            let line = line.ok()?;
            let address = line.strip_prefix("Chancery is ready at http://")?;
            address.split(' ').next()?.parse().ok()
        });
        let took = started.elapsed();
        // Whatever it says later is not waited for.
        std::thread::spawn(move || lines.for_each(drop));
        let Some(address) = ready else {
            let _ = child.kill();
            let _ = child.wait();
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(format!("the server did not start: {said}").into());
        };
        Ok(Self { child, address, took })
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process::of(self.child.id())
    }

    /// Ends it in good order.
    pub fn stop(mut self) -> Outcome<()> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status()?;
        let asked = Instant::now();
        while asked.elapsed() < STOP_WITHIN {
            if let Some(status) = self.child.try_wait()? {
                return if status.success() {
                    Ok(())
                } else {
                    Err(format!("the server ended with {status}").into())
                };
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err("the server does not end".into())
    }

    /// As the application with full rights.
    pub async fn administrator(&self) -> Outcome<Administrator> {
        let mut connection = Connection::open(self.address).await?;
        let token = token_request("system", CLIENT, SECRET);
        let answer = connection.ask(&token).await?.json(200)?;
        let bearer = format!("Bearer {}", text(&answer, "access_token")?);
        Ok(Administrator { connection, bearer })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One who may do everything.
#[derive(Debug)]
pub struct Administrator {
    connection: Connection,
    /// The header `Authorization`.
    pub bearer: String,
}

/// An application with a secret.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl Administrator {
    /// Sends a command; what is answered.
    pub async fn command(&mut self, path: &str, body: &Value) -> Outcome<Value> {
        self.send("POST", path, body).await?.json(201)
    }

    /// Changes the settings of the workloads' realm.
    pub async fn set(&mut self, settings: &Value) -> Outcome<()> {
        let path = format!("realms/{REALM}/settings");
        self.send("PATCH", &path, settings).await?.expect(200)
    }

    async fn send(&mut self, method: &str, path: &str, body: &Value) -> Outcome<Answer<'_>> {
        let headers = [
            ("authorization", self.bearer.as_str()),
            ("content-type", "application/json"),
        ];
        let path = format!("/command/v1/{path}");
        let request = request(method, &path, &headers, &body.to_string());
        self.connection.ask(&request).await
    }

    /// Makes the realm of the workloads; its id.
    pub async fn realm(&mut self) -> Outcome<String> {
        let made = self
            .command("realms", &json!({"name": REALM, "display_name": "Bench"}))
            .await?;
        text(&made, "id")
    }

    /// Registers a service application in it.
    pub async fn service(&mut self) -> Outcome<Client> {
        let body = json!({"name": "Bench", "type": "service", "scopes": ["orders.read"], "audiences": ["https://orders.example"]});
        let made = self
            .command(&format!("realms/{REALM}/applications"), &body)
            .await?;
        Ok(Client {
            id: text(&made, "client_id")?,
            secret: text(&made, "client_secret")?,
        })
    }
}

impl Client {
    /// The header `Authorization` (RFC 7617). Ids and secrets made here need no encoding of their own.
    pub fn basic(&self) -> String {
        basic(&self.id, &self.secret)
    }

    /// The request of a token for itself.
    pub fn token_request(&self) -> Vec<u8> {
        token_request(REALM, &self.id, &self.secret)
    }
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn token_request(realm: &str, id: &str, secret: &str) -> Vec<u8> {
    let headers = [
        ("authorization", basic(id, secret)),
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
    ];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let path = format!("/realms/{realm}/oauth2/token");
    request("POST", &path, &headers, "grant_type=client_credentials")
}

/// A member that is a text.
pub fn text(value: &Value, name: &str) -> Outcome<String> {
    let text = value.get(name).and_then(Value::as_str);
    Ok(text.ok_or_else(|| format!("no {name} in {value}"))?.to_owned())
}
