//! Tests from outside: the log's contract, every endpoint over HTTP, journeys in a real browser.
//!
//! `tools/test` sets up what they need and runs them all. One file alone: `cargo build --bin chancery`, then
//! `cargo test -p chancery-tests --test oauth`.
//!
//! | file | what it shows |
//! | --- | --- |
//! | `tests/api_surface.rs` | every operation of both OpenAPI documents: without a token, without rights, from another realm, with bad bodies; no route that is not documented |
//! | `tests/realms.rs`, `users.rs`, `applications.rs`, `permissions.rs` | the life of each through the two APIs, and what its changes do at once |
//! | `tests/oauth.rs`, `tests/tokens.rs`, `tests/sessions.rs` | OAuth 2 and OpenID Connect: what is given, to whom, how often, and everything that is refused |
//! | `tests/no_enumeration.rs` | a user who is not there is answered like one who is |
//! | `tests/process.rs` | the process: refusals at start, SIGTERM, `kill -9` under load, a full disk, the subcommands |
//! | `tests/demo.rs`, `tests/journeys.rs` | the demo; sign-ins in headless Chromium and by a client library that we did not write |
//! | `tests/log_contract.rs` | the contract of the log's trait, for every engine |
//!
//! # Adding a test
//! Take a server ([`harness::shared`], or [`harness::Server::start`] to stop or kill it), make a realm
//! ([`harness::Realm::on`]), and say in sentences what happens:
//!
//! ```no_run
//! use chancery_tests::harness::{Realm, shared};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let server = shared();
//! let realm = Realm::on(&server).await;
//! let (application, alice) = (realm.application("spa").await, realm.user().await);
//! let tokens = realm.sign_in(&application, &alice, "openid offline_access").await;
//! realm.api.act(&realm.at(&format!("/users/{}/disable", alice.id))).await.is(200);
//! realm.refresh(&application, tokens.refresh()).await.is_oauth_error(400, "invalid_grant");
//! # }
//! ```
//!
//! A new endpoint needs no line in `api_surface.rs`: it is found in the OpenAPI document, and fails there until it
//! is guarded. What follows a write without being part of its answer is waited for by [`harness::eventually`], not slept for.

#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on says where, and stops"
)]
pub mod harness;
pub mod log_contract;
