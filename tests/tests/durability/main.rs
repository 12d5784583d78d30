//! What is left after the process was killed, its folder taken, its disk full, a byte of its log altered.
//! The rule: what was acknowledged is there, once; what cannot be kept is refused, with the reason; damage is found.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot go on says where, and stops"
)]

mod ending;
mod full_disk;
mod mending;
mod starting;

use std::collections::BTreeMap;

use chancery_tests::harness::{Realm, Server, Stores};
use sqlx::{Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};

/// Changes the log behind the server's back: one statement for files, the same for a database. How many rows it changed.
async fn change_log(server: &Server, sqlite: &'static str, postgres: &'static str) -> u64 {
    match server.stores() {
        Stores::Files => {
            let options = SqliteConnectOptions::new().filename(server.data().join("log.sqlite"));
            let log = SqliteConnection::connect_with(&options).await;
            let mut log = log.unwrap_or_else(|error| panic!("the log: {error}"));
            let changed = sqlx::query(sqlite).execute(&mut log).await.expect("changed");
            log.close().await.expect("closed");
            changed.rows_affected()
        }
        Stores::Database(database) => {
            let log = PgConnection::connect(database.url()).await;
            let mut log = log.unwrap_or_else(|error| panic!("the log: {error}"));
            let changed = sqlx::query(postgres).execute(&mut log).await.expect("changed");
            log.close().await.expect("closed");
            changed.rows_affected()
        }
    }
}

/// Whether the stores are files; else it is said why the test is about files alone.
fn on_files(why: &str) -> bool {
    let on_files = scratch::engine() == scratch::Engine::Sqlite;
    if !on_files {
        eprintln!("not for PostgreSQL: {why}");
    }
    on_files
}

async fn user_names(realm: &Realm) -> BTreeMap<String, usize> {
    let (mut names, mut token) = (BTreeMap::new(), String::new());
    loop {
        let page = realm
            .api
            .query(&realm.at(&format!("/users?page_size=500{token}")))
            .await
            .is(200);
        for item in page.items() {
            *names
                .entry(item["username"].as_str().unwrap_or_default().to_owned())
                .or_default() += 1;
        }
        match page.json()["next_page_token"].as_str() {
            Some(next) => token = format!("&page_token={next}"),
            None => return names,
        }
    }
}
