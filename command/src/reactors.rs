//! The reactors of all domains: what is done outside of the log about what happens. Each lives beside what it is about; here is
//! the one list of them.

use std::sync::Arc;

use mailer::Mailer;
use reactors::Reactor;
use web::Edge;

pub use crate::letters::Texts;
use crate::{
    auth::{BackChannelLogout, EndedSessions},
    letters::Letters,
    webhooks::Webhooks,
};

/// All reactors, for workers to run. Without a mailer nothing is mailed, and without who sends them there are no text messages.
pub fn all(
    edge: &Edge,
    ended: Arc<dyn EndedSessions>,
    mailer: Option<Mailer>,
    texts: Option<Texts>,
) -> Vec<Arc<dyn Reactor>> {
    vec![
        Arc::new(BackChannelLogout::new(edge.clone(), ended)),
        Arc::new(Letters::new(edge.clone(), mailer, texts)),
        Arc::new(Webhooks::new(edge.clone())),
    ]
}
