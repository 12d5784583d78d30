//! The crash harness: a real server under concurrent commands of every kind is killed, cut off, lied to by its disk and its clock,
//! and afterwards what is there is held against what was answered.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`journal`] | what was asked and answered, as those who asked wrote it down |
//! | [`check`], [`linear`] | pure: a journal against the log's entries; the answers of a race against one order |
//! | [`stand`] | the stores, and reading them beside the server |
//! | [`desk`], [`worker`], [`crew`] | those who ask; the check that every crash test ends with |
//! | [`faults`] | a shim below the server that fails its disk and moves its clock |
//! | [`cutter`] | a line to PostgreSQL that breaks at the worst moment |
//! | [`dice`] | one seed for every choice: `TEST_SEED`; how many rounds: `TEST_ROUNDS` |
//!
//! The rule: the harness believes answers and stores, never the server's inside.

pub mod check;
pub mod crew;
pub mod cutter;
pub mod desk;
pub mod dice;
pub mod faults;
pub mod journal;
pub mod linear;
pub mod stand;
pub mod worker;
