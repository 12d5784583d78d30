//! Which events of which streams: the ends of a range, by seq or by time.

use std::str::FromStr;

use events::{
    clock::Timestamp,
    log::{Log, LogError, Mark},
    subject::Stream,
};

use super::{Replay, ReplayError, refused};

/// An end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A seq of one stream.
    Seq(u64),
    /// A moment, for any number of streams.
    Time(Timestamp),
}

impl FromStr for Bound {
    type Err = String;

    /// A number is a seq, anything else a moment (RFC 3339).
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(seq) = text.parse() {
            return Ok(Self::Seq(seq));
        }
        Timestamp::parse_rfc3339(text)
            .map(Self::Time)
            .ok_or_else(|| format!("{text} is neither a seq nor a moment such as 2026-01-31T12:00:00Z"))
    }
}

/// The seqs of a stream that are in a range, of which there is one at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seqs {
    pub first: u64,
    pub last: u64,
}

impl Seqs {
    pub fn len(self) -> u64 {
        self.last - self.first + 1
    }
}

impl Replay {
    /// The streams that have something in the range, realm by realm, and what.
    pub(super) async fn ranges(&self, log: &dyn Log) -> Result<Vec<(Stream, Seqs)>, ReplayError> {
        let is_backwards = match (self.from, self.until) {
            (Some(Bound::Seq(from)), Some(Bound::Seq(until))) => from > until,
            (Some(Bound::Time(from)), Some(Bound::Time(until))) => from >= until,
            _ => false,
        };
        if is_backwards {
            return refused("the range ends before it begins");
        }
        let mut heads = log.heads(Mark::default()).await?.heads;
        heads.retain(|head| head.seq > 0);
        heads.sort_by_key(|head| head.stream);
        for realm in &self.realms {
            if !heads.iter().any(|head| head.stream.realm == *realm) {
                return refused(format!("there is no realm {realm} in the log"));
            }
        }
        heads.retain(|head| {
            (self.realms.is_empty() || self.realms.contains(&head.stream.realm))
                && self.lane.is_none_or(|lane| lane == head.stream.lane)
        });
        let is_seq = |bound: Option<Bound>| matches!(bound, Some(Bound::Seq(_)));
        if (is_seq(self.from) || is_seq(self.until)) && (self.realms.len() != 1 || self.lane.is_none()) {
            return refused("a seq is a place in one stream: name one realm and its lane");
        }
        let mut ranges = Vec::new();
        for head in heads {
            for (bound, what) in [(self.from, "from"), (self.until, "until")] {
                if let Some(Bound::Seq(seq)) = bound
                    && !(1..=head.seq).contains(&seq)
                {
                    let (stream, end) = (head.stream, head.seq);
                    return refused(format!("{what}: {stream} has seqs 1 to {end}, and no {seq}"));
                }
            }
            let first = match self.from {
                None => 1,
                Some(Bound::Seq(seq)) => seq,
                Some(Bound::Time(time)) => first_since(log, head.stream, head.seq, time).await?,
            };
            let last = match self.until {
                None => head.seq,
                Some(Bound::Seq(seq)) => seq,
                Some(Bound::Time(time)) => first_since(log, head.stream, head.seq, time).await? - 1,
            };
            if first <= last {
                ranges.push((head.stream, Seqs { first, last }));
            }
        }
        if ranges.is_empty() {
            return refused("nothing happened in this range");
        }
        Ok(ranges)
    }
}

/// The first seq at or after a moment; one past the head if there is none. Time recorded never goes back within a stream.
async fn first_since(log: &dyn Log, stream: Stream, head: u64, time: Timestamp) -> Result<u64, LogError> {
    let (mut low, mut high) = (1, head + 1);
    while low < high {
        let middle = low.midpoint(high);
        // Of what was pruned, the next that is there speaks.
        let found = log.read(stream, middle - 1, 1).await?;
        match found.first() {
            Some(recorded) if recorded.entry.time < time => low = recorded.entry.seq.max(middle) + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}
