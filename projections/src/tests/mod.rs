//! The read models against a real log: rebuilt equals live, whatever the batches, the order of starts and stops, and the
//! faults in between.

mod auditing;
mod faults;
mod generations;
mod handover;
mod kills;
mod nodes;
mod outages;
mod queries;
mod world;
