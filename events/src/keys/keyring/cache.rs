//! Unwrapped keys in memory: bounded in number and in time, overwritten when they go.
//! The rule: what was destroyed is forgotten at once, and no slow reader brings it back.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use moka::sync::Cache;

use super::super::{KeyKind, KeyName, seal::Key};
use crate::ids::RealmId;

/// Unwrapped keys that are kept at most: there can be more users than memory is worth.
const KEYS: u64 = 16_384;

/// Derived keys that are kept at most: a few for each realm.
const DERIVED: u64 = 4_096;

/// How long a key is kept: one that is not used is gone from memory after this.
const KEPT_FOR: Duration = Duration::from_mins(5);

/// What is known of a key.
#[derive(Clone)]
pub(super) enum Found {
    /// It is there.
    Key(Arc<Key>),
    /// It was, and was destroyed; so it stays.
    Destroyed,
    /// It was never made, or was lost; never cached.
    Missing,
}

/// How many destructions there were before a key was asked for.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Before(u64);

pub(super) struct KeyCache {
    pub(super) keys: Cache<KeyName, Found>,
    derived: Cache<(RealmId, String), Arc<Key>>,
    /// A key that was read from the store before a destruction is not cached after it.
    destructions: RwLock<u64>,
}

impl KeyCache {
    pub(super) fn new() -> Self {
        Self {
            keys: Cache::builder().max_capacity(KEYS).time_to_live(KEPT_FOR).build(),
            derived: Cache::builder()
                .max_capacity(DERIVED)
                .time_to_live(KEPT_FOR)
                .build(),
            destructions: RwLock::new(0),
        }
    }

    /// Taken before the store is asked, and given back with what it answered.
    pub(super) fn before(&self) -> Before {
        Before(*self.destructions.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn key(&self, name: &KeyName) -> Option<Found> {
        self.keys.get(name)
    }

    pub(super) fn keep(&self, before: Before, name: &KeyName, found: Found) {
        self.unless_destroyed(before, || self.keys.insert(name.clone(), found));
    }

    pub(super) fn derived(&self, name: &(RealmId, String)) -> Option<Arc<Key>> {
        self.derived.get(name)
    }

    pub(super) fn keep_derived(&self, before: Before, name: (RealmId, String), key: Arc<Key>) {
        self.unless_destroyed(before, || self.derived.insert(name, key));
    }

    fn unless_destroyed(&self, before: Before, keep: impl FnOnce()) {
        // Held while it is kept: a destruction comes before and is seen, or comes after and forgets it again.
        let destructions = self.destructions.read().unwrap_or_else(PoisonError::into_inner);
        if Before(*destructions) == before {
            keep();
        }
    }

    /// Forgets keys that were just destroyed, and what was derived from them.
    pub(super) fn forget(&self, names: &[KeyName]) {
        if names.iter().any(|name| name.kind == KeyKind::Realm) {
            // Everything of the realm hangs on it. Realms go rarely: the others' keys are soon read again.
            return self.forget_everything();
        }
        self.after_a_destruction(|| names.iter().for_each(|name| self.keys.invalidate(name)));
    }

    /// Forgets all keys.
    pub(super) fn forget_everything(&self) {
        self.after_a_destruction(|| {
            self.keys.invalidate_all();
            self.derived.invalidate_all();
        });
    }

    fn after_a_destruction(&self, forget: impl FnOnce()) {
        let mut destructions = self.destructions.write().unwrap_or_else(PoisonError::into_inner);
        *destructions += 1;
        forget();
        drop(destructions);
        // Without this, the bytes would be overwritten at the cache's next housekeeping only.
        self.keys.run_pending_tasks();
        self.derived.run_pending_tasks();
    }
}
