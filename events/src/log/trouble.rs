//! What ails the writer, so that health is told truly: set when the fate of a batch could not be settled, cleared when something
//! was written again. While a commit is in doubt an engine that is alone with its file tells nobody where the streams end: a
//! follower then knows that it is behind. One of several nodes needs no such care, since it asks the database where they end.

use std::sync::{PoisonError, RwLock};

/// Why the log cannot take appends now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ailment {
    /// What happened, for operators.
    pub text: String,
    /// Whether a commit may have landed that nobody here knows of.
    pub in_doubt: bool,
}

#[derive(Debug, Default)]
pub(super) struct Trouble(RwLock<Option<Ailment>>);

impl Trouble {
    pub fn set(&self, text: &str, in_doubt: bool) {
        let mut ailment = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // A doubt stays until the file was read anew, whatever else fails after it.
        let in_doubt = in_doubt || ailment.as_ref().is_some_and(|ailment| ailment.in_doubt);
        *ailment = Some(Ailment {
            text: text.to_owned(),
            in_doubt,
        });
    }

    pub fn clear(&self) {
        let is_well = self.0.read().unwrap_or_else(PoisonError::into_inner).is_none();
        if !is_well {
            self.0.write().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    pub fn get(&self) -> Option<Ailment> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
