//! Tests from outside: the log's contract, every endpoint over HTTP, journeys in a real browser.
//!
//! `tools/test` sets up what they need and runs them all, on files and then on PostgreSQL. One file alone:
//! `cargo build --bin chancery`, then `cargo test -p chancery-tests --test oauth`; on PostgreSQL with `TEST_ENGINE=postgres` and
//! `TEST_POSTGRES` set to what `tools/postgres start` printed.
//!
//! | file below `tests/` | what it shows |
//! | --- | --- |
//! | `api_access.rs` | who may call: every role by every operation of the OpenAPI documents, in its own realm and in another |
//! | `api_surface.rs` | the routes are those of the documents and no others; bad bodies and parameters, for every operation |
//! | `realms.rs`, `applications.rs`, `permissions.rs` | the life of each through the two APIs, and what its changes do at once |
//! | `users.rs`, `users_found.rs`, `users_signing_in.rs` | users: registered and changed; searched; locked, disabled, given another password |
//! | `oauth.rs`, `codes.rs`, `tokens.rs`, `sessions.rs`, `provider.rs` | OAuth 2 and OpenID Connect: what is given, to whom, how often, and everything that is refused |
//! | `no_enumeration.rs` | a user who is not there is answered like one who is |
//! | `process.rs` | configuration, first start, subcommands, health and metrics |
//! | `verify.rs` | `chancery verify`: what could not be checked is no success |
//! | `durability/` | `kill -9` under load, SIGTERM, a full disk, a second writer, a wrong key, an altered byte |
//! | `crash_kills.rs` | commands of every kind while the server is killed at random moments: everything acknowledged is there once |
//! | `crash_faults.rs` | a disk that cannot sync, writes cut off in the middle, a clock that jumps |
//! | `crash_postgres.rs` | the database cut off, also in the middle of `COMMIT`, stopped and started; two nodes killed in turn |
//! | `crash_races.rs` | a thousand racers on one subject, name, command key, code, refresh token |
//! | `nodes/` | several nodes on one database: what one writes or takes away the others hold to; they start at once, are restarted, die, lose their database |
//! | `demo.rs`, `journeys.rs` | the demo; sign-ins in headless Chromium and by a client library that we did not write |
//! | `examples.rs` | the developers' examples (`tools/examples`), each on a client library that we did not write |
//! | `log_contract.rs` | the contract of the log's trait, for every engine |
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
//! A new endpoint needs no line in `api_access.rs` and `api_surface.rs`: it is found in the OpenAPI document, and fails there until it
//! is guarded. What follows a write without being part of its answer is waited for by [`harness::eventually`], not slept for.

#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on says where, and stops"
)]
pub mod crash;
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on says where, and stops"
)]
pub mod harness;
pub mod log_contract;
