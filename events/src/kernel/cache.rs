//! The fold cache: states of subjects, with the newest version that is known to exist beside each.
//!
//! A slot is made before its state is loaded, and whoever learns of an event raises `latest` of the slot that is there: so
//! a state loaded before an event can never pass for the state after it.

use std::{
    any::Any,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use moka::sync::Cache;

use crate::{
    fold::{Fold, Versioned},
    ids::RealmId,
    subject::Subject,
};

/// How many subjects are kept.
const CAPACITY: u64 = 100_000;

pub(super) struct FoldCache(Cache<(RealmId, Subject), Arc<Slot>>);

impl std::fmt::Debug for FoldCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FoldCache({})", self.0.entry_count())
    }
}

#[derive(Default)]
pub(super) struct Slot {
    state: RwLock<Option<Arc<dyn Any + Send + Sync>>>,
    latest: AtomicU64,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl FoldCache {
    pub(super) fn new() -> Self {
        Self(Cache::new(CAPACITY))
    }

    pub(super) fn slot(&self, realm: RealmId, subject: Subject) -> Arc<Slot> {
        self.0.get_with((realm, subject), Arc::default)
    }

    /// An event gave the subject this version.
    pub(super) fn moved(&self, realm: RealmId, subject: Subject, version: u64) {
        if let Some(slot) = self.0.get(&(realm, subject)) {
            slot.latest.fetch_max(version, Ordering::AcqRel);
        }
    }
}

impl Slot {
    pub(super) fn get<F: Fold>(&self) -> Option<Arc<Versioned<F>>> {
        let state = self
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()?;
        state.downcast::<Versioned<F>>().ok()
    }

    /// Keeps a state, unless a newer one is kept already.
    pub(super) fn put<F: Fold>(&self, versioned: Versioned<F>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let newer = state
            .as_ref()
            .and_then(|kept| kept.downcast_ref::<Versioned<F>>())
            .is_some_and(|kept| kept.version > versioned.version);
        if !newer {
            self.latest.fetch_max(versioned.version, Ordering::AcqRel);
            *state = Some(Arc::new(versioned));
        }
    }

    /// Waits until it is one's turn to decide on the subject, among those of this node who lost a race on it.
    pub(super) async fn turn(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.turn).lock_owned().await
    }

    pub(super) fn latest(&self) -> u64 {
        self.latest.load(Ordering::Acquire)
    }
}
