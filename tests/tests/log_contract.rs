//! The log's contract on each engine.

#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "log_contract/postgres.rs"]
mod postgres;
#[path = "log_contract/sqlite.rs"]
mod sqlite;
