//! The arithmetic of a limit: whole microseconds, so that all engines agree to the last one. The rule: of a whole budget, exactly
//! `requests` pass at once.

use std::time::Duration;

/// The longest window: a day.
const LONGEST: Duration = Duration::from_hours(24);

/// So many requests in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    requests: u32,
    /// How long one request takes to be forgotten, in microseconds.
    interval: u64,
}

/// Why a limit cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Nobody would ever pass.
    #[error("a limit lets at least one request through")]
    NoRequests,
    /// The window is too short or too long.
    #[error("the window of a limit is a microsecond for each request at least, and a day at most")]
    Window,
}

impl Limit {
    /// This many requests, at least one, in a window of at most a day.
    pub fn new(requests: u32, window: Duration) -> Result<Self, LimitError> {
        if requests == 0 {
            return Err(LimitError::NoRequests);
        }
        let micros = u64::try_from(window.as_micros()).map_err(|_| LimitError::Window)?;
        if window > LONGEST || micros < u64::from(requests) {
            return Err(LimitError::Window);
        }
        Ok(Self {
            requests,
            interval: micros.div_ceil(u64::from(requests)),
        })
    }

    /// This many requests in a window, of which so many may come at once: fewer than there are in the window, or more.
    pub fn with_burst(requests: u32, window: Duration, burst: u32) -> Result<Self, LimitError> {
        let paced = Self::new(requests, window)?;
        if burst == 0 {
            return Err(LimitError::NoRequests);
        }
        let fullest = paced.interval.checked_mul(u64::from(burst));
        if fullest.is_none_or(|fullest| u128::from(fullest) > LONGEST.as_micros()) {
            return Err(LimitError::Window);
        }
        Ok(Self {
            requests: burst,
            ..paced
        })
    }

    /// How many pass at once.
    pub const fn requests(&self) -> u32 {
        self.requests
    }

    /// How long a budget that is used up takes to be whole again.
    pub const fn window(&self) -> Duration {
        Duration::from_micros(self.fullest())
    }

    /// How long one request takes to be forgotten, in microseconds.
    pub(crate) const fn interval(&self) -> u64 {
        self.interval
    }

    /// The highest level, in microseconds.
    pub(crate) const fn fullest(&self) -> u64 {
        self.interval * self.requests as u64
    }

    /// The level after one more request, if that is within the limit.
    pub(crate) const fn after(&self, level: u64) -> Option<u64> {
        let after = level.saturating_add(self.interval);
        if after <= self.fullest() {
            Some(after)
        } else {
            None
        }
    }
}

/// How far a limit is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    limit: Limit,
    /// How long the budget takes to be whole again, in microseconds.
    level: u64,
}

impl Count {
    /// A count whose budget is whole again after so many microseconds. (A limit that was just lowered finds more than it allows.)
    pub(crate) const fn new(limit: Limit, level: u64) -> Self {
        Self { limit, level }
    }

    /// Of which limit.
    pub const fn limit(&self) -> Limit {
        self.limit
    }

    /// How many requests pass now.
    pub fn remaining(&self) -> u32 {
        let room = self.limit.fullest().saturating_sub(self.level) / self.limit.interval();
        u32::try_from(room).unwrap_or(u32::MAX)
    }

    /// In how long the next one passes; zero if it does now.
    pub fn retry_after(&self) -> Duration {
        let level = self.level.saturating_add(self.limit.interval());
        Duration::from_micros(level.saturating_sub(self.limit.fullest()))
    }

    /// In how long the budget is whole again.
    pub const fn whole_after(&self) -> Duration {
        Duration::from_micros(self.level)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_lets_something_through_in_a_day_at_most() {
        assert_eq!(Limit::new(0, Duration::from_secs(1)), Err(LimitError::NoRequests));
        assert_eq!(Limit::new(1, Duration::ZERO), Err(LimitError::Window));
        assert_eq!(
            Limit::new(1_001, Duration::from_millis(1)),
            Err(LimitError::Window)
        );
        assert_eq!(
            Limit::new(1, LONGEST + Duration::from_secs(1)),
            Err(LimitError::Window)
        );
        assert!(Limit::new(u32::MAX, LONGEST).is_ok());
    }

    #[test]
    fn a_burst_is_part_of_the_pace_or_more_than_it() {
        let minute = Duration::from_mins(1);
        let small = Limit::with_burst(60, minute, 5).unwrap();
        assert_eq!((small.requests(), small.window()), (5, Duration::from_secs(5)));
        let large = Limit::with_burst(60, minute, 120).unwrap();
        assert_eq!((large.requests(), large.window()), (120, Duration::from_mins(2)));
        assert_eq!(Limit::with_burst(60, minute, 60), Limit::new(60, minute));
        assert_eq!(Limit::with_burst(60, minute, 0), Err(LimitError::NoRequests));
        assert_eq!(Limit::with_burst(1, LONGEST, 2), Err(LimitError::Window));
        assert_eq!(Limit::with_burst(1, LONGEST, u32::MAX), Err(LimitError::Window));
    }

    #[test]
    fn a_budget_is_told_as_it_is_used_and_fills_up_again() {
        let limit = Limit::new(3, Duration::from_mins(1)).unwrap();
        let second = |level: u64| Count::new(limit, level * 1_000_000);
        assert_eq!(second(0).remaining(), 3);
        assert_eq!(second(1).remaining(), 2);
        assert_eq!(second(40).remaining(), 1);
        assert_eq!(second(40).retry_after(), Duration::ZERO);
        assert_eq!(second(41).remaining(), 0);
        assert_eq!(second(41).retry_after(), Duration::from_secs(1));
        assert_eq!(second(60).retry_after(), Duration::from_secs(20));
        assert_eq!(second(60).whole_after(), Duration::from_mins(1));
        assert_eq!(second(100).remaining(), 0, "the limit was lowered");
        assert_eq!(second(100).retry_after(), Duration::from_mins(1));
    }

    proptest! {
        /// However requests come, no window holds more than the budget and what fills up in it; and a whole budget is given in full.
        #[test]
        fn no_window_holds_more_than_it_may(requests in 1_u32..50, millis in 1_u64..5_000, steps in prop::collection::vec(0_u64..200, 1..400)) {
            let window = Duration::from_millis(millis);
            prop_assume!(window.as_micros() >= u128::from(requests));
            let limit = Limit::new(requests, window).unwrap();
            let (mut now, mut whole_at, mut passed) = (0_u64, 0_u64, Vec::new());
            for step in steps {
                now += step * 1_000;
                if let Some(level) = limit.after(whole_at.saturating_sub(now)) {
                    whole_at = now + level;
                    passed.push(now);
                }
            }
            for (place, start) in passed.iter().enumerate() {
                let within = passed[place..].iter().filter(|at| **at < start + limit.fullest()).count();
                prop_assert!(within as u64 <= 2 * u64::from(requests));
            }
            let at_once = passed.iter().take_while(|at| **at == passed[0]).count();
            prop_assert!(at_once as u64 <= u64::from(requests));
        }

        #[test]
        fn a_whole_budget_is_given_in_full(requests in 1_u32..5_000, seconds in 1_u64..86_400) {
            let limit = Limit::new(requests, Duration::from_secs(seconds)).unwrap();
            let mut level = 0;
            for _ in 0..requests {
                level = limit.after(level).unwrap();
            }
            prop_assert_eq!(limit.after(level), None);
            prop_assert_eq!(Count::new(limit, level).remaining(), 0);
        }
    }
}
