//! A fold: the state of one subject, told by its events and by nothing else.

use crate::{event::Happened, subject::SubjectKind};

/// What a subject's events add up to. The default is "there is no such subject".
pub trait Fold: Default + Clone + Send + Sync + 'static {
    /// The kind of subject that it tells of.
    const KIND: SubjectKind;

    /// Takes one more event into account. Events of other kinds change nothing; erased fields break nothing.
    fn apply(&mut self, happened: &Happened);
}

/// A state and the version of the subject that it was told at; version 0 is "there is none".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Versioned<F> {
    /// How many events went into it.
    pub version: u64,
    /// What they add up to.
    pub state: F,
}

impl<F: Fold> Versioned<F> {
    /// Applies events in order.
    pub fn apply_all<'a>(&mut self, events: impl IntoIterator<Item = &'a Happened>) {
        for happened in events {
            self.state.apply(happened);
            self.version = happened.version;
        }
    }
}
