//! How busy a store's pools are: one figure for every engine, for those who watch over a node.
//! The rule: counting asks no server and waits for nothing.

use std::ops::Add;

use sqlx::{Database, Pool};

/// The connections that a store's pools hold. Those outside of pools, each with one task, are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Open, and free.
    pub idle: usize,
    /// Lent, or being made.
    pub busy: usize,
}

impl Connections {
    /// Those of a pool.
    pub fn of<D: Database>(pool: &Pool<D>) -> Self {
        let idle = pool.num_idle();
        // The two are not read at one moment.
        let busy = (pool.size() as usize).saturating_sub(idle);
        Self { idle, busy }
    }
}

impl Add for Connections {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            idle: self.idle + other.idle,
            busy: self.busy + other.busy,
        }
    }
}
