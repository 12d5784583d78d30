//! The vocabulary, the log, folds and sealing that everything else stands on.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`ids`], [`clock`], [`subject`], [`envelope`] | the words: ids, moments, streams and subjects, entries |
//! | [`catalogue`] | the catalogue as a document, with a JSON Schema of each event |
//! | [`cloud_events`], [`topics`] | an event as it leaves the platform, and where it is published |
//! | [`event`] | the catalogue of all events, and how to add one in five steps |
//! | [`realms`], [`users`], [`applications`], [`permissions`], [`auth`], [`webhooks`], [`letters`], [`identity_providers`], [`identities`] | the domains: their events and folds |
//! | [`log`] | what an engine must do, and the engines |
//! | [`postgres`], [`connections`] | how stores reach PostgreSQL, and how busy their pools are |
//! | [`keys`], [`sealing`], [`codec`] | keys that can be destroyed, and the fields that they seal |
//! | [`kernel`] | load, decide, append |
//!
//! This crate depends on none of the others; the command side and the projections depend on it and never on each other.

pub mod applications;
pub mod auth;
pub mod branding;
pub mod catalogue;
pub mod clock;
pub mod cloud_events;
pub mod codec;
pub mod compliance;
pub mod connections;
pub mod credentials;
pub mod devices;
pub mod envelope;
pub mod event;
pub mod files;
pub mod fold;
pub mod identities;
pub mod identity_providers;
pub mod ids;
pub mod kernel;
pub mod keys;
pub mod languages;
pub mod letters;
pub mod limits;
pub mod log;
pub mod passkeys;
pub mod permissions;
pub mod postgres;
pub mod realms;
pub mod sealing;
pub mod subject;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod topics;
pub mod users;
pub mod webhooks;
