//! Tests from outside: the log's contract, every endpoint over HTTP, browser journeys

pub mod log_contract;
