//! Where every stream ends, in memory, with marks, so that a follower learns in one look what has moved.
//!
//! A head is entered after its commit and before anybody is answered: who was acknowledged finds it here.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{PoisonError, RwLock},
};

use uuid::Uuid;

use super::{Head, Mark};
use crate::{
    ids::RealmId,
    subject::{Lane, Stream},
};

/// The heads of all streams.
#[derive(Debug, Default)]
pub(super) struct Heads(RwLock<Inner>);

#[derive(Debug, Default)]
struct Inner {
    mark: u64,
    heads: HashMap<Stream, (u64, u64)>,
    by_mark: BTreeSet<(u64, Stream)>,
}

impl Heads {
    /// Enters what moved, under the next mark; tells whether anything did. What is known already keeps its mark, also where an
    /// older head comes late (heads only rise), and a stream that has commands but no events yet has none.
    pub fn enter(&self, moved: impl IntoIterator<Item = (Stream, u64)>) -> bool {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mark = inner.mark + 1;
        let mut rose = false;
        for (stream, seq) in moved.into_iter().filter(|(_, seq)| *seq > 0) {
            match inner.heads.insert(stream, (seq, mark)) {
                Some((before, old)) if before >= seq => {
                    inner.heads.insert(stream, (before, old));
                    continue;
                }
                Some((_, old)) => {
                    inner.by_mark.remove(&(old, stream));
                }
                None => {}
            }
            inner.by_mark.insert((mark, stream));
            rose = true;
        }
        if rose {
            inner.mark = mark;
        }
        rose
    }

    /// The last seq of a stream; 0 if it has none.
    pub fn seq(&self, stream: Stream) -> u64 {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        inner.heads.get(&stream).map_or(0, |(seq, _)| *seq)
    }

    /// The mark of the last entry.
    pub fn mark(&self) -> Mark {
        Mark(self.0.read().unwrap_or_else(PoisonError::into_inner).mark)
    }

    /// A stream that was known at a mark to end later than it is found to end now, all streams having been looked at after it.
    pub fn went_back(&self, mark: Mark, found: &[(Stream, u64)]) -> Option<Stream> {
        let found: HashMap<Stream, u64> = found.iter().copied().collect();
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut known = inner.heads.iter().filter(|(_, (_, entered))| *entered <= mark.0);
        known
            .find(|(stream, (seq, _))| found.get(stream).is_none_or(|found| found < seq))
            .map(|(stream, _)| *stream)
    }

    /// Whether a stream was known at a mark to end after this seq.
    pub fn is_beyond(&self, mark: Mark, stream: Stream, seq: u64) -> bool {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = inner.heads.get(&stream);
        known.is_some_and(|(known, entered)| *entered <= mark.0 && *known > seq)
    }

    /// What moved after a mark, and the mark to ask with next time.
    pub fn since(&self, mark: Mark) -> (Mark, Vec<Head>) {
        const FIRST: Stream = Stream {
            realm: RealmId(Uuid::nil()),
            lane: Lane::Facts,
        };
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let moved = inner
            .by_mark
            .range((mark.0.saturating_add(1), FIRST)..)
            .filter_map(|(_, stream)| {
                inner.heads.get(stream).map(|(seq, _)| Head {
                    stream: *stream,
                    seq: *seq,
                })
            })
            .collect();
        (Mark(inner.mark), moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_ends_earlier_than_was_known_went_back() {
        let heads = Heads::default();
        heads.enter([(stream(1), 5), (stream(2), 7)]);
        let mark = heads.mark();
        assert_eq!(heads.went_back(mark, &[(stream(1), 5), (stream(2), 8)]), None);
        assert_eq!(
            heads.went_back(mark, &[(stream(1), 4), (stream(2), 7)]),
            Some(stream(1))
        );
        assert_eq!(
            heads.went_back(mark, &[(stream(1), 5)]),
            Some(stream(2)),
            "it is gone"
        );
        heads.enter([(stream(1), 6)]);
        assert_eq!(
            heads.went_back(mark, &[(stream(1), 5), (stream(2), 7)]),
            None,
            "it moved after the look"
        );
    }

    fn stream(n: u128) -> Stream {
        Stream::facts(RealmId(Uuid::from_u128(n)))
    }

    #[test]
    fn only_what_moved_since_the_mark_is_told() {
        let heads = Heads::default();
        heads.enter([(stream(1), 5), (stream(2), 7)]);
        let (mark, all) = heads.since(Mark::default());
        assert_eq!(all.len(), 2);
        assert!(heads.since(mark).1.is_empty());

        heads.enter([(stream(2), 8), (stream(1), 5), (stream(3), 0)]);
        let (next, moved) = heads.since(mark);
        assert_eq!(
            moved,
            vec![Head {
                stream: stream(2),
                seq: 8
            }]
        );
        assert!(heads.since(next).1.is_empty());
        assert!(!heads.enter([(stream(2), 6)]), "an older head comes late");
        assert!(heads.since(next).1.is_empty());
        assert_eq!(heads.since(Mark::default()).1.len(), 2);
        assert_eq!(heads.seq(stream(2)), 8);
        assert_eq!(heads.seq(stream(3)), 0);
    }
}
