//! The guard of an account: how often somebody has tried since the last success. The rule: an attempt is counted before
//! the secret is looked at, so that however many try at once, on however many nodes, no more are judged than it lets through;
//! and it is one for all names, methods and nodes, in the log, so that no restart forgets.
//!
//! NIST SP 800-63B-4, section 3.2.2: ten attempts in a row are free; then there is a delay that doubles from a second to a quarter of
//! an hour; an authenticator that was tried a hundred times in a row is not asked any more until it is replaced.

use std::collections::BTreeMap;

use super::{AuthEvent, Method};
use crate::{
    clock::Timestamp,
    event::{Event, Happened},
    fold::Fold,
    subject::SubjectKind,
};

/// So many attempts in a row wait for nothing.
pub const FREE_ATTEMPTS: u64 = 10;
/// The longest delay between two attempts, in seconds.
pub const LONGEST_DELAY: u64 = 900;
/// After so many attempts in a row an authenticator is not asked any more.
pub const LAST_ATTEMPT: u64 = 100;

/// The attempts on one authenticator in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// The fact that set the authenticator: another one has attempts of its own.
    pub since: u64,
    /// How many.
    pub count: u64,
}

/// The guard of an account, or of a name that nobody has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SignInGuard {
    /// Attempts since the last success.
    pub attempts: u64,
    /// When the last of them was.
    pub last: Timestamp,
    /// The same for each method.
    pub methods: BTreeMap<Method, Attempts>,
    /// How often it was lifted by an administrator: the guards of known devices before that are void.
    pub lifted: u64,
}

/// What becomes of a guard by one more attempt: what is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// For how many seconds it lets nobody through.
    pub seconds: u64,
    /// Whether the authenticator is not asked any more.
    pub disabled: bool,
}

/// Nobody is judged now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// In how many seconds to try again, at least one.
    pub seconds: u64,
}

impl SignInGuard {
    /// Whether somebody may be judged by a method now, whose authenticator was set by the fact `since`. One that is not asked any more is
    /// told as a long delay: the account need not exist.
    pub fn admits(&self, method: Method, since: u64, now: Timestamp) -> Result<(), Closed> {
        if self.is_disabled(method, since) {
            return Err(Closed {
                seconds: LONGEST_DELAY,
            });
        }
        match self.closed_for(now) {
            0 => Ok(()),
            seconds => Err(Closed { seconds }),
        }
    }

    /// Whether an authenticator, set by the fact `since`, is not asked any more.
    pub fn is_disabled(&self, method: Method, since: u64) -> bool {
        self.tried(method, since) >= LAST_ATTEMPT
    }

    /// How often an authenticator was tried.
    fn tried(&self, method: Method, since: u64) -> u64 {
        let tried = self.methods.get(&method);
        tried
            .filter(|attempts| attempts.since >= since)
            .map_or(0, |attempts| attempts.count)
    }

    /// What one more attempt makes of it, if it closes by that: told in the same append, so that there is one telling for each
    /// attempt that is judged, however many are refused.
    pub fn closing(&self, method: Method, since: u64) -> Option<Closing> {
        let disabled = self.tried(method, since) + 1 >= LAST_ATTEMPT;
        let seconds = if disabled {
            LONGEST_DELAY
        } else {
            delay(self.attempts + 1)
        };
        (seconds > 0).then_some(Closing { seconds, disabled })
    }

    /// For how many seconds it lets nobody through.
    pub fn closed_for(&self, now: Timestamp) -> u64 {
        let delay = delay(self.attempts);
        let open = self.last.after_seconds(delay);
        // A free attempt waits for nothing, not even for a clock that went back.
        if delay == 0 || now >= open {
            return 0;
        }
        let seconds = u64::try_from(open.seconds() - now.seconds()).unwrap_or(1);
        seconds.clamp(1, LONGEST_DELAY)
    }
}

/// How long after the last of so many attempts there is another, in seconds.
fn delay(attempts: u64) -> u64 {
    match attempts.checked_sub(FREE_ATTEMPTS) {
        None => 0,
        Some(over) => 1_u64
            .checked_shl(u32::try_from(over).unwrap_or(u32::MAX))
            .unwrap_or(LONGEST_DELAY)
            .min(LONGEST_DELAY),
    }
}

impl Fold for SignInGuard {
    const KIND: SubjectKind = SubjectKind::SignInGuard;

    fn apply(&mut self, happened: &Happened) {
        match &happened.event {
            Event::Auth(AuthEvent::LoginAttempted { method, since, .. }) => {
                self.attempts += 1;
                self.last = happened.time;
                let tried = self.methods.entry(*method).or_default();
                if tried.since < *since {
                    *tried = Attempts {
                        since: *since,
                        count: 0,
                    };
                }
                tried.count += 1;
            }
            Event::Auth(AuthEvent::GuardCleared { methods }) => {
                self.attempts = 0;
                self.methods.retain(|method, _| !methods.contains(method));
            }
            Event::Auth(AuthEvent::GuardLifted {}) => {
                *self = Self {
                    last: self.last,
                    lifted: self.lifted + 1,
                    ..Self::default()
                };
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{subject::Subject, testing::happened};

    const SUBJECT: Subject = Subject::new(SubjectKind::SignInGuard, Uuid::from_u128(1));

    fn tried(guard: &mut SignInGuard, method: Method, since: u64, seconds: i64) {
        let mut attempt = happened(
            SUBJECT,
            1,
            AuthEvent::LoginAttempted {
                user: None,
                client: None,
                method,
                since,
            },
        );
        attempt.time = Timestamp::from_seconds(seconds);
        guard.apply(&attempt);
    }

    #[test]
    fn ten_are_free_and_then_the_delay_doubles_up_to_a_quarter_of_an_hour() {
        let (mut guard, mut now, mut delays) = (SignInGuard::default(), 1_000, Vec::new());
        for _ in 0..30 {
            if let Err(Closed { seconds }) = guard.admits(Method::Password, 0, Timestamp::from_seconds(now)) {
                delays.push(seconds);
                now += i64::try_from(seconds).unwrap();
            }
            assert_eq!(
                guard.admits(Method::Password, 0, Timestamp::from_seconds(now)),
                Ok(())
            );
            tried(&mut guard, Method::Password, 0, now);
        }
        assert_eq!(delays[..12], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(delays.len(), 20);
    }

    #[test]
    fn one_that_was_tried_a_hundred_times_is_not_asked_until_it_is_replaced() {
        let (mut guard, day) = (SignInGuard::default(), 86_400);
        for attempt in 0..100 {
            let now = Timestamp::from_seconds(attempt * day);
            assert_eq!(guard.admits(Method::Password, 7, now), Ok(()), "{attempt}");
            tried(&mut guard, Method::Password, 7, attempt * day);
        }
        let later = Timestamp::from_seconds(1_000 * day);
        assert_eq!(
            guard.admits(Method::Password, 7, later),
            Err(Closed { seconds: 900 })
        );
        assert_eq!(guard.admits(Method::Totp, 0, later), Ok(()), "another one");
        assert_eq!(guard.admits(Method::Password, 8, later), Ok(()), "a new password");
    }

    #[test]
    fn success_begins_the_count_anew_for_what_was_shown() {
        let mut guard = SignInGuard::default();
        for _ in 0..10 {
            tried(&mut guard, Method::Totp, 1, 1);
        }
        guard.apply(&happened(
            SUBJECT,
            2,
            AuthEvent::GuardCleared {
                methods: vec![Method::Password],
            },
        ));
        assert_eq!(guard.attempts, 0);
        assert_eq!(guard.methods[&Method::Totp].count, 10, "it was not shown");
    }

    #[test]
    fn an_administrator_opens_it_whatever_was_tried() {
        let mut guard = SignInGuard::default();
        for _ in 0..100 {
            tried(&mut guard, Method::Password, 1, 1);
        }
        let now = Timestamp::from_seconds(2);
        assert!(guard.is_disabled(Method::Password, 1));
        assert!(guard.admits(Method::Password, 1, now).is_err());
        guard.apply(&happened(SUBJECT, 101, AuthEvent::GuardLifted {}));
        assert_eq!(guard.admits(Method::Password, 1, now), Ok(()));
        assert_eq!((guard.attempts, guard.lifted), (0, 1));
    }

    #[test]
    fn what_closes_it_is_told_by_the_attempt_itself() {
        let mut guard = SignInGuard::default();
        for attempt in 1..=100 {
            let closing = guard.closing(Method::Password, 1);
            let seconds = closing.map_or(0, |closing| closing.seconds);
            let expected = match attempt {
                1..10 => 0,
                10..=19 => 1 << (attempt - 10),
                _ => LONGEST_DELAY,
            };
            assert_eq!(seconds, expected, "{attempt}");
            assert_eq!(closing.is_some_and(|closing| closing.disabled), attempt == 100);
            tried(&mut guard, Method::Password, 1, 0);
            assert_eq!(guard.closed_for(Timestamp::from_seconds(0)), expected);
        }
    }

    #[test]
    fn a_clock_that_goes_back_opens_nothing() {
        let mut guard = SignInGuard::default();
        for _ in 0..10 {
            tried(&mut guard, Method::Password, 0, 10_000);
        }
        let before = Timestamp::from_seconds(6_400);
        assert_eq!(
            guard.admits(Method::Password, 0, before),
            Err(Closed { seconds: 900 })
        );
    }

    #[test]
    fn a_clock_that_goes_back_closes_nothing_either() {
        let mut guard = SignInGuard::default();
        for _ in 0..9 {
            tried(&mut guard, Method::Password, 0, 10_000);
        }
        let before = Timestamp::from_seconds(6_400);
        assert_eq!(guard.admits(Method::Password, 0, before), Ok(()));
    }
}
