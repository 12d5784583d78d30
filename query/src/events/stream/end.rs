//! Why a stream ends, as its follower is told. The rule: whoever may come again is told so, and whoever may not is told that.

use web::Code;

/// Counts them.
pub const ENDED: &str = "chancery_live_ended_total";

/// The reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// What a request would be refused with now: its token is over or was revoked, the role was taken, the log does not answer.
    Refused(Code),
    /// What is told was not taken in time.
    TooSlow,
    /// The node drains; another one goes on.
    Draining,
    /// All was told that was asked for.
    Complete,
}

impl End {
    /// The stable text: the code of a problem, or one of its own.
    pub const fn as_str(self) -> &'static str {
        match self {
            End::Refused(code) => code.as_str(),
            End::TooSlow => "too_slow",
            End::Draining => "draining",
            End::Complete => "complete",
        }
    }

    /// A few words for people.
    pub const fn title(self) -> &'static str {
        match self {
            End::Refused(code) => code.title(),
            End::TooSlow => "Events were not taken in time: go on from the last one",
            End::Draining => "The node ends: go on from the last event, at another one",
            End::Complete => "There are no more events that were asked for",
        }
    }

    /// The status of a WebSocket's closing (RFC 6455, 7.4.1, and IANA's registry).
    pub const fn close_code(self) -> u16 {
        match self {
            End::Complete => 1000,
            End::Draining => 1001,
            End::Refused(code) => match code.status().as_u16() {
                503 => 1013,
                500.. => 1011,
                _ => 1008,
            },
            End::TooSlow => 1013,
        }
    }

    /// Counts it.
    pub fn count(self) {
        metrics::counter!(ENDED, "reason" => self.as_str()).increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_come_again_is_told_otherwise_than_who_may() {
        for (end, code) in [
            (End::Complete, 1000),
            (End::Draining, 1001),
            (End::Refused(Code::Unauthenticated), 1008),
            (End::Refused(Code::Forbidden), 1008),
            (End::Refused(Code::NotFound), 1008),
            (End::Refused(Code::Internal), 1011),
            (End::Refused(Code::Unavailable), 1013),
            (End::TooSlow, 1013),
        ] {
            assert_eq!(end.close_code(), code, "{end:?}");
        }
    }
}
