//! What a projection is: a pure function from rows and an event to rows. It knows no engine, no clock, no batch.
//!
//! The rule: the rows after an event depend on the rows before and the event alone, so that rows built one event at a
//! time, in batches, anew or up to a moment of the past are the same rows.

use std::sync::Arc;

use events::{event::Happened, subject::Lane};

use crate::{
    rows::Rows,
    table::{Key, Table},
};

/// Rows from the events of one lane.
pub trait Projection: Send + Sync {
    /// Its name, which its cursors carry.
    fn name(&self) -> &'static str;

    /// Raised whenever the same events make other rows than before: everything is then built anew.
    fn version(&self) -> u32 {
        1
    }

    /// The lane that it reads.
    fn lane(&self) -> Lane;

    /// The tables that it fills. A row is of one stream; queries join.
    fn tables(&self) -> Vec<&'static Table>;

    /// The rows that applying this event may read or change.
    fn touches(&self, happened: &Happened) -> Vec<Key>;

    /// Applies the event.
    fn apply(&self, rows: &mut Rows, happened: &Happened);
}

/// All projections.
pub fn all() -> Vec<Arc<dyn Projection>> {
    vec![
        Arc::new(crate::realms::Realms),
        Arc::new(crate::users::Users),
        Arc::new(crate::applications::Applications),
        Arc::new(crate::permissions::Permissions),
        Arc::new(crate::compliance::Compliance),
        Arc::new(crate::credentials::Credentials),
        Arc::new(crate::credentials::Uses),
        Arc::new(crate::passkeys::Passkeys),
        Arc::new(crate::auth::Auth),
        Arc::new(crate::auth::Endings),
        Arc::new(crate::devices::Devices),
        Arc::new(crate::webhooks::Webhooks),
        Arc::new(crate::webhooks::Deliveries),
        Arc::new(crate::identity_providers::IdentityProviders),
        Arc::new(crate::identities::Identities),
        Arc::new(crate::audit::Audit { lane: Lane::Facts }),
        Arc::new(crate::audit::Audit { lane: Lane::Activity }),
    ]
}
