//! Databases for tests, on the PostgreSQL server that `TEST_POSTGRES` names (`tools/test` starts one), and brokers of Kafka and servers of Redis. Each is new and
//! empty, and is dropped with its value.
//!
//! The rule: a test without the server says loudly that it was skipped, and with `CI=true` it fails.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on says where, and stops"
)]

mod broker;
mod proxy;
mod redis;

use std::future::Future;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use url::Url;
use uuid::Uuid;

pub use broker::Broker;
pub use proxy::{Cut, Proxy};
pub use redis::Redis;

/// What the tests of storage stand on. `tools/test` runs them on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Files in a folder of the test's own.
    Sqlite,
    /// A [`Database`] of the test's own.
    Postgres,
}

/// The engine that `TEST_ENGINE` names: `sqlite` unless it says `postgres`.
///
/// # Panics
/// If it names another.
pub fn engine() -> Engine {
    match std::env::var("TEST_ENGINE").as_deref() {
        Err(_) | Ok("" | "sqlite") => Engine::Sqlite,
        Ok("postgres") => Engine::Postgres,
        Ok(other) => panic!("TEST_ENGINE is sqlite or postgres, not {other}"),
    }
}

/// A database of one test's own.
#[derive(Debug)]
pub struct Database {
    url: Url,
    server: Url,
    name: String,
}

impl Database {
    /// Makes one; `None`, said loudly, where there is no server to make it on.
    ///
    /// # Panics
    /// If the server cannot be reached; or if none is named and `CI` is `true`.
    pub fn create() -> Option<Self> {
        let Some(server) = server() else {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "TEST_POSTGRES names no server: run tools/test"
            );
            eprintln!("SKIPPED: TEST_POSTGRES names no PostgreSQL server (tools/test starts one)");
            return None;
        };
        #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
        let name = format!("test_{}", Uuid::new_v4().simple());
        let mut url = server.clone();
        url.set_path(&name);
        order(&server, format!("CREATE DATABASE {name}"));
        Some(Self { url, server, name })
    }

    /// Its address, with the credentials of one who may do everything in it.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ends all sessions in it, as a server that is restarted or a network that is cut does.
    pub fn cut(&self) {
        let name = &self.name;
        order(
            &self.server,
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
        );
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        order(
            &self.server,
            format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name),
        );
    }
}

/// The address of the server's maintenance database, if there is one for tests.
///
/// # Panics
/// If `TEST_POSTGRES` is not an address.
pub fn server() -> Option<Url> {
    let address = std::env::var("TEST_POSTGRES")
        .ok()
        .filter(|address| !address.is_empty())?;
    Some(address.parse().expect("TEST_POSTGRES is an address"))
}

/// Gives the server an order, from wherever the test stands: also from a `drop` within its runtime.
fn order(server: &Url, sql: String) {
    let server = server.to_string();
    wait(async move {
        let mut connection = PgConnection::connect(&server)
            .await
            .expect("the server of TEST_POSTGRES answers");
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(&mut connection)
            .await
            .expect("an order to the server");
        connection.close().await.expect("a connection that closes");
    });
}

fn wait(work: impl Future<Output = ()> + Send + 'static) {
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(work);
    });
    let done = thread.join().is_ok();
    // A test that fails already does so for a reason of its own.
    assert!(
        done || std::thread::panicking(),
        "the server did not do what it was told"
    );
}
