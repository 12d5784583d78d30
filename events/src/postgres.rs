//! What all stores on PostgreSQL share: how an address is read, how a connection is made and bounded, how rows that every
//! store keeps about itself are called.
//!
//! The rule: no statement, lock or transaction outlives its bound, and what leaves the machine is encrypted and the server's
//! name verified unless the address says otherwise. The server is a primary of PostgreSQL 14 or newer.

pub mod seat;

use std::{io::ErrorKind, net::IpAddr, str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use url::Url;

/// How long a statement may take before the server ends it.
const STATEMENT: &str = "15s";
/// How long a statement may wait for a lock.
const LOCK: &str = "5s";
/// How long a transaction may stand idle: a node that hangs in the middle of one lets go of its locks.
const IDLE_IN_TRANSACTION: &str = "10s";
/// How long a caller waits for a connection of a pool.
const ACQUIRE: Duration = Duration::from_secs(5);
/// How long a connection of one's own may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the server may be silent: longer than its own bound for a statement, and for a connection before it.
pub const ANSWER: Duration = Duration::from_secs(20);
/// How long a store may take to let go of its connections.
const CLOSE: Duration = Duration::from_secs(2);
/// The oldest server that is served, as it counts its versions: an older one does not know all that we set.
const OLDEST: i32 = 14_00_00;

/// The parameters of an address that are understood; others are refused rather than ignored.
const PARAMETERS: [&str; 5] = ["sslmode", "sslrootcert", "sslcert", "sslkey", "host"];

/// Why an address is not one of a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(String);

/// The address of a database: `postgres://user:password@host:port/name?sslmode=verify-full&sslrootcert=ca.pem`.
///
/// Without `sslmode`, a server that is not on this machine must prove its name (`verify-full`). `host` may name the folder
/// of a Unix socket. Neither its `Debug` nor its errors show a password.
#[derive(Clone)]
pub struct Database {
    options: PgConnectOptions,
    place: String,
    here: bool,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.place)
    }
}

impl FromStr for Database {
    type Err = AddressError;

    fn from_str(address: &str) -> Result<Self, AddressError> {
        let refuse = |why: String| Err(AddressError(why));
        let Ok(url) = Url::parse(address) else {
            return refuse("not an address".to_owned());
        };
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return refuse("an address of PostgreSQL begins with postgres://".to_owned());
        }
        let mut names: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        if let Some(name) = names.iter().find(|name| !PARAMETERS.contains(&name.as_str())) {
            return refuse(format!(
                "the parameter {name:?} is not one of {}",
                PARAMETERS.join(", ")
            ));
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return refuse("a parameter is given twice".to_owned());
        }
        // The driver's own error could quote the address, and with it the password.
        let Ok(mut options) = PgConnectOptions::from_str(address) else {
            return refuse("a parameter has a value that cannot be".to_owned());
        };
        if options.get_database().is_none_or(str::is_empty) {
            return refuse("names no database".to_owned());
        }
        let is_here = options.get_socket().is_some() || is_loopback(options.get_host());
        if !names.iter().any(|name| name == "sslmode") {
            options = options.ssl_mode(if is_here {
                PgSslMode::Prefer
            } else {
                PgSslMode::VerifyFull
            });
        }
        let server = match options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => options.get_host().to_owned(),
        };
        let place = format!("{server}:{}", options.get_port());
        Ok(Self {
            options,
            place,
            here: is_here,
        })
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.starts_with('/') || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl Database {
    /// Which server it is on, `host:port`: two databases of one place share a cluster and its backups.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether it is on this machine.
    pub fn is_here(&self) -> bool {
        self.here
    }

    /// How a store connects; `store` shows in the server's list of sessions. Waiting is bounded on the server's side.
    pub fn options(&self, store: &'static str) -> PgConnectOptions {
        self.options
            .clone()
            .application_name(&format!("chancery {store}"))
            .options([
                ("statement_timeout", STATEMENT),
                ("lock_timeout", LOCK),
                ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION),
                ("client_min_messages", "warning"),
            ])
            .disable_statement_logging()
    }

    /// A pool of at most `most` connections, none of which is made before it is needed. What is asked on them has its bound by
    /// [`ask`].
    pub fn pool(&self, store: &'static str, most: u32) -> PgPool {
        PgPoolOptions::new()
            .max_connections(most)
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(self.options(store))
    }
}

/// Gives up what is not answered in time: the way to the server may be cut without anybody saying so.
pub async fn answered<T, E: From<sqlx::Error>>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let silent = || std::io::Error::new(ErrorKind::TimedOut, "the database server does not answer");
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(sqlx::Error::Io(silent()).into()),
    }
}

/// Asks by a connection of a pool. One that was not heard to the end is closed rather than given back: the pool would wait for
/// what is left of the answer, for as long as the way is silent, and soon have none to lend.
pub async fn ask<T, E: From<sqlx::Error>>(
    pool: &PgPool,
    question: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>,
) -> Result<T, E> {
    answered(ANSWER, async {
        let connection = pool.acquire().await?;
        let mut lent = Lent {
            connection,
            heard: false,
        };
        let answer = question(&mut lent.connection).await;
        lent.heard = true;
        answer
    })
    .await
}

/// A connection of a pool, and whether what was asked on it was answered.
struct Lent {
    connection: PoolConnection<Postgres>,
    heard: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.heard {
            self.connection.close_on_drop();
        }
    }
}

/// A connection of one's own, to a server that is fit.
pub async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    answered(CONNECT, async {
        let mut connection = options.connect().await?;
        fit(&mut connection).await?;
        Ok(connection)
    })
    .await
}

/// Whether the server behind this connection may serve; if not, the error is a [`sqlx::Error::Configuration`]. After a failover
/// an address may lead to a standby, which does not know the latest: what it tells is not true as of now. For a pool's
/// `after_connect`.
pub async fn fit(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let (version, standby): (i32, bool) =
        sqlx::query_as("SELECT current_setting('server_version_num')::int4, pg_is_in_recovery()")
            .fetch_one(connection)
            .await?;
    refusal(version, standby).map_or(Ok(()), |why| Err(sqlx::Error::Configuration(why.into())))
}

fn refusal(version: i32, standby: bool) -> Option<String> {
    if version < OLDEST {
        return Some(format!(
            "the database server is PostgreSQL {}, and PostgreSQL {} or newer is needed",
            version / 10_000,
            OLDEST / 10_000
        ));
    }
    standby.then(|| "the database server is a standby: the address must lead to the primary".to_owned())
}

/// Closes a pool; connections that cannot be closed in time are left to the server.
pub async fn close(pool: &PgPool) {
    if tokio::time::timeout(CLOSE, pool.close()).await.is_err() {
        tracing::warn!("connections to the database server could not be closed in time");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_and_an_old_server_are_refused() {
        assert_eq!(refusal(14_00_00, false), None);
        assert_eq!(refusal(18_00_02, false), None);
        let why = refusal(13_00_21, false).expect("too old");
        assert!(
            why.contains("PostgreSQL 13,") && why.contains("PostgreSQL 14 "),
            "{why}"
        );
        assert!(refusal(17_00_00, true).is_some_and(|why| why.contains("standby")));
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up() {
        let silence = std::future::pending::<Result<(), sqlx::Error>>();
        let error = answered(Duration::from_millis(10), silence)
            .await
            .expect_err("silence");
        assert!(error.to_string().contains("does not answer"), "{error}");
    }

    fn database(address: &str) -> Result<Database, AddressError> {
        address.parse()
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_and_its_server_proven() {
        let mode = |address: &str| {
            format!(
                "{:?}",
                database(address).expect("an address").options.get_ssl_mode()
            )
        };
        assert_eq!(mode("postgres://a:b@db.example/chancery"), "VerifyFull");
        assert_eq!(mode("postgres://a:b@192.0.2.7:5433/chancery"), "VerifyFull");
        assert_eq!(mode("postgres://a@localhost/chancery"), "Prefer");
        assert_eq!(mode("postgres://a@[::1]/chancery"), "Prefer");
        assert_eq!(
            mode("postgres://a@db.example/chancery?sslmode=require"),
            "Require"
        );
    }

    #[test]
    fn an_address_that_is_not_understood_is_refused_without_its_password() {
        for address in [
            "mysql://a:hunter2@db.example/chancery",
            "postgres://a:hunter2@db.example/",
            "postgres://a:hunter2@db.example/chancery?sslmod=require",
            "postgres://a:hunter2@db.example/chancery?sslmode=sometimes",
            "postgres://a:hunter2@db.example/chancery?sslmode=require&sslmode=disable",
            "postgres://a:hunter2@db.example:port/chancery",
        ] {
            let error = database(address).expect_err(address).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let database = database("postgresql://a:hunter2@db.example:5433/chancery").expect("an address");
        assert_eq!(database.place(), "db.example:5433");
        assert!(!format!("{database:?}").contains("hunter2"));
    }
}
