//! The reactors of all domains: what is done outside of the log about what happens. Each lives beside what it is about; here is
//! the one list of them.

use std::sync::Arc;

use reactors::Reactor;
use web::Edge;

/// All reactors, for workers to run.
pub fn all(_edge: &Edge) -> Vec<Arc<dyn Reactor>> {
    Vec::new()
}
