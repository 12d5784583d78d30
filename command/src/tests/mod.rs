//! The commands over HTTP, on a log and a key store of their own: what the rules' own tests cannot see.

mod applications;
mod edge;
mod first_start;
mod realms;
mod users;
mod world;
