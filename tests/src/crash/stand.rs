//! What is killed and what must survive: stores on the engine of the day, and one server process on them.
//! The rule: what is known of the stores is read from them beside the server, and not asked of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use events::{
    envelope::Entry,
    ids::RealmId,
    log::{Log, Receipt, postgres::PostgresLog, sqlite::SqliteLog},
    subject::{Lane, Stream},
};
use scratch::{Database, Engine};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use crate::harness::{CLIENT_ID, CLIENT_SECRET, Nodes, Options, Stores, at_address, binary};

/// A page of the log.
const PAGE: usize = 5_000;

/// One installation: its data folder, its stores, and whatever else its servers are told.
#[derive(Debug)]
pub struct Installation {
    folder: TempDir,
    stores: Stores,
    /// Where the stores are, if they are in a database.
    address: Option<String>,
    variables: Vec<(String, String)>,
}

impl Installation {
    /// A new and empty one on the engine of `TEST_ENGINE`; `None`, said loudly, where that is not at hand.
    pub fn new() -> Option<Self> {
        Some(Self::on(match scratch::engine() {
            Engine::Sqlite => Stores::Files,
            Engine::Postgres => Stores::Database(Arc::new(Database::create()?)),
        }))
    }

    /// On stores that are there already.
    pub fn on(stores: Stores) -> Self {
        let address = match &stores {
            Stores::Files => None,
            Stores::Database(database) => Some(database.url().to_owned()),
        };
        Self {
            folder: TempDir::new().expect("a temporary folder"),
            stores,
            address,
            variables: Vec::new(),
        }
    }

    /// On a database that is somebody else's to drop.
    pub fn at(address: &str) -> Self {
        Self {
            address: Some(address.to_owned()),
            variables: at_address(address),
            ..Self::on(Stores::Files)
        }
    }

    /// What several nodes share. They are started by themselves.
    pub fn of(nodes: &Nodes) -> Self {
        Self {
            variables: nodes.options("worker").variables,
            ..Self::on(Stores::Database(Arc::clone(&nodes.database)))
        }
    }

    /// Where the stores are, if they are in a database.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// Ends all connections to the database, if it is one of a test's own.
    pub fn cut(&self) {
        if let Stores::Database(database) = &self.stores {
            database.cut();
        }
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A server of it, to be started.
    pub fn options(&self) -> Options {
        let options = Options::default().at(&self.data()).on(&self.stores);
        let told = self.variables.iter();
        told.fold(options, |options, (name, value)| options.with(name, value))
    }

    /// Starts a server at an address and kills it after a while, wherever it has come to.
    pub fn false_start(&self, listen: &str, after: Duration) {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CHANCERY_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args(["serve", "--listen", listen, "--data"])
            .arg(self.data())
            .env("CHANCERY_MANAGEMENT__LISTEN", "127.0.0.1:0")
            .env("CHANCERY_BOOTSTRAP__CLIENT_ID", CLIENT_ID)
            .env("CHANCERY_BOOTSTRAP__CLIENT_SECRET", CLIENT_SECRET)
            .envs(self.stores.variables())
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        thread::sleep(after);
        child.kill().expect("a child of ours");
        child.wait().expect("a child");
    }

    /// Runs a subcommand on them.
    ///
    /// # Panics
    /// If it does not succeed.
    #[track_caller]
    pub fn run(&self, subcommand: &str) -> String {
        let variables: Vec<_> = self
            .variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        self.stores
            .run(&[subcommand], &self.data(), &variables)
            .succeeds()
    }

    async fn log(&self) -> Arc<dyn Log> {
        match &self.address {
            None => {
                let log = SqliteLog::open_read_only(&self.data().join("log.sqlite")).await;
                log.expect("the log is read")
            }
            Some(address) => {
                let database: events::postgres::Database = address.parse().expect("an address");
                let log = PostgresLog::open_read_only(&database).await;
                log.expect("the log is read")
            }
        }
    }

    /// All entries of all streams, and what contradicts them in the log's other tables: heads, and the receipts of commands.
    pub async fn entries(&self) -> (Vec<Entry>, Vec<String>) {
        let log = self.log().await;
        let (mut entries, mut found) = (Vec::new(), Vec::new());
        let mut realms = BTreeSet::from([RealmId::SYSTEM]);
        let mut read = BTreeSet::new();
        while let Some(realm) = realms.difference(&read).next().copied() {
            read.insert(realm);
            for lane in Lane::ALL {
                let stream = Stream { realm, lane };
                let of_stream = all_of(&*log, stream).await;
                // A stream only grows: its head was at least where it was read to.
                let head = log.head(stream).await.expect("a head").seq;
                if head < of_stream.len() as u64 {
                    found.push(format!(
                        "{stream}: the head is {head}, and {} entries are there",
                        of_stream.len()
                    ));
                }
                let made = of_stream
                    .iter()
                    .filter(|entry| entry.event_type == "realm.created");
                realms.extend(
                    made.filter_map(|entry| entry.subject)
                        .map(|subject| RealmId(subject.id)),
                );
                entries.extend(of_stream);
            }
        }
        log.close().await;
        found.extend(self.commands(&entries).await);
        (entries, found)
    }

    /// Command ids against entries: each receipt names events that are at its position.
    async fn commands(&self, entries: &[Entry]) -> Vec<String> {
        let places: BTreeMap<_, _> = entries
            .iter()
            .map(|entry| ((entry.stream(), entry.seq), entry.event_type.as_str()))
            .collect();
        let mut found = Vec::new();
        for bytes in self.receipts().await {
            let receipt: Receipt = serde_json::from_slice(&bytes).expect("a receipt");
            let count = receipt.events.len() as u64;
            let names = (receipt.position.seq + 1 - count..=receipt.position.seq)
                .filter_map(|seq| places.get(&(receipt.position.stream, seq)).copied());
            // Those that were committed after the entries were read are looked at the next time.
            let is_new = !places.contains_key(&(receipt.position.stream, receipt.position.seq));
            if !is_new && !names.eq(receipt.events.iter().map(String::as_str)) {
                found.push(format!(
                    "the log remembers a command that it does not hold: {receipt:?}"
                ));
            }
        }
        found
    }

    async fn receipts(&self) -> Vec<Vec<u8>> {
        let receipts = match &self.address {
            None => {
                let mut log = sqlite(&self.data().join("log.sqlite")).await;
                sqlx::query_scalar("SELECT receipt FROM command")
                    .fetch_all(&mut log)
                    .await
            }
            Some(address) => {
                let mut log = postgres(address).await;
                sqlx::query_scalar("SELECT receipt FROM chancery_log.command")
                    .fetch_all(&mut log)
                    .await
            }
        };
        receipts.expect("receipts")
    }

    /// The rows of the read models that are served, table by table, in order.
    pub async fn read_models(&self) -> BTreeMap<String, Vec<String>> {
        match &self.address {
            None => sqlite_rows(&self.data().join("read")).await,
            Some(address) => postgres_rows(address).await,
        }
    }
}

async fn all_of(log: &dyn Log, stream: Stream) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let after = entries.last().map_or(0, |entry| entry.seq);
        let page = log.read(stream, after, PAGE).await.expect("a page of the log");
        let count = page.len();
        entries.extend(page.into_iter().map(|recorded| recorded.entry));
        if count < PAGE {
            return entries;
        }
    }
}

async fn sqlite(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::from_secs(5));
    SqliteConnection::connect_with(&options)
        .await
        .expect("the file opens")
}

async fn postgres(address: &str) -> PgConnection {
    PgConnection::connect(address)
        .await
        .expect("the database answers")
}

/// The newest generation's file, all columns as SQLite quotes them.
async fn sqlite_rows(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let files = std::fs::read_dir(folder).expect("the folder of the read models");
    let newest = files
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "sqlite"))
        .max_by_key(|path| generation(&path.to_string_lossy()));
    let mut file = sqlite(&newest.expect("a generation")).await;
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .fetch_all(&mut file)
        .await
        .expect("tables");
    let mut rows = BTreeMap::new();
    for table in tables {
        let columns: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT name FROM pragma_table_info('{table}')"
        )))
        .fetch_all(&mut file)
        .await
        .expect("columns");
        let quoted: Vec<_> = columns.iter().map(|column| format!("quote({column})")).collect();
        let sql = format!(
            "SELECT {} AS told FROM {table} ORDER BY told",
            quoted.join(" || ' ' || ")
        );
        let found = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut file).await;
        rows.insert(table, found.expect("rows"));
    }
    rows
}

/// The newest generation's schema, rows as PostgreSQL writes them.
async fn postgres_rows(address: &str) -> BTreeMap<String, Vec<String>> {
    let mut connection = postgres(address).await;
    let tables = sqlx::query(
        "SELECT schemaname::text, tablename::text FROM pg_tables WHERE schemaname LIKE 'chancery\\_read\\_%'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("tables");
    let tables: Vec<(String, String)> = tables.iter().map(|row| (row.get(0), row.get(1))).collect();
    let newest = tables.iter().map(|(schema, _)| generation(schema)).max();
    let mut rows = BTreeMap::new();
    for (schema, table) in tables {
        if Some(generation(&schema)) == newest {
            let sql =
                format!("SELECT told::text FROM {schema}.{table} AS told ORDER BY told::text COLLATE \"C\"");
            let found = sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_all(&mut connection)
                .await;
            rows.insert(table, found.expect("rows"));
        }
    }
    rows
}

/// The number that a name ends with (before an extension).
fn generation(name: &str) -> u64 {
    let digits: Vec<_> = name
        .split(|character: char| !character.is_ascii_digit())
        .collect();
    digits
        .iter()
        .rev()
        .find_map(|digits| digits.parse().ok())
        .unwrap_or(0)
}
