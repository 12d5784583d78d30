//! Races judged from outside: does one order of all calls explain every answer? For one subject that order is told by the versions
//! that were answered, so it need not be searched for.
//!
//! The rule (Herlihy and Wing): the winners' versions are a sequence without a gap, each winner takes its place between its
//! question and its answer, and a loser saw a state that was true in that time.

use std::time::Instant;

/// One racer's call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// When it was asked.
    pub asked: Instant,
    /// When it was answered.
    pub answered: Instant,
    /// How it ended.
    pub end: End,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It changed the subject, which has this version now.
    Won(u64),
    /// It changed nothing, since the subject was at this version.
    Saw(u64),
    /// It changed nothing, and was not told why in numbers.
    Lost,
    /// It was told that nobody knows: a version that nobody else has may be its own.
    Unknown,
}

/// What no order of the calls explains. `from` is the version before the race. Empty: the history is linearizable.
pub fn contradictions(calls: &[Call], from: u64) -> Vec<String> {
    let mut found = Vec::new();
    let mut winners: Vec<(u64, &Call)> = calls
        .iter()
        .filter_map(|call| match call.end {
            End::Won(version) => Some((version, call)),
            End::Saw(_) | End::Lost | End::Unknown => None,
        })
        .collect();
    winners.sort_by_key(|(version, _)| *version);
    let all_unknown = calls.iter().filter(|call| call.end == End::Unknown).count() as u64;
    let (mut unknown, mut last) = (all_unknown, from);
    for (version, _) in &winners {
        if *version <= last {
            found.push(format!(
                "version {version} was answered twice, or was there before"
            ));
        } else if version - last - 1 > unknown {
            found.push(format!(
                "after version {last} came {version}, and nobody made those between"
            ));
        } else {
            unknown -= version - last - 1;
        }
        last = *version;
    }
    let mut latest: Option<(u64, Instant)> = None;
    for (version, call) in &winners {
        if let Some((earlier, asked)) = latest
            && call.answered < asked
        {
            found.push(format!(
                "version {version} was answered before version {earlier} was asked for"
            ));
        }
        if latest.is_none_or(|(_, asked)| call.asked > asked) {
            latest = Some((*version, call.asked));
        }
    }
    for call in calls {
        let End::Saw(seen) = call.end else { continue };
        let least = winners.iter().filter(|(_, winner)| winner.answered < call.asked);
        let least = least.map(|(version, _)| *version).max().unwrap_or(from);
        let most = winners.iter().filter(|(_, winner)| winner.asked < call.answered);
        let most = most.map(|(version, _)| *version).max().unwrap_or(from) + all_unknown;
        if seen < least || seen > most {
            found.push(format!(
                "version {seen} was seen when it was between {least} and {most}"
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Calls by (asked, answered, end), in milliseconds.
    fn judged(calls: &[(u64, u64, End)], from: u64) -> Vec<String> {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let calls: Vec<_> = calls
            .iter()
            .map(|(asked, answered, end)| Call {
                asked: at(*asked),
                answered: at(*answered),
                end: *end,
            })
            .collect();
        contradictions(&calls, from)
    }

    #[test]
    fn calls_that_overlap_may_take_any_turn() {
        assert!(
            judged(
                &[(0, 10, End::Won(3)), (0, 10, End::Won(2)), (5, 10, End::Saw(2))],
                1
            )
            .is_empty()
        );
        assert!(
            judged(
                &[(0, 1, End::Won(1)), (2, 3, End::Won(2)), (4, 5, End::Saw(2))],
                0
            )
            .is_empty()
        );
        assert!(judged(&[(0, 9, End::Lost)], 7).is_empty());
    }

    #[test]
    fn a_version_that_two_won_or_nobody_won_is_found() {
        assert_eq!(judged(&[(0, 9, End::Won(2)), (0, 9, End::Won(2))], 1).len(), 1);
        assert_eq!(judged(&[(0, 9, End::Won(2)), (0, 9, End::Won(4))], 1).len(), 1);
        let unknown = (0, 9, End::Unknown);
        assert!(judged(&[(0, 9, End::Won(2)), (0, 9, End::Won(4)), unknown], 1).is_empty());
        assert_eq!(
            judged(&[(0, 9, End::Won(2)), (0, 9, End::Won(5)), unknown], 1).len(),
            1
        );
    }

    #[test]
    fn a_later_call_that_took_an_earlier_turn_is_found() {
        let found = judged(&[(0, 1, End::Won(3)), (2, 3, End::Won(2))], 1);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn a_loser_who_saw_the_past_or_the_future_is_found() {
        assert_eq!(judged(&[(0, 1, End::Won(2)), (2, 3, End::Saw(1))], 1).len(), 1);
        assert_eq!(judged(&[(0, 1, End::Saw(2)), (2, 3, End::Won(2))], 1).len(), 1);
    }
}
