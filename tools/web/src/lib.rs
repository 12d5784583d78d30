//! The HTTP edge shared by the command and the query side: who asks, may they, what do they say, what went wrong.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`edge`], [`tokens`] | what all handlers share; access tokens judged against live state |
//! | [`actions`], [`access`] | what can be done, and the one function that decides who may |
//! | [`command`], [`json`], [`path`], [`form`], [`bearer`] | requests, read strictly |
//! | [`answer`], [`problem`], [`oauth`] | answers: receipts, RFC 9457 problems, RFC 6749 errors |
//! | [`clients`], [`profile`] | OAuth clients, and what is required of them |
//! | [`offered`] | what an issuer's endpoints take, as discovery tells it |
//! | [`opaque`], [`refresh`], [`id_tokens`] | access tokens that only we can read; refresh tokens; id tokens that come back |
//! | [`dpop`] | that whoever sends a request holds the key of its token |
//! | [`claims`], [`subject`] | what is told of users, and how they are named |
//! | [`artefacts`], [`pages`] | sealed values in the client's hands |
//! | [`limits`] | how many requests are taken, from whom |
//! | [`layers`], [`cors`] | what every request passes through; what other origins may call |
//!
//! The rule: the extractor's type names the action. A handler that takes [`Command<actions::UsersCreate, …>`](Command) cannot run for
//! a caller who may not create users.

pub mod access;
pub mod actions;
pub mod answer;
pub mod artefacts;
pub mod bearer;
pub mod claims;
pub mod clients;
pub mod command;
pub mod cors;
pub mod dpop;
pub mod edge;
pub mod form;
pub mod id_tokens;
pub mod json;
pub mod layers;
pub mod limits;
pub mod oauth;
pub mod offered;
pub mod opaque;
pub mod pages;
pub mod path;
pub mod problem;
pub mod profile;
pub mod refresh;
mod standing;
pub mod subject;
#[cfg(test)]
mod testing;
pub mod tokens;

pub use access::{Access, Caller};
pub use actions::Action;
pub use answer::{Answer, CommandAnswer};
pub use command::{Command, Empty};
pub use edge::{Edge, RealmRef};
pub use path::Path;
pub use problem::{Code, Problem, ProblemBody};
pub use profile::Requirements;
pub use tokens::{AccessToken, Acting, TokenRefused};
pub use utoipa_axum::router::OpenApiRouter;
