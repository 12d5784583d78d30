//! Pure functions from events to rows, and the runner that applies them: every table that a query reads.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`cell`], [`table`], [`rows`] | values, tables declared as the structs of their rows, rows in memory |
//! | [`projection`] | what a projection is, and the list of all |
//! | [`realms`], [`users`], [`applications`], [`permissions`], [`compliance`], [`credentials`], [`passkeys`], [`auth`], [`webhooks`], [`identity_providers`], [`identities`], [`audit`] | the domains: rows, apply, typed queries |
//! | `words` | what a search finds people by |
//! | `consumers` | which projections make rows of which events |
//! | [`history`] | `as_of`: the same functions over the past |
//! | [`reads`] | the entrance: queries, waiting for a position, lag, rebuild |
//! | [`home`] | where generations are kept: a folder, or a database that several nodes share |
//! | `follower`, `runner`, `apply`, `watcher` | following the log, or the node that does |
//! | `generation`, `opening`, `progress`, `store` | the rows of a generation, watermarks, SQL on both engines |
//!
//! Read models are disposable: built from the log, never migrated. Adding a column is changing a `record!`; at the next
//! start a new generation is built beside the old one and takes its place when it has caught up. When the same events
//! shall make other rows in the same columns, raise the projection's `version`.
//!
//! Adding a projection, in three steps: declare its rows with `record!` in `projections/src/<domain>.rs`, implement
//! [`Projection`] beside them (`touches` names every row that `apply` reads or writes), and add it to [`projection::all`].

pub mod applications;
mod apply;
pub mod audit;
pub mod auth;
pub mod cell;
pub mod compliance;
mod consumers;
pub mod credentials;
pub mod devices;
mod follower;
mod generation;
pub mod history;
pub mod home;
pub mod identities;
pub mod identity_providers;
mod opening;
pub mod passkeys;
pub mod permissions;
mod progress;
pub mod projection;
pub mod reads;
pub mod realms;
pub mod rows;
mod runner;
mod store;
pub mod table;
#[cfg(test)]
mod tests;
pub mod users;
mod watcher;
pub mod webhooks;
mod words;

pub use consumers::consumers;
pub use history::HistoryError;
pub use home::Home;
pub use progress::Stopped;
pub use projection::Projection;
pub use reads::{ReadError, Reads, RebuildError, WaitError};
