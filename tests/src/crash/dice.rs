//! Chance with a name: every random choice of a crash test follows from one seed, which is printed and can be given.
//! The rule: no other randomness decides what a crash test does. (When threads and disks are fast is beyond it.)

use std::time::Duration;

use aws_lc_rs::rand;

/// A stream of random numbers (SplitMix64): quick, small, and the same for the same seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// From `TEST_SEED`, else from the machine's randomness; says which, so that a failure can be tried again.
    ///
    /// # Panics
    /// If `TEST_SEED` is no number.
    pub fn of_the_day(test: &str) -> Self {
        let seed = number("TEST_SEED").unwrap_or_else(|| {
            let mut bytes = [0; 8];
            rand::fill(&mut bytes).expect("randomness");
            u64::from_be_bytes(bytes)
        });
        eprintln!("{test}: TEST_SEED={seed}");
        Self(seed)
    }

    /// From a seed.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Another stream that follows from this one.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is at least 1.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    /// True once in `times` times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// A duration between two numbers of milliseconds, to the microsecond.
    pub fn between(&mut self, least: u64, most: u64) -> Duration {
        let span = usize::try_from((most - least) * 1_000).unwrap_or(usize::MAX);
        let more = u64::try_from(self.below(span)).unwrap_or(0);
        Duration::from_micros(least * 1_000 + more)
    }

    /// One of these, if there are any.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }
}

/// How many rounds: `TEST_ROUNDS`, or so many.
pub fn rounds(otherwise: usize) -> usize {
    number("TEST_ROUNDS").map_or(otherwise, |rounds| usize::try_from(rounds).unwrap_or(usize::MAX))
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_throws() {
        let throws = |seed| {
            let mut dice = Dice::of(seed);
            (0..20).map(|_| dice.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(throws(7), throws(7));
        assert_ne!(throws(7), throws(8));
    }

    #[test]
    fn throws_stay_within_their_bounds() {
        let mut dice = Dice::of(1);
        for _ in 0..1_000 {
            assert!(dice.below(3) < 3);
            let pause = dice.between(5, 9);
            assert!(pause >= Duration::from_millis(5) && pause < Duration::from_millis(9));
        }
        assert_eq!(dice.one_of::<u8>(&[]), None);
    }
}
